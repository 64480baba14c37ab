"""A cancel that nobody answers is sent again, ever more seldom, and never forgotten."""

from __future__ import annotations

import pytest

from runtime._shm import lib
from tests.lane.test_lane_ttl import MS, buy, sent, stage  # noqa: F401  (a fixture)
from tests.lane_rig import LIMITS

FIRST, MOST = 500, 8_000


@pytest.fixture
def leaving(stage):  # noqa: F811
    """An order whose cancel has just left; its book never grows stale."""
    stage.lane.put_rule(1, **{**LIMITS, "stale_ms": 10**6})
    (order,) = stage.wish(buy(ttl_ms=10))
    stage.report("ACK", order)
    stage.lane.turn(10 * MS)
    assert sent(stage, "cancel") == 1
    stage.order = order
    return stage


def gaps_ms(r, count):
    """Return how long it takes to each of the next cancels."""
    out = []
    for _ in range(count):
        before, waited = sent(r, "cancel"), 0
        while sent(r, "cancel") == before:
            r.lane.turn(MS)
            waited += 1
            assert waited <= 2 * MOST, "it is forgotten"
        out.append(waited)
    return out


def test_each_wait_is_twice_the_one_before_up_to_the_bound(leaving):
    assert gaps_ms(leaving, 7) == [500, 1000, 2000, 4000, 8000, 8000, 8000]
    assert (leaving.count.cancels_sent, leaving.count.cancel_retries) == (1, 7)


def test_the_figures_are_the_configurations(leaving):
    leaving.lane.set_cancel_again(30, 50)
    assert gaps_ms(leaving, 3) == [30, 50, 50]
    leaving.lane.set_cancel_again(70, 70)
    assert gaps_ms(leaving, 2) == [70, 70]
    for bad in ((0, 5), (6, 5)):
        with pytest.raises(ValueError, match="want 0 < first <= most"):
            leaving.lane.set_cancel_again(*bad)


def test_it_is_asked_about_meanwhile(leaving):
    """Cancels that came every half second were younger than the bound for an answer, always."""
    gaps_ms(leaving, 3)
    assert sent(leaving, "status") > 0


def test_evidence_that_it_rests_brings_the_next_one_at_once(leaving):
    gaps_ms(leaving, 4)
    at = {"instrument": 1, "last_lots": 1, "last_ticks": 600_000, "trade_id": 1, "cum_lots": 1}
    leaving.report("FILL", leaving.order, **at)
    assert leaving.state(leaving.order) == "PARTIAL"
    leaving.lane.turn(FIRST * MS)
    assert sent(leaving, "cancel") == 6
    assert gaps_ms(leaving, 2) == [500, 1000]


def test_the_same_word_again_is_no_news(leaving):
    gaps_ms(leaving, 4)
    leaving.report("STATUS", leaving.order, state=lib.HP_ORDER_LIVE)
    leaving.lane.turn(FIRST * MS)
    assert sent(leaving, "cancel") == 5


def test_a_stronger_cause_does_not_wait_for_a_weaker_one(leaving):
    gaps_ms(leaving, 5)
    leaving.lane.turn(FIRST * MS)
    leaving.lane.words(lib.HP_WORD_KILL)
    assert sent(leaving, "cancel") == 7
    leaving.lane.turn(FIRST * MS)
    assert sent(leaving, "cancel") == 8


def test_another_session_begins_anew(leaving):
    gaps_ms(leaving, 5)
    leaving.lane.session(order_ready=False)
    leaving.lane.turn(FIRST * MS)
    assert sent(leaving, "cancel") == 6  # nothing leaves before it is logged on
    leaving.lane.session()
    leaving.lane.turn(MS)
    assert sent(leaving, "cancel") == 7
