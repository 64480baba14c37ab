"""Every metric that is exported: name, meaning, labels, bound, and where its figures come from.

Owns:    names by Prometheus' rules (corelane_<area>_<noun>_<unit>, base units, counters _total) and
         the bound of each family; docs/metrics.md is this table.
Refuses: labels without a bound (reasons, order ids, addresses), figures that no snapshot has.

`python -m runtime.show.metrics > docs/metrics.md` writes the document; a test holds both together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from runtime._shm import lib
from runtime.pages import names
from runtime.show import feed_metrics, health, limit_metrics, quota_metrics, sentinel_metrics
from runtime.show.family import (
    Family,
    Labels,
    Value,
    clock,
    count,
    flow,
    host,
    instrument,
    lane,
    now,
    numbered,
    process,
    seconds,
    single,
    table,
    top,
)
from runtime.show.observer import BOUNDS_NS, USED
from runtime.show.snapshot import Baseline, Snapshot, Usage

LANES_MAX = 1 << lib.HP_CLIENT_LANE_BITS
INSTRUMENTS_MAX = lib.HP_LANE_INSTRUMENTS_MAX - 1
BUCKETS = len(BOUNDS_NS) + 3  # of a histogram: bounds, +Inf, sum, count


def looked_at(found: Snapshot) -> Baseline | None:
    """Return the host's baseline; None until it was looked at."""
    one = found.baseline
    return None if one is None or one.age_ns is None else one


def baseline(kind: str, name: str, text: str, read: Callable[[Baseline], float]) -> Family:
    """A figure of the host's settings; absent until they were looked at."""

    def figure(found: Snapshot) -> float | None:
        one = looked_at(found)
        return None if one is None else read(one)

    return single(kind, name, text, figure)


def baseline_knobs(found: Snapshot) -> Iterator[tuple[Labels, Value]]:
    one = looked_at(found)
    return (((name,), count) for name, count in (one.states if one else {}).items())


def limits(
    found: Snapshot, read: Callable[[Usage], dict[str, float]]
) -> Iterator[tuple[Labels, Value]]:
    """Yield a figure of each limit of each scope."""
    for one in found.lanes:
        for usage in one.usages:
            for limit, value in read(usage).items():
                yield (one.number, usage.dimension, usage.name, limit), value


