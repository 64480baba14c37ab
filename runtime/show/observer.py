"""Take snapshots of a deployment from its pages.

Owns:    copying: seqlocked records whole or not at all, histograms with their counts last.
Refuses: touching a lane, keeping a pointer into a page after take() returned.

A top that is half written in every try keeps its previous copy; its age still grows.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from runtime._shm import ffi, lib
from runtime.feeds.sources import qualities
from runtime.pages import names
from runtime.pages.page import is_alive
from runtime.pages.page_set import PageSet
from runtime.show import snapshot as shot
from runtime.show.limit_look import LimitLook, lease

# Upper bounds of the exported buckets, nanoseconds: three a decade from 100 ns to 1 s.
BOUNDS_NS = [base * 10**power for power in range(2, 9) for base in (1, 2, 5)] + [10**9]
CUTS = [lib.hp_histogram_index(bound) + 1 for bound in BOUNDS_NS]
PERCENTILES = {"50": 500_000, "99": 990_000, "99.9": 999_000}
NO_ARCHIVER = 2**64 - 1
NOBODY = 2**64 - 1
TABLES = ("decode", "events", "order_states", "pad")
COUNTERS = [
    name for name, _ in ffi.typeof("hp_lane_counters_t").fields if name.rstrip("0123456789")
    not in TABLES
]  # fmt: skip
FLOW = [
    name for name, _ in ffi.typeof("hp_lane_flow_t").fields if name not in ("cancels", "pad")
]
LINE_FIGURES = [name for name, _ in ffi.typeof("hp_lane_line_t").fields if name != "pad"]
FEED_COUNTERS = ("resyncs", "too_old", "gaps", "spare_polls", "spare_compared", "spare_equal",
                 "trade_gaps", "trades_missed", "trades_filled")


def text(field: Any) -> str:
    return str(ffi.string(field).decode(errors="replace"))


def histogram(source: Any) -> shot.Histogram:
    """Copy a page's histogram, then cut it: its count is written last, so the copy is whole."""
    copy = ffi.new("hp_histogram_t *")
    ffi.memmove(copy, source, ffi.sizeof("hp_histogram_t"))
    counts = list(copy.buckets)
    sums = list(accumulate(counts))
    return shot.Histogram(
        cumulative=[*(sums[cut - 1] for cut in CUTS), sums[-1]],
        sum_ns=copy.sum,
        max_ns=copy.max,
        percentiles_ns={
            name: lib.hp_histogram_quantile(copy, share) for name, share in PERCENTILES.items()
        },
    )


def age(now: int, then: int) -> int | None:
    return max(0, now - then) if then else None


def funds(lane: str, view: Any) -> Iterator[shot.Funds]:
    """Yield what there is of each asset that the lane knows."""
    for n in range(lib.HP_ASSETS_MAX):
        one = view.funds[n]
        if one.asset:
            yield shot.Funds(
                lane,
                text(one.name),
                one.free_e8,
                {name: one.reserved_e8[k] for k, name in names.MARGINS.items()},
                {name: one.used_e8[k] for k, name in names.MARGINS.items()},
                one.total_e8,
                one.said_ns != 0,
                one.refused,
            )


def quota(view: Any, now: int) -> shot.Quota | None:
    """Return how the venue's windows stand."""
    q = view.quota
    if q.window_count == 0:
        return None
    until = max(int(q.stop_until_ns[kind]) for kind in names.QUOTAS)
    return shot.Quota(
        q.mode,
        max(0, until - now),
        {"429": q.refusals[0], "418": q.refusals[1]},
        {name: q.held[n] for n, name in names.QUOTA_RANKS.items()},
        q.changes,
        q.foreign,
        [
            shot.QuotaWindow(
                names.QUOTAS.get(row.kind, str(row.kind)),
                row.length_s,
                row.mode,
                row.limit,
                row.most,
                row.used,
                age(now, row.told_ns),
                row.told_count,
            )
            for row in q.rows[0 : min(q.window_count, lib.HP_QUOTAS_MAX)]
        ],
    )


