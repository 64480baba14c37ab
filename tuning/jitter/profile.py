"""The result of a jitter measurement: records, their figures and their JSON form.

Owns:    what one core and one host showed; figures derived from the histograms.
Refuses: measuring (benchmark.py), drawing, comparing (ops).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tuning.jitter.attribution import Cause, Counters, causes, total
from tuning.jitter.histogram import Histogram

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999, "p9999": 0.9999}
OVER_US = (1, 2, 5, 10, 20, 50, 100, 1000)


def quantiles(histogram: Histogram) -> dict[str, int]:
    """Return the usual percentiles and the maximum, in nanoseconds."""
    figures = {f"{name}_ns": histogram.quantile(share) for name, share in QUANTILES.items()}
    return {"count": histogram.count, **figures, "max_ns": histogram.max_ns}


@dataclass(frozen=True)
class Hiccup:
    run: int
    at_ns: int  # since the start of its run
    length_ns: int


@dataclass(frozen=True)
class Run:
    """One spin on one core."""

    started_ns: int  # CLOCK_MONOTONIC
    elapsed_ns: int
    turn_ps: int  # the loop's own turn: nothing shorter can be seen
    slots: list[list[int]]  # [slot, hiccups, stolen ns, longest ns], empty slots left out
    counters: Counters
    contaminated: list[str]  # why this run does not show the quiet core


@dataclass(frozen=True)
class CoreProfile:
    core: int
    policy: str
    threshold_ns: int
    slot_count: int
    runs: list[Run]
    gaps: Histogram
    top: list[Hiccup]
    sleeps: dict[str, Histogram] = field(default_factory=dict)  # timer, eventfd, futex
    loopback: dict[str, Histogram] = field(default_factory=dict)  # blocking, spinning
    clock_read_ns: dict[str, float] = field(default_factory=dict)

    @property
    def elapsed_ns(self) -> int:
        return sum(run.elapsed_ns for run in self.runs)

    @property
    def contaminated(self) -> list[str]:
        return [
            f"run {number}: {reason}"
            for number, run in enumerate(self.runs, 1)
            for reason in run.contaminated
        ]

    def causes(self) -> list[Cause]:
        counters = total([run.counters for run in self.runs])
        return causes(counters, max(self.elapsed_ns, 1) / 1e9)

    def arrival(self) -> dict[str, int]:
        """Return what a message waits that arrives at a random moment, by share of moments."""
        return {
            f"{name}_ns": self.gaps.arrival_quantile(share, self.elapsed_ns)
            for name, share in (*QUANTILES.items(), ("p99999", 0.99999))
        }

    def figures(self) -> dict[str, float]:
        """Return the numbers that stand for this core in tables and comparisons."""
        elapsed = max(self.elapsed_ns, 1)
        return {
            "hiccups_per_s": self.gaps.count * 1e9 / elapsed,
            "stolen_pct": self.gaps.sum_ns * 100 / elapsed,
            **{name: value for name, value in quantiles(self.gaps).items() if name != "count"},
        }

    def to_json(self) -> dict[str, Any]:
        return {
            "core": self.core,
            "policy": self.policy,
            "threshold_ns": self.threshold_ns,
            "elapsed_ns": self.elapsed_ns,
            "resolution_ns": max((run.turn_ps for run in self.runs), default=0) / 1000,
            "contaminated": self.contaminated,
            "figures": self.figures(),
            "arrival": self.arrival(),
            "over_us": {str(limit): self.gaps.over(limit * 1000) for limit in OVER_US},
            "top": [vars(hiccup) for hiccup in self.top],
            "causes": [vars(cause) for cause in self.causes()],
            "gaps": self.gaps.to_json(),
            "slot_count": self.slot_count,
            "runs": [
                {
                    "started_ns": run.started_ns,
                    "elapsed_ns": run.elapsed_ns,
                    "contaminated": run.contaminated,
                    "counters": vars(run.counters),
                    "slots": run.slots,
                }
                for run in self.runs
            ],
            "wake": {name: wait_json(one) for name, one in self.sleeps.items()},
            "loopback": {name: wait_json(one) for name, one in self.loopback.items()},
            "clock_read_ns": self.clock_read_ns,
        }


def wait_json(histogram: Histogram) -> dict[str, Any]:
    return {**quantiles(histogram), "histogram": histogram.to_json()}


@dataclass(frozen=True)
class LatencyProfile:
    """What this host does to a thread that wants its core for itself."""

    taken_ns: int  # CLOCK_REALTIME, not claimed to be UTC
    seconds: float  # spun per core, over all runs
    together: bool  # all cores at once, or one after the other
    fingerprint: dict[str, str]
    cores: list[CoreProfile]
    skipped: dict[int, str] = field(default_factory=dict)  # core -> why it was not measured

    @property
    def is_contaminated(self) -> bool:
        return any(core.contaminated for core in self.cores)

    def to_json(self) -> dict[str, Any]:
        return {
            "taken_ns": self.taken_ns,
            "seconds": self.seconds,
            "together": self.together,
            "fingerprint": self.fingerprint,
            "contaminated": self.is_contaminated,
            "skipped": {str(core): reason for core, reason in self.skipped.items()},
            "cores": [core.to_json() for core in self.cores],
        }
