"""What a capture says about itself, in the words of spot: is it ours, how do its ids chain.

Owns:    kinship of messages, the chain of depth events.
Refuses: decoding (codec.pyx), judging: these answers only choose how to begin; the words that all
         markets use (../capture.py).

Its tickers name no kind and no time, its depth has no "pu" and no "T", its trades end with "M",
its snapshots have no times.
"""

from __future__ import annotations

from collections.abc import Iterable

from venues.binance import capture
from venues.binance.capture import Message, body, ids, is_snapshot, kind, numbers, symbol
from venues.binance.spot.codec import Codec
from venues.binance.spot.reference import instrument

__all__ = ["NAME", "chain", "codec", "is_snapshot", "kinship", "numbers", "scales", "symbol"]

NAME = "binance_spot"
KEYS = {
    "depthUpdate": {"E", "s", "U", "u"},
    "bookTicker": {"u", "s", "b", "B", "a", "A"},
    "aggTrade": {"E", "s", "f", "l", "M"},
    "trade": {"E", "s", "t", "M"},
}
OTHERS = {"depthUpdate": {"T", "pu"}, "bookTicker": {"e", "E", "T"}}  # of futures


def codec(messages: Iterable[Message] = ()) -> Codec:
    """Return a codec that knows no instrument yet."""
    return Codec()


def kinship(message: Message) -> int:
    """Say 1: only this venue sends such a message; -1: our word in another venue's mouth."""
    if is_snapshot(message):
        return -1 if message.keys() & {"E", "T", "symbol"} else 1
    event = body(message)
    name = kind(event)
    if name not in KEYS:
        return 0
    ours = event.keys() >= KEYS[name] and not event.keys() & OTHERS.get(name, set())
    return 1 if ours else -1


def scales(body: Message) -> dict[str, tuple[int, int]]:
    """Return symbol -> (price decimals, size decimals) of an exchangeInfo."""
    return capture.scales(body, instrument)


def chain(message: Message) -> tuple[int, int] | None:
    """Return (previous last id, last id) of a depth event, None for anything else."""
    found = ids(message, "U")
    return found and (found[0] - 1, found[1])
