# event.h - one decoded fact of a feed.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport int64_t, int8_t, uint32_t, uint64_t, uint8_t

cdef extern from "event.h" nogil:
    enum: HP_LEVELS_MAX
    enum: HP_FRAME_BYTES_MAX
    enum: HP_DEPTH_WHOLE
    enum: HP_FRAME_EVENTS_MAX
    enum: HP_FRAME_PAD_BYTES
    cdef enum hp_event_kind:
        HP_EVENT_NONE
        HP_EVENT_DEPTH
        HP_EVENT_SNAPSHOT
        HP_EVENT_BOOK_TICKER
        HP_EVENT_AGG_TRADE
        HP_EVENT_TRADE
        HP_EVENT_MARK_PRICE
        HP_EVENT_KIND_COUNT
    cdef enum hp_event_flag:
        HP_EVENT_BUYER_MAKER
        HP_EVENT_FALLBACK
        HP_EVENT_MORE
    cdef enum hp_mark:
        HP_MARK_PRICE
        HP_MARK_INDEX
        HP_MARK_SETTLE
        HP_MARK_FUNDING
        HP_MARK_NEXT_FUNDING
        HP_MARK_ALL
    cdef enum hp_checksum:
        HP_CHECKSUM_NONE
        HP_CHECKSUM_TOP25
    cdef enum hp_decode:
        HP_DECODE_REFUSED
        HP_DECODE_EVENT
        HP_DECODE_CONTROL
        HP_DECODE_UNKNOWN_KIND
        HP_DECODE_UNKNOWN_SYMBOL
        HP_DECODE_FINER
        HP_DECODE_MALFORMED
        HP_DECODE_TOO_LARGE
        HP_DECODE_TYPE
        HP_DECODE_DUPLICATE
        HP_DECODE_MISSING
        HP_DECODE_NUMBER
        HP_DECODE_LEVELS
        HP_DECODE_COUNT
    ctypedef struct hp_level_t:
        int64_t price_ticks
        int64_t lots
    ctypedef struct hp_levels_t:
        hp_level_t at[20480]
    ctypedef struct hp_event_top_t:
        int64_t bid_ticks, bid_lots, ask_ticks, ask_lots
        int64_t pad[4]
    ctypedef struct hp_event_trade_t:
        int64_t price_ticks, lots
        uint64_t trade_id
        int64_t pad[5]
    ctypedef struct hp_event_mark_t:
        int64_t mark_e8, index_e8, settle_e8
        int64_t funding_e8
        int64_t next_funding_ns
        uint32_t has
        uint32_t pad0
        int64_t pad[2]
    ctypedef struct hp_event_depth_t:
        uint32_t has_checksum
        uint32_t checksum
        uint32_t depth_limit
        uint32_t depth_kept
        int64_t pad[5]
        int8_t price_decimals
        int8_t size_decimals
        uint8_t odd_text
        uint8_t pad0[5]
    ctypedef union hp_event_body_t:
        hp_event_top_t top
        hp_event_trade_t trade
        hp_event_mark_t mark
        hp_event_depth_t depth
    ctypedef struct hp_event_t:
        uint8_t kind
        uint8_t flags
        uint8_t line
        uint8_t pad
        uint32_t instrument
        uint64_t recv_ns
        int64_t event_ns
        int64_t match_ns
        uint64_t first_id
        uint64_t last_id
        uint64_t prev_id
        uint32_t bid_count
        uint32_t ask_count
        hp_event_body_t body
    uint32_t hp_depth_limit(const uint32_t *valid, uint32_t valid_count, uint32_t count) noexcept nogil
