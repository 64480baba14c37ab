"""Crash reports: what was known of a process when it ended by other than its own will.

Owns:    files in state_dir/crashes: cause, last counters, last lines, last journal records.
Refuses: core files, keys, and growing: the newest REPORTS_KEPT stay.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime._shm import ffi
from runtime.causes import CAUSES
from runtime.child import Exit
from runtime.pages import Page

REPORTS_KEPT = 50
RECORDS_SHOWN = 64
LANE_STATES = {
    number: text.removeprefix("HP_LANE_").lower()
    for number, text in ffi.typeof("enum hp_lane_state").elements.items()
}


def no_records(ring: Path, count: int) -> list[Any]:
    """Stand for the reader of journal rings where there is none."""
    return []


# Returns the last records of a ring, each as JSON can hold it.
last_records: Callable[[Path, int], list[Any]] = no_records


def write_report(
    directory: Path, end: Exit, lane: Page | None = None, ring: Path | None = None
) -> Path:
    """Write one report; return its path."""
    folder = directory / "crashes"
    folder.mkdir(mode=0o700, exist_ok=True)
    report: dict[str, Any] = {
        "process": end.name,
        "pid": end.pid,
        "cause": CAUSES[end.cause],
        "code": end.code,
        "time_s": round(time.time(), 3),
        "lived_s": round(end.lived_s, 3),
        "error": end.error,
        "lines": end.lines,
    }
    if lane is not None:
        report["lane"] = lane_facts(lane)
    if ring is not None:
        try:
            report["records"] = last_records(ring, RECORDS_SHOWN)
        except Exception as error:  # a broken ring must not hide the rest of the report
            report["records_error"] = repr(error)
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(report["time_s"]))
    path = folder / f"{stamp}-{end.name}-{end.pid}.json"
    path.write_text(json.dumps(report, indent=1) + "\n")
    path.chmod(0o600)
    for old in sorted(folder.glob("*.json"))[:-REPORTS_KEPT]:
        old.unlink(missing_ok=True)
    return path


def lane_facts(page: Page) -> dict[str, Any]:
    """Return a lane page's state and every counter that is not zero."""
    view = page.view
    counters = {}
    for field, _ in ffi.typeof("hp_lane_counters_t").fields:
        value = getattr(view.counters, field)
        if field != "pad":
            counters[field] = value if isinstance(value, int) else list(value)
    return {
        "epoch": page.header.epoch,
        "state": LANE_STATES.get(view.state, str(view.state)),
        "words": view.words,
        "core": view.core,
        "counters": {
            key: value
            for key, value in counters.items()
            if value and (isinstance(value, int) or any(value))
        },
        "positions": {
            str(number): list(view.positions[number].lots)
            for number in range(1, view.instrument_count + 1)
            if any(view.positions[number].lots)
        },
    }
