"""What is asked of a book against sorted dicts and fractions, up to the end of what is known."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.book.book import WHOLE, Applied, Book, Resync, State
from hotpath.book.view import UNKNOWN_LOTS
from tests.book.queries import INT64, NaiveDepth


class Known:
    """A book and its oracle after one snapshot, fed alike and compared in every query."""

    def __init__(self, bids, asks, limit=0, kept=0, **sizes):
        self.now = 1000
        self.book = Book(window_log2=8, offline=True, **sizes)
        self.naive = NaiveDepth()
        self.book.snapshot(1, bids, asks, self.now, limit, kept)
        self.naive.snapshot(bids, asks, limit, kept, self.now)
        self.apply([], [], first=1)

    def apply(self, bids, asks, first=None):
        self.now += 10
        last = self.book.update_id
        if first is not None:
            assert self.book.delta(first, first, 0, bids, asks, self.now) != Applied.GAP
        else:
            self.book.delta(last + 1, last + 1, last, bids, asks, self.now)
        self.naive.bid.apply(bids, self.now)
        self.naive.ask.apply(asks, self.now)
        self.check()

    def check(self):
        book, naive = self.book, self.naive
        assert book.horizons == (naive.bid.end, naive.ask.end)
        for count in (0, 1, 2, 5, 40):
            both = (naive.bid.known_levels(count), naive.ask.known_levels(count))
            assert book.levels(count) == both
            assert book.knows(count) == (naive.bid.knows(count) and naive.ask.knows(count))
            assert book.imbalance_bps(count) == naive.imbalance_bps(count)
        assert (book.mid_e4, book.microprice_e4) == (naive.mid_e4(), naive.microprice_e4())
        for side, lots_at, taking, vwap in (
            (naive.bid, book.bid_lots_at, book.selling, book.sell_vwap_e4),
            (naive.ask, book.ask_lots_at, book.buying, book.buy_vwap_e4),
        ):
            near = [t + n for t in [*side.since][:4] for n in (-2, -1, 1, 300)]
            asked = [t for t in (*side.since, *near) if t in INT64]
            assert [lots_at(t) for t in asked] == [side.lots_at(t) for t in asked]
            for lots in (0, 1, 7, 60, 2**40):
                found, worst, levels, known, _ = side.take(lots)
                assert taking(lots) == (found, worst, levels, known)
                assert vwap(lots) == side.vwap_e4(lots)
        touches = [(s.size_ns, s.price_ns) for s in (naive.bid, naive.ask)]
        assert touches == [
            (book.bid_since_ns, book.bid_price_since_ns),
            (book.ask_since_ns, book.ask_price_since_ns),
        ]


prices = st.one_of(st.integers(60, 140), st.integers(0, 4000), st.integers(-(2**40), 2**40))
lots = st.one_of(st.just(0), st.integers(1, 9), st.integers(1, 2**45))
sides = st.lists(st.tuples(prices, lots), max_size=10)
filled = st.lists(
    st.tuples(prices, st.integers(1, 9)), max_size=10, unique_by=lambda level: level[0]
)


@given(
    filled,
    filled,
    st.sampled_from([0, 3, 10, WHOLE]),
    st.sampled_from([0, 0, 4]),
    st.lists(st.tuples(sides, sides), max_size=8),
)
def test_queries_equal_the_oracle_to_the_end_of_what_is_known(bids, asks, limit, kept, events):
    pair = Known(bids, asks, limit, kept, overflow_log2=8)
    for event in events:
        pair.apply(*event)


@pytest.mark.parametrize("limit", [0, WHOLE])
def test_queries_equal_the_oracle_while_the_touch_wanders(limit):
    """Through the window, the table and the edge of the snapshot, with several chunks of table."""
    rng = random.Random(limit)
    mid = 10**6
    far = [sorted({rng.randint(1, 30_000) for _ in range(300)}) for _ in range(2)]
    bids, asks = ([(mid + s * n, 5) for n in side] for side, s in zip(far, (-1, 1), strict=True))
    pair = Known(bids, asks, limit, overflow_log2=12)
    for _ in range(120):
        mid += rng.randint(-200, 200)
        pair.apply(
            [(mid - rng.randint(0, 400), rng.randint(0, 3)) for _ in range(4)]
            + [(mid + n, 0) for n in range(30)],
            [(mid + rng.randint(0, 400), rng.randint(0, 3)) for _ in range(4)]
            + [(mid - n, 0) for n in range(30)],
        )
    assert pair.book.counts["moves"] > 4
    count = 600
    assert pair.book.levels(count)[0] == pair.naive.bid.known_levels(count)


def test_vwap_and_microprice_are_exact_near_64_bits():
    top = 2**63 - 1
    pair = Known([(top - 9, top)], [(top - 3, top)], WHOLE, overflow_log2=8)
    assert (pair.book.microprice_e4, pair.book.buy_vwap_e4(5)) == (0, 0)  # x 10^4 leaves 64 bits
    pair = Known([(9 * 10**14 - 7, top)], [(9 * 10**14, top // 2)], WHOLE, overflow_log2=8)
    assert pair.book.microprice_e4 == 8999999999999976666
    assert pair.book.buy_vwap_e4(top // 2) == 9 * 10**18


def test_vwap_is_rounded_against_the_taker():
    pair = Known([(100, 2), (99, 1)], [(101, 2), (102, 1)], WHOLE, overflow_log2=8)
    assert (pair.book.buy_vwap_e4(3), pair.book.sell_vwap_e4(3)) == (1013334, 996666)
    assert (pair.book.buy_vwap_e4(4), pair.book.buying(4)) == (0, (3, 102, 2, True))


# -- failure story 9: a level beyond the snapshot's depth is unknown, not absent -------------------


def test_stale_far_levels_are_unknown_until_the_venue_names_them():
    pair = Known([(100 - n, 1) for n in range(5)], [(101, 1)], 5, overflow_log2=8)
    book = pair.book
    assert book.horizons == (95, None)
    assert (book.bid_lots_at(96), book.bid_lots_at(95), book.ask_lots_at(500)) == (1, -1, 0)
    assert (book.knows(5), book.knows(6), book.imbalance_bps(6)) == (True, False, 5000)
    assert book.selling(6) == (5, 96, 5, False)
    pair.apply([(90, 7)], [])
    assert (book.bid_lots_at(90), book.bid_lots_at(91)) == (7, UNKNOWN_LOTS)
    assert (book.levels(9)[0][-1], book.held(9)[0][-1]) == ((96, 1), (90, 7))


def test_longer_side_of_a_snapshot_of_unsaid_depth_is_the_one_that_may_be_cut():
    pair = Known([(100, 1), (99, 1)], [(101, 1)], overflow_log2=8)
    assert pair.book.horizons == (98, None)


def test_deltas_that_keep_a_depth_leave_what_is_behind_it_unknown():
    pair = Known([(100, 1), (99, 1), (98, 1)], [(101, 1)], 0, 3, overflow_log2=8)
    assert (pair.book.horizons, pair.book.knows(3), pair.book.knows(4)) == (
        (None, None),
        True,
        False,
    )
    assert (pair.book.bid_lots_at(98), pair.book.bid_lots_at(97)) == (1, UNKNOWN_LOTS)
    pair.apply([(100, 0)], [])
    assert (pair.book.knows(4), pair.book.bid_lots_at(97)) == (True, 0)


def fed(limit=4):
    """Return a synced book whose bids 100, 90, 80 and 70 are known; id 1."""
    book = Book(window_log2=8, overflow_log2=8)
    book.snapshot(1, [(100 - 10 * n, 1) for n in range(4)], [(200, 1)], 0, limit)
    assert book.delta(1, 1, 0, [], []) == Applied.OK
    return book


def test_story_09_touch_that_nears_the_edge_asks_for_a_snapshot_and_the_book_goes_on():
    book = fed()
    assert book.delta(2, 2, 1, [(100, 0)], []) == Applied.OK
    assert book.wanted == Resync.NONE  # 90 of 100..70: more than a quarter is left
    assert book.delta(3, 3, 2, [(90, 0), (80, 0)], []) == Applied.OK
    assert (book.state, book.wanted) == (State.SYNCED, Resync.NEAR)
    assert book.snapshot(3, [(70, 1), (60, 1), (50, 1), (40, 1)], [(200, 1)], 0, 4) == Applied.OK
    assert (book.state, book.wanted, book.horizons[0]) == (State.SYNCED, Resync.NONE, 39)


def test_story_09_touch_beyond_the_edge_is_not_believed_until_a_snapshot_covers_it():
    book = fed()
    assert book.delta(2, 2, 1, [(60, 5)], []) == Applied.OK
    gone = [(ticks, 0) for ticks in (100, 90, 80, 70)]
    assert book.delta(3, 3, 2, gone, []) == Applied.GAP
    assert (book.state, book.wanted, book.mid_e4) == (State.GAPPED, Resync.EXHAUSTED, 0)
    assert book.delta(4, 4, 3, [(65, 1)], []) == Applied.BUFFERED
    assert book.snapshot(4, [(66, 1), (65, 1), (60, 5)], [(200, 1)], 0, 4) == Applied.OK
    assert (book.state, book.bid_ticks) == (State.SYNCED, 66)


def test_emptied_side_that_was_whole_is_believed():
    book = fed(limit=WHOLE)
    gone = [(ticks, 0) for ticks in (100, 90, 80, 70)]
    assert book.delta(2, 2, 1, gone, []) == Applied.OK
    assert (book.state, book.bid_lots, book.wanted) == (State.SYNCED, 0, Resync.NONE)


# -- ages ------------------------------------------------------------------------------------------


def test_level_knows_when_the_venue_named_it_last():
    book = Book(window_log2=8, overflow_log2=8)
    book.snapshot(1, [(100, 1), (99, 1)], [(101, 1), (9000, 1)], 1000, WHOLE)
    book.delta(1, 1, 0, [(99, 2)], [], 1500)
    since = [book.bid_level_since_ns(ticks) for ticks in (100, 99, 98)]
    assert since == [1000, 1500, 0]  # 98 is no level
    assert [book.ask_level_since_ns(ticks) for ticks in (101, 9000)] == [1000, 0]  # far away
    book.delta(2, 2, 1, [(99, 0)], [], 1600)
    assert book.bid_level_since_ns(99) == 0


def test_touch_ages_tell_price_from_size():
    book = Book(window_log2=8, overflow_log2=8)
    book.snapshot(1, [(100, 1)], [(101, 1)], 1000, WHOLE)
    book.delta(1, 1, 0, [(100, 5), (90, 1)], [], 1500)
    assert (book.bid_since_ns, book.bid_price_since_ns) == (1500, 1500)  # shown with this event
    book.delta(2, 2, 1, [(100, 6)], [], 1600)
    book.delta(3, 3, 2, [(90, 6)], [], 1700)
    assert (book.bid_since_ns, book.bid_price_since_ns) == (1600, 1500)
    assert (book.ask_since_ns, book.ask_price_since_ns) == (1500, 1500)
