"""The owner of a lane's memory: tables, books, pages, journal, strategies.

Owns:    one allocation made at start, the codec's life time, the Python entry points of the steps.
Refuses: sockets, clocks, processes: a subclass fills the Env (live.LiveLane, manual.ManualLane).
"""

from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int8_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from hotpath.abi.book cimport *
from hotpath.abi.clock cimport hp_calibrate, hp_calibration_t
from hotpath.abi.codec cimport HP_CODEC_LAYOUT, hp_codec_t
from hotpath.abi.event cimport HP_LEVELS_MAX, hp_levels_t
from hotpath.abi.feed cimport *
from hotpath.abi.flatten cimport HP_FLATTEN_MARKET, HP_FLATTEN_NOTHING, HP_STRATEGY_LANE, hp_flatten_rule_t
from hotpath.abi.instrument cimport *
from hotpath.abi.journal cimport *
from hotpath.abi.order cimport hp_report_t
from hotpath.abi.page cimport *
from hotpath.abi.verdict cimport HP_VERDICT_CLOCK_UNSURE
from hotpath.book.arbiter cimport HP_LINES_MAX, hp_arbiter_bytes, hp_arbiter_init, hp_arbiter_t
from hotpath.lane.core cimport *
from hotpath.lane.strategy cimport Strategy

cdef extern from "stdlib.h" nogil:
    int posix_memalign(void **out, size_t alignment, size_t size)

ORDER_CAPACITY = 1024
CANCEL_AGAIN_MS, CANCEL_AGAIN_MS_MAX = 500, 8000  # unless set_cancel_again() says otherwise
INQUIRIES_PER_SECOND, INQUIRIES_BURST = 10, 10  # about orders, unless set_inquiry_rate() says otherwise
HELD_LOG2, HELD_LEVELS = 7, 16384  # events that wait for another line's, per book
OVERFLOW_LOG2, DELTAS_LOG2, BACKLOG_LEVELS = 13, 10, 65536  # per book; a backlog of about 50 s at 20 deltas/s
ROLES = ("fused", "market", "order")  # enum hp_lane_role
INSTRUMENT_FIELDS = (
    "venue", "status", "contract", "price_decimals", "size_decimals", "settle_asset", "tick_size_ticks",
    "price_min_ticks", "price_max_ticks", "step_size_lots", "size_min_lots", "size_max_lots", "notional_min_e8",
    "multiplier_e8", "band_up_bps", "band_down_bps", "open_orders_max", "algo_orders_max", "version", "stale_quote_ns",
    "base_asset", "leverage", "fee_rate_e8", "margin",
)

SANITY_BOUNDS = {"time_ms", "late_ms", "block_ms", "spare_ms", "volume_lots_min", "volume_times", "jump_bps",
                 "sigma_tenths", "sigma_bps_min", "times_max", "warm_up"}
FIGURES = ["jump", "sigma", "tenfold", "time", "late", "volume"]  # enum hp_trouble from 1 on
POLICIES = ["gap", "block", "flag"]                               # enum hp_policy


cdef size_t line_up(size_t n) noexcept nogil:
    return (n + 127) & ~<size_t>127


BOUNDS = {
    "strategies", "accounts", "kinds", "order_lots_max", "position_lots_max", "open_orders_max", "band_bps", "stale_ms",
    "sigma_tenths", "sigma_alpha_e4", "sigma_floor_e8", "sigma_sample_ms", "typical_lots", "typical_times_max",
    "distance_bps_max", "daily_volume_lots", "volume_share_bps_max", "windows",
}
LIMIT_BOUNDS = (  # of hp_limit_t, in its order
    "order_notional_e8_max", "net_notional_e8_max", "gross_notional_e8_max", "open_orders_max", "leverage_e4_max",
    "capital_e8", "base_pnl_e8", "daily_loss_e8_max", "drawdown_bps_max", "failures_max", "cool_down_ns",
    "fast_move_bps_max", "fast_window_ns", "fast_freeze_ns", "order_to_trade_max", "cancel_rate_bps_max",
    "budget_window_ns", "budget_free_count", "token_rate", "token_burst", "token_reserve",
)
QUOTA_PERCENTS = ("busy", "slow", "no_risk", "reserve", "kept")  # of hp_quota_rule_t, in its order
QUOTA_COSTS = ("limit", "post_only", "market", "stop", "replace", "cancel", "status", "logon")  # enum hp_quota_cost_of
SELF_TRADE = ["reject", "oldest", "smallest", "warn"]  # enum hp_self_trade_policy


