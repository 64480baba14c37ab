"""The archiver under the simulator: runtime/journal/archiver.py as it is, on a disk that fails.

Owns:    a folder in memory that stands for the disk, its faults, one life of the process, and what
         the folder must hold in the end (S7).
Refuses: cutting power: memory would be gone with it (tests/journal/test_archive_faults.py cuts it).
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from runtime._shm import ffi, lib
from runtime.journal import archive, archiver, recording
from runtime.journal.archive import ArchiveFailed
from runtime.journal.archiver import Archiver, Rules
from runtime.supervise import state
from tests.simulation.chance import Chance
from tests.simulation.host import Host
from tests.simulation.loop import MS, SimLoop

SHM = Path("/dev/shm")
RULES = Rules(reserve_bytes=0)
BLOCK_NS = 4 * MS  # between two turns
KEY = "3b" * 32  # of all stories


class Disk:
    """`os` as archive.py sees it: some calls fail."""

    def __init__(self, chance: Chance) -> None:
        self.chance = chance

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def write(self, handle: int, data: Any) -> int:
        if self.chance.happens("disk_full"):
            raise OSError(errno.ENOSPC, "no space left on device")
        if len(data) > 1 and self.chance.happens("disk_short"):
            return os.write(handle, data[: self.chance.of("short").randrange(1, len(data))])
        return os.write(handle, data)

    def fdatasync(self, handle: int) -> None:
        if self.chance.happens("disk_fails"):
            raise OSError(errno.EIO, "input/output error")


class RingPath:
    """A ring's file name, as far as the archiver looks at it."""

    def __init__(self, name: str, number: int) -> None:
        self.name, self.number = name, number

    def stat(self) -> Any:
        return SimpleNamespace(st_ino=self.number)


@contextmanager
def installed(host: Host, chance: Chance, root: Path) -> Iterator[None]:
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
        mock.patch.object(archive, "os", Disk(chance)),
        mock.patch.object(archive, "sync_folder", lambda folder: None),
        mock.patch.object(state, "sync_folder", lambda folder: None),
    ):
        yield


class Archive:
    """The archiver's lives in one story, and the disk that outlives them."""

    def __init__(
        self, deployment: str, loop: SimLoop, chance: Chance, say: Callable[[str], None]
    ) -> None:
        self.deployment, self.loop, self.chance, self.say = deployment, loop, chance, say
        self.root = Path(tempfile.mkdtemp(prefix=f"corelane-sim-{os.getpid()}-", dir=SHM))
        (self.root / "state").mkdir()
        key = self.root / "state" / "archive.key"
        key.write_text(f'{{"private": "{KEY}", "endorsed": {{}}}}\n')
        key.chmod(0o600)
        self.directory = self.root / "run"
        self.archiver: Archiver | None = None
        self.lives = 0

    def remove(self) -> None:
        """Let go of the disk."""
        self.kill()
        shutil.rmtree(self.root, ignore_errors=True)

    def start(self) -> None:
        self.lives += 1
        try:
            self.archiver = Archiver(self.deployment, self.directory, RULES, self.say)
        except (ArchiveFailed, archive.ArchiveFull, OSError) as error:
            self.say(f"archiver.not_started error={str(error)!r}")
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
        self.loop.after(BLOCK_NS, self.turn, life)

    def kill(self) -> None:
        """End as by kill -9: files are closed, nothing is written."""
        gone, self.archiver = self.archiver, None
        if gone is None:
            return
        for ring in gone.rings.values():
            ring.close()
        os.close(gone.lock)

    def differences(self, host: Host) -> Iterator[str]:
        """S7: each archived epoch is a beginning of its ring, and holds what the ring was told."""
        for name, page in sorted(host.files.items()):
            if ".journal." not in name:
                continue
            head = ffi.cast("hp_journal_head_t *", page.header + 1)
            size, published = int(head.segment_bytes), int(head.published)
            archived = int(head.archived)
            folder = recording.epoch_folder(self.directory, 0, int(head.epoch))
            ring = memoryview(page.map)[lib.HP_JOURNAL_HEAD_BYTES :]
            total = 0
            for number, path in sorted(recording.segment_paths(folder).items()):
                data = path.read_bytes()
                total = number * size + len(data)
                here = bytes(ring[number * size : number * size + len(data)])
                is_there = (number + int(head.segment_count)) * size > published  # not overwritten
                if is_there and (data != here or total > published):
                    yield f"{name}: segment {number} is not what stood in the ring"
            if archived != archiver.NO_ARCHIVER and total < archived:
                yield f"{name}: {archived} bytes were acknowledged, {total} are on disk"
