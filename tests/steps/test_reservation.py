"""What an order holds of our money, against plain fractions; each bound to the last unit."""

import itertools
from fractions import Fraction
from math import ceil

import pytest

from tests.steps.gate_case import BUY, SELL

LINEAR, INVERSE, SPOT = 1, 2, 3
BAD = -(2**63)
ONE = 10**8
PRICE = 600_003  # 60,000.3
BASE, QUOTE = 8, 1


class Money:
    """An instrument, an intent, funds of both assets; and the oracle beside them."""

    def __init__(self, steps, contract=LINEAR, leverage=20, fee=50_000, made=True):
        self.lib, ffi = steps.lib, steps.ffi
        self.about = ffi.new("hp_instrument_t *")
        self.intent = ffi.new("hp_intent_t *")
        self.order = ffi.new("hp_order_t *")
        self.verdict = ffi.new("hp_verdict_t *")
        self.funds = ffi.new("hp_lane_funds_t[8]")
        self.null = ffi.NULL
        a = self.about
        a.contract, a.price_decimals, a.size_decimals, a.multiplier_e8 = contract, 1, 3, ONE
        a.leverage, a.fee_rate_e8, a.settle_asset, a.base_asset = leverage, fee, QUOTE, BASE
        if made:
            self.lib.hp_instrument_make(a)
        for asset in (QUOTE, BASE):
            self.funds[asset - 1].asset = asset
        self.put(BUY, PRICE, 10)

    def put(self, side, price, lots, touch=(599_990, 600_010), **flags):
        i, o = self.intent, self.order
        i.side, i.price_ticks, i.lots, i.bid_ticks, i.ask_ticks = side, price, lots, *touch
        i.ask_lots = i.bid_lots = 1
        for name, value in flags.items():
            setattr(i, name, value)
        o.side, o.price_ticks, o.lots, o.state = side, price, lots, self.lib.HP_ORDER_LIVE
        o.flags = self.lib.HP_ORDER_REDUCE_ONLY if i.reduce_only else 0
        o.position_side = i.position_side
        o.touch_ticks = self.lib.hp_reserve_touch(self.about, i)

    # -- the oracle ------------------------------------------------------------------------------

    def reduces(self):
        i = self.intent
        if self.about.contract == SPOT:
            return False
        if i.position_side == 0:
            return bool(i.reduce_only)
        return (i.position_side, i.side) in ((1, SELL), (2, BUY))

    def touch(self):
        i, contract = self.intent, self.about.contract
        if i.post_only:
            return 0
        if (contract, i.side) == (LINEAR, SELL):
            return i.bid_ticks if i.bid_ticks > i.price_ticks else 0
        if (contract, i.side) == (INVERSE, BUY):
            return i.ask_ticks if i.ask_lots > 0 and i.ask_ticks < i.price_ticks else 0
        return 0

    def need(self, price, lots):
        a, side = self.about, self.intent.side
        if lots <= 0:
            return 0
        if (a.contract, side) == (SPOT, SELL):
            return lots * 10**5
        price = Fraction(price, 10)
        size = Fraction(lots, 1000)
        notional = ceil((size / price if a.contract == INVERSE else size * price) * ONE)
        rate = ONE if a.contract == SPOT or a.leverage == 0 else ceil(Fraction(ONE, a.leverage))
        return ceil(Fraction(notional * (rate + a.fee_rate_e8), ONE))

    def worst(self, price):
        touch = self.touch()
        if not touch:
            return price
        return max(touch, price) if self.about.contract == LINEAR else min(touch, price)

    def holds(self):
        """What the order must hold."""
        if self.reduces():
            return 0
        return self.need(self.worst(self.intent.price_ticks), self.intent.lots)

    def asks(self, free, target=None):
        i = self.intent
        asset = BASE if (self.about.contract, i.side) == (SPOT, SELL) else QUOTE
        self.funds[asset - 1].free_e8 = free
        target = self.null if target is None else target
        return bool(
            self.lib.hp_reserve_allows(self.funds, self.about, i, target, self.verdict)
        )


