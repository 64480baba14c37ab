"""Acceptance: frames of a book through codec and book, by the venue's sequence rule."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotpath.book.book import WHOLE, Book, State
from hotpath.decode.json import Kind, Status
from tests.book.naive import Delta, NaiveBook
from tests.venues.venue import Chain, Ids, Levels, Venue

STEPS = st.lists(
    st.sampled_from(
        ["follow"] * 6
        + ["drop", "repeat", "repeat the one before", "snapshot", "early snapshot", "any"]
    ),
    max_size=25,
)


class Pair:
    """The book and the naive one, fed the same; the book by way of bytes."""

    def __init__(self, venue: Venue) -> None:
        assert venue.chain is not None
        self.venue, self.chain, self.codec = venue, venue.chain, venue.open()
        self.book = Book(rule=self.chain.rule, window_log2=8, overflow_log2=8)
        self.naive: NaiveBook = self.chain.book()

    def decoded(self, frame: bytes, rest: bool) -> dict[str, Any]:
        """Return the event of a frame that must give one."""
        if rest:
            status, event = self.codec.decode_snapshot(self.venue.instrument, frame)
        else:
            status, event = self.codec.decode(frame)
        assert status == Status.EVENT, (status, frame)
        return event

    def delta(self, ids: Ids, bids: Levels, asks: Levels) -> None:
        event = self.decoded(self.chain.delta(ids, bids, asks), rest=False)
        assert event["kind"] == Kind.DEPTH
        got = event["first_id"], event["last_id"], event["prev_id"]
        self.book.delta(*got, event["bids"], event["asks"])
        self.naive.delta(Delta(*ids, bids, asks))
        self.compare()

    def snapshot(self, last: int, bids: Levels, asks: Levels) -> None:
        event = self.decoded(self.chain.snapshot(last, bids, asks), rest=self.chain.rest)
        assert event["kind"] == Kind.SNAPSHOT
        self.book.snapshot(event["last_id"], event["bids"], event["asks"], depth_limit=WHOLE)
        self.naive.snapshot(last, bids, asks)
        self.compare()

    def compare(self) -> None:
        assert State(self.book.state).name == self.naive.state
        assert self.book.levels(100) == self.naive.sides.levels(100)
        counts = self.book.counts
        assert {name: counts[name] for name in self.naive.counts} == self.naive.counts


def test_named_case_of_the_rule_ends_in_its_state(venue: Venue, case: str):
    pair = Pair(venue)
    steps, want = pair.chain.cases[case]
    for what, ids in steps:
        if what == "snapshot":
            pair.snapshot(ids, [(99, 1)], [(101, 1)])
        else:
            pair.delta(ids, [(98, 2)], [])
    assert State(pair.book.state).name == want


@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(steps=STEPS, seed=st.integers(0, 2**32))
def test_any_disturbance_leaves_the_book_as_the_naive_rule_says(
    venue: Venue, chain: Chain, steps, seed
):
    """Gaps, repeats, old events and snapshots of any age, event by event."""
    rng, pair, last = Random(seed), Pair(venue), 1000
    sent: list[tuple[Ids, Levels, Levels]] = []
    for step in steps:
        if step in ("snapshot", "early snapshot"):
            at = last if step == "snapshot" else last - rng.randint(1, 12)
            pair.snapshot(at, [(rng.randint(80, 99), 3)], [(rng.randint(101, 120), 3)])
            continue
        if step.startswith("repeat") and sent:
            pair.delta(*sent[-1 if step == "repeat" else -2 % len(sent)])
            continue
        ids = chain.follow(last, rng)
        if step == "any":
            ids = tuple(max(1, number + rng.randint(-3, 3)) for number in ids)  # type: ignore
            ids = (min(ids[0], ids[1]), ids[1], ids[2])
        bids = [(rng.randint(80, 100), rng.randint(0, 2)) for _ in range(rng.randint(0, 3))]
        asks = [(rng.randint(100, 120), rng.randint(0, 2)) for _ in range(rng.randint(0, 3))]
        last = max(last, ids[1])
        if step != "drop":
            sent.append((ids, bids, asks))
            pair.delta(ids, bids, asks)
