"""A RUN: the journals of a deployment's lanes as files.

Owns:    the folder's layout, appending chunks to it, cutting what a killed writer left half done,
         reading it back with holes and damage said.
Refuses: following rings (runtime/tailer.py), fsync and hashes (the archiver's), the meaning of
         payloads (runtime/records.py).

    RUN/run.json                               what deployment this is
    RUN/lane-0/epoch-00007/00000000.journal    segment 0 of that lane epoch
    RUN/lane-0/epoch-00007/00000001.journal    ...

A segment file is what stood in the ring: a segment header and whole records.  It is only ever
appended to, so after a kill at any time a good prefix is there; the next writer cuts the rest.  A
segment that could not be read to its end is shorter; a gap in the sequence of records is a hole.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hotpath.journal.tail import SEGMENT_BYTES, Chunk, Record, Segment, records, scan, segment
from runtime.journal import Hole

FORMAT = 1
MANIFEST = "run.json"


class RecordingError(Exception):
    """A folder is no RUN, or belongs to something else."""


class Damage(NamedTuple):
    """Bytes of a segment file that are no record, with good bytes of the same lane behind them."""

    path: Path
    offset: int


class Place(NamedTuple):
    """Where the next record of a lane epoch belongs."""

    number: int
    offset: int
    sequence: int


def open_run(directory: Path, deployment: str) -> None:
    """Make a RUN, or check that the one there is this deployment's."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / MANIFEST
    if not path.exists():
        if any(directory.iterdir()):
            raise RecordingError(
                f"{directory} is neither empty nor a RUN (no {MANIFEST}); name another folder"
            )
        aside = path.with_suffix(".new")
        aside.write_text(json.dumps({"format": FORMAT, "deployment": deployment}) + "\n")
        aside.rename(path)
    found = manifest(directory)["deployment"]
    if found != deployment:
        raise RecordingError(f"{directory} is a RUN of deployment {found!r}, not {deployment!r}")


def manifest(directory: Path) -> dict[str, Any]:
    """Return what run.json says; RecordingError when the folder is no RUN of this format."""
    try:
        found: dict[str, Any] = json.loads((directory / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise RecordingError(f"{directory} is no RUN: {MANIFEST}: {error}") from error
    if found.get("format") != FORMAT:
        raise RecordingError(
            f"{directory} is a RUN of format {found.get('format')}; this build reads {FORMAT}"
        )
    return found


def epoch_folder(directory: Path, lane: int, epoch: int) -> Path:
    return directory / f"lane-{lane}" / f"epoch-{epoch:05d}"


class LaneWriter:
    """Appends the chunks of one lane epoch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.number = -1
        self.offset = 0
        self.handle = -1

    def resume(self) -> Place | None:
        """Cut what an earlier writer left half done; say where to go on (None: at the start)."""
        for path in sorted(self.folder.glob("*.journal"), reverse=True):
            data = path.read_bytes()
            head = segment(data)
            if head is None:
                path.unlink()
                continue
            _, good, sequence, _ = scan(data, SEGMENT_BYTES, head.first_sequence)
            os.truncate(path, good)
            return Place(head.number, good, sequence)
        return None

    def append(self, chunk: Chunk) -> None:
        """Write one chunk; after an error (a full disk) nothing of it is there."""
        if chunk.number != self.number:
            self.close()
            path = self.folder / f"{chunk.number:08d}.journal"
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self.handle = os.open(path, flags, 0o600)
            self.number, self.offset = chunk.number, os.fstat(self.handle).st_size
        if chunk.offset != self.offset:
            raise RecordingError(
                f"{self.folder}: segment {chunk.number} has {self.offset} bytes,"
                f" the chunk begins at {chunk.offset}"
            )
        rest = memoryview(chunk.data)
        try:
            while rest:
                rest = rest[os.write(self.handle, rest) :]
        except OSError:
            os.ftruncate(self.handle, self.offset)
            raise
        self.offset += len(chunk.data)

    def close(self) -> None:
        if self.handle >= 0:
            os.close(self.handle)
        self.handle, self.number = -1, -1


class LaneRun:
    """One lane epoch of a RUN."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths = sorted(folder.glob("*.journal"))
        with self.paths[0].open("rb") as file:
            head = segment(file.read(SEGMENT_BYTES))
        if head is None:
            raise RecordingError(f"{self.paths[0]} does not begin with a segment header")
        self.head: Segment = head
        self.lane, self.epoch = head.lane, head.epoch

    def read(self, kinds: Collection[int] | None = None) -> Iterator[Record | Hole | Damage]:
        """Give the records in order, a Hole where some are missing, a Damage where bytes are bad.

        A torn end (a writer was killed) is no damage: the records end there.
        """
        expected = 1
        for path in self.paths:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size < SEGMENT_BYTES:
                    continue
                with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as data:
                    head = segment(data)
                    if head is None:
                        yield Damage(path, 0)
                        continue
                    if head.first_sequence > expected:
                        yield Hole(expected, head.first_sequence - expected)
                    expected = head.first_sequence
                    yield from records(data, SEGMENT_BYTES, expected, kinds)
                    _, good, expected, _ = scan(data, SEGMENT_BYTES, expected)
            if good < size and path != self.paths[-1]:
                yield Damage(path, good)


def lanes(directory: Path) -> list[LaneRun]:
    """Return the lane epochs of a RUN in the order in which they were opened."""
    manifest(directory)
    found = [
        LaneRun(folder)
        for folder in directory.glob("lane-*/epoch-*")
        if next(folder.glob("*.journal"), None) is not None
    ]
    return sorted(found, key=lambda run: (run.head.epoch, run.lane))
