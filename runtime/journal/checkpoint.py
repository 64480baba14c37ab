"""Checkpoints of a RUN as files: written aside, synced, renamed, signed, the last N kept.

Owns:    the file's form, writing one so that a kill at any instant leaves the one before, reading
         one only when every byte of it is what was signed, which may go, the floor of retention.
Refuses: what is inside (books_state.py), following the journal (recovery.py).

    RUN/checkpoints/00000012.checkpoint    a line of signed JSON, then the body (zstd)
    RUN/checkpoints/lock                   whoever takes one holds it
    RUN/lane-0/floor.json                  what the oldest good one still needs (retention.py)

The line names, for each lane, the last record that is in it and the block of the archive's chain
that holds this record, with its hash: a checkpoint counts only for the bytes that it was made of.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from runtime.journal import chain
from runtime.journal import key as archive_key
from runtime.journal.books import LaneEpoch
from runtime.journal.books_state import FORMAT, FORMATS, SHAPE
from runtime.journal.key import ArchiveKey
from runtime.journal.recording import Point, epoch_folder, epoch_folders
from runtime.journal.retention import FLOOR
from runtime.supervise.state import sync_folder, write_durably

FOLDER, SUFFIX, LOCK = "checkpoints", ".checkpoint", "lock"
LINE_BYTES_MAX = 1 << 20
LOCK_S = 30.0


class CheckpointBad(Exception):
    """A checkpoint is not what was written, or not of this archive, or not for this build."""


class CheckpointBusy(Exception):
    """Somebody else takes one."""


@dataclass(frozen=True)
class Checkpoint:
    """One that is there, by its signed line."""

    path: Path
    head: dict[str, Any]
    offset: int  # of the body

    @property
    def number(self) -> int:
        return int(self.head["number"])

    @property
    def cut_ns(self) -> int:
        """CLOCK_REALTIME: nothing that happened later is in it, everything before is."""
        return int(self.head["cut_ns"])

    @property
    def size(self) -> int:
        return self.offset + int(self.head["body_bytes"])


def files(run: Path) -> list[Path]:
    """Return the checkpoints' files, newest first."""
    return sorted((run / FOLDER).glob(f"[0-9]*{SUFFIX}"), reverse=True)


def look(run: Path, path: Path) -> Checkpoint:
    """Return a checkpoint by its line: signature and chain checked, the body not yet."""
    try:
        with path.open("rb") as file:
            line = file.readline(LINE_BYTES_MAX)
        head = json.loads(line) if line.endswith(b"\n") else None
    except (OSError, ValueError) as error:
        raise CheckpointBad(f"its line cannot be read: {error}") from error
    if not isinstance(head, dict):
        raise CheckpointBad("it has no line of JSON")
    if head.get("format") not in FORMATS:
        known = ", ".join(map(str, FORMATS))
        raise CheckpointBad(f"format {head.get('format')}; this build reads {known}")
    keys, _ = archive_key.public_keys(run, set())
    key = keys.get(str(head.get("key")))
    if key is None or not archive_key.is_signed(head, key):
        raise CheckpointBad("its line is not what was signed")
    if head["shape"] != SHAPE:
        raise CheckpointBad(f"structs of layout {head['shape']}; this build has {SHAPE}")
    if f"{head['number']:08d}{SUFFIX}" != path.name:
        raise CheckpointBad(f"its line says number {head['number']}")
    for one in head["lanes"]:
        check_chain(run, one)
    return Checkpoint(path, head, len(line))


def check_chain(run: Path, one: dict[str, Any]) -> None:
    """Hold a lane's place against the archive: the block that it names must be there."""
    if one["block"] < 0:
        return  # nothing of this lane is in it
    folder = epoch_folder(run, one["lane"], one["epoch"])
    heads, _ = chain.read_heads(folder)
    aside = [folder.parent / str(head["aside"]) for head in heads if "aside" in head]
    for place in (folder, *aside):  # a repaired epoch: what it was made of is kept aside
        blocks, _ = chain.read(place)
        if one["block"] < len(blocks) and blocks[one["block"]].hash.hex() == one["hash"]:
            return
    raise CheckpointBad(
        f"block {one['block']} of lane {one['lane']} epoch {one['epoch']}, which it ends in, is not"
        " in the archive as it was"
    )


