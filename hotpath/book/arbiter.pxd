# line.h and arbiter.h - several lines of one instrument made into one stream.

from libc.stdint cimport int64_t, uint32_t, uint64_t, uint8_t

from hotpath.abi.event cimport hp_event_t, hp_level_t
from hotpath.book.sync cimport hp_backlog_t

cdef extern from "hotpath/book/line.h" nogil:
    enum: HP_LINES_MAX
    const uint64_t HP_LINE_LATE_NS_MAX
    const uint64_t HP_LINE_SILENT_NS
    const uint64_t HP_LINE_ISOLATION_NS
    enum: HP_LINE_WINDOW
    enum: HP_LINE_ERRORS_MAX
    enum: HP_LINE_SILENT_EVENTS
    enum: HP_LINE_PROBATION_EVENTS
    cdef enum hp_line_state:
        HP_LINE_CLOSED
        HP_LINE_GOOD
        HP_LINE_ISOLATED
        HP_LINE_PROBATION
    ctypedef struct hp_line_counts_t:
        uint64_t wins         # its copy was the first good one
        uint64_t duplicates   # it came behind another line's copy
        uint64_t held         # it came too early: something before it was missing
        uint64_t unused       # not used, because the line is isolated or on probation
        uint64_t lost         # events that other lines had and it never
        uint64_t errors       # frames that could not be read, copies that differ
        uint64_t isolations
        uint64_t returns
        uint64_t late_ns      # sum over its duplicates, behind the first copy
    ctypedef struct hp_line_t:
        uint8_t state         # enum hp_line_state
        uint64_t late_ns      # moving mean behind the first copy
        hp_line_counts_t counts
    uint32_t hp_line_score_bps(const hp_line_t *l) noexcept nogil

cdef extern from "hotpath/book/arbiter.h" nogil:
    cdef enum hp_copy:
        HP_COPY_REFUSED    # no such line, or a kind that has no arbiter
        HP_COPY_USE        # hand it on
        HP_COPY_DUPLICATE
        HP_COPY_HELD
        HP_COPY_UNUSED     # its line is isolated or on probation
    ctypedef struct hp_arbiter_t:
        uint32_t line_count
        uint64_t last      # end of what was handed on
        uint64_t accepted
        uint64_t holes     # given up
        uint64_t waited_ns
        uint64_t conflicts # copies of one event that differ
        hp_line_t lines[4]
        hp_backlog_t backlog
    size_t hp_arbiter_bytes(uint32_t deltas_log2, uint32_t level_max) noexcept nogil
    void hp_arbiter_init(
        hp_arbiter_t *a, uint32_t rule, uint32_t line_count, uint32_t deltas_log2,
        uint32_t level_max, void *memory) noexcept nogil
    void hp_arbiter_open(hp_arbiter_t *a, uint32_t line, uint64_t now_ns) noexcept nogil
    uint32_t hp_arbiter_close(hp_arbiter_t *a, uint32_t line) noexcept nogil
    void hp_arbiter_error(hp_arbiter_t *a, uint32_t line, uint64_t now_ns) noexcept nogil
    hp_copy hp_arbiter_take(hp_arbiter_t *a, hp_event_t *e, const hp_level_t *levels) noexcept nogil
    bint hp_arbiter_next(
        hp_arbiter_t *a, uint64_t now_ns, hp_event_t *e, const hp_level_t **levels) noexcept nogil
