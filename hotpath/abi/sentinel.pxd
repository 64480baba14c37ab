# sentinel.h - what the sentinel shows of itself.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport int64_t, uint32_t, uint64_t, uint8_t
from hotpath.abi.histogram cimport *
from hotpath.abi.page cimport *

cdef extern from "sentinel.h" nogil:
    cdef enum hp_trigger:
        HP_TRIGGER_NONE
        HP_TRIGGER_MANUAL
        HP_TRIGGER_LATENCY
        HP_TRIGGER_BALANCE
        HP_TRIGGER_CLOCK
        HP_TRIGGER_FEED
        HP_TRIGGER_LANE
        HP_TRIGGER_LEASE
        HP_TRIGGER_SUPERVISOR
        HP_TRIGGER_DRILL
        HP_TRIGGER_COUNT
    cdef enum hp_sentinel_state:
        HP_SENTINEL_NONE
        HP_SENTINEL_WATCHING
        HP_SENTINEL_CANCELLING
        HP_SENTINEL_HOLDING
        HP_SENTINEL_STATE_COUNT
    ctypedef struct hp_sentinel_page_t:
        hp_page_t page
        uint64_t seq
        uint32_t state
        uint32_t trigger
        uint64_t caused_ns
        uint64_t tripped_ns
        uint64_t confirmed_ns
        int64_t found
        int64_t wanted
        uint64_t cancelled
        uint64_t left
        uint64_t rounds
        uint64_t trips[16]
        uint64_t requests
        uint64_t request_failures
        uint64_t reconnects
        uint64_t weight_spent
        uint64_t overdrafts
        uint64_t lane_silence_ns
        uint64_t feed_silence_ns
        uint64_t latency_ns
        uint64_t latency_count
        int64_t clock_ns
        uint64_t clock_unsure_ns
        int64_t equity_e8
        int64_t equity_max_e8
        uint64_t venue_ns
        uint64_t drill_ns
        uint64_t drill_took_ns
        uint32_t scope
        uint32_t connections
        char reason[128]
        char evidence[256]
        uint8_t pad[64]
        hp_histogram_t confirm
