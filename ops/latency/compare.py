"""Two profiles side by side: what changed, and whether chance explains it.

Owns:    the change of every figure; Mann and Whitney's test where a figure is known in parts.
Refuses: a verdict by maxima, by one run or by a disturbed one: those differ twentyfold on a machine
         that is shared.  A change is evidence only when the parts of the runs say so, every run of
         one side lies beyond every run of the other, and it is not small.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ops.latency.document import Document, Figure, figures, name_of

P_MAX = 0.01
RUNS_MIN = 2  # undisturbed ones on each side
CHANGE_MIN = 0.10


def mann_whitney(old: Sequence[float], new: Sequence[float]) -> float:
    """Return the two-sided probability that both come from one distribution.

    Normal approximation with ties corrected; good from about eight values on each side.  1.0 when
    nothing can be said.
    """
    n, m = len(old), len(new)
    if min(n, m) < 8:
        return 1.0
    counts = Counter([*old, *new])
    rank: dict[float, float] = {}
    at = 0
    for value in sorted(counts):
        rank[value] = at + (counts[value] + 1) / 2
        at += counts[value]
    u = sum(rank[value] for value in new) - m * (m + 1) / 2
    total = n + m
    ties = sum(count**3 - count for count in counts.values())
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    z = max(0.0, abs(u - n * m / 2) - 0.5) / math.sqrt(variance)
    return math.erfc(z / math.sqrt(2))


def judge(old: Figure, new: Figure) -> tuple[str, float | None]:
    """Return (evidence, probability): worse, better, chance, or a dash: nothing to tell from."""
    if min(len(old.runs), len(new.runs)) < RUNS_MIN:
        return "-", None
    before, now = ([sum(run) / len(run) for run in one.runs] for one in (old, new))
    p = mann_whitney([part for run in old.runs for part in run],
                     [part for run in new.runs for part in run])  # fmt: skip
    change = statistics.mean(now) - statistics.mean(before)
    is_small = abs(change) < CHANGE_MIN * abs(statistics.mean(before))
    if p > P_MAX or is_small:
        return "chance", p
    if min(now) > max(before):
        return "worse", p
    return ("better" if max(now) < min(before) else "chance"), p


def compare(old: Document, new: Document) -> dict[str, Any]:
    """Return the change of every figure that both have."""
    before = {(one.where, one.name): one for one in figures(old)}
    rows = []
    for one in figures(new):
        other = before.get((one.where, one.name))
        if other is None:
            continue
        evidence, p = judge(other, one)
        change = (one.value - other.value) * 100 / other.value if other.value else None
        rows.append(
            {
                "where": one.where,
                "figure": one.name,
                "unit": one.unit,
                "old": other.value,
                "new": one.value,
                "change_pct": change,
                "evidence": evidence,
                "p": p,
            }
        )
    differing = [
        name for name, value in new["host"].items()
        if name not in ("id", "boot_id") and old["host"].get(name) != value
    ]  # fmt: skip
    return {
        "old_taken": old["taken"],
        "old_id": name_of(old["host"]),
        "same_host": old["host"].get("id") == new["host"].get("id"),
        "differs": differing,
        "contaminated": [bool(old["jitter"]["contaminated"]), bool(new["jitter"]["contaminated"])],
        "rows": rows,
    }


def is_worse(comparison: dict[str, Any]) -> bool:
    return any(row["evidence"] == "worse" for row in comparison["rows"])