FEEDS = [
    count("feed_messages", "messages", "Market frames received."),
    count("feed_bytes", "bytes", "Payload bytes of market frames."),
    count("feed_reads", "reads", "Reads from sockets that brought bytes."),
    count("feed_frames_parked", "frames_parked", "Frames that waited for a later turn."),
    count(
        "feed_fallbacks", "fallbacks", "Frames that the shape scanner left to the general reader."
    ),
    count("feed_reconnects", "reconnects", "Sockets that closed and were opened again."),
    table(
        "counter",
        "feed_decoded",
        "Market frames by the codec's answer.",
        "outcome",
        len(names.DECODED),
        lambda one: one.decoded,
    ),
    table(
        "counter",
        "feed_events",
        "Decoded events by kind.",
        "kind",
        len(names.EVENTS),
        lambda one: one.events,
    ),
    count("feed_line_holes", "line_holes", "Events that no line brought in time."),
    count("feed_line_conflicts", "line_conflicts", "Copies of one event that differ."),
    *feed_metrics.FAMILIES,
]
BOOKS = [
    count("book_gaps", "gaps", "Sequence gaps found in depth streams."),
    count("book_resyncs", "resyncs", "Snapshots taken."),
    count("book_stale", "stale", "Times a book passed its staleness bound."),
    count("book_crossed", "crossed", "Times a book showed bid at or above ask."),
    count("book_dropped_updates", "dropped", "Updates older than the snapshot they met."),
    count("book_blind_seconds", "blind_ns", "Time with a subscribed book not synced.", 1e9),
    instrument(
        "gauge",
        "book_state",
        f"State of the book: {numbered(names.BOOK_STATES)}.",
        lambda one: one.state,
    ),
    instrument(
        "gauge",
        "book_age_seconds",
        "Time since the read that brought the top.",
        lambda one: seconds(one.age_ns),
    ),
    instrument(
        "gauge",
        "book_bid_price",
        "Best bid, quote units; absent without one.",
        top(lambda one: one.price(one.bid_ticks), "bid_lots"),
    ),
    instrument(
        "gauge",
        "book_ask_price",
        "Best ask, quote units; absent without one.",
        top(lambda one: one.price(one.ask_ticks), "ask_lots"),
    ),
    instrument(
        "gauge",
        "book_bid_size",
        "Size at the best bid, base units.",
        lambda one: one.size(one.bid_lots),
    ),
    instrument(
        "gauge",
        "book_ask_size",
        "Size at the best ask, base units.",
        lambda one: one.size(one.ask_lots),
    ),
]
GATE = [
    table(
        "counter",
        "gate_verdicts",
        "Verdicts given by the gate.",
        "verdict",
        len(names.VERDICTS),
        lambda one: one.verdicts,
    ),
    table(
        "counter",
        "gate_warnings",
        "Intents that passed although a check with policy WARN found something.",
        "verdict",
        len(names.VERDICTS),
        lambda one: one.warnings,
    ),
    Family(
        "gate_limit_used",
        "gauge",
        "What is used of a limit, with all that works; quote units, counts and ratios.",
        ("lane", "dimension", "id", "limit"),
        f"lanes x {lib.HP_USAGES_MAX} x {len(USED)}",
        lambda found: limits(found, lambda one: one.used),
    ),
    Family(
        "gate_limit_bound",
        "gauge",
        "The limit; absent where there is none.  used / bound is how near it is.",
        ("lane", "dimension", "id", "limit"),
        f"lanes x {lib.HP_USAGES_MAX} x {len(USED)}",
        lambda found: limits(found, lambda one: one.bounds),
    ),
]
ORDERS = [
    count("intents", "intents", "Intents that strategies emitted."),
    count("intents_refused", "intents_refused", "Intents emitted while the queue was full."),
    count("orders_sent", "orders_sent", "Orders that left the write system call."),
    count("orders_acked", "acks", "Orders acknowledged by the venue."),
    count("orders_rejected", "rejects", "Orders rejected by the venue."),
    count("orders_canceled", "canceled", "Orders canceled by the venue's word."),
    count("orders_expired", "expired", "Orders expired by the venue's word."),
    count("orders_unknown", "unknown", "Orders that became UNKNOWN."),
    count("cancels_sent", "cancels_sent", "Cancels that left the write system call."),
    count("cancels_retried", "cancel_retries", "Cancels sent again because no answer came."),
    table(
        "counter",
        "cancel_causes",
        "Orders marked to go, once each, by the first cause.",
        "cause",
        len(names.CANCEL_CAUSES) - 1,
        lambda one: one.cancels,
    ),
    flow(
        "cancels_merged",
        "cancels_merged",
        "Cancels asked for while one of that order was in flight: not sent again.",
    ),
    flow("order_ttl_changes", "ttl_changes", "Times to live that another look changed."),
    flow("orders_retried", "retries", "Orders placed again, each for one that never arrived."),
    flow(
        "order_retries_dropped",
        "retries_dropped",
        "Orders that never arrived and were not placed again: too late, or too many.",
    ),
    flow("order_bursts", "bursts", "Writes that carried several requests."),
    flow("order_burst_requests", "burst_requests", "Requests that those writes carried."),
    count("replaces_sent", "replaces_sent", "Replaces that left the write system call."),
    count("orders_replaced", "replaced", "Orders that took another price or size."),
    count(
        "replaces_refused",
        "replaces_refused",
        "Replaces that did not take place, by the venue's word.",
    ),
    count("order_inquiries", "inquiries", "Questions to the venue about one order."),
    count("order_send_failures", "send_failures", "Requests that could not be sent."),
    count("order_reports", "reports", "Reports of the venue."),
    count("order_reports_refused", "reports_refused", "Reports that no order could take."),
    count("order_reports_bad", "reports_bad", "Reports that could not be decoded."),
    count("order_reports_foreign", "foreign_reports", "Reports about orders of others."),
    now("open_orders", "open_orders", "Orders that work or may work at the venue."),
    now("unknown_orders", "unknown_now", "Orders whose outcome is not known."),
    table(
        "gauge",
        "orders_current",
        "Orders that stand in each state now.",
        "state",
        len(names.ORDER_STATES) - 1,
        lambda one: one.order_states,
    ),
]
POSITIONS = [
    table(
        "counter",
        "fills",
        "Fills booked.",
        "side",
        2,
        lambda one: {"buy": one.counters["fills_buy"], "sell": one.counters["fills_sell"]},
    ),
    count("fills_duplicate", "fills_duplicate", "Fills seen again and not booked."),
    count(
        "position_corrections",
        "position_corrections",
        "Times the venue's position differed from ours with nothing in flight.",
    ),
    instrument("gauge", "position_lots", "Net position, lots.", lambda one: one.lots),
    instrument(
        "gauge", "position_size", "Net position, base units.", lambda one: one.size(one.lots)
    ),
    instrument(
        "gauge",
        "position_venue_lots",
        "Net position by the venue's own word, lots.",
        lambda one: one.venue_lots,
    ),
    instrument(
        "gauge",
        "position_realised_quote",
        "Realised profit before fees, quote units.",
        lambda one: one.realised_e8 / 1e8,
    ),
    instrument(
        "gauge", "position_fees_quote", "Fees paid, quote units.", lambda one: one.fees_e8 / 1e8
    ),
    instrument(
        "gauge",
        "position_profit_quote",
        "Realised profit less fees plus the open position at the mid, quote units.",
        lambda one: one.pnl_e8 / 1e8,
    ),
]


