"""Writing one lane epoch of a RUN: bytes, blocks, heads; and finding the way again after any end.

Owns:    appending chunks to segment files, cutting blocks, the chain, fdatasync, signed heads,
         what a predecessor left half done.
Refuses: following rings (archiver.py), compression and age (retention.py), repairing what is not an
         end: ArchiveDamaged says where, `corelane ledger repair` moves it aside.

Order of writing: the segment's bytes; the header of their block; on sync, fdatasync of the bytes
(now the watermark may pass them); with a head, fdatasync of the chain and then of the heads.  So
whatever a head covers is on disk, and what a cut of power may tear lies behind the newest head.

A write or a sync that fails for another reason than room is ArchiveFailed and the end of this
writer: after a failed fsync the kernel may call pages clean that never reached the disk, so a
second try that succeeds proves nothing.  The next writer trusts the file as far as the ring's
watermark and writes the rest again out of the ring.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

from hotpath.journal.tail import SEGMENT_BYTES, Chunk, scan, segment
from runtime.journal import chain
from runtime.journal.key import ArchiveKey
from runtime.journal.recording import PACKED, RecordingError, load, segment_path, segment_paths
from runtime.supervise.state import sync_folder

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


class ArchiveFailed(Exception):
    """A write or sync failed: nothing of this writer may be relied on beyond the watermark."""


class ArchiveFull(Exception):
    """There is no room on the disk; what could not be written whole is not there."""


class ArchiveDamaged(Exception):
    """What an archiver once vouched for is not there any more."""


class Place(NamedTuple):
    """Where the next record of a lane epoch belongs."""

    number: int
    offset: int
    sequence: int


class Repair(NamedTuple):
    """What was found behind the last good byte when a writer took over."""

    path: Path
    cut_bytes: int  # torn: no record begins there
    adopted_bytes: int  # whole records that no block held yet


class Pending:
    """The block that is being filled."""

    def __init__(self, segment: int, offset: int, first_sequence: int) -> None:
        self.segment = segment
        self.offset = offset
        self.first_sequence = first_sequence
        self.last_sequence = 0
        self.length = 0
        self.lost = 0
        self.sha = hashlib.sha256()


def open_file(path: Path) -> int:
    """Open a file to append to; a new one's name is on disk before anything is in it."""
    try:
        is_new = not path.exists()
        handle = os.open(path, FLAGS, 0o600)
    except OSError as error:
        raise trouble(f"open {path.name}", error) from error
    if is_new:
        sync_name(path)
    return handle


