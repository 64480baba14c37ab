"""Why a process ended, and how often it may be started again for each cause.

Owns:    the one table of limits; naming the cause of an exit; counting and back-off per process.
Refuses: starting and ending processes (runtime/supervise/supervisor.py).

A cause has its own limit, because causes mean different things: who kills a process from outside
wants to see it come back; a process that aborts will abort again on the same input.
"""

from __future__ import annotations

import signal
from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path

from runtime._shm import ffi, lib
from runtime.supervise import control_group

CRASH_SIGNALS = {
    signal.SIGSEGV,
    signal.SIGABRT,
    signal.SIGBUS,
    signal.SIGILL,
    signal.SIGFPE,
    signal.SIGTRAP,
    signal.SIGSYS,
}
CAUSES = {
    number: text.removeprefix("HP_EXIT_").lower()
    for number, text in ffi.typeof("enum hp_exit_cause").elements.items()
    if number != lib.HP_EXIT_CAUSE_COUNT
}


@dataclass(frozen=True)
class Limit:
    """How often a cause may be answered by a new start."""

    restarts: int
    window_s: float  # so many within this time
    healthy_s: float  # a life of this length forgets what came before it
    delay_s: float  # before the second start in a row; doubled for each further one
    delay_s_max: float


# One line per cause.  The first restart after a healthy life comes at once.
LIMITS = {
    lib.HP_EXIT_CLEAN: Limit(10, 60, 5, 0.1, 5),  # it left unasked, with code 0
    lib.HP_EXIT_ERROR: Limit(3, 60, 60, 0.2, 5),
    lib.HP_EXIT_CRASH: Limit(1, 600, 600, 0.2, 5),  # not twice on the same cause
    lib.HP_EXIT_KILLED: Limit(30, 60, 5, 0.02, 1),
    lib.HP_EXIT_STALLED: Limit(3, 60, 60, 0.2, 5),
    lib.HP_EXIT_MEMORY: Limit(2, 600, 600, 1, 30),
}


def limit_restarts(restarts: dict[str, int]) -> None:
    """Set how often each cause (by name) may be answered; windows and delays stay."""
    for number, name in CAUSES.items():
        if name in restarts:
            LIMITS[number] = replace(LIMITS[number], restarts=restarts[name])


def cause_of(code: int, *, was_stalled: bool, memory_kills: int) -> int:
    """Name the cause of an exit.

    code: exit code, or minus the signal.  memory_kills: processes that the kernel's memory killer
    ended in our control group since this one was last seen alive.
    """
    if was_stalled:
        return int(lib.HP_EXIT_STALLED)
    if code == 0:
        return int(lib.HP_EXIT_CLEAN)
    if code == -signal.SIGKILL:
        return int(lib.HP_EXIT_MEMORY if memory_kills > 0 else lib.HP_EXIT_KILLED)
    if code < 0 and signal.Signals(-code) in CRASH_SIGNALS:
        return int(lib.HP_EXIT_CRASH)
    if code == -signal.SIGTERM:
        return int(lib.HP_EXIT_KILLED)
    return int(lib.HP_EXIT_ERROR)


@dataclass
class History:
    """The exits of one process by cause, as far as they count."""

    ends: dict[int, deque[float]] = field(default_factory=dict)
    in_a_row: int = 0

    def next_delay(self, cause: int, lived_s: float, now: float) -> float | None:
        """Count an exit; return the seconds until the next start, None when the limit is spent."""
        limit = LIMITS[cause]
        ends = self.ends.setdefault(cause, deque())
        if lived_s >= limit.healthy_s:
            ends.clear()
        if lived_s >= LIMITS[lib.HP_EXIT_KILLED].healthy_s:
            self.in_a_row = 0
        while ends and now - ends[0] > limit.window_s:
            ends.popleft()
        ends.append(now)
        self.in_a_row += 1
        if len(ends) > limit.restarts:
            return None
        if self.in_a_row == 1:
            return 0.0
        return float(min(limit.delay_s_max, limit.delay_s * 2 ** min(self.in_a_row - 2, 16)))


def memory_kills(root: Path = Path("/")) -> int:
    """Count what the kernel's memory killer has ended: in our control group, else on this host."""
    for version, folder in control_group.folders("memory", root):
        found = _field(folder / ("memory.oom_control" if version == 1 else "memory.events"))
        if found is not None:
            return found
    return _field(root / "proc/vmstat") or 0


def _field(path: Path) -> int | None:
    for line in control_group.text(path).splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == "oom_kill":
            return int(words[1])
    return None
