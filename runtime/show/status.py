"""A snapshot as `corelane status --json` gives it.

Owns:    the keys of that document; which of a snapshot's figures it names.
Refuses: taking snapshots, layout for people (ops/status.py), colours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from runtime.pages import names
from runtime.pages.figures import money, scaled
from runtime.show import health
from runtime.show.snapshot import (
    Clock,
    Feed,
    Flattened,
    Funds,
    Histogram,
    Instrument,
    Journal,
    Lane,
    LimitRow,
    Process,
    Sentinel,
    Snapshot,
)

# What a lane counts and a person asks for first.
LANE_COUNTERS = (
    "messages",
    "gaps",
    "resyncs",
    "stale",
    "orders_sent",
    "cancels_sent",
    "acks",
    "rejects",
    "fills",
    "strategy_halted",
    "mail_refused",
)

FEED_COUNTERS = ("gaps", "trade_gaps", "trades_missed", "trades_filled")


def milliseconds(ns: int | None) -> float | None:
    return None if ns is None else round(ns / 1e6, 3)


def hop(one: Histogram) -> dict[str, float]:
    out: dict[str, float] = {"count": one.count}
    for name, ns in one.percentiles_ns.items():
        out[f"p{name.replace('.', '')}_us"] = ns / 1000
    out["max_us"] = one.max_ns / 1000
    return out


def lane(one: Lane) -> dict[str, Any]:
    return {
        "name": one.name,
        "role": one.role,
        "pid": one.pid,
        "core": None if one.core < 0 else one.core,
        "state": names.LANE_STATES.get(one.state, str(one.state)),
        "restarts": one.restarts,
        "epoch": one.epoch,
        "is_alive": one.is_alive,
        "is_spinning": one.is_spinning,
        "is_memory_locked": one.locked == 1,
        "words": names.words(one.words),
        "open_orders": one.counters["open_orders"],
        "unknown": one.counters["unknown_now"],
        "heartbeat_age_ms": milliseconds(one.heartbeat_age_ns),
        "uptime_s": round(one.uptime_ns / 1e9, 1),
        "rss_bytes": one.rss_bytes,
        **{name: one.counters[name] for name in LANE_COUNTERS},
    }


def process(one: Process) -> dict[str, Any]:
    return {
        "name": one.name,
        "role": one.role,
        "state": names.PROCESS_STATES.get(one.state, str(one.state)),
        "pid": one.pid or None,
        "core": None if one.core < 0 else one.core,
        "restarts": one.restarts,
        "exits": {cause: times for cause, times in one.exits.items() if times},
        "last_cause": one.last_cause,
        "last_code": one.last_code,
        "uptime_s": None if one.uptime_ns is None else round(one.uptime_ns / 1e9, 1),
        "heartbeat_age_ms": milliseconds(one.heartbeat_age_ns),
        "rss_bytes": one.rss_bytes,
        "cpu_s": round(one.cpu_ns / 1e9, 2),
    }


def instrument(one: Instrument) -> dict[str, Any]:
    """Prices and sizes are text: exact, in the instrument's own decimals."""

    def side(ticks: int, lots: int) -> str | None:
        return scaled(ticks, one.price_decimals) if lots else None

    return {
        "symbol": one.symbol,
        "lane": f"lane-{one.lane}",
        "book": names.BOOK_STATES.get(one.state, str(one.state)),
        "bid": side(one.bid_ticks, one.bid_lots),
        "bid_size": scaled(one.bid_lots, one.size_decimals),
        "ask": side(one.ask_ticks, one.ask_lots),
        "ask_size": scaled(one.ask_lots, one.size_decimals),
        "age_ms": milliseconds(one.age_ns),
        "position": scaled(one.lots, one.size_decimals),
        "venue_position": scaled(one.venue_lots, one.size_decimals),
        "pnl": money(one.pnl_e8),
        "fees": money(one.fees_e8),
        "feed": feed(one.feed),
    }


def feed(one: Feed) -> dict[str, Any]:
    """Return what serves an instrument, what else there is, and what was missing."""
    return {
        "source": names.FEED_SOURCES.get(one.source, str(one.source)),
        "cautions": [name for bit, name in names.CAUTIONS.items() if one.caution & bit],
        "sources": [asdict(source) for source in one.sources],
        "lag_ms": milliseconds(one.lag_ns),
        "blind_s": round(one.blind_ns / 1e9, 3),
        **{name: one.counters[name] for name in FEED_COUNTERS},
    }


def funds(one: Funds) -> dict[str, Any]:
    """Return what there is of one asset; money is text."""
    return {
        "lane": f"lane-{one.lane}",
        "asset": one.asset,
        "free": money(one.free_e8),
        "reserved": money(sum(one.reserved_e8.values())),
        "used": money(sum(one.used_e8.values())),
        "total": money(one.total_e8),
        "is_said": one.is_said,
        "refused": one.refused,
    }


def quota(one: Lane) -> Iterator[dict[str, Any]]:
    """Yield how each window of the lane's venue stands."""
    for row in one.quota.windows if one.quota else ():
        yield {
            "lane": one.name,
            "kind": row.kind,
            "window_s": row.length_s,
            "mode": names.QUOTA_MODES.get(row.mode, str(row.mode)),
            "used": row.used,
            "limit": row.limit,
            "headroom": max(0, row.most - row.used),
            "figure_age_ms": milliseconds(row.told_age_ns),
        }


