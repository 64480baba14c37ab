"""A venue's limits.toml: what REST costs, how resyncs back off, bounds of streams, insane figures.

Owns:    reading and checking it; all problems are told at once.
Refuses: the figures themselves (venues/*/limits.toml), acting on them.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hotpath.lane.lane import FIGURES, POLICIES, SANITY_BOUNDS
from runtime._shm import ffi

QUOTE_MS_MIN = 100
KINDS = {
    name.removeprefix("HP_EVENT_").lower(): number
    for number, name in ffi.typeof("enum hp_event_kind").elements.items()
}
STREAM_BOUNDS = ("period_ms", "first_ms", "silence_ms", "quote_ms")
REST = (
    "weight_per_minute",
    "feed_share_percent",
    "snapshot_levels",
    "snapshot_weight",
    "spare_levels",
    "spare_weight",
    "trades_weight",
)
RESYNC = ("first_ms", "back_off_ms_max", "jitter_percent", "quiet_ms", "parallel_max")
SPARE = ("fast_ms", "slow_ms", "oldest_ms")


class FeedLimitsError(ValueError):
    """limits.toml does not say what is needed; the text names every problem."""


@dataclass(frozen=True)
class FeedLimits:
    """The figures of one venue, checked."""

    rest: dict[str, int]
    resync: dict[str, int]
    spare: dict[str, int]
    streams: dict[str, dict[str, int]]
    sanity: dict[str, int]
    policies: dict[str, str]

    def stream(self, kind: str) -> dict[str, int]:
        """Return a stream's bounds as a lane takes them (Lane.add_stream)."""
        bounds = dict(self.streams.get(kind, {}))
        period_ms = bounds.pop("period_ms", 0)
        if period_ms and "quote_ms" not in bounds:
            bounds["quote_ms"] = max(QUOTE_MS_MIN, 3 * period_ms)
        return bounds

    @property
    def book_quote_ms(self) -> int:
        """Return the oldest book on which one may quote."""
        return self.stream("depth")["quote_ms"]

    @property
    def lane_sanity(self) -> dict[str, Any]:
        """Return what Lane.set_sanity takes."""
        bounds = {**self.sanity, "spare_ms": self.spare["oldest_ms"]}
        return {**bounds, "policies": self.policies}


def load(path: Path) -> FeedLimits:
    """Read a limits.toml; FeedLimitsError names all that is wrong with it."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise FeedLimitsError(f"{path}: {error}") from error
    problems: list[str] = []
    sanity = dict(found.get("sanity", {}))
    policies = sanity.pop("policies", {})
    tables = {
        "rest": figures(found, "rest", REST, problems),
        "resync": figures(found, "resync", RESYNC, problems),
        "spare": figures(found, "spare", SPARE, problems),
    }
    streams = {}
    for kind, bounds in found.get("streams", {}).items():
        if kind not in KINDS or kind in ("none", "kind_count"):
            problems.append(f"streams.{kind}: no such event kind")
        streams[kind] = figures({kind: bounds}, kind, STREAM_BOUNDS, problems, some=True)
    depth = streams.get("depth", {})
    if not depth.get("quote_ms", depth.get("period_ms", 0)):
        problems.append("streams.depth: want period_ms or quote_ms, above 0")
    bounds = figures({"sanity": sanity}, "sanity", sorted(SANITY_BOUNDS), problems, some=True)
    for name, policy in policies.items():
        if name not in FIGURES or policy not in POLICIES:
            problems.append(
                f"sanity.policies.{name} is {policy!r}; want one of {', '.join(FIGURES)}"
                f" = one of {', '.join(POLICIES)}"
            )
    if problems:
        raise FeedLimitsError(f"{path}: " + "; ".join(problems))
    return FeedLimits(**tables, streams=streams, sanity=bounds, policies=policies)


def figures(
    found: dict[str, Any],
    table: str,
    names: tuple[str, ...] | list[str],
    problems: list[str],
    some: bool = False,
) -> dict[str, int]:
    """Return a table's integers; `some`: not all of them need be there."""
    values = found.get(table, {})
    for name in values:
        if name not in names:
            problems.append(f"{table}.{name} is unknown; known: {', '.join(names)}")
    for name in names:
        value = values.get(name)
        if value is None and some:
            continue
        if type(value) is not int or value < 0:
            problems.append(f"{table}.{name} is {value!r}; want an integer, 0 or more")
    return {name: values[name] for name in names if type(values.get(name)) is int}
