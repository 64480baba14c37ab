"""Dead streams: each by its own bound, asked for anew, and nothing rests on a dead picture."""

from __future__ import annotations

import itertools

from runtime._shm import lib
from strategies import Strategy
from tests.feeds.conftest import DEPTH, MARK, MS, TICKER, TRADE, Quoter


class Listener(Quoter):
    """Quotes, and listens to tickers too."""

    def on_top(self, top):
        pass


def quoting(rig, *instruments):
    """Bring books to SYNCED and their quotes to LIVE."""
    for instrument in instruments:
        rig.sync(instrument=instrument)
    rig.acknowledge()
    assert len(rig.lane.orders()) == len(instruments)
    return rig


def test_book_older_than_its_bound_is_out_in_the_same_turn(feed_rig):
    rig = quoting(feed_rig(Quoter()), 1)
    rig.lane.turn(1000 * MS)
    assert rig.cancels() == []
    rig.lane.turn(1 * MS)
    assert len(rig.cancels()) == 1
    told = [entry[1:3] for entry in rig.lane.strategies[0].feeds if entry[1] in ("STALE", "BLIND")]
    assert told == [("BLIND", "DEPTH"), ("STALE", "DEPTH")]
    out = rig.view.hops[lib.HP_HOP_STALE_OUT]
    assert (out.count, out.max) == (1, 1 * MS)


def test_trade_stream_alive_beside_a_dead_book_stream_is_no_excuse(feed_rig):
    rig = quoting(feed_rig(Quoter(), bounds={DEPTH: {"silence_ms": 3000}}), 1)
    for _ in range(31):
        rig.lane.turn(100 * MS)
        rig.trade()
        rig.ticker()
        rig.mark()
    assert len(rig.cancels()) >= 1
    assert rig.lane.orders()[0]["flags"] & lib.HP_ORDER_CANCEL_IN_FLIGHT
    assert rig.stream_state(DEPTH) == "SILENT"
    assert [rig.stream_state(kind) for kind in (TICKER, TRADE, MARK)] == ["FRESH"] * 3
    assert rig.lane.wanted[-1] == (lib.HP_WANT_STREAM, 1 | DEPTH << 16)


def test_stale_book_of_one_instrument_leaves_the_other_alone(feed_rig):
    rig = quoting(feed_rig(Quoter()), 1, 2)
    for _ in range(11):
        rig.lane.turn(100 * MS)
        rig.depth(instrument=2)
    assert len(rig.cancels()) == 1
    assert b'"symbol":"BTCUSDT"' in rig.cancels()[0]


def test_first_message_that_never_comes_is_asked_for_then_its_socket(feed_rig):
    rig = feed_rig(Quoter(), bounds={TICKER: {"first_ms": 2000}})
    rig.lane.turn(2000 * MS)
    assert rig.lane.wanted == []
    asked = [(lib.HP_WANT_STREAM, n | TICKER << 16) for n in (1, 2)]
    rig.lane.turn(5 * MS)  # timers are swept every 5 ms while nothing works
    assert rig.lane.wanted == asked
    rig.lane.turn(4000 * MS)
    assert rig.lane.wanted == asked  # twice the wait before the next try
    rig.lane.turn(5 * MS)  # timers are swept every 5 ms while nothing works
    assert rig.lane.wanted == [*asked, (lib.HP_WANT_RECONNECT, 0), (lib.HP_WANT_RECONNECT, 0)]
    rig.ticker()
    assert [rig.stream_state(TICKER, n) for n in (1, 2)] == ["FRESH", "SILENT"]


def test_waits_between_tries_double_up_to_a_bound(feed_rig):
    rig = feed_rig(Quoter(), bounds={MARK: {"first_ms": 100}})
    times = []
    for _ in range(200_000):
        before = len(rig.lane.wanted)
        rig.lane.turn(1 * MS)
        if len(rig.lane.wanted) > before:
            times.append(rig.lane.now_ns // MS)
        if len(times) == 8:
            break
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert [round(gap / 100) for gap in gaps] == [2, 4, 8, 16, 32, 32, 32]


def test_stream_that_a_strategy_listens_to_must_be_fresh_to_quote(feed_rig):
    rig = feed_rig(Listener(), bounds={TICKER: {"quote_ms": 500}})
    rig.lane.turn(1 * MS)
    rig.sync()
    assert rig.lane.orders() == []  # no ticker yet
    assert rig.lane.strategies[0].refused == [lib.HP_VERDICT_BOOK_STALE]
    rig.ticker()
    rig.depth()
    rig.acknowledge()
    assert len(rig.lane.orders()) == 1
    for _ in range(6):
        rig.lane.turn(100 * MS)
        rig.depth()
    assert len(rig.cancels()) == 1
    assert rig.feed().caution == lib.HP_CAUTION_STREAM
    rig.ticker()
    assert rig.feed().caution == 0
    assert rig.lane.strategies[0].feeds[-1][1:3] == ("FRESH", "BOOK_TICKER")


def test_stream_that_nobody_listens_to_stops_nobody(feed_rig):
    rig = quoting(feed_rig(Quoter(), bounds={TICKER: {"quote_ms": 500}}), 1)
    for _ in range(10):
        rig.lane.turn(100 * MS)
        rig.depth()
    assert rig.cancels() == []


def test_mark_price_refreshes_nothing_but_itself(feed_rig):
    rig = quoting(feed_rig(Quoter()), 1)
    for _ in range(11):
        rig.lane.turn(100 * MS)
        rig.mark()
    assert len(rig.cancels()) == 1


def test_closed_socket_breaks_its_books_at_once_and_no_others(feed_rig):
    rig = quoting(feed_rig(Quoter()), 1, 2)
    rig.lane.socket(1, False)
    assert rig.cancels() == []
    rig.lane.socket(0, False)
    assert len(rig.cancels()) == 2
    assert rig.lane.wanted == [
        (lib.HP_WANT_SNAPSHOT, 1),
        (lib.HP_WANT_SNAPSHOT, 2),
    ]  # the first sync
    rig.lane.turn(100 * MS)
    assert len(rig.lane.wanted) == 2  # buffer first: nothing to hook a snapshot to yet
    rig.lane.socket(0, True)
    rig.depth(instrument=2, skip=5)
    assert rig.lane.wanted[2:] == [(lib.HP_WANT_SNAPSHOT, 2)]
    assert rig.feed(2).wanted[lib.HP_RESYNC_LINE] == 1


def test_order_that_a_first_cancel_missed_is_cancelled_by_the_sweep(feed_rig):
    rig = quoting(feed_rig(Quoter()), 1)
    rig.lane.is_send_broken = True
    rig.lane.turn(1001 * MS)
    assert rig.cancels() == []
    rig.lane.is_send_broken = False
    rig.lane.turn(1 * MS)
    assert len(rig.cancels()) == 1


def test_halted_strategy_is_told_nothing_and_its_book_is_still_watched(feed_rig):
    class Fails(Quoter):
        def on_feed(self, feed):
            if feed.trouble == "BLIND":
                raise RuntimeError("no")
            super().on_feed(feed)

    rig = quoting(feed_rig(Fails()), 1)
    rig.lane.turn(1001 * MS)
    assert len(rig.cancels()) == 1
    assert rig.lane.strategies[0].error.strip().endswith("RuntimeError: no")
    assert isinstance(rig.lane.strategies[0], Strategy)