def clock(one: Clock | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "source": names.CLOCK_SOURCES.get(one.source, str(one.source)),
        "offset_ns": one.offset_ns,
        "uncertainty_ns": one.uncertainty_ns,
        "divergence_ns": one.divergence_ns,
        "is_traceable": one.is_traceable,
        "age_ms": milliseconds(one.age_ns),
        "reason": one.reason,
    }


def journal(one: Journal) -> dict[str, Any]:
    return {
        "lane": f"lane-{one.lane}",
        "records": one.records,
        "bytes": one.published_bytes,
        "capacity_bytes": one.capacity_bytes,
        "overwritten_segments": one.overwritten_segments,
        "lag_bytes": one.lag_bytes,
        "archive": names.ARCHIVE_STATES.get(one.archive_state, one.archive_state),
    }


def sentinel(one: Sentinel | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "pid": one.pid,
        "is_alive": one.is_alive,
        "state": names.SENTINEL_STATES.get(one.state, str(one.state)),
        "scope": one.scope,
        "connections": one.connections,
        "venue_age_ms": milliseconds(one.venue_age_ns),
        "trips": {name: times for name, times in one.trips.items() if times},
        "last_trip": None
        if one.trip_age_ns is None
        else {
            "age_s": round(one.trip_age_ns / 1e9, 1),
            "reason": one.reason,
            "evidence": one.evidence,
            "cancelled": one.cancelled,
            "left": one.left,
            "took_ms": milliseconds(one.took_ns),
        },
        "last_drill": None
        if one.drill_age_ns is None
        else {
            "age_s": round(one.drill_age_ns / 1e9, 1),
            "took_ms": milliseconds(one.drill_took_ns),
        },
        "lane_silence_ms": milliseconds(one.lane_silence_ns),
        "feed_silence_ms": milliseconds(one.feed_silence_ns),
        "latency_p99_ms": milliseconds(one.latency_ns) if one.latency_ns else None,
        "clock_ms": milliseconds(one.clock_ns),
        "equity": money(one.equity_e8) if one.equity_max_e8 else None,
    }


def limit(one: LimitRow) -> dict[str, Any]:
    """Return one limit of the deployment: its bounds, what lanes hold, what they may come to."""
    return {
        "limit": one.name,
        "is_frozen": one.is_frozen,
        "lanes": one.lane_count,
        "day_pnl": one.day_pnl,
        "figures": {
            name: {"bound": one.bounds.get(name), "used": used, "leased": one.worst[name]}
            for name, used in one.used.items()
        },
    }


def authority(found: Snapshot) -> dict[str, Any] | None:
    one = found.authority
    if one is None:
        return None
    return {
        "pid": one.pid,
        "is_alive": one.is_alive,
        "term": one.term,
        "heartbeat_age_ms": milliseconds(one.heartbeat_age_ns),
        "lease_ms": milliseconds(one.lease_ns),
        "late_renewals": one.late,
        "limits": [limit(row) for row in one.rows],
        "leases": {
            lane.name: {"fence": lane.lease.fence, "left_ms": milliseconds(lane.lease.left_ns)}
            for lane in found.lanes
            if lane.lease is not None
        },
    }


def flattened(one: Flattened) -> dict[str, Any]:
    return {
        "symbol": one.symbol,
        "position_side": one.position_side,
        "state": names.FLATTEN_STATES.get(one.state, str(one.state)),
        "held": scaled(one.start_lots, one.size_decimals),
        "left": scaled(one.left_lots, one.size_decimals),
        "orders": one.orders,
        "tries": one.tries,
        "gate": one.verdict or None,
        "venue": one.error or None,
    }


def status(found: Snapshot) -> dict[str, Any]:
    """Return the whole document."""
    judged = health.of(found)
    verdicts: dict[str, int] = {}
    warnings: dict[str, int] = {}
    for one in found.lanes:
        for table, out in ((one.verdicts, verdicts), (one.warnings, warnings)):
            for name, times in table.items():
                if times:
                    out[name] = out.get(name, 0) + times
    return {
        "deployment": found.deployment,
        "state": health.state(found),
        "health": {"score": judged.score, "reasons": judged.reasons},
        "topology": found.host.topology if found.host else None,
        "lanes": [lane(one) for one in found.lanes],
        "processes": [process(one) for one in found.processes],
        "instruments": [instrument(one) for one in found.instruments],
        "funds": [funds(one) for held in found.lanes for one in held.funds],
        "quota": [row for one in found.lanes for row in quota(one)],
        "verdicts": verdicts,
        "warnings": warnings,
        "latency": {
            one.name: {name: hop(h) for name, h in one.hops.items()} for one in found.lanes
        },
        "journal": [journal(one) for one in found.journals],
        "clock": clock(found.clock),
        "sentinel": sentinel(found.sentinel),
        "authority": authority(found),
        "flatten": [flattened(row) for one in found.lanes for row in one.flattens],
        "controls": {
            one.writer: {"words": names.words(one.word), "reason": one.reason}
            for one in found.controls
        },
        "degraded": found.degraded,
    }
