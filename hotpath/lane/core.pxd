# core.pxd - names of core.h, trade.h and market.h.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from hotpath.abi.ask cimport hp_ask_t
from hotpath.abi.book cimport *
from hotpath.abi.codec cimport hp_codec_t
from hotpath.abi.event cimport hp_event_t, hp_level_t, hp_levels_t
from hotpath.abi.feed cimport hp_feed_event_t, hp_sanity_rule_t, hp_stream_rule_t
from hotpath.abi.instrument cimport hp_instrument_t
from hotpath.abi.intent cimport hp_intent_t
from hotpath.abi.journal cimport hp_journal_clock_t, hp_journal_head_t, hp_journal_record_t
from hotpath.abi.flatten cimport hp_flatten_rule_t
from hotpath.abi.limit cimport *
from hotpath.abi.mail cimport *
from hotpath.abi.order cimport hp_order_t, hp_report_t
from hotpath.abi.page cimport (
    HP_ASSETS_MAX, hp_lane_counters_t, hp_lane_funds_t, hp_lane_page_t, hp_limits_page_t, hp_page_t)
from hotpath.abi.pair cimport *
from hotpath.abi.ring cimport hp_ring_t
from hotpath.abi.rule cimport *
from hotpath.abi.quota cimport *
from hotpath.abi.ttl cimport *
from hotpath.abi.verdict cimport hp_verdict_t
from hotpath.book.arbiter cimport hp_arbiter_t
from hotpath.book.l2 cimport hp_l2_ask_ticks, hp_l2_bid_ticks, hp_l2_imbalance_bps, hp_l2_t
from hotpath.book.sync cimport hp_book_break, hp_book_bytes, hp_book_init, hp_book_size_t, hp_book_t
from hotpath.abi.clock cimport hp_stamps_t, hp_time_record_t


cdef extern from "hotpath/risk/bucket.h" nogil:
    ctypedef struct hp_bucket_t:
        uint64_t period_ns
    void hp_bucket_init(hp_bucket_t *b, uint64_t per_second, uint64_t burst, uint64_t reserve) noexcept nogil


cdef extern from "hotpath/risk/governor.h" nogil:
    ctypedef struct hp_governor_t:
        hp_lane_quota_t now


cdef extern from "hotpath/risk/gate.h" nogil:
    ctypedef struct hp_exposure_t:
        int64_t working_buy_lots
        int64_t working_sell_lots
        uint32_t open_orders
    ctypedef struct hp_own_t:
        uint32_t count
    ctypedef struct hp_own_node_t:
        int64_t key
    ctypedef struct hp_scope_t:
        hp_limit_t limit
        int64_t loss_e8
        int64_t drawdown_bps
        int64_t open_orders
        int64_t failures
    ctypedef struct hp_pulse_t:
        int64_t fence_e8
    ctypedef struct hp_gate_t:
        uint32_t words
        uint32_t is_armed
        hp_time_record_t clock
        hp_gate_rule_t rule
        hp_limit_lease_t lease
        hp_lane_funds_t *funds
        hp_leader_lease_t leader
        hp_governor_t quota
        hp_pulse_t pulses[256]
        hp_own_t own
    void hp_gate_init(hp_gate_t *g) noexcept nogil
    hp_scope_t *hp_gate_scope(hp_gate_t *g, uint32_t dimension, uint32_t id) noexcept nogil
    void hp_pulse_set(hp_pulse_t *p, const hp_instrument_limits_t *l) noexcept nogil
    void hp_own_init(hp_own_t *own, void *memory, const hp_order_t *slots, uint32_t capacity) noexcept nogil


cdef extern from "hotpath/order/table.h" nogil:
    ctypedef struct hp_orders_t:
        uint32_t capacity
        uint32_t working_count
        uint32_t used
        hp_order_t *slots
    size_t hp_orders_bytes(uint32_t capacity) noexcept nogil
    void hp_orders_init(hp_orders_t *t, void *memory, uint32_t capacity) noexcept nogil
    hp_order_t *hp_orders_find(const hp_orders_t *t, uint64_t client_id) noexcept nogil
    hp_order_t *hp_orders_working(const hp_orders_t *t, uint32_t position) noexcept nogil


