"""What a capture says about itself, in the words of Hyperliquid: is it ours, coins, scales.

Owns:    kinship of messages; their coin, the numbers that set a scale.
Refuses: decoding (codec.pyx), judging: these answers only choose how to begin.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from venues.hyperliquid.codec import Codec

NAME = "hyperliquid"
CHANNELS = ("l2Book", "trades", "bbo", "activeAssetCtx")

Message = dict[str, Any]


def codec(messages: Iterable[Message] = ()) -> Codec:
    """Return a codec that knows no instrument yet."""
    return Codec()


def rows(message: Message) -> list[Message]:
    data = message.get("data")
    return [row for row in (data if isinstance(data, list) else [data]) if isinstance(row, dict)]


def is_snapshot(message: Message) -> bool:
    """Say whether this is a snapshot that names no symbol: here all of them do."""
    return False


def kinship(message: Message) -> int:
    """Say 1: only this venue sends such a message; 0: it says nothing."""
    ours = message.get("channel") in CHANNELS
    return int(ours and any("coin" in row for row in rows(message)))


def symbol(message: Message) -> str:
    """Return the message's coin, "" if it names none."""
    coins = [row.get("coin") for row in rows(message)[:1]]
    return coins[0] if kinship(message) and isinstance(coins[0], str) else ""


def chain(message: Message) -> tuple[int, int] | None:
    """Return nothing: there are no ids."""
    return None


def numbers(message: Message) -> Iterator[tuple[str, str]]:
    """Yield the (price, size) texts of a message."""
    for row in rows(message):
        levels = [row, *(row.get("bbo") or ())]
        for side in row.get("levels") or ():
            levels += side if isinstance(side, list) else ()
        for level in levels:
            if isinstance(level, dict) and "px" in level:
                yield str(level["px"]), str(level.get("sz"))
