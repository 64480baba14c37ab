"""What runs on one core: the spin, the sleeps, and the pinned thread that carries them.

Owns:    one measuring thread per core, its pin (read back), its policy, its counters.
Refuses: choosing cores, the order of the parts (benchmark.py), changing the host: affinity and
         policy belong to threads that end with the measurement.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

from tuning._host import ffi, lib
from tuning.jitter.attribution import contamination, difference, read_counters
from tuning.jitter.histogram import Histogram
from tuning.jitter.profile import CoreProfile, Hiccup, Run

CALIBRATE_NS = 20_000_000
FIFO_REST_S = 0.25
SETTLE_S = 0.05
TIMER_INTERVAL_NS = 500_000
WAKE_PAUSE_NS = 200_000
CLOCKS = {"tsc": -1, "monotonic": time.CLOCK_MONOTONIC, "realtime": time.CLOCK_REALTIME}


class JitterError(Exception):
    """The measurement could not be made as asked."""


def parse_policy(text: str) -> tuple[int, int]:
    """Return (policy, priority) of `other` or `fifo:PRIORITY`."""
    if text == "other":
        return os.SCHED_OTHER, 0
    name, _, priority = text.partition(":")
    if name == "fifo" and priority.isdigit() and 1 <= int(priority) <= 99:
        return os.SCHED_FIFO, int(priority)
    raise JitterError(f"policy {text!r} is unknown; want other or fifo:1 to fifo:99")


class Bench:
    """One measurement of several cores.  `stop()` may be called from another thread."""

    def __init__(self, policy: str, threshold_ns: int) -> None:
        self.policy = policy
        self.scheduling = parse_policy(policy)
        self.threshold_ns = threshold_ns
        self.calibration: Any = ffi.new("hp_calibration_t *")
        lib.hp_calibrate(self.calibration, CALIBRATE_NS)
        self.spins: list[Any] = []
        self.is_stopped = False

    def stop(self) -> None:
        self.is_stopped = True
        for spin in list(self.spins):
            spin.stop = 1

    def spin(self, core: int, seconds: float) -> tuple[Any, Run]:
        """Spin once in the calling thread, which is pinned already."""
        spin = ffi.new("host_spin_t *")
        self.spins.append(spin)
        spin.threshold_ns = self.threshold_ns
        spin.duration_ns = int(seconds * 1e9)
        spin.stop = int(self.is_stopped)
        before = read_counters(core)
        lib.host_spin(spin, self.calibration)
        counters = difference(before, read_counters(core))
        slots = [
            [slot, int(one.count), int(one.stolen_ns), int(one.max_ns)]
            for slot, one in enumerate(spin.slots)
            if one.count
        ]
        elapsed = int(spin.elapsed_ns)
        reasons = contamination(counters, elapsed)
        if self.is_stopped:
            reasons.append("stopped before its time")
        run = Run(int(spin.started_ns), elapsed, int(spin.turn_ps), slots, counters, reasons)
        return spin, run

    def core(self, core: int, parts: list[float], on_run: Callable[[], None]) -> CoreProfile:
        """Spin all runs on `core`, in a thread of its own that is pinned there."""
        gaps, top, runs = Histogram(), [], []
        time.sleep(SETTLE_S)  # the thread that started us goes to sleep meanwhile
        for number, seconds in enumerate(parts):
            if self.is_stopped:
                break
            if number and self.scheduling[0] == os.SCHED_FIFO:
                time.sleep(FIFO_REST_S)
            spin, run = self.spin(core, seconds)
            gaps.merge(Histogram(spin.hiccup.gaps))
            runs.append(run)
            top += [Hiccup(number, int(one.at_ns), int(one.length_ns)) for one in spin.top]
            on_run()
        top = sorted((one for one in top if one.length_ns), key=lambda one: -one.length_ns)
        slots = int(lib.HOST_SPIN_SLOTS)
        kept = top[: int(lib.HOST_SPIN_TOP)]
        return CoreProfile(core, self.policy, self.threshold_ns, slots, runs, gaps, kept)

    def waits(self, profile: CoreProfile, seconds: float, partner: int) -> None:
        """Measure sleeping, waking, loopback and clock reads on the profile's core."""

        def check(error: int, what: str) -> None:
            if error:
                raise JitterError(f"{what} on core {profile.core}: {os.strerror(-error)}")

        span = int(seconds * 1e9)
        sleeps = {name: Histogram() for name in ("timer", "eventfd", "futex")}
        check(lib.host_wake_timer(span, TIMER_INTERVAL_NS, sleeps["timer"].pointer), "timer")
        for name, kind in (("eventfd", lib.HOST_WAKE_EVENTFD), ("futex", lib.HOST_WAKE_FUTEX)):
            error = lib.host_wake_pair(kind, partner, span, WAKE_PAUSE_NS, sleeps[name].pointer)
            check(error, name)
        profile.sleeps.update(sleeps)
        for name, spinning in (("blocking", 0), ("spinning", 1)):
            if spinning and partner == profile.core:
                continue  # two spinners on one core only measure the scheduler's slice
            histogram = Histogram()
            check(lib.host_loopback(spinning, partner, span, histogram.pointer), "loopback")
            profile.loopback[name] = histogram
        for name, clock in CLOCKS.items():
            profile.clock_read_ns[name] = lib.host_clock_cost_ps(clock, 100) / 1000


class Pinned(threading.Thread):
    """A thread that pins itself, reads the pin back, works and keeps its outcome."""

    def __init__(self, core: int, scheduling: tuple[int, int], work: Callable[[], Any]) -> None:
        super().__init__(name=f"jitter-{core}", daemon=True)
        self.core, self.scheduling, self.work = core, scheduling, work
        self.result: Any = None
        self.error: BaseException | None = None

    def be_urgent(self, policy: int, priority: int) -> None:
        try:
            os.sched_setscheduler(0, policy, os.sched_param(priority))
        except PermissionError as error:
            raise JitterError(
                f"core {self.core}: real-time priority {priority} is refused; "
                "run as root, or raise RLIMIT_RTPRIO"
            ) from error

    def run(self) -> None:
        try:
            os.sched_setaffinity(0, {self.core})
            if os.sched_getaffinity(0) != {self.core}:
                raise JitterError(f"core {self.core}: the pin was not taken")
            policy, priority = self.scheduling
            if policy != os.SCHED_OTHER:
                self.be_urgent(policy, priority)
            self.result = self.work()
        except OSError as error:
            self.error = JitterError(f"core {self.core}: {error.strerror}")
        except BaseException as error:
            self.error = error