cdef extern from "hotpath/order/position.h" nogil:
    ctypedef struct hp_fills_t:
        uint64_t count


cdef extern from "hotpath/journal/writer.h" nogil:
    ctypedef struct hp_journal_writer_t:
        hp_page_t *page
        hp_journal_head_t *head
        uint64_t sequence
        hp_journal_clock_t clock
    size_t hp_journal_bytes(uint64_t segment_bytes, uint64_t segment_count) noexcept nogil
    void hp_journal_lay_out(hp_journal_writer_t *w, void *memory, uint64_t segment_bytes, uint64_t segment_count, uint32_t lane,
                            uint64_t epoch, const hp_journal_clock_t *clock, uint64_t archived) noexcept nogil


cdef extern from "hotpath/lane/core.h" nogil:
    ctypedef struct hp_stage_t "struct hp_stage":
        uint64_t generation
    ctypedef struct hp_pair_t "struct hp_pair":
        uint32_t is_hello_due
        uint32_t is_silent
        uint32_t is_mirrored
        uint32_t is_armed
    ctypedef struct hp_rest_t "struct hp_rest":
        uint64_t since_ns
    ctypedef struct hp_again_t "struct hp_again":
        uint64_t until_ns
    ctypedef struct hp_parked_t "struct hp_parked":
        uint64_t client_id
    enum: HP_INTENTS_QUEUED
    enum: HP_STRATEGIES_MAX
    enum: HP_MARKET_FRAMES_PER_TURN
    # Tables that only C code calls, on a thread that holds the GIL: their members may be Python-aware.
    ctypedef struct hp_env_t:
        void *self
        uint64_t (*now)(void *self) noexcept
        uint64_t (*tsc)(void *self) noexcept
        int (*send)(void *self, char *data, size_t size) noexcept
        void (*want)(void *self, uint32_t what, uint32_t aux) noexcept
        uint32_t (*cork)(void *self, int on) noexcept
        const hp_intent_t *(*intent)(void *self) noexcept
        int (*hand)(void *self, uint32_t kind, const void *data, size_t size) noexcept
    ctypedef struct hp_strategy_t:
        void *self
        void (*on_book)(void *self, uint32_t instrument) noexcept
        void (*on_top)(void *self, const hp_event_t *event) noexcept
        void (*on_trade)(void *self, const hp_event_t *event) noexcept
        void (*on_mark)(void *self, const hp_event_t *event) noexcept
        void (*on_order)(void *self, const hp_order_t *order, const hp_verdict_t *verdict) noexcept
        void (*on_fill)(void *self, const hp_order_t *order, const hp_report_t *report) noexcept
        void (*on_timer)(void *self, uint64_t now) noexcept
        void (*on_feed)(void *self, const hp_feed_event_t *said) noexcept
        void (*on_missed)(void *self, const hp_event_t *event) noexcept
        uint32_t is_halted
        uint32_t working[256]
    ctypedef struct hp_stream_t:
        hp_stream_rule_t rule
    ctypedef struct hp_lane_instrument_t:
        hp_instrument_t about
        hp_instrument_limits_t limits
        hp_exposure_t exposure
        hp_book_t *book
        hp_arbiter_t *arbiter
        uint32_t is_subscribed
        uint32_t snapshot_wanted
        uint64_t snapshot_wanted_ns
        hp_stream_t streams[8]
        uint32_t stream_mask
        uint8_t source
        uint8_t caution
        hp_sanity_rule_t sanity_rule
    ctypedef struct hp_lane_t:
        hp_env_t env
        const hp_codec_t *codec
        hp_lane_page_t *page
        hp_lane_counters_t *count
        hp_journal_writer_t journal
        hp_orders_t orders
        hp_fills_t *fills
        hp_gate_t gate
        hp_levels_t *levels
        hp_event_t event
        hp_lane_instrument_t *instruments
        hp_strategy_t strategies[16]
        uint32_t strategy_count
        uint32_t lane
        uint64_t epoch
        uint64_t client_sequence
        uint64_t intent_sequence
        hp_intent_t intents[64]
        uint32_t intent_count
        uint32_t is_session_ready
        uint32_t is_user_ready
        uint32_t is_draining
        uint32_t is_open
        uint32_t is_broken
        uint32_t line_count
        uint32_t line_sockets
        uint32_t role
        hp_pair_t *pair
        uint32_t asked_words
        hp_stamps_t stamps
        uint64_t recv_ns
        uint64_t now_ns
        uint64_t clock_ns
        uint64_t ack_timeout_ns
        uint64_t cancel_again_ns
        uint64_t cancel_again_most_ns
        uint64_t inquiry_ns
        hp_bucket_t inquiries
        uint64_t read_lag_ns
        uint64_t deadline_ms
        uint64_t stale_ns
        hp_stage_t *stage
        hp_parked_t *parked
        hp_rest_t *rests
        hp_again_t *agains
        hp_ttl_rule_t ttl
        uint64_t durable
        uint32_t parked_count
        uint32_t is_open
    hp_lane_instrument_t *hp_lane_instrument(hp_lane_t *l, uint32_t id) noexcept nogil
    uint64_t hp_lane_emit(hp_lane_t *l, const hp_intent_t *wish) noexcept nogil
    int hp_lane_journal(hp_lane_t *l, uint16_t kind, uint32_t aux, uint64_t recv_ns, const void *payload, size_t size) noexcept nogil


