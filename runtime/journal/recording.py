"""A RUN: the journals of a deployment's lanes as files.

Owns:    the folder's layout, reading it back with holes and damage said.
Refuses: writing it (journal/archive.py), judging its hashes (journal/audit.py), the meaning of
         payloads (runtime/journal/records.py).

    RUN/run.json                               what deployment this is
    RUN/keys/<key id>.json                     public keys of the heads
    RUN/lane-0/epoch-00007/00000000.journal    segment 0 of that lane epoch
    RUN/lane-0/epoch-00007/00000001.journal    ...; .journal.zst once it is closed
    RUN/lane-0/epoch-00007/chain, heads        hashes and signatures (runtime/journal/chain.py)

A segment file is what stood in the ring: a segment header and whole records.  It is only ever
appended to, so after a kill at any time a good prefix is there; the next writer cuts the rest.  A
segment that could not be read to its end is shorter; a gap in the sequence of records is a hole.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import zstandard

from hotpath.journal.tail import SEGMENT_BYTES, Record, Segment, records, scan, segment
from runtime.journal.chain import RETIRED, newest_head, read_heads
from runtime.journal.tailer import Hole
from runtime.supervise.state import sync_folder, write_durably

FORMAT = 1
MANIFEST = "run.json"


class RecordingError(Exception):
    """A folder is no RUN, or belongs to something else."""


class Damage(NamedTuple):
    """Bytes of a segment file that are no record, with good bytes of the same lane behind them."""

    path: Path
    offset: int


class Torn(NamedTuple):
    """What is behind the last whole record of a lane epoch."""

    path: Path
    segment: int
    offset: int
    size: int  # bytes


class Point(NamedTuple):
    """A record of a lane epoch: the segment that holds it, and its sequence."""

    segment: int
    sequence: int


class Limit(NamedTuple):
    """How far a lane epoch is looked at: so many bytes of this segment, and nothing behind."""

    segment: int
    end: int


def open_run(directory: Path, deployment: str) -> None:
    """Make a RUN, or check that the one there is this deployment's."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / MANIFEST
    if not path.exists():
        if any(directory.iterdir()):
            raise RecordingError(
                f"{directory} is neither empty nor a RUN (no {MANIFEST}); name another folder"
            )
        write_durably(path, json.dumps({"format": FORMAT, "deployment": deployment}) + "\n")
        sync_folder(directory.parent)
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


SUFFIX, PACKED = ".journal", ".journal.zst"


def segment_path(folder: Path, number: int) -> Path:
    """Return where a segment is written."""
    return folder / f"{number:08d}{SUFFIX}"


def segment_paths(folder: Path) -> dict[int, Path]:
    """Return a lane epoch's segment files by number; of a segment that is there twice (its packer
    was killed) the one that is certainly whole.

    Plain ones are looked for first: one that is packed meanwhile is seen at least once.
    """
    plain = {int(path.name[:8]): path for path in folder.glob(f"[0-9]*{SUFFIX}")}
    packed = {int(path.name[:8]): path for path in folder.glob(f"[0-9]*{PACKED}")}
    return dict(sorted({**packed, **plain}.items()))


class SegmentGone(RecordingError):
    """A segment's file was removed (retention) after somebody had listed it."""


def load(path: Path) -> bytes | mmap.mmap:
    """Return a segment's bytes as they stood in the ring, or RecordingError.

    A plain file that was there and is packed by now is read packed.
    """
    try:
        if path.name.endswith(PACKED):
            return zstandard.ZstdDecompressor().decompress(path.read_bytes())
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except ValueError:
        return b""  # an empty file cannot be mapped
    except FileNotFoundError as error:
        if path.name.endswith(SUFFIX):
            return load(path.with_name(path.name + PACKED.removeprefix(SUFFIX)))
        raise SegmentGone(f"{path} has been removed") from error
    except (OSError, zstandard.ZstdError) as error:
        raise RecordingError(f"{path} cannot be read: {error}") from error


@dataclass
class Part:
    """A segment's bytes, and what its reader found."""

    number: int
    data: Any
    first_sequence: int
    end: int = SEGMENT_BYTES  # offset behind its last whole record
    next_sequence: int = 0


