"""One life of a lane process: the compiled lane, and around it what hotpath/lane/live.pyx does.

Owns:    its connections, mail, words, beats; the user stream until it may be believed; its death at
         any point of a step.
Refuses: deciding: every step is the compiled one (hotpath/lane/manual), every fact the venue's.

Differences from the live lane: frames of a read are not parked, a blocking lane is taken for all.

Why it is a second text.  What hotpath/lane/live.pyx does around the steps is written into callbacks
of picows, on transports of uvloop that it looks into (their type, their file, what the kernel has
taken), and between spins on a clock of the CPU: opening, closing, reading and writing cannot be had
without sockets, and an Env between them and the steps would be a call more in every frame's way.
Which step a kind of mail is stands in hotpath/lane/mailed.h, for both.  Two more parts touch no
socket and could go the same way: what is due with a beat (beat()), when the other lane of a pair
counts as silent (read_peer()).  Until then, whoever changes the one changes the other.
The real one is driven by tests/lane/*_live.py, the drill and the soak.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hotpath.journal.tail import RECORD_BYTES, SEGMENT_BYTES, records
from hotpath.lane import lane as lane_module
from hotpath.lane.manual import ManualLane
from runtime._shm import ffi, lib
from runtime.lanes.spec import NO_FEEDS, fit, make_codec
from runtime.pages.page import Mail, Page
from tests.simulation.host import Host
from tests.simulation.loop import MS, S
from tests.simulation.network import Connection, Network
from tests.simulation.venue import Venue

if TYPE_CHECKING:
    from tests.simulation.judges.judge import Judge

# small tables: a story makes many lanes, and its books are small
lane_module.OVERFLOW_LOG2, lane_module.DELTAS_LOG2, lane_module.BACKLOG_LEVELS = 8, 7, 4096
ORDER, USER = lib.HP_SOCKET_ORDER, lib.HP_SOCKET_USER
WORKING_NS, IDLE_NS = 6 * MS, 15 * MS  # between two turns of a lane that blocks
BACK_OFF_NS = (30 * MS, 240 * MS)
ASK_AGAIN_NS = 1000 * MS
TAKES = 4  # of what the other lane has said, in a turn
KEY_WAIT_NS = 700 * MS
LOGON_AGAIN_NS = 800 * MS
DRAIN_NS = 5 * S
FACTS = (lib.HP_MAIL_BASE, lib.HP_MAIL_BOOKED, lib.HP_MAIL_ORDER, lib.HP_MAIL_OPENING)
FACT = 2  # what the lane says of one of them: HP_MAILED_FACT
NOBODY = 1 << 22  # no process has this number
OWN_WISHES = (lib.HP_WANT_STREAM, lib.HP_WANT_RECONNECT)


class Killed(Exception):
    """The process is gone."""


@dataclass
class Ends:
    """What one lane of a pair holds of the rings between them."""

    hear: Mail
    say: Mail
    silence_ms: int  # of the other one, that is taken for its death
    handed: Callable[[], None]


class LaneProcess:
    """A lane from its start to its end."""

    def __init__(
        self,
        spec: dict[str, Any],
        host: Host,
        net: Network,
        venue: Venue,
        ring_bell: Callable[[], None],
        ended: Callable[[LaneProcess], None],
        judge: Judge,
        ends: Ends | None = None,
    ) -> None:
        self.spec, self.host, self.net, self.venue = spec, host, net, venue
        self.ring_bell, self.ended, self.judge = ring_bell, ended, judge
        self.loop = host.loop
        self.ends = ends
        self.number: int = spec.get("number", 0)
        self.role: str = spec.get("role", "fused")
        self.epoch: int = spec["epoch"]
        self.chance: random.Random = net.chance.of(f"lane/{self.epoch}")
        deployment = spec["deployment"]
        self.page = Page.open(deployment, f"lane.{self.number}", "hp_lane_page_t")
        self.journal = Page.open(deployment, f"journal.{self.number}", "hp_page_t")
        self.mail_in = Mail.open(deployment, f"mail.in.{self.number}")
        self.mail_out = Mail.open(deployment, f"mail.out.{self.number}")
        self.controls = [
            Page.open(deployment, f"control.{writer}", "hp_control_page_t").view
            for writer in spec["controls"]
        ]
        self.limits = Page.open(deployment, "limits.0", "hp_limits_page_t")
        self.limits_seq = self.lease_seq = 0
        self.lease = None
        if spec.get("lease"):
            self.lease = Page.open(deployment, "lease", "hp_lease_page_t")
        self.is_dead = False
        self.is_paused = False
        self.late: list[tuple[Callable[..., None], tuple[Any, ...]]] = []  # while it is stopped
        self.orders: Connection | None = None
        self.user: Connection | None = None
        self.user_key: str | None = None
        self.markets: dict[int, Connection | None] = {}
        self.waits: dict[str, int] = {}  # back-off by role
        self.held: list[tuple[int, bytes]] = []  # user events until they may be believed
        self.logon_text: str | None = None
        self.logon_ns = self.asked_ns = self.clock_ns = 0
        self.drain_until_ns = 0
        self.turned_ns = -S
        self.turns = 0
        self.is_peer_silent = False
        self.words = 0  # as read at the start of the turn
        self.is_torn = False  # it died inside a step
        self.is_lost = False  # with its host's power
        self.dies_at = ""  # "": in any step; or "place", "open": see kill()
        self.dies_in = 0  # steps that write a record, until the one in which it dies
        head = ffi.cast("hp_journal_head_t *", self.journal.header + 1)
        self.head: Any = head
        self.counted = 0  # sends told of
        self.state = lib.HP_LANE_STARTING
        self.lane = self.build()
        self.step(self.lane.start_strategies)
        for number in range(len(spec["market"])):
            self.connect_market(number)
        if self.role != "market":
            self.connect_orders()
            self.connect_user()
        self.loop.after(IDLE_NS, self.turn_again)

    def build(self) -> ManualLane:
        spec, host = self.spec, self.host
        lane = ManualLane(
            make_codec(spec),
            self.page.map,
            lane=self.number,
            role=self.role,
            epoch=self.epoch,
            journal=self.journal.map,
            segment_bytes=spec["segment_bytes"],
            segment_count=spec["segment_count"],
            is_archived=spec["is_archived"],
            read_lag_ms=spec["read_lag_ms"],
            ack_timeout_ms=spec["ack_timeout_ms"],
            inquiry_ms=spec["inquiry_ms"],
            deadline_ms=spec["deadline_ms"],
            order_capacity=spec["order_capacity"],
            clock=(host.mono_ns(), host.real_ns()),
        )
        lane.is_timeless = True
        lane.now_ns = host.mono_ns()
        if self.ends is not None:
            lane.set_pair(self.ends.hear.page.map, self.ends.say.page.map)
        fit(lane, spec)
        if self.role != "market":
            lane.set_limit_lease(0, 0)  # no new risk before the authority has lent limits
        for stream in spec.get("feeds", NO_FEEDS)["streams"]:
            self.stream_texts = getattr(self, "stream_texts", {})
            self.stream_texts[stream["instrument"], stream["kind"]] = (
                stream["socket"],
                stream["renewal"],
            )
        return lane

    # -- steps -----------------------------------------------------------------------------------

    def step(self, call: Callable[..., Any], *args: Any) -> None:
        """Take one step of the compiled lane, then let out what it wants and sends."""
        lane = self.lane
        if self.is_dead:
            return
        lane.now_ns = self.host.mono_ns()
        before, self.was_open = int(self.head.published), lane.is_open
        call(*args)
        until = self.die_within(before) if self.dies_in else None
        for request, published in zip(
            lane.sent[self.counted :], lane.sent_at[self.counted :], strict=True
        ):
            self.counted += 1
            if until is not None and published > until:
                break  # it was dead by then
            self.judge.on_sent(self, json.loads(request), request, published)
            if self.orders is not None:
                self.orders.up.send(request)
        if until is not None:
            del lane.wanted[:]
            self.let_go()
            return
        self.judge.on_step(self)
        if self.ends is not None and not lib.hp_ring_is_empty(self.ends.say.ring):
            self.ends.handed()
        if lane.wanted:
            wanted = lane.wanted[:]
            del lane.wanted[:]
            for what, aux in wanted:
                self.want(what, aux)

    def die_within(self, before: int) -> int | None:
        """Find the record at which this step dies, if it is the one; the journal ends there.

        What the compiled step did to its memory behind that point nobody will ever see.
        """
        after = int(self.head.published)
        if after == before or self.is_dead:
            return None
        if self.dies_at == "place" and not any(
            b'"order.place"' in request for request in self.lane.sent[self.counted :]
        ):
            return None
        if self.dies_at == "open" and (self.was_open or not self.lane.is_open):
            return None
        self.dies_in -= 1
        if self.dies_in:
            return None
        size = self.spec["segment_bytes"]
        number = (after - 1) // size
        start = lib.HP_JOURNAL_HEAD_BYTES + number % self.spec["segment_count"] * size
        offset = max(before - number * size, SEGMENT_BYTES)
        part = memoryview(self.journal.map)[start : start + after - number * size]
        ends = [number * size + offset]
        for record in records(part, offset):
            offset += RECORD_BYTES + (len(record.payload) + 7 & ~7)
            ends.append(number * size + offset)
        assert ends[-1] == after
        until = self.chance.choice(ends)
        self.head.published = until
        self.is_torn = True
        return until

    def take(self, call: Callable[..., None], *args: Any) -> None:
        """Something arrives at the process; one that is stopped sees it when it goes on."""
        if self.is_dead:
            return
        if self.is_paused:
            self.late.append((call, args))
            return
        call(*args)

    def want(self, what: int, aux: int) -> None:
        if what in OWN_WISHES:
            self.loop.after(0, self.take, self.renew, what, aux)
            return
        if what == lib.HP_WANT_LOGON:
            self.logon_ns = self.lane.now_ns
        words = what.to_bytes(4, "little") + aux.to_bytes(4, "little")
        self.mail_out.put(lib.HP_MAIL_WANT, words, what)
        self.ring_bell()

    def renew(self, what: int, aux: int) -> None:
        """Ask for a stream anew, or open its socket anew."""
        if what == lib.HP_WANT_STREAM:
            socket, texts = self.stream_texts[aux & 0xFFFF, aux >> 16]
            market = self.markets.get(socket)
            for text in texts:
                if market is not None:
                    market.up.send(text.encode())
        else:
            market = self.markets.get(aux)
            if market is not None:
                market.cut()

    # -- connections -----------------------------------------------------------------------------

    def again(self, role: str, call: Callable[..., None], *args: Any) -> None:
        """Connect again, each time after twice the wait."""
        wait = self.waits.get(role, BACK_OFF_NS[0])
        self.waits[role] = min(2 * wait, BACK_OFF_NS[1])
        self.loop.after(wait, self.take, call, *args)

    def connect_market(self, number: int) -> None:
        path, _, names = self.spec["market"][number].partition("?streams=")
        group = path.split("/")[-2]

        def opened(connection: Connection) -> None:
            self.waits.pop(f"market/{number}", None)
            self.markets[number] = connection
            if self.is_dead:
                connection.leave()
                return
            self.take(self.step, self.lane.socket, number, True)

        def closed() -> None:
            self.markets[number] = None
            self.take(self.step, self.lane.socket, number, False)
            self.take(self.again, f"market/{number}", self.connect_market, number)

        self.net.connect(
            group,
            lambda data: self.take(self.market_frame, data, number),
            closed,
            lambda connection: self.venue.accept(connection, group, names.split("/")),
            opened,
            lambda: self.take(self.again, f"market/{number}", self.connect_market, number),
        )

    def market_frame(self, data: bytes, number: int) -> None:
        self.lane.now_ns = self.host.mono_ns()
        before = int(self.head.published)
        self.judge.books.on_frame(self, data)
        self.step(self.lane.frame, data, number)
        is_taken = int(self.head.published) >= before + RECORD_BYTES + len(data)
        self.judge.books.on_taken(self, data, number, is_taken)

    def connect_orders(self) -> None:
        def opened(connection: Connection) -> None:
            self.waits.pop("orders", None)
            if self.is_dead:
                connection.leave()
                return
            self.orders = connection
            self.take(self.step, self.lane.note_session, ORDER, lib.HP_SESSION_OPEN)

        def closed() -> None:
            self.orders = None
            self.take(self.step, self.lane.note_session, ORDER, lib.HP_SESSION_CLOSED)
            self.take(self.again, "orders", self.connect_orders)

        self.net.connect(
            "ws-api",
            lambda data: self.take(self.order_frame, data),
            closed,
            lambda connection: self.venue.accept(connection, "ws-api", []),
            opened,
            lambda: self.take(self.again, "orders", self.connect_orders),
        )

    def order_frame(self, data: bytes) -> None:
        before = self.judge.before_order_frame(self, data)
        self.step(self.lane.report_frame, data, ORDER)
        if not self.is_dead:
            self.judge.after_order_frame(self, before)

    def connect_user(self) -> None:
        key = self.user_key
        if key is None:
            self.want(lib.HP_WANT_LISTEN_KEY, 0)
            self.loop.after(KEY_WAIT_NS, self.take, self.no_key)
            return

        def opened(connection: Connection) -> None:
            self.waits.pop("user", None)
            if self.is_dead:
                connection.leave()
                return
            self.user = connection
            self.held.clear()
            self.asked_ns = self.lane.now_ns
            self.take(self.step, self.lane.note_session, USER, lib.HP_SESSION_OPEN)

        def closed() -> None:
            self.user = self.user_key = None
            self.held.clear()
            self.take(self.step, self.lane.note_session, USER, lib.HP_SESSION_CLOSED)
            self.take(self.again, "user", self.connect_user)

        def failed() -> None:
            self.user_key = None
            self.take(self.again, "user", self.connect_user)

        self.user_key = key
        self.net.connect(
            "private",
            lambda data: self.take(self.user_frame, data),
            closed,
            lambda connection: self.venue.accept(connection, "private", [key]),
            opened,
            failed,
        )

    def no_key(self) -> None:
        if self.user is None and self.user_key is None:
            self.connect_user()

    def user_frame(self, data: bytes) -> None:
        self.judge.orders.on_user_frame(self, data)
        if not self.lane.is_user_ready:
            self.held.append((self.host.mono_ns(), data))
            return
        self.believe(data)
        self.check_user()

    def believe(self, data: bytes) -> None:
        before = self.judge.before_user_frame(self, data)
        self.step(self.lane.report_frame, data, USER)
        if not self.is_dead:
            self.judge.after_user_frame(self, before)

    def check_user(self) -> None:
        """The venue ended the stream: begin anew, with a fresh key."""
        if not self.lane.is_user_ready and self.user is not None:
            self.user.cut()

    def release(self) -> None:
        """Believe the stream from here on: first what waited, then what comes."""
        self.judge.orders.on_user_stream(self)
        self.step(self.lane.note_session, USER, lib.HP_SESSION_READY)
        for _, frame in self.held:
            self.believe(frame)
        self.held.clear()
        if self.lane.is_user_ready:
            self.step(self.lane.note_session, USER, lib.HP_SESSION_CURRENT)
        else:
            self.check_user()

    # -- the turn --------------------------------------------------------------------------------

    def turn_again(self) -> None:
        if self.is_dead:
            return
        self.take(self.turn)
        self.loop.after(WORKING_NS if self.lane.working_count else IDLE_NS, self.turn_again)

    def turn(self) -> None:
        lane, now = self.lane, self.host.mono_ns()
        if now == self.turned_ns:  # several turns were missed while it was stopped
            return
        self.turned_ns = now
        self.turns += 1
        words = 0
        for control in self.controls:
            words |= control.word
        self.words = words
        self.judge.words.on_look(self)
        self.step(lane.archive, words)
        if self.lease is not None and int(self.lease.view.seq) != self.lease_seq:
            self.lease_seq = int(self.lease.view.seq)
            found = self.lease.view.lease
            self.step(
                lane.set_leader_lease, found.until_ns, found.epoch, bool(found.is_required)
            )
        seq = int(self.limits.view.seq)
        if self.role != "market" and seq != self.limits_seq and lane.take_limits(self.limits.map):
            self.limits_seq = seq
        if self.ends is not None:
            self.read_peer(now, self.ends)
        for _ in range(16):
            taken = self.mail_in.take()
            if taken is None:
                break
            self.read(*taken)
        self.step(lane.turn)
        if not self.is_dead:
            self.beat(now, words)
            self.judge.on_turn(self)

    def read_peer(self, now: int, ends: Ends) -> None:
        """Look at the other lane's beat, then take what it said."""
        beat = int(ends.hear.page.header.heartbeat_ns)
        bound = beat + ends.silence_ms * MS
        if beat and (now > bound) != self.is_peer_silent:
            self.is_peer_silent = now > bound
            if self.is_peer_silent:
                words = bound.to_bytes(8, "little")
                self.step(self.lane.peer, lib.HP_PAIR_SILENT, words)
            else:
                self.step(self.lane.peer, lib.HP_PAIR_BACK)
        for _ in range(TAKES):
            if self.is_dead or lib.hp_ring_is_empty(ends.hear.ring):
                return
            self.step(self.lane.take_peer)

    def beat(self, now: int, words: int) -> None:
        lane = self.lane
        self.page.header.heartbeat_ns = now
        if self.ends is not None:
            self.ends.say.page.header.heartbeat_ns = now
        self.page.view.counters.turns = self.turns
        if self.role != "market":
            lane.show_uses()
        if (
            lane.is_open
            and self.user is not None
            and not lane.is_user_ready
            and now > self.asked_ns + ASK_AGAIN_NS
        ):
            self.asked_ns = now
            self.want(lib.HP_WANT_TRADES, 0)
        if (
            self.orders is not None
            and not lane.is_session_ready
            and now - self.logon_ns >= LOGON_AGAIN_NS
        ):
            self.want(lib.HP_WANT_LOGON, 0)
        if now - self.clock_ns >= S:
            self.clock_ns = now
            lane.now_ns = now
            lane.clocks(self.host.real_ns())
        if words & lib.HP_WORD_STOP:
            self.end()
        elif lane.is_draining:
            self.drain_until_ns = self.drain_until_ns or now + DRAIN_NS
            if lane.working_count == 0 or now > self.drain_until_ns:
                self.state = lib.HP_LANE_DRAINED
                self.end()
        else:
            self.state = lib.HP_LANE_ARMED if lane.is_armed else lib.HP_LANE_SYNCING
        self.page.view.state = self.state

    def read(self, kind: int, aux: int, data: bytes) -> None:
        """Take one mail, as the live lane's read_mail() does."""
        if kind == lib.HP_MAIL_SNAPSHOT:
            self.judge.books.on_snapshot(self, aux, data)
        elif data and kind in FACTS:
            self.judge.successor.on_fact(self, kind, aux, data)
        lane, took = self.lane, [0]
        self.step(lambda: took.append(lane.mailed(kind, aux, data)))
        if self.is_dead:
            return
        if took[-1] == FACT:
            if lane.is_open and not lane.is_user_ready and self.user is not None:
                self.release()
        elif took[-1]:
            return
        elif kind == lib.HP_MAIL_TRADES:
            if aux == 0 and self.user is not None and lane.is_open:
                self.release()
        elif kind == lib.HP_MAIL_LOGON:
            if self.orders is not None:
                self.step(lane.note_session, ORDER, lib.HP_SESSION_ASKED)
                self.orders.up.send(data)
        elif kind == lib.HP_MAIL_LISTEN_KEY:
            if self.user is None and self.user_key is None:
                self.user_key = data.decode().rpartition("=")[2]
                self.connect_user()
        else:
            raise AssertionError(f"mail of kind {kind}")

    # -- the end ---------------------------------------------------------------------------------

    def pause(self, for_ns: int) -> None:
        """Stand still, as by SIGSTOP or a virtual machine that is moved."""
        if not self.is_paused:
            self.is_paused = True
            self.loop.after(for_ns, self.go_on)

    def go_on(self) -> None:
        """What came meanwhile is there at once: the sockets may be read before the next turn."""
        self.is_paused = False
        late, self.late = self.late, []
        if self.chance.random() < 0.5:
            late.sort(key=lambda one: one[0] == self.turn)
        for call, args in late:
            self.take(call, *args)

    def let_go(self) -> None:
        self.is_dead = True
        self.host.dead.add(self.page.path.name)
        self.journal.header.writer_pid = NOBODY
        for connection in (*self.markets.values(), self.orders, self.user):
            if connection is not None:
                connection.leave()
        self.ended(self)

    def end(self) -> None:
        """Leave in order."""
        self.step(self.lane.end)
        self.let_go()

    def kill(self, steps: int = 0, at: str = "") -> None:
        """End as by kill -9: now, between two steps, or within one of those that follow.

        at: within one that sends an order ("place"), or that opens the lane ("open").
        """
        if steps:
            self.dies_in, self.dies_at = steps, at
        elif not self.is_dead:
            self.let_go()
