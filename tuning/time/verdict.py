"""Words of judgement about time: verdicts, checks, sources, roles.

Owns:    how single checks add up; no green light for what was not looked at.
Refuses: looking (management, chrony, kernel, phc) and the rules themselves (judge_*).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum


class Verdict(IntEnum):
    UNKNOWN = 0
    FAIL = 1
    WARN = 2
    OK = 3


class SourceKind(IntEnum):
    """What a time rests on; a greater one is better."""

    NONE = 0
    KERNEL = 1  # adjtimex says synchronised; by whom is not known
    NTP = 2
    PTP_SOFTWARE = 3
    PTP_HARDWARE = 4

    @property
    def text(self) -> str:
        return self.name.lower().replace("_", "-")


class Role(IntEnum):
    NONE = 0
    SLAVE = 1
    BOUNDARY = 2
    GRANDMASTER = 3


@dataclass(frozen=True)
class Check:
    """One question and its answer."""

    id: str
    verdict: Verdict
    observed: str
    wanted: str
    reason: str = ""  # empty when there is nothing to say
    remedy: str = ""


@dataclass(frozen=True)
class SourceStatus:
    """One source of time, judged."""

    kind: SourceKind
    name: str
    role: Role
    checks: tuple[Check, ...]
    offset_ns: int | None = None  # CLOCK_REALTIME minus the reference; + = ours is fast
    uncertainty_ns: int | None = None  # the reference may be this far from where it seems to be
    traceable: bool = False  # to UTC, as far as the source can tell
    growth_ppb: int = 0  # of the uncertainty, unwatched
    validity_ns: int = 0  # how long the reading may be believed
    taken_ns: int = 0  # CLOCK_MONOTONIC of the reading
    details: dict[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        return combine(check.verdict for check in self.checks)


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst: FAIL, then UNKNOWN, then WARN; UNKNOWN when there is nothing."""
    found = set(verdicts)
    for verdict in (Verdict.FAIL, Verdict.UNKNOWN, Verdict.WARN):
        if verdict in found:
            return verdict
    return Verdict.OK if found else Verdict.UNKNOWN


def level(value: float, warn: float, fail: float) -> Verdict:
    """Judge a magnitude against two limits; a limit itself still passes."""
    size = abs(value)
    return Verdict.FAIL if size > fail else Verdict.WARN if size > warn else Verdict.OK


def duration(ns: float) -> str:
    """Write nanoseconds in the unit that keeps the number short."""
    size = abs(ns)
    for unit, scale in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if size >= scale:
            return f"{ns / scale:.3g} {unit}" if size < scale * 1000 else f"{ns / scale:.0f} {unit}"
    return f"{ns:.0f} ns"
