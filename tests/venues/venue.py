"""What a venue tells the acceptance matrix about itself: frames, the events wanted, its rule.

Owns:    the words of a table (Venue, Sample, Chain, Recording), the list of tables.
Refuses: judging: the properties are in test_accept_*.py and run through every table alike.

A new venue is one file in tests/venues/tables with a VENUE in it; nothing else is edited.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

from hotpath.decode.json import Kind, Status
from tests.book.naive import NaiveBook
from tests.venues import tables

MS = 1_000_000
Levels = list[tuple[int, int]]
Ids = tuple[int, int, int]  # first, last and previous id of an event, as the codec fills them
Event = dict[str, Any]
Oracle = Callable[[bytes], Event | None]  # the event of a frame, None where it gives none

# What a field is.  The properties know for each which values are of the wrong type, and which
# texts are no number of its kind.
TYPES = {
    "any",  # must be there; its value is not looked at
    "text",
    "kind",  # text that says what the message is
    "symbol",  # text that says whose it is
    "bool",
    "object",
    "whole",  # a bare number without sign, point or exponent
    "signed",  # the same, perhaps with a minus
    "text_whole",  # a whole number in quotes
    "price",  # decimals in quotes, on the instrument's scale
    "size",
    "money",  # decimals in quotes, 1e-8
    "bids",  # rows of price and size
    "asks",
}


@dataclass(frozen=True)
class Sample:
    """One message, and the event that it must give."""

    name: str
    frame: bytes
    event: Event  # as decode() shows it, without "instrument" and "fallback"
    fields: dict[str, str]  # path, data.b[0][0] say -> what it is; each of them is required
    scanned: bool = True  # the shape scanner reads it, the general reader is not asked
    also: tuple[bytes, ...] = ()  # other spellings that the scanner reads
    loose: tuple[bytes, ...] = ()  # other spellings that only the general reader reads
    rest: bool = False  # a REST body: decode_snapshot for an instrument that the asker knows

    def __post_init__(self) -> None:
        unknown = set(self.fields.values()) - TYPES
        assert not unknown, f"{self.name}: no such type of a field: {unknown}"


@dataclass(frozen=True)
class Chain:
    """The venue's sequence rule, said naively, and how to say a book event in its words."""

    rule: int  # enum hp_sequence_rule
    book: Callable[[], NaiveBook]  # with the rule as a person would write it
    delta: Callable[[Ids, Levels, Levels], bytes]
    snapshot: Callable[[int, Levels, Levels], bytes]
    follow: Callable[[int, Random], Ids]  # ids of a good successor of an id
    # by name: steps of ("delta", ids) or ("snapshot", id), and the state wanted behind the last
    cases: dict[str, tuple[list[tuple[str, Any]], str]]
    rest: bool = True  # snapshots are REST bodies; else they come in the stream


@dataclass(frozen=True)
class Recording:
    """A recording, where it lies, and what is in it."""

    path: str
    scales: dict[str, tuple[int, int]]  # symbol -> decimals
    kinds: dict[Kind, int]  # events wanted
    others: dict[Status, int] = field(default_factory=dict)  # messages that give none
    fallbacks: int = 0


@dataclass(frozen=True)
class Venue:
    """One codec's table."""

    name: str
    codec: Callable[[], Any]  # a codec that knows no instrument
    samples: tuple[Sample, ...]
    symbol: str
    decimals: tuple[int, int]  # of price and size, that the samples' events are on
    other_symbol: str = "ETHUSDT"  # one that the codec does not know
    instrument: int = 7
    chain: Chain | None = None
    recordings: tuple[Recording, ...] = ()
    controls: tuple[bytes, ...] = ()  # known, no event
    unknown_kinds: tuple[bytes, ...] = ()  # well-formed, not carried here
    row: tuple[str, str] = ("[0]", "[1]")  # where price and size stand in a row of a side
    values: tuple[bytes, ...] = ()  # further values for mutations, in the venue's own words
    # where a fault has another name than the matrix says: (property, path) -> status
    otherwise: dict[tuple[str, str], Status] = field(default_factory=dict)
    oracle: Oracle | None = None  # a slow reader, where somebody wrote one

    def open(self, symbol: str | None = None) -> Any:
        """Return a codec that knows the samples' instrument."""
        codec = self.codec()
        assert codec.put_instrument(symbol or self.symbol, self.instrument, *self.decimals)
        return codec

    def read(self, codec: Any, sample: Sample, frame: bytes) -> tuple[Status, Event | None]:
        """Return what both readers say about a frame in the place of a sample."""
        if sample.rest:
            answer: tuple[Status, Event | None] = codec.decode_snapshot(self.instrument, frame)
            return answer
        status, event = codec.decode(frame)
        if event is None:
            assert codec.decode_general(frame) == (status, None)
        else:
            assert codec.decode_general(frame) == (status, {**event, "fallback": False})
        return status, event

    def refusal(self, codec: Any, sample: Sample, frame: bytes) -> Status:
        """Return why a frame is refused, after seeing that the codec still works."""
        status, event = self.read(codec, sample, frame)
        assert event is None, event
        assert self.read(codec, sample, sample.frame)[0] == Status.EVENT
        return status

    def wanted(self, sample: Sample, *, fallback: bool = False) -> Event:
        return {"instrument": self.instrument, "fallback": fallback, **sample.event}

    def named(self, frame: bytes, symbol: str) -> bytes:
        """Return a frame that says another symbol, in capitals and in small letters."""
        frame = frame.replace(self.symbol.encode(), symbol.encode())
        return frame.replace(self.symbol.lower().encode(), symbol.lower().encode())

    def frames(self) -> list[bytes]:
        """Return every frame of a stream, in all its spellings."""
        some = [sample for sample in self.samples if not sample.rest]
        return [frame for s in some for frame in (s.frame, *s.also, *s.loose)]


@cache
def venues() -> tuple[Venue, ...]:
    """Return every venue that has a table."""
    found = sorted(module.name for module in pkgutil.iter_modules(tables.__path__))
    names = [f"{tables.__name__}.{name}" for name in found]
    names += os.environ.get("CORELANE_VENUE_TABLES", "").split()  # of a venue in the making
    return tuple(importlib.import_module(name).VENUE for name in names)
