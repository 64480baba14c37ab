"""`epoll:` - busy-poll parameters of epoll descriptors (Linux 6.9 and later).

    epoll:PID       [descriptor, ...]
    epoll:PID/FD    {"usecs","budget","prefer"}

Owns:    EPIOCGPARAMS and EPIOCSPARAMS on a borrowed descriptor.
Refuses: what is registered there.
"""

from __future__ import annotations

import fcntl
import json
import struct

from tuning.reach import live_only, split
from tuning.reach.sockets import borrowed, descriptors

SET, GET = 0x40088A01, 0x80088A02
SHAPE = "=IHBB"  # busy_poll_usecs, busy_poll_budget, prefer_busy_poll, padding


def read(address: str, root: str) -> str:
    live_only(address, root)
    if "/" not in address:
        return json.dumps(descriptors(int(address.partition(":")[2]), "anon_inode:[eventpoll]"))
    pid, descriptor = split(address, 2)
    with borrowed(address, int(pid), int(descriptor)) as copy:
        usecs, budget, prefer, _ = struct.unpack(SHAPE, fcntl.ioctl(copy, GET, bytes(8)))
    return json.dumps(
        {"budget": budget, "prefer": prefer, "usecs": usecs}, sort_keys=True, separators=(",", ":")
    )


def write(address: str, text: str, root: str) -> None:
    live_only(address, root)
    pid, descriptor = split(address, 2)
    wanted = json.loads(text)
    packed = struct.pack(SHAPE, wanted["usecs"], wanted["budget"], wanted["prefer"], 0)
    with borrowed(address, int(pid), int(descriptor)) as copy:
        fcntl.ioctl(copy, SET, packed)