class Observer:
    """Snapshots of one deployment.  take() may be called from several threads."""

    def __init__(self, deployment: str) -> None:
        self.pages = PageSet(deployment)
        self.lock = threading.Lock()
        self.clock_copy: Any = ffi.new("hp_clock_page_t *")
        self.host_copy: Any = ffi.new("hp_host_page_t *")
        self.sentinel_copy: Any = ffi.new("hp_sentinel_page_t *")
        self.supervisor_copy: Any = ffi.new("hp_supervisor_page_t *")
        self.limits = LimitLook()

    def take(self, now_ns: int | None = None) -> shot.Snapshot:
        """Read every page once; `now_ns` is the moment that ages are counted from."""
        with self.lock:
            self.pages.refresh()
            now = time.monotonic_ns() if now_ns is None else now_ns
            out = shot.Snapshot(self.pages.deployment, now)
            self.supervisor(out)
            self.clock(out)
            self.baseline(out)
            self.sentinel(out)
            out.authority = self.limits.authority(self.pages, now)
            views = {number: page.view for number, page in self.pages.named("lane")}
            out.lanes = [self.lane(out, number, view, views) for number, view in views.items()]
            out.journals = [self.journal(n, page) for n, page in self.pages.named("journal")]
            out.mails = list(self.mails())
            out.controls = [
                shot.Control(
                    writer,
                    page.view.word,
                    page.view.generation,
                    page.view.since_ns,
                    text(page.view.reason),
                )
                for writer, page in self.pages.named("control")
            ]
            out.pages, out.refused = len(self.pages.held), dict(self.pages.refused)
            out.refusals, out.torn = self.pages.refusals, self.pages.torn
            return out

    def close(self) -> None:
        with self.lock:
            self.pages.close()

    def supervisor(self, out: shot.Snapshot) -> None:
        view = self.pages.view("supervisor")
        if view is None or not self.pages.copy("supervisor", view, self.supervisor_copy):
            return
        copy, now = self.supervisor_copy, out.taken_ns
        out.degraded = [line for line in text(copy.degraded).split("\n") if line]
        out.host = shot.Host(
            text(copy.topology),
            max(0, now - copy.started_ns),
            copy.memory_total_bytes,
            copy.memory_available_bytes,
            copy.shm_free_bytes,
            copy.disk_free_bytes,
            copy.load_permille,
        )
        for n in range(min(copy.process_count, lib.HP_PROCESSES_MAX)):
            p = copy.processes[n]
            out.processes.append(
                shot.Process(
                    name=text(p.name),
                    role=names.PROCESS_ROLES.get(p.role, "none"),
                    state=p.state,
                    pid=p.pid,
                    core=p.core,
                    epoch=p.epoch,
                    is_spinning=bool(p.is_spinning),
                    starts=p.starts,
                    exits={name: p.exits[k] for k, name in names.EXIT_CAUSES.items() if k},
                    last_cause=names.EXIT_CAUSES.get(p.last_cause, "none"),
                    last_code=p.last_code,
                    heartbeat_age_ns=age(now, p.heartbeat_ns),
                    uptime_ns=age(now, p.started_ns) if p.pid else None,
                    rss_bytes=p.rss_bytes,
                    cpu_ns=p.cpu_ns,
                )
            )

    def clock(self, out: shot.Snapshot) -> None:
        view = self.pages.view("clock")
        if view is None or not self.pages.copy("clock", view, self.clock_copy):
            return
        record, now = self.clock_copy.record, out.taken_ns
        divergence = lib.hp_time_divergence(ffi.addressof(self.clock_copy, "record"), now)
        out.clock = shot.Clock(
            record.offset_ns,
            record.uncertainty_ns,
            None if divergence == NOBODY else divergence,
            record.source,
            bool(record.is_traceable),
            age(now, record.taken_ns),
            self.clock_copy.accepted,
            text(self.clock_copy.reason),
        )

    def baseline(self, out: shot.Snapshot) -> None:
        view = self.pages.view("host")
        if view is None or not self.pages.copy("host", view, self.host_copy):
            return
        copy = self.host_copy
        out.baseline = shot.Baseline(
            fingerprint=f"{copy.fingerprint:012x}",
            profile=text(copy.profile),
            fitness=copy.fitness_permille / 10,
            coverage=copy.coverage_permille / 10,
            states={name: copy.states[n] for n, name in names.KNOB_STATES.items()},
            critical=copy.critical,
            drifts=copy.drifts,
            age_ns=age(out.taken_ns, copy.checked_ns),
        )

    def sentinel(self, out: shot.Snapshot) -> None:
        view = self.pages.view("sentinel")
        if view is None or not self.pages.copy("sentinel", view, self.sentinel_copy):
            return
        c, now = self.sentinel_copy, out.taken_ns
        tripped = c.tripped_ns > 0
        out.sentinel = shot.Sentinel(
            pid=c.page.writer_pid,
            is_alive=is_alive(c.page.writer_pid),
            heartbeat_age_ns=age(now, view.page.heartbeat_ns),
            state=c.state,
            trigger=names.TRIGGERS.get(c.trigger, "none"),
            reason=text(c.reason),
            evidence=text(c.evidence),
            trip_age_ns=age(now, c.tripped_ns),
            took_ns=c.confirmed_ns - c.caused_ns if tripped and c.confirmed_ns else None,
            cancelled=c.cancelled,
            left=c.left,
            trips={name: c.trips[n] for n, name in names.TRIGGERS.items() if n},
            drill_age_ns=age(now, c.drill_ns),
            drill_took_ns=c.drill_took_ns if c.drill_ns else None,
            requests=c.requests,
            request_failures=c.request_failures,
            weight_spent=c.weight_spent,
            overdrafts=c.overdrafts,
            connections=c.connections,
            scope={1: "ours", 2: "all"}.get(c.scope, "none"),
            lane_silence_ns=c.lane_silence_ns,
            feed_silence_ns=c.feed_silence_ns,
            latency_ns=c.latency_ns,
            clock_ns=c.clock_ns,
            clock_unsure_ns=c.clock_unsure_ns,
            equity_e8=c.equity_e8,
            equity_max_e8=c.equity_max_e8,
            venue_age_ns=age(now, c.venue_ns),
            confirm=histogram(ffi.addressof(c, "confirm")),
        )

    def lane(
        self, out: shot.Snapshot, number: str, view: Any, views: dict[str, Any]
    ) -> shot.Lane:
        now, c = out.taken_ns, view.counters
        looked_turn = view.looked_turn  # before the words that it vouches for
        pid = view.page.writer_pid
        process = next((p for p in out.processes if p.role == "lane" and p.pid == pid), None)
        if process is None:
            process = next((p for p in out.processes if p.name == f"lane-{number}"), None)
        return shot.Lane(
            name=f"lane-{number}",
            number=number,
            role=names.LANE_ROLES.get(view.role, str(view.role)),
            pid=pid,
            is_alive=is_alive(pid),
            core=view.core,
            epoch=view.page.epoch,
            state=view.state,
            restarts=0 if process is None else process.restarts,
            is_spinning=bool(view.is_spinning),
            locked=view.is_locked,
            words=view.words,
            heartbeat_age_ns=age(now, view.page.heartbeat_ns) or 0,
            uptime_ns=age(now, view.started_ns) or 0,
            rss_bytes=view.rss_bytes or (process.rss_bytes if process else 0),
            counters={name: getattr(c, name) for name in COUNTERS},
            decoded={name: c.decode[n] for n, name in names.DECODED.items()},
            events={name: c.events[n] for n, name in names.EVENTS.items()},
            order_states={name: c.order_states[n] for n, name in names.ORDER_STATES.items() if n},
            verdicts={name: view.verdicts[n] for n, name in names.VERDICTS.items()},
            warnings={name: view.warnings[n] for n, name in names.VERDICTS.items()},
            usages=list(usages(view)),
            quota=quota(view, now),
            hops={name: histogram(ffi.addressof(view.hops, n)) for n, name in names.HOPS.items()},
            hiccups=histogram(ffi.addressof(view.hiccup, "gaps")),
            instruments=list(self.instruments(number, view, held_by(view, views), now)),
            lines=lines(view),
            funds=list(funds(number, view)),
            turns_at_words=view.words_turn,
            looked_turn=looked_turn,
            lease=lease(self.pages, number, view, now),
            flow={name: getattr(view.flow, name) for name in FLOW},
            cancels={name: view.flow.cancels[n] for n, name in names.CANCEL_CAUSES.items() if n},
            flatten=view.flatten,
            flattens=list(flattens(view)),
        )

    def instruments(
        self, lane: str, view: Any, holder: Any, now: int
    ) -> Iterator[shot.Instrument]:
        """Ids are the registry's and need not be dense.

        Of a pair the market lane shows them: its own tops, and the order lane's positions.
        """
        top, left = ffi.new("hp_top_t *"), view.instrument_count
        if view.role == lib.HP_ROLE_ORDER:
            return
        for n in range(1, lib.HP_LANE_INSTRUMENTS_MAX):
            if left == 0:
                return
            source = ffi.addressof(view.tops, n)
            if source.instrument == 0:
                continue
            left -= 1
            if not self.pages.copy(f"{lane}:{n}", source, top):
                continue
            p = holder.positions[n]
            lots = sum(p.lots)
            yield shot.Instrument(
                lane=lane,
                id=n,
                symbol=text(top.symbol),
                state=top.state,
                price_decimals=top.price_decimals,
                size_decimals=top.size_decimals,
                bid_ticks=top.bid_ticks,
                bid_lots=top.bid_lots,
                ask_ticks=top.ask_ticks,
                ask_lots=top.ask_lots,
                age_ns=age(now, top.recv_ns),
                lots=lots,
                venue_lots=sum(p.venue_lots),
                bought_lots=p.bought_lots,
                sold_lots=p.sold_lots,
                realised_e8=p.realised_e8,
                fees_e8=p.fees_e8,
                venue_realised_e8=p.venue_pnl_e8,
                open_e8=open_value(top, lots, sum(p.cost_e8)),
                feed=feed(view.feeds[n], top, now),
            )

    def journal(self, lane: str, page: Any) -> shot.Journal:
        head = ffi.cast("hp_journal_head_t *", page.header + 1)
        archived, published = head.archived, head.published
        cut_ns = head.checkpoint_real_ns
        return shot.Journal(
            lane,
            head.segment_bytes * head.segment_count,
            published,
            head.sequence,
            head.overwritten,
            None if archived == NO_ARCHIVER else max(0, published - archived),
            head.archive_state,
            max(0, time.time_ns() - cut_ns) if cut_ns else None,
            head.checkpoint_bytes,
            head.checkpoint_ns,
            head.checkpoints,
            head.checkpoint_failures,
        )

    def mails(self) -> Iterator[shot.Mail]:
        for name, lane in (("intents", "1"), ("told", "0")):  # by the lane that writes it
            held = self.pages.held.get(f"pair.{name}")
            if held is not None:
                ring = ffi.cast("hp_ring_t *", held.page.header + 1)
                tail, head = ring.tail, ring.head
                yield shot.Mail(lane, name, ring.capacity, head - tail, head, ring.refused)
        for way, pages in (("in", "mail.in"), ("out", "mail.out"), ("log", "log")):
            for lane, page in self.pages.named(pages):
                ring = ffi.cast("hp_ring_t *", page.header + 1)
                tail, head = ring.tail, ring.head  # in this order: used is never negative
                yield shot.Mail(lane, way, ring.capacity, head - tail, head, ring.refused)


