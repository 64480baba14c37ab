"""What a capture says about itself, in the words of the template: is it ours, whose is a message.

Owns:    kinship of messages; their symbol, the ids of a depth event, the numbers that set a scale.
Refuses: decoding (codec.pyx), judging: these answers only choose how to begin.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from venues._template.codec import Codec

NAME = "template"
KEYS = {"depth": {"symbol", "time", "first", "last"}, "trade": {"symbol", "time", "id", "maker"}}

Message = dict[str, Any]


def codec(messages: Iterable[Message] = ()) -> Codec:
    """Return a codec that knows no instrument yet; `messages` are the capture's first."""
    return Codec()


def is_snapshot(message: Message) -> bool:
    return {"last", "bids", "asks"} == message.keys()


def kinship(message: Message) -> int:
    """Say 1: only this venue sends such a message; -1: our word in another venue's mouth."""
    if is_snapshot(message):
        return 1
    keys = KEYS.get(str(message.get("channel")))
    if keys is None:
        return 0
    return 1 if message.keys() >= keys else -1


def symbol(message: Message) -> str:
    """Return the message's symbol, "" if it names none."""
    return str(message.get("symbol", ""))


def chain(message: Message) -> tuple[int, int] | None:
    """Return (previous last id, last id) of a depth event, None for anything else."""
    if message.get("channel") != "depth":
        return None
    return int(message["first"]) - 1, int(message["last"])


def numbers(message: Message) -> Iterator[tuple[str, str]]:
    """Yield the (price, size) texts of a message."""
    if "price" in message:
        yield str(message["price"]), str(message["size"])
    for key in ("bids", "asks"):
        for price, size in message.get(key, ()):
            yield str(price), str(size)
