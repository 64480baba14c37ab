"""A broken seed made short: fewer faults, less time, fewer orders, while it breaks the same way.

Owns:    the search, and the few lines that tell what is left.
Refuses: another seed: what is left is the same story with parts of it taken out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.simulation.loop import MS
from tests.simulation.world import FAULTS_NS, ORDERS, Outcome, live

LINES = 40  # of a story, at its end


@dataclass(frozen=True)
class Short:
    """A seed and what is taken out of it."""

    seed: int
    without: tuple[str, ...] = ()
    faults_ns: int = FAULTS_NS
    orders: int = ORDERS

    def live(self, tells: bool = False) -> Outcome:
        return live(
            self.seed,
            without=self.without,
            faults_ns=self.faults_ns,
            orders=self.orders,
            tells=tells,
        )

    @property
    def command(self) -> str:
        parts = [f"python -m tests.simulation --seed {self.seed}"]
        if self.without:
            parts.append(f"--without {','.join(self.without)}")
        if self.faults_ns != FAULTS_NS:
            parts.append(f"--faults-ms {self.faults_ns // MS}")
        if self.orders != ORDERS:
            parts.append(f"--orders {self.orders}")
        return " ".join([*parts, "--story"])


def shrink(seed: int, say: Callable[[str], None] = lambda text: None) -> tuple[Short, Outcome]:
    """Return the shortest form found of a broken seed, with its story."""
    best = Short(seed)
    outcome = best.live()
    if not outcome.broken:
        raise ValueError(f"seed {seed} breaks nothing")
    tries = 1

    def breaks(short: Short) -> bool:
        nonlocal tries
        tries += 1
        return short.live().invariant == outcome.invariant

    for fault in sorted(outcome.drawn):
        fewer = replace(best, without=(*best.without, fault))
        if breaks(fewer):
            best = fewer
    for field, least in (("faults_ns", 20 * MS), ("orders", 1)):
        low, high = least, getattr(best, field)  # high breaks
        while high - low > max(1, high // 16):
            middle = (low + high) // 2
            shorter = replace(best, **{field: middle})
            if breaks(shorter):
                best, high = shorter, middle
            else:
                low = middle
    count = len(outcome.drawn)
    say(f"{tries} tries: {count - len(best.without)} of {count} faults left")
    return best, best.live(tells=True)


def told(short: Short, outcome: Outcome) -> str:
    """Return the story in a few lines."""
    lines = outcome.story[-LINES:]
    left = len(outcome.story) - len(lines)
    head = [f"... {left} lines before"] if left else []
    faults = ", ".join(sorted(set(outcome.drawn) - set(short.without))) or "none"
    return "\n".join(
        [*head, *lines, outcome.broken, f"faults: {faults}", f"again: {short.command}"]
    )
