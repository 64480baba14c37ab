"""Changing an order: what is exposed while it is in flight, and every race with it."""

import pytest

from runtime._shm import ffi, lib
from strategies import Strategy

MS = 1_000_000
REPLACE = lib.HP_REQUEST_REPLACE


class Mover(Strategy):
    """Buys once, then does what the test tells it; keeps what it is told."""

    def __init__(self, **parameters):
        super().__init__(**parameters)
        self.told, self.wish, self.placed = [], None, False

    def on_book(self, book):
        if not self.placed:
            self.placed = True
            self.buy(book.instrument, price_ticks=600_000, lots=10)
        elif self.wish:
            kind, *rest = self.wish
            self.wish = None
            self.emitted = getattr(self, kind)(*rest[:1], **(rest[1] if len(rest) > 1 else {}))

    def on_order(self, order):
        self.told.append((order.verdict, order.state, order.is_changing, order.lots))


class Stage:
    """A each_rig with an acknowledged order of 10 lots at 600000; `assets`: it has 1000 of each."""

    def __init__(self, each_rig, assets=None, **settings):
        self.r = each_rig(Mover(), **settings)
        for number, name in (assets or {}).items():
            self.r.lane.add_asset(number, name)
            self.r.report("BALANCE", 0, asset=number, balance_e8=1000 * 10**8, match_ns=1)
        self.r.sync()
        self.order = self.r.only()
        self.r.report("ACK", self.order, venue_id=7, lots=10, price_ticks=600_000, match_ns=10)
        self.strategy = self.r.lane.strategies[0]

    def wish(self, kind, **more):
        """Let the strategy want something, at the next change of the book."""
        self.strategy.wish = (kind, self.order, more) if more else (kind, self.order)
        self.r.depth()

    @property
    def about(self):
        return self.r.lane.order(self.order)

    @property
    def request(self):
        return self.about["replace_request"]

    def say(self, kind, **fields):
        self.r.report(kind, self.order, **fields)

    def replaced(self, price=600_100, lots=15, match_ns=20, **fields):
        self.say("REPLACED", price_ticks=price, lots=lots, match_ns=match_ns, **fields)

    def answer(self, **fields):
        self.replaced(request=REPLACE, request_id=self.request, **fields)

    def refuse(self, error=lib.HP_ERROR_FILTER):
        self.say("CANCEL_REJECT", request=REPLACE, request_id=self.request, error=error)

    @property
    def working(self):
        return self.r.lane.exposure(1)["working_buy_lots"]

    @property
    def is_changing(self):
        return bool(self.about["flags"] & lib.HP_ORDER_REPLACE_IN_FLIGHT)

    @property
    def version(self):
        return self.about["price_ticks"], self.about["lots"]


@pytest.fixture
def stage(each_rig):
    return Stage(each_rig)


@pytest.fixture
def moving(stage):
    """A stage whose order is on its way to 15 lots at 600100."""
    stage.wish("replace", price_ticks=600_100, lots=15)
    return stage


def test_replace_is_sent_once_and_the_worse_of_both_counts(moving):
    text = moving.r.lane.sent[-1]
    assert b'"order.modify"' in text
    assert b'"price":"60010.0","quantity":"0.015"' in text
    assert (moving.working, moving.r.count.replaces_sent) == (15, 1)
    assert moving.version == (600_000, 10)
    moving.answer()
    assert (moving.version, moving.working, moving.is_changing) == ((600_100, 15), 15, False)
    assert moving.r.count.replaced == 1
    assert moving.strategy.told[-1] == (1, "LIVE", False, 15)


def test_smaller_version_frees_exposure_only_when_the_venue_says_so(stage):
    stage.wish("replace", lots=4)
    assert stage.working == 10
    stage.answer(price=600_000, lots=4)
    assert stage.working == 4


def test_refused_change_leaves_the_order_as_it_was(moving):
    moving.refuse()
    assert (moving.version, moving.working, moving.is_changing) == ((600_000, 10), 10, False)
    assert moving.r.count.replaces_refused == 1


def test_refused_change_to_what_the_order_is_already_was_no_change(stage):
    stage.wish("replace", price_ticks=600_000, lots=10)
    stage.refuse()
    assert (stage.version, stage.is_changing) == ((600_000, 10), False)
    assert (stage.r.count.replaced, stage.r.count.replaces_refused) == (0, 1)


def test_change_told_by_event_then_answer_then_again_is_one_change(moving):
    moving.replaced()
    for _ in range(2):
        moving.answer()
        moving.replaced()
    assert (moving.version, moving.working, moving.r.count.replaced) == ((600_100, 15), 15, 1)


def test_second_change_waits_for_the_first(moving):
    moving.wish("replace", price_ticks=600_200)
    assert moving.strategy.told[-1][0] == lib.HP_VERDICT_ORDER_BUSY
    assert moving.r.count.replaces_sent == 1
    moving.answer()
    moving.wish("replace", price_ticks=600_200)
    assert moving.r.count.replaces_sent == 2


