"""Journals for cold Python: follow a live ring, take segments apart.

Owns:    the room that chunks are copied to; Python's view of segment headers and records.
Refuses: files and pages (runtime/journal/tailer.py, runtime/journal/recording.py), writing, waiting.
"""

from collections import namedtuple

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from hotpath.abi.atomic cimport hp_load_acquire
from hotpath.abi.journal cimport hp_journal_record_t, hp_journal_segment_t
from hotpath.journal.reader cimport *

cdef extern from "stdlib.h" nogil:
    int posix_memalign(void **out, size_t alignment, size_t size)

cdef enum:
    ROOM_BYTES = 262144

Record = namedtuple("Record", "sequence kind lane aux recv_ns mono_ns payload")
Chunk = namedtuple("Chunk", "number offset records first_sequence last_sequence lost lost_from kinds data")
Segment = namedtuple(
    "Segment",
    "layout lane epoch number first_sequence segment_bytes build_id opened_mono_ns opened_real_ns fingerprint",
)
SEGMENT_BYTES = sizeof(hp_journal_segment_t)
RECORD_BYTES = sizeof(hp_journal_record_t)


class JournalDamaged(Exception):
    """Published bytes are no record and no overtaking writer explains it."""


cdef class Tail:
    """Follow the ring in `memory` (any readable buffer, the page header included).

    room: most bytes of a chunk, unless one record has more.
    `read()` gives what is new and verified; a lap is counted and the next chunk says what is missing.
    """

    cdef hp_tail_t tail
    cdef Py_buffer view
    cdef bint has_view
    cdef uint8_t *room
    cdef uint64_t room_bytes

    def __cinit__(self, memory, bint from_end=False, uint64_t room=ROOM_BYTES):
        PyObject_GetBuffer(memory, &self.view, PyBUF_SIMPLE)
        self.has_view = True
        if not hp_tail_open(&self.tail, self.view.buf, <uint64_t>self.view.len, from_end):
            raise ValueError(f"{self.view.len} bytes hold no journal ring that a lane has opened")
        self.grow(room)

    def __dealloc__(self):
        free(self.room)
        if self.has_view:
            PyBuffer_Release(&self.view)

    cdef int grow(self, uint64_t wanted) except -1:
        cdef void *memory = NULL
        if posix_memalign(&memory, 64, wanted):
            raise MemoryError(f"{wanted} bytes for one journal record")
        free(self.room)
        self.room = <uint8_t *>memory
        self.room_bytes = wanted
        return 0

    def seek(self, uint64_t number, uint64_t offset, uint64_t sequence):
        """Go on at a segment's byte, where record `sequence` is expected."""
        if offset % 8 != 0:
            raise ValueError(f"offset {offset}: want a multiple of 8")
        hp_tail_seek(&self.tail, number, offset, sequence)

    def read(self):
        """Return the next Chunk, or None when everything published has been read."""
        cdef hp_chunk_t c
        cdef int status
        while True:
            with nogil:
                status = hp_tail_read(&self.tail, self.room, self.room_bytes, &c)
            if status == HP_TAIL_NONE:
                return None
            if status == HP_TAIL_CHUNK:
                kinds = c.kinds[0] | <object>c.kinds[1] << 64 | <object>c.kinds[2] << 128 | <object>c.kinds[3] << 192
                return Chunk(c.number, c.offset, c.records, c.first_sequence, c.last_sequence, c.lost, c.lost_from,
                             kinds, PyBytes_FromStringAndSize(<char *>self.room, c.size))
            if status == HP_TAIL_DAMAGED:
                raise JournalDamaged(
                    f"journal segment {self.tail.number} holds no record {self.tail.sequence} "
                    f"at byte {self.tail.offset}, and its writer has not gone on")
            self.grow(2 * c.need)

    @property
    def published(self):
        """Bytes that the writer has ever published."""
        return hp_load_acquire(&self.tail.head.published)

    @property
    def position(self):
        """Bytes up to which this reader has come, in the same count."""
        return self.tail.number * self.tail.segment_bytes + self.tail.offset

    @property
    def sequence(self):
        """Sequence of the next record; 0 = none read yet."""
        return self.tail.sequence

    @property
    def epoch(self):
        return self.tail.head.epoch

    @property
    def lane(self):
        """The lane that writes this ring; every segment header says it."""
        return (<const hp_journal_segment_t *>self.tail.segments).lane

    @property
    def segment_bytes(self):
        return self.tail.segment_bytes

    @property
    def segment_count(self):
        return self.tail.segment_count

    @property
    def holes(self):
        """How often records were lost."""
        return self.tail.holes

    @property
    def lost(self):
        """How many records were lost."""
        return self.tail.lost

    @property
    def damaged(self):
        """How many segments were left because of damage, not because the writer overtook."""
        return self.tail.damaged


