"""Every check of the gate at its boundary: limit - 1, limit, limit + 1."""

import pytest

from tests.steps.gate_case import BUY, NOW, SELL, reducing, verdict


def test_gate_passes_what_nothing_speaks_against(case):
    assert case.ask() == case.lib.HP_PASS
    assert (case.verdict.intent_id, case.verdict.now_ns) == (7, NOW)


@pytest.mark.parametrize(
    "bend",
    [
        lambda c: setattr(c.intent, "kind", 0),
        lambda c: setattr(c.intent, "kind", 9),
        lambda c: setattr(c.intent, "strategy", 1),
        lambda c: setattr(c.intent, "strategy", 64),
        lambda c: setattr(c.intent, "account", 1),
        lambda c: setattr(c.intent, "account", 32),
        lambda c: setattr(c.limits, "kinds", 0b1100),
        lambda c: setattr(c.limits, "strategies", 0),
    ],
)
def test_gate_blocks_what_is_not_on_the_allow_list(case, bend):
    bend(case)
    assert case.ask() == verdict(case, "NOT_ALLOWED")


def test_gate_blocks_while_not_armed(case):
    case.gate.is_armed = 0
    assert case.ask() == verdict(case, "NOT_ARMED")


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("KILL", "KILLED"),
        ("FREEZE", "FROZEN"),
        ("FLATTEN", "FROZEN"),
        ("SAFE_MODE", "FROZEN"),
        ("DRAIN", "DRAINING"),
        ("STOP", "DRAINING"),
    ],
)
def test_control_word_blocks_new_risk(case, word, name):
    case.gate.words = getattr(case.lib, f"HP_WORD_{word}")
    assert case.ask() == verdict(case, name)
    assert case.verdict.words == case.gate.words


@pytest.mark.parametrize(
    ("word", "passes"), [("KILL", False), ("FREEZE", True), ("FLATTEN", True), ("DRAIN", True)]
)
def test_control_word_and_a_risk_reducing_order(case, word, passes):
    case.position.lots[0] = 10
    case.intent.side, case.intent.reduce_only, case.intent.lots = SELL, 1, 10
    case.gate.words = getattr(case.lib, f"HP_WORD_{word}")
    assert (case.ask() == case.lib.HP_PASS) is passes


@pytest.mark.parametrize("word", ["KILL", "FREEZE", "FLATTEN", "DRAIN", "STOP"])
def test_cancel_passes_every_word_and_an_unarmed_gate(case, word):
    case.gate.is_armed = 0
    case.gate.words = getattr(case.lib, f"HP_WORD_{word}")
    case.intent.kind = case.lib.HP_INTENT_CANCEL
    assert case.ask() == case.lib.HP_PASS


@pytest.mark.parametrize(
    ("status", "reduces", "passes"),
    [
        (0, False, False),
        (1, False, True),
        (2, False, False),
        (3, False, False),
        (3, True, True),
        (4, True, False),
    ],
)
def test_instrument_status(case, status, reduces, passes):
    case.about.status = status
    if reduces:
        case.position.lots[0] = 10
        case.intent.side, case.intent.reduce_only = SELL, 1
    assert (case.ask() == case.lib.HP_PASS) is passes
    if not passes:
        assert case.verdict.verdict == verdict(case, "INSTRUMENT_STATUS")


@pytest.mark.parametrize(
    ("state", "name"),
    [
        ("EMPTY", "BOOK_NOT_SYNCED"),
        ("BUFFERING", "BOOK_NOT_SYNCED"),
        ("GAPPED", "BOOK_NOT_SYNCED"),
        ("STALE", "BOOK_STALE"),
        ("CROSSED", "BOOK_CROSSED"),
    ],
)
def test_only_a_synced_book_quotes(case, state, name):
    case.intent.book_state = getattr(case.lib, f"HP_BOOK_{state}")
    assert case.ask() == verdict(case, name)


@pytest.mark.parametrize(
    ("age", "passes"), [(999_999, True), (1_000_000, True), (1_000_001, False), (-1, False)]
)
def test_age_of_the_picture(case, age, passes):
    case.intent.recv_ns = NOW - age
    assert (case.ask() == case.lib.HP_PASS) is passes
    if not passes:
        assert case.verdict.verdict == verdict(case, "BOOK_STALE")


