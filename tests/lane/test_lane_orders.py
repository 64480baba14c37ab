"""The lane's promises about orders, on a virtual clock."""

import struct

import pytest

from runtime._shm import ffi, lib
from strategies import Strategy

MS = 1_000_000


class Buyer(Strategy):
    """Buys once per book event while flat; keeps what it is told."""

    def __init__(self, **parameters):
        super().__init__(**parameters)
        self.told, self.filled, self.want = [], [], True

    def on_book(self, book):
        if self.want and self.flat(book.instrument):
            self.buy(
                book.instrument, price_ticks=book.bid_ticks, lots=5, post_only=True, ttl_ms=500
            )

    def on_order(self, order):
        self.told.append((order.client_id, order.state, order.verdict))

    def on_fill(self, fill):
        self.filled.append((fill.side, fill.price_ticks, fill.lots, self.position(fill.instrument)))


@pytest.fixture
def placed(each_rig):
    """A rig with one order sent, and its client id."""
    r = each_rig(Buyer())
    r.sync()
    return r, r.only()


def test_order_is_sent_once_and_counts_as_exposure(placed):
    r, _ = placed
    assert len(r.lane.sent) == 1
    assert b'"order.place"' in r.lane.sent[0]
    assert r.lane.exposure(1)["working_buy_lots"] == 5
    assert r.count.orders_sent == 1
    r.depth()
    assert len(r.lane.sent) == 1  # not flat any more: no second order


def test_ack_fill_and_flat_again(placed):
    r, order = placed
    strategy = r.lane.strategies[0]
    strategy.want = False
    r.report("ACK", order, venue_id=77)
    assert (r.state(order), r.lane.order(order)["venue_id"]) == ("LIVE", 77)
    r.report("FILL", order, last_lots=2, last_ticks=600000, trade_id=1, fee_e8=3)
    assert r.state(order) == "PARTIAL"
    r.report("FILL", order, last_lots=3, last_ticks=600000, trade_id=2, fee_e8=4)
    assert r.state(order) == "FILLED"
    assert strategy.filled == [("BUY", 600000, 2, 2), ("BUY", 600000, 3, 5)]
    assert r.lane.exposure(1)["working_buy_lots"] == 0
    assert (r.lane.position(1)["lots"][0], r.lane.position(1)["fees_e8"]) == (5, 7)


def test_same_fill_twice_is_booked_once(placed):
    r, order = placed
    for _ in range(3):
        r.report("FILL", order, last_lots=5, last_ticks=600000, trade_id=9)
    assert r.lane.position(1)["lots"][0] == 5
    assert (r.count.fills, r.count.fills_duplicate) == (1, 2)


def test_no_answer_becomes_unknown_and_keeps_its_exposure(placed):
    r, order = placed
    r.lane.turn(999 * MS)
    assert r.state(order) == "SENT"
    r.lane.turn(2 * MS)
    assert r.state(order) == "UNKNOWN"
    assert r.lane.exposure(1)["working_buy_lots"] == 5
    assert (r.count.unknown, r.count.unknown_now) == (1, 1)


def test_unknown_is_inquired_about_at_a_bounded_rate(placed):
    r, _ = placed
    r.lane.turn(1001 * MS)
    inquiries = [text for text in r.lane.sent if b'"order.status"' in text]
    assert len(inquiries) == 1
    for _ in range(99):
        r.lane.turn(5 * MS)
    assert r.count.inquiries == 1
    r.lane.turn(6 * MS)
    assert r.count.inquiries == 2


def test_unknown_ends_by_evidence_only(placed):
    """NOT_FOUND counts after the venue deadline (1 s) plus the read lag (5 s).

    Time alone never does.
    """
    r, order = placed
    r.lane.turn(1001 * MS)
    r.report("NOT_FOUND", order)
    assert r.state(order) == "UNKNOWN"
    r.lane.turn(3_600_000 * MS)
    assert r.state(order) == "UNKNOWN"
    r.report("NOT_FOUND", order)
    assert r.state(order) == "REJECTED"
    assert r.lane.exposure(1)["working_buy_lots"] == 0


