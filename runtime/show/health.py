"""How well a deployment is: a score of 0 to 100 with its reasons.

Owns:    the table of what costs how many points, and the sentence for each.
Refuses: the host's fitness (tuning), acting on what it finds.

`health` is what runs; `fitness` is the machine it runs on.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from runtime._shm import lib
from runtime.pages import names
from runtime.show.snapshot import Snapshot

GOOD_MIN = 80
LANE_SILENCE_NS = 1_000_000_000
SENTINEL_SILENCE_NS = 2_000_000_000
# Words for a deployment as a whole; their numbers are exported.
STATES = ("down", "stuck", "draining", "killed", "frozen", "starting", "armed", "flattening")
FALLBACK_SHARE = 100  # more than one frame in so many left to the general reader is a warning
FALLBACK_MESSAGES_MIN = 1000


@dataclass
class Health:
    score: int = 100
    reasons: list[str] = field(default_factory=list)

    def cost(self, points: int, reason: str) -> None:
        self.score = max(0, self.score - points)
        self.reasons.append(reason)

    @property
    def is_good(self) -> bool:
        return self.score >= GOOD_MIN


def state(found: Snapshot) -> str:
    """Return one word for the deployment: the strictest that any of its lanes shows."""
    alive = [one for one in found.lanes if one.is_alive]
    if not alive:
        return "down"
    held = 0
    for one in alive:
        held |= one.words
    if any(one.heartbeat_age_ns > LANE_SILENCE_NS for one in alive):
        return "stuck"
    draining = (lib.HP_LANE_DRAINING, lib.HP_LANE_DRAINED, lib.HP_LANE_STOPPED)
    if held & (lib.HP_WORD_DRAIN | lib.HP_WORD_STOP) or any(o.state in draining for o in alive):
        return "draining"
    if held & lib.HP_WORD_KILL:
        return "killed"
    if held & lib.HP_WORD_FLATTEN:
        return "flattening"
    if held & (lib.HP_WORD_FREEZE | lib.HP_WORD_SAFE_MODE):
        return "frozen"
    return "armed" if all(o.state == lib.HP_LANE_ARMED for o in alive) else "starting"


def lanes(found: Snapshot, health: Health) -> None:
    if not found.lanes:
        health.cost(100, "no lane has a page")
    for lane in found.lanes:
        state = names.LANE_STATES.get(lane.state, str(lane.state))
        silent = lane.heartbeat_age_ns > LANE_SILENCE_NS
        if not lane.is_alive:
            health.cost(100, f"{lane.name}: its process {lane.pid} is gone")
        elif silent:
            age = lane.heartbeat_age_ns / 1e9
            health.cost(100, f"{lane.name}: no heartbeat for {age:.1f} s; want at most 1 s")
        elif lane.state != lib.HP_LANE_ARMED:
            health.cost(40, f"{lane.name} is {state}, not armed: no new orders")
        held = [name for name in names.words(lane.words)]
        if held:
            health.cost(40, f"{lane.name} obeys {', '.join(held)}")
        c = lane.counters
        if c["strategy_halted"]:
            health.cost(30, f"{lane.name}: {c['strategy_halted']} strategies halted by an error")
        if c["unknown_now"]:
            health.cost(20, f"{lane.name}: {c['unknown_now']} orders have an unknown outcome")
        if (
            c["messages"] > FALLBACK_MESSAGES_MIN
            and c["fallbacks"] * FALLBACK_SHARE > c["messages"]
        ):
            share = 100 * c["fallbacks"] / c["messages"]
            health.cost(
                5, f"{lane.name}: {share:.1f} % of frames need the general reader; want 1 %"
            )
        if c["mail_refused"]:
            health.cost(5, f"{lane.name}: {c['mail_refused']} mails did not fit and were dropped")


def books(found: Snapshot, health: Health) -> None:
    out = [
        f"{one.symbol} {names.BOOK_STATES.get(one.state, one.state)}"
        for one in found.instruments
        if one.state != lib.HP_BOOK_SYNCED
    ]
    if out:
        share = 30 * len(out) // len(found.instruments)
        health.cost(max(5, share), f"books not synced: {', '.join(out[:8])}")


def processes(found: Snapshot, health: Health) -> None:
    for process in found.processes:
        if process.state == lib.HP_PROCESS_GIVEN_UP:
            health.cost(
                50, f"{process.name} is given up after {process.restarts} restarts: look at its log"
            )
        elif process.state in (lib.HP_PROCESS_BACKING_OFF, lib.HP_PROCESS_ABSENT):
            health.cost(20, f"{process.name} is down, cause {process.last_cause}")


def clock(found: Snapshot, health: Health) -> None:
    if found.clock is not None and found.clock.divergence_ns is None:
        why = found.clock.reason or "its record has expired"
        health.cost(10, f"nobody vouches for the clock: {why}")


def authority(found: Snapshot, health: Health) -> None:
    """Limits that are frozen, and lanes whose lease has ended."""
    for row in [] if found.authority is None else found.authority.rows:
        if row.is_frozen:
            health.cost(
                40, f"limit {row.name} is frozen: no new risk; corelane limits thaw {row.name}"
            )
    for lane in found.lanes:
        if lane.lease is None or lane.state != lib.HP_LANE_ARMED:
            continue
        if lane.lease.left_ns is None:
            health.cost(20, f"{lane.name} has no lease of limits yet: no new risk")
        elif lane.lease.left_ns <= 0:
            age = -lane.lease.left_ns / 1e9
            health.cost(30, f"{lane.name}: its lease of limits ended {age:.1f} s ago: no new risk")


def sentinel(found: Snapshot, health: Health) -> None:
    one = found.sentinel
    if one is None:
        return
    if not one.is_alive or (one.heartbeat_age_ns or 0) > SENTINEL_SILENCE_NS:
        health.cost(40, f"the sentinel does not beat (pid {one.pid}): nobody watches from outside")
    elif one.state == lib.HP_SENTINEL_CANCELLING:
        health.cost(40, f"the sentinel is cancelling: {one.reason}; {one.left} orders left")
    elif one.state == lib.HP_SENTINEL_HOLDING:
        health.cost(
            20, f"the sentinel holds: {one.reason}; corelane sentinel release takes it back"
        )
    elif not one.connections:
        health.cost(20, "the sentinel has no connection to the venue")


def of(found: Snapshot) -> Health:
    """Judge a snapshot."""
    health = Health()
    for part in (lanes, books, processes, clock, authority, sentinel):
        part(found, health)
    for sentence in found.degraded:
        health.cost(3, sentence)
    for name, why in found.refused.items():
        health.cost(10, f"page {name} cannot be read: {why}")
    return health
