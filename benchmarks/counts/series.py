"""The messages that are counted: of each venue every kind, a book with its deltas, and records.

Owns:    which messages, in which order; made from the venues' own tables with a fixed seed, so that
         counting needs no recording.
Refuses: counting.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.venues.venue import Ids, Levels, Venue, venues

MESSAGES = 64  # of a kind
LEVELS = 10  # that a delta changes, a side
DEPTH = 50  # levels of a book, a side
SEED = 20240808
PAYLOADS = (64, 101, 150, 256)  # bytes of the journal's records


def book(rng: random.Random, mid: int, count: int, may_remove: bool) -> tuple[Levels, Levels]:
    """Return levels of both sides near a price, best first, each price once."""
    lots = [0, 1, 2, 7, 40, 1234, 99999] if may_remove else [1, 2, 7, 40, 1234, 99999]
    sides = []
    for sign in (-1, 1):
        ticks = sorted(rng.sample(range(1, 4 * count), count))
        sides.append([(mid + sign * at, rng.choice(lots)) for at in ticks])
    return sides[0], sides[1]


def chained(venue: Venue) -> Iterator[tuple[str, str, bytes]]:
    """Yield (kind, where from, message): snapshots, then deltas behind a first snapshot."""
    chain = venue.chain
    assert chain is not None
    rng, where = random.Random(SEED), "rest" if chain.rest else "stream"
    mid = 62_000 * 10 ** venue.decimals[0]
    for n in range(MESSAGES // 8):
        yield "book.snapshot", where, chain.snapshot(1000 + n, *book(rng, mid, DEPTH, False))
    last = 1000
    yield "book.delta", "first", chain.snapshot(last, *book(rng, mid, DEPTH, False))
    ids: Ids = (last, last + 1, last - 1)  # it hooks where the snapshot is a REST body
    for n in range(MESSAGES):
        if n or not chain.rest:
            ids = chain.follow(last, rng)
        mid += rng.randint(-3, 3)
        yield "book.delta", "stream", chain.delta(ids, *book(rng, mid, LEVELS, True))
        last = ids[1]


def lines() -> Iterator[bytes]:
    """Yield lines of a series file: `<venue> <kind> stream|rest|first <message>`."""
    for venue in venues():
        rows = [
            (sample.name.replace(" ", "_"), "rest" if sample.rest else "stream", sample.frame)
            for sample in venue.samples
            for _ in range(MESSAGES)
        ]
        if venue.chain is not None:
            rows += chained(venue)
        for kind, where, message in rows:
            yield f"{venue.name} {kind} {where} ".encode() + message
    for work in ("append", "scan"):
        for size in PAYLOADS:
            payload = bytes(65 + n % 26 for n in range(size))
            yield from [f"journal {work}.{size} stream ".encode() + payload] * MESSAGES
