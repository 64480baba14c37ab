"""Prometheus metrics from shared pages; a scrape never touches a lane.

Owns:    names (corelane_<area>_<noun>_<unit>), the HTTP endpoint on loopback.
Refuses: labels without a bound: verdicts, hops, states and instruments only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from runtime._shm import ffi, lib
from runtime.pages import Page, PageError

HOPS = ["decode", "book", "decide", "gate", "send", "ack", "tick_to_trade"]
# Upper bounds of the exported buckets, nanoseconds: three a decade from 100 ns to 1 s.
BOUNDS_NS = [base * 10**power for power in range(2, 9) for base in (1, 2, 5)] + [10**9]
COUNTERS = {
    "feed_messages": ("messages", "Market frames received."),
    "feed_bytes": ("bytes", "Payload bytes of market frames."),
    "feed_fallbacks": ("fallbacks", "Frames that the shape scanner left to the general reader."),
    "book_gaps": ("gaps", "Sequence gaps found in depth streams."),
    "book_resyncs": ("resyncs", "Snapshots taken."),
    "book_stale": ("stale", "Times a book passed its staleness bound."),
    "orders_sent": ("orders_sent", "Orders that left the write system call."),
    "cancels_sent": ("cancels_sent", "Cancels that left the write system call."),
    "orders_acked": ("acks", "Orders acknowledged by the venue."),
    "orders_rejected": ("rejects", "Orders rejected by the venue."),
    "orders_unknown": ("unknown", "Orders that became UNKNOWN."),
    "fills": ("fills", "Fills booked."),
    "fills_duplicate": ("fills_duplicate", "Fills seen again and not booked."),
    "journal_records": ("journal_records", "Records appended to the journal ring."),
    "journal_bytes": ("journal_bytes", "Bytes appended to the journal ring."),
    "strategy_errors": ("callback_errors", "Strategy callbacks that raised."),
    "lane_turns": ("turns", "Turns of the lane's loop."),
}


def verdict_names() -> dict[int, str]:
    """Return {verdict number: name} from the header's enum."""
    return {
        n: text.removeprefix("HP_VERDICT_").removeprefix("HP_").lower()
        for n, text in ffi.typeof("enum hp_verdict_code").elements.items()
        if n != lib.HP_VERDICT_COUNT
    }


def cumulative(histogram: Any) -> list[tuple[str, float]]:
    """Return Prometheus buckets (le in seconds, cumulative count) of a page's histogram."""
    counts = list(histogram.buckets)
    out, seen, at = [], 0, 0
    for bound in BOUNDS_NS:
        end = lib.hp_histogram_index(bound) + 1
        seen += sum(counts[at:end])
        at = end
        out.append((repr(bound / 1e9), float(seen)))
    out.append(("+Inf", float(seen + sum(counts[at:]))))
    return out


class LaneCollector(Collector):
    """Turns one lane page into metrics at each scrape."""

    def __init__(self, deployment: str) -> None:
        self.deployment = deployment
        self.verdicts = verdict_names()

    def collect(self) -> Iterator[Metric]:
        try:
            page = Page.open(self.deployment, "lane.0", "hp_lane_page_t")
        except PageError:
            return  # between two lives of the lane
        yield from self.metrics(page)
        page.close()

    def metrics(self, page: Page) -> Iterator[Metric]:
        view = page.view
        lane = str(view.lane)
        for name, (field, text) in COUNTERS.items():
            family = CounterMetricFamily(f"corelane_{name}", text, labels=["lane"])
            family.add_metric([lane], getattr(view.counters, field))
            yield family
        verdicts = CounterMetricFamily(
            "corelane_gate_verdicts", "Verdicts given by the gate.", labels=["lane", "verdict"]
        )
        for number, name in self.verdicts.items():
            verdicts.add_metric([lane, name], view.verdicts[number])
        yield verdicts
        for name, value, text in (
            (
                "open_orders",
                view.counters.open_orders,
                "Orders that work or may work at the venue.",
            ),
            ("unknown_orders", view.counters.unknown_now, "Orders whose outcome is not known."),
            ("lane_state", view.state, "State of the lane: enum hp_lane_state."),
            (
                "lane_is_spinning",
                view.is_spinning,
                "1 when the lane owns its core and spins on purpose.",
            ),
        ):
            gauge = GaugeMetricFamily(f"corelane_{name}", text, labels=["lane"])
            gauge.add_metric([lane], value)
            yield gauge
        warnings = CounterMetricFamily(
            "corelane_gate_warnings",
            "Intents that passed although a check with policy WARN found something.",
            labels=["lane", "verdict"],
        )
        for number, name in self.verdicts.items():
            if view.warnings[number]:
                warnings.add_metric([lane, name], view.warnings[number])
        yield warnings
        position = GaugeMetricFamily(
            "corelane_position_lots", "Net position, lots.", labels=["lane", "symbol"]
        )
        for n in range(1, view.instrument_count + 1):
            symbol = ffi.string(view.tops[n].symbol).decode()
            if symbol:
                position.add_metric([lane, symbol], sum(view.positions[n].lots))
        yield position
        hops = HistogramMetricFamily(
            "corelane_latency_seconds", "Time per hop of an order.", labels=["lane", "hop"]
        )
        for n, name in enumerate(HOPS):
            hops.add_metric([lane, name], cumulative(view.hops[n]), view.hops[n].sum / 1e9)
        yield hops
        hiccup, core = view.hiccup, str(view.core)
        taken = HistogramMetricFamily(
            "corelane_hiccup_seconds",
            "Time taken from idle turns of a spinning lane's core.",
            labels=["lane", "core"],
        )
        taken.add_metric([lane, core], cumulative(hiccup.gaps), hiccup.gaps.sum / 1e9)
        yield taken


def serve(deployment: str, port: int) -> tuple[WSGIServer, int]:
    """Serve the metrics of a deployment on 127.0.0.1:port.

    Returns the server and the port it has.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(LaneCollector(deployment))
    server, _ = start_http_server(port, addr="127.0.0.1", registry=registry)
    return server, server.server_port
