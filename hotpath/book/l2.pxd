# ladder.h and l2.h - one side of a book; both sides and what is asked of them.

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
        int64_t horizon     # key; HP_KEY_NONE = the side is whole
        uint64_t moves      # how often the window moved
        uint64_t forgotten  # levels and updates that fell beyond the horizon
    int64_t hp_ladder_ticks(const hp_ladder_t *l, int64_t key) noexcept nogil
    uint64_t hp_ladder_total(const hp_ladder_t *l) noexcept nogil
    size_t hp_ladder_copy(const hp_ladder_t *l, hp_level_t *to, size_t room) noexcept nogil

cdef extern from "hotpath/book/l2.h" nogil:
    ctypedef struct hp_l2_t:
        hp_ladder_t bid
        hp_ladder_t ask
    int64_t hp_l2_bid_ticks(const hp_l2_t *b) noexcept nogil
    int64_t hp_l2_ask_ticks(const hp_l2_t *b) noexcept nogil
    bint hp_l2_crossed(const hp_l2_t *b) noexcept nogil
    int hp_l2_imbalance_bps(const hp_l2_t *b, uint64_t count) noexcept nogil
    size_t hp_l2_total(const hp_l2_t *b) noexcept nogil
