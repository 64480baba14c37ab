"""The event stream: what lanes journal, for cold subscribers, decoded and filtered by kind.

Owns:    following every ring of a deployment (lanes that come later too), or reading a RUN; names
         and scales of instruments; wall-clock time of records; holes and lag.
Refuses: slowing a lane down: a subscriber that lags loses records and is told which.

    for event in subscribe("default", kinds={"fill", "order"}):
        print(event.kind, event.symbol, event.fields)

`Stream.read()` gives what there is now and never waits; `subscribe()` waits for ever.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hotpath.journal.tail import JournalDamaged, Record
from runtime._shm import ffi, lib
from runtime.journal import records
from runtime.journal.recording import Damage, lanes
from runtime.journal.tailer import Hole, Tailer, rings
from runtime.pages.page import Page, PageError
from runtime.show.verdicts import Scale

PAUSE_SECONDS = 0.02
LAG_SHARE = 8  # behind by more than this part of the ring: said
BYTES = {"frame", "report_frame", "request", "snapshot"}
# Shown when asked for.
QUIET = BYTES | {"carry", "clock", "opening", "quota", "sanity", "stream", "timer"}
KINDS = frozenset(name for name in records.BY_NAME if name != "end")
NOTES = {"hole", "lag", "damage"}  # told whatever kinds are wanted
USUAL = KINDS - QUIET


class EventsError(Exception):
    """There is nothing to follow, or a kind is unknown."""


@dataclass(frozen=True)
class Event:
    """One record with names; of kind hole, lag or damage: what a subscriber must know besides."""

    kind: str
    lane: int
    epoch: int
    sequence: int = 0
    real_ns: int = 0  # CLOCK_REALTIME of the turn, as far as it is known
    mono_ns: int = 0
    recv_ns: int = 0
    instrument: int = 0
    symbol: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    scale: Scale | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        out: dict[str, Any] = {"kind": self.kind, "lane": self.lane, "epoch": self.epoch}
        if self.sequence:
            out |= {
                "sequence": self.sequence,
                "real_ns": self.real_ns,
                "mono_ns": self.mono_ns,
                "recv_ns": self.recv_ns,
            }
        if self.symbol:
            out |= {"instrument": self.instrument, "symbol": self.symbol}
        return out | {"fields": self.fields}


def numbers(kinds: Collection[str] | None) -> frozenset[int] | None:
    """Return the numbers of kinds by name; EventsError names the unknown ones."""
    if kinds is None:
        return None
    kinds = set(kinds) - NOTES
    unknown = sorted(kinds - KINDS)
    if unknown:
        raise EventsError(f"no kind {', '.join(unknown)}; there are {', '.join(sorted(KINDS))}")
    return frozenset(records.BY_NAME[name] for name in kinds)


class Source:
    """What is known about one lane epoch while its records are read."""

    def __init__(self, lane: int, epoch: int, offset_ns: int) -> None:
        self.lane = lane
        self.epoch = epoch
        self.offset_ns = offset_ns  # REALTIME less MONOTONIC
        self.clock_ns = 0  # MONOTONIC of the newest pair of clocks
        self.scales: dict[int, Scale] = {}

    def learn(self, record: Record) -> None:
        """Take names and the clocks from records that say them."""
        if record.kind == lib.HP_RECORD_CLOCK:
            found = records.fields(record)
            self.offset_ns = found["real_ns"] - found["mono_ns"]
            self.clock_ns = found["mono_ns"]
        elif record.kind == lib.HP_RECORD_INSTRUMENT:
            found = records.fields(record)
            self.scales[found["id"]] = Scale(
                found["symbol"], found["price_decimals"], found["size_decimals"]
            )

    def event(self, record: Record) -> Event:
        found = records.fields(record)
        instrument = int(found.get("instrument") or 0)
        if not instrument and record.kind in records.OF_INSTRUMENT:
            instrument = record.aux
        scale = self.scales.get(instrument)
        return Event(
            records.name_of(record),
            self.lane,
            self.epoch,
            record.sequence,
            (record.mono_ns or self.clock_ns) + self.offset_ns,  # 0: before the first turn
            record.mono_ns,
            record.recv_ns,
            instrument,
            scale.symbol if scale else "",
            found,
            scale,
        )

    def note(self, kind: str, **fields: Any) -> Event:
        return Event(kind, self.lane, self.epoch, fields=fields)


NEEDED = frozenset((lib.HP_RECORD_CLOCK, lib.HP_RECORD_INSTRUMENT))


class Follower:
    """One ring."""

    def __init__(self, path: Path, from_end: bool) -> None:
        self.tailer = Tailer(Page.open_path(path, "hp_page_t"), from_end)
        tail = self.tailer.tail
        self.source = Source(
            tail.lane, tail.epoch, time.clock_gettime_ns(time.CLOCK_REALTIME) - time.monotonic_ns()
        )
        self.source.scales = page_scales(path.name.split(".")[1], tail.lane)
        self.said = 0
        self.is_over = False

    def read(self, kinds: Collection[int] | None) -> Iterator[Event]:
        """Give what is new, and what a lagging reader must know."""
        if self.is_over:
            return
        wanted = None if kinds is None else NEEDED | set(kinds)
        try:
            for record in self.tailer.read(wanted):
                while self.said < len(self.tailer.holes):
                    hole = self.tailer.holes[self.said]
                    self.said += 1
                    yield self.source.note("hole", first=hole.first, records=hole.records)
                self.source.learn(record)
                if kinds is None or record.kind in kinds:
                    yield self.source.event(record)
        except JournalDamaged as error:
            self.is_over = True
            yield self.source.note("damage", error=str(error))
            return
        behind, tail = self.tailer.behind_bytes, self.tailer.tail
        if behind * LAG_SHARE > tail.segment_bytes * tail.segment_count:
            yield self.source.note(
                "lag",
                behind_bytes=behind,
                percent=100 * behind // (tail.segment_bytes * tail.segment_count),
            )


class Stream:
    """Every ring of a deployment; rings of lanes that start later are taken up."""

    def __init__(
        self, deployment: str, kinds: Collection[str] | None = None, from_end: bool = False
    ) -> None:
        self.deployment = deployment
        self.kinds = numbers(kinds)
        self.followers: dict[int, Follower] = {}
        self.look(from_end)
        if not self.followers:
            raise EventsError(f"deployment {deployment!r} has no journal ring: it does not run")

    def look(self, from_end: bool = False) -> None:
        there = set()
        for path in rings(self.deployment):
            try:
                number = path.stat().st_ino
                there.add(number)
                if number not in self.followers:
                    self.followers[number] = Follower(path, from_end)
            except (FileNotFoundError, PageError, ValueError):
                continue  # just removed, or its lane has not opened it yet
        for number in set(self.followers) - there:
            follower = self.followers[number]
            if not follower.tailer.is_writer_alive and not follower.tailer.behind_bytes:
                follower.tailer.close()
                del self.followers[number]

    def read(self) -> Iterator[Event]:
        """Give what there is now; never wait."""
        self.look()
        for follower in list(self.followers.values()):
            yield from follower.read(self.kinds)

    def __iter__(self) -> Iterator[Event]:
        while self.followers:
            some = False
            for event in self.read():
                some = True
                yield event
            if not some:
                time.sleep(PAUSE_SECONDS)


def subscribe(
    deployment: str, kinds: Collection[str] | None = USUAL, from_oldest: bool = False
) -> Iterator[Event]:
    """Follow a deployment until its last ring is gone; kinds None = all."""
    return iter(Stream(deployment, kinds, from_end=not from_oldest))


def read_run(directory: Path, kinds: Collection[str] | None = USUAL) -> Iterator[Event]:
    """Give the events of a RUN, lane epoch after lane epoch."""
    wanted = numbers(kinds)
    for run in lanes(directory):
        head = run.head
        source = Source(run.lane, run.epoch, head.opened_real_ns - head.opened_mono_ns)
        for item in run.read(None if wanted is None else NEEDED | wanted):
            if isinstance(item, Hole):
                yield source.note("hole", first=item.first, records=item.records)
            elif isinstance(item, Damage):
                error = f"{item.path.name}: byte {item.offset}"
                yield source.note("damage", error=error, file=item.path.name, offset=item.offset)
            else:
                source.learn(item)
                if wanted is None or item.kind in wanted:
                    yield source.event(item)


def page_scales(deployment: str, lane: int) -> dict[int, Scale]:
    """Return names and scales from the lane's page: a ring may have lost the records of them."""
    try:
        page = Page.open(deployment, f"lane.{lane}", "hp_lane_page_t")
    except PageError:
        return {}
    out = {}
    for number in range(1, page.view.instrument_count + 1):
        top = page.view.tops[number]
        symbol = ffi.string(top.symbol).decode(errors="replace")
        if symbol:
            out[number] = Scale(symbol, top.price_decimals, top.size_decimals)
    page.close()
    return out
