"""What `corelane replay RUN` prints: each lane epoch run again, and the first difference.

Owns:    the text and the JSON, exit codes (0 equal, 1 not, 2 could not run).
Refuses: running and comparing (runtime/journal/rerun.py).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from hotpath.journal.tail import Record
from runtime.journal import checkpoint
from runtime.journal.checkpoint import Checkpoint
from runtime.journal.recording import RecordingError
from runtime.journal.records import name_of
from runtime.journal.rerun import Difference, Outcome, described, rerun


def shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


def brief(record: Record) -> str:
    return f"record {record.sequence} {name_of(record)} aux {record.aux} at {record.mono_ns} ns"


def difference_rows(d: Difference) -> list[str]:
    """Say the first difference: what, field by field, and the input before it."""
    if d.rerun is None:
        assert d.recorded is not None
        rows = [f"  DIFFERS   {brief(d.recorded)} was recorded; the re-run wrote nothing"]
    elif d.recorded is None:
        rows = [f"  DIFFERS   {brief(d.rerun)} came out of the re-run only"]
    else:
        rows = [f"  DIFFERS   {brief(d.recorded)}"]
        rows += [
            f"    {name:<18} recorded {shown(one)}   re-run {shown(other)}"
            for name, one, other in d.fields[:20]
        ]
    rows.append(f"  after     {brief(d.cause)}")
    if d.cause.payload:
        rows.append(f"            {shown(d.cause.payload.decode(errors='replace'))}")
    return rows


def rows(outcome: Outcome) -> list[str]:
    outputs = "  ".join(f"{name} {count:,}" for name, count in outcome.outputs.items())
    verdict = "EQUAL" if outcome.is_equal else "DIFFERS" if outcome.difference else "STOPPED"
    out = [
        f"  {verdict:<9} lane {outcome.lane}  epoch {outcome.epoch}  inputs {outcome.inputs:,}",
        f"            {outputs or 'no outputs'}",
    ]
    if outcome.counted_after:
        text = (
            f"the lane was made again from where its life began up to record"
            f" {outcome.counted_after:,}; counted from there"
        )
        out.append(f"            {text}")
    if outcome.is_cut:
        out.append("            ends inside a step: the lane was killed there")
    if outcome.problem is not None:
        out.append(f"            cannot go on: {outcome.problem}")
    if outcome.difference is not None:
        out += difference_rows(outcome.difference)
    return out


def as_json(outcome: Outcome) -> dict[str, Any]:
    out: dict[str, Any] = {
        "lane": outcome.lane,
        "epoch": outcome.epoch,
        "inputs": outcome.inputs,
        "outputs": outcome.outputs,
        "equal": outcome.is_equal,
        "cut": outcome.is_cut,
        "counted_after": outcome.counted_after,
        "problem": outcome.problem,
        "difference": None,
    }
    d = outcome.difference
    if d is not None:
        out["difference"] = {
            "sequence": d.sequence,
            "recorded": described(d.recorded) if d.recorded else None,
            "rerun": described(d.rerun) if d.rerun else None,
            "fields": [
                {"field": name, "recorded": one, "rerun": other} for name, one, other in d.fields
            ],
            "cause": {"sequence": d.cause.sequence, **described(d.cause)},
        }
    return out


def base_of(directory: Path, number: int | None) -> Checkpoint | None:
    """Return the checkpoint that is asked for: None = none, 0 = the newest good one."""
    if number is None:
        return None
    refused = []
    for one in checkpoint.good(directory):
        if isinstance(one, Checkpoint):
            if number in (0, one.number):
                return one
        else:
            refused.append(f"{one[0].name}: {one[1]}")
    what = f"checkpoint {number} is not there, or not good" if number else "no good checkpoint"
    raise RecordingError("; ".join([what, *refused, f"run: corelane checkpoint list {directory}"]))


def run(directory: Path, strategy: str | None, is_json: bool, number: int | None = None) -> int:
    """Run a RUN again, from a checkpoint on when its number is given, and print what came of it."""
    try:
        base = base_of(directory, number)
        outcomes = rerun(directory, strategy, base)
    except (RecordingError, ValueError, ImportError, OSError) as error:
        print(f"corelane replay: {directory}: {error}", file=sys.stderr)
        return 2
    good = bool(outcomes) and all(outcome.is_equal for outcome in outcomes)
    if is_json:
        found = {
            "run": str(directory),
            "equal": good,
            "checkpoint": base.number if base else None,
            "lanes": [as_json(outcome) for outcome in outcomes],
        }
        print(json.dumps(found, default=str))
        return 0 if good else 1
    how = "recorded intents fed" if strategy is None else "strategies run again"
    since = f" from checkpoint {base.number} on" if base else ""
    print(f"replay  {directory}  {len(outcomes)} lane epochs{since}, {how}")
    for outcome in outcomes:
        print("\n".join(rows(outcome)))
    if not outcomes:
        print("  no lane has written anything")
    return 0 if good else 1
