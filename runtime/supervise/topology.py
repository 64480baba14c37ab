"""Which role runs on which core: read from the box, planned as data.

Owns:    the CPU map (online, allowed, isolated, siblings, quota), the plan, its reasons in words.
Refuses: pinning (a process pins itself and reads back), changing the host (tuning/ does that).

1 core            one fused lane that blocks, all cold parts in one process
2 cores           one fused lane that spins on the upper core, cold processes on the lower
3 cores and more  market and order lanes apart, each spinning on a core of its own
Isolated cores come first for lanes.  Two lanes never share a physical core while another is free,
and cold processes keep off the lanes' siblings where there is other room.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from runtime.supervise import control_group

TOPOLOGIES = ("auto", "fused", "split")

SPINNING_STALL_NS_MAX = 250_000_000  # of a lane that owns its core
BLOCKING_STALL_NS_MAX = 1_000_000_000  # of a lane that blocks on a core of its own
SHARED_STALL_NS_MAX = 2_000_000_000  # of a lane that blocks on a core that others use too


class TopologyError(Exception):
    """The wanted topology cannot be had on this box."""


@dataclass(frozen=True)
class CpuMap:
    """The cores that may be used, and what is known of them."""

    cores: tuple[int, ...]  # online, and allowed by affinity and control group
    isolated: frozenset[int] = frozenset()
    siblings: dict[int, frozenset[int]] = field(default_factory=dict)  # core -> its physical core
    quota_cores: float | None = None  # of the control group, None = no limit

    def physical(self, core: int) -> frozenset[int]:
        return self.siblings.get(core, frozenset((core,)))

    @property
    def count(self) -> int:
        """Cores that can be kept busy at a time."""
        if self.quota_cores is None:
            return len(self.cores)
        return max(1, min(len(self.cores), int(self.quota_cores)))


@dataclass(frozen=True)
class Place:
    """One role's place."""

    role: str  # lane, market, order, cold
    core: int | None  # None = wherever the kernel puts it
    is_spinning: bool
    stall_ns_max: int


@dataclass(frozen=True)
class Topology:
    """A plan: what runs where, and why so."""

    kind: str  # fused | split
    places: tuple[Place, ...]
    cores: tuple[int, ...]  # all that may be used
    cold_cores: tuple[int, ...]
    is_cold_merged: bool
    notes: tuple[str, ...] = ()  # for people; a shortcoming each

    def place(self, role: str) -> Place:
        return next(place for place in self.places if place.role == role)

    @property
    def cold_core(self) -> int | None:
        """The one core of all cold processes, if it is one."""
        return self.cold_cores[0] if len(self.cold_cores) == 1 else None

    @property
    def text(self) -> str:
        """The plan in one short line."""
        lanes = " ".join(
            f"{place.role}={'any' if place.core is None else place.core}"
            f"({'spin' if place.is_spinning else 'block'})"
            for place in self.places
        )
        cold = ",".join(map(str, self.cold_cores))
        return f"{self.kind} {lanes} cold={cold}{'(merged)' if self.is_cold_merged else ''}"


def plan(
    cpus: CpuMap, wanted: str = "auto", *, is_blocking: bool = False, lane_core: int | None = None
) -> Topology:
    """Plan the lanes' and the cold processes' places.  Pure: the same map gives the same plan."""
    if wanted not in TOPOLOGIES:
        raise TopologyError(f"topology is {wanted!r}; want one of {', '.join(TOPOLOGIES)}")
    if not cpus.cores:
        raise TopologyError("no core is both online and allowed; look at taskset and cpuset")
    kind = wanted if wanted != "auto" else ("split" if cpus.count >= 3 else "fused")
    roles = ("market", "order") if kind == "split" else ("lane",)
    order = by_preference(cpus)
    notes = []
    if lane_core in order:
        order.remove(lane_core)
        order.insert(0, lane_core)
    elif lane_core is not None:
        notes.append(
            f"core {lane_core} is absent, offline or not allowed (there are"
            f" {','.join(map(str, cpus.cores))}): the lane runs on another"
        )
    if cpus.count < len(cpus.cores):
        notes.append(
            f"the control group gives {cpus.quota_cores:g} cores' time on {len(cpus.cores)} cores:"
            f" planned for {cpus.count}"
        )
    is_alone = cpus.count > len(roles)  # a core each, and one for everything else
    is_spinning = is_alone and not is_blocking
    if is_alone:
        lane_cores: list[int | None] = list(order[: len(roles)])
    elif cpus.count >= 2:
        lane_cores = [*order[: len(roles)]]
    else:
        lane_cores = [None if len(cpus.cores) > 1 else cpus.cores[0]] * len(roles)
    cold = cold_cores(cpus, [core for core in lane_cores if core is not None])
    if not is_spinning:
        notes.append(blocking_note(cpus, kind, wanted, is_blocking))
    shared = [c for c in lane_cores if c is not None and cpus.physical(c) & frozenset(cold)]
    if is_spinning and shared:
        notes.append(
            f"lane core {shared[0]} shares its physical core with cold processes on"
            f" {','.join(map(str, sorted(cpus.physical(shared[0]) & frozenset(cold))))} (SMT)"
        )
    places = tuple(
        Place(role, core, is_spinning, stall_bound(is_spinning, core is not None and core in cold))
        for role, core in zip(roles, lane_cores, strict=True)
    )
    return Topology(kind, places, cpus.cores, cold, cpus.count == 1, tuple(notes))


