"""What the venue lets us ask, as data: its windows, what requests cost there, where modes begin.

Owns:    reading the table [quota] of a venue's limits.toml; what a lane is told of it and of the
         windows that reference data names (Lane.put_quota_rule, Lane.quota_told).
Refuses: usage (a lane reckons it, hotpath/risk/governor.h), asking the venue (session/governor.py).
"""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from runtime._shm import ffi, lib

KINDS = {"weight": int(lib.HP_QUOTA_WEIGHT), "orders": int(lib.HP_QUOTA_ORDERS)}
RULE = {  # Lane.put_quota_rule, as the configuration has it by default
    "busy": 50,
    "slow": 70,
    "no_risk": 90,
    "reserve": 95,
    "slack_ms": 500,
    "stop_ms": 60_000,
}
COSTS = [
    name.removeprefix("HP_COST_").lower()
    for name, number in sorted(
        ffi.typeof("enum hp_quota_cost_of").relements.items(), key=lambda item: item[1]
    )
    if number < lib.HP_COST_COUNT
]


class QuotaError(ValueError):
    """The table [quota] does not say what is needed; the text names every problem."""


class Window(NamedTuple):
    kind: int  # enum hp_quota_kind
    length_s: int
    limit: int


@dataclasses.dataclass(frozen=True)
class Quota:
    """What one venue lets an address and an account do."""

    windows: tuple[Window, ...]
    costs: dict[str, tuple[int, int]]  # weight and orders of a request

    def lane_spec(self, said: list[Any], rule: dict[str, int]) -> dict[str, Any]:
        """Return what a lane is told; `said`: windows of the reference data, which win."""
        windows = {one[:2]: one for one in self.windows}
        windows |= {(kind, length): (kind, length, limit) for kind, length, limit in said}
        return {
            "rule": {**rule, "costs": {name: list(cost) for name, cost in self.costs.items()}},
            "windows": [list(one) for one in windows.values()],
        }


def load(path: Path) -> Quota:
    """Read the table [quota] of a limits.toml; without one nothing is known beforehand."""
    found = tomllib.loads(path.read_text(encoding="utf-8")).get("quota", {})
    problems: list[str] = []
    windows = []
    for n, row in enumerate(found.get("windows", [])):
        kind, length, limit = row.get("kind"), row.get("seconds"), row.get("limit")
        if kind not in KINDS or not is_count(length) or not is_count(limit) or len(row) != 3:
            problems.append(
                f"quota.windows[{n}] is {row!r}; want kind = {' | '.join(KINDS)},"
                " seconds and limit above 0"
            )
            continue
        windows.append(Window(KINDS[kind], length, limit))
    if len(windows) > lib.HP_QUOTAS_MAX:
        problems.append(f"quota.windows: {len(windows)} rows; want at most {lib.HP_QUOTAS_MAX}")
    costs = {}
    for name, cost in found.get("costs", {}).items():
        is_pair = isinstance(cost, list) and len(cost) == 2
        if name not in COSTS or not is_pair or not all(is_cost(one) for one in cost):
            problems.append(
                f"quota.costs.{name} is {cost!r}; want one of {', '.join(COSTS)}"
                " = [weight, orders], 0 to 65535 each"
            )
            continue
        costs[name] = (cost[0], cost[1])
    if problems:
        raise QuotaError(f"{path}: " + "; ".join(problems))
    return Quota(tuple(windows), costs)


def is_count(value: Any) -> bool:
    return type(value) is int and 0 < value < 2**31


def is_cost(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**16
