"""The market lane of a split appliance: its pages, its plan, its ends.

Owns:    lane 1 (market sockets, books, strategies): its pages, epochs and bell; the two rings
         between it and lane 0, the order lane, which outlive both; what lane 0 is told of them.
Refuses: orders, openings, positions: lane 0 has them, under its old names (runtime/appliance.py).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from runtime._shm import lib
from runtime.lanes import pages as lane_pages
from runtime.pages.page import Mail, Page, ring
from runtime.supervise import conditions, state
from runtime.supervise.child import Exit, Message, Plan
from runtime.supervise.crash_report import Report
from runtime.supervise.topology import stall_bound

if TYPE_CHECKING:
    from runtime.appliance import Appliance

NAME, NUMBER = "lane-1", 1
INTENTS_BYTES = 256 * 1024
TOLD_BYTES = 1024 * 1024  # a mirror of all orders is 440 KiB
PAIR_BYTES = INTENTS_BYTES + TOLD_BYTES
SPINNING_PEER_MS_MAX = 50  # silence of a lane that owns its core


class MarketLane:
    """Lane 1 beside the order lane 0 of one appliance."""

    def __init__(self, appliance: Appliance) -> None:
        self.appliance = appliance
        self.place = appliance.topology.place("market")
        self.order_place = appliance.topology.place("order")
        self.pages: dict[str, Page] = {}  # of the present life, by name
        self.pair: dict[str, Mail] = {}
        self.bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.epoch = 0

    def make_pair(self) -> None:
        """Make the rings; no beat stands in them yet."""
        for name, size in (("pair.intents", INTENTS_BYTES), ("pair.told", TOLD_BYTES)):
            self.pair[name] = Mail.make(self.appliance.settings.deployment, name, size)
            self.pair[name].page.header.heartbeat_ns = 0

    @property
    def page(self) -> Page:
        return self.pages["lane.1"]

    @property
    def state(self) -> int:
        return int(self.page.view.state) if self.pages else 0

    def peer_ms_max(self) -> int:
        """Return the silence of one lane that the other takes for its death.

        No quote outlives its picture: never longer than a picture may be old.
        """
        stale_ms = self.appliance.settings.stale_ms or self.appliance.feed_limits.book_quote_ms
        both_spin = self.place.is_spinning and self.order_place.is_spinning
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

    def market_part(self) -> Message:
        bells = {**self.appliance.bells, "lane": self.bell}
        if not self.order_place.is_spinning:
            bells["peer"] = self.appliance.bells["lane"]
        return {
            "role": "market",
            "number": NUMBER,
            "epoch": self.epoch,
            "market": self.appliance.endpoints.market(self.appliance.settings.symbols),
            "orders": None,
            "has_authority": False,  # it spends nothing, so nobody lends to it
            "lease": False,
            "quota": None,  # it asks the venue nothing
            "pair": ["pair.told", "pair.intents"],
            "peer_ms_max": self.peer_ms_max(),
            "spin": self.place.is_spinning,
            "core": self.place.core,
            "bells": bells,
        }

    def plan(self) -> Plan:
        def bound() -> int:
            is_spinning = bool(self.pages) and bool(self.page.view.is_spinning)
            if self.place.is_spinning == is_spinning:
                return self.place.stall_ns_max
            return stall_bound(False, True)

        return Plan(
            NAME,
            lib.HP_PROCESS_LANE,
            "runtime.lanes.process",
            self.specification,
            lambda: int(self.page.header.heartbeat_ns) if self.pages else 0,
            bound,
            core=self.place.core,
            descriptors=(*self.appliance.bells.values(), self.bell, self.appliance.self_pidfd),
            ready=lambda facts: self.ready(),
            exited=self.exited,
        )

    def specification(self) -> Message:
        """Take a new epoch, make pages, tell the session; return what the lane is told."""
        appliance = self.appliance
        self.epoch = state.next_epoch(appliance.directory)
        self.make_pages()
        appliance.supervisor.watched[NAME].epoch = self.epoch
        self.tell_session()
        return {**appliance.lane_message(), **self.market_part()}

    def make_pages(self) -> None:
        for page in self.pages.values():
            page.close()
        appliance = self.appliance
        self.pages, self.log = lane_pages.make(
            appliance.settings.deployment,
            NUMBER,
            self.epoch,
            appliance.journal_bytes(),
            appliance.host.fingerprint,
        )

    def ready(self) -> None:
        """Say what a started lane did not reach."""
        view = self.page.view
        watched = self.appliance.supervisor.watched[NAME]
        watched.core, watched.is_spinning = view.core, bool(view.is_spinning)
        locked = view.is_locked if self.appliance.settings.lock else 1
        for text in conditions.lane(
            self.place.core, view.core, self.place.is_spinning, bool(view.is_spinning), locked
        ):
            self.appliance.supervisor.degrade(text)

    def tell_session(self) -> None:
        """Its books are fed; it has no opening."""
        if self.epoch:
            self.appliance.tell(
                "session",
                {**self.appliance.session_message(), "lane": NUMBER, "epoch": self.epoch}
                | {"is_open": True, "has_books": True, "has_orders": False},
            )

    def take_log(self) -> None:
        if not self.pages:
            return
        watched = self.appliance.supervisor.watched[NAME]
        while (taken := self.log.take()) is not None:
            text = taken[2].decode(errors="replace")
            watched.lines.append(text)
            self.appliance.say(text)

    def exited(self, end: Exit) -> None:
        """The order lane learns of it at once; report unless it was in order."""
        self.take_log()
        end.lines = list(self.appliance.supervisor.watched[NAME].lines)
        self.silence("pair.intents", self.appliance.bells["lane"])
        if end.cause != lib.HP_EXIT_CLEAN:
            journal = Page.open(self.appliance.settings.deployment, "journal.1", "hp_page_t")
            self.appliance.supervisor.keep(self.appliance.report(Report(end, self.page, journal)))

    def order_lane_exited(self) -> None:
        self.silence("pair.told", self.bell)

    def silence(self, name: str, bell: int) -> None:
        """Say in a ring's page that its writer has ended, and wake the reader."""
        self.pair[name].page.header.heartbeat_ns = lib.HP_PAIR_ENDED
        ring(bell)

    def expect_end(self) -> None:
        if NAME in self.appliance.supervisor.watched:
            self.appliance.supervisor.expect_end(NAME)

    async def end(self) -> None:
        """End it for good: the drain word is set and the order lane is gone."""
        watched = self.appliance.supervisor.watched.get(NAME)
        if watched is None:
            return
        self.appliance.control.set(lib.HP_WORD_STOP, "the order lane has drained")
        await self.appliance.supervisor.stop(NAME, 2, 0)
        self.take_log()

    def close(self, kept: str | None) -> None:
        """Remove the pages; kept: how the names of rings begin that are not on disk yet."""
        for page in (*self.pages.values(), *(mail.page for mail in self.pair.values())):
            if kept is None or not page.path.name.startswith(kept):
                page.remove()
        os.close(self.bell)

