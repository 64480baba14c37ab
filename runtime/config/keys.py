"""What one deployment is told: every key of its configuration, with default, bounds and meaning.

Owns:    the schema as dataclasses; docs/corelane.example.toml is written from it and is the manual.
Refuses: reading files (config/file.py), secrets (no key holds one), what a key does.

`python -m runtime.config.keys > docs/corelane.example.toml` writes the manual; a test holds it.
"""

# ruff: noqa: RUF009 - key() and table() make dataclass fields, no shared values

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from runtime.journal import durability


def key(
    default: Any,
    doc: str,
    *,
    low: int | None = None,
    high: int | None = None,
    choices: tuple[str, ...] = (),
    reserved: tuple[str, ...] = (),
    reloads: bool = False,
) -> Any:
    """Describe a key.  low and high are inclusive; reloads: may change while it runs.

    reserved: words that have a meaning, and no means yet.
    """
    about = {
        "doc": doc,
        "low": low,
        "high": high,
        "choices": choices,
        "reserved": reserved,
        "reloads": reloads,
    }
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=about)
    return field(default=default, metadata=about)


def durability_key(group: str) -> Any:
    """Describe a row of the table of durability classes."""
    row = durability.GROUPS[group]
    return key(row.default, row.about, choices=row.may_be, reserved=durability.PEER)


def table(kind: type, doc: str) -> Any:
    return field(default_factory=kind, metadata={"doc": doc})


def limit(default: Any, doc: str, **about: Any) -> Any:
    """Describe a figure of a limit: it may change while it runs."""
    return key(default, doc, reloads=True, **about)


def bound(default: int, doc: str, *, reloads: bool = True) -> Any:
    """Describe a limit: 0 permits nothing, -1 is no limit."""
    return key(default, doc, low=-1, high=10**12, reloads=reloads)


def policy(doc: str, *, warns: bool = True, default: str = "block") -> Any:
    """Describe what a check does: refuse, note and pass, or refuse and name a time."""
    choices = ("block", "warn", "throttle") if warns else ("block", "throttle")
    return limit(default, doc, choices=choices)


@dataclass
class Venue:
    name: str = key(
        "embedded", "Which venue; embedded is the simulator on loopback.", choices=("embedded",)
    )
    tls: bool = key(False, "Speak wss:// and https:// to the embedded venue (own test CA).")
    seed: int = key(1, "Seed of the embedded venue's participants.", low=0, high=2**31 - 1)
    symbols: list[str] = key(["BTCUSDT", "ETHUSDT"], "Instruments, by the venue's own names.")
    lines: int = key(
        1,
        "Equal connections for each market stream; the first good copy of an event is used.",
        low=1,
        high=4,
    )


@dataclass
class StrategyEntry:
    source: str = key("demo", "path.py:Class, module:Class or a shipped name (demo, demo-native).")
    profile: str = key(
        "",
        "Named risk profile; with [strategy_limits] the tighter of each limit holds.",
        choices=("", "athena-default", "athena-scalper_v1", "perpbot", "hft"),
    )
    capital: int = bound(
        -1, "Capital of this strategy, quote units; -1 = not known.", reloads=False
    )
    durability: str = key(
        "",
        "Class of this strategy's orders; empty = durability.order.",
        choices=("", *durability.LOCAL),
        reserved=durability.PEER,
    )
    parameters: dict[str, Any] = field(
        default_factory=dict,
        metadata={"doc": "The strategy's own parameters, as its Param declarations name them."},
    )


@dataclass
class Topology:
    kind: str = key(
        "auto",
        "fused: market and orders in one lane; split: a lane each; auto: by the box.",
        choices=("auto", "fused", "split"),
    )
    loop: str = key(
        "auto",
        "auto: a lane that owns its core spins; block: it waits in epoll.",
        choices=("auto", "block"),
    )
    lane_core: int = key(-1, "Core that the lane wants; -1 = by the box.", low=-1, high=4095)
    lock_memory: bool = key(True, "Lock the lane's memory where the limits allow it.")