def test_late_word_of_the_first_change_after_the_second_changes_nothing(moving):
    moving.answer()
    first = moving.request
    moving.wish("replace", price_ticks=600_200, lots=12)
    moving.answer(price=600_200, lots=12, match_ns=30)
    moving.replaced(request=REPLACE, request_id=first)
    moving.replaced()
    moving.say("CANCEL_REJECT", request=REPLACE, request_id=first)
    assert (moving.version, moving.working) == ((600_200, 12), 12)
    assert moving.r.count.replaced == 2


def test_fill_during_a_change_counts_in_both_versions(moving):
    moving.say("FILL", last_lots=4, last_ticks=600_000, trade_id=1, match_ns=15,
               lots=10, price_ticks=600_000)
    assert (moving.about["filled_lots"], moving.working) == (4, 11)
    moving.answer(cum_lots=4)
    assert (moving.working, moving.r.state(moving.order)) == (11, "PARTIAL")


def test_order_that_fills_before_its_change_arrives_is_filled(moving):
    moving.say("FILL", last_lots=10, last_ticks=600_000, trade_id=1, match_ns=15,
               lots=10, price_ticks=600_000, state=lib.HP_ORDER_FILLED, cum_lots=10)
    assert moving.r.state(moving.order) == "FILLED"
    moving.refuse(lib.HP_ERROR_UNKNOWN_ORDER)
    assert (moving.working, moving.r.lane.orders()) == (0, [])
    assert moving.r.lane.exposure(1)["open_orders"] == 0


def test_fill_of_the_old_size_without_a_word_of_the_state_waits_for_evidence(moving):
    moving.say("FILL", last_lots=10, last_ticks=600_000, trade_id=1)
    assert (moving.r.state(moving.order), moving.working) == ("PARTIAL", 5)
    moving.refuse(lib.HP_ERROR_UNKNOWN_ORDER)
    assert (moving.r.state(moving.order), moving.working) == ("FILLED", 0)


def test_cancel_during_a_change_is_sent_and_ends_both(moving):
    moving.wish("cancel")
    assert b'"order.cancel"' in moving.r.lane.sent[-1]
    moving.say("CANCELED", match_ns=30)
    moving.refuse(lib.HP_ERROR_UNKNOWN_ORDER)
    assert (moving.r.state(moving.order), moving.working) == ("CANCELED", 0)


def test_change_during_a_cancel_is_busy(stage):
    stage.wish("cancel")
    stage.wish("replace", lots=4)
    assert stage.strategy.told[-1][0] == lib.HP_VERDICT_ORDER_BUSY
    assert stage.r.count.replaces_sent == 0


def test_change_of_a_cancelled_order_is_refused_by_us(stage):
    stage.say("CANCELED", match_ns=30)
    stage.wish("replace", lots=4)
    assert stage.strategy.told[-1][0] == lib.HP_VERDICT_UNKNOWN_ORDER


def test_change_before_the_acknowledgement_is_busy(each_rig):
    r = each_rig(Mover())
    r.sync()
    r.lane.strategies[0].wish = ("replace", r.only(), {"lots": 4})
    r.depth()
    assert r.lane.strategies[0].told[-1][0] == lib.HP_VERDICT_ORDER_BUSY


def test_change_that_cancels_the_order_at_the_venue_ends_it(moving):
    moving.say("CANCELED", request=REPLACE, request_id=moving.request, match_ns=20)
    assert (moving.r.state(moving.order), moving.working) == ("CANCELED", 0)
    assert moving.r.lane.exposure(1)["open_orders"] == 0


def test_unanswered_change_is_asked_about_and_ends_by_evidence_only(moving):
    moving.r.lane.turn(999 * MS)
    assert moving.r.count.inquiries == 0
    moving.r.lane.turn(2 * MS)
    assert sum(b'"order.status"' in text for text in moving.r.lane.sent) == 1
    live = {"state": lib.HP_ORDER_LIVE, "price_ticks": 600_000, "lots": 10, "match_ns": 10}
    moving.say("STATUS", **live)
    assert (moving.is_changing, moving.working) == (True, 15)  # it may still arrive, or be listed
    moving.r.lane.turn(5_000 * MS)
    moving.say("STATUS", **live)
    assert (moving.is_changing, moving.working, moving.version) == (False, 10, (600_000, 10))


def test_unanswered_change_that_took_place_is_known_by_the_status(moving):
    moving.r.lane.turn(1_001 * MS)
    moving.say("STATUS", state=lib.HP_ORDER_LIVE, price_ticks=600_100, lots=15, match_ns=20)
    assert (moving.is_changing, moving.version) == (False, (600_100, 15))


def test_open_outcome_is_asked_about_at_once(moving):
    moving.say("AMBIGUOUS", request=REPLACE, request_id=moving.request,
               error=lib.HP_ERROR_UNKNOWN_OUTCOME)
    assert b'"order.status"' in moving.r.lane.sent[-1]
    assert (moving.is_changing, moving.r.state(moving.order)) == (True, "LIVE")


