"""The process of one lane: build it from a specification on standard input, run it, exit.

Owns:    the order of start: read, import, build, warm up, pin, freeze, lock, connect.
Refuses: everything else; what it needs to say goes through its page and its mail.

The specification is one line of JSON from the supervisor, which also made every page named in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import Any

import uvloop

from hotpath.lane.live import LiveLane
from runtime.lanes.spec import NO_FEEDS, fit, make_codec
from runtime.pages.page import Page
from runtime.show.logs import forward
from runtime.supervise.conditions import can_lock_all


def build(spec: dict[str, Any]) -> LiveLane:
    """Make the lane that a specification describes, inside a running loop."""
    codec = make_codec(spec)
    deployment = spec["deployment"]
    number = spec.get("number", 0)
    page = Page.open(deployment, f"lane.{number}", "hp_lane_page_t", writable=True)
    journal = Page.open(deployment, f"journal.{number}", "hp_page_t", writable=True)
    pair = None
    if "pair" in spec:  # the ring by which the other lane speaks, and our own
        pair = tuple(
            Page.open(deployment, name, "hp_page_t", writable=True).map for name in spec["pair"]
        )
    rings = {
        ring: Page.open(deployment, f"{ring}.{number}", "hp_page_t", writable=True).map
        for ring in ("mail.in", "mail.out", "log")
    }
    controls = [
        Page.open(deployment, f"control.{writer}", "hp_control_page_t")
        for writer in spec["controls"]
    ]
    clock = Page.open(deployment, "clock", "hp_clock_page_t")
    limits = None
    if spec["has_authority"]:
        limits = Page.open(deployment, f"limits.{number}", "hp_limits_page_t")
    lease = Page.open(deployment, "lease", "hp_lease_page_t") if spec.get("lease") else None
    context = None
    if spec.get("ca"):
        context = ssl.create_default_context(cafile=spec["ca"])
    lane = LiveLane(
        codec,
        page.map,
        lane=number,
        role=spec.get("role", "fused"),
        pair=pair,
        peer_ms_max=spec.get("peer_ms_max", 0),
        epoch=spec["epoch"],
        journal=journal.map,
        segment_bytes=spec["segment_bytes"],
        segment_count=spec["segment_count"],
        is_archived=spec["is_archived"],
        read_lag_ms=spec["read_lag_ms"],
        clock=(time.monotonic_ns(), time.time_ns()),
        mail_in=rings["mail.in"],
        mail_out=rings["mail.out"],
        log_ring=rings["log"],
        bells=spec["bells"],
        supervisor=spec["supervisor"],
        controls=[c.map for c in controls],
        clock_page=clock.map,
        limits_page=limits.map if limits else None,
        lease_page=None if lease is None else lease.map,
        urls={
            "market": spec["market"] * spec.get("lines", 1),
            "orders": spec["orders"],
            "user": None,
            "ssl": context,
        },
        spin=spec["spin"],
    )
    lane.calibrate()
    fit(lane, spec)
    if limits is not None:
        lane.set_limit_lease(0, 0)  # no new risk before the authority has lent limits
    for stream in spec.get("feeds", NO_FEEDS)["streams"]:
        lane.set_stream_texts(stream["instrument"], stream["kind"], stream["renewal"])
    return lane


async def run(spec: dict[str, Any]) -> int:
    lane = build(spec)
    forward(lane.log, "lane.log")  # asyncio, picows and aiofastnet speak through the mail ring too
    if spec["core"] is None:
        with contextlib.suppress(OSError):  # then it stays on the cold processes' cores
            os.sched_setaffinity(0, spec["cores"])
    reached = lane.settle(spec["core"], lock=spec["lock"], lock_all=can_lock_all())
    lane.log(
        f"lane.started pid={os.getpid()} core={reached['core']} locked={reached['locked']} "
        f"spin={int(lane.is_spinning)}"
    )
    return int(await lane.run())


THREAD_STACK_BYTES = 512 * 1024


def main() -> int:
    # Every mapping of a lane is locked, so the stacks of the resolver's threads count in full:
    # one thread, small.
    os.environ["UV_THREADPOOL_SIZE"] = "1"
    _, hard = resource.getrlimit(resource.RLIMIT_STACK)
    resource.setrlimit(resource.RLIMIT_STACK, (2 * 1024 * 1024, hard))
    threading.stack_size(THREAD_STACK_BYTES)
    # The supervisor decides when a lane ends: a terminal's Ctrl-C reaches the whole group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    spec = json.loads(sys.stdin.readline())
    name = f"lane-{spec.get('number', 0)}"  # how ps, perf and the host's baseline know it
    Path("/proc/self/comm").write_text(name)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run(spec))


if __name__ == "__main__":
    sys.exit(main())
