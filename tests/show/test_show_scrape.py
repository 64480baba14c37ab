"""The scrape: what it says, by whose rules, and what pages may do between two of them."""

import os
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.scrape.stage import NOW_NS, Stage
from runtime._shm import ffi, lib
from runtime.pages import names
from runtime.pages.page import LANE_BYTES, SHM, Page
from runtime.show import exporter, metrics
from runtime.show.observer import BOUNDS_NS, Observer
from tests.show.screen_scrape import values

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden" / "scrape.txt"
TOOLS = [str(ROOT / "build" / "tools" / one) for one in ("usr/bin", "bin")]
PATH = os.pathsep.join([os.environ.get("PATH", ""), *TOOLS])


def tool(name):
    found = shutil.which(name, path=PATH)
    return pytest.param(
        found,
        marks=pytest.mark.skipif(found is None, reason=f"requires {name} (Debian: prometheus)"),
    )


def text(observer, now_ns=NOW_NS):
    return exporter.TextWriter().text(observer.take(now_ns))


def test_scrape_equals_the_golden_text(stage):
    """Every family, every label, every figure; CORELANE_GOLDEN=write makes it anew."""
    found = text(Observer(stage.deployment)).replace(stage.deployment, "golden")
    if os.environ.get("CORELANE_GOLDEN") == "write":
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(found)
        pytest.fail("golden text written: read it, then run again without CORELANE_GOLDEN")
    assert found == GOLDEN.read_text()


def test_text_equals_what_the_client_library_writes(stage):
    observer = Observer(stage.deployment)
    ours = re.sub(
        r"(?m)^(corelane_\w*(?:age|uptime|divergence|blind|left)_seconds\S*) .*$",
        r"\1",
        text(observer),
    )
    theirs = generate_latest(exporter.registry(observer)).decode()
    theirs = re.sub(
        r"(?m)^(corelane_\w*(?:age|uptime|divergence|blind|left)_seconds\S*) .*$", r"\1", theirs
    )
    ours, theirs = (re.sub(r"(?m)^corelane_health_score .*$", "", t) for t in (ours, theirs))
    assert ours == theirs


@given(st.text(min_size=1), st.floats(allow_nan=False) | st.integers(0, 2**64))
def test_line_is_read_back_as_it_was_meant(label, value):
    line = exporter.head("corelane_x", {"symbol": label}) + exporter.figure(value)
    assume(len(line.splitlines()) == 1)  # the library's parser splits at more than newlines
    found = next(text_string_to_metric_families(line + "\n")).samples[0]
    assert (found.labels, found.value) == ({"symbol": label}, float(value))


def test_every_family_of_the_table_is_in_the_golden_scrape():
    """What no page can make appear would be a name without figures."""
    found = set(re.findall(r"# TYPE (\S+)", GOLDEN.read_text()))
    absent = {"corelane_journal_lag_bytes", "corelane_checkpoint_age_seconds"}  # no archiver there
    assert {family.exported for family in metrics.FAMILIES} - absent == found


def test_document_is_the_table():
    """`python -m runtime.show.metrics > docs/metrics.md` after a change."""
    assert (ROOT / "docs" / "metrics.md").read_text() == metrics.markdown()


def test_names_follow_the_rules():
    for family in metrics.FAMILIES:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", family.name), family.name
        assert not family.name.endswith(("_ns", "_ms", "_us", "_total")), family.name
        assert family.help.endswith("."), family.name
    assert len({family.name for family in metrics.FAMILIES}) == len(metrics.FAMILIES)


def test_series_stay_below_the_stated_bound(stage):
    """Each family's bound, with the numbers of this stage put in."""
    counts = {"lanes": 2, "instruments": 3, "processes": 4}
    found = values(text(Observer(stage.deployment)))
    for family in metrics.FAMILIES:
        bound = 1
        for part in family.bound.split(" x "):
            bound *= counts.get(part) or int(part)
        suffixes = ("", "_bucket", "_count", "_sum") if family.kind == "histogram" else ("",)
        series = [key for key in found if key[0] in {family.exported + s for s in suffixes}]
        assert len(series) <= bound, (family.name, len(series), bound)