@pytest.mark.parametrize(
    ("bid", "ask", "passes"),
    [(600_000, 600_001, True), (600_001, 600_001, False), (600_002, 600_001, False)],
)
def test_crossed_or_locked_picture(case, bid, ask, passes):
    case.intent.bid_ticks, case.intent.ask_ticks = bid, ask
    assert (case.ask() == case.lib.HP_PASS) is passes


@pytest.mark.parametrize(
    "bend",
    [
        lambda i: setattr(i, "lots", 0),
        lambda i: setattr(i, "lots", -1),
        lambda i: setattr(i, "price_ticks", 0),
        lambda i: setattr(i, "side", 0),
        lambda i: setattr(i, "side", 3),
        lambda i: setattr(i, "position_side", 3),
    ],
)
def test_precision(case, bend):
    bend(case.intent)
    assert case.ask() == verdict(case, "PRECISION")


@pytest.mark.parametrize(
    ("ticks", "passes"), [(599_999, False), (600_000, True), (600_001, False), (600_005, True)]
)
def test_tick_size(case, ticks, passes):
    case.about.tick_size_ticks, case.intent.price_ticks = 5, ticks
    assert (case.ask() == case.lib.HP_PASS) is passes


@pytest.mark.parametrize(("lots", "passes"), [(9, False), (10, True), (11, False), (15, True)])
def test_step_size(case, lots, passes):
    case.about.step_size_lots, case.intent.lots = 5, lots
    assert (case.ask() == case.lib.HP_PASS) is passes


@pytest.mark.parametrize(
    ("lots", "passes"), [(9, False), (10, True), (11, True), (20, True), (21, False)]
)
def test_size_range(case, lots, passes):
    case.about.size_min_lots, case.about.size_max_lots, case.intent.lots = 10, 20, lots
    assert (case.ask() == case.lib.HP_PASS) is passes
    if not passes:
        assert case.verdict.verdict == verdict(case, "SIZE_RANGE")


@pytest.mark.parametrize(
    ("minimum_e8", "passes"),
    [(599_999_999_99, True), (600_000_000_00, True), (600_000_000_01, False)],
)
def test_min_notional(case, minimum_e8, passes):
    """60,000.0 x 0.010 = 600 quote units."""
    case.about.notional_min_e8 = minimum_e8
    assert (case.ask() == case.lib.HP_PASS) is passes
    if not passes:
        assert case.verdict.verdict == verdict(case, "MIN_NOTIONAL")
        assert (case.verdict.found, case.verdict.wanted) == (600_000_000_00, minimum_e8)


@pytest.mark.parametrize(
    ("price", "passes"), [(606_000, True), (606_001, False), (594_001, True), (594_000, False)]
)
def test_hard_band_around_the_mid(case, price, passes):
    """Band 100 bps of the mid 600,000.5: 594,000.495 .. 606,000.505."""
    case.intent.price_ticks = price
    assert (case.ask() == case.lib.HP_PASS) is passes
    if not passes:
        assert case.verdict.verdict == verdict(case, "FENCE_HARD")


@pytest.mark.parametrize(
    ("held", "side", "lots", "passes"),
    [
        (10, SELL, 10, True),
        (10, SELL, 11, False),
        (10, BUY, 1, False),
        (-10, BUY, 10, True),
        (-10, BUY, 11, False),
        (0, SELL, 1, False),
    ],
)
def test_reduce_only(case, held, side, lots, passes):
    case.position.lots[0] = held
    case.intent.side, case.intent.lots, case.intent.reduce_only = side, lots, 1
    assert (case.ask() == case.lib.HP_PASS) is passes
    if not passes:
        assert case.verdict.verdict == verdict(case, "REDUCE_ONLY")


@pytest.mark.parametrize(("lots", "passes"), [(99, True), (100, True), (101, False)])
def test_order_limit(case, lots, passes):
    case.intent.lots = lots
    assert (case.ask() == case.lib.HP_PASS) is passes
    if not passes:
        assert case.verdict.verdict == verdict(case, "ORDER_LIMIT")


