"""Prometheus metrics from shared pages; a scrape never touches a lane.

Owns:    the collector over one deployment's pages, the text of a scrape, the endpoint on loopback.
Refuses: names and figures of its own (metrics.py, snapshot.py), other addresses than 127.0.0.1.

The client library's own writer spends 6 us a series on labels that are the same in each scrape;
here the head of each line is kept, and the line while its figure stands still.  A test holds the
text equal to the library's, byte for byte.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from runtime.show.family import Family
from runtime.show.metrics import FAMILIES
from runtime.show.observer import BOUNDS_NS, Observer
from runtime.show.snapshot import Histogram, Snapshot

BOUNDS = [*(repr(bound / 1e9) for bound in BOUNDS_NS), "+Inf"]
figure: Callable[[float], str] = floatToGoString
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def samples(family: Family, found: Snapshot) -> Iterator[Sample]:
    name = family.exported
    for values, value in family.read(found):
        labels = dict(zip(family.labels, values, strict=True))
        if isinstance(value, Histogram):
            for bound, count in zip(BOUNDS, value.cumulative, strict=True):
                yield Sample(f"{name}_bucket", {**labels, "le": bound}, float(count))
            yield Sample(f"{name}_count", labels, float(value.count))
            yield Sample(f"{name}_sum", labels, value.sum_ns / 1e9)
        else:
            yield Sample(name, labels, float(value))


def metrics(found: Snapshot) -> Iterator[Metric]:
    """Turn a snapshot into metric families; a family without figures is left out."""
    for family in FAMILIES:
        metric = Metric(f"corelane_{family.name}", family.help, family.kind)
        metric.samples = list(samples(family, found))
        if metric.samples:
            yield metric


class PageCollector(Collector):
    """The client library's door: takes a snapshot at each scrape."""

    def __init__(self, observer: Observer) -> None:
        self.observer = observer

    def collect(self) -> Iterator[Metric]:
        return metrics(self.observer.take())


def registry(observer: Observer) -> CollectorRegistry:
    """Return a registry with the deployment's collector, for users of the client library."""
    out = CollectorRegistry(auto_describe=False)
    out.register(PageCollector(observer))
    return out


def escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def head(name: str, labels: dict[str, str]) -> str:
    """Return a line up to its value; labels in alphabetical order."""
    inside = ",".join(f'{key}="{escaped(labels[key])}"' for key in sorted(labels))
    return f"{name}{{{inside}}} " if inside else f"{name} "


class Series:
    """The lines of one series (a histogram has many): their heads, the text of the last value."""

    __slots__ = ("heads", "last", "text")

    def __init__(self, family: Family, values: tuple[str, ...], is_histogram: bool) -> None:
        labels = dict(zip(family.labels, values, strict=True))
        name = family.exported
        self.heads = [head(name, labels)]
        if is_histogram:
            bounds = [head(f"{name}_bucket", {**labels, "le": bound}) for bound in BOUNDS]
            self.heads = [*bounds, head(f"{name}_count", labels), head(f"{name}_sum", labels)]
        self.last: float | None = None
        self.text = ""

    def of_histogram(self, value: Histogram) -> str:
        figures = [*value.cumulative, value.count, value.sum_ns / 1e9]
        return "".join(
            f"{start}{figure(one)}\n" for start, one in zip(self.heads, figures, strict=True)
        )

    def of(self, value: float) -> str:
        if value != self.last:
            self.last = value
            self.text = f"{self.heads[0]}{figure(value)}\n"
        return self.text


class TextWriter:
    """Writes snapshots as text.  Most figures stand still: their lines are kept from before."""

    def __init__(self) -> None:
        self.lock = threading.Lock()  # several scrapes at a time
        self.kept: list[tuple[Family, str, dict[tuple[str, ...], Series]]] = [
            (one, f"# HELP {one.exported} {one.help}\n# TYPE {one.exported} {one.kind}\n", {})
            for one in FAMILIES
        ]

    def text(self, found: Snapshot) -> str:
        with self.lock:
            return "".join(self.lines(found))

    def lines(self, found: Snapshot) -> Iterator[str]:
        for family, title, kept in self.kept:
            is_first = True
            for values, value in family.read(found):
                if is_first:
                    is_first = False
                    yield title
                is_histogram = isinstance(value, Histogram)
                series = kept.get(values)
                if series is None:
                    series = kept[values] = Series(family, values, is_histogram)
                if isinstance(value, Histogram):
                    yield series.of_histogram(value)
                else:
                    yield series.of(value)


def application(observer: Observer) -> Callable[..., list[bytes]]:
    """Return the WSGI application: any GET is a scrape."""
    writer = TextWriter()

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        if environ["REQUEST_METHOD"] != "GET":
            start("405 Method Not Allowed", [("Allow", "GET")])
            return [b"corelane metrics: want GET\n"]
        text = writer.text(observer.take()).encode()
        start("200 OK", [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(text)))])
        return [text]

    return answer


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a scrape each few seconds is no event."""


def serve(deployment: str, port: int) -> tuple[WSGIServer, int]:
    """Serve the metrics of a deployment on 127.0.0.1:port, in a thread.

    Returns the server and the port it has.
    """
    server = make_server("127.0.0.1", port, application(Observer(deployment)), Server, QuietHandler)
    threading.Thread(target=server.serve_forever, daemon=True, name="metrics").start()
    return server, server.server_port
