"""Where two checks touch, and where a figure stands exactly on its bound.

What is refused by one check must not be said of another that is only at its own bound: the verdict
is what a person reads.  mutants.py flips each comparison; what the tables beside this one do not
tell apart is told apart here.
"""

import pytest

from tests.steps.gate_case import BUY, NOW, SELL, reducing, verdict

NOTIONAL = 600 * 10**8  # of the intent
SECOND = 10**9
DAY = 86400 * SECOND
MONDAY = 4 * DAY
FAR = 3600 * SECOND


def says(case, name, now=NOW):
    assert case.ask(now) == (case.lib.HP_PASS if name == "PASS" else verdict(case, name))


# -- who ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "new_risk", "reduces"),
    [("LAGGING", "ARCHIVE_LAG", "PASS"), ("CHOKED", "ARCHIVE_LAG", "ARCHIVE_LAG")],
)
def test_journal_that_lags_stops_new_risk_and_then_all_but_cancels(case, word, new_risk, reduces):
    case.gate.words = getattr(case.lib, f"HP_WORD_{word}")
    says(case, new_risk)
    reducing(case)
    says(case, reduces)
    case.intent.kind = case.lib.HP_INTENT_CANCEL
    says(case, "PASS")


@pytest.mark.parametrize(("lots", "name"), [(0, "FROZEN"), (1, "PASS"), (50, "PASS")])
def test_order_of_no_lots_reduces_nothing(case, lots, name):
    reducing(case).intent.lots = lots
    case.gate.words = case.lib.HP_WORD_FREEZE
    says(case, name)


# -- the picture and the venue's filters --------------------------------------------------------


@pytest.mark.parametrize("side", ["bid_lots", "ask_lots"])
@pytest.mark.parametrize(("lots", "name"), [(-1, "BOOK_CROSSED"), (0, "BOOK_CROSSED"), (1, "PASS")])
def test_side_of_the_book_that_is_empty(case, side, lots, name):
    setattr(case.intent, side, lots)
    says(case, name)


@pytest.mark.parametrize(("lots", "found"), [(0, 0), (-1, -1)])
def test_precision_says_which_figure_it_was(case, lots, found):
    case.intent.lots = lots
    says(case, "PRECISION")
    assert case.verdict.found == found


@pytest.mark.parametrize(
    ("low", "high", "name"),
    [
        (599_999, 0, "PASS"),
        (600_000, 0, "PASS"),
        (600_001, 0, "PRECISION"),
        (0, 600_001, "PASS"),
        (0, 600_000, "PASS"),
        (0, 599_999, "PRECISION"),
    ],
)
def test_venues_lowest_and_highest_price(case, low, high, name):
    case.about.price_min_ticks, case.about.price_max_ticks = low, high
    says(case, name)
    if name != "PASS":
        assert (case.verdict.found, case.verdict.wanted) == (600_000, low or high)


@pytest.mark.parametrize(("tick", "step"), [(0, 0), (1, 1), (2, 5)])
def test_tick_and_step_that_divide_everything_or_are_not_said(case, tick, step):
    case.about.tick_size_ticks, case.about.step_size_lots = tick, step
    says(case, "PASS")


@pytest.mark.parametrize(
    ("minimum_e8", "name"),
    [(660_001, "PASS"), (660_002, "MIN_NOTIONAL"), (660_003, "MIN_NOTIONAL")],
)
def test_min_notional_is_not_reached_by_rounding_up(case, minimum_e8, name):
    """60,000.1 x 0.00000011 = 0.006600011: 660,001.1 of 1e-8."""
    case.about.size_decimals, case.about.notional_min_e8 = 8, minimum_e8
    case.intent.price_ticks, case.intent.lots = 600_001, 11
    says(case, name)
    if name != "PASS":
        assert case.verdict.found == 660_001


@pytest.mark.parametrize(("decimals", "high"), [(7, 105), (8, 1050), (9, 2**63 - 1)])
def test_band_of_the_finest_ticks(case, decimals, high):
    case.about.price_decimals, case.about.band_up_bps = decimals, 500
    pulse = case.lib.t_pulse(case.gate, 1)
    case.lib.hp_pulse_mark(pulse, case.about, 1000)
    assert pulse.band_high_ticks == high


