"""What each lane may spend, and why all lanes together never spend more than there is.

Owns:    who holds how much of each bound: what was granted, what an older lease may still allow,
         what stands there already; which step may raise it.
Refuses: clocks, pages, files (time and evidence are arguments), deciding who should get more.

A *bound* is one additive figure of one limit, say the gross notional of account 0.  Of each bound a
lane has
  lease   what its page says now, and grant, what that is to say next,
  share   the most that any lease may still allow it: raised before a larger grant is published (and
          durable by then), lowered only by evidence,
  used    what it last showed: positions and all that works or may work at the venue.
Its worst case is max(share, used): under no lease that it may still have can it come to hold more.

Invariant: a share is raised only while the sum of the worst cases of all lanes, this raise
included, is within the limit.  So the sum never exceeds a limit because of a lease; a limit that
is lowered, or prices that move, may leave less than nothing, and then nothing is raised.

Evidence that a larger lease is over, so that share becomes grant:
  - the lane says in its own page that it spends under the newest fence (it never goes back), and
    what it used was read after that; or
  - its own page shows a turn after the larger lease's end: what it used by then is all, and later
    turns refuse.
The passing of time is none: a stopped lane may have sent what its page does not show.  A dead
lane's share stays until its successor has been told by the venue what still works (is_open), or
until it said itself, drained, that nothing does.  A successor spends under the same share, not
beside it: what it found at the venue counts first.

A bound that is no limit is lent as NONE, which every amount is below: so one that becomes a number
is lowered like any other, and nothing of it is raised before each lane has shown that it knows.

While the authority is dead nothing is raised, and no lease is prolonged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

NONE = 2**63 - 1  # HP_LIMIT_NONE: no limit


class Bound(NamedTuple):
    """One additive figure of one limit."""

    dimension: int  # enum hp_dimension
    id: int
    figure: str  # net | gross | open


Amounts = dict[Bound, int]


@dataclass
class Heard:
    """What a lane's own page shows."""

    epoch: int
    fence: int  # it spends under this one
    turn_ns: int  # CLOCK_MONOTONIC of the turn in which `used` was written
    is_open: bool  # the venue has told it what works: `used` is all there is
    is_over: bool  # it left drained: nothing works, nothing will be sent
    used: Amounts


@dataclass
class Holding:
    """One lane."""

    share: Amounts = field(default_factory=dict)
    grant: Amounts = field(default_factory=dict)  # to be published
    lease: Amounts = field(default_factory=dict)  # as it stands in the lane's page
    used: Amounts = field(default_factory=dict)
    fence: int = 0  # of `lease`
    larger_until_ns: int = 0  # end of the last lease before it
    epoch: int = 0
    is_open: bool = False

    def worst(self, bound: Bound) -> int:
        return max(self.share.get(bound, 0), self.used.get(bound, 0))


def kept(targets: Amounts, before: Amounts, now: Amounts) -> Amounts:
    """Return the targets whose limit is no lower now than when they were found."""
    return {b: n for b, n in targets.items() if now.get(b, 0) >= before.get(b, 0)}


class Leases:
    """The holdings of all lanes of a deployment."""

    def __init__(self, lanes: Iterable[int], shares: Mapping[int, Amounts] | None = None) -> None:
        """shares: as they were last durable; what a former authority granted lies within them."""
        self.limits: Amounts = {}
        self.lanes: dict[int, Holding] = {}
        for lane in {*lanes, *(shares or {})}:
            self.lanes[lane] = Holding(share=dict((shares or {}).get(lane, {})))

    def total(self, bound: Bound) -> int:
        """Add up what all lanes together may come to hold."""
        return sum(one.worst(bound) for one in self.lanes.values())

    def room(self, bound: Bound) -> int:
        """Return what could be granted now; less than 0 = more is held than the limit."""
        limit = self.limits.get(bound, 0)
        return NONE if limit == NONE else limit - self.total(bound)

    # -- evidence ------------------------------------------------------------------------------

    def hear(self, lane: int, heard: Heard) -> None:
        """Take what a lane's page shows; `heard.used` was read after `heard.fence`."""
        one = self.lanes[lane]
        one.epoch = heard.epoch
        one.is_open = heard.is_open
        if not (heard.is_open or heard.is_over):
            return  # it does not know yet what its former life left
        one.used = dict(heard.used)
        is_newest = heard.fence >= one.fence or heard.turn_ns > one.larger_until_ns > 0
        if one.fence > 0 and (is_newest or heard.is_over):
            one.share = dict(one.lease)

    # -- steps ------------------------------------------------------------------------------

    def shrink(self, lane: int, targets: Amounts) -> bool:
        """Lower grants to their targets; True when a lease must be published with a new fence."""
        one = self.lanes[lane]
        lower = {b: n for b, n in one.grant.items() if n > targets.get(b, 0)}
        for bound in lower:
            one.grant[bound] = targets.get(bound, 0)
        return bool(lower)

    def raised(self, targets: Mapping[int, Amounts]) -> dict[int, Amounts]:
        """Return the shares that may be raised towards the targets: to be made durable first."""
        out: dict[int, Amounts] = {}
        left: Amounts = {}
        for lane, wanted in targets.items():
            one = self.lanes[lane]
            for bound, target in wanted.items():
                share = one.share.get(bound, 0)
                if target <= share:
                    continue
                # what it uses above its share is counted already
                free = one.worst(bound) + left.setdefault(bound, self.room(bound))
                raised = min(target, free)
                if raised <= share:
                    continue
                if self.limits[bound] != NONE:
                    left[bound] -= max(0, raised - one.worst(bound))
                out.setdefault(lane, {})[bound] = raised
        return out

    def durable(self, raised: Mapping[int, Amounts]) -> dict[int, Amounts]:
        """Return all shares as they are to be written down before `raised` is published.

        What a lane uses above its share (a limit was lowered) is written as share: a successor must
        count it before it has heard that lane.
        """
        out: dict[int, Amounts] = {}
        for lane, one in self.lanes.items():
            held = {bound: one.worst(bound) for bound in {*one.share, *one.used}}
            for bound, n in raised.get(lane, {}).items():
                held[bound] = max(n, held.get(bound, 0))
            out[lane] = held
        return out

    def take(self, lane: int, raised: Amounts, targets: Amounts) -> bool:
        """Hold the raised shares, grant up to the targets; True when there is more to publish.

        While more is held than a limit nothing of it is granted again, not even within a share:
        what its lane may no longer spend, as the authority will hear, would come back.
        """
        one = self.lanes[lane]
        one.share.update(raised)
        changed = False
        for bound, target in targets.items():
            grant = min(one.share.get(bound, 0), target)
            if grant > one.grant.get(bound, 0) and self.room(bound) >= 0:
                one.grant[bound] = grant
                changed = True
        return changed

    def published(self, lane: int, fence: int, before_until_ns: int) -> None:
        """Note that the grant stands in the lane's page; the lease before it ends at that time."""
        one = self.lanes[lane]
        assert fence > one.fence, "a fence never goes back"
        one.fence, one.lease = fence, dict(one.grant)
        one.larger_until_ns = max(one.larger_until_ns, before_until_ns)
