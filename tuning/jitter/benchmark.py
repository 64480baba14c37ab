"""Measure what a host does to a thread that wants its core for itself.

Owns:    which cores, how many runs, the order of the parts, the collector; one LatencyProfile.
Refuses: changing the host.  Cores on which somebody else's thread is pinned are skipped unless
         `force` is given.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from tuning.jitter import machine
from tuning.jitter.bench import Bench, JitterError, Pinned
from tuning.jitter.profile import CoreProfile, LatencyProfile

RUNS = 3  # one run differs from the next by a factor of 20 on a shared machine
THRESHOLD_NS = 200
FIFO_BURST_S = 0.8  # real-time throttling takes a spinner's core at 0.95 s of each second
RT_RUNTIME = Path("/proc/sys/kernel/sched_rt_runtime_us")

Progress = Callable[[str, float], None]  # what was done, share of the whole


def split_runs(seconds: float, runs: int, policy: int) -> list[float]:
    """Cut the spinning time into runs; FIFO runs end before throttling would hit them."""
    if policy == os.SCHED_FIFO and machine.first_line(RT_RUNTIME) != "-1":
        runs = max(runs, -(-int(seconds * 1000) // int(FIFO_BURST_S * 1000)))
    return [seconds / runs] * runs


def run_all(threads: list[Pinned], bench: Bench) -> None:
    """Start all threads and wait for them; Ctrl-C ends the spins first, then goes on up."""
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        bench.stop()
        for thread in threads:
            thread.join()
        raise
    for thread in threads:
        if thread.error is not None:
            raise thread.error


def refusals(cores: Iterable[int], force: bool) -> dict[int, str]:
    """Return the cores that are not ours to disturb, with the reason."""
    if force or len(os.sched_getaffinity(0)) == 1:
        return {}
    found = {core: machine.pinned_threads(core) for core in cores}
    return {core: f"pinned there: {', '.join(names)}" for core, names in found.items() if names}


def benchmark_latency(
    cores: Iterable[int] | None = None,
    seconds: float = 10.0,
    *,
    runs: int = RUNS,
    threshold_ns: int = THRESHOLD_NS,
    policy: str = "other",
    together: bool = False,
    wait_seconds: float = 0.5,
    force: bool = False,
    on_progress: Progress | None = None,
) -> LatencyProfile:
    """Spin `seconds` on each core in `runs` parts and report what took it away.

    `together` spins on all cores at once, as an appliance does.  `wait_seconds` is the length of
    each sleep, wake-up and loopback part; 0 leaves them out.  Raises JitterError.
    """
    wanted = sorted(set(machine.default_cores() if cores is None else cores))
    if not wanted or seconds <= 0 or runs < 1:
        raise JitterError(f"cores {wanted}, {seconds} s, {runs} runs; want a core and a time")
    bench = Bench(policy, threshold_ns)
    skipped = refusals(wanted, force)
    measured = [core for core in wanted if core not in skipped]
    parts = split_runs(seconds, runs, bench.scheduling[0])
    steps = len(measured) * (len(parts) + bool(wait_seconds))
    done = 0

    def report(what: str) -> None:
        nonlocal done
        done += 1
        if on_progress is not None:
            on_progress(what, done / steps)

    def spinner(core: int) -> Pinned:
        on_run = partial(report, f"core {core}: spin")
        return Pinned(core, bench.scheduling, partial(bench.core, core, parts, on_run))

    def sleeper(profile: CoreProfile) -> Pinned:
        others = sorted(os.sched_getaffinity(0) - {profile.core})
        partner = others[0] if others else profile.core
        work = partial(bench.waits, profile, wait_seconds, partner)
        return Pinned(profile.core, bench.scheduling, work)

    was_collecting = gc.isenabled()
    gc.disable()
    taken_ns = time.time_ns()
    try:
        spinners = [spinner(core) for core in measured]
        for group in [spinners] if together else [[one] for one in spinners]:
            run_all(group, bench)
        profiles: list[CoreProfile] = [one.result for one in spinners]
        for profile in profiles if wait_seconds else []:
            run_all([sleeper(profile)], bench)
            report(f"core {profile.core}: sleep, wake, loopback")
    finally:
        if was_collecting:
            gc.enable()
    host = machine.fingerprint()
    return LatencyProfile(taken_ns, seconds, together, host, profiles, skipped)