@pytest.mark.parametrize(
    ("side", "held", "buys", "sells", "passes"),
    [
        (BUY, 900, 89, 0, True),
        (BUY, 900, 90, 0, True),
        (BUY, 900, 91, 0, False),
        (SELL, -900, 0, 90, True),
        (SELL, -900, 0, 91, False),
        (BUY, -2000, 0, 0, True),
        (SELL, 0, 5000, 990, True),
        (SELL, 0, 0, 991, False),
    ],
)
def test_position_limit_counts_all_that_works_on_that_side(case, side, held, buys, sells, passes):
    case.position.lots[0] = held
    case.exposure.working_buy_lots, case.exposure.working_sell_lots = buys, sells
    case.intent.side = side
    assert (case.ask() == case.lib.HP_PASS) is passes
    if not passes:
        assert case.verdict.verdict == verdict(case, "POSITION_LIMIT")


@pytest.mark.parametrize(("count", "passes"), [(4, True), (5, False), (6, False)])
def test_open_orders_limit(case, count, passes):
    case.exposure.open_orders = count
    assert (case.ask() == case.lib.HP_PASS) is passes


@pytest.mark.parametrize(
    "field", ["order_lots_max", "position_lots_max", "open_orders_max", "stale_ns"]
)
def test_a_limit_of_zero_permits_nothing(case, field):
    setattr(case.limits, field, 0)
    assert case.ask() not in (case.lib.HP_PASS,)


def test_notional_that_overflows_is_blocked(case):
    case.intent.price_ticks = case.intent.bid_ticks = 2**61
    case.intent.ask_ticks = 2**61 + 1
    case.intent.lots = 2**61
    case.limits.order_lots_max = case.limits.position_lots_max = 2**62
    assert case.ask() == verdict(case, "OVERFLOW")


def test_bucket_throttles_and_names_the_time(case, steps):
    bucket = steps.ffi.addressof(case.scope("ACCOUNT").bucket)
    case.lib.hp_bucket_init(bucket, 10, 3, 1)
    assert [case.ask() for _ in range(3)] == [1, 1, verdict(case, "RATE_BUCKET")]
    assert case.verdict.retry_ns == NOW + 100_000_000
    case.intent.recv_ns = NOW + 99_900_000
    assert case.ask(case.verdict.retry_ns - 1) == verdict(case, "RATE_BUCKET")
    assert case.ask(NOW + 100_000_000) == case.lib.HP_PASS


def test_bucket_keeps_a_reserve_for_cancels_and_reducing_orders(case, steps):
    bucket = steps.ffi.addressof(case.scope("ACCOUNT").bucket)
    case.lib.hp_bucket_init(bucket, 10, 3, 1)
    while case.ask() == case.lib.HP_PASS:
        pass
    case.intent.kind = case.lib.HP_INTENT_CANCEL
    assert case.ask() == case.lib.HP_PASS
    assert case.ask() == verdict(case, "RATE_BUCKET")


def test_refused_intent_takes_no_token(case, steps):
    bucket = steps.ffi.addressof(case.scope("ACCOUNT").bucket)
    case.lib.hp_bucket_init(bucket, 10, 3, 1)
    case.intent.lots = 101
    for _ in range(10):
        case.ask()
    case.intent.lots = 10
    assert case.ask() == case.lib.HP_PASS


