"""Lanes, an authority and a venue on paper: time is a number, chance is a seed, anything may die.

The venue knows the truth: what each lane holds there.  A lane spends what its lease says, in steps
that a kill may cut between any two: gate, send, arrival.  What it knows is in its own page, which
dies with it; its successor asks the venue.  The authority is the real arithmetic; what it remembers
is what it wrote down, and a kill may cut between writing down and publishing.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from runtime.authority.leases import Amounts, Bound, Heard, Leases
from runtime.authority.shares import Demand, Policy, split

LEASE, RENEW = 100, 20
BOUNDS = [Bound(1, 0, "gross"), Bound(1, 0, "open"), Bound(3, 1, "net")]


@dataclass
class LimitsPage:
    """One lane's page of the authority: outlives both."""

    fence: int = 0
    until: int = 0
    grant: Amounts = field(default_factory=dict)


@dataclass
class LanePage:
    epoch: int = 0
    fence: int = 0
    turn: int = 0
    is_open: bool = False
    is_over: bool = False
    used: Amounts = field(default_factory=dict)


class Lane:
    """One life of a lane."""

    def __init__(self, number: int, epoch: int, limits: LimitsPage, page: LanePage) -> None:
        self.number, self.epoch, self.limits, self.page = number, epoch, limits, page
        self.fence = self.until = 0
        self.grant: Amounts = {}
        self.held: Amounts = {}  # positions and all that may work, as it knows
        self.wire: list[tuple[Bound, int]] = []  # passed the gate, not yet at the venue
        self.is_open = False
        self.wants: dict[Bound, int] = {}

    def open(self, truth: Amounts) -> None:
        """Take what the venue says."""
        self.held, self.is_open = dict(truth), True

    def sample(self, now: int) -> None:
        """Take the page's lease, then say what is held, then under which fence: in this order."""
        if self.limits.fence >= self.fence:
            self.fence, self.until = self.limits.fence, self.limits.until
            self.grant = dict(self.limits.grant)
        self.page.is_open = self.is_open
        self.page.used = dict(self.held)
        self.page.turn = now
        self.page.fence = self.fence

    def spend(self, now: int, chance: random.Random) -> None:
        """Pass the gate with a random order, if it passes; it reaches the venue later or never."""
        if not self.is_open or now >= self.until:
            return
        bound = chance.choice(BOUNDS)
        size = 1 + int(chance.random() * self.wants.get(bound, 10))
        if self.held.get(bound, 0) + size <= self.grant.get(bound, 0):
            self.held[bound] = self.held.get(bound, 0) + size
            self.wire.append((bound, size))


class Authority:
    """The loop of the real one, in steps: hear, shrink, write down, raise, renew."""

    def __init__(self, disk: dict, world: World) -> None:
        disk["term"] += 1  # durable before use
        self.fence = disk["term"] << 32
        self.disk, self.world = disk, world
        self.leases = Leases(world.limits_pages, disk["shares"])
        self.leases.limits = dict(world.limit)
        self.refused: dict[int, set[Bound]] = {}
        for lane in world.limits_pages:  # nothing of the former is prolonged
            self.publish(lane)
        self.waiting: dict | None = None

    def publish(self, lane: int) -> None:
        page = self.world.limits_pages[lane]
        self.fence += 1
        before = page.until
        page.fence, page.grant = self.fence, dict(self.leases.lanes[lane].grant)
        page.until = self.world.now + LEASE
        self.leases.published(lane, self.fence, before)

    def targets(self) -> dict[int, Amounts]:
        out: dict[int, Amounts] = {lane: {} for lane in self.world.limits_pages}
        for bound, limit in self.leases.limits.items():
            demands = {
                lane: Demand(
                    one.grant.get(bound, 0),
                    one.used.get(bound, 0),
                    self.world.chance.random() < 0.3,
                )
                for lane, one in self.leases.lanes.items()
            }
            for lane, part in split(limit, demands, Policy()).items():
                out[lane][bound] = part
        return out

    def step(self) -> None:
        """One of the things it does in turn; a kill may come between any two."""
        if self.waiting is not None:  # written down by now: publish
            raised, targets = self.waiting
            self.waiting = None
            for lane, wanted in targets.items():
                if self.leases.take(lane, raised.get(lane, {}), wanted):
                    self.publish(lane)
            return
        kind = self.world.chance.random()
        if kind < 0.4:
            for page in self.world.limits_pages.values():
                page.until = max(page.until, self.world.now + LEASE)
        elif kind < 0.7:
            for lane, page in self.world.lane_pages.items():
                heard = Heard(
                    page.epoch, page.fence, page.turn, page.is_open, page.is_over, dict(page.used)
                )
                self.leases.hear(lane, heard)
        else:
            self.leases.limits = dict(self.world.limit)
            targets = self.targets()
            for lane, wanted in targets.items():
                if self.leases.shrink(lane, wanted):
                    self.publish(lane)
            raised = self.leases.raised(targets)
            self.disk["shares"] = self.leases.durable(raised)
            self.waiting = (raised, targets)