def held_by(view: Any, views: dict[str, Any]) -> Any:
    """Return the page whose positions are the truth: a market lane's are its order lane's."""
    if view.role != lib.HP_ROLE_MARKET:
        return view
    return next((one for one in views.values() if one.role == lib.HP_ROLE_ORDER), view)


def flattens(view: Any) -> Iterator[shot.Flattened]:
    """Return what the last flatten did, a row for each position that it met."""
    if not view.flatten:
        return
    for row in view.flattens:
        if row.state:
            top = view.tops[row.instrument]
            verdict = row.verdict if row.verdict != lib.HP_PASS else 0
            yield shot.Flattened(
                symbol=text(top.symbol),
                position_side=names.POSITION_SIDES.get(row.position_side, "both"),
                state=row.state,
                start_lots=row.start_lots,
                left_lots=row.left_lots,
                size_decimals=top.size_decimals,
                orders=row.orders,
                tries=row.tries,
                verdict=names.VERDICTS.get(verdict, "") if verdict else "",
                error=names.ERRORS.get(row.error, "") if row.error else "",
            )


def lines(view: Any) -> list[dict[str, int]]:
    """Return the figures of the lane's market lines; with one line there are none."""
    every = [{name: getattr(one, name) for name in LINE_FIGURES} for one in view.lines]
    return every[: max((n for n, one in enumerate(every, 1) if any(one.values())), default=0)]


