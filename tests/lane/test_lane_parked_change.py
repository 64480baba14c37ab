"""A change of an order that must be on disk before it leaves: until then it has not been sent."""

import pytest

from hotpath.journal.tail import Tail
from runtime._shm import ffi, lib
from runtime.journal.tailer import records_of
from tests.lane.test_lane_funds import TERMS, USDT
from tests.lane.test_lane_replace import Stage

MS = 1_000_000
SEGMENT = 65536


@pytest.fixture
def stage(rig):
    """An acknowledged order of 10 lots at 600000, its strategy of class local-disk; none waits."""
    stage = Stage(rig, journal=True, segment_bytes=SEGMENT)
    page = ffi.cast("hp_page_t *", ffi.from_buffer(stage.r.journal))
    stage.r.head = ffi.cast("hp_journal_head_t *", page + 1)
    stage.r.lane.set_durable(1)
    archive(stage)
    return stage


@pytest.fixture
def waiting(stage):
    """Its change to 15 lots at 600100 waits for the disk."""
    stage.wish("replace", price_ticks=600_100, lots=15, ttl_ms=10_000)
    return stage


def archive(stage, words=0):
    stage.r.head.archived = stage.r.head.published
    stage.r.lane.archive(words)


def late(stage):
    """Pass the change's deadline on a book that stays fresh."""
    for _ in range(3):
        stage.r.lane.turn(400 * MS)
        stage.r.depth()


def changes(stage):
    return sum(b'"order.modify"' in sent for sent in stage.r.lane.sent)


def counts(stage):
    count = stage.r.count
    return count.orders_parked, count.orders_unparked, count.replaces_sent, count.orders_sent


def test_change_leaves_when_its_records_are_archived(waiting):
    assert changes(waiting) == 0
    assert (waiting.is_changing, waiting.working, waiting.version) == (True, 15, (600_000, 10))
    assert not waiting.about["flags"] & lib.HP_ORDER_PARKED
    tail, requests = Tail(waiting.r.journal), []
    while (chunk := tail.read()) is not None:
        requests += [x for x in records_of(chunk) if x.kind == lib.HP_RECORD_REQUEST]
    waiting.r.head.archived = waiting.r.head.published - 400
    waiting.r.lane.archive()
    assert changes(waiting) == 0
    archive(waiting)
    assert waiting.r.lane.sent[-1] == requests[-1].payload
    assert counts(waiting) == (1, 0, 1, 1)
    archive(waiting)
    assert changes(waiting) == 1
    waiting.answer()
    assert (waiting.version, waiting.working, waiting.is_changing) == ((600_100, 15), 15, False)


def test_order_fills_while_its_change_waits(waiting):
    waiting.say("FILL", last_lots=4, last_ticks=600_000, trade_id=1, lots=10, price_ticks=600_000)
    assert waiting.working == 11
    archive(waiting)
    assert changes(waiting) == 1


@pytest.mark.parametrize(
    "cause", ["kill", "freeze", "session", "cancel", "time", "lease", "ttl", "book", "unsent"]
)
def test_change_whose_permit_has_gone_is_never_sent(waiting, cause):
    """The order itself stands, or goes by its own cancel: it is what it was before."""
    r = waiting.r
    match cause:
        case "kill":
            r.lane.archive(lib.HP_WORD_KILL)
        case "freeze":
            r.lane.archive(lib.HP_WORD_FREEZE)
        case "session":
            r.lane.session(order_ready=False)
        case "cancel":
            waiting.wish("cancel")
        case "time":
            late(waiting)
        case "lease":
            r.lane.set_limit_lease(r.lane.now_ns + 10 * MS, 1)
            r.lane.turn(20 * MS)
        case "ttl":
            waiting.strategy.set_dynamic_ttl(waiting.order, 5)
            r.lane.turn(1 * MS)
            r.lane.turn(20 * MS)
        case "book":
            r.depth(skip=5)
        case "unsent":
            r.lane.is_send_broken = True
    archive(waiting, lib.HP_WORD_KILL if cause == "kill" else 0)
    assert changes(waiting) == 0
    assert (waiting.is_changing, waiting.working, waiting.version) == (False, 10, (600_000, 10))
    assert waiting.r.state(waiting.order) == "LIVE"
    assert counts(waiting) == (1, 1, 0, 1)
    assert waiting.strategy.told[-1][1:] == ("LIVE", False, 10)
    cancels = sum(b'"order.cancel"' in sent for sent in r.lane.sent)
    assert cancels == (cause in ("kill", "freeze", "cancel", "ttl", "book"))


@pytest.mark.parametrize(
    ("end", "fields"),
    [
        ("CANCELED", {"match_ns": 30}),
        (
            "FILL",
            {"last_lots": 10, "last_ticks": 600_000, "trade_id": 1, "match_ns": 15, "lots": 10}
            | {"price_ticks": 600_000, "state": lib.HP_ORDER_FILLED, "cum_lots": 10},
        ),
    ],
)
def test_change_of_an_order_that_ends_meanwhile_is_dropped(waiting, end, fields):
    waiting.say(end, **fields)
    assert waiting.working == 0
    archive(waiting)
    assert changes(waiting) == 0
    assert counts(waiting) == (1, 1, 0, 1)


def test_another_change_may_follow_one_that_was_dropped(waiting):
    late(waiting)
    waiting.wish("replace", lots=12)
    archive(waiting)
    assert changes(waiting) == 1
    assert b'"quantity":"0.012"' in waiting.r.lane.sent[-1]
    assert counts(waiting) == (2, 1, 1, 1)


def test_money_of_a_change_that_waits_is_the_dearer_ones_and_goes_with_it(rig):
    money = Stage(rig, journal=True, segment_bytes=SEGMENT, terms=TERMS, assets={USDT: "USDT"})
    assert money.r.lane.funds()["USDT"]["reserved_e8"][1] == 600 * 10_050_000
    page = ffi.cast("hp_page_t *", ffi.from_buffer(money.r.journal))
    money.r.head = ffi.cast("hp_journal_head_t *", page + 1)
    money.r.lane.set_durable(1)
    archive(money)
    money.wish("replace", lots=20)
    assert money.r.lane.funds()["USDT"]["reserved_e8"][1] == 1200 * 10_050_000
    late(money)
    assert money.r.lane.funds()["USDT"]["reserved_e8"][1] == 600 * 10_050_000
