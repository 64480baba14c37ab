"""Public streams of Binance USD-M: their names, their sockets, how to ask for one anew.

Owns:    the routed paths since 2026-04-23 and what belongs on which; a wrongly routed stream is
         acknowledged and stays silent.
Refuses: opening sockets, decoding, REST.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

# kind of event -> the tail of the stream's name
TAILS = {
    "depth": "@depth@0ms",
    "book_ticker": "@bookTicker",
    "agg_trade": "@aggTrade",
    "mark_price": "@markPrice@1s",
}
# one socket each, in this order
ROUTES = (("public", ("depth", "book_ticker")), ("market", ("agg_trade", "mark_price")))
REST = "https://fapi.binance.com"
STREAMS = "wss://fstream.binance.com"


@dataclass(frozen=True)
class Stream:
    """One stream of one symbol."""

    symbol: str
    kind: str
    socket: int  # number of its socket in sockets()

    @property
    def name(self) -> str:
        return self.symbol.lower() + TAILS[self.kind]

    @property
    def renewal(self) -> list[str]:
        """Messages that, sent on its socket, ask for it anew and disturb no other."""
        return [
            json.dumps({"method": method, "params": [self.name], "id": number})
            for number, method in enumerate(("UNSUBSCRIBE", "SUBSCRIBE"), 1)
        ]


def streams(symbols: list[str], kinds: tuple[str, ...] = tuple(TAILS)) -> list[Stream]:
    """Return the streams of these symbols; sockets without a stream are left out."""
    routes = [[k for k in held if k in kinds] for _, held in ROUTES]
    return [
        Stream(symbol, kind, socket)
        for socket, held in enumerate(held for held in routes if held)
        for symbol in symbols
        for kind in held
    ]


def sockets(base: str, symbols: list[str], kinds: tuple[str, ...] = tuple(TAILS)) -> list[str]:
    """Return the addresses of the market sockets, by number."""
    wanted = streams(symbols, kinds)
    paths = [path for path, held in ROUTES if any(kind in kinds for kind in held)]
    return [
        f"{base}/{path}/stream?streams={'/'.join(s.name for s in wanted if s.socket == number)}"
        for number, path in enumerate(paths)
    ]


def snapshot_path(symbol: str, levels: int) -> str:
    """Return where a book snapshot stands, below the REST address."""
    return f"/fapi/v1/depth?symbol={symbol}&limit={levels}"


def subscriptions(symbols: list[str], kinds: tuple[str, ...], socket: int) -> list[str]:
    """Return what to send on a socket once it is open: nothing, its address says it all."""
    return []


def depth_of(raw: str) -> tuple[str, int, int, int] | None:
    """Return (symbol, first id, last id, previous id) of a depth event, None for anything else."""
    if '"depthUpdate"' not in raw[:160]:
        return None
    message = json.loads(raw)
    event = message.get("data", message)
    return event["s"], event["U"], event["u"], event["pu"]


def snapshot_id(body: bytes) -> int:
    """Return the last update that a book snapshot holds."""
    return int(json.loads(body)["lastUpdateId"])