def feed(source: Any, top: Any, now: int) -> shot.Feed:
    since, last = source.blind_since_ns, list(source.last_ns)
    states = list(source.stream_state)
    return shot.Feed(
        counters={name: getattr(source, name) for name in FEED_COUNTERS},
        blind_ns=source.blind_ns + (max(0, now - since) if since else 0),
        wanted={name: source.wanted[k] for k, name in names.RESYNC_REASONS.items() if k},
        troubles={name: source.troubles[k] for k, name in names.TROUBLES.items() if k},
        stream_states={
            name: states[k] for k, name in names.EVENTS.items() if k and (states[k] or last[k])
        },
        stream_ages_ns={
            name: max(0, now - last[k]) for k, name in names.EVENTS.items() if k and last[k]
        },
        lag_ns=source.lag_ns,
        source=source.source,
        caution=source.caution,
        sources=qualities(source, top.state == lib.HP_BOOK_SYNCED, now),
    )


def open_value(top: Any, lots: int, cost_e8: int) -> int:
    """Return what closing a position at the mid would bring; 0 without both sides of a book."""
    if not (lots and top.bid_lots and top.ask_lots):
        return 0
    about = ffi.new("hp_instrument_t *")
    for name in ("contract", "multiplier_e8", "price_decimals", "size_decimals"):
        setattr(about, name, getattr(top, name))
    found = int(lib.hp_instrument_open(about, top.bid_ticks + top.ask_ticks, lots, cost_e8))
    return 0 if found == -(2**63) else found


