"""The one door to a host: read, write, list, by address.

Owns:    the port `Host`, the live host, the rules for addresses and values.
Refuses: interpreting what is read.

An address is a path ("/proc/sys/vm/swappiness") or `scheme:rest` for what is no file
("ethtool:eth0/coalesce", "task:812/affinity"; tuning/reach has one module per scheme).  Everything
has one text form, so that a journal, a captured tree and a fake need no knowledge of schemes.
"""

from __future__ import annotations

import errno
import fnmatch
import gzip
import os
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from tuning import reach

READ_BYTES_MAX = 8 << 20
VALUE_CHARS_MAX = 4096
WRITABLE = ("/proc/sys/", "/proc/irq/", "/sys/")
WRITABLE_PROCESS = re.compile(r"/proc/\d+/timerslack_ns")


class Host(Protocol):
    """What probes, planner and journal see of a machine."""

    kind: str

    def read(self, address: str) -> str:
        """Return the text at an address.  Raises OSError as the kernel answered."""

    def write(self, address: str, text: str) -> None:
        """Put a text at an address, in one write.  Raises OSError as the kernel answered."""

    def list(self, directory: str) -> list[str]:
        """Return the sorted names in a directory.  Raises OSError."""

    def link(self, path: str) -> str:
        """Return where a symbolic link points.  Raises OSError."""

    def pause(self, seconds: float) -> float:
        """Let time pass between two readings of counters; return how much did, 0 if it cannot."""


def refuse(code: int, address: str, why: str = "") -> OSError:
    """Make the error that a host raises: number, text, address."""
    return OSError(code, why or os.strerror(code), address)


def check_address(address: str) -> None:
    """Raise for an address that is no plain absolute path and no scheme."""
    if "\0" in address or "\n" in address or ".." in address.split("/"):
        raise refuse(errno.EINVAL, address, "address holds '..', a newline or a zero byte")
    if not address.startswith("/") and not re.match(r"[a-z]+:", address):
        raise refuse(errno.EINVAL, address, "address is neither an absolute path nor scheme:rest")


def check_write(address: str, text: str) -> None:
    """Raise for what must never be written: a foreign path, or a value that is no single line."""
    check_address(address)
    if address.startswith("/") and not (
        address.startswith(WRITABLE) or WRITABLE_PROCESS.fullmatch(address)
    ):
        raise refuse(errno.EPERM, address, f"writes go to {', '.join(WRITABLE)} only")
    if len(text) > VALUE_CHARS_MAX or any(ord(c) < 32 and c != "\t" for c in text):
        raise refuse(errno.EINVAL, address, "value is not one line of at most 4096 characters")


def peek(host: Host, address: str) -> str | None:
    """Return the stripped text at an address, or None where it cannot be read."""
    try:
        return host.read(address).strip()
    except (OSError, ValueError):
        return None


def names(host: Host, directory: str) -> list[str]:
    """Return the names in a directory; one that cannot be listed has none."""
    try:
        return host.list(directory)
    except OSError:
        return []


def number(text: str) -> list[tuple[int, int | str]]:
    """Return a sort key by which cpu2 stands before cpu10."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", text)]


def glob(host: Host, pattern: str) -> list[str]:
    """Return the addresses that match, in natural order; an address without wildcard is itself."""
    if "*" not in pattern and "[" not in pattern:
        return [pattern]
    return sorted(_expand(host, "", pattern.strip("/").split("/")), key=number)


def _expand(host: Host, base: str, parts: list[str]) -> Iterator[str]:
    if not parts:
        yield base
        return
    head, rest = parts[0], parts[1:]
    if "*" not in head and "[" not in head:
        if rest or head in names(host, base):
            yield from _expand(host, f"{base}/{head}", rest)
        return
    for name in names(host, base or "/"):
        if fnmatch.fnmatchcase(name, head):
            yield from _expand(host, f"{base}/{name}", rest)


def folders(paths: Iterable[str]) -> dict[str, set[str]]:
    """Return the names in each folder that some paths imply."""
    out: dict[str, set[str]] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        while name and name not in out.setdefault(folder or "/", set()):
            out[folder or "/"].add(name)
            folder, _, name = folder.rpartition("/")
    return out


class LiveHost:
    """This machine, or a tree of files under `root` that stands for one.

    Schemes answer only at root "/": a tree has no kernel behind it.
    """

    kind = "live"

    def __init__(self, root: str = "/") -> None:
        self.root = "" if root == "/" else str(Path(root).resolve())

    def read(self, address: str) -> str:
        check_address(address)
        if not address.startswith("/"):
            return reach.scheme(address).read(address, self.root)
        descriptor = os.open(self.root + address, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            chunks, size = [], 0
            while size < READ_BYTES_MAX and (chunk := os.read(descriptor, 1 << 16)):
                chunks.append(chunk)
                size += len(chunk)
        finally:
            os.close(descriptor)
        whole = b"".join(chunks)
        if address.endswith(".gz"):
            whole = gzip.decompress(whole)
        return whole.decode("utf-8", "replace")

    def write(self, address: str, text: str) -> None:
        check_write(address, text)
        if not address.startswith("/"):
            reach.scheme(address).write(address, text, self.root)
            return
        descriptor = os.open(self.root + address, os.O_WRONLY | os.O_CLOEXEC | os.O_TRUNC)
        try:
            os.write(
                descriptor, text.encode() + b"\n"
            )  # one call: the kernel takes it whole or not
        finally:
            os.close(descriptor)

    def list(self, directory: str) -> list[str]:
        check_address(directory)
        return sorted(os.listdir(self.root + directory))

    def link(self, path: str) -> str:
        check_address(path)
        return os.readlink(self.root + path)

    def pause(self, seconds: float) -> float:
        before = time.monotonic()
        time.sleep(seconds)
        return time.monotonic() - before
