"""What the kernel counted on a core while it was being watched: the causes of hiccups.

Owns:    reading /proc/interrupts, softirqs, schedstat, stat and the thread's own counters before
         and after a run; the difference; which causes were active, most frequent first.
Refuses: tracers, root: everything here is world-readable.  A file that is absent gives no figure,
         never a zero.
"""

from __future__ import annotations

import os
import resource
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

# Rows of /proc/interrupts that a reader may not know by their letters.
MEANING = {
    "LOC": "local timer tick",
    "RES": "rescheduling interrupt",
    "CAL": "function call interrupt",
    "TLB": "TLB shootdown",
    "NMI": "non-maskable interrupt",
    "PMI": "performance monitoring interrupt",
    "MCP": "machine check poll",
    "TRM": "thermal event",
    "HYP": "hypervisor callback",
    "IWI": "IRQ work interrupt",
}


Table = dict[str, int]


@dataclass(frozen=True)
class Counters:
    """One reading, or the difference of two.  A row that is absent is not offered here."""

    interrupts: Table = field(default_factory=dict)
    softirqs: Table = field(default_factory=dict)
    figures: Table = field(default_factory=dict)
    """core_run_delay_ns (all threads that waited for the core), steal_ns (hypervisor); of the
    measuring thread: run_delay_ns, involuntary_switches, major_faults, minor_faults."""


@dataclass(frozen=True)
class Cause:
    """Something that happened on the core, and how often."""

    name: str
    count: int
    per_second: float


def read_text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def parse_columns(text: str, core: int) -> dict[str, int]:
    """Return {label: count} of one core from /proc/interrupts or /proc/softirqs.

    The header names the columns: cores that are offline have none.
    """
    lines = text.splitlines()
    if not lines:
        return {}
    header = lines[0].split()
    if f"CPU{core}" not in header:
        return {}
    column = header.index(f"CPU{core}")
    out = {}
    for line in lines[1:]:
        name, _, rest = line.partition(":")
        name = name.strip()
        cells = rest.split()
        if len(cells) <= column or not all(cell.isdigit() for cell in cells[: column + 1]):
            continue  # ERR and MIS have one column for all cores
        action = cells[-1] if name.isdigit() and len(cells) > len(header) else ""
        out[f"{name} {action}".strip()] = int(cells[column])
    return out


def parse_core_schedstat(text: str, core: int) -> int | None:
    """Return the nanoseconds that threads waited for `core`, from /proc/schedstat."""
    for line in text.splitlines():
        cells = line.split()
        if cells and cells[0] == f"cpu{core}" and len(cells) >= 9:
            return int(cells[8])
    return None


def parse_thread_schedstat(text: str) -> int | None:
    """Return the nanoseconds that a thread waited while it could have run."""
    cells = text.split()
    return int(cells[1]) if len(cells) == 3 else None


def parse_steal(text: str, core: int) -> int | None:
    """Return the nanoseconds that a hypervisor says it took, from /proc/stat."""
    for line in text.splitlines():
        cells = line.split()
        if cells and cells[0] == f"cpu{core}" and len(cells) >= 9:
            return int(cells[8]) * (1_000_000_000 // TICKS_PER_SECOND)
    return None


def read_counters(core: int, root: Path = Path("/")) -> Counters:
    """Read the counters of `core` and of the calling thread."""
    proc = root / "proc"
    usage = resource.getrusage(resource.RUSAGE_THREAD)
    figures: dict[str, int | None] = {
        "core_run_delay_ns": parse_core_schedstat(read_text(proc / "schedstat"), core),
        "steal_ns": parse_steal(read_text(proc / "stat"), core),
        "run_delay_ns": parse_thread_schedstat(
            read_text(proc / "self" / "task" / str(threading.get_native_id()) / "schedstat")
        ),
        "involuntary_switches": usage.ru_nivcsw,
        "major_faults": usage.ru_majflt,
        "minor_faults": usage.ru_minflt,
    }
    return Counters(
        interrupts=parse_columns(read_text(proc / "interrupts"), core),
        softirqs=parse_columns(read_text(proc / "softirqs"), core),
        figures={name: value for name, value in figures.items() if value is not None},
    )


def difference(before: Counters, after: Counters) -> Counters:
    """Return what was counted between two readings; interrupts that stood still are left out."""

    def moved(old: Table, new: Table) -> Table:
        changes = {name: count - old.get(name, 0) for name, count in new.items()}
        return {name: change for name, change in changes.items() if change > 0}

    both = before.figures.keys() & after.figures.keys()
    return Counters(
        moved(before.interrupts, after.interrupts),
        moved(before.softirqs, after.softirqs),
        {name: after.figures[name] - before.figures[name] for name in sorted(both)},
    )


def total(parts: list[Counters]) -> Counters:
    """Add up the differences of several runs."""

    def added(tables: list[Table]) -> Table:
        out: Counter[str] = Counter()
        for one in tables:
            out.update(one)
        return dict(out)

    return Counters(
        added([part.interrupts for part in parts]),
        added([part.softirqs for part in parts]),
        added([part.figures for part in parts]),
    )


def causes(counters: Counters, seconds: float) -> list[Cause]:
    """Name what happened on the core, most frequent first."""
    out = []
    for name, count in counters.interrupts.items():
        label = f"{MEANING[name]} ({name})" if name in MEANING else f"interrupt {name}"
        out.append(Cause(label, count, count / seconds))
    for name, count in counters.softirqs.items():
        out.append(Cause(f"softirq {name}", count, count / seconds))
    for label, name in (
        ("involuntary switch (other threads ran)", "involuntary_switches"),
        ("major page fault", "major_faults"),
        ("minor page fault", "minor_faults"),
    ):
        count = counters.figures.get(name, 0)
        if count:
            out.append(Cause(label, count, count / seconds))
    return sorted(out, key=lambda cause: (-cause.count, cause.name))


def contamination(counters: Counters, elapsed_ns: int) -> list[str]:
    """Say why a run does not show the quiet core; an empty list means that it does."""
    figures = counters.figures
    waited, stolen = figures.get("run_delay_ns", 0), figures.get("steal_ns", 0)
    out = []
    if waited * 1000 > elapsed_ns:
        out.append(
            f"other threads ran on the core: waited {waited / 1e6:.1f} ms of "
            f"{elapsed_ns / 1e6:.0f} ms, "
            f"{figures.get('involuntary_switches', 0)} involuntary switches"
        )
    if stolen:
        out.append(f"the hypervisor took {stolen / 1e6:.0f} ms (steal)")
    if figures.get("major_faults"):
        out.append(f"{figures['major_faults']} major page faults in the measuring thread")
    return out