def test_ambiguous_answer_is_no_rejection(placed):
    r, order = placed
    r.report("AMBIGUOUS", order, error=lib.HP_ERROR_UNKNOWN_OUTCOME)
    assert r.state(order) == "UNKNOWN"
    r.report("FILL", order, last_lots=5, last_ticks=600000, trade_id=1)
    assert (r.state(order), r.lane.position(1)["lots"][0]) == ("FILLED", 5)


def test_order_is_cancelled_when_its_time_is_over(placed):
    r, order = placed
    r.report("ACK", order)
    r.lane.turn(499 * MS)
    assert len(r.lane.sent) == 1
    r.lane.turn(2 * MS)
    assert b'"order.cancel"' in r.lane.sent[1]
    r.lane.turn(1 * MS)
    assert len(r.lane.sent) == 2  # in flight: not sent again
    r.report("CANCELED", order)
    assert (r.state(order), r.count.open_orders) == ("CANCELED", 0)


def test_unanswered_cancel_is_tried_again(placed):
    r, order = placed
    r.report("ACK", order)
    r.lane.turn(501 * MS)
    r.lane.turn(501 * MS)
    assert sum(b'"order.cancel"' in text for text in r.lane.sent) == 2


def test_cancel_of_a_gone_order_asks_before_it_believes(placed):
    r, order = placed
    r.report("ACK", order)
    r.lane.turn(501 * MS)
    r.report("CANCEL_REJECT", order, error=lib.HP_ERROR_UNKNOWN_ORDER)
    assert r.state(order) == "LIVE"
    assert b'"order.status"' in r.lane.sent[-1]
    r.report("STATUS", order, state=lib.HP_ORDER_FILLED)
    r.report("FILL", order, last_lots=5, last_ticks=600000, trade_id=1)
    assert (r.state(order), r.lane.position(1)["lots"][0]) == ("FILLED", 5)


def test_gap_cancels_what_rests_there_and_nothing_elsewhere(each_rig):
    r = each_rig(Buyer())
    r.sync(instrument=1)
    r.sync(instrument=2)
    first, second = (o["client_id"] for o in r.lane.orders())
    for order in (first, second):
        r.report("ACK", order)
    r.depth(skip=3, instrument=1)
    cancels = [text for text in r.lane.sent if b'"order.cancel"' in text]
    assert len(cancels) == 1
    assert f"{first:016x}".encode() in cancels[0]
    assert r.count.gaps == 1
    assert (lib.HP_WANT_SNAPSHOT, 1) in r.lane.wanted[1:]
    assert (lib.HP_WANT_SNAPSHOT, 2) not in r.lane.wanted[2:]


def test_stale_book_cancels_and_blocks(each_rig):
    r = each_rig(Buyer())
    r.sync()
    order = r.only()
    r.report("ACK", order)
    r.lane.turn(1001 * MS)
    assert any(b'"order.cancel"' in text for text in r.lane.sent)
    assert r.count.stale == 1


@pytest.mark.parametrize("word", ["KILL", "FREEZE", "DRAIN", "FLATTEN"])
def test_control_word_cancels_and_blocks_new_risk(each_rig, word):
    r = each_rig(Buyer())
    r.sync()
    order = r.only()
    r.report("ACK", order)
    r.lane.words(getattr(lib, f"HP_WORD_{word}"))
    assert b'"order.cancel"' in r.lane.sent[-1]
    r.report("CANCELED", order)
    sent = len(r.lane.sent)
    r.depth()
    assert len(r.lane.sent) == sent
    blocked = {"KILL": "KILLED", "DRAIN": "DRAINING"}.get(word, "FROZEN")
    assert r.lane.verdicts[getattr(lib, f"HP_VERDICT_{blocked}")] >= 1


