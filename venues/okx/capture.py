"""What a capture says about itself, in the words of OKX: is it ours, which symbols, which scale.

Owns:    kinship of messages; their symbol, the numbers that set a scale, the channel of the book.
Refuses: decoding (codec.pyx), judging: these answers only choose how to begin.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from venues.okx.codec import Codec

NAME = "okx"
BOOKS = ("books", "books-l2-tbt", "books50-l2-tbt", "books5")

Message = dict[str, Any]


def codec(messages: Iterable[Message] = ()) -> Codec:
    """Return a codec whose books follow the deepest book channel of some messages."""
    seen = {channel(message) for message in messages}
    return Codec(book=next((name for name in BOOKS if name in seen), BOOKS[0]))


def argument(message: Message) -> Message:
    arg = message.get("arg")
    return arg if isinstance(arg, dict) else {}


def channel(message: Message) -> str:
    return str(argument(message).get("channel", ""))


def rows(message: Message) -> list[Message]:
    data = message.get("data")
    return [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []


def is_snapshot(message: Message) -> bool:
    """Say whether this is a snapshot that names no symbol: here all of them do."""
    return False


def kinship(message: Message) -> int:
    """Say 1: only this venue sends such a message; -1: our word in another venue's mouth."""
    if "channel" not in argument(message):
        return 0
    return 1 if "data" in message or "event" in message else -1


def symbol(message: Message) -> str:
    """Return the message's symbol, "" if it carries no data of one."""
    name = argument(message).get("instId")
    return name if isinstance(name, str) and "data" in message else ""


def chain(message: Message) -> tuple[int, int] | None:
    """Return (previous id, id) of a book's update where the venue sends them."""
    ids = [(row.get("prevSeqId"), row.get("seqId")) for row in rows(message)[:1]]
    if channel(message) not in BOOKS or not ids or not all(type(n) is int for n in ids[0]):
        return None
    return ids[0]  # type: ignore[return-value]


def numbers(message: Message) -> Iterator[tuple[str, str]]:
    """Yield the (price, size) texts of a message."""
    for row in rows(message):
        if "px" in row:
            yield str(row["px"]), str(row.get("sz"))
        for key in ("asks", "bids"):
            side = row.get(key)
            for level in side if isinstance(side, list) else ():
                if isinstance(level, list) and len(level) >= 2:
                    yield str(level[0]), str(level[1])
