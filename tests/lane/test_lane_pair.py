"""A market lane and an order lane: what crosses, what a full ring costs, what a death leaves."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime._shm import ffi, lib
from runtime.pages.page import LANE_BYTES
from strategies import Strategy
from strategies.demo.imbalance import Imbalance
from strategies.demo.imbalance_native import ImbalanceNative
from tests.lane_rig import Rig
from tests.pair_rig import PairRig, half, ring, ring_of

MS = 1_000_000


class Buyer(Strategy):
    """Buys once per book event while nothing works; keeps what it is told."""

    def __init__(self, **parameters):
        super().__init__(**parameters)
        self.told, self.filled, self.want = [], [], True

    def on_book(self, book):
        if self.want and not self.working(book.instrument):
            self.buy(book.instrument, price_ticks=book.bid_ticks, lots=5, post_only=True)

    def on_order(self, order):
        self.told.append((order.client_id, order.state, order.verdict))

    def on_fill(self, fill):
        self.filled.append((fill.lots, self.position(fill.instrument)))


class Asker(Buyer):
    """Wants one more order with every book event, whatever works."""

    def on_book(self, book):
        self.buy(book.instrument, price_ticks=book.bid_ticks, lots=1, post_only=True)


class Timed(Strategy):
    """Batches with times to live by layer, second tries; changes price, size and time by hand."""

    def __init__(self, **parameters):
        super().__init__(**parameters)
        self.seen = 0

    def on_book(self, book):
        self.seen += 1
        if self.working(book.instrument):
            return
        wish = {"side": "BUY", "instrument": book.instrument, "price_ticks": book.bid_ticks}
        wish |= {"layer": ("touch", "near", None)[self.seen % 3], "tries": self.seen % 2}
        self.place_batch([{"lots": n, "ttl_ms": 3000, **wish} for n in (1, 2)])

    def on_order(self, order):
        if order.state == "LIVE" and order.client_id % 3 == 0 and order.lots < 4:
            self.replace(order.client_id, price_ticks=order.price_ticks - 1, lots=order.lots + 1)
        if order.state == "LIVE" and order.client_id % 5 == 0:
            self.set_dynamic_ttl(order.client_id, 700, layer="touch")


def memory():
    return bytearray(LANE_BYTES)


def placed(strategy=Buyer, **more):
    r = PairRig(strategy(), **more)
    r.sync()
    return r, r.lane.strategies[0]


def agree(r):
    """The mirror is the order lane's truth."""
    market, truth = r.lane.market, r.lane.order_lane
    works = {o["client_id"]: (o["state"], o["filled_lots"]) for o in truth.orders()}
    assert {o["client_id"]: (o["state"], o["filled_lots"]) for o in market.orders()} == works
    for instrument in (1, 2):
        assert market.position(instrument) == truth.position(instrument)
        here = sum(o["instrument"] == instrument for o in truth.orders())
        assert market.strategies[0].working(instrument) == here


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["book", "ack", "fill", "cancelled", "gap", "snapshot", "time", "trade"]),
        st.integers(1, 99),
        st.integers(1, 99),
    ),
    min_size=3,
    max_size=40,
)


def live(r, steps):
    """Let a day happen to a rig."""
    r.sync()
    for n, (what, a, b) in enumerate(steps):
        orders = r.lane.orders()
        order = orders[a % len(orders)] if orders else None
        if what == "book":
            r.depth(bids=[(60000.0, a)], asks=[(60000.1, b)])
        elif what == "gap":
            r.depth(bids=[(60000.0, a)], skip=5)
        elif what == "snapshot":
            r.sync(bid_size=a, ask_size=b)
        elif what == "time":
            for _ in range(1 + b % 5):  # what the market half says of its market comes by turns
                r.lane.turn(a * MS)
        elif what == "trade":
            for _ in range(b):
                r.trade(size=a / 1000)
        elif order is not None and what == "fill":
            lots = min(order["lots"] - order["filled_lots"], b)
            r.report(
                "FILL",
                order["client_id"],
                last_lots=lots,
                last_ticks=order["price_ticks"],
                trade_id=1000 + n,
            )
        elif order is not None:
            r.report("ACK" if what == "ack" else "CANCELED", order["client_id"])