def make_folder(folder: Path) -> None:
    """Make the folder of a lane epoch; its name and that of its lane are on disk afterwards."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise trouble(f"mkdir {folder.name}", error) from error
    sync_name(folder)
    sync_name(folder.parent)


def trouble(what: str, error: OSError) -> ArchiveFull | ArchiveFailed:
    """Return what follows from an error: no room is waited for, anything else is the end."""
    if error.errno in NO_ROOM:
        return ArchiveFull(f"{what}: {error.strerror}")
    return ArchiveFailed(f"{what}: {error.strerror}")


def sync_name(path: Path) -> None:
    """Bring a name to the disk; never tried again, whatever the error says."""
    try:
        sync_folder(path.parent)
    except OSError as error:
        raise ArchiveFailed(f"fsync {path.parent.name}: {error.strerror}") from error


def write_whole(handle: int, data: bytes, size_before: int) -> None:
    """Append all of `data`, or nothing of it: ArchiveFull when there is no room for it."""
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(handle, rest) :]
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise ArchiveFailed(f"write: {error.strerror}") from error
        try:
            os.ftruncate(handle, size_before)
        except OSError as other:
            raise ArchiveFailed(f"ftruncate: {other.strerror}") from other
        raise ArchiveFull(error.strerror) from error


def open_to_read(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise trouble(f"open {path.name}", error) from error


def sync(handle: int) -> None:
    try:
        os.fdatasync(handle)
    except OSError as error:
        raise ArchiveFailed(f"fdatasync: {error.strerror}") from error


class EpochWriter:
    """Writes one lane epoch."""

    def __init__(
        self,
        folder: Path,
        lane: int,
        epoch: int,
        deployment: str,
        key: ArchiveKey,
        block_bytes: int = 65536,
    ) -> None:
        self.folder = folder
        self.lane, self.epoch, self.deployment, self.key = lane, epoch, deployment, key
        self.block_bytes = block_bytes
        self.number, self.offset = -1, 0  # of the open segment: its file's size
        self.handle = self.chain_handle = self.heads_handle = -1
        self.unsynced: list[int] = []  # handles of segments that were left since the last sync
        self.pending: Pending | None = None
        self.last: chain.Block | None = None
        self.index = 0
        self.previous = chain.NOTHING
        self.chain_bytes = 0
        self.heads_bytes = 0
        self.headed = -1  # index of the block that the newest head covers
        self.is_final = False  # that head says that nothing follows
        self.written = Place(0, 0, 1)
        self.repairs: list[Repair] = []

    # -- taking over ------------------------------------------------------------------------------

    def resume(
        self, durable: tuple[int, int] | None = None, *, has_holes: bool = False
    ) -> Place | None:
        """Find the end of what is good; say where to go on (None: at the start).

        durable: (segment, offset) up to which the ring's watermark vouches for the disk: what lies
        behind it is cut and written again out of the ring.
        has_holes: a repair; what is good behind a hole is kept as well.
        """
        if not self.folder.exists():
            make_folder(self.folder)
        blocks, self.chain_bytes = chain.read(self.folder)
        heads, self.heads_bytes = chain.read_heads(self.folder)
        self.headed = max((head["index"] for head in heads if "index" in head), default=-1)
        self.is_final = bool(heads) and bool(heads[-1].get("final"))
        self.previous = self.inherited()
        if len(blocks) <= self.headed:
            raise ArchiveDamaged(
                f"{self.folder / chain.CHAIN} ends with block {len(blocks) - 1}; a signed head "
                f"covers block {self.headed}"
            )
        good = self.headed + 1
        while good < len(blocks) and self.is_whole(blocks[good], durable):
            good += 1
        if good and good == self.headed + 1 and not self.is_whole(blocks[good - 1], None):
            block = blocks[good - 1]
            raise ArchiveDamaged(
                f"{segment_path(self.folder, block.segment)} does not hold block {block.index} "
                f"(bytes {block.offset} to {block.end}), which a signed head covers"
            )
        self.cut_file(self.folder / chain.CHAIN, good * chain.HEADER_BYTES)
        self.cut_file(self.folder / chain.HEADS, self.heads_bytes)
        self.chain_bytes = good * chain.HEADER_BYTES
        if good:
            self.last = blocks[good - 1]
            self.index, self.previous = good, self.last.hash
        self.hold_unsigned(blocks[self.headed + 1 : good])
        return self.resume_bytes(durable, has_holes)

    def hold_unsigned(self, blocks: list[chain.Block]) -> None:
        """Have what no head covers synced with the next head: the archiver that wrote it may have
        been killed before it was, and reading it tells what memory holds."""
        if not blocks:
            return
        paths = segment_paths(self.folder)
        for number in sorted({block.segment for block in blocks}):
            if not paths[number].name.endswith(PACKED):  # packed ones were signed
                self.unsynced.append(open_to_read(paths[number]))
        self.chain_handle = open_file(self.folder / chain.CHAIN)

    def inherited(self) -> bytes:
        """Return the hash that this epoch's first block follows."""
        for folder in sorted(self.folder.parent.glob("epoch-*"), reverse=True):
            if folder < self.folder and (folder / chain.CHAIN).exists():
                return chain.last_hash(folder)
        return chain.NOTHING

    def is_whole(self, block: chain.Block, durable: tuple[int, int] | None) -> bool:
        """Say whether a block's bytes are in their file (and on disk for certain)."""
        if durable is not None and (block.segment, block.end) > durable:
            return False
        path = segment_paths(self.folder).get(block.segment)
        if path is None:
            return False
        try:
            data = load(path)[block.offset : block.end]
        except RecordingError:
            return False
        return hashlib.sha256(data).digest() == block.sha256

    def resume_bytes(self, durable: tuple[int, int] | None, has_holes: bool) -> Place | None:
        """Cut the segments to what is good, and put into a block what none holds yet."""
        paths = segment_paths(self.folder)
        held = (self.last.segment, self.last.end) if self.last else (-1, 0)
        place: Place | None = None
        if self.last:
            place = Place(self.last.segment, self.last.end, self.last.last_sequence + 1)
        if durable is not None:  # from the newest on: what is left is a beginning at any time
            for number in sorted(paths, reverse=True):
                if number > held[0] and (number, 0) >= durable:
                    path = paths.pop(number)
                    self.repairs.append(Repair(path, path.stat().st_size, 0))
                    path.unlink()
        for number, path in list(paths.items()):
            if number < held[0] or path.name.endswith(PACKED):
                continue
            data = load(path)
            start = held[1] if number == held[0] else 0
            limit = len(data)
            if durable is not None and number == durable[0]:
                limit = max(start, min(limit, durable[1]))
            good, sequence = self.good_end(bytes(data[:limit]), start, place)
            if good and start == 0 and place is not None and not has_holes:
                head = segment(data[:SEGMENT_BYTES])
                if head is None or head.first_sequence != place.sequence:
                    del data
                    self.set_aside(paths, number)
                    break
            cut, size = len(data) - good, len(data)
            del data
            if good == 0:
                path.unlink()
            elif cut:
                self.cut_file(path, good)
            if good > start:
                self.adopt(path, number, start, good, sequence)
                place = Place(number, good, sequence)
            if cut or good > start:
                self.repairs.append(Repair(path, cut if size else 0, good - start))
        if place is not None:
            self.written = place
        return place

    def set_aside(self, paths: dict[int, Path], first: int) -> None:
        """Keep segments behind a torn one out of the way: the archive is a beginning of what was
        written, and they would follow a hole in it.  Nobody had acknowledged them."""
        for number in sorted(paths, reverse=True):
            if number >= first:
                path = paths[number]
                self.repairs.append(Repair(path, path.stat().st_size, 0))
                path.rename(path.with_suffix(".torn"))

    def good_end(self, data: bytes, start: int, place: Place | None) -> tuple[int, int]:
        """Return the offset behind the last good record from `start` on, and the next sequence."""
        expected = place.sequence if place else 0
        if start == 0:
            head = segment(data[:SEGMENT_BYTES])
            if head is None or head.first_sequence < expected:
                return 0, expected
            start, expected = SEGMENT_BYTES, head.first_sequence
        count, good, sequence, _ = scan(data, start, expected)
        if count == 0 and start == SEGMENT_BYTES:
            return 0, expected
        return good, sequence

    def adopt(self, path: Path, number: int, start: int, good: int, sequence: int) -> None:
        """Make a block of good bytes that no block held."""
        data = bytes(load(path)[start:good])
        head = segment(data) if start == 0 else None
        first = head.first_sequence if head else (self.last.last_sequence + 1 if self.last else 1)
        pending = Pending(number, start, first)
        pending.sha.update(data)
        pending.length, pending.last_sequence = len(data), sequence - 1
        pending.lost = first - (self.last.last_sequence + 1 if self.last else 1)
        handle = open_to_read(path)
        try:
            sync(handle)  # it may never have been
        finally:
            os.close(handle)
        self.pending = pending
        self.seal()

    def cut_file(self, path: Path, size: int) -> None:
        try:
            if path.stat().st_size > size:
                os.truncate(path, size)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise ArchiveFailed(f"truncate {path.name}: {error.strerror}") from error

    # -- writing ----------------------------------------------------------------------------------

    def append(self, chunk: Chunk) -> None:
        """Write one chunk.  ArchiveFull: nothing of it is there; any other trouble is the end."""
        if chunk.number != self.number:
            self.seal()
            self.open_segment(chunk.number)
        if chunk.offset != self.offset:
            raise ArchiveFailed(
                f"segment {chunk.number} has {self.offset} bytes,"
                f" the chunk begins at {chunk.offset}"
            )
        if self.pending is not None and self.pending.length + len(chunk.data) > self.block_bytes:
            self.seal()
        write_whole(self.handle, chunk.data, self.offset)
        if self.pending is None:
            self.pending = Pending(chunk.number, chunk.offset, chunk.first_sequence)
        pending = self.pending
        pending.sha.update(chunk.data)
        pending.length += len(chunk.data)
        pending.lost += chunk.lost
        if pending.first_sequence == 0:
            pending.first_sequence = chunk.first_sequence
        pending.last_sequence = chunk.last_sequence or pending.last_sequence
        self.offset += len(chunk.data)
        sequence = chunk.last_sequence + 1 if chunk.records else self.written.sequence
        self.written = Place(self.number, self.offset, sequence)
        if pending.length >= self.block_bytes:
            self.seal()

    def open_segment(self, number: int) -> None:
        handle = open_file(segment_path(self.folder, number))
        size = os.fstat(handle).st_size
        if self.handle >= 0:
            self.unsynced.append(self.handle)
        self.handle, self.number, self.offset = handle, number, size

    def seal(self) -> None:
        """Close the block that is being filled: its header goes to the chain."""
        pending = self.pending
        if pending is None or pending.length == 0:
            return
        block = chain.Block(
            self.lane,
            self.epoch,
            self.index,
            pending.segment,
            pending.offset,
            pending.length,
            pending.first_sequence,
            pending.last_sequence,
            pending.lost,
            time.time_ns(),
            self.previous,
            pending.sha.digest(),
        )
        if self.chain_handle < 0:
            self.chain_handle = open_file(self.folder / chain.CHAIN)
        write_whole(self.chain_handle, block.pack(), self.chain_bytes)
        self.chain_bytes += chain.HEADER_BYTES
        self.last, self.previous, self.index = block, block.hash, self.index + 1
        self.pending = None

    def sync(self) -> Place:
        """Seal, and bring everything that was appended to the disk; say how far that is."""
        self.seal()
        while self.unsynced:
            sync(self.unsynced[0])
            os.close(self.unsynced.pop(0))
        if self.handle >= 0:
            sync(self.handle)
        return self.written

    def head(self, **more: Any) -> dict[str, Any] | None:
        """Sign how far the chain goes; None when the newest head says it already."""
        is_said = self.last is not None and self.last.index == self.headed
        if self.last is None or (is_said and (self.is_final or not more)):
            return None
        self.sync()
        if self.chain_handle >= 0:
            sync(self.chain_handle)
        head = self.key.sign(chain.head_of(self.last, self.deployment, **more))
        self.note(head)
        self.headed, self.is_final = self.last.index, bool(more.get("final"))
        return head

    def note(self, head: dict[str, Any]) -> None:
        """Append a signed line to the heads, durably."""
        if self.heads_handle < 0:
            self.heads_handle = open_file(self.folder / chain.HEADS)
        line = json.dumps(head, sort_keys=True).encode() + b"\n"
        write_whole(self.heads_handle, line, self.heads_bytes)
        self.heads_bytes += len(line)
        sync(self.heads_handle)

    def close(self) -> None:
        """Let go of the files as they are."""
        for handle in (*self.unsynced, self.handle, self.chain_handle, self.heads_handle):
            if handle >= 0:
                os.close(handle)
        self.unsynced = []
        self.handle = self.chain_handle = self.heads_handle = -1
        self.number = -1
