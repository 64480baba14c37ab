"""A capture replayed the plain way: json, exact numbers, the naive book.  One symbol."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from tests.book.naive import Delta, NaiveBook

Row = tuple[int, int, int | None, int | None, int | None, int | None]


@dataclass
class Outcome:
    book: NaiveBook = field(default_factory=NaiveBook)
    rows: list[Row] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    tickers: dict[int, tuple[int, ...]] = field(default_factory=dict)


def exact(text: str) -> int:
    """Return a decimal in units of 1e-18: exact for all that is tested, and quick to compare."""
    return int(Decimal(text).scaleb(18))


def levels(side: list[list[str]]) -> list[tuple[int, int]]:
    return [(exact(price), exact(size)) for price, size in side]


def replay(lines: Iterable[bytes]) -> Outcome:
    """Replay good lines, `<time> <message>`, numbered from 1; None stands for one to leave out."""
    out = Outcome()
    for number, line in enumerate(lines, 1):
        if line is None:
            continue
        message = json.loads(line.split(b" ", 1)[1])
        if "lastUpdateId" in message:
            out.events["snapshot"] += 1
            out.book.snapshot(
                message["lastUpdateId"], levels(message["bids"]), levels(message["asks"])
            )
            continue
        body = message.get("data", message)
        out.events[body["e"]] += 1
        if body["e"] == "depthUpdate":
            sides = levels(body["b"]), levels(body["a"])
            out.book.delta(Delta(body["U"], body["u"], body["pu"], *sides, tag=number))
        elif body["e"] == "bookTicker":
            out.tickers[body["u"]] = tuple(exact(body[key]) for key in "bBaA")
    for tag, last, bid, ask in out.book.tops:
        top = [value for side in (bid, ask) for value in (side[0] if side else (None, None))]
        out.rows.append((tag, last, *top))
    return out
