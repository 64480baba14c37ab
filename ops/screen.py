"""The live screen of `corelane run`: one snapshot as tables, at most 100 x 40.

Owns:    which figures are shown, where, and how each is written.
Refuses: figures of its own: each cell names its metric and labels, so the screen is the scrape.

Written by a thread of its own: a terminal that takes nothing (Ctrl-S, a frozen ssh) holds up
nothing else.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from runtime._shm import lib
from runtime.pages import names
from runtime.pages.figures import duration
from runtime.show import health
from runtime.show.family import Family, Labels
from runtime.show.metrics import FAMILIES
from runtime.show.observer import Observer
from runtime.show.snapshot import Histogram, Instrument, Snapshot

WIDTH, HEIGHT = 100, 40
PERIOD_S = 0.4
VERDICTS_SHOWN = 7  # with the quota's rows below them: beside the hops
QUOTAS_SHOWN = 3
LIMITS_SHOWN = 2
LANES_SHOWN = 6
LOG_LINES = 3
BY_NAME: dict[str, Family] = {family.name: family for family in FAMILIES}
Form = Callable[[float], str]


@dataclass(frozen=True)
class Cell:
    """One figure: which series it is, and how it is written."""

    metric: str  # a family's name
    labels: Labels
    form: Form
    style: str = ""


@dataclass
class Section:
    title: str
    headings: list[str]
    rows: list[list[Cell | str]]
    is_left: int = 1  # so many columns, from the first, are text


class Figures:
    """Values of a snapshot by metric and labels, each family read once."""

    def __init__(self, found: Snapshot) -> None:
        self.found = found
        self.read: dict[str, dict[Labels, float]] = {}

    def value(self, metric: str, labels: Labels) -> float | None:
        if metric not in self.read:
            self.read[metric] = {
                key: float(value.count if isinstance(value, Histogram) else value)
                for key, value in BY_NAME[metric].read(self.found)
            }
        return self.read[metric].get(labels)

    def text(self, cell: Cell | str) -> str:
        if isinstance(cell, str):
            return cell
        value = self.value(cell.metric, cell.labels)
        return "-" if value is None else cell.form(value)


def whole(value: float) -> str:
    return f"{value:,.0f}"


def signed_count(value: float) -> str:
    return "-" if value < 0 else f"{value:.0f}"


def micro(value: float) -> str:
    return f"{value * 1e6:,.1f}"


def milli(value: float) -> str:
    return f"{value * 1e3:,.1f}"


def mebi(value: float) -> str:
    return f"{value / 2**20:,.0f}"


def seconds(value: float) -> str:
    minutes, rest = divmod(int(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{rest:02d}s"


def decimals(places: int) -> Form:
    return lambda value: f"{value:,.{max(0, places)}f}"


def word(table: dict[int, str]) -> Form:
    return lambda value: table.get(int(value), str(value))


def span(value: float) -> str:
    return "unknown" if value == float("inf") else duration(round(value * 1e9))


def spins(value: float) -> str:
    return "spins" if value else "blocks"


def instrument_row(one: Instrument, name: str) -> list[Cell | str]:
    at = (one.lane, one.symbol)
    price, size = decimals(one.price_decimals), decimals(one.size_decimals)
    return [
        name,
        Cell("book_state", at, word(names.BOOK_STATES)),
        Cell("book_bid_price", at, price),
        Cell("book_ask_price", at, price),
        Cell("book_age_seconds", at, milli),
        Cell("position_size", at, size),
        Cell("position_profit_quote", at, decimals(2)),
        Cell("position_fees_quote", at, decimals(2)),
    ]


def instruments(found: Snapshot, room: int) -> Section:
    """The first few by name; those with a position or a lost book come before the others."""

    def rank(one: Instrument) -> tuple[bool, bool, str]:
        return (one.state == lib.HP_BOOK_SYNCED, one.lots == 0, one.symbol)

    def name(one: Instrument) -> str:
        return one.symbol if len(found.lanes) == 1 else f"{one.symbol} {one.lane}"

    every = sorted(found.instruments, key=rank)
    title = "instruments"
    if len(every) > room:
        title += f" ({room} of {len(every)}: lost books and positions first)"
    return Section(
        title,
        ["symbol", "book", "bid", "ask", "age ms", "position", "pnl", "fees"],
        [instrument_row(one, name(one)) for one in every[:room]],
        is_left=2,
    )


def lanes(found: Snapshot) -> Section:
    rows: list[list[Cell | str]] = []
    for one in found.lanes[:LANES_SHOWN]:
        at = (one.number,)
        rows.append(
            [
                one.name if one.role == "fused" else f"{one.name} {one.role}",
                Cell("lane_state", at, word(names.LANE_STATES)),
                Cell("lane_is_spinning", at, spins),
                Cell("lane_core", at, signed_count),
                Cell("lane_restarts", at, whole),
                Cell("open_orders", at, whole),
                Cell("unknown_orders", at, whole),
                Cell("orders_sent", at, whole),
                Cell("cancels_sent", at, whole),
                Cell("feed_messages", at, whole),
                Cell("lane_heartbeat_age_seconds", at, milli),
                Cell("lane_resident_memory_bytes", at, mebi),
            ]
        )
    headings = ["lane", "state", "loop", "core", "restarts", "open", "unknown", "orders"]
    return Section("lanes", [*headings, "cancels", "frames", "beat ms", "MiB"], rows, is_left=3)


def quotas(found: Snapshot) -> Section:
    """Every window of the venue that is known; the worst come first."""
    rows: list[list[Cell | str]] = []
    every = [
        (one, row)
        for one in found.lanes[:LANES_SHOWN]
        for row in (one.quota.windows if one.quota else ())
    ]
    for one, row in sorted(every, key=lambda pair: pair[1].mode)[:QUOTAS_SHOWN]:
        at = (one.number, row.kind, str(row.length_s))
        rows.append(
            [
                f"{row.kind} in {row.length_s} s",
                Cell("quota_window_mode", at, word(names.QUOTA_MODES)),
                Cell("quota_used", at, whole),
                Cell("quota_limit", at, whole),
                Cell("quota_headroom", at, whole),
            ]
        )
    return Section("venue's quota", ["window", "mode", "used", "limit", "left"], rows, is_left=2)


def latency(found: Snapshot, lane: str) -> Section:
    rows: list[list[Cell | str]] = []
    for hop in names.HOPS.values():
        rows.append(
            [
                hop,
                Cell("latency_seconds", (lane, hop), whole),
                Cell("latency_percentile_seconds", (lane, hop, "50"), micro),
                Cell("latency_percentile_seconds", (lane, hop, "99"), micro),
                Cell("latency_max_seconds", (lane, hop), micro),
            ]
        )
    return Section(f"latency of lane-{lane}, us", ["hop", "n", "p50", "p99", "max"], rows)


def verdicts(found: Snapshot, shown: int) -> Section:
    """The most frequent ones of all lanes."""
    seen = sorted(
        ((-times, one.number, name) for one in found.lanes for name, times in one.verdicts.items()),
    )
    rows: list[list[Cell | str]] = [
        [name, f"lane-{lane}", Cell("gate_verdicts", (lane, name), whole)]
        for times, lane, name in seen[:shown]
        if times
    ]
    return Section("verdicts", ["verdict", "lane", "count"], rows, is_left=2)


def limits(found: Snapshot) -> list[Cell | str]:
    """What is lent, in a line: used of leased of the bound, nearest to its bound first."""
    near = sorted(
        (-one.used[figure] / bound if bound else -1.0, one.name, figure)
        for one in ([] if found.authority is None else found.authority.rows)
        for figure, bound in one.bounds.items()
    )
    out: list[Cell | str] = []
    for _, name, figure in near[:LIMITS_SHOWN]:
        form = decimals(4) if figure.endswith("_ratio") else whole
        short = figure.removesuffix("_quote").removesuffix("_notional").removesuffix("_ratio")
        used, leased, bound = (
            Cell(f"limit_{what}", (name, figure), form) for what in ("used", "leased", "bound")
        )
        out += [f"{name} {short}", used, "of", leased, "of", bound]
    return ["limits", *out] if out else []


def processes(found: Snapshot, room: int) -> Section:
    """Those that do not run come first."""
    rows: list[list[Cell | str]] = []
    running = lib.HP_PROCESS_RUNNING
    for one in sorted(found.processes, key=lambda one: one.state == running)[:room]:
        at = (one.name,)
        rows.append(
            [
                one.name,
                Cell("sentinel_state", (), word(names.SENTINEL_STATES))
                if one.role == "sentinel" and one.state == running and found.sentinel
                else Cell("process_state", at, word(names.PROCESS_STATES)),
                Cell("process_core", at, signed_count),
                Cell("process_restarts", at, whole),
                Cell("process_resident_memory_bytes", at, mebi),
                Cell("process_cpu_seconds", at, decimals(1)),
                Cell("process_uptime_seconds", at, seconds),
            ]
        )
    return Section(
        "processes", ["process", "state", "core", "restarts", "MiB", "cpu s", "up"], rows, is_left=2
    )


def header(found: Snapshot) -> list[Cell | str]:
    up = max(found.lanes, key=lambda one: one.uptime_ns).number if found.lanes else "0"
    return [
        "corelane",
        found.deployment,
        Cell("deployment_state", (), word(dict(enumerate(health.STATES)))),
        "health",
        Cell("health_score", (), whole),
        "of 100  topology",
        found.topology or "-",
        "up",
        Cell("lane_uptime_seconds", (up,), seconds),
        "clock within",
        Cell("clock_divergence_seconds", (), span),
    ]


@dataclass
class Screen:
    """What is shown of one snapshot, within so many lines."""

    header: list[Cell | str]
    sections: list[Section]  # instruments, lanes, latency, verdicts, quota, processes
    reasons: list[str]
    limits: list[Cell | str] = field(default_factory=list)  # a line; empty: nothing is lent

    @classmethod
    def of(cls, found: Snapshot, height: int = HEIGHT) -> Screen:
        lane = found.lanes[0].number if found.lanes else "0"
        latencies, asked = latency(found, lane), quotas(found)
        lent = limits(found)
        reasons = health.of(found).reasons
        # title and headings take two lines of each table, one line parts them
        room = (
            height
            - 1
            - (1 if lent else 0)
            - (len(latencies.rows) + 3)
            - (min(len(found.lanes), LANES_SHOWN) + 3)
            - LOG_LINES
            - 1
        )
        shown = min(len(reasons), max(1, room // 5))
        cold = min(len(found.processes), max(1, room // 3))
        left = room - shown - 1 - (cold + 3 if cold else 0) - 3
        if len(reasons) > shown:
            reasons = [*reasons[: shown - 1], f"and {len(reasons) - shown + 1} more reasons"]
        sections = [
            instruments(found, max(1, left)),
            lanes(found),
            latencies,
            verdicts(found, VERDICTS_SHOWN - (len(asked.rows) + 1 if asked.rows else 0)),
            asked,
            processes(found, cold),
        ]
        return cls(header(found), sections, reasons, lent)

    def cells(self) -> list[Cell]:
        """Return every figure that is shown."""
        tables = (row for section in self.sections for row in section.rows)
        rows = [self.header, self.limits, *tables]
        return [cell for row in rows for cell in row if isinstance(cell, Cell)]


GOOD = {"armed", "synced", "running", "watching"}
BAD = {
    *("no_risk", "reserve", "stopped"),
    *("down", "stuck", "killed", "flattening", "cancelling", "holding"),
    *("gapped", "crossed", "stale", "given_up", "backing_off", "absent"),
}


def styled(text: str) -> Text:
    style = "green" if text in GOOD else "bold red" if text in BAD else ""
    return Text(text, style=style, no_wrap=True, overflow="crop")


def table(section: Section, figures: Figures, width: int) -> RenderableType:
    out = Table(
        title=section.title,
        title_justify="left",
        title_style="bold cyan",
        header_style="dim",
        box=None,
        width=width,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for n, heading in enumerate(section.headings):
        out.add_column(
            heading, justify="left" if n < section.is_left else "right", no_wrap=True, min_width=3
        )
    for row in section.rows:
        out.add_row(*(styled(figures.text(cell)) for cell in row))
    return out


def render(screen: Screen, found: Snapshot, logs: list[str], width: int = WIDTH) -> RenderableType:
    """Lay a screen out."""
    figures = Figures(found)
    width = min(width, WIDTH)
    top, lent = (Text(no_wrap=True, overflow="crop") for _ in range(2))
    for line, cells in ((top, screen.header), (lent, screen.limits)):
        for cell in cells:
            text = figures.text(cell)
            style = "dim" if isinstance(cell, str) else styled(text).style
            line.append(text + "  ", style=style)
    what, who, hops, gate, asked, cold = screen.sections
    pair = Table.grid(padding=(0, 2, 0, 0))
    half = width // 2 - 2
    right: list[RenderableType] = [table(gate, figures, half)]
    if asked.rows:
        right += ["", table(asked, figures, half)]
    pair.add_row(table(hops, figures, half), Group(*right))
    parts: list[RenderableType] = [top, *([lent] if screen.limits else [])]
    parts += [table(what, figures, width), "", table(who, figures, width)]
    parts += ["", pair]
    if cold.rows:
        parts += ["", table(cold, figures, width)]
    parts.append("")
    style = "yellow" if screen.reasons else "green"
    for reason in screen.reasons or ["no reason to worry"]:
        parts.append(Text(f"- {reason}", style=style, no_wrap=True, overflow="ellipsis"))
    for said in logs[-LOG_LINES:]:
        parts.append(Text(said, style="dim", no_wrap=True, overflow="ellipsis"))
    return Group(*parts)


def is_wanted(console: Console) -> bool:
    """Whether a live screen can be shown: a terminal that can place a cursor."""
    return console.is_terminal and not console.is_dumb_terminal


class LiveScreen:
    """Shows a deployment on a terminal until closed, from a thread of its own."""

    def __init__(self, deployment: str, console: Console | None = None) -> None:
        self.observer = Observer(deployment)
        self.console = console or Console()
        self.logs: deque[str] = deque(maxlen=100)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.show, daemon=True, name="screen")

    def start(self) -> None:
        self.thread.start()

    def say(self, text: str) -> None:
        """Take a log line; the newest few stand at the foot of the screen."""
        self.logs.extend(text.splitlines())

    def frame(self) -> RenderableType:
        found = self.observer.take()
        size = self.console.size
        screen = Screen.of(found, min(size.height, HEIGHT))
        return render(screen, found, list(self.logs), min(size.width, WIDTH))

    def show(self) -> None:
        options: dict[str, Any] = {"auto_refresh": False, "screen": True, "transient": True}
        with Live(console=self.console, **options) as live:
            while not self.over.is_set():
                live.update(self.frame(), refresh=True)
                self.over.wait(PERIOD_S)

    def close(self) -> None:
        """Leave the terminal as it was; not waited for when the terminal takes nothing."""
        self.over.set()
        if self.thread.is_alive():
            self.thread.join(2)
        self.observer.close()
