"""The sentinel under the simulator: its watch and its sweeps as they are, on simulated wires.

Owns:    what stands in for its sockets, its signals and its door; one life of the process.
Refuses: deciding: what trips, what is cancelled, when the list counts as empty is the product's.

It waits inside its own calls, as the real one does: while it waits, the rest of the world goes on.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any
from unittest import mock

from runtime._shm import lib
from runtime.pages import page as pages
from runtime.pages.page import Control, Page, PageError
from runtime.sentinel import watch as sentinel_watch
from runtime.sentinel.plan import Bounds
from runtime.sentinel.process import HOLD_LOOK_S, Sentinel
from runtime.sentinel.sweep import Venue as RescueVenue
from runtime.sentinel.watch import Trip, Watch
from runtime.sentinel.wire import Call, Reply
from tests.simulation.cold import BELL
from tests.simulation.host import Host
from tests.simulation.loop import MS, S, SimLoop
from tests.simulation.venue import API_KEY, Venue

LINES = 4
TICK_NS = 20 * MS
SILENCE_MS = 250  # of a lane
BOUNDS = Bounds(
    lane_silence_ms_max=SILENCE_MS,
    latency_ms_max=0,
    latency_blocking_ms_max=0,
    balance_drop_bps_max=0,
    clock_ms_max=0,
    feed_silence_ms_max=0,
    supervisor_silence_ms_max=0,
)


class Gone(Exception):
    """The process was killed while it waited."""


class SimWire:
    """runtime/sentinel/wire.py's wire over the simulated network."""

    def __init__(self, loop: SimLoop, venue: Venue) -> None:
        self.loop, self.venue = loop, venue
        self.waiting: deque[Call] = deque()
        self.busy = 0
        self.answers = 0
        self.requests = self.failures = self.connects = 0
        self.up = LINES
        self.lines = [0]
        self.last_error = ""
        self.is_gone = self.is_dead = False

    def submit(self, call: Call, urgent: bool = False) -> None:
        if urgent:
            self.waiting.appendleft(call)
        else:
            self.waiting.append(call)
        self.step(0.0)

    def step(self, now_s: float) -> None:
        while self.waiting and self.busy < LINES and not self.is_dead:
            self.busy += 1
            self.requests += 1
            self.loop.create_task(self.carry(self.waiting.popleft()))

    async def carry(self, call: Call) -> None:
        """Send a request; one that gets no answer is sent again, as often as it may."""
        path, _, query = call.text().partition("?")
        try:
            found = await self.venue.call(call.method, path, query, "", API_KEY)
        except TimeoutError as error:
            self.last_error = str(error)
            self.failures += 1
            self.busy -= 1
            call.tries -= 1
            if call.tries > 0:
                self.submit(call, urgent=True)
            else:
                self.loop.after(0, self.deliver, call, None)
            return
        self.busy -= 1
        headers = {name.lower(): value for name, value in found.headers.items()}
        reply = Reply(found.status, headers, found.text.encode())
        self.loop.after(0, self.deliver, call, reply)
        self.step(0.0)

    def deliver(self, call: Call, reply: Reply | None) -> None:
        """Hand over an answer: not within a task, since who takes it may wait for more."""
        if not self.is_dead:
            self.answers += 1
            try:
                call.done(reply)
            except Gone:
                return

    def pump(self, seconds: float, others: Any = None) -> list[tuple[int, int]]:
        """Wait for an answer, or for so long; everything else goes on meanwhile."""
        before = self.answers
        until = self.loop.now_ns + max(1, round(seconds * S))  # a clock that stands ends no wait
        self.loop.run_until(until, lambda: self.answers != before or self.is_dead)
        if self.is_dead:
            raise Gone
        return []


class NoDoor:
    """Nobody asks: people act through the object."""

    def answer(self, connection: int, outcome: dict[str, Any]) -> None:
        pass


@contextmanager
def installed(host: Host) -> Iterator[None]:
    """Let the sentinel's watch find this host's pages."""

    class Mapped(sentinel_watch.Mapped):
        def __init__(self, deployment: str, name: str, kind: str) -> None:
            self.deployment, self.name, self.kind = deployment, name, kind
            self.page: Page | None = None
            self.inode = 0

        def refresh(self) -> None:
            found = host.files.get(pages.name(self.deployment, self.name))
            if found is None or id(found.map) == self.inode:
                return
            try:
                self.page = Page.open(self.deployment, self.name, self.kind)
            except PageError:
                return
            self.inode = id(found.map)

    with mock.patch.object(sentinel_watch, "Mapped", Mapped):
        yield


class SimSentinel(Sentinel):
    """One life of the sentinel; its pages outlive it."""

    def __init__(
        self,
        deployment: str,
        venue: Venue,
        symbols: list[str],
        prefix: str,
        scope: str,
        lanes: list[int],
        tell: Callable[[str], None],
    ) -> None:
        loop = venue.loop
        self.loop, self.tell = loop, tell
        self.deployment = deployment
        self.bounds = asdict(BOUNDS)
        self.spec = {
            "symbols": symbols,
            "prefix": prefix,
            "cancel_scope": scope,
            "lanes": lanes,
            "bells": [],
            "asset": "USDT",
        }
        self.page = Page.open(deployment, "sentinel", "hp_sentinel_page_t", writable=True)
        self.view = self.page.view
        self.control = Control.adopt(deployment, "sentinel")
        wire: Any = SimWire(loop, venue)
        self.wire = wire
        self.venue = RescueVenue(wire, lambda text: "none", 2_400)
        self.watch = Watch(deployment, self.bounds, lanes, BELL)
        door: Any = NoDoor()
        self.door = door
        self.by_hand = ""  # why a person trips it; taken in the next turn
        self.is_over = False
        self.trip: Trip | None = None
        self.marks = {}
        self.confirmed_ns = 0
        self.asked = []
        self.timed_s = self.balanced_s = self.held_s = self.held_all_s = 0.0
        self.hold_pause_s = HOLD_LOOK_S[0]
        self.is_asking = False
        self.beat_ns = 0
        self.leave_s = 0.0
        if self.control.word:  # a former life of it tripped: it holds on
            self.trip = Trip(int(self.view.trigger), 0, 0, "held over from a former life")
            self.view.confirmed_ns = 0
        loop.after(TICK_NS, self.again_ns)

    def again_ns(self) -> None:
        """The loop: a turn, then the next."""
        if self.wire.is_dead:
            return
        try:
            if self.by_hand and self.trip is None:
                reason, self.by_hand = self.by_hand, ""
                now = time.monotonic_ns()
                self.trips(Trip(lib.HP_TRIGGER_MANUAL, 0, 0, reason), now)
            self.act()
        except Gone:
            return
        self.loop.after(TICK_NS, self.again_ns)

    def say(self, text: str) -> None:
        self.tell(text)

    def journal(self, event: str, **facts: Any) -> None:
        pass

    def kill(self) -> None:
        """End as by kill -9."""
        self.wire.is_dead = True

