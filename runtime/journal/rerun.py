"""A RUN again: its recorded inputs through the same compiled lane, its outputs compared.

Owns:    building the lane that a journal describes, the first difference and its cause.  The loop
         over steps and the comparison, byte for byte, are compiled (hotpath/lane/rerun.pyx).
Refuses: inputs that are not in the journal.  A RUN with a hole cannot be run further than the hole.

An output is any record from INTENT on: intents, verdicts, requests, orders, fills.  By default
recorded intents are fed to the gate; with strategies they must come out of those again.
"""

from __future__ import annotations

import json
import mmap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hotpath.journal.tail import SEGMENT_BYTES, Record
from hotpath.lane.rerun import DIFFERS, NEED, OWNER, UNTAKEN, RerunLane, Steps
from runtime._shm import lib
from runtime.journal import records
from runtime.journal.checkpoint import Checkpoint
from runtime.journal.recording import Damage, LaneRun, lanes
from runtime.journal.tailer import Hole
from runtime.lanes.spec import add_instrument, make_codec, make_strategies, set_funds
from runtime.pages.page import LANE_BYTES

RING_SEGMENTS = 3


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
    counted_after: int = 0  # record of a checkpoint: what came before is run and not counted

    @property
    def is_equal(self) -> bool:
        return self.difference is None and self.problem is None


class RerunError(Exception):
    """A journal cannot be run again."""


class Rerun:
    """One lane epoch: build the lane, feed it step by step, compare."""

    def __init__(self, run: LaneRun, strategy: str | None, counted_after: int = 0) -> None:
        """strategy: None feeds recorded intents; "" runs the lane's own again; else this one.

        counted_after: steps up to this record only make the lane what it was then.
        """
        self.run = run
        self.strategy = strategy
        self.outcome = Outcome(run.lane, run.epoch, counted_after=counted_after)
        self.lane: RerunLane | None = None
        self.steps = Steps()
        self.waiting: list[Any] = []  # strategies not yet bound
        self.instruments: dict[int, Any] = {}

    def go(self) -> Outcome:
        """Run to the end, the first difference, or what cannot be run."""
        done = self.outcome
        try:
            self.through()
        except RerunError as error:
            done.problem = str(error)
        if self.lane is not None:
            done.inputs = self.lane.inputs
            done.outputs = {
                records.KINDS.get(kind, f"kind {kind}"): count
                for kind, count in self.lane.same.items()
                if kind >= records.OUTPUTS_FROM
            }
        return done

    def through(self) -> None:
        """Give the lane every segment, and to the end the step that nothing follows."""
        for part in self.run.segments():
            if isinstance(part, Hole):
                raise RerunError(
                    f"records {part.first} to {part.first + part.records - 1} are missing"
                )
            if isinstance(part, Damage):
                raise RerunError(f"{part.path.name}: byte {part.offset} begins no record")
            self.steps.give(part.data, SEGMENT_BYTES, part.first_sequence)
            if not self.take():
                return
            part.end, part.next_sequence = self.steps.offset, self.steps.sequence
        if self.steps.finish():
            said = OWNER if self.lane is None else self.lane.take_last()
            if self.answer(said, is_last=True) and self.lane is not None:
                self.outcome.is_cut = self.lane.is_cut

    def take(self) -> bool:
        """Take the steps of a segment; False when there is no going on."""
        while self.lane is None:
            if not self.steps.next():
                return True
            if not self.answer(OWNER):
                return False
        while (said := self.lane.take(self.steps)) != NEED:
            if not self.answer(said):
                return False
        return True

    def answer(self, said: int, is_last: bool = False) -> bool:
        """Do what the loop over steps leaves to us; False when there is no going on."""
        if said == OWNER:
            self.own()
            assert self.lane is not None
            said = self.lane.compare(is_last)
        if said == UNTAKEN:
            record = self.input
            raise RerunError(
                f"record {record.sequence}: no step takes {records.name_of(record)}"
                f" (aux {record.aux})"
            )
        if said == DIFFERS:
            assert self.lane is not None
            self.outcome.difference = self.differ(*self.lane.difference())
        return said == NEED

    @property
    def input(self) -> Record:
        return self.steps.records()[self.steps.at]

    def own(self) -> None:
        """Take a step that builds the lane: itself, an instrument, a strategy."""
        record = self.input
        try:
            if record.kind == lib.HP_RECORD_LANE:
                self.build(record)
            elif self.lane is None:
                raise RerunError(
                    f"the journal begins with {records.name_of(record)}, not with the description"
                    " of its lane (record LANE): it was not recorded from the start"
                )
            elif record.kind == lib.HP_RECORD_INSTRUMENT:
                self.add_instrument(record)
            else:
                self.add_strategy(record)
        except RerunError as error:
            raise RerunError(f"record {record.sequence}: {error}") from error

    def build(self, record: Record) -> None:
        """Make the lane of the journal's own description."""
        head = self.run.head
        text = record.payload.decode()
        spec = json.loads(text)
        first = self.steps.records()[0]
        if first.kind != lib.HP_RECORD_CLOCK:
            raise RerunError("no CLOCK opens the journal")
        clock = records.fields(first)
        codec = make_codec(spec)
        size = lib.HP_JOURNAL_HEAD_BYTES + RING_SEGMENTS * head.segment_bytes
        self.ring = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.ring.madvise(mmap.MADV_HUGEPAGE)  # each page is touched for the first time in the loop
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
        self.lane.counted_after = self.outcome.counted_after
        self.lane.begin(self.steps)
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

    def differ(self, theirs: Record | None, mine: Record | None) -> Difference:
        there = theirs or mine
        assert there is not None
        out = Difference(self.run.lane, self.run.epoch, there.sequence, theirs, mine, self.input)
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


def rerun(
    directory: Path, strategy: str | None = None, base: Checkpoint | None = None
) -> list[Outcome]:
    """Run every lane epoch of a RUN again.

    strategy: None feeds recorded intents; "" runs the lane's own again; else this one.
    base: from this checkpoint on.  Lives that had ended are left out; those that went on are run
    from their beginning, because books and strategies' variables are in no checkpoint, and counted
    from the record that it ends with.
    """
    if base is None:
        return [Rerun(run, strategy).go() for run in lanes(directory)]
    held = {(one["lane"], one["epoch"]): int(one["sequence"]) for one in base.head["lanes"]}
    first = {lane: min(epoch for other, epoch in held if other == lane) for lane, _ in held}
    return [
        Rerun(run, strategy, held.get((run.lane, run.epoch), 0)).go()
        for run in lanes(directory)
        if run.epoch >= first.get(run.lane, 0)
    ]