def funds_parts(found: Snapshot) -> Iterator[tuple[Labels, Value]]:
    for one in found.lanes:
        for money in one.funds:
            yield (one.number, money.asset, "free"), money.free_e8 / 1e8
            yield (one.number, money.asset, "total"), money.total_e8 / 1e8
            for part, held in (("reserved", money.reserved_e8), ("used", money.used_e8)):
                yield (one.number, money.asset, part), sum(held.values()) / 1e8


def funds_held(found: Snapshot) -> Iterator[tuple[Labels, Value]]:
    for one in found.lanes:
        for money in one.funds:
            for margin, reserved in money.reserved_e8.items():
                held = reserved + money.used_e8[margin]
                yield (one.number, money.asset, margin), held / 1e8


FUNDS = [
    Family(
        "funds",
        "gauge",
        "Money of an asset by part, units of the asset; free + reserved + used = total.",
        ("lane", "asset", "part"),
        f"lanes x {lib.HP_ASSETS_MAX} x 4",
        funds_parts,
    ),
    Family(
        "funds_held",
        "gauge",
        "Reserved and used money of an asset by what secures it, units of the asset.",
        ("lane", "asset", "margin"),
        f"lanes x {lib.HP_ASSETS_MAX} x {len(names.MARGINS)}",
        funds_held,
    ),
    Family(
        "funds_refused",
        "counter",
        "Intents refused because too little of an asset was free.",
        ("lane", "asset"),
        f"lanes x {lib.HP_ASSETS_MAX}",
        lambda found: (
            ((one.number, money.asset), money.refused) for one in found.lanes for money in one.funds
        ),
    ),
]


def hop_histograms(found: Snapshot) -> Iterator[tuple[Labels, Value]]:
    return (((one.number, hop), h) for one in found.lanes for hop, h in one.hops.items())


