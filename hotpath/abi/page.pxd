# page.h - shared pages: one writer each, read by anyone of the deployment.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t, uint8_t
from hotpath.abi.atomic cimport *
from hotpath.abi.book cimport *
from hotpath.abi.clock cimport *
from hotpath.abi.event cimport *
from hotpath.abi.feed cimport *
from hotpath.abi.flatten cimport *
from hotpath.abi.hiccup cimport *
from hotpath.abi.histogram cimport *
from hotpath.abi.limit cimport *
from hotpath.abi.limit_use cimport *
from hotpath.abi.order cimport *
from hotpath.abi.quota cimport *
from hotpath.abi.verdict cimport *

cdef extern from "page.h" nogil:
    enum: HP_PAGE_LAYOUT
    enum: HP_LANE_INSTRUMENTS_MAX
    enum: HP_PROCESSES_MAX
    enum: HP_USAGES_MAX
    enum: HP_ASSETS_MAX
    const uint64_t HP_PAGE_MAGIC
    cdef enum hp_page_kind:
        HP_PAGE_NONE
        HP_PAGE_CONTROL
        HP_PAGE_LANE
        HP_PAGE_JOURNAL
        HP_PAGE_MAIL
        HP_PAGE_LIMITS
        HP_PAGE_CLOCK
        HP_PAGE_LEASE
        HP_PAGE_SUPERVISOR
        HP_PAGE_HOST
        HP_PAGE_BEAT
        HP_PAGE_SENTINEL
        HP_PAGE_AUTHORITY
    cdef enum hp_word:
        HP_WORD_KILL
        HP_WORD_FREEZE
        HP_WORD_DRAIN
        HP_WORD_FLATTEN
        HP_WORD_SAFE_MODE
        HP_WORD_STOP
        HP_WORD_LAGGING
        HP_WORD_CHOKED
    cdef enum hp_knob_state:
        HP_KNOB_UNKNOWN
        HP_KNOB_OK
        HP_KNOB_DRIFT
        HP_KNOB_PENDING
        HP_KNOB_UNSUPPORTED
        HP_KNOB_NOT_APPLICABLE
        HP_KNOB_CONFLICT
        HP_KNOB_STATE_COUNT
    cdef enum hp_process_role:
        HP_PROCESS_NONE
        HP_PROCESS_SUPERVISOR
        HP_PROCESS_LANE
        HP_PROCESS_SESSION
        HP_PROCESS_EXPORTER
        HP_PROCESS_ARCHIVER
        HP_PROCESS_VENUE
        HP_PROCESS_SENTINEL
        HP_PROCESS_AUTHORITY
        HP_PROCESS_COLD
        HP_PROCESS_ROLE_COUNT
    cdef enum hp_process_state:
        HP_PROCESS_ABSENT
        HP_PROCESS_STARTING
        HP_PROCESS_RUNNING
        HP_PROCESS_BACKING_OFF
        HP_PROCESS_STOPPING
        HP_PROCESS_STOPPED
        HP_PROCESS_GIVEN_UP
        HP_PROCESS_STATE_COUNT
    cdef enum hp_exit_cause:
        HP_EXIT_NONE
        HP_EXIT_CLEAN
        HP_EXIT_ERROR
        HP_EXIT_CRASH
        HP_EXIT_KILLED
        HP_EXIT_STALLED
        HP_EXIT_MEMORY
        HP_EXIT_CAUSE_COUNT
    cdef enum hp_lane_state:
        HP_LANE_NONE
        HP_LANE_STARTING
        HP_LANE_CONNECTING
        HP_LANE_SYNCING
        HP_LANE_ARMED
        HP_LANE_DISARMED
        HP_LANE_DRAINING
        HP_LANE_DRAINED
        HP_LANE_STOPPED
        HP_LANE_STATE_COUNT
    ctypedef struct hp_page_t:
        uint64_t magic
        uint32_t layout
        uint32_t kind
        uint64_t build_id
        uint32_t writer_pid
        uint32_t epoch
        uint64_t heartbeat_ns
        uint64_t size
        char name[64]
        uint64_t writer_start_ticks
        uint8_t pad[8]
    ctypedef struct hp_control_page_t:
        hp_page_t page
        uint32_t word
        uint32_t generation
        uint64_t since_ns
        char reason[96]
        uint8_t pad[16]
    ctypedef struct hp_clock_page_t:
        hp_page_t page
        uint64_t seq
        hp_time_record_t record
        uint64_t accepted
        char reason[64]
    ctypedef struct hp_limits_page_t:
        hp_page_t page
        uint64_t seq
        hp_limit_lease_t lease
        uint64_t renewals
        uint8_t pad[88]
        uint64_t table_seq
        uint64_t table_fence
        uint32_t limit_count
        uint32_t pad0
        uint8_t pad1[104]
        hp_limit_t limits[320]
    ctypedef struct hp_authority_page_t:
        hp_page_t page
        uint64_t seq
        uint64_t term
        uint64_t lease_ns
        uint64_t renew_ns
        uint64_t renewals
        uint64_t late
        uint64_t moves
        uint64_t freezes
        uint32_t limit_count
        uint32_t frozen_count
        uint8_t pad[56]
        hp_limit_row_t rows[320]
    ctypedef struct hp_host_page_t:
        hp_page_t page
        uint64_t seq
        uint64_t fingerprint
        uint32_t fitness_permille
        uint32_t coverage_permille
        uint32_t states[8]
        uint32_t critical
        uint32_t pad0
        uint64_t polls
        uint64_t drifts
        uint64_t checked_ns
        char profile[24]
        uint8_t pad[16]
    ctypedef struct hp_process_t:
        char name[24]
        uint32_t role
        uint32_t state
        uint32_t pid
        int32_t core
        uint32_t epoch
        int32_t last_code
        uint32_t last_cause
        uint32_t is_spinning
        uint64_t started_ns
        uint64_t heartbeat_ns
        uint64_t rss_bytes
        uint64_t cpu_ns
        uint64_t starts
        uint64_t exits[8]
        uint8_t pad[96]
    ctypedef struct hp_supervisor_page_t:
        hp_page_t page
        uint64_t seq
        uint32_t process_count
        uint32_t is_degraded
        uint64_t started_ns
        uint64_t memory_total_bytes
        uint64_t memory_available_bytes
        uint64_t shm_free_bytes
        uint64_t disk_free_bytes
        uint64_t load_permille
        char topology[64]
        char degraded[448]
        uint8_t pad[64]
        hp_process_t processes[16]
    ctypedef struct hp_lane_counters_t:
        uint64_t messages
        uint64_t bytes
        uint64_t frames_parked
        uint64_t reads
        uint64_t decode[16]
        uint64_t events[8]
        uint64_t fallbacks
        uint64_t gaps
        uint64_t resyncs
        uint64_t crossed
        uint64_t dropped
        uint64_t stale
        uint64_t reconnects
        uint64_t blind_ns
        uint64_t intents
        uint64_t orders_sent
        uint64_t cancels_sent
        uint64_t acks
        uint64_t rejects
        uint64_t fills
        uint64_t fills_buy
        uint64_t fills_sell
        uint64_t fills_duplicate
        uint64_t canceled
        uint64_t expired
        uint64_t unknown
        uint64_t unknown_now
        uint64_t open_orders
        uint64_t reports
        uint64_t reports_refused
        uint64_t reports_bad
        uint64_t send_failures
        uint64_t inquiries
        uint64_t order_states[16]
        uint64_t callbacks
        uint64_t callback_ns
        uint64_t callback_slow
        uint64_t callback_errors
        uint64_t strategy_halted
        uint64_t turns
        uint64_t journal_records
        uint64_t journal_bytes
        uint64_t mail_in
        uint64_t mail_out
        uint64_t mail_refused
        uint64_t position_corrections
        uint64_t intents_refused
        uint64_t cancel_retries
        uint64_t foreign_reports
        uint64_t frames_before_ack_max
        uint64_t orders_refused
        uint64_t orders_absent
        uint64_t orders_adopted
        uint64_t fills_recovered
        uint64_t fills_foreign
        uint64_t openings
        uint64_t line_holes
        uint64_t line_conflicts
        uint64_t pair_in
        uint64_t pair_out
        uint64_t pair_refused
        uint64_t pair_mirrors
        uint64_t pair_silences
        uint64_t replaces_sent
        uint64_t replaced
        uint64_t replaces_refused
        uint64_t frames_unjournaled
        uint64_t orders_parked
        uint64_t orders_unparked
        uint64_t pad[22]
    ctypedef struct hp_lane_position_t:
        int64_t lots[3]
        int64_t cost_e8[3]
        int64_t realised_e8
        int64_t fees_e8
        int64_t bought_lots
        int64_t sold_lots
        int64_t venue_lots[3]
        int64_t venue_pnl_e8
        int64_t used_e8
        int64_t pad[1]
    ctypedef struct hp_usage_t:
        uint32_t dimension
        uint32_t id
        int64_t net_e8
        int64_t net_e8_max
        int64_t gross_e8
        int64_t gross_e8_max
        int64_t open_orders
        int64_t open_orders_max
        int64_t loss_e8
        int64_t loss_e8_max
        int64_t drawdown_bps
        int64_t drawdown_bps_max
        int64_t failures
        int64_t failures_max
        uint64_t cool_ns
        uint64_t frozen_ns
        int64_t sigma_e8
    ctypedef struct hp_lane_flow_t:
        uint64_t cancels[16]
        uint64_t cancels_merged
        uint64_t ttl_changes
        uint64_t retries
        uint64_t retries_dropped
        uint64_t bursts
        uint64_t burst_requests
        uint64_t pad[10]
    ctypedef struct hp_lane_funds_t:
        uint32_t asset
        uint32_t pad0
        char name[16]
        int64_t total_e8
        int64_t free_e8
        int64_t reserved_e8[3]
        int64_t used_e8[3]
        uint64_t said_ns
        uint64_t balances
        uint64_t refused
        uint64_t pad[2]
    ctypedef struct hp_lane_page_t:
        hp_page_t page
        uint32_t state
        uint32_t lane
        int32_t core
        uint32_t is_spinning
        uint32_t is_locked
        uint32_t words
        uint32_t instrument_count
        uint32_t flatten
        uint32_t role
        uint32_t pad0
        uint64_t started_ns
        uint64_t rss_bytes
        uint64_t turn_ns
        uint64_t words_turn
        uint64_t limit_fence
        uint64_t limit_turn_ns
        uint64_t limit_until_ns
        uint32_t limit_use_count
        uint32_t is_open
        uint64_t looked_turn
        uint8_t pad1[16]
        hp_lane_counters_t counters
        uint64_t verdicts[64]
        uint64_t warnings[64]
        hp_histogram_t hops[10]
        hp_calibration_t calibration
        uint8_t pad2[96]
        hp_hiccup_t hiccup
        hp_top_t tops[256]
        hp_lane_position_t positions[256]
        hp_lane_feed_t feeds[256]
        hp_lane_line_t lines[4]
        hp_usage_t usages[128]
        hp_limit_use_t uses[320]
        hp_lane_flow_t flow
        hp_lane_funds_t funds[8]
        hp_flatten_row_t flattens[768]
        hp_lane_quota_t quota