@pytest.mark.parametrize(("mark", "low", "high"), [(-1, 0, 0), (0, 0, 0), (10**8, 10, 10)])
def test_mark_price_of_nothing_is_no_band(case, mark, low, high):
    case.about.band_up_bps = case.about.band_down_bps = 1
    pulse = case.lib.t_pulse(case.gate, 1)
    case.lib.hp_pulse_mark(pulse, case.about, mark)
    assert pulse.band_low_ticks == low
    assert pulse.band_high_ticks == (high or 2**63 - 1)


def test_other_limits_leave_the_venues_band(case):
    case.about.band_up_bps = 500
    case.lib.hp_pulse_mark(case.lib.t_pulse(case.gate, 1), case.about, 60_000 * 10**8)
    case.rule(stale_ns=1_000_001)
    assert case.lib.t_pulse(case.gate, 1).band_high_ticks == 630_000


# -- the clock ----------------------------------------------------------------------------------


def clock(case, *, off, growth=0, most=1000, taken=NOW - SECOND, valid=NOW + SECOND):
    case.gate.rule.clock_ns_max = most
    c = case.gate.clock
    c.source, c.offset_ns, c.growth_ppb = 2, off, growth
    c.taken_ns, c.valid_until_ns = taken, valid
    case.lib.hp_gate_put_clock(case.gate, case.ffi.addressof(c))


@pytest.mark.parametrize(("off", "name"), [(999, "PASS"), (1000, "PASS"), (1001, "CLOCK_UNSURE")])
@pytest.mark.parametrize("age", [0, 1, SECOND])
def test_clock_that_stands_at_its_bound_and_does_not_drift(case, off, name, age):
    clock(case, off=off, taken=NOW - age)
    says(case, name)


# -- hours --------------------------------------------------------------------------------------


def test_hours_are_looked_up_again_at_each_edge_and_not_before(case):
    """Open from 02:00 to 03:00 and from 03:00:01 to 04:00, asked in turn."""
    for n, (a, b) in enumerate([(7200, 10_800), (10_801, 14_400)]):
        w = case.limits.windows[n]
        w.from_s, w.until_s, w.days, w.is_closed = a, b, 0x7F, 0
    case.limits.window_count = 2
    case.limits.stale_ns = DAY
    case.gate.utc_less_mono_ns = MONDAY - NOW
    pulse = case.lib.t_pulse(case.gate, 1)
    case.rule()
    for at, name, span in [
        (7199 * SECOND, "SESSION_CLOSED", 1),
        (7200 * SECOND - 1, "SESSION_CLOSED", 1),
        (7200 * SECOND, "PASS", 3600),
        (10_800 * SECOND - 1, "PASS", 3600),
        (10_800 * SECOND, "SESSION_CLOSED", 1),
        (10_801 * SECOND, "PASS", 3599),
        (14_400 * SECOND, "SESSION_CLOSED", 86_400 - 14_400),
    ]:
        says(case, name, NOW + at)
        assert pulse.hours_span_ns == span * SECOND


@pytest.mark.parametrize("count", [3, 4, 5])
def test_a_fifth_window_is_not_read(case, count):
    case.limits.window_count = count
    w = case.limits.windows[3]
    w.from_s, w.until_s, w.days = 0, 86_400, 0x7F
    case.gate.utc_less_mono_ns = MONDAY - NOW
    for n in range(3):
        case.limits.windows[n].is_closed = 1
    case.rule()
    says(case, "PASS")


# -- fences and fat fingers: one at its bound, the next one over it ------------------------------


@pytest.mark.parametrize(
    ("rule", "lots", "name"),
    [
        # away by 5 % of the mid exactly: the fence is at it, the next one over it
        ({"sigma_tenths": 10, "sigma_floor_e8": 5_000_000, "band_bps": 499}, 10, "FENCE_HARD"),
        ({"band_bps": 500, "distance_bps_max": 499}, 10, "FAT_FINGER_DISTANCE"),
        (
            {"band_bps": 600, "typical_lots": 10, "typical_times_max": 1, "distance_bps_max": 499},
            10,
            "FAT_FINGER_DISTANCE",
        ),
        (
            {
                "band_bps": 600,
                "distance_bps_max": 500,
                "daily_volume_lots": 9,
                "volume_share_bps_max": 10_000,
            },
            10,
            "FAT_FINGER_VOLUME",
        ),
        ({"band_bps": 600, "typical_lots": 9, "typical_times_max": 1}, 10, "FAT_FINGER_SIZE"),
    ],
)
@pytest.mark.parametrize("price", [10_500, 9_500])
def test_fence_at_its_bound_is_not_named_for_the_next_one(case, rule, lots, name, price):
    case.rule(**rule)
    i = case.intent
    i.bid_ticks, i.ask_ticks, i.price_ticks, i.lots = 9_999, 10_001, price, lots
    says(case, name)