cdef extern from "hotpath/lane/leased.h" nogil:
    enum:
        HP_USES_A_BEAT
    int hp_lane_take_limits(hp_lane_t *l, const hp_limits_page_t *page) noexcept nogil
    void hp_lane_show_some(hp_lane_t *l, uint32_t count) noexcept nogil
    void hp_lane_show_uses(hp_lane_t *l) noexcept nogil


cdef extern from "hotpath/lane/market.h" nogil:
    void hp_lane_market_frame(hp_lane_t *l, uint32_t socket, const char *data, size_t size, uint64_t recv_tsc) noexcept nogil
    void hp_lane_report_frame(hp_lane_t *l, uint32_t socket, const char *data, size_t size) noexcept nogil
    void hp_lane_report(hp_lane_t *l, const hp_report_t *r) noexcept nogil
    void hp_lane_snapshot(hp_lane_t *l, uint32_t instrument, const char *data, size_t size) noexcept nogil
    void hp_lane_fill_missed(hp_lane_t *l, uint32_t instrument, const char *rows, size_t size) noexcept nogil
    void hp_lane_spare(hp_lane_t *l, uint32_t instrument, uint64_t asked_ns, const char *data, size_t size) noexcept nogil
    void hp_lane_socket(hp_lane_t *l, uint32_t socket, bint is_open) noexcept nogil
    int hp_lane_put_stream(hp_lane_t *l, uint32_t instrument, const hp_stream_rule_t *rule) noexcept nogil
    int hp_lane_put_sanity(hp_lane_t *l, uint32_t instrument, const hp_sanity_rule_t *rule) noexcept nogil
    void hp_lane_words(hp_lane_t *l, uint32_t words) noexcept nogil
    void hp_lane_clock(hp_lane_t *l, const hp_time_record_t *record) noexcept nogil
    void hp_lane_lease(hp_lane_t *l, const hp_limit_lease_t *lease) noexcept nogil
    void hp_lane_leader(hp_lane_t *l, const hp_leader_lease_t *lease) noexcept nogil
    int hp_lane_put_limit(hp_lane_t *l, const hp_limit_t *limit) noexcept nogil
    int hp_lane_put_rule(hp_lane_t *l, uint32_t instrument, const hp_instrument_limits_t *rule) noexcept nogil
    void hp_lane_put_policy(hp_lane_t *l, const hp_gate_rule_t *rule) noexcept nogil
    void hp_lane_put_ttl(hp_lane_t *l, const hp_ttl_rule_t *rule) noexcept nogil
    int hp_lane_signal(hp_lane_t *l, const hp_signal_t *signal) noexcept nogil
    void hp_lane_put_flatten(hp_lane_t *l, const hp_flatten_rule_t *rule) noexcept nogil
    void hp_lane_timers(hp_lane_t *l) noexcept nogil
    void hp_lane_cancel_all(hp_lane_t *l, uint32_t instrument, int strategy, uint8_t cause) noexcept nogil
    void hp_lane_halt(hp_lane_t *l, uint32_t strategy) noexcept nogil
    void hp_lane_decide(hp_lane_t *l) noexcept nogil
    void hp_lane_inquire(hp_lane_t *l, hp_order_t *o) noexcept nogil


