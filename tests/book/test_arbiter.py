"""Several lines made into one: nothing lost that one line had, nothing twice, bad ones out."""

import random
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hotpath.book.arbiter import (
    ERRORS_MAX,
    ISOLATION_NS,
    LATE_NS_MAX,
    PROBATION_EVENTS,
    SILENT_EVENTS,
    WINDOW,
    Arbiter,
    Copy,
    Kind,
    LineState,
)
from hotpath.book.book import WHOLE, Applied, Book, Rule
from tests.book.arbitration import (
    MS,
    Arrival,
    NaiveArbiter,
    arrivals,
    feed,
    lossy,
    merged,
    whole_books,
)
from tests.book.naive import Delta, NaiveSides

START = ([(90, 5), (85, 1)], [(115, 5), (120, 1)])


def take(arbiter, came):
    d = came.delta
    return arbiter.take(came.line, came.recv_ns, d.first, d.last, d.prev, d.bids, d.asks)


class Arbitrated:
    """A book behind an arbiter, compared after each event with the book of the whole stream."""

    def __init__(self, deltas, lines=2):
        self.arbiter = Arbiter(lines=lines)
        for line in range(lines):
            self.arbiter.open(line, 0)
        self.book = Book(window_log2=8, overflow_log2=8)
        start = NaiveSides(dict(START[0]), dict(START[1]))
        self.whole = dict(whole_books(deltas, start))
        self.book.snapshot(deltas[0].last, *START, depth_limit=WHOLE)
        self.handed = []
        self.wins = []

    def play(self, arrived):
        for came in sorted(arrived):
            self.hand_on(take(self.arbiter, came)[1])

    def hand_on(self, events):
        for _, line, first, last, prev, bids, asks in events:
            assert self.book.delta(first, last, prev, bids, asks) == Applied.OK
            naive = self.whole[last]
            assert self.book.levels(99) == naive.levels(99), last
            self.handed.append(last)
            self.wins.append(line)

    def states(self):
        return [self.arbiter.line(n)["state"] for n in range(2)]


@pytest.mark.parametrize("lines", [2, 3, 4])
@pytest.mark.parametrize("delay_ms", [0, 8, 40])
def test_lines_that_each_lose_a_fifth_give_the_whole_stream_event_by_event(lines, delay_ms):
    """Losses are independent, delays reorder lines among each other; the book never gaps."""
    rng = random.Random(1000 * lines + delay_ms)
    deltas = feed(rng, 1500)
    lossy_lines = lossy(rng, deltas, lines, 0.2)
    assert all(len(line) < 0.85 * len(deltas) for line in lossy_lines)
    run = Arbitrated(deltas, lines)
    run.play(a for n, line in enumerate(lossy_lines) for a in arrivals(n, line, rng, delay_ms * MS))
    assert run.handed == [delta.last for delta in deltas]
    assert (run.arbiter.counts["holes"], run.book.counts["gaps"]) == (0, 0)
    assert set(run.wins) == set(range(lines))
    about = [run.arbiter.line(n) for n in range(lines)]
    assert all(line["state"] == LineState.GOOD for line in about)
    assert all(0.15 < line["lost"] / len(deltas) < 0.25 for line in about)
    assert all(5000 < line["score_bps"] < 9000 for line in about)


@given(st.integers(0, 2**32), st.integers(2, 4))
@example(229, 3)  # the first event was on line 1 alone, joined to the second
@settings(max_examples=25)
def test_lines_that_are_cut_differently_make_the_same_book(seed, lines):
    """Line 1 sends two events as one, now and then: at each id the book is the whole one.

    Line 0 has the first event, which the snapshot hooks to: where the arbiter begins behind it,
    the book must ask for a newer snapshot (the next test).
    """
    rng = random.Random(seed)
    deltas = feed(rng, 200)
    sent = lossy(rng, deltas, lines, 0.1)
    if sent[0][0][1] != deltas[0]:
        sent[0].insert(0, (50 * MS, deltas[0]))
    joined, n = [], 0
    while n < len(sent[1]):
        (at, one), more = sent[1][n], sent[1][n + 1 : n + 2]
        if more and more[0][1].prev == one.last and rng.random() < 0.5:
            joined.append((more[0][0], merged(one, more[0][1])))
            n += 1
        else:
            joined.append((at, one))
        n += 1
    sent[1] = joined
    run = Arbitrated(deltas, lines)
    run.play(a for n, line in enumerate(sent) for a in arrivals(n, line, rng, 30 * MS))
    assert run.handed[-1] == deltas[-1].last
    assert run.handed == sorted(set(run.handed))
    assert run.arbiter.counts["conflicts"] == 0