class World:
    """Everything, in one thread."""

    def __init__(self, seed: int, lanes: int = 3, limit: int = 1000) -> None:
        self.chance = random.Random(seed)
        self.now = 1
        self.limit: Amounts = dict.fromkeys(BOUNDS, limit)
        self.truth: dict[int, Amounts] = {n: {} for n in range(lanes)}
        self.late: list[tuple[int, Bound, int]] = []  # sent by lanes that died since
        self.limits_pages = {n: LimitsPage() for n in range(lanes)}
        self.lane_pages = {n: LanePage() for n in range(lanes)}
        self.lanes: dict[int, Lane | None] = dict.fromkeys(range(lanes))
        self.epochs = dict.fromkeys(range(lanes), 0)
        self.disk: dict = {"term": 0, "shares": {}}
        self.authority: Authority | None = None
        self.spent = 0
        self.moves = 0

    def arrive(self, lane: int, bound: Bound, size: int) -> None:
        self.truth[lane][bound] = self.truth[lane].get(bound, 0) + size
        self.spent += 1

    def lane_step(self, number: int) -> None:
        chance, lane = self.chance, self.lanes[number]
        if lane is None:
            if chance.random() < 0.2:
                self.epochs[number] += 1
                page = self.lane_pages[number] = LanePage(epoch=self.epochs[number])
                born = Lane(number, self.epochs[number], self.limits_pages[number], page)
                born.wants = {b: chance.choice((5, 50, 500)) for b in BOUNDS}
                self.lanes[number] = born
            return
        kind = chance.random()
        if kind < 0.01:  # killed: what is on the wire arrives before a successor is told, or never
            self.late += [(number, *one) for one in lane.wire]
            self.lanes[number] = None
        elif not lane.is_open:
            for item in [one for one in self.late if one[0] == number]:
                self.late.remove(item)
                if chance.random() < 0.5:
                    self.arrive(*item)
            lane.open(self.truth[number])
        elif kind < 0.35:
            lane.sample(self.now)
        elif kind < 0.8:
            lane.spend(self.now, chance)
        elif kind < 0.9 and lane.wire:
            self.arrive(number, *lane.wire.pop(0))
        elif self.truth[number]:  # a position closes, an order is cancelled
            bound = chance.choice(list(self.truth[number]))
            free = int(self.truth[number][bound] * chance.random())
            self.truth[number][bound] -= free
            lane.held[bound] -= free

    def authority_step(self) -> None:
        if self.authority is None:
            if self.chance.random() < 0.05:
                self.authority = Authority(self.disk, self)
        elif self.chance.random() < 0.01:
            self.authority = None
        else:
            self.authority.step()

    def step(self) -> None:
        self.now += self.chance.choice((0, 1, 1, 2, 5))
        if self.chance.random() < 0.25:
            self.authority_step()
        else:
            self.lane_step(self.chance.randrange(len(self.lanes)))

    def worst(self, bound: Bound) -> int:
        """Return the most that may come to be held if every lane spends all it could from here on.

        Whatever happens to the authority: by what each lane has taken or may take from its page.
        """
        total = 0
        for number, lane in self.lanes.items():
            held = self.truth[number].get(bound, 0)
            held += sum(size for n, b, size in self.late if n == number and b == bound)
            page = self.limits_pages[number]
            leases = [page.grant.get(bound, 0)] if page.until > self.now else []
            if lane is not None:
                held += sum(size for b, size in lane.wire if b == bound)
                if lane.until > self.now:
                    leases.append(lane.grant.get(bound, 0))
            total += max([held, *leases])
        return total