cdef int fill_rule(hp_instrument_limits_t *rule, dict bounds) except -1:
    cdef uint32_t n
    unknown = set(bounds) - BOUNDS
    if unknown:
        raise TypeError(f"unknown limits: {', '.join(sorted(unknown))}; known: {', '.join(sorted(BOUNDS))}")
    hp_instrument_limits_open(rule)
    rule.strategies = bounds.get("strategies", 0) | <uint64_t>1 << HP_STRATEGY_LANE  # it only closes
    rule.accounts = bounds.get("accounts", 0)
    rule.kinds = bounds.get("kinds", (1 << 1) | (1 << 2) | (1 << 3))
    rule.order_lots_max = bounds.get("order_lots_max", 0)
    rule.position_lots_max = bounds.get("position_lots_max", 0)
    rule.open_orders_max = bounds.get("open_orders_max", 0)
    rule.band_bps = bounds.get("band_bps", 0)
    rule.stale_ns = <uint64_t>bounds.get("stale_ms", 0) * 1000000
    rule.sigma_tenths = bounds.get("sigma_tenths", HP_LIMIT_NONE)
    rule.sigma_alpha_e4 = bounds.get("sigma_alpha_e4", 2000)
    rule.sigma_floor_e8 = bounds.get("sigma_floor_e8", 0)
    rule.sigma_sample_ns = <int64_t>bounds.get("sigma_sample_ms", 1000) * 1000000
    rule.typical_lots = bounds.get("typical_lots", 0)
    rule.typical_times_max = bounds.get("typical_times_max", HP_LIMIT_NONE)
    rule.distance_bps_max = bounds.get("distance_bps_max", HP_LIMIT_NONE)
    rule.daily_volume_lots = bounds.get("daily_volume_lots", 0)
    rule.volume_share_bps_max = bounds.get("volume_share_bps_max", HP_LIMIT_NONE)
    windows = bounds.get("windows", ())
    if len(windows) > HP_WINDOWS_MAX:
        raise ValueError(f"{len(windows)} windows; want at most {HP_WINDOWS_MAX}")
    rule.window_count = <uint32_t>len(windows)
    for n, (from_s, until_s, days, is_closed) in enumerate(windows):
        rule.windows[n].from_s, rule.windows[n].until_s = from_s, until_s
        rule.windows[n].days, rule.windows[n].is_closed = days, is_closed
    return 0


cdef int fill_about(hp_instrument_t *to, uint32_t instrument_id, str symbol, dict about) except -1:
    cdef bytes text = symbol.encode("ascii")
    if len(text) > 31:
        raise ValueError(f"symbol {symbol!r}: want at most 31 bytes")
    memset(to, 0, sizeof(hp_instrument_t))
    to.id = instrument_id
    memcpy(to.symbol, <const char *>text, len(text))
    to.symbol_length = <uint8_t>len(text)
    to.scale_known = 1
    unknown = set(about) - set(INSTRUMENT_FIELDS)
    if unknown:
        raise TypeError(f"unknown instrument fields: {', '.join(sorted(unknown))}")
    to.venue = about.get("venue", 0)
    to.status = about.get("status", HP_STATUS_TRADING)
    to.contract = about.get("contract", HP_CONTRACT_LINEAR)
    to.price_decimals = about["price_decimals"]
    to.size_decimals = about["size_decimals"]
    to.settle_asset = about.get("settle_asset", 0)
    to.tick_size_ticks = about.get("tick_size_ticks", 1)
    to.price_min_ticks = about.get("price_min_ticks", 0)
    to.price_max_ticks = about.get("price_max_ticks", 0)
    to.step_size_lots = about.get("step_size_lots", 1)
    to.size_min_lots = about.get("size_min_lots", 1)
    to.size_max_lots = about.get("size_max_lots", 0)
    to.notional_min_e8 = about.get("notional_min_e8", 0)
    to.multiplier_e8 = about.get("multiplier_e8", 100_000_000)
    to.band_up_bps = about.get("band_up_bps", 0)
    to.band_down_bps = about.get("band_down_bps", 0)
    to.open_orders_max = about.get("open_orders_max", 0)
    to.algo_orders_max = about.get("algo_orders_max", 0)
    to.version = about.get("version", 1)
    to.stale_quote_ns = about.get("stale_quote_ns", 0)
    to.base_asset = about.get("base_asset", 0)
    to.leverage = about.get("leverage", 1)
    to.fee_rate_e8 = about.get("fee_rate_e8", 0)
    to.margin = about.get("margin", HP_MARGIN_NONE)
    if to.margin >= HP_MARGIN_COUNT:
        raise ValueError(f"margin {to.margin} of {symbol}: want 0..{HP_MARGIN_COUNT - 1}")
    hp_instrument_make(to)
    return 0


cdef hp_limit_t limit_of(uint32_t dimension, uint32_t number, dict bounds) except *:
    cdef hp_limit_t limit
    unknown = set(bounds) - set(LIMIT_BOUNDS)
    if unknown:
        raise TypeError(f"unknown limits: {', '.join(sorted(unknown))}; known: {', '.join(sorted(LIMIT_BOUNDS))}")
    hp_limit_open(&limit, dimension, number)
    for name, value in bounds.items():
        (&limit.order_notional_e8_max)[<size_t>LIMIT_BOUNDS.index(name)] = value
    return limit