def test_word_set_while_the_session_was_down_is_obeyed_when_it_is_back(each_rig):
    r = each_rig(Buyer())
    r.sync()
    r.report("ACK", r.only())
    r.lane.session(order_ready=False)
    r.lane.words(lib.HP_WORD_KILL)
    assert not any(b'"order.cancel"' in text for text in r.lane.sent)
    r.lane.session()
    r.lane.turn(2 * MS)
    assert b'"order.cancel"' in r.lane.sent[-1]


def test_broken_send_leaves_nothing_behind(each_rig):
    r = each_rig(Buyer())
    r.lane.is_send_broken = True
    r.sync()
    assert r.lane.orders() == []
    assert r.lane.exposure(1) == {"working_buy_lots": 0, "working_sell_lots": 0, "open_orders": 0}
    assert r.count.send_failures == 1
    told = r.lane.strategies[0].told
    assert told[0][1:] == ("REJECTED", lib.HP_VERDICT_SEND_FAILED)


def test_unlogged_session_refuses_without_an_order(each_rig):
    r = each_rig(Buyer())
    r.lane.session(order_ready=False)
    r.sync()
    assert (r.lane.sent, r.lane.orders()) == ([], [])
    assert r.lane.strategies[0].told == [(0, "NONE", lib.HP_VERDICT_SEND_FAILED)]
    assert r.lane.strategies[0].working(1) == 0


def test_refusal_that_provokes_a_new_intent_waits_for_the_next_turn(rig):
    class Stubborn(Strategy):
        tries = 0

        def on_book(self, book):
            if not self.working(book.instrument):
                self.buy(book.instrument, price_ticks=book.bid_ticks, lots=5000)

        def on_order(self, order):
            Stubborn.tries += 1
            self.buy(1, price_ticks=600000, lots=5000)

    r = rig(Stubborn())
    r.sync()
    assert Stubborn.tries == 1
    r.lane.turn(2 * MS)
    assert Stubborn.tries == 2


def test_exception_halts_one_strategy_and_cancels_its_orders(each_rig):
    class Faulty(Buyer):
        def on_fill(self, fill):
            raise RuntimeError("no such thing")

    class Second(Strategy):
        seen = 0

        def on_book(self, book):
            Second.seen += 1

    r = each_rig(Faulty(), Second())
    r.sync(instrument=1)
    r.sync(instrument=2)
    first, second = (o["client_id"] for o in r.lane.orders())
    for order in (first, second):
        r.report("ACK", order)
    r.report("FILL", first, last_lots=5, last_ticks=600000, trade_id=1)
    assert "no such thing" in r.lane.strategies[0].error
    assert f"{second:016x}".encode() in r.lane.sent[-1]
    seen = Second.seen
    r.depth()
    assert Second.seen == seen + 1
    assert r.lane.strategies[1].error is None
    assert (r.count.callback_errors, r.count.strategy_halted) == (1, 1)


def test_report_about_an_order_that_is_not_ours_moves_no_order(placed):
    r, order = placed
    r.report("CANCELED", 12345)
    r.report("CANCELED", 0, foreign=1)
    assert (r.count.reports_refused, r.count.foreign_reports) == (1, 1)
    assert r.state(order) == "SENT"


@pytest.mark.parametrize("client_id", [0, 12345], ids=["foreign", "forgotten"])
def test_fill_of_an_order_that_the_table_lacks_moves_the_position_once(placed, client_id):
    """The account's position is the venue's word: whose order it was does not matter."""
    r, _ = placed
    said = {"instrument": 1, "side": 2, "last_lots": 5, "last_ticks": 600000, "trade_id": 2}
    for _ in range(2):
        r.report("FILL", client_id, foreign=int(client_id == 0), **said)
    assert r.lane.position(1)["lots"][0] == -5
    assert (r.count.fills_foreign, r.count.fills_duplicate) == (1, 1)


