"""Times to live, held against an exact and naive oracle; paces and marks of orders."""

from __future__ import annotations

import dataclasses
import random
from fractions import Fraction
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

MS = 1_000_000
S = 1_000_000_000


@dataclasses.dataclass
class Wanted:
    """REQUIREMENTS H1 in milliseconds, and the steps that are ours."""

    bases: ClassVar = {1: (1000, 500, 2000), 2: (3000, 2000, 5000), 3: (7000, 5000, 10000)}
    speeds = ((100, Fraction(3, 10)), (50, Fraction(1, 2)))
    toxicities = ((900, Fraction(3, 10)), (700, Fraction(1, 2)))
    distances = ((200, Fraction(1, 2)), (100, Fraction(7, 10)))


def factor(steps, found):
    return next((times for bound, times in steps if found > bound), Fraction(1))


def oracle_ns(layer, speed=0, queue=0, distance=0, toxicity=0, volatility_e8=0, emergency=False):
    """The same figure in fractions of a millisecond; no rounding but the last."""
    base, least, most = Wanted.bases[layer]
    ms = Fraction(base) * factor(Wanted.toxicities, toxicity) * factor(Wanted.distances, distance)
    ms = min(max(ms, least), most) * factor(Wanted.speeds, speed)
    if queue > 100:
        ms = min(ms, 500)
    if volatility_e8 > 5_000_000:
        ms = min(ms, 200)
    ms = max(ms, 100)
    if emergency:
        ms = min(ms, 100)
    ns = ms * MS
    return ns.numerator // ns.denominator


@pytest.fixture(scope="module")
def ttl(steps):
    """The compiled figure for a case, in nanoseconds."""
    rule, case = steps.ffi.new("hp_ttl_rule_t *"), steps.ffi.new("hp_ttl_case_t *")
    steps.lib.hp_ttl_open(rule)

    def ask(layer, speed=0, queue=0, distance=0, toxicity=0, volatility_e8=0, emergency=False):
        case.layer, case.trades_per_s, case.queue = layer, speed, queue
        case.distance_bps, case.toxicity_permille = distance, toxicity
        case.volatility_e8, case.is_emergency = volatility_e8, emergency
        return steps.lib.hp_ttl_ns(rule, case)

    return ask


@pytest.mark.parametrize(
    ("case", "wanted_ms"),
    [
        ({"layer": 1}, 1000),
        ({"layer": 2}, 3000),
        ({"layer": 3}, 7000),
        ({"layer": 1, "speed": 50}, 1000),
        ({"layer": 1, "speed": 51}, 500),
        ({"layer": 1, "speed": 100}, 500),
        ({"layer": 1, "speed": 101}, 300),
        ({"layer": 2, "speed": 51}, 1500),
        ({"layer": 2, "speed": 101}, 900),
        ({"layer": 3, "speed": 51}, 3500),
        ({"layer": 3, "speed": 101}, 2100),
        ({"layer": 3, "queue": 100}, 7000),
        ({"layer": 3, "queue": 101}, 500),
        ({"layer": 1, "queue": 101, "speed": 101}, 300),
        ({"layer": 3, "volatility_e8": 5_000_000}, 7000),
        ({"layer": 3, "volatility_e8": 5_000_001}, 200),
        ({"layer": 3, "toxicity": 700}, 7000),
        ({"layer": 3, "toxicity": 701}, 5000),  # 3500 is below the band of L2
        ({"layer": 1, "toxicity": 900}, 500),
        ({"layer": 1, "toxicity": 901}, 500),  # 300 is below the band of L0
        ({"layer": 2, "distance": 100}, 3000),
        ({"layer": 2, "distance": 101}, 2100),
        ({"layer": 2, "distance": 200}, 2100),
        ({"layer": 2, "distance": 201}, 2000),  # 1500 is below the band of L1
        ({"layer": 1, "toxicity": 901, "speed": 101}, 150),
        ({"layer": 3, "emergency": True}, 100),
        ({"layer": 1, "emergency": True, "volatility_e8": 5_000_001}, 100),
    ],
)
def test_each_number_of_the_formula_at_its_boundary(ttl, case, wanted_ms):
    assert ttl(**case) == wanted_ms * MS == oracle_ns(**case)


