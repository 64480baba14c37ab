"""A cut of power in mid-story, and a deployment that goes on from what the disk then holds.

Owns:    what is lost (processes, pages, connections, what was not synced), the start of the
         host behind it, damage in what was on disk, and the person who is told of it.
Refuses: judging what is read there (the session and the archiver do, archiver.py looks on).

A host takes longer to start than a lease, the way of an order and the read lag together: what had
left is at the venue by then, or never will be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.journal import audit, checkpoint
from runtime.journal.key import ArchiveKey
from tests.simulation.archiver import SECTOR
from tests.simulation.loop import MS
from tests.simulation.terms import DEPLOYMENT

if TYPE_CHECKING:
    from tests.simulation.archiver import Archive
    from tests.simulation.world import World

CUT_MS = (300, 1700)  # after the first fault may happen
DARK_MS = (2000, 2600)
LOOKED_AT_MS = 900  # until a person looks at a host that does not trade
AFTER_NS = 600 * MS  # of faults, behind the start


class Power:
    """The cut of power of one story."""

    def __init__(self, world: World, archive: Archive) -> None:
        self.world, self.archive = world, archive
        self.chance = world.chance.of("power_cut")
        self.is_dark = False
        self.is_back = False
        self.is_damaged = False  # and nobody has repaired it yet
        self.is_read = False  # the lane took over what the archive told
        self.is_said = False  # that it cannot
        self.is_torn = False  # bytes that are no whole record are left
        self.is_full = False
        self.is_cut = False  # and somebody says that they are gone now
        world.loop.after(self.chance.randrange(*CUT_MS) * MS, self.cut)

    def cut(self) -> None:
        """Everything stops; the disk keeps what was synced, and some of the rest."""
        world, archive = self.world, self.archive
        if not archive.directory.exists():
            self.is_back = self.is_read = True
            return
        world.trace("fault", "power_cut")
        world.met.add("went_on_from_disk")
        self.is_dark = True
        for process in world.lanes():
            if not process.is_dead:
                process.is_lost = True
                process.let_go()
        if world.session is not None:
            world.session.kill()
        if world.authority is not None:
            world.authority.kill()
        if world.sentinel is not None:
            world.sentinel.kill()
        world.session = world.authority = world.sentinel = None
        archive.kill()
        archive.is_off = True
        archive.lose(self.chance, archive.directory)
        for text in archive.judged(world.host, archive.directory):
            raise world.judge.orders.broken("S7", text)
        self.is_torn = archive.is_torn()
        self.is_damaged = self.chance.random() < 0.3 and self.damage()
        world.judge.successor.on_power_cut()
        world.host.files.clear()
        world.boots += 1
        world.loop.after(self.chance.randrange(*DARK_MS) * MS, self.boot)

    def damage(self) -> bool:
        """Change a byte of what a signed head covers, where a successor must read it."""
        if checkpoint.files(self.archive.directory):
            return False
        found = self.archive.signed_records()
        if not found:
            return False
        path, least, most = self.chance.choice(found)
        before = path.read_bytes()
        data, at = bytearray(before), self.chance.randrange(least, most)
        if self.chance.random() < 0.5:
            data[at] ^= 1 << self.chance.randrange(8)
        else:  # a sector that was meant for another place
            other = bytes(before[: len(before) // 2 // SECTOR * SECTOR][:SECTOR])
            start = at // SECTOR * SECTOR
            data[start : start + len(other)] = other
            del data[len(before) :]
        if data[least:most] == before[least:most]:
            return False
        path.write_bytes(data)
        self.world.met.add("damaged_on_disk")
        self.world.judge.journal.refused.add(int(path.parent.name[6:]))  # it will have a hole
        return True

    def boot(self) -> None:
        """The host is there again: CLOCK_MONOTONIC begins anew, and every process with it."""
        world = self.world
        self.is_dark, self.is_back = False, True
        self.archive.is_off = False
        world.trace("boots")
        world.host.boot()
        world.pages = {}
        world.make_pages()
        world.start_processes()
        is_able = self.archive.archiver is not None and not self.is_full
        if self.is_torn and is_able and not self.is_cut:
            raise world.judge.orders.broken("S7", "a torn end is on disk, and nobody says so")
        if self.is_damaged:
            world.loop.after(LOOKED_AT_MS * MS, self.look)

    def hears(self, text: str) -> None:
        """Somebody says something about the archive."""
        if self.is_back:
            if text.startswith("lane.recovered"):
                self.is_read = True
                self.world.met.add("took_over_from_disk")
            self.is_full |= text.startswith("archive.full")  # it cannot be cut yet
            self.is_cut |= "cut_bytes=" in text and "cut_bytes=0" not in text
            self.is_said |= "recovery_stopped" in text or "archiver.damaged" in text

    def look(self) -> None:
        """It has not traded and says why; a person repairs it and starts it again."""
        world = self.world
        if world.process.lane.is_open or world.process.epoch in world.judge.seen.left:
            raise world.judge.orders.broken("S7", "it trades on an archive that is damaged")
        if not self.is_said:
            raise world.judge.orders.broken("S7", "the archive is damaged, and nobody says so")
        self.archive.kill()
        key = ArchiveKey.load(self.archive.root / "state")
        was_healed, world.chance.is_healed = world.chance.is_healed, True  # on a disk that works
        world.trace("repairs", len(audit.repair(self.archive.directory, key, DEPLOYMENT)))
        world.chance.is_healed = was_healed
        self.is_damaged = False
        self.archive.start()
        world.mishaps.kill_session(self.chance)
        world.process.kill()
