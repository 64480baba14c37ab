# feed.h - what a lane knows about the feeds of one instrument.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport int64_t, uint32_t, uint64_t, uint8_t

cdef extern from "feed.h" nogil:
    enum: HP_MISSED_MAX
    cdef enum hp_source:
        HP_SOURCE_NONE
        HP_SOURCE_PRIMARY
        HP_SOURCE_SECONDARY
        HP_SOURCE_AGGREGATE
        HP_SOURCE_REPLAY
        HP_SOURCE_COUNT
    cdef enum hp_stream_state:
        HP_STREAM_NONE
        HP_STREAM_WAITING
        HP_STREAM_FRESH
        HP_STREAM_STALE
        HP_STREAM_SILENT
        HP_STREAM_STATE_COUNT
    cdef enum hp_caution:
        HP_CAUTION_STREAM
        HP_CAUTION_PRICE
        HP_CAUTION_SOURCE
    cdef enum hp_trouble:
        HP_TROUBLE_NONE
        HP_TROUBLE_JUMP
        HP_TROUBLE_SIGMA
        HP_TROUBLE_TENFOLD
        HP_TROUBLE_TIME
        HP_TROUBLE_LATE
        HP_TROUBLE_VOLUME
        HP_TROUBLE_STALE
        HP_TROUBLE_SILENT
        HP_TROUBLE_FRESH
        HP_TROUBLE_BLIND
        HP_TROUBLE_SYNCED
        HP_TROUBLE_SOURCE
        HP_TROUBLE_SPARE
        HP_TROUBLE_MISSED
        HP_TROUBLE_COUNT
    cdef enum hp_policy:
        HP_POLICY_GAP
        HP_POLICY_BLOCK
        HP_POLICY_FLAG
    ctypedef struct hp_stream_rule_t:
        uint64_t first_ns
        uint64_t silence_ns
        uint64_t quote_ns
        uint32_t kind
        uint32_t socket
    ctypedef struct hp_sanity_rule_t:
        uint64_t time_ns
        uint64_t late_ns
        uint64_t block_ns
        uint64_t spare_ns
        int64_t volume_lots_min
        uint32_t volume_times
        uint32_t jump_bps
        uint32_t sigma_tenths
        uint32_t sigma_bps_min
        uint32_t times_max
        uint32_t warm_up
        uint8_t policy[8]
    ctypedef struct hp_feed_event_t:
        uint64_t recv_ns
        uint32_t instrument
        uint8_t trouble
        uint8_t stream
        uint8_t policy
        uint8_t source
        int64_t found
        int64_t wanted
        int64_t bid_ticks
        int64_t bid_lots
        int64_t ask_ticks
        int64_t ask_lots
    ctypedef struct hp_lane_feed_t:
        uint64_t blind_ns
        uint64_t blind_since_ns
        uint64_t wanted[16]
        uint64_t resyncs
        uint64_t too_old
        uint64_t gaps
        uint64_t troubles[16]
        uint64_t last_ns[8]
        uint64_t lag_ns
        uint64_t spare_polls
        uint64_t spare_ns
        uint64_t spare_compared
        uint64_t spare_equal
        uint8_t stream_state[8]
        uint8_t source
        uint8_t caution
        uint8_t pad0[6]
        uint64_t trade_gaps
        uint64_t trades_missed
        uint64_t trades_filled
        uint64_t missed_from
        uint64_t missed_to
        uint64_t pad[7]
    ctypedef struct hp_missed_t:
        uint64_t trade_id
        uint64_t first_id
        uint64_t last_id
        int64_t price_ticks
        int64_t lots
        int64_t event_ns
        uint64_t is_buyer_maker
    ctypedef struct hp_lane_line_t:
        uint64_t wins
        uint64_t duplicates
        uint64_t held
        uint64_t unused
        uint64_t lost
        uint64_t errors
        uint64_t isolations
        uint64_t returns
        uint64_t late_ns
        uint64_t late_ns_mean
        uint32_t score_bps
        uint32_t unheard
        uint64_t pad[5]
