"""The measurement itself, on the cores of the machine that runs the tests."""

import gc
import json
import os
import subprocess
import sys
import threading
import time
from functools import partial

import pytest

from tuning._host import lib
from tuning.jitter import JitterError, benchmark, benchmark_latency, machine
from tuning.jitter.bench import Bench, Pinned, parse_policy

CORE = max(os.sched_getaffinity(0))

needs_two_cores = pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="requires two cores"
)


@pytest.fixture(scope="module")
def profile():
    return benchmark_latency([CORE], seconds=0.6, runs=2, wait_seconds=0.1, force=True)


def test_profile_is_complete_and_adds_up(profile):
    (core,) = profile.cores
    assert (core.core, len(core.runs)) == (CORE, 2)
    assert sum(count for run in core.runs for _, count, _, _ in run.slots) == core.gaps.count
    assert sum(slot[2] for run in core.runs for slot in run.slots) == core.gaps.sum_ns
    assert core.top[0].length_ns == core.gaps.max_ns
    assert [one.length_ns for one in core.top] == sorted(
        (one.length_ns for one in core.top), reverse=True
    )
    assert all(core.threshold_ns <= upper for _, upper, _ in core.gaps.rows())
    assert set(core.sleeps) == {"timer", "eventfd", "futex"}
    assert all(histogram.count for histogram in core.sleeps.values())
    assert all(histogram.count for histogram in core.loopback.values())
    assert set(core.clock_read_ns) == {"tsc", "monotonic", "realtime"}
    assert all(0 < cost < 100_000 for cost in core.clock_read_ns.values())


def test_profile_is_json_with_the_host_on_it(profile):
    document = json.loads(json.dumps(profile.to_json()))
    assert document["fingerprint"]["id"] == machine.fingerprint()["id"]
    (core,) = document["cores"]
    assert core["figures"]["max_ns"] == core["gaps"]["max"]
    assert 0 < core["resolution_ns"] < core["threshold_ns"]


def test_measurement_leaves_caller_as_it_was():
    affinity, policy = os.sched_getaffinity(0), os.sched_getscheduler(0)
    benchmark_latency([CORE], seconds=0.05, wait_seconds=0, force=True)
    assert os.sched_getaffinity(0) == affinity
    assert os.sched_getscheduler(0) == policy
    assert gc.isenabled()


@needs_two_cores
def test_busy_neighbour_on_the_core_is_seen_and_named():
    """The neighbour's own CPU time inside the run is the oracle for what was stolen."""
    bench = Bench("other", 1_000)
    is_over = threading.Event()
    started = threading.Event()

    def neighbour() -> None:
        started.set()
        while not is_over.is_set():
            sum(range(1_000))

    thread = Pinned(CORE, (os.SCHED_OTHER, 0), neighbour)
    thread.start()
    started.wait()

    def ran_ns() -> int:
        with open(f"/proc/self/task/{thread.native_id}/schedstat") as file:
            return int(file.read().split()[0])

    def measure():
        before = ran_ns()
        spin, run = bench.spin(CORE, 0.6)
        return ran_ns() - before, spin, run

    spinner = Pinned(CORE, (os.SCHED_OTHER, 0), measure)
    spinner.start()
    spinner.join()
    is_over.set()
    thread.join()
    ran, spin, run = spinner.result
    assert ran > 10_000_000, "the neighbour did not run; the test proves nothing"
    assert spin.hiccup.gaps.sum > ran // 2
    assert any("other threads ran on the core" in reason for reason in run.contaminated)


def test_ticks_of_the_core_are_named_as_the_kernel_counted_them():
    def count() -> int:
        from tuning.jitter.attribution import read_counters

        return read_counters(CORE).interrupts["LOC"]

    before = count()
    core = benchmark_latency([CORE], 0.2, runs=1, wait_seconds=0, force=True).cores[0]
    named = {cause.name: cause.count for cause in core.causes()}
    assert named.get("local timer tick (LOC)", 0) <= count() - before


def test_stop_ends_a_running_spin():
    bench = Bench("other", 1_000)
    spinner = Pinned(CORE, (os.SCHED_OTHER, 0), partial(bench.spin, CORE, 3600.0))
    spinner.start()
    while not (bench.spins and bench.spins[0].started_ns):
        time.sleep(0.001)
    bench.stop()
    spinner.join(timeout=60)
    assert not spinner.is_alive()
    assert "stopped before its time" in spinner.result[1].contaminated


@needs_two_cores
def test_core_with_a_foreign_pinned_thread_is_skipped_unless_forced():
    sleeper = subprocess.Popen(
        [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"],
        stdout=subprocess.PIPE,
        preexec_fn=lambda: os.sched_setaffinity(0, {CORE}),
    )
    try:
        assert sleeper.stdout is not None
        sleeper.stdout.readline()
        found = benchmark_latency([CORE], seconds=0.05, wait_seconds=0)
        assert found.cores == []
        assert f" {sleeper.pid} (1 thread)" in found.skipped[CORE]
        forced = benchmark_latency([CORE], seconds=0.05, wait_seconds=0, force=True)
        assert [core.core for core in forced.cores] == [CORE]
    finally:
        sleeper.kill()
        sleeper.wait()
        assert sleeper.stdout is not None
        sleeper.stdout.close()


def test_core_that_does_not_exist_is_an_error_that_says_so():
    with pytest.raises(JitterError, match="core 8000"):
        benchmark_latency([8000], seconds=0.05)


def test_policy_text_is_checked():
    assert parse_policy("fifo:80") == (os.SCHED_FIFO, 80)
    for text in ("fifo", "fifo:0", "fifo:100", "rr:5", ""):
        with pytest.raises(JitterError, match="want other or fifo"):
            parse_policy(text)


def test_fifo_runs_stay_below_the_throttling_time(tmp_path, monkeypatch):
    limit = tmp_path / "sched_rt_runtime_us"
    monkeypatch.setattr(benchmark, "RT_RUNTIME", limit)
    limit.write_text("950000\n")
    parts = benchmark.split_runs(10, 3, os.SCHED_FIFO)
    assert max(parts) <= benchmark.FIFO_BURST_S and abs(sum(parts) - 10) < 1e-9
    limit.write_text("-1\n")
    assert benchmark.split_runs(10, 2, os.SCHED_FIFO) == [5, 5]


def test_wake_pair_refuses_an_unknown_kind():
    from tuning.jitter import Histogram

    assert lib.host_wake_pair(9, 0, 1000, 1000, Histogram().pointer) < 0
