"""What a capture says about itself, in the words of COIN-M: is it ours, how do its ids chain.

Owns:    kinship of messages, the chain of depth events.
Refuses: decoding (codec.pyx), judging: these answers only choose how to begin; the words that all
         markets use (../capture.py).

Its symbols are such as BTCUSD_PERP or BTCUSD_240927, which neither spot nor USD-M has; its
snapshots name them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from venues.binance import capture
from venues.binance.capture import Message, body, ids, is_snapshot, numbers, symbol
from venues.binance.coinm.codec import Codec
from venues.binance.coinm.reference import instrument

__all__ = ["NAME", "chain", "codec", "is_snapshot", "kinship", "numbers", "scales", "symbol"]

NAME = "binance_coinm"
SYMBOL = re.compile(r"[A-Z0-9]+USD_(PERP|\d{6})")
KEYS = {
    "depthUpdate": ("T", "s", "U", "u", "pu"),
    "bookTicker": ("E", "T", "s", "u"),
    "aggTrade": ("E", "T", "s", "f", "l"),
    "trade": ("E", "T", "s", "t"),
    "markPriceUpdate": ("E", "s", "P"),
}


def codec(messages: Iterable[Message] = ()) -> Codec:
    """Return a codec that knows no instrument yet."""
    return Codec()


def kinship(message: Message) -> int:
    """Say 1: only this venue sends such a message; -1: our word in another venue's mouth."""
    if is_snapshot(message):
        return 1 if SYMBOL.fullmatch(str(message.get("symbol"))) else -1
    event = body(message)
    keys = KEYS.get(str(event.get("e")))
    if keys is None:
        return 0
    ours = all(key in event for key in keys) and event.get("st", 2) == 2
    return 1 if ours and SYMBOL.fullmatch(str(event["s"])) else -1


def scales(body: Message) -> dict[str, tuple[int, int]]:
    """Return symbol -> (price decimals, size decimals) of an exchangeInfo."""
    return capture.scales(body, instrument)


def chain(message: Message) -> tuple[int, int] | None:
    """Return (previous last id, last id) of a depth event, None for anything else."""
    return ids(message, "pu")