@pytest.mark.parametrize("strategy", [Imbalance, ImbalanceNative, Timed])
@settings(max_examples=40)
@given(STEPS)
def test_pair_sends_what_one_lane_sends(strategy, steps):
    """The same frames and answers, a step at a time: byte-equal requests."""
    one, two = Rig(strategy()), PairRig(strategy())
    one.lane.turn(5 * MS)  # the pair greeted each other meanwhile
    live(one, steps)
    live(two, steps)
    assert two.lane.sent == one.lane.sent
    assert two.lane.position(1) == one.lane.position(1)
    assert two.count.gaps == one.count.gaps
    agree(two)


def test_market_half_sends_nothing_and_the_order_half_has_no_book():
    r, _ = placed()
    assert (len(r.lane.sent), r.lane.market.sent) == (1, [])
    assert r.view.verdicts[lib.HP_PASS] == 1
    assert r.market_view.counters.orders_sent == 0
    assert r.view.counters.messages == 0
    assert (r.market_view.role, r.view.role) == (lib.HP_ROLE_MARKET, lib.HP_ROLE_ORDER)
    with pytest.raises(ValueError, match="at most"):
        PairRig(Buyer(), order_capacity=2048)


def test_ticks_to_trade_are_counted_over_both_lanes():
    r, _ = placed()
    hops = r.view.hops
    r.report("CANCELED", r.only())
    before = [hops[n].count for n in range(lib.HP_HOP_COUNT)]
    r.depth(bids=[(60000.0, 3)])  # a frame causes this order
    grown = {n for n in range(lib.HP_HOP_COUNT) if hops[n].count == before[n] + 1}
    names = ("DECODE", "BOOK", "DECIDE", "GATE", "SEND", "TICK_TO_TRADE")
    assert grown == {getattr(lib, f"HP_HOP_{name}") for name in names}
    assert not any(r.market_view.hops[n].count for n in grown)


def test_what_a_callback_causes_arrives_later():
    class Chaser(Buyer):
        inside = False

        def on_order(self, order):
            assert not self.inside
            self.inside = True
            super().on_order(order)
            if len(self.told) < 4:
                self.buy(1, price_ticks=600_000, lots=5)
            self.inside = False

    r, chaser = placed(Chaser)
    assert chaser.error is None
    assert chaser.told == []  # an order that leaves is no news
    r.report("ACK", r.only())
    assert [state for _, state, _ in chaser.told] == ["LIVE"]
    assert len(r.lane.sent) == 2


@pytest.mark.parametrize("cause", ["gap", "stale", "socket", "halt"])
def test_a_lost_picture_takes_out_what_rests_on_it(cause):
    r, strategy = placed()
    r.report("ACK", r.only())
    if cause == "gap":
        r.depth(skip=7)
    elif cause == "stale":
        r.lane.turn(1001 * MS)
    elif cause == "socket":
        r.lane.market.add_stream(1, lib.HP_EVENT_DEPTH, 0)
        r.lane.socket(0, False)
    else:
        strategy.on_order = None
        strategy.want = property  # an author's mistake: the next book event raises
        r.lane.market.strategies[0].want = Broken()
        r.depth()
    assert b'"order.cancel"' in r.lane.sent[-1]


class Broken:
    def __bool__(self):
        raise RuntimeError("as planned")


