"""Lane 0 of an appliance: the fused one, or the order lane of a pair.

Owns:    that the session opens it, its former rings, the leader's lease of each life, what the
         venue said of quotas before it.
Refuses: what it has in common with the market lane (lane.py).

The dead lane's journal ring is kept, named by its epoch, until a later lane is armed.
"""

from __future__ import annotations

import time

from runtime._shm import lib
from runtime.lanes.lane import Lane
from runtime.session import stops
from runtime.supervise.child import Exit, Message


class OrderLane(Lane):
    """The lane that has orders and positions; without a market lane the books too."""

    opened_epoch = 0  # the last life that the session has opened

    @property
    def is_open(self) -> bool:
        """Whether the session has opened the present life."""
        return 0 < self.epoch == self.opened_epoch

    @property
    def state(self) -> int:
        """Its state; armed only when the market lane of a pair hears it too."""
        market = self.appliance.market
        found = super().state
        return market.state if market is not None and found == lib.HP_LANE_ARMED else found

    def part(self) -> Message:
        market = self.appliance.market
        return {} if market is None else market.order_part()

    def make_pages(self) -> None:
        """Keep what the life before leaves: its ring, and what it heard of the venue's quotas."""
        appliance = self.appliance
        former = self.page.view if self.pages else None
        appliance.rules.quota_told = stops.told(
            former, appliance.directory, time.monotonic_ns(), time.time_ns()
        )
        if self.pages:
            appliance.rings.retire(self.pages["journal.0"], "journal.0")
        appliance.rings.make_room(appliance.life_bytes())
        super().make_pages()
        if appliance.settings.lease_ms:
            appliance.lease.epoch = self.epoch
            appliance.lease.renew()

    def session_part(self) -> Message:
        appliance, s = self.appliance, self.appliance.settings
        return {
            "lane": self.number,
            "epoch": self.epoch,
            "symbols": appliance.rules.symbols,
            "about": appliance.rules.about,
            "is_open": self.opened_epoch == self.epoch,
            "has_books": appliance.market is None,
            "has_orders": True,
            "former_rings": appliance.rings.names(),
            "archive": str(s.journal or "") if s.venue_stays else "",
            "prefix": s.deployment[:12],
            "on_restart": s.on_restart,
            "read_lag_ms": s.read_lag_ms,
        }

    def exited(self, end: Exit) -> None:
        """The market lane of a pair learns of it at once."""
        if self.appliance.market is not None:
            self.appliance.market.order_lane_exited()
        super().exited(end)
