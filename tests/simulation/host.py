"""The simulated host: clocks and pages in place of the kernel's, for code that runs as it is.

Owns:    time.time*, time.monotonic* as the loop's clock, pages as plain memory.
Refuses: any other door; what a process opens beside these is a fault of the test.

The clock of a host may step; its monotonic clock never does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from runtime._shm import ffi, lib
from runtime.pages import page as pages
from runtime.pages.page import MAGIC, Page, PageError, build_id
from tests.simulation.loop import S, SimLoop

BOOT_NS = 10 * S  # of CLOCK_MONOTONIC when a story begins
EPOCH_NS = 1_760_000_000 * S  # of CLOCK_REALTIME then
BUILD_ID = build_id()


class Host:
    """One machine: clocks and shared memory."""

    def __init__(self, loop: SimLoop) -> None:
        self.loop = loop
        self.step_ns = 0  # of CLOCK_REALTIME, against true time
        self.booted_ns = 0
        self.rate = 0.0  # by how much CLOCK_REALTIME runs fast
        self.files: dict[str, Page] = {}
        self.dead: set[str] = set()  # pages whose writer is gone
        self.disk: dict[Path, str] = {}  # small files that are written whole

    def mono_ns(self) -> int:
        return self.loop.now_ns - self.booted_ns + BOOT_NS

    def boot(self) -> None:
        """Start again: the monotonic clock begins anew, nothing is in shared memory."""
        self.booted_ns = self.loop.now_ns
        self.files.clear()
        self.dead.clear()

    def real_ns(self) -> int:
        return self.loop.now_ns + EPOCH_NS + self.step_ns + round(self.rate * self.loop.now_ns)

    def lives(self, page: str) -> bool:
        return page in self.files and page not in self.dead

    # -- pages -----------------------------------------------------------------------------------

    def make(
        self, deployment: str, page: str, kind: str, number: int, size: int, epoch: int = 0
    ) -> Page:
        name = pages.name(deployment, page)
        made = Page(Path(name), bytearray(size), kind)  # type: ignore[arg-type]
        pages.open_pages.discard(made)
        header = made.header
        header.layout, header.kind, header.build_id = lib.HP_PAGE_LAYOUT, number, BUILD_ID
        header.writer_pid, header.epoch, header.size = 1, epoch, size
        header.heartbeat_ns = self.mono_ns()
        header.magic = MAGIC
        self.files[name] = made
        self.dead.discard(name)
        return made

    def open(self, deployment: str, page: str, kind: str, writable: bool = False) -> Page:
        return self.open_path(Path(pages.name(deployment, page)), kind, writable)

    def open_path(self, path: Path, kind: str, writable: bool = False) -> Page:
        found = self.files.get(path.name)
        if found is None:
            raise PageError(f"no page {path.name}")
        opened = Page(path, found.map, kind)
        pages.open_pages.discard(opened)
        return opened

    def remove(self, page: Page) -> None:
        self.files.pop(page.path.name, None)

    def rename(self, page: Page, name: str) -> None:
        self.files.pop(page.path.name, None)
        page.path = Path(pages.name(page.path.name.split(".", 2)[1], name))
        self.files[page.path.name] = page

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Be the world of every process that runs inside."""
        host = self
        clocks = {
            "time_ns": self.real_ns,
            "time": lambda: self.real_ns() / S,
            "monotonic_ns": self.mono_ns,
            "monotonic": lambda: self.mono_ns() / S,
        }
        doors: dict[str, Any] = {
            "make": classmethod(lambda cls, *a, **k: host.make(*a, **k)),
            "open": classmethod(lambda cls, *a, **k: host.open(*a, **k)),
            "open_path": classmethod(lambda cls, *a, **k: host.open_path(*a, **k)),
            "remove": lambda page: host.remove(page),
            "rename": lambda page, name: host.rename(page, name),
            "own": lambda page: None,
        }
        with mock.patch.multiple(time, **clocks), mock.patch.multiple(Page, **doors):
            yield


def address(page: Page, name: str) -> Any:
    """Return a pointer to a field of a page's struct."""
    return ffi.addressof(page.view, name)
