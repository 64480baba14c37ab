"""Shared pages of one deployment: make, open, read, remove.

Owns:    names in /dev/shm (corelane.<deployment>.<page>), the page header, room before first use.
Refuses: writing into another writer's page (control words go through Control, which owns its page).

A page is populated when it is made: a full tmpfs is an error here, never a SIGBUS in a lane.
A page's owner is the process whose number and start time it holds; a pidfd says whether it lives.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import time
from pathlib import Path
from typing import Any

from runtime._shm import ffi, lib

SHM = Path("/dev/shm")
MAGIC = 0x3130454741505048  # "HPPAGE01"
LANE_BYTES = ffi.sizeof("hp_lane_page_t")
CONTROL_BYTES = ffi.sizeof("hp_control_page_t")


# Views are bare pointers into their map, so a page lives until it is closed, never by accident
# shorter.  Each holds a descriptor (mmap keeps its own copy).
open_pages: set[Page] = set()


class PageError(Exception):
    """A page is absent, foreign, or does not fit."""


def name(deployment: str, page: str) -> str:
    """Return the file name of a page."""
    return f"corelane.{deployment}.{page}"


def start_ticks(pid: int) -> int:
    """Return when a process started, as /proc/PID/stat counts it; OSError when there is none."""
    text = Path(f"/proc/{pid}/stat").read_bytes()
    return int(text.rpartition(b")")[2].split()[19])


def lives(pid: int, ticks: int) -> bool:
    """Say whether the process of this number that started then still runs (a zombie does not).

    The pidfd is opened first: it stays with the process it was opened for, so the start time that
    is read after it belongs to that process or to nobody.
    """
    try:
        handle = os.pidfd_open(pid)
    except (OSError, ValueError):
        return False
    try:
        if ticks and start_ticks(pid) != ticks:
            return False
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return not poll.poll(0)
    except OSError:
        return False
    finally:
        os.close(handle)


def build_id() -> int:
    """Return a number that changes with the shared layouts.

    Readers refuse another build's pages.
    """
    sizes = (
        ffi.sizeof("hp_lane_page_t"),
        ffi.sizeof("hp_event_t"),
        ffi.sizeof("hp_order_t"),
        lib.HP_PAGE_LAYOUT,
    )
    out = 0xCBF29CE484222325
    for size in sizes:
        out = ((out ^ size) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return out


def is_alive(pid: int) -> bool:
    """Whether a process with this number is there, ours or not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0


def free_bytes() -> int:
    """Return the room that pages have."""
    room = os.statvfs(SHM)
    return room.f_bavail * room.f_frsize


def no_room(path: Path, size: int) -> PageError:
    return PageError(
        f"no room for page {path.name}: {size} bytes wanted, {free_bytes()} free in {SHM}; "
        f"mount a larger one (containers: --shm-size=256m)"
    )


class Page:
    """One mapped page.  `view` casts it to its struct."""

    def __init__(self, path: Path, mapped: mmap.mmap, kind: str) -> None:
        self.path = path
        self.map = mapped
        self._buffer = ffi.from_buffer(mapped)
        open_pages.add(self)
        self.view: Any = ffi.cast(f"{kind} *", self._buffer)
        self.header: Any = ffi.cast("hp_page_t *", self._buffer)

    @classmethod
    def make(
        cls, deployment: str, page: str, kind: str, number: int, size: int, epoch: int = 0
    ) -> Page:
        """Create a page, reserve all of its memory, and write its header."""
        path = SHM / name(deployment, page)
        path.unlink(missing_ok=True)
        if size > free_bytes():  # asking for it would fill the machine's memory first
            raise no_room(path, size)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(handle, 0, size)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise no_room(path, size) from error
        else:
            mapped = mmap.mmap(
                handle, size, flags=mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)
            )
        finally:
            os.close(handle)
        made = cls(path, mapped, kind)
        header = made.header
        header.layout = lib.HP_PAGE_LAYOUT
        header.kind = number
        header.build_id = build_id()
        made.own()
        header.epoch = epoch
        header.size = size
        header.heartbeat_ns = time.monotonic_ns()
        text = page.encode()[:63]
        ffi.memmove(header.name, text, len(text))
        header.magic = MAGIC
        return made

    @classmethod
    def open(cls, deployment: str, page: str, kind: str, writable: bool = False) -> Page:
        """Map an existing page; PageError says what does not match."""
        return cls.open_path(SHM / name(deployment, page), kind, writable)

    @classmethod
    def open_path(cls, path: Path, kind: str, writable: bool = False) -> Page:
        """Map a page by its file."""
        try:
            handle = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC)
        except FileNotFoundError:
            deployment = path.name.split(".")[1]
            raise PageError(
                f"no page {path.name} in {SHM}; is deployment {deployment!r} running?"
            ) from None
        try:
            size = os.fstat(handle).st_size
            prot = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
            mapped = mmap.mmap(handle, size, flags=mmap.MAP_SHARED, prot=prot)
        finally:
            os.close(handle)
        opened = cls(path, mapped, kind)
        header = opened.header
        if (
            header.magic != MAGIC
            or header.layout != lib.HP_PAGE_LAYOUT
            or header.build_id != build_id()
        ):
            found = f"layout {header.layout} build {header.build_id:x}"
            opened.close()
            raise PageError(
                f"page {path.name} has {found}; "
                f"this build reads layout {lib.HP_PAGE_LAYOUT} build {build_id():x}; "
                "restart its writer first"
            )
        return opened

    def own(self) -> None:
        """Say that this process writes the page from now on."""
        self.header.writer_pid = os.getpid()
        self.header.writer_start_ticks = start_ticks(os.getpid())

    def remove(self) -> None:
        """Unlink the page's file; mappings stay valid until they are closed."""
        self.path.unlink(missing_ok=True)

    def rename(self, page: str) -> None:
        """Give the page's file another name in its deployment; mappings stay valid."""
        deployment = self.path.name.split(".", 2)[1]
        path = SHM / name(deployment, page)
        os.rename(self.path, path)
        self.path = path

    def close(self) -> None:
        """Give the memory back; views taken before must not be used again."""
        open_pages.discard(self)
        self.view = self.header = None
        ffi.release(self._buffer)


