"""Positions and money against exact fractions, decimal text against itself."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venues.simulator.account import Account, Position
from venues.simulator.effects import PublicTrade
from venues.simulator.exchange import Exchange
from venues.simulator.instrument import KNOWN, Inexact, decimal_text, scaled, short_text
from venues.simulator.usdm.encode import Shape, agg_trade, mark_price

BTC = KNOWN["BTCUSDT"]
ETH = KNOWN["ETHUSDT"]
FILLS = st.lists(
    st.tuples(st.sampled_from((1, -1)), st.integers(1, 2_000_000), st.integers(1, 5_000)),
    max_size=30,
)


@given(FILLS)
def test_position_keeps_every_unit_of_what_was_paid(fills):
    """At any moment: realised PnL - cost = cash received - cash paid, exactly."""
    position, cash, held = Position(ETH, "BOTH"), 0, 0
    for side, price, lots in fills:
        position.apply(side, price, lots)
        cash -= side * ETH.notional_e8(price, lots)
        held += side * lots
        assert position.lots == held
        assert position.realized_e8 - position.cost_e8 == cash
        assert (position.cost_e8 > 0) == (held > 0) and (position.cost_e8 < 0) == (held < 0)


@given(FILLS)
def test_position_realizes_what_average_cost_says_within_rounding(fills):
    """A naive book-keeper with fractions and average cost agrees within 1e-8 per fill."""
    position, held, cost, realized = Position(ETH, "BOTH"), 0, Fraction(0), Fraction(0)
    for number, (side, price, lots) in enumerate(fills, 1):
        position.apply(side, price, lots)
        closing = min(abs(held), lots) if held * side < 0 else 0
        if closing:
            released = cost * closing / abs(held)
            realized += -side * ETH.notional_e8(price, closing) - released
            cost -= released
        held += side * lots
        cost += side * ETH.notional_e8(price, lots - closing)
        assert abs(position.realized_e8 - realized) <= number
        assert abs(position.cost_e8 - cost) <= number


@pytest.mark.parametrize(
    ("instrument", "price", "lots", "maker_fee", "taker_fee"),
    [
        (BTC, 618_002, 1, "0.01236004", "0.03090010"),
        (ETH, 600_001, 3, "0.00360000", "0.00900001"),  # .0036000 06 and .009000 015 are cut
    ],
)
def test_fee_is_cut_to_eight_decimals(instrument, price, lots, maker_fee, taker_fee):
    account = Account(1, "x", 0)
    notional = instrument.notional_e8(price, lots)
    assert decimal_text(account.fee_e8(notional, True), 8) == maker_fee
    assert decimal_text(account.fee_e8(notional, False), 8) == taker_fee


def test_entry_price_text_is_the_average_cost():
    position = Position(BTC, "BOTH")
    position.apply(1, 1_000_000, 1)
    position.apply(1, 1_000_001, 2)
    assert position.entry_text() == "100000.06666667"
    position.apply(-1, 1_000_000, 3)
    assert position.entry_text() == "0.0"


@given(st.integers(-(10**17), 10**17), st.integers(0, 8))
def test_decimal_text_is_exact(value, decimals):
    assert Decimal(decimal_text(value, decimals)) == Decimal(value).scaleb(-decimals)
    assert Decimal(short_text(value, decimals)) == Decimal(value).scaleb(-decimals)
    if value >= 0:
        assert scaled(decimal_text(value, decimals), decimals) == value


def test_scaled_refuses_a_finer_value():
    assert scaled("1.2300", 2) == 123
    with pytest.raises(Inexact):
        scaled("1.234", 2)


def test_new_fields_stand_only_where_they_are_asked_for():
    """`nq` and `ap` are named by Binance's SDK; without them the text is as it was."""
    exchange = Exchange([BTC])
    market = exchange.markets["BTCUSDT"]
    one = PublicTrade(market, 7, 1, 1_000_000, 5, True, 1)
    plain, extra = Shape(), Shape(extra=True)
    pairs = {
        "nq": (agg_trade(1, [one], 2, plain), agg_trade(1, [one], 2, extra)),
        "ap": (mark_price(market, 2, plain), mark_price(market, 2, extra)),
    }
    for name, (without, having) in pairs.items():
        assert name not in json.loads(without)
        fields = json.loads(having)
        assert fields.pop(name) == fields["q" if name == "nq" else "p"]
        assert list(fields.items()) == list(json.loads(without).items())
