"""What a deployment looked like at one moment: plain values, copied from its pages.

Owns:    the one set of figures that the scrape, the screen and `corelane status` all show.
Refuses: pages (observer.py reads them), wording, judging (health.py).

A figure is kept as the page holds it (ticks, lots, nanoseconds, 1e-8); what people see is derived
here once, so that no two places can round differently.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from runtime.feeds.sources import Quality


@dataclass(slots=True)
class Feed:
    """What serves one instrument, and how well."""

    counters: dict[str, int]
    blind_ns: int  # book subscribed and not in sequence, until now
    wanted: dict[str, int]  # snapshots asked for, by cause
    troubles: dict[str, int]
    stream_states: dict[str, int]  # of streams that are expected or were seen
    stream_ages_ns: dict[str, int]  # of streams that brought something
    lag_ns: int
    source: int  # enum hp_source
    caution: int  # enum hp_caution, OR of bits
    sources: list[Quality]  # that there are for its top, the best first


@dataclass(slots=True)
class Instrument:
    lane: str
    id: int
    symbol: str
    state: int  # enum hp_book_state
    price_decimals: int
    size_decimals: int
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int
    age_ns: int | None  # of the read that brought the top; None before the first
    lots: int
    venue_lots: int
    bought_lots: int
    sold_lots: int
    realised_e8: int
    fees_e8: int
    venue_realised_e8: int
    open_e8: int  # the open position at the mid, less its cost
    feed: Feed

    @property
    def pnl_e8(self) -> int:
        return self.realised_e8 - self.fees_e8 + self.open_e8

    def price(self, ticks: int) -> float:
        return float(ticks / 10**self.price_decimals)

    def size(self, lots: int) -> float:
        return float(lots / 10**self.size_decimals)


@dataclass(slots=True)
class Funds:
    """Money of one asset, 1e-8; free + reserved + used = total."""

    lane: str
    asset: str
    free_e8: int
    reserved_e8: dict[str, int]  # by margin
    used_e8: dict[str, int]
    total_e8: int
    is_said: bool  # the venue has told the wallet
    refused: int


@dataclass(slots=True)
class Histogram:
    """A page's histogram, cut to the bounds that are exported.  Nanoseconds."""

    cumulative: list[int]  # samples up to each of observer.BOUNDS_NS, then all
    sum_ns: int
    max_ns: int
    percentiles_ns: dict[str, int]  # by observer.PERCENTILES

    @property
    def count(self) -> int:
        return self.cumulative[-1]


@dataclass(slots=True)
class Journal:
    lane: str
    capacity_bytes: int
    published_bytes: int
    records: int
    overwritten_segments: int
    lag_bytes: int | None  # behind an archiver; None without one
    archive_state: int  # enum hp_archive_state
    checkpoint_age_ns: int | None  # of the newest one's state; None without one
    checkpoint_bytes: int
    checkpoint_ns: int
    checkpoints: int
    checkpoint_failures: int


@dataclass(slots=True)
class Mail:
    lane: str
    way: str  # in: to the lane; out: from it; log: its lines
    capacity_bytes: int
    used_bytes: int
    written_bytes: int
    refused: int


@dataclass(slots=True)
class Usage:
    """What one account, venue, strategy or instrument uses of its limits; base units."""

    dimension: str
    name: str  # its number; an instrument's symbol
    used: dict[str, float]
    bounds: dict[str, float]  # only of what is limited


@dataclass(slots=True)
class LimitRow:
    """One limit of the whole deployment; base units."""

    name: str  # account:0
    used: dict[str, float]  # as the lanes show it
    worst: dict[str, float]  # what they may come to hold under their leases
    bounds: dict[str, float]  # only of what is limited
    day_pnl: float
    is_frozen: bool
    lane_count: int


@dataclass(slots=True)
class Authority:
    """Who lends the limits."""

    pid: int
    is_alive: bool
    heartbeat_age_ns: int | None
    term: int
    lease_ns: int
    renewals: int
    late: int
    moves: int
    freezes: int
    rows: list[LimitRow]


@dataclass(slots=True)
class Lease:
    """Under which a lane spends its limits."""

    fence: int  # 0: none was ever taken
    left_ns: int | None  # below 0: it has ended


@dataclass(slots=True)
class QuotaWindow:
    """One window of the venue's quota."""

    kind: str  # weight | orders
    length_s: int
    mode: int  # enum hp_quota_mode
    limit: int
    most: int  # of it, for the lane
    used: int
    told_age_ns: int | None
    told_count: int


@dataclass(slots=True)
class Quota:
    """What a lane knows of its venue's quota."""

    mode: int  # enum hp_quota_mode
    stopped_ns: int  # the venue refuses for so long still
    refusals: dict[str, int]  # by status
    held: dict[str, int]  # by enum hp_quota_rank
    changes: int
    foreign: int
    windows: list[QuotaWindow]


