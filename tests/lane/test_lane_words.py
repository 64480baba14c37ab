"""What still passes: a test for each cell of the table state x {new risk, reduce-only, cancel}.

The row of the limit lease is the gate's own (tests/steps/test_gate.py)."""

import pytest

from runtime._shm import lib
from strategies import Strategy

MS = 1_000_000
BUDGET_NS = MS
STATES = ("armed", "freeze", "safe_mode", "drain", "kill", "flatten", "leader_lost")
# state -> (new risk, reduce-only, cancel): does a byte of it leave?
TABLE = {
    "armed": (True, True, True),
    "freeze": (False, True, True),
    "safe_mode": (False, True, True),
    "drain": (False, True, True),
    "kill": (False, False, True),
    "flatten": (False, True, True),
    "leader_lost": (False, False, False),
}
REFUSALS = {
    "freeze": "FROZEN",
    "safe_mode": "FROZEN",
    "drain": "DRAINING",
    "kill": "KILLED",
    "flatten": "FROZEN",
    "leader_lost": "LEADER_LEASE",
}


class Asker(Strategy):
    """Does what it is asked to, once, at the next book event."""

    def __init__(self, **parameters):
        super().__init__(**parameters)
        self.wish, self.told = None, []

    def on_book(self, book):
        wish, self.wish = self.wish, None
        if wish == "buy":
            self.buy(book.instrument, price_ticks=book.bid_ticks, lots=5, post_only=True)
        elif wish == "risk":
            self.buy(2, price_ticks=600000, lots=5, post_only=True)
        elif wish == "reduce":
            self.sell(
                book.instrument, price_ticks=book.ask_ticks, lots=2, tif="IOC", reduce_only=True
            )
        elif wish == "exit":  # an exit that rests
            self.sell(book.instrument, price_ticks=book.ask_ticks, lots=2, reduce_only=True)
        elif isinstance(wish, int):
            self.cancel(wish)

    def on_order(self, order):
        self.told.append(order.verdict)


def of(rig, method, since=0):
    return [text for text in rig.lane.sent[since:] if f'"order.{method}"'.encode() in text]


def ask(rig, wish):
    rig.lane.strategies[0].wish = wish
    rig.depth()


@pytest.fixture
def stage(each_rig):
    """A lane that holds five lots and has a bid resting, with no word set."""
    r = each_rig(Asker())
    r.sync()
    r.sync(instrument=2)
    ask(r, "buy")
    order = r.only()
    r.report("ACK", order)
    r.report("FILL", order, last_lots=5, last_ticks=600000, trade_id=1)
    ask(r, "buy")
    r.resting = r.only()
    r.report("ACK", r.resting)
    return r


def leader(rig, until_ns, epoch=1):
    rig.lane.put_policy(send_budget_ns=BUDGET_NS)
    rig.lane.set_leader_lease(until_ns, epoch)


def enter(rig, state):
    if state == "leader_lost":
        leader(rig, rig.lane.now_ns + BUDGET_NS)  # not more than what a send may take
    elif state != "armed":
        rig.lane.words(getattr(lib, f"HP_WORD_{state.upper()}"))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("what", ["risk", "reduce", "cancel"])
def test_cell(stage, state, what):
    enter(stage, state)
    if state in ("drain", "flatten"):
        # the resting bid is gone before a reducing order comes: the table is about the gate
        stage.report("CANCELED", stage.resting)
    since = len(stage.lane.sent)
    passes = dict(zip(("risk", "reduce", "cancel"), TABLE[state], strict=True))[what]
    if what == "cancel":
        if state in ("armed", "safe_mode", "leader_lost"):
            ask(stage, stage.resting)  # the strategy's own cancel
            assert bool(of(stage, "cancel", since)) == passes
        else:  # the word itself cancels what rests
            assert bool(of(stage, "cancel")) == passes
        return
    ask(stage, what)
    assert bool(of(stage, "place", since)) == passes
    if not passes:
        refused = getattr(lib, f"HP_VERDICT_{REFUSALS[state]}")
        assert stage.lane.strategies[0].told[-1] == refused


def test_freeze_takes_quotes_and_lets_an_exit_rest(stage):
    ask(stage, "exit")
    exit_ = next(o["client_id"] for o in stage.lane.orders() if o["client_id"] != stage.resting)
    stage.report("ACK", exit_)
    stage.lane.words(lib.HP_WORD_FREEZE)
    (cancel,) = of(stage, "cancel")
    assert f"{stage.resting:016x}".encode() in cancel
    stage.lane.turn(600 * MS)
    assert all(f"{exit_:016x}".encode() not in text for text in of(stage, "cancel"))
    stage.lane.words(lib.HP_WORD_KILL)
    assert f"{exit_:016x}".encode() in of(stage, "cancel")[-1]


