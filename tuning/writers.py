"""Who wrote a setting: seen by the kernel's own notice where it may be asked, else suspected.

Owns:    fanotify marks on files of /proc and /sys (the kernel tells process and file of each write
         that comes through the file system), naming the process, known writers that run.
Refuses: certainty it does not have: a suspect that was only running is called that.

A write from inside the kernel (a driver reset) makes no notice.  The mark is on the inode; the file
is kept open beside it, so that the inode stays the one that other programs reach.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass

from tuning.facts import Facts
from tuning.model import Knob

MARKS_MAX = 768
EVENT = struct.Struct("=IBBHQii")
AT_FDCWD = -100


@dataclass(frozen=True, slots=True)
class Writer:
    """One write that the kernel told us of."""

    address: str
    pid: int
    name: str
    at: float  # CLOCK_MONOTONIC

    def __str__(self) -> str:
        return f"{self.name}({self.pid})"


class Notices:
    """Kernel notices of writes to a set of files; empty where they cannot be had."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self.reason = ""
        self.marked = 0
        self._group = -1
        self._ready = select.poll()  # select() knows no descriptor beyond 1,023
        self._kept: dict[tuple[int, int], str] = {}
        self._files: list[int] = []
        try:
            self._open(sorted(address for address in addresses if address.startswith("/")))
        except (OSError, ImportError) as error:
            self.reason = f"writers can only be suspected: {error}"
            self.close()

    def _open(self, addresses: list[str]) -> None:
        from tuning._calls import ffi, lib

        flags = lib.FAN_CLASS_NOTIF | lib.FAN_CLOEXEC | lib.FAN_NONBLOCK
        self._group = lib.fanotify_init(flags, os.O_RDONLY | os.O_CLOEXEC)
        if self._group < 0:
            raise OSError(ffi.errno, os.strerror(ffi.errno))
        self._ready.register(self._group, select.POLLIN)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        room = min(MARKS_MAX, max(64, (hard if hard != resource.RLIM_INFINITY else soft) - 256))
        if soft < room + 256:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(room + 256, hard), hard))
        for address in addresses[:room]:
            try:
                descriptor = os.open(address, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue
            name = address.encode()
            if (
                lib.fanotify_mark(self._group, lib.FAN_MARK_ADD, lib.FAN_MODIFY, AT_FDCWD, name)
                != 0
            ):
                os.close(descriptor)
                continue
            status = os.fstat(descriptor)
            self._kept[status.st_dev, status.st_ino] = address
            self._files.append(descriptor)
        self.marked = len(self._files)

    def wait(self, seconds: float) -> list[Writer]:
        """Return the writes within a time; name each writer at once, while it may still live."""
        end = time.monotonic() + seconds
        out: list[Writer] = []
        while True:
            left = end - time.monotonic()
            if left <= 0 and seconds > 0:
                return out
            if self._group < 0:
                time.sleep(max(0.0, left))
                return out
            if self._ready.poll(max(0.0, left) * 1000):
                out += self._read()
            elif seconds <= 0:
                return out

    def _read(self) -> list[Writer]:
        try:
            block = os.read(self._group, 1 << 16)
        except BlockingIOError:
            return []
        out, at, now = [], 0, time.monotonic()
        while at + EVENT.size <= len(block):
            length, _, _, _, _, descriptor, pid = EVENT.unpack_from(block, at)
            at += max(length, EVENT.size)
            if descriptor < 0:
                continue
            try:
                if pid != os.getpid():
                    status = os.fstat(descriptor)
                    address = self._kept.get((status.st_dev, status.st_ino), "")
                    out.append(Writer(address, pid, _name(pid), now))
            finally:
                os.close(descriptor)
        return out

    def close(self) -> None:
        """Give the marks and the kept files back."""
        for descriptor in [*self._files, self._group]:
            if descriptor >= 0:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        self._files, self._group = [], -1


def _name(pid: int) -> str:
    """Return a program's name, with its parent's where that says more."""
    try:
        with open(f"/proc/{pid}/comm") as stream:
            name = stream.read().strip()
        with open(f"/proc/{pid}/stat") as stream:
            parent = int(stream.read().rpartition(")")[2].split()[1])
        with open(f"/proc/{parent}/comm") as stream:
            return f"{name} of {stream.read().strip()}"
    except (OSError, ValueError):
        return "gone"


def suspects(facts: Facts, knob: Knob) -> list[str]:
    """Return programs that run and are known to write a knob."""
    return [f"{name}({pid})" for name, pid in sorted(facts.processes(*knob.writers).items())]
