"""Lines of one feed: a whole stream, what each line makes of it, and the arbiter done plainly."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from hotpath.book.arbiter import LATE_NS_MAX
from tests.book.naive import Delta, NaiveSides

MS = 1_000_000


def feed(rng: random.Random, count: int) -> list[Delta]:
    """Return a stream whose events follow each other: prev == last of the one before."""
    out, last = [], 1000
    for _ in range(count):
        prev, first = last, last + rng.randint(1, 3)
        last = first + rng.randint(0, 4)
        bids, asks = (
            [(low + rng.randint(0, 20), rng.choice([0, 1, 2, 7])) for _ in range(rng.randint(0, 4))]
            for low in (80, 110)
        )
        out.append(Delta(first, last, prev, bids, asks))
    return out


def merged(one: Delta, two: Delta) -> Delta:
    """Cut two events as one: what the later says of a price counts."""
    sides = [
        list({**dict(a), **dict(b)}.items())
        for a, b in ((one.bids, two.bids), (one.asks, two.asks))
    ]
    return Delta(one.first, two.last, one.prev, *sides)


@dataclass(order=True)
class Arrival:
    recv_ns: int
    line: int
    delta: Delta = field(compare=False)


def arrivals(
    line: int, deltas: Iterable[tuple[int, Delta]], rng: random.Random, delay_ns: int
) -> list[Arrival]:
    """Bring (time, event) over one line: each a while later, in order."""
    out, before = [], 0
    for sent_ns, delta in deltas:
        before = max(before, sent_ns + rng.randint(0, delay_ns))
        out.append(Arrival(before, line, delta))
    return out


def lossy(
    rng: random.Random, deltas: list[Delta], lines: int, loss: float
) -> list[list[tuple[int, Delta]]]:
    """Give each event, 50 ms apart, to each line that does not lose it, and to one at least."""
    out: list[list[tuple[int, Delta]]] = [[] for _ in range(lines)]
    for n, delta in enumerate(deltas):
        having = [line for line in range(lines) if rng.random() >= loss]
        for line in having or [rng.randrange(lines)]:
            out[line].append(((n + 1) * 50 * MS, delta))
    return out


def whole_books(deltas: list[Delta], start: NaiveSides) -> Iterator[tuple[int, NaiveSides]]:
    """Yield (last id, the book) after every event that was not lost."""
    for delta in deltas:
        start.apply(delta.bids, delta.asks)
        yield delta.last, NaiveSides(dict(start.bids), dict(start.asks))


@dataclass
class NaiveArbiter:
    """While no line is bad: a set of what waits, and the end of what was handed on."""

    lines: int
    last: int | None = None
    holes: int = 0
    newest: dict[int, int] = field(default_factory=dict)
    waiting: list[Arrival] = field(default_factory=list)

    def take(self, came: Arrival) -> list[tuple[int, Delta]]:
        delta = came.delta
        if self.last is None or delta.prev <= self.last < delta.last:
            out = [self.hand_on(came)]
        else:
            out = []
            known = [(w.delta.prev, w.delta.last) for w in self.waiting]
            if delta.last > self.last and (delta.prev, delta.last) not in known:
                self.waiting.append(came)
        self.newest[came.line] = max(self.newest.get(came.line, 0), delta.last)
        return out + self.next(came.recv_ns)

    def hand_on(self, came: Arrival) -> tuple[int, Delta]:
        delta, before = came.delta, self.last
        self.last = delta.last
        if before is not None and delta.prev < before:
            delta = replace(delta, prev=before, first=max(delta.first, before + 1))
        return came.line, delta

    def next(self, now_ns: int) -> list[tuple[int, Delta]]:
        out = []
        while True:
            self.waiting = [w for w in self.waiting if w.delta.last > (self.last or 0)]
            if not self.waiting:
                return out
            first = min(self.waiting, key=lambda w: w.delta.prev)
            if first.delta.prev > (self.last or 0):
                passed = all(last > (self.last or 0) for last in self.newest.values())
                if not passed and now_ns < first.recv_ns + LATE_NS_MAX:
                    return out
                self.holes += 1
            self.waiting.remove(first)
            out.append(self.hand_on(first))
