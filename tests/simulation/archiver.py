"""The archiver under the simulator: runtime/journal/archiver.py as it is, on a disk that fails.

Owns:    a folder in memory that stands for the disk, its faults, one life of the process, what the
         folder must hold in the end, and at any time if the power were cut (S7); running it again
         (S8).
Refuses: going on behind a cut of power: the venue would be asked by nobody (drill --journal does).
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from hotpath.journal.tail import RECORD_BYTES, SEGMENT_BYTES, records, scan, segment
from runtime._shm import ffi, lib
from runtime.journal import (
    archive,
    archiver,
    books_state,
    checkpoint,
    recording,
    recovery,
    rerun,
)
from runtime.journal.archive import ArchiveDamaged, ArchiveFailed
from runtime.journal.archiver import Archiver, Rules
from runtime.journal.chain import HEADS, newest_head
from runtime.journal.checkpoint import CheckpointBusy
from runtime.journal.key import ArchiveKey
from runtime.journal.recording import RecordingError
from runtime.supervise import state
from tests.simulation.chance import Chance
from tests.simulation.host import Host
from tests.simulation.loop import MS, SimLoop

SHM = Path("/dev/shm")
RULES = Rules(reserve_bytes=0)
BLOCK_NS = 4 * MS  # between two turns
SLOW_MS = 200  # a turn whose sync takes long
KEY = "3b" * 32  # of all stories
SECTOR = 512


def whole_bytes(data: bytes) -> int:
    """Return how many bytes of a segment its reader believes."""
    head = segment(data[:SEGMENT_BYTES])
    return 0 if head is None else scan(data, SEGMENT_BYTES, head.first_sequence)[1]


def is_missed(folder: Path) -> bool:
    """Say whether a head tells of a beginning that is gone: a reader stops there, rightly."""
    first, told = recording.segment_path(folder, 0), folder / HEADS
    is_there = first.exists() and whole_bytes(first.read_bytes()) > 0
    return not is_there and told.exists() and told.stat().st_size > 0


class Disk:
    """`os` as archive.py sees it: some calls fail."""

    def __init__(self, chance: Chance) -> None:
        self.chance = chance
        self.is_full = False
        self.synced: dict[int, int] = {}  # inode: bytes that no cut of power takes

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def write(self, handle: int, data: Any) -> int:
        if self.is_full or self.chance.happens("disk_full"):
            how = self.chance.of("full")
            if not self.is_full and len(data) > 1 and how.random() < 0.7:
                self.is_full = True  # what there is room for; the rest finds none
                return os.write(handle, data[: how.randrange(1, len(data))])
            self.is_full = False
            raise OSError(errno.ENOSPC, "no space left on device")
        if len(data) > 1 and self.chance.happens("disk_short"):
            return os.write(handle, data[: self.chance.of("short").randrange(1, len(data))])
        return os.write(handle, data)

    def fdatasync(self, handle: int) -> None:
        if self.chance.happens("disk_fails"):
            raise OSError(errno.EIO, "input/output error")
        found = os.fstat(handle)
        self.synced[found.st_ino] = found.st_size

    def truncate(self, path: Path, size: int) -> None:
        os.truncate(path, size)
        number = os.stat(path).st_ino
        self.synced[number] = min(self.synced.get(number, 0), size)

    def ftruncate(self, handle: int, size: int) -> None:
        os.ftruncate(handle, size)
        number = os.fstat(handle).st_ino
        self.synced[number] = min(self.synced.get(number, 0), size)


class RingPath:
    """A ring's file name, as far as the archiver looks at it."""

    def __init__(self, name: str, number: int) -> None:
        self.name, self.number = name, number

    def stat(self) -> Any:
        return SimpleNamespace(st_ino=self.number)


@contextmanager
def installed(host: Host, disk: Disk, root: Path) -> Iterator[None]:
    """Let the archiver see this host and its disk."""

    def rings(deployment: str) -> list[RingPath]:
        prefix = f"corelane.{deployment}.journal."
        return [
            RingPath(name, id(page.map))
            for name, page in sorted(host.files.items())
            if name.startswith(prefix)
        ]

    with (
        mock.patch.object(archiver, "rings", rings),
        mock.patch.object(archiver.state, "state_dir", lambda deployment: root / "state"),
        mock.patch.object(archive, "os", disk),
        mock.patch.object(archive, "sync_folder", lambda folder: None),
        mock.patch.object(state, "sync_folder", lambda folder: None),
    ):
        yield


