"""Until when the venue refuses everything (429, 418), kept over the lives of all processes.

Owns:    <state_dir>/venue_stops.json, durable before the next request would leave; what a lane that
         starts is told of the quota as its former life knew it.
Refuses: asking, reckoning (hotpath/risk/governor.h), who must heed it (session/governor.py).

The file is dated by UTC: a monotonic clock begins anew with the host.  A date further ahead than
the venue's longest ban is a clock that was wrong, and counts as that long.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from runtime._shm import lib
from runtime.session.quota import KINDS
from runtime.supervise.state import write_durably

FILE = "venue_stops.json"
BAN_NS_MAX = 3 * 86_400 * 10**9
DOUBT_NS = 60 * 10**9  # a file that cannot be read
BANNED, TOO_MANY = 418, 429


class Stop(NamedTuple):
    """Requests of one kind are refused."""

    left_ns: int
    status: int


def read(directory: Path, utc_ns: int) -> dict[int, Stop]:
    """Return what still stands, by kind."""
    path = directory / FILE
    try:
        found = json.loads(path.read_text())
        stops = {
            KINDS[kind]: Stop(int(until_ns) - utc_ns, int(status))
            for kind, (until_ns, status) in found.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {lib.HP_QUOTA_WEIGHT: Stop(DOUBT_NS, TOO_MANY)}
    return {
        kind: Stop(min(one.left_ns, BAN_NS_MAX), one.status)
        for kind, one in stops.items()
        if one.left_ns > 0
    }


def refused_s(directory: Path, utc_ns: int) -> float:
    """Return how long every request is refused, seconds."""
    return read(directory, utc_ns).get(lib.HP_QUOTA_WEIGHT, Stop(0, 0)).left_ns / 1e9


def write(directory: Path, stops: dict[int, Stop], utc_ns: int) -> None:
    """Write down what stands."""
    names = {number: name for name, number in KINDS.items()}
    text = {names[kind]: [utc_ns + one.left_ns, one.status] for kind, one in stops.items()}
    write_durably(directory / FILE, json.dumps(text) + "\n")


def of_lane(view: Any, now_ns: int) -> dict[int, Stop]:
    """Return what a lane's page shows."""
    status = BANNED if view.quota.refusals[1] else TOO_MANY
    left = {kind: int(view.quota.stop_until_ns[kind]) - now_ns for kind in KINDS.values()}
    return {kind: Stop(one, status) for kind, one in left.items() if one > 0}


def longest(*several: dict[int, Stop]) -> dict[int, Stop]:
    """Return of each kind what stands longest."""
    out: dict[int, Stop] = {}
    for stops in several:
        for kind, one in stops.items():
            out[kind] = max(one, out.get(kind, one))
    return out


def told(view: Any | None, directory: Path, now_ns: int, utc_ns: int) -> list[dict[str, int]]:
    """Return what a lane is told at its start (Lane.quota_told).

    view: the page of its former life; figures of windows that have ended since are left out.
    """
    out = []
    stops = read(directory, utc_ns)
    if view is not None:
        stops = longest(stops, of_lane(view, now_ns))
        at_ns = int(view.turn_ns)
        for n in range(view.quota.window_count):
            row = view.quota.rows[n]
            length_ns = int(row.length_s) * 10**9
            before = (at_ns + utc_ns - now_ns) // length_ns
            if at_ns and before == utc_ns // length_ns:
                figures = {"used": int(row.used), "asked_ns": at_ns}
                out.append({"kind": int(row.kind), "length_s": int(row.length_s), **figures})
    for kind, one in stops.items():
        out.append({"kind": kind, "length_s": 0, "stop_ns": one.left_ns, "status": one.status})
    return out