def plan_box(
    wanted: str = "auto", *, is_blocking: bool = False, lane_core: int | None = None
) -> Topology:
    """Plan for this box, as this process may use it now."""
    return plan(read_cpu_map(), wanted, is_blocking=is_blocking, lane_core=lane_core)


def by_preference(cpus: CpuMap) -> list[int]:
    """Order cores by how good they are for a lane: isolated, apart from others, high numbers.

    The lowest core comes last: interrupts and the kernel's own work land there by default.
    """
    out: list[int] = []
    left = sorted(cpus.cores, key=lambda core: (core in cpus.isolated, core), reverse=True)
    lowest = min(cpus.cores)
    left.sort(key=lambda core: core == lowest and core not in cpus.isolated)
    while left:
        taken = frozenset().union(*(cpus.physical(core) for core in out))
        home = cpus.physical(lowest)
        best = min(
            left, key=lambda core: (core in taken, core in home and lowest not in cpus.isolated)
        )
        out.append(best)
        left.remove(best)
    return out


def cold_cores(cpus: CpuMap, lanes: list[int]) -> tuple[int, ...]:
    """Return the cores for everything else: off the lanes' physical cores where possible."""
    others = [core for core in cpus.cores if core not in lanes]
    near = frozenset().union(*(cpus.physical(core) for core in lanes))
    for choice in (
        [core for core in others if core not in near and core not in cpus.isolated],
        [core for core in others if core not in cpus.isolated],
        others,
    ):
        if choice:
            return tuple(choice)
    return (min(cpus.cores),)


def blocking_note(cpus: CpuMap, kind: str, wanted: str, is_blocking: bool) -> str:
    if is_blocking:
        return "lanes block: asked"
    lanes = 2 if kind == "split" else 1
    forced = " (forced)" if wanted == kind else ""
    return (
        f"lanes block instead of spinning: {kind}{forced} needs {lanes + 1} cores to spin,"
        f" this box gives {cpus.count}"
    )


def stall_bound(is_spinning: bool, is_shared: bool) -> int:
    if is_spinning:
        return SPINNING_STALL_NS_MAX
    return SHARED_STALL_NS_MAX if is_shared else BLOCKING_STALL_NS_MAX


# -- reading the box -------------------------------------------------------------------------------


def parse_list(text: str) -> frozenset[int]:
    """Read a kernel list: `0-3,8,10-11`; empty is no core."""
    out: set[int] = set()
    for part in text.strip().split(","):
        if part:
            first, _, last = part.partition("-")
            out.update(range(int(first), int(last or first) + 1))
    return frozenset(out)


def read_cpu_map(root: Path = Path("/"), affinity: frozenset[int] | None = None) -> CpuMap:
    """Read the map of this box (or of a captured one under `root`)."""
    if affinity is None:
        affinity = frozenset(os.sched_getaffinity(0))
    folder = root / "sys/devices/system/cpu"
    online = parse_list(control_group.text(folder / "online")) or affinity
    isolated = parse_list(control_group.text(folder / "isolated")) & online
    group = read_cpuset(root)
    allowed = affinity & online
    if affinity & online >= (online - isolated) & (group or online):
        # Nobody narrowed the affinity; the kernel leaves isolated cores out of it by default.
        allowed |= isolated
    if group:
        allowed &= group
    siblings = {
        core: parse_list(control_group.text(folder / f"cpu{core}/topology/thread_siblings_list"))
        & online
        or frozenset((core,))
        for core in sorted(allowed)
    }
    return CpuMap(tuple(sorted(allowed)), isolated & allowed, siblings, read_quota(root))


def read_cpuset(root: Path) -> frozenset[int]:
    """Return the cores of our control group; empty where there is no such limit."""
    for version, folder in control_group.folders("cpuset", root):
        names = ("cpuset.effective_cpus", "cpuset.cpus") if version == 1 else (
            "cpuset.cpus.effective",
        )  # fmt: skip
        for name in names:
            if found := parse_list(control_group.text(folder / name)):
                return found
    return frozenset()


def read_quota(root: Path) -> float | None:
    """Return how many cores' time our control group (or one above it) has, None = no limit."""
    found = []
    for version, folder in control_group.folders("cpu", root):
        names = ("cpu.cfs_quota_us", "cpu.cfs_period_us") if version == 1 else ("cpu.max",)
        words = " ".join(control_group.text(folder / name) for name in names).split()
        if len(words) == 2 and words[0].isdigit() and words[1].isdigit():
            found.append(int(words[0]) / int(words[1]))
    return min(found, default=None)
