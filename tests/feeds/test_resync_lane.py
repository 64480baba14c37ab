"""Books out of sequence in a lane: each for itself, and equal to a naive one once it is back."""

from __future__ import annotations

import itertools
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from runtime._shm import lib
from tests.feeds.conftest import DEPTH, MS, FeedRig, Quoter

EMPTY_BOOK = {"b": {}, "a": {}}


class Venue:
    """A naive venue of two books: every delta it makes is either sent or lost on the way."""

    def __init__(self, rig):
        self.rig = rig
        self.last = {1: 100, 2: 100}
        self.books = {
            n: {
                "b": {60000.0 - k: 1.0 for k in range(5)},
                "a": {60001.0 + k: 1.0 for k in range(5)},
            }
            for n in (1, 2)
        }
        self.answers = []  # snapshots on their way: (instrument, text)

    def delta(self, instrument, side, step, size, sent):
        price = 60000.0 - step if side == "b" else 60001.0 + step
        book = self.books[instrument][side]
        if step == 0:
            size = max(size, 1)  # the touch stays where it is: nothing crosses
        if size:
            book[price] = float(size)
        else:
            book.pop(price, None)
        before, self.last[instrument] = self.last[instrument], self.last[instrument] + 3
        if not sent:
            return
        symbol = {1: "BTCUSDT", 2: "ETHUSDT"}[instrument]
        levels = {"b": [], "a": []}
        levels[side] = [[f"{price:.2f}", f"{size:.3f}"]]
        body = {
            "e": "depthUpdate",
            "E": 1723161258284,
            "T": 1723161258280,
            "s": symbol,
            "U": before + 1,
            "u": before + 3,
            "pu": before,
            **levels,
        }
        stream = {"stream": f"{symbol.lower()}@depth@0ms", "data": body}
        self.rig.lane.frame(json.dumps(stream, separators=(",", ":")).encode())

    def ask(self):
        """Take the wishes of the lane: the book as it is now, to be delivered later."""
        for what, instrument in self.rig.lane.wanted:
            if what == lib.HP_WANT_SNAPSHOT:
                book = self.books[instrument]
                sides = {
                    "bids": [[f"{p:.2f}", f"{q:.3f}"] for p, q in sorted(book["b"].items())[::-1]],
                    "asks": [[f"{p:.2f}", f"{q:.3f}"] for p, q in sorted(book["a"].items())],
                }
                text = json.dumps({"lastUpdateId": self.last[instrument], "E": 1, "T": 1, **sides})
                self.answers.append((instrument, text.replace(" ", "").encode()))
        self.rig.lane.wanted.clear()

    def answer(self):
        if self.answers:
            self.rig.lane.snapshot(*self.answers.pop(0))

    def top(self, instrument):
        bid, ask = max(self.books[instrument]["b"]), min(self.books[instrument]["a"])
        return round(bid * 10), round(ask * 10)


ACTS = st.one_of(
    st.tuples(
        st.just("delta"),
        st.sampled_from([1, 2]),
        st.sampled_from("ba"),
        st.integers(0, 8),
        st.integers(0, 3),
        st.integers(0, 9).map(lambda n: n > 0),
    ),
    st.tuples(st.just("ask")),
    st.tuples(st.just("answer")),
    st.tuples(st.just("turn"), st.integers(1, 900)),
)


@settings(max_examples=60)
@given(st.lists(ACTS, max_size=120))
def test_book_that_says_synced_equals_the_venue_whatever_was_lost(acts):
    """Losses, late answers and silence in any order; then what is asked for is answered."""
    rig = FeedRig()
    venue = Venue(rig)

    def check():
        for instrument in (1, 2):
            top = rig.view.tops[instrument]
            if top.state == lib.HP_BOOK_SYNCED and top.update_id == venue.last[instrument]:
                assert (top.bid_ticks, top.ask_ticks) == venue.top(instrument)

    for name, *details in acts:
        if name == "delta":
            venue.delta(*details)
        elif name == "turn":
            rig.lane.turn(details[0] * MS)
        else:
            getattr(venue, name)()
        check()
    for _ in range(4):
        for instrument in (1, 2):
            venue.delta(instrument, "b", 3, 1, True)
        rig.lane.turn(2100 * MS)
        venue.ask()
        while venue.answers:
            venue.answer()
        for instrument in (1, 2):
            venue.delta(instrument, "b", 4, 2, True)
        check()
    for instrument in (1, 2):
        top, feed = rig.view.tops[instrument], rig.feed(instrument)
        assert (top.state, top.update_id) == (lib.HP_BOOK_SYNCED, venue.last[instrument])
        assert feed.source == lib.HP_SOURCE_PRIMARY
        assert feed.blind_since_ns == 0


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=60))
def test_gaps_of_one_instrument_leave_the_other_as_if_nothing_had_been(losses):
    rig = FeedRig(Quoter())
    venue = Venue(rig)
    for instrument in (1, 2):
        venue.delta(instrument, "b", 1, 1, True)
    venue.ask()
    venue.answer()
    venue.answer()
    for instrument in (1, 2):
        venue.delta(instrument, "b", 1, 1, True)
    rig.acknowledge()
    gaps = 0
    for step, is_lost in losses:
        venue.delta(1, "b", step, 2, not is_lost)
        venue.delta(2, "b", step, 2, True)
        gaps = rig.feed(1).gaps
        assert rig.view.tops[2].state == lib.HP_BOOK_SYNCED
        assert rig.view.tops[2].update_id == venue.last[2]
    assert rig.feed(2).gaps == 0 and rig.feed(2).blind_since_ns == 0
    assert not [text for text in rig.cancels() if b"ETHUSDT" in text]
    assert (gaps > 0) == any(
        lost and not later for (_, lost), (_, later) in itertools.pairwise(losses)
    )


def test_blind_time_and_causes_are_counted_per_instrument(feed_rig):
    rig = feed_rig()
    rig.lane.turn(50 * MS)
    rig.depth()
    rig.lane.turn(30 * MS)
    rig.sync()  # blind since its socket opened
    assert (rig.feed().blind_ns, rig.feed().blind_since_ns) == (80 * MS, 0)
    rig.lane.turn(10 * MS)
    rig.depth(skip=3)
    since = rig.lane.now_ns
    assert rig.feed().blind_since_ns == since
    rig.lane.turn(20 * MS)
    rig.lane.snapshot(1, rig.book_text(update_id=50))  # older than the stream
    rig.lane.turn(5 * MS)
    rig.sync()
    feed = rig.feed()
    assert (feed.blind_ns, feed.resyncs, feed.too_old, feed.gaps) == (105 * MS, 2, 1, 1)
    named = {"FIRST": 1, "GAP": 1, "TOO_OLD": 1}
    for name, count in named.items():
        assert feed.wanted[getattr(lib, f"HP_RESYNC_{name}")] == count
    assert rig.feed(2).blind_ns == 0 and sum(rig.feed(2).wanted) == 0
    assert rig.stream_state(DEPTH) == "FRESH"