def test_share_of_volume_at_its_bound_is_no_finding_beside_a_warning(case):
    case.rule(distance_bps_max=0, daily_volume_lots=10, volume_share_bps_max=10_000)
    case.gate.rule.warns = 1 << verdict(case, "FAT_FINGER_DISTANCE")
    says(case, "PASS")
    assert case.verdict.warnings == case.gate.rule.warns


def test_price_at_the_very_mid_is_no_distance(case):
    case.intent.bid_ticks, case.intent.ask_ticks = 599_999, 600_001
    case.rule(distance_bps_max=0, band_bps=0, daily_volume_lots=9, volume_share_bps_max=10_000)
    says(case, "FAT_FINGER_VOLUME")


# -- limits of the four dimensions: one at its bound, the next one over it -----------------------

AT_ITS_BOUND = {
    "order_notional_e8_max": NOTIONAL,
    "gross_notional_e8_max": NOTIONAL,
    "net_notional_e8_max": NOTIONAL,
    "leverage_e4_max": 10_000,
}


@pytest.mark.parametrize("bound", AT_ITS_BOUND)
@pytest.mark.parametrize(("over", "name"), [("daily_loss_e8_max", "DAILY_LOSS")])
def test_limit_at_its_bound_is_not_named_for_the_next_one(case, bound, over, name):
    case.limit("ACCOUNT", **{bound: AT_ITS_BOUND[bound], "capital_e8": NOTIONAL, over: 0})
    says(case, name)
    case.limit("ACCOUNT", **{bound: AT_ITS_BOUND[bound] - 1})
    assert case.ask() not in (case.lib.HP_PASS, verdict(case, name))


def test_cool_down_that_ends_now_is_not_named_for_a_budget(case):
    case.limit(
        "ACCOUNT", failures_max=1, cool_down_ns=SECOND, order_to_trade_max=0, budget_window_ns=FAR
    )
    case.lib.hp_gate_refused(case.gate, case.about, case.order(error=4), NOW)
    case.limits.stale_ns = FAR
    says(case, "COOL_DOWN", NOW + SECOND - 1)
    says(case, "ORDER_TO_TRADE", NOW + SECOND)


def test_fast_market_that_ends_now_is_not_named_for_a_budget(case):
    case.limit("ACCOUNT", order_to_trade_max=0, budget_window_ns=FAR)
    case.lib.t_pulse(case.gate, 1).frozen_until_ns = NOW
    says(case, "ORDER_TO_TRADE")
    case.lib.t_pulse(case.gate, 1).frozen_until_ns = NOW + 1
    says(case, "FAST_MARKET")


def test_position_that_leaves_64_bits_is_refused(case):
    case.limits.position_lots_max = 2**63 - 1
    case.position.lots[0] = 2**63 - 11
    says(case, "PASS")
    case.position.lots[0] += 1
    case.position.lots[1] = 1
    says(case, "OVERFLOW")


# -- money --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("base", "name"), [(0, "PASS"), (-1, "DRAWDOWN"), (-5, "DRAWDOWN")])
def test_account_that_has_lost_all_it_had_before_this_day(case, base, name):
    """No peak to fall from: the drawdown is whole, and nothing is divided by it."""
    scope = case.limit("ACCOUNT", capital_e8=0, base_pnl_e8=base, drawdown_bps_max=10_000)
    assert scope.drawdown_bps == -base * 10_000
    says(case, name)


def test_other_capital_begins_a_new_peak_and_other_figures_do_not(case):
    scope = case.limit("ACCOUNT", capital_e8=1000, drawdown_bps_max=5000)
    case.limit("ACCOUNT", capital_e8=1000, base_pnl_e8=-400, drawdown_bps_max=5001)
    assert scope.drawdown_bps == 4000
    case.limit("ACCOUNT", capital_e8=900, base_pnl_e8=-400, drawdown_bps_max=5001)
    assert scope.drawdown_bps == 0


