"""Lane 1 of a split appliance: market sockets, books, strategies.

Owns:    its bell; the two rings between it and lane 0, the order lane, which outlive both; what
         lane 0 is told of them.
Refuses: orders, openings, positions: lane 0 has them (order.py); what both lanes have in common
         (lane.py).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from runtime._shm import lib
from runtime.lanes.lane import Lane
from runtime.pages.page import Mail, ring
from runtime.supervise.child import Exit, Message

if TYPE_CHECKING:
    from runtime.appliance import Appliance

NUMBER = 1
INTENTS_BYTES = 256 * 1024
TOLD_BYTES = 1024 * 1024  # a mirror of all orders is 440 KiB
PAIR_BYTES = INTENTS_BYTES + TOLD_BYTES
SPINNING_PEER_MS_MAX = 50  # silence of a lane that owns its core


class MarketLane(Lane):
    """Lane 1 beside the order lane 0 of one appliance."""

    def __init__(self, appliance: Appliance) -> None:
        super().__init__(appliance, NUMBER, appliance.topology.place("market"))
        self.pair: dict[str, Mail] = {}
        self.bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def make_pair(self) -> None:
        """Make the rings; no beat stands in them yet."""
        for name, size in (("pair.intents", INTENTS_BYTES), ("pair.told", TOLD_BYTES)):
            self.pair[name] = Mail.make(self.appliance.settings.deployment, name, size)
            self.pair[name].page.header.heartbeat_ns = 0

    def peer_ms_max(self) -> int:
        """Return the silence of one lane that the other takes for its death.

        No quote outlives its picture: never longer than a picture may be old.
        """
        rules = self.appliance.rules
        stale_ms = rules.settings.stale_ms or rules.feed_limits.book_quote_ms
        both_spin = self.place.is_spinning and self.appliance.lane.place.is_spinning
        return min(SPINNING_PEER_MS_MAX, stale_ms) if both_spin else stale_ms

    def order_part(self) -> Message:
        """Return what the order lane's specification says differently from a fused lane's."""
        bells = dict(self.appliance.bells)
        if not self.place.is_spinning:
            bells["peer"] = self.bell
        return {
            "role": "order",
            "market": [],
            "pair": ["pair.intents", "pair.told"],
            "peer_ms_max": self.peer_ms_max(),
            "bells": bells,
        }

    def part(self) -> Message:
        bells = {**self.appliance.bells, "lane": self.bell}
        if not self.appliance.lane.place.is_spinning:
            bells["peer"] = self.appliance.bells["lane"]
        return {
            "role": "market",
            "number": self.number,
            "orders": None,
            "has_authority": False,  # it spends nothing, so nobody lends to it
            "lease": False,
            "quota": None,  # it asks the venue nothing
            "pair": ["pair.told", "pair.intents"],
            "peer_ms_max": self.peer_ms_max(),
            "bells": bells,
        }

    def session_part(self) -> Message:
        """Its books are fed; it has no opening."""
        return {
            **self.appliance.lane.session_part(),
            **{"lane": self.number, "epoch": self.epoch},
            **{"is_open": True, "has_books": True, "has_orders": False},
        }

    def exited(self, end: Exit) -> None:
        """The order lane learns of it at once."""
        self.silence("pair.intents", self.appliance.bells["lane"])
        super().exited(end)

    def order_lane_exited(self) -> None:
        self.silence("pair.told", self.bell)

    def silence(self, name: str, bell: int) -> None:
        """Say in a ring's page that its writer has ended, and wake the reader."""
        self.pair[name].page.header.heartbeat_ns = lib.HP_PAIR_ENDED
        ring(bell)

    def expect_end(self) -> None:
        if self.is_watched:
            self.appliance.supervisor.expect_end(self.process)

    async def end(self) -> None:
        """End it for good: the drain word is set and the order lane is gone."""
        if not self.is_watched:
            return
        self.appliance.control.set(lib.HP_WORD_STOP, "the order lane has drained")
        await self.appliance.supervisor.stop(self.process, 2, 0)
        self.take_log()

    def close(self, kept: str | None) -> None:
        """Remove the pages; kept: how the names of rings begin that are not on disk yet."""
        for page in (*self.pages.values(), *(mail.page for mail in self.pair.values())):
            if kept is None or not page.path.name.startswith(kept):
                page.remove()
        os.close(self.bell)

