"""Positions and fill keys against plain Python."""

import os
import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venues.simulator.account import Position
from venues.simulator.instrument import KNOWN

BUY, SELL = 1, 2


def linear(steps, price_decimals=1, size_decimals=3):
    i = steps.ffi.new("hp_instrument_t *")
    i.id, i.contract, i.price_decimals, i.size_decimals, i.multiplier_e8 = (
        1,
        1,
        price_decimals,
        size_decimals,
        10**8,
    )
    return i


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([BUY, SELL]),
            st.integers(1, 10**7),
            st.integers(1, 10**5),
            st.integers(-(10**6), 10**6),
        ),
        max_size=40,
    )
)
def test_realised_plus_open_cost_is_all_money_that_moved(steps, fills):
    """Conservation: realised = -(signed cash) - open cost, to the last unit, at every step."""
    position, about = steps.ffi.new("hp_lane_position_t *"), linear(steps)
    lots = cash = fees = 0
    for side, price, size, fee in fills:
        assert steps.lib.hp_position_fill(position, about, 0, side, price, size, fee)
        sign = 1 if side == BUY else -1
        lots += sign * size
        cash += sign * price * size * 10**4  # 1e-1 x 1e-3 -> 1e-8
        fees += fee
        assert position.lots[0] == lots
        assert position.realised_e8 == position.cost_e8[0] - cash
        assert position.fees_e8 == fees
        assert lots != 0 or position.cost_e8[0] == 0
    assert position.bought_lots - position.sold_lots == lots


@settings(max_examples=200)
@given(st.integers(1, 10**6), st.integers(1, 10**4), st.integers(1, 10**6), st.integers(1, 10**4))
def test_closing_part_takes_its_share_of_the_cost(steps, entry, held, price, closing):
    closing = min(closing, held)
    position, about = steps.ffi.new("hp_lane_position_t *"), linear(steps)
    steps.lib.hp_position_fill(position, about, 0, BUY, entry, held, 0)
    steps.lib.hp_position_fill(position, about, 0, SELL, price, closing, 0)
    exact = Fraction(price - entry) * closing * 10**4
    assert abs(position.realised_e8 - exact) <= 1


def partial_closes(dice):
    """Fills that open, close a little, add again, now and then turn or close all: (side, price,
    lots), side 1 or -1."""
    held, most = 0, dice.choice((7, 100, 5_000))
    for _ in range(dice.randrange(2, 40)):
        price = dice.randrange(1, 10 ** dice.randrange(1, 8))
        side = 1 if held > 0 else -1 if held < 0 else dice.choice((1, -1))
        how = dice.random()
        if held == 0 or how < 0.3:
            lots = dice.randrange(1, most)
        elif how < 0.9:  # a part, mostly the smallest
            side, lots = -side, 1 if dice.random() < 0.6 else dice.randrange(1, abs(held) + 1)
        else:
            side, lots = -side, abs(held) + dice.randrange(most)
        held += side * lots
        yield side, price, lots


