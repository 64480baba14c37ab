"""`corelane drill`: kill the lane again and again, and compare with the venue's own record.

The embedded venue serves, a load strategy places, crosses and cancels on several instruments, and
the lane is killed (SIGKILL) at random instants: while it trades, while it opens, twice in a row.
After each kill the new lane is armed, trading is frozen, and every figure must be the venue's: no
order doubled, none forgotten, positions, realised PnL and fees equal to the last unit, fills one to
one by trade id.  Now and then the session process (keys, REST) is killed instead: until it is back
the lane must trade on, and cancel what it is told to.  With --topology split it is the order lane
that is killed; at times the market lane instead (its quotes must go, the order lane lives on), or
both.  With --journal DIR the journals are archived, and at times the dead lane's ring is lost with
it, as when the host goes down: its successor goes on from the newest checkpoint and the tail; at
the end the ledger of the archive must be conserved, its wallet the venue's to the last 1e-8, and
every byte what was signed: what `ledger check` and `ledger verify` say is in the report.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ops import drill_archive
from runtime._shm import ffi, lib
from runtime.appliance import Appliance, ApplianceError
from runtime.journal.recording import RecordingError
from runtime.pages.page import Page, PageError
from runtime.session import evidence
from runtime.settings import Settings
from runtime.supervise.causes import History
from runtime.supervise.embedded import EmbeddedVenue, VenueStartError, e8
from runtime.supervise.state import StateError
from runtime.supervise.topology import TopologyError

SYMBOLS = ["BTCUSDT", "ETHUSDT"]
MODES = ("trading", "trading", "trading", "opening", "twice", "session")
LOST = "lost"  # the ring too; asks for an archive
SPLIT_MODES = (*MODES, "market", "market", "both")
# What the venue does wrong now and then (/sim/fault): lost, late and open answers, cut streams.
FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "drop_answer", "count": 2},
    {"kind": "timeout_answer", "count": 2},
    {"kind": "delay_answer", "count": 3, "ms": 300},
    {"kind": "late_request", "count": 2, "ms": 400},
    {"kind": "rest_status", "count": 2, "status": 503},
    {"kind": "close_socket", "group": "private", "abort": True},
    {"kind": "close_socket", "group": "ws-api", "abort": True},
    {"kind": "expire_listen_key"},
)
FAULT_SHARE = 0.4  # of the kills
CHECKPOINT_S = 2
ARMED_SECONDS_MAX = 60.0
SETTLE_SECONDS_MAX = 60.0
TRADE_SECONDS_MAX = 0.6


class DrillFailed(Exception):
    """The drill could not go on; this is no verdict about orders."""


def add(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "drill",
        help="kill the lane again and again against the embedded venue's own record",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: corelane drill --kills 200 --seed 7 --json",
    )
    parser.add_argument("--kills", type=int, default=20, metavar="N", help="default: 20")
    parser.add_argument("--seed", type=int, default=1, help="of kill instants and participants")
    parser.add_argument(
        "--policy",
        choices=["cancel", "adopt"],
        default="cancel",
        help="what the new lane does with working orders (default: cancel)",
    )
    parser.add_argument(
        "--no-faults", action="store_true", help="the venue answers all, in time, on open streams"
    )
    parser.add_argument(
        "--topology",
        choices=["fused", "split"],
        default="fused",
        help="market and order lanes in one process or apart (default: fused)",
    )
    parser.add_argument(
        "--journal", type=Path, metavar="DIR", help="archive there, and lose rings at times"
    )
    parser.add_argument("--deployment", default="", metavar="NAME", help="default: one of its own")
    parser.add_argument("--json", action="store_true", help="one JSON object at the end")
    parser.add_argument("--log", action="store_true", help="show the appliance's own lines")
    parser.set_defaults(run=run)


class Drill:
    """One appliance, its venue, and the judge between them."""

    def __init__(self, appliance: Appliance, venue: EmbeddedVenue, seed: int, show: bool) -> None:
        self.appliance = appliance
        self.venue = venue
        self.seed = seed
        self.show = show
        self.random = random.Random(seed)
        self.recovery_s: list[float] = []
        self.modes: dict[str, int] = {}
        self.faults: dict[str, int] = {}
        self.fault_share = FAULT_SHARE
        self.violations: list[dict[str, Any]] = []
        self.kills = 0
        self.adopted = self.recovered = 0
        self.from_archive = 0  # lives whose evidence was a checkpoint and the tail
        self.opening_s = 0.3  # how long the last start took: what "during opening" means
        self.alone = {"kills": 0, "orders": 0, "ended": 0, "seconds": 0.0}  # without a session
        self.seen: set[tuple[int, int]] = set()  # instrument, trade id: booked by any life

    async def wait(self, what: str, is_so: Callable[[], bool]) -> None:
        until = time.monotonic() + ARMED_SECONDS_MAX
        while not is_so():
            if self.appliance.supervisor.given_up.done():
                raise DrillFailed(self.appliance.supervisor.given_up.result())
            if time.monotonic() > until:
                raise DrillFailed(f"{what}: not after {ARMED_SECONDS_MAX:.0f} s")
            await asyncio.sleep(0.002)

    async def armed(self, epoch: int = 0) -> None:
        """Wait until a lane of a later epoch trades."""
        await self.wait(
            "lane is armed",
            lambda: (
                self.appliance.epoch > epoch and self.appliance.lane.state == lib.HP_LANE_ARMED
            ),
        )

    def kill_process(self, name: str) -> None:
        watched = self.appliance.supervisor.watched[name]
        # A drill kills more often than any limit of restarts: each life counts as a healthy one.
        watched.history = History()
        self.appliance.supervisor.restart(name)

    async def kill(self) -> tuple[float, int]:
        """Kill the lane; return when, and the epoch that died."""
        self.kills += 1
        page = self.appliance.lane_page.view.counters
        self.adopted += page.orders_adopted
        self.recovered += page.fills_recovered
        at, epoch = time.monotonic(), self.appliance.epoch
        self.kill_process("lane-0")
        return at, epoch

    async def started(self, epoch: int) -> None:
        """Wait until the next life has its process."""
        await self.wait(
            "lane has a process",
            lambda: self.appliance.epoch > epoch and self.appliance.lane_pid > 0,
        )

    async def one(self, budget: int) -> None:
        """Trade for a while, at least until a fill, kill in one of the modes, judge."""
        fills = self.appliance.summary()["fills"]
        await self.wait("it trades", lambda: self.appliance.summary()["fills"] > fills)
        modes = MODES if self.appliance.market is None else SPLIT_MODES
        if self.appliance.settings.journal is not None:
            modes = (*modes, LOST, LOST)
        mode = self.random.choice(modes)
        fault = self.random.choice(FAULTS)
        if self.random.random() < self.fault_share:
            await asyncio.sleep(self.random.uniform(0.0, TRADE_SECONDS_MAX))
            await self.venue.call("POST", "/sim/fault", fault)
            self.faults[fault["kind"]] = self.faults.get(fault["kind"], 0) + 1
        await asyncio.sleep(self.random.uniform(0.0, TRADE_SECONDS_MAX))
        if mode == "session":
            await self.without_session()
        elif mode == "market":
            await self.without_market()
        elif mode == LOST:
            await self.without_ring()
        else:
            if mode == "both":
                self.kills += 1
                self.kill_process("lane-1")
            at, epoch = await self.kill()
            if mode not in ("trading", "both") and budget > 1:
                await self.started(epoch)
                if mode == "opening":
                    await asyncio.sleep(self.random.uniform(0.0, 1.2 * self.opening_s))
                at, epoch = await self.kill()
            elif mode != "both":
                mode = "trading"
            await self.armed(epoch)
            self.opening_s = time.monotonic() - at
            self.recovery_s.append(self.opening_s)
        self.modes[mode] = self.modes.get(mode, 0) + 1
        await self.judge(mode)

    async def without_ring(self) -> None:
        """Kill the lane and forget its ring: what is archived is all that is left."""
        appliance = self.appliance
        page, names = evidence.RING, appliance.rings.names
        head = Page.open(appliance.settings.deployment, page, "hp_page_t")
        appliance.rings.names = lambda lane=0: []  # type: ignore[method-assign]
        try:
            at, epoch = await self.kill()
            words = ffi.cast("hp_journal_head_t *", head.header + 1)
            await self.wait("the ring is archived", lambda: words.archived >= words.published)
            await self.armed(epoch)
        finally:
            appliance.rings.names = names  # type: ignore[method-assign]
            head.close()
        self.opening_s = time.monotonic() - at
        self.recovery_s.append(self.opening_s)

    async def without_market(self) -> None:
        """Kill the market lane: what rests on its pictures goes, and the order lane stays."""
        self.kills += 1
        market, lane = self.appliance.market, self.appliance.lane_pid
        assert market is not None
        epoch = market.epoch
        self.kill_process("lane-1")
        view = self.appliance.lane_page.view.counters
        await self.wait(
            "nothing rests without a market lane",
            lambda: view.open_orders == 0 or market.epoch > epoch,
        )
        await self.wait("market lane is back", lambda: market.epoch > epoch and market.state > 0)
        await self.armed()
        if self.appliance.lane_pid != lane:
            self.violations.append({"kill": self.kills, "wrong": ["the order lane went too"]})

    async def without_session(self) -> None:
        """Kill the session; half of the time the lane is frozen before another one is there."""
        self.kills += 1
        name = self.appliance.cold.process_of["session"]
        watched = self.appliance.supervisor.watched[name]
        before, starts = self.ended_orders(), watched.starts
        at = time.monotonic()
        self.kill_process(name)
        await self.wait("session has ended", lambda: watched.pid == 0 or watched.starts > starts)
        if self.random.random() < 0.5:
            self.appliance.control.set(lib.HP_WORD_FREEZE, "drill")
        await self.wait(
            "session is back",
            lambda: (
                watched.life is not None and watched.life.ready.done() and watched.starts > starts
            ),
        )
        after = self.ended_orders()
        self.alone["kills"] += 1
        self.alone["orders"] += after[0] - before[0]
        self.alone["ended"] += after[1] - before[1]
        self.alone["seconds"] += time.monotonic() - at

    def ended_orders(self) -> tuple[int, int]:
        """Return how many orders were sent, and how many ended by the venue's word."""
        c = self.appliance.lane_page.view.counters
        filled = c.order_states[lib.HP_ORDER_FILLED]
        return c.orders_sent, c.canceled + c.expired + c.rejects + filled

    async def judge(self, mode: str) -> None:
        """Freeze, wait until nothing works and the figures stand, compare."""
        control = self.appliance.control
        control.set(lib.HP_WORD_FREEZE, "drill")
        until = time.monotonic() + SETTLE_SECONDS_MAX
        try:
            while True:
                wrong = self.sum_differences(await self.venue.call("GET", "/sim/record?lists=0"))
                if not wrong or time.monotonic() > until:
                    wrong += self.list_differences(await self.venue.call("GET", "/sim/record"))
                    break
                await asyncio.sleep(0.05)
        finally:
            control.clear(lib.HP_WORD_FREEZE)
        if wrong:
            self.violations.append(
                {"kill": self.kills, "mode": mode, "seed": self.seed, "wrong": wrong}
            )
            self.appliance.say(f"drill.violation kill={self.kills} mode={mode} {wrong}")

    def sum_differences(self, record: dict[str, Any]) -> list[str]:
        """Return what is not as the venue has it, in words."""
        out = []
        summary = self.appliance.summary()
        if record["open_orders"] or summary["open_orders"] or summary["unknown"]:
            out.append(
                f"orders open: venue {record['open_orders']}, lane {summary['open_orders']}, "
                f"unknown {summary['unknown']}"
            )
        for what, ours, theirs in (
            ("orders", summary["orders_accepted"], record["counts"]["order"]),
            ("fills", summary["fills"], record["counts"]["fill"]),
            ("realised", summary["realised_e8"], e8(record["realized"])),
            ("fees", summary["fees_e8"], e8(record["fees"])),
        ):
            if ours != theirs:
                out.append(f"{what}: lane {ours}, venue {theirs}")
        out += self.funds_differences(record)
        return out + self.position_differences(summary, record)

    def funds_differences(self, record: dict[str, Any]) -> list[str]:
        """Return what is wrong with the money: the wallet is the venue's, nothing is reserved."""
        money = self.appliance.lane_page.view.funds[0]
        used = sum(
            -(-abs(cost) // self.appliance.settings.terms.leverage)
            for number in self.appliance.symbols
            for cost in self.appliance.lane_page.view.positions[number].cost_e8
        )
        wanted = {
            "wallet": (money.total_e8, e8(record["balance"])),
            "reserved": (sum(money.reserved_e8), 0),
            "used": (sum(money.used_e8), used),
            "free": (money.free_e8, e8(record["balance"]) - used),
        }
        return [
            f"{what}: lane {mine}, want {theirs}"
            for what, (mine, theirs) in wanted.items()
            if mine != theirs
        ]

    def list_differences(self, record: dict[str, Any]) -> list[str]:
        """The same of orders and fills, one by one."""
        texts = Counter(row["client_order_id"] for row in record["orders"])
        doubled = sorted(text for text, n in texts.items() if n > 1)
        out = [f"orders doubled: {', '.join(doubled[:5])}"] if doubled else []
        return out + self.fill_differences(record)

    def position_differences(self, summary: dict[str, Any], record: dict[str, Any]) -> list[str]:
        held = {row["symbol"]: row for row in record["positions"]}
        out = []
        for number, name in self.appliance.symbols.items():
            row = held.get(name, {"lots": 0, "cost": "0", "realized": "0"})
            ours = self.appliance.lane_page.view.positions[number]
            for what, mine, theirs in (
                ("lots", sum(ours.lots), row["lots"]),
                ("cost", sum(ours.cost_e8), e8(row["cost"])),
                ("realised", ours.realised_e8, e8(row["realized"])),
            ):
                if mine != theirs:
                    out.append(f"{name} {what}: lane {mine}, venue {theirs}")
        return out

    def fill_differences(self, record: dict[str, Any]) -> list[str]:
        """Compare trade ids, one to one: the journals' of all lives with the venue's."""
        found = evidence.look(self.appliance.settings.deployment, evidence.RING)
        if found is None:
            return ["no carry in the lane's ring"]
        kept = sum(order.reserved_e8 for order in found.working())
        held = sum(self.appliance.lane_page.view.funds[0].reserved_e8)
        if kept != held:
            return [f"reserved: the ring's orders {kept}, the page {held}"]
        for instrument, trade_id, _ in (*found.keys, *found.fills):
            self.seen.add((instrument, trade_id))
        numbers = {name: number for number, name in self.appliance.symbols.items()}
        theirs = {(numbers[row["symbol"]], row["trade_id"]) for row in record["fills"]}
        out = []
        if theirs - self.seen:
            out.append(f"fills not booked: {sorted(theirs - self.seen)[:5]}")
        if self.seen - theirs:
            out.append(f"fills that the venue does not know: {sorted(self.seen - theirs)[:5]}")
        return out

    def report(self, record: dict[str, Any], seconds: float) -> dict[str, Any]:
        times = sorted(self.recovery_s)

        def at(share: float) -> float:
            return round(times[min(len(times) - 1, int(share * len(times)))], 4) if times else 0.0

        counters = self.appliance.lane_page.view.counters
        return {
            "kills": self.kills,
            "modes": self.modes,
            "faults": self.faults,
            "seed": self.seed,
            "policy": self.appliance.settings.on_restart,
            "topology": self.appliance.topology.kind,
            "orders": record["counts"]["order"] + record["refused"]["place"],
            "fills": record["counts"]["fill"],
            "orders_adopted": self.adopted + counters.orders_adopted,
            "fills_recovered": self.recovered + counters.fills_recovered,
            "recovery_s": {"p50": at(0.5), "p99": at(0.99), "max": at(1.0)},
            "without_session": {**self.alone, "seconds": round(self.alone["seconds"], 1)},
            "recovered_from_archive": self.from_archive,
            "balance_e8": e8(record["balance"]),
            "violations": self.violations,
            "seconds": round(seconds, 1),
        }


async def drill(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run the whole drill and return its report."""
    show = sys.stderr.isatty() and not arguments.json
    log: deque[str] = deque(maxlen=8)

    recovered = 0

    def say(line: str) -> None:
        nonlocal recovered
        recovered += line.startswith("lane.recovered ")
        log.append(line)
        if arguments.log:
            print(line, file=sys.stderr, flush=True)

    settings = Settings(
        deployment=arguments.deployment or f"drill{os.getpid()}",
        symbols=SYMBOLS,
        strategies=["strategies.drill.load:Load"],
        topology=arguments.topology,
        lock=False,
        spin=False,
        rate=(200, 200, 50),
        segment_bytes=4 * 1024 * 1024,
        on_restart=arguments.policy,
        read_lag_ms=300,  # the embedded venue's lists do not lag
        journal=arguments.journal,
        archive={"checkpoint_s": CHECKPOINT_S},
        venue_stays=True,
    )
    started = time.monotonic()
    async with EmbeddedVenue(folder, SYMBOLS, seed=arguments.seed, limits=False) as venue:
        appliance = Appliance(
            settings,
            venue.endpoints,
            venue.api_key,
            venue.key_path,
            venue.ca,
            say,
        )
        one = Drill(appliance, venue, arguments.seed, show)
        if arguments.no_faults:
            one.fault_share = 0.0
        try:
            await appliance.start()
            await one.armed()
            while one.kills < arguments.kills:
                await one.one(arguments.kills - one.kills)
                if show:
                    print(
                        f"\rkills {one.kills}/{arguments.kills}  violations {len(one.violations)}"
                        f"  recovery {one.opening_s:.2f} s ",
                        end="",
                        file=sys.stderr,
                        flush=True,
                    )
            await appliance.drain()
            one.from_archive = recovered
            record = await venue.call("GET", "/sim/record")
            wrong = one.sum_differences(record) + one.list_differences(record)
            if wrong:
                one.violations.append({"kill": one.kills, "mode": "end", "wrong": wrong})
            return one.report(record, time.monotonic() - started)
        except DrillFailed as error:
            raise DrillFailed(f"{error}; its last lines: " + " | ".join(log)) from error
        finally:
            await appliance.abandon()
            await appliance.close()
            if show:
                print(file=sys.stderr)


def run(arguments: argparse.Namespace) -> int:
    import uvloop

    if arguments.kills < 1:
        print(f"corelane drill: --kills is {arguments.kills}; want 1 or more", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="corelane-") as folder:
        # Epochs of a drill are its own: a deployment's number must not be used up by kills.
        os.environ["XDG_STATE_HOME"] = folder
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                found = runner.run(drill(arguments, Path(folder)))
            if arguments.journal is not None:
                about, wrong = drill_archive.judge(arguments.journal, found["balance_e8"])
                found["archive"] = about
                if wrong:
                    violation = {"kill": found["kills"], "mode": "archive", "wrong": wrong}
                    found["violations"].append(violation)
        except (
            RecordingError,
            ApplianceError,
            DrillFailed,
            VenueStartError,
            PageError,
            StateError,
            TopologyError,
            OSError,
        ) as error:
            print(f"corelane drill: {error}", file=sys.stderr)
            return 2
    if arguments.json:
        print(json.dumps(found))
    else:
        print(text(found))
    return 1 if found["violations"] else 0


def text(found: dict[str, Any]) -> str:
    modes = ", ".join(f"{n} {name}" for name, n in sorted(found["modes"].items()))
    faults = ", ".join(f"{n} {name}" for name, n in sorted(found["faults"].items())) or "none"
    times, alone = found["recovery_s"], found["without_session"]
    violations = [
        f"  VIOLATION after kill {v['kill']} ({v['mode']}): {'; '.join(v['wrong'])}"
        for v in found["violations"]
    ]
    lines = drill_archive.text(found["archive"]) if "archive" in found else []
    verdict = "every figure is the venue's" if not violations else f"{len(violations)} violations"
    return "\n".join(
        [
            f"drill  {found['kills']} kills ({modes})  policy {found['policy']}  "
            f"seed {found['seed']}  {found['seconds']} s",
            f"  {found['orders']} orders, {found['fills']} fills; {found['orders_adopted']} orders "
            f"adopted, {found['fills_recovered']} fills recovered",
            f"  faults of the venue: {faults}",
            f"  kill to armed p50 {times['p50']:.2f} s  p99 {times['p99']:.2f} s  "
            f"max {times['max']:.2f} s",
            f"  without a session {alone['kills']} times, {alone['seconds']} s: {alone['orders']} "
            f"orders sent, {alone['ended']} ended",
            *lines,
            *violations,
            verdict,
        ]
    )