def test_full_ring_refuses_an_intent_with_a_verdict_and_forgets_nothing():
    r, strategy = placed(Asker, rings=(ring(4096), ring(1 << 20)))
    r.lane.is_order_deaf = True
    for n in range(30):
        r.depth(bids=[(60000.0, n + 2)])
    refused = [told for told in strategy.told if told[2] == lib.HP_VERDICT_SEND_FAILED]
    assert len(refused) == r.market_view.counters.pair_refused > 0
    assert strategy.working(1) == 1 + 30 - len(refused)
    r.lane.is_order_deaf = False
    r.lane.turn(1)
    agree(r)
    assert r.lane.verdicts[lib.HP_VERDICT_OPEN_ORDERS] == 30 - len(refused) - 4


def test_slow_market_lane_never_holds_the_order_lane_up():
    """Its ring is full: the truth goes on, and the mirror is said anew when it reads again."""
    r, strategy = placed(Asker, rings=(ring(1 << 20), ring(32768)))
    for n in range(3):
        r.depth(bids=[(60000.0, n + 2)])
    orders = r.lane.orders()
    r.lane.is_market_deaf = True
    for n in range(60):
        for order in orders:
            r.report("ACK", order["client_id"], venue_id=n + 1)
    for n, order in enumerate(orders):
        r.report("FILL", order["client_id"], last_lots=1, last_ticks=600_000, trade_id=n + 1)
    assert r.view.counters.pair_refused == 1  # then it says nothing more
    assert r.lane.position(1)["lots"][0] == 4
    assert r.lane.market.position(1)["lots"][0] == 0
    before = r.view.counters.pair_mirrors
    r.lane.is_market_deaf = False
    r.lane.turn(1)
    r.lane.turn(1)
    assert r.view.counters.pair_mirrors == before + 1
    agree(r)
    last = {client: state for client, state, _ in strategy.told}
    assert {last[order["client_id"]] for order in orders} == {"FILLED"}


def test_new_order_lane_is_greeted_and_the_market_lane_keeps_its_books():
    r, strategy = placed()
    r.report("ACK", r.only())
    gone = r.only()
    strategy.want = False
    again = half("order", memory(), strategy, epoch=2)
    r.lane.take_up(r.lane.market, again)
    again.turn(5 * MS)
    r.lane.pump()
    agree(r)
    assert strategy.told[-1][:2] == (gone, "NONE")  # how it ended, nobody here knows
    assert strategy.working(1) == 0
    again.session()
    again.arm()
    strategy.want = True
    r.depth(bids=[(60000.0, 9)])  # the book went on
    r.lane.pump()
    assert len(again.sent) == 1
    agree(r)


def test_new_market_lane_starts_afresh_with_the_true_positions():
    r, _ = placed()
    order = r.only()
    r.report("ACK", order)
    r.report("FILL", order, last_lots=2, last_ticks=600_000, trade_id=1)
    lane = r.lane.order_lane
    fresh = half("market", memory(), Buyer(), epoch=9)
    r.lane.take_up(fresh, lane)
    fresh.turn(5 * MS)
    r.lane.pump()
    assert b'"order.cancel"' in lane.sent[-1]  # no quote outlives its picture
    assert fresh.position(1) == lane.position(1)
    assert fresh.position(1)["lots"][0] == 2
    assert fresh.is_mirrored
    agree(r)


def test_silent_market_lane_takes_its_quotes_out_once_and_back_is_no_new_life():
    r, strategy = placed()
    order = r.only()
    r.report("ACK", order)
    strategy.want = False
    lane = r.lane.order_lane
    sent = len(lane.sent)
    lane.peer(lib.HP_PAIR_SILENT, (lane.now_ns - 1).to_bytes(8, "little"))
    assert [b'"order.cancel"' in text for text in lane.sent[sent:]] == [True]
    r.report("CANCELED", order)
    lane.peer(lib.HP_PAIR_BACK)
    strategy.want = True
    r.depth(bids=[(60000.0, 4)])
    r.report("ACK", r.only())
    sent = len(lane.sent)
    r.lane.turn(5 * MS)
    assert lane.sent[sent:] == []  # its picture is believed again
    assert r.view.counters.pair_silences == 1