cdef class Bytes:
    """A readable buffer, held as long as somebody points into it."""

    def __cinit__(self, data):
        PyObject_GetBuffer(data, &self.view, PyBUF_SIMPLE)
        self.has_view = True

    def __dealloc__(self):
        if self.has_view:
            PyBuffer_Release(&self.view)

    cdef hp_scanner_t scanner(self, uint64_t offset, uint64_t sequence) except *:
        cdef hp_scanner_t s
        if offset > <uint64_t>self.view.len:
            raise ValueError(f"offset {offset} in {self.view.len} bytes")
        s.at = <const uint8_t *>self.view.buf + offset
        s.end = <const uint8_t *>self.view.buf + self.view.len
        s.sequence = sequence
        return s

    cdef bint holds(self, const void *at) noexcept:
        cdef const uint8_t *start = <const uint8_t *>self.view.buf
        return start <= <const uint8_t *>at < start + self.view.len


def segment(data):
    """Return the Segment that `data` starts with, or None when its header is not whole and good."""
    cdef Bytes held = Bytes(data)
    cdef hp_journal_segment_t s
    if <size_t>held.view.len < sizeof(s) or not hp_segment_good(held.view.buf):
        return None
    memcpy(&s, held.view.buf, sizeof(s))
    return Segment(s.layout, s.lane, s.epoch, s.number, s.first_sequence, s.segment_bytes, s.build_id,
                   s.opened_mono_ns, s.opened_real_ns, s.fingerprint)


def records(data, uint64_t offset=0, uint64_t sequence=0, kinds=None, uint64_t after=0):
    """Return the Records from `offset` on, up to the end mark, torn bytes or a broken sequence.

    kinds: numbers of record kinds; what is of none of them is checked and left out, and so is every
    record up to sequence `after`.
    """
    cdef Bytes held = Bytes(data)
    cdef bint wanted[256]
    cdef int kind
    for kind in range(256):
        wanted[kind] = kinds is None or kind in kinds
    cdef hp_scanner_t s = held.scanner(offset, sequence)
    cdef hp_journal_record_t r
    cdef const uint8_t *payload = NULL
    out = []
    while hp_scan_next(&s, &r, &payload) == HP_SCAN_RECORD:
        if not wanted[r.kind & 255] or r.sequence <= after:
            continue
        out.append(Record(r.sequence, r.kind, r.lane, r.aux, r.recv_ns, r.mono_ns,
                          PyBytes_FromStringAndSize(<const char *>payload, r.length)))
    return out


def scan(data, uint64_t offset=0, uint64_t sequence=0):
    """Check records without taking them out.

    Returns (records, offset behind the last good one, next sequence, is_whole): is_whole tells that the
    scan came to the end of the bytes or to an end mark, not to something that is no record.
    """
    cdef Bytes held = Bytes(data)
    cdef hp_scanner_t s = held.scanner(offset, sequence)
    cdef hp_journal_record_t r
    cdef const uint8_t *payload = NULL
    cdef uint64_t count = 0
    cdef int status = HP_SCAN_RECORD
    with nogil:
        while status == HP_SCAN_RECORD:
            status = hp_scan_next(&s, &r, &payload)
            count += status == HP_SCAN_RECORD
    return count, <uint64_t>(s.at - <const uint8_t *>held.view.buf), s.sequence, status == HP_SCAN_END
