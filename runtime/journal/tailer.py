"""The live journal of a lane, read from another process.

Owns:    which rings a deployment has; a tailer per ring: chunks, records, holes, the lane's end.
Refuses: writing into a ring, waiting for its writer, the meaning of payloads (journal/records.py),
         files (runtime/journal/recording.py).

    tailer = Tailer.open("default")            # from the oldest record that is still there
    for record in tailer.read(kinds=ORDERS):   # all that is new; () when nothing is
        ...
    tailer.holes                               # [Hole(first, records)]: what the writer overwrote

A tailer keeps its mapping: a ring whose name is gone can be read to its end.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from hotpath.journal.tail import SEGMENT_BYTES, Chunk, Record, Tail, records
from runtime._shm import lib
from runtime.pages.page import SHM, Page, name

ORDERS = frozenset(
    (lib.HP_RECORD_INTENT, lib.HP_RECORD_VERDICT, lib.HP_RECORD_REQUEST, lib.HP_RECORD_ORDER)
)
HOLES_KEPT = 1000
ROOM_BYTES = 262_144


class Hole(NamedTuple):
    """Records that were overwritten before they were read."""

    first: int
    records: int


def rings(deployment: str) -> list[Path]:
    """Return the files of a deployment's journal rings, dead lanes' included, by name."""
    return sorted(SHM.glob(name(deployment, "journal.*")))


class Tailer:
    """One reader of one ring."""

    def __init__(self, page: Page, from_end: bool = False, room: int = ROOM_BYTES) -> None:
        """room: most bytes of a chunk."""
        self.page = page
        self.tail = Tail(page.map, from_end, room)
        self.epoch = self.tail.epoch
        self.holes: list[Hole] = []

    @classmethod
    def open(cls, deployment: str, lane: int = 0, from_end: bool = False) -> Tailer:
        """Follow a lane's ring, from its oldest record still there or from the next one on."""
        return cls(Page.open(deployment, f"journal.{lane}", "hp_page_t"), from_end)

    def chunk(self) -> Chunk | None:
        """Return the next verified bytes (whole records of one segment), or None."""
        chunk = self.tail.read()
        if chunk is not None and chunk.lost and len(self.holes) < HOLES_KEPT:
            self.holes.append(Hole(chunk.lost_from, chunk.lost))
        return chunk

    def chunks(self) -> Iterator[Chunk]:
        """Give what is published now; what comes meanwhile is for the next call."""
        until = self.tail.published
        while self.tail.position < until:
            chunk = self.chunk()
            if chunk is None:
                return
            yield chunk

    def read(self, kinds: Collection[int] | None = None) -> Iterator[Record]:
        """Give the records published now (of these kinds only, when given)."""
        for chunk in self.chunks():
            yield from records_of(chunk, kinds)

    @property
    def behind_bytes(self) -> int:
        """Bytes that the lane has published and this reader has not read."""
        return self.tail.published - self.tail.position

    @property
    def is_writer_alive(self) -> bool:
        """Whether the lane's process still exists (its page says which)."""
        try:
            os.kill(self.page.header.writer_pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return True

    def close(self) -> None:
        """Give the mapping back."""
        del self.tail
        self.page.close()


def records_of(chunk: Chunk, kinds: Collection[int] | None = None) -> list[Record]:
    """Return a chunk's records (of these kinds only, when given)."""
    return records(chunk.data, SEGMENT_BYTES if chunk.offset == 0 else 0, kinds=kinds)
