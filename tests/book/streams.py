"""Streams of a venue that keeps its book in dicts, and what networks do to them."""

from __future__ import annotations

from tests.book.naive import Delta


def stream(rng, count, step=3):
    """Yield the events of a venue whose book is kept by dicts, and now and then its snapshot.

    An event's first id lies up to `step` behind the last one's end; 1 is a chain without holes.
    """
    bids, asks, last = {}, {}, 1000
    for _ in range(count):
        prev, first = last, last + rng.randint(1, step)
        last = first + rng.randint(0, 4)
        delta = ([], [])
        for side, levels, low in ((bids, delta[0], 80), (asks, delta[1], 101)):
            for _ in range(rng.randint(0, 3)):
                ticks, lots = low + rng.randint(0, 20), rng.choice([0, 1, 2])
                levels.append((ticks, lots))
                side.pop(ticks, None)
                if lots:
                    side[ticks] = lots
        if rng.random() < 0.03:
            delta[0].append((rng.randint(101, 110), rng.choice([0, 1])))  # crosses, at times
        yield "delta", Delta(first, last, prev, *delta)
        if rng.random() < 0.12:
            at = rng.randint(first, last)
            yield "snapshot", (at, sorted(bids.items(), reverse=True), sorted(asks.items()))


def disturbed(rng, events):
    """Drop, repeat, delay and reorder."""
    late = []
    for event in events:
        chance = rng.random()
        if chance < 0.03:
            continue
        if chance < 0.05:
            yield event
        if chance > 0.95 or (event[0] == "snapshot" and chance > 0.4):
            late.append(event)
            continue
        yield event
        while late and rng.random() < 0.5:
            yield late.pop(0)
