"""What a look at a host needs to know: the host, its facts, profile, roles, lanes and cards.

Owns:    putting these together once for a check, a plan or a watch.
Refuses: looking at knobs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from tuning import profiles, roles, want
from tuning.facts import Card, Facts
from tuning.host import Host
from tuning.model import Knob, Severity
from tuning.profiles import Profile


@dataclass(frozen=True, slots=True)
class Lane:
    """One running lane process: its main thread and the CPU that the roles give it."""

    pid: int
    name: str
    cpu: int | None


@dataclass(frozen=True)
class Context:
    host: Host
    facts: Facts
    profile: Profile
    roles: roles.Roles
    lanes: tuple[Lane, ...] = ()
    cards: tuple[Card, ...] = ()
    chosen: str = ""  # why this profile, when nobody named one
    applied: dict[str, str] = field(default_factory=dict)  # address -> what we wrote in this boot
    managed: frozenset[str] = frozenset()  # interrupts whose mask the kernel refused to give us
    brief: bool = False  # no second reading of counters: the watch has its own
    samples: dict[str, tuple[Any, Any, float]] = field(
        default_factory=dict
    )  # knob -> before, after, s

    @cached_property
    def terms(self) -> want.Terms:
        named = {
            name: self.roles.named(name)
            for name in ("housekeeping", "lanes", "isolated", "idle", "hot")
        }
        named["online"] = self.facts.online
        named["present"] = self.facts.present
        for node, members in self.facts.nodes.items():
            named[f"housekeeping@{node}"] = self.roles.housekeeping & members
        return want.Terms(named, self.profile.sizes, self.facts.memory_kib)

    def wanted(self, knob: Knob) -> want.Want:
        """Return what the profile wants of a knob: its override, or its column of the catalogue."""
        change = self.profile.overrides.get(knob.id)
        return want.parse(change["want"] if change else knob.wants[self.profile.base])

    def severity(self, knob: Knob) -> Severity:
        """Return how bad its absence is here: one level lower where cores are not ours alone."""
        if self.wanted(knob).kind == "report":
            return Severity.INFO
        lowered = self.profile.base != "bare-metal" and not knob.firm
        return knob.severity.lower() if lowered else knob.severity

    def fresh(self) -> Context:
        """Return the same context with facts that are read anew."""
        return replace(self, facts=Facts(self.host), samples={})


def look_at(
    host: Host,
    profile: str | Profile | None = None,
    *,
    pids: Iterable[int] = (),
    cards: Iterable[str] = (),
    applied: dict[str, str] | None = None,
    managed: Iterable[str] = (),
    brief: bool = False,
) -> Context:
    """Read the facts, choose a profile if none is named, deal out roles and lane CPUs."""
    facts = Facts(host)
    chosen = ""
    if profile is None:
        choice = profiles.choose(facts)
        profile = choice.profile
        chosen = f"{', '.join(dict.fromkeys(choice.reasons))}; next: {choice.runner_up}"
    elif isinstance(profile, str):
        profile = profiles.load(profile)
    wanted = tuple(cards) or profile.cards
    found = [facts.card(name) for name in wanted] if wanted else [c for c in facts.cards if c.up]
    node = next((card.node for card in found if card.node is not None), None)
    given = roles.assign(facts, profile.roles, node)
    running = _lanes(facts, tuple(pids), profile.lanes, sorted(given.lanes))
    return Context(
        host,
        facts,
        profile,
        given,
        running,
        tuple(found),
        chosen,
        applied or {},
        frozenset(managed),
        brief,
    )


def _lanes(
    facts: Facts, pids: tuple[int, ...], patterns: tuple[str, ...], cpus: list[int]
) -> tuple[Lane, ...]:
    """Find the lanes, oldest first, and deal the lane CPUs out to them in turn."""
    names = {int(task["pid"]): task for task in reversed(facts.tasks) if task["pid"] == task["tid"]}
    running = pids or tuple(sorted(facts.processes(*patterns).values())) if patterns else pids
    running = tuple(
        sorted((p for p in running if p in names), key=lambda p: (names[p]["start"], p))
    )
    return tuple(
        Lane(pid, str(names[pid]["comm"]), cpus[i] if i < len(cpus) else None)
        for i, pid in enumerate(running)
    )
