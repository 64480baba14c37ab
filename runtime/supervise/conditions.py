"""What of the box falls short of what a lane wants: said before it trades, or a refusal.

Owns:    the looks at shared memory, memory and limits; the sentences, each with a remedy.
Refuses: changing anything; cores and SMT (supervise/topology.py), the baseline's knobs (tuning/).

docs/DEGRADED.md lists every condition, what follows from it, and which are refused.
"""

from __future__ import annotations

import os
import resource
from pathlib import Path

from runtime.supervise import control_group

CAP_IPC_LOCK = 14
MEMORY_WANTED_BYTES = 400 * 1024 * 1024  # everything, the ring included
MB = 1024 * 1024


class ConditionError(Exception):
    """The box cannot carry an appliance safely."""


def shared_memory(shm: Path, life_bytes: int, ring_bytes: int) -> list[str]:
    """Say whether the pages of a lane's life fit, and the ring of a dead one beside them."""
    found = os.statvfs(shm)
    free = found.f_bavail * found.f_frsize
    if free < life_bytes:
        total = found.f_blocks * found.f_frsize
        why = "too small" if total < life_bytes else "too full"
        raise ConditionError(
            f"{shm} is {why}: the pages of one lane need {life_bytes // MB} MB,"
            f" {free // MB} of {total // MB} MB are free; mount a larger one"
            f" (containers: --shm-size=256m) or give smaller journal segments"
        )
    if free < life_bytes + ring_bytes:
        return [
            f"{shm} has room for one journal ring only ({free // MB} MB free): a dead lane's ring"
            " is dropped when its successor starts; mount a larger one"
        ]
    return []


def huge_pages(shm: Path, root: Path = Path("/")) -> list[str]:
    """Say whether rings may use huge pages: the mount's own option decides."""
    for line in control_group.text(root / "proc/self/mounts").splitlines():
        words = line.split()
        if len(words) > 3 and words[1] == str(shm):
            options = dict(o.partition("=")[::2] for o in words[3].split(","))
            if options.get("huge", "never") != "never":
                return []
    return [
        f"no huge pages for shared pages: {shm} is mounted without huge=;"
        f" mount -o remount,huge=within_size {shm}"
    ]


def memory(root: Path = Path("/")) -> list[str]:
    """Say whether the memory that is left, of the host and of our control group, is enough."""
    available = memory_available(root)
    if available is None or available >= MEMORY_WANTED_BYTES:
        return []
    return [
        f"{available // MB} MB of memory available, {MEMORY_WANTED_BYTES // MB} wanted:"
        " the kernel may end a lane for want of it"
    ]


def memory_available(root: Path = Path("/")) -> int | None:
    """Return the bytes that may still be used, by the tightest of host and control groups."""
    found = []
    for line in control_group.text(root / "proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            found.append(int(line.split()[1]) * 1024)
    for version, folder in control_group.folders("memory", root):
        names = ("limit_in_bytes", "usage_in_bytes") if version == 1 else ("max", "current")
        limit, usage = (control_group.text(folder / f"memory.{n}").strip() for n in names)
        if limit.isdigit() and usage.isdigit():
            found.append(max(0, int(limit) - int(usage)))
    return min(found, default=None)


def can_lock_all(root: Path = Path("/"), limit: int | None = None) -> bool:
    """Say whether this process may lock all memory that it has and will have.

    With a limit and without the capability a lane that locked everything would fail at its next
    allocation beyond the limit: it must not try.
    """
    if limit is None:
        limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    if limit == resource.RLIM_INFINITY:
        return True
    for line in control_group.text(root / "proc/self/status").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> CAP_IPC_LOCK & 1)
    return False


def lane(
    wanted_core: int | None, core: int, wanted_spin: bool, is_spinning: bool, locked: int
) -> list[str]:
    """Say what a started lane did not reach, from its page."""
    out = []
    if wanted_core is not None and core != wanted_core:
        out.append(
            f"the lane could not be pinned to core {wanted_core} (no permission, or the core is"
            " gone)" + ("" if is_spinning or not wanted_spin else ": it blocks instead of spinning")
        )
    if locked != 1:
        limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
        text = "unlimited" if limit == resource.RLIM_INFINITY else f"{limit // 1024} KiB"
        part = "only its tables are" if locked == 2 else "none of it is"
        out.append(
            f"the lane's memory is not locked, {part} (RLIMIT_MEMLOCK is {text}, no CAP_IPC_LOCK):"
            " a page fault may delay an order; ulimit -l unlimited, or grant CAP_IPC_LOCK"
        )
    return out
