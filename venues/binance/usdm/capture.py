"""What a capture says about itself, in the words of USD-M: is it ours, which symbols, which scale.

Owns:    kinship of messages; their symbol, the ids of a depth event, the numbers that set a scale.
Refuses: decoding (codec.pyx), judging: these answers only choose how to begin.

Spot has no "e" in its tickers, no "pu" in its depth and no times in its snapshots; COIN-M has
symbols such as BTCUSD_PERP, names them in its snapshots and says "st":2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from venues.binance.usdm.codec import Codec

NAME = "binance_usdm"
COIN_MARGINED = re.compile(r"[A-Z0-9]+USD_(PERP|\d{6})")
KEYS = {
    "depthUpdate": ("T", "s", "U", "u", "pu"),
    "bookTicker": ("E", "T", "s", "u"),
    "aggTrade": ("E", "T", "s", "f", "l"),
    "trade": ("E", "T", "s", "t"),
    "markPriceUpdate": ("E", "s", "i", "P"),
}
NUMBERS = {
    "bookTicker": (("b", "B"), ("a", "A")),
    "aggTrade": (("p", "q"),),
    "trade": (("p", "q"),),
}

Message = dict[str, Any]


def codec(messages: Iterable[Message] = ()) -> Codec:
    """Return a codec that knows no instrument yet."""
    return Codec()


def body(message: Message) -> Message:
    """Return what a combined stream wraps, or the message itself."""
    data = message.get("data")
    return data if isinstance(data, dict) else message


def is_snapshot(message: Message) -> bool:
    return "lastUpdateId" in message and "bids" in message and "asks" in message


def kinship(message: Message) -> int:
    """Say 1: only this venue sends such a message; -1: our word in another venue's mouth."""
    if is_snapshot(message):
        return 1 if "E" in message and "T" in message and "pair" not in message else -1
    event = body(message)
    keys = KEYS.get(str(event.get("e")))
    if keys is None:
        return 0
    ours = all(key in event for key in keys) and "M" not in event and event.get("st", 1) == 1
    return 1 if ours and not COIN_MARGINED.fullmatch(str(event["s"])) else -1


def symbol(message: Message) -> str:
    """Return the message's symbol, "" if it names none."""
    name = body(message).get("s")
    return name if isinstance(name, str) else ""


def chain(message: Message) -> tuple[int, int] | None:
    """Return (previous last id, last id) of a depth event, None for anything else."""
    event = body(message)
    ids = event.get("pu"), event.get("u")
    if event.get("e") != "depthUpdate" or not all(type(number) is int for number in ids):
        return None
    return ids[0], ids[1]  # type: ignore[return-value]


def numbers(message: Message) -> Iterator[tuple[str, str]]:
    """Yield the (price, size) texts of a message."""
    event = body(message)
    for pair in NUMBERS.get(str(event.get("e")), ()):
        yield str(event.get(pair[0])), str(event.get(pair[1]))
    for key in ("bids", "asks") if is_snapshot(message) else ("b", "a"):
        side = event.get(key)
        for level in side if isinstance(side, list) else ():
            if isinstance(level, list) and len(level) == 2:
                yield str(level[0]), str(level[1])
