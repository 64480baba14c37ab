"""One story: a seed from the start of a deployment to the judgement of what became of it.

Owns:    putting host, network, venue and processes together; the supervisor's part in a death; the
         phases (faults, heal, drain); the trace and its hash.
Refuses: judging (judges/), drawing (chance.py).

Three phases.  In the first, faults happen.  In the second none does: the lane must come to be armed
with nothing UNKNOWN, whatever there was (liveness).  In the third it is told to drain: afterwards
no order rests at the venue, and every figure is the venue's.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import traceback
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hotpath.lane.rerun import RerunLane
from runtime._shm import ffi, lib
from runtime.authority import pages as limit_pages
from runtime.feeds import supply as feeds
from runtime.feeds.supply import limits as feed_limits
from runtime.lanes.spec import ASSETS
from runtime.pages.page import CONTROL_BYTES, LANE_BYTES, Control, Mail, Page
from runtime.sentinel.plan import SENTINEL_BYTES
from runtime.session import evidence, funds, quota
from runtime.supervise.lease import SimLease
from tests.simulation import archiver, authority, sentinel
from tests.simulation.archiver import Archive
from tests.simulation.authority import TERMS, SimAuthority
from tests.simulation.chance import Chance
from tests.simulation.cold import PLACES, SimSession
from tests.simulation.host import Host
from tests.simulation.judges.broken import Broken
from tests.simulation.judges.judge import Judge
from tests.simulation.lane import Ends, LaneProcess
from tests.simulation.loop import MS, Endless, S, SimLoop
from tests.simulation.mishaps import Mishaps
from tests.simulation.network import Network
from tests.simulation.pair import MARKET, Pair
from tests.simulation.power import AFTER_NS, Power
from tests.simulation.sentinel import SimSentinel
from tests.simulation.shape import Shape
from tests.simulation.terms import (
    ABANDON_NS,
    ACCOUNT,
    BOOK_WINDOW_LOG2,
    DEADLINE_MS,
    DEPLOYMENT,
    DRAIN_NS,
    FAULTS_NS,
    FLATTEN,
    HEAL_NS,
    HOLDER,
    LEASE_MS,
    LIMITS,
    LOOKED_AT_NS,
    MAIL_BYTES,
    ORDERS,
    PREFIX,
    RATE,
    READ_LAG_MS,
    SEGMENT_BYTES,
    TIMES,
)
from tests.simulation.venue import Venue
from venues.binance.usdm import reference
from venues.simulator.usdm import public


@dataclass
class Outcome:
    """What came of one seed."""

    seed: int
    broken: str = ""  # "" = every invariant held
    invariant: str = ""
    at_ms: int = 0
    digest: str = ""
    steps: int = 0
    orders: int = 0
    fills: int = 0
    lives: int = 0
    faults: dict[str, int] = field(default_factory=dict)  # that happened
    drawn: list[str] = field(default_factory=list)  # faults and choices that the seed has
    met: list[str] = field(default_factory=list)  # what the story is, and came to
    story: list[str] = field(default_factory=list)


class World:
    """Everything of one story."""

    prefix = PREFIX
    symbols: dict[int, str]
    limits = LIMITS  # by which it is judged
    lane_limits = LIMITS  # that the lane is told
    account = ACCOUNT
    leverage = 20
    deadline_ms = DEADLINE_MS

    def __init__(
        self,
        seed: int,
        without: Collection[str] = (),
        faults_ns: int = FAULTS_NS,
        orders: int = ORDERS,
        tells: bool = False,
    ) -> None:
        self.seed, self.faults_ns, self.orders = seed, faults_ns, orders
        self.loop = SimLoop()
        self.chance = Chance(seed, without)
        self.host = Host(self.loop)
        if (rate := self.chance.strength.get("clock_rate")) is not None:
            self.host.rate = rate * self.chance.of("clock_rate").choice((-1, 1))
        self.net = Network(self.loop, self.chance)
        self.hash = hashlib.blake2b(digest_size=16)
        self.tells = tells
        self.story: list[str] = []
        self.shape = Shape(self.chance)
        self.symbols = self.shape.symbols
        self.is_durable = self.shape.is_durable
        self.requests_max = self.shape.requests_max
        stale = {"stale_ms": self.shape.stale_ms}
        self.limits, self.lane_limits = {**self.limits, **stale}, {**self.lane_limits, **stale}
        self.mishaps = Mishaps(self)
        self.archive: Archive | None = None
        self.is_stopped = False  # the supervisor
        self.met: set[str] = set()  # rare conditions that the story came to
        self.power: Power | None = None
        self.boots = 1
        self.pair: Pair | None = None
        self.epochs = 0  # that were given, to whichever lane
        self.epoch = self.opened_epoch = self.lives = 0
        self.fills_before = 0
        self.is_ending = False
        self.process: LaneProcess
        self.session: SimSession | None = None
        self.broken: Broken | None = None

    # -- telling ---------------------------------------------------------------------------------

    def trace(self, what: str, *about: Any) -> None:
        """Put an event into the hash; into the story too when one is wanted."""
        self.hash.update(repr((self.loop.now_ns, what, about)).encode())
        if self.tells:
            text = " ".join(
                text_of(json.loads(one)) if isinstance(one, bytes) else str(one) for one in about
            )
            self.say(f"{what} {text}")

    def say(self, text: str) -> None:
        if self.tells:
            self.story.append(f"{self.loop.now_ns / MS:9.3f} ms  {text}")

    # -- start -----------------------------------------------------------------------------------

    def start(self) -> None:
        self.venue = Venue(
            self.loop,
            self.chance,
            self.net,
            self.seed,
            tuple(self.symbols.values()),
            self.shape.rate,
            READ_LAG_MS,
        )
        markets = self.venue.desk.exchange.markets
        terms = funds.Terms(leverage=self.leverage)
        self.about = {
            number: reference.instrument(public.symbol_rules(markets[symbol]))
            | terms.of(ASSETS["USDT"], 0)
            for number, symbol in self.symbols.items()
        }
        self.venue.account.hedge_mode = self.shape.is_hedged
        self.authority: SimAuthority | None = None
        self.sentinel: SimSentinel | None = None
        self.pages: dict[str, Page] = {}
        self.make_pages()
        if self.lease is not None:
            self.leads()
        self.trade_before()
        self.judge = self.venue.judge = Judge(self)
        self.venue.start()
        self.start_processes()

    def make_pages(self) -> None:
        """Make what processes share, as the supervisor does before it starts any."""
        for writer in ("operator", "authority", "sentinel"):
            self.host.make(
                DEPLOYMENT,
                f"control.{writer}",
                "hp_control_page_t",
                lib.HP_PAGE_CONTROL,
                CONTROL_BYTES,
            )
        self.control = Control.adopt(DEPLOYMENT, "operator")
        self.limits_page = limit_pages.make(DEPLOYMENT, 0)
        self.host.make(
            DEPLOYMENT, "sentinel", "hp_sentinel_page_t", lib.HP_PAGE_SENTINEL, SENTINEL_BYTES
        )
        self.lease = SimLease(DEPLOYMENT, LEASE_MS) if self.shape.has_lease else None
        if self.lease is not None:
            ffi.memmove(self.lease.page.view.holder, HOLDER, len(HOLDER))  # it names no process

    def start_processes(self) -> None:
        if self.shape.is_split:
            self.pair = Pair(self)
        self.start_session()
        self.start_authority()
        self.start_lane()
        if self.pair is not None:
            self.pair.start()
        self.start_sentinel()
        if self.archive is not None:
            self.archive.start()
        self.plan_by_hand()

    def trade_before(self) -> None:
        """The account has a past, in half of the stories: what somebody did by hand.

        Where it is so young that the lists may not show it yet, it is of one side: of an account
        that is flat and has no journal nothing tells that it traded a moment ago.
        """
        chance = self.chance.of("past")
        if chance.random() < 0.5:
            return
        desk = self.venue.desk
        is_young, one_side = chance.random() < 0.5, chance.choice(("BUY", "SELL"))
        at_ms = desk.now_ms() - (0 if is_young else 4 * READ_LAG_MS)
        for _ in range(chance.randrange(1, 5)):
            market = desk.exchange.markets[chance.choice(list(self.symbols.values()))]
            side = one_side if is_young else chance.choice(("BUY", "SELL"))
            lots = chance.randrange(1, 20)
            self.venue.by_hand(market, side, lots, at_ms, self.shape.is_hedged)

    def plan_by_hand(self) -> None:
        """A person trades until the first lane is open, for a second at most.

        Not where lists lag: of an account without a journal nothing tells that it traded a moment
        ago.
        """
        if "read_lag" not in self.chance.strength:
            pause_ns = self.chance.pause_ns("by_hand")
            if pause_ns is not None:
                self.loop.after(pause_ns, self.trade_by_hand)

    def trade_by_hand(self) -> None:
        if self.epoch > 1 or self.process.lane.is_open or self.loop.now_ns > S:
            return
        self.chance.note("by_hand")
        chance, desk = self.chance.of("by_hand/how"), self.venue.desk
        market = chance.choice(list(desk.exchange.markets.values()))
        lots = chance.randrange(1, 4)
        self.judge.seen.by_hand += 1
        self.judge.limits.hand_lots += lots
        self.judge.limits.hand_e8 += market.instrument.notional_e8(market.mark, lots)
        side, is_hedged = chance.choice(("BUY", "SELL")), self.shape.is_hedged
        self.venue.by_hand(market, side, lots, desk.now_ms(), is_hedged)
        self.plan_by_hand()

    def start_session(self) -> None:
        def tell(message: dict[str, Any]) -> None:
            if "opened" in message:
                self.opened_epoch = max(self.opened_epoch, message["epoch"])
            elif "say" in message:
                self.archive_says(message["say"])

        self.session = SimSession(DEPLOYMENT, self.venue, tell, self.seed)
        self.judge.pace.on_new_feeds()
        if self.epoch:
            self.tell_session()
        if self.pair is not None:
            self.pair.tell_session()

    def start_authority(self) -> None:
        def tell(message: dict[str, Any]) -> None:
            if "say" in message:
                self.trace("says", message["say"])

        its = self.authority = SimAuthority(DEPLOYMENT, tell)
        async def start() -> None:
            await its.start()
            await its.told(self.account_told())

        its.spawn(start())

    def start_sentinel(self) -> None:
        self.sentinel = SimSentinel(
            DEPLOYMENT,
            self.venue,
            list(self.symbols.values()),
            PREFIX,
            self.shape.scope,
            [one.number for one in self.lanes()],
            lambda text: self.trace("says", text),
        )

    def leads(self) -> None:
        """The supervisor renews the leader's lease, while it is not stopped itself."""
        if self.lease is not None and not self.is_stopped and not self.is_dark:
            self.lease.epoch = self.epoch
            self.lease.renew()
        self.loop.after(LEASE_MS * MS // 4, self.leads)

    def tell_session(self) -> None:
        """Tell it of the lanes that there are."""
        has_books, is_open = self.pair is None, self.opened_epoch == self.epoch
        self.tell_session_of(
            0, self.epoch, {"is_open": is_open, "has_books": has_books, "has_orders": True}
        )

    def tell_session_of(self, lane: int, epoch: int, what: dict[str, bool]) -> None:
        session = self.session
        if session is None:
            return
        message = {
            **what,
            "lane": lane,
            "epoch": epoch,
            "symbols": self.symbols,
            "about": self.about,
            "former_rings": self.former_rings(),
            "archive": "" if self.archive is None else str(self.archive.directory),
            "prefix": PREFIX,
            "on_restart": self.shape.policy,
            "read_lag_ms": READ_LAG_MS,
        }
        session.spawn(session.told(message))

    def former_rings(self) -> list[str]:
        prefix = f"corelane.{DEPLOYMENT}."
        return sorted(
            name.removeprefix(prefix)
            for name in self.host.files
            if name.startswith(f"{prefix}journal.0.e")
        )

    def start_lane(self) -> None:
        """Take a new epoch, make pages, tell the session, start: as runtime/appliance.py does."""
        former, self.epoch = self.epoch, self.next_epoch()
        self.lives += 1
        if "journal.0" in self.pages:
            ring = self.pages["journal.0"]
            if evidence.read(memoryview(ring.map)) is None:
                ring.remove()
            else:
                ring.rename(f"journal.0.e{former:05d}")
        journal_bytes = lib.HP_JOURNAL_HEAD_BYTES + SEGMENT_BYTES * self.shape.segments
        make = self.host.make
        self.pages = {
            "lane.0": make(
                DEPLOYMENT, "lane.0", "hp_lane_page_t", lib.HP_PAGE_LANE, LANE_BYTES, self.epoch
            ),
            "journal.0": make(
                DEPLOYMENT, "journal.0", "hp_page_t", lib.HP_PAGE_JOURNAL, journal_bytes, self.epoch
            ),
        }
        self.make_mail(MAIL_BYTES)
        self.pages["lane.0"].header.heartbeat_ns = 0
        self.tell_session()
        self.judge.pace.on_new_feeds()
        chance, again = self.chance.of("kill/again"), None
        if self.epoch > 1 and "kill" in self.chance.strength and not self.chance.is_healed:
            draw = chance.random()
            again = (chance.randrange(4, 60), "") if draw < 0.3 else None
            if draw > 0.85:
                again = (1, "open")
        self.trace("lane", self.epoch)
        ends = None if self.pair is None else self.pair.ends(0)
        part = {} if self.pair is None else self.pair.order_part()
        self.process = self.new_process(self.specification() | part, ends)
        if again is not None:
            self.process.kill(*again)
        if self.chance.happens("power"):  # what the archive has of this life is little
            how = self.chance.of("power/start")
            self.loop.after(how.randrange(1, 150) * MS, self.mishaps.cut_power, how)

    def next_epoch(self) -> int:
        self.epochs += 1
        return self.epochs

    def make_mail(self, sizes: dict[str, int]) -> None:
        for name, capacity in sizes.items():
            size = ffi.sizeof("hp_page_t") + ffi.sizeof("hp_ring_t") + capacity
            mail = Mail(self.host.make(DEPLOYMENT, name, "hp_page_t", lib.HP_PAGE_MAIL, size))
            lib.hp_ring_init(mail.ring, capacity)

    def new_process(self, specification: dict[str, Any], ends: Ends | None) -> LaneProcess:
        return LaneProcess(
            specification,
            self.host,
            self.net,
            self.venue,
            self.ring_session,
            self.lane_ended,
            self.judge,
            ends,
        )

    def parameters(self, epoch: int) -> list[dict[str, Any]]:
        """Return the parameters of the strategy of a life."""
        return [
            {
                "seed": self.seed * 1000 + epoch,
                "orders_max": self.orders,
                "eager": self.shape.eager,
                "is_hedged": int(self.shape.is_hedged),
                "lots_least": self.shape.lots[0],
                "lots_most": self.shape.lots[1],
            }
        ]

    def specification(self) -> dict[str, Any]:
        symbols = list(self.symbols.values())
        return {
            "deployment": DEPLOYMENT,
            "codec": "venues.binance.usdm.codec",
            "prefix": PREFIX,
            "assets": ASSETS,
            "epoch": self.epoch,
            "controls": ["operator", "authority", "sentinel"],
            "lease": self.shape.has_lease,
            "durable": int(self.is_durable),
            "segment_bytes": SEGMENT_BYTES,
            "segment_count": self.shape.segments,
            "is_archived": self.shape.has_archive,
            "market": PLACES.market(symbols),
            "cancel_again_ms": [500, 8_000],
            "inquiries": [50, 20],
            "quota": quota.load(feeds.LIMITS).lane_spec([], quota.RULE),
            "funds": ["USDT"],
            "rate": list(RATE),
            "flatten": FLATTEN,
            **TIMES,
            "clock_ns_max": 0,
            "clock_warns": True,
            "strategies": ["tests.simulation.trader:Trader"],
            "parameters": self.parameters(self.epoch),
            "feeds": feeds.lane_spec(self.symbols, FEED_LIMITS),
            "instruments": [
                {
                    "id": number,
                    "symbol": symbol,
                    "about": self.about[number] | {"book_window_log2": BOOK_WINDOW_LOG2},
                    "limits": self.lane_limits,
                }
                for number, symbol in self.symbols.items()
            ],
        }

    def ring_session(self) -> None:
        """The lane rang: the session looks into its mail."""
        self.loop.after(self.net.chance.of("bell").randrange(20_000, 400_000), self.on_bell)

    def on_bell(self) -> None:
        if self.session is not None and not self.session.is_dead:
            self.session.on_bell()

    @property
    def is_dark(self) -> bool:
        """Whether the host has no power."""
        return self.power is not None and self.power.is_dark

    def later(self, ns: int, call: Callable[..., Any], *args: Any) -> None:
        """Call after a while, unless the power is cut before that."""
        boots = self.boots

        def still() -> None:
            if self.boots == boots:
                call(*args)

        self.loop.after(ns, still)

    # -- deaths ----------------------------------------------------------------------------------

    def lane_ended(self, process: LaneProcess) -> None:
        self.trace("end", process.epoch)
        self.judge.at_death(process)
        if self.pair is not None:
            self.pair.silence(process.number)
        if self.pair is not None and process.number == MARKET:
            self.pair.ended(process)
            return
        if self.is_ending or self.is_dark:
            return
        pause = self.chance.of("restart").choice((10, 30, 60, 150, 400)) * MS
        self.later(pause, self.start_lane_again, process.epoch)

    def start_lane_again(self, epoch: int) -> None:
        if self.epoch == epoch and not self.is_ending:
            self.start_lane()

    def account_told(self) -> dict[str, Any]:
        key = f"account:{0}"
        lanes = {"0": [key]}
        return {"limits": {key: self.account}, "lanes": lanes, "names": {}, "terms": TERMS}

    def archive_says(self, text: str) -> None:
        """Trace what is said; the archive's folder has another name in each process."""
        if self.power is not None:
            self.power.hears(text)
        root = "" if self.archive is None else str(self.archive.root)
        self.trace("says", text.replace(root, "disk") if root else text)

    # -- the whole -------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Live through the seed."""
        if not self.shape.has_archive:
            return self.run_in(contextlib.nullcontext())
        self.archive = Archive(
            DEPLOYMENT,
            self.loop,
            self.chance,
            self.archive_says,
            partial(RerunLane, **TIMES),
        )
        try:
            root = self.archive.root
            return self.run_in(archiver.installed(self.host, self.archive.disk, root))
        finally:
            self.archive.remove()

    def run_in(self, disk: AbstractContextManager[None]) -> Outcome:
        with (
            self.host.installed(),
            authority.installed(self.host),
            sentinel.installed(self.host),
            disk,
            self.loop.running(),
        ):
            try:
                self.start()
                self.start_up()
                self.mishaps.plan_faults()
                if self.archive is not None and "power_cut" in self.chance.chosen:
                    self.power = Power(self, self.archive)
                self.go(self.faults_ns)
                if self.power is not None:
                    self.go(HEAL_NS, lambda: self.power is None or self.power.is_back)
                    self.go(AFTER_NS)
                self.heal()
                if self.shape.is_abandoned:
                    self.abandon()
                else:
                    self.drain()
                    self.judge.figures.at_end()
                self.archived()
            except Broken as broken:
                self.broken = broken
            except Endless as endless:
                self.broken = Broken("L0", str(endless))
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                place = f"{where.filename.rpartition('/')[2]}:{where.lineno}"
                self.broken = Broken("L0", f"{type(error).__name__} at {place}: {error}")
            finally:
                self.close()
        return self.outcome()

    def go(self, ns: int, is_over: Callable[[], bool] | None = None) -> bool:
        """Let time pass; say whether it was over before its end."""
        until = self.loop.now_ns + ns
        while self.loop.now_ns < until:
            if is_over is not None and is_over():
                return True
            self.loop.run_until(min(until, self.loop.now_ns + 20 * MS))
            if self.judge.found is not None:
                raise self.judge.found
            if self.loop.troubles:
                raise self.loop.troubles[0]
        return is_over is not None and is_over()

    def start_up(self) -> None:
        """In most stories the first lane comes up unharmed: more of them are about trading."""
        if self.chance.of("start").random() < 0.6:
            self.chance.is_healed = True
            self.go(1500 * MS, self.is_well)
            self.chance.is_healed = False

    def heal(self) -> None:
        """No more faults: the lane must come to be armed, with nothing UNKNOWN (L1, L2)."""
        self.trace("heal")
        self.is_stopped = False
        if self.sentinel is not None:
            self.sentinel.by_hand = ""
        self.loop.after(10 * MS, self.mishaps.release)
        self.loop.after(LOOKED_AT_NS, self.look_after)
        self.chance.is_healed = True
        self.net.is_parted = self.net.is_deaf = self.net.is_refused = False
        self.host.step_ns = 0
        self.venue.desk.streams.silent_until.clear()
        for word in (lib.HP_WORD_FREEZE, lib.HP_WORD_FLATTEN, lib.HP_WORD_KILL):
            self.control.clear(word)
        if not self.go(HEAL_NS, self.is_well):
            raise Broken("L2", f"not well {HEAL_NS // S} s after the last fault: {self.illness()}")
        self.go(200 * MS)  # it goes on trading

    def look_after(self) -> None:
        """A person restarts a lane that could not write down what it did (it trades no more), and
        an archiver that is gone."""
        if self.is_ending or self.is_dark:
            return
        for process in self.lanes():
            if process.lane.is_broken and not process.is_dead:
                self.trace("restarts", process.epoch)
                process.kill()
        is_damaged = self.power is not None and self.power.is_damaged
        if self.archive is not None and self.archive.archiver is None and not is_damaged:
            self.archive.start()
        self.loop.after(LOOKED_AT_NS, self.look_after)

    def lanes(self) -> list[LaneProcess]:
        market = None if self.pair is None else self.pair.process
        return [self.process] if market is None else [self.process, market]

    def illness(self) -> str:
        process = self.process
        lane, view = process.lane, process.page.view
        unknown = [one["client_id"] for one in lane.orders() if one["state"] == 9]
        return (
            f"epoch={process.epoch} dead={process.is_dead} paused={process.is_paused}"
            f" open={lane.is_open} session={lane.is_session_ready} user={lane.is_user_ready}"
            f" armed={lane.is_armed} broken={lane.is_broken} unknown={unknown}"
            f" words={int(view.words)} books={self.books()}"
        )

    def is_well(self) -> bool:
        process = self.process
        lane, view = process.lane, process.page.view
        return (
            not process.is_dead
            and not process.is_paused
            and lane.is_armed
            and int(view.counters.unknown_now) == 0
            and self.judge.figures.is_known(process)
            and all(state == lib.HP_BOOK_SYNCED for state in self.books())
            and not any(one.is_dead or one.is_paused for one in self.lanes())
        )

    def books(self) -> list[int]:
        """Return the states of the books, in the lane that has them."""
        view = self.lanes()[-1].page.view
        return [int(view.tops[n].state) for n in self.symbols]

    def drain(self) -> None:
        """Tell the lane to leave; what the lists did not show yet is told before that."""
        self.trace("drain")
        self.control.set(lib.HP_WORD_FREEZE, "story: the end")
        self.go(2 * S, lambda: self.process.lane.working_count == 0)
        self.go(READ_LAG_MS * MS)  # what the lists did not show yet is shown
        self.go(3 * S, lambda: not self.judge.figures.differences())  # missing fills are asked for
        self.is_ending = True
        self.control.set(lib.HP_WORD_DRAIN, "story: the end")
        if not self.go(DRAIN_NS, lambda: self.process.is_dead):
            raise Broken("L3", f"not gone {DRAIN_NS // S} s after the word: {self.illness()}")
        if self.pair is not None:
            self.control.set(lib.HP_WORD_STOP, "story: the order lane has drained")
            if not self.go(S, lambda: all(one.is_dead for one in self.lanes())):
                raise Broken("L3", "the market lane has not gone")

    def archived(self) -> None:
        """What the archive acknowledged is there, and is what stood in the rings (S7)."""
        if self.archive is None:
            return
        if self.archive.archiver is None:
            self.go(S, lambda: self.archive is not None and self.archive.archiver is not None)
        self.go(200 * MS)
        for text in self.archive.differences(self.host):
            raise Broken("S7", text)
        for text in (*self.archive.recoveries(), *self.archive.reruns(self.judge.journal.refused)):
            raise Broken("S8", text)

    def abandon(self) -> None:
        """The lane stands still or is gone, for good: the sentinel alone empties the venue (L3)."""
        self.trace("abandon")
        self.is_ending = True
        if self.chance.of("abandon").random() < 0.5:
            self.process.kill()
        else:
            self.process.pause(1000 * S)
        account = self.venue.account

        def is_empty() -> bool:
            held = self.sentinel is not None and self.sentinel.trip is not None
            return held and not account.open_orders and bool(self.sentinel.confirmed_ns)

        if not self.go(ABANDON_NS, is_empty):
            left = [one.client_id for one in account.open_orders.values()]
            text = f"{ABANDON_NS // S} s after the lane's end the sentinel has left {left}"
            raise Broken("L3", text)

    def close(self) -> None:
        """Let go of everything, so that no task outlives its story."""
        self.is_ending = True
        self.venue.stop()
        if self.session is not None:
            self.session.kill()
        if self.authority is not None:
            self.authority.kill()
        if self.sentinel is not None:
            self.sentinel.kill()
        for process in self.lanes():
            process.is_dead = True
        self.loop.end_tasks()

    def outcome(self) -> Outcome:
        self.hash.update(json.dumps(self.chance.done, sort_keys=True).encode())
        entries = self.venue.desk.exchange.record.entries
        fills = sum(1 for _, one in entries if one["kind"] == "fill")
        return Outcome(
            self.seed,
            str(self.broken or ""),
            self.broken.invariant if self.broken else "",
            self.loop.now_ns // MS,
            self.hash.hexdigest(),
            self.loop.steps,
            len(self.judge.seen.accepted),
            fills,
            self.lives,
            dict(self.chance.done),
            [*self.chance.drawn, *sorted(self.chance.chosen)],
            sorted(self.chance.chosen | self.met),
            self.story,
        )


def text_of(message: dict[str, Any]) -> str:
    """Return a request in a few words."""
    p = message["params"]
    words = [p.get(name, "") for name in ("side", "quantity", "price", "timeInForce")]
    name = p.get("newClientOrderId") or p.get("origClientOrderId", "")
    return f"{message['method']} {name[-5:]} " + " ".join(str(word) for word in words if word)


FEED_LIMITS = feed_limits()


def live(seed: int, **how: Any) -> Outcome:
    """Run one seed."""
    return World(seed, **how).run()
