"""What a seed decides: which faults exist, how strong they are, and every draw after that.

Owns:    the list of faults with the bounds of their strength, one stream of chance per use.
Refuses: a common stream: a fault that is taken away must not move the draws of the others, or a
         story could not be shortened.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One fault: what it does, and between which strengths a seed may choose."""

    name: str
    least: float
    most: float
    doc: str


# Strengths are chances per frame or request, or occurrences a second of virtual time.
FAULTS: dict[str, Fault] = {
    one.name: one
    for one in (
        # the network
        Fault("slow", 0.05, 0.5, "share of frames that take up to 400 ms instead of a few"),
        Fault("cut", 0.2, 2.0, "connections that break, a second; what is on its way may arrive"),
        Fault("half_open", 0.1, 1.0, "connections that go dead without a word, a second"),
        Fault("partition", 0.1, 0.6, "nothing passes for up to 600 ms, times a second"),
        Fault("deaf", 0.2, 2.0, "nothing about our orders comes back for up to 500 ms, a second"),
        Fault("rest_lost", 0.02, 0.3, "REST requests that time out, done or not done"),
        # the venue
        Fault("lost_answer", 0.02, 0.3, "order requests that are carried out and not answered"),
        Fault("unknown_outcome", 0.02, 0.3, "answered with -1007 and carried out all the same"),
        Fault("throttled", 0.02, 0.2, "answered with -1008 and not carried out"),
        Fault("late_request", 0.02, 0.2, "held for up to 800 ms before they are matched"),
        Fault("refused", 0.02, 0.2, "order requests that are refused"),
        Fault("expired", 0.05, 0.5, "post-only orders that would take: accepted, then expired"),
        Fault("read_lag", 0.3, 1.0, "how far (of the bound) the venue's lists lag"),
        Fault("busy", 0.02, 0.2, "REST requests answered with 503"),
        Fault("overloaded", 0.01, 0.2, "REST requests answered with 429, retry after 1 s"),
        Fault("banned", 0.002, 0.03, "REST requests answered with 418, as all for 1 s"),
        Fault("twice", 0.02, 0.3, "user events that are told twice, at once or up to 150 ms later"),
        Fault("swapped", 0.02, 0.3, "user events that come after the next one, or up to four"),
        Fault("gap", 0.01, 0.15, "depth events that are lost"),
        Fault("depth_twice", 0.01, 0.15, "depth events that are told twice"),
        Fault("depth_swapped", 0.01, 0.15, "depth events that come after the next one"),
        Fault("old_snapshot", 0.05, 0.8, "snapshots of a book that are those of a moment ago"),
        Fault("silence", 0.1, 1.5, "market streams that fall silent for up to 1.2 s, a second"),
        Fault("key_expired", 0.05, 0.5, "listen keys that expire, times a second"),
        Fault("nibbled", 0.5, 12.0, "orders of ours that are filled in part or whole, a second"),
        Fault("funding", 0.2, 4.0, "settlements of funding, a second"),
        Fault("by_hand", 1.0, 6.0, "trades by a person while the first lane opens, a second"),
        # this host
        Fault("kill", 0.2, 2.5, "kills of the lane between two steps or within one, a second"),
        Fault("kill_session", 0.1, 0.8, "kills of the session process, a second"),
        Fault("kill_authority", 0.1, 1.2, "kills of the authority, a second"),
        Fault("kill_archiver", 0.1, 1.0, "kills of the archiver, a second"),
        Fault("no_memory", 0.1, 0.8, "kills of all processes but the lane at once, a second"),
        Fault("disk_full", 0.001, 0.05, "writes of the archive that find room for a part or none"),
        Fault("disk_short", 0.01, 0.2, "writes of the archive that are cut short"),
        Fault("disk_slow", 0.01, 0.2, "turns of the archiver that take up to 200 ms"),
        Fault("disk_fails", 0.001, 0.05, "syncs of the archive that fail"),
        Fault("checkpoint", 0.5, 3.0, "checkpoints that are taken, a second"),
        Fault("power", 0.2, 3.0, "cuts of power, as the archive's disk sees them, a second"),
        Fault("kill_sentinel", 0.1, 0.8, "kills of the sentinel, a second"),
        Fault("trip", 0.1, 0.6, "trips of the sentinel by a person, a second"),
        Fault("stop_supervisor", 0.1, 0.8, "stops of the supervisor: no lease is renewed"),
        Fault("pause", 0.1, 0.8, "stops of the lane for up to 1.5 s, times a second"),
        Fault("words", 0.1, 0.8, "freezes, flattens and kills by a person, a second"),
        Fault("limits", 0.2, 2.0, "changes of the account's limits by a person, a second"),
        Fault("clock", 0.1, 0.6, "steps of this host's clock by up to 300 ms, a second"),
        # new ones come last: a draw in between would move all behind it
        Fault("chatter", 4.0, 40.0, "long events that nobody reads, on any connection, a second"),
        Fault("pair_late", 0.02, 0.4, "hand-overs between two lanes that take up to 60 ms"),
        Fault("very_slow", 0.005, 0.1, "share of frames that take up to 2 s"),
        Fault("one_way", 0.2, 1.5, "what we send waits for up to 700 ms, a second; all comes in"),
        Fault("venue_restart", 0.1, 0.6, "restarts of the venue, a second: refused for up to 1 s"),
        Fault("clock_rate", 1e-5, 1e-3, "how much faster or slower this host's UTC runs"),
    )
}


