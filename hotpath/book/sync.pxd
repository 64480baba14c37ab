# backlog.h, status.h and sync.h - a book that knows whether it may be believed.

from libc.stdint cimport int64_t, uint32_t, uint64_t, uint8_t

from hotpath.abi.book cimport hp_applied, hp_resync_reason, hp_top_t
from hotpath.abi.event cimport hp_event_t, hp_level_t, hp_levels_t
from hotpath.book.l2 cimport hp_l2_t
from hotpath.book.rules cimport hp_ids_t

cdef extern from "hotpath/book/backlog.h" nogil:
    ctypedef struct hp_delta_t:
        hp_ids_t ids
        uint64_t recv_ns
        uint64_t tag        # the owner's: a line number, a journal sequence
        uint32_t bid_count
        uint32_t ask_count
        uint32_t applied    # the book held it when it was kept
    ctypedef struct hp_backlog_t:
        uint32_t count
        uint64_t lost       # records pushed out, or too large to be kept

cdef extern from "hotpath/book/sync.h" nogil:
    enum: HP_CROSSED_EVENTS_MAX
    ctypedef struct hp_book_counts_t:
        uint64_t applied
        uint64_t buffered
        uint64_t dropped
        uint64_t gaps
        uint64_t crossed
        uint64_t stale
        uint64_t snapshots
        uint64_t resyncs
        uint64_t too_old
        uint64_t rescales
        uint64_t checksums
        uint64_t checksums_bad
        uint64_t checksums_unjudged
    cdef enum hp_aside:
        HP_ASIDE_NONE
        HP_ASIDE_WAITING
        HP_ASIDE_HOOKED
    ctypedef struct hp_touch_t:
        uint64_t price_ns   # since when the best price is what it is
        uint64_t size_ns    # and price and size
    ctypedef struct hp_book_t:
        hp_l2_t l2
        uint64_t update_id  # venue's id of the last event in the book
        uint64_t good_ns    # recv_ns of that event
        uint32_t instrument
        uint32_t rule       # enum hp_sequence_rule
        uint8_t state       # enum hp_book_state
        uint8_t aside       # enum hp_aside
        uint8_t wanted      # a snapshot is wanted and has not come
        uint8_t reason      # enum hp_resync_reason of the last need
        uint8_t is_offline  # no snapshot can be fetched: the end of what is known is only marked
        uint32_t depth_kept # levels a side that snapshots in the stream keep; 0 = all
        uint64_t needs      # how often a need was raised
        hp_touch_t bid_touch
        hp_touch_t ask_touch
        hp_book_counts_t counts
        hp_backlog_t backlog
        hp_l2_t spare       # the snapshot aside
        uint64_t spare_id
    ctypedef struct hp_book_size_t:
        uint32_t window_log2
        uint32_t overflow_log2
        uint32_t deltas_log2
        uint32_t level_max
    size_t hp_book_bytes(const hp_book_size_t *s) noexcept nogil
    void hp_book_init(
        hp_book_t *b, uint32_t instrument, uint32_t rule, const hp_book_size_t *s,
        void *zeroed) noexcept nogil
    bint hp_book_chained(const hp_book_t *b) noexcept nogil
    hp_applied hp_book_apply(
        hp_book_t *b, const hp_event_t *e, const hp_levels_t *levels, uint64_t tag) noexcept nogil
    hp_applied hp_book_delta(
        hp_book_t *b, const hp_event_t *e, const hp_level_t *levels, uint64_t tag) noexcept nogil
    hp_applied hp_book_adopt(
        hp_book_t *b, const hp_event_t *e, const hp_level_t *levels) noexcept nogil
    hp_applied hp_book_splice(hp_book_t *b, hp_delta_t *done) noexcept nogil
    bint hp_book_check_stale(hp_book_t *b, uint64_t now_ns, uint64_t bound_ns) noexcept nogil
    void hp_book_refresh(hp_book_t *b) noexcept nogil
    void hp_book_break(hp_book_t *b) noexcept nogil
    size_t hp_book_rescale_room(const hp_book_t *b) noexcept nogil
    bint hp_book_rescale(
        hp_book_t *b, int64_t price_factor, int64_t size_factor, hp_level_t *room) noexcept nogil
    void hp_book_top(const hp_book_t *b, hp_top_t *to) noexcept nogil
