"""What a market frame of Binance means, said slowly in Python: json, Decimal, no cleverness.

Owns:    accept or refuse, and the event, by a family member's table of fields; which of several
         faults is named first is not judged.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hotpath.decode.json import Kind
from tests.venues.venue import MS

INT64_MAX = 2**63 - 1
DECIMAL = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?")
WHOLE = re.compile(r"0|[1-9][0-9]*")
DEPTH_MAX, OTHERS_MAX = 32, 64
MONEY = 8
OUTER = {"stream", "data", "result", "id", "error", "code", "lastUpdateId"}
# key -> (type, name in the event, required)
Fields = dict[str, tuple[str, str | None, bool]]


class Refused(Exception):
    pass


class Object(list[tuple[str, object]]):
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


@dataclass(frozen=True)
class Oracle:
    """The messages of one family member, and one instrument of it."""

    symbol: str
    instrument: int
    decimals: tuple[int, int]
    kinds: dict[str, Kind]  # by "e"
    streams: dict[str, Kind]  # by the word of a stream's name
    common: Fields
    fields: dict[Kind, Fields]
    zeros: dict[Kind, dict[str, int]] = field(default_factory=dict)
    nameless: Kind | None = None  # of a message that has no "e"

    def levels(self, value: object) -> list[tuple[int, int]]:
        want(type(value) is list)
        out = []
        for row in value:  # type: ignore[attr-defined]
            want(type(row) is list and len(row) == 2)
            out.append((decimal(row[0], self.decimals[0]), decimal(row[1], self.decimals[1])))
        return out

    def read(self, value: object, how: str) -> Any:
        if how == "whole":
            return whole(value)
        if how == "ms":
            want(whole(value) * MS <= INT64_MAX)
            return whole(value) * MS
        if how == "time":  # of milliseconds, or from 10^14 on of microseconds
            nanoseconds = whole(value) * (MS if whole(value) < 10**14 else 1000)
            want(nanoseconds <= INT64_MAX)
            return nanoseconds
        if how in ("bool", "flag"):
            want(type(value) is bool)
            return value
        if how == "text":
            want(type(value) is str)
            return None
        if how == "symbol":
            want(type(value) is str and value == self.symbol)
            return None
        if how == "levels":
            return self.levels(value)
        if how in ("rate", "money"):
            return decimal(value, MONEY, rate=how == "rate")
        return decimal(value, self.decimals[how == "size"])

    def event_of(self, pairs: object, outer: set[str]) -> dict[str, Any]:
        want(type(pairs) is Object)
        kind = self.kind_of(pairs)
        fields = {**self.common, **self.fields[kind]}
        values = checked(pairs, {"e", *fields, *outer})  # type: ignore[arg-type]
        event: dict[str, Any] = {"kind": kind, "instrument": self.instrument}
        event |= self.zeros.get(kind, {})
        for key, (how, name, required) in fields.items():
            want(key in values or not required)
            if key in values:
                got = self.read(values[key], how)
                if name:
                    event[name] = got
        return event

    def kind_of(self, pairs: Any) -> Kind:
        values = dict(pairs)
        if "e" not in values and self.nameless is not None:
            return self.nameless
        want(type(values.get("e")) is str and values["e"] in self.kinds)
        return self.kinds[values["e"]]

    def decode(self, frame: bytes) -> dict[str, Any] | None:
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
            if "data" not in top and "stream" not in top:
                event = self.event_of(tree, OUTER)
            else:
                want(type(top.get("stream")) is str)
                checked(tree, {"e", *OUTER})
                want("e" not in top)
                event = self.event_of(top.get("data"), set())
                name = top["stream"]
                head, at, rest = name.partition("@")
                if not name.startswith("!"):
                    want(at and head == self.symbol.lower())
                    head = "!" + rest.partition("@")[0]
                want(self.streams.get(head[1:]) == event["kind"])
            if "lastUpdateId" in top:
                whole(top["lastUpdateId"])
            return event
        except (Refused, ValueError, RecursionError):
            return None
