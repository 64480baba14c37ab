"""Figures that make no sense: against a naive judge, and what each policy causes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime._shm import lib
from tests.feeds.conftest import MS, FeedRig, Quoter

BOUNDS = {"jump_bps": 50, "sigma_tenths": 30, "sigma_bps_min": 10, "times_max": 10, "warm_up": 8}
FLAG = dict.fromkeys(("jump", "sigma", "tenfold", "time", "late", "volume"), "flag")
EVENT_MS = 1723161258284


def odd(rig, name, instrument=1):
    return rig.feed(instrument).troubles[getattr(lib, f"HP_TROUBLE_{name}")]


def sane_rig(policies=FLAG, strategy=None, **bounds):
    rig = FeedRig(strategy or Quoter())
    rig.lane.set_sanity(1, policies=policies, block_ms=1000, **bounds)
    return rig


class Judge:
    """The rule in plain floating point: mean and variance of weight 1/64."""

    def __init__(self):
        self.last = self.mean = self.variance = 0.0
        self.seen = 0

    def price(self, price):
        verdict = ""
        if not self.last:
            self.last = self.mean = price
            self.seen = 1
            return verdict, False
        if price >= 10 * self.last or price * 10 <= self.last:
            return "TENFOLD", False
        far, sigma = abs(price - self.mean), math.sqrt(self.variance)
        unsure = abs(far - 3 * sigma) <= 8 + 0.02 * far or abs(far - self.mean / 1000) <= 4
        if abs(price - self.last) * 10000 > self.last * 50:
            verdict, unsure = "JUMP", False
        elif self.seen >= 8 and far * 10000 > self.mean * 10 and far > 3 * sigma:
            verdict = "SIGMA"
        d = price - self.mean
        self.last = price
        self.mean += d / 64
        self.variance += (d * d - self.variance) / 64
        self.seen += 1
        return verdict, unsure and self.seen > 8


@settings(max_examples=60)
@given(st.lists(st.integers(-400, 400), min_size=1, max_size=80), st.integers(0, 79))
def test_prices_are_judged_as_a_naive_float_judge_does(steps, wild_at):
    """Walk around 60,000 in tenths, one tenfold price somewhere; rounding may decide a tie."""
    rig, judge = sane_rig(**BOUNDS), Judge()
    price = 600_000
    for n, step in enumerate(steps):
        price += step
        shown = price * 10 if n == wild_at and n else price
        before = {name: odd(rig, name) for name in ("JUMP", "SIGMA", "TENFOLD")}
        rig.trade(price=shown / 10)
        verdict, unsure = judge.price(2.0 * shown)
        new = [name for name, count in before.items() if odd(rig, name) > count]
        assert unsure or new == ([verdict] if verdict else []), (n, shown, judge.__dict__)


@pytest.mark.parametrize(("bps", "jumped"), [(50, 0), (51, 1)], ids=["at the bound", "one past it"])
def test_jump_between_quotes_is_flagged_past_its_bound(bps, jumped):
    rig = sane_rig(**BOUNDS)
    rig.ticker(bid=10000.0, ask=10000.0)
    price = 10000.0 + bps
    rig.ticker(bid=price, ask=price)
    assert odd(rig, "JUMP") == jumped
    told = [entry for entry in rig.lane.strategies[0].feeds if entry[1] == "JUMP"]
    assert told == [(1, "JUMP", "BOOK_TICKER", bps, 50)] * jumped


def test_tenfold_ticker_is_not_shown_under_policy_gap():
    class Sees(Quoter):
        shown = 0

        def on_top(self, top):
            self.shown += 1

    rig = sane_rig({**FLAG, "tenfold": "gap"}, Sees(), **BOUNDS)
    rig.ticker(bid=6000.0, ask=6000.1)
    rig.ticker(bid=60000.0, ask=60001.0)
    rig.ticker(bid=6000.0, ask=6000.1)
    assert (rig.lane.strategies[0].shown, odd(rig, "TENFOLD"), odd(rig, "JUMP")) == (2, 1, 0)


def test_tenfold_price_that_stays_becomes_the_level():
    rig = sane_rig({**FLAG, "tenfold": "gap"}, **BOUNDS)
    for price in [6000.0] + [60000.0] * 40:
        rig.trade(price=price)
    assert odd(rig, "TENFOLD") == 16


def test_tenfold_book_is_broken_and_fetched_anew_and_then_believed():
    rig = sane_rig({**FLAG, "tenfold": "gap"}, **BOUNDS)
    rig.sync(bid=6000.0, ask=6000.1)
    rig.depth(bids=[(6000.0, 2)])
    rig.acknowledge()
    rig.depth(bids=[(6000.0, 0), (66000.0, 1)], asks=[(6000.1, 0), (66001.0, 1)])
    assert rig.view.tops[1].state == lib.HP_BOOK_GAPPED
    assert len(rig.cancels()) == 1
    rig.sync(bid=66000.0, ask=66001.0)
    rig.depth(bids=[(66000.0, 2)])
    assert rig.view.tops[1].state == lib.HP_BOOK_SYNCED
    assert odd(rig, "TENFOLD") == 1


def test_policy_block_refuses_entries_for_its_time_only():
    rig = sane_rig({**FLAG, "volume": "block"}, volume_times=10, warm_up=8)
    for _ in range(8):
        rig.trade(size=0.1)
    rig.trade(size=1.1)
    assert odd(rig, "VOLUME") == 1
    rig.sync()
    strategy = rig.lane.strategies[0]
    assert (strategy.refused, rig.lane.orders()) == ([lib.HP_VERDICT_BOOK_STALE], [])
    for _ in range(4):
        rig.lane.turn(250 * MS)
        rig.depth()
    assert rig.feed().caution == 0
    assert len(rig.lane.orders()) == 1


def test_volume_outlier_does_not_hide_the_next_one():
    rig = sane_rig(volume_times=10, warm_up=8, volume_lots_min=2000)
    for size in [0.1] * 8 + [1.5, 50.0, 50.0]:  # 1,500 lots are below the minimum
        rig.trade(size=size)
    assert odd(rig, "VOLUME") == 2


def test_venue_time_is_only_compared_with_itself():
    """A recorder 1.27 s behind, or an hour off: no clock of ours is asked."""
    rig = sane_rig(time_ms=5000, late_ms=1000)
    for n in range(20):
        rig.lane.now_ns += 100 * MS
        rig.ticker(at_ms=EVENT_MS + 3_600_000 + 100 * n)
    assert (odd(rig, "TIME"), odd(rig, "LATE"), rig.feed().lag_ns) == (0, 0, 0)


def test_event_from_the_future_and_events_that_lag_are_told():
    rig = sane_rig({**FLAG, "late": "block"}, time_ms=5000, late_ms=1000)
    rig.ticker(at_ms=EVENT_MS)
    rig.ticker(at_ms=EVENT_MS + 5001)
    assert odd(rig, "TIME") == 1
    rig.lane.now_ns += 1500 * MS  # nothing came for 1.5 s, and what comes now is that old
    rig.ticker(at_ms=EVENT_MS + 100)
    assert (odd(rig, "LATE"), rig.feed().lag_ns) == (1, 1400 * MS)
    assert rig.feed().caution == lib.HP_CAUTION_PRICE
    rig.ticker(at_ms=EVENT_MS + 150)
    assert odd(rig, "LATE") == 1  # told once
    rig.ticker(at_ms=EVENT_MS + 1500)
    assert rig.feed().lag_ns < 1 * MS


def test_venue_clock_that_was_set_is_taken_after_a_run_of_events():
    rig = sane_rig(time_ms=5000)
    rig.ticker(at_ms=EVENT_MS)
    for _ in range(30):
        rig.ticker(at_ms=EVENT_MS + 60_000)
    assert odd(rig, "TIME") == 15


def test_lane_without_a_rule_judges_nothing(feed_rig):
    rig = feed_rig()
    for price in (60000.0, 1.0, 60000.0):
        rig.trade(price=price, size=price)
        rig.ticker(bid=price, ask=price + 1)
    assert sum(rig.feed().troubles) == 0
