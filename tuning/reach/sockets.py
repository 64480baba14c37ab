"""`socket:` - socket options of a running process, seen and set through a borrowed descriptor.

    socket:PID               [{"fd","family","kind","connected","nodelay","busy_poll","prefer",
                             "napi"}, ...]
    socket:PID/FD/OPTION     the number; OPTION nodelay, busy_poll, prefer, budget

Owns:    pidfd_getfd and socket options; the budget can be set, and the kernel never tells it.
Refuses: addresses, ports and contents of any socket.
"""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tuning.reach import failed, live_only, split

OPTIONS = {
    "nodelay": (socket.IPPROTO_TCP, socket.TCP_NODELAY),
    "busy_poll": (socket.SOL_SOCKET, 46),
    "prefer": (socket.SOL_SOCKET, 69),
    "budget": (socket.SOL_SOCKET, 70),
    "napi": (socket.SOL_SOCKET, 56),
}


def read(address: str, root: str) -> str:
    live_only(address, root)
    if "/" not in address:
        return json.dumps(scan(int(address.partition(":")[2])), separators=(",", ":"))
    pid, descriptor, option = split(address, 3)
    with borrowed(address, int(pid), int(descriptor)) as copy, _socket(copy) as found:
        return str(found.getsockopt(*OPTIONS[option]))


def write(address: str, text: str, root: str) -> None:
    live_only(address, root)
    pid, descriptor, option = split(address, 3)
    with borrowed(address, int(pid), int(descriptor)) as copy, _socket(copy) as found:
        found.setsockopt(*OPTIONS[option], int(text))


@contextmanager
def borrowed(address: str, pid: int, descriptor: int) -> Iterator[int]:
    """Lend a copy of another process's descriptor; needs the right to trace that process."""
    if pid == os.getpid():
        copy = os.dup(descriptor)
    else:
        from tuning._calls import lib

        handle = os.pidfd_open(pid)
        try:
            copy = lib.tn_pidfd_getfd(handle, descriptor)
            if copy < 0:
                raise failed(address)
        finally:
            os.close(handle)
    try:
        yield copy
    finally:
        os.close(copy)


def descriptors(pid: int, kind: str) -> list[int]:
    """Return the descriptors of a process whose link starts with `kind`."""
    out = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            if os.readlink(f"/proc/{pid}/fd/{name}").startswith(kind):
                out.append(int(name))
        except OSError:
            continue
    return sorted(out)


@contextmanager
def _socket(descriptor: int) -> Iterator[socket.socket]:
    found = socket.socket(fileno=os.dup(descriptor))
    try:
        yield found
    finally:
        found.close()


def scan(pid: int) -> list[dict[str, Any]]:
    """Return the internet sockets of a process with the options that latency depends on."""
    out = []
    for descriptor in descriptors(pid, "socket:"):
        try:
            with borrowed(f"socket:{pid}", pid, descriptor) as copy, _socket(copy) as found:
                if found.family not in (socket.AF_INET, socket.AF_INET6):
                    continue
                out.append({"fd": descriptor, **_options(found)})
        except OSError as error:
            if error.errno in (errno.EPERM, errno.EACCES):
                raise
    return out


def _options(found: socket.socket) -> dict[str, Any]:
    stream = found.type == socket.SOCK_STREAM
    try:
        found.getpeername()
        connected = True
    except OSError:
        connected = False
    out: dict[str, Any] = {
        "family": "inet6" if found.family == socket.AF_INET6 else "inet",
        "kind": "tcp" if stream else "udp",
        "connected": connected,
    }
    for name in ("nodelay", "busy_poll", "prefer", "napi"):
        if name != "nodelay" or stream:
            try:
                out[name] = found.getsockopt(*OPTIONS[name])
            except OSError:
                out[name] = None
    return out
