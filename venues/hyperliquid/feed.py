"""Public channels of Hyperliquid: what to subscribe to, what a message says of a book.

Owns:    channels, the words of a subscription, the time of a book's message.
Refuses: opening sockets, decoding; a user's channels.

Each message of a book is the whole book: none hangs on another.
"""

from __future__ import annotations

import json

REST = "https://api.hyperliquid.xyz"
STREAMS = "wss://api.hyperliquid.xyz/ws"
TAILS = {
    "depth": "l2Book",
    "book_ticker": "bbo",
    "trade": "trades",
    "mark_price": "activeAssetCtx",
}
IN_STREAM = True
PING = ('{"method":"ping"}', 50.0)  # text, seconds; a silent connection is closed after 60


def sockets(base: str, symbols: list[str], kinds: tuple[str, ...]) -> list[str]:
    """Return the one address."""
    return [base]


def request(method: str, coin: str, kind: str) -> str:
    return json.dumps({"method": method, "subscription": {"type": TAILS[kind], "coin": coin}})


def subscriptions(symbols: list[str], kinds: tuple[str, ...], socket: int) -> list[str]:
    """Return what to send on the socket once it is open."""
    return [request("subscribe", symbol, kind) for symbol in symbols for kind in kinds]


def renewals(symbol: str) -> list[str]:
    """Return what to send for a new book of one coin."""
    return [request(word, symbol, "depth") for word in ("unsubscribe", "subscribe")]


def snapshot_of(raw: str) -> tuple[str, int] | None:
    """Return (symbol, time) of a book, None for others."""
    if '"l2Book"' not in raw[:64] or '"levels"' not in raw:
        return None
    data = json.loads(raw)["data"]
    return data["coin"], data["time"]


def depth_of(raw: str) -> tuple[str, int, int, int] | None:
    """Return None: there are no deltas."""
    return None
