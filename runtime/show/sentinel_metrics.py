"""The sentinel's metric families.

Owns:    names and meanings of what is exported of its page.
Refuses: the page (observer.py), the other families (metrics.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from runtime.pages import names
from runtime.show.family import Family, Labels, Value, numbered, seconds, sentinel
from runtime.show.observer import BOUNDS_NS
from runtime.show.snapshot import Snapshot


def trips(found: Snapshot) -> Iterator[tuple[Labels, Value]]:
    one = found.sentinel
    return (((name,), count) for name, count in (one.trips if one else {}).items())


def confirm(found: Snapshot) -> Iterator[tuple[Labels, Value]]:
    one = found.sentinel
    return iter([((), one.confirm)] if one else [])


FAMILIES = [
    sentinel(
        "gauge",
        "sentinel_state",
        f"State of the sentinel: {numbered(names.SENTINEL_STATES)}.",
        lambda one: one.state,
    ),
    Family(
        "sentinel_trips",
        "counter",
        "Trips of the sentinel by trigger.",
        ("trigger",),
        f"{len(names.TRIGGERS) - 1}",
        trips,
    ),
    Family(
        "sentinel_confirm_seconds",
        "histogram",
        "Trips and drills: trigger to the venue's empty list of open orders.",
        (),
        f"{len(BOUNDS_NS) + 3}",
        confirm,
    ),
    sentinel(
        "gauge",
        "sentinel_drill_seconds",
        "The same of the last drill; absent without one.",
        lambda one: seconds(one.drill_took_ns),
    ),
    sentinel(
        "gauge",
        "sentinel_open_orders",
        "Orders of its scope that were open at its last question of a trip.",
        lambda one: one.left,
    ),
    sentinel(
        "gauge",
        "sentinel_connections",
        "Its own sockets to the venue that are up.",
        lambda one: one.connections,
    ),
    sentinel(
        "counter", "sentinel_requests", "Requests to the venue.", lambda one: one.requests
    ),
    sentinel(
        "counter",
        "sentinel_request_failures",
        "Requests and connects that failed.",
        lambda one: one.request_failures,
    ),
    sentinel(
        "counter",
        "sentinel_weight",
        "Request weight that it spent.",
        lambda one: one.weight_spent,
    ),
    sentinel(
        "counter",
        "sentinel_overdrafts",
        "Requests of an emergency beyond its own budget.",
        lambda one: one.overdrafts,
    ),
    sentinel(
        "gauge",
        "sentinel_venue_age_seconds",
        "Time since the venue last answered it.",
        lambda one: seconds(one.venue_age_ns),
    ),
    sentinel(
        "gauge",
        "sentinel_lane_silence_seconds",
        "Time since the quietest lane's last turn, as the sentinel sees it.",
        lambda one: one.lane_silence_ns / 1e9,
    ),
    sentinel(
        "gauge",
        "sentinel_feed_silence_seconds",
        "Longest time that a book could not be used.",
        lambda one: one.feed_silence_ns / 1e9,
    ),
    sentinel(
        "gauge",
        "sentinel_latency_seconds",
        "p99 of tick-to-trade over its window; absent with too few orders.",
        lambda one: one.latency_ns / 1e9 if one.latency_ns else None,
    ),
    sentinel(
        "gauge",
        "sentinel_clock_offset_seconds",
        "The venue's clock less ours.",
        lambda one: one.clock_ns / 1e9,
    ),
    sentinel(
        "gauge",
        "sentinel_equity",
        "The account's equity in its settlement asset; absent until the venue told it.",
        lambda one: one.equity_e8 / 1e8 if one.equity_max_e8 else None,
    ),
]