# Faults that seldom meet by chance alone, and are worst together.  Half of the seeds have one
# group, most of it and strong, beside whatever else they have.
THEMES: dict[str, tuple[str, ...]] = {
    "death": ("kill", "read_lag", "slow", "lost_answer", "rest_lost", "late_request", "nibbled"),
    "late": ("kill", "late_request", "refused", "read_lag", "unknown_outcome", "deaf"),
    "stream": ("swapped", "twice", "key_expired", "cut", "funding", "deaf", "nibbled"),
    "market": ("gap", "silence", "old_snapshot", "depth_swapped", "overloaded", "pause"),
    "store": ("kill_archiver", "disk_full", "no_memory", "kill", "checkpoint", "power"),
    "parked": ("disk_slow", "disk_short", "pause", "silence", "gap", "swapped"),
    "rule": ("words", "stop_supervisor", "kill_authority", "trip", "pause"),
}
THEMED = 0.5  # share of the seeds


@dataclass(frozen=True)
class Choice:
    """Something that a share of the deployments is, with faults that it is there for."""

    name: str
    share: float
    faults: tuple[str, ...]
    doc: str


CHOICES: dict[str, Choice] = {
    one.name: one
    for one in (
        Choice(
            "small_ring",
            0.2,
            ("disk_slow", "disk_full", "disk_fails", "kill_archiver", "chatter"),
            "journal rings that come round within a story, and fill when nobody archives them",
        ),
        Choice(
            "power_cut",
            0.12,
            ("disk_fails", "disk_short", "disk_slow", "checkpoint"),
            "a cut of power, behind which the deployment goes on from what the disk holds",
        ),
        Choice(
            "split",
            0.15,
            ("pair_late", "kill", "pause"),
            "market lane and order lane apart, each killed and stopped alone",
        ),
        Choice("hedge", 0.15, (), "an account in hedge mode: a long and a short leg a symbol"),
    )
}


class Chance:
    """All draws of one seed.  `without`: faults that are taken away though the seed has them."""

    def __init__(self, seed: int, without: Collection[str] = ()) -> None:
        self.seed = seed
        swarm = random.Random(f"{seed}/swarm")
        share = swarm.choice((0.1, 0.2, 0.35, 0.6))
        themes = random.Random(f"{seed}/theme")
        self.theme = themes.choice(list(THEMES)) if themes.random() < THEMED else ""
        self.drawn: dict[str, float] = {}
        for fault in FAULTS.values():
            is_on, strength = swarm.random() < share, swarm.random() ** 1.5
            if fault.name in THEMES.get(self.theme, ()) and themes.random() < 0.8:
                is_on, strength = True, max(strength, themes.random())
            if is_on:
                self.drawn[fault.name] = fault.least + (fault.most - fault.least) * strength
        self.chosen: set[str] = set()
        for choice in CHOICES.values():
            draw = random.Random(f"{seed}/choice/{choice.name}")
            if draw.random() >= choice.share:
                continue
            if choice.name not in without:
                self.chosen.add(choice.name)
            for name in choice.faults:
                if draw.random() < 0.6:
                    fault, strength = FAULTS[name], draw.random()
                    least = fault.least + (fault.most - fault.least) * strength
                    self.drawn[name] = max(least, self.drawn.get(name, 0.0))
        self.strength = {name: n for name, n in self.drawn.items() if name not in without}
        self.is_healed = False
        self.done: dict[str, int] = {}
        self.streams: dict[str, random.Random] = {}

    def of(self, use: str) -> random.Random:
        """The stream of chance of one use."""
        stream = self.streams.get(use)
        if stream is None:
            stream = self.streams[use] = random.Random(f"{self.seed}/{use}")
        return stream

    def happens(self, fault: str) -> bool:
        """Say whether a fault happens to this frame or request; it is counted."""
        strength = self.strength.get(fault)
        if strength is None or self.is_healed or self.of(fault).random() >= strength:
            return False
        self.note(fault)
        return True

    def pause_ns(self, fault: str) -> int | None:
        """Draw how long it is until a fault that comes so often a second; None = it never does."""
        strength = self.strength.get(fault)
        return int(self.of(fault).expovariate(strength) * 1e9) if strength is not None else None

    def note(self, fault: str) -> None:
        self.done[fault] = self.done.get(fault, 0) + 1
