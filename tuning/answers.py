"""What the seven calls answer: plain records with to_json().

Owns:    their fields.
Refuses: looking at anything (tuning/health.py does).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from tuning.check import Report

if TYPE_CHECKING:  # a look at settings alone needs neither
    from tuning.jitter import LatencyProfile
    from tuning.time import SyncStatus


@dataclass(frozen=True, slots=True)
class SystemHealth:
    """Every knob, judged; `fit`: no critical one is wrong, `coverage`: how much was seen."""

    fit: bool
    profile: str
    fitness: float
    coverage: float
    fingerprint: str
    states: dict[str, int]
    worst: list[str]
    report: Report

    def to_json(self) -> dict[str, Any]:
        return {
            **{k: getattr(self, k) for k in self.__slots__ if k != "report"},
            **self.report.to_json(),
        }


@dataclass(frozen=True, slots=True)
class CPUConfig:
    """Which core does what, what isolates it now, and what a profile asks beyond that."""

    online: str
    housekeeping: str
    lanes: str
    isolated_wanted: str
    isolated_now: str
    nohz_full_now: str
    siblings_idle: str
    governor: str | None
    reasons: list[str]
    findings: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The trading cards, what they do, and the network knobs that are wrong."""

    cards: list[dict[str, Any]]
    busy_read_us: int | None
    busy_poll_us: int | None
    rmem_max_bytes: int | None
    findings: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class MemoryConfig:
    """Memory nodes, large pages, swap."""

    total_kib: int
    nodes: dict[str, str]
    huge2m_total: int | None
    huge2m_free: int | None
    huge1g_total: int | None
    transparent: str | None
    swap: str
    findings: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class RTStatus:
    """What was tried, not what ought to work: priority taken and given back, throttling read."""

    kernel: str
    fifo: str
    throttle_us: int | None
    memlock_bytes: int | None
    rtprio: int | None
    timer_resolution_ns: int | None
    fifo_share: float | None  # of a core under FIFO, if it was tried
    fifo_longest_gap_ms: float | None
    findings: dict[str, str]

    @property
    def capable(self) -> bool:
        return self.fifo == "yes"

    def to_json(self) -> dict[str, Any]:
        return {"capable": self.capable, **asdict(self)}


@dataclass(frozen=True, slots=True)
class BaselineStatus:
    """One answer for the person who must say whether this host is fit to trade."""

    # fit; unfit: a critical knob is wrong, or the clock fails its checks; blind: neither, yet
    # critical knobs were not seen
    verdict: str
    health: SystemHealth
    cpu: CPUConfig
    network: NetworkConfig
    memory: MemoryConfig
    realtime: RTStatus
    unseen_critical: list[str] = field(default_factory=list)
    time: SyncStatus | None = None  # of a live host
    latency: LatencyProfile | None = None  # where it was asked for

    def to_json(self) -> dict[str, Any]:
        parts = {
            name: None if getattr(self, name) is None else getattr(self, name).to_json()
            for name in ("health", "cpu", "network", "memory", "realtime", "time", "latency")
        }
        return {"verdict": self.verdict, "unseen_critical": self.unseen_critical, **parts}
