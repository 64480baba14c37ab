# flatten.h - closing every position by policy: the rule, and what came of it.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport int64_t, uint32_t, uint64_t, uint8_t

cdef extern from "flatten.h" nogil:
    enum: HP_STRATEGY_LANE
    cdef enum hp_flatten_policy:
        HP_FLATTEN_NOTHING
        HP_FLATTEN_IOC
        HP_FLATTEN_MARKET
    cdef enum hp_flatten_state:
        HP_FLATTEN_NONE
        HP_FLATTEN_CLOSING
        HP_FLATTEN_CLOSED
        HP_FLATTEN_FAILED
    ctypedef struct hp_flatten_rule_t:
        uint32_t policy
        uint32_t band_bps
        uint32_t tries_max
        uint32_t pad
        uint64_t wait_ns
        uint64_t time_ns_max
        int64_t slice_e8_max
    ctypedef struct hp_flatten_row_t:
        uint32_t instrument
        uint8_t position_side
        uint8_t state
        uint8_t error
        uint8_t is_waiting
        uint32_t verdict
        uint32_t tries
        int64_t start_lots
        int64_t left_lots
        uint64_t next_ns
        uint64_t orders
        uint8_t pad[8]
