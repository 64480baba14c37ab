"""Positions and fill keys against plain Python."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

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


@settings(max_examples=200, deadline=None)
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


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 10**6), st.integers(1, 10**4), st.integers(1, 10**6), st.integers(1, 10**4))
def test_closing_part_takes_its_share_of_the_cost(steps, entry, held, price, closing):
    closing = min(closing, held)
    position, about = steps.ffi.new("hp_lane_position_t *"), linear(steps)
    steps.lib.hp_position_fill(position, about, 0, BUY, entry, held, 0)
    steps.lib.hp_position_fill(position, about, 0, SELL, price, closing, 0)
    exact = Fraction(price - entry) * closing * 10**4
    assert abs(position.realised_e8 - exact) <= 1


def test_fill_that_overflows_leaves_the_position_alone(steps):
    position, about = (
        steps.ffi.new("hp_lane_position_t *"),
        linear(steps, price_decimals=0, size_decimals=0),
    )
    assert steps.lib.hp_position_fill(position, about, 0, BUY, 10, 1, 0)
    assert not steps.lib.hp_position_fill(position, about, 0, BUY, 2**60, 2**60, 0)
    assert (position.lots[0], position.cost_e8[0]) == (1, 10 * 10**8)


@settings(max_examples=60, deadline=None)
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
