"""How long does one scrape of a full deployment take, pages to text?

Input:  one lane page with 200 instruments, journal, mail, clock and supervisor pages.
Load:   one scrape after the other, in the process of the exporter; the HTTP figure adds a request
        of urllib on loopback, and its decoding.
Needs:  a core for itself; median and p99 of `count` scrapes, and the median of this thread's CPU
        time, which does not count what others take (over HTTP it is the client's alone).
"""

from __future__ import annotations

import os
import statistics
import time
import urllib.request
from typing import Any

from prometheus_client import generate_latest

from benchmarks.scrape.stage import Stage
from runtime.show import exporter
from runtime.show.observer import Observer

INSTRUMENTS = 200


def timed(work: Any, count: int) -> dict[str, float]:
    out, spent = [], []
    for _ in range(count):
        start, used = time.perf_counter(), time.thread_time()
        work()
        spent.append((time.thread_time() - used) * 1000)
        out.append((time.perf_counter() - start) * 1000)
    out.sort()
    return {
        "cpu_ms": statistics.median(spent),
        "p50_ms": statistics.median(out),
        "p99_ms": out[(len(out) * 99) // 100],
        "max_ms": out[-1],
    }


def scrape(count: int = 100, instruments: int = INSTRUMENTS) -> dict[str, Any]:
    """Measure `count` scrapes: the snapshot alone, to text (by us, by the library), over HTTP."""
    name = f"bench{os.getpid()}"
    with Stage(name, instruments=instruments):
        observer = Observer(name)
        registry = exporter.registry(observer)
        server, port = exporter.serve(name, 0)
        try:
            url = f"http://127.0.0.1:{port}/metrics"
            writer = exporter.TextWriter()
            text = writer.text(observer.take())
            return {
                "instruments": instruments,
                "count": count,
                "series": sum(not line.startswith("#") for line in text.splitlines()),
                "bytes": len(text),
                "snapshot": timed(observer.take, count),
                "text": timed(lambda: writer.text(observer.take()), count),
                "client_library": timed(lambda: generate_latest(registry), count),
                "http": timed(lambda: urllib.request.urlopen(url, timeout=10).read(), count),
            }
        finally:
            server.shutdown()
            server.server_close()
            observer.close()
