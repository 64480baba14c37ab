"""One metric family, and short ways to describe those of a lane, an instrument or a process.

Owns:    what a family is: name, kind, help, labels, bound, and how it reads a snapshot.
Refuses: the families themselves (metrics.py), pages, HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from runtime.show.snapshot import (
    Clock,
    Histogram,
    Host,
    Instrument,
    Lane,
    Process,
    Sentinel,
    Snapshot,
)

Labels = tuple[str, ...]
Value = float | Histogram
Read = Callable[[Snapshot], Iterator[tuple[Labels, Value]]]


@dataclass(frozen=True)
class Family:
    name: str  # without corelane_ and _total
    kind: str  # counter | gauge | histogram
    help: str
    labels: Labels
    bound: str  # most series, in words
    read: Read

    @property
    def exported(self) -> str:
        return f"corelane_{self.name}" + ("_total" if self.kind == "counter" else "")


def numbered(table: dict[int, str]) -> str:
    """Say what the numbers of an enum mean, for a help text."""
    return ", ".join(f"{number} {name}" for number, name in table.items())


def lane(kind: str, name: str, text: str, read: Callable[[Lane], float]) -> Family:
    def all_lanes(found: Snapshot) -> Iterator[tuple[Labels, Value]]:
        return (((one.number,), read(one)) for one in found.lanes)

    return Family(name, kind, text, ("lane",), "lanes", all_lanes)


def count(name: str, field: str, text: str, unit: float = 1) -> Family:
    if unit == 1:
        return lane("counter", name, text, lambda one: one.counters[field])
    return lane("counter", name, text, lambda one: one.counters[field] / unit)


def flow(name: str, field: str, text: str) -> Family:
    return lane("counter", name, text, lambda one: one.flow[field])


def now(name: str, field: str, text: str) -> Family:
    return lane("gauge", name, text, lambda one: one.counters[field])


def table(
    kind: str, name: str, text: str, label: str, size: int, read: Callable[[Lane], dict[str, int]]
) -> Family:
    def all_lanes(found: Snapshot) -> Iterator[tuple[Labels, Value]]:
        return (
            ((one.number, key), value) for one in found.lanes for key, value in read(one).items()
        )

    return Family(name, kind, text, ("lane", label), f"lanes x {size}", all_lanes)


def instrument(
    kind: str, name: str, text: str, read: Callable[[Instrument], float | None]
) -> Family:
    def every(found: Snapshot) -> Iterator[tuple[Labels, Value]]:
        for one in found.instruments:
            value = read(one)
            if value is not None:
                yield (one.lane, one.symbol), value

    return Family(name, kind, text, ("lane", "symbol"), "lanes x instruments", every)


def process(kind: str, name: str, text: str, read: Callable[[Process], float | None]) -> Family:
    def every(found: Snapshot) -> Iterator[tuple[Labels, Value]]:
        for one in found.processes:
            value = read(one)
            if value is not None:
                yield (one.name,), value

    return Family(name, kind, text, ("process",), "processes", every)


def single(kind: str, name: str, text: str, read: Callable[[Snapshot], float | None]) -> Family:
    def one(found: Snapshot) -> Iterator[tuple[Labels, Value]]:
        value = read(found)
        if value is not None:
            yield (), value

    return Family(name, kind, text, (), "1", one)


def seconds(ns: int | None) -> float | None:
    return None if ns is None else ns / 1e9


def top(read: Callable[[Instrument], float], lots: str) -> Callable[[Instrument], float | None]:
    """Read a side of a top only where that side has lots: an absent price is absent, not 0."""
    return lambda one: read(one) if getattr(one, lots) else None


def clock(kind: str, name: str, text: str, read: Callable[[Clock], float | None]) -> Family:
    return single(kind, name, text, lambda found: read(found.clock) if found.clock else None)


def host(name: str, text: str, read: Callable[[Host], float | None]) -> Family:
    return single("gauge", name, text, lambda found: read(found.host) if found.host else None)


def sentinel(
    kind: str, name: str, text: str, read: Callable[[Sentinel], float | None]
) -> Family:
    """A figure of the sentinel; absent where there is none."""

    def one(found: Snapshot) -> Iterator[tuple[Labels, Value]]:
        value = None if found.sentinel is None else read(found.sentinel)
        if value is not None:
            yield (), value

    return Family(name, kind, text, (), "1", one)
