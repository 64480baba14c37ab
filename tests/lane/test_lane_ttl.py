"""Times to live by layer, marks, batches and second tries, on a virtual clock."""

from __future__ import annotations

import random
import re

import pytest

from runtime._shm import ffi, lib
from runtime.show import why
from strategies import Strategy

MS = 1_000_000


class Maker(Strategy):
    """Does what its test says, and keeps what it is told."""

    def __init__(self, **parameters):
        super().__init__(**parameters)
        self.told, self.todo = [], []

    def on_book(self, book):
        while self.todo:
            self.todo.pop(0)(self, book)

    def on_order(self, order):
        self.told.append((order.client_id, order.state, order.verdict))

    def on_fill(self, fill):
        while self.todo:
            self.todo.pop(0)(self, self.book(fill.instrument))


def buy(**wish):
    """A wish: a bid at the touch."""
    return lambda s, book: s.buy(
        book.instrument, price_ticks=book.bid_ticks, lots=5, post_only=True, **wish
    )


@pytest.fixture
def stage(each_rig):
    """A each_rig whose book is synced, and a way to have its strategy wish for something."""
    r = each_rig(Maker())
    r.maker = r.lane.strategies[0]
    r.sync()

    def wish(*todo):
        r.maker.todo += todo
        r.depth()
        return [one["client_id"] for one in r.lane.orders()]

    r.wish = wish
    return r


def sent(r, kind):
    return sum(f'"order.{kind}"'.encode() in text for text in r.lane.sent)


def lives_ms(r, order):
    """How long an order has lived when the lane takes it out; the touch stays fresh meanwhile."""
    before = sent(r, "cancel")
    for ms in range(1, 10_100):
        r.lane.turn(1 * MS)
        if sent(r, "cancel") > before:
            return ms
        if ms % 50 == 0:
            r.depth()
    return None


def cause(r, order):
    return ffi.string(ffi.cast("enum hp_cancel_cause", r.lane.order(order)["cancel_cause"]))


@pytest.mark.parametrize(
    ("layer", "trades", "wanted_ms"),
    [("touch", 0, 1000), ("touch", 51, 500), ("touch", 101, 300), ("near", 0, 3000)],
)
def test_order_of_a_layer_lives_by_the_market_it_was_placed_in(stage, layer, trades, wanted_ms):
    for _ in range(trades):
        stage.trade(size=0.001)
    (order,) = stage.wish(buy(layer=layer, queue=1))
    expire = stage.lane.order(order)["expire_ns"]
    assert expire - stage.lane.now_ns == wanted_ms * MS


def test_resting_order_is_looked_at_again_when_the_market_changes(stage):
    (order,) = stage.wish(buy(layer="deep", queue=1))
    stage.report("ACK", order)
    stage.lane.signal(1, toxicity_permille=901)
    stage.lane.turn(100 * MS)
    born = stage.lane.now_ns - 100 * MS
    assert stage.lane.order(order)["expire_ns"] - born == 5000 * MS  # the band's least
    stage.lane.signal(1)
    stage.lane.turn(100 * MS)
    assert stage.lane.order(order)["expire_ns"] - born == 7000 * MS
    assert stage.view.flow.ttl_changes == 2


def test_time_is_over_once_and_its_cause_is_kept(stage):
    (order,) = stage.wish(buy(layer="touch", queue=1))
    stage.report("ACK", order)
    assert lives_ms(stage, order) == 1000
    assert cause(stage, order) == "HP_CANCEL_TTL"
    stage.lane.turn(501 * MS)
    assert (sent(stage, "cancel"), stage.count.cancels_sent, stage.count.cancel_retries) == (
        2, 1, 1,
    )  # fmt: skip
    assert stage.view.flow.cancels[lib.HP_CANCEL_TTL] == 1
    stage.report("CANCELED", order)
    record = ffi.new("hp_order_t *", {"cancel_cause": lib.HP_CANCEL_TTL, "client_id": order})
    assert "its time to live was over" in why.say_order(record, None)


