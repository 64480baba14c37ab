"""The governor in a lane: what it hears in answers and by mail, what leaves and what waits."""

import json
import re

import pytest

from hotpath.journal.tail import Tail
from runtime._shm import lib
from runtime.journal import records
from runtime.journal.tailer import records_of
from strategies import Strategy

MS, S = 1_000_000, 10**9
COSTS = {
    "limit": (0, 1),
    "post_only": (0, 1),
    "replace": (1, 1),
    "cancel": (1, 0),
    "status": (1, 0),
    "logon": (2, 0),
}
ORDER = lib.HP_SOCKET_ORDER


class Buyer(Strategy):
    """Buys once per book event while flat."""

    def __init__(self, **parameters):
        super().__init__(**parameters)
        self.verdicts = []

    def on_book(self, book):
        if self.flat(book.instrument):
            self.buy(book.instrument, price_ticks=book.bid_ticks, lots=5, post_only=True)

    def on_order(self, order):
        if order.verdict:
            self.verdicts.append(order.verdict)


@pytest.fixture
def governed(rig):
    """A lane that knows two windows of 200 each, and has sent one order."""
    r = rig(Buyer(), journal=True)
    r.lane.put_quota_rule(costs=COSTS)
    r.lane.quota_told(lib.HP_QUOTA_WEIGHT, 60, limit=200)
    r.lane.quota_told(lib.HP_QUOTA_ORDERS, 10, limit=200)
    r.sync()
    return r


def answers(r, kind, count, interval=(1, "MINUTE"), status=200, error=None):
    """Answer the newest request of the lane, with a figure of one window."""
    name = re.search(rb'"id":"([^"]+)"', r.lane.sent[-1])[1].decode()
    usage = {
        "rateLimitType": kind,
        "interval": interval[1],
        "intervalNum": interval[0],
        "limit": 200,
        "count": count,
    }
    body = {"id": name, "status": status, "rateLimits": [usage]}
    order = r.lane.orders()[0]
    said = {
        "orderId": 7,
        "symbol": "BTCUSDT",
        "status": "NEW",
        "clientOrderId": f"-{order['client_id']:016x}",
    }
    body |= {"error": error} if error else {"result": said}
    r.lane.report_frame(json.dumps(body, separators=(",", ":")).encode(), ORDER)


def used(r, n):
    return r.lane.quota["rows"][n]["used"]


def sent(r, what):
    return sum(what in text for text in r.lane.sent)


def test_own_requests_count_until_the_venue_says_how_many_there_were(governed):
    r = governed
    assert (used(r, 0), used(r, 1)) == (0, 1)
    answers(r, "ORDERS", 44, (10, "SECOND"))
    assert used(r, 1) == 44 and r.lane.quota["rows"][1]["told"] == 44
    r.lane.strategies[0].cancel(r.only())
    r.lane.turn(MS)
    assert used(r, 0) == 1  # a cancel weighs one
    answers(r, "REQUEST_WEIGHT", 150)
    assert used(r, 0) == 150 and r.view.quota.mode == lib.HP_QUOTA_SLOW


def test_foreign_order_of_the_user_stream_counts(governed):
    r = governed
    r.report("ACK", 0, foreign=1)
    assert used(r, 1) == 2 and r.lane.quota["foreign"] == 1
    r.report("CANCELED", 0, foreign=1)
    assert used(r, 1) == 2


def test_logon_counts(governed):
    r = governed
    r.lane.note_session(ORDER, lib.HP_SESSION_ASKED)
    assert used(r, 0) == 2


@pytest.mark.parametrize(("weight", "passes"), [(193, True), (194, True), (195, False)])
def test_inquiry_about_unknown_passes_from_the_reserve(governed, weight, passes):
    """No new risk from 180 on; the inquiry costs one; above 195 the reserve is the cancels'."""
    r = governed
    order = r.only()
    r.lane.quota_told(lib.HP_QUOTA_WEIGHT, 60, used=weight)
    r.report("AMBIGUOUS", order, error=lib.HP_ERROR_UNKNOWN_OUTCOME)
    assert r.state(order) == "UNKNOWN"
    r.lane.turn(2 * MS)
    assert sent(r, b'"order.status"') == passes


@pytest.mark.parametrize(("weight", "passes"), [(198, True), (199, True), (200, False)])
def test_cancel_passes_up_to_the_limit_and_leaves_when_there_is_room(governed, weight, passes):
    r = governed
    r.report("ACK", r.only(), venue_id=7)
    r.lane.quota_told(lib.HP_QUOTA_WEIGHT, 60, used=weight)
    r.lane.words(lib.HP_WORD_KILL)
    assert sent(r, b'"order.cancel"') == passes
    r.lane.quota_told(lib.HP_QUOTA_WEIGHT, 60, used=3)
    r.lane.turn(2 * MS)
    assert sent(r, b'"order.cancel"') == 1  # its mark stood, and it was not forgotten


def test_refusal_by_the_venue_holds_everything_until_it_says(governed):
    r = governed
    order = r.only()
    error = {"code": -1003, "msg": "", "data": {"serverTime": 1000, "retryAfter": 4000}}
    answers(r, "REQUEST_WEIGHT", 200, status=429, error=error)
    assert r.state(order) == "REJECTED"
    assert r.view.quota.mode == lib.HP_QUOTA_STOPPED
    assert list(r.view.quota.refusals) == [1, 0]
    r.depth()
    assert r.lane.strategies[0].verdicts[-1] == lib.HP_VERDICT_QUOTA_STOPPED
    assert sent(r, b'"order.place"') == 1
    r.lane.quota_told(lib.HP_QUOTA_WEIGHT, 60, used=3)
    r.lane.turn(3 * S + MS)
    assert r.view.quota.mode == lib.HP_QUOTA_NORMAL


def test_refusal_that_does_not_say_how_long_is_a_minute(governed):
    r = governed
    answers(r, "REQUEST_WEIGHT", 200, status=418, error={"code": -1003, "msg": ""})
    stop = r.lane.quota["stop_until_ns"][lib.HP_QUOTA_WEIGHT]
    assert stop - r.lane.now_ns == 60 * S
    assert list(r.view.quota.refusals) == [0, 1]


def test_change_of_mode_is_a_record(governed):
    r = governed
    tail = Tail(r.journal)
    r.lane.quota_told(lib.HP_QUOTA_ORDERS, 10, used=180)
    found = []
    while (chunk := tail.read()) is not None:
        found += [one for one in records_of(chunk) if records.name_of(one) == "quota_mode"]
    said = records.fields(found[-1])
    assert (said["before"], said["mode"], said["kind"]) == ("normal", "no_risk", "orders")
    assert (said["length_s"], said["used"], said["limit"]) == (10, 181, 200)
