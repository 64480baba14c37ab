"""A RUN again: its recorded inputs through the same compiled lane, its outputs compared.

Owns:    cutting a journal into steps, building the lane that it describes, comparing every record
         byte for byte, the first difference and its cause.
Refuses: inputs that are not in the journal.  A RUN with a hole cannot be run further than the hole.

An output is any record from INTENT on: intents, verdicts, requests, orders, fills.  By default
recorded intents are fed to the gate; with strategies they must come out of those again.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hotpath.journal.tail import Record, Tail
from hotpath.lane.rerun import RerunLane
from runtime import records
from runtime._shm import lib
from runtime.journal import Hole, records_of
from runtime.lane_spec import add_instrument, make_codec, make_strategies, set_funds
from runtime.pages import LANE_BYTES
from runtime.recording import Damage, LaneRun, lanes

RING_SEGMENTS = 3


@dataclass
class Step:
    """One input and what followed it; a CLOCK that opened a segment for it stands before."""

    records: list[Record]
    at: int  # of the input among the records

    @property
    def input(self) -> Record:
        return self.records[self.at]


@dataclass
class Difference:
    """The first record that did not come out again."""

    lane: int
    epoch: int
    sequence: int
    recorded: Record | None  # None: the re-run wrote one more
    rerun: Record | None  # None: the re-run wrote nothing
    cause: Record  # the input that was taken before it
    fields: list[tuple[str, Any, Any]] = field(default_factory=list)


@dataclass
class Outcome:
    """What came of one lane epoch."""

    lane: int
    epoch: int
    inputs: int = 0
    outputs: dict[str, int] = field(default_factory=dict)
    difference: Difference | None = None
    problem: str | None = None  # why it could not be run to its end
    is_cut: bool = False  # it ends inside a step: the lane was killed there

    @property
    def is_equal(self) -> bool:
        return self.difference is None and self.problem is None


class RerunError(Exception):
    """A journal cannot be run again."""


def steps(run: LaneRun) -> Iterator[Step | Hole | Damage]:
    """Cut a lane epoch into steps; the first hole or damage ends it."""
    open_step: list[Record] = []
    at = 0
    waiting: Record | None = None  # a segment's opening CLOCK: whose it is, the next record says
    for item in run.read():
        if not isinstance(item, Record):
            if open_step:
                yield Step(open_step, at)
            yield item
            return
        if item.kind == lib.HP_RECORD_CLOCK and item.aux == lib.HP_CLOCK_RECORD_OPENING:
            waiting = item
            continue
        if item.kind < records.OUTPUTS_FROM:
            if open_step:
                yield Step(open_step, at)
            open_step, at = ([waiting, item], 1) if waiting else ([item], 0)
        else:
            open_step += [waiting, item] if waiting else [item]
        waiting = None
    if open_step:
        yield Step(open_step, at)


class Rerun:
    """One lane epoch: build the lane, feed it step by step, compare."""

    def __init__(self, run: LaneRun, strategy: str | None) -> None:
        """strategy: None feeds recorded intents; "" runs the lane's own again; else this one."""
        self.run = run
        self.strategy = strategy
        self.outcome = Outcome(run.lane, run.epoch)
        self.lane: RerunLane | None = None
        self.waiting: list[Any] = []  # strategies not yet bound
        self.instruments: dict[int, Any] = {}
        self.added: set[int] = set()  # a further record of theirs is the venue's new word

    def go(self) -> Outcome:
        """Run to the end, the first difference, or what cannot be run."""
        done = self.outcome
        before: Step | None = None
        for item in steps(self.run):
            if isinstance(item, Hole):
                done.problem = (
                    f"records {item.first} to {item.first + item.records - 1} are missing"
                )
            elif isinstance(item, Damage):
                done.problem = f"{item.path.name}: byte {item.offset} begins no record"
            elif before is not None:
                self.take(before, is_last=False)
            if done.problem or done.difference:
                return done
            before = item if isinstance(item, Step) else None
        if before is not None:
            self.take(before, is_last=True)
        return done

    def take(self, step: Step, is_last: bool) -> None:
        """Feed one step and compare what it wrote."""
        self.outcome.inputs += 1
        try:
            self.feed(step)
        except RerunError as error:
            self.outcome.problem = f"record {step.input.sequence}: {error}"
            return
        assert self.lane is not None
        self.compare(step, self.written(), is_last)

    def feed(self, step: Step) -> None:
        record = step.input
        if record.kind == lib.HP_RECORD_LANE:
            self.build(step)
            return
        if self.lane is None:
            raise RerunError(
                f"the journal begins with {records.name_of(record)}, not with the description of"
                " its lane (record LANE): it was not recorded from the start"
            )
        lane = self.lane
        if record.kind == lib.HP_RECORD_INSTRUMENT and record.aux not in self.added:
            lane.begin(step.records)
            self.add_instrument(record)
        elif record.kind == lib.HP_RECORD_STRATEGY:
            lane.begin(step.records)
            self.add_strategy(record)
        elif not lane.input(record, step.records):
            raise RerunError(f"no step takes {records.name_of(record)} (aux {record.aux})")
        elif record.kind == lib.HP_RECORD_COMMAND and record.aux == lib.HP_COMMAND_START:
            lane.run_start()
        elif record.kind == lib.HP_RECORD_COMMAND and record.aux == lib.HP_COMMAND_END:
            lane.run_end()

    def build(self, step: Step) -> None:
        """Make the lane of the journal's own description."""
        head = self.run.head
        text = step.input.payload.decode()
        spec = json.loads(text)
        first = step.records[0]
        if first.kind != lib.HP_RECORD_CLOCK:
            raise RerunError("no CLOCK opens the journal")
        clock = records.fields(first)
        codec = make_codec(spec)
        self.ring = mmap.mmap(-1, lib.HP_JOURNAL_HEAD_BYTES + RING_SEGMENTS * head.segment_bytes)
        self.lane = RerunLane(
            codec,
            bytearray(LANE_BYTES),
            strategies=self.strategy is not None,
            lane=head.lane,
            epoch=head.epoch,
            journal=self.ring,
            segment_bytes=head.segment_bytes,
            segment_count=RING_SEGMENTS,
            clock=(clock["mono_ns"], clock["real_ns"]),
            role=spec.get("role", "fused"),
        )
        self.tail = Tail(self.ring)
        self.lane.begin(step.records)
        self.lane.describe(text)
        if self.lane.role == "order":
            self.lane.expect_strategies(len(spec["strategies"]))
        self.lane.set_durable(spec.get("durable", 0))
        set_funds(self.lane, spec)
        self.instruments = {item["id"]: item for item in spec["instruments"]}
        if self.strategy is not None:
            if self.strategy:
                spec["strategies"] = [self.strategy] * len(spec["strategies"])
            self.waiting = make_strategies(spec)

    def add_instrument(self, record: Record) -> None:
        assert self.lane is not None
        item = self.instruments.get(record.aux)
        if item is None:
            raise RerunError(f"instrument {record.aux} is not in the lane's description")
        add_instrument(self.lane, item)
        self.added.add(record.aux)

    def add_strategy(self, record: Record) -> None:
        assert self.lane is not None
        if self.strategy is None:
            self.lane.add_absent(record.payload)
        elif self.waiting and self.strategy:
            self.lane.add_instead(self.waiting.pop(0), record.payload)
        elif self.waiting:
            self.lane.add_strategy(self.waiting.pop(0))
        else:
            raise RerunError(f"strategy {record.aux} is not in the lane's description")

    def written(self) -> list[Record]:
        out: list[Record] = []
        while (chunk := self.tail.read()) is not None:
            out += records_of(chunk)
        return out

    def compare(self, step: Step, found: list[Record], is_last: bool) -> None:
        """Hold what was written against what was recorded, record by record."""
        wanted = step.records
        for n in range(max(len(wanted), len(found))):
            mine = found[n] if n < len(found) else None
            theirs = wanted[n] if n < len(wanted) else None
            if theirs is None and is_last:
                self.outcome.is_cut = True
                return
            if theirs is None or mine is None or not same(theirs, mine):
                self.outcome.difference = self.differ(step, theirs, mine)
                return
            if theirs.kind >= records.OUTPUTS_FROM:
                name = records.name_of(theirs)
                self.outcome.outputs[name] = self.outcome.outputs.get(name, 0) + 1

    def differ(self, step: Step, theirs: Record | None, mine: Record | None) -> Difference:
        there = theirs or mine
        assert there is not None
        out = Difference(self.run.lane, self.run.epoch, there.sequence, theirs, mine, step.input)
        if theirs is not None and mine is not None:
            one, other = described(theirs), described(mine)
            out.fields = [
                (name, one.get(name), other.get(name))
                for name in {**one, **other}
                if one.get(name) != other.get(name)
            ]
        return out


def described(record: Record) -> dict[str, Any]:
    """Return everything about a record that is compared, by name."""
    shown = record._replace(payload=records.output_bytes(record))
    return {
        "record": records.name_of(record),
        "aux": record.aux,
        "recv_ns": record.recv_ns,
        "mono_ns": record.mono_ns,
        **records.fields(shown),
    }


def same(one: Record, other: Record) -> bool:
    return one[:6] == other[:6] and (
        one.payload == other.payload or records.output_bytes(one) == records.output_bytes(other)
    )


def rerun(directory: Path, strategy: str | None = None) -> list[Outcome]:
    """Run every lane epoch of a RUN again.

    strategy: None feeds recorded intents; "" runs the lane's own again; else this one.
    """
    return [Rerun(run, strategy).go() for run in lanes(directory)]
