"""What a capture says about itself, in the words of Bybit: is it ours, which symbols, which scale.

Owns:    kinship of messages; their symbol, the numbers that set a scale, the levels of the book.
Refuses: decoding (codec.pyx), judging: these answers only choose how to begin.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from venues.bybit.codec import Codec

NAME = "bybit"
KINDS = ("orderbook", "publicTrade", "tickers", "kline", "liquidation", "allLiquidation")

Message = dict[str, Any]


def topic(message: Message) -> list[str]:
    """Return a topic's words: orderbook, 500, XRPUSDT."""
    return str(message.get("topic", "")).split(".")


def codec(messages: Iterable[Message] = ()) -> Codec:
    """Return a codec whose books follow the deepest orderbook topic of some messages."""
    words = [topic(message) for message in messages]
    depths = [int(w[1]) for w in words if w[0] == "orderbook" and len(w) == 3 and w[1].isdecimal()]
    return Codec(book=max(depths)) if depths else Codec()


def rows(message: Message) -> list[Message]:
    data = message.get("data")
    return [row for row in (data if isinstance(data, list) else [data]) if isinstance(row, dict)]


def is_snapshot(message: Message) -> bool:
    """Say whether this is a snapshot that names no symbol: here all of them do."""
    return False


def kinship(message: Message) -> int:
    """Say 1: only this venue sends such a message; 0: it says nothing."""
    return int(topic(message)[0] in KINDS and "data" in message)


def symbol(message: Message) -> str:
    """Return the message's symbol, "" if it names none."""
    return topic(message)[-1] if kinship(message) else ""


def chain(message: Message) -> tuple[int, int] | None:
    """Return (previous id, id) of a book's delta."""
    for row in rows(message)[:1]:
        if topic(message)[0] == "orderbook" and type(row.get("u")) is int:
            return row["u"] - 1, row["u"]
    return None


def numbers(message: Message) -> Iterator[tuple[str, str]]:
    """Yield the (price, size) texts of a message."""
    for row in rows(message):
        if "p" in row:
            yield str(row["p"]), str(row.get("v"))
        for key in ("b", "a"):
            side = row.get(key)
            for level in side if isinstance(side, list) else ():
                if isinstance(level, list) and len(level) == 2:
                    yield str(level[0]), str(level[1])