@pytest.mark.parametrize(("lost", "loss"), [(-1, 0), (0, 0), (1, 1)])
def test_loss_is_never_below_nothing(case, lost, loss):
    assert case.limit("ACCOUNT", base_pnl_e8=-lost).loss_e8 == loss


def test_shares_that_the_authority_moves_forgive_nothing(case):
    scope = case.limit("ACCOUNT", failures_max=1)
    case.lib.hp_gate_refused(case.gate, case.about, case.order(error=4), NOW)
    case.limit("ACCOUNT", open_orders_max=7)  # moved between lanes
    says(case, "FAILURES")
    case.limit("ACCOUNT", open_orders_max=7)  # the same again: a person lifts the block
    says(case, "PASS")
    assert scope.failures == 0


# -- budgets and tokens -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "orders"), [(2 * SECOND - 1, [1, 1]), (2 * SECOND, [0, 1]), (2 * SECOND + 1, [0, 1])]
)
def test_window_of_which_both_halves_have_passed(case, at, orders):
    scope = case.limit("ACCOUNT", budget_window_ns=2 * SECOND)
    for now in (NOW, NOW + at):
        case.lib.hp_gate_placed(case.gate, case.about, case.limits, case.order(), now)
    assert list(scope.orders) == orders


def test_budget_is_free_again_at_the_end_of_the_half_and_not_before(case):
    case.limit("ACCOUNT", order_to_trade_max=2, budget_window_ns=2 * SECOND)
    case.limits.stale_ns = FAR
    case.lib.hp_gate_placed(case.gate, case.about, case.limits, case.order(), NOW)
    case.lib.hp_gate_placed(case.gate, case.about, case.limits, case.order(), NOW + SECOND)
    says(case, "ORDER_TO_TRADE", NOW + 2 * SECOND - 1)
    assert case.verdict.retry_ns == NOW + 2 * SECOND
    says(case, "PASS", NOW + 2 * SECOND)  # the first one has left the window


def test_scopes_are_ready_for_the_next_decision_after_a_settling(case):
    scopes = [case.scope(name) for name in ("ACCOUNT", "VENUE", "STRATEGY", "INSTRUMENT")]
    case.lib.hp_gate_refused(case.gate, case.about, case.order(error=4), NOW)
    assert [s.ready_until_ns for s in scopes] == [0] * 4
    case.lib.hp_gate_settle(case.gate, case.about, 0, 0, NOW)
    assert all(s.ready_until_ns > NOW for s in scopes)


def test_of_two_that_wait_as_long_the_first_is_named(case):
    case.limit("ACCOUNT", token_rate=10, token_burst=1)
    case.limit("INSTRUMENT", token_rate=10, token_burst=1)
    says(case, "PASS")
    says(case, "RATE_BUCKET")
    assert case.verdict.dimension == case.lib.HP_DIMENSION_ACCOUNT
    case.limit("VENUE", token_rate=1, token_burst=1)
    case.intent.recv_ns = NOW + SECOND
    says(case, "PASS", NOW + SECOND)
    says(case, "RATE_BUCKET", NOW + SECOND)
    assert case.verdict.dimension == case.lib.HP_DIMENSION_VENUE


@pytest.mark.parametrize("bounds", [{"token_rate": 0}, {"token_rate": 10, "token_burst": 0}])
def test_limit_that_has_no_room_for_a_token_names_no_near_time(case, bounds):
    case.limit("ACCOUNT", **{"token_burst": 10, **bounds})
    says(case, "RATE_BUCKET")
    assert case.verdict.retry_ns > NOW + FAR


# -- places -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dimension", "count"),
    [("ACCOUNT", 32), ("VENUE", 8), ("STRATEGY", 16), ("INSTRUMENT", 256), ("NONE", 0)],
)
def test_there_is_no_scope_past_the_last_one(case, dimension, count):
    number = getattr(case.lib, f"HP_DIMENSION_{dimension}")
    if count:
        assert case.lib.hp_gate_scope(case.gate, number, count - 1) != case.ffi.NULL
    assert case.lib.hp_gate_scope(case.gate, number, count) == case.ffi.NULL
    limit = case.ffi.new("hp_limit_t *", case.scope("ACCOUNT").limit)
    limit.dimension, limit.id = number, count
    assert not case.lib.hp_gate_put_limit(case.gate, limit, NOW)