@dataclass
class Limits:
    order_notional_max: int = limit(2_000, "Largest order, quote units.", low=0, high=10**12)
    position_notional_max: int = limit(
        10_000,
        "Largest position with all that works on its side, quote units.",
        low=0,
        high=10**12,
    )
    open_orders_max: int = limit(10, "Most open orders.", low=0, high=1000)
    band_bps: int = limit(50, "Hard fence around the mid, basis points.", low=0, high=10_000)
    stale_ms: int = limit(
        0,
        "Oldest book that may be quoted on, milliseconds; 0 = the venue's own bound.",
        low=0,
        high=60_000,
    )
    sigma_tenths: int = bound(
        20, "Fence around the mid, tenths of a standard move of the mid between two samples."
    )
    sigma_alpha_percent: int = limit(
        20, "Weight of the newest move in the standard move, percent.", low=1, high=100
    )
    sigma_floor_bps: int = limit(50, "Least standard move, basis points.", low=0, high=10_000)
    sigma_sample_ms: int = limit(
        1000, "Time between two samples of the mid, milliseconds.", low=1, high=3_600_000
    )
    typical_notional: int = limit(
        0, "Usual order, quote units; 0 = learnt from our own orders.", low=0, high=10**12
    )
    typical_times_max: int = bound(10, "Largest order, in usual orders.")
    distance_bps_max: int = bound(
        500, "Largest distance of a price from the mid, basis points: a slip of the finger."
    )
    daily_volume: int = limit(
        0, "Average volume of a day, base units; 0 = not known.", low=0, high=10**12
    )
    volume_share_bps_max: int = bound(
        100, "Largest order, basis points of that volume; judged when it is known."
    )
    sessions: list[str] = limit(
        [], "Hours of trading, UTC: mon-fri 08:00-16:30, daily 00:00-24:00; empty = always."
    )
    maintenance: list[str] = limit([], "Hours without trading, UTC, as in sessions.")


@dataclass
class Scope:
    """Limits of one account, venue, strategy or instrument; -1 is no limit, 0 permits nothing."""

    order_notional_max: int = bound(-1, "Largest order, quote units.")
    net_notional_max: int = bound(
        -1, "Position with all that works on the order's side, quote units."
    )
    gross_notional_max: int = bound(
        -1, "Positions without sign and all that works, quote units."
    )
    open_orders_max: int = bound(-1, "Most open orders.")
    leverage_tenths_max: int = bound(
        -1, "Gross notional over capital with its PnL, tenths; needs a capital."
    )
    capital: int = bound(-1, "Equity at the start, quote units; -1 = not known.")
    daily_loss_max: int = bound(
        -1, "Loss since 00:00 UTC, open positions and fees included, quote units."
    )
    drawdown_bps_max: int = bound(
        -1, "Fall of the equity from its peak, basis points; needs a capital."
    )
    failures_max: int = bound(-1, "Refusals by the venue in a row that pause it.")
    cool_down_s: int = bound(-1, "Pause after them, seconds; -1 = until a limit is told again.")
    fast_move_bps_max: int = bound(
        -1, "Instruments: move of the mid within the window that freezes it, basis points."
    )
    fast_window_ms: int = bound(-1, "That window, milliseconds.")
    fast_freeze_ms: int = bound(-1, "How long it is frozen then, milliseconds.")
    order_to_trade_max: int = bound(
        -1, "Orders for each order that trades; the venue's rule where it has one."
    )
    cancel_rate_bps_max: int = bound(-1, "Cancels of the orders, basis points; 10000 = all.")
    budget_window_s: int = bound(60, "Time over which those two are counted, seconds.")
    budget_free_orders: int = bound(100, "Orders of a window before they are judged.")
    requests_per_second: int = bound(-1, "Requests a second (of the account: also [rate]).")
    request_burst: int = bound(-1, "Requests that may leave at once.")
    request_reserve: int = bound(-1, "Of them, kept for cancels and risk-reducing orders.")


@dataclass
class Gate:
    self_trade: str = limit(
        "reject",
        "When an order would meet one of ours: refuse it; cancel what rests (oldest), or the"
        " smaller one of the two, and let it ask again; warn: send it with the venue's prevention.",
        choices=("reject", "oldest", "smallest", "warn"),
    )
    throttle_ms: int = limit(
        100, "When it is worth asking again after a throttle, milliseconds.", low=1, high=60_000
    )
    fence_volatility: str = policy("The fence of sigma_tenths.")
    fat_finger_size: str = policy("typical_times_max.")
    fat_finger_distance: str = policy("distance_bps_max.")
    fat_finger_volume: str = policy("volume_share_bps_max.")
    failures: str = policy("failures_max without a cool-down.")
    cool_down: str = policy("The pause after failures.")
    fast_market: str = policy("The freeze of fast_move_bps_max.")
    order_to_trade: str = policy("order_to_trade_max.")
    cancel_rate: str = policy("cancel_rate_bps_max.")
    book_stale: str = policy("A picture that is too old.", warns=False)
    open_orders: str = policy("open_orders_max.", warns=False)
    gross_notional: str = policy("gross_notional_max.", warns=False)
    net_notional: str = policy("net_notional_max.", warns=False)
    leverage: str = policy("leverage_tenths_max.", warns=False)
    quota_slow: str = policy("quota.slow_percent: new orders are spread.", default="throttle")
    quota_no_risk: str = policy("quota.no_risk_percent.", warns=False, default="throttle")
    quota_reserve: str = policy("quota.reserve_percent.", warns=False, default="throttle")
    quota_stopped: str = policy(
        "The venue refuses everything (429, 418).", warns=False, default="throttle"
    )


