"""How long does a lane stop while a checkpoint of it is taken?

Input:  recorded BTCUSDT frames, 20,000 a second; a lane with the demo strategy and its journal,
        that spins; the archiver in a process of its own, which takes checkpoints as in a run
Load:   windows with a checkpoint and windows of the same length without one, in turn
Needs:  two cores: the lane on the last one, archiver and checkpoints on the first; what the kernel
        gives of the lane's core to others meanwhile is measured and taken off; windows in which
        a hypervisor did so are counted apart

A stop is the time between two looks of the spinning lane, its own work on a frame left out.  Of
each window the longest one counts.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import tempfile
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.journal.journal import SEGMENT, SEGMENTS, SPEC
from hotpath.lane.manual import ManualLane
from runtime._shm import lib
from runtime.lanes.spec import fit
from runtime.pages.page import LANE_BYTES, Page

FRAME_NS = 50_000
LOOKED_AT_NS = 20_000  # a stop so long is looked into: did others run?
WARM_S = 1.0


def others_ns(file: int) -> int:
    """Return for how long this thread has waited for its core."""
    return int(os.pread(file, 100, 0).split()[1])


def archive(deployment: str, directory: Path, core: int, link: Connection) -> None:
    """Copy the ring until the link ends; take a checkpoint for each word that comes over it."""
    from runtime.journal.archiver import Archiver
    from runtime.journal.checkpointer import Checkpointer

    os.sched_setaffinity(0, {core})
    archiver = Archiver(deployment, directory)
    taker = Checkpointer(directory, 0, 5, lambda text: None)
    link.send("ready")
    taking: threading.Thread | None = None
    while True:
        wait_s = archiver.turn()
        if taking is not None and not taking.is_alive():
            taking = None
            link.send(taker.figures.taken)
        if not link.poll(min(wait_s, 0.002)):
            continue
        if link.recv() != "checkpoint":
            break
        taking = threading.Thread(target=taker.take, args=("bench",))
        taking.start()
    archiver.close()


def stolen(core: int) -> int:
    """Return how often (in ticks of 10 ms) the hypervisor gave this core to others."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            return int(line.split()[8])
    return 0


class Window(NamedTuple):
    looks: int
    stop_ns: int  # the longest
    own_ns: int  # the longest, others' time on the core taken off
    is_quiet: bool  # the hypervisor left the core alone


class Spinner:
    """A lane that spins: takes a frame each 50 us, and looks at the clock in between."""

    def __init__(self, lane: Any, frames: list[bytes], schedstat: int) -> None:
        self.lane, self.frames, self.schedstat = lane, frames, schedstat
        self.core = max(os.sched_getaffinity(0))
        self.at = 0
        self.due_ns = time.perf_counter_ns()

    def for_ns(self, length_ns: int) -> Window:
        end = time.perf_counter_ns() + length_ns
        return self.window(lambda now: now >= end)

    def window(self, is_over: Any) -> Window:
        before = stolen(self.core)
        found = self.until(is_over)
        return Window(*found, stolen(self.core) == before)

    def until(self, is_over: Any) -> tuple[int, int, int]:
        """Spin until is_over(), asked each frame; return looks, longest stop, the same without
        others."""
        now, clock = time.perf_counter_ns(), time.perf_counter_ns
        looks = longest = own = 0
        waited = others_ns(self.schedstat)
        self.due_ns = now
        while True:
            before, now = now, clock()
            looks += 1
            stop = now - before
            if stop > longest or stop > LOOKED_AT_NS:
                longest = max(longest, stop)
                before_ns, waited = waited, others_ns(self.schedstat)
                own = max(own, stop - (waited - before_ns))
                now = clock()
            if now >= self.due_ns:
                self.due_ns = max(now, self.due_ns + FRAME_NS)
                self.lane.now_ns += FRAME_NS
                self.lane.frame(self.frames[self.at])
                self.at = (self.at + 1) % len(self.frames)
                if is_over(now):
                    return looks, longest, own
                now = clock()


def quantiles(stops: list[int]) -> dict[str, float]:
    held = sorted(stops) or [0]

    def at(share: float) -> float:
        return round(held[min(len(held) - 1, int(share * len(held)))] / 1000, 1)

    return {"p50_us": at(0.5), "p99_us": at(0.99), "max_us": at(1.0)}


def pause(rounds: int, frames: list[bytes]) -> dict[str, Any]:
    """Return the longest stops of windows with and without a checkpoint."""
    from venues.binance.usdm.codec import Codec

    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise RuntimeError("one core: a lane there blocks and shares it; no figures")
    deployment = f"pause{os.getpid()}"
    size = 4096 + SEGMENTS * SEGMENT
    page = Page.make(deployment, "journal.0", "hp_page_t", lib.HP_PAGE_JOURNAL, size)
    schedstat = os.open("/proc/self/schedstat", os.O_RDONLY)
    before_cores = os.sched_getaffinity(0)
    ours, theirs = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory(prefix="corelane-bench-") as folder:
        os.environ["XDG_STATE_HOME"] = f"{folder}/state"
        child = multiprocessing.get_context("fork").Process(
            target=archive, args=(deployment, Path(folder) / "run", cores[0], theirs)
        )
        try:
            lane = ManualLane(
                Codec(prefix="bench"), bytearray(LANE_BYTES), epoch=1, journal=page.map,
                segment_bytes=SEGMENT, segment_count=SEGMENTS,
                clock=(time.monotonic_ns(), time.time_ns()),
            )  # fmt: skip
            fit(lane, json.loads(json.dumps(SPEC)))
            lane.start_strategies()
            lane.session()
            lane.arm()
            child.start()
            os.sched_setaffinity(0, {cores[-1]})
            if not ours.poll(30) or ours.recv() != "ready":
                raise RuntimeError("the archiver did not start")
            return measure(rounds, Spinner(lane, frames, schedstat), ours)
        finally:
            if child.pid:
                ours.send("end")
                child.join(30)
                child.kill()
            os.close(schedstat)
            os.sched_setaffinity(0, before_cores)
            page.remove()


def measure(rounds: int, spinner: Spinner, link: Connection) -> dict[str, Any]:
    found: dict[str, list[Window]] = {"with": [], "without": []}
    lengths: list[int] = []
    gc.disable()
    try:
        spinner.for_ns(int(WARM_S * 1e9))
        for _ in range(rounds):
            link.send("checkpoint")
            began = time.perf_counter_ns()
            found["with"].append(spinner.window(lambda now: link.poll(0)))
            if not link.recv():
                raise RuntimeError("no checkpoint was taken")
            lengths.append(time.perf_counter_ns() - began)
            found["without"].append(spinner.for_ns(lengths[-1]))
    finally:
        gc.enable()
    out: dict[str, Any] = {"rounds": rounds, "checkpoint_ms": round(sum(lengths) / rounds / 1e6)}
    for name, windows in found.items():
        out[name] = {
            "looks": sum(one.looks for one in windows),
            "own": quantiles([one.own_ns for one in windows]),
            "quiet": sum(one.is_quiet for one in windows),
            "quiet_own": quantiles([one.own_ns for one in windows if one.is_quiet]),
            "with_others": quantiles([one.stop_ns for one in windows]),
        }
    return out