class Archive:
    """The archiver's lives in one story, and the disk that outlives them."""

    def __init__(
        self,
        deployment: str,
        loop: SimLoop,
        chance: Chance,
        say: Callable[[str], None],
        rerun_lane: Callable[..., Any],  # of the times of this story
    ) -> None:
        self.deployment, self.loop, self.chance, self.say = deployment, loop, chance, say
        self.rerun_lane = rerun_lane
        self.root = Path(tempfile.mkdtemp(prefix=f"corelane-sim-{os.getpid()}-", dir=SHM))
        (self.root / "state").mkdir()
        key = self.root / "state" / "archive.key"
        key.write_text(f'{{"private": "{KEY}", "endorsed": {{}}}}\n')
        key.chmod(0o600)
        self.directory = self.root / "run"
        self.archiver: Archiver | None = None
        self.lives = 0
        self.is_off = False  # its host has no power
        self.disk = Disk(chance)

    def remove(self) -> None:
        """Let go of the disk."""
        self.kill()
        shutil.rmtree(self.root, ignore_errors=True)

    def start(self) -> None:
        if self.archiver is not None or self.is_off:
            return
        self.lives += 1
        try:
            self.archiver = Archiver(self.deployment, self.directory, RULES, self.say)
            self.archiver.look()
            self.archiver.finish_former()
        except ArchiveDamaged as error:  # it says so, and does not start
            self.say(f"archiver.damaged error={str(error)!r}")
            self.kill()
            return
        except (ArchiveFailed, archive.ArchiveFull, OSError) as error:
            self.say(f"archiver.not_started error={str(error)!r}")
            self.kill()
            self.loop.after(50 * MS, self.start)
            return
        self.loop.after(BLOCK_NS, self.turn, self.lives)

    def turn(self, life: int) -> None:
        if self.archiver is None or life != self.lives:
            return
        try:
            self.archiver.turn()
        except (ArchiveFailed, archive.ArchiveFull, OSError) as error:
            # a failed sync is never tried again: the process ends, its successor cuts and goes on
            self.say(f"archiver.failed error={str(error)!r}")
            self.archiver.fail()
            self.kill()
            self.loop.after(60 * MS, self.start)
            return
        slow_ns = 0
        if self.chance.happens("disk_slow"):
            slow_ns = self.chance.of("slow disk").randrange(1, SLOW_MS) * MS
        self.loop.after(BLOCK_NS + slow_ns, self.turn, life)

    def kill(self) -> None:
        """End as by kill -9: files are closed, nothing is written."""
        gone, self.archiver = self.archiver, None
        if gone is None:
            return
        for ring in gone.rings.values():
            ring.close()
        os.close(gone.lock)

    def after_cut(self, chance: random.Random, host: Host) -> Iterator[str]:
        """S7: were the power cut now, the disk would hold all that was acknowledged, and be read.

        What was not synced is lost, whole or from some byte on; a sector before that may be zeros.
        """
        cut = self.root / "cut"
        shutil.copytree(self.directory, cut)
        self.lose(chance, cut)
        yield from self.judged(host, cut)
        shutil.rmtree(cut)

    def lose(self, chance: random.Random, cut: Path) -> None:
        """Take from a copy of the disk, or from the disk itself, what was not synced."""
        for path in sorted(one for one in cut.rglob("*") if one.is_file()):
            number = (self.directory / path.relative_to(cut)).stat().st_ino
            size, kept = path.stat().st_size, self.disk.synced.get(number, 0)
            if path.parent.parent.parent != cut or size <= kept:
                continue  # small files are written aside and renamed
            left = kept if chance.random() < 0.3 else chance.randrange(kept, size + 1)
            data = bytearray(path.read_bytes()[:left])
            if left > kept and chance.random() < 0.5:
                sector = max(kept, chance.randrange(kept, left) // SECTOR * SECTOR)
                data[sector : sector + SECTOR] = bytes(len(data[sector : sector + SECTOR]))
            path.write_bytes(data)
            self.disk.synced[number] = max(kept, self.disk.synced.get(number, 0))
            if cut == self.directory:
                self.disk.synced[number] = len(data)

    def judged(self, host: Host, cut: Path) -> Iterator[str]:
        """S7: what was acknowledged is there, and can be read."""
        try:
            yield from self.differences(host, cut)
            if not any(is_missed(folder) for folder in recording.epoch_folders(cut)):
                recording.lanes(cut)
        except RecordingError as error:
            yield f"behind a cut of power the archive cannot be read: {error}"

    def is_torn(self) -> bool:
        """Whether a lane epoch ends in bytes that are no whole record."""
        for folder in recording.epoch_folders(self.directory):
            for path in recording.segment_paths(folder).values():
                data = path.read_bytes()
                if whole_bytes(data) < len(data):
                    return True
        return False

    def signed_records(self) -> list[tuple[Path, int, int]]:
        """Return records that signed heads cover: file, first byte, byte behind the last."""
        out = []
        for folder in recording.epoch_folders(self.directory):
            head = newest_head(folder)
            for number, path in recording.segment_paths(folder).items():
                if "end" not in head or number > head["segment"]:
                    continue
                data, at = path.read_bytes(), SEGMENT_BYTES
                limit = head["end"] if number == head["segment"] else len(data)
                for record in records(data, SEGMENT_BYTES):
                    size = RECORD_BYTES + len(record.payload)
                    if at + size <= limit:
                        out.append((path, at, at + size))
                    at += size + 7 & ~7
        return out

    def checkpoint(self) -> None:
        """Take one of what is archived and signed by now, if there is anything."""
        try:
            key = ArchiveKey.load(self.root / "state")
            with mock.patch.multiple(recovery, WAITS=1, WAIT_S=0):
                recovery.take(self.directory, key, "story")
        except (CheckpointBusy, RecordingError, recovery.RecoveryStopped) as error:
            self.say(f"checkpoint.none error={str(error)!r}")

    def recoveries(self) -> Iterator[str]:
        """S8: the newest checkpoint and the tail behind it make the state of the whole log."""
        if not checkpoint.files(self.directory):
            return
        packed = [
            books_state.pack(recovery.recover(self.directory, use=use).reader)
            for use in (True, False)
        ]
        if packed[0] != packed[1]:
            yield "a checkpoint and its tail make another state than the whole log"

    def reruns(self, broken: Collection[int]) -> Iterator[str]:
        """S8: every lane epoch that was archived, run again, writes the same bytes.

        broken: epochs whose ring has refused a record: there is a hole in what they did.
        """
        with mock.patch.object(rerun, "RerunLane", self.rerun_lane):
            for outcome in rerun.rerun(self.directory):
                if not outcome.is_equal and outcome.epoch not in broken:
                    found = outcome.problem or outcome.difference
                    yield f"epoch {outcome.epoch} run again is another one: {found}"

    def differences(self, host: Host, directory: Path | None = None) -> Iterator[str]:
        """S7: each archived epoch is a beginning of its ring, and holds what the ring was told.

        directory: another than ours, of which only whole records count.
        """
        for name, page in sorted(host.files.items()):
            if ".journal." not in name:
                continue
            head = ffi.cast("hp_journal_head_t *", page.header + 1)
            size, published = int(head.segment_bytes), int(head.published)
            archived = int(head.archived)
            lane = int(name.partition(".journal.")[2].partition(".")[0])
            folder = recording.epoch_folder(directory or self.directory, lane, int(head.epoch))
            ring = memoryview(page.map)[lib.HP_JOURNAL_HEAD_BYTES :]
            total = 0
            paths = recording.segment_paths(folder)
            for number in range(max(paths, default=0)):
                if number not in paths:
                    yield f"{name}: segment {number} was overwritten before it was archived"
            for number, path in sorted(paths.items()):
                data = path.read_bytes()
                if directory is not None:
                    data = data[: whole_bytes(data)]
                total = number * size + len(data)
                at = number % int(head.segment_count) * size
                here = bytes(ring[at : at + len(data)])
                is_there = (number + int(head.segment_count)) * size > published  # not overwritten
                if is_there and (data != here or total > published):
                    yield f"{name}: segment {number} is not what stood in the ring"
            if archived != archiver.NO_ARCHIVER and total < archived:
                yield f"{name}: {archived} bytes were acknowledged, {total} are on disk"