@pytest.mark.parametrize("wish", [{"layer": "deep"}, {"ttl_ms": 60_000}, {}])
def test_emergency_takes_every_quote_out_within_200_ms(stage, wish):
    (order,) = stage.wish(buy(**wish))
    stage.report("ACK", order)
    stage.lane.turn(37 * MS)
    stage.lane.signal(0, is_emergency=True)
    took = lives_ms(stage, order)
    assert took is not None and took <= 100
    assert cause(stage, order) == "HP_CANCEL_EMERGENCY"
    (_, new) = stage.wish(buy())
    stage.report("CANCELED", order)
    stage.report("ACK", new)
    took = lives_ms(stage, new)
    assert took is not None and took <= 200


def test_advice_and_expiry_cancel_an_order_once_between_them(stage):
    (order,) = stage.wish(buy(ttl_ms=300))
    stage.report("ACK", order)
    stage.lane.turn(200 * MS)
    stage.wish(lambda s, book: s.cancel(order, "price"))
    stage.lane.turn(150 * MS)  # its time is over too
    stage.wish(lambda s, book: s.cancel(order, "queue"))
    assert sent(stage, "cancel") == 1
    assert cause(stage, order) == "HP_CANCEL_PRICE"
    assert list(stage.view.flow.cancels)[1:6] == [0, 0, 0, 1, 0]
    assert stage.view.flow.cancels_merged == 1
    stage.lane.words(lib.HP_WORD_KILL)
    assert sent(stage, "cancel") == 1  # stronger, and one is in flight all the same
    assert cause(stage, order) == "HP_CANCEL_WORD"


def test_advice_without_a_session_is_kept_and_sent_when_there_is_one(stage):
    (order,) = stage.wish(buy())
    stage.report("ACK", order)
    stage.lane.is_send_broken = True
    stage.wish(lambda s, book: s.cancel(order, "toxicity"))
    assert sent(stage, "cancel") == 0
    stage.lane.is_send_broken = False
    stage.lane.turn(1 * MS)
    assert (sent(stage, "cancel"), stage.count.cancels_sent) == (1, 1)
    assert cause(stage, order) == "HP_CANCEL_TOXICITY"


def test_set_dynamic_ttl_gives_another_time_from_now_on(stage):
    (order,) = stage.wish(buy(ttl_ms=60_000))
    stage.report("ACK", order)
    stage.wish(lambda s, book: s.set_dynamic_ttl(order, 250))
    assert lives_ms(stage, order) == 250
    other = stage.wish(buy())[-1]
    stage.wish(lambda s, book: s.set_dynamic_ttl(other, layer="near", queue=101))
    assert stage.lane.order(other)["expire_ns"] - stage.lane.now_ns == 500 * MS


def test_bad_words_are_refused_by_name(stage):
    (order,) = stage.wish(buy())
    maker = stage.maker
    with pytest.raises(ValueError, match="layer is 'top'; want one of 'touch', 'near', 'deep'"):
        maker.buy(1, price_ticks=1, lots=1, layer="top")
    with pytest.raises(ValueError, match="reason is 'mood'"):
        maker.cancel(order, "mood")
    with pytest.raises(ValueError, match="side of order 0 of the batch is 'LONG'"):
        maker.place_batch([{"side": "LONG", "instrument": 1}])
    with pytest.raises(KeyError, match="no order 99"):
        maker.set_dynamic_ttl(99, 5)


def batch_of(r, entries):
    """Place a batch in one callback; return its intent ids."""
    out = []

    def todo(s, book):
        for entry in entries:
            entry.setdefault("price_ticks", book.bid_ticks)
        out.extend(s.place_batch(entries))
        assert s.batch(out)["waiting"] == out

    r.wish(todo)
    return out


def test_batch_is_judged_order_by_order_and_says_which_failed(stage):
    entries = [{"side": "BUY", "instrument": 1, "lots": n} for n in (1, 5000, 2)]
    ids = batch_of(stage, entries)
    said = stage.maker.batch(ids)
    assert said == {"success": [ids[0], ids[2]], "failed": [ids[1]], "waiting": []}
    assert sent(stage, "place") == 2
    orders = [one["client_id"] for one in stage.lane.orders()]
    stage.wish(lambda s, book: s.cancel_batch([orders[0], 77, orders[1]], "inventory"))
    assert sent(stage, "cancel") == 2