@dataclass
class AllLimits(Limits):
    instruments: dict[str, Limits] = field(
        default_factory=dict,
        metadata={
            "doc": "Per instrument: what is not said there is taken from above.",
            "example": "[limits.instruments.BTCUSDT]\norder_notional_max = 5000",
            "reloads": True,
        },
    )


@dataclass
class Rate:
    orders_per_second: int = limit(25, "Requests a second.", low=1, high=100_000)
    burst: int = limit(50, "Requests that may leave at once.", low=1, high=100_000)
    reserve: int = limit(
        10, "Of them, kept for cancels and risk-reducing orders.", low=0, high=100_000
    )
    cancel_again_ms: int = key(
        500, "A cancel without an answer is sent again after this, ms;", low=50, high=60_000
    )
    cancel_again_ms_max: int = key(
        8_000,
        "then after twice as long each time, up to this: at once when the order is shown to rest.",
        low=50,
        high=600_000,
    )
    inquiries_per_second: int = key(
        10, "Questions about orders, all of a lane together.", low=1, high=1000
    )


@dataclass
class Quota:
    """How much of the venue's own windows may be used (docs/governor.md)."""

    busy_percent: int = limit(
        50, "From here on questions are asked at half their rate.", low=1, high=100
    )
    slow_percent: int = limit(
        70, "New orders are spread over the rest of the window.", low=1, high=100
    )
    no_risk_percent: int = limit(
        90, "Cancels, reducing orders and inquiries about UNKNOWN orders alone.", low=1, high=100
    )
    reserve_percent: int = limit(
        95, "The same, and half of what is left is for cancels alone.", low=1, high=100
    )
    slack_ms: int = limit(
        500,
        "How far the venue's windows may begin from where our clock says, milliseconds.",
        low=0,
        high=5_000,
    )
    refused_s: int = limit(
        60, "Pause after a 429 or 418 that does not say how long, seconds.", low=1, high=3_600
    )


@dataclass
class Funds:
    leverage: int = key(
        1,
        "Leverage set at the venue for this account: an order reserves 1/leverage of its notional.",
        low=1,
        high=125,
    )
    margin: str = key("cross", "What positions are secured by.", choices=("cross", "isolated"))
    fee_bps: int = key(
        5, "The dearest fee of a fill, reserved beside the margin, basis points.", low=0, high=1000
    )


@dataclass
class Authority:
    """Limits as leases: a process of its own owns them, lanes spend what it lends them."""

    enabled: bool = key(True, "false: each lane holds its own limits, without an end.")
    lease_ms: int = limit(
        1000,
        "Length of a lease; past it a lane takes no new risk, milliseconds.",
        low=100,
        high=60_000,
    )
    renew_ms: int = limit(
        200, "Between two renewals: at most a third of a lease.", low=10, high=20_000
    )
    floor_percent: int = limit(
        10, "Of an equal part, that each lane keeps whatever its demand.", low=0, high=100
    )
    hysteresis_percent: int = limit(
        10, "Of a limit: shares that would move less stay as they are.", low=0, high=100
    )


@dataclass
class TimeToLive:
    touch_ms: int = key(1_000, "Layer touch, milliseconds.", low=500, high=2_000)
    near_ms: int = key(3_000, "Layer near.", low=2_000, high=5_000)
    deep_ms: int = key(7_000, "Layer deep.", low=5_000, high=10_000)
    fast_trades_per_second: int = key(100, "Above: times 0.3.", low=1, high=1_000_000)
    quick_trades_per_second: int = key(50, "Above: times 0.5.", low=1, high=1_000_000)
    queue_orders_max: int = key(
        100, "Orders ahead of ours; above: 500 ms at most.", low=1, high=1_000_000
    )
    volatility_bps_max: int = key(
        500,
        "The gate's streaming standard move; above: 200 ms at most.",
        low=1,
        high=100_000,
    )
    emergency_ms: int = key(
        100, "In an emergency, every order that may add risk.", low=1, high=10_000
    )