def test_lost_leader_sends_neither_inquiry_nor_cancel_and_a_new_lease_lets_it(stage):
    leader(stage, stage.lane.now_ns)
    stage.lane.words(lib.HP_WORD_KILL)
    since = len(stage.lane.sent)
    stage.lane.turn(5_000 * MS)
    assert len(stage.lane.sent) == since
    leader(stage, stage.lane.now_ns + 1_000 * MS, epoch=2)
    stage.lane.turn(2 * MS)
    assert of(stage, "cancel", since)


def test_leader_may_send_until_the_budget_reaches_its_end(stage):
    """Boundary: end - budget - 1 passes, end - budget does not."""
    now = stage.lane.now_ns
    leader(stage, now + BUDGET_NS + 1)
    since = len(stage.lane.sent)
    ask(stage, "risk")
    assert len(of(stage, "place", since)) == 1
    leader(stage, now + BUDGET_NS)
    ask(stage, "risk")
    assert len(of(stage, "place", since)) == 1


def test_drain_by_an_orphan_is_the_same_as_the_word(stage):
    """HP_COMMAND_DRAIN comes from the lane itself; nobody is there to set a word."""
    stage.lane.words(lib.HP_WORD_DRAIN)
    assert stage.view.words == lib.HP_WORD_DRAIN
    stage.report("CANCELED", stage.resting)
    stage.lane.turn(2 * MS)
    since = len(stage.lane.sent)
    ask(stage, "reduce")  # armed all the same: an exit may leave
    assert len(of(stage, "place", since)) == 1


# -- flatten ---------------------------------------------------------------------------------------


RULE = {
    "policy": lib.HP_FLATTEN_IOC,
    "band_bps": 10,
    "tries_max": 3,
    "wait_ms": 10,
    "time_ms_max": 5_000,
}


def flatten(rig, **rule):
    rig.lane.set_flatten(**{**RULE, **rule})
    rig.lane.words(lib.HP_WORD_FLATTEN)


def row(rig, instrument=1, side=0):
    return rig.view.flattens[3 * instrument + side]


def placed(rig, since):
    return [o for o in rig.lane.orders() if o["strategy"] == lib.HP_STRATEGY_LANE][since:]


def test_flatten_cancels_first_then_closes_by_ioc_and_is_a_kill(stage):
    flatten(stage)
    assert of(stage, "cancel")
    since = len(stage.lane.sent)
    stage.lane.turn(20 * MS)
    assert not of(stage, "place", since)  # a quote that could still fill: wait
    stage.report("CANCELED", stage.resting)
    stage.lane.turn(20 * MS)
    (order,) = of(stage, "place", since)
    for part in (b'"side":"SELL"', b'"timeInForce":"IOC"', b'"reduceOnly":"true"'):
        assert part in order
    assert b'"price":"59940.0"' in order  # the bid less ten basis points
    assert b'"quantity":"0.005"' in order
    assert not stage.view.words & lib.HP_WORD_KILL
    (mine,) = [o["client_id"] for o in stage.lane.orders()]
    stage.report("FILL", mine, last_lots=5, last_ticks=599950, trade_id=2)
    stage.lane.turn(20 * MS)
    assert stage.view.flatten == lib.HP_FLATTEN_CLOSED
    assert stage.view.words == lib.HP_WORD_FLATTEN | lib.HP_WORD_KILL
    assert (row(stage).start_lots, row(stage).left_lots, row(stage).orders) == (5, 0, 1)
    since = len(stage.lane.sent)
    ask(stage, "risk")
    assert not of(stage, "place", since)
    assert stage.lane.strategies[0].told[-1] == lib.HP_VERDICT_KILLED


def test_flatten_by_market_order_names_no_price(stage):
    stage.report("CANCELED", stage.resting)
    flatten(stage, policy=lib.HP_FLATTEN_MARKET)
    stage.lane.turn(20 * MS)
    (order,) = of(stage, "place")[-1:]
    assert b'"type":"MARKET"' in order and b'"price"' not in order
    assert b'"reduceOnly":"true"' in order


def test_flatten_of_policy_nothing_says_that_all_is_left(stage):
    stage.report("CANCELED", stage.resting)
    since = len(stage.lane.sent)
    flatten(stage, policy=lib.HP_FLATTEN_NOTHING)
    stage.lane.turn(20 * MS)
    assert not of(stage, "place", since)
    assert stage.view.flatten == lib.HP_FLATTEN_FAILED
    assert row(stage).left_lots == 5
    assert stage.view.words & lib.HP_WORD_KILL


