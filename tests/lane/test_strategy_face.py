"""What a strategy author meets: parameters, exact prices, both demo strategies alike."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies import Param, Strategy
from strategies.demo.imbalance import Imbalance
from strategies.demo.imbalance_native import ImbalanceNative


class Probe(Strategy):
    """Runs a function at each book event and keeps what it gave."""

    def __init__(self, action):
        super().__init__()
        self.action, self.results = action, []

    def on_book(self, book):
        try:
            self.results.append(self.action(self, book))
        except Exception as error:
            self.results.append(error)


def ask(each_rig, action):
    r = each_rig(Probe(action))
    r.sync()
    return r, r.lane.strategies[0].results[0]


@pytest.mark.parametrize(
    ("price", "size"),
    [("60000.0", "0.005"), (Decimal("60000"), Decimal("0.0050")), ("6e4", "5e-3")],
)
def test_decimal_and_text_are_taken_exactly(each_rig, price, size):
    r, _ = ask(each_rig, lambda s, b: s.buy(b.instrument, price=price, size=size))
    order = r.lane.orders()[0]
    assert (order["price_ticks"], order["lots"]) == (600000, 5)


@pytest.mark.parametrize(
    ("price", "size", "kind", "words"),
    [
        ("60000.05", "0.005", ValueError, "finer than instrument 1 allows: 1 decimals"),
        ("60000", "0.0005", ValueError, "finer than"),
        ("six", "1", ValueError, "not a number"),
        ("NaN", "1", ValueError, "not a number"),
        (60000.0, "1", TypeError, "float"),
    ],
)
def test_inexact_values_are_refused(each_rig, price, size, kind, words):
    _, result = ask(each_rig, lambda s, b: s.buy(b.instrument, price=price, size=size))
    assert isinstance(result, kind)
    assert words in str(result)


@pytest.mark.parametrize(
    "arguments",
    [
        {"price": "1", "price_ticks": 1, "lots": 1},
        {"lots": 1},
        {"price_ticks": 1},
        {"price_ticks": 1, "lots": 1, "size": "1"},
    ],
)
def test_both_forms_at_once_or_none_are_an_error(each_rig, arguments):
    _, result = ask(each_rig, lambda s, b: s.buy(b.instrument, **arguments))
    assert isinstance(result, TypeError)
    assert "exactly one of each" in str(result)


def test_unknown_instrument_is_refused_with_zero(each_rig):
    r, result = ask(each_rig, lambda s, b: s.buy(99, price_ticks=1, lots=1))
    assert (result, r.count.intents_refused) == (0, 1)


def test_params_have_defaults_bounds_and_types():
    assert (Imbalance().depth, Imbalance(depth="7").depth) == (5, 7)
    with pytest.raises(ValueError, match=r"parameter depth is 21; want 1\.\.20"):
        Imbalance(depth=21)
    with pytest.raises(ValueError, match="parameter depth is 'x'; want int"):
        Imbalance(depth="x")
    with pytest.raises(ValueError, match="has no parameter 'dept'; known: depth"):
        Imbalance(dept=5)


def test_both_demo_strategies_have_one_schema():
    schemas = [
        {n: (p.default, p.minimum, p.maximum) for n, p in c.params().items()}
        for c in (Imbalance, ImbalanceNative)
    ]
    assert schemas[0] == schemas[1]


class Inherits(Imbalance):
    extra = Param(1)


def test_params_are_inherited():
    assert set(Inherits.params()) == {*Imbalance.params(), "extra"}


def test_intents_before_on_start_are_an_error():
    with pytest.raises(RuntimeError, match="not bound to a lane"):
        Imbalance().buy(1, price_ticks=1, lots=1)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(1, 99), st.integers(1, 99), st.integers(0, 2)),
        min_size=1,
        max_size=25,
    )
)
def test_python_and_cython_demo_send_the_same_orders(each_rig, moves):
    """The same books and fills: byte-equal requests."""
    sent = []
    for kind in (Imbalance, ImbalanceNative):
        r = each_rig(kind())
        r.sync()
        for bid_size, ask_size, filled in moves:
            r.depth(bids=[(60000.0, bid_size)], asks=[(60000.1, ask_size)])
            for n, order in enumerate(r.lane.orders()):
                r.report("ACK", order["client_id"])
                if filled:
                    r.report(
                        "FILL",
                        order["client_id"],
                        last_lots=order["lots"] - order["filled_lots"],
                        last_ticks=order["price_ticks"],
                        trade_id=order["client_id"] * 10 + n,
                    )
            r.lane.turn(100_000_000)
        sent.append(r.lane.sent)
    assert sent[0] == sent[1]
