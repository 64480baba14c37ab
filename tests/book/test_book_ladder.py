"""The ladders of a book against dicts: every query equal after every event, at any price."""

import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hotpath.book.book import WHOLE, Applied, Book, Resync, State
from tests.book.naive import NaiveSides

PRICE_MAX = 2**63 - 1


def synced(*, offline=True, **sizes):
    """Return an empty book whose chain runs, so that each delta is applied."""
    book = Book(offline=offline, **sizes)
    book.snapshot(1, [], [])
    book.delta(1, 1, 0, [], [])
    return book


class Pair:
    """A book and its oracle, fed alike and compared after each event."""

    def __init__(self, **sizes):
        self.book = synced(**sizes)
        self.naive = NaiveSides()

    def apply(self, bids, asks):
        self.naive.apply(bids, asks)
        self.book.delta(0, self.book.update_id + 1, self.book.update_id, bids, asks)
        self.check()

    def check(self):
        book, naive = self.book, self.naive
        self.forget_beyond_horizon()
        assert book.levels(10**6) == book.held(10**6) == naive.levels(10**6)
        assert book.totals == (len(naive.bids), len(naive.asks))
        best = (
            book.bid_ticks if book.bid_lots else None,
            book.bid_lots,
            book.ask_ticks if book.ask_lots else None,
            book.ask_lots,
        )
        bid = max(naive.bids, default=None)
        ask = min(naive.asks, default=None)
        assert best == (bid, naive.bids.get(bid, 0), ask, naive.asks.get(ask, 0))
        for count in (0, 1, 3, 20, 300):
            assert book.levels(count) == naive.levels(count)
            if self.knows(count):
                assert book.imbalance_bps(count) == naive.imbalance_bps(count)
            assert book.knows(count) == self.knows(count)

    def knows(self, count):
        """Nothing was forgotten within the best `count` levels."""
        return all(
            horizon is None or count <= len(side)
            for horizon, side in zip(
                self.book.horizons, (self.naive.bids, self.naive.asks), strict=True
            )
        )

    def forget_beyond_horizon(self):
        """Do in the oracle what the policy says: nothing at the horizon or beyond it is known."""
        bid, ask = self.book.horizons
        for side, beyond in (
            (self.naive.bids, lambda ticks: bid is not None and ticks <= bid),
            (self.naive.asks, lambda ticks: ask is not None and ticks >= ask),
        ):
            for ticks in [ticks for ticks in side if beyond(ticks)]:
                del side[ticks]


prices = st.one_of(
    st.integers(0, 400),
    st.integers(900, 1100),
    st.integers(0, 5000),
    st.integers(2**40 - 40, 2**40 + 40),
    st.integers(0, PRICE_MAX - 1),
    st.sampled_from([0, 1, PRICE_MAX - 1, -1, -(2**63) + 1, 2**62, -(2**62)]),
)
lots = st.one_of(st.just(0), st.integers(1, 9), st.integers(1, PRICE_MAX))
sides = st.lists(st.tuples(prices, lots), max_size=12)


@given(st.lists(st.tuples(sides, sides), max_size=15), st.integers(8, 10), st.integers(8, 9))
def test_ladders_equal_dicts_at_any_price(events, window_log2, overflow_log2):
    pair = Pair(window_log2=window_log2, overflow_log2=overflow_log2)
    for bids, asks in events:
        pair.apply(bids, asks)
    assert pair.book.horizons == (None, None)


@given(st.lists(st.tuples(sides, sides), max_size=25))
def test_ladders_with_a_full_table_equal_dicts_cut_at_the_horizon(events):
    pair = Pair(window_log2=8, overflow_log2=3)
    for bids, asks in events:
        pair.apply(bids, asks)


def walk(seed, steps, step_ticks, spread_ticks, start=10**6):
    """Yield (bids, asks) of a touch that wanders, with deep levels and deletes of unknown ones."""
    rng = random.Random(seed)
    mid = start
    for _ in range(steps):
        mid = max(10, mid + rng.randint(-step_ticks, step_ticks))
        side = [[], []]
        for index, sign in ((0, -1), (1, 1)):
            for _ in range(rng.randint(0, 8)):
                away = int(rng.expovariate(1 / spread_ticks))
                side[index].append((mid + sign * away, rng.choice([0, 0, 1, 5, 1000])))
        # what the touch passed is taken away, as a venue does
        side[0] += [(mid + n, 0) for n in range(1, min(3 * step_ticks, 40))]
        side[1] += [(mid - n, 0) for n in range(1, min(3 * step_ticks, 40))]
        yield side


@pytest.mark.parametrize(
    ("step_ticks", "spread_ticks"), [(12, 5), (3, 60), (40, 300), (300, 20), (2000, 2000)]
)
def test_ladders_equal_dicts_while_the_touch_wanders(step_ticks, spread_ticks):
    pair = Pair(window_log2=8, overflow_log2=12)
    for bids, asks in walk(step_ticks, 500, step_ticks, spread_ticks):
        pair.apply(bids, asks)
    assert pair.book.horizons == (None, None)
    assert pair.book.counts["moves"] > 2


@pytest.mark.parametrize("overflow_log2", [3, 5, 8])
def test_full_table_forgets_the_farthest_and_says_from_where(overflow_log2):
    pair = Pair(window_log2=8, overflow_log2=overflow_log2)
    for bids, asks in walk(overflow_log2, 400, 40, 2000):
        pair.apply(bids, asks)
    assert None not in pair.book.horizons
    assert pair.book.counts["forgotten"] > 0


