"""Limits in four dimensions, losses, failures, budgets and tokens at their boundaries."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.steps.gate_case import BUY, NOW, SELL, Case, reducing, verdict

NOTIONAL = 600 * 10**8  # 60,000.0 x 0.010 in 1e-8 of quote
DIMENSIONS = ["ACCOUNT", "VENUE", "STRATEGY", "INSTRUMENT"]
UNIT = 10**8
SECOND = 10**9
POSITION, GROSS, BUYING, SELLING, PNL = range(5)


def refused(case, name, dimension=None, now=NOW):
    """Ask; it must be refused by this check, and by this dimension's limit."""
    assert case.ask(now) == verdict(case, name)
    if dimension is not None:
        assert case.verdict.dimension == getattr(case.lib, f"HP_DIMENSION_{dimension}")
        assert case.verdict.scope == (1 if dimension == "INSTRUMENT" else 0)


def hold(case, lots, mid=600_000, side=0):
    """Hold a position of the instrument, bought at its mid: no PnL."""
    case.position.lots[side] = lots
    case.position.cost_e8[side] = lots * mid * 10**4
    case.lib.t_pulse(case.gate, 1).half_ticks = 2 * mid
    value(case)


def value(case):
    case.lib.hp_gate_revalue(case.gate, case.about, case.exposure, case.position, 1)


