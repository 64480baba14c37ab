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


def run(directory: Path, strategy: str | None, is_json: bool) -> int:
    """Run a RUN again and print what came of it."""
    try:
        outcomes = rerun(directory, strategy)
    except (RecordingError, ValueError, ImportError, OSError) as error:
        print(f"replay: {directory}: {error}", file=sys.stderr)
        return 2
    good = bool(outcomes) and all(outcome.is_equal for outcome in outcomes)
    if is_json:
        found = [as_json(outcome) for outcome in outcomes]
        print(json.dumps({"run": str(directory), "equal": good, "lanes": found}, default=str))
        return 0 if good else 1
    how = "recorded intents fed" if strategy is None else "strategies run again"
    print(f"replay  {directory}  {len(outcomes)} lane epochs, {how}")
    for outcome in outcomes:
        print("\n".join(rows(outcome)))
    if not outcomes:
        print("  no lane has written anything")
    return 0 if good else 1
