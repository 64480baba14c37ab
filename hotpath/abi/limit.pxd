# limit.h - the limits that may be leased, as data: one record per dimension and id.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport int64_t, uint32_t, uint64_t, uint8_t

cdef extern from "limit.h" nogil:
    const int64_t HP_LIMIT_NONE
    cdef enum hp_dimension:
        HP_DIMENSION_NONE
        HP_DIMENSION_ACCOUNT
        HP_DIMENSION_VENUE
        HP_DIMENSION_STRATEGY
        HP_DIMENSION_INSTRUMENT
        HP_DIMENSION_COUNT
    ctypedef struct hp_limit_t:
        uint32_t dimension
        uint32_t id
        int64_t order_notional_e8_max
        int64_t net_notional_e8_max
        int64_t gross_notional_e8_max
        int64_t open_orders_max
        int64_t leverage_e4_max
        int64_t capital_e8
        int64_t base_pnl_e8
        int64_t daily_loss_e8_max
        int64_t drawdown_bps_max
        int64_t failures_max
        int64_t cool_down_ns
        int64_t fast_move_bps_max
        int64_t fast_window_ns
        int64_t fast_freeze_ns
        int64_t order_to_trade_max
        int64_t cancel_rate_bps_max
        int64_t budget_window_ns
        int64_t budget_free_count
        int64_t token_rate
        int64_t token_burst
        int64_t token_reserve
        uint8_t pad[80]
    ctypedef struct hp_limit_lease_t:
        uint64_t until_ns
        uint64_t fence
        uint32_t is_required
        uint32_t pad
    int64_t hp_limit_least(int64_t a, int64_t b) noexcept nogil
    int64_t hp_limit_most(int64_t a, int64_t b) noexcept nogil
    void hp_limit_open(hp_limit_t *l, uint32_t dimension, uint32_t id) noexcept nogil
    void hp_limit_tighten(hp_limit_t *l, const hp_limit_t *by) noexcept nogil