def body(found: Checkpoint) -> bytes:
    """Return what is inside.  CheckpointBad when a byte of it is not what was signed."""
    try:
        packed = found.path.read_bytes()[found.offset :]
    except OSError as error:
        raise CheckpointBad(f"it cannot be read: {error}") from error
    if len(packed) != found.head["body_bytes"]:
        raise CheckpointBad(
            f"its body has {len(packed)} bytes; {found.head['body_bytes']} were signed"
        )
    if hashlib.sha256(packed).hexdigest() != found.head["body_sha256"]:
        raise CheckpointBad("its body is not what was signed")
    try:
        return zstandard.ZstdDecompressor().decompress(packed)
    except zstandard.ZstdError as error:
        raise CheckpointBad(f"its body does not unpack: {error}") from error


def good(run: Path) -> Iterator[Checkpoint | tuple[Path, str]]:
    """Give the checkpoints, newest first; of one that is not good its path and why."""
    for path in files(run):
        try:
            found = look(run, path)
            body(found)
            yield found
        except CheckpointBad as error:
            yield path, str(error)


@contextlib.contextmanager
def held(run: Path) -> Iterator[None]:
    """Be the only one who takes a checkpoint of this RUN."""
    folder = run / FOLDER
    if not folder.exists():
        folder.mkdir(exist_ok=True)
        sync_folder(run)
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        until = time.monotonic() + LOCK_S
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if time.monotonic() > until:
                    raise CheckpointBusy(f"{run}: somebody else takes a checkpoint") from error
                time.sleep(0.05)
        for aside in folder.glob("*.new"):  # of one that was killed; nobody reads it
            aside.unlink()
        yield
    finally:
        os.close(handle)


def place_of(run: Path, key: LaneEpoch, point: Point) -> dict[str, Any]:
    """Return what names a place in the archive: record, block, the block's hash."""
    epoch, lane = key
    blocks, _ = chain.read(epoch_folder(run, lane, epoch))
    out = {"lane": lane, "epoch": epoch, "segment": point.segment, "sequence": point.sequence}
    for block in reversed(blocks):
        if block.first_sequence <= point.sequence and block.segment <= point.segment:
            return {**out, "block": block.index, "hash": block.hash.hex()}
    return {**out, "block": -1, "hash": ""}


def write(
    run: Path,
    deployment: str,
    key: ArchiveKey,
    data: bytes,
    lanes: list[dict[str, Any]],
    cause: str,
    cut_ns: int,
) -> Checkpoint:
    """Write one so that it is there whole, or not at all.  The caller holds the lock."""
    packed = zstandard.ZstdCompressor(level=3).compress(data)
    number = max((int(path.name[:8]) for path in files(run)), default=0) + 1
    head = key.sign(
        {
            "format": FORMAT,
            "shape": SHAPE,
            "deployment": deployment,
            "number": number,
            "cause": cause,
            "cut_ns": cut_ns,
            "taken_ns": time.time_ns(),
            "lanes": lanes,
            "body_bytes": len(packed),
            "body_sha256": hashlib.sha256(packed).hexdigest(),
        }
    )
    key.publish(run)
    line = json.dumps(head, sort_keys=True).encode() + b"\n"
    path = run / FOLDER / f"{number:08d}{SUFFIX}"
    aside = path.with_suffix(".new")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        rest = memoryview(line + packed)
        while rest:
            rest = rest[os.write(handle, rest) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    os.rename(aside, path)
    sync_folder(path.parent)
    return Checkpoint(path, head, len(line))


def prune(run: Path, keep: int) -> None:
    """Let go of all but the newest `keep` good ones, then say what the oldest of those needs.

    In this order: a kill in between leaves a floor that is too low, which harms nothing.
    """
    kept: list[Checkpoint] = []
    for one in good(run):
        if isinstance(one, Checkpoint) and len(kept) < keep:
            kept.append(one)
        elif kept:  # one that is not good stays only while there is nothing better
            (one.path if isinstance(one, Checkpoint) else one[0]).unlink()
    if not kept:
        return
    sync_folder(run / FOLDER)
    needed: dict[int, tuple[int, int]] = {}
    for one in kept[-1].head["lanes"]:
        place = (int(one["epoch"]), int(one["segment"]))
        needed[one["lane"]] = min(needed.get(one["lane"], place), place)
    for lane in {int(folder.parent.name[5:]) for folder in epoch_folders(run)}:
        epoch, segment = needed.get(lane, (0, 0))
        text = json.dumps({"epoch": epoch, "segment": segment}) + "\n"
        path = run / f"lane-{lane}" / FLOOR
        if not path.exists() or path.read_text() != text:
            write_durably(path, text)