def test_fill_without_a_side_or_an_instrument_is_refused(placed):
    r, _ = placed
    r.report("FILL", 12345, last_lots=5, last_ticks=600000, trade_id=1, instrument=1)
    r.report("FILL", 12345, last_lots=5, last_ticks=600000, trade_id=1, side=1)
    assert (r.lane.position(1)["lots"][0], r.count.reports_refused) == (0, 2)


def records(r):
    """(kind, aux, payload) of each record in a rig's journal."""
    raw, at, out = bytes(r.journal)[4096:], 128, []
    while True:
        length, kind = struct.unpack_from("<IH", raw, at)
        if kind == 0:
            return out
        (aux,) = struct.unpack_from("<I", raw, at + 36)
        out.append((kind, aux, raw[at + 40 : at + 40 + length]))
        at += (40 + length + 7) & ~7


def test_write_ahead_intent_verdict_and_request_stand_before_the_order(rig):
    r = rig(Buyer(), journal=True)
    r.sync()
    kinds = [kind for kind, _, _ in records(r)]
    names = ["INTENT", "VERDICT", "REQUEST", "ORDER"]
    positions = [kinds.index(getattr(lib, f"HP_RECORD_{name}")) for name in names]
    assert positions == sorted(positions)
    assert kinds.count(lib.HP_RECORD_FRAME) == 1
    assert kinds.count(lib.HP_RECORD_SNAPSHOT) == 1
    assert kinds.count(lib.HP_RECORD_INSTRUMENT) == 2


def test_full_order_table_refuses_the_next_one(each_rig):
    class Greedy(Strategy):
        def on_book(self, book):
            for n in range(3):
                self.buy(book.instrument, price_ticks=book.bid_ticks - n, lots=1)

    r = each_rig(Greedy(), order_capacity=16)
    for number in (1, 2):
        r.sync(instrument=number)
    for _ in range(5):
        r.depth(instrument=1)
        r.depth(instrument=2)
    assert len(r.lane.orders()) == 10  # open_orders_max 5 each
    assert r.lane.verdicts[lib.HP_VERDICT_OPEN_ORDERS] > 0


def time_record(now_ns, **fields):
    """One hp_time_record_t that NTP vouches for, as bytes."""
    record = ffi.new("hp_time_record_t *")
    record.source, record.taken_ns, record.valid_until_ns = 2, now_ns, now_ns + 3_000 * MS
    for name, value in fields.items():
        setattr(record, name, value)
    return bytes(ffi.buffer(record))


def test_lane_sends_nothing_new_before_its_clock_is_known(each_rig):
    r = each_rig(Buyer(), journal=True)
    r.lane.set_clock_policy(MS)
    r.sync()
    assert r.lane.sent == []
    assert r.lane.verdicts == {lib.HP_VERDICT_CLOCK_UNSURE: 1}
    r.lane.clock(time_record(r.lane.now_ns))
    r.depth()
    assert len(r.lane.sent) == 1
    r.lane.clock(time_record(r.lane.now_ns, source=0))  # doubt counts at once
    r.report("CANCELED", r.only())
    r.depth()
    assert len(r.lane.sent) == 1


def test_time_record_is_journaled_when_it_changes(each_rig):
    r = each_rig(journal=True)
    first, second = time_record(r.lane.now_ns), time_record(r.lane.now_ns, offset_ns=5)
    for record in (first, first, second, second):
        r.lane.clock(record)
    words = [(aux, data) for kind, aux, data in records(r) if kind == lib.HP_RECORD_WORDS]
    assert words == [(lib.HP_WORDS_CLOCK, first), (lib.HP_WORDS_CLOCK, second)]


def test_policy_warn_counts_what_it_lets_pass(each_rig):
    r = each_rig(Buyer())
    r.lane.set_clock_policy(MS, warn_only=True)
    r.sync()
    assert len(r.lane.sent) == 1
    assert r.view.warnings[lib.HP_VERDICT_CLOCK_UNSURE] == 1
    assert list(r.view.warnings).count(0) == 63
