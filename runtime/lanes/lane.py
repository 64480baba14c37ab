"""A lane as its supervisor keeps it: pages, epochs, plan, log, end.

Owns:    one lane of an appliance over all its lives: a new epoch and new pages for each, what it
         reached of its place, its log lines, the report of its end.
Refuses: what a lane of a kind is told and does beside that (order.py, market.py); starting and
         watching processes (runtime/supervise/supervisor.py).

The pages of a life are made anew, its mail with them, so that an answer to the dead is not read by
the living.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime._shm import lib
from runtime.feeds import supply as feeds
from runtime.lanes import pages as lane_pages
from runtime.lanes.spec import ASSETS
from runtime.pages.page import Page
from runtime.sentinel.plan import lane_rate
from runtime.supervise import conditions, state
from runtime.supervise.child import Exit, Message, Plan
from runtime.supervise.crash_report import Report
from runtime.supervise.topology import Place, stall_bound

if TYPE_CHECKING:
    from runtime.appliance import Appliance
    from runtime.supervise.supervisor import Watched


class Lane:
    """Lane `number` of an appliance; its process is lane-<number>."""

    def __init__(self, appliance: Appliance, number: int, place: Place) -> None:
        self.appliance = appliance
        self.number = number
        self.process = f"lane-{number}"
        self.place = place
        self.pages: dict[str, Page] = {}  # of the present (or last) life, by name
        self.epoch = 0

    @property
    def page(self) -> Page:
        """The lane's own page, of the present (or last) life."""
        return self.pages[f"lane.{self.number}"]

    @property
    def state(self) -> int:
        """What its page says (enum hp_lane_state), 0 before the first life."""
        return int(self.page.view.state) if self.pages else 0

    @property
    def watched(self) -> Watched:
        return self.appliance.supervisor.watched[self.process]

    @property
    def is_watched(self) -> bool:
        """Whether it was ever started."""
        return self.process in self.appliance.supervisor.watched

    # -- a life ------------------------------------------------------------------------------------

    def plan(self) -> Plan:
        appliance = self.appliance
        return Plan(
            self.process,
            lib.HP_PROCESS_LANE,
            "runtime.lanes.process",
            self.specification,
            lambda: int(self.page.header.heartbeat_ns) if self.pages else 0,
            self.stall_ns_max,
            core=self.place.core,
            descriptors=appliance.descriptors(),
            ready=lambda facts: self.ready(),
            exited=self.exited,
        )

    def stall_ns_max(self) -> int:
        """Return the bound of what the lane reached, which may be less than was planned."""
        is_spinning = bool(self.pages) and bool(self.page.view.is_spinning)
        if self.place.is_spinning == is_spinning:
            return self.place.stall_ns_max
        return stall_bound(False, True)

    def specification(self) -> Message:
        """Take a new epoch, make pages, tell the session; return what the lane is told."""
        self.epoch = state.next_epoch(self.appliance.directory)
        self.make_pages()
        self.watched.epoch = self.epoch
        self.tell_session()
        return {**self.whole(), **self.part()}

    def whole(self) -> Message:
        """Return what a fused lane is told, and a lane of a pair where part() says no other."""
        appliance, s = self.appliance, self.appliance.settings
        return {
            "deployment": s.deployment,
            "codec": "venues.binance.usdm.codec",
            "prefix": s.deployment[:12],
            "assets": ASSETS,
            "epoch": self.epoch,
            "controls": appliance.control_pages(),
            "has_authority": s.has_authority,
            "segment_bytes": s.segment_bytes,
            "segment_count": s.segment_count,
            "is_archived": s.journal is not None,
            "market": appliance.endpoints.market(s.symbols),
            "lines": s.lines,
            "orders": appliance.endpoints.orders,
            "spin": self.place.is_spinning,
            "core": self.place.core,
            "cores": appliance.topology.cores,
            "lock": s.lock,
            "ca": appliance.ca,
            "cancel_again_ms": list(s.cancel_again_ms),
            "inquiries": list(s.inquiries),
            "funds": appliance.funds,
            "rate": lane_rate(s.rate, s.guard),
            "flatten": s.flatten,
            "ttl": s.ttl,
            "lease": bool(s.lease_ms),
            "read_lag_ms": s.read_lag_ms,
            "durable": s.durable,
            "strategies": s.strategies,
            "parameters": s.parameters,
            "feeds": feeds.lane_spec(appliance.rules.symbols, appliance.rules.feed_limits),
            "bells": appliance.bells,
            "supervisor": appliance.self_pidfd,
            **appliance.rules.specification(),
        }

    def part(self) -> Message:
        """Return what this lane is told differently."""
        return {}

    def make_pages(self) -> None:
        """Make the pages of the next life."""
        for page in self.pages.values():
            page.close()
        appliance = self.appliance
        self.pages, self.log = lane_pages.make(
            appliance.settings.deployment,
            self.number,
            self.epoch,
            appliance.journal_bytes(),
            appliance.host.fingerprint,
        )

    def ready(self) -> None:
        """Say what a started lane did not reach."""
        place, view = self.place, self.page.view
        self.watched.core, self.watched.is_spinning = view.core, bool(view.is_spinning)
        locked = view.is_locked if self.appliance.settings.lock else 1
        for text in conditions.lane(
            place.core, view.core, place.is_spinning, bool(view.is_spinning), locked
        ):
            self.appliance.supervisor.degrade(text)

    def tell_session(self) -> None:
        """Tell the session which life it serves; nothing before the first."""
        if self.epoch:
            self.appliance.cold.tell("session", self.session_part())

    def session_part(self) -> Message:
        """Return what the session is told of the present life."""
        raise NotImplementedError

    def take_log(self) -> None:
        """Say what the lane logs."""
        if not self.pages:
            return
        while (taken := self.log.take()) is not None:
            text = taken[2].decode(errors="replace")
            self.watched.lines.append(text)
            self.appliance.say(text)

    def exited(self, end: Exit) -> None:
        """Report an end that was not in order, with its counters and what its journal says last."""
        self.take_log()
        end.lines = list(self.watched.lines)
        if end.cause != lib.HP_EXIT_CLEAN:
            name = f"journal.{self.number}"
            ring = Page.open(self.appliance.settings.deployment, name, "hp_page_t")
            self.appliance.report(Report(end, self.page, ring))
