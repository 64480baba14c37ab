"""What a market frame of USD-M means, said slowly in Python: json, Decimal, no cleverness.

Owns:    accept or refuse, and the event; which of several faults is named first is not judged.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from hotpath.decode.json import Kind
from tests.usdm.frames import INSTRUMENT, MS, PRICE_DECIMALS, SIZE_DECIMALS, SYMBOL

INT64_MAX = 2**63 - 1
DECIMAL = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?")
WHOLE = re.compile(r"0|[1-9][0-9]*")
DEPTH_MAX, OTHERS_MAX = 32, 64

STREAMS = {
    "depth": Kind.DEPTH,
    "bookTicker": Kind.BOOK_TICKER,
    "aggTrade": Kind.AGG_TRADE,
    "trade": Kind.TRADE,
    "markPrice": Kind.MARK_PRICE,
}
KINDS = {
    "depthUpdate": Kind.DEPTH,
    "bookTicker": Kind.BOOK_TICKER,
    "aggTrade": Kind.AGG_TRADE,
    "trade": Kind.TRADE,
    "markPriceUpdate": Kind.MARK_PRICE,
}
PRICE, SIZE, MONEY = PRICE_DECIMALS, SIZE_DECIMALS, 8
# key -> (type, name in the event, required)
COMMON = {"ps": ("text", None, False), "st": ("whole", None, False), "s": ("symbol", None, True)}
FIELDS: dict[Kind, dict[str, tuple[Any, str | None, bool]]] = {
    Kind.DEPTH: {
        "E": ("ms", "event_ns", True),
        "T": ("ms", "match_ns", True),
        "U": ("whole", "first_id", True),
        "u": ("whole", "last_id", True),
        "pu": ("whole", "prev_id", True),
        "b": ("levels", "bids", True),
        "a": ("levels", "asks", True),
    },
    Kind.BOOK_TICKER: {
        "E": ("ms", "event_ns", True),
        "T": ("ms", "match_ns", True),
        "u": ("whole", "last_id", True),
        "b": (PRICE, "bid_ticks", True),
        "B": (SIZE, "bid_lots", True),
        "a": (PRICE, "ask_ticks", True),
        "A": (SIZE, "ask_lots", True),
    },
    Kind.AGG_TRADE: {
        "E": ("ms", "event_ns", True),
        "T": ("ms", "match_ns", True),
        "a": ("whole", "trade_id", True),
        "p": (PRICE, "price_ticks", True),
        "q": (SIZE, "lots", True),
        "f": ("whole", "first_id", True),
        "l": ("whole", "last_id", True),
        "m": ("bool", "buyer_maker", True),
    },
    Kind.TRADE: {
        "E": ("ms", "event_ns", True),
        "T": ("ms", "match_ns", True),
        "t": ("whole", "trade_id", True),
        "p": (PRICE, "price_ticks", True),
        "q": (SIZE, "lots", True),
        "X": ("text", None, False),
        "m": ("bool", "buyer_maker", True),
    },
    Kind.MARK_PRICE: {
        "E": ("ms", "event_ns", True),
        "T": ("ms", "next_funding_ns", True),
        "p": (MONEY, "mark_e8", True),
        "i": (MONEY, "index_e8", True),
        "P": (MONEY, "settle_e8", True),
        "r": ("rate", "funding_e8", True),
    },
}
ZEROS = {Kind.TRADE: {"first_id": 0, "last_id": 0}, Kind.MARK_PRICE: {"match_ns": 0}}


class Refused(Exception):
    pass


class Object(list):
    """Pairs of one object, in order, duplicates kept."""


class Number(str):
    """Text of a JSON number."""


def want(condition: object) -> None:
    if not condition:
        raise Refused


def decimal(value: object, decimals: int, *, rate: bool = False) -> int:
    want(type(value) is str)
    text = str(value)
    if rate and text == "":
        return 0
    minus = rate and text.startswith("-")
    text = text[minus:]
    want(DECIMAL.fullmatch(text) and text.isascii())
    scaled = Decimal(text).scaleb(decimals)
    want(scaled == scaled.to_integral_value() and scaled <= INT64_MAX)
    return -int(scaled) if minus else int(scaled)


def whole(value: object) -> int:
    want(type(value) is Number and WHOLE.fullmatch(value) and int(value) <= INT64_MAX)
    return int(str(value))


def levels(value: object) -> list[tuple[int, int]]:
    want(type(value) is list)
    out = []
    for row in value:
        want(type(row) is list and len(row) == 2)
        out.append((decimal(row[0], PRICE), decimal(row[1], SIZE)))
    return out


def read(value: object, how: object) -> Any:
    if how == "whole":
        return whole(value)
    if how == "ms":
        want(whole(value) * MS <= INT64_MAX)
        return whole(value) * MS
    if how == "bool":
        want(type(value) is bool)
        return value
    if how == "text":
        want(type(value) is str)
        return None
    if how == "symbol":
        want(type(value) is str and value == SYMBOL)
        return None
    if how == "levels":
        return levels(value)
    if how == "rate":
        return decimal(value, MONEY, rate=True)
    return decimal(value, how)


def depth_of(value: object) -> int:
    if type(value) is Object:
        return 1 + max((depth_of(item) for _, item in value), default=0)
    if type(value) is list:
        return 1 + max((depth_of(item) for item in value), default=0)
    return 0


def checked(pairs: Object, known: set[str]) -> dict[str, Any]:
    """Return an object as a dict; no key twice, unknown values shallow and not too many."""
    keys = [key for key, _ in pairs]
    want(len(keys) == len(set(keys)))
    others = [value for key, value in pairs if key not in known]
    want(len(others) <= OTHERS_MAX and all(depth_of(value) <= DEPTH_MAX for value in others))
    return dict(pairs)


def event_of(pairs: object, outer: set[str]) -> dict[str, Any]:
    want(type(pairs) is Object)
    kind_text = dict(pairs).get("e")
    want(type(kind_text) is str and kind_text in KINDS)
    kind = KINDS[kind_text]
    fields = {**COMMON, **FIELDS[kind]}
    values = checked(pairs, {"e", *fields, *outer})
    event: dict[str, Any] = {"kind": kind, "instrument": INSTRUMENT, **ZEROS.get(kind, {})}
    for key, (how, name, required) in fields.items():
        want(key in values or not required)
        if key in values:
            got = read(values[key], how)
            if name:
                event[name] = got
    return event


def no_constant(text: str) -> None:
    raise Refused


def half_surrogate(text: str) -> bool:
    return any(0xD800 <= ord(c) < 0xE000 for c in text)


def strings(value: object) -> list[str]:
    if type(value) is Object:
        return [s for key, item in value for s in [key, *strings(item)]]
    if type(value) is list:
        return [s for item in value for s in strings(item)]
    return [value] if type(value) is str else []


def decode(frame: bytes) -> dict[str, Any] | None:
    """Return the event, or None where the frame gives none."""
    try:
        tree = json.loads(
            frame.decode(),
            object_pairs_hook=Object,
            parse_int=Number,
            parse_float=Number,
            parse_constant=no_constant,
        )
        want(type(tree) is Object and not any(map(half_surrogate, strings(tree))))
        top = dict(tree)
        outer = {"stream", "data", "result", "id", "error", "code", "lastUpdateId"}
        if "data" not in top and "stream" not in top:
            event = event_of(tree, outer)
        else:
            want(type(top.get("stream")) is str)
            checked(tree, {"e", *outer})
            want("e" not in top)
            event = event_of(top.get("data"), set())
            name = top["stream"]
            head, at, rest = name.partition("@")
            if not name.startswith("!"):
                want(at and head == SYMBOL.lower())
                head = "!" + rest.partition("@")[0]
            want(STREAMS.get(head[1:]) == event["kind"])
        if "lastUpdateId" in top:
            whole(top["lastUpdateId"])
        return event
    except (Refused, ValueError, RecursionError):
        return None
