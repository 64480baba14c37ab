"""The JSON of a latency profile, and the figures in it that two profiles can be compared by.

Owns:    the document's shape (docs/latency-profile.md), reading an older one, single figures.
Refuses: measuring (tuning.jitter), drawing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuning.jitter import LatencyProfile

KIND, SCHEMA = "corelane.latency-profile", 1
WINDOWS = 12  # per run, for the comparison
WORDS = {"p50_ns": "p50", "p99_ns": "p99", "p999_ns": "p99.9", "p9999_ns": "p99.99",
         "p99999_ns": "p99.999", "max_ns": "longest"}  # fmt: skip
Document = dict[str, Any]


class DocumentError(Exception):
    """A file is no latency profile that this build can read."""


@dataclass(frozen=True)
class Figure:
    """One number, with what it was in parts of each undisturbed run where that is known."""

    where: str
    name: str
    unit: str
    value: float
    runs: tuple[tuple[float, ...], ...] = ()


def name_of(host: dict[str, Any]) -> str:
    """Return the fingerprint that `corelane baseline fingerprint` prints, which stands on figures.

    An older document, or one of a tree without the catalogue of knobs, has the short one only.
    """
    return str(host.get("baseline") or host.get("id"))


def build(profile: LatencyProfile, lanes: list[dict[str, Any]]) -> Document:
    jitter = profile.to_json()
    seconds = jitter["taken_ns"] / 1e9
    return {
        "kind": KIND,
        "schema": SCHEMA,
        "taken": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)),
        "host": jitter.pop("fingerprint"),
        "jitter": jitter,
        "lanes": lanes,
        "comparison": None,
    }


def load(path: Path) -> Document:
    """Read a profile that was written before.  Raises DocumentError."""
    try:
        document: Document = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DocumentError(f"{path}: {error}") from error
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise DocumentError(f"{path}: no latency profile; want the JSON that --out writes")
    if document.get("schema") != SCHEMA:
        raise DocumentError(f"{path}: schema {document.get('schema')}; this build reads {SCHEMA}")
    return document


def windows(core: dict[str, Any], column: int) -> tuple[tuple[float, ...], ...]:
    """Return one number per twelfth of each undisturbed run: sums, or the greatest length.

    `column` is that of a slot row: 1 hiccups, 2 stolen ns, 3 longest ns.
    """
    out = []
    for run in core["runs"]:
        parts = [0.0] * WINDOWS
        for row in run["slots"]:
            at = row[0] * WINDOWS // core["slot_count"]
            parts[at] = max(parts[at], row[column]) if column == 3 else parts[at] + row[column]
        if not run["contaminated"]:
            out.append(tuple(parts))
    return tuple(out)


def figures(document: Document) -> Iterator[Figure]:
    """Yield every figure of a profile, cores first, then lanes."""
    for core in document["jitter"]["cores"]:
        where = f"core {core['core']}"
        for name, unit, word, column in (
            ("interruptions", "1/s", "hiccups_per_s", 1),
            ("time taken", "%", "stolen_pct", 2),
            ("longest interruption", "ns", "max_ns", 3),
        ):
            yield Figure(where, name, unit, core["figures"][word], windows(core, column))
        for word in ("p50_ns", "p99_ns", "p999_ns"):
            yield Figure(where, f"interruption {WORDS[word]}", "ns", core["figures"][word])
        for word in ("p99_ns", "p999_ns", "p9999_ns", "p99999_ns"):
            yield Figure(where, f"message waits {WORDS[word]}", "ns", core["arrival"][word])
        for group in ("wake", "loopback"):
            for kind, row in core[group].items():
                for word in ("p50_ns", "p99_ns", "p999_ns"):
                    yield Figure(where, f"{group} {kind} {WORDS[word]}", "ns", row[word])
        for name, value in core["clock_read_ns"].items():
            yield Figure(where, f"clock read {name}", "ns", value)
    for lane in document["lanes"]:
        for hop in lane["hops"]:
            name = hop["hop"].replace("_", "-")
            for word in ("p50_ns", "p99_ns", "p999_ns", "max_ns"):
                if hop["count"] and word in hop:
                    yield Figure(f"lane {lane['name']}", f"{name} {WORDS[word]}", "ns", hop[word])