def hop_percentiles(found: Snapshot) -> Iterator[tuple[Labels, Value]]:
    for one in found.lanes:
        for hop, histogram in one.hops.items():
            for name, ns in histogram.percentiles_ns.items():
                yield (one.number, hop, name), ns / 1e9


LATENCY = [
    Family(
        "latency_seconds",
        "histogram",
        "Time per hop of an order.",
        ("lane", "hop"),
        f"lanes x {len(names.HOPS)} x {BUCKETS}",
        hop_histograms,
    ),
    Family(
        "latency_percentile_seconds",
        "gauge",
        "Percentiles per hop since the lane started, from the full histogram (error 3.2 %).",
        ("lane", "hop", "percentile"),
        f"lanes x {len(names.HOPS)} x 3",
        hop_percentiles,
    ),
    Family(
        "latency_max_seconds",
        "gauge",
        "Longest time per hop since the lane started.",
        ("lane", "hop"),
        f"lanes x {len(names.HOPS)}",
        lambda found: (
            ((one.number, hop), h.max_ns / 1e9)
            for one in found.lanes
            for hop, h in one.hops.items()
        ),
    ),
    Family(
        "hiccup_seconds",
        "histogram",
        "Time taken from idle turns of a spinning lane's core.",
        ("lane", "core"),
        f"lanes x {BUCKETS}",
        lambda found: (((one.number, str(one.core)), one.hiccups) for one in found.lanes),
    ),
]
LANES = [
    lane(
        "gauge",
        "lane_state",
        f"State of the lane: {numbered(names.LANE_STATES)}.",
        lambda o: o.state,
    ),
    lane("gauge", "lane_up", "1 when the lane's process is there.", lambda o: o.is_alive),
    lane("gauge", "lane_core", "Core the lane is pinned to; -1 = not pinned.", lambda o: o.core),
    lane("gauge", "lane_epoch", "Epoch of this start of the lane.", lambda o: o.epoch),
    lane(
        "gauge",
        "lane_is_spinning",
        "1 when the lane owns its core and spins on purpose.",
        lambda o: o.is_spinning,
    ),
    lane(
        "gauge",
        "lane_memory_lock",
        "Locked memory: 1 all, 2 named regions, 0 none.",
        lambda o: o.locked,
    ),
    lane(
        "gauge",
        "lane_heartbeat_age_seconds",
        "Time since the lane's last turn that beat.",
        lambda o: o.heartbeat_age_ns / 1e9,
    ),
    lane(
        "gauge", "lane_uptime_seconds", "Time since the lane started.", lambda o: o.uptime_ns / 1e9
    ),
    lane(
        "gauge", "lane_resident_memory_bytes", "Resident memory of the lane.", lambda o: o.rss_bytes
    ),
    lane("counter", "lane_restarts", "Starts of the lane after the first.", lambda o: o.restarts),
    table(
        "gauge",
        "lane_words",
        "1 for each control word that the lane obeys now.",
        "word",
        len(names.WORDS),
        lambda one: {name: int(bool(one.words & bit)) for bit, name in names.WORDS.items()},
    ),
    count("lane_turns", "turns", "Turns of the lane's loop."),
    now(
        "lane_frames_before_ack",
        "frames_before_ack_max",
        "Most market frames handled while an acknowledgement waited.",
    ),
    count("strategy_callbacks", "callbacks", "Calls of strategies."),
    count("strategy_callback_seconds", "callback_ns", "Time inside strategies.", 1e9),
    count("strategy_slow_callbacks", "callback_slow", "Calls of strategies over 50 us."),
    count("strategy_errors", "callback_errors", "Strategy callbacks that raised."),
    now("strategy_halted", "strategy_halted", "Strategies halted by an error."),
]
JOURNAL = [
    count("journal_records", "journal_records", "Records appended to the journal ring."),
    count("journal_bytes", "journal_bytes", "Bytes appended to the journal ring."),
    Family(
        "journal_overwritten_segments",
        "counter",
        "Segments recycled without an archiver's copy.",
        ("lane",),
        "lanes",
        lambda found: (((j.lane,), j.overwritten_segments) for j in found.journals),
    ),
    Family(
        "journal_capacity_bytes",
        "gauge",
        "Size of the journal ring.",
        ("lane",),
        "lanes",
        lambda found: (((j.lane,), j.capacity_bytes) for j in found.journals),
    ),
    Family(
        "journal_lag_bytes",
        "gauge",
        "Bytes that the archiver has not copied; absent without an archiver.",
        ("lane",),
        "lanes",
        lambda found: (((j.lane,), j.lag_bytes) for j in found.journals if j.lag_bytes is not None),
    ),
    Family(
        "archive_state",
        "gauge",
        f"How the archiver stands: {numbered(names.ARCHIVE_STATES)}.",
        ("lane",),
        "lanes",
        lambda found: (((j.lane,), j.archive_state) for j in found.journals),
    ),
    Family(
        "checkpoint_age_seconds",
        "gauge",
        "Since the state that the newest checkpoint holds; absent without one.",
        ("lane",),
        "lanes",
        lambda found: (
            ((j.lane,), j.checkpoint_age_ns / 1e9)
            for j in found.journals
            if j.checkpoint_age_ns is not None
        ),
    ),
    Family(
        "checkpoint_bytes",
        "gauge",
        "Size of the newest checkpoint.",
        ("lane",),
        "lanes",
        lambda found: (((j.lane,), j.checkpoint_bytes) for j in found.journals),
    ),
    Family(
        "checkpoint_seconds",
        "gauge",
        "How long the newest checkpoint took, aside; no lane waits for one.",
        ("lane",),
        "lanes",
        lambda found: (((j.lane,), j.checkpoint_ns / 1e9) for j in found.journals),
    ),
    Family(
        "checkpoints",
        "counter",
        "Checkpoints taken by the present archiver.",
        ("lane",),
        "lanes",
        lambda found: (((j.lane,), j.checkpoints) for j in found.journals),
    ),
    Family(
        "checkpoint_failures",
        "counter",
        "Checkpoints that could not be taken; the one before stays.",
        ("lane",),
        "lanes",
        lambda found: (((j.lane,), j.checkpoint_failures) for j in found.journals),
    ),
    count(
        "journal_refused_frames",
        "frames_unjournaled",
        "Market data dropped unseen: the ring was full of what is not archived.",
    ),
    count("orders_parked", "orders_parked", "Orders and changes that waited for the disk."),
    count(
        "orders_unparked",
        "orders_unparked",
        "Of those, not sent: the wait was too long, or the permit had gone.",
    ),
]
PAIR = [
    count("pair_taken", "pair_in", "Records taken from the other lane of a pair."),
    count("pair_said", "pair_out", "Records handed to the other lane of a pair."),
    count("pair_refused", "pair_refused", "Records that the other lane's ring had no room for."),
    count("pair_mirrors", "pair_mirrors", "Whole mirrors of orders and positions, said or taken."),
    count("pair_silences", "pair_silences", "Times the other lane's beat was overdue."),
]
MAIL = [
    Family(
        "mail_used_bytes",
        "gauge",
        "Bytes that wait in a ring between a lane and the cold side.",
        ("lane", "way"),
        "lanes x 4",
        lambda found: (((m.lane, m.way), m.used_bytes) for m in found.mails),
    ),
    Family(
        "mail_capacity_bytes",
        "gauge",
        "Size of a ring between a lane and the cold side.",
        ("lane", "way"),
        "lanes x 4",
        lambda found: (((m.lane, m.way), m.capacity_bytes) for m in found.mails),
    ),
    Family(
        "mail_written_bytes",
        "counter",
        "Bytes written to a ring between a lane and the cold side.",
        ("lane", "way"),
        "lanes x 4",
        lambda found: (((m.lane, m.way), m.written_bytes) for m in found.mails),
    ),
    Family(
        "mail_refused",
        "counter",
        "Records that did not fit and were dropped.",
        ("lane", "way"),
        "lanes x 4",
        lambda found: (((m.lane, m.way), m.refused) for m in found.mails),
    ),
]
CLOCK = [
    clock(
        "gauge",
        "clock_source",
        f"Who vouches for CLOCK_REALTIME: {numbered(names.CLOCK_SOURCES)}.",
        lambda c: c.source,
    ),
    clock(
        "gauge",
        "clock_offset_seconds",
        "CLOCK_REALTIME less UTC.",
        lambda c: c.offset_ns / 1e9,
    ),
    clock(
        "gauge",
        "clock_uncertainty_seconds",
        "Uncertainty of the offset when it was taken.",
        lambda c: c.uncertainty_ns / 1e9,
    ),
    clock(
        "gauge",
        "clock_divergence_seconds",
        "Greatest possible distance from UTC now; +Inf: nobody vouches for it.",
        lambda c: float("inf") if c.divergence_ns is None else c.divergence_ns / 1e9,
    ),
    clock(
        "gauge",
        "clock_age_seconds",
        "Age of the newest record about the clock.",
        lambda c: seconds(c.age_ns),
    ),
    clock(
        "counter",
        "clock_records",
        "Records about the clock.",
        lambda c: c.records,
    ),
]