def test_flatten_goes_in_slices_and_partial_fills_start_the_count_anew(stage):
    stage.report("CANCELED", stage.resting)
    flatten(stage, slice_e8_max=120 * 10**8)  # two lots of 60 each
    sizes, trade = [], 10
    for _ in range(3):
        stage.lane.turn(20 * MS)
        (mine,) = [o for o in stage.lane.orders()]
        sizes.append(mine["lots"])
        stage.report("ACK", mine["client_id"])
        trade += 1
        stage.report("FILL", mine["client_id"], last_lots=1, last_ticks=600000, trade_id=trade)
        stage.report("EXPIRED", mine["client_id"])
    assert sizes == [2, 2, 2]
    assert row(stage).tries <= 1
    assert stage.view.positions[1].lots[0] == 2


def test_flatten_gives_a_side_up_after_its_tries_and_tells_the_venues_word(stage):
    stage.report("CANCELED", stage.resting)
    flatten(stage)
    for _ in range(3):
        stage.lane.turn(20 * MS)
        (mine,) = [o["client_id"] for o in stage.lane.orders()]
        stage.report("REJECT", mine, error=lib.HP_ERROR_REDUCE_ONLY)
    stage.lane.turn(20 * MS)
    assert row(stage).state == lib.HP_FLATTEN_FAILED
    assert row(stage).error == lib.HP_ERROR_REDUCE_ONLY
    assert stage.view.flatten == lib.HP_FLATTEN_FAILED
    assert stage.view.words & lib.HP_WORD_KILL


def test_flatten_tells_the_gates_word_when_the_book_cannot_be_believed(stage):
    stage.report("CANCELED", stage.resting)
    stage.depth(skip=3)  # a gap: no picture to close on
    flatten(stage)
    for _ in range(6):
        stage.lane.turn(20 * MS)
    assert row(stage).state == lib.HP_FLATTEN_FAILED
    assert row(stage).verdict == lib.HP_VERDICT_BOOK_NOT_SYNCED


def test_flatten_ends_when_its_time_is_over_with_an_order_in_doubt(stage):
    flatten(stage, time_ms_max=300)
    stage.lane.turn(400 * MS)  # the cancel of the quote was never answered
    assert stage.view.flatten == lib.HP_FLATTEN_FAILED
    assert stage.view.words & lib.HP_WORD_KILL


def test_flatten_closes_each_position_side_of_hedge_mode(rig):
    class Hedger(Asker):
        def on_book(self, book):
            wish, self.wish = self.wish, None
            if wish == "long":
                self.buy(1, price_ticks=600000, lots=3, position_side="LONG")
            elif wish == "short":
                self.sell(1, price_ticks=600001, lots=2, position_side="SHORT")

    r = rig(Hedger())
    r.sync()
    for trade, (wish, lots) in enumerate((("long", 3), ("short", 2)), 1):
        ask(r, wish)
        order = r.only()
        side = lib.HP_POSITION_LONG if wish == "long" else lib.HP_POSITION_SHORT
        fill = {"last_lots": lots, "last_ticks": 600000, "trade_id": trade, "position_side": side}
        r.report("FILL", order, **fill)
    (strategy,) = r.lane.strategies
    assert [strategy.leg(1, side) for side in ("LONG", "SHORT", "BOTH")] == [3, -2, 0]
    assert strategy.position(1) == 1
    with pytest.raises(KeyError):
        strategy.leg(1, "long")
    flatten(r)
    seen = []
    for trade in (10, 11):
        r.lane.turn(20 * MS)
        text = of(r, "place")[-1]
        (mine,) = [o for o in r.lane.orders()]
        seen.append((b'"positionSide":"LONG"' in text, b'"side":"SELL"' in text, mine["lots"]))
        assert b"reduceOnly" not in text  # the venue refuses the flag: the gate has proven it
        r.report(
            "FILL",
            mine["client_id"],
            last_lots=mine["lots"],
            last_ticks=600000,
            trade_id=trade,
            position_side=mine["position_side"],
        )
    assert seen == [(True, True, 3), (False, False, 2)]
    r.lane.turn(20 * MS)
    assert r.view.flatten == lib.HP_FLATTEN_CLOSED


def test_flatten_that_is_taken_back_stops_and_trades_again(stage):
    stage.report("CANCELED", stage.resting)
    flatten(stage, policy=lib.HP_FLATTEN_NOTHING)
    stage.lane.turn(20 * MS)
    assert stage.view.words & lib.HP_WORD_KILL
    stage.lane.words(0)
    assert stage.view.words == 0
    since = len(stage.lane.sent)
    ask(stage, "risk")
    assert of(stage, "place", since)


def test_word_is_journaled_before_anything_it_causes(rig):
    """After the WORDS record of a kill no order.place follows, whatever strategies want."""
    r = rig(Asker(), journal=True)
    r.sync()
    ask(r, "buy")
    r.report("ACK", r.only())
    r.lane.words(lib.HP_WORD_KILL)
    for _ in range(20):
        ask(r, "buy")
        r.lane.turn(2 * MS)
    since = next(n for n, text in enumerate(r.lane.sent) if b'"order.cancel"' in text)
    assert not of(r, "place", since)