def test_change_that_could_not_be_sent_leaves_nothing_behind(stage):
    stage.r.lane.is_send_broken = True
    stage.wish("replace", lots=50)
    assert (stage.is_changing, stage.working, stage.version) == (False, 10, (600_000, 10))
    assert stage.strategy.told[-1][0] == lib.HP_VERDICT_SEND_FAILED


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"lots": 1000}, lib.HP_PASS),  # position_lots_max: the old version does not count twice
        ({"lots": 1001}, lib.HP_VERDICT_ORDER_LIMIT),
        ({"price_ticks": 600_001, "lots": 10}, lib.HP_PASS),
        ({"price_ticks": 607_000}, lib.HP_VERDICT_FENCE_HARD),
    ],
)
def test_new_version_passes_the_gate_as_a_whole_and_once(stage, change, verdict):
    stage.wish("replace", **change)
    assert stage.r.count.replaces_sent == (verdict == lib.HP_PASS)
    if verdict != lib.HP_PASS:
        assert stage.strategy.told[-1][0] == verdict


def test_what_has_filled_counts_once_against_the_position_limit(stage):
    stage.say("FILL", last_lots=6, last_ticks=600_000, trade_id=1, match_ns=15)
    stage.wish("replace", lots=1000)  # 6 held and 994 to come
    assert stage.r.count.replaces_sent == 1
    assert stage.working == 994


def test_kill_forbids_a_change(stage):
    stage.r.lane.words(lib.HP_WORD_KILL)
    stage.wish("replace", lots=4)
    assert stage.r.count.replaces_sent == 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, TypeError),
        ({"price": "60010", "price_ticks": 1}, TypeError),
        ({"size": "0.01", "lots": 1}, TypeError),
        ({"price": "60010.05"}, ValueError),
        ({"size": 0.5}, TypeError),
        ({"lots": -1}, ValueError),
        ({"price_ticks": 0}, ValueError),
    ],
)
def test_senseless_change_is_an_error(stage, arguments, error):
    with pytest.raises(error):
        stage.strategy.replace(stage.order, **arguments)


def test_change_by_text_is_exact_and_what_is_not_given_stays(stage):
    stage.wish("replace", price="59999.9")
    assert b'"price":"59999.9","quantity":"0.010"' in stage.r.lane.sent[-1]


def test_write_ahead_of_a_change(each_rig):
    from hotpath.journal.tail import Tail
    from runtime.journal.tailer import records_of

    stage = Stage(each_rig, journal=True)
    stage.wish("replace", lots=4)
    tail, found = Tail(stage.r.journal), []
    while (chunk := tail.read()) is not None:
        found += records_of(chunk)
    kinds = [record.kind for record in found][-4:]
    assert kinds == [
        lib.HP_RECORD_INTENT, lib.HP_RECORD_VERDICT, lib.HP_RECORD_ORDER, lib.HP_RECORD_REQUEST,
    ]
    order = ffi.from_buffer("hp_order_t *", found[-2].payload)
    assert order.flags & lib.HP_ORDER_REPLACE_IN_FLIGHT
    assert (order.asked_lots, order.lots) == (4, 10)


# Inquiries: their rate is one for the whole lane.


class Many(Strategy):
    """Buys once per instrument and book event, up to the limit of open orders."""

    def on_book(self, book):
        if self.working(book.instrument) < 5:
            self.buy(book.instrument, price_ticks=600_000, lots=1)


def test_many_unknown_orders_do_not_flood_the_venue(each_rig):
    r = each_rig(Many())
    for instrument in (1, 2):
        r.sync(instrument=instrument)
        for _ in range(4):
            r.depth(instrument=instrument)
    orders = [o["client_id"] for o in r.lane.orders()]
    assert len(orders) == 10
    r.lane.set_inquiry_rate(4, 4)
    asked = []
    for _ in range(10_000):
        r.lane.turn(1 * MS)
    texts = [t for t in r.lane.sent if b'"order.status"' in t]
    for order in orders:
        asked.append(sum(f"{order:016x}".encode() in t for t in texts))
    assert 4 + 4 * 8 <= len(texts) <= 4 + 4 * 10  # 9 s after the time-out, and the burst
    assert max(asked) - min(asked) <= 1  # in turn, nobody starves


def test_reconnect_asks_about_all_orders_within_the_rate(each_rig):
    r = each_rig(Many())
    for instrument in (1, 2):
        r.sync(instrument=instrument)
        for _ in range(4):
            r.depth(instrument=instrument)
    for order in r.lane.orders():
        r.report("ACK", order["client_id"])
    r.lane.set_inquiry_rate(100, 3)
    r.lane.user_current()
    assert r.count.inquiries == 3
    for _ in range(100):
        r.lane.turn(1 * MS)
    assert r.count.inquiries == 10
    r.lane.turn(1_000 * MS)
    assert r.count.inquiries == 10  # each once: nothing about them is unknown
