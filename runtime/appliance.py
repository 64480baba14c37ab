"""A running appliance: which processes it has, their pages, the order of start and drain.

Owns:    the pages that outlive a process (control word, clock, lane, rings), epochs, the plans.
Refuses: trading, keys (session/process.py), starting and watching (supervise/supervisor.py).

A lane's pages are made anew for each of its lives, under a new epoch; its mail with them, so that
an answer to the dead is not read by the living.  The dead lane's journal ring is kept, named by its
epoch, until a later lane is armed.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime._shm import ffi, lib
from runtime.authority import pages as limit_pages
from runtime.authority.records import Key
from runtime.config import limits
from runtime.config.hours import windows
from runtime.config.keys import Config
from runtime.config.lane_mail import Mail, Scope, changed, mails
from runtime.config.signals import Signals
from runtime.feeds import supply as feeds
from runtime.journal.archiver import finish, rules_of
from runtime.journal.checkpointer import Checkpointer
from runtime.lanes import pages as lane_pages
from runtime.lanes.market import PAIR_BYTES, MarketLane
from runtime.lanes.rings import FormerRings
from runtime.lanes.spec import ASSETS, TTL
from runtime.pages.clock import ClockPage, ClockWatch
from runtime.pages.host import HostPage, HostWatch
from runtime.pages.page import SHM, Control, Page, PageError, in_use, stale
from runtime.pages.page import name as page_name
from runtime.sentinel import plan as sentinel_plan
from runtime.sentinel.plan import Guard, lane_rate
from runtime.session import funds, quota, stops
from runtime.show.summary import summary
from runtime.supervise import conditions, pre_check, state
from runtime.supervise.causes import CAUSES
from runtime.supervise.child import Exit, Message, Plan
from runtime.supervise.crash_report import Report
from runtime.supervise.lease import SimLease
from runtime.supervise.supervisor import COLD_STALL_NS_MAX, StartError, Supervisor
from runtime.supervise.topology import Place, Topology, plan_box, stall_bound
from tuning.time import Where
from venues.binance.usdm.session import Endpoints

SMALL_PAGES_BYTES = 256 * 1024
ORPHANS_S = 8.0  # lanes of a dead supervisor are gone by then
VENUE = "binance_usdm"
COLD_ROLES = {  # role and module of each cold part
    "session": (lib.HP_PROCESS_SESSION, "runtime.session.process"),
    "exporter": (lib.HP_PROCESS_EXPORTER, "runtime.show.exporter_process"),
    "archiver": (lib.HP_PROCESS_ARCHIVER, "runtime.journal.process"),
    "authority": (lib.HP_PROCESS_AUTHORITY, "runtime.authority.process"),
}
TOP_TRIES = 1000
ASK_S = 5.0  # for an answer of a cold process
FLATTEN = {  # policy ioc
    "policy": int(lib.HP_FLATTEN_IOC),
    "band_bps": 30,
    "tries_max": 10,
    "wait_ms": 200,
    "time_ms_max": 30_000,
    "slice_e8_max": 0,
}
DEPLOYMENT = re.compile(r"[A-Za-z0-9_-]{1,32}")


@dataclass
class Settings:
    """What one run is told."""

    deployment: str = "default"
    symbols: list[str] = field(default_factory=lambda: ["BTCUSDT"])
    lines: int = 1  # equal connections per market stream: the first good copy is used
    strategies: list[str] = field(default_factory=lambda: ["demo"])
    parameters: list[dict[str, Any]] = field(default_factory=lambda: [{}])  # one each
    topology: str = "auto"  # auto | fused | split
    spin: bool = True  # False: block also where cores would allow to spin
    core: int | None = None  # that the lane wants; None = by the topology
    lock: bool = True
    segment_bytes: int = 16 * 1024 * 1024
    segment_count: int = 4
    rate: tuple[int, int, int] = (25, 50, 10)
    quota: dict[str, int] = field(default_factory=lambda: dict(quota.RULE))
    cancel_again_ms: tuple[int, int] = (500, 8000)  # a cancel without an answer: first, at most
    inquiries: tuple[int, int] = (10, 10)  # about orders, of the whole lane: a second, burst
    terms: funds.Terms = field(default_factory=funds.Terms)  # leverage, margin, fees
    order_notional_max: int = 2_000  # quote units
    position_notional_max: int = 10_000
    open_orders_max: int = 10
    band_bps: int = 50
    sigma_tenths: int = 20  # -1: no limit, here and below
    sigma_alpha_percent: int = 20
    sigma_floor_bps: int = 50
    sigma_sample_ms: int = 1000
    typical_notional: int = 0
    typical_times_max: int = 10
    distance_bps_max: int = 500
    daily_volume: int = 0
    volume_share_bps_max: int = 100
    sessions: list[str] = field(default_factory=list)
    maintenance: list[str] = field(default_factory=list)
    scopes: dict[str, Any] = field(default_factory=lambda: limits.scopes(Config()))
    gate_policy: dict[str, Any] = field(default_factory=lambda: limits.gate_policy(Config()))
    overrides: dict[str, dict[str, Any]] = field(default_factory=dict)  # limits by symbol
    stale_ms: int | None = None  # None: the venue's own bound for quoting (limits.toml)
    read_lag_ms: int = 5000  # the venue's bound between doing and listing
    on_restart: str = "cancel"  # or "adopt": what becomes of a dead lane's working orders
    profile: str = "dev"  # of the host: which limits its clocks are held against
    clock_policy: str = "warn"  # off | warn | block new risk
    journal: Path | None = None  # folder that the journals are copied to
    archive: dict[str, Any] = field(default_factory=dict)  # how it is written (archiver.Rules)
    venue_stays: bool = False  # it was there before us: an archive tells of the same account
    durable: int = 0  # strategies whose orders wait for the disk, bits
    clock_ms_max: int = 50  # largest distance of CLOCK_REALTIME from UTC for new risk
    has_authority: bool = True  # lanes spend leased limits; False: their own, without an end
    limit_lease: dict[str, int] = field(
        default_factory=lambda: {
            "lease_ms": 1000,
            "renew_ms": 200,
            "floor_percent": 10,
            "hysteresis_percent": 10,
        }
    )
    cancel_scope: str = "ours"  # or "all": whose orders a cancel-all touches
    dead_man_ms: int = 0  # the venue's timer; 0 = none
    flatten: dict[str, int] = field(default_factory=lambda: dict(FLATTEN))  # Lane.set_flatten
    ttl: dict[str, Any] = field(default_factory=lambda: dict(TTL))  # Lane.put_ttl
    lease_ms: int = 0  # length of the sim provider's leader lease; 0 = nobody has to lead
    guard: Guard | None = None  # None: no sentinel watches
    clock_where: Where = field(default_factory=Where)  # sources of time, and which are trusted


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
        self.settings = settings
        self.endpoints = endpoints
        self.credentials = {"api_key": api_key, "key_path": str(key_path)}
        self.ca = ca
        self.say = say
        self.metrics_port = metrics_port
        self.topology = topology or plan(settings)
        self.feed_limits = feeds.limits()
        self.quota = quota.load(feeds.LIMITS)
        self.quota_told: list[dict[str, int]] = []  # by the venue, before this life of the lane
        self.quotas: list[Any] = []  # as the venue's reference data names them
        self.symbols: dict[int, str] = {}
        self.about: dict[int, Any] = {}
        self.prices: dict[str, int] = {}
        self.pages: list[Page] = []
        self.lane_pages: dict[str, Page] = {}  # of the present life, by name
        self.epoch = 0
        self.opened_epoch = 0
        self.is_drained = False
        absent = {"archiver"} if not settings.journal else set()
        absent |= set() if settings.has_authority else {"authority"}
        self.cold_name = {part: part for part in COLD_ROLES if part not in absent}
        self.questions: dict[int, asyncio.Future[Message]] = {}
        self.asked_count = 0
        self.cancelled: asyncio.Future[int] | None = None
        self.unsent_mail: dict[Scope, Mail] = {}  # not yet sent
        self.mails_told = 0  # how often lanes were to be told something
        self.signals = Signals()
        self.rings = FormerRings(settings.deployment, say)
        self.bells: dict[str, int] = {}
        self.market: MarketLane | None = None  # of a split topology; lane 0 is its order lane

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
        cold = self.cold_plans()
        facts: Message = {}
        for plan in cold:
            facts |= await self.supervisor.start(plan)
        self.metrics_port = facts["exporter"]["port"]
        if facts["exporter"]["note"]:
            self.supervisor.degrade(facts["exporter"]["note"])
        found = {entry["symbol"]: entry for entry in facts["session"]["instruments"]}
        self.quotas = facts["session"]["quotas"]
        ids = state.instrument_ids(self.directory, [f"{VENUE}:{symbol}" for symbol in s.symbols])
        self.symbols = {ids[f"{VENUE}:{symbol}"]: symbol for symbol in s.symbols}
        try:
            self.funds = funds.held([found[symbol]["settles_in"] for symbol in s.symbols])
        except funds.FundsError as error:
            raise ApplianceError(str(error)) from None
        self.about = {
            number: found[symbol]["about"]
            | s.terms.of(ASSETS[found[symbol]["settles_in"]], 0)
            for number, symbol in self.symbols.items()
        }
        self.prices = {symbol: found[symbol]["price"] for symbol in s.symbols}
        self.tell_authority()
        await guard  # it watches before the first order can leave
        await self.supervisor.start(self.lane_plan())
        if self.market is not None:
            await self.supervisor.start(self.market.plan())

    # -- plans -----------------------------------------------------------------------------------

    def cold_plans(self) -> list[Plan]:
        """Plan the cold processes: one each, or all in one."""
        parts = list(self.cold_name)
        if self.topology.is_cold_merged:
            self.cold_name = dict.fromkeys(parts, "cold")
            module = "runtime.supervise.cold_process"
            return [self.cold_plan("cold", lib.HP_PROCESS_COLD, module, parts)]
        return [self.cold_plan(part, *COLD_ROLES[part], [part]) for part in parts]

    def cold_plan(self, process: str, role: int, module: str, parts: list[str]) -> Plan:
        def specification() -> Message:
            known = {
                "session": self.session_part,
                "exporter": self.exporter_part,
                "archiver": self.archiver_part,
                "authority": self.authority_part,
            }
            return {
                "name": process,
                "deployment": self.settings.deployment,
                "parts": {part: known[part]() for part in parts},
            }

        def told(message: Message) -> None:
            self.told(message)

        return Plan(
            process,
            role,
            module,
            specification,
            self.beat_reader(process),
            lambda: COLD_STALL_NS_MAX,
            core=self.topology.cold_cores[0] if len(self.topology.cold_cores) == 1 else None,
            is_essential="session" in parts,
            descriptors=(*self.lane_bells().values(), self.bells["session"]),
            told=told,
            exited=self.exited,
            ready=lambda facts: self.cold_ready(parts, facts),
        )

    def session_part(self) -> Message:
        return {
            "deployment": self.settings.deployment,
            "endpoints": self.endpoints.__dict__,
            **self.credentials,
            "ca": self.ca,
            "directory": str(self.directory),
            "symbols": self.settings.symbols,
            "dead_man_ms": self.settings.dead_man_ms,
            "bells": {"session": self.bells["session"], "lanes": self.lane_bells()},
            "is_first": not self.about,
        }

    def exporter_part(self) -> Message:
        return {
            "deployment": self.settings.deployment,
            "port": self.metrics_port,
            "is_first": not self.about,
        }

    def archiver_part(self) -> Message:
        return {
            "deployment": self.settings.deployment,
            "directory": str(self.settings.journal),
            "rules": self.settings.archive,
        }

    def authority_part(self) -> Message:
        return {
            "deployment": self.settings.deployment,
            "directory": str(self.directory),
            "bells": self.lane_bells(),
        }

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
            core=self.topology.cold_cores[0] if len(self.topology.cold_cores) == 1 else None,
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

    def beat_reader(self, process: str) -> Callable[[], int]:
        """Return what reads a cold process's heartbeat; the page is its own and comes and goes."""
        held: dict[str, Page] = {}

        def beat() -> int:
            page = held.get("page")
            watched = self.supervisor.watched.get(process)
            pid = 0 if watched is None else watched.pid
            if page is None or page.header.writer_pid != pid:
                if page is not None:
                    held.pop("page").close()
                try:
                    page = Page.open(self.settings.deployment, f"beat.{process}", "hp_page_t")
                except (PageError, ValueError):
                    return 0
                held["page"] = page
            return int(page.header.heartbeat_ns) if page.header.writer_pid == pid else 0

        return beat

    def lane_bells(self) -> dict[str, int]:
        """Return the lanes' eventfds by number."""
        market = {} if self.market is None else {"1": self.market.bell}
        return {"0": self.bells["lane"], **market}

    @property
    def place(self) -> Place:
        """Where lane 0 runs: the fused one, or the order lane."""
        return self.topology.places[-1]

    def lane_plan(self) -> Plan:
        place = self.place

        def bound() -> int:
            """Return the bound of what the lane reached, which may be less than was planned."""
            is_spinning = "lane.0" in self.lane_pages and bool(self.lane_page.view.is_spinning)
            return (
                place.stall_ns_max if place.is_spinning == is_spinning else stall_bound(False, True)
            )

        return Plan(
            "lane-0",
            lib.HP_PROCESS_LANE,
            "runtime.lanes.process",
            self.lane_specification,
            lambda: int(self.lane_page.header.heartbeat_ns) if "lane.0" in self.lane_pages else 0,
            bound,
            core=place.core,
            descriptors=(
                *self.bells.values(),
                *([] if self.market is None else [self.market.bell]),
                self.self_pidfd,
            ),
            ready=lambda facts: self.lane_ready(),
            exited=self.lane_exited,
        )

    def lane_ready(self) -> None:
        """Say what a started lane did not reach."""
        place, view = self.place, self.lane_page.view
        watched = self.supervisor.watched["lane-0"]
        watched.core, watched.is_spinning = view.core, bool(view.is_spinning)
        locked = view.is_locked if self.settings.lock else 1
        for text in conditions.lane(
            place.core, view.core, place.is_spinning, bool(view.is_spinning), locked
        ):
            self.supervisor.degrade(text)

    def control_pages(self) -> list[str]:
        """Name whose words the lane obeys; the supervisor's own first."""
        s = self.settings
        others = {"authority": s.has_authority, "sentinel": s.guard is not None}
        return ["operator", *(writer for writer, is_there in others.items() if is_there)]

    def lane_specification(self) -> Message:
        """Take a new epoch, make pages, tell the session; return what the lane is told."""
        self.epoch = state.next_epoch(self.directory)
        former = self.lane_pages.get("lane.0")
        self.quota_told = stops.told(
            None if former is None else former.view,
            self.directory,
            time.monotonic_ns(),
            time.time_ns(),
        )
        self.make_lane_pages()
        if self.settings.lease_ms:
            self.lease.epoch = self.epoch
            self.lease.renew()
        self.supervisor.watched["lane-0"].epoch = self.epoch
        self.tell_session()
        return self.lane_message() | ({} if self.market is None else self.market.order_part())

    def lane_message(self) -> Message:
        """Return what a fused lane is told, and each lane of a pair too where it says no other."""
        s, place = self.settings, self.place
        return {
            "deployment": s.deployment,
            "codec": "venues.binance.usdm.codec",
            "prefix": s.deployment[:12],
            "assets": ASSETS,
            "epoch": self.epoch,
            "controls": self.control_pages(),
            "has_authority": s.has_authority,
            "segment_bytes": s.segment_bytes,
            "segment_count": s.segment_count,
            "is_archived": s.journal is not None,
            "market": self.endpoints.market(s.symbols),
            "lines": s.lines,
            "orders": self.endpoints.orders,
            "spin": place.is_spinning,
            "core": place.core,
            "cores": self.topology.cores,
            "lock": s.lock,
            "ca": self.ca,
            "cancel_again_ms": list(s.cancel_again_ms),
            "inquiries": list(s.inquiries),
            "funds": self.funds,
            "rate": lane_rate(s.rate, s.guard),
            "flatten": s.flatten,
            "ttl": s.ttl,
            "lease": bool(s.lease_ms),
            "read_lag_ms": s.read_lag_ms,
            "durable": s.durable,
            "strategies": s.strategies,
            "parameters": s.parameters,
            "feeds": feeds.lane_spec(self.symbols, self.feed_limits),
            "bells": self.bells,
            "supervisor": self.self_pidfd,
            **self.lane_limits(),
        }

    def lane_limits(self) -> Message:
        """Return what a lane's orders are held against."""
        s = self.settings
        return {
            "clock_ns_max": 0 if s.clock_policy == "off" else s.clock_ms_max * 1_000_000,
            "clock_warns": s.clock_policy == "warn",
            "limits": self.limit_records(),
            "gate_policy": s.gate_policy,
            "quota": {
                **self.quota.lane_spec(self.quotas, self.quota_rule()),
                "told": self.quota_told,
            },
            "instruments": [
                {
                    "id": number,
                    "symbol": symbol,
                    "about": self.about[number],
                    "limits": self.limits(number, self.prices[symbol]),
                }
                for number, symbol in self.symbols.items()
            ],
        }

    def quota_rule(self) -> dict[str, int]:
        """Return where the modes begin; the sentinel's share of the weight is not the lane's."""
        guard = self.settings.guard
        return {**self.settings.quota, "kept": 0 if guard is None else guard.budget_percent}

    def limit_records(self) -> list[dict[str, Any]]:
        """Return the limits of the four dimensions: what all lanes together may do."""
        s = self.settings
        out = limits.records(**s.scopes, instruments=list(self.symbols))
        held = {number: self.held(symbol) for number, symbol in self.symbols.items()}
        each = {n: (one.position_notional_max, one.open_orders_max) for n, one in held.items()}
        limits.bind(out, lane_rate(s.rate, s.guard), each)
        return out

    def limit_names(self) -> dict[str, str]:
        """Return what people call the limits of instruments and strategies."""
        symbols = {Key(lib.HP_DIMENSION_INSTRUMENT, n).text: one for n, one in self.symbols.items()}
        sources = enumerate(self.settings.strategies)
        return symbols | {Key(lib.HP_DIMENSION_STRATEGY, n).text: one for n, one in sources}

    def held(self, symbol: str) -> Settings:
        """Return the settings with what is said of one symbol."""
        return dataclasses.replace(self.settings, **self.settings.overrides.get(symbol, {}))

    def change_limits(self, changes: dict[str, Any]) -> int:
        """Hold other limits from now on: settings by name.  Returns how many records lanes get.

        Nothing has changed when it raises ValueError.  Lanes journal what they take; leased limits
        come by the authority.  A lane that starts later is built of the new settings.
        """
        if not self.about:  # no lane has been built yet
            self.settings = dataclasses.replace(self.settings, **changes)
            return 0
        former, before = self.settings, self.lane_mail()
        self.settings = dataclasses.replace(former, **changes)
        try:
            after = self.lane_mail()
        except (ValueError, TypeError, OverflowError) as error:
            self.settings = former
            raise ValueError(str(error)) from error
        self.tell_authority()
        return self.tell_changes(before, after)

    def change_reference(self, found: dict[str, Any]) -> None:
        """The venue says something else of instruments, by symbol: lanes take it."""
        before = self.lane_mail()
        for number, symbol in self.symbols.items():
            about = {**self.about[number], **found.get(symbol, {})}
            differ = [key for key in about if about[key] != self.about[number].get(key)]
            if not differ:
                continue
            if "price_decimals" in differ or "size_decimals" in differ:
                self.supervisor.degrade(f"{symbol}: another scale at the venue; restart")
                continue
            self.about[number] = about
            self.checkpoint("reference")
            self.say(f"instrument.changed symbol={symbol} keys={','.join(differ)}")
        self.tell_changes(before, self.lane_mail())

    def look_at_reference(self) -> None:
        """Have the session ask the venue for its instruments now, not only by the clock."""
        self.tell("session", {"read_reference": True})

    def lane_mail(self) -> dict[Scope, Mail]:
        """Return what lanes would be told of instruments and limits, as all of it stands now."""
        return mails(self.lane_limits(), self.leased())

    def tell_changes(
        self,
        before: dict[Scope, Mail],
        after: dict[Scope, Mail],
    ) -> int:
        found = changed(before, after)
        self.tell_mail(found)
        return len(found)

    def tell_mail(self, mail: dict[Scope, Mail]) -> None:
        self.unsent_mail |= mail
        self.mails_told += 1
        self.tell_unsent()

    def signalled(self, request: Message) -> Message:
        """Take a signal about a market (or about all), or only say which hold; ValueError."""
        numbers = {symbol: number for number, symbol in self.symbols.items()}
        if request.keys() & {"toxicity", "emergency"}:
            self.tell_mail(self.signals.take(request, numbers))
        return {"signals": self.signals.shown(numbers)}

    def leased(self) -> set[tuple[int, int]]:
        """Return what the authority lends, (dimension, id): every limit, or none."""
        rows = self.limit_records() if self.settings.has_authority else []
        return {(row["dimension"], row["id"]) for row in rows}

    def tell_unsent(self) -> None:
        """Have the session mail what lanes have not been told; it is kept until that is done."""
        if self.unsent_mail:
            mail = [[one.kind, one.aux, one.data.hex()] for one in self.unsent_mail.values()]
            self.tell("session", {"mail": mail, "number": self.mails_told})

    def journal_bytes(self) -> int:
        s = self.settings
        return int(lib.HP_JOURNAL_HEAD_BYTES) + s.segment_bytes * s.segment_count

    def life_bytes(self) -> int:
        """Return what the pages of a lane's life take in shared memory, a little above."""
        one = lane_pages.life_bytes(self.journal_bytes())
        other = one + PAIR_BYTES if self.topology.kind == "split" else 0
        return one + SMALL_PAGES_BYTES + other

    def make_lane_pages(self) -> None:
        """Make the pages of a lane's life; keep the ring of the one before."""
        s = self.settings
        former = self.lane_pages
        if "journal.0" in former:
            self.rings.retire(former["journal.0"], "journal.0")
        for page in former.values():
            page.close()
        self.rings.make_room(self.life_bytes())
        self.lane_pages, self.log = lane_pages.make(
            s.deployment, 0, self.epoch, self.journal_bytes(), self.host.fingerprint
        )

    def limits(self, number: int, price: int) -> dict[str, Any]:
        """Turn the settings' money limits into lots at today's price."""
        s, held = self.settings, self.held(self.symbols[number])
        per_unit = 10 ** self.about[number]["size_decimals"]

        def lots(notional: int) -> int:
            """At least one: a limit below the price of a lot is no order to stand still."""
            return max(1, notional * per_unit // price) if notional else 0

        return {
            "strategies": (1 << max(1, len(s.strategies))) - 1,
            "accounts": 1,
            "order_lots_max": lots(held.order_notional_max),
            "position_lots_max": lots(held.position_notional_max),
            "open_orders_max": held.open_orders_max,
            "band_bps": held.band_bps,
            "stale_ms": self.feed_limits.book_quote_ms if held.stale_ms is None else held.stale_ms,
            "sigma_tenths": limits.unlimited(held.sigma_tenths),
            "sigma_alpha_e4": held.sigma_alpha_percent * 100,
            "sigma_floor_e8": held.sigma_floor_bps * 10_000,
            "sigma_sample_ms": held.sigma_sample_ms,
            "typical_lots": held.typical_notional * per_unit // price,
            "typical_times_max": limits.unlimited(held.typical_times_max),
            "distance_bps_max": limits.unlimited(held.distance_bps_max),
            "daily_volume_lots": held.daily_volume * per_unit,
            "volume_share_bps_max": limits.unlimited(held.volume_share_bps_max),
            "windows": windows(held.sessions, held.maintenance),
        }

    # -- what processes tell -----------------------------------------------------------------------

    def told(self, message: Message) -> None:
        """Take a message of a cold process."""
        if "say" in message:
            self.say(message["say"])
        elif "reference" in message:
            self.change_reference(message["reference"])
        elif "mailed" in message:
            if message["mailed"] == self.mails_told:
                self.unsent_mail.clear()
        elif "opened" in message:
            self.opened_epoch = max(self.opened_epoch, message["epoch"])
            self.tell_mail(self.signals.mails())  # this life of the lane has not heard them
        elif "answer" in message:
            asked = self.questions.pop(message.pop("answer"), None)
            if asked is not None and not asked.done():
                asked.set_result(message)
        elif "cancelled" in message and self.cancelled is not None and not self.cancelled.done():
            self.cancelled.set_result(message["cancelled"])

    def cold_ready(self, parts: list[str], facts: Message) -> None:
        """A cold process came (back): the session learns which lane it serves."""
        if "session" in parts and self.epoch:
            self.tell_session()
            if self.market is not None:
                self.market.tell_session()
            found = facts["session"]["instruments"]  # it may have been away for long
            self.change_reference({one["symbol"]: one["about"] for one in found})
        if "authority" in parts and self.about:
            self.tell_authority()

    def tell_session(self) -> None:
        self.tell("session", self.session_message())

    def session_message(self) -> Message:
        """Return what the session is told of lane 0's present life."""
        return {
            "lane": 0,
            "epoch": self.epoch,
            "symbols": self.symbols,
            "about": self.about,
            "is_open": self.opened_epoch == self.epoch,
            "has_books": self.market is None,
            "has_orders": True,
            "former_rings": self.rings.names(),
            "archive": str(self.settings.journal or "") if self.settings.venue_stays else "",
            "prefix": self.settings.deployment[:12],
            "on_restart": self.settings.on_restart,
            "read_lag_ms": self.settings.read_lag_ms,
        }

    def tell(self, part: str, message: Message) -> bool:
        """Send a message to a part of a cold process, if that lives."""
        watched = self.supervisor.watched.get(self.cold_name.get(part, ""))
        if watched is None or watched.life is None or not watched.life.ready.done():
            return False
        watched.life.tell({"part": part, **message})
        return True

    def checkpoint(self, cause: str) -> None:
        """Have a checkpoint taken beside a step that may go wrong, or after something did; nobody
        waits for it."""
        if self.settings.journal is not None and 0 < self.epoch == self.opened_epoch:
            self.tell("archiver", {"checkpoint": cause})

    def tell_authority(self) -> None:
        """Hand the authority its limits, and which lane may spend which."""
        if self.settings.has_authority:
            self.checkpoint("limits")
            rows = self.limit_records()
            lent = {Key(row["dimension"], row["id"]).text: row["bounds"] for row in rows}
            told = {"limits": lent, "lanes": {"0": list(lent)}, "names": self.limit_names()}
            self.tell("authority", {**told, "terms": self.settings.limit_lease})

    async def ask_authority(self, question: Message) -> Message:
        """Return the authority's answer; {"refused"} when there is none."""
        return await self.ask("authority", question)

    async def pre_check(self, request: Message) -> Message:
        """Ask the gate what it would say of an order (pre_check.py); ValueError."""
        symbols = {symbol: number for number, symbol in self.symbols.items()}
        top = self.top_of(symbols.get(str(request.get("order", {}).get("symbol")), 0))
        ask = pre_check.question(request, symbols, self.about, len(self.settings.strategies), top)
        found = await self.ask("session", {"question": bytes(ffi.buffer(ask)).hex()})
        if "verdict" not in found:
            return found
        number = ask.intent.instrument
        verdict = bytes.fromhex(found["verdict"])
        what = request.get("what", "pre_check_order")
        return pre_check.answer(verdict, what, self.symbols[number], self.about[number])

    def top_of(self, number: int) -> Any:
        """Return a whole copy of an instrument's top; an empty one when its writer is inside."""
        top, source = ffi.new("hp_top_t *"), self.market_page.view.tops + number
        seq, size = ffi.addressof(source[0], "seq"), ffi.sizeof("hp_top_t")
        whole = lib.hp_seq_read(seq, source, top, size, TOP_TRIES)
        return top if whole else ffi.new("hp_top_t *")

    async def ask(self, part: str, question: Message) -> Message:
        """Return the answer of a part of a cold process; {"refused"} when there is none."""
        self.asked_count += 1
        number = self.asked_count
        asked = self.questions[number] = asyncio.get_running_loop().create_future()
        if not self.tell(part, {"ask": number, **question}):
            self.questions.pop(number)
            return {"refused": f"the {part} is not running"}
        done, _ = await asyncio.wait({asked}, timeout=ASK_S)
        self.questions.pop(number, None)
        return asked.result() if done else {"refused": f"no answer within {ASK_S:.0f} s"}

    def on_bell(self) -> None:
        """Say what the lane logs."""
        try:
            os.eventfd_read(self.bells["supervisor"])
        except BlockingIOError:
            return
        self.take_log()

    def take_log(self) -> None:
        if self.market is not None:
            self.market.take_log()
        if "log.0" not in self.lane_pages:
            return
        watched = self.supervisor.watched["lane-0"]
        while (taken := self.log.take()) is not None:
            text = taken[2].decode(errors="replace")
            watched.lines.append(text)
            self.say(text)

    def exited(self, end: Exit) -> None:
        """A cold process ended: report it unless it left in order."""
        if end.cause != lib.HP_EXIT_CLEAN:
            self.checkpoint("process_ended")
            self.supervisor.keep(self.report(Report(end)))

    def lane_exited(self, end: Exit) -> None:
        """Report a lane's end with its counters and what its journal says last."""
        self.take_log()
        end.lines = list(self.supervisor.watched["lane-0"].lines)
        if self.market is not None:
            self.market.order_lane_exited()
        if end.cause != lib.HP_EXIT_CLEAN:
            ring = Page.open(self.settings.deployment, "journal.0", "hp_page_t")
            self.supervisor.keep(self.report(Report(end, self.lane_page, ring)))

    async def report(self, report: Report) -> None:
        """Write a crash report; the lane's next life does not wait for it."""
        path = await asyncio.to_thread(report.write, self.directory)
        self.say(f"crash.report path={path}")

    async def forget_rings(self) -> None:
        """Remove dead lanes' rings once a later lane is armed: it has read them."""
        while True:
            await asyncio.sleep(1)
            if self.lane_state() != lib.HP_LANE_ARMED:
                continue
            self.rings.forget(self.settings.journal is not None)

    # -- what others ask ---------------------------------------------------------------------------

    @property
    def lane_page(self) -> Page:
        """The page of the lane's present (or last) life."""
        return self.lane_pages["lane.0"]

    @property
    def market_page(self) -> Page:
        """The page of the lane that has the books."""
        return self.lane_page if self.market is None else self.market.page

    @property
    def lane_pid(self) -> int:
        """The lane's process, 0 while it has none."""
        return self.supervisor.watched["lane-0"].pid

    def lane_state(self) -> int:
        """Return lane 0's state; armed only when the market lane of a pair hears it too."""
        found = int(self.lane_page.view.state) if "lane.0" in self.lane_pages else 0
        if self.market is not None and found == lib.HP_LANE_ARMED:
            return self.market.state
        return found

    def restart_lane(self) -> int:
        """Kill the lane; return the epoch that died, for armed(after_epoch)."""
        epoch = self.epoch
        self.checkpoint("restart")
        self.supervisor.restart("lane-0")
        return epoch

    async def armed(self, after_epoch: int = 0) -> int:
        """Wait until a lane of a later epoch is armed; return its epoch."""
        while not (self.epoch > after_epoch and self.lane_state() == lib.HP_LANE_ARMED):
            if self.supervisor.given_up.done():
                raise ApplianceError(self.supervisor.given_up.result())
            await asyncio.sleep(0.01)
        return self.epoch

    async def ended(self) -> str:
        """Wait until the appliance cannot go on by itself; return why."""
        lane = asyncio.ensure_future(self.supervisor.watched["lane-0"].settled.wait())
        try:
            ends: set[asyncio.Future[Any]] = {lane, self.supervisor.given_up}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            lane.cancel()
        if self.supervisor.given_up.done():
            return self.supervisor.given_up.result()
        watched = self.supervisor.watched["lane-0"]
        return f"the lane ended: cause {CAUSES[watched.last_cause]}, code {watched.last_code}"

    # -- the end ---------------------------------------------------------------------------------

    async def drain(self, seconds: float = 10) -> int:
        """Cancel ours, wait for the venue's word, end the lane.

        0 = nothing of ours works any more.
        """
        watched = self.supervisor.watched.get("lane-0")
        if watched is None:
            return 1
        if self.is_drained:
            return 0 if watched.last_code == 0 else 1
        self.is_drained = True
        if self.market is not None:
            self.market.expect_end()
        life = watched.life
        if life is not None and life.is_alive:
            self.supervisor.expect_end("lane-0")
            self.checkpoint("drain")
            self.control.set(lib.HP_WORD_DRAIN, "drain")
            done, _ = await asyncio.wait({life.ended}, timeout=seconds)
            if not done:
                self.control.set(lib.HP_WORD_STOP, "drain took too long")
            code = await self.supervisor.stop("lane-0", 2, 0)
            if self.market is not None:
                await self.market.end()
        else:
            self.supervisor.expect_end("lane-0")
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
            self.tell("session", {"cancel_all": True})

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
        self.tell("session", {"cancel_ours": self.settings.deployment[:12]})
        done, _ = await asyncio.wait({self.cancelled}, timeout=seconds)
        return self.cancelled.result() if done else -1

    async def abandon(self) -> None:
        """End a lane that is still there (an error on our side): drain word first, then by pid."""
        if hasattr(self, "supervisor") and "lane-0" in self.supervisor.watched:
            await self.drain(3)

    async def finish_archive(self) -> bool:
        """Bring what the archiver did not come to into the archive; rings go only then."""
        s = self.settings
        if s.journal is None or not self.lane_pages:
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
            for process in ("sentinel", *set(self.cold_name.values())):
                await self.supervisor.stop(process)
            await self.supervisor.close()
        is_kept = not await self.finish_archive()
        for page in (*self.pages, *self.lane_pages.values()):
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
        return summary(self.lane_page.view, counters, self.symbols, self.about)
