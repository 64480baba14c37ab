"""`corelane run`: the main job.

With no configuration: the embedded venue serves on loopback, the lane connects over real sockets \
and
trades the demo strategy; a status line a second; metrics on 127.0.0.1:9464; Ctrl-C or --duration \
drains.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ops.time import choose_profile
from runtime import exporter, names
from runtime._shm import ffi, lib
from runtime.appliance import Appliance, ApplianceError, Settings
from runtime.control_socket import ControlServer
from runtime.embedded import EmbeddedVenue, VenueStartError
from runtime.figures import money, scaled
from runtime.lane_process import load_strategy
from runtime.pages import PageError
from runtime.recorder import RecorderError
from runtime.state import StateError


def add(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "run",
        help="run the appliance (default: embedded venue and demo strategy)",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: corelane run --duration 30 --strategy demo-native --json",
    )
    parser.add_argument(
        "--duration",
        type=float,
        metavar="S",
        help="drain and exit after S seconds (default: Ctrl-C)",
    )
    parser.add_argument(
        "--strategy",
        default="demo",
        metavar="S",
        help="path.py:Class, module:Class or a shipped name: demo, demo-native (default: demo)",
    )
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a strategy parameter; repeatable",
    )
    parser.add_argument(
        "--symbols",
        default="BTCUSDT,ETHUSDT",
        metavar="A,B",
        help="instruments (default: BTCUSDT,ETHUSDT)",
    )
    parser.add_argument(
        "--deployment",
        default="default",
        metavar="NAME",
        help="names pages and state (default: default)",
    )
    parser.add_argument(
        "--tls",
        action="store_true",
        help="speak wss:// and https:// to the embedded venue (own test CA)",
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="seed of the embedded venue's participants (default: 1)"
    )
    parser.add_argument(
        "--metrics-port",
        type=int,
        default=9464,
        metavar="P",
        help="0 = any free port (default: 9464)",
    )
    parser.add_argument(
        "--journal",
        type=Path,
        metavar="DIR",
        help="copy the lanes' journals to this folder: a RUN that `corelane replay` takes",
    )
    parser.add_argument(
        "--blocking",
        action="store_true",
        help="block in epoll instead of spinning, also on two cores",
    )
    parser.add_argument(
        "--clock",
        choices=("off", "warn", "block"),
        default="warn",
        help="what an unsure clock does to new risk: nothing, a counted warning, or a block "
        "(default: warn)",
    )
    parser.add_argument(
        "--clock-ms-max",
        type=int,
        default=50,
        metavar="MS",
        help="largest distance of this host's clock from UTC (default: 50)",
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON object at the end instead of text"
    )
    parser.set_defaults(run=run)


def hop_us(page: Any, hop: int, per_million: int) -> float:
    return float(lib.hp_histogram_quantile(ffi.addressof(page.view.hops, hop), per_million)) / 1000


def status_line(appliance: Appliance, started: float) -> str:
    """Return the line that is printed each second."""
    view = appliance.lane_page.view
    c = view.counters
    state = names.LANE_STATES[view.state]
    parts = [f"{time.monotonic() - started:5.0f}s {state:<10} msg {c.messages:>7}"]
    for number, name in appliance.symbols.items():
        top = view.tops[number]
        about = appliance.about[number]
        bid, ask = (scaled(v, about["price_decimals"]) for v in (top.bid_ticks, top.ask_ticks))
        held = scaled(sum(view.positions[number].lots), about["size_decimals"])
        parts.append(f"{name} {bid}/{ask} pos {held}")
    summary = appliance.summary()
    parts.append(f"ord {c.orders_sent} open {c.open_orders} fills {c.fills_buy}+{c.fills_sell}")
    parts.append(f"pnl {money(pnl_e8(appliance, summary))}")
    tick = lib.HP_HOP_TICK_TO_TRADE
    parts.append(
        f"t2t p50 {hop_us(appliance.lane_page, tick, 500_000):.1f} "
        f"p99 {hop_us(appliance.lane_page, tick, 990_000):.1f} us"
    )
    return "  ".join(parts)


def pnl_e8(appliance: Appliance, summary: dict[str, Any]) -> int:
    """Realised, less fees, plus the open position at the mid."""
    view = appliance.lane_page.view
    total = int(summary["realised_e8"] - summary["fees_e8"])
    for number in appliance.symbols:
        held, top, about = view.positions[number], view.tops[number], appliance.about[number]
        lots = sum(held.lots)
        if lots and top.bid_lots and top.ask_lots:
            twice_mid = (top.bid_ticks + top.ask_ticks) * lots
            shift = 8 - about["price_decimals"] - about["size_decimals"]
            value = twice_mid * 10**shift // 2 if shift >= 0 else twice_mid // (2 * 10**-shift)
            total += value - sum(held.cost_e8)
    return total


def profile(appliance: Appliance) -> list[dict[str, Any]]:
    """Return the latency profile: one row per hop, microseconds."""
    rows = []
    for hop, name in names.HOPS.items():
        histogram = appliance.lane_page.view.hops[hop]
        row: dict[str, Any] = {"hop": name, "count": int(histogram.count)}
        for label, share in (("p50", 500_000), ("p99", 990_000), ("p999", 999_000)):
            row[f"{label}_us"] = hop_us(appliance.lane_page, hop, share)
        row["max_us"] = histogram.max / 1000
        rows.append(row)
    return rows


def print_profile(rows: list[dict[str, Any]], fingerprint: str) -> None:
    print(f"\nlatency profile, microseconds; host {fingerprint}")
    print(f"  {'hop':<14}{'count':>9}{'p50':>10}{'p99':>10}{'p99.9':>10}{'max':>10}")
    for row in rows:
        print(
            f"  {row['hop']:<14}{row['count']:>9}{row['p50_us']:>10.2f}{row['p99_us']:>10.2f}"
            f"{row['p999_us']:>10.2f}{row['max_us']:>10.2f}"
        )


def place(blocking: bool) -> tuple[bool, int | None, int | None]:
    """Return (spin, lane core, cold core) by the cores this process may use."""
    cores = sorted(os.sched_getaffinity(0))
    if blocking or len(cores) < 2:
        return False, None, None
    return True, cores[-1], cores[0]


async def serve(arguments: argparse.Namespace, folder: Path) -> int:
    spin, lane_core, cold_core = place(arguments.blocking)

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    if not spin:
        say("topology.fused mode=blocking cause=" + ("asked" if arguments.blocking else "one_core"))
    symbols = [s for s in arguments.symbols.split(",") if s]
    parameters = dict(item.split("=", 1) for item in arguments.param)
    settings = Settings(
        deployment=arguments.deployment,
        symbols=symbols,
        strategies=[arguments.strategy],
        parameters=parameters,
        spin=spin,
        core=lane_core,
        profile=choose_profile()[0],
        clock_policy=arguments.clock,
        clock_ms_max=arguments.clock_ms_max,
        journal=arguments.journal,
    )
    if cold_core is not None:
        os.sched_setaffinity(0, {cold_core})
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with EmbeddedVenue(folder, symbols, seed=arguments.seed, tls=arguments.tls) as venue:
        appliance = Appliance(
            settings, venue.endpoints, venue.api_key, venue.key_path, venue.ca, say
        )
        server = door = None
        started = time.monotonic()
        try:
            await appliance.start()
            door = ControlServer(settings.deployment, appliance.control, stop.set, say)
            await door.start()
            server, port = exporter.serve(settings.deployment, arguments.metrics_port)
            if not arguments.json:
                print(
                    f"venue {venue.endpoints.rest} (embedded)  "
                    f"lane core {lane_core}  cold core {cold_core}  "
                    f"metrics http://127.0.0.1:{port}/metrics",
                    flush=True,
                )
            code = await watch(arguments, appliance, stop, started)
            if code == 0:
                code = await appliance.drain()
            summary = appliance.summary()
            record = await venue.record()
            rows = profile(appliance)
            finish(arguments, appliance, summary, record, rows, code)
            return code if agrees(summary, record) else 1
        finally:
            if server is not None:
                server.shutdown()
            if door is not None:
                await door.close()
            await appliance.abandon()
            await appliance.close()


async def watch(
    arguments: argparse.Namespace, appliance: Appliance, stop: asyncio.Event, started: float
) -> int:
    """Print a line a second until told to stop or until the lane ends by itself."""
    assert appliance.lane is not None
    ended = asyncio.ensure_future(appliance.lane.wait())
    asked = asyncio.ensure_future(stop.wait())
    try:
        while True:
            left = (
                1.0
                if arguments.duration is None
                else min(1.0, started + arguments.duration - time.monotonic())
            )
            if left <= 0:
                return 0
            done, _ = await asyncio.wait(
                {ended, asked}, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
            if ended in done:
                print(f"lane.ended code={ended.result()}: see the lines above", file=sys.stderr)
                return 1
            if asked in done:
                return 0
            if not arguments.json:
                print(status_line(appliance, started), flush=True)
    finally:
        asked.cancel()


def agrees(summary: dict[str, Any], record: dict[str, Any]) -> bool:
    """Whether the lane's figures are the venue's own, to the last order, fill, lot and 1e-8."""
    return all(
        record[name] == summary[name] for name in ("orders", "fills", "realised_e8", "fees_e8")
    ) and all(
        record["positions"].get(name, 0) == s["position_lots"]
        for name, s in summary["symbols"].items()
    )


def finish(
    arguments: argparse.Namespace,
    appliance: Appliance,
    summary: dict[str, Any],
    record: dict[str, Any],
    rows: list[dict[str, Any]],
    code: int,
) -> None:
    """Print how it ended: the lane's figures beside the venue's own."""
    agree = agrees(summary, record)
    if arguments.json:
        print(
            json.dumps(
                {
                    **summary,
                    "position": {
                        name: scaled(s["position_lots"], s["size_decimals"])
                        for name, s in summary["symbols"].items()
                    },
                    "pnl": money(pnl_e8(appliance, summary)),
                    "venue": record,
                    "agrees_with_venue": agree,
                    "latency": rows,
                    "fingerprint": appliance.host.fingerprint,
                }
            )
        )
        return
    print_profile(rows, appliance.host.fingerprint)
    print(f"\n{'':<12}{'orders':>10}{'fills':>10}{'realised':>14}{'fees':>14}  position")
    for who, row, held in (
        (
            "lane",
            summary,
            {
                n: scaled(s["position_lots"], s["size_decimals"])
                for n, s in summary["symbols"].items()
            },
        ),
        (
            "venue",
            record,
            {
                n: scaled(record["positions"].get(n, 0), s["size_decimals"])
                for n, s in summary["symbols"].items()
            },
        ),
    ):
        print(
            f"{who:<12}{row['orders']:>10}{row['fills']:>10}"
            f"{money(row['realised_e8']):>14}{money(row['fees_e8']):>14}  "
            + ", ".join(f"{n} {v}" for n, v in held.items())
        )
    print(
        f"\n{'lane and venue agree' if agree else 'lane and venue DISAGREE'}; "
        f"{summary['open_orders']} orders open, {summary['unknown']} unknown; "
        f"{'drained' if code == 0 else 'NOT drained'}"
    )


def problem(arguments: argparse.Namespace) -> str | None:
    """Say what is wrong with the arguments before anything is started."""
    unnamed = [item for item in arguments.param if "=" not in item]
    if unnamed:
        return f"--param {unnamed[0]!r}: want NAME=VALUE"
    try:
        load_strategy(arguments.strategy)(**dict(item.split("=", 1) for item in arguments.param))
    except (ValueError, ImportError) as error:
        return str(error)
    return None


def run(arguments: argparse.Namespace) -> int:
    import uvloop

    wrong = problem(arguments)
    if wrong is not None:
        print(f"corelane run: {wrong}", file=sys.stderr)
        return 2

    with tempfile.TemporaryDirectory(prefix="corelane-") as folder:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(serve(arguments, Path(folder)))
        except (
            ApplianceError,
            VenueStartError,
            PageError,
            RecorderError,
            StateError,
            OSError,
        ) as error:
            print(f"corelane run: {error}", file=sys.stderr)
            return 2
