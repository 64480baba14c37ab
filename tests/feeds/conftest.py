"""A lane by hand with the streams of its instruments, and a strategy that keeps quoting."""

from __future__ import annotations

import pytest

from runtime._shm import ffi, lib
from strategies import Strategy
from tests.lane_rig import Rig

MS = 1_000_000
DEPTH, TICKER = lib.HP_EVENT_DEPTH, lib.HP_EVENT_BOOK_TICKER
TRADE, MARK = lib.HP_EVENT_AGG_TRADE, lib.HP_EVENT_MARK_PRICE


class Quoter(Strategy):
    """Keeps one buy resting on each book it sees; notes what it is told of feeds."""

    def __init__(self, **parameters):
        super().__init__(**parameters)
        self.feeds, self.tops, self.refused = [], [], []

    def on_book(self, book):
        if not self.working(book.instrument):
            self.buy(book.instrument, price_ticks=book.bid_ticks, lots=1, post_only=True)

    def on_order(self, order):
        if not order.client_id:
            self.refused.append(order.verdict)

    def on_feed(self, feed):
        self.feeds.append((feed.instrument, feed.trouble, feed.stream, feed.found, feed.wanted))
        if feed.trouble == "SPARE":
            self.tops.append((feed.bid_ticks, feed.ask_ticks, feed.source))


class FeedRig(Rig):
    """A rig whose lane knows its streams: depth and ticker on socket 0, the rest on socket 1."""

    def __init__(self, *strategies, bounds=None, **settings):
        super().__init__(*strategies, **settings)
        for instrument in (1, 2):
            for kind, socket in ((DEPTH, 0), (TICKER, 0), (TRADE, 1), (MARK, 1)):
                self.lane.add_stream(instrument, kind, socket, **(bounds or {}).get(kind, {}))
        for socket in (0, 1):
            self.lane.socket(socket, True)

    def feed(self, instrument=1):
        return self.view.feeds[instrument]

    def stream_state(self, kind, instrument=1):
        names = ffi.typeof("enum hp_stream_state").elements
        return names[self.feed(instrument).stream_state[kind]].removeprefix("HP_STREAM_")

    def cancels(self):
        return [text for text in self.lane.sent if b'"order.cancel"' in text]

    def acknowledge(self):
        for order in self.lane.orders():
            self.report("ACK", order["client_id"], venue_id=order["client_id"] & 0xFFFF)


@pytest.fixture
def feed_rig():
    return FeedRig
