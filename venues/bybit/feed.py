"""Public topics of Bybit v5: what to subscribe to, what a message says of a book's sequence.

Owns:    topics, the words of a subscription, the ids of a book's messages.
Refuses: opening sockets, decoding; private topics.

Snapshots come over the socket, when a topic is subscribed to; there is one socket for all.
"""

from __future__ import annotations

import json
from typing import Any

REST = "https://api.bybit.com"
STREAMS = "wss://stream.bybit.com/v5/public/linear"
TAILS = {
    "depth": "orderbook.500",
    "book_ticker": "orderbook.1",
    "trade": "publicTrade",
    "mark_price": "tickers",
}
IN_STREAM = True
PING = ('{"op":"ping"}', 20.0)  # text, seconds
TOPICS_MAX = 10  # of one request on a spot connection


def sockets(base: str, symbols: list[str], kinds: tuple[str, ...]) -> list[str]:
    """Return the one address."""
    return [base]


def request(operation: str, topics: list[str]) -> str:
    return json.dumps({"op": operation, "args": topics})


def subscriptions(symbols: list[str], kinds: tuple[str, ...], socket: int) -> list[str]:
    """Return what to send on the socket once it is open."""
    topics = [f"{TAILS[kind]}.{symbol}" for symbol in symbols for kind in kinds]
    some = [topics[at : at + TOPICS_MAX] for at in range(0, len(topics), TOPICS_MAX)]
    return [request("subscribe", part) for part in some]


def renewals(symbol: str) -> list[str]:
    """Return what to send for a new snapshot of one book; no other is disturbed."""
    topic = f"{TAILS['depth']}.{symbol}"
    return [request(word, [topic]) for word in ("unsubscribe", "subscribe")]


def book_of(raw: str) -> tuple[str, dict[str, Any]] | None:
    if f'"{TAILS["depth"]}.' not in raw[:64]:
        return None
    message = json.loads(raw)
    return message["type"], message["data"]


def snapshot_of(raw: str) -> tuple[str, int] | None:
    """Return (symbol, id) of a book's snapshot, None for others; u = 1 is one, whatever it says."""
    found = book_of(raw)
    if found is None or (found[0] != "snapshot" and found[1]["u"] != 1):
        return None
    return found[1]["s"], found[1]["u"]


def depth_of(raw: str) -> tuple[str, int, int, int] | None:
    """Return (symbol, first id, last id, previous id) of an update, None for others."""
    found = book_of(raw)
    if found is None or found[0] != "delta":
        return None
    number = found[1]["u"]
    return found[1]["s"], number, number, number - 1