class LaneRun:
    """One lane epoch of a RUN."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths = list(segment_paths(folder).values())
        if not self.paths:
            raise RecordingError(
                f"{folder} holds no segment, and a signed head tells of some; run: corelane ledger"
                f" verify {folder.parents[1]}"
            )
        for path in self.paths:  # the first may be damaged: another one says whose they are
            try:
                head = segment(load(path)[:SEGMENT_BYTES])
            except SegmentGone:
                continue
            if head is not None:
                break
        else:
            raise RecordingError(f"{self.paths[0]} does not begin with a segment header")
        self.head: Segment = head
        self.lane, self.epoch = head.lane, head.epoch
        self.torn: Torn | None = None  # behind its last whole record, when it was read to the end
        signed = newest_head(folder)  # before any byte is read: an archiver may be writing
        self.signed_to = Limit(int(signed.get("segment", 0)), int(signed.get("end", 0)))

    def read(
        self,
        kinds: Collection[int] | None = None,
        after: Point | None = None,
        limit: Limit | None = None,
    ) -> Iterator[Record | Hole | Damage]:
        """Give the records in order, a Hole where some are missing, a Damage where bytes are bad.

        after: what was read before; it ends there.  A torn end (a writer was killed) is no damage:
        the records end there, and `torn` says where and how much of it there is.  What a signed
        head covers cannot be torn: bad or missing bytes of it are damage.
        """
        yield from (item for _, item in self.read_placed(kinds, after, limit))

    def segments(
        self, after: Point | None = None, limit: Limit | None = None
    ) -> Iterator[Part | Hole | Damage]:
        """Give the segments' bytes in order, and what is between them.

        Who takes a part reads its records and leaves in it how far they went and which is next.
        """
        first, seen = after or (0, 0)
        expected = seen + 1
        signed = min(self.signed_to, limit) if limit is not None else self.signed_to
        is_told = False  # of damage at the end of what there is
        path, number, good = self.paths[-1], first, 0
        for path in self.paths:
            number, good, is_told = int(path.name[:8]), 0, False
            if number < first:
                continue
            if limit is not None and number > limit.segment:
                return
            try:
                data: Any = load(path)
            except SegmentGone:
                continue  # its records are a hole
            except RecordingError:
                yield Damage(path, 0)
                is_told = True
                continue
            if limit is not None and number == limit.segment:
                data = memoryview(data)[: limit.end]
            if len(data) < SEGMENT_BYTES:
                continue
            head = segment(data)
            if head is None:
                yield Damage(path, 0)
                is_told = True
                continue
            if head.first_sequence > expected:
                yield Hole(expected, head.first_sequence - expected)
            part = Part(number, data, head.first_sequence)
            yield part
            expected, good = part.next_sequence, part.end
            if good < len(data) and path != self.paths[-1]:
                yield Damage(path, good)
            elif good < len(data) and (number, good) >= signed:
                self.torn = Torn(path, number, good, len(data) - good)
        if (number, good) < signed and not is_told:
            yield Damage(path, good)

    def read_placed(
        self,
        kinds: Collection[int] | None = None,
        after: Point | None = None,
        limit: Limit | None = None,
    ) -> Iterator[tuple[int, Record | Hole | Damage]]:
        """As read(), each with the number of its segment."""
        number, seen = after or (0, 0)
        for part in self.segments(after, limit):
            if not isinstance(part, Part):
                yield number, part
                continue
            number = part.number
            for record in records(part.data, SEGMENT_BYTES, part.first_sequence, kinds, seen):
                yield number, record
            _, part.end, part.next_sequence, _ = scan(
                part.data, SEGMENT_BYTES, part.first_sequence
            )


def lanes(directory: Path) -> list[LaneRun]:
    """Return the lane epochs of a RUN in the order in which they were opened."""
    manifest(directory)
    found = [LaneRun(folder) for folder in epoch_folders(directory) if not is_empty(folder)]
    return sorted(found, key=lambda run: (run.head.epoch, run.lane))


def begun(directory: Path) -> list[tuple[int, int]]:
    """Return (epoch, lane) of the lane epochs of which there is a folder and nothing in it: their
    archivers have been able to write nothing yet.  Of those that retention took, heads are left."""
    return sorted(
        lane_epoch(one)
        for one in epoch_folders(directory)
        if is_empty(one) and not read_heads(one)[0]
    )


def lane_epoch(folder: Path) -> tuple[int, int]:
    return int(folder.name.partition("-")[2]), int(folder.parent.name.partition("-")[2])


def is_empty(folder: Path) -> bool:
    """Say whether there is nothing of a lane epoch: no segment, or one without its header of which
    no signed head tells, as an archiver leaves it that dies between making a file and writing, or
    a host whose power is cut before it has synced what it wrote."""
    paths = list(segment_paths(folder).values())
    if not paths:
        return not read_heads(folder)[0] or (folder / RETIRED).exists()
    if len(paths) > 1 or paths[0].suffix != SUFFIX:
        return False
    try:
        is_begun = segment(load(paths[0])[:SEGMENT_BYTES]) is not None
    except RecordingError:
        return False
    return not is_begun and not read_heads(folder)[0]


def epoch_folders(directory: Path) -> list[Path]:
    """Return the folders of a RUN's lane epochs, by lane and epoch."""
    return sorted(directory.glob("lane-*/epoch-*"))