@dataclass
class Account:
    cancel_scope: str = key(
        "ours",
        "Whose orders a cancel-all touches.  ours: orders that this deployment placed; all: every "
        "order of the account, by the venue's own cancel-all as well.",
        choices=("ours", "all"),
    )
    dead_man_ms: int = key(
        0,
        "The venue's timer that cancels when we fall silent, milliseconds, renewed four times "
        "within; 0 = none.  It takes every order of a symbol at this venue: it needs "
        'cancel_scope = "all".',
        low=0,
        high=600_000,
    )


@dataclass
class Flatten:
    policy: str = key(
        "ioc",
        "How `corelane flatten` closes a position: limit orders that take what stands within the "
        "band, market orders, or nothing.",
        choices=("ioc", "market", "nothing"),
    )
    band_bps: int = key(
        30, "How far from the touch an order may trade, basis points.", low=0, high=5_000
    )
    slice_notional_max: int = key(
        0,
        "Largest order, quote units; 0 = the instrument's order limit alone.",
        low=0,
        high=10**12,
    )
    tries_max: int = key(
        10, "Orders in a row that move nothing, then the side is given up.", low=1, high=1000
    )
    wait_ms: int = key(200, "Between two orders of one position, milliseconds.", low=1, high=60_000)
    time_s_max: int = key(30, "For everything, seconds; then it is a kill.", low=1, high=3_600)


@dataclass
class Lease:
    provider: str = key(
        "none",
        "Who says that we lead.  none: nobody has to; sim: a lease that the supervisor renews "
        "(one host; for trying what follows from its loss).",
        choices=("none", "sim"),
    )
    time_ms: int = key(1_000, "Length of the lease, milliseconds.", low=50, high=60_000)


@dataclass
class Sentinel:
    mode: str = key(
        "on",
        "A process of its own that cancels everything at the venue when a bound here is passed.  "
        "A bound of 0 is none.",
        choices=("on", "off"),
    )
    lane_silence_ms_max: int = key(
        5_000, "A lane has not turned: dead, stuck or stopped, milliseconds.", low=0, high=600_000
    )
    latency_ms_max: int = key(
        10, "p99 of tick-to-trade of a lane that owns its core, milliseconds.", low=0, high=60_000
    )
    latency_blocking_ms_max: int = key(
        1_000, "The same of a lane that shares its core.", low=0, high=60_000
    )
    latency_window_s: int = key(10, "Over which p99 is taken, seconds.", low=1, high=600)
    latency_count_min: int = key(100, "Fewer orders say nothing.", low=1, high=1_000_000)
    balance_drop_bps_max: int = key(
        500, "Fall of the account's equity within the window, basis points.", low=0, high=10_000
    )
    balance_window_s: int = key(60, "Window of that fall, seconds.", low=1, high=86_400)
    balance_every_s: int = key(10, "Between two questions for it, seconds.", low=0, high=3_600)
    clock_ms_max: int = key(
        100,
        "This host's clock against the venue's and against UTC, milliseconds.",
        low=0,
        high=60_000,
    )
    clock_every_s: int = key(5, "Between two questions for the venue's time.", low=1, high=60)
    feed_silence_ms_max: int = key(
        30_000, "A book out of sequence, or silent, milliseconds.", low=0, high=3_600_000
    )
    supervisor_silence_ms_max: int = key(
        15_000, "The supervisor lives and does not move, milliseconds.", low=0, high=600_000
    )
    budget_percent: int = key(
        10, "Its share of the rate budget, taken from the lanes'.", low=1, high=50
    )
    connections: int = key(4, "Sockets that it keeps open to the venue.", low=1, high=16)


