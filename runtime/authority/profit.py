"""What all lanes together have won or lost today, by limit.

Owns:    the day's PnL over lanes and their lives, the highest equity, loss and drawdown.
Refuses: marking positions (lanes do, with their own mids), judging against a limit, files.

A lane shows its PnL and what that was when the day, or its life, began; the difference is its part.
When a life ends its part is carried.  A lane that is not open yet shows nothing: its former life's
last word stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from runtime.authority.leases import NONE
from runtime.authority.pages import Shown
from runtime.authority.records import Key

DAY_NS = 86_400_000_000_000


@dataclass
class Life:
    """The last that a lane's life has shown."""

    epoch: int
    parts: dict[Key, int] = field(default_factory=dict)


class Profit:
    """PnL of one UTC day, 1e-8 of the settlement asset."""

    def __init__(
        self, day: int, carried: dict[Key, int], peaks: dict[Key, int] | None = None
    ) -> None:
        self.day = day
        self.carried = dict(carried)  # of former lives, today
        self.peaks = dict(peaks or {})
        self.lives: dict[int, Life] = {}

    def hear(self, lane: int, shown: Shown) -> None:
        """Take what a lane shows."""
        if not (shown.heard.is_open or shown.heard.is_over):
            return
        before = self.lives.get(lane)
        if before is not None and before.epoch != shown.heard.epoch:
            for key, part in before.parts.items():
                self.carried[key] = self.carried.get(key, 0) + part
        parts = {key: use.pnl_e8 - use.day_pnl_e8 for key, use in shown.uses.items()}
        self.lives[lane] = Life(shown.heard.epoch, parts)

    def roll(self, utc_ns: int) -> bool:
        """Begin a new day when there is one; the lanes begin theirs by the same clock."""
        day = utc_ns // DAY_NS
        if day == self.day:
            return False
        self.day = day
        self.carried.clear()
        for life in self.lives.values():
            life.parts.clear()
        return True

    def today(self, key: Key) -> int:
        """Return the day's PnL of all lanes."""
        return self.carried.get(key, 0) + sum(
            life.parts.get(key, 0) for life in self.lives.values()
        )

    def others(self, key: Key, lane: int) -> int:
        """Return the part of the day's PnL that a lane does not see by itself."""
        life = self.lives.get(lane)
        return self.today(key) - (life.parts.get(key, 0) if life else 0)

    def loss(self, key: Key) -> int:
        return max(0, -self.today(key))

    def drawdown_bps(self, key: Key, capital_e8: int) -> int:
        """Return the fall of the equity from its peak, in parts of the peak, rounded up.

        An equity that never was above nothing has fallen from 1e-8: more than all of it.
        """
        if capital_e8 == NONE:
            return 0
        equity = capital_e8 + self.today(key)
        peak = max(self.peaks.get(key, 0), equity)
        self.peaks[key] = peak
        return -((equity - peak) * 10_000 // max(peak, 1))