def test_batch_beyond_a_budget_fails_from_there_on(stage):
    """The most open orders are five: each order of the batch counts."""
    ids = batch_of(stage, [{"side": "BUY", "instrument": 1, "lots": 1} for _ in range(7)])
    assert stage.maker.batch(ids)["failed"] == ids[5:]
    assert stage.lane.exposure(1)["working_buy_lots"] == 5


def test_session_that_dies_inside_a_batch_leaves_sent_and_failed_apart(stage):
    stage.lane.sends_left = 2
    ids = batch_of(stage, [{"side": "BUY", "instrument": 1, "lots": 1} for _ in range(4)])
    assert stage.maker.batch(ids) == {"success": ids[:2], "failed": ids[2:], "waiting": []}
    orders = [one["client_id"] for one in stage.lane.orders()]
    assert [stage.state(one) for one in orders] == ["SENT", "SENT"]
    assert stage.lane.exposure(1)["working_buy_lots"] == 2
    stage.lane.turn(1001 * MS)  # no answer comes: only the venue's word ends them
    assert [stage.state(one) for one in orders] == ["UNKNOWN", "UNKNOWN"]
    assert [told[1] for told in stage.maker.told if told[1] == "REJECTED"] == ["REJECTED"] * 2


def test_not_a_byte_left_is_tried_again_with_a_new_id_and_its_parent(stage):
    stage.lane.is_send_broken = True
    assert stage.wish(buy(tries=2)) == []
    first = stage.maker.told[-1][0]
    assert stage.maker.working(1) == 1  # its strategy has it at work meanwhile
    stage.lane.turn(20 * MS)  # and fails again
    stage.lane.is_send_broken = False
    stage.lane.turn(20 * MS)
    order = stage.lane.order(stage.only())
    assert (order["parent"], order["tries"], sent(stage, "place")) == (first, 0, 1)
    assert order["client_id"] != first
    assert (stage.view.flow.retries, stage.maker.working(1)) == (2, 1)
    stage.lane.turn(50 * MS)
    assert sent(stage, "place") == 1


def test_time_out_and_refusal_are_never_tried_again(stage):
    (silent,) = stage.wish(buy(tries=3))
    for _ in range(11):
        stage.lane.turn(100 * MS)
        stage.depth()
    assert (stage.state(silent), cause(stage, silent)) == ("UNKNOWN", "HP_CANCEL_NONE")
    (_, refused) = stage.wish(buy(tries=3))
    stage.report("REJECT", refused, error=lib.HP_ERROR_FUNDS)
    for _ in range(20):
        stage.lane.turn(100 * MS)
        stage.depth()
    assert (sent(stage, "place"), stage.view.flow.retries) == (2, 0)


def test_order_that_is_marked_or_over_is_not_wanted_again(stage):
    (order,) = stage.wish(buy(tries=1, ttl_ms=500))
    stage.lane.turn(6500 * MS)  # its time is over: marked, and asked about
    stage.report("NOT_FOUND", order)
    assert stage.state(order) == "REJECTED"
    stage.lane.turn(1 * MS)
    assert (sent(stage, "place"), stage.view.flow.retries) == (1, 0)


def test_order_that_was_proven_absent_and_is_there_after_all_is_not_placed_again(stage):
    """The venue's late word takes back its own proof before the second try has left."""
    (order,) = stage.wish(buy(tries=1))
    stage.lane.now_ns += 6500 * MS  # behind the deadline and the read lag
    stage.report("NOT_FOUND", order)
    assert (stage.state(order), sent(stage, "place")) == ("REJECTED", 1)
    stage.report("ACK", order, venue_id=7)
    assert stage.state(order) == "LIVE"
    for _ in range(5):
        stage.depth()
        stage.lane.turn(1 * MS)
    assert (sent(stage, "place"), stage.view.flow.retries) == (1, 0)
    assert stage.view.flow.retries_dropped == 1
    assert (len(stage.lane.orders()), stage.maker.working(1)) == (1, 1)


