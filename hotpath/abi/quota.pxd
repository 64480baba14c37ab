# quota.h - what the venue lets us ask in a window of time: rules, figures as told, as they stand.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t, uint8_t

cdef extern from "quota.h" nogil:
    enum: HP_QUOTAS_MAX
    cdef enum hp_quota_kind:
        HP_QUOTA_NONE
        HP_QUOTA_WEIGHT
        HP_QUOTA_ORDERS
        HP_QUOTA_KIND_COUNT
    cdef enum hp_quota_mode:
        HP_QUOTA_STOPPED
        HP_QUOTA_RESERVE
        HP_QUOTA_NO_RISK
        HP_QUOTA_SLOW
        HP_QUOTA_BUSY
        HP_QUOTA_NORMAL
        HP_QUOTA_MODE_COUNT
    cdef enum hp_quota_rank:
        HP_RANK_QUERY
        HP_RANK_PLACE
        HP_RANK_REDUCE
        HP_RANK_CANCEL
        HP_RANK_COUNT
    cdef enum hp_quota_cost_of:
        HP_COST_LIMIT
        HP_COST_POST_ONLY
        HP_COST_MARKET
        HP_COST_STOP
        HP_COST_REPLACE
        HP_COST_CANCEL
        HP_COST_STATUS
        HP_COST_LOGON
        HP_COST_COUNT
    ctypedef struct hp_quota_cost_t:
        uint16_t weight
        uint16_t orders
    ctypedef struct hp_quota_rule_t:
        uint32_t busy_percent
        uint32_t slow_percent
        uint32_t no_risk_percent
        uint32_t reserve_percent
        uint32_t kept_percent
        uint32_t stop_ms
        uint64_t slack_ns
        hp_quota_cost_t costs[8]
        uint8_t pad[64]
    ctypedef struct hp_quota_told_t:
        uint32_t kind
        uint32_t length_s
        int64_t limit
        int64_t used
        uint64_t asked_ns
        uint64_t stop_ns
        uint32_t cost
        uint32_t status
        uint8_t pad[16]
    ctypedef struct hp_quota_row_t:
        uint32_t kind
        uint32_t length_s
        uint32_t mode
        uint32_t pad0
        int64_t limit
        int64_t most
        int64_t used
        int64_t told
        uint64_t told_ns
        uint64_t told_count
        int64_t begins[4]
    ctypedef struct hp_lane_quota_t:
        uint32_t mode
        uint32_t window_count
        uint64_t stop_until_ns[3]
        uint64_t refusals[2]
        uint64_t changes
        uint64_t held[4]
        uint64_t foreign
        hp_quota_row_t rows[4]
        uint8_t pad[32]
    ctypedef struct hp_quota_event_t:
        uint32_t mode
        uint32_t before
        uint32_t kind
        uint32_t length_s
        int64_t used
        int64_t limit
        uint64_t stop_until_ns
        uint8_t pad[24]
    void hp_quota_open(hp_quota_rule_t *r) noexcept nogil