def process_exits(found: Snapshot) -> Iterator[tuple[Labels, Value]]:
    for one in found.processes:
        for cause, times in one.exits.items():
            yield (one.name, cause), times


PROCESSES = [
    process(
        "gauge",
        "process_state",
        f"State of a process: {numbered(names.PROCESS_STATES)}.",
        lambda one: one.state,
    ),
    process("counter", "process_restarts", "Starts after the first.", lambda one: one.restarts),
    Family(
        "process_exits",
        "counter",
        "Ends of a process by cause.",
        ("process", "cause"),
        f"processes x {len(names.EXIT_CAUSES) - 1}",
        process_exits,
    ),
    process("gauge", "process_core", "Core; -1 = not pinned.", lambda one: one.core),
    process(
        "gauge", "process_resident_memory_bytes", "Resident memory.", lambda one: one.rss_bytes
    ),
    process("counter", "process_cpu_seconds", "Processor time.", lambda one: one.cpu_ns / 1e9),
    process(
        "gauge",
        "process_heartbeat_age_seconds",
        "Time since the process's last heartbeat; absent when it has none.",
        lambda one: seconds(one.heartbeat_age_ns),
    ),
    process(
        "gauge",
        "process_uptime_seconds",
        "Time since the process started.",
        lambda one: seconds(one.uptime_ns),
    ),
]
HOST = [
    host(
        "host_memory_bytes",
        "Memory of the host.",
        lambda h: h.memory_bytes,
    ),
    host(
        "host_memory_available_bytes",
        "Memory that the kernel can still give.",
        lambda h: h.memory_available_bytes,
    ),
    host(
        "host_shm_free_bytes",
        "Free room in /dev/shm.",
        lambda h: h.shm_free_bytes,
    ),
    host(
        "host_disk_free_bytes",
        "Free room where state and journals are kept.",
        lambda h: h.disk_free_bytes,
    ),
    host(
        "host_load_ratio",
        "Runnable threads for each core, one minute.",
        lambda h: h.load_permille / 1000,
    ),
    baseline(
        "gauge",
        "baseline_fitness_ratio",
        "Fitness of the host's settings.",
        lambda b: b.fitness / 100,
    ),
    baseline(
        "gauge",
        "baseline_coverage_ratio",
        "Share of the catalogue that was seen.",
        lambda b: b.coverage / 100,
    ),
    baseline(
        "gauge",
        "baseline_critical_knobs",
        "Critical settings that are wrong.",
        lambda b: b.critical,
    ),
    baseline(
        "counter", "baseline_drifts", "Drifts of settings seen while running.", lambda b: b.drifts
    ),
    Family(
        "baseline_knobs",
        "gauge",
        "Settings of the host by state.",
        ("state",),
        f"{len(names.KNOB_STATES)}",
        baseline_knobs,
    ),
    Family(
        "control_words",
        "gauge",
        "1 for each control word that its writer has set.",
        ("writer", "word"),
        f"4 x {len(names.WORDS)}",
        lambda found: (
            ((c.writer, name), int(bool(c.word & bit)))
            for c in found.controls
            for bit, name in names.WORDS.items()
        ),
    ),
    Family(
        "deployment_info",
        "gauge",
        "Always 1; the labels say what runs.",
        ("deployment", "topology"),
        "1",
        lambda found: iter([((found.deployment, found.topology), 1)]),
    ),
    single(
        "gauge",
        "deployment_state",
        f"State of the deployment: {numbered(dict(enumerate(health.STATES)))}.",
        lambda f: health.STATES.index(health.state(f)),
    ),
    single("gauge", "health_score", "Health, 0 to 100.", lambda f: health.of(f).score),
    single(
        "gauge", "health_degraded", "Degraded conditions that were said.", lambda f: len(f.degraded)
    ),
    single("gauge", "exporter_pages", "Pages that this scrape read.", lambda f: f.pages),
    single(
        "counter", "exporter_refused_pages", "Pages that could not be read.", lambda f: f.refusals
    ),
    single(
        "counter",
        "exporter_torn_reads",
        "Records whose writer was inside in every try; their previous copy was kept.",
        lambda f: f.torn,
    ),
]

