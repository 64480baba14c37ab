"""What is not a file: one module per scheme, with read(address, root) and write(address, text,
root).

Owns:    the table of schemes.
Refuses: policy; each module does what it is told, once, and answers with OSError as the kernel did.

    cgroup, unit, mount, swap      dir: unit: mount: swap:
    tasks, sched, limits, memory   tasks: task: self:
    sockets, epolls                socket: epoll:
    ethtool, netdev                ethtool: napi: netdev: qdisc:
    hold                           hold:    what lasts as long as a descriptor is open
    dirty, probes                  dirty: can: msr: clock:
"""

from __future__ import annotations

import errno
import importlib
from typing import Protocol

SCHEMES = {
    "can": "trial",
    "clock": "trial",
    "dir": "cgroup",
    "dirty": "dirty",
    "epoll": "epolls",
    "ethtool": "ethtool",
    "hold": "hold",
    "mount": "mounts",
    "msr": "trial",
    "napi": "netdev",
    "netdev": "netdev",
    "qdisc": "netdev",
    "self": "process",
    "socket": "sockets",
    "swap": "mounts",
    "task": "process",
    "tasks": "tasks",
    "unit": "unit",
}


class Scheme(Protocol):
    def read(self, address: str, root: str) -> str: ...
    def write(self, address: str, text: str, root: str) -> None: ...


def scheme(address: str) -> Scheme:
    """Return the module that answers for an address."""
    name = address.partition(":")[0]
    if name not in SCHEMES:
        raise OSError(
            errno.EINVAL, f"no scheme {name!r}; want one of {', '.join(SCHEMES)}", address
        )
    return importlib.import_module(f"tuning.reach.{SCHEMES[name]}")


def failed(address: str, code: int | None = None) -> OSError:
    """Make the error of a failed call: errno as cffi saw it, or the given one."""
    import os

    if code is None:
        from tuning._calls import ffi

        code = ffi.errno
    return OSError(code, os.strerror(code), address)


def live_only(address: str, root: str) -> None:
    """Raise where a tree of files was given: there is no kernel behind it to ask."""
    if root:
        raise OSError(errno.ENODATA, "a tree of files has no kernel to ask", address)


def split(address: str, parts: int) -> list[str]:
    """Return the parts of `scheme:a/b/c`, refusing another number of them."""
    words = address.partition(":")[2].split("/")
    if len(words) != parts or not all(words):
        raise OSError(errno.EINVAL, f"want {parts} parts", address)
    return words