CONTRACTS = [LINEAR, INVERSE, SPOT]


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize("leverage", [0, 1, 2, 3, 20])
@pytest.mark.parametrize("made", [True, False])
def test_order_holds_what_fractions_say_and_not_a_unit_less(steps, contract, leverage, made):
    """Sides, legs, flags and touches at, below and above the price; funds at the need - 1, +- 0.

    `made`: with what is derived from an instrument, or without, as older journals have it.
    """
    m = Money(steps, contract, leverage, made=made)
    ways = itertools.product((BUY, SELL), (0, 1, 2), (0, 1), (0, 1), (-1, 0, 1), (0, 1))
    for side, leg, flag, post, over, depth in ways:
        m.put(
            side, PRICE, 10, (PRICE + over, PRICE + over), position_side=leg, reduce_only=flag,
            post_only=post, ask_lots=depth,
        )  # fmt: skip
        assert m.lib.hp_reserve_touch(m.about, m.intent) == m.touch()
        need = m.holds()
        assert m.lib.hp_reserve_order(m.about, m.order) == need
        assert m.asks(need)
        assert m.asks(need - 1) is (need == 0)
        assert m.asks(-5) is (need == 0)


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize("side", [BUY, SELL])
def test_order_that_changes_holds_the_dearer_of_both_versions(steps, contract, side):
    for asked_price, asked_lots in itertools.product(
        (PRICE - 7, PRICE, PRICE + 7), (0, 9, 10, 11)
    ):
        m = Money(steps, contract)
        m.put(side, PRICE, 10)
        o = m.order
        o.flags = m.lib.HP_ORDER_REPLACE_IN_FLIGHT
        o.asked_ticks, o.asked_lots = asked_price, asked_lots
        now, then = m.holds(), m.need(m.worst(asked_price), asked_lots)
        assert m.lib.hp_reserve_order(m.about, o) == max(now, then)


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("old", [0, PRICE - 5, PRICE, PRICE + 5])
@pytest.mark.parametrize("over", [-3, 0, 3])
def test_touch_of_a_changed_order_is_the_worse_of_both(steps, contract, side, old, over):
    m = Money(steps, contract)
    m.put(side, PRICE, 10, (PRICE + over, PRICE + over))
    m.order.touch_ticks = old
    new = m.touch()
    both = [one for one in (new, old) if one]
    if (contract, side) == (LINEAR, SELL):
        wanted = max(both, default=0)
    elif (contract, side) == (INVERSE, BUY):
        wanted = min(both, default=0)
    else:
        wanted = old if old else new
    assert m.lib.hp_reserve_touches(m.about, m.intent, m.order) == wanted
    assert m.lib.hp_reserve_touches(m.about, m.intent, m.null) == new


@pytest.mark.parametrize("held", [0, 1, 10**9])
def test_change_asks_only_for_what_it_holds_too_little(steps, held):
    m = Money(steps)
    need = m.holds()
    m.order.reserved_e8 = need - held
    for free, allowed in ((held, True), (held - 1, held == 0), (-1, held == 0)):
        assert m.asks(free, m.order) is allowed
    assert m.asks(need) and not m.asks(need - 1)


def test_refusal_says_what_was_wanted_and_what_was_free(steps):
    m = Money(steps)
    assert not m.asks(5)
    v = m.verdict
    assert (v.verdict, v.found, v.wanted) == (m.lib.HP_VERDICT_RESERVATION, m.holds(), 5)
    assert m.funds[QUOTE - 1].refused == 1
    m.about.settle_asset = 3  # nobody has told of it
    assert not m.asks(2**62)
    assert (v.found, v.wanted) == (m.holds(), 0)


@pytest.mark.parametrize(("asset", "allowed"), [(0, False), (1, True), (8, True), (9, False)])
def test_funds_of_an_asset_that_there_is(steps, asset, allowed):
    m = Money(steps)
    m.about.settle_asset = asset
    for n in range(8):
        m.funds[n].asset, m.funds[n].free_e8 = n + 1, 2**62
    assert bool(m.lib.hp_reserve_allows(m.funds, m.about, m.intent, m.null, m.verdict)) is allowed
    for n in range(8):
        m.funds[n].asset = 0
    assert not m.lib.hp_reserve_allows(m.funds, m.about, m.intent, m.null, m.verdict)


@pytest.mark.parametrize("target", [False, True])
@pytest.mark.parametrize(("price", "lots"), [(2**61, 2**61), (-1, 10)])
def test_what_has_no_price_is_refused_and_never_wrapped(steps, target, price, lots):
    m = Money(steps)
    m.put(BUY, price, lots)
    assert m.lib.hp_reserve_order(m.about, m.order) == BAD
    assert not m.asks(2**63 - 1, m.order if target else None)
    v = m.verdict
    assert (v.verdict, v.found, v.wanted) == (m.lib.HP_VERDICT_OVERFLOW, price, lots)


def test_change_of_which_one_version_cannot_be_said_is_bad(steps):
    m = Money(steps)
    o = m.order
    o.flags, o.asked_ticks, o.asked_lots = m.lib.HP_ORDER_REPLACE_IN_FLIGHT, 2**61, 2**61
    assert m.lib.hp_reserve_order(m.about, o) == BAD
    o.price_ticks, o.lots, o.asked_ticks, o.asked_lots = 2**61, 2**61, PRICE, 10
    assert m.lib.hp_reserve_order(m.about, o) == BAD


