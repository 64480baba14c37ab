"""The cold side of a running appliance: venue, pages, lane process, mail, drain.

Owns:    the order of start and stop; the answers to a lane's wishes (snapshot, logon, listen key).
Refuses: trading.  It signs, fetches, watches and tells; the lane decides and sends.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from runtime import state
from runtime._shm import ffi, lib
from runtime.clock import ClockPage, ClockWatch
from runtime.host import HostPage, HostWatch
from runtime.pages import LANE_BYTES, Control, Mail, Page, in_use, stale
from runtime.recorder import Recorder
from venues.binance.usdm import reference
from venues.binance.usdm.session import Endpoints, Session, VenueError, load_key

MAIL_IN_BYTES = 8 * 1024 * 1024
MAIL_OUT_BYTES = 1024 * 1024
VENUE = "binance_usdm"


@dataclass
class Settings:
    """What one run is told."""

    deployment: str = "default"
    symbols: list[str] = field(default_factory=lambda: ["BTCUSDT"])
    strategies: list[str] = field(default_factory=lambda: ["demo"])
    parameters: dict[str, Any] = field(default_factory=dict)
    spin: bool = True
    core: int | None = None
    lock: bool = True
    segment_bytes: int = 16 * 1024 * 1024
    segment_count: int = 4
    rate: tuple[int, int, int] = (25, 50, 10)
    order_notional_max: int = 2_000  # quote units
    position_notional_max: int = 10_000
    open_orders_max: int = 10
    band_bps: int = 50
    stale_ms: int = 1000
    profile: str = "dev"  # of the host: which limits its clocks are held against
    clock_policy: str = "warn"  # off | warn | block new risk
    journal: Path | None = None  # folder that the journals are copied to
    clock_ms_max: int = 50  # largest distance of CLOCK_REALTIME from UTC for new risk


class ApplianceError(Exception):
    """The appliance cannot start or go on."""


class Appliance:
    """One lane and the cold side that serves it."""

    def __init__(
        self,
        settings: Settings,
        endpoints: Endpoints,
        api_key: str,
        key_path: Path,
        ca: str | None,
        say: Callable[[str], None],
    ) -> None:
        self.settings = settings
        self.endpoints = endpoints
        self.api_key = api_key
        self.key = load_key(key_path)
        self.ca = ca
        self.say = say
        self.symbols: dict[int, str] = {}
        self.lane: asyncio.subprocess.Process | None = None
        self.pages: list[Page] = []
        self.recorder: Recorder | None = None
        self.tasks: set[asyncio.Task[None]] = set()
        self.epoch = 0

    async def start(self) -> None:
        """Make pages, read reference data and positions, start the lane."""
        s = self.settings
        taken = in_use(s.deployment)
        if taken:
            raise ApplianceError(
                f"deployment {s.deployment!r} is running already (page {taken[0].name} has a living"
                " writer); stop it, or name another one with --deployment"
            )
        for path in stale(s.deployment):
            path.unlink(missing_ok=True)
            self.say(f"pages.removed page={path.name} cause=writer_gone")
        directory = state.state_dir(s.deployment)
        connector = aiohttp.TCPConnector(ssl=self.context()) if self.ca else None
        self.http = aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=5)
        )
        self.session = Session(self.endpoints, self.api_key, self.key, self.http)
        info = await self.session.exchange_info()
        known = {entry["symbol"]: entry for entry in info["symbols"]}
        missing = [name for name in s.symbols if name not in known]
        if missing:
            raise ApplianceError(
                f"venue has no {', '.join(missing)}; it lists {', '.join(sorted(known)[:12])}"
            )
        ids = state.instrument_ids(directory, [f"{VENUE}:{name}" for name in s.symbols])
        self.symbols = {ids[f"{VENUE}:{name}"]: name for name in s.symbols}
        self.about = {
            number: reference.instrument(known[name]) for number, name in self.symbols.items()
        }
        prices = {
            name: int(json.loads(await self.session.depth(name, 5))["bids"][0][0].split(".")[0])
            for name in s.symbols
        }
        self.epoch = state.next_epoch(directory)

        self.control = Control(s.deployment, "operator")
        self.host = HostPage(s.deployment)
        self.clock = ClockPage(s.deployment)
        watch = ClockWatch(self.clock, s.profile, self.say)
        watch.look()
        self.lane_page = Page.make(
            s.deployment, "lane.0", "hp_lane_page_t", lib.HP_PAGE_LANE, LANE_BYTES, self.epoch
        )
        journal_bytes = lib.HP_JOURNAL_HEAD_BYTES + s.segment_bytes * s.segment_count
        journal = Page.make(
            s.deployment, "journal.0", "hp_page_t", lib.HP_PAGE_JOURNAL, journal_bytes, self.epoch
        )
        head = ffi.cast("hp_journal_head_t *", journal.header + 1)
        head.fingerprint = int(self.host.fingerprint, 16)
        self.mail_in = Mail.make(s.deployment, "mail.in.0", MAIL_IN_BYTES)
        self.mail_out = Mail.make(s.deployment, "mail.out.0", MAIL_OUT_BYTES)
        self.pages = [
            self.control.page,
            self.clock.page,
            self.host.page,
            self.lane_page,
            journal,
            self.mail_in.page,
            self.mail_out.page,
        ]

        spec = {
            "deployment": s.deployment,
            "codec": "venues.binance.usdm.codec",
            "prefix": s.deployment[:12],
            "epoch": self.epoch,
            "controls": ["operator"],
            "segment_bytes": s.segment_bytes,
            "segment_count": s.segment_count,
            "market": self.endpoints.market(s.symbols),
            "orders": self.endpoints.orders,
            "spin": s.spin,
            "core": s.core,
            "lock": s.lock,
            "ca": self.ca,
            "rate": list(s.rate),
            "clock_ns_max": 0 if s.clock_policy == "off" else s.clock_ms_max * 1_000_000,
            "clock_warns": s.clock_policy == "warn",
            "strategies": s.strategies,
            "parameters": s.parameters,
            "instruments": [
                {
                    "id": number,
                    "symbol": name,
                    "about": self.about[number],
                    "limits": self.limits(number, prices[name]),
                }
                for number, name in self.symbols.items()
            ],
        }
        if s.journal is not None:
            self.recorder = Recorder(s.deployment, s.journal, self.say)
            await self.recorder.start()
        self.lane = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "runtime.lane_process",
            stdin=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        assert self.lane.stdin is not None
        self.lane.stdin.write(json.dumps(spec).encode())
        self.lane.stdin.close()
        await self.send_opening()
        self.spawn(self.serve_mail())
        self.spawn(self.keep_listen_key())
        self.spawn(watch.keep())
        self.spawn(HostWatch(self.host, self.say).keep())

    def context(self) -> Any:
        import ssl

        return ssl.create_default_context(cafile=self.ca)

    def limits(self, number: int, price: int) -> dict[str, int]:
        """Turn the settings' money limits into lots at today's price."""
        s = self.settings
        per_unit = 10 ** self.about[number]["size_decimals"]
        return {
            "strategies": (1 << max(1, len(s.strategies))) - 1,
            "accounts": 1,
            "order_lots_max": max(1, s.order_notional_max * per_unit // price),
            "position_lots_max": max(1, s.position_notional_max * per_unit // price),
            "open_orders_max": s.open_orders_max,
            "band_bps": s.band_bps,
            "stale_ms": s.stale_ms,
        }

    def spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.finished)

    def finished(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.say(f"cold.task_failed error={task.exception()!r}")

    async def send_opening(self) -> None:
        """Tell the lane the venue's positions: its opening balance."""
        by_symbol = {name: number for number, name in self.symbols.items()}
        for entry in await self.session.positions():
            number = by_symbol.get(entry["symbol"])
            if number is None:
                continue
            report = ffi.new("hp_report_t *")
            report.kind = lib.HP_REPORT_POSITION
            report.instrument = number
            report.position_side = {"BOTH": 0, "LONG": 1, "SHORT": 2}[entry["positionSide"]]
            report.position_lots = reference.scaled(
                entry["positionAmt"], self.about[number]["size_decimals"], "positionAmt"
            )
            self.mail_in.put(lib.HP_MAIL_REPORT, bytes(ffi.buffer(report)))
        self.mail_in.put(lib.HP_MAIL_OPENING, b"")

    async def serve_mail(self) -> None:
        """Answer the lane's wishes; print its log lines."""
        while True:
            self.control.page.header.heartbeat_ns = time.monotonic_ns()
            for _ in range(64):
                taken = self.mail_out.take()
                if taken is None:
                    break
                kind, aux, payload = taken
                if kind == lib.HP_MAIL_LOG:
                    self.say(payload.decode(errors="replace"))
                elif kind == lib.HP_MAIL_WANT:
                    self.spawn(self.answer(aux, int.from_bytes(payload[4:8], "little")))
            await asyncio.sleep(0.005)

    async def answer(self, what: int, aux: int) -> None:
        try:
            if what == lib.HP_WANT_SNAPSHOT:
                body = await self.session.depth(self.symbols[aux])
                if not self.mail_in.put(
                    lib.HP_MAIL_SNAPSHOT, body + bytes(lib.HP_FRAME_PAD_BYTES), aux
                ):
                    self.say(f"mail.full kind=snapshot instrument={aux} bytes={len(body)}")
            elif what == lib.HP_WANT_LOGON:
                if aux:  # a refused logon is not tried again at once
                    await asyncio.sleep(1)
                self.mail_in.put(lib.HP_MAIL_LOGON, self.session.logon_text().encode())
            elif what == lib.HP_WANT_LISTEN_KEY:
                self.mail_in.put(
                    lib.HP_MAIL_LISTEN_KEY,
                    self.endpoints.user(await self.session.listen_key()).encode(),
                )
        except (VenueError, aiohttp.ClientError, TimeoutError) as error:
            self.say(
                f"cold.answer_failed want={what} aux={aux} error={error!r}"
            )  # the lane asks again

    async def keep_listen_key(self) -> None:
        while True:
            await asyncio.sleep(30 * 60)
            try:
                await self.session.keep_listen_key()
            except (VenueError, aiohttp.ClientError, TimeoutError) as error:
                self.say(f"cold.listen_key_failed error={error!r}")

    async def drain(self, seconds: float = 10) -> int:
        """Cancel ours, wait for the venue's word, end the lane.

        0 = nothing of ours works any more.
        """
        assert self.lane is not None
        if self.lane.returncode is None:
            self.control.set(lib.HP_WORD_DRAIN, "drain")
            try:
                await asyncio.wait_for(self.lane.wait(), seconds)
            except TimeoutError:
                self.control.set(lib.HP_WORD_STOP, "drain took too long")
                try:
                    await asyncio.wait_for(self.lane.wait(), 2)
                except TimeoutError:
                    self.lane.kill()
                    await self.lane.wait()
        return 0 if self.lane.returncode == 0 else 1

    async def abandon(self) -> None:
        """End a lane that is still there (an error on our side): drain word first, then by pid."""
        if self.lane is not None and self.lane.returncode is None:
            await self.drain(3)

    async def close(self) -> None:
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        if self.recorder is not None:
            await self.recorder.stop()
        if hasattr(self, "http"):
            await self.http.close()
        for page in self.pages:
            page.remove()

    def summary(self) -> dict[str, Any]:
        """Return what the lane's page says: orders, fills, positions and PnL per symbol."""
        view = self.lane_page.view
        c = view.counters
        symbols = {}
        for number, name in self.symbols.items():
            p = view.positions[number]
            symbols[name] = {
                "position_lots": sum(p.lots),
                "venue_position_lots": sum(p.venue_lots),
                "bought_lots": p.bought_lots,
                "sold_lots": p.sold_lots,
                "realised_e8": p.realised_e8,
                "fees_e8": p.fees_e8,
                "venue_realised_e8": p.venue_pnl_e8,
                "size_decimals": self.about[number]["size_decimals"],
            }
        return {
            "orders": c.orders_sent,
            "cancels": c.cancels_sent,
            "fills": c.fills,
            "fills_buy": c.fills_buy,
            "fills_sell": c.fills_sell,
            "rejects": c.rejects,
            "open_orders": c.open_orders,
            "unknown": c.unknown_now,
            "messages": c.messages,
            "gaps": c.gaps,
            "resyncs": c.resyncs,
            "symbols": symbols,
            "realised_e8": sum(s["realised_e8"] for s in symbols.values()),
            "fees_e8": sum(s["fees_e8"] for s in symbols.values()),
        }