@dataclass(slots=True)
class Flattened:
    """What a flatten did with one position."""

    symbol: str
    position_side: str
    state: int  # enum hp_flatten_state
    start_lots: int
    left_lots: int
    size_decimals: int
    orders: int
    tries: int
    verdict: str  # the gate's last word; empty: it had none to say
    error: str  # the venue's last refusal; empty: none


@dataclass(slots=True)
class Sentinel:
    """What the sentinel's page says."""

    pid: int
    is_alive: bool
    heartbeat_age_ns: int | None
    state: int  # enum hp_sentinel_state
    trigger: str  # of the last trip
    reason: str
    evidence: str
    trip_age_ns: int | None  # None: it has not tripped
    took_ns: int | None  # last trip: trigger to the venue's empty list; None: not yet
    cancelled: int
    left: int
    trips: dict[str, int]
    drill_age_ns: int | None
    drill_took_ns: int | None
    requests: int
    request_failures: int
    weight_spent: int
    overdrafts: int
    connections: int
    scope: str
    lane_silence_ns: int
    feed_silence_ns: int
    latency_ns: int
    clock_ns: int
    clock_unsure_ns: int
    equity_e8: int
    equity_max_e8: int
    venue_age_ns: int | None  # of its last answer
    confirm: Histogram


@dataclass(slots=True)
class Lane:
    name: str
    number: str
    role: str
    pid: int
    is_alive: bool
    core: int
    epoch: int
    state: int  # enum hp_lane_state
    restarts: int
    is_spinning: bool
    locked: int
    words: int  # as obeyed
    heartbeat_age_ns: int
    uptime_ns: int
    rss_bytes: int
    counters: dict[str, int]
    decoded: dict[str, int]
    events: dict[str, int]
    order_states: dict[str, int]
    verdicts: dict[str, int]
    warnings: dict[str, int]
    hops: dict[str, Histogram]
    hiccups: Histogram
    instruments: list[Instrument]
    lines: list[dict[str, int]] = field(default_factory=list)  # equal market feeds; one: empty
    funds: list[Funds] = field(default_factory=list)
    turns_at_words: int = 0  # the lane's turns when its words last changed
    lease: Lease | None = None  # None: nobody lends it limits
    looked_turn: int = 0  # the turn whose look `words` shows, or an older one
    flow: dict[str, int] = field(default_factory=dict)  # hp_lane_flow_t, its plain counters
    cancels: dict[str, int] = field(default_factory=dict)  # by enum hp_cancel_cause
    flatten: int = 0  # enum hp_flatten_state of the last flatten as a whole
    flattens: list[Flattened] = field(default_factory=list)
    usages: list[Usage] = field(default_factory=list)
    quota: Quota | None = None  # None: no window is known


@dataclass(slots=True)
class Process:
    name: str
    role: str
    state: int  # enum hp_process_state
    pid: int
    core: int
    epoch: int
    is_spinning: bool
    starts: int
    exits: dict[str, int]  # by enum hp_exit_cause
    last_cause: str
    last_code: int
    heartbeat_age_ns: int | None
    uptime_ns: int | None
    rss_bytes: int
    cpu_ns: int

    @property
    def restarts(self) -> int:
        return max(0, self.starts - 1)


@dataclass(slots=True)
class Host:
    """What the supervisor's page says of the machine."""

    topology: str
    uptime_ns: int
    memory_bytes: int
    memory_available_bytes: int
    shm_free_bytes: int
    disk_free_bytes: int
    load_permille: int


@dataclass(slots=True)
class Clock:
    offset_ns: int
    uncertainty_ns: int
    divergence_ns: int | None  # None: nobody vouches for the clock
    source: int  # enum hp_clock_source
    is_traceable: bool
    age_ns: int | None
    records: int
    reason: str


@dataclass(slots=True)
class Baseline:
    """How the settings of the host were found; see `corelane baseline-check`."""

    fingerprint: str
    profile: str
    fitness: float  # 0..100, of what was seen
    coverage: float  # 0..100, share of the catalogue that was seen
    states: dict[str, int]  # knobs by state
    critical: int
    drifts: int  # since the start
    age_ns: int | None  # None: not yet looked at


@dataclass(slots=True)
class Control:
    writer: str
    word: int
    generation: int
    since_ns: int
    reason: str


@dataclass(slots=True)
class Snapshot:
    deployment: str
    taken_ns: int  # CLOCK_MONOTONIC
    lanes: list[Lane] = field(default_factory=list)
    journals: list[Journal] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    controls: list[Control] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    host: Host | None = None
    clock: Clock | None = None
    baseline: Baseline | None = None
    sentinel: Sentinel | None = None
    authority: Authority | None = None
    degraded: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)  # pages that could not be read, and why
    pages: int = 0
    refusals: int = 0
    torn: int = 0

    @property
    def instruments(self) -> list[Instrument]:
        return [one for lane in self.lanes for one in lane.instruments]

    @property
    def topology(self) -> str:
        return self.host.topology if self.host else ""

    def total(self, counter: str) -> int:
        """Add up one counter over all lanes."""
        return sum(lane.counters[counter] for lane in self.lanes)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
