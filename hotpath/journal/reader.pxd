# reader.pxd - names of reader.h.

from libc.stdint cimport uint8_t, uint64_t

from hotpath.abi.journal cimport hp_journal_head_t, hp_journal_record_t


cdef extern from "hotpath/journal/reader.h" nogil:
    cdef enum hp_scan:
        HP_SCAN_END
        HP_SCAN_RECORD
        HP_SCAN_SHORT
        HP_SCAN_BAD
    cdef enum hp_tail_status:
        HP_TAIL_NONE
        HP_TAIL_CHUNK
        HP_TAIL_ROOM
        HP_TAIL_DAMAGED
    ctypedef struct hp_scanner_t:
        const uint8_t *at
        const uint8_t *end
        uint64_t sequence
    ctypedef struct hp_tail_t:
        const hp_journal_head_t *head
        const uint8_t *segments
        uint64_t segment_bytes
        uint64_t segment_count
        uint64_t number
        uint64_t offset
        uint64_t sequence
        uint64_t holes
        uint64_t lost
        uint64_t damaged
    ctypedef struct hp_chunk_t:
        uint64_t number
        uint64_t offset
        uint64_t size
        uint64_t records
        uint64_t first_sequence
        uint64_t last_sequence
        uint64_t lost
        uint64_t lost_from
        uint64_t need
        uint64_t kinds[4]
    int hp_segment_good(const void *data) noexcept nogil
    int hp_scan_next(hp_scanner_t *s, hp_journal_record_t *r, const uint8_t **payload) noexcept nogil
    int hp_tail_open(hp_tail_t *t, const void *memory, uint64_t bytes, int from_end) noexcept nogil
    void hp_tail_seek(hp_tail_t *t, uint64_t number, uint64_t offset, uint64_t sequence) noexcept nogil
    int hp_tail_read(hp_tail_t *t, uint8_t *to, uint64_t room, hp_chunk_t *c) noexcept nogil