cdef int fill_policy(hp_gate_rule_t *rule, dict policy) except -1:
    unknown = set(policy) - {"warns", "throttles", "throttle_ms", "clock_ns_max", "send_budget_ns", "self_trade", "weights"}
    if unknown:
        raise TypeError(f"unknown policies: {', '.join(sorted(unknown))}")
    if "warns" in policy:
        rule.warns = sum(1 << n for n in set(policy["warns"]))
    if "throttles" in policy:
        rule.throttles = sum(1 << n for n in set(policy["throttles"]))
    if "throttle_ms" in policy:
        rule.throttle_ns = <uint64_t>policy["throttle_ms"] * 1000000u
    rule.clock_ns_max = policy.get("clock_ns_max", rule.clock_ns_max)
    rule.send_budget_ns = policy.get("send_budget_ns", rule.send_budget_ns)
    if "self_trade" in policy:
        rule.self_trade = SELF_TRADE.index(policy["self_trade"])
    if "weights" in policy:
        place, cancel = policy["weights"]
        rule.weights = place | cancel << 16
    return 0


def limit_bytes(uint32_t dimension, uint32_t number, **bounds):
    """Return what Lane.put_limit would hold, as the mail that a running lane takes."""
    cdef hp_limit_t limit = limit_of(dimension, number, bounds)
    return PyBytes_FromStringAndSize(<const char *>&limit, sizeof(limit))


def instrument_bytes(uint32_t instrument_id, str symbol, **about):
    """Return what Lane.add_instrument makes of the fields of hp_instrument_t."""
    cdef hp_instrument_t record
    fill_about(&record, instrument_id, symbol, about)
    return PyBytes_FromStringAndSize(<const char *>&record, sizeof(record))


def rule_bytes(**limits):
    """Return what Lane.put_rule would hold."""
    cdef hp_instrument_limits_t rule
    fill_rule(&rule, limits)
    return PyBytes_FromStringAndSize(<const char *>&rule, sizeof(rule))


def policy_bytes(**policy):
    """Return what Lane.put_policy makes of a gate that nobody has told any."""
    cdef hp_gate_rule_t rule
    hp_gate_rule_open(&rule)
    fill_policy(&rule, policy)
    return PyBytes_FromStringAndSize(<const char *>&rule, sizeof(rule))


cdef void fill_quota_rule(hp_quota_rule_t *rule, dict costs, stop_ms, slack_ms, dict percents) except *:
    hp_quota_open(rule)
    unknown = set(percents) - set(QUOTA_PERCENTS) | set(costs) - set(QUOTA_COSTS)
    if unknown:
        raise TypeError(f"unknown figures: {', '.join(sorted(unknown))}; known: {', '.join((*QUOTA_PERCENTS, *QUOTA_COSTS))}")
    for name, value in percents.items():
        (&rule.busy_percent)[<size_t>QUOTA_PERCENTS.index(name)] = value
    for name, (weight, orders) in costs.items():
        rule.costs[<size_t>QUOTA_COSTS.index(name)].weight = weight
        rule.costs[<size_t>QUOTA_COSTS.index(name)].orders = orders
    rule.stop_ms, rule.slack_ns = stop_ms, <uint64_t>slack_ms * 1000000u


def quota_rule_bytes(*, costs=None, stop_ms=60_000, slack_ms=500, **percents):
    """Return what Lane.put_quota_rule makes of these figures."""
    cdef hp_quota_rule_t rule
    fill_quota_rule(&rule, costs or {}, stop_ms, slack_ms, percents)
    return PyBytes_FromStringAndSize(<const char *>&rule, sizeof(rule))


TTL_FIGURES = ("volatility_ms", "queue_max", "queue_ms", "emergency_ms", "least_ms", "sweep_ms")


cdef void fill_steps(hp_ttl_step_t *steps, value) except *:
    (steps[0].bound, steps[0].permille), (steps[1].bound, steps[1].permille) = value


