"""The sentinel: a process that trusts nobody here and can empty the venue's order list alone.

Owns:    its session with the venue (its own key and sockets), its control word, its page, its
         journal (<state_dir>/sentinel.jsonl), its door (sentinel/door.py).
Refuses: new risk of any kind, closing positions (flatten is the lane's), asyncio, the libraries
         of the other processes.

One thread, one poll.  It reads the lanes' pages and waits for nobody but the venue: it works with
every other process of the appliance stopped, and when the supervisor is dead.

    watching ──bound passed, person, signal──► word KILL, cancel, ask ──list empty──► holding
       ▲                                                  ▲                              │
       └──── released by a person; a dead lane is back ───┴──── something is open again ─┘
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

from runtime._shm import ffi, lib
from runtime.pages.page import Control, Page, ring, start_ticks
from runtime.sentinel.door import Door
from runtime.sentinel.sweep import Sweep, Venue
from runtime.sentinel.watch import Trip, Watch
from runtime.sentinel.wire import Reply, Wire, WireError
from runtime.supervise.peer import Peer, printable
from runtime.supervise.state import StateError, state_dir
from venues.binance.usdm import rescue
from venues.binance.usdm.signing import signer

TICK_S = 0.02
BEAT_NS = 100_000_000
SWEEP_S = 5.0  # then it says that it goes on, and goes on
SWEEP_AGAIN_S = 1.0  # at a time: doors and signals are served in between
HOLD_LOOK_S = (0.05, 2.0)  # between two questions while it holds: orders may have been on their way
HOLD_ALL_S = 60.0  # and over all symbols, which weighs more
LEAVE_S = 0.5  # after the supervisor's death, at the earliest
SILENT_S = 600.0  # of a venue: then an orphan gives up
LANE_BACK_NS = 500_000_000
LINK_BYTES_MAX = 65_536
REAL_TIME_US = 500_000
TRIGGERS = {
    number: name.removeprefix("HP_TRIGGER_").lower()
    for number, name in ffi.typeof("enum hp_trigger").elements.items()
}


class Sentinel:
    """One deployment's sentinel."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.deployment: str = spec["deployment"]
        self.bounds: dict[str, int] = spec["bounds"]
        self.directory = state_dir(self.deployment)
        page = Page.open(
            self.deployment, "sentinel", "hp_sentinel_page_t", writable=True
        )
        page.header.writer_pid = os.getpid()
        page.header.writer_start_ticks = start_ticks(os.getpid())
        self.page = page
        self.view = page.view
        self.control = Control.adopt(self.deployment, "sentinel")
        wire = Wire(
            spec["rest"],
            spec["connections"],
            {"X-MBX-APIKEY": spec["api_key"]},
            spec["ca"],
        )
        self.wire = wire
        sign = signer(Path(spec["key_path"]))
        self.venue = Venue(wire, sign, spec["weight_per_minute"], spec["weight_limit"])
        self.venue.refused_until_s = time.monotonic() + spec.get("refused_s", 0.0)
        self.watch = Watch(self.deployment, self.bounds, spec["lanes"], spec["supervisor"])
        self.door = Door(self.deployment)
        self.link = socket.socket(fileno=os.dup(0))
        self.link.setblocking(False)
        self.heard = bytearray()
        self.unsaid = bytearray()
        self.is_over = False
        self.trip: Trip | None = None  # what it holds for; None = watching
        self.marks: dict[int, tuple[int, int]] = {}  # lanes' turns when the word was written
        self.confirmed_ns = 0
        self.asked: list[int] = []  # door connections that wait for the outcome
        self.timed_s = self.balanced_s = 0.0
        self.held_s = self.held_all_s = 0.0
        self.hold_pause_s = HOLD_LOOK_S[0]
        self.is_asking = False  # a question of the hold is on its way
        self.beat_ns = 0
        self.leave_s = 0.0
        self.signals = self.take_signals()

    # -- saying ----------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Hand a line to the supervisor; one that does not read costs nothing."""
        if len(self.unsaid) < LINK_BYTES_MAX:
            self.unsaid += json.dumps({"say": text}).encode() + b"\n"
        self.flush()

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            while self.unsaid:
                del self.unsaid[: self.link.send(self.unsaid, socket.MSG_DONTWAIT)]

    def journal(self, event: str, **facts: Any) -> None:
        """Append what happened to the sentinel's journal, durably."""
        line = {"utc": time.time(), "mono_ns": time.monotonic_ns(), "event": event, **facts}
        with contextlib.suppress(OSError):  # a full disk must not stop a cancel
            handle = os.open(
                self.directory / "sentinel.jsonl",
                os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC,
                0o600,
            )
            try:
                os.write(handle, json.dumps(line).encode() + b"\n")
                os.fsync(handle)
            finally:
                os.close(handle)

    # -- start -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Connect, and prove that the key may list and that the venue answers."""
        self.wire.resolve()
        sweep = self.sweep()
        found: list[Reply | None] = []
        until = time.monotonic() + 15
        while not (found and found[-1] is not None):
            if time.monotonic() > until:
                raise WireError(self.venue.last_error or self.wire.last_error or "no answer")
            found = sweep.exchange([rescue.open_orders(self.spec["symbols"][0])], until, self.beat)
            if found[-1] is None:
                time.sleep(0.1)
        if self.control.word:  # a former life of it tripped: it holds on
            self.trip = Trip(int(self.view.trigger), 0, 0, "held over from a former life")
            self.view.confirmed_ns = 0
            self.run_sweep(SWEEP_S)
        self.show()

    def take_signals(self) -> socket.socket:
        """Make signals readable: USR1 trips, USR2 releases, TERM ends."""
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        self.wakeup = theirs
        signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the supervisor's business
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        return ours

    # -- the loop --------------------------------------------------------------------------------

    def run(self) -> int:
        while not self.is_over:
            self.turn()
        self.door.close()
        self.wire.close()
        return 0

    def turn(self) -> None:
        others = {self.signals.fileno(): select.POLLIN, **self.door.waits()}
        if self.link.fileno() >= 0:
            others[self.link.fileno()] = select.POLLIN | (select.POLLOUT if self.unsaid else 0)
        for descriptor, _ in self.wire.pump(TICK_S, others):
            if descriptor == self.signals.fileno():
                self.on_signals()
            elif descriptor == self.link.fileno():
                self.on_link()
            elif (taken := self.door.take(descriptor)) is not None:
                self.on_request(*taken)
        self.act()

    def act(self) -> None:
        """Look at everything, and do what is due; what came in has been taken."""
        now = time.monotonic_ns()
        found = self.watch.look(now)
        if found is not None and self.trip is None:
            self.trips(found, now)
        self.ask_routine(now / 1e9)
        if self.trip is not None:
            self.hold(now / 1e9)
        if self.watch.is_orphan():
            self.orphaned(now / 1e9)
        self.beat()

    def beat(self) -> None:
        now = time.monotonic_ns()
        if now - self.beat_ns >= BEAT_NS:
            self.beat_ns = now
            self.page.header.heartbeat_ns = self.control.page.header.heartbeat_ns = now
            self.show()

    def on_signals(self) -> None:
        with contextlib.suppress(BlockingIOError):
            for number in self.signals.recv(64):
                now = time.monotonic_ns()
                if number == signal.SIGTERM:
                    self.is_over = True
                elif number == signal.SIGUSR1 and self.trip is None:
                    self.trips(Trip(lib.HP_TRIGGER_MANUAL, 0, 0, "signal USR1"), now)
                elif number == signal.SIGUSR2:
                    self.release("signal USR2")

    def on_link(self) -> None:
        """The supervisor says nothing that must be heard; its end is the pidfd's business."""
        self.flush()
        try:
            if not self.link.recv(LINK_BYTES_MAX):
                self.link.close()
        except BlockingIOError:
            pass
        except OSError:
            self.link.close()

    def on_request(self, connection: int, request: dict[str, Any], peer: Peer) -> None:
        command, said = request.get("command"), printable(str(request.get("reason") or ""))
        who = f"pid {peer.pid} uid {peer.uid}"
        if command == "trip":
            self.asked.append(connection)
            if self.trip is None:
                trigger = lib.HP_TRIGGER_DRILL if request.get("drill") else lib.HP_TRIGGER_MANUAL
                caused = int(request.get("caused_ns") or time.monotonic_ns())
                self.trips(Trip(trigger, 0, 0, f"{said or 'asked'} ({who})"), caused)
            elif self.confirmed_ns:
                self.answer()
        elif command == "release":
            self.door.answer(connection, self.release(f"{said or 'asked'} ({who})"))
        elif command == "status":
            self.door.answer(connection, self.outcome())
        else:
            error = f"command is {str(command)[:40]!r}; want one of trip, release, status"
            self.door.answer(connection, {"ok": False, "error": error})

    # -- tripping --------------------------------------------------------------------------------

    def trips(self, found: Trip, caused_ns: int) -> None:
        """Set the word, wake the lanes, cancel, ask until nothing is open."""
        reason = f"{TRIGGERS[found.trigger]}: {found.reason}"
        self.control.set(lib.HP_WORD_KILL, reason)
        now = time.monotonic_ns()
        self.marks = self.watch.turns()
        self.trip, self.confirmed_ns = found, 0
        view = self.view
        seq = ffi.addressof(view, "seq")
        lib.hp_seq_begin(seq)
        view.state, view.trigger = lib.HP_SENTINEL_CANCELLING, found.trigger
        view.caused_ns = min(caused_ns, now)
        view.tripped_ns, view.confirmed_ns = now, 0
        view.found, view.wanted = found.found, found.wanted
        view.trips[found.trigger] += 1
        view.cancelled = view.left = view.rounds = 0
        put(view.reason, reason)
        lib.hp_seq_end(seq)
        self.run_sweep(SWEEP_S, wakes=True)
        self.say(
            f"sentinel.tripped trigger={TRIGGERS[found.trigger]} reason={found.reason!r}"
            f" scope={self.spec['cancel_scope']}"
        )
        self.journal(
            "tripped",
            trigger=TRIGGERS[found.trigger],
            reason=found.reason,
            found=found.found,
            wanted=found.wanted,
            caused_ns=int(view.caused_ns),
            tripped_ns=now,
        )
        self.tell_outcome()

    def sweep(self) -> Sweep:
        is_lease = self.trip is not None and self.trip.trigger == lib.HP_TRIGGER_LEASE
        return Sweep(
            self.venue,
            self.spec["symbols"],
            self.spec["prefix"],
            self.spec["cancel_scope"],
            epoch_max=max(1, self.watch.lease_epoch) if is_lease else 0,
        )

    def wake_lanes(self) -> None:
        """Wake the lanes that block, to the word that is set.  They will cancel too, each order by
        itself: the first requests of this process have left by then, and clear the list at once."""
        for bell in self.spec["bells"]:
            ring(bell)

    def run_sweep(self, seconds: float, wakes: bool = False) -> None:
        """Cancel and ask; what is not done in this time goes on in the turns of the hold."""
        sweep = self.sweep()
        if wakes:
            sweep.sent = self.wake_lanes
        done = sweep.run(seconds, self.beat)
        view, seq = self.view, ffi.addressof(self.view, "seq")
        lib.hp_seq_begin(seq)
        is_first = view.confirmed_ns == 0
        view.cancelled = max(0, sweep.cancelled) + (0 if is_first else view.cancelled)
        view.left, view.rounds = max(0, sweep.left), view.rounds + sweep.rounds
        if done:
            view.state = lib.HP_SENTINEL_HOLDING
            if is_first:
                view.confirmed_ns = sweep.answered_ns
                took = max(0, sweep.answered_ns - view.caused_ns)
                lib.hp_histogram_record(ffi.addressof(view, "confirm"), took)
                if self.trip is not None and self.trip.trigger == lib.HP_TRIGGER_DRILL:
                    view.drill_ns, view.drill_took_ns = sweep.answered_ns, took
        lib.hp_seq_end(seq)
        self.confirmed_ns = int(view.confirmed_ns)
        self.held_s, self.hold_pause_s = time.monotonic(), HOLD_LOOK_S[0]
        put(view.evidence, self.evidence(sweep, done))

    def evidence(self, sweep: Sweep, done: bool) -> str:
        view = self.view
        if not done:
            left = sweep.left if sweep.left >= 0 else "an unknown number of"
            return f"{left} orders still open; last trouble: {self.venue.last_error or 'none'}"
        took = (view.confirmed_ns - view.tripped_ns) / 1e6
        return (
            f"{sweep.cancelled} orders were open; the venue's list was empty {took:.1f} ms after"
            f" the word, at question {sweep.rounds}"
        )

    def tell_outcome(self) -> None:
        view = self.view
        facts = self.outcome()
        if self.confirmed_ns:
            took = (view.confirmed_ns - view.caused_ns) / 1e6
            self.say(
                f"sentinel.confirmed_empty cancelled={view.cancelled} took_ms={took:.1f}"
                f" rounds={view.rounds}"
            )
        else:
            self.say(f"sentinel.not_empty left={view.left} cause={self.venue.last_error!r}")
        self.journal("confirmed" if self.confirmed_ns else "not_empty", **facts)
        self.answer()

    def outcome(self) -> dict[str, Any]:
        view = self.view
        return {
            "ok": True,
            "tripped": self.trip is not None,
            "trigger": TRIGGERS.get(int(view.trigger), "none"),
            "reason": ffi.string(view.reason).decode(errors="replace"),
            "confirmed": bool(self.confirmed_ns),
            "cancelled": int(view.cancelled),
            "left": int(view.left),
            "rounds": int(view.rounds),
            "turns": self.watch.turns_until_obeyed(self.marks),
            "caused_ns": int(view.caused_ns),
            "tripped_ns": int(view.tripped_ns),
            "confirmed_ns": int(view.confirmed_ns),
            "evidence": ffi.string(view.evidence).decode(errors="replace"),
        }

    def answer(self) -> None:
        """Tell those who asked for the trip how it went."""
        for connection in self.asked:
            self.door.answer(connection, self.outcome())
        self.asked.clear()

    # -- holding ---------------------------------------------------------------------------------

    def hold(self, now_s: float) -> None:
        """While the word stands: ask again and again; what is open goes."""
        assert self.trip is not None
        if not self.confirmed_ns:
            if not self.wire.is_gone:
                self.run_sweep(SWEEP_AGAIN_S)
            if self.confirmed_ns:
                self.tell_outcome()
            return
        if self.trip.trigger == lib.HP_TRIGGER_LANE and self.is_lane_back(now_s):
            self.release("every lane turns again")
            return
        if self.is_asking or now_s - self.held_s < self.hold_pause_s:
            return
        self.held_s, self.hold_pause_s = now_s, min(2 * self.hold_pause_s, HOLD_LOOK_S[1])
        is_whole = now_s - self.held_all_s >= HOLD_ALL_S
        symbols = [""] if is_whole else self.spec["symbols"]
        self.held_all_s = now_s if is_whole else self.held_all_s
        sweep = self.sweep()
        for symbol in symbols:
            self.is_asking = True
            self.venue.ask(rescue.open_orders(symbol), lambda reply: self.heard_open(sweep, reply))

    def heard_open(self, sweep: Sweep, reply: Reply | None) -> None:
        self.is_asking = False
        if reply is None or self.trip is None:
            return
        if any(sweep.means(order) for order in rescue.read_orders(reply.body)):
            self.view.state = lib.HP_SENTINEL_CANCELLING
            self.held_s = 0.0
            self.again()

    def again(self) -> None:
        """Something is open although the list was empty: it was on its way, or somebody places."""
        before = int(self.view.cancelled)
        self.run_sweep(SWEEP_AGAIN_S)
        self.say(f"sentinel.cancelled_again orders={int(self.view.cancelled) - before}")
        self.journal("cancelled_again", **self.outcome())

    def is_lane_back(self, now_s: float) -> bool:
        """Say whether every lane has turned since the trip, and still turns."""
        since = max(int(self.view.tripped_ns), int(now_s * 1e9) - LANE_BACK_NS)
        return all(
            lane.mapped.view is not None and int(lane.mapped.view.page.heartbeat_ns) > since
            for lane in self.watch.lanes
        )

    def release(self, said: str) -> dict[str, Any]:
        """Take the word back: a person has looked, or the lane that was gone is back."""
        if self.trip is None:
            return {"ok": False, "error": "the sentinel holds nothing"}
        if not self.confirmed_ns:
            evidence = ffi.string(self.view.evidence).decode(errors="replace")
            return {"ok": False, "error": f"the venue has not called the list empty: {evidence}"}
        trigger = TRIGGERS[self.trip.trigger]
        self.trip, self.confirmed_ns = None, 0
        self.watch.forget()
        self.control.clear(lib.HP_WORD_KILL)
        self.wake_lanes()
        self.view.state = lib.HP_SENTINEL_WATCHING
        self.say(f"sentinel.released trigger={trigger} reason={said!r}")
        self.journal("released", trigger=trigger, reason=said)
        return {"ok": True, "released": trigger}

    def orphaned(self, now_s: float) -> None:
        """The supervisor is dead: leave when the venue is empty and no lane is left to guard.

        A venue that does not answer is asked for SILENT_S more; an embedded one ended with us.
        """
        if self.leave_s == 0.0:
            self.leave_s = now_s + LEAVE_S
        silent = (time.monotonic_ns() - self.venue.heard_ns) / 1e9
        if self.confirmed_ns:
            why = "nothing open"
        elif self.wire.is_gone:
            why = "the venue has ended"
        elif silent > SILENT_S:
            why = f"NOT CONFIRMED: the venue has not answered for {silent:.0f} s"
        else:
            return
        if now_s > self.leave_s and not self.watch.lanes_live():
            self.journal("left", reason=f"supervisor dead, no lane lives, {why}")
            self.is_over = True

    # -- routine ---------------------------------------------------------------------------------

    def ask_routine(self, now_s: float) -> None:
        """Ask for time and balance, in turn over all sockets so that none falls asleep."""
        if now_s - self.timed_s >= self.bounds["clock_every_s"]:
            self.timed_s = now_s
            if self.venue.may(rescue.server_time()):
                asked: list[int] = []
                self.ask_time(asked)
        every = self.bounds["balance_every_s"]
        if every and now_s - self.balanced_s >= every and self.venue.may(rescue.balances()):
            self.balanced_s = now_s
            self.venue.ask(rescue.balances(), self.heard_balances)

    def ask_time(self, asked: list[int]) -> None:
        def heard(reply: Reply | None) -> None:
            if reply is None:
                return
            venue_ns = rescue.read_time_ms(reply.body) * 1_000_000
            self.watch.heard_time(venue_ns, time.time_ns(), time.monotonic_ns() - asked_ns)
            drift_ms = self.watch.drift_ns // 1_000_000
            self.venue.ahead_ms = drift_ms if abs(drift_ms) > 500 else 0

        asked_ns = time.monotonic_ns()
        self.venue.ask(rescue.server_time(), heard)
        self.wire.lines.append(self.wire.lines.pop(0))  # the next question goes by another socket

    def heard_balances(self, reply: Reply | None) -> None:
        if reply is None:
            return
        equity = rescue.read_equity_e8(reply.body, self.spec["asset"])
        if equity is not None:
            self.watch.heard_equity(equity, time.monotonic())

    # -- the page --------------------------------------------------------------------------------

    def show(self) -> None:
        view, watch, seq = self.view, self.watch, ffi.addressof(self.view, "seq")
        lib.hp_seq_begin(seq)
        if self.trip is None:
            view.state = lib.HP_SENTINEL_WATCHING
        view.requests, view.request_failures = self.wire.requests, self.wire.failures
        view.reconnects = self.wire.connects
        view.weight_spent, view.overdrafts = self.venue.spent, self.venue.overdrafts
        view.lane_silence_ns, view.feed_silence_ns = watch.lane_silence_ns, watch.feed_silence_ns
        view.latency_ns, view.latency_count = watch.latency_ns, watch.latency_count
        view.clock_ns, view.clock_unsure_ns = watch.drift_ns, watch.drift_unsure_ns
        view.equity_e8, view.equity_max_e8 = watch.equity_e8, watch.equity_max_e8
        view.venue_ns = self.venue.heard_ns
        view.scope = 2 if self.spec["cancel_scope"] == "all" else 1
        view.connections = self.wire.up
        lib.hp_seq_end(seq)