cdef extern from "hotpath/lane/ask.h" nogil:
    void hp_lane_ask(hp_lane_t *l, const hp_ask_t *asked, hp_verdict_t *v) noexcept


cdef extern from "hotpath/lane/reference.h" nogil:
    int hp_lane_put_instrument(hp_lane_t *l, const hp_instrument_t *about) noexcept


cdef extern from "hotpath/lane/governed.h" nogil:
    void hp_lane_put_quota_rule(hp_lane_t *l, const hp_quota_rule_t *rule) noexcept nogil
    void hp_lane_quota_told(hp_lane_t *l, const hp_quota_told_t *told) noexcept nogil
    void hp_lane_show_quota(hp_lane_t *l) noexcept nogil

cdef extern from "hotpath/lane/inputs.h" nogil:
    void hp_lane_session(hp_lane_t *l, uint32_t socket, uint32_t state) noexcept nogil
    void hp_lane_command(hp_lane_t *l, uint32_t command) noexcept nogil
    void hp_lane_told(hp_lane_t *l, const hp_report_t *r) noexcept nogil
    void hp_lane_clocks(hp_lane_t *l, const hp_journal_clock_t *clock) noexcept nogil
    int hp_lane_input(hp_lane_t *l, const hp_journal_record_t *r, const char *payload) noexcept nogil


cdef extern from "hotpath/lane/mailed.h" nogil:
    enum: HP_MAILED_NOT
    enum: HP_MAILED_FACT
    enum: HP_MAILED_REFUSED
    int hp_lane_mailed(hp_lane_t *l, uint32_t kind, uint64_t aux, const char *data, size_t size) noexcept nogil


cdef extern from "hotpath/lane/adopt.h" nogil:
    void hp_lane_opening_begin(hp_lane_t *l) noexcept nogil
    void hp_lane_fact(hp_lane_t *l, uint32_t kind, uint64_t generation, const void *data, size_t size) noexcept nogil


cdef extern from "hotpath/lane/park.h" nogil:
    enum: HP_PARKED_MAX
    uint32_t hp_lane_lag(const hp_lane_t *l) noexcept nogil
    void hp_lane_look_archived(hp_lane_t *l) noexcept nogil


cdef extern from "hotpath/lane/again.h" nogil:
    enum: HP_AGAIN_MAX

cdef extern from "hotpath/lane/lines.h" nogil:
    const uint32_t HP_WANT_ONE_SOCKET


cdef extern from "hotpath/lane/peer.h" nogil:
    enum: HP_PAIR_ORDERS_MAX
    enum: HP_PEER_RECORDS_PER_TURN
    void hp_pair_flush(hp_lane_t *l) noexcept nogil
    void hp_lane_peer(hp_lane_t *l, uint32_t kind, const void *data, size_t size) noexcept nogil
    uint32_t hp_lane_take_peer(hp_lane_t *l, hp_ring_t *ring) noexcept nogil
