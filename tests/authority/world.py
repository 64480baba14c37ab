"""Lanes, an authority and a venue on paper: time is a number, chance is a seed, anything may die.

The venue knows the truth: what each lane holds there.  An order counts in all four dimensions, and
lanes share them as they do in a deployment: accounts are of some lanes, a venue is of all,
strategies and instruments of those that happen to trade them.  Limits are lowered, raised and taken
away at any moment.  A lane spends what its lease says, in steps
that a kill may cut between any two: gate, send, arrival.  What it knows is in its own page, which
dies with it; its successor asks the venue.  The authority is the real arithmetic; what it remembers
is what it wrote down, and a kill may cut between writing down and publishing.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from runtime.authority import leases
from runtime.authority.leases import NONE, Amounts, Bound, Heard, Leases
from runtime.authority.shares import Demand, Policy, split

LEASE, RENEW = 100, 20
ACCOUNTS, VENUES, STRATEGIES, INSTRUMENTS = (0, 1), (0,), (0, 1), (1, 2)
IDS = {1: ACCOUNTS, 2: VENUES, 3: STRATEGIES, 4: INSTRUMENTS}
BOUNDS = [
    Bound(dimension, number, figure)
    for dimension, numbers in IDS.items()
    for number in numbers
    for figure in ("gross", "open")
]
OPEN_E = 20  # so many times smaller is a limit of open orders


def may_spend(lane: int) -> list[Bound]:
    """Return the bounds that are lent to a lane: those of the other accounts are not."""
    return [b for b in BOUNDS if b.dimension != 1 or b.id == lane % len(ACCOUNTS)]


def order(lane: int, strategy: int, instrument: int, size: int) -> Amounts:
    """Return what an order takes of each bound that it counts in."""
    scopes = ((1, lane % len(ACCOUNTS)), (2, 0), (3, strategy), (4, instrument))
    return {
        Bound(*scope, figure): n
        for scope in scopes
        for figure, n in (("gross", size), ("open", 1))
    }


def put(to: Amounts, amounts: Amounts, sign: int = 1) -> None:
    for bound, n in amounts.items():
        to[bound] = to.get(bound, 0) + sign * n


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
        self.wire: list[Amounts] = []  # passed the gate, not yet at the venue
        self.is_open = False
        self.wants = 10

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
        size = 1 + int(chance.random() * self.wants)
        wish = order(self.number, chance.choice(STRATEGIES), chance.choice(INSTRUMENTS), size)
        if all(self.held.get(b, 0) + n <= self.grant.get(b, 0) for b, n in wish.items()):
            put(self.held, wish)
            self.wire.append(wish)


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
        self.waiting: tuple | None = None

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
                if bound in may_spend(lane)
            }
            for lane, part in split(limit, demands, Policy()).items():
                out[lane][bound] = part
        return out

    def step(self) -> None:
        """One of the things it does in turn; a kill may come between any two."""
        if self.waiting is not None:  # written down by now: publish
            raised, targets, limits = self.waiting
            self.waiting = None
            for lane, wanted in targets.items():
                allowed = leases.kept(wanted, limits, self.world.limit)
                if self.leases.take(lane, raised.get(lane, {}), allowed):
                    self.publish(lane)
            return
        kind = self.world.chance.random()
        if kind < 0.4:
            if self.leases.limits != self.world.limit:
                self.lower()
            for page in self.world.limits_pages.values():
                page.until = max(page.until, self.world.now + LEASE)
        elif kind < 0.7:
            for lane, page in self.world.lane_pages.items():
                heard = Heard(
                    page.epoch, page.fence, page.turn, page.is_open, page.is_over, dict(page.used)
                )
                self.leases.hear(lane, heard)
        else:
            targets = self.lower()
            raised = self.leases.raised(targets)
            self.disk["shares"] = self.leases.durable(raised)
            self.waiting = (raised, targets, dict(self.world.limit))

    def lower(self) -> dict[int, Amounts]:
        self.leases.limits = dict(self.world.limit)
        targets = self.targets()
        for lane, wanted in targets.items():
            if self.leases.shrink(lane, wanted):
                self.publish(lane)
        return targets


class World:
    """Everything, in one thread."""

    def __init__(self, seed: int, lanes: int = 3, limit: int = 1000) -> None:
        self.chance = random.Random(seed)
        self.now = 1
        self.whole = {b: limit if b.figure == "gross" else limit // OPEN_E for b in BOUNDS}
        self.limit: Amounts = dict(self.whole)
        self.ceiling: Amounts = dict(self.whole)  # what may come to be held may not rise above it
        self.truth: dict[int, list[Amounts]] = {n: [] for n in range(lanes)}
        self.late: list[tuple[int, Amounts]] = []  # sent by lanes that died since
        self.limits_pages = {n: LimitsPage() for n in range(lanes)}
        self.lane_pages = {n: LanePage() for n in range(lanes)}
        self.lanes: dict[int, Lane | None] = dict.fromkeys(range(lanes))
        self.epochs = dict.fromkeys(range(lanes), 0)
        self.disk: dict = {"term": 0, "shares": {}}
        self.authority: Authority | None = None
        self.worsts = {n: dict.fromkeys(BOUNDS, 0) for n in range(lanes)}
        self.spent = 0
        self.full: set[Bound] = set()  # bounds of which nearly all was lent or spent

    def arrive(self, lane: int, amounts: Amounts) -> None:
        self.truth[lane].append(amounts)
        self.spent += 1

    def held(self, lane: int) -> Amounts:
        out: Amounts = {}
        for one in self.truth[lane]:
            put(out, one)
        return out

    def lane_step(self, number: int) -> None:
        chance, lane = self.chance, self.lanes[number]
        if lane is None:
            if chance.random() < 0.2:
                self.epochs[number] += 1
                page = self.lane_pages[number] = LanePage(epoch=self.epochs[number])
                born = Lane(number, self.epochs[number], self.limits_pages[number], page)
                born.wants = chance.choice((5, 50, 500))
                self.lanes[number] = born
            return
        kind = chance.random()
        if kind < 0.01:  # killed: what is on the wire arrives before a successor is told, or never
            self.late += [(number, one) for one in lane.wire]
            self.lanes[number] = None
        elif not lane.is_open:
            for item in [one for one in self.late if one[0] == number]:
                self.late.remove(item)
                if chance.random() < 0.5:
                    self.arrive(*item)
            lane.open(self.held(number))
        elif kind < 0.35:
            lane.sample(self.now)
        elif kind < 0.8:
            lane.spend(self.now, chance)
        elif kind < 0.9 and lane.wire:
            self.arrive(number, lane.wire.pop(0))
        elif self.truth[number]:  # a position closes, an order is cancelled
            gone = self.truth[number].pop(chance.randrange(len(self.truth[number])))
            put(lane.held, gone, -1)

    def authority_step(self) -> None:
        if self.authority is None:
            if self.chance.random() < 0.05:
                self.authority = Authority(self.disk, self)
        elif self.chance.random() < 0.01:
            self.authority = None
        else:
            self.authority.step()

    def change_limit(self) -> None:
        """A person, a loss or a file: less, nothing, as before, or no limit at all."""
        if self.chance.random() < 0.5:
            self.limit = dict(self.whole)
            return
        bound = self.chance.choice(BOUNDS)
        whole = self.whole[bound]
        self.limit[bound] = self.chance.choice((whole, whole, whole // 2, whole // 4, 0, NONE))

    def step(self) -> None:
        """Let one thing happen; then no bound may have come nearer to being broken."""
        self.now += self.chance.choice((0, 1, 1, 2, 5))
        touched = list(self.lanes)
        kind = self.chance.random()
        if kind < 0.005:
            self.change_limit()
        elif kind < 0.25:
            self.authority_step()
        else:
            touched = [self.chance.randrange(len(self.lanes))]
            self.lane_step(touched[0])
        for number in touched:  # the others' may only have become less by the time
            self.worsts[number] = self.worst(number)
        for bound in BOUNDS:
            most = min(NONE, sum(one[bound] for one in self.worsts.values()))
            assert most <= max(self.limit[bound], self.ceiling[bound]), (
                f"at {self.now} {bound} may come to {most} of {self.limit[bound]}"
            )
            if self.limit[bound] * 9 // 10 < most <= self.limit[bound]:
                self.full.add(bound)
            self.ceiling[bound] = max(self.limit[bound], most)

    def worst(self, number: int) -> Amounts:
        """Return the most that a lane may come to hold if it spends all it could from here on.

        Whatever happens to the authority: by what it has taken or may take from its page.
        """
        lane, page = self.lanes[number], self.limits_pages[number]
        held = self.held(number)
        for n, amounts in self.late:
            if n == number:
                put(held, amounts)
        leases = [page.grant] if page.until > self.now else []
        if lane is not None:
            for amounts in lane.wire:
                put(held, amounts)
            if lane.until > self.now:
                leases.append(lane.grant)
        return {b: max(held.get(b, 0), *(one.get(b, 0) for one in leases), 0) for b in BOUNDS}
