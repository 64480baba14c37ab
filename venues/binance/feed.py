"""Public streams of the family: how they are named, opened and asked for anew.

Owns:    streams, sockets and snapshot addresses by a market's words; the place of a depth event.
Refuses: which streams a market has and where (its own feed.py), opening sockets, decoding.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Stream:
    """One stream of one symbol."""

    symbol: str
    kind: str
    socket: int  # number of its socket in sockets()
    tail: str

    @property
    def name(self) -> str:
        return self.symbol.lower() + self.tail

    @property
    def renewal(self) -> list[str]:
        """Messages that, sent on its socket, ask for it anew and disturb no other."""
        return [
            json.dumps({"method": method, "params": [self.name], "id": number})
            for number, method in enumerate(("UNSUBSCRIBE", "SUBSCRIBE"), 1)
        ]


@dataclass
class Feed:
    """One market's public streams."""

    tails: dict[str, str]  # kind of event -> the tail of the stream's name
    routes: tuple[
        tuple[str, tuple[str, ...]], ...
    ]  # (path or "", kinds): one socket each, in order
    depth_path: str
    is_chained: bool  # depth events say the last id before theirs ("pu")

    def streams(self, symbols: list[str], kinds: Iterable[str] = ()) -> list[Stream]:
        """Return the streams of these symbols; sockets without a stream are left out."""
        wanted = set(kinds) or set(self.tails)
        held = [[kind for kind in route if kind in wanted] for _, route in self.routes]
        return [
            Stream(symbol, kind, socket, self.tails[kind])
            for socket, some in enumerate(some for some in held if some)
            for symbol in symbols
            for kind in some
        ]

    def sockets(self, base: str, symbols: list[str], kinds: Iterable[str] = ()) -> list[str]:
        """Return the addresses of the market sockets, by number."""
        wanted = set(kinds) or set(self.tails)
        found = self.streams(symbols, wanted)
        paths = [path for path, held in self.routes if wanted & set(held)]
        return [
            f"{'/'.join(part for part in (base, path, 'stream') if part)}?streams="
            + "/".join(stream.name for stream in found if stream.socket == number)
            for number, path in enumerate(paths)
        ]

    def snapshot_path(self, symbol: str, levels: int) -> str:
        """Return where a book snapshot stands, below the REST address."""
        return f"{self.depth_path}?symbol={symbol}&limit={levels}"

    def depth_of(self, raw: str) -> tuple[str, int, int, int] | None:
        """Return (symbol, first id, last id, previous id) of a depth event, None for others."""
        if '"depthUpdate"' not in raw[:160]:
            return None
        message = json.loads(raw)
        event = message.get("data", message)
        previous = event["pu"] if self.is_chained else event["U"] - 1
        return event["s"], event["U"], event["u"], previous


def snapshot_id(body: bytes) -> int:
    """Return the last update that a book snapshot holds."""
    return int(json.loads(body)["lastUpdateId"])


def subscriptions(symbols: list[str], kinds: tuple[str, ...], socket: int) -> list[str]:
    """Return what to send on a socket once it is open: nothing, its address says it all."""
    return []
