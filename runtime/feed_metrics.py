"""Metrics of feeds, per instrument, from a lane's page.

Owns:    the names corelane_feed_*; labels: symbol, cause, trouble, stream.
Refuses: serving them (exporter.py).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from runtime._shm import ffi


def enum_names(enum: str, prefix: str) -> dict[int, str]:
    """Return {number: name in lower case} of a header's enum, without NONE and COUNT."""
    found = ffi.typeof(f"enum {enum}").elements.items()
    return {
        n: text.removeprefix(prefix).lower()
        for n, text in found
        if n and not text.endswith("_COUNT")
    }


CAUSES = enum_names("hp_resync_reason", "HP_RESYNC_")
TROUBLES = enum_names("hp_trouble", "HP_TROUBLE_")
STREAMS = enum_names("hp_event_kind", "HP_EVENT_")
COUNTERS = {
    "feed_snapshots": ("resyncs", "Book snapshots adopted."),
    "feed_snapshots_too_old": ("too_old", "Book snapshots older than the stream."),
    "feed_gaps": ("gaps", "Sequence gaps of this instrument."),
    "feed_spare_polls": ("spare_polls", "Polls of the spare source taken."),
    "feed_spare_compared": ("spare_compared", "Polls of the very update that the book showed."),
    "feed_spare_equal": ("spare_equal", "Those of them with the book's top."),
}


def symbols(view: Any) -> Iterator[tuple[int, str]]:
    """Yield (instrument, symbol) of a lane page."""
    for n in range(1, view.instrument_count + 1):
        symbol = ffi.string(view.tops[n].symbol).decode()
        if symbol:
            yield n, symbol


def collect(view: Any) -> Iterator[Metric]:
    """Yield the families of one lane page."""
    lane, now_ns = str(view.lane), time.monotonic_ns()
    known = list(symbols(view))
    names = ["lane", "symbol"]
    for name, (field, text) in COUNTERS.items():
        counter = CounterMetricFamily(f"corelane_{name}", text, labels=names)
        for n, symbol in known:
            counter.add_metric([lane, symbol], getattr(view.feeds[n], field))
        yield counter
    blind = CounterMetricFamily(
        "corelane_feed_blind_seconds", "Time with the book not in sequence.", labels=names
    )
    wanted = CounterMetricFamily(
        "corelane_feed_resyncs", "Book snapshots asked for.", labels=[*names, "cause"]
    )
    troubles = CounterMetricFamily(
        "corelane_feed_troubles", "What was told of a feed.", labels=[*names, "trouble"]
    )
    state = GaugeMetricFamily(
        "corelane_feed_stream_state", "enum hp_stream_state.", labels=[*names, "stream"]
    )
    age = GaugeMetricFamily(
        "corelane_feed_stream_age_seconds", "Since the last message.", labels=[*names, "stream"]
    )
    lag = GaugeMetricFamily(
        "corelane_feed_lag_seconds", "Last event, over the quickest one seen.", labels=names
    )
    source = GaugeMetricFamily(
        "corelane_feed_source", "What serves the top: enum hp_source.", labels=names
    )
    for n, symbol in known:
        feed, who = view.feeds[n], [lane, symbol]
        since_ns = feed.blind_since_ns
        now_blind_ns = max(0, now_ns - since_ns) if since_ns else 0
        blind.add_metric(who, (feed.blind_ns + now_blind_ns) / 1e9)
        for number, cause in CAUSES.items():
            wanted.add_metric([*who, cause], feed.wanted[number])
        for number, trouble in TROUBLES.items():
            troubles.add_metric([*who, trouble], feed.troubles[number])
        for number, stream in STREAMS.items():
            last_ns = feed.last_ns[number]
            if feed.stream_state[number] or last_ns:
                state.add_metric([*who, stream], feed.stream_state[number])
            if last_ns:
                age.add_metric([*who, stream], max(0, now_ns - last_ns) / 1e9)
        lag.add_metric(who, feed.lag_ns / 1e9)
        source.add_metric(who, feed.source)
    yield from (blind, wanted, troubles, state, age, lag, source)
