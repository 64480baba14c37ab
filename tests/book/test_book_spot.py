"""The rule of Binance spot by name, and against the naive sequencer."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.book.book import WHOLE, Applied, Book, Rule, State
from tests.book.naive import Delta, NaiveSpotBook
from tests.book.streams import disturbed, stream


@pytest.fixture
def book():
    return Book(rule=Rule.BINANCE_SPOT, window_log2=8, overflow_log2=8)


@pytest.mark.parametrize(
    ("first", "last", "answer", "state"),
    [
        (90, 99, Applied.DROPPED, State.BUFFERING),
        (90, 100, Applied.DROPPED, State.BUFFERING),  # u == lastUpdateId: all of it is known
        (90, 101, Applied.OK, State.SYNCED),
        (101, 110, Applied.OK, State.SYNCED),  # U == lastUpdateId + 1
        (102, 110, Applied.GAP, State.GAPPED),
    ],
)
def test_first_spot_event_must_hold_the_id_behind_the_snapshot(book, first, last, answer, state):
    book.snapshot(100, [(99, 1)], [(101, 1)])
    assert book.delta(first, last, 0, [(98, 5)], []) == answer
    assert book.state == state


@pytest.mark.parametrize(
    ("first", "last", "answer"),
    [
        (106, 106, Applied.OK),  # U == previous u + 1
        (106, 109, Applied.OK),
        (104, 109, Applied.OK),  # overlaps: sizes are absolute, nothing is lost
        (107, 109, Applied.GAP),
        (101, 105, Applied.GAP),  # a repeat
        (90, 95, Applied.GAP),  # an older one
    ],
)
def test_next_spot_event_must_reach_the_id_behind_the_last(book, first, last, answer):
    book.snapshot(100, [(99, 1)], [(101, 1)])
    assert book.delta(101, 105, 0, [], []) == Applied.OK
    assert book.delta(first, last, 0, [(98, 5)], []) == answer
    assert book.totals[0] == (2 if answer == Applied.OK else 1)


@given(st.integers(0, 2**32))
def test_spot_book_equals_the_naive_sequencer_over_a_disturbed_stream(seed):
    rng = random.Random(seed)
    book = Book(rule=Rule.BINANCE_SPOT, window_log2=8, overflow_log2=8)
    naive = NaiveSpotBook()
    for kind, event in disturbed(rng, stream(rng, 200, step=1)):
        if kind == "delta":
            args = (event.first, event.last, 0, event.bids, event.asks)
            answer, want = book.delta(*args), naive.delta(Delta(*args))
        else:
            answer = book.snapshot(*event, depth_limit=WHOLE)
            want = naive.snapshot(*event)
        assert (Applied(answer).name, State(book.state).name) == (want, naive.state)
        assert (book.update_id, book.levels(99)) == (naive.last, naive.sides.levels(99))
        counts = book.counts
        assert {name: counts[name] for name in naive.counts} == naive.counts