@pytest.mark.parametrize(
    ("dimension", "accounts", "venues"),
    [("ACCOUNT", 1, 0), ("VENUE", 0, 1), ("STRATEGY", 0, 0), ("INSTRUMENT", 0, 0)],
)
def test_what_was_told_of_accounts_and_venues_is_known(case, dimension, accounts, venues):
    case.limit(dimension)
    assert (case.gate.told_accounts, case.gate.told_venues) == (accounts, venues)


def test_order_that_no_strategy_owns_counts_for_nobody(case):
    """16 strategies: the 17th is an adopted order."""
    o = case.order(strategy=16)
    case.lib.hp_gate_placed(case.gate, case.about, case.limits, o, NOW)
    stranger = case.lib.hp_gate_scope(case.gate, case.lib.HP_DIMENSION_INSTRUMENT, 0)
    assert list(stranger.orders) == [0, 0]  # what lies behind the last strategy
    assert case.scope("INSTRUMENT").orders[1] == 1


def test_fill_that_no_strategy_owns_is_in_no_part(case):
    o, r = case.order(strategy=16, side=BUY), case.ffi.new("hp_report_t *")
    o.filled_lots = r.last_lots = 10
    r.last_ticks = 600_000
    case.position.lots[0], case.position.cost_e8[0] = 10, NOTIONAL
    gate, e = case.gate, case.exposure
    case.lib.hp_gate_filled(gate, case.about, e, case.position, o, r, 1, NOW)
    case.about.id, case.position.lots[0] = 2, 0  # its parts lie behind those of instrument 1
    case.lib.hp_gate_revalue(gate, case.about, e, case.position, 1)
    strategy = case.scope("STRATEGY")
    assert [case.lib.t_sum(strategy, n) for n in (0, 1, 4)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("name", "dimension", "count"),
    [
        ("OPEN_ORDERS", 1, 1),
        ("GROSS_NOTIONAL", 1, 1),
        ("NET_NOTIONAL", 1, 1),
        ("ORDER_LIMIT", 1, 0),
        ("RATE_BUCKET", 1, 0),
        ("OPEN_ORDERS", 0, 0),  # the instrument's own bound: no dimension's
    ],
)
def test_want_of_a_share_is_counted_where_it_was_refused(case, name, dimension, count):
    v = case.verdict
    v.verdict, v.dimension, v.scope = verdict(case, name), dimension, 0
    case.lib.hp_gate_refused_share(case.gate, v)
    assert case.scope("ACCOUNT").refused == count


# -- what rests ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("filled", "contract", "rest"), [(0, 1, NOTIONAL), (10, 1, 0), (10, 0, 0)])
def test_order_that_is_filled_exposes_nothing(case, filled, contract, rest):
    case.about.contract = contract
    case.rests(side=SELL, price=600_000, lots=10, filled_lots=filled)
    assert case.lib.t_sum(case.scope("ACCOUNT"), 3) == rest


@pytest.mark.parametrize(("asked", "counts"), [(599_999, 600_000), (600_000,) * 2, (600_001,) * 2])
def test_order_that_changes_exposes_the_worse_of_both_versions(case, asked, counts):
    case.rests(
        side=SELL, price=600_000, lots=10, asked_ticks=asked, asked_lots=10, flags=changing(case)
    )
    assert case.lib.t_sum(case.scope("ACCOUNT"), 3) == counts * 10 * 10**4


def changing(case):
    return case.lib.HP_ORDER_REPLACE_IN_FLIGHT


@pytest.mark.parametrize(
    ("side", "now", "asked", "met"),
    [
        (SELL, 600_010, 600_005, 600_005),
        (SELL, 600_010, 600_015, 600_010),
        (BUY, 599_990, 599_995, 599_995),
        (BUY, 599_990, 599_985, 599_990),
    ],
)
def test_order_that_changes_is_met_at_the_nearer_price(case, side, now, asked, met):
    own = case.ffi.addressof(case.gate.own)
    o = case.rests(side=side, price=now, lots=10)
    facing = BUY + SELL - side
    case.intent.side = facing
    o.flags, o.asked_ticks, o.asked_lots = changing(case), asked, 10
    case.lib.hp_own_move(own, o)
    for price, name in ((met, "SELF_TRADE"), (met + (-1 if side == SELL else 1), "PASS")):
        case.intent.price_ticks = price
        says(case, name)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_order_that_moves_makes_room_for_the_next_best(case, side):
    own, sign = case.ffi.addressof(case.gate.own), 1 if side == SELL else -1
    first = case.rests(slot=0, side=side, price=600_010, lots=10)
    second = case.rests(slot=1, side=side, price=600_010 + sign * 5, lots=10)
    facing = lambda: case.lib.hp_own_facing(own, 0, 1, BUY + SELL - side)  # noqa: E731
    assert facing() == first
    first.price_ticks = 600_010 + sign * 9
    case.lib.hp_own_move(own, first)
    assert facing() == second
    absent = case.order(slot=2, side=side, price=1)
    case.lib.hp_own_move(own, absent)  # not in the index: nothing to move
    assert own.count == 2


