"""A lane's journal ring by a plain reading: what its lag forbids, where a request stands in it,
what is written to it as it grows.

Owns:    S7 and S12 of the records of one life, each looked at once, before it is overwritten.
Refuses: the lane's own figures: only the ring's head and its bytes are looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hotpath.journal.tail import JournalDamaged, Tail
from runtime._shm import lib
from runtime.journal.archiver import NO_ARCHIVER
from runtime.journal.tailer import records_of

if TYPE_CHECKING:
    from tests.simulation.invariants import Judge
    from tests.simulation.lane import LaneProcess


def lag_words(head: Any) -> int:
    """Return what must hold by now: LAGGING from half of the ring on, CHOKED from three quarters.

    A word that is set goes later than that: what it forbids then is not judged.
    """
    published, archived = int(head.published), int(head.archived)
    if archived == NO_ARCHIVER:
        return 0
    ring = int(head.segment_bytes) * int(head.segment_count)
    lag, words = published - archived, 0
    if 2 * lag >= ring or head.archive_state in (lib.HP_ARCHIVE_FULL, lib.HP_ARCHIVE_FAILED):
        words |= lib.HP_WORD_LAGGING
    if 4 * lag >= 3 * ring:
        words |= lib.HP_WORD_CHOKED
    return words


def position(process: LaneProcess, request: bytes) -> int:
    """Return where a request stands, in bytes since the journal's beginning; -1 = nowhere."""
    head, first = process.head, int(lib.HP_JOURNAL_HEAD_BYTES)
    at = process.journal.map.rfind(request, first) - first
    if at < 0:
        return -1
    size, count = int(head.segment_bytes), int(head.segment_count)
    newest = (int(head.published) - 1) // size
    number = newest - (newest - at // size) % count
    return number * size + at % size


class Reader:
    """Reads one life's journal to its end, in pieces."""

    def __init__(self, process: LaneProcess, judge: Judge) -> None:
        self.process, self.judge = process, judge
        self.tail = Tail(process.journal.map)
        self.last_ns = 0

    def keep_up(self) -> None:
        """Read when what is new might soon be overwritten."""
        if self.tail.published - self.tail.position > int(self.process.head.segment_bytes) // 2:
            self.read()

    def read(self) -> None:
        """S7, S12: read what is new."""
        judge = self.judge
        try:
            while (chunk := self.tail.read()) is not None:
                if chunk.lost and not self.process.lane.is_broken:
                    raise judge.broken("S7", f"{chunk.lost} records are lost in the ring")
                for record in records_of(chunk):
                    if 0 < record.mono_ns < self.last_ns:  # 0: before its first turn
                        raise judge.broken("S12", f"record {record.sequence} goes back in time")
                    self.last_ns = max(self.last_ns, record.mono_ns)
                    judge.note_booked(record)
        except JournalDamaged as error:
            raise judge.broken("S7", str(error)) from error
