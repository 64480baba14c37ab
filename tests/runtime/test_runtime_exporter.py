"""The scrape: names, values, buckets, through a real HTTP request."""

import os
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from runtime import exporter
from runtime._shm import ffi, lib
from runtime.pages import LANE_BYTES, Page


@pytest.fixture
def page():
    made = Page.make(f"test{os.getpid()}", "lane.0", "hp_lane_page_t", lib.HP_PAGE_LANE, LANE_BYTES)
    yield made
    made.remove()


def scrape(page):
    server, port = exporter.serve(page, 0)
    try:
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
    finally:
        server.shutdown()
    return {
        (s.name, *sorted(s.labels.items())): s.value
        for f in text_string_to_metric_families(text)
        for s in f.samples
    }


def test_scrape_shows_what_the_page_holds(page):
    page.view.counters.orders_sent = 17
    page.view.verdicts[lib.HP_VERDICT_BOOK_STALE] = 3
    page.view.instrument_count = 1
    ffi.memmove(page.view.tops[1].symbol, b"BTCUSDT", 7)
    page.view.positions[1].lots[0] = -5
    found = scrape(page)
    assert found["corelane_orders_sent_total", ("lane", "0")] == 17
    assert found["corelane_gate_verdicts_total", ("lane", "0"), ("verdict", "book_stale")] == 3
    assert found["corelane_position_lots", ("lane", "0"), ("symbol", "BTCUSDT")] == -5


def test_histogram_is_cumulative_and_ends_in_its_count(page):
    hop = ffi.addressof(page.view.hops, lib.HP_HOP_TICK_TO_TRADE)
    for value in (50, 150, 5_000, 10**10):
        lib.hp_histogram_record(hop, value)
    found = scrape(page)
    key = ("hop", "tick_to_trade"), ("lane", "0")
    buckets = {
        float(k[3][1]): v
        for k, v in found.items()
        if k[0] == "corelane_latency_seconds_bucket" and k[1:3] == key
    }
    assert list(buckets.values()) == sorted(buckets.values())
    assert (buckets[1e-7], buckets[2e-7], buckets[1e-5], buckets[1.0], buckets[float("inf")]) == (
        1,
        2,
        3,
        3,
        4,
    )
    assert found["corelane_latency_seconds_count", *key] == 4


def test_counters_end_in_total_and_units_are_base_units(page):
    names = {key[0] for key in scrape(page)}
    assert all(name.startswith("corelane_") for name in names)
    assert not [name for name in names if name.endswith(("_ns", "_ms", "_us"))]
    assert {f"corelane_{name}_total" for name in exporter.COUNTERS} <= names


def test_hiccups_are_exported_per_core(page):
    page.view.core = 3
    lib.hp_histogram_record(ffi.addressof(page.view.hiccup, "gaps"), 12_000)
    found = scrape(page)
    assert found["corelane_hiccup_seconds_count", ("core", "3"), ("lane", "0")] == 1


def test_scrape_shows_the_feeds_of_each_instrument(page):
    page.view.instrument_count = 1
    ffi.memmove(page.view.tops[1].symbol, b"BTCUSDT", 7)
    feed = page.view.feeds[1]
    feed.blind_ns, feed.source = 2_500_000_000, lib.HP_SOURCE_SECONDARY
    feed.wanted[lib.HP_RESYNC_TOO_OLD] = 4
    feed.troubles[lib.HP_TROUBLE_SIGMA] = 3
    feed.stream_state[lib.HP_EVENT_DEPTH] = lib.HP_STREAM_SILENT
    found = scrape(page)
    who = ("lane", "0"), ("symbol", "BTCUSDT")
    assert found["corelane_feed_blind_seconds_total", *who] == 2.5
    assert found["corelane_feed_source", *who] == 2
    assert found["corelane_feed_resyncs_total", ("cause", "too_old"), *who] == 4
    assert found["corelane_feed_troubles_total", *who, ("trouble", "sigma")] == 3
    assert found["corelane_feed_stream_state", ("lane", "0"), ("stream", "depth"), who[1]] == 4
    assert ("corelane_feed_stream_age_seconds", *who) not in found
