# order.h - an order of ours, what the venue says about it, and the states between.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t, uint64_t, uint8_t
from hotpath.abi.clock cimport *

cdef extern from "order.h" nogil:
    enum: HP_CLIENT_EPOCH_BITS
    enum: HP_CLIENT_LANE_BITS
    enum: HP_CLIENT_SEQUENCE_BITS
    enum: HP_EPOCH_MAX
    cdef enum hp_order_state:
        HP_ORDER_NONE
        HP_ORDER_PENDING
        HP_ORDER_SENT
        HP_ORDER_LIVE
        HP_ORDER_PARTIAL
        HP_ORDER_FILLED
        HP_ORDER_CANCELED
        HP_ORDER_REJECTED
        HP_ORDER_EXPIRED
        HP_ORDER_UNKNOWN
        HP_ORDER_STATE_COUNT
    cdef enum hp_report_kind:
        HP_REPORT_NONE
        HP_REPORT_SENT
        HP_REPORT_SEND_FAILED
        HP_REPORT_ACK
        HP_REPORT_REJECT
        HP_REPORT_FILL
        HP_REPORT_CANCELED
        HP_REPORT_EXPIRED
        HP_REPORT_CANCEL_REJECT
        HP_REPORT_REPLACED
        HP_REPORT_STATUS
        HP_REPORT_NOT_FOUND
        HP_REPORT_TIMEOUT
        HP_REPORT_AMBIGUOUS
        HP_REPORT_POSITION
        HP_REPORT_BALANCE
        HP_REPORT_SESSION
        HP_REPORT_STREAM_END
        HP_REPORT_CONTROL
        HP_REPORT_QUOTA
        HP_REPORT_KIND_COUNT
    cdef enum hp_error:
        HP_ERROR_NONE
        HP_ERROR_RATE
        HP_ERROR_CLOCK
        HP_ERROR_AUTH
        HP_ERROR_FILTER
        HP_ERROR_FUNDS
        HP_ERROR_POST_ONLY
        HP_ERROR_REDUCE_ONLY
        HP_ERROR_DUPLICATE_ID
        HP_ERROR_UNKNOWN_ORDER
        HP_ERROR_UNKNOWN_OUTCOME
        HP_ERROR_VENUE_BUSY
        HP_ERROR_OTHER
        HP_ERROR_COUNT
    cdef enum hp_order_flag:
        HP_ORDER_CANCEL_IN_FLIGHT
        HP_ORDER_REPLACE_IN_FLIGHT
        HP_ORDER_ADOPTED
        HP_ORDER_INQUIRY_IN_FLIGHT
        HP_ORDER_POST_ONLY
        HP_ORDER_REDUCE_ONLY
        HP_ORDER_ABSENT
        HP_ORDER_PARKED
        HP_ORDER_INQUIRY_DUE
    cdef enum hp_cancel_cause:
        HP_CANCEL_NONE
        HP_CANCEL_TTL
        HP_CANCEL_STRATEGY
        HP_CANCEL_QUEUE
        HP_CANCEL_PRICE
        HP_CANCEL_SPEED
        HP_CANCEL_TOXICITY
        HP_CANCEL_INVENTORY
        HP_CANCEL_OWN
        HP_CANCEL_BOOK
        HP_CANCEL_HALT
        HP_CANCEL_EMERGENCY
        HP_CANCEL_WORD
        HP_CANCEL_CAUSE_COUNT
    ctypedef struct hp_order_t:
        uint64_t client_id
        uint64_t venue_id
        uint64_t intent_id
        uint32_t strategy
        uint32_t account
        uint32_t instrument
        uint8_t state
        uint8_t side
        uint8_t position_side
        uint8_t type
        uint8_t time_in_force
        uint8_t error
        uint16_t flags
        uint8_t word
        uint8_t layer
        uint8_t cancel_cause
        uint8_t tries
        int64_t price_ticks
        int64_t lots
        int64_t filled_lots
        int64_t touch_ticks
        int64_t reserved_e8
        uint64_t expire_ns
        uint64_t deadline_ns
        uint64_t unknown_since_ns
        uint64_t inquiry_ns
        uint64_t venue_update_ns
        uint64_t sent_ns
        uint64_t cancel_sent_ns
        hp_stamps_t stamps
        int64_t said_lots
        int64_t asked_ticks
        int64_t asked_lots
        uint64_t replace_request
        uint64_t replace_deadline_ns
        uint64_t parent
    ctypedef struct hp_report_t:
        uint8_t kind
        uint8_t state
        uint8_t side
        uint8_t position_side
        uint8_t error
        uint8_t is_maker
        uint8_t foreign
        uint8_t request
        int32_t venue_error
        uint32_t account
        uint32_t instrument
        uint32_t asset
        uint64_t client_id
        uint64_t venue_id
        uint64_t trade_id
        int64_t price_ticks
        int64_t lots
        int64_t last_ticks
        int64_t last_lots
        int64_t cum_lots
        int64_t fee_e8
        int64_t pnl_e8
        int64_t position_lots
        int64_t entry_e8
        int64_t balance_e8
        int64_t event_ns
        int64_t match_ns
        uint64_t recv_ns
        uint64_t request_id
        uint32_t quota
        uint32_t quota_s
        int64_t quota_limit
        int64_t quota_used
        uint64_t stop_ms
    uint64_t hp_client_id(uint64_t epoch, uint64_t lane, uint64_t sequence) noexcept nogil
    int hp_order_is_working(uint8_t state) noexcept nogil