def lose(case, amount):
    """Have lost so much, fees included, in every scope but the strategy's."""
    case.position.realised_e8, case.position.fees_e8 = -(amount // 2), amount - amount // 2
    value(case)


def fill(case, side, lots, price=600_000, order=0, fee=0, first=True):
    """Fill an order of strategy 0; the position too."""
    o = case.order(slot=order, side=side, lots=lots, price=price)
    o.filled_lots = lots if first else 2 * lots
    r = case.ffi.new("hp_report_t *")
    r.last_ticks, r.last_lots, r.fee_e8 = price, lots, fee
    assert case.lib.hp_position_fill(case.position, case.about, 0, side, price, lots, fee)
    case.lib.hp_gate_filled(case.gate, case.about, case.exposure, case.position, o, r, 1, NOW)


def test_an_inverse_position_is_valued_in_coins_and_gains_as_its_price_rises(case):
    """Bought 10 contracts of 100 USD at 50,000.0, the mid is 40,000.0: 0.025 coins, 0.005 lost."""
    case.about.contract, case.about.size_decimals, case.about.multiplier_e8 = 2, 0, 100 * UNIT
    fill(case, BUY, 10, price=500_000)
    case.lib.t_pulse(case.gate, 1).half_ticks = 800_000
    value(case)
    for dimension in DIMENSIONS:
        scope = case.scope(dimension)
        sums = [case.lib.t_sum(scope, n) for n in (POSITION, GROSS, PNL)]
        assert sums == [2_500_000, 2_500_000, -500_000]
        assert scope.loss_e8 == 500_000
    fill(case, SELL, 10, price=400_000, order=1)
    for dimension in DIMENSIONS:
        sums = [case.lib.t_sum(case.scope(dimension), n) for n in (POSITION, GROSS, PNL)]
        assert sums == [0, 0, -500_000]


@pytest.mark.parametrize("dimension", DIMENSIONS)
class TestFourDimensions:
    @pytest.mark.parametrize(("over", "passes"), [(-1, False), (0, True), (1, True)])
    def test_order_notional(self, case, dimension, over, passes):
        case.limit(dimension, order_notional_e8_max=NOTIONAL + over)
        if passes:
            assert case.ask() == case.lib.HP_PASS
        else:
            refused(case, "ORDER_LIMIT", dimension)
            assert (case.verdict.found, case.verdict.wanted) == (NOTIONAL, NOTIONAL - 1)

    @pytest.mark.parametrize(("most", "passes"), [(1, False), (2, False), (3, True)])
    def test_open_orders(self, case, dimension, most, passes):
        case.rests(slot=0)
        case.rests(slot=1)
        case.limit(dimension, open_orders_max=most)
        if passes:
            assert case.ask() == case.lib.HP_PASS
        else:
            refused(case, "OPEN_ORDERS", dimension)

    @pytest.mark.parametrize(("over", "passes"), [(-1, False), (0, True), (1, True)])
    def test_gross_notional_counts_position_and_both_sides(self, case, dimension, over, passes):
        """Short 5 lots, selling 10 at 60,010.0, buying 20 at 59,990.0, and the intent."""
        hold(case, -5)
        case.rests(slot=0, side=SELL, price=600_100, lots=10)
        case.rests(slot=1, side=BUY, price=599_900, lots=20)
        found = 30_000 * 10**6 + 60_010 * 10**6 + 2 * 59_990 * 10**6 + NOTIONAL
        case.limit(dimension, gross_notional_e8_max=found + over)
        if dimension == "STRATEGY":  # the position is not of its making
            found -= 30_000 * 10**6
            case.limit(dimension, gross_notional_e8_max=found + over)
        if passes:
            assert case.ask() == case.lib.HP_PASS
        else:
            refused(case, "GROSS_NOTIONAL", dimension)
            assert (case.verdict.found, case.verdict.wanted) == (found, found + over)

    @pytest.mark.parametrize("side", [BUY, SELL])
    @pytest.mark.parametrize(("over", "passes"), [(-1, False), (0, True), (1, True)])
    def test_net_notional_counts_all_that_works_on_its_side(
        self, case, dimension, side, over, passes
    ):
        sign = 1 if side == BUY else -1
        fill(case, side, 5)
        case.lib.t_pulse(case.gate, 1).half_ticks = 1_200_000
        value(case)
        case.rests(slot=1, side=side, price=600_000 - sign * 100, lots=10)
        case.rests(slot=2, side=BUY + SELL - side, price=600_000 + sign * 100, lots=50)
        working = (600_000 - sign * 100) * 10 * 10**4
        found = 300 * UNIT + working + NOTIONAL
        case.limit(dimension, net_notional_e8_max=found + over)
        case.intent.side = side
        if passes:
            assert case.ask() == case.lib.HP_PASS
        else:
            refused(case, "NET_NOTIONAL", dimension)
            assert (case.verdict.found, case.verdict.wanted) == (found, found + over)

    @pytest.mark.parametrize(("capital", "passes"), [(199, False), (200, True), (201, True)])
    def test_leverage_is_of_capital(self, case, dimension, capital, passes):
        case.limit(dimension, leverage_e4_max=30_000, capital_e8=capital * UNIT)
        if passes:
            assert case.ask() == case.lib.HP_PASS
        else:
            refused(case, "LEVERAGE", dimension)
            assert (case.verdict.found, case.verdict.wanted) == (NOTIONAL, 597 * UNIT)

    def test_leverage_to_the_last_unit(self, case, dimension):
        case.limit(dimension, leverage_e4_max=10_000, capital_e8=NOTIONAL)
        assert case.ask() == case.lib.HP_PASS
        case.limit(dimension, leverage_e4_max=10_000, capital_e8=NOTIONAL - 1)
        refused(case, "LEVERAGE", dimension)

    def test_leverage_without_known_capital_is_not_judged(self, case, dimension):
        case.limit(dimension, leverage_e4_max=10_000)
        assert case.ask() == case.lib.HP_PASS

    @pytest.mark.parametrize(("lost", "passes"), [(499, True), (500, False), (501, False)])
    def test_daily_loss(self, case, dimension, lost, passes):
        case.limit(dimension, daily_loss_e8_max=500)
        fill(case, BUY, 5, fee=lost)
        if passes:
            assert case.ask() == case.lib.HP_PASS
        else:
            refused(case, "DAILY_LOSS", dimension)
            assert (case.verdict.found, case.verdict.wanted) == (lost, 500)

    @pytest.mark.parametrize(("lost", "passes"), [(999, True), (1000, False), (1001, False)])
    def test_drawdown_from_the_peak(self, case, dimension, lost, passes):
        """A peak of 1 million and a drawdown of 10 bps: 1000; rounded up against us."""
        case.limit(dimension, drawdown_bps_max=10, capital_e8=1_000_000)
        fill(case, BUY, 5, fee=lost - 99 if passes else lost)
        if passes:
            assert case.ask() == case.lib.HP_PASS
        else:
            refused(case, "DRAWDOWN", dimension)
            assert case.verdict.wanted == 10

    def test_drawdown_falls_from_what_was_won(self, case, dimension):
        case.limit(dimension, drawdown_bps_max=1000, capital_e8=1000)
        fill(case, BUY, 5, fee=-1000)  # a rebate: equity 2000
        fill(case, BUY, 5, fee=199)
        assert case.ask() == case.lib.HP_PASS
        fill(case, BUY, 5, fee=1)
        refused(case, "DRAWDOWN", dimension)

    @pytest.mark.parametrize("pause", [0, 60 * SECOND])
    def test_failures_in_a_row(self, case, dimension, pause):
        case.limit(dimension, failures_max=3, cool_down_ns=pause)
        o = case.order(error=case.lib.HP_ERROR_FILTER)
        for _ in range(2):
            case.lib.hp_gate_refused(case.gate, case.about, o, NOW)
        assert case.ask() == case.lib.HP_PASS
        case.lib.hp_gate_refused(case.gate, case.about, o, NOW)
        refused(case, "COOL_DOWN" if pause else "FAILURES", dimension)
        if pause:
            assert case.verdict.retry_ns == NOW + pause
            case.intent.recv_ns = NOW + pause - 1
            refused(case, "COOL_DOWN", dimension, NOW + pause - 1)
            assert case.ask(NOW + pause) == case.lib.HP_PASS

    def test_a_success_between_begins_the_count_anew(self, case, dimension):
        case.limit(dimension, failures_max=2)
        o = case.order(error=case.lib.HP_ERROR_FILTER)
        case.lib.hp_gate_refused(case.gate, case.about, o, NOW)
        case.lib.hp_gate_accepted(case.gate, case.about, o)
        case.lib.hp_gate_refused(case.gate, case.about, o, NOW)
        assert case.ask() == case.lib.HP_PASS

    def test_a_post_only_order_that_would_take_is_no_failure(self, case, dimension):
        case.limit(dimension, failures_max=1)
        o = case.order(error=case.lib.HP_ERROR_POST_ONLY)
        case.lib.hp_gate_refused(case.gate, case.about, o, NOW)
        assert case.ask() == case.lib.HP_PASS

    def test_a_new_limit_forgives_what_failed(self, case, dimension):
        case.limit(dimension, failures_max=1, cool_down_ns=SECOND)
        o = case.order(error=case.lib.HP_ERROR_FILTER)
        case.lib.hp_gate_refused(case.gate, case.about, o, NOW)
        refused(case, "COOL_DOWN", dimension)
        case.limit(dimension, failures_max=1, cool_down_ns=SECOND)
        assert case.ask() == case.lib.HP_PASS

    @pytest.mark.parametrize(("traded", "passes"), [(0, False), (1, False), (2, False), (3, True)])
    def test_order_to_trade(self, case, dimension, traded, passes):
        """Ten orders for each that trades: with 20 sent the 21st needs three."""
        case.limit(dimension, order_to_trade_max=10, budget_window_ns=2 * SECOND)
        o = case.order()
        for _ in range(20):
            case.lib.hp_gate_placed(case.gate, case.about, case.limits, o, NOW)
        for _ in range(traded):
            fill(case, BUY, 1)
        if passes:
            assert case.ask() == case.lib.HP_PASS
        else:
            refused(case, "ORDER_TO_TRADE", dimension)
            assert (case.verdict.found, case.verdict.wanted) == (21, 10 * max(traded, 1))
            assert case.verdict.retry_ns == NOW + SECOND  # the older half is forgotten then

    @pytest.mark.parametrize(("sent", "passes"), [(8, True), (9, True), (10, False)])
    def test_order_to_trade_to_the_last_order(self, case, dimension, sent, passes):
        case.limit(dimension, order_to_trade_max=10, budget_window_ns=2 * SECOND)
        for _ in range(sent):
            case.lib.hp_gate_placed(case.gate, case.about, case.limits, case.order(), NOW)
        assert (case.ask() == case.lib.HP_PASS) is passes

    @pytest.mark.parametrize(("free", "passes"), [(9, False), (10, False), (11, True)])
    def test_first_orders_of_a_window_are_free(self, case, dimension, free, passes):
        case.limit(
            dimension,
            order_to_trade_max=1,
            cancel_rate_bps_max=0,
            budget_window_ns=2 * SECOND,
            budget_free_count=free,
        )
        for _ in range(10):
            case.lib.hp_gate_placed(case.gate, case.about, case.limits, case.order(), NOW)
        case.lib.hp_gate_cancelled(case.gate, case.about, case.order(), NOW)
        assert (case.ask() == case.lib.HP_PASS) is passes
        case.limit(
            dimension, cancel_rate_bps_max=0, budget_window_ns=2 * SECOND, budget_free_count=free
        )
        assert (case.ask() == case.lib.HP_PASS) is passes

    @pytest.mark.parametrize(("cancels", "passes"), [(2, True), (3, True), (4, False)])
    def test_cancel_rate(self, case, dimension, cancels, passes):
        """30 % of ten orders."""
        case.limit(dimension, cancel_rate_bps_max=3000, budget_window_ns=2 * SECOND)
        for _ in range(10):
            case.lib.hp_gate_placed(case.gate, case.about, case.limits, case.order(), NOW)
        for _ in range(cancels):
            case.lib.hp_gate_cancelled(case.gate, case.about, case.order(), NOW)
        if passes:
            assert case.ask() == case.lib.HP_PASS
        else:
            refused(case, "CANCEL_RATE", dimension)
            assert (case.verdict.found, case.verdict.wanted) == (4, 3)

    def test_budget_window_forgets_by_halves(self, case, dimension):
        scope = case.limit(dimension, order_to_trade_max=10, budget_window_ns=2 * SECOND)
        place = case.lib.hp_gate_placed
        place(case.gate, case.about, case.limits, case.order(), NOW)
        assert list(scope.orders) == [0, 1]
        place(case.gate, case.about, case.limits, case.order(), NOW + SECOND - 1)
        assert list(scope.orders) == [0, 2]
        place(case.gate, case.about, case.limits, case.order(), NOW + SECOND)
        assert list(scope.orders) == [2, 1]
        place(case.gate, case.about, case.limits, case.order(), NOW + 2 * SECOND)
        assert list(scope.orders) == [1, 1]
        place(case.gate, case.about, case.limits, case.order(), NOW + 4 * SECOND - 1)
        assert list(scope.orders) == [1, 1]
        place(case.gate, case.about, case.limits, case.order(), NOW + 6 * SECOND)
        assert list(scope.orders) == [0, 1]

    def test_tokens(self, case, dimension):
        case.limit(dimension, token_rate=10, token_burst=3, token_reserve=1)
        assert [case.ask() for _ in range(2)] == [case.lib.HP_PASS] * 2
        refused(case, "RATE_BUCKET", dimension)
        assert case.verdict.retry_ns == NOW + SECOND // 10
        reducing(case)
        assert case.ask() == case.lib.HP_PASS  # from the reserve
        refused(case, "RATE_BUCKET", dimension)

    def test_no_tokens_at_all(self, case, dimension):
        case.limit(dimension, token_rate=0)
        refused(case, "RATE_BUCKET", dimension)
        case.limit(dimension, token_rate=10, token_burst=0)
        refused(case, "RATE_BUCKET", dimension)

    @pytest.mark.parametrize(
        ("bound", "name"),
        [
            ("order_notional_e8_max", "ORDER_LIMIT"),
            ("open_orders_max", "OPEN_ORDERS"),
            ("gross_notional_e8_max", "GROSS_NOTIONAL"),
            ("net_notional_e8_max", "NET_NOTIONAL"),
            ("leverage_e4_max", "LEVERAGE"),
            ("daily_loss_e8_max", "DAILY_LOSS"),
            ("drawdown_bps_max", "DRAWDOWN"),
            ("failures_max", "FAILURES"),
            ("order_to_trade_max", "ORDER_TO_TRADE"),
        ],
    )
    def test_zero_permits_nothing_but_risk_reduction_which_is_noted(
        self, case, dimension, bound, name
    ):
        case.limit(dimension, **{bound: 0})
        refused(case, name, dimension)
        reducing(case)
        assert case.ask() == case.lib.HP_PASS
        assert case.verdict.warnings == 1 << verdict(case, name)

    def test_reducing_orders_pass_a_cool_down_and_a_cancel_rate(self, case, dimension):
        case.limit(dimension, failures_max=1, cool_down_ns=SECOND, cancel_rate_bps_max=0)
        case.lib.hp_gate_refused(case.gate, case.about, case.order(error=4), NOW)
        case.lib.hp_gate_cancelled(case.gate, case.about, case.order(), NOW)
        reducing(case)
        assert case.ask() == case.lib.HP_PASS
        names = ("COOL_DOWN", "CANCEL_RATE")
        assert case.verdict.warnings == sum(1 << verdict(case, name) for name in names)

    @pytest.mark.parametrize("name", ["FAILURES", "ORDER_TO_TRADE"])
    def test_policy_warn_notes_and_passes(self, case, dimension, name):
        case.limit(dimension, failures_max=0, order_to_trade_max=0)
        names = ("FAILURES", "ORDER_TO_TRADE")
        case.gate.rule.warns = sum(1 << verdict(case, one) for one in names)
        assert case.ask() == case.lib.HP_PASS
        assert case.verdict.warnings == case.gate.rule.warns
        case.gate.rule.warns &= ~(1 << verdict(case, name))
        refused(case, name, dimension)

    def test_policy_throttle_names_a_time(self, case, dimension):
        case.limit(dimension, gross_notional_e8_max=0)
        refused(case, "GROSS_NOTIONAL", dimension)
        assert case.verdict.retry_ns == 0
        case.gate.rule.throttles = 1 << verdict(case, "GROSS_NOTIONAL")
        case.gate.rule.throttle_ns = 250
        refused(case, "GROSS_NOTIONAL", dimension)
        assert case.verdict.retry_ns == NOW + 250


def test_sums_of_the_widest_notionals_do_not_overflow(case):
    """What cannot be said in 64 bits is refused, never wrapped."""
    case.limit("ACCOUNT", gross_notional_e8_max=2**63 - 2)
    for slot in range(4):
        case.rests(slot=slot, price=2**40, lots=2**40)
    assert case.lib.t_sum(case.scope("ACCOUNT"), SELLING) == 2**63 - 1
    assert case.exposure.open_orders == 4
    case.limits.open_orders_max = 100
    refused(case, "GROSS_NOTIONAL", "ACCOUNT")
    assert case.verdict.found == 2**63 - 1
    for slot in range(4):
        case.lib.hp_gate_expose(case.gate, case.about, case.exposure, case.slots + slot, -1)
    assert case.lib.t_sum(case.scope("ACCOUNT"), SELLING) == 0
    assert case.ask() == case.lib.HP_PASS


def test_the_first_check_of_the_chain_wins_over_all_dimensions(case):
    """A later check of an earlier dimension does not come first."""
    case.limit("ACCOUNT", daily_loss_e8_max=0)
    case.limit("INSTRUMENT", gross_notional_e8_max=0)
    refused(case, "GROSS_NOTIONAL", "INSTRUMENT")


def test_refused_intent_takes_no_token_in_any_dimension(case):
    case.limit("INSTRUMENT", token_rate=1, token_burst=1)
    case.limit("ACCOUNT", token_rate=10, token_burst=2)
    assert case.ask() == case.lib.HP_PASS
    for _ in range(5):
        refused(case, "RATE_BUCKET", "INSTRUMENT")
    case.limit("INSTRUMENT", token_rate=case.lib.HP_LIMIT_NONE)
    assert case.ask() == case.lib.HP_PASS  # the account's second token is still there


def test_requests_cost_what_the_policy_says(case):
    case.gate.rule.weights = 1 << 16 | 2
    case.limit("VENUE", token_rate=10, token_burst=4)
    assert [case.ask() for _ in range(2)] == [case.lib.HP_PASS] * 2
    refused(case, "RATE_BUCKET", "VENUE")
    assert case.verdict.retry_ns == NOW + 2 * SECOND // 10
    case.intent.kind = case.lib.HP_INTENT_CANCEL
    refused(case, "RATE_BUCKET", "VENUE")
    assert case.verdict.retry_ns == NOW + SECOND // 10


def test_cancel_passes_without_tokens_while_a_word_is_on(case):
    case.limit("VENUE", token_rate=0)
    case.intent.kind = case.lib.HP_INTENT_CANCEL
    refused(case, "RATE_BUCKET", "VENUE")
    case.gate.words = case.lib.HP_WORD_FREEZE
    assert case.ask() == case.lib.HP_PASS
    assert (case.verdict.retry_ns, case.verdict.dimension) == (0, 0)


class TestDay:
    def test_loss_is_the_days(self, case):
        case.limit("ACCOUNT", daily_loss_e8_max=500)
        case.lib.hp_gate_new_day(case.gate, 20_000)
        lose(case, 499)
        assert case.ask() == case.lib.HP_PASS
        case.lib.hp_gate_new_day(case.gate, 20_000)  # the same one
        lose(case, 500)
        refused(case, "DAILY_LOSS", "ACCOUNT")
        case.lib.hp_gate_new_day(case.gate, 20_001)
        assert case.ask() == case.lib.HP_PASS
        lose(case, 1000)
        refused(case, "DAILY_LOSS", "ACCOUNT")

    def test_loss_of_others_counts(self, case):
        """The authority says what other lanes and former lives have made of the day."""
        case.limit("ACCOUNT", daily_loss_e8_max=500, base_pnl_e8=-400)
        lose(case, 99)
        assert case.ask() == case.lib.HP_PASS
        lose(case, 100)
        refused(case, "DAILY_LOSS", "ACCOUNT")

    def test_profit_is_no_loss(self, case):
        case.limit("ACCOUNT", daily_loss_e8_max=1)
        lose(case, -1000)
        assert case.ask() == case.lib.HP_PASS
        assert case.scope("ACCOUNT").loss_e8 == 0

    def test_what_former_lives_lost_is_not_this_days(self, case):
        case.limit("ACCOUNT", daily_loss_e8_max=500, drawdown_bps_max=100, capital_e8=10_000)
        lose(case, 5000)
        refused(case, "DAILY_LOSS", "ACCOUNT")
        case.lib.hp_gate_opened(case.gate)
        assert case.ask() == case.lib.HP_PASS
        lose(case, 5600)
        case.lib.hp_gate_opened(case.gate)  # a second opening of the same life
        refused(case, "DAILY_LOSS", "ACCOUNT")


class TestHoldings:
    """Open positions at the last mid: in the sums of account, venue, instrument and strategy."""

    @pytest.mark.parametrize(("side", "sign"), [(BUY, 1), (SELL, -1)])
    def test_position_follows_the_mid(self, case, side, sign):
        fill(case, side, 10)
        pulse = case.lib.t_pulse(case.gate, 1)
        for half in (1_200_000, 1_200_201, 1_199_000):
            pulse.half_ticks = half
            case.lib.hp_gate_follow(case.gate, case.about, case.exposure, case.position, 1)
            worth = -(-half * 10 * 10**4 // 2)
            for dimension in DIMENSIONS:
                s = case.scope(dimension)
                assert case.lib.t_sum(s, POSITION) == sign * worth
                assert case.lib.t_sum(s, GROSS) == worth
                assert case.lib.t_sum(s, PNL) == sign * (worth - NOTIONAL)

    def test_closing_leaves_nothing_but_what_was_made(self, case):
        fill(case, BUY, 10, 600_000, fee=7)
        fill(case, SELL, 10, 600_100, fee=7)
        for dimension in DIMENSIONS:
            s = case.scope(dimension)
            assert [case.lib.t_sum(s, n) for n in (POSITION, GROSS)] == [0, 0]
            assert case.lib.t_sum(s, PNL) == 100 * 10 * 10**4 - 14

    def test_hedged_legs_count_apart_in_gross_and_cancel_in_net(self, case):
        hold(case, 10, side=1)
        hold(case, -10, side=2)
        s = case.scope("ACCOUNT")
        assert case.lib.t_sum(s, POSITION) == 0
        assert case.lib.t_sum(s, GROSS) == 2 * NOTIONAL

    def test_positions_go_over_to_another_account(self, case):
        hold(case, 10)
        case.exposure.account = 3
        value(case)
        s = case.lib.hp_gate_scope(case.gate, case.lib.HP_DIMENSION_ACCOUNT, 3)
        assert case.lib.t_sum(s, GROSS) == NOTIONAL
        assert case.lib.t_sum(case.scope("ACCOUNT"), GROSS) == 0

    def test_an_order_trades_once_however_many_fills_it_has(self, case):
        s = case.limit("ACCOUNT", budget_window_ns=2 * SECOND)
        fill(case, BUY, 5)
        fill(case, BUY, 5, first=False)
        assert list(s.traded) == [0, 1]

    def test_foreign_fill_moves_the_account_and_no_strategy(self, case):
        r = case.ffi.new("hp_report_t *")
        assert case.lib.hp_position_fill(case.position, case.about, 0, BUY, 600_000, 10, 0)
        case.lib.hp_gate_filled(
            case.gate, case.about, case.exposure, case.position, case.ffi.NULL, r, 1, NOW
        )
        assert case.lib.t_sum(case.scope("ACCOUNT"), GROSS) == NOTIONAL
        assert case.lib.t_sum(case.scope("STRATEGY"), GROSS) == 0


def test_venue_limit_of_open_orders_has_no_exception(case):
    case.about.open_orders_max, case.limits.open_orders_max = 2, 100
    case.rests(slot=0)
    assert case.ask() == case.lib.HP_PASS
    case.rests(slot=1)
    refused(case, "OPEN_ORDERS")
    reducing(case)
    refused(case, "OPEN_ORDERS")


def test_risk_reduction_passes_our_own_open_orders_limit(case):
    for slot in range(5):
        case.rests(slot=slot)
    refused(case, "OPEN_ORDERS")
    reducing(case)
    assert case.ask() == case.lib.HP_PASS


# -- what the gate compares with follows what works ----------------------------------------------

MOVES = st.lists(
    st.tuples(
        st.sampled_from(["rest", "fill", "end", "change", "decide", "hold", "placed", "cancelled"]),
        st.integers(0, 7),  # slot of the order
        st.sampled_from([BUY, SELL]),
        st.integers(599_000, 601_000),
        st.integers(1, 50),
    ),
    max_size=60,
)


class Follower:
    """A gate whose orders come, change and go; the naive sums are made of the list of them."""

    def __init__(self, steps, limits):
        self.case = case = Case(steps)
        self.orders = {}
        for dimension in DIMENSIONS:
            case.limit(dimension, budget_free_count=3, **limits)
        case.intent.lots = 1
        case.ask()

    def move(self, kind, slot, side, price, lots):
        case, lib = self.case, self.case.lib
        o = case.slots + slot
        match kind:
            case "rest" if slot not in self.orders:
                lib.hp_own_remove(case.ffi.addressof(case.gate.own), o)
                self.orders[slot] = case.rests(
                    slot=slot, side=side, price=price, lots=lots, filled_lots=0, flags=0
                )
            case "fill" if slot in self.orders:
                self.expose(o, filled_lots=min(o.lots, o.filled_lots + lots))
            case "end" if slot in self.orders:
                self.expose(self.orders.pop(slot), state=lib.HP_ORDER_CANCELED)
                lib.hp_own_remove(case.ffi.addressof(case.gate.own), o)
            case "change" if slot in self.orders:
                flag = o.flags ^ lib.HP_ORDER_REPLACE_IN_FLIGHT
                self.expose(o, flags=flag, asked_ticks=price, asked_lots=lots)
            case "hold":
                hold(case, lots if side == BUY else -lots, price)
            case "placed":
                lib.hp_gate_placed(case.gate, case.about, case.limits, o, NOW)
            case "cancelled":
                lib.hp_gate_cancelled(case.gate, case.about, o, NOW)
            case "decide":
                case.intent.side = side
                case.ask()

    def expose(self, o, **change):
        case = self.case
        case.lib.hp_gate_expose(case.gate, case.about, case.exposure, o, -1)
        for name, value in change.items():
            setattr(o, name, value)
        case.lib.hp_gate_expose(case.gate, case.about, case.exposure, o, 1)

    def working(self, side):
        """Notional of all that works on a side, each order at its worse version."""
        total = 0
        for o in self.orders.values():
            versions = [(o.price_ticks, o.lots)]
            if o.flags & self.case.lib.HP_ORDER_REPLACE_IN_FLIGHT:
                versions.append((o.asked_ticks, o.asked_lots))
            if o.side == side:
                total += max(p * max(n - o.filled_lots, 0) for p, n in versions) * 10**4
        return total

    def rooms(self, scope):
        buying, selling = self.working(BUY), self.working(SELL)
        position, gross = (self.case.lib.t_sum(scope, n) for n in (POSITION, GROSS))
        limit = scope.limit
        most = limit.gross_notional_e8_max - gross - buying - selling
        room = min(limit.order_notional_e8_max, most)
        net = limit.net_notional_e8_max
        return [min(room, net - selling + position), min(room, net - position - buying)]


@settings(max_examples=150)
@given(
    MOVES,
    st.fixed_dictionaries(
        {
            "gross_notional_e8_max": st.sampled_from([10**12, 3 * 10**13, 2**63 - 1]),
            "net_notional_e8_max": st.sampled_from([10**12, 3 * 10**13, 2**63 - 1]),
            "order_notional_e8_max": st.sampled_from([10**12, 2**63 - 1]),
            "open_orders_max": st.sampled_from([2, 2**63 - 1]),
            "order_to_trade_max": st.sampled_from([2, 2**63 - 1]),
            "cancel_rate_bps_max": st.sampled_from([5000, 2**63 - 1]),
        }
    ),
)
def test_rooms_follow_orders_as_if_they_were_made_anew(steps, moves, limits):
    """Whatever moved last, each ready scope has the rooms that a list of all orders gives."""
    stage = Follower(steps, limits)
    scopes = [stage.case.scope(name) for name in DIMENSIONS]
    for move in moves:
        stage.move(*move)
        for scope in scopes:
            assert scope.open_orders == len(stage.orders)
            assert stage.case.lib.t_is_as_made(scope)
            if scope.ready_until_ns:
                held = [min(room, 2**63 - 1) for room in stage.rooms(scope)]
                assert list(scope.room_e8) == held


@pytest.mark.parametrize("kind", ["rest", "fill", "end", "change", "placed", "cancelled", "hold"])
def test_what_moves_leaves_the_next_decision_nothing_to_make(steps, kind):
    stage = Follower(steps, {})
    stage.move("rest", 0, BUY, 600_000, 10)
    stage.move(kind, 1 if kind == "rest" else 0, BUY, 600_000, 5)
    assert all(stage.case.scope(name).ready_until_ns > NOW for name in DIMENSIONS)


@pytest.mark.parametrize(("most", "shuts"), [(1, True), (2, False)])
def test_a_scope_shuts_with_the_last_order_that_may_be_open(steps, most, shuts):
    """And opens again when one has ended, without a limit having been said again."""
    stage = Follower(steps, {"open_orders_max": most})
    stage.case.rule(open_orders_max=100)
    stage.move("rest", 0, BUY, 599_500, 1)
    wanted = verdict(stage.case, "OPEN_ORDERS") if shuts else stage.case.lib.HP_PASS
    assert stage.case.ask() == wanted
    stage.move("end", 0, BUY, 0, 0)
    assert stage.case.ask() == stage.case.lib.HP_PASS