class TestClock:
    """CLOCK_UNSURE: the host's clock against what new risk may stand on."""

    MAX = 1_000_000

    @pytest.fixture
    def timed(self, case):
        """A clock that is exactly as far from UTC as is permitted, at NOW."""
        case.gate.rule.clock_ns_max = self.MAX
        clock = case.gate.clock
        clock.source, clock.offset_ns, clock.uncertainty_ns = 2, -600_000, 390_000
        clock.growth_ppb, clock.taken_ns, clock.valid_until_ns = 10_000, NOW - 10**9, NOW + 1
        return case

    def test_clock_at_its_limit_passes(self, timed):
        assert timed.ask() == timed.lib.HP_PASS
        assert timed.verdict.clock_until_ns == NOW + 1

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("offset_ns", -600_001),
            ("offset_ns", 600_001),
            ("uncertainty_ns", 390_001),
            ("growth_ppb", 10_001),
            ("taken_ns", NOW - 10**9 - 1),
        ],
    )
    def test_clock_one_past_its_limit_blocks(self, timed, field, value):
        setattr(timed.gate.clock, field, value)
        assert timed.ask() == verdict(timed, "CLOCK_UNSURE")
        assert (timed.verdict.found, timed.verdict.wanted) == (self.MAX + 1, self.MAX)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("source", 0),
            ("valid_until_ns", NOW),
            ("valid_until_ns", 0),
            ("taken_ns", NOW + 1),
            ("offset_ns", -(2**63)),
            ("uncertainty_ns", 2**64 - 1),
            ("growth_ppb", 2**64 - 1),
        ],
    )
    def test_clock_that_nobody_vouches_for_blocks(self, timed, field, value):
        setattr(timed.gate.clock, field, value)
        assert timed.ask() == verdict(timed, "CLOCK_UNSURE")

    def test_unsure_clock_lets_risk_reducing_orders_and_cancels_pass(self, timed):
        timed.gate.clock.source = 0
        timed.position.lots[0] = 10
        timed.intent.side, timed.intent.reduce_only = SELL, 1
        assert timed.ask() == timed.lib.HP_PASS
        timed.intent.kind = timed.lib.HP_INTENT_CANCEL
        assert timed.ask() == timed.lib.HP_PASS

    def test_policy_warn_notes_it_and_passes(self, timed):
        code = verdict(timed, "CLOCK_UNSURE")
        timed.gate.clock.source = 0
        timed.gate.rule.warns = 1 << code
        assert timed.ask() == timed.lib.HP_PASS
        assert timed.verdict.warnings == 1 << code

    def test_clock_that_is_not_judged_blocks_nothing(self, timed):
        timed.gate.clock.source = timed.gate.rule.clock_ns_max = 0
        assert timed.ask() == timed.lib.HP_PASS
        assert timed.verdict.warnings == 0


@pytest.mark.parametrize("caution", ["STREAM", "PRICE", "SOURCE"])
def test_gate_refuses_new_risk_on_a_doubtful_picture(case, caution):
    case.intent.caution = getattr(case.lib, f"HP_CAUTION_{caution}")
    assert case.ask() == verdict(case, "BOOK_STALE")
    assert case.verdict.found == case.intent.caution


def test_gate_lets_exit_on_a_doubtful_picture(case):
    reducing(case).intent.caution = case.lib.HP_CAUTION_STREAM | case.lib.HP_CAUTION_PRICE
    assert case.ask() == case.lib.HP_PASS


def test_gate_lets_exit_on_the_spare_source_while_its_poll_is_young(case):
    reducing(case).intent.caution = case.lib.HP_CAUTION_SOURCE
    case.intent.book_state = case.lib.HP_BOOK_GAPPED
    case.limits.spare_ns = 5_000_000
    for age, expected in ((5_000_000, case.lib.HP_PASS), (5_000_001, verdict(case, "BOOK_STALE"))):
        case.intent.recv_ns = NOW - age
        assert case.ask() == expected
    case.intent.caution = 0  # without the spare source a gapped book serves nobody
    assert case.ask() == verdict(case, "BOOK_NOT_SYNCED")


@pytest.mark.parametrize(("until", "passes"), [(NOW + 1, True), (NOW, False), (NOW - 1, False)])
def test_limit_lease_ends_new_risk(case, until, passes):
    case.gate.lease.is_required, case.gate.lease.until_ns = 1, until
    assert (case.ask() == case.lib.HP_PASS) is passes
    assert case.verdict.limit_until_ns == until
    if not passes:
        assert case.verdict.verdict == verdict(case, "LIMIT_LEASE")
        assert case.verdict.found == NOW - until


def test_expired_limit_lease_leaves_reducing_orders_and_cancels(case):
    reducing(case).gate.lease.is_required = 1
    assert case.ask() == case.lib.HP_PASS
    case.intent.kind = case.lib.HP_INTENT_CANCEL
    assert case.ask() == case.lib.HP_PASS