def test_partial_closes_shift_less_than_a_unit_each_and_nothing_once_flat(steps):
    """What is cut at a close stays in the open cost: realised and open together are exact always;
    apart they are off by less than 1e-8 for each partial close since the position was flat, by no
    more than its lots at most, always to the side of more cost, and by nothing when it is flat
    again.  The embedded venue has the same, to the unit.  `make positions` takes 100,000."""
    dice, worst = random.Random(41), Fraction(0)
    for _ in range(int(os.environ.get("CORELANE_POSITIONS", "400"))):
        position, about = steps.ffi.new("hp_lane_position_t *"), linear(steps)
        venue = Position(KNOWN["BTCUSDT"], "BOTH")
        held = cash = closes = most = 0
        cost = realised = Fraction(0)  # as a share is without cutting
        for side, price, lots in partial_closes(dice):
            assert steps.lib.hp_position_fill(
                position, about, 0, BUY if side > 0 else SELL, price, lots, 0
            )
            venue.apply(side, price, lots)
            closing = min(abs(held), lots) if held * side < 0 else 0
            if closing:
                share = cost * closing / abs(held)
                realised += -side * price * closing * 10**4 - share
                cost -= share
                closes += 1
            cost += side * price * (lots - closing) * 10**4
            if closing and abs(held) <= lots:
                closes = most = 0
            held += side * lots
            cash -= side * price * lots * 10**4
            most = max(most, abs(held))
            ours = (position.lots[0], position.cost_e8[0], position.realised_e8)
            assert ours == (venue.lots, venue.cost_e8, venue.realized_e8)
            assert ours[2] - ours[1] == cash
            off = (ours[1] - cost) * (1 if held > 0 else -1)
            assert off == (ours[2] - realised) * (1 if held > 0 else -1)
            assert 0 <= off <= min(closes, most) and (off < closes or off == 0), (off, closes, most)
            assert held or (ours[1], ours[2]) == (0, cash)
            worst = max(worst, off)
    assert worst > 1  # the sequences do reach for it


def inverse(steps, price_decimals=1, multiplier=100):
    """A coin-margined contract of so many units of quote."""
    i = linear(steps, price_decimals, 0)
    i.contract, i.multiplier_e8 = 2, multiplier * 10**8
    return i


class Coins:
    """The position of an inverse contract in exact fractions of 1e-8 of the coin."""

    def __init__(self, price_decimals, multiplier):
        self.unit = Fraction(multiplier * 10**8 * 10**price_decimals)
        self.lots, self.entry, self.realised = 0, Fraction(0), Fraction(0)  # entry: of 1 / ticks

    def fill(self, side, price, lots):
        sign = 1 if side == BUY else -1
        closing = min(abs(self.lots), lots) if self.lots * sign < 0 else 0
        held = 1 if self.lots > 0 else -1
        self.realised += held * closing * self.unit * (self.entry - Fraction(1, price))
        self.lots += sign * closing
        opening = lots - closing
        if opening:
            total = self.entry * abs(self.lots) + Fraction(opening, price)
            self.lots += sign * opening
            self.entry = total / abs(self.lots)

    def open(self, half):
        """What closing at half / 2 ticks would bring."""
        return self.lots * self.unit * (self.entry - Fraction(2, half))


INVERSE_FILLS = st.lists(
    st.tuples(st.sampled_from([BUY, SELL]), st.integers(1, 10**7), st.integers(1, 10**4)),
    max_size=30,
)


@settings(max_examples=200)
@given(INVERSE_FILLS, st.integers(1, 2 * 10**7))
def test_inverse_contract_earns_coins_by_one_over_entry_less_one_over_exit(steps, fills, half):
    """Realised and open together are never above the exact sum; each rounding costs us one unit."""
    position, about, exact = steps.ffi.new("hp_lane_position_t *"), inverse(steps), Coins(1, 100)
    for n, (side, price, size) in enumerate(fills, 1):
        assert steps.lib.hp_position_fill(position, about, 0, side, price, size, 0)
        exact.fill(side, price, size)
        assert position.lots[0] == exact.lots
        assert abs(position.realised_e8 - exact.realised) <= 2 * n
        assert (position.cost_e8[0] >= 0) == (exact.lots >= 0) or position.cost_e8[0] == 0
        if exact.lots == 0:
            assert position.cost_e8[0] == 0
            assert 0 <= exact.realised - position.realised_e8 < n
        open_e8 = steps.lib.hp_instrument_open(about, half, exact.lots, position.cost_e8[0])
        assert 0 <= exact.realised + exact.open(half) - position.realised_e8 - open_e8 <= n + 1


