"""Feeds that misbehave over real sockets: who notices, what is cancelled, how it comes back."""

from __future__ import annotations

import time

import pytest

from runtime._shm import lib
from runtime.feeds.sources import qualities
from tests.feeds.live_stage import SYMBOLS, LiveStage

STREAM = "btcusdt@depth@0ms"


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with LiveStage(tmp_path_factory.mktemp("feeds")) as stage:
        yield stage


@pytest.fixture
def quoting(stage):
    return stage.quoting()


def test_gap_on_one_symbol_resyncs_it_and_leaves_the_other_alone(quoting):
    stage = quoting
    gaps, other = stage.feed().gaps, stage.feed("ETHUSDT")
    before = (other.gaps, other.blind_ns, sum(other.wanted))
    snapshots = stage.feed().resyncs
    stage.fault("drop_depth", symbol="BTCUSDT")
    stage.until(lambda: stage.feed().gaps > gaps)
    stage.until(lambda: stage.feed().resyncs > snapshots and stage.feed().blind_since_ns == 0)
    assert stage.wanted()["GAP"] >= 1
    assert (other.gaps, other.blind_ns, sum(other.wanted)) == before


def test_dead_stream_on_a_live_socket_takes_its_quote_out_and_is_asked_for_anew(quoting):
    stage = quoting
    silent = stage.feed().troubles[lib.HP_TROUBLE_SILENT]
    reconnects, out = stage.page.counters.reconnects, stage.page.hops[lib.HP_HOP_STALE_OUT].count
    stage.fault("drop_stream", stream=STREAM)
    ticker_ns = stage.feed().last_ns[lib.HP_EVENT_BOOK_TICKER]
    stage.until(lambda: stage.top().state == lib.HP_BOOK_STALE)
    stage.until(lambda: not stage.open_orders("BTCUSDT"))
    assert stage.page.hops[lib.HP_HOP_STALE_OUT].count > out
    stage.until(lambda: stage.feed().last_ns[lib.HP_EVENT_BOOK_TICKER] > ticker_ns)  # alive
    stage.until(lambda: stage.feed().troubles[lib.HP_TROUBLE_SILENT] > silent)
    stage.until(lambda: stage.top().state == lib.HP_BOOK_SYNCED)
    assert stage.page.counters.reconnects == reconnects  # the one stream, not its socket


def quality(stage):
    synced = stage.top().state == lib.HP_BOOK_SYNCED
    return qualities(stage.feed(), synced, time.monotonic_ns())[0]


def test_spare_source_serves_while_the_book_is_dead_and_steps_back(quoting):
    stage = quoting
    stage.fault("silence_stream", stream=STREAM, ms=10**6)
    try:
        stage.until(lambda: stage.top().source == lib.HP_SOURCE_SECONDARY)
        stage.until(lambda: stage.feed().caution & lib.HP_CAUTION_SOURCE)
        stage.until(lambda: is_best(stage, "SECONDARY"))
    finally:
        stage.fault("silence_stream", stream=STREAM, ms=0)
    stage.until(lambda: stage.top().source == lib.HP_SOURCE_PRIMARY)
    stage.until(lambda: is_best(stage, "PRIMARY") and quality(stage).score > 50)


def is_best(stage, source):
    best = quality(stage)
    return (best.source, best.usable) == (source, True)


@pytest.mark.parametrize("details", [{"code": 1001}, {"code": 1000}, {"abort": True}])
def test_closed_market_socket_cancels_comes_back_and_resyncs_every_book(quoting, details):
    stage = quoting
    reconnects, cancels = stage.page.counters.reconnects, stage.page.counters.cancels_sent
    stage.fault("close_socket", group="public", **details)
    stage.until(lambda: stage.page.counters.reconnects > reconnects)
    stage.until(lambda: stage.page.counters.cancels_sent >= cancels + 2)
    stage.until(lambda: all(stage.top(s).state == lib.HP_BOOK_SYNCED for s in SYMBOLS))
    assert all(stage.wanted(s)["LINE"] >= 1 for s in SYMBOLS)


def test_rest_that_refuses_for_weight_is_obeyed(quoting):
    stage = quoting
    before = time.monotonic()
    stage.fault("rest_status", path="/depth", status=429, retry_after=4, count=1)
    stage.until(lambda: any("status 429, retry after 4 s" in line for line in stage.lines))
    gaps, snapshots = stage.feed().gaps, stage.feed().resyncs
    stage.fault("drop_depth", symbol="BTCUSDT")
    stage.until(lambda: stage.feed().gaps > gaps)
    stage.until(lambda: stage.feed().resyncs > snapshots)
    assert time.monotonic() >= before + 4  # nobody asked while the venue said no
    stage.until(lambda: stage.top().state == lib.HP_BOOK_SYNCED)


def test_trades_that_the_stream_lost_are_fetched(quoting):
    stage = quoting
    feed = stage.feed()
    missed = feed.trades_missed
    stage.fault("drop_trade", symbol="BTCUSDT", count=3)
    stage.until(lambda: feed.trades_missed >= missed + 3)
    stage.until(lambda: feed.trades_filled == feed.trades_missed)
    assert (feed.missed_from, feed.missed_to) == (0, 0)


def test_two_lines_give_one_stream_and_both_are_counted(tmp_path):
    with LiveStage(tmp_path, name="lines", lines=2) as stage:
        stage.until(lambda: all(stage.top(s).state == lib.HP_BOOK_SYNCED for s in SYMBOLS))
        stage.until(lambda: all(stage.page.lines[n].wins > 20 for n in (0, 1)))
        stage.until(lambda: sum(stage.page.lines[n].duplicates for n in (0, 1)) > 20)
        assert (stage.page.counters.gaps, stage.page.counters.line_conflicts) == (0, 0)
        assert [stage.page.lines[n].unheard for n in (0, 1)] == [0, 0]
        gaps = stage.feed().gaps
        stage.fault("drop_depth", symbol="BTCUSDT")  # on both lines: nobody can fill it
        stage.until(lambda: stage.feed().gaps > gaps)
        stage.until(lambda: stage.top().state == lib.HP_BOOK_SYNCED)
        assert stage.page.counters.line_holes >= 1
