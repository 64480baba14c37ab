"""Journal rings of lanes that have died: each is named by its epoch until nobody needs it.

Owns:    what becomes of a ring when its lane is gone: kept, thinned out, forgotten.
Refuses: making the pages of a life (pages.py), reading a ring (session/evidence.py).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from runtime.journal.archiver import is_archived
from runtime.pages.page import SHM, Page, PageError
from runtime.pages.page import name as page_name
from runtime.session import evidence

RINGS_KEPT = 2  # of dead lanes


class FormerRings:
    """The rings of one deployment's dead lanes."""

    def __init__(self, deployment: str, say: Callable[[str], None]) -> None:
        self.deployment = deployment
        self.say = say

    @property
    def prefix(self) -> str:
        """What the file names of all rings begin with, of the living too."""
        return page_name(self.deployment, "journal.")

    def path(self, name: str) -> Path:
        return SHM / page_name(self.deployment, name)

    def names(self, lane: int = 0) -> list[str]:
        """Return a lane's, oldest first."""
        prefix = page_name(self.deployment, "")
        paths = SHM.glob(f"{prefix}journal.{lane}.e*")
        return sorted(path.name.removeprefix(prefix) for path in paths)

    def keep(self, path: Path) -> None:
        """Name what a dead run left by its epoch: its successor reads it."""
        parts = path.name.removeprefix(page_name(self.deployment, "")).split(".")
        if len(parts) > 2:
            return  # it has its name
        try:
            ring = Page.open(self.deployment, ".".join(parts), "hp_page_t")
        except PageError as error:
            path.unlink(missing_ok=True)
            self.say(f"pages.removed page={path.name} cause={str(error)!r}")
            return
        self.retire(ring, ".".join(parts))
        ring.close()

    def retire(self, ring: Page, name: str) -> None:
        """Keep a dead lane's ring by its epoch, if it tells more than the one before it.

        A lane that died in its opening had sent nothing and booked nothing: its predecessor's
        ring stays the evidence.
        """
        if evidence.read(memoryview(ring.map)) is None:
            ring.remove()
        else:
            ring.rename(f"{name}.e{ring.header.epoch:05d}")

    def make_room(self, life_bytes: int) -> None:
        """Remove the oldest while there are too many, or no room for another life."""
        names = self.names()
        for number, name in enumerate(names):
            room = os.statvfs(SHM).f_bavail * os.statvfs(SHM).f_frsize
            if number < len(names) - RINGS_KEPT or room < life_bytes:
                self.path(name).unlink(missing_ok=True)
                self.say(f"pages.removed page={name} cause=no_room_for_more_rings")

    def forget(self, is_archiving: bool) -> None:
        """Remove those that a later, armed lane has read, and the archiver if there is one."""
        for name in self.names():
            if not is_archiving or is_archived(self.path(name)):
                self.path(name).unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove all of lane 0."""
        for name in self.names():
            self.path(name).unlink(missing_ok=True)