USED = {  # figure -> (field of hp_usage_t, its bound, units in one)
    "net_notional_quote": ("net_e8", "net_e8_max", 1e8),
    "gross_notional_quote": ("gross_e8", "gross_e8_max", 1e8),
    "open_orders": ("open_orders", "open_orders_max", 1),
    "daily_loss_quote": ("loss_e8", "loss_e8_max", 1e8),
    "drawdown_ratio": ("drawdown_bps", "drawdown_bps_max", 1e4),
    "failures": ("failures", "failures_max", 1),
}


def usages(view: Any) -> Iterator[shot.Usage]:
    """Read what a lane says of its limits, ten times a second."""
    for n in range(lib.HP_USAGES_MAX):
        one = view.usages[n]
        if one.dimension == lib.HP_DIMENSION_NONE:
            return
        name = str(one.id)
        if one.dimension == lib.HP_DIMENSION_INSTRUMENT and one.id < lib.HP_LANE_INSTRUMENTS_MAX:
            name = ffi.string(view.tops[one.id].symbol).decode(errors="replace") or name
        used = {key: getattr(one, field) / unit for key, (field, _, unit) in USED.items()}
        bounds = {
            key: getattr(one, bound) / unit
            for key, (_, bound, unit) in USED.items()
            if getattr(one, bound) < lib.HP_LIMIT_NONE
        }
        yield shot.Usage(names.DIMENSIONS.get(one.dimension, "unknown"), name, used, bounds)