def test_full_table_forgets_about_an_eighth_at_once():
    book = synced(window_log2=8, overflow_log2=10)
    far = [(10**6 + 1000 * n, 1) for n in range(770)]  # one in the window, 768 fit beside it
    book.delta(0, 2, 1, [], far[:-1])
    assert (book.counts["forgotten"], book.horizons) == (0, (None, None))
    book.delta(0, 3, 2, [], far[-1:])
    assert 64 <= book.counts["forgotten"] <= 128
    left = book.totals[1]
    assert book.levels(999)[1] == far[:left]
    assert book.horizons[1] == far[left][0]


def test_forgotten_levels_come_back_with_a_snapshot():
    book = synced(window_log2=8, overflow_log2=3)
    far = [(10**6 - 1000 * n, 1) for n in range(12)]
    book.delta(0, 2, 1, far, [])
    assert book.horizons[0] is not None
    assert book.totals[0] < 12
    book.snapshot(2, far[:5], [], depth_limit=WHOLE)
    assert book.horizons == (None, None)
    assert book.levels(9)[0] == far[:5]


def test_side_that_ran_empty_behind_its_horizon_is_not_believed():
    book = synced(offline=False, window_log2=8, overflow_log2=3)
    far = [(10**6 - 1000 * n, 1) for n in range(12)]
    book.delta(0, 2, 1, far, [])
    assert book.wanted == 0
    assert book.delta(0, 3, 2, [(ticks, 0) for ticks, _ in far], []) == Applied.GAP
    assert (book.bid_lots, book.state, book.wanted) == (0, State.GAPPED, Resync.EXHAUSTED)


def test_crossed_levels_stand_in_their_own_sides():
    pair = Pair(window_log2=8, overflow_log2=3)
    pair.apply([(500, 1), (90, 2)], [(100, 3), (10**9, 4)])
    pair.apply([(10**9, 5)], [(3, 6)])
    assert (pair.book.bid_ticks, pair.book.ask_ticks) == (10**9, 3)


def test_last_of_several_updates_of_one_price_in_a_message_wins():
    pair = Pair()
    pair.apply([(100, 1), (100, 0), (100, 7), (10**7, 3), (10**7, 0)], [(101, 1), (101, 0)])
    assert pair.book.levels(5) == ([(100, 7)], [])


def test_highest_price_of_64_bits_is_a_bid_but_no_ask():
    """An ask there would share its key with "no level": it lies beyond every horizon, counted."""
    book = synced()
    book.delta(0, 2, 1, [(PRICE_MAX, 1)], [(PRICE_MAX, 1)])
    assert book.levels(2) == ([(PRICE_MAX, 1)], [])
    assert book.counts["forgotten"] == 1


def test_imbalance_of_an_empty_book_favours_nobody():
    assert synced().imbalance_bps(5) == 5000


def test_imbalance_of_lots_near_64_bits_does_not_overflow():
    book = synced()
    book.delta(0, 2, 1, [(100 - n, PRICE_MAX) for n in range(9)], [(101, PRICE_MAX)])
    assert book.imbalance_bps(9) == 9000


@given(st.lists(st.tuples(sides, sides), max_size=6), st.integers(1, 1000), st.integers(1, 1000))
def test_rescale_multiplies_every_level_or_changes_nothing(events, price_factor, size_factor):
    pair = Pair(window_log2=8, overflow_log2=8)
    for bids, asks in events:
        pair.apply(bids, asks)
    finer = NaiveSides(
        *(
            {ticks * price_factor: lots * size_factor for ticks, lots in side.items()}
            for side in (pair.naive.bids, pair.naive.asks)
        )
    )
    values = [v for side in (finer.bids, finer.asks) for level in side.items() for v in level]
    if all(-(2**63) <= v <= PRICE_MAX for v in values):
        assume(PRICE_MAX not in finer.asks and -PRICE_MAX - 1 not in finer.bids)  # no key
        pair.book.rescale(price_factor, size_factor)
        pair.naive = finer
    else:
        with pytest.raises(OverflowError):
            pair.book.rescale(price_factor, size_factor)
    pair.check()


def test_rescale_keeps_or_narrows_the_horizon():
    pair = Pair(window_log2=8, overflow_log2=3)
    for bids, asks in walk(1, 100, 40, 2000):
        pair.apply(bids, asks)
    before = pair.book.horizons
    pair.book.rescale(10, 100)
    bid, ask = pair.book.horizons  # the levels lie farther apart: the table may hold fewer of them
    assert bid >= 10 * before[0]
    assert ask <= 10 * before[1]
    pair.naive = NaiveSides(
        *(
            {ticks * 10: lots * 100 for ticks, lots in side.items()}
            for side in (pair.naive.bids, pair.naive.asks)
        )
    )
    pair.check()


@pytest.mark.parametrize(
    "sizes",
    [
        {"window_log2": 7},
        {"window_log2": 19},
        {"overflow_log2": 2},
        {"overflow_log2": 19},
        {"rule": 99},
        {"level_max": 0},
    ],
)
def test_book_refuses_a_size_that_it_cannot_hold(sizes):
    with pytest.raises(ValueError, match=next(iter(sizes))):
        Book(**sizes)


def test_negative_lots_and_wide_prices_are_refused_at_the_python_face():
    book = synced()
    with pytest.raises(ValueError, match="-1 lots"):
        book.delta(0, 2, 1, [(100, -1)], [])
    with pytest.raises(OverflowError):
        book.delta(0, 2, 1, [(2**63, 1)], [])
    assert book.totals == (0, 0)