@dataclass
class Journal:
    directory: str = key(
        "", "Archive the lanes' journals there (a RUN for replay and ledger); empty = no archive."
    )
    block_kib: int = key(64, "A block is cut at this size, KiB.", low=4, high=1024)
    block_ms: int = key(
        5, "Records of class local-disk are on disk after this time at most, ms.", low=1, high=1000
    )
    lazy_ms: int = key(50, "All other records, ms.", low=1, high=10_000)
    reserve_mib: int = key(
        64, "Less room than this on the archive's disk stops quoting, MiB.", low=1, high=2**20
    )
    compress: bool = key(True, "Pack closed segments with zstd.")
    keep_days: int = key(
        0, "Closed segments go after this many days; 0 = never.", low=0, high=10_000
    )
    keep_gib: int = key(
        0, "The oldest closed segments go when there is more, GiB; 0 = never.", low=0, high=2**20
    )
    checkpoint_s: int = key(
        60, "A checkpoint of the archive is taken so often, s; 0 = none.", low=0, high=86_400
    )
    checkpoints: int = key(5, "So many of them are kept.", low=2, high=1000)
    segment_mib: int = key(16, "Size of a segment of the ring, MiB.", low=1, high=1024)
    segments: int = key(4, "Segments of the ring.", low=3, high=64)


@dataclass
class Durability:
    order: str = durability_key("order")
    fill: str = durability_key("fill")
    command: str = durability_key("command")
    feed: str = durability_key("feed")


@dataclass
class Metrics:
    port: int = key(9464, "Prometheus endpoint on 127.0.0.1; 0 = any free port.", low=0, high=65535)


@dataclass
class Clock:
    policy: str = key(
        "warn",
        "What an unsure clock does to new risk: nothing, a counted warning, or a block.",
        choices=("off", "warn", "block"),
    )
    distance_ms_max: int = key(
        50, "Largest distance of this host's clock from UTC, milliseconds.", low=1, high=60_000
    )
    grandmasters: list[str] = key(
        [], "PTP clocks that may be followed, as 72b0ee.fffe.39f826; empty = any that stays."
    )
    utc_sources: list[str] = key([], "NTP sources whose chain to UTC is documented.")
    ptp_socket: str = key("", "ptp4l's management socket; empty = the usual places.")
    chrony_socket: str = key("", "chronyd's command socket; empty = its own.")


@dataclass
class Restart:
    """Most restarts of one process by cause, each within its window (supervise/causes.py)."""

    clean: int = key(10, "It left unasked, with code 0 (in 60 s).", low=0, high=1000)
    error: int = key(3, "It left with another code (in 60 s).", low=0, high=1000)
    crash: int = key(1, "A signal of its own making (in 600 s).", low=0, high=1000)
    killed: int = key(30, "Killed from outside (in 60 s).", low=0, high=1000)
    stalled: int = key(3, "Its heartbeat stopped (in 60 s).", low=0, high=1000)
    memory: int = key(2, "The kernel's memory killer (in 600 s).", low=0, high=1000)


@dataclass
class Log:
    level: str = key(
        "info",
        "Least important lines that are kept.",
        choices=("debug", "info", "warning", "error"),
        reloads=True,
    )
    directory: str = key("", "JSON lines go there, one file a day; empty = state_dir/log.")
    days: int = key(7, "Days that are kept.", low=1, high=365, reloads=True)
    mib_max: int = key(
        64,
        "Largest file of a day, MiB; what is more is counted and dropped.",
        low=1,
        high=10_240,
        reloads=True,
    )


