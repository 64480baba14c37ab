# pair.h - what a market lane and an order lane tell each other, as records of two rings (ring.h).
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport int64_t, uint32_t, uint64_t, uint8_t
from hotpath.abi.intent cimport *
from hotpath.abi.order cimport *
from hotpath.abi.page cimport *
from hotpath.abi.verdict cimport *

cdef extern from "pair.h" nogil:
    enum: HP_PAIR_ENDED
    cdef enum hp_lane_role:
        HP_ROLE_FUSED
        HP_ROLE_MARKET
        HP_ROLE_ORDER
        HP_ROLE_COUNT
    cdef enum hp_pair_kind:
        HP_PAIR_NONE
        HP_PAIR_HELLO
        HP_PAIR_INTENT
        HP_PAIR_PICTURE
        HP_PAIR_HALT
        HP_PAIR_LAG
        HP_PAIR_AHEAD
        HP_PAIR_MIRROR
        HP_PAIR_POSITION
        HP_PAIR_ORDER
        HP_PAIR_FILL
        HP_PAIR_MIRROR_END
        HP_PAIR_SILENT
        HP_PAIR_BACK
    cdef enum hp_pair_call:
        HP_PAIR_CALL_NONE
        HP_PAIR_CALL_ORDER
    ctypedef struct hp_pair_hello_t:
        uint64_t epoch
        uint64_t intent_id
    ctypedef struct hp_pair_intent_t:
        hp_intent_t intent
        uint64_t recv_ns
        uint64_t decoded_ns
        uint64_t booked_ns
        uint64_t decided_ns
        int64_t ahead_lots
        int64_t mean_e4
        uint32_t trades_per_s
        uint32_t left
    ctypedef struct hp_pair_ahead_t:
        uint64_t client_id
        int64_t price_ticks
        int64_t lots
    ctypedef struct hp_pair_picture_t:
        uint32_t instrument
        uint8_t source
        uint8_t caution
        uint8_t book_state
        uint8_t is_lost
        uint64_t bound_ns
        uint64_t recv_ns
        int64_t bid_ticks
        int64_t bid_lots
        int64_t ask_ticks
        int64_t ask_lots
        int64_t mark_e8
        int64_t mean_e4
        uint32_t trades_per_s
        uint32_t pad0
    ctypedef struct hp_pair_position_t:
        uint32_t instrument
        uint32_t pad0
        hp_lane_position_t position
    ctypedef struct hp_pair_order_t:
        uint64_t taken
        uint32_t strategy
        uint32_t instrument
        uint32_t working
        uint32_t call
        uint32_t is_armed
        uint32_t pad0
        hp_order_t order
        hp_verdict_t verdict
    ctypedef struct hp_pair_fill_t:
        hp_pair_order_t about
        hp_report_t report
        hp_lane_position_t position