@given(
    layer=st.integers(1, 3),
    speed=st.one_of(st.integers(0, 200), st.integers(0, 2**32 - 1)),
    queue=st.one_of(st.integers(0, 200), st.integers(0, 2**32 - 1)),
    distance=st.one_of(st.integers(0, 300), st.integers(0, 2**32 - 1)),
    toxicity=st.integers(0, 1000),
    volatility_e8=st.one_of(st.integers(4_999_990, 5_000_010), st.integers(0, 2**63 - 1)),
    emergency=st.booleans(),
)
def test_time_to_live_equals_the_oracle(ttl, **case):
    assert ttl(**case) == oracle_ns(**case)
    assert 100 * MS <= ttl(**case) <= Wanted.bases[case["layer"]][2] * MS


def test_layer_without_figures_lives_for_the_floor_and_a_huge_table_for_a_day(steps, ttl):
    assert ttl(0) == ttl(9) == 100 * MS
    rule, case = steps.ffi.new("hp_ttl_rule_t *"), steps.ffi.new("hp_ttl_case_t *")
    case.layer = 1
    rule.layers[1].base_ms = rule.layers[1].most_ms = rule.layers[1].least_ms = 2**32 - 1
    for steps_of in (rule.speeds, rule.toxicities, rule.distances):
        steps_of[0].permille = 2**32 - 1
    case.trades_per_s = case.toxicity_permille = case.distance_bps = 1
    assert steps.lib.hp_ttl_ns(rule, case) == 86_400 * S


def naive_pace(trades, now):
    """Trades of the slot that is being filled and of the seven before it."""
    slot = 125 * MS
    return sum(n for at, n in trades if now // slot - at // slot < 8)


def test_pace_equals_the_naive_count(steps):
    for seed in range(40):
        random.seed(seed)
        pace, now, trades = steps.ffi.new("hp_pace_t *"), random.randrange(10**15), []
        for _ in range(300):
            now += random.choice((0, 1, 10 * MS, 124 * MS, 125 * MS, 999 * MS, 5 * S))
            if random.random() < 0.8:
                n = random.choice((1, 1, 7, 400))
                steps.lib.hp_pace_trade(pace, n, 10, now)
                trades.append((now, n))
            assert steps.lib.hp_pace_now(pace, now) == naive_pace(trades, now), seed


def test_queue_in_usual_trades_rounds_down_and_is_nothing_while_unknown(steps):
    pace = steps.ffi.new("hp_pace_t *")
    assert steps.lib.hp_pace_orders(pace, 10**12) == 0
    steps.lib.hp_pace_trade(pace, 1, 4, S)
    assert [steps.lib.hp_pace_orders(pace, lots) for lots in (3, 4, 403, 404)] == [0, 1, 100, 101]
    steps.lib.hp_pace_trade(pace, 2, 40, S)  # 20 lots each: one sixteenth of the way
    assert pace.mean_e4 == 50_000
    assert steps.lib.hp_pace_orders(pace, 2**62) == 2**32 - 1


CAUSES = ("TTL", "STRATEGY", "QUEUE", "PRICE", "SPEED", "TOXICITY", "INVENTORY", "OWN")
STRONG = ("BOOK", "HALT", "EMERGENCY", "WORD")


def cause_class(name):
    return 3 if name in STRONG else 1 if name == "TTL" else 2


@given(st.lists(st.sampled_from(CAUSES + STRONG), min_size=1, max_size=8))
def test_mark_is_the_first_cause_of_the_strongest_class(steps, names):
    order, known = steps.ffi.new("hp_order_t *"), None
    for n, name in enumerate(names):
        is_new = steps.lib.hp_order_mark(order, getattr(steps.lib, f"HP_CANCEL_{name}"))
        assert bool(is_new) == (n == 0)
        if known is None or cause_class(name) > cause_class(known):
            known = name
    assert order.cancel_cause == getattr(steps.lib, f"HP_CANCEL_{known}")


def test_advice_may_not_pretend_to_be_an_emergency(steps):
    lib = steps.lib
    for name in (*STRONG, "TTL", "OWN", "NONE"):
        assert lib.hp_cancel_advice(getattr(lib, f"HP_CANCEL_{name}")) == lib.HP_CANCEL_STRATEGY
    assert lib.hp_cancel_advice(lib.HP_CANCEL_PRICE) == lib.HP_CANCEL_PRICE
    assert lib.hp_cancel_advice(255) == lib.HP_CANCEL_STRATEGY
