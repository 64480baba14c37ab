"""A latency profile as lines for a terminal.

Owns:    columns, order, wording.
Refuses: figures of its own; every number stands in the document.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from ops.latency.document import Document, name_of
from ops.latency.frame import duration

WIDTH = 100
WHERES_MAX = 4  # with more cores and lanes, only what changed is printed; the files hold all


def row(cells: list[str], widths: list[int]) -> str:
    """Write words on the left, numbers on the right of their columns."""
    first, *others = zip(cells, widths, strict=True)
    return f"  {first[0]:{first[1]}}" + "".join(f"{cell:>{width}}" for cell, width in others)


def fold(text: str, first: str = "  ") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent="    ",
                         break_on_hyphens=False)  # fmt: skip


def jitter_lines(document: Document) -> Iterator[str]:
    widths = [9, 12, 10, 11, 11, 11, 11, 11, 11]
    if document["jitter"]["cores"]:
        yield row(["core", "hiccups/s", "taken %", "p50", "p99", "p99.9", "longest", "wait p99.9",
                   "p99.99"], widths)  # fmt: skip
    for core in document["jitter"]["cores"]:
        figures, arrival = core["figures"], core["arrival"]
        cells = [duration(figures[f"{word}_ns"]) for word in ("p50", "p99", "p999", "max")]
        cells += [duration(arrival[f"{word}_ns"]) for word in ("p999", "p9999")]
        yield row([f"core {core['core']}", f"{figures['hiccups_per_s']:.0f}",
                   f"{figures['stolen_pct']:.3f}", *cells], widths)  # fmt: skip
    for core in document["jitter"]["cores"]:
        named = [f"{one['name']} {one['per_second']:.1f}/s" for one in core["causes"][:4]]
        yield from fold(f"core {core['core']} causes: {', '.join(named) or 'none'}")
        for reason in core["contaminated"]:
            yield from fold(f"core {core['core']} disturbed, {reason}")
    for number, reason in document["jitter"]["skipped"].items():
        yield from fold(f"core {number} not measured, {reason} (--force measures it)")


def wait_lines(document: Document) -> Iterator[str]:
    widths = [34, 10, 11, 11, 11, 11]
    measured = [core for core in document["jitter"]["cores"] if core["wake"]]
    if not measured:
        return
    yield row(["sleeping, waking, loopback", "samples", "p50", "p99", "p99.9", "longest"], widths)
    for core in measured:
        for group in ("wake", "loopback"):
            for kind, one in core[group].items():
                cells = [duration(one[f"{word}_ns"]) for word in ("p50", "p99", "p999", "max")]
                name = f"core {core['core']} {group} {kind}"
                yield row([name, str(one["count"]), *cells], widths)
        clocks = ", ".join(f"{name} {duration(ns)}" for name, ns in core["clock_read_ns"].items())
        yield f"  core {core['core']} clock read: {clocks}"


def hop_lines(document: Document) -> Iterator[str]:
    widths = [34, 10, 11, 11, 11, 11]
    for lane in document["lanes"]:
        yield row([f"lane {lane['name']}", "orders", "p50", "p99", "p99.9", "longest"], widths)
        for hop in lane["hops"]:
            cells = [duration(hop[f"{word}_ns"]) if hop["count"] else "-"
                     for word in ("p50", "p99", "p999", "max")]  # fmt: skip
            yield row([f"  {hop['hop'].replace('_', '-')}", str(hop["count"]), *cells], widths)


def change_lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"change since {found['old_taken']} (host {found['old_id']})"
    if found["differs"]:
        yield from fold(f"the hosts differ in: {', '.join(found['differs'])}")
    if any(found["contaminated"]):
        yield "  disturbed runs on at least one side: read with care"
    rows = found["rows"]
    if len({one["where"] for one in rows}) > WHERES_MAX:
        rows = [one for one in rows if one["evidence"] in ("worse", "better")
                or abs(one["change_pct"] or 0) >= 10]  # fmt: skip
    widths = [43, 13, 13, 12, 17]
    yield row(["figure", "before", "now", "change", "evidence"], widths)
    for one in rows:
        cells = [duration(one[word]) if one["unit"] == "ns" else f"{one[word]:.4g} {one['unit']}"
                 for word in ("old", "new")]  # fmt: skip
        change = "-" if one["change_pct"] is None else f"{one['change_pct']:+.1f} %"
        shown = one["evidence"] if one["p"] is None else f"{one['evidence']} p={one['p']:.2g}"
        yield row([f"{one['where']} {one['figure']}"[:43], *cells, change, shown], widths)
    if len(rows) < len(found["rows"]):
        yield f"  {len(found['rows']) - len(rows)} figures changed by less than 10 %"


def lines(document: Document) -> Iterator[str]:
    host, jitter = document["host"], document["jitter"]
    kind = "virtual machine" if host["virtual"] == "yes" else "bare metal"
    yield from fold(
        f"latency-profile  host={name_of(host)}  {host['cpu']}, {kind}  kernel={host['kernel']}  "
        f"clock={host['clocksource']}", ""
    )  # fmt: skip
    yield from jitter_lines(document)
    yield from wait_lines(document)
    yield from hop_lines(document)
    if not document["lanes"]:
        yield "  tick to trade: no appliance is running and no --lane FILE was given"
    if document["comparison"]:
        yield from change_lines(document["comparison"])
    dirty = sum(bool(run["contaminated"]) for core in jitter["cores"] for run in core["runs"])
    total = sum(len(core["runs"]) for core in jitter["cores"])
    yield (
        f"{len(jitter['cores'])} cores, {jitter['seconds']:g} s each; "
        f"{dirty} of {total} runs disturbed"
    )