def test_snapshot_older_than_what_the_arbiter_began_with_is_refused_and_a_newer_one_hooks():
    """Line 1 joins the first two events, so the second alone is there first: no guess is made."""
    deltas = feed(random.Random(16), 5)
    arbiter, book = Arbiter(), Book(window_log2=8, overflow_log2=8)
    book.snapshot(deltas[0].last, *START, depth_limit=WHOLE)
    whole = [Arrival((n + 2) * 50 * MS, 0, delta) for n, delta in enumerate(deltas[1:])]
    joined = Arrival(whole[0].recv_ns + MS, 1, merged(deltas[0], deltas[1]))
    answers = []
    for came in sorted([*whole, joined]):
        _, out = take(arbiter, came)
        answers += [book.delta(*event[2:]) for event in out]
    assert answers == [Applied.GAP] + [Applied.BUFFERED] * 3
    start = NaiveSides(dict(START[0]), dict(START[1]))
    books = dict(whole_books(deltas, start))
    at = books[deltas[2].last]
    book.snapshot(deltas[2].last, *at.levels(99), depth_limit=WHOLE)
    assert book.levels(99) == books[deltas[-1].last].levels(99)


@st.composite
def few_arrivals(draw):
    """Return up to 14 copies of a short stream, each line in order, within 99 ms."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    deltas = feed(rng, 8)
    came, now = [], 0
    at = [0, 0]
    for _ in range(draw(st.integers(1, 14))):
        line = rng.randrange(2)
        at[line] += rng.choice([1, 1, 1, 2, 3])
        now += rng.choice([0, 0, 1, 5, 30]) * MS
        if at[line] >= len(deltas) or now > 99 * MS:
            continue
        came.append(Arrival(now + 1, line, deltas[at[line]]))
    return came


@given(few_arrivals())
@settings(max_examples=300)
def test_arbiter_equals_the_naive_one_after_every_copy(came):
    arbiter, naive = Arbiter(lines=2), NaiveArbiter(2)
    for copy in came:
        want = [
            (Kind.DEPTH, line, d.first, d.last, d.prev, d.bids, d.asks)
            for line, d in naive.take(copy)
        ]
        assert take(arbiter, copy)[1] == want
        assert arbiter.counts["holes"] == naive.holes


def whole_lines(deltas, lines=2):
    return [[((n + 1) * 50 * MS, delta) for n, delta in enumerate(deltas)] for _ in range(lines)]


def test_hole_that_no_line_fills_is_handed_on_when_all_lines_are_past_it():
    deltas = feed(random.Random(1), 6)
    arbiter = Arbiter()
    for line in (0, 1):
        take(arbiter, Arrival(1, line, deltas[0]))
    assert take(arbiter, Arrival(2, 0, deltas[2])) == (Copy.HELD, [])
    copy, out = take(arbiter, Arrival(3, 1, deltas[3]))  # line 1 is past it too
    assert copy == Copy.HELD
    assert [event[3] for event in out] == [deltas[2].last, deltas[3].last]
    assert out[0][4] == deltas[2].prev  # as it was: the book sees the hole
    assert arbiter.counts["holes"] == 1


def test_hole_is_given_up_in_time_when_the_other_line_is_silent():
    deltas = feed(random.Random(2), 4)
    arbiter = Arbiter()
    for line in (0, 1):
        take(arbiter, Arrival(MS, line, deltas[0]))
    assert take(arbiter, Arrival(10 * MS, 0, deltas[2]))[1] == []
    assert arbiter.next(10 * MS + LATE_NS_MAX - 1) == []
    assert [event[3] for event in arbiter.next(10 * MS + LATE_NS_MAX)] == [deltas[2].last]


def test_late_copy_is_a_duplicate_and_tells_how_late_its_line_is():
    deltas = feed(random.Random(3), 200)
    arbiter = Arbiter()
    for n, delta in enumerate(deltas):
        assert take(arbiter, Arrival(n * 50 * MS + 1, 0, delta))[0] == Copy.USE
        assert take(arbiter, Arrival(n * 50 * MS + 3 * MS + 1, 1, delta))[0] == Copy.DUPLICATE
    late = arbiter.line(1)
    assert (late["duplicates"], late["late_ns"]) == (200, 200 * 3 * MS)
    assert abs(late["late_ns_mean"] - 3 * MS) < 1000
    assert arbiter.line(0)["score_bps"] > late["score_bps"] > 9000


def test_frozen_line_is_isolated_and_returns_after_probation():
    rng = random.Random(4)
    deltas = feed(rng, 400)
    one, two = whole_lines(deltas)
    back_at = 200
    run = Arbitrated(deltas)
    run.play(arrivals(0, one[:50], rng, 0) + arrivals(1, two[:50], rng, 0))
    run.play(arrivals(0, one[50 : 50 + SILENT_EVENTS + 1], rng, 0))
    assert run.states() == [LineState.GOOD, LineState.ISOLATED]
    run.play(arrivals(0, one[50 + SILENT_EVENTS + 1 : back_at], rng, 0))
    assert 50 * (back_at - 50) * MS > ISOLATION_NS
    half = back_at + PROBATION_EVENTS // 2
    run.play(arrivals(0, one[back_at:half], rng, 0) + arrivals(1, two[back_at:half], rng, 0))
    assert run.states() == [LineState.GOOD, LineState.PROBATION]
    run.play(arrivals(0, one[half:], rng, 0) + arrivals(1, two[half:], rng, 0))
    assert run.states() == [LineState.GOOD, LineState.GOOD]
    assert run.handed == [delta.last for delta in deltas]
    about = run.arbiter.line(1)
    assert (about["isolations"], about["returns"]) == (1, 1)


def test_line_that_returned_fills_the_other_ones_holes():
    rng = random.Random(5)
    deltas = feed(rng, 700)
    one, two = whole_lines(deltas)
    del two[50:200]
    one = one[:400] + [sent for sent in one[400:] if rng.random() > 0.2]
    run = Arbitrated(deltas)
    run.play(arrivals(0, one, rng, 5 * MS) + arrivals(1, two, rng, 5 * MS))
    assert run.handed == [delta.last for delta in deltas]


def test_line_whose_frames_cannot_be_read_is_isolated_and_the_book_goes_on():
    rng = random.Random(6)
    deltas = feed(rng, 300)
    one, _ = whole_lines(deltas)
    run = Arbitrated(deltas)
    for n, came in enumerate(arrivals(0, one, rng, 0)):
        run.play([came])
        run.arbiter.error(1, came.recv_ns)
        if n == ERRORS_MAX - 2:
            assert run.states()[1] == LineState.GOOD
    assert run.states() == [LineState.GOOD, LineState.ISOLATED]
    assert run.handed == [delta.last for delta in deltas]


def test_line_that_says_otherwise_than_two_others_is_isolated():
    """It even comes first, so its lies are used until it is found out: `conflicts` tells."""
    rng = random.Random(7)
    arbiter = Arbiter(lines=3)
    used = []
    for n, delta in enumerate(feed(rng, 100)):
        lie = replace(delta, bids=[*delta.bids, (1, 1)])
        for late, (line, copy) in enumerate([(2, lie), (0, delta), (1, delta)]):
            _, out = take(arbiter, Arrival((n * 50 + late) * MS + 1, line, copy))
            used += [event[1] for event in out]
    states = [arbiter.line(n)["state"] for n in range(3)]
    assert states == [LineState.GOOD, LineState.GOOD, LineState.PROBATION] or (
        states == [LineState.GOOD, LineState.GOOD, LineState.ISOLATED]
    )
    assert used.count(2) <= ERRORS_MAX
    assert arbiter.counts["conflicts"] > 0


def test_line_that_loses_more_than_half_is_isolated_after_its_window():
    rng = random.Random(8)
    deltas = feed(rng, 2 * WINDOW)
    one, two = whole_lines(deltas)
    run = Arbitrated(deltas)
    run.play(arrivals(0, one, rng, 0) + arrivals(1, [s for s in two if rng.random() < 0.3], rng, 0))
    assert run.states()[0] == LineState.GOOD
    assert run.arbiter.line(1)["isolations"] > 0
    assert run.handed == [delta.last for delta in deltas]


def test_line_that_is_always_too_late_is_isolated():
    deltas = feed(random.Random(9), WINDOW + 20)
    one, two = whole_lines(deltas)
    run = Arbitrated(deltas)
    late = [Arrival(at + 3 * LATE_NS_MAX, 1, delta) for at, delta in two]
    run.play([Arrival(at, 0, delta) for at, delta in one] + late)
    assert [run.arbiter.line(n)["isolations"] for n in (0, 1)] == [0, 1]


def test_last_line_alive_is_kept_however_bad():
    deltas = feed(random.Random(10), 60)
    arbiter = Arbiter()
    arbiter.close(1)
    for n, delta in enumerate(deltas):
        arbiter.error(0, n * 50 * MS + 1)
        assert take(arbiter, Arrival(n * 50 * MS + 2, 0, delta))[0] == Copy.USE
    assert arbiter.line(0)["state"] == LineState.GOOD


def test_isolated_line_is_used_when_the_good_one_falls_silent():
    rng = random.Random(11)
    deltas = feed(rng, 100)
    one, two = whole_lines(deltas)
    run = Arbitrated(deltas)
    for came in arrivals(0, one[:20], rng, 0):
        run.play([came])
        run.arbiter.error(1, came.recv_ns)
    assert run.states()[1] == LineState.ISOLATED
    run.play(arrivals(1, two[:20], rng, 0)[-3:])  # unused
    assert run.arbiter.line(1)["unused"] == 3
    copies = [take(run.arbiter, came) for came in arrivals(1, two[20:], rng, 0)]
    assert [copy for copy, _ in copies[:3]] == [Copy.UNUSED, Copy.UNUSED, Copy.HELD]
    assert copies[-1][0] == Copy.USE


def test_ids_that_start_again_are_followed_when_a_line_goes_on_from_them():
    old, new = feed(random.Random(12), 50), feed(random.Random(13), 50)
    old = [Delta(d.first + 10**9, d.last + 10**9, d.prev + 10**9, [], []) for d in old]
    arbiter = Arbiter()
    for n, delta in enumerate(old):
        for line in (0, 1):
            take(arbiter, Arrival(n * 50 * MS + line, line, delta))
    base = 5000 * MS
    used = []
    for n, delta in enumerate(new):
        for line in (0, 1):
            _, out = take(arbiter, Arrival(base + n * 50 * MS + line, line, delta))
            used += [event[3] for event in out]
    assert used == [delta.last for delta in new[2:]]  # the third one in a row convinces


def test_okx_restart_and_keep_alive_are_handed_on_once():
    arbiter = Arbiter(rule=Rule.OKX)
    steps = [(10, 20), (20, 20), (20, 3), (3, 5)]  # prevSeqId, seqId: event, keep-alive, restart
    used = []
    for n, (prev, last) in enumerate(steps):
        for line in (0, 1):
            _, out = arbiter.take(line, n * 50 * MS + line + 1, 0, last, prev)
            used += [(event[4], event[3]) for event in out]
    assert used == [(10, 20), (20, 20), (20, 20), (20, 3), (3, 5)]  # a keep-alive changes nothing


def test_snapshot_of_the_stream_heals_a_hole_whatever_its_id():
    arbiter = Arbiter(rule=Rule.BYBIT)
    for line in (0, 1):
        arbiter.take(line, 1, 0, 100, 0, [(1, 1)], [], Kind.SNAPSHOT)
    for line in (0, 1):
        arbiter.take(line, 2, 0, 103)
    assert arbiter.counts["holes"] == 1
    copy, out = arbiter.take(0, 3, 0, 102, 0, [(1, 1)], [], Kind.SNAPSHOT)
    assert (copy, out[0][3]) == (Copy.USE, 102)
    assert arbiter.take(0, 4, 0, 103)[0] == Copy.USE
    assert arbiter.take(1, 5, 0, 1, 0, [(2, 2)], [], Kind.SNAPSHOT)[0] == Copy.USE  # u = 1: restart
    assert arbiter.take(0, 6, 0, 104)[0] == Copy.DUPLICATE  # of before it
    assert arbiter.take(1, 7, 0, 2)[0] == Copy.USE


@pytest.mark.parametrize("kind", [Kind.TRADE, Kind.AGG_TRADE])
def test_trades_of_two_lossy_lines_come_once_each(kind):
    rng = random.Random(14)
    ids = rng.sample(range(1, 10**15), 3000)
    arbiter = Arbiter()
    used = []
    for n, number in enumerate(ids):
        lines = [line for line in (0, 1) if rng.random() > 0.2] or [0]
        for line in rng.sample(lines, len(lines)):
            if arbiter.take(line, n * MS + 1, kind=kind, trade_id=number)[0] == Copy.USE:
                used.append(number)
    assert used == ids


def test_newest_ticker_and_mark_are_used():
    arbiter = Arbiter()
    answers = [
        arbiter.take(n % 2, n + 1, 0, last, kind=Kind.BOOK_TICKER)[0]
        for n, last in enumerate([5, 5, 9, 7, 10])
    ]
    assert answers == [Copy.USE, Copy.DUPLICATE, Copy.USE, Copy.DUPLICATE, Copy.USE]
    answers = [
        arbiter.take(0, n + 9, kind=Kind.MARK_PRICE, event_ns=at)[0]
        for n, at in enumerate([3, 3, 4])
    ]
    assert answers == [Copy.USE, Copy.DUPLICATE, Copy.USE]


def test_line_that_was_closed_is_not_waited_for():
    deltas = feed(random.Random(15), 4)
    arbiter = Arbiter()
    for line in (0, 1):
        take(arbiter, Arrival(1, line, deltas[0]))
    assert arbiter.close(1) == 1
    assert [event[3] for event in take(arbiter, Arrival(2, 0, deltas[2]))[1]] == [deltas[2].last]


def test_unknown_line_is_refused():
    assert Arbiter(lines=2).take(2, 1, 0, 1)[0] == Copy.REFUSED
    with pytest.raises(ValueError, match="lines is 5"):
        Arbiter(lines=5)
