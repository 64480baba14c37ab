"""A lane's journal ring by a plain reading: what its lag forbids, where a request stands in it.

Owns:    arithmetic on the ring's head.
Refuses: the lane's own figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime._shm import lib
from runtime.journal.archiver import NO_ARCHIVER

if TYPE_CHECKING:
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