def ring(bell: int) -> None:
    """Wake who waits on an eventfd; one that nobody reads is full one day, which is no matter."""
    with contextlib.suppress(BlockingIOError):
        os.eventfd_write(bell, 1)


class Control:
    """A control page and its one writer: this process."""

    def __init__(self, deployment: str, writer: str, page: Page | None = None) -> None:
        self.bells: list[int] = []  # eventfds of the lanes that obey: rung at each change
        self.page = page or Page.make(
            deployment, f"control.{writer}", "hp_control_page_t", lib.HP_PAGE_CONTROL, CONTROL_BYTES
        )

    @classmethod
    def adopt(cls, deployment: str, writer: str) -> Control:
        """Become the writer of a page that was made for this process; its word stands."""
        page = Page.open(deployment, f"control.{writer}", "hp_control_page_t", writable=True)
        page.own()
        return cls(deployment, writer, page)

    @property
    def word(self) -> int:
        return int(self.page.view.word)

    def set(self, bits: int, reason: str) -> None:
        """Set bits of the word; lanes obey within one turn."""
        view = self.page.view
        text = reason.encode()[:95] + b"\0"
        ffi.memmove(view.reason, text, len(text))
        view.since_ns = time.monotonic_ns()
        view.generation += 1
        lib.hp_store32_release(ffi.addressof(view, "word"), view.word | bits)
        self.ring()

    def clear(self, bits: int) -> None:
        """Clear bits; only the writer of a page may."""
        view = self.page.view
        view.since_ns = time.monotonic_ns()
        view.generation += 1
        lib.hp_store32_release(ffi.addressof(view, "word"), view.word & ~bits)
        self.ring()

    def ring(self) -> None:
        """Wake the lanes that block; to a lane that spins it is nothing."""
        for bell in self.bells:
            ring(bell)


class Mail:
    """One direction of the mail between a lane and the cold side: a page that holds a ring."""

    def __init__(self, page: Page, bell: int = -1) -> None:
        self.page = page
        self.bell = bell  # eventfd of the reader; -1 = it looks by itself
        self.ring: Any = ffi.cast(
            "hp_ring_t *", ffi.cast("char *", page.header) + ffi.sizeof("hp_page_t")
        )

    @classmethod
    def open(cls, deployment: str, page: str, bell: int = -1) -> Mail:
        """Map an existing ring of which this process is the writer or the reader."""
        return cls(Page.open(deployment, page, "hp_page_t", writable=True), bell)

    @classmethod
    def make(cls, deployment: str, page: str, capacity: int) -> Mail:
        size = ffi.sizeof("hp_page_t") + ffi.sizeof("hp_ring_t") + capacity
        mail = cls(Page.make(deployment, page, "hp_page_t", lib.HP_PAGE_MAIL, size))
        lib.hp_ring_init(mail.ring, capacity)
        return mail

    def put(self, kind: int, data: bytes, aux: int = 0) -> bool:
        """Append one record and wake the reader; False when the ring is full (nothing written)."""
        if self.page.view is None:
            raise PageError(f"mail {self.page.path.name} is closed: its lane has ended")
        done = bool(lib.hp_ring_put(self.ring, kind, aux, data, len(data)))
        if self.bell >= 0:
            ring(self.bell)
        return done

    def take(self) -> tuple[int, int, bytes] | None:
        """Return (kind, aux, payload) of the next record, or None."""
        record = lib.hp_ring_peek(self.ring)
        if record == ffi.NULL:
            return None
        out = (
            record.kind,
            record.aux,
            bytes(ffi.buffer(lib.hp_ring_payload(record), record.length)),
        )
        lib.hp_ring_pop(self.ring)
        return out


def in_use(deployment: str) -> list[Path]:
    """Return pages of a deployment whose writer lives: it must not be started a second time."""
    gone = set(stale(deployment))
    return [path for path in sorted(SHM.glob(name(deployment, "*"))) if path not in gone]


def stale(deployment: str) -> list[Path]:
    """Return pages of a deployment whose writer is gone."""
    return [path for path in sorted(SHM.glob(name(deployment, "*"))) if not is_owned(path)]


def is_owned(path: Path) -> bool:
    """Say whether the writer that a page names lives."""
    try:
        with path.open("rb") as file:
            header = ffi.from_buffer("hp_page_t[]", bytearray(file.read(ffi.sizeof("hp_page_t"))))
            return lives(header[0].writer_pid, header[0].writer_start_ticks)
    except (OSError, ValueError, IndexError):
        return False