@pytest.mark.parametrize(("contract", "price", "lots"), [(0, PRICE, 0), (LINEAR, 0, 10)])
def test_nothing_to_hold_is_nothing(steps, contract, price, lots):
    m = Money(steps, contract)
    m.put(BUY, price, lots)
    assert m.lib.hp_reserve_order(m.about, m.order) == 0


@pytest.mark.parametrize("notional", [2**63 - 1, 2**62, 2**59 + 3, 2**56 + 1])
def test_margin_of_the_widest_orders(steps, notional):
    """Beyond 64 bits in between: divided in 128."""
    m = Money(steps, leverage=3, fee=0)
    a = m.about
    a.price_decimals, a.size_decimals = 8, 0
    m.put(BUY, notional, 1)
    assert m.lib.hp_reserve_order(a, m.order) == ceil(Fraction(notional * 33_333_334, ONE))


@pytest.mark.parametrize("contract", CONTRACTS)
def test_position_holds_its_cost_at_the_rate(steps, contract):
    m = Money(steps, contract, leverage=3)
    p = steps.ffi.new("hp_lane_position_t *")
    p.cost_e8[0], p.cost_e8[1], p.cost_e8[2] = 1, -7 * ONE, 5
    wanted = 1 + ceil(Fraction(7 * 33_333_334)) + 2
    assert m.lib.hp_reserve_position(m.about, p) == (0 if contract == SPOT else wanted)


@pytest.mark.parametrize(
    ("said", "taken", "total"), [(0, False, 100), (9, True, 100), (10, True, 70), (11, True, 70)]
)
def test_older_word_about_a_wallet_changes_nothing(steps, said, taken, total):
    m = Money(steps)
    f = m.funds[QUOTE - 1]
    assert m.lib.hp_funds_balance(m.funds, 100, 10)
    assert bool(m.lib.hp_funds_balance(m.funds, 70, said)) is taken
    assert (f.total_e8, f.free_e8) == (total, total)


# -- the quick ways, beside the plain ones -------------------------------------------------------


def test_quick_divisions_are_those_of_128_bits(steps):
    """Quotients, shares and notionals of half a million random numbers, boundaries among them."""
    for seed in (1, 2**63):
        assert steps.lib.t_divide(seed, 250_000) == 0


@pytest.mark.parametrize(
    ("amount", "rate", "share"),
    [
        (0, 0, 0),
        (1, 1, 1),
        (ONE, 1, 1),
        (ONE + 1, 1, 2),
        (2**63 - 1, ONE, 2**63 - 1),
        (2**63 - 1, ONE + 1, BAD),
        (2**63 - 2, ONE, 2**63 - 2),
        (2**63 - 1, 64 * ONE - 1, BAD),
        (2**57, 64 * ONE - 1, 2**63 - 2**57 // ONE),
    ],
)
def test_share_of_an_amount_rounds_up_and_ends_at_64_bits(steps, amount, rate, share):
    exact = ceil(Fraction(amount * rate, ONE))
    assert steps.lib.hp_reserve_share(amount, rate) == share
    assert share == (exact if exact < 2**63 else BAD)


@pytest.mark.parametrize(
    ("contract", "decimals", "multiplier", "unit"),
    [
        (LINEAR, (1, 3), ONE, 10**4),
        (LINEAR, (8, 0), ONE, 1),
        (LINEAR, (8, 1), ONE, 0),  # finer than 1e-8: no unit is exact
        (LINEAR, (1, 0), ONE // 100, 10**5),  # a hundredth of a coin in a contract
        (LINEAR, (0, 0), 3, 3),
        (LINEAR, (1, 0), 3, 0),
        (SPOT, (2, 5), 7, 10),  # a spot has no multiplier
        (INVERSE, (1, 0), 100 * ONE, 10**11),
        (INVERSE, (1, 3), ONE, 10**6),
        (INVERSE, (0, 8), 1, 0),
        (INVERSE, (18, 0), 100 * ONE, 0),  # wider than 64 bits
        (0, (1, 3), ONE, 0),
        (LINEAR, (1, 3), 0, 0),
    ],
)
def test_unit_of_an_instrument_is_exact_or_none(steps, contract, decimals, multiplier, unit):
    about = steps.ffi.new("hp_instrument_t *")
    about.contract, about.multiplier_e8, about.leverage = contract, multiplier, 3
    about.price_decimals, about.size_decimals = decimals
    about.fee_rate_e8 = 7
    steps.lib.hp_instrument_make(about)
    assert about.unit_e8 == unit
    assert about.hold_rate_e8 == (ONE if contract == SPOT else 33_333_334) + 7
