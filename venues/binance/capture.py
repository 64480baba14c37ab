"""What a capture says about itself, in the words that all markets of Binance use.

Owns:    the parts of a message that a dialect is asked for: its body, symbol, ids and numbers.
Refuses: kinship: which market a message is of, each market's own capture.py says; decoding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from venues.binance.reference import ReferenceDataError

NUMBERS = {
    "bookTicker": (("b", "B"), ("a", "A")),
    "aggTrade": (("p", "q"),),
    "trade": (("p", "q"),),
}

Message = dict[str, Any]


def body(message: Message) -> Message:
    """Return what a combined stream wraps, or the message itself."""
    data = message.get("data")
    return data if isinstance(data, dict) else message


def is_snapshot(message: Message) -> bool:
    return "lastUpdateId" in message and "bids" in message and "asks" in message


def kind(event: Message) -> str:
    """Return what a body is; spot's ticker alone does not say it."""
    named = event.get("e", "bookTicker" if "B" in event and "A" in event else "")
    return str(named)


def symbol(message: Message) -> str:
    """Return the message's symbol, "" if it names none."""
    name = message.get("symbol") if is_snapshot(message) else body(message).get("s")
    return name if isinstance(name, str) else ""


def ids(message: Message, before: str) -> tuple[int, int] | None:
    """Return two numbers of a depth event, None for anything else."""
    event = body(message)
    found = event.get(before), event.get("u")
    if event.get("e") != "depthUpdate" or not all(type(number) is int for number in found):
        return None
    return found[0], found[1]  # type: ignore[return-value]


def numbers(message: Message) -> Iterator[tuple[str, str]]:
    """Yield the (price, size) texts of a message."""
    event = body(message)
    for pair in NUMBERS.get(kind(event), ()):
        yield str(event.get(pair[0])), str(event.get(pair[1]))
    for key in ("bids", "asks") if is_snapshot(message) else ("b", "a"):
        side = event.get(key)
        for level in side if isinstance(side, list) else ():
            if isinstance(level, list) and len(level) == 2:
                yield str(level[0]), str(level[1])


def scales(
    body: Message, instrument: Callable[[Message], dict[str, int]]
) -> dict[str, tuple[int, int]]:
    """Return symbol -> (price decimals, size decimals) of an exchangeInfo; others are left out."""
    out = {}
    for entry in body.get("symbols", ()):
        try:
            found = instrument(entry)
        except (ReferenceDataError, KeyError, ValueError, TypeError):
            continue
        out[str(entry["symbol"])] = found["price_decimals"], found["size_decimals"]
    return out
