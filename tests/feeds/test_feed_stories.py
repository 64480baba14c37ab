"""Failure stories of market data that others had, one test each, by their number in the list.

Those about sockets run over real ones.  Stories of one venue's codec stand with that codec; a
book's horizon (9) stands with the books.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import time

import pytest

import venues.binance.usdm.feed as usdm_feed
from runtime._shm import lib
from runtime.feeds.resync import Refused
from tests.feeds.conftest import MS, Quoter
from tests.feeds.live_stage import SYMBOLS, LiveStage
from tests.feeds.test_resync_cold import World

SHORT = {"depth": {"first_ms": 3000, "silence_ms": 1000}, "mark_price": {"first_ms": 2500}}


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with LiveStage(tmp_path_factory.mktemp("stories"), name="stories", streams=SHORT) as stage:
        yield stage


def test_story_01_stream_on_a_wrong_route_is_acknowledged_and_found_by_its_own_deadline(
    tmp_path, monkeypatch
):
    """Mark prices asked for on /public: the socket lives, others flow, this stream never does."""
    routes = (("public", ("depth", "book_ticker", "mark_price")), ("market", ("agg_trade",)))
    monkeypatch.setattr(usdm_feed.FEED, "routes", routes)
    with LiveStage(tmp_path, name="story1", streams=SHORT) as stage:
        stage.quoting()
        feed = stage.feed()
        stage.until(lambda: any("socket_renewed" in line for line in stage.lines))
        assert feed.troubles[lib.HP_TROUBLE_SILENT] >= 2
        assert feed.stream_state[lib.HP_EVENT_MARK_PRICE] != lib.HP_STREAM_FRESH
        assert feed.last_ns[lib.HP_EVENT_MARK_PRICE] == 0
        assert feed.last_ns[lib.HP_EVENT_DEPTH] > 0
        # asked for by itself first, its socket only after that
        asked = [line for line in stage.lines if "renewed" in line]
        assert "stream_renewed" in asked[0]


def test_story_07_gap_invalidates_first_and_recovers_then(feed_rig):
    class Watches(Quoter):
        seen = 0

        def on_book(self, book):
            self.seen += 1
            assert book.is_synced
            super().on_book(book)

    rig = feed_rig(Watches())
    rig.sync()
    rig.acknowledge()
    seen = rig.lane.strategies[0].seen
    rig.depth(bids=[(60000.0, 5)], skip=7)
    assert rig.view.tops[1].state == lib.HP_BOOK_GAPPED
    assert len(rig.cancels()) == 1
    assert rig.lane.wanted[-1] == (lib.HP_WANT_SNAPSHOT, 1)
    rig.depth(bids=[(60000.0, 6)])
    assert rig.lane.strategies[0].seen == seen  # nobody is shown a book that is not whole
    rig.sync()
    assert rig.view.tops[1].state == lib.HP_BOOK_SYNCED


def test_story_08_deltas_during_a_refresh_are_buffered_and_the_book_is_never_inverted(stage):
    stage.quoting()
    crossed = stage.page.counters.crossed
    snapshots, gaps = stage.feed().resyncs, stage.feed().gaps
    with stage.armed("slow_rest", path="/depth", ms=800):
        stage.fault("drop_depth", symbol="BTCUSDT")
        stage.until(lambda: stage.feed().gaps > gaps)
        deltas = stage.page.counters.events[lib.HP_EVENT_DEPTH]
        stage.until(lambda: stage.page.counters.events[lib.HP_EVENT_DEPTH] > deltas)
        stage.until(lambda: stage.feed().resyncs > snapshots)
    stage.until(lambda: stage.top().state == lib.HP_BOOK_SYNCED)
    assert stage.page.counters.crossed == crossed
    top = stage.top()
    assert top.bid_ticks < top.ask_ticks


def test_story_10_snapshot_older_than_the_stream_is_refused_and_fetched_again(stage):
    stage.quoting()
    feed = stage.feed()
    too_old, blind_ns, gaps = feed.too_old, feed.blind_ns, feed.gaps
    update = stage.top().update_id
    with stage.armed("old_snapshot", symbol="BTCUSDT"):  # polls of the top meet it as well
        stage.until(lambda: stage.top().update_id > update)
        stage.fault("drop_depth", symbol="BTCUSDT")
        stage.until(lambda: feed.gaps > gaps)
        stage.until(lambda: feed.too_old > too_old)
    stage.until(lambda: stage.top().state == lib.HP_BOOK_SYNCED)
    assert feed.blind_ns > blind_ns  # blind time is counted
    assert stage.wanted()["TOO_OLD"] >= 1


def test_story_12_deleting_an_unknown_level_is_normal(feed_rig):
    rig = feed_rig(Quoter())
    rig.sync()
    wanted = list(rig.lane.wanted)
    for price in (59000.0, 1.0, 61000.0):
        rig.depth(bids=[(min(price, 59000.0), 0)], asks=[(max(price, 61000.0), 0)])
    assert rig.view.tops[1].state == lib.HP_BOOK_SYNCED
    assert rig.lane.wanted == wanted
    assert rig.cancels() == []


def test_story_14_silent_hang_is_ended_by_force(stage):
    """The socket stays open and says nothing more, not even to a subscription."""
    stage.quoting()
    reconnects = stage.page.counters.reconnects
    stage.fault("half_open", group="public")
    stage.until(lambda: stage.top().state == lib.HP_BOOK_STALE)
    stage.until(lambda: not stage.open_orders("BTCUSDT"))
    stage.until(lambda: stage.page.counters.reconnects > reconnects)
    stage.until(lambda: all(stage.top(s).state == lib.HP_BOOK_SYNCED for s in SYMBOLS))


def spare_from_the_supervisor(stage):
    """A stopped lane would be killed as stuck: these stories are about what it does afterwards."""
    watched = stage.appliance.supervisor.watched["lane-0"]
    watched.plan = dataclasses.replace(watched.plan, stall_ns_max=lambda: 60 * 10**9)


def stop_lane(stage, frames):
    """Keep the lane from running until the venue has sent so many frames; they wait for it."""

    def sent():
        return stage.call("GET", "/sim/state")["frames_sent"]

    spare_from_the_supervisor(stage)
    os.kill(stage.appliance.lane_pid, signal.SIGSTOP)
    try:
        before = sent()
        stage.until(lambda: sent() >= before + frames)
    finally:
        os.kill(stage.appliance.lane_pid, signal.SIGCONT)


def test_story_15_reader_that_was_held_up_loses_nothing(stage):
    """What came meanwhile arrives in one go: parked beyond its share of a turn, not lost."""
    stage.quoting()
    counters = stage.page.counters
    gaps, parked, messages = counters.gaps, counters.frames_parked, counters.messages
    stop_lane(stage, 100)  # five times as many as a turn takes
    stage.until(lambda: counters.frames_parked > parked)
    stage.until(lambda: counters.messages > messages + 100)
    stage.until(lambda: all(stage.top(s).state == lib.HP_BOOK_SYNCED for s in SYMBOLS))
    assert counters.gaps == gaps


def test_story_24_resyncs_do_not_run_into_a_ban():
    world = World(per_minute=960, answers=[Refused(429, 5.0)])

    async def main():
        for _ in range(3):
            for instrument in range(1, 31):
                world.resync.want(instrument)
            await world.settle()
        await world.run_until_idle()

    asyncio.run(main())
    assert len(world.delivered) == 30 and len(world.asked) == 31  # one each, and the refused one
    assert world.asked[2][1] >= world.asked[0][1] + 5.0


def test_story_28_slow_reader_that_lost_data_measures_its_lag_and_resyncs(stage):
    stage.quoting()
    feed = stage.feed()
    late, gaps, snapshots = feed.troubles[lib.HP_TROUBLE_LATE], feed.gaps, feed.resyncs
    spare_from_the_supervisor(stage)
    os.kill(stage.appliance.lane_pid, signal.SIGSTOP)
    try:
        stage.fault("drop_depth", symbol="BTCUSDT")
        time.sleep(1.6)  # more than late_ms
    finally:
        os.kill(stage.appliance.lane_pid, signal.SIGCONT)
    stage.until(lambda: feed.troubles[lib.HP_TROUBLE_LATE] > late)
    stage.until(lambda: feed.gaps > gaps and feed.resyncs > snapshots)
    stage.until(lambda: stage.top().state == lib.HP_BOOK_SYNCED)


def test_story_29_snapshot_older_than_the_last_event_is_ignored(feed_rig):
    rig = feed_rig(Quoter())
    rig.sync()
    rig.depth(bids=[(60000.0, 3)])
    before = (rig.view.tops[1].update_id, rig.view.tops[1].bid_lots)
    rig.lane.snapshot(1, rig.book_text(bid=1.0, ask=2.0, update_id=before[0] - 5))
    top = rig.view.tops[1]
    assert (top.update_id, top.bid_lots, top.state) == (*before, lib.HP_BOOK_SYNCED)
    assert rig.cancels() == []


@pytest.mark.parametrize("skew_ms", [-1270, 0, 1270, 86_400_000])
def test_story_30_clocks_that_differ_gate_nothing(feed_rig, skew_ms):
    rig = feed_rig(Quoter())
    rig.lane.set_sanity(1, time_ms=1000, late_ms=1000)
    rig.sync(at_ms=1723161258284 + skew_ms - 50)
    for n in range(20):
        rig.lane.now_ns += 50 * MS
        at_ms = 1723161258284 + skew_ms + 50 * n
        rig.depth(bids=[(60000.0, n + 1)], at_ms=at_ms)
        rig.ticker(at_ms=at_ms - 2000)  # a stream that stamps otherwise is compared with itself
    troubles = rig.feed().troubles
    assert troubles[lib.HP_TROUBLE_TIME] == troubles[lib.HP_TROUBLE_LATE] == 0
    assert rig.cancels() == [] and rig.feed().caution == 0