@dataclass
class Config:
    deployment: str = key("default", "Names pages, state and sockets: letters, digits, _ and -.")
    on_restart: str = key(
        "cancel",
        "What a lane that comes back does with working orders; adopted ones keep their time.",
        choices=("cancel", "adopt"),
    )
    venue: Venue = table(Venue, "Where it trades, and what.")
    strategies: list[StrategyEntry] = field(
        default_factory=lambda: [StrategyEntry()],
        metadata={"doc": "Strategies of the lane, one [[strategies]] each."},
    )
    topology: Topology = table(Topology, "Processes and cores.")
    limits: AllLimits = table(
        AllLimits, "What the gate holds each order against; 0 permits nothing."
    )
    account_limits: Scope = table(Scope, "Limits of the account; -1 = none, 0 permits nothing.")
    venue_limits: Scope = table(Scope, "The same of all that is done at the venue.")
    strategy_limits: Scope = table(Scope, "The same of each strategy.")
    instrument_limits: Scope = table(Scope, "The same of each instrument.")
    gate: Gate = table(Gate, "What the gate's checks do: block, warn or throttle.")
    rate: Rate = table(Rate, "Token bucket of requests to the venue.")
    quota: Quota = table(Quota, "How much of what the venue allows is used for what.")
    authority: Authority = table(Authority, "Who lends the limits to the lanes, and for how long.")
    ttl: TimeToLive = table(
        TimeToLive,
        "Orders of a layer (`buy(layer=...)`): how long they may rest, found anew every 100 ms"
        " (docs/time-to-live.md).",
    )
    funds: Funds = table(Funds, "What orders and positions hold of the account's money.")
    account: Account = table(Account, "The account, and whose orders are meant.")
    flatten: Flatten = table(Flatten, "How positions are closed by `corelane flatten`.")
    sentinel: Sentinel = table(Sentinel, "The process that trusts nobody here.")
    lease: Lease = table(Lease, "The leader lease.")
    journal: Journal = table(Journal, "The lanes' journals, in memory and on disk.")
    durability: Durability = table(
        Durability,
        "What must be where before it counts: local-mem survives the death of any process,"
        " local-disk a cut of power (it needs journal.directory).",
    )
    metrics: Metrics = table(Metrics, "What Prometheus scrapes.")
    clock: Clock = table(Clock, "How well the time must be known.")
    restart: Restart = table(Restart, "Most restarts of one process by cause; then a person looks.")
    log: Log = table(Log, "Lines of the cold processes and of the lanes.")

    def limits_of(self, symbol: str) -> Limits:
        return self.limits.instruments.get(symbol, self.limits)


def is_table(kind: Any) -> bool:
    return isinstance(kind, type) and dataclasses.is_dataclass(kind)


def reloadable(kind: Any = Config, prefix: str = "") -> Iterator[str]:
    """Name every key that may change while the deployment runs."""
    for one in dataclasses.fields(kind):
        if is_table(table_type(one)):
            yield from reloadable(table_type(one), f"{prefix}{one.name}.")
        elif one.metadata.get("reloads"):
            yield prefix + one.name


def table_type(one: dataclasses.Field[Any]) -> Any:
    """Return the dataclass of a field that is a table, None otherwise."""
    return TABLES.get(str(one.type))


TABLES: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        *(Venue, Topology, AllLimits, Scope, Gate, Rate, Quota, Funds, TimeToLive),
        *(Authority, Account, Flatten, Sentinel, Lease),
        *(Journal, Durability, Metrics, Clock, Restart, Log),
    )
}


def bounds(about: dict[str, Any]) -> str:
    """Say what a key may be, and whether it may change while running."""
    out = []
    if about.get("choices"):
        out.append(" | ".join(about["choices"]))
    elif about.get("low") is not None:
        out.append(f"{about['low']}..{about['high']}")
    return ", ".join([*out, "reloads"] if about.get("reloads") else out)


def comment(text: str) -> list[str]:
    return textwrap.wrap(text, 98, initial_indent="# ", subsequent_indent="# ")


def keys_text(value: Any) -> list[str]:
    """Return the lines of a table's own keys."""
    out: list[str] = []
    for one in dataclasses.fields(value):
        about = dict(one.metadata)
        found = getattr(value, one.name)
        if is_table(table_type(one)) or one.name == "strategies":
            continue
        if isinstance(found, dict):
            out += ["", *comment(about["doc"] + ("  (reloads)" if about.get("reloads") else ""))]
            example = about.get("example", "[strategies.parameters]\ndepth = 5")
            out += [f"# {line}" for line in example.splitlines()]
            continue
        may = bounds(about)
        out += comment(about["doc"] + (f"  ({may})" if may else ""))
        out.append(f"{one.name} = {json.dumps(found)}")
    return out


def example() -> str:
    """Return the whole configuration with its defaults, commented: the manual."""
    config = Config()
    out = [
        "# Corelane's configuration: every key with its default.  `corelane run -c FILE`.",
        "# A key that is left out has the default that stands here.  Problems are reported all at",
        "# once, with file and line.  Options of the command line win over the file.",
        "# Keys marked `reloads` may change while it runs: `corelane reload`, or SIGHUP.",
        "# Secrets never stand here: they come from the environment or systemd credentials.",
        "",
        *keys_text(config),
    ]
    for one in dataclasses.fields(config):
        value = getattr(config, one.name)
        if isinstance(value, list):
            out += ["", *comment(one.metadata["doc"]), f"[[{one.name}]]", *keys_text(value[0])]
        elif is_table(table_type(one)):
            out += ["", *comment(one.metadata["doc"]), f"[{one.name}]", *keys_text(value)]
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    print(example(), end="")