def test_records_of_a_dead_market_lanes_ring_are_not_believed():
    """What stands in the ring for a former life moves nothing in the next one."""
    r, _ = placed()
    r.lane.is_market_deaf = True
    r.report("FILL", r.only(), last_lots=2, last_ticks=600_000, trade_id=1)
    assert ring_of(r.rings[1]).head > ring_of(r.rings[1]).tail
    fresh = half("market", memory(), Buyer(), epoch=9)
    fresh.set_pair(r.rings[1], r.rings[0])
    while fresh.take_peer():
        pass
    assert fresh.position(1)["lots"][0] == 0
    assert not fresh.is_mirrored


SIZES = {
    lib.HP_PAIR_HELLO: 16,
    lib.HP_PAIR_INTENT: 224,
    lib.HP_PAIR_PICTURE: 64,
    lib.HP_PAIR_HALT: 4,
    lib.HP_PAIR_MIRROR: 16,
    lib.HP_PAIR_POSITION: 136,
    lib.HP_PAIR_ORDER: 416,
    lib.HP_PAIR_FILL: 736,
}


def test_a_record_of_a_wrong_size_or_kind_changes_nothing():
    r, _ = placed()
    r.report("ACK", r.only())
    position = r.lane.market.position(1)
    for page in r.rings:
        for kind in (*range(32), lib.HP_PAIR_SILENT, lib.HP_PAIR_BACK, 77, 2**32 - 2):
            for size in {0, 1, 4, 16, 64, 136, 224, 416, 736, 900} - {SIZES.get(kind)}:
                if kind == lib.HP_PAIR_MIRROR_END:
                    continue  # it has no payload that could be wrong
                assert lib.hp_ring_put(ring_of(page), kind, 0, bytes(size), size)
                r.lane.pump()
    r.lane.turn(5 * MS)
    assert len(r.lane.sent) == 1
    assert r.lane.market.position(1) == position
    agree(r)


def test_what_lags_behind_the_market_lane_is_forbidden_in_the_order_lane():
    """Its archive lags: quotes go and none come, until it has caught up."""
    r, strategy = placed(journal=True, segment_bytes=65536)
    r.report("ACK", r.only())
    page = ffi.cast("hp_page_t *", ffi.from_buffer(r.journals["market"]))
    head = ffi.cast("hp_journal_head_t *", page + 1)
    head.archived = head.published
    while head.published - head.archived < 2 * 65536:  # half of the ring
        r.lane.market.clocks(1_700_000_000_000_000_000)
    r.lane.market.archive()
    r.lane.turn(5 * MS)
    assert r.view.words == lib.HP_WORD_LAGGING
    assert b'"order.cancel"' in r.lane.sent[-1]
    r.report("CANCELED", r.only())
    r.depth()
    assert (r.lane.orders(), strategy.told[-1][2]) == ([], lib.HP_VERDICT_ARCHIVE_LAG)
    head.archived = head.published
    r.lane.market.archive()
    r.lane.turn(5 * MS)
    assert r.view.words == 0
    r.depth()
    assert r.only()


def test_lag_of_a_market_lane_that_died_forbids_nothing():
    r, _ = placed(journal=True, segment_bytes=65536)
    page = ffi.cast("hp_page_t *", ffi.from_buffer(r.journals["market"]))
    head = ffi.cast("hp_journal_head_t *", page + 1)
    head.archived, head.archive_state = head.published, lib.HP_ARCHIVE_FULL
    r.lane.market.archive()
    r.lane.turn(5 * MS)
    assert r.view.words == lib.HP_WORD_LAGGING
    r.lane.take_up(half("market", memory(), Buyer(), epoch=9), r.lane.order_lane)
    r.lane.start_strategies()
    r.lane.turn(5 * MS)
    assert r.view.words == 0