@settings(max_examples=200)
@given(
    st.sampled_from([BUY, SELL]),
    st.integers(1, 10**7),
    st.integers(1, 10**4),
    st.integers(1, 10**7),
    st.integers(1, 10**4),
)
def test_inverse_contract_closed_in_part_realises_no_more_than_it_should(
    steps, side, entry, held, price, closing
):
    closing = min(closing, held)
    position, about, exact = steps.ffi.new("hp_lane_position_t *"), inverse(steps), Coins(1, 100)
    for fill in ((side, entry, held), (3 - side, price, closing)):
        steps.lib.hp_position_fill(position, about, 0, *fill, 0)
        exact.fill(*fill)
    assert -2 < position.realised_e8 - exact.realised <= 0 or held > closing
    assert abs(position.realised_e8 - exact.realised) < 3


@pytest.mark.parametrize(("side", "exit", "sign"), [(BUY, 500_000, 1), (BUY, 400_000, -1),
                                                    (SELL, 500_000, -1), (SELL, 400_000, 1)])
def test_long_inverse_contract_gains_when_the_price_rises(steps, side, exit, sign):
    """10 contracts of 100 USD, 45,000.0 to 50,000.0: 1000 x (1/45000 - 1/50000) coins."""
    position, about = steps.ffi.new("hp_lane_position_t *"), inverse(steps)
    steps.lib.hp_position_fill(position, about, 0, side, 450_000, 10, 0)
    steps.lib.hp_position_fill(position, about, 0, 3 - side, exit, 10, 0)
    exact = sign * abs(Fraction(1000 * 10**8, 45_000) - Fraction(1000 * 10**8, exit // 10))
    assert 0 <= exact - position.realised_e8 < 2


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([BUY, SELL]), st.integers(1, 10**7), st.integers(1, 10**5)
        ),
        max_size=30,
    ),
)
def test_linear_contract_finer_than_money_pays_up_and_receives_down(steps, fills):
    """A price of ten decimals: what does not fit 1e-8 is never ours."""
    position, about = steps.ffi.new("hp_lane_position_t *"), linear(steps, price_decimals=10)
    cash = Fraction(0)
    for n, (side, price, size) in enumerate(fills, 1):
        assert steps.lib.hp_position_fill(position, about, 0, side, price, size, 0)
        cash += (-1 if side == BUY else 1) * Fraction(price * size, 10**5)
        assert 0 <= cash - (position.realised_e8 - position.cost_e8[0]) < n


def test_fill_that_overflows_leaves_the_position_alone(steps):
    position, about = (
        steps.ffi.new("hp_lane_position_t *"),
        linear(steps, price_decimals=0, size_decimals=0),
    )
    assert steps.lib.hp_position_fill(position, about, 0, BUY, 10, 1, 0)
    assert not steps.lib.hp_position_fill(position, about, 0, BUY, 2**60, 2**60, 0)
    assert (position.lots[0], position.cost_e8[0]) == (1, 10 * 10**8)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(1, 3), st.integers(1, 50), st.sampled_from([BUY, SELL])
        ),
        max_size=300,
    )
)
def test_fill_key_is_new_once(steps, keys):
    fills = steps.ffi.new("hp_fills_t *")
    seen = set()
    for key in keys:
        assert bool(steps.lib.hp_fills_take(fills, *key)) == (key not in seen)
        seen.add(key)


def test_forgotten_fill_key_stays_known_by_its_instrument_and_id(steps):
    """A list of old trades that is asked for again books nothing twice."""
    fills = steps.ffi.new("hp_fills_t *")
    kept = steps.lib.HP_FILLS_KEPT
    for trade in range(1, kept + 101):
        assert steps.lib.hp_fills_take(fills, 0, 1, trade, BUY)
    assert not steps.lib.hp_fills_take(fills, 0, 1, kept + 100, BUY)
    assert not steps.lib.hp_fills_take(fills, 0, 1, 101, BUY)
    assert not steps.lib.hp_fills_take(fills, 0, 1, 100, BUY)  # forgotten, and below what is kept
    assert steps.lib.hp_fills_take(fills, 0, 2, 100, BUY)  # of another instrument
