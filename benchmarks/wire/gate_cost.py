"""What does the whole gate cost on the wire?

Input:  as wire.py; the compiled demo strategy, so that little stands beside the gate
Load:   one lane whose limits are open and which holds no money, as the first wire bench had it;
        one with every check on: four dimensions, fences, fat fingers, budgets, tokens, quota,
        hours, and each order's money reserved
Method: both in each round, in changing order; medians of the rounds' p50, and of their difference
Needs:  two quiet cores.  Another checkout that is built, one of before the chain, may run along
"""

from __future__ import annotations

import json
import statistics
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.wire.wire import wire

ALONE = """
import json, sys
sys.path.insert(0, ".")
from benchmarks.wire.wire import wire
count = int(sys.argv[1])
print(json.dumps(wire("demo-native", count, warmup=min(3000, count))))
"""


def elsewhere(checkout: Path, count: int) -> dict[str, Any]:
    """Run the same bench of another checkout, with its own interpreter."""
    done = subprocess.run(
        [checkout / ".venv" / "bin" / "python", "-c", ALONE, str(count)],
        cwd=checkout,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the wire bench of {checkout} ended with {done.stderr.strip()[-400:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def gate_cost(rounds: int, count: int, against: Path | None = None) -> dict[str, Any]:
    """Interleave the lanes over the rounds; figures in microseconds."""
    lanes = {
        "open": lambda: wire("demo-native", count, warmup=min(3000, count)),
        "whole": lambda: wire("demo-native", count, warmup=min(3000, count), is_whole=True),
    }
    if against is not None:
        lanes["before"] = lambda: elsewhere(against, count)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in lanes}
    for n in range(rounds):
        for name in sorted(lanes, reverse=n % 2 == 1):
            runs[name].append(lanes[name]())
    out: dict[str, Any] = {"rounds": rounds, "count": count}
    for name, some in runs.items():
        p50 = [run["p50_us"] for run in some]
        out[name] = {
            "p50_us": statistics.median(p50),
            "p50_range_us": [min(p50), max(p50)],
            "p99_us": statistics.median(run["p99_us"] for run in some),
            "gate_ns": statistics.median(run["hops_ns"]["gate"] for run in some),
        }
        if name != "whole":
            pairs = zip(runs["whole"], some, strict=True)
            more = statistics.median(a["p50_us"] - b["p50_us"] for a, b in pairs)
            out[name]["whole_is_dearer_by_us"] = more
    return out
