"""The chain of a lane epoch's blocks, and the signed heads over it.

Owns:    packing and hashing of block headers, heads as signed text, the public keys beside them.
Refuses: the journal's bytes (recording.py), the private key (journal/key.py), judging an archive
         (audit.py).

    RUN/lane-0/epoch-00007/chain     headers of 160 bytes (hotpath/abi/archive.h), only appended to
    RUN/lane-0/epoch-00007/heads     a line of JSON for each signed head or retirement
    RUN/keys/<key id>.json           public keys; a new one is endorsed by the one before
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from runtime._shm import ffi, lib

CHAIN, HEADS, KEYS = "chain", "heads", "keys"
RETIRED = "retired"  # notes of segments that retention removed
HEADER_BYTES = ffi.sizeof("hp_archive_block_t")
MAGIC = 0x314B434F4C425048  # "HPBLOCK1"
NOTHING = bytes(32)  # what the first block of a lane's first epoch follows


@dataclass(frozen=True, slots=True)
class Block:
    """One header."""

    lane: int
    epoch: int
    index: int
    segment: int
    offset: int
    length: int
    first_sequence: int
    last_sequence: int
    lost: int
    real_ns: int
    previous: bytes
    sha256: bytes

    @property
    def end(self) -> int:
        """Offset behind its last byte in the segment's file."""
        return self.offset + self.length

    def pack(self) -> bytes:
        out = ffi.new("hp_archive_block_t *")
        out.magic, out.layout = MAGIC, lib.HP_ARCHIVE_LAYOUT
        for name in NUMBERS:
            setattr(out, name, getattr(self, name))
        ffi.memmove(out.previous, self.previous, 32)
        ffi.memmove(out.sha256, self.sha256, 32)
        return bytes(ffi.buffer(out))

    @property
    def hash(self) -> bytes:
        """What the next header repeats."""
        return hashlib.sha256(self.pack()).digest()


NUMBERS = [one.name for one in fields(Block)][:-2]


def unpack(data: bytes) -> Block | None:
    """Return the header that these bytes are; None when they are none."""
    if len(data) != HEADER_BYTES:
        return None
    found = ffi.from_buffer("hp_archive_block_t *", data)
    if found.magic != MAGIC or found.layout != lib.HP_ARCHIVE_LAYOUT:
        return None
    numbers = {name: int(getattr(found, name)) for name in NUMBERS}
    block = Block(**numbers, previous=bytes(found.previous), sha256=bytes(found.sha256))
    return block if block.pack() == data else None  # nothing stands where nothing is said


def read(folder: Path) -> tuple[list[Block], int]:
    """Return a chain's headers up to the first that is none, and how many bytes they take."""
    try:
        data = (folder / CHAIN).read_bytes()
    except FileNotFoundError:
        return [], 0
    out: list[Block] = []
    for at in range(0, len(data) - HEADER_BYTES + 1, HEADER_BYTES):
        block = unpack(data[at : at + HEADER_BYTES])
        if block is None:
            break
        out.append(block)
    return out, len(out) * HEADER_BYTES


def last_hash(folder: Path) -> bytes:
    """Return the hash of a chain's last header; NOTHING where there is none."""
    blocks, _ = read(folder)
    return blocks[-1].hash if blocks else NOTHING


def signed_text(head: dict[str, Any]) -> bytes:
    """Return what the signature of a head is over: the head without it, as canonical JSON."""
    rest = {name: value for name, value in head.items() if name != "signature"}
    return json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()


def head_of(block: Block, deployment: str, **more: Any) -> dict[str, Any]:
    """Return the head that says how far a chain goes, unsigned."""
    return {
        "deployment": deployment,
        "lane": block.lane,
        "epoch": block.epoch,
        "index": block.index,
        "segment": block.segment,
        "end": block.end,
        "sequence": block.last_sequence,
        "real_ns": block.real_ns,
        "hash": block.hash.hex(),
        **more,
    }


def read_heads(folder: Path) -> tuple[list[dict[str, Any]], int]:
    """Return the heads of a folder up to the first line that is none, and how many bytes they take.

    A last line that a killed archiver left half written is no head.
    """
    try:
        data = (folder / HEADS).read_bytes()
    except FileNotFoundError:
        return [], 0
    out: list[dict[str, Any]] = []
    used = 0
    for line in data.splitlines(keepends=True):
        try:
            head = json.loads(line) if line.endswith(b"\n") else None
        except ValueError:
            head = None
        if not isinstance(head, dict):
            break
        out.append(head)
        used += len(line)
    return out, used


def newest_head(folder: Path) -> dict[str, Any]:
    """Return the newest head, {} when nothing is signed."""
    heads, _ = read_heads(folder)
    return heads[-1] if heads else {}
