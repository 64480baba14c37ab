"""The process of one lane: build it from a specification on standard input, run it, exit.

Owns:    the order of start: read, import, build, warm up, pin, freeze, lock, connect.
Refuses: everything else; what it needs to say goes through its page and its mail.

The specification is JSON from the cold side, which also made every page named in it.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
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
from runtime.pages import Page

UNRECORDED = {"ca"}  # keys of the specification that a re-run has no use for


def load_strategy(text: str) -> type:
    """Return the class that `path.py:Class`, `module:Class` or a shipped name stands for."""
    from strategies import Strategy
    from strategies.shipped import SHIPPED

    text = SHIPPED.get(text, text)
    where, _, name = text.partition(":")
    if not name:
        raise ValueError(
            f"strategy {text!r}: want path.py:Class, module:Class or one of "
            f"{', '.join(sorted(SHIPPED))}"
        )
    if where.endswith(".py"):
        path = Path(where).resolve()
        if not path.is_file():
            raise ValueError(f"strategy file {path} does not exist")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(where)
    found = getattr(module, name, None)
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise ValueError(f"{where} has no strategy class {name!r}")
    return found


def build(spec: dict[str, Any]) -> LiveLane:
    """Make the lane that a specification describes, inside a running loop."""
    venue = importlib.import_module(spec["codec"])
    codec = venue.Codec(prefix=spec["prefix"])
    deployment = spec["deployment"]
    page = Page.open(deployment, "lane.0", "hp_lane_page_t", writable=True)
    journal = Page.open(deployment, "journal.0", "hp_page_t", writable=True)
    mails = [
        Page.open(deployment, f"mail.{way}.0", "hp_page_t", writable=True) for way in ("in", "out")
    ]
    controls = [
        Page.open(deployment, f"control.{writer}", "hp_control_page_t")
        for writer in spec["controls"]
    ]
    clock = Page.open(deployment, "clock", "hp_clock_page_t")
    context = None
    if spec.get("ca"):
        context = ssl.create_default_context(cafile=spec["ca"])
    lane = LiveLane(
        codec,
        page.map,
        lane=0,
        epoch=spec["epoch"],
        journal=journal.map,
        segment_bytes=spec["segment_bytes"],
        segment_count=spec["segment_count"],
        clock=(time.monotonic_ns(), time.time_ns()),
        mail_in=mails[0].map,
        mail_out=mails[1].map,
        controls=[c.map for c in controls],
        clock_page=clock.map,
        urls={"market": spec["market"], "orders": spec["orders"], "user": None, "ssl": context},
        spin=spec["spin"],
    )
    lane.describe(json.dumps({key: spec[key] for key in spec if key not in UNRECORDED}))
    lane.calibrate()
    for item in spec["instruments"]:
        lane.add_instrument(item["id"], item["symbol"], limits=item["limits"], **item["about"])
    lane.set_rate(0, *spec["rate"])
    lane.set_clock_policy(spec["clock_ns_max"], spec["clock_warns"])
    for text in spec["strategies"]:
        lane.add_strategy(load_strategy(text)(**spec["parameters"]))
    return lane


async def run(spec: dict[str, Any]) -> int:
    lane = build(spec)
    reached = lane.settle(spec["core"], lock=spec["lock"])
    lane.log(
        f"lane.started pid={os.getpid()} core={reached['core']} locked={reached['locked']} "
        f"spin={int(spec['spin'])}"
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
    # The cold side decides when a lane ends: a terminal's Ctrl-C reaches the whole group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    spec = json.loads(sys.stdin.read())
    Path("/proc/self/comm").write_text("lane-0")  # how ps, perf and the host's baseline know it
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run(spec))


if __name__ == "__main__":
    sys.exit(main())
