"""A running appliance: its parts together, the order of start and drain.

Owns:    the pages that outlive every process (control words, clock, host), what follows from what
         processes tell and from their ends.
Refuses: trading, keys (session/process.py), starting and watching (supervise/supervisor.py), a
         lane's lives (lanes/lane.py), the cold parts' plans (supervise/cold_parts.py), limits
         (lanes/rules.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime._shm import ffi, lib
from runtime.authority import pages as limit_pages
from runtime.journal.archiver import finish, rules_of
from runtime.journal.checkpointer import Checkpointer
from runtime.lanes import pages as lane_pages
from runtime.lanes.market import PAIR_BYTES, MarketLane
from runtime.lanes.notices import Notices
from runtime.lanes.order import OrderLane
from runtime.lanes.rings import FormerRings
from runtime.lanes.rules import Rules
from runtime.pages.clock import ClockPage, ClockWatch
from runtime.pages.host import HostPage, HostWatch
from runtime.pages.page import SHM, Control, Page, in_use, stale
from runtime.pages.page import name as page_name
from runtime.sentinel import plan as sentinel_plan
from runtime.sentinel.plan import Guard
from runtime.session import funds, stops
from runtime.settings import Settings
from runtime.show.summary import summary
from runtime.supervise import conditions, pre_check, state
from runtime.supervise.causes import CAUSES
from runtime.supervise.child import Exit, Message, Plan
from runtime.supervise.cold_parts import ColdParts
from runtime.supervise.crash_report import Report
from runtime.supervise.lease import SimLease
from runtime.supervise.supervisor import StartError, Supervisor
from runtime.supervise.topology import Topology, plan_box
from venues.binance.usdm.session import Endpoints

SMALL_PAGES_BYTES = 256 * 1024
ORPHANS_S = 8.0  # lanes of a dead supervisor are gone by then
VENUE = "binance_usdm"
TOP_TRIES = 1000
DEPLOYMENT = re.compile(r"[A-Za-z0-9_-]{1,32}")


def plan(settings: Settings) -> Topology:
    """Plan where the processes of these settings run on this box."""
    return plan_box(settings.topology, is_blocking=not settings.spin, lane_core=settings.core)


class ApplianceError(Exception):
    """The appliance cannot start or go on."""


class Appliance:
    """One lane, the cold processes that serve it, and their supervisor."""

    def __init__(
        self,
        settings: Settings,
        endpoints: Endpoints,
        api_key: str,
        key_path: Path,
        ca: str | None,
        say: Callable[[str], None],
        metrics_port: int = 0,
        topology: Topology | None = None,
    ) -> None:
        self.rules = Rules(settings)
        self.endpoints = endpoints
        self.credentials = {"api_key": api_key, "key_path": str(key_path)}
        self.ca = ca
        self.say = say
        self.metrics_port = metrics_port
        self.topology = topology or plan(settings)
        self.pages: list[Page] = []
        self.is_drained = False
        self.cold = ColdParts(self)
        self.cancelled: asyncio.Future[int] | None = None
        self.notices = Notices(lambda message: self.cold.tell("session", message))
        self.rings = FormerRings(settings.deployment, say)
        self.bells: dict[str, int] = {}
        self.lane = OrderLane(self, 0, self.topology.places[-1])  # the fused one, or of a pair
        self.market: MarketLane | None = None  # of a split topology

    @property
    def settings(self) -> Settings:
        """What holds now: limits may have changed since the start."""
        return self.rules.settings

    # -- start -----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Make pages, start the cold processes, then the lane."""
        s = self.settings
        if not DEPLOYMENT.fullmatch(s.deployment):
            raise ApplianceError(
                f"deployment name {s.deployment!r}: want 1 to 32 of A-Z a-z 0-9 _ -"
            )
        await self.clear_pages()
        try:
            shortcomings = conditions.shared_memory(SHM, self.life_bytes(), self.journal_bytes())
        except conditions.ConditionError as error:
            raise ApplianceError(str(error)) from error
        self.directory = state.state_dir(s.deployment)
        self.supervisor = Supervisor(s.deployment, self.say)
        self.supervisor.topology = self.topology.text
        for text in (
            *self.topology.notes,
            *shortcomings,
            *conditions.memory(),
            *conditions.huge_pages(SHM),
        ):
            self.supervisor.degrade(text)
        self.pages.append(self.supervisor.page)
        self.control = Control(s.deployment, "operator")
        self.pages.append(self.control.page)
        self.supervisor.beats.append(self.control.page)
        self.host = HostPage(s.deployment)
        self.pages.append(self.host.page)
        self.clock = ClockPage(s.deployment)
        self.pages.append(self.clock.page)
        if s.has_authority:  # made here, written there: leases and freezes outlive the authority
            self.pages.append(Control(s.deployment, "authority").page)
            self.pages.append(limit_pages.make(s.deployment, 0))
        if s.guard is not None:
            made = sentinel_plan.make_pages(s.deployment)
            self.sentinel_page = made[0]
            self.pages += made
        else:
            self.supervisor.degrade("no sentinel: nobody cancels when lane and supervisor cannot")
        if s.lease_ms:
            self.lease = SimLease(s.deployment, s.lease_ms)
            self.pages.append(self.lease.page)
            self.supervisor.keep(self.lease.keep())
        watch = ClockWatch(self.clock, s.profile, self.say, s.clock_where)
        watch.look()
        flags = os.EFD_NONBLOCK | os.EFD_CLOEXEC
        self.bells = {who: os.eventfd(0, flags) for who in ("lane", "session", "supervisor")}
        self.control.bells.append(self.bells["lane"])
        if self.topology.kind == "split":
            self.market = MarketLane(self)
            self.market.make_pair()
            self.control.bells.append(self.market.bell)
        self.self_pidfd = os.pidfd_open(os.getpid())
        asyncio.get_running_loop().add_reader(self.bells["supervisor"], self.on_bell)
        self.supervisor.keep(self.supervisor.watch())
        guard = asyncio.ensure_future(self.start_guard())  # beside the others: it takes as long
        try:
            await self.start_processes(guard)
        except StartError as error:
            raise ApplianceError(str(error)) from error
        finally:
            guard.cancel()
            await asyncio.gather(guard, return_exceptions=True)
        self.supervisor.keep(watch.keep())
        self.supervisor.keep(HostWatch(self.host, self.say).keep())
        self.supervisor.keep(self.forget_rings())

    async def clear_pages(self) -> None:
        """Remove what a dead run left; wait for its lanes to leave; refuse beside a living one."""
        deployment = self.settings.deployment
        until = time.monotonic() + ORPHANS_S
        while taken := in_use(deployment):
            has_supervisor = any(path.name.endswith(".supervisor") for path in taken)
            if has_supervisor or time.monotonic() > until:
                raise ApplianceError(
                    f"deployment {deployment!r} is running already (page {taken[0].name} has a"
                    " living writer); stop it, or name another one with --deployment"
                )
            await asyncio.sleep(0.1)
        for path in stale(deployment):
            if path.name.startswith(page_name(deployment, "journal.")):
                self.rings.keep(path)
                continue
            path.unlink(missing_ok=True)
            self.say(f"pages.removed page={path.name} cause=writer_gone")

    async def start_guard(self) -> None:
        if self.settings.guard is not None:
            await self.supervisor.start(self.sentinel_plan(self.settings.guard))

    async def start_processes(self, guard: asyncio.Future[None]) -> None:
        s = self.settings
        facts: Message = {}
        for plan in self.cold.plans():
            facts |= await self.supervisor.start(plan)
        self.metrics_port = facts["exporter"]["port"]
        if facts["exporter"]["note"]:
            self.supervisor.degrade(facts["exporter"]["note"])
        found = {entry["symbol"]: entry for entry in facts["session"]["instruments"]}
        try:
            self.funds = funds.held([found[symbol]["settles_in"] for symbol in s.symbols])
        except funds.FundsError as error:
            raise ApplianceError(str(error)) from None
        ids = state.instrument_ids(self.directory, [f"{VENUE}:{symbol}" for symbol in s.symbols])
        named = {symbol: ids[f"{VENUE}:{symbol}"] for symbol in s.symbols}
        self.rules.learn(named, found, facts["session"]["quotas"])
        self.tell_authority()
        await guard  # it watches before the first order can leave
        await self.supervisor.start(self.lane.plan())
        if self.market is not None:
            await self.supervisor.start(self.market.plan())

    # -- plans -----------------------------------------------------------------------------------

    def sentinel_plan(self, guard: Guard) -> Plan:
        page, s = self.sentinel_page, self.settings
        return Plan(
            "sentinel",
            lib.HP_PROCESS_SENTINEL,
            "runtime.sentinel.process",
            lambda: sentinel_plan.specification(
                guard,
                deployment=s.deployment,
                rest=self.endpoints.rest,
                ca=self.ca,
                symbols=s.symbols,
                prefix=s.deployment[:12],
                cancel_scope=s.cancel_scope,
                bells=list(self.lane_bells().values()),
                lanes=[int(number) for number in self.lane_bells()],
                supervisor=self.self_pidfd,
                refused_s=stops.refused_s(self.directory, time.time_ns()),
            ),
            lambda: self.beat_of("sentinel", page),
            lambda: sentinel_plan.STALL_NS_MAX,
            core=self.topology.cold_core,
            is_essential=False,
            is_apart=True,
            descriptors=(*self.lane_bells().values(), self.self_pidfd),
            told=self.told,
            exited=self.exited,
        )

    def beat_of(self, process: str, page: Page) -> int:
        """Return the heartbeat of a process's own page, 0 while another life's stands there."""
        watched = self.supervisor.watched.get(process)
        is_its = watched is not None and page.header.writer_pid == watched.pid
        return int(page.header.heartbeat_ns) if is_its else 0

    def lane_bells(self) -> dict[str, int]:
        """Return the lanes' eventfds by number."""
        market = {} if self.market is None else {"1": self.market.bell}
        return {"0": self.bells["lane"], **market}

    def descriptors(self) -> tuple[int, ...]:
        """Return what every lane inherits: all bells, and what says that the supervisor lives."""
        bells = (*self.bells.values(), *self.lane_bells().values())
        return (*dict.fromkeys(bells), self.self_pidfd)

    def control_pages(self) -> list[str]:
        """Name whose words the lane obeys; the supervisor's own first."""
        s = self.settings
        others = {"authority": s.has_authority, "sentinel": s.guard is not None}
        return ["operator", *(writer for writer, is_there in others.items() if is_there)]

    def journal_bytes(self) -> int:
        s = self.settings
        return int(lib.HP_JOURNAL_HEAD_BYTES) + s.segment_bytes * s.segment_count

    def life_bytes(self) -> int:
        """Return what the pages of a lane's life take in shared memory, a little above."""
        one = lane_pages.life_bytes(self.journal_bytes())
        other = one + PAIR_BYTES if self.topology.kind == "split" else 0
        return one + SMALL_PAGES_BYTES + other

    # -- other rules while it runs ---------------------------------------------------------------

    def change_limits(self, changes: dict[str, Any]) -> int:
        """Hold other limits from now on: settings by name.  Returns how many records lanes get.

        Nothing has changed when it raises ValueError.  Lanes journal what they take; leased limits
        come by the authority.  A lane that starts later is built of the new settings.
        """
        rules, former = self.rules, self.settings
        if not rules.is_known:
            rules.settings = dataclasses.replace(former, **changes)
            return 0
        before = rules.mails()
        rules.settings = dataclasses.replace(former, **changes)
        try:
            after = rules.mails()
        except (ValueError, TypeError, OverflowError) as error:
            rules.settings = former
            raise ValueError(str(error)) from error
        self.tell_authority()
        return self.notices.tell_changes(before, after)

    def change_reference(self, found: dict[str, Any]) -> None:
        """The venue says something else of instruments, by symbol: lanes take it."""
        rules = self.rules
        before = rules.mails()
        for number, symbol in rules.symbols.items():
            about = {**rules.about[number], **found.get(symbol, {})}
            differ = [key for key in about if about[key] != rules.about[number].get(key)]
            if not differ:
                continue
            if "price_decimals" in differ or "size_decimals" in differ:
                self.supervisor.degrade(f"{symbol}: another scale at the venue; restart")
                continue
            rules.about[number] = about
            self.checkpoint("reference")
            self.say(f"instrument.changed symbol={symbol} keys={','.join(differ)}")
        self.notices.tell_changes(before, rules.mails())

    def look_at_reference(self) -> None:
        """Have the session ask the venue for its instruments now, not only by the clock."""
        self.cold.tell("session", {"read_reference": True})

    def signalled(self, request: Message) -> Message:
        """Take a signal about a market (or about all), or only say which hold; ValueError."""
        numbers = {symbol: number for number, symbol in self.symbols.items()}
        return self.notices.signalled(request, numbers)

    # -- what processes tell -----------------------------------------------------------------------

    def told(self, message: Message) -> None:
        """Take a message of a cold process."""
        if "say" in message:
            self.say(message["say"])
        elif "reference" in message:
            self.change_reference(message["reference"])
        elif "mailed" in message:
            self.notices.confirmed(message["mailed"])
        elif "opened" in message:
            self.lane.opened_epoch = max(self.lane.opened_epoch, message["epoch"])
            self.notices.lane_opened()
        elif "answer" in message:
            self.cold.answered(message)
        elif "cancelled" in message and self.cancelled is not None and not self.cancelled.done():
            self.cancelled.set_result(message["cancelled"])

    def cold_ready(self, parts: list[str], facts: Message) -> None:
        """A cold process came (back): the session learns which lane it serves."""
        if "session" in parts and self.lane.epoch:
            self.lane.tell_session()
            if self.market is not None:
                self.market.tell_session()
            found = facts["session"]["instruments"]  # it may have been away for long
            self.change_reference({one["symbol"]: one["about"] for one in found})
        if "authority" in parts and self.rules.is_known:
            self.tell_authority()

    def checkpoint(self, cause: str) -> None:
        """Have a checkpoint taken beside a step that may go wrong, or after something did; nobody
        waits for it."""
        if self.settings.journal is not None and self.lane.is_open:
            self.cold.tell("archiver", {"checkpoint": cause})

    def tell_authority(self) -> None:
        """Hand the authority its limits, and which lane may spend which."""
        if self.settings.has_authority:
            self.checkpoint("limits")
            self.cold.tell("authority", self.rules.lent())

    async def ask_authority(self, question: Message) -> Message:
        """Return the authority's answer; {"refused"} when there is none."""
        return await self.cold.ask("authority", question)

    async def pre_check(self, request: Message) -> Message:
        """Ask the gate what it would say of an order (pre_check.py); ValueError."""
        symbols = {symbol: number for number, symbol in self.symbols.items()}
        top = self.top_of(symbols.get(str(request.get("order", {}).get("symbol")), 0))
        strategies = len(self.settings.strategies)
        ask = pre_check.question(request, symbols, self.rules.about, strategies, top)
        found = await self.cold.ask("session", {"question": bytes(ffi.buffer(ask)).hex()})
        if "verdict" not in found:
            return found
        number = ask.intent.instrument
        verdict = bytes.fromhex(found["verdict"])
        what = request.get("what", "pre_check_order")
        return pre_check.answer(verdict, what, self.symbols[number], self.rules.about[number])

    def top_of(self, number: int) -> Any:
        """Return a whole copy of an instrument's top; an empty one when its writer is inside."""
        top, source = ffi.new("hp_top_t *"), self.market_page.view.tops + number
        seq, size = ffi.addressof(source[0], "seq"), ffi.sizeof("hp_top_t")
        whole = lib.hp_seq_read(seq, source, top, size, TOP_TRIES)
        return top if whole else ffi.new("hp_top_t *")

    def on_bell(self) -> None:
        """Say what the lanes log."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.bells["supervisor"])
            self.take_log()

    def take_log(self) -> None:
        if self.market is not None:
            self.market.take_log()
        self.lane.take_log()

    def exited(self, end: Exit) -> None:
        """A cold process ended: report it unless it left in order."""
        if end.cause != lib.HP_EXIT_CLEAN:
            self.checkpoint("process_ended")
            self.report(Report(end))

    def report(self, report: Report) -> None:
        """Have a crash report written; the process's next life does not wait for it."""

        async def write() -> None:
            path = await asyncio.to_thread(report.write, self.directory)
            self.say(f"crash.report path={path}")

        self.supervisor.keep(write())

    async def forget_rings(self) -> None:
        """Remove dead lanes' rings once a later lane is armed: it has read them."""
        while True:
            await asyncio.sleep(1)
            if self.lane.state != lib.HP_LANE_ARMED:
                continue
            self.rings.forget(self.settings.journal is not None)

    # -- what others ask ---------------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """The epoch of lane 0's present (or last) life."""
        return self.lane.epoch

    @property
    def symbols(self) -> dict[int, str]:
        """Which instruments it trades, by number."""
        return self.rules.symbols

    @property
    def lane_page(self) -> Page:
        """The page of lane 0's present (or last) life."""
        return self.lane.page

    @property
    def market_page(self) -> Page:
        """The page of the lane that has the books."""
        return self.lane.page if self.market is None else self.market.page

    @property
    def lane_pid(self) -> int:
        """Lane 0's process, 0 while it has none."""
        return self.lane.watched.pid

    def restart_lane(self) -> int:
        """Kill the lane; return the epoch that died, for armed(after_epoch)."""
        epoch = self.epoch
        self.checkpoint("restart")
        self.supervisor.restart(self.lane.process)
        return epoch

    async def armed(self, after_epoch: int = 0) -> int:
        """Wait until a lane of a later epoch is armed; return its epoch."""
        while not (self.epoch > after_epoch and self.lane.state == lib.HP_LANE_ARMED):
            if self.supervisor.given_up.done():
                raise ApplianceError(self.supervisor.given_up.result())
            await asyncio.sleep(0.01)
        return self.epoch

    async def ended(self) -> str:
        """Wait until the appliance cannot go on by itself; return why."""
        lane = asyncio.ensure_future(self.lane.watched.settled.wait())
        try:
            ends: set[asyncio.Future[Any]] = {lane, self.supervisor.given_up}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            lane.cancel()
        if self.supervisor.given_up.done():
            return self.supervisor.given_up.result()
        watched = self.lane.watched
        return f"the lane ended: cause {CAUSES[watched.last_cause]}, code {watched.last_code}"

    # -- the end ---------------------------------------------------------------------------------

    async def drain(self, seconds: float = 10) -> int:
        """Cancel ours, wait for the venue's word, end the lane.

        0 = nothing of ours works any more.
        """
        if not self.lane.is_watched:
            return 1
        watched = self.lane.watched
        if self.is_drained:
            return 0 if watched.last_code == 0 else 1
        self.is_drained = True
        if self.market is not None:
            self.market.expect_end()
        life = watched.life
        if life is not None and life.is_alive:
            self.supervisor.expect_end(self.lane.process)
            self.checkpoint("drain")
            self.control.set(lib.HP_WORD_DRAIN, "drain")
            done, _ = await asyncio.wait({life.ended}, timeout=seconds)
            if not done:
                self.control.set(lib.HP_WORD_STOP, "drain took too long")
            code = await self.supervisor.stop(self.lane.process, 2, 0)
            if self.market is not None:
                await self.market.end()
        else:
            self.supervisor.expect_end(self.lane.process)
            code = 1
            if self.market is not None:
                await self.market.end()
        self.take_log()
        if code == 0:
            return 0
        left = await self.cancel_ours()
        self.say(f"drain.by_session orders_left={left}")
        return 0 if left == 0 else 1

    def asked(self, command: str) -> None:
        """A person asked for a change: keep the state before it, do what lanes cannot do alone."""
        self.checkpoint(command)
        if command == "kill":
            self.killed()
        elif command == "flatten":
            self.supervisor.keep(self.finish_flatten())

    def killed(self) -> None:
        """A kill was asked for: with cancel_scope `all` the orders of others go too."""
        if self.settings.cancel_scope == "all":
            self.cold.tell("session", {"cancel_all": True})

    async def finish_flatten(self) -> None:
        """When every lane is through with closing, its end state becomes the operator's word."""
        over = (lib.HP_FLATTEN_CLOSED, lib.HP_FLATTEN_FAILED)
        self.killed()
        while self.control.word & lib.HP_WORD_FLATTEN:
            view = self.lane_page.view
            if view.words & lib.HP_WORD_FLATTEN and view.flatten in over:
                self.control.set(lib.HP_WORD_KILL, "flatten is over")
                self.control.clear(lib.HP_WORD_FLATTEN)
                self.say(
                    f"flatten.over closed={int(view.flatten == lib.HP_FLATTEN_CLOSED)}"
                    " now=killed"
                )
                return
            await asyncio.sleep(0.02)

    async def cancel_ours(self, seconds: float = 10) -> int:
        """Let the session cancel what a dead lane left; return what is left, -1 = not known."""
        self.cancelled = asyncio.get_running_loop().create_future()
        self.cold.tell("session", {"cancel_ours": self.settings.deployment[:12]})
        done, _ = await asyncio.wait({self.cancelled}, timeout=seconds)
        return self.cancelled.result() if done else -1

    async def abandon(self) -> None:
        """End a lane that is still there (an error on our side): drain word first, then by pid."""
        if hasattr(self, "supervisor") and self.lane.is_watched:
            await self.drain(3)

    async def finish_archive(self) -> bool:
        """Bring what the archiver did not come to into the archive; rings go only then."""
        s = self.settings
        if s.journal is None or not self.lane.pages:
            return True
        rules = rules_of(s.archive)
        done = await asyncio.to_thread(finish, s.deployment, s.journal, rules, self.say)
        if not done:
            self.say(f"archive.rings_kept pages={self.rings.prefix}* cause=not_all_is_archived")
            return False
        last = Checkpointer(s.journal, rules.checkpoint_s, rules.checkpoints, self.say).last
        await asyncio.to_thread(last, "end")
        return True

    async def close(self) -> None:
        if hasattr(self, "supervisor"):
            for process in ("sentinel", *set(self.cold.process_of.values())):
                await self.supervisor.stop(process)
            await self.supervisor.close()
        is_kept = not await self.finish_archive()
        for page in (*self.pages, *self.lane.pages.values()):
            if not (is_kept and page.path.name.startswith(self.rings.prefix)):
                page.remove()
        if not is_kept:
            self.rings.remove()
        if self.market is not None:
            self.market.close(self.rings.prefix if is_kept else None)
        loop = asyncio.get_running_loop()
        if self.bells:
            loop.remove_reader(self.bells["supervisor"])
            for handle in (*self.bells.values(), self.self_pidfd):
                os.close(handle)

    def summary(self) -> dict[str, Any]:
        """Return what the lane's page says: orders, fills, positions and PnL per symbol."""
        counters = self.market_page.view.counters
        return summary(self.lane_page.view, counters, self.symbols, self.rules.about)