AREAS: dict[str, list[Family]] = {
    "Feeds": FEEDS,
    "Books": BOOKS,
    "Gate": GATE,
    "Leased limits": limit_metrics.FAMILIES,
    "Orders": ORDERS,
    "Fills and positions": POSITIONS,
    "Money": FUNDS,
    "Latency": LATENCY,
    "Lanes and strategies": LANES,
    "Journal": JOURNAL,
    "Pair of lanes": PAIR,
    "Mail": MAIL,
    "Clock": CLOCK,
    "Processes": PROCESSES,
    "Quota": quota_metrics.FAMILIES,
    "Sentinel": sentinel_metrics.FAMILIES,
    "Host, control, health, exporter": HOST,
}
FAMILIES = [family for families in AREAS.values() for family in families]


def markdown() -> str:
    """Return docs/metrics.md."""
    lines = [
        "# Metrics",
        "",
        "One scrape on `http://127.0.0.1:9464/metrics`, made from shared pages: it never touches",
        "a lane.",
        "This file is written by `python -m runtime.show.metrics`; a test compares the two.",
        "",
        "No label comes from outside: lanes, symbols of the deployment, names of our processes and",
        "the names of our own enums. The most there can be:",
        "",
        f"- lanes: {LANES_MAX} (one or two in practice), instruments: {INSTRUMENTS_MAX} a lane,"
        f" processes: {lib.HP_PROCESSES_MAX};",
        f"- a histogram has {BUCKETS} series: {len(BOUNDS_NS)} bounds from 100 ns to 1 s, +Inf, sum"
        " and count.",
        "",
        "Prices are in quote units and sizes in base units of the instrument; `_lots` are the",
        "exact integers. A figure that is not known is absent, never 0. Counters of a lane start",
        "again when it does.",
    ]
    for area, families in AREAS.items():
        lines += ["", f"## {area}", "", "| metric | type | labels | series at most | meaning |"]
        lines.append("|---|---|---|---|---|")
        for one in families:
            labels = ", ".join(f"`{label}`" for label in one.labels) or "none"
            lines.append(f"| `{one.exported}` | {one.kind} | {labels} | {one.bound} | {one.help} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
