"""PRIMARY and SECONDARY: the fallback may be shown and exited on, never entered on."""

from __future__ import annotations

import pytest

from runtime._shm import lib
from tests.feeds.conftest import MS, FeedRig, Quoter


class Exits(Quoter):
    """Holds one order's fill and leaves on the spare source's bid when the book is gone."""

    def on_feed(self, feed):
        super().on_feed(feed)
        if feed.trouble == "SPARE" and self.position(1) > 0 and not self.working(1):
            self.sell(1, price_ticks=feed.bid_ticks, lots=1, reduce_only=True)
            self.buy(1, price_ticks=feed.bid_ticks, lots=1)


@pytest.fixture
def rig():
    rig = FeedRig(Exits())
    rig.lane.set_sanity(1, spare_ms=1000)
    rig.sync()
    rig.acknowledge()
    rig.report("FILL", rig.only(), last_lots=1, last_ticks=600000, trade_id=1)
    return rig


def poll(rig, bid, ask, age_ms=0, update_id=0):
    text = rig.book_text(bid, ask, update_id=update_id)
    rig.lane.spare(1, text, rig.lane.now_ns - age_ms * MS)


def test_spare_is_not_used_while_the_book_is_good(rig):
    poll(rig, 59000.0, 59000.1)
    top = rig.view.tops[1]
    assert (top.source, top.bid_ticks) == (lib.HP_SOURCE_PRIMARY, 600000)
    assert rig.lane.strategies[0].tops == []


def test_book_past_its_bound_falls_back_and_only_exits_pass(rig):
    rig.lane.turn(1001 * MS)
    assert rig.view.tops[1].source == lib.HP_SOURCE_NONE
    sent = len(rig.lane.sent)
    poll(rig, 59990.0, 59990.1)
    top, strategy = rig.view.tops[1], rig.lane.strategies[0]
    assert (top.source, top.bid_ticks, top.ask_ticks) == (lib.HP_SOURCE_SECONDARY, 599900, 599901)
    assert strategy.source(1) == "SECONDARY"
    assert strategy.tops == [(599900, 599901, "SECONDARY")]
    requests = rig.lane.sent[sent:]
    assert len(requests) == 1 and b'"side":"SELL"' in requests[0]
    assert strategy.refused == [lib.HP_VERDICT_BOOK_STALE]
    rig.lane.turn(1 * MS)
    assert rig.cancels() == []  # the exit stays


def test_poll_too_old_serves_nobody(rig):
    rig.lane.turn(1001 * MS)
    poll(rig, 59990.0, 59990.1, age_ms=1001)
    assert rig.view.tops[1].source == lib.HP_SOURCE_NONE
    poll(rig, 59990.0, 59990.1, age_ms=1000)
    assert rig.view.tops[1].source == lib.HP_SOURCE_SECONDARY
    rig.lane.turn(1 * MS)
    assert rig.view.tops[1].source == lib.HP_SOURCE_NONE


def test_primary_returns_with_its_next_good_event(rig):
    rig.lane.turn(1001 * MS)
    poll(rig, 59990.0, 59990.1)
    rig.depth(bids=[(60000.0, 2)])
    top = rig.view.tops[1]
    assert (top.source, top.bid_ticks, top.state) == (
        lib.HP_SOURCE_PRIMARY,
        600000,
        lib.HP_BOOK_SYNCED,
    )
    told = [entry[3] for entry in rig.lane.strategies[0].feeds if entry[1] == "SOURCE"]
    assert told == [
        lib.HP_SOURCE_PRIMARY,
        lib.HP_SOURCE_NONE,
        lib.HP_SOURCE_SECONDARY,
        lib.HP_SOURCE_PRIMARY,
    ]


def test_poll_asked_for_before_the_last_one_is_not_taken(rig):
    rig.lane.turn(1001 * MS)
    poll(rig, 59990.0, 59990.1, age_ms=10)
    poll(rig, 1.0, 2.0, age_ms=20)
    assert rig.view.tops[1].bid_ticks == 599900


def test_sources_are_compared_where_they_speak_of_one_update(rig):
    update = rig.update[1]
    poll(rig, 60000.0, 60000.1, update_id=update)
    poll(rig, 60000.0, 60000.2, update_id=update)
    poll(rig, 59999.0, 60000.2, update_id=update + 1)
    feed = rig.feed()
    assert (feed.spare_polls, feed.spare_compared, feed.spare_equal) == (3, 2, 1)


@pytest.mark.parametrize(
    "text", [b"", b"{}", b'{"lastUpdateId":1,"E":1,"T":1,"bids":[],"asks":[]}']
)
def test_poll_that_says_nothing_changes_nothing(rig, text):
    rig.lane.turn(1001 * MS)
    rig.lane.spare(1, text, rig.lane.now_ns)
    assert rig.view.tops[1].source == lib.HP_SOURCE_NONE
