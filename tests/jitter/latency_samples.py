"""Constructed latency profiles and lane pages: small, round numbers, no measurement."""

from __future__ import annotations

import os

from runtime._shm import ffi, lib
from tuning.jitter import Histogram
from tuning.jitter.profile import QUANTILES

HOPS = ["decode", "book", "decide", "gate", "send", "ack", "tick_to_trade", "stale_out"]


def waits(count: int, ns: int) -> dict:
    histogram = Histogram()
    for step in range(count):
        histogram.record(ns + step)
    words = {word: ns + step for step, word in enumerate(
        ("p50_ns", "p90_ns", "p99_ns", "p999_ns", "p9999_ns", "max_ns"))}  # fmt: skip
    return {"count": count, **words, "histogram": histogram.to_json()}


def run(number: int, slots: int = 600) -> dict:
    """Return a run with a hiccup of about 15 us in each slot, a little longer in each run."""
    rows = [[slot, 1, 15_000 + slot + number, 15_000 + slot + number] for slot in range(slots)]
    return {
        "started_ns": number, "elapsed_ns": 10**9, "contaminated": [], "slots": rows,
        "counters": {"interrupts": {"LOC": 250}, "softirqs": {}, "figures": {}},
    }  # fmt: skip


def core(number: int) -> dict:
    gaps = Histogram()
    runs = [run(one) for one in range(3)]
    for one in runs:
        for row in one["slots"]:
            gaps.record(row[2])
    figures = {f"{word}_ns": gaps.quantile(share) for word, share in QUANTILES.items()}
    arrival = {f"{word}_ns": 1000 * (at + 1) for at, word in
               enumerate(("p50", "p90", "p99", "p999", "p9999", "p99999"))}  # fmt: skip
    return {
        "core": number, "policy": "other", "threshold_ns": 200, "elapsed_ns": 3 * 10**9,
        "resolution_ns": 9.0, "contaminated": [], "arrival": arrival,
        "figures": {"hiccups_per_s": 600.0, "stolen_pct": 0.9, **figures, "max_ns": gaps.max_ns},
        "over_us": {}, "top": [], "gaps": gaps.to_json(), "slot_count": 600, "runs": runs,
        "causes": [{"name": "local timer tick (LOC)", "count": 750, "per_second": 250.0}],
        "wake": {"timer": waits(5, 60_000), "eventfd": waits(5, 20_000)},
        "loopback": {"blocking": waits(5, 40_000)},
        "clock_read_ns": {"tsc": 9.0, "monotonic": 21.5},
    }  # fmt: skip


def document(cores: int = 1) -> dict:
    lane = {"name": "sample", "core": 1, "spinning": True, "hops": [
        {"hop": hop, "count": 10, "p50_ns": 500, "p99_ns": 900, "p999_ns": 990, "max_ns": 999}
        for hop in HOPS]}  # fmt: skip
    return {
        "kind": "corelane.latency-profile", "schema": 1, "taken": "2026-01-02T03:04:05Z",
        "host": {"id": "0123456789ab", "cpu": "Example 9", "virtual": "no", "kernel": "6.1",
                 "clocksource": "tsc", "boot_id": "b"},
        "jitter": {"taken_ns": 1, "seconds": 3.0, "together": False, "contaminated": False,
                   "skipped": {}, "cores": [core(number) for number in range(cores)]},
        "lanes": [lane], "comparison": None,
    }  # fmt: skip


def lane_page(
    hops: dict[str, list[int]], kind: int = 2, layout: int | None = None, pid: int | None = None
) -> bytes:
    """Return the bytes of a lane page with these nanoseconds recorded."""
    page = ffi.new("hp_lane_page_t *")
    page.page.magic = int.from_bytes(b"HPPAGE01", "little")
    page.page.layout = lib.HP_PAGE_LAYOUT if layout is None else layout
    page.page.kind = kind
    page.page.writer_pid = os.getpid() if pid is None else pid
    page.core, page.is_spinning = 3, 1
    for hop, values in hops.items():
        for value in values:
            lib.hp_histogram_record(ffi.addressof(page.hops, HOPS.index(hop)), value)
    return bytes(ffi.buffer(page))
