"""`corelane run`: the main job.

With no configuration: the embedded venue serves on loopback, the lane connects over real sockets \
and
trades the demo strategy; a status line a second; metrics on 127.0.0.1:9464; Ctrl-C or --duration \
drains.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from ops.run_config import configured, guard, limit_settings, strategy_problem
from ops.run_config import settings as settings_of
from ops.screen import LiveScreen, is_wanted
from ops.time import choose_profile
from runtime._shm import ffi, lib
from runtime.appliance import Appliance, ApplianceError, plan
from runtime.config.file import ConfigError, Problem, flat
from runtime.config.keys import Config
from runtime.config.reload import Reloader, put
from runtime.pages import names
from runtime.pages.figures import money, scaled
from runtime.pages.page import PageError
from runtime.show.logs import Log
from runtime.show.observer import open_value
from runtime.supervise.causes import limit_restarts
from runtime.supervise.control_socket import ControlServer
from runtime.supervise.embedded import EmbeddedVenue, VenueStartError
from runtime.supervise.state import StateError, state_dir
from runtime.supervise.supervisor import keep_to_cold
from runtime.supervise.topology import TOPOLOGIES, TopologyError


def add(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "run",
        help="run the appliance (default: embedded venue and demo strategy)",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: corelane run --duration 30 --strategy demo-native --json",
    )
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        metavar="FILE",
        help="configuration (docs/corelane.example.toml); options given here win over it",
    )
    parser.add_argument(
        "--duration",
        type=float,
        metavar="S",
        help="drain and exit after S seconds (default: Ctrl-C)",
    )
    parser.add_argument(
        "--strategy",
        default=argparse.SUPPRESS,
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
        default=argparse.SUPPRESS,
        metavar="A,B",
        help="instruments (default: BTCUSDT,ETHUSDT)",
    )
    parser.add_argument(
        "--deployment",
        default=argparse.SUPPRESS,
        metavar="NAME",
        help="names pages and state (default: default)",
    )
    parser.add_argument(
        "--tls",
        action="store_true",
        default=argparse.SUPPRESS,
        help="speak wss:// and https:// to the embedded venue (own test CA)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=argparse.SUPPRESS,
        help="seed of the embedded venue's participants (default: 1)",
    )
    parser.add_argument(
        "--metrics-port",
        type=int,
        default=argparse.SUPPRESS,
        metavar="P",
        help="0 = any free port (default: 9464)",
    )
    parser.add_argument(
        "--topology",
        choices=TOPOLOGIES,
        default=argparse.SUPPRESS,
        help="market and order lanes in one process or apart (default: by the box)",
    )
    parser.add_argument(
        "--lane-core",
        type=int,
        default=argparse.SUPPRESS,
        metavar="N",
        help="the core that the lane wants (default: by the topology)",
    )
    parser.add_argument(
        "--journal",
        type=Path,
        default=argparse.SUPPRESS,
        metavar="DIR",
        help="copy the lanes' journals to this folder: a RUN that `corelane replay` takes",
    )
    parser.add_argument(
        "--blocking",
        action="store_true",
        default=argparse.SUPPRESS,
        help="block in epoll instead of spinning, also on two cores",
    )
    parser.add_argument(
        "--clock",
        choices=("off", "warn", "block"),
        default=argparse.SUPPRESS,
        help="what an unsure clock does to new risk: nothing, a counted warning, or a block "
        "(default: warn)",
    )
    parser.add_argument(
        "--clock-ms-max",
        type=int,
        default=argparse.SUPPRESS,
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
    view, market = appliance.lane_page.view, appliance.market_page.view
    c = view.counters
    state = names.LANE_STATES[view.state]
    parts = [f"{time.monotonic() - started:5.0f}s {state:<10} msg {market.counters.messages:>7}"]
    for number, name in appliance.symbols.items():
        top = market.tops[number]
        about = appliance.rules.about[number]
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
    view, tops = appliance.lane_page.view, appliance.market_page.view.tops
    total = int(summary["realised_e8"] - summary["fees_e8"])
    for number in appliance.symbols:
        held = view.positions[number]
        total += open_value(tops[number], sum(held.lots), sum(held.cost_e8))
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


async def serve(
    arguments: argparse.Namespace, config: Config, alone: Config | None, folder: Path
) -> int:
    screen = None
    if not arguments.json and is_wanted(Console()):
        screen = LiveScreen(config.deployment)

    def console(text: str) -> None:
        if screen is not None and screen.thread.is_alive():
            screen.say(text)
        else:
            print(text, file=sys.stderr, flush=True)

    log = open_log(config, console)
    try:
        return await run_appliance(arguments, config, alone, folder, screen, log)
    finally:
        log.close()


def open_log(config: Config, console: Callable[[str], None]) -> Log:
    directory = Path(config.log.directory) if config.log.directory else None
    return Log(
        "supervisor",
        directory or state_dir(config.deployment) / "log",
        level=config.log.level,
        days=config.log.days,
        bytes_max=config.log.mib_max * 2**20,
        console=console,
    )


def reloader(
    path: Path, alone: Config, held: Config, log: Log, appliance: Appliance
) -> Callable[[], dict[str, Any]]:
    """Return what reads the file again: by SIGHUP or `corelane reload`.  held: with the options."""

    def apply(after: Config, keys: list[str]) -> None:
        found = flat(after)
        candidate = copy.deepcopy(held)
        for name in keys:
            put(candidate, name, found[name])
        try:
            changes = limit_settings(candidate)
            if any(getattr(appliance.settings, name) != value for name, value in changes.items()):
                records = appliance.change_limits(changes)
                log.say(f"limits.changed keys={','.join(keys)} records={records}")
        except ValueError as error:
            bad = Problem(str(path), str(error), "limits that a lane can hold", "correct the file")
            raise ConfigError([bad]) from error
        for name in keys:
            put(held, name, found[name])
        log.change(after.log.level, after.log.days, after.log.mib_max * 2**20)

    def reload() -> dict[str, Any]:
        answer = again.reload()
        log.say(f"config.read {answer}")
        appliance.look_at_reference()
        return answer

    again = Reloader(path, alone, apply, strategy_problem)
    return reload


async def run_appliance(
    arguments: argparse.Namespace,
    config: Config,
    alone: Config | None,
    folder: Path,
    screen: LiveScreen | None,
    log: Log,
) -> int:
    say = log.say
    symbols = config.venue.symbols
    settings = settings_of(config, profile=choose_profile()[0])
    limit_restarts(vars(config.restart))
    topology = keep_to_cold(plan(settings))  # the lane leaves for its own core
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    reload: Callable[[], dict[str, Any]] | None = None
    if alone is not None:  # as soon as there is something that could be changed
        loop.add_signal_handler(signal.SIGHUP, lambda: reload() if reload else None)
    embedded = EmbeddedVenue(folder, symbols, seed=config.venue.seed, tls=config.venue.tls)
    async with embedded as venue:
        settings.guard = guard(config, venue.sentinel_key)
        appliance = Appliance(
            settings,
            venue.endpoints,
            venue.api_key,
            venue.key_path,
            venue.ca,
            say,
            config.metrics.port,
            topology,
        )
        if alone is not None:
            reload = reloader(arguments.config, alone, config, log, appliance)
        door = None
        started = time.monotonic()
        try:
            await appliance.start()
            door = ControlServer(
                settings.deployment,
                appliance.control,
                stop.set,
                say,
                reload,
                asked=appliance.asked,
                signal=appliance.signalled,
                check=appliance.pre_check,
                limits=appliance.ask_authority if settings.has_authority else None,
            )
            await door.start()
            if not arguments.json:
                print(
                    f"venue {venue.endpoints.rest} (embedded)  "
                    f"topology {topology.text}  "
                    f"metrics http://127.0.0.1:{appliance.metrics_port}/metrics",
                    flush=True,
                )
            if screen is not None:
                screen.start()
            is_quiet = arguments.json or screen is not None
            failed = await watch(arguments, appliance, stop, started, is_quiet)
            code = await appliance.drain()
            code = 1 if failed else code
            if screen is not None:
                screen.close()
                for line in screen.logs:  # they are in the log file already
                    print(line, file=sys.stderr)
            summary = appliance.summary()
            record = await venue.record()
            rows = profile(appliance)
            finish(arguments, appliance, summary, record, rows, code)
            return code if agrees(summary, record) else 1
        finally:
            if screen is not None:
                screen.close()
            if door is not None:
                await door.close()
            await appliance.abandon()
            await appliance.close()


async def watch(
    arguments: argparse.Namespace,
    appliance: Appliance,
    stop: asyncio.Event,
    started: float,
    is_quiet: bool,
) -> bool:
    """Print a line a second (unless quiet) until told to stop (False) or it cannot go on (True)."""
    ended = asyncio.ensure_future(appliance.ended())
    asked = asyncio.ensure_future(stop.wait())
    waits: set[asyncio.Future[Any]] = {ended, asked}
    try:
        while True:
            left = (
                1.0
                if arguments.duration is None
                else min(1.0, started + arguments.duration - time.monotonic())
            )
            if left <= 0:
                return False
            done, _ = await asyncio.wait(waits, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if asked in done:
                return False
            if ended in done:
                appliance.say(f"appliance.draining cause={ended.result()!r}")
                return True
            if not is_quiet:
                print(status_line(appliance, started), flush=True)
    finally:
        asked.cancel()
        ended.cancel()


def agrees(summary: dict[str, Any], record: dict[str, Any]) -> bool:
    """Whether the lane's figures are the venue's own, to the last order, fill, lot and 1e-8.

    Orders are those that the venue took: of a refusal whose answer died with a lane no question
    to the venue can tell.
    """
    return all(
        record[name] == summary[name]
        for name in ("orders_accepted", "fills", "realised_e8", "fees_e8")
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
                    "topology": appliance.topology.text,
                    "degraded": appliance.supervisor.degraded,
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


def run(arguments: argparse.Namespace) -> int:
    import uvloop

    try:
        config, alone = configured(arguments)
    except ConfigError as error:
        for problem in error.problems:
            print(f"corelane run: {problem}", file=sys.stderr)
        return 2

    with tempfile.TemporaryDirectory(prefix="corelane-") as folder:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(serve(arguments, config, alone, Path(folder)))
        except (
            ApplianceError,
            VenueStartError,
            PageError,
            StateError,
            TopologyError,
            OSError,
        ) as error:
            print(f"corelane run: {error}", file=sys.stderr)
            return 2
