"""Captures made on the spot: a USD-M stream of a venue whose book is kept in dicts."""

from __future__ import annotations

import json
import random

from tests.book.streams import stream

SYMBOL = "BTCUSDT"


def price_text(ticks: int) -> str:
    """A tick is 0.1; the venue writes two decimals."""
    return f"{(60000 + ticks) // 10}.{(60000 + ticks) % 10}0"


def size_text(lots: int) -> str:
    return f"0.{lots:03d}"


def line(message: dict, n: int) -> bytes:
    text = json.dumps(message, separators=(",", ":"))
    return f"{1723161255030314667 + 50_000_000 * n} {text}".encode()


def wrapped(name: str, data: dict, n: int, symbol: str = SYMBOL) -> bytes:
    return line({"stream": f"{symbol.lower()}@{name}", "data": data}, n)


def sides(bids, asks) -> tuple[list, list]:
    return tuple([[price_text(t), size_text(s)] for t, s in side] for side in (bids, asks))


def depth(delta, n: int, symbol: str = SYMBOL) -> bytes:
    bids, asks = sides(delta.bids, delta.asks)
    ids = {"U": delta.first, "u": delta.last, "pu": delta.prev}
    data = {"e": "depthUpdate", "E": 10 + n, "T": 9 + n, "s": symbol, **ids, "b": bids, "a": asks}
    return wrapped("depth@0ms", data, n, symbol)


def snapshot(last: int, bids, asks, n: int) -> bytes:
    bids, asks = sides(bids, asks)
    return line({"lastUpdateId": last, "E": 10 + n, "T": 9 + n, "bids": bids, "asks": asks}, n)


def ticker(last: int, bid, ask, n: int) -> bytes:
    bids, asks = sides([bid], [ask])
    values = {"b": bids[0][0], "B": bids[0][1], "a": asks[0][0], "A": asks[0][1]}
    data = {"e": "bookTicker", "u": last, "s": SYMBOL, **values, "T": 9 + n, "E": 10 + n}
    return wrapped("bookTicker", data, n)


def trade(n: int, symbol: str = SYMBOL) -> bytes:
    price = {"p": price_text(100), "q": size_text(3), "X": "MARKET", "m": n % 2 == 0}
    return wrapped(
        "trade", {"e": "trade", "E": 10 + n, "T": 9 + n, "s": symbol, "t": n, **price}, n, symbol
    )


def aggregate(n: int) -> bytes:
    ends = {"f": 2 * n, "l": 2 * n + 1, "T": 9 + n, "m": True}
    price = {"p": price_text(100), "q": size_text(3)}
    return wrapped(
        "aggTrade", {"e": "aggTrade", "E": 10 + n, "a": n, "s": SYMBOL, **price, **ends}, n
    )


def mark(n: int) -> bytes:
    prices = {"p": "6010.15000000", "i": "6010.62659091", "P": "6010.25641265", "r": "-0.00038167"}
    data = {"e": "markPriceUpdate", "E": 10 + n, "s": SYMBOL, **prices, "T": 99 + n}
    return wrapped("markPrice@1s", data, n)


def of_events(events) -> list[bytes]:
    """Write events of tests.book.streams as lines."""
    return [
        depth(event, n) if kind == "delta" else snapshot(*event, n)
        for n, (kind, event) in enumerate(events)
    ]


def good(count: int = 200, seed: int = 1) -> list[bytes]:
    """A capture without a fault: every kind, one snapshot after some deltas, tickers that agree."""
    rng = random.Random(seed)
    bids, asks, lines = {}, {}, []
    for kind, event in stream(rng, count):
        if kind == "snapshot":
            continue
        event.bids = [(ticks, lots) for ticks, lots in event.bids if ticks <= 100]  # never crosses
        if len(lines) < 12:  # a book that is never empty
            event.bids.append((79, 1))
            event.asks.append((122, 1))
        for side, levels in ((bids, event.bids), (asks, event.asks)):
            for ticks, lots in levels:
                side.pop(ticks, None)
                if lots:
                    side[ticks] = lots
        n = len(lines)
        best = (max(bids), bids[max(bids)]), (min(asks), asks[min(asks)])
        if rng.random() < 0.3:
            lines.append(ticker(event.last, *best, n))  # runs ahead of its delta
        lines.append(depth(event, n + 1))
        if rng.random() < 0.1:
            lines.append(ticker(event.last, *best, n + 2))
        lines.append(rng.choice([trade, aggregate, mark])(n + 3))
        if n < 20 <= len(lines):
            sides = sorted(bids.items(), reverse=True), sorted(asks.items())
            lines.append(snapshot(event.last, *sides, n + 4))
    return lines
