"""What does one decision of the gate cost, all checks on?

Input:  50 instruments, 200 resting orders of four strategies, 1024 intents that pass (gate.c)
Load:   decisions in groups of 16 between two reads of the clock; the median group counts
Needs:  one core; valgrind for the instructions (a build for x86-64-v2, as the product's)

The self-trade check is one look at the best of our own orders: 10 and 1000 of them are shown.
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "gate"
DECISIONS, COUNTED = 160_000, 16_000
ORDERS = (10, 200, 1000)


def program() -> Path:
    """Compile gate.c with the product's own flags, whenever a header is newer."""
    sys.path.insert(0, str(ROOT))
    from setup import BASE, FLAGS

    source, target = ROOT / "benchmarks" / "gate" / "gate.c", BUILD / "gate"
    newest = max(path.stat().st_mtime for path in [source, *ROOT.glob("hotpath/**/*.h")])
    if not target.exists() or target.stat().st_mtime < newest:
        BUILD.mkdir(parents=True, exist_ok=True)
        flags = [*BASE, *FLAGS["release"][0], "-std=c11", "-Wno-unused-function", "-fwrapv"]
        where = [f"-I{ROOT / 'hotpath' / 'abi'}", f"-I{ROOT}"]
        compiler = shutil.which("gcc") or "cc"
        subprocess.run([compiler, *flags, *where, str(source), "-o", str(target)], check=True)
    return target


def clocked(orders: int, *more: str) -> float:
    """Return the median nanoseconds of a decision."""
    told = subprocess.run(
        [str(program()), str(DECISIONS), str(orders), *more],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    if int(told[2]) != DECISIONS:
        raise RuntimeError(f"gate: {told[2]} of {DECISIONS} intents passed; all must")
    return float(told[0])


def counted(orders: int, *more: str) -> float | None:
    """Return instructions of a decision, None without valgrind."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        return None
    done = subprocess.run(
        [
            valgrind,
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--toggle-collect=judge",
            str(program()),
            str(COUNTED),
            str(orders),
            *more,
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if found is None or int(done.stdout.split()[2]) != COUNTED:
        raise RuntimeError("gate: callgrind counted nothing, or not every intent passed")
    return int(found[1]) / COUNTED


def gate(rounds: int) -> dict[str, Any]:
    """Interleave the numbers of orders over the rounds; medians."""
    took: dict[str, list[float]] = {name: [] for name in (*map(str, ORDERS), "200 moved")}
    for _ in range(rounds):
        for n in ORDERS:
            took[str(n)].append(clocked(n))
        took["200 moved"].append(clocked(200, "moves"))
    return {
        "ns": {name: statistics.median(some) for name, some in took.items()},
        "instructions": {str(n): counted(n) for n in ORDERS}
        | {"200 moved": counted(200, "moves")},
    }
