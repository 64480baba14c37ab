"""S13: new orders within the bucket; nothing is asked for before the time that a refusal named."""

from __future__ import annotations

from tests.simulation.host import BOOT_NS
from tests.simulation.judges.seen import Part, Seen
from tests.simulation.loop import MS, S


class Pace(Part):
    """Looks at how often the venue is asked, and when it said not to."""

    def __init__(self, seen: Seen) -> None:
        super().__init__(seen)
        self.spent: list[int] = []  # when placing requests left, ns
        self.closed_until_ns = 0  # of snapshots, by the venue's word
        self.bans: dict[int, int] = {}  # life of the session: until when
        self.refused: tuple[int, int] | None = None  # a snapshot, with 429: when, until when

    def on_place(self) -> None:
        now = self.world.loop.now_ns
        self.spent = [t for t in self.spent if t > now - S]
        self.spent.append(now)
        if len(self.spent) > self.world.requests_max:
            raise self.broken("S13", f"{len(self.spent)} new orders within a second")

    def on_ban(self, life: int, until_ns: int) -> None:
        self.bans[life] = until_ns

    def on_rest(self, life: int, path: str) -> None:
        """A session that was told of a ban (418) asks nothing until its end."""
        left = self.bans.get(life, 0) - self.world.loop.now_ns
        if left > 0:
            raise self.broken("S13", f"{path} is asked {left / MS:.0f} ms before a ban ends")

    def on_new_feeds(self) -> None:
        """The feeds of a new life do not know what a former one was told."""
        self.closed_until_ns = 0
        self.refused = None

    def on_snapshot_refused(self, retry_s: int) -> None:
        now = self.world.loop.now_ns
        self.closed_until_ns = now + retry_s * S
        self.refused = now, self.closed_until_ns

    def on_turn(self) -> None:
        """The budget of snapshots is closed by a 429, whatever the governor does beside that."""
        if self.refused is None or self.world.loop.now_ns <= self.refused[0]:
            return
        until_ns, session = self.refused[1], self.world.session
        self.refused = None
        number = self.world.lanes()[-1].number  # of the lane that has the books
        if session is None or number not in session.lanes:
            return
        budget = session.lanes[number].feeds.budget
        closed_ns = round(budget.closed_until * S) - BOOT_NS + self.world.host.booted_ns
        if closed_ns < until_ns - MS:
            left = (until_ns - closed_ns) / MS
            raise self.broken("S13", f"the budget of snapshots opens {left:.0f} ms too early")

    def on_snapshot_asked(self) -> None:
        """After 429 no snapshot is asked for until the time that the venue named is over."""
        now = self.world.loop.now_ns
        if now < self.closed_until_ns:
            left = (self.closed_until_ns - now) / MS
            raise self.broken("S13", f"a snapshot is asked for {left:.0f} ms too early")
