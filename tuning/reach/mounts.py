"""`mount:` and `swap:` - a hugetlbfs mount, a swap area: there or not.

    mount:/run/corelane/hugepages-2M    absent, or `hugetlbfs pagesize=2M`
    swap:/dev/sda2                      on / off

Owns:    mounting hugetlbfs, swapping on and off.
Refuses: other file systems; swapping off without room: what is swapped out must fit in memory
         with a tenth of it to spare.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re

from tuning.reach import failed

OWN = "/run/corelane/"


def read(address: str, root: str) -> str:
    scheme, _, path = address.partition(":")
    if scheme == "swap":
        return "on" if path in _swaps(root) else "off"
    with open(f"{root}/proc/mounts") as stream:
        for line in stream:
            fields = line.split()
            if fields[1] == path and fields[2] == "hugetlbfs":
                size = re.search(r"pagesize=(\w+)", fields[3])
                return f"hugetlbfs pagesize={size[1] if size else '2M'}"
    return "absent"


def write(address: str, text: str, root: str) -> None:
    if root:
        raise failed(address, errno.EOPNOTSUPP)
    from tuning._calls import lib

    scheme, _, path = address.partition(":")
    name = path.encode()
    if scheme == "swap":
        if text == "off":
            _require_room(address, path)
        status = lib.swapoff(name) if text == "off" else lib.swapon(name, 0)
    elif text == "absent":
        status = lib.umount2(name, 0)
        if status == 0 and path.startswith(OWN):
            os.rmdir(path)
            with contextlib.suppress(OSError):  # others may still have theirs there
                os.rmdir(OWN)
    else:
        match = re.fullmatch(r"hugetlbfs pagesize=(\w+)", text)
        if match is None:
            raise OSError(errno.EINVAL, "want absent or `hugetlbfs pagesize=SIZE`", address)
        os.makedirs(path, exist_ok=True)
        flags = int(lib.MS_NOSUID | lib.MS_NODEV)
        status = lib.mount(b"hugetlbfs", name, b"hugetlbfs", flags, f"pagesize={match[1]}".encode())
    if status != 0:
        raise failed(address)


def _swaps(root: str) -> dict[str, int]:
    """Return KiB in use by swap area."""
    with open(f"{root}/proc/swaps") as stream:
        rows = [line.split() for line in stream][1:]
    return {row[0]: int(row[3]) for row in rows if len(row) >= 4}


def _require_room(address: str, path: str) -> None:
    with open("/proc/meminfo") as stream:
        meminfo = {line.split(":")[0]: int(line.split()[1]) for line in stream}
    need = _swaps("").get(path, 0) + meminfo["MemTotal"] // 10
    if meminfo["MemAvailable"] < need:
        found = meminfo["MemAvailable"]
        raise OSError(
            errno.ENOMEM, f"{found} KiB available; want {need} KiB to take it back", address
        )
