"""Crash reports: what was known of a process when it ended by other than its own will.

Owns:    files in state_dir/crashes: cause, last counters, last lines, last journal records.
Refuses: core files, keys, and growing: the newest REPORTS_KEPT stay.
"""

from __future__ import annotations

import json
import time
from collections import deque
from pathlib import Path
from typing import Any

from hotpath.journal.tail import SEGMENT_BYTES, Chunk, JournalDamaged, Tail, records
from runtime._shm import ffi, lib
from runtime.pages.names import LANE_STATES
from runtime.pages.page import Page
from runtime.supervise.causes import CAUSES
from runtime.supervise.child import Exit

REPORTS_KEPT = 50
RECORDS_SHOWN = 64
PAYLOAD_BYTES_SHOWN = 256
RECORD_KINDS = {
    number: text.removeprefix("HP_RECORD_").lower()
    for number, text in ffi.typeof("enum hp_record_kind").elements.items()
}


class Report:
    """The report of one end: pages are read when it is made, the ring when it is written."""

    def __init__(self, end: Exit, lane: Page | None = None, ring: Page | None = None) -> None:
        self.end = end
        self.ring = ring
        self.facts: dict[str, Any] = {
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
            self.facts["lane"] = lane_facts(lane)

    def write(self, directory: Path) -> Path:
        """Write the report, let go of the ring; return the path."""
        if self.ring is not None:
            self.facts |= last_records(self.ring, RECORDS_SHOWN)
            self.ring.close()
        folder = directory / "crashes"
        folder.mkdir(mode=0o700, exist_ok=True)
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(self.facts["time_s"]))
        path = folder / f"{stamp}-{self.end.name}-{self.end.pid}.json"
        path.touch(0o600)
        path.write_text(json.dumps(self.facts, indent=1) + "\n")
        for old in sorted(folder.glob("*.json"))[:-REPORTS_KEPT]:
            old.unlink(missing_ok=True)
        return path


def last_records(ring: Page, count: int) -> dict[str, Any]:
    """Return the last records of a ring, as JSON can hold them; what is damaged is said."""
    kept: deque[Chunk] = deque()
    out: dict[str, Any] = {}
    try:
        tail = Tail(ring.map)
        while (chunk := tail.read()) is not None:
            kept.append(chunk)
            while len(kept) > 1 and sum(c.records for c in kept) - kept[0].records >= count:
                kept.popleft()
    except (JournalDamaged, ValueError) as error:
        out["records_error"] = str(error)
    found = [
        record
        for chunk in kept
        for record in records(chunk.data, SEGMENT_BYTES if chunk.offset == 0 else 0)
    ]
    out["records"] = [
        {
            "sequence": record.sequence,
            "kind": RECORD_KINDS.get(record.kind, str(record.kind)),
            "aux": record.aux,
            "recv_ns": record.recv_ns,
            "mono_ns": record.mono_ns,
            **payload(record.kind, record.payload),
        }
        for record in found[-count:]
    ]
    return out


def payload(kind: int, data: bytes) -> dict[str, Any]:
    """Show a payload: frames and requests are text, all else is bytes."""
    shown = data[:PAYLOAD_BYTES_SHOWN]
    if kind in (lib.HP_RECORD_FRAME, lib.HP_RECORD_REQUEST):
        return {"bytes": len(data), "text": shown.decode("ascii", "replace")}
    return {"bytes": len(data), "hex": shown.hex()}


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
