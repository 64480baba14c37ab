"""The state of a RUN again: the newest good checkpoint, and the journal behind it.

Owns:    which checkpoint is gone on from and why not a newer one, the tail behind it, what a torn
         or a damaged tail means, taking the next checkpoint in the same way.
Refuses: the lanes: it reads what is archived and touches nothing of theirs, so taking one stops no
         lane for any time.

A checkpoint is the state after one record of each lane, all of it under a signed head: what it was
made of is on disk before it is.  It is always made by recovering from the one before, so that each
one proves the way back.  Without any, or when none is good, the journal is read from its beginning.

    python -m runtime.journal.recovery --directory RUN --cause period [--keep 5]    one line of JSON
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hotpath.journal.tail import SEGMENT_BYTES, records, segment
from runtime._shm import lib
from runtime.journal import books_state, checkpoint, recording
from runtime.journal.books import LaneEpoch
from runtime.journal.chain import RETIRED, newest_head
from runtime.journal.checkpoint import Checkpoint, CheckpointBad, CheckpointBusy
from runtime.journal.key import ArchiveKey, ArchiveKeyError
from runtime.journal.ledger import Ledger, Reader
from runtime.journal.recording import LaneRun, Limit, RecordingError
from runtime.journal.records import struct
from runtime.session.evidence import Evidence, Reading
from runtime.supervise import state

KEEP = 5
DEADLINE_NS = 1_000_000_000  # of an order whose intent names none, as in evidence.read()
CLOCKS_DIFFER_NS = 1_000_000_000  # more than this: the host was booted in between
NICE = 5
WAIT_S, WAITS = 0.25, 12  # for the first signed head of a lane that has just begun
COULD_NOT = (CheckpointBusy, RecordingError, ArchiveKeyError, state.StateError, OSError)


class RecoveryStopped(Exception):
    """The journal is damaged where it cannot have been torn; the text says where and the remedy."""


@dataclass
class Recovered:
    """A state, and how it was come by."""

    reader: Reader
    base: Checkpoint | None = None  # None = from the journal's beginning
    refused: list[str] = field(default_factory=list)  # checkpoints that are not good, and why
    torn: list[str] = field(default_factory=list)  # ends that were left half written
    tail_records: int = 0  # of the ledger's kinds, read behind the checkpoint
    seconds: float = 0.0

    @property
    def ledger(self) -> Ledger:
        return self.reader.ledger

    def evidence(self, lane: int) -> tuple[LaneEpoch, Evidence] | None:
        """Return what the newest life of a lane that had opened knew."""
        for key in sorted(self.reader.readings, reverse=True):
            found = self.reader.readings[key].now
            if key[1] == lane and found is not None:
                return key, found
        return None


def newest(
    run: Path, until_ns: int | None, only: int | None
) -> tuple[Reader, Checkpoint | None, list[str]]:
    """Return what the newest good checkpoint holds (a new reader without one), and what was
    refused.

    until_ns: not one that is younger; only: that number and no other.
    """
    refused: list[str] = []
    for path in checkpoint.files(run):
        if only is not None and int(path.name[:8]) != only:
            continue
        try:
            found = checkpoint.look(run, path)
            if until_ns is not None and found.cut_ns > until_ns:
                continue
            layout = int(found.head["format"])
            return books_state.unpack(checkpoint.body(found), layout), found, refused
        except CheckpointBad as error:
            refused.append(f"{path.name}: {error}")
        except (ValueError, KeyError, TypeError) as error:
            refused.append(f"{path.name}: its body is signed and is none: {error!r}")
    return Reader(Ledger()), None, refused


def recover(
    run: Path,
    until_ns: int | None = None,
    limits: dict[LaneEpoch, Limit] | None = None,
    use: bool = True,
    only: int | None = None,
) -> Recovered:
    """Return the state of a RUN at its end, or at a time.  RecoveryStopped: the tail is damaged.

    use: False reads the journal from its beginning: the oracle.
    """
    began = time.monotonic()
    runs = recording.lanes(run)
    if use:
        reader, base, refused = newest(run, until_ns, only)
    else:
        reader, base, refused = Reader(Ledger()), None, []
    before = reader.ledger.records
    watch(reader, runs)
    tail = [one for one in runs if is_open(one, reader, base)]
    reader.read(tail, until_ns, limits)
    out = Recovered(reader, base, refused)
    torn = judge(run, reader, tail)
    out.torn = torn if limits is None else []
    settle(reader)
    out.tail_records = reader.ledger.records - before
    out.seconds = time.monotonic() - began
    return out


def is_open(run: LaneRun, reader: Reader, base: Checkpoint | None) -> bool:
    """Whether a lane epoch may hold records that are not in the state yet."""
    if base is None or (run.epoch, run.lane) not in reader.ledger.lanes:
        return True
    return any((one["epoch"], one["lane"]) == (run.epoch, run.lane) for one in base.head["lanes"])


def watch(reader: Reader, runs: list[LaneRun]) -> None:
    """Follow what lanes know in every life from the newest one followed on."""
    for run in runs:
        followed = [epoch for epoch, lane in reader.readings if lane == run.lane]
        if run.epoch > max(followed, default=-1):
            reader.readings[run.epoch, run.lane] = Reading(run.epoch, DEADLINE_NS)


def settle(reader: Reader) -> None:
    """Let go of what lives knew before the newest that had opened: a later one took it over."""
    opened: set[int] = set()
    for key in sorted(reader.readings, reverse=True):
        if key[1] in opened:
            del reader.readings[key]
        elif reader.readings[key].now is not None:
            opened.add(key[1])


def judge(run: Path, reader: Reader, tail: list[LaneRun]) -> list[str]:
    """Stop at damage; say what is torn."""
    if reader.damage:
        key, found = reader.damage[0]
        raise RecoveryStopped(
            f"{found.path.relative_to(run)}: byte {found.offset} begins no record, and good ones"
            f" follow or a signed head covers it (lane {key[1]} epoch {key[0]}, behind record"
            f" {reader.ledger.lanes[key].place.sequence}); run: corelane ledger verify {run},"
            f" then: corelane ledger repair {run}"
        )
    return [
        f"{torn.path.relative_to(run)}: {torn.size} torn bytes from byte {torn.offset} on"
        " are left out"
        for torn in (one.torn for one in tail)
        if torn is not None
    ]


# -- taking one ----------------------------------------------------------------------------------


class NotYet(Exception):
    """A lane has just begun and nothing of it is signed."""


def signed(
    runs: list[LaneRun], begun: list[LaneEpoch]
) -> tuple[dict[LaneEpoch, Limit], int | None]:
    """Return how far signed heads go in each lane epoch, and the time up to which no lane can say
    anything more (None = nobody is being written who could be behind another).

    A life whose end is not signed yet may still grow: its archiver is behind.  The lives that
    follow it are not read at all, since they come behind all of it.
    begun: lives of which nothing is archived yet, though it may be (recording.begun).
    """
    limits: dict[LaneEpoch, Limit] = {}
    newest = {run.lane: run.epoch for run in runs}
    written: list[int] = []
    growing: set[int] = set()  # lanes of which a former life is
    for run in runs:
        ahead = [one for one in begun if one[1] == run.lane and one < (run.epoch, run.lane)]
        if ahead and run.epoch == min(one.epoch for one in runs if one.lane == run.lane):
            raise NotYet(f"nothing of lane {run.lane} epoch {ahead[0][0]} is archived yet")
        if ahead:
            growing.add(run.lane)
        if run.lane in growing:
            limits[run.epoch, run.lane] = Limit(0, 0)
            continue
        head = newest_head(run.folder)
        is_newest = newest[run.lane] == run.epoch
        if "end" not in head:
            if is_newest:
                raise NotYet(f"nothing of lane {run.lane} epoch {run.epoch} is signed yet")
            limits[run.epoch, run.lane] = Limit(0, 0)
            growing.add(run.lane)
            continue
        limit = limits[run.epoch, run.lane] = Limit(int(head["segment"]), int(head["end"]))
        if not head.get("final"):
            growing.add(run.lane)
            written.append(last_ns(run, limit))
    return limits, min(written) if len(written) > 1 else None


def last_ns(run: LaneRun, limit: Limit) -> int:
    """Return the time (CLOCK_REALTIME) of the last record up to a limit, as the ledger counts."""
    path = next(one for one in run.paths if int(one.name[:8]) == limit.segment)
    data = memoryview(recording.load(path))[: limit.end]
    head = segment(data)
    if head is None:
        raise RecoveryStopped(f"{path.name} does not begin with a segment header")
    found = records(data, SEGMENT_BYTES, head.first_sequence)
    offset_ns = head.opened_real_ns - head.opened_mono_ns
    for clock in (one for one in reversed(found) if one.kind == lib.HP_RECORD_CLOCK):
        pair = struct("hp_journal_clock_t", clock.payload)
        offset_ns = int(pair.real_ns) - int(pair.mono_ns)
        break
    return int(found[-1].mono_ns + offset_ns) if found else int(head.opened_real_ns)


def take(run: Path, key: ArchiveKey, cause: str, keep: int = KEEP) -> tuple[Checkpoint, Recovered]:
    """Take a checkpoint of what is archived and signed now."""
    deployment = recording.manifest(run)["deployment"]
    with checkpoint.held(run):
        runs = recording.lanes(run)
        for _ in range(WAITS):
            try:
                limits, until_ns = signed(runs, recording.begun(run))
                break
            except NotYet as error:
                why = str(error)
                time.sleep(WAIT_S)
                runs = recording.lanes(run)
        else:
            raise CheckpointBusy(why)
        if not runs:
            raise RecordingError(f"{run} holds no journal yet")
        found = recover(run, until_ns, limits)
        reader = found.reader
        newest = {key[1]: key for key, one in reader.ledger.lanes.items() if one.last_ns}
        lanes = [
            checkpoint.place_of(run, one, reader.ledger.lanes[one].place)
            for one in sorted({*newest.values(), *reader.unread})
        ]
        cut_ns = until_ns or max(one.last_ns for one in reader.ledger.lanes.values())
        data = books_state.pack(reader)
        made = checkpoint.write(run, deployment, key, data, lanes, cause, cut_ns)
        checkpoint.prune(run, keep)
    return made, found


# -- using one -----------------------------------------------------------------------------------


def ledger_of(run: Path, until_ns: int | None = None) -> Recovered:
    """Return the ledger of a RUN, marks settled, from the newest good checkpoint on.

    Damage behind it is a problem of that ledger, as when it is read from the beginning.
    """
    try:
        out = recover(run, until_ns)
    except RecoveryStopped:
        reader = Reader(Ledger())
        reader.read(recording.lanes(run), until_ns)
        out = Recovered(reader)
    out.reader.finish()
    return out


def entries_of(run: Path, until_ns: int | None = None) -> Ledger:
    """Return the ledger with every entry that can still be told: from the beginning, or, when
    retention has removed that, from the oldest good checkpoint on."""
    if any(run.glob(f"lane-*/epoch-*/{RETIRED}")):
        for path in reversed(checkpoint.files(run)):
            try:
                found = recover(run, until_ns, only=int(path.name[:8]))
            except RecoveryStopped:
                continue
            if found.base is not None:
                return found.reader.finish()
    reader = Reader(Ledger())
    reader.read(recording.lanes(run), until_ns)
    return reader.finish()


def has_ended(run: LaneRun) -> bool:
    """Whether a life came to its own end; it was killed, or its host died, otherwise."""
    data = recording.load(run.paths[-1])
    found = records(data, SEGMENT_BYTES, kinds={lib.HP_RECORD_COMMAND})
    return any(one.aux == lib.HP_COMMAND_END for one in found)


def evidence_of(run: Path, lane: int) -> tuple[Evidence, Recovered] | None:
    """Return what a lane knew whose host died with its ring: for its successor.

    None when its last life ended by itself: it has cancelled what was working.  Times of orders are
    turned into those of the present boot.
    """
    found = recover(run)
    known = found.evidence(lane)
    if known is None:
        return None
    key, knew = known
    life = LaneRun(recording.epoch_folder(run, lane, key[0]))
    if has_ended(life):
        return None
    offset_ns = time.time_ns() - time.monotonic_ns()
    shift = found.ledger.lanes[key].offset_ns - offset_ns
    if abs(shift) > CLOCKS_DIFFER_NS:
        for order in knew.orders.values():
            for name in ("sent_ns", "deadline_ns", "expire_ns"):
                if (at := getattr(order, name)) > 0:
                    setattr(order, name, max(1, at + shift))
        knew.last_mono_ns = max(1, knew.last_mono_ns + shift)
    return knew, found


def as_line(made: Checkpoint, found: Recovered, seconds: float) -> dict[str, Any]:
    """Return what is said of a checkpoint that was taken."""
    return {
        "number": made.number,
        "cause": made.head["cause"],
        "bytes": made.size,
        "cut_ns": made.cut_ns,
        "taken_ns": made.head["taken_ns"],
        "base": found.base.number if found.base else None,
        "tail_records": found.tail_records,
        "refused": found.refused,
        "seconds": round(seconds, 3),
    }


def main(argv: list[str] | None = None) -> int:
    """Take one aside: whoever has something urgent to do on this core goes first."""
    parser = argparse.ArgumentParser(prog="runtime.journal.recovery")
    parser.add_argument("--directory", required=True, type=Path)
    parser.add_argument("--cause", default="command")
    parser.add_argument("--keep", type=int, default=KEEP)
    arguments = parser.parse_args(argv)
    began = time.monotonic()
    os.nice(NICE)
    try:
        deployment = recording.manifest(arguments.directory)["deployment"]
        key = ArchiveKey.load(state.state_dir(deployment))
        made, found = take(arguments.directory, key, arguments.cause, arguments.keep)
    except (RecoveryStopped, *COULD_NOT) as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 1 if isinstance(error, RecoveryStopped) else 2
    print(json.dumps(as_line(made, found, time.monotonic() - began)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

