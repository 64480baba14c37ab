"""What happens on a lane keeps the gate's figures true; limits change while it runs."""

import pytest

from runtime._shm import lib
from runtime.show.verdicts import V
from strategies import Strategy

MS = 1_000_000
SECOND = 1_000_000_000


class Idle(Strategy):
    """Does what the test asks of it; keeps what it is told."""

    def __init__(self, **parameters):
        super().__init__(**parameters)
        self.told = []

    def on_order(self, order):
        self.told.append((order.client_id, order.verdict))


@pytest.fixture
def r(rig):
    made = rig(Idle(), Idle())
    made.sync()
    return made


def place(r, side, ticks, lots=5, strategy=0, **more):
    """Emit one intent and let it be judged; return the last verdict that its strategy heard."""
    one = r.lane.strategies[strategy]
    act = one.buy if side == "buy" else one.sell
    act(1, price_ticks=ticks, lots=lots, **more)
    r.lane.turn(MS)
    return one.told[-1][1] if one.told else lib.HP_PASS


def usage(r, dimension, number):
    r.lane.turn(100 * MS)  # shown with the strategies' timer
    for one in r.view.usages:
        if (one.dimension, one.id) == (dimension, number):
            return one
    raise AssertionError("not shown")


def test_self_trade_over_strategies_is_refused(r):
    place(r, "sell", 600_010, strategy=0)
    r.report("ACK", r.only(), venue_id=5)
    assert place(r, "buy", 600_010, strategy=1) == V["SELF_TRADE"]
    assert len(r.lane.orders()) == 1


@pytest.mark.parametrize(
    ("policy", "rests", "goes"),
    [("oldest", 50, True), ("smallest", 4, True), ("smallest", 5, False), ("reject", 4, False)],
)
def test_what_rests_makes_way_until_it_has_gone(r, policy, rests, goes):
    r.lane.put_policy(self_trade=policy, throttle_ms=10)
    place(r, "sell", 600_010, lots=rests)
    order = r.only()
    r.report("ACK", order, venue_id=5)
    assert place(r, "buy", 600_010, strategy=1) == V["SELF_TRADE"]
    assert (b'"order.cancel"' in r.lane.sent[-1]) is goes
    if goes:
        assert place(r, "buy", 600_010, strategy=1) == V["SELF_TRADE"]  # not confirmed yet
        assert sum(b'"order.cancel"' in text for text in r.lane.sent) == 1
        r.report("CANCELED", order)
        before = len(r.lane.sent)
        place(r, "buy", 600_010, strategy=1)
        assert len(r.lane.sent) == before + 1


def test_warn_sends_only_with_the_venues_own_prevention(r):
    r.lane.put_policy(self_trade="warn")
    place(r, "sell", 600_010)
    assert place(r, "buy", 600_010, strategy=1) == V["SELF_TRADE"]


def test_limits_change_while_it_runs(r):
    assert place(r, "buy", 599_990) == lib.HP_PASS
    r.lane.put_limit(lib.HP_DIMENSION_STRATEGY, 0, order_notional_e8_max=0)
    assert place(r, "buy", 599_990) == V["ORDER_LIMIT"]
    r.lane.put_limit(lib.HP_DIMENSION_STRATEGY, 0)
    sent = len(r.lane.sent)
    place(r, "buy", 599_990)
    assert len(r.lane.sent) == sent + 1
    r.lane.put_rule(1, **{**RULE, "order_lots_max": 4})
    assert place(r, "buy", 599_990) == V["ORDER_LIMIT"]


RULE = {
    "strategies": 0b11,
    "accounts": 1,
    "order_lots_max": 1000,
    "position_lots_max": 1000,
    "open_orders_max": 9,
    "band_bps": 100,
    "stale_ms": 1000,
}


def test_usage_follows_orders_and_fills(r):
    place(r, "buy", 599_990, lots=5)
    order = r.only()
    one = usage(r, lib.HP_DIMENSION_STRATEGY, 0)
    worth = 5 * 599_990 * 10**4
    assert (one.net_e8, one.gross_e8, one.open_orders) == (worth, worth, 1)
    r.report("FILL", order, side=1, last_lots=5, last_ticks=599_990, trade_id=9, fee_e8=7)
    r.depth()
    for dimension, number in ((1, 0), (2, 0), (3, 0), (4, 1)):
        one = usage(r, dimension, number)
        assert one.open_orders == 0
        assert one.gross_e8 == 5 * 1_200_001 * 10**4 // 2  # at the mid
        assert one.gross_e8_max == lib.HP_LIMIT_NONE
    other = usage(r, lib.HP_DIMENSION_STRATEGY, 1)
    assert (other.gross_e8, other.loss_e8) == (0, 0)


def test_refusals_in_a_row_pause_the_instrument(r):
    r.lane.put_limit(lib.HP_DIMENSION_INSTRUMENT, 1, failures_max=2, cool_down_ns=60 * SECOND)
    for n in range(2):
        place(r, "buy", 599_990)
        order = max(o["client_id"] for o in r.lane.orders())
        r.report("REJECT", order, error=lib.HP_ERROR_FILTER)
        assert r.view.usages[3].failures == 0 or n
    assert place(r, "buy", 599_990) == V["COOL_DOWN"]


def test_without_the_leader_nothing_is_sent(r):
    place(r, "buy", 599_990)
    r.report("ACK", r.only(), venue_id=5)
    r.lane.set_leader_lease(r.lane.now_ns, 7)
    sent = len(r.lane.sent)
    assert place(r, "buy", 599_980) == V["LEADER_LEASE"]
    r.lane.words(lib.HP_WORD_KILL)
    r.lane.turn(MS)
    assert len(r.lane.sent) == sent
    r.lane.set_leader_lease(r.lane.now_ns + 60 * SECOND, 6)  # an older epoch says nothing
    r.lane.turn(600 * MS)
    assert len(r.lane.sent) == sent
    r.lane.set_leader_lease(r.lane.now_ns + 60 * SECOND, 7)
    r.lane.turn(600 * MS)
    assert b'"order.cancel"' in r.lane.sent[-1]


def test_expired_limit_lease_leaves_cancels(r):
    place(r, "buy", 599_990)
    r.report("ACK", r.only(), venue_id=5)
    r.lane.set_limit_lease(r.lane.now_ns, 3)
    assert place(r, "buy", 599_980) == V["LIMIT_LEASE"]
    r.lane.strategies[0].cancel(r.only())
    r.lane.turn(MS)
    assert b'"order.cancel"' in r.lane.sent[-1]