@pytest.mark.parametrize("promtool", [tool("promtool")])
def test_promtool_finds_nothing_to_say(stage, promtool):
    done = subprocess.run(
        [promtool, "check", "metrics"],
        input=text(Observer(stage.deployment)),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("prometheus", [tool("prometheus")])
def test_prometheus_scrapes_it(stage, prometheus, tmp_path):
    server, port = exporter.serve(stage.deployment, 0)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        own = probe.getsockname()[1]
    (tmp_path / "p.yml").write_text(
        "global: {scrape_interval: 1s}\n"
        "scrape_configs:\n"
        f"- {{job_name: corelane, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n"
    )
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen(
        [
            prometheus,
            f"--config.file={tmp_path}/p.yml",
            f"--storage.tsdb.path={tmp_path}/data",
            f"--web.listen-address=127.0.0.1:{own}",
        ],
        stdout=log,
        stderr=log,
    )
    url = f"http://127.0.0.1:{own}/api/v1/query?query=sum(corelane_orders_sent_total)"
    try:
        answer, until = "", time.monotonic() + 60
        while '"value"' not in answer and time.monotonic() < until and process.poll() is None:
            time.sleep(0.3)
            try:
                answer = urllib.request.urlopen(url, timeout=5).read().decode()
            except (urllib.error.URLError, OSError):
                continue
        sent = sum(lane.view.counters.orders_sent for lane in stage.lanes)
        assert f'"{sent}"]' in answer, (tmp_path / "log").read_text()[-2000:]
    finally:
        process.kill()
        process.wait()
        log.close()
        server.shutdown()
        server.server_close()


def test_endpoint_answers_gets_on_loopback_only(stage):
    server, port = exporter.serve(stage.deployment, 0)
    try:
        assert server.server_address[0] == "127.0.0.1"
        answer = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10)
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        key = ("corelane_orders_sent_total", ("lane", "1"))
        assert values(answer.read().decode())[key] == stage.lanes[1].view.counters.orders_sent
        with pytest.raises(urllib.error.HTTPError, match="405"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", data=b"x", timeout=10)
    finally:
        server.shutdown()
        server.server_close()


def test_histogram_is_cumulative_and_ends_in_its_count(stage):
    hop = ffi.addressof(stage.lanes[0].view.hops, lib.HP_HOP_ACK)
    ffi.memmove(hop, bytes(ffi.sizeof("hp_histogram_t")), ffi.sizeof("hp_histogram_t"))
    for value in (50, 150, 5_000, 10**10):
        lib.hp_histogram_record(hop, value)
    found = values(text(Observer(stage.deployment)))
    key = ("hop", "ack"), ("lane", "0")
    buckets = {
        float(k[3][1]): v
        for k, v in found.items()
        if k[0] == "corelane_latency_seconds_bucket" and k[1:3] == key
    }
    assert list(buckets.values()) == sorted(buckets.values())
    at = [buckets[bound] for bound in (1e-7, 2e-7, 1e-5, 1.0, float("inf"))]
    assert at == [1, 2, 3, 3, 4]
    assert found["corelane_latency_seconds_count", *key] == 4
    assert found["corelane_latency_max_seconds", *key] == 10


@given(st.lists(st.integers(0, 2**41), max_size=40))
def test_bucket_bounds_hold_what_is_at_most_the_bound(recorded):
    """Exact up to the resolution of the page's own buckets (3.2 %)."""
    from runtime.show.observer import histogram

    h = ffi.new("hp_histogram_t *")
    for value in recorded:
        lib.hp_histogram_record(h, value)
    cut = histogram(h)
    for bound, count in zip(BOUNDS_NS, cut.cumulative, strict=False):
        assert sum(v <= bound for v in recorded) <= count
        assert count <= sum(v <= bound * 1.033 for v in recorded)
    assert (cut.count, cut.sum_ns, cut.max_ns) == (
        len(recorded),
        sum(recorded),
        max([0, *recorded]),
    )


def test_registry_ids_need_not_be_dense(stage):
    view = stage.lanes[0].view
    Stage.instrument(view, 200, "FARUSDT")
    view.instrument_count += 1
    symbols = [one.symbol for one in Observer(stage.deployment).take().lanes[0].instruments]
    assert symbols == ["SYM0USDT", "SYM1USDT", "SYM2USDT", "FARUSDT"]


def test_half_written_top_keeps_its_last_whole_copy(stage):
    """The writer is inside (odd seq): figures of before, counted, and the book's age grows."""
    observer = Observer(stage.deployment)
    before = observer.take(NOW_NS).lanes[0].instruments[0]
    top = stage.lanes[0].view.tops[1]
    top.seq += 1
    top.bid_ticks += 5
    found = observer.take(NOW_NS + 10**9)
    inside = found.lanes[0].instruments[0]
    assert (inside.bid_ticks, found.torn) == (before.bid_ticks, 1)
    assert inside.age_ns == before.age_ns + 10**9
    top.seq += 1
    assert observer.take().lanes[0].instruments[0].bid_ticks == before.bid_ticks + 5


def test_top_that_was_never_whole_is_not_shown(stage):
    stage.lanes[0].view.tops[1].seq = 1
    found = Observer(stage.deployment).take()
    assert [one.id for one in found.lanes[0].instruments] == [2, 3]


def test_tops_are_whole_while_a_writer_writes(stage):
    """Bid and ask always one tick apart: no torn pair may be seen."""
    top = ffi.addressof(stage.lanes[0].view.tops, 1)
    stop = threading.Event()

    def write():
        price = 1000
        while not stop.is_set():
            price += 1
            lib.hp_seq_begin(ffi.addressof(top, "seq"))
            top.bid_ticks, top.ask_ticks = price, price + 1
            lib.hp_seq_end(ffi.addressof(top, "seq"))

    writer = threading.Thread(target=write)
    writer.start()
    observer = Observer(stage.deployment)
    seen = set()
    try:
        for _ in range(300):
            for one in observer.take().lanes[0].instruments[:1]:
                if one.bid_ticks < 6_000_000:
                    assert one.ask_ticks - one.bid_ticks == 1
                    seen.add(one.bid_ticks)
    finally:
        stop.set()
        writer.join()
    assert len(seen) > 1


def test_pages_come_and_go_between_scrapes(stage):
    observer = Observer(stage.deployment)
    assert [lane.number for lane in observer.take().lanes] == ["0", "1"]
    held = len(observer.pages.held)
    stage.lanes[1].remove()
    assert [lane.number for lane in observer.take().lanes] == ["0"]
    stage.lane(5, 1)
    found = observer.take()
    assert [lane.number for lane in found.lanes] == ["0", "5"]
    assert (found.pages, found.refused) == (held - 1 + 5, {})


def test_page_made_anew_is_read_anew(stage):
    """A restarted lane has another epoch, and counters from 0: the old mapping is let go."""
    observer = Observer(stage.deployment)
    assert observer.take().lanes[0].counters["orders_sent"] > 0
    Page.make(stage.deployment, "lane.0", "hp_lane_page_t", lib.HP_PAGE_LANE, LANE_BYTES, 8)
    lane = observer.take().lanes[0]
    assert (lane.epoch, lane.counters["orders_sent"], lane.instruments) == (8, 0, [])


@pytest.mark.parametrize("bad", ["short", "empty", "layout", "half_made"])
def test_page_that_does_not_fit_is_refused_said_and_found_when_good(stage, bad):
    path = SHM / f"corelane.{stage.deployment}.lane.7"
    page = Page.make(stage.deployment, "lane.7", "hp_lane_page_t", lib.HP_PAGE_LANE, LANE_BYTES)
    magic = page.header.magic
    if bad == "layout":
        page.header.layout = 99
    elif bad == "half_made":
        page.header.magic = 0
    else:
        os.truncate(path, 4096 if bad == "short" else 0)
    observer = Observer(stage.deployment)
    found = observer.take()
    assert [lane.number for lane in found.lanes] == ["0", "1"]
    assert list(found.refused) == ["lane.7"]
    assert found.refusals == 1
    if bad == "half_made":
        page.header.magic = magic
        assert [lane.number for lane in observer.take().lanes] == ["0", "1", "7"]


def test_pages_of_others_are_not_read(stage):
    """`show1` and `show1.x` are two deployments; a stranger's file is no page."""
    with Stage(f"{stage.deployment}.lane", lanes=1):
        (SHM / f"corelane.{stage.deployment}.notes").write_text("not ours")
        found = Observer(stage.deployment).take()
    assert [lane.number for lane in found.lanes] == ["0", "1"]
    assert found.refused == {}


def test_deployment_that_does_not_run_scrapes_as_down():
    found = values(text(Observer("show-nobody")))
    assert found[("corelane_health_score",)] == 0
    assert found[("corelane_exporter_pages",)] == 0


def test_clock_that_nobody_vouches_for_is_infinitely_far(stage):
    stage.clock.view.record.source = lib.HP_CLOCK_SOURCE_NONE
    found = values(text(Observer(stage.deployment)))
    assert found[("corelane_clock_divergence_seconds",)] == float("inf")


def test_enum_names_cover_every_number():
    for table in (names.BOOK_STATES, names.LANE_STATES, names.ORDER_STATES, names.VERDICTS):
        assert sorted(table) == list(range(len(table)))
        assert len(set(table.values())) == len(table)
