# rule.h - what the gate is told beside leaseable limits: fences of one instrument, policies of all.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t, uint8_t
from hotpath.abi.limit cimport *

cdef extern from "rule.h" nogil:
    enum: HP_WINDOWS_MAX
    enum: HP_DAY_S
    const uint64_t HP_DAY_NS
    cdef enum hp_self_trade_policy:
        HP_SELF_TRADE_REJECT
        HP_SELF_TRADE_OLDEST
        HP_SELF_TRADE_SMALLEST
        HP_SELF_TRADE_WARN
        HP_SELF_TRADE_COUNT
    ctypedef struct hp_window_t:
        uint32_t from_s
        uint32_t until_s
        uint32_t days
        uint32_t is_closed
    ctypedef struct hp_instrument_limits_t:
        uint64_t strategies
        uint32_t accounts
        uint32_t kinds
        int64_t order_lots_max
        int64_t position_lots_max
        uint32_t open_orders_max
        int32_t band_bps
        uint64_t stale_ns
        uint64_t spare_ns
        int64_t sigma_tenths
        int64_t sigma_alpha_e4
        int64_t sigma_floor_e8
        int64_t sigma_sample_ns
        int64_t typical_lots
        int64_t typical_times_max
        int64_t distance_bps_max
        int64_t daily_volume_lots
        int64_t volume_share_bps_max
        uint32_t window_count
        uint32_t pad0
        hp_window_t windows[4]
        uint8_t pad[56]
    ctypedef struct hp_gate_rule_t:
        uint64_t warns
        uint64_t throttles
        uint64_t throttle_ns
        uint64_t clock_ns_max
        uint64_t send_budget_ns
        uint32_t self_trade
        uint32_t weights
        uint8_t pad[80]
    ctypedef struct hp_leader_lease_t:
        uint64_t until_ns
        uint64_t epoch
        uint32_t is_required
        uint32_t pad
    void hp_instrument_limits_open(hp_instrument_limits_t *l) noexcept nogil
    void hp_gate_rule_open(hp_gate_rule_t *rule) noexcept nogil
    int hp_windows_closed(const hp_instrument_limits_t *l, uint64_t utc_ns) noexcept nogil