@pytest.mark.parametrize("side", [BUY, SELL])
def test_of_two_at_one_price_the_earlier_is_met(case, side):
    first = case.rests(slot=0, side=side, price=600_000, lots=10)
    case.rests(slot=1, side=side, price=600_000, lots=10)
    own = case.ffi.addressof(case.gate.own)
    assert case.lib.hp_own_facing(own, 0, 1, BUY + SELL - side) == first
    case.lib.hp_own_move(own, first)  # it has not moved: it keeps its place
    assert case.lib.hp_own_facing(own, 0, 1, BUY + SELL - side) == first


# -- positions and mids -------------------------------------------------------------------------


def test_position_that_nobody_here_made_follows_the_mid(case):
    pulse = case.lib.t_pulse(case.gate, 1)
    case.position.lots[0], case.position.cost_e8[0] = 10, NOTIONAL
    pulse.half_ticks = 1_200_000
    case.lib.hp_gate_revalue(case.gate, case.about, case.exposure, case.position, 1)
    pulse.half_ticks = 1_200_200
    case.lib.hp_gate_follow(case.gate, case.about, case.exposure, case.position, 1)
    assert case.lib.t_sum(case.scope("ACCOUNT"), 4) == 100 * 10 * 10**4


def test_part_of_the_same_worth_at_another_mid_is_another_loss(case):
    """One lot at 60,000 becomes two at 30,000."""
    pulse, o, r = (
        case.lib.t_pulse(case.gate, 1),
        case.order(side=BUY, lots=2),
        case.ffi.new("hp_report_t *"),
    )
    for half, filled in ((1_200_000, 1), (600_000, 2)):
        pulse.half_ticks = half
        r.last_ticks, r.last_lots, o.filled_lots = half // 2, 1, filled
        case.lib.hp_gate_filled(
            case.gate, case.about, case.exposure, case.position, o, r, 1, NOW
        )
    strategy = case.scope("STRATEGY")
    assert case.lib.t_sum(strategy, 0) == 60 * 10**8
    assert case.lib.t_sum(strategy, 4) == -30 * 10**8


def mid(case, half, at):
    limit = case.ffi.addressof(case.scope("INSTRUMENT").limit)
    case.lib.hp_pulse_mid(case.lib.t_pulse(case.gate, 1), case.limits, limit, half, NOW + at)


def test_slot_of_the_fast_markets_past_ends_at_its_end(case):
    pulse = case.lib.t_pulse(case.gate, 1)
    case.limit("INSTRUMENT", fast_move_bps_max=50, fast_window_ns=8 * SECOND)
    mid(case, 1_000_000, 0)
    slot, end = pulse.slot, pulse.slot_end_ns - NOW
    mid(case, 1_000_000, end - 1)
    assert pulse.slot == slot
    mid(case, 1_000_000, end)
    assert pulse.slot == (slot + 1) % 8


def test_other_limit_of_the_fast_market_holds_at_once(case):
    case.limit("INSTRUMENT", fast_window_ns=SECOND)
    mid(case, 1_000_000, 0)
    case.limit("INSTRUMENT", fast_move_bps_max=50, fast_freeze_ns=SECOND)
    mid(case, 1_010_000, 1)
    assert case.lib.t_pulse(case.gate, 1).frozen_until_ns == NOW + 1 + SECOND


def test_mid_of_nothing_is_no_move(case):
    case.rule(sigma_tenths=20, sigma_alpha_e4=2000, sigma_sample_ns=1)
    for at, half in enumerate((1_000_000, 0)):
        mid(case, half, at)
    assert case.lib.t_pulse(case.gate, 1).sigma_e8 == 0
