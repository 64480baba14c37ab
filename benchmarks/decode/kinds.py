"""Each kind of message by itself: decode + book, our shape scanner beside simdjson On-Demand.

Owns:    which frames are of a kind; kinds that the capture has not are made from the venue's table.
Refuses: compiling, judging.
"""

from __future__ import annotations

import statistics
from typing import Any

from hotpath.decode.json import Kind

NAMES = {b"@depth": "depth", b"@bookTicker": "book_ticker", b"@trade": "trade"}
MADE = {Kind.AGG_TRADE: "agg_trade", Kind.MARK_PRICE: "mark_price"}
COPIES = 4096
BYTES = 16 << 20  # that a figure is taken over, by as many passes as that needs


def by_kind(frames: list[bytes]) -> dict[str, list[bytes]]:
    """Return name -> frames: recorded ones, then constructed ones, copied."""
    from tests.venues.tables.binance_usdm import VENUE

    out: dict[str, list[bytes]] = {
        name: [frame for frame in frames if mark in frame[:48]] for mark, name in NAMES.items()
    }
    for sample in VENUE.samples:
        name = MADE.get(sample.event["kind"])
        if name and not sample.rest:
            out[f"{name} (made)"] = [sample.frame] * COPIES
    return out


def measure(
    frames: list[bytes], snapshot: bytes, codec: Any, contender: Any, rounds: int
) -> dict[str, dict[str, float]]:
    """Return of each kind: messages, mean bytes, nanoseconds of both, the median ratio."""
    from benchmarks.decode.contest import Frames

    out = {}
    for name, some in by_kind(frames).items():
        memory = Frames(some)
        if memory.checksum(codec.capsule) != memory.checksum(contender.capsule):
            raise RuntimeError(f"readers differ on {name}; no figures")
        passes = max(1, BYTES // memory.size)
        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(rounds):
            for values, face in ((ours, codec), (theirs, contender)):
                ns = memory.run_book(face.capsule, codec.capsule, 1, snapshot, passes)[0]
                values.append(ns / passes / memory.count)
        out[name] = {
            "messages": memory.count,
            "bytes": memory.size / memory.count,
            "shape": statistics.median(ours),
            "simdjson": statistics.median(theirs),
            "ratio": statistics.median(b / a for a, b in zip(ours, theirs, strict=True)),
        }
    return out
