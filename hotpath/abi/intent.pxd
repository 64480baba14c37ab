# intent.h - what a strategy wants, and the picture on which it decided.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport int64_t, uint32_t, uint64_t, uint8_t

cdef extern from "intent.h" nogil:
    cdef enum hp_intent_kind:
        HP_INTENT_REFUSED
        HP_INTENT_PLACE
        HP_INTENT_CANCEL
        HP_INTENT_REPLACE
        HP_INTENT_TIME
    cdef enum hp_side:
        HP_SIDE_NONE
        HP_SIDE_BUY
        HP_SIDE_SELL
    cdef enum hp_position_side:
        HP_POSITION_BOTH
        HP_POSITION_LONG
        HP_POSITION_SHORT
        HP_POSITION_SIDE_COUNT
    cdef enum hp_order_type:
        HP_TYPE_NONE
        HP_TYPE_LIMIT
        HP_TYPE_MARKET
        HP_TYPE_STOP_MARKET
    cdef enum hp_time_in_force:
        HP_TIF_NONE
        HP_TIF_GTC
        HP_TIF_IOC
        HP_TIF_FOK
    cdef enum hp_self_trade_mode:
        HP_STP_DEFAULT
        HP_STP_EXPIRE_TAKER
        HP_STP_EXPIRE_MAKER
        HP_STP_EXPIRE_BOTH
    ctypedef struct hp_intent_t:
        uint64_t id
        uint64_t parent
        uint64_t target
        uint32_t strategy
        uint32_t account
        uint32_t instrument
        uint8_t kind
        uint8_t side
        uint8_t position_side
        uint8_t type
        uint8_t time_in_force
        uint8_t post_only
        uint8_t reduce_only
        uint8_t self_trade_mode
        uint8_t book_state
        uint8_t caution
        uint8_t layer
        uint8_t reason
        int64_t price_ticks
        int64_t lots
        uint64_t ttl_ns
        uint64_t deadline_ns
        int64_t bid_ticks
        int64_t bid_lots
        int64_t ask_ticks
        int64_t ask_lots
        uint64_t book_seq
        uint64_t recv_ns
        int64_t trigger_ticks
        uint64_t decided_ns
        uint32_t queue
        uint8_t tries
        uint8_t pad1[43]
