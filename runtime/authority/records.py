"""Limits by name: records of hp_limit_t as plain dicts, and keys that people can write.

Owns:    {"dimension", "id", figures} <-> hp_limit_t, "account:0" <-> key, which figures are shared
         between lanes, which way a figure tightens.
Refuses: the meaning of a figure (hotpath/abi/limit.h says it), whose limits they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from runtime._shm import ffi, lib
from runtime.authority.leases import NONE
from runtime.pages import names

DIMENSIONS = {n: text for n, text in names.of("hp_dimension", "HP_DIMENSION_").items() if n}
NUMBERS = {text: n for n, text in DIMENSIONS.items()}
FIGURES = tuple(
    name
    for name, _ in ffi.typeof("hp_limit_t").fields
    if name not in ("dimension", "id") and not name.startswith("pad")
)
# figure of a lease -> figure of the record: what all lanes together may have is dealt out
SHARED = {
    "net": "net_notional_e8_max",
    "gross": "gross_notional_e8_max",
    "open": "open_orders_max",
}
DEALT = ("token_rate", "token_burst", "token_reserve")  # in equal parts, for good
assert lib.HP_LIMIT_NONE == NONE

Record = dict[str, int]  # figures by name


class Key(NamedTuple):
    """Which limit."""

    dimension: int  # enum hp_dimension
    id: int

    @property
    def text(self) -> str:
        return f"{DIMENSIONS[self.dimension]}:{self.id}"


def key_of(text: str) -> Key:
    """Read `account:0`; ValueError says what was wanted."""
    name, _, number = text.partition(":")
    if name not in NUMBERS or not number.isdecimal():
        raise ValueError(f"limit {text!r}: want DIMENSION:ID, of {', '.join(NUMBERS)}")
    return Key(NUMBERS[name], int(number))


def record(figures: Mapping[str, int]) -> Record:
    """Return a whole record: what is not said is no limit."""
    unknown = set(figures) - set(FIGURES)
    if unknown:
        raise ValueError(
            f"limit figures {', '.join(sorted(unknown))}: want of {', '.join(FIGURES)}"
        )
    opened = ffi.new("hp_limit_t *")
    lib.hp_limit_open(opened, lib.HP_DIMENSION_NONE, 0)
    out = {name: int(getattr(opened, name)) for name in FIGURES}
    for name, value in figures.items():
        if not -NONE <= int(value) <= NONE:
            raise ValueError(f"limit {name} is {value}; it does not fit 64 bits")
        out[name] = int(value)
    return out


def fill(to: Any, key: Key, figures: Record) -> None:
    """Write a record into an hp_limit_t."""
    lib.hp_limit_open(to, key.dimension, key.id)
    for name, value in figures.items():
        setattr(to, name, value)


def widens(name: str, before: int, after: int) -> bool:
    """Say whether a changed figure permits more than before."""
    if before == after:
        return False
    least, most = record({name: before}), record({name: after})
    one, other = ffi.new("hp_limit_t *"), ffi.new("hp_limit_t *")
    fill(one, Key(0, 0), least)
    fill(other, Key(0, 0), most)
    lib.hp_limit_tighten(one, other)
    return bool(getattr(one, name) != after)


NOTHING = {
    "order_notional_e8_max": 0,
    "net_notional_e8_max": 0,
    "gross_notional_e8_max": 0,
    "open_orders_max": 0,
}  # figures of a frozen limit: zero permits nothing