def test_order_that_is_there_after_all_goes_when_its_second_try_has_left(stage):
    """One wish: of two orders of it the older one is cancelled, the younger one stays."""
    (first,) = stage.wish(buy(tries=1))
    stage.lane.now_ns += 6500 * MS
    stage.depth()
    stage.report("NOT_FOUND", first)
    stage.lane.turn(1 * MS)
    (second,) = [one["client_id"] for one in stage.lane.orders()]
    stage.report("ACK", second, venue_id=8)
    assert (sent(stage, "place"), sent(stage, "cancel")) == (2, 0)
    stage.report("ACK", first, venue_id=7)
    stage.depth()
    stage.lane.turn(1 * MS)
    stage.lane.turn(1 * MS)
    assert sent(stage, "cancel") == 1
    assert f"{first:016x}".encode() in stage.lane.sent[-1]
    stage.report("CANCELED", first, match_ns=9)
    assert [one["client_id"] for one in stage.lane.orders()] == [second]
    assert stage.maker.working(1) == 1


class Venue:
    """What the venue has: it loses requests and answers by its seed, and knows what it was sent."""

    def __init__(self, r, seed):
        self.r, self.random = r, random.Random(seed)
        self.seen, self.known, self.placed, self.answers = 0, set(), 0, []

    def take(self):
        """Take what was sent since; a lost request is as if it had never left."""
        for text in self.r.lane.sent[self.seen :]:
            order = int(re.search(rb'ClientOrderId":"[^"]*-([0-9a-f]{16})"', text)[1], 16)
            if b'"order.place"' in text and self.random.random() < 0.5:
                self.known.add(order)
                self.placed += 1
                if self.random.random() < 0.3:
                    self.answer("ACK", order)
            elif b'"order.status"' in text and self.random.random() < 0.7:
                if order in self.known:
                    self.answer("STATUS", order, state=lib.HP_ORDER_LIVE)
                else:
                    self.answer("NOT_FOUND", order)
        self.seen = len(self.r.lane.sent)

    def answer(self, kind, order, **fields):
        self.answers.append((kind, order, fields))


@pytest.mark.parametrize("seed", range(25))
def test_lost_requests_and_answers_never_make_two_of_one(stage, seed):
    """One wish, three more tries, a venue that loses half: it holds one order of it at most."""
    venue = Venue(stage, seed)
    stage.wish(buy(tries=3))
    for _ in range(450):
        venue.take()
        for kind, order, fields in venue.answers:
            stage.report(kind, order, **fields)
        venue.answers.clear()
        stage.depth()
        stage.lane.turn(100 * MS)
        assert venue.placed <= 1, seed
    working = stage.lane.orders()
    assert len(working) <= 1
    assert venue.placed == len([one for one in working if one["client_id"] in venue.known])


def test_fill_is_answered_in_the_same_turn_and_timed(stage):
    (order,) = stage.wish(buy())
    stage.report("ACK", order)
    stage.maker.todo.append(buy())
    hop = stage.view.hops[lib.HP_HOP_FILL_RESPONSE]
    assert hop.count == 0
    stage.report("FILL", order, last_lots=5, last_ticks=600000, trade_id=1)
    assert sent(stage, "place") == 2  # nothing but the report came in between
    assert stage.view.hops[lib.HP_HOP_FILL_RESPONSE].count == 1


def test_put_ttl_holds_other_figures_and_refuses_unknown_ones(stage):
    stage.lane.put_ttl({"touch": (400, 100, 800)}, emergency_ms=50, speeds=((9, 500), (4, 800)))
    (order,) = stage.wish(buy(layer="touch", queue=1))
    assert stage.lane.order(order)["expire_ns"] - stage.lane.now_ns == 400 * MS
    with pytest.raises(TypeError, match="unknown figure mood"):
        stage.lane.put_ttl(mood=1)
    with pytest.raises(KeyError, match="no instrument 9"):
        stage.lane.signal(9, is_emergency=True)
