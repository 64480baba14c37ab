# ladder.h, l2.h and query.h - one side of a book; both sides; what is asked of them.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from hotpath.abi.event cimport hp_level_t

cdef extern from "hotpath/book/ladder.h" nogil:
    const int64_t HP_KEY_NONE
    enum: HP_WINDOW_LOG2_MIN
    enum: HP_WINDOW_LOG2_MAX
    enum: HP_OVERFLOW_LOG2_MIN
    enum: HP_OVERFLOW_LOG2_MAX
    ctypedef struct hp_ladder_t:
        int64_t best        # key; HP_KEY_NONE = no level
        int64_t best_lots
        int64_t horizon     # key; HP_KEY_NONE = nothing was forgotten
        int64_t edge        # key behind the last level of the snapshot; HP_KEY_NONE = it held all
        uint64_t kept       # levels that the venue's deltas keep; 0 = all
        uint64_t moves      # how often the window moved
        uint64_t forgotten  # levels and updates that fell beyond the horizon
    int64_t hp_ladder_ticks(const hp_ladder_t *l, int64_t key) noexcept nogil
    uint64_t hp_ladder_total(const hp_ladder_t *l) noexcept nogil
    int64_t hp_ladder_known(const hp_ladder_t *l) noexcept nogil
    size_t hp_ladder_copy(const hp_ladder_t *l, hp_level_t *to, size_t room) noexcept nogil

cdef extern from "hotpath/book/l2.h" nogil:
    ctypedef struct hp_l2_t:
        hp_ladder_t bid
        hp_ladder_t ask
    size_t hp_l2_bytes(uint32_t window_log2, uint32_t overflow_log2) noexcept nogil
    int64_t hp_l2_bid_ticks(const hp_l2_t *b) noexcept nogil
    int64_t hp_l2_ask_ticks(const hp_l2_t *b) noexcept nogil
    bint hp_l2_crossed(const hp_l2_t *b) noexcept nogil
    bint hp_l2_blind(const hp_l2_t *b) noexcept nogil
    size_t hp_l2_total(const hp_l2_t *b) noexcept nogil

cdef extern from "hotpath/book/query.h" nogil:
    enum: HP_LOTS_UNKNOWN
    cdef enum hp_walk:
        HP_WALK_UNKNOWN  # what comes next is not known
        HP_WALK_LEVEL
        HP_WALK_END      # the side has no more levels
    ctypedef struct hp_take_t:
        int64_t lots
        int64_t worst_ticks
        uint64_t levels
        hp_walk end
    size_t hp_ladder_best(const hp_ladder_t *l, hp_level_t *to, size_t room) noexcept nogil
    int hp_l2_imbalance(const hp_l2_t *b, uint64_t count, bint *known) noexcept nogil
    int hp_l2_imbalance_bps(const hp_l2_t *b, uint64_t count) noexcept nogil
    int64_t hp_ladder_lots_at(const hp_ladder_t *l, int64_t ticks) noexcept nogil
    uint64_t hp_ladder_since_ns(const hp_ladder_t *l, int64_t ticks) noexcept nogil
    hp_take_t hp_ladder_take(const hp_ladder_t *l, int64_t lots) noexcept nogil
    int64_t hp_ladder_vwap_e4(const hp_ladder_t *l, int64_t lots, bint *known) noexcept nogil
    int64_t hp_l2_mid_e4(const hp_l2_t *b, bint *known) noexcept nogil
    int64_t hp_l2_microprice_e4(const hp_l2_t *b, bint *known) noexcept nogil
