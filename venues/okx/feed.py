"""Public channels of OKX v5: what to subscribe to, what a message says of a book's sequence.

Owns:    channels, the words of a subscription, the ids of a book's messages.
Refuses: opening sockets, decoding; private channels, channels that want a login.

Snapshots come over the socket, when a channel is subscribed to; there is one socket for all.
"""

from __future__ import annotations

import json
from typing import Any

REST = "https://www.okx.com"
STREAMS = "wss://ws.okx.com:8443/ws/v5/public"
TAILS = {
    "depth": "books",
    "book_ticker": "bbo-tbt",
    "agg_trade": "trades",
    "mark_price": "mark-price",
    "funding": "funding-rate",
}
IN_STREAM = True
PING = ("ping", 20.0)  # text, seconds; the venue closes a connection that is silent for 30


def sockets(base: str, symbols: list[str], kinds: tuple[str, ...]) -> list[str]:
    """Return the one address."""
    return [base]


def request(operation: str, symbols: list[str], kinds: tuple[str, ...]) -> str:
    channels = [TAILS[kind] for kind in kinds]
    args = [{"channel": c, "instId": symbol} for symbol in symbols for c in channels]
    return json.dumps({"op": operation, "args": args})


def subscriptions(symbols: list[str], kinds: tuple[str, ...], socket: int) -> list[str]:
    """Return what to send on the socket once it is open."""
    return [request("subscribe", symbols, kinds)]


def renewals(symbol: str) -> list[str]:
    """Return what to send for a new snapshot of one book; no other is disturbed."""
    return [request(word, [symbol], ("depth",)) for word in ("unsubscribe", "subscribe")]


def book_of(raw: str) -> tuple[str, str, dict[str, Any]] | None:
    if '"books"' not in raw[:64] or '"data"' not in raw:
        return None
    message = json.loads(raw)
    return message["arg"]["instId"], message.get("action", ""), message["data"][0]


def snapshot_of(raw: str) -> tuple[str, int] | None:
    """Return (symbol, id) of a book's snapshot, None for others."""
    found = book_of(raw)
    if found is None or found[1] != "snapshot":
        return None
    return found[0], found[2].get("seqId", 0)


def depth_of(raw: str) -> tuple[str, int, int, int] | None:
    """Return (symbol, first id, last id, previous id) of an update; ids are 0 where it has none."""
    found = book_of(raw)
    if found is None or found[1] != "update":
        return None
    last, previous = found[2].get("seqId", 0), found[2].get("prevSeqId", 0)
    return found[0], last, last, previous
