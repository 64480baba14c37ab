"""The sequence state of a book against a plain sequencer, and each rule by name."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.book.book import WHOLE, Applied, Book, Resync, Rule, State
from tests.book.naive import CROSSED_EVENTS_MAX, Delta, NaiveBook
from tests.book.streams import disturbed, stream


@pytest.fixture
def book():
    return Book(window_log2=8, overflow_log2=8)


def hooked(book, last=100):
    """Bring a book to SYNCED at id `last` + 5, bids at 99, asks at 101."""
    book.snapshot(last, [(99, 1)], [(101, 1)])
    assert book.delta(last - 5, last + 5, last - 9, [], []) == Applied.OK
    return last + 5


def test_new_book_is_empty_and_wants_nothing(book):
    assert (book.state, book.needs, book.wanted) == (State.EMPTY, 0, Resync.NONE)


def test_first_delta_is_kept_and_asks_for_a_snapshot(book):
    assert book.delta(1, 2, 0, [(99, 1)], []) == Applied.BUFFERED
    assert (book.state, book.needs, book.wanted) == (State.BUFFERING, 1, Resync.FIRST)
    assert book.totals == (0, 0)


def test_need_is_raised_once_however_many_deltas_wait(book):
    for n in range(1, 20):
        book.delta(n, n, n - 1, [], [])
    assert (book.needs, book.counts["buffered"]) == (1, 19)


def test_snapshot_alone_waits_aside_until_an_event_hooks(book):
    assert book.snapshot(100, [(99, 1)], [(101, 1)]) == Applied.OK
    assert (book.state, book.totals, book.update_id) == (State.BUFFERING, (0, 0), 0)
    assert book.delta(90, 100, 80, [], []) == Applied.OK
    assert (book.state, book.bid_ticks, book.update_id) == (State.SYNCED, 99, 100)


@pytest.mark.parametrize(
    ("first", "last", "answer", "state"),
    [
        (90, 99, Applied.DROPPED, State.BUFFERING),  # u < lastUpdateId
        (90, 100, Applied.OK, State.SYNCED),  # u == lastUpdateId
        (100, 100, Applied.OK, State.SYNCED),
        (100, 110, Applied.OK, State.SYNCED),  # U == lastUpdateId
        (101, 110, Applied.GAP, State.GAPPED),  # U > lastUpdateId
    ],
)
def test_first_event_after_a_snapshot_hooks_by_the_rule(book, first, last, answer, state):
    book.snapshot(100, [(99, 1)], [(101, 1)])
    assert book.delta(first, last, 1, [(98, 5)], []) == answer
    assert book.state == state
    assert book.totals[0] == (2 if answer == Applied.OK else 0)  # shown with its hook


@pytest.mark.parametrize(
    ("first", "last", "answer"),
    [(90, 99, Applied.OK), (95, 100, Applied.OK), (101, 110, Applied.TOO_OLD)],
)
def test_snapshot_hooks_to_what_was_kept_by_the_same_rule(book, first, last, answer):
    book.delta(first, last, 1, [(98, 5)], [])
    assert book.snapshot(100, [(99, 1)], [(101, 1)]) == answer
    assert book.totals[0] == {99: 0, 100: 2, 110: 0}[last]


def test_event_with_another_pu_is_a_gap_and_the_old_book_stays_readable(book):
    last = hooked(book)
    assert book.delta(last + 2, last + 3, last + 1, [(99, 0)], []) == Applied.GAP
    assert (book.state, book.bid_ticks, book.wanted) == (State.GAPPED, 99, Resync.GAP)
    assert book.delta(last + 4, last + 5, last + 3, [], []) == Applied.BUFFERED
    assert book.counts["gaps"] == 1


def test_repeated_event_is_a_gap_because_the_rule_says_so(book):
    last = hooked(book)
    assert book.delta(last - 10, last, last - 14, [], []) == Applied.GAP


def test_ids_that_run_backward_are_a_gap_even_with_the_right_pu(book):
    last = hooked(book)
    assert book.delta(1, last, last, [], []) == Applied.GAP


def test_gap_is_healed_by_a_snapshot_that_the_kept_events_continue(book):
    last = hooked(book)
    book.delta(120, 130, 119, [(98, 7)], [])
    book.delta(131, 140, 130, [(97, 7)], [])
    needs = book.needs
    assert book.snapshot(125, [(95, 1)], [(105, 1)]) == Applied.OK
    assert (book.state, book.update_id, book.needs) == (State.SYNCED, 140, needs)
    assert book.levels(9) == ([(98, 7), (97, 7), (95, 1)], [(105, 1)])
    assert book.counts["resyncs"] == 1
    assert book.delta(141, 150, 140, [], []) == Applied.OK
    assert last == 105


def test_snapshot_too_old_for_the_kept_events_changes_nothing_and_asks_again(book):
    hooked(book)
    book.delta(120, 130, 119, [(98, 7)], [])
    needs = book.needs
    assert book.snapshot(110, [(1, 1)], [(2, 1)]) == Applied.TOO_OLD
    assert (book.state, book.wanted, book.needs) == (State.GAPPED, Resync.TOO_OLD, needs + 1)
    assert book.levels(9) == ([(99, 1)], [(101, 1)])


def test_snapshot_older_than_a_synced_book_is_refused_and_nothing_is_needed(book):
    hooked(book)
    assert book.snapshot(104, [(1, 1)], [(2, 1)]) == Applied.TOO_OLD
    assert (book.state, book.bid_ticks, book.wanted) == (State.SYNCED, 99, Resync.NONE)
    assert book.counts["resyncs"] == 0


def test_snapshot_of_the_same_moment_replaces_and_the_chain_goes_on(book):
    last = hooked(book)
    assert book.snapshot(last, [(98, 2)], [(102, 2)]) == Applied.OK
    assert (book.state, book.levels(9)) == (State.SYNCED, ([(98, 2)], [(102, 2)]))
    assert book.delta(last + 1, last + 2, last, [], []) == Applied.OK


def test_snapshot_ahead_of_a_synced_book_waits_aside_and_the_book_goes_on(book):
    last = hooked(book)
    assert book.snapshot(last + 7, [(98, 2)], [(102, 2)]) == Applied.OK
    assert (book.state, book.bid_ticks) == (State.SYNCED, 99)
    assert book.delta(last + 1, last + 6, last, [(50, 1)], []) == Applied.OK
    assert (book.state, book.held(9)[0]) == (State.SYNCED, [(99, 1), (50, 1)])
    assert book.delta(last + 7, last + 9, last + 6, [(51, 1)], []) == Applied.OK
    assert (book.state, book.held(9)[0]) == (State.SYNCED, [(98, 2), (51, 1)])


def test_gap_of_the_shown_book_is_healed_by_the_snapshot_that_waits_aside(book):
    last = hooked(book)
    book.snapshot(last + 20, [(98, 2)], [(102, 2)])
    assert book.delta(last + 5, last + 9, last + 4, [(50, 1)], []) == Applied.GAP
    assert (book.state, book.wanted, book.bid_ticks) == (State.GAPPED, Resync.NONE, 99)
    assert book.delta(last + 10, last + 15, last + 9, [(51, 1)], []) == Applied.DROPPED
    assert book.delta(last + 16, last + 25, last + 15, [(52, 1)], []) == Applied.OK
    assert (book.state, book.held(9)[0]) == (State.SYNCED, [(98, 2), (52, 1)])


def test_snapshot_aside_that_the_stream_has_passed_is_given_up_and_asked_for_again(book):
    last = hooked(book)
    book.snapshot(last + 3, [(98, 2)], [(102, 2)])
    assert book.delta(last + 5, last + 9, last, [(50, 1)], []) == Applied.OK  # pu says successor
    assert (book.state, book.wanted, book.needs) == (State.SYNCED, Resync.TOO_OLD, 1)
    assert book.snapshot(last + 5, [(97, 2)], [(102, 2)]) == Applied.OK
    assert (book.state, book.held(9)[0]) == (State.SYNCED, [(97, 2), (50, 1)])


def test_hole_among_the_kept_events_gaps_the_book_there(book):
    book.delta(95, 105, 94, [(98, 1)], [])
    book.delta(120, 130, 119, [(97, 1)], [])
    book.delta(131, 140, 130, [(96, 1)], [])
    assert book.snapshot(100, [(99, 1)], [(101, 1)]) == Applied.GAP
    assert (book.state, book.totals, book.wanted) == (State.GAPPED, (0, 0), Resync.GAP)
    assert book.snapshot(120, [(90, 1)], [(101, 1)]) == Applied.OK
    assert book.levels(9)[0] == [(97, 1), (96, 1), (90, 1)]


def test_book_that_is_shown_does_not_change_while_a_snapshot_is_spliced_in_vain(book):
    last = hooked(book)
    book.delta(120, 130, 119, [(98, 1)], [])  # gap
    book.delta(140, 150, 139, [(97, 1)], [])  # and another one
    assert book.snapshot(125, [(90, 1)], [(101, 1)]) == Applied.GAP
    assert (book.state, book.levels(9)[0], book.update_id) == (State.GAPPED, [(99, 1)], last)


def test_crossed_book_quotes_again_when_an_event_uncrosses_it(book):
    last = hooked(book)
    assert book.delta(1, last + 1, last, [(101, 1)], []) == Applied.CROSSED
    assert (book.state, book.is_synced, book.wanted) == (State.CROSSED, False, Resync.NONE)
    assert book.delta(1, last + 2, last + 1, [(101, 0)], []) == Applied.OK
    assert (book.state, book.counts["crossed"]) == (State.SYNCED, 1)


def test_book_crossed_for_long_asks_for_a_snapshot_and_follows_meanwhile(book):
    last = hooked(book)
    for n in range(1, CROSSED_EVENTS_MAX + 4):
        assert book.delta(1, last + n, last + n - 1, [(101 + n, 1)], []) == Applied.CROSSED
        assert book.wanted == (Resync.CROSSED if n >= CROSSED_EVENTS_MAX else 0)
    assert book.counts["kept"] == 3
    assert book.snapshot(last + CROSSED_EVENTS_MAX + 1, [(90, 1)], [(300, 1)]) == Applied.OK
    assert (book.state, book.needs) == (State.SYNCED, 1)
    assert book.levels(1)[0] == [(101 + CROSSED_EVENTS_MAX + 3, 1)]


def test_refresh_keeps_what_it_applies_and_splices_without_a_break(book):
    last = hooked(book)
    book.refresh()
    assert book.wanted == Resync.REFRESH
    for n in range(1, 5):
        assert book.delta(last + n, last + n, last + n - 1, [(90 + n, 1)], []) == Applied.OK
    assert book.is_synced
    assert book.snapshot(last + 2, [(99, 1), (92, 1), (91, 1)], [(101, 1)]) == Applied.OK
    assert (book.state, book.update_id, book.wanted) == (State.SYNCED, last + 4, 0)
    assert [ticks for ticks, _ in book.levels(9)[0]] == [99, 94, 93, 92, 91]
    assert (book.counts["dropped"], book.counts["kept"]) == (0, 0)


def test_stale_begins_past_the_bound_and_ends_with_a_good_event(book):
    book.snapshot(100, [(99, 1)], [(101, 1)], recv_ns=1000)
    book.delta(90, 105, 80, [], [], recv_ns=2000)
    assert not book.check_stale(2500, 500)
    assert not book.check_stale(100, 500)  # a clock read before the frame's
    assert book.check_stale(2501, 500)
    assert not book.check_stale(9999, 500)
    assert (book.state, book.counts["stale"]) == (State.STALE, 1)
    assert book.delta(106, 110, 105, [], [], recv_ns=9999) == Applied.OK
    assert (book.state, book.recv_ns) == (State.SYNCED, 9999)


def test_gap_ends_a_stale_book_too(book):
    last = hooked(book)
    book.check_stale(10**9, 1)
    assert book.delta(last + 9, last + 10, last + 8, [], []) == Applied.GAP


@pytest.mark.parametrize("state", [State.EMPTY, State.BUFFERING, State.GAPPED])
def test_only_a_synced_book_becomes_stale(book, state):
    if state >= State.BUFFERING:
        book.delta(1, 1, 0, [], [])
    if state == State.GAPPED:
        book.snapshot(1, [], [])
        book.delta(9, 9, 8, [], [])
    assert book.state == state
    assert not book.check_stale(10**12, 1)


def test_broken_line_gaps_the_book_and_forgets_what_was_kept(book):
    hooked(book)
    book.break_line()
    assert (book.state, book.wanted, book.counts["gaps"]) == (State.GAPPED, Resync.GAP, 1)
    book.delta(500, 510, 499, [], [])
    book.break_line()
    assert (book.counts["gaps"], book.counts["kept"], book.needs) == (1, 0, 1)


def test_book_without_a_rule_refuses_everything():
    book = Book(rule=Rule.NONE)
    assert book.delta(1, 1, 0, [(1, 1)], []) == Applied.REFUSED
    assert book.snapshot(1, [(1, 1)], []) == Applied.REFUSED
    assert (book.state, book.totals) == (State.EMPTY, (0, 0))


def test_full_backlog_drops_the_oldest_and_then_wants_a_newer_snapshot():
    book = Book(deltas_log2=3)
    for n in range(1, 21):
        book.delta(n, n, n - 1, [(n, 1)], [])
    assert (book.counts["kept"], book.counts["lost"]) == (8, 12)
    assert book.snapshot(12, [], []) == Applied.TOO_OLD
    assert book.snapshot(13, [], []) == Applied.OK
    assert (book.state, book.update_id) == (State.SYNCED, 20)


def test_delta_too_large_for_the_backlog_takes_what_came_before_it_along():
    book = Book(level_max=4)
    book.delta(1, 1, 0, [(1, 1)], [])
    book.delta(2, 2, 1, [(n, 1) for n in range(5)], [])
    book.delta(3, 3, 2, [], [(9, 9)])
    assert (book.counts["kept"], book.counts["lost"]) == (1, 2)
    assert book.snapshot(2, [], []) == Applied.TOO_OLD
    assert book.snapshot(3, [], []) == Applied.OK


@given(st.lists(st.integers(0, 5), max_size=60), st.integers(1, 12))
def test_backlog_gives_back_the_newest_records_whole(counts, level_max):
    """Records of 0 to 5 levels through a ring of a few: what is left is a suffix, untouched."""
    book = Book(deltas_log2=3, level_max=level_max)
    pushed = []
    for n, count in enumerate(counts, 1):
        bids = [(1000 * n + k, n) for k in range(count)]
        book.delta(n, n, n - 1, bids, [])
        pushed.append(bids)
    kept = book.counts["kept"]
    assert kept <= 8
    assert kept + book.counts["lost"] == len(pushed)
    if counts and counts[-1] <= level_max:
        assert kept >= 1
    if kept:
        assert book.snapshot(len(counts) - kept + 1, [], []) == Applied.OK
        assert book.levels(99)[0] == sorted(
            (level for bids in pushed[-kept:] for level in bids), reverse=True
        )


@pytest.mark.parametrize("seed", range(40))
def test_book_equals_naive_sequencer_over_a_disturbed_stream(seed):
    rng = random.Random(seed)
    book, naive = Book(window_log2=8, overflow_log2=8), NaiveBook()
    for tag, (kind, event) in enumerate(disturbed(rng, stream(rng, 250))):
        if kind == "delta":
            args = (event.first, event.last, event.prev, event.bids, event.asks)
            answer = book.delta(*args, tag=tag)
            want = naive.delta(Delta(*args, tag=tag))
        else:
            answer = book.snapshot(*event, depth_limit=WHOLE)
            want = naive.snapshot(*event)
        assert Applied(answer).name == want
        assert State(book.state).name == naive.state
        assert book.update_id == naive.last
        assert (book.needs, bool(book.wanted)) == (naive.needs, naive.wanted)
        assert book.levels(99) == naive.sides.levels(99)
        counts = book.counts
        assert {name: counts[name] for name in naive.counts} == naive.counts
        assert counts["kept"] == len(naive.kept)


def test_disturbed_streams_reach_every_state():
    """Guard the generator: a stream that never gaps would prove nothing."""
    seen = set()
    for seed in range(40):
        rng = random.Random(seed)
        naive = NaiveBook()
        for kind, event in disturbed(rng, stream(rng, 250)):
            if kind == "delta":
                event = Delta(event.first, event.last, event.prev, event.bids, event.asks)
            seen.add(naive.delta(event) if kind == "delta" else naive.snapshot(*event))
            seen.add(naive.state)
    assert seen >= {"BUFFERING", "SYNCED", "GAPPED", "CROSSED"}
    assert seen >= {"OK", "BUFFERED", "DROPPED", "GAP", "TOO_OLD"}
