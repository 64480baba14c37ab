"""The authority under the simulator: runtime/authority/process.py as it is.

Owns:    what stands in for files and for /dev/shm, one life of the process.
Refuses: arithmetic of limits.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from runtime.authority import authority as authority_module
from runtime.authority.memory import Ledger, Memory
from runtime.authority.process import AuthorityPart
from runtime.pages import page as pages
from runtime.pages.page import Page
from runtime.pages.page_set import Held, PageSet, kind_of
from runtime.supervise.child import Message
from tests.simulation.host import Host

TERMS = {"lease_ms": 300, "renew_ms": 60, "floor_percent": 10, "hysteresis_percent": 10}


class SimLedger(Ledger):
    """The authority's memory on a disk that outlives it."""

    disk: dict[Path, str]

    def __init__(self, directory: Path) -> None:
        self.path = directory / "authority.json"
        self.changes = directory / "limit_changes.jsonl"
        self.memory = Memory()
        if self.path in self.disk:
            self.memory = Memory(**json.loads(self.disk[self.path]))

    def write(self, text: str) -> None:
        self.disk[self.path] = text

    def note_change(self, change: Message) -> None:
        pass


kind_named = functools.cache(kind_of)


@contextmanager
def installed(host: Host) -> Iterator[None]:
    """Let the authority's module see this host."""

    class Pages(PageSet):
        def refresh(self) -> None:
            prefix = pages.name(self.deployment, "")
            there = {
                name.removeprefix(prefix): page
                for name, page in host.files.items()
                if name.startswith(prefix) and kind_named(name.removeprefix(prefix))
            }
            for name in [n for n, held in self.held.items() if there.get(n) is None]:
                self.held.pop(name)
            for name, page in there.items():
                held = self.held.get(name)
                if held is None or held.inode != id(page.map):
                    kind = kind_named(name)
                    assert kind is not None
                    self.held[name] = Held(Page.open(self.deployment, name, kind), id(page.map))

    class Disk(SimLedger):
        disk = host.disk

    with mock.patch.multiple(
        authority_module, PageSet=Pages, Ledger=Disk, is_owned=lambda path: host.lives(path.name)
    ):
        yield


class SimAuthority(AuthorityPart):
    """One life of the authority."""

    def __init__(self, deployment: str, tell: Callable[[Message], None]) -> None:
        super().__init__({"deployment": deployment, "directory": "state", "bells": {}}, tell)

    def kill(self) -> None:
        """End as by kill -9."""
        self.tell = lambda message: None
        for task in list(self.tasks.held):
            task.cancel()
