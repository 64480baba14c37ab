"""What Python users have today, doing the same job: every field of every event, and the same book.

Two contenders: orjson with sortedcontainers (floats are not exact, so prices become int by text),
and orjson with Decimal and the order_book extension.  Both keep to the venue's sequence rule.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any


def fields(data: dict[str, Any], number: Callable[[str], Any]) -> tuple[Any, ...]:
    """Read every field that an event has, as numbers."""
    kind = data["e"]
    if kind == "bookTicker":
        return (
            data["u"],
            data["E"],
            data["T"],
            number(data["b"]),
            number(data["B"]),
            number(data["a"]),
            number(data["A"]),
        )
    if kind == "trade":
        return (data["t"], data["E"], data["T"], number(data["p"]), number(data["q"]), data["m"])
    return (data["U"], data["u"], data["pu"], data["E"], data["T"])


def to_int(places: int) -> Callable[[str], int]:
    """Return an exact text-to-integer conversion for one number of decimals."""

    def convert(text: str) -> int:
        whole, _, rest = text.partition(".")
        return int(whole + rest[:places].ljust(places, "0"))

    return convert


def with_sortedcontainers(
    frames: list[bytes], snapshot: bytes
) -> tuple[float, int, list[tuple[int, int]]]:
    """Return (seconds, deltas applied, the tops after each delta in tenths)."""
    import orjson
    from sortedcontainers import SortedDict

    price, size, loads = to_int(1), to_int(3), orjson.loads
    start = loads(snapshot)
    bids = SortedDict({price(p): size(q) for p, q in start["bids"]})
    asks = SortedDict({price(p): size(q) for p, q in start["asks"]})
    last, hooked, applied, tops = start["lastUpdateId"], False, 0, []
    began = time.perf_counter()
    for frame in frames:
        data = loads(frame)["data"]
        event = fields(data, price)
        if data["e"] != "depthUpdate":
            continue
        if (event[1] < last) if not hooked else (event[2] != last):
            continue
        last, hooked = event[1], True
        for book, levels in ((bids, data["b"]), (asks, data["a"])):
            for p, q in levels:
                key, lots = price(p), size(q)
                if lots:
                    book[key] = lots
                else:
                    book.pop(key, None)
        applied += 1
        tops.append((bids.peekitem(-1)[0], asks.peekitem(0)[0]))
    return time.perf_counter() - began, applied, tops


def with_order_book(
    frames: list[bytes], snapshot: bytes, asks_tops: bool = True
) -> tuple[float, int, list[tuple[int, int]]]:
    """The same with Decimal and the order_book extension.

    The extension sorts when a best level is asked for after a change.  Asked after each delta, as
    every other contender is, it pays for that each time; `asks_tops=False` spares it: it is then
    asked once, at the end, and does less than the others do.
    """
    import orjson
    from order_book import OrderBook

    loads = orjson.loads
    start = loads(snapshot)
    book = OrderBook()
    book.bids = {Decimal(p): Decimal(q) for p, q in start["bids"]}
    book.asks = {Decimal(p): Decimal(q) for p, q in start["asks"]}
    last, hooked, applied = start["lastUpdateId"], False, 0
    tops: list[tuple[int, int]] = []
    began = time.perf_counter()
    for frame in frames:
        data = loads(frame)["data"]
        event = fields(data, Decimal)
        if data["e"] != "depthUpdate":
            continue
        if (event[1] < last) if not hooked else (event[2] != last):
            continue
        last, hooked = event[1], True
        for side, levels in ((book.bids, data["b"]), (book.asks, data["a"])):
            for p, q in levels:
                key, amount = Decimal(p), Decimal(q)
                if amount:
                    side[key] = amount
                elif key in side:
                    del side[key]
        applied += 1
        if asks_tops:
            tops.append((int(book.bids.index(0)[0] * 10), int(book.asks.index(0)[0] * 10)))
    if not asks_tops:
        tops.append((int(book.bids.index(0)[0] * 10), int(book.asks.index(0)[0] * 10)))
    return time.perf_counter() - began, applied, tops