cdef class Lane:
    """One lane's state; see hotpath/lane/core.h."""

    def __cinit__(self, codec, page, *, uint32_t lane=0, uint64_t epoch=1, journal=None, uint64_t segment_bytes=0,
                  uint64_t segment_count=0, clock=(1, 1), uint64_t ack_timeout_ms=1000, uint64_t inquiry_ms=500,
                  uint64_t read_lag_ms=5000, uint64_t deadline_ms=1000, order_capacity=None,
                  str role="fused", bint is_archived=False, **_):
        """is_archived: its journal waits for an archiver, also while there is none."""
        cdef uint32_t capacity = order_capacity or ORDER_CAPACITY
        cdef size_t orders = line_up(hp_orders_bytes(capacity)), fills = line_up(sizeof(hp_fills_t))
        cdef size_t levels = line_up(sizeof(hp_levels_t)), table = line_up(256 * sizeof(hp_lane_instrument_t))
        cdef size_t stage = line_up(sizeof(hp_stage_t)), own = line_up(capacity * sizeof(hp_own_node_t)), pair = 0
        cdef size_t parked = line_up(HP_PARKED_MAX * sizeof(hp_parked_t)), rests = line_up(capacity * sizeof(hp_rest_t))
        cdef size_t agains = line_up(HP_AGAIN_MAX * sizeof(hp_again_t))
        cdef char *at
        cdef hp_journal_clock_t opened
        memset(&self.core, 0, sizeof(self.core))
        self.codec = codec
        self.strategies = []
        self.core.codec = <const hp_codec_t *>PyCapsule_GetPointer(codec.capsule, "hp_codec_t")
        if self.core.codec.layout != HP_CODEC_LAYOUT:
            raise ValueError(f"codec has layout {self.core.codec.layout}, this lane reads {HP_CODEC_LAYOUT}; rebuild the venue")
        self.core.role = ROLES.index(role)
        if self.core.role != HP_ROLE_FUSED:
            if capacity > HP_PAIR_ORDERS_MAX:
                raise ValueError(f"{capacity} orders in a lane of a pair; want at most {HP_PAIR_ORDERS_MAX}")
            pair = line_up(sizeof(hp_pair_t) + capacity * sizeof(uint32_t))
        self._memory_bytes = orders + fills + levels + table + stage + own + parked + rests + agains + pair
        if posix_memalign(&self._memory, 128, self._memory_bytes):
            raise MemoryError(f"lane needs {self._memory_bytes} bytes")
        memset(self._memory, 0, self._memory_bytes)
        at = <char *>self._memory
        hp_orders_init(&self.core.orders, at, capacity)
        at += orders
        self.core.fills = <hp_fills_t *>at
        at += fills
        self.core.levels = <hp_levels_t *>at
        at += levels
        self.core.instruments = <hp_lane_instrument_t *>at
        at += table
        self.core.stage = <hp_stage_t *>at
        at += stage
        hp_gate_init(&self.core.gate)
        hp_own_init(&self.core.gate.own, at, <const hp_order_t *>self._memory, capacity)
        at += own
        self.core.parked = <hp_parked_t *>at
        at += parked
        self.core.rests = <hp_rest_t *>at
        at += rests
        self.core.agains = <hp_again_t *>at
        hp_ttl_open(&self.core.ttl)
        at += agains
        if pair:
            self.core.pair = <hp_pair_t *>at
            self.core.pair.is_hello_due = 1
        if self.core.role == HP_ROLE_ORDER:
            self.core.intent_sequence = <uint64_t>1 << 62  # of its own intents: no strategy's

        self._page_map = page
        PyObject_GetBuffer(page, &self._page_view, PyBUF_WRITABLE)
        self._has_page = True
        if <size_t>self._page_view.len < sizeof(hp_lane_page_t):
            raise ValueError(f"lane page has {self._page_view.len} bytes; want {sizeof(hp_lane_page_t)}")
        self.core.page = <hp_lane_page_t *>self._page_view.buf
        self.core.count = &self.core.page.counters
        self.core.lane = lane
        self.core.epoch = epoch
        self.core.page.lane = lane
        self.core.page.page.epoch = <uint32_t>epoch
        hp_lane_show_quota(&self.core)
        self.core.page.role = self.core.role
        self.core.ack_timeout_ns = ack_timeout_ms * 1000000
        self.core.inquiry_ns = inquiry_ms * 1000000
        self.set_cancel_again(CANCEL_AGAIN_MS, CANCEL_AGAIN_MS_MAX)
        self.core.read_lag_ns = read_lag_ms * 1000000
        self.core.deadline_ms = deadline_ms
        hp_bucket_init(&self.core.inquiries, INQUIRIES_PER_SECOND, INQUIRIES_BURST, 0)
        if journal is not None:
            self._journal_map = journal
            PyObject_GetBuffer(journal, &self._journal_view, PyBUF_WRITABLE)
            self._has_journal = True
            if <size_t>self._journal_view.len < hp_journal_bytes(segment_bytes, segment_count):
                raise ValueError(f"journal ring has {self._journal_view.len} bytes; want "
                                 f"{hp_journal_bytes(segment_bytes, segment_count)}")
            memset(&opened, 0, sizeof(opened))
            opened.mono_ns, opened.real_ns = clock
            opened.uncertainty_ns = <uint64_t>-1
            hp_journal_lay_out(&self.core.journal, self._journal_view.buf, segment_bytes, segment_count, lane, epoch, &opened,
                               0 if is_archived else <uint64_t>-1)

    def __dealloc__(self):
        cdef uint32_t n
        if self.core.instruments != NULL:
            for n in range(256):
                free(self.core.instruments[n].book)
                free(self.core.instruments[n].arbiter)
        if self._has_page:
            PyBuffer_Release(&self._page_view)
        if self._has_journal:
            PyBuffer_Release(&self._journal_view)
        free(self._memory)

    def describe(self, str text):
        """Journal what this lane is built of (JSON), so that its journal alone can build it again."""
        cdef bytes data = text.encode()
        hp_lane_journal(&self.core, HP_RECORD_LANE, 0, 0, <const char *>data, len(data))

    def calibrate(self, uint64_t span_ns=20_000_000):
        """Measure the TSC against CLOCK_MONOTONIC; without it hops are not converted."""
        hp_calibrate(&self.core.page.calibration, span_ns)
        return self.core.page.calibration.ns_per_tick_q32 / 2**32

    def add_instrument(self, uint32_t instrument_id, str symbol, *, uint32_t book_window_log2=14, limits=None, **about):
        """Take an instrument (fields of hp_instrument_t), its limits and make its book.

        limits: fields of hp_instrument_limits_t, times also as *_ms; windows: (from_s, until_s, days,
        is_closed) each.  What is left out permits nothing; a fence that is left out is none.
        """
        cdef hp_lane_instrument_t *i
        if not 0 < instrument_id < 256:
            raise ValueError(f"instrument {instrument_id} {symbol!r}: want an id in 1..255")
        i = &self.core.instruments[instrument_id]
        free(i.book)
        free(i.arbiter)
        memset(i, 0, sizeof(hp_lane_instrument_t))
        fill_about(&i.about, instrument_id, symbol, about)
        fill_rule(&i.limits, limits or {})
        hp_pulse_set(&self.core.gate.pulses[instrument_id], &i.limits)
        i.is_subscribed = 1
        if self.core.role != HP_ROLE_ORDER:
            self.make_book(i, book_window_log2)
        if self.core.line_count > 1:
            self.make_arbiter(i)
        if instrument_id > self.core.page.instrument_count:
            self.core.page.instrument_count = instrument_id
        self.core.page.tops[instrument_id].instrument = instrument_id
        self.core.page.tops[instrument_id].price_decimals = i.about.price_decimals
        self.core.page.tops[instrument_id].size_decimals = i.about.size_decimals
        self.core.page.tops[instrument_id].contract = i.about.contract
        self.core.page.tops[instrument_id].multiplier_e8 = i.about.multiplier_e8
        memcpy(self.core.page.tops[instrument_id].symbol, i.about.symbol, 32)
        if not self.core.codec.put_instrument(self.core.codec.state, &i.about):
            raise ValueError(f"codec {self.core.codec.name.decode()} has no room for instrument {symbol}")
        hp_lane_journal(&self.core, HP_RECORD_INSTRUMENT, instrument_id, 0, &i.about, sizeof(hp_instrument_t))

    def put_instrument(self, uint32_t instrument_id, str symbol, **about):
        """Take the venue's new word about an instrument that the lane has; fields as in add_instrument."""
        cdef hp_instrument_t record
        fill_about(&record, instrument_id, symbol, about)
        if not hp_lane_put_instrument(&self.core, &record):
            raise ValueError(f"instrument {instrument_id} {symbol!r}: not known, or more than steps, sizes and bands differs")

    def set_lines(self, uint32_t count, uint32_t sockets):
        """Say how many equal lines the market sockets are, and how many sockets a line has.

        Socket s is line s // sockets.  Before the instruments; one line costs nothing.
        """
        if not 1 <= count <= HP_LINES_MAX or sockets == 0:
            raise ValueError(f"{count} lines of {sockets} sockets; want 1..{HP_LINES_MAX} of 1 or more")
        if self.core.page.instrument_count:
            raise RuntimeError("lines are set before the instruments")
        self.core.line_count, self.core.line_sockets = count, sockets

    cdef void make_arbiter(self, hp_lane_instrument_t *i) except *:
        cdef size_t head = line_up(sizeof(hp_arbiter_t))
        cdef size_t bytes_wanted = head + hp_arbiter_bytes(HELD_LOG2, HELD_LEVELS)
        cdef void *memory = NULL
        if posix_memalign(&memory, 128, bytes_wanted):
            raise MemoryError(f"arbiter needs {bytes_wanted} bytes")
        memset(memory, 0, bytes_wanted)
        i.arbiter = <hp_arbiter_t *>memory
        hp_arbiter_init(i.arbiter, self.core.codec.sequence_rule, self.core.line_count, HELD_LOG2,
                        HELD_LEVELS, <char *>memory + head)

    cdef void make_book(self, hp_lane_instrument_t *i, uint32_t window_log2) except *:
        cdef hp_book_size_t size
        cdef void *memory = NULL
        cdef size_t head = line_up(sizeof(hp_book_t)), bytes_wanted
        size.window_log2 = window_log2
        size.overflow_log2 = OVERFLOW_LOG2
        size.deltas_log2 = DELTAS_LOG2
        size.level_max = BACKLOG_LEVELS
        bytes_wanted = head + hp_book_bytes(&size)
        if posix_memalign(&memory, 128, bytes_wanted):
            raise MemoryError(f"book needs {bytes_wanted} bytes")
        memset(memory, 0, bytes_wanted)
        i.book = <hp_book_t *>memory
        hp_book_init(i.book, i.about.id, self.core.codec.sequence_rule, &size, <char *>memory + head)
        i.book.depth_kept = self.core.codec.depth_kept

    def add_asset(self, uint32_t asset_id, str name):
        """Name an asset of the account; from then on every order must be covered by what is free of it.

        Nothing is free before the venue has told its balance.
        """
        cdef bytes text = name.encode("ascii")
        cdef hp_lane_funds_t *funds
        if not 0 < asset_id <= <uint32_t>HP_ASSETS_MAX or not 0 < len(text) < 16:
            raise ValueError(f"asset {asset_id} {name!r}: want an id in 1..{HP_ASSETS_MAX} and 1 to 15 bytes of name")
        if not self.codec.put_asset(name, asset_id):
            raise ValueError(f"codec {self.core.codec.name.decode()} has no room for asset {name}")
        funds = &self.core.page.funds[asset_id - 1]
        funds.asset = asset_id
        memcpy(funds.name, <const char *>text, len(text))
        self.core.gate.funds = self.core.page.funds

    def set_cancel_again(self, uint64_t first_ms, uint64_t most_ms):
        """Set when a cancel without an answer is sent again: after `first_ms`, then after twice as long each
        time, up to `most_ms`."""
        if not 0 < first_ms <= most_ms < 1 << 32:
            raise ValueError(f"cancels again after {first_ms} to {most_ms} ms; want 0 < first <= most")
        self.core.cancel_again_ns = first_ms * 1000000
        self.core.cancel_again_most_ns = most_ms * 1000000

    def set_inquiry_rate(self, uint64_t per_second, uint64_t burst):
        """Set how often the lane may ask the venue about orders, all of them together; 0 = no limit."""
        hp_bucket_init(&self.core.inquiries, per_second, burst, 0)

    def set_rate(self, uint32_t account, uint64_t per_second, uint64_t burst, uint64_t reserve):
        """Set an account's bucket of orders; 0 per second = no limit."""
        cdef hp_limit_t limit
        if account >= 32:
            raise ValueError(f"account {account}: want 0..31")
        limit = hp_gate_scope(&self.core.gate, HP_DIMENSION_ACCOUNT, account).limit
        limit.dimension, limit.id = HP_DIMENSION_ACCOUNT, account
        limit.token_rate = per_second if per_second else HP_LIMIT_NONE
        limit.token_burst = burst if per_second else HP_LIMIT_NONE
        limit.token_reserve = reserve
        hp_lane_put_limit(&self.core, &limit)

    def put_limit(self, uint32_t dimension, uint32_t number, **bounds):
        """Hold a limit of one account, venue, strategy or instrument (fields of hp_limit_t) from now on.

        What is left out is not limited.  Counts of failures and cool-downs of the scope begin anew.
        """
        cdef hp_limit_t limit = limit_of(dimension, number, bounds)
        if not hp_lane_put_limit(&self.core, &limit):
            raise ValueError(f"a gate has no dimension {dimension} with a scope {number}")

    def put_rule(self, uint32_t instrument, **limits):
        """Hold other figures of one instrument from now on; names and defaults as in add_instrument."""
        cdef hp_instrument_limits_t rule
        fill_rule(&rule, limits)
        if not hp_lane_put_rule(&self.core, instrument, &rule):
            raise ValueError(f"no instrument {instrument} in this lane")

    def put_policy(self, **policy):
        """Hold other policies from now on; what is left out stays.

        warns, throttles: verdict numbers; throttle_ms, clock_ns_max, send_budget_ns; self_trade: reject,
        oldest, smallest, warn; weights: tokens of a placing request and of a cancel.
        """
        cdef hp_gate_rule_t rule = self.core.gate.rule
        fill_policy(&rule, policy)
        hp_lane_put_policy(&self.core, &rule)

    def put_ttl(self, layers=None, **figures):
        """Hold other times to live from now on.

        layers: {"touch" | "near" | "deep": (base, least, most) in ms}.  speeds, toxicities, distances: two
        (bound, permille), the higher bound first.  The other figures are those of hp_ttl_rule_t.
        """
        cdef hp_ttl_rule_t rule = self.core.ttl
        cdef uint32_t n
        for name, of in (layers or {}).items():
            n = {"touch": HP_LAYER_TOUCH, "near": HP_LAYER_NEAR, "deep": HP_LAYER_DEEP}[name]
            rule.layers[n].base_ms, rule.layers[n].least_ms, rule.layers[n].most_ms = of
        for name, value in figures.items():
            if name == "speeds":
                fill_steps(rule.speeds, value)
            elif name == "toxicities":
                fill_steps(rule.toxicities, value)
            elif name == "distances":
                fill_steps(rule.distances, value)
            elif name == "volatility_e8_max":
                rule.volatility_e8_max = value
            elif name in TTL_FIGURES:
                (&rule.volatility_ms)[<size_t>TTL_FIGURES.index(name)] = value
            else:
                raise TypeError(f"unknown figure {name}; known: speeds, toxicities, distances, volatility_e8_max, "
                                f"{', '.join(TTL_FIGURES)}")
        hp_lane_put_ttl(&self.core, &rule)

    def put_quota_rule(self, *, costs=None, stop_ms=60_000, slack_ms=500, **percents):
        """Hold other costs of requests at the venue, and other bounds of the modes, from now on.

        costs: {what: (weight, orders)} by the names of enum hp_quota_cost_of; what is left out costs nothing.
        percents: busy, slow, no_risk, reserve of a window; kept: of the weight, out of the lane's reach.
        """
        cdef hp_quota_rule_t rule
        fill_quota_rule(&rule, costs or {}, stop_ms, slack_ms, percents)
        hp_lane_put_quota_rule(&self.core, &rule)

    def quota_told(self, uint32_t kind, uint32_t length_s, *, int64_t limit=0, int64_t used=-1, uint64_t asked_ns=0,
                   uint64_t stop_ns=0, uint32_t status=0, uint32_t cost=0):
        """Take what the venue says of a window (enum hp_quota_kind, seconds); hp_quota_told_t has the fields."""
        cdef hp_quota_told_t told
        memset(&told, 0, sizeof(told))
        told.kind, told.length_s, told.limit, told.used, told.asked_ns = kind, length_s, limit, used, asked_ns
        told.stop_ns, told.status, told.cost = stop_ns, status, cost
        hp_lane_quota_told(&self.core, &told)

    @property
    def quota(self):
        """How the venue's windows stand (hp_lane_quota_t)."""
        return self.core.gate.quota.now

    def signal(self, uint32_t instrument=0, *, uint32_t toxicity_permille=0, bint is_emergency=False):
        """Say what is signalled about an instrument, 0 = all of them; it holds until the next word."""
        cdef hp_signal_t signal
        memset(&signal, 0, sizeof(signal))
        signal.instrument, signal.toxicity_permille, signal.is_emergency = instrument, toxicity_permille, is_emergency
        if not hp_lane_signal(&self.core, &signal):
            raise KeyError(f"no instrument {instrument} in this lane")

    def set_limit_lease(self, uint64_t until_ns, uint64_t fence, bint is_required=True):
        """Hold the authority's limits until then; afterwards cancels and reduce-only orders alone pass."""
        cdef hp_limit_lease_t lease
        memset(&lease, 0, sizeof(lease))
        lease.until_ns, lease.fence, lease.is_required = until_ns, fence, is_required
        hp_lane_lease(&self.core, &lease)

    def set_leader_lease(self, uint64_t until_ns, uint64_t epoch, bint is_required=True):
        """Be the one writer until then; afterwards nothing at all is sent."""
        cdef hp_leader_lease_t lease
        memset(&lease, 0, sizeof(lease))
        lease.until_ns, lease.epoch, lease.is_required = until_ns, epoch, is_required
        hp_lane_leader(&self.core, &lease)

    def set_flatten(self, *, uint32_t policy=HP_FLATTEN_NOTHING, uint32_t band_bps=0, uint32_t tries_max=0,
                    uint64_t wait_ms=0, uint64_t time_ms_max=0, int64_t slice_e8_max=0):
        """Say how positions are closed while the word FLATTEN stands.  Money in 1e-8 of the quote."""
        cdef hp_flatten_rule_t rule
        if policy > HP_FLATTEN_MARKET or band_bps > 9999:
            raise ValueError(f"flatten policy {policy} with band {band_bps} bps; want a policy and less than 10000 bps")
        memset(&rule, 0, sizeof(rule))
        rule.policy = policy
        rule.band_bps = band_bps
        rule.tries_max = tries_max
        rule.wait_ns = wait_ms * 1000000
        rule.time_ns_max = time_ms_max * 1000000
        rule.slice_e8_max = slice_e8_max
        hp_lane_put_flatten(&self.core, &rule)

    def set_durable(self, uint64_t strategies):
        """Say whose orders wait until their records are on disk: bits by the number of the strategy."""
        if strategies and self.core.journal.head == NULL:
            raise ValueError("orders that wait for the disk need a journal")
        self.core.durable = strategies

    def set_clock_policy(self, uint64_t ns_max, bint warn_only=False):
        """Refuse new risk (or only note it) while CLOCK_REALTIME may be further than ns_max from UTC.

        0 = the clock is not judged.
        """
        warns = {n for n in range(64) if self.core.gate.rule.warns >> n & 1} - {HP_VERDICT_CLOCK_UNSURE}
        self.put_policy(clock_ns_max=ns_max, warns=warns | ({HP_VERDICT_CLOCK_UNSURE} if warn_only else set()))

    def add_stream(self, uint32_t instrument, uint32_t kind, uint32_t socket, *, first_ms=0, silence_ms=0, quote_ms=0):
        """Expect a stream (enum hp_event_kind) of an instrument on a market socket; a bound of 0 is none.

        first_ms: from the socket's opening to the first message; silence_ms: between two messages, then it
        is asked for anew; quote_ms: the oldest message on which one may quote.
        """
        cdef hp_stream_rule_t rule
        memset(&rule, 0, sizeof(rule))
        rule.kind = kind
        rule.socket = socket
        rule.first_ns = <uint64_t>first_ms * 1000000u
        rule.silence_ns = <uint64_t>silence_ms * 1000000u
        rule.quote_ns = <uint64_t>quote_ms * 1000000u
        if not hp_lane_put_stream(&self.core, instrument, &rule):
            raise ValueError(f"stream of kind {kind}, instrument {instrument}: want a kind of event and an instrument added before")

    def set_sanity(self, uint32_t instrument, *, policies=None, **bounds):
        """Say which figures of an instrument make no sense, and what they cause.

        bounds: time_ms, late_ms, block_ms, spare_ms, volume_lots_min, volume_times, jump_bps, sigma_tenths,
        sigma_bps_min, times_max, warm_up; 0 or absent is no bound.  policies: {trouble: gap | block | flag}.
        """
        cdef hp_sanity_rule_t rule
        memset(&rule, 0, sizeof(rule))
        unknown = set(bounds) - SANITY_BOUNDS
        if unknown:
            raise TypeError(f"unknown bounds: {', '.join(sorted(unknown))}; known: {', '.join(sorted(SANITY_BOUNDS))}")
        rule.time_ns = <uint64_t>bounds.get("time_ms", 0) * 1000000u
        rule.late_ns = <uint64_t>bounds.get("late_ms", 0) * 1000000u
        rule.block_ns = <uint64_t>bounds.get("block_ms", 0) * 1000000u
        rule.spare_ns = <uint64_t>bounds.get("spare_ms", 0) * 1000000u
        rule.volume_lots_min = bounds.get("volume_lots_min", 0)
        rule.volume_times = bounds.get("volume_times", 0)
        rule.jump_bps = bounds.get("jump_bps", 0)
        rule.sigma_tenths = bounds.get("sigma_tenths", 0)
        rule.sigma_bps_min = bounds.get("sigma_bps_min", 0)
        rule.times_max = bounds.get("times_max", 0)
        rule.warm_up = bounds.get("warm_up", 0)
        for name, policy in (policies or {}).items():
            rule.policy[FIGURES.index(name) + 1] = POLICIES.index(policy)
        if not hp_lane_put_sanity(&self.core, instrument, &rule):
            raise ValueError(f"no instrument {instrument} in this lane")

    def add_strategy(self, Strategy strategy, uint32_t account=0):
        """Bind a strategy; its id is the order in which it came."""
        cdef uint32_t number = self.core.strategy_count
        if number >= HP_STRATEGY_LANE:
            raise ValueError(f"a lane carries at most {HP_STRATEGY_LANE} strategies")
        self.strategies.append(strategy)
        self.core.strategy_count = number + 1
        strategy.bind(&self.core, number, account)
        self.note_strategy(number, account, f"{type(strategy).__module__}:{type(strategy).__qualname__}")
        return number

    def expect_strategies(self, uint32_t count):
        """Say how many strategies the market lane of this order lane carries."""
        if self.core.role != HP_ROLE_ORDER or count > HP_STRATEGIES_MAX:
            raise ValueError(f"{count} strategies of a {self.role} lane; an order lane expects at most {HP_STRATEGIES_MAX}")
        self.core.strategy_count = count

    @property
    def role(self):
        """fused, market or order."""
        return ROLES[self.core.role]

    cdef object note_strategy(self, uint32_t number, uint32_t account, str name):
        cdef hp_strategy_t *s = &self.core.strategies[number]
        cdef bytes record
        cdef uint32_t calls = ((HP_CALL_BOOK if s.on_book != NULL else 0) | (HP_CALL_TOP if s.on_top != NULL else 0)
                               | (HP_CALL_TRADE if s.on_trade != NULL else 0) | (HP_CALL_MARK if s.on_mark != NULL else 0)
                               | (HP_CALL_ORDER if s.on_order != NULL else 0) | (HP_CALL_FILL if s.on_fill != NULL else 0)
                               | (HP_CALL_TIMER if s.on_timer != NULL else 0) | (HP_CALL_FEED if s.on_feed != NULL else 0)
                               | (HP_CALL_MISSED if s.on_missed != NULL else 0))
        record = calls.to_bytes(4, "little") + account.to_bytes(4, "little") + name.encode()[:255]
        hp_lane_journal(&self.core, HP_RECORD_STRATEGY, number, 0, <const char *>record, len(record))

    def start_strategies(self):
        """Say that the lane is built, and start its strategies."""
        hp_lane_command(&self.core, HP_COMMAND_START)
        for strategy in self.strategies:
            strategy.on_start()

    def stop_strategies(self):
        hp_lane_command(&self.core, HP_COMMAND_END)
        for strategy in self.strategies:
            strategy.on_stop()

    cdef void set_now(self, uint64_t now_ns) noexcept nogil:
        self.core.now_ns = now_ns

    def arm(self, bint armed=True):
        """Permit new risk (or take the permit away)."""
        hp_lane_command(&self.core, HP_COMMAND_OPEN if armed else HP_COMMAND_SHUT)

    @property
    def is_armed(self):
        return bool(self.core.gate.is_armed)

    @property
    def counters(self):
        """The lane's counters as cffi-free data: a dict of plain integers."""
        return self.core.count[0]

    @property
    def verdicts(self):
        """{verdict number: count} of verdicts given."""
        return {n: self.core.page.verdicts[n] for n in range(64) if self.core.page.verdicts[n]}

    def position(self, uint32_t instrument):
        """The lane's view of one position, in lots and 1e-8 of quote."""
        return self.core.page.positions[instrument]

    def orders(self):
        """Return the working orders as dicts."""
        cdef uint32_t n
        return [hp_orders_working(&self.core.orders, n)[0] for n in range(self.core.orders.working_count)]

    def order(self, uint64_t client_id):
        """Return one order as a dict, finished ones included; None when the table has forgotten it."""
        cdef hp_order_t *o = hp_orders_find(&self.core.orders, client_id)
        return None if o == NULL else o[0]

    def funds(self):
        """What there is of each asset: {name: free, reserved, used, total in 1e-8, ...}."""
        cdef uint32_t n
        out = {}
        for n in range(<uint32_t>HP_ASSETS_MAX):
            if self.core.page.funds[n].asset:
                out[self.core.page.funds[n].name.decode("ascii")] = self.core.page.funds[n]
        return out

    def exposure(self, uint32_t instrument):
        return self.core.instruments[instrument].exposure