def put(field: Any, text: str) -> None:
    """Write a text into a char array, cut to fit, zeros behind it."""
    size = ffi.sizeof(field)
    data = text.encode("ascii", "replace")[: size - 1]
    ffi.memmove(field, data + bytes(size - len(data)), size)


def harden() -> None:
    """Ask the kernel to end others first and to let this one run first; no matter if it refuses.

    It sleeps nearly always.  Niceness would not do: it counts within a session, and this is one of
    its own.  Should it ever run REAL_TIME_US without waiting, it is an ordinary process again.
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("-800")
    with contextlib.suppress(OSError, ValueError):
        signal.signal(signal.SIGXCPU, lambda *_: ordinary())
        resource.setrlimit(resource.RLIMIT_RTTIME, (REAL_TIME_US, 10 * REAL_TIME_US))
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def ordinary() -> None:
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def main() -> int:
    line = sys.stdin.readline()
    if not line:
        return 0
    spec = json.loads(line)
    Path("/proc/self/comm").write_text("sentinel")
    harden()
    link = socket.socket(fileno=os.dup(0))
    try:
        sentinel = Sentinel(spec)
        sentinel.start()
    except (WireError, StateError, OSError, ValueError) as error:
        text = f"sentinel: venue {spec['rest']}: {error}"
        link.sendall(json.dumps({"error": text}).encode() + b"\n")
        return 2
    link.sendall(json.dumps({"ready": {"connections": sentinel.wire.up}}).encode() + b"\n")
    link.close()
    return sentinel.run()


if __name__ == "__main__":
    sys.exit(main())
