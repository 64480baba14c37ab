# verdict.h - what the gate answered.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport int64_t, uint32_t, uint64_t, uint8_t

cdef extern from "verdict.h" nogil:
    cdef enum hp_verdict_code:
        HP_BLOCKED
        HP_PASS
        HP_VERDICT_NOT_ALLOWED
        HP_VERDICT_NOT_ARMED
        HP_VERDICT_LEADER_LEASE
        HP_VERDICT_LIMIT_LEASE
        HP_VERDICT_KILLED
        HP_VERDICT_FROZEN
        HP_VERDICT_DRAINING
        HP_VERDICT_INSTRUMENT_STATUS
        HP_VERDICT_SESSION_CLOSED
        HP_VERDICT_BOOK_NOT_SYNCED
        HP_VERDICT_BOOK_STALE
        HP_VERDICT_BOOK_CROSSED
        HP_VERDICT_CLOCK_UNSURE
        HP_VERDICT_PRECISION
        HP_VERDICT_TICK_SIZE
        HP_VERDICT_STEP_SIZE
        HP_VERDICT_SIZE_RANGE
        HP_VERDICT_MIN_NOTIONAL
        HP_VERDICT_VENUE_BAND
        HP_VERDICT_FENCE_VOLATILITY
        HP_VERDICT_FENCE_HARD
        HP_VERDICT_FAT_FINGER_SIZE
        HP_VERDICT_FAT_FINGER_DISTANCE
        HP_VERDICT_FAT_FINGER_VOLUME
        HP_VERDICT_REDUCE_ONLY
        HP_VERDICT_POSITION_TRUTH
        HP_VERDICT_SELF_TRADE
        HP_VERDICT_ORDER_LIMIT
        HP_VERDICT_POSITION_LIMIT
        HP_VERDICT_OPEN_ORDERS
        HP_VERDICT_GROSS_NOTIONAL
        HP_VERDICT_NET_NOTIONAL
        HP_VERDICT_LEVERAGE
        HP_VERDICT_DAILY_LOSS
        HP_VERDICT_DRAWDOWN
        HP_VERDICT_FAILURES
        HP_VERDICT_COOL_DOWN
        HP_VERDICT_FAST_MARKET
        HP_VERDICT_ORDER_TO_TRADE
        HP_VERDICT_CANCEL_RATE
        HP_VERDICT_RATE_BUCKET
        HP_VERDICT_RESERVATION
        HP_VERDICT_UNKNOWN_ORDER
        HP_VERDICT_TABLE_FULL
        HP_VERDICT_OVERFLOW
        HP_VERDICT_SEND_FAILED
        HP_VERDICT_ARCHIVE_LAG
        HP_VERDICT_ORDER_BUSY
        HP_VERDICT_QUOTA_SLOW
        HP_VERDICT_QUOTA_NO_RISK
        HP_VERDICT_QUOTA_RESERVE
        HP_VERDICT_QUOTA_STOPPED
        HP_VERDICT_COUNT
    ctypedef struct hp_verdict_t:
        uint64_t intent_id
        uint64_t client_id
        uint32_t verdict
        uint32_t instrument
        uint64_t warnings
        uint64_t retry_ns
        uint64_t now_ns
        int64_t found
        int64_t wanted
        uint32_t words
        uint32_t leader_epoch
        uint64_t leader_until_ns
        uint64_t limit_until_ns
        uint64_t clock_until_ns
        uint32_t dimension
        uint32_t scope
        uint8_t pad[24]
