# book.h - what a book says about itself to those who do not hold it.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport int64_t, int8_t, uint32_t, uint64_t, uint8_t

cdef extern from "book.h" nogil:
    cdef enum hp_book_state:
        HP_BOOK_EMPTY
        HP_BOOK_BUFFERING
        HP_BOOK_SYNCED
        HP_BOOK_GAPPED
        HP_BOOK_STALE
        HP_BOOK_CROSSED
        HP_BOOK_STATE_COUNT
    cdef enum hp_applied:
        HP_APPLIED_REFUSED
        HP_APPLIED_OK
        HP_APPLIED_BUFFERED
        HP_APPLIED_DROPPED
        HP_APPLIED_GAP
        HP_APPLIED_CROSSED
        HP_APPLIED_TOO_OLD
        HP_APPLIED_NOT_MINE
        HP_APPLIED_COUNT
    cdef enum hp_resync_reason:
        HP_RESYNC_NONE
        HP_RESYNC_FIRST
        HP_RESYNC_GAP
        HP_RESYNC_TOO_OLD
        HP_RESYNC_CROSSED
        HP_RESYNC_EXHAUSTED
        HP_RESYNC_REFRESH
        HP_RESYNC_LINE
        HP_RESYNC_NEAR
        HP_RESYNC_REASON_COUNT
    ctypedef struct hp_top_t:
        uint64_t seq
        int64_t bid_ticks
        int64_t bid_lots
        int64_t ask_ticks
        int64_t ask_lots
        uint64_t recv_ns
        uint64_t update_id
        uint32_t instrument
        uint8_t state
        int8_t price_decimals
        int8_t size_decimals
        uint8_t source
        char symbol[32]
        int64_t multiplier_e8
        uint8_t contract
        uint8_t pad[23]
