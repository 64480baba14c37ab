"""The whole appliance in a control group of 1 GB and one core, the embedded venue outside of it."""

import asyncio
import contextlib
import json
import os
import sys
import time
from pathlib import Path

import pytest

from runtime.supervise.embedded import EmbeddedVenue
from tests.supervise.running import ROOT

MB = 1024 * 1024
ROOT_GROUP = Path("/sys/fs/cgroup")
LANE_BYTES_MAX = 80 * MB  # without what it maps of shared memory
COLD_BYTES_MAX = 60 * MB
SENTINEL_BYTES_MAX = 30 * MB
ALL_BYTES_MAX = 400 * MB


class Box:
    """A control group of this test's own, version 1 or 2."""

    def __init__(self, core):
        name = f"corelane-test-{os.getpid()}"
        if (ROOT_GROUP / "cgroup.controllers").exists():
            self.memory = self.cpuset = ROOT_GROUP / name
            self.peak, self.limit = "memory.peak", "memory.max"
        else:
            self.memory, self.cpuset = (ROOT_GROUP / kind / name for kind in ("memory", "cpuset"))
            self.peak, self.limit = "memory.max_usage_in_bytes", "memory.limit_in_bytes"
        self.folders = list(dict.fromkeys((self.memory, self.cpuset)))
        self.core = core

    def make(self):
        for folder in self.folders:
            folder.mkdir()
        (self.memory / self.limit).write_text(str(1024 * MB))
        if self.memory != self.cpuset:
            mems = self.cpuset.parent / "cpuset.mems"
            (self.cpuset / "cpuset.mems").write_text(mems.read_text())
        (self.cpuset / "cpuset.cpus").write_text(str(self.core))

    def events(self):
        """Return what the memory killer did in the group."""
        names = ("memory.oom_control", "memory.events")
        return next(p.read_text() for name in names if (p := self.memory / name).exists())

    def procs(self):
        return [str(folder / "cgroup.procs") for folder in self.folders]

    def remove(self):
        for folder in self.folders:
            for _ in range(100):
                with contextlib.suppress(FileNotFoundError):
                    try:
                        folder.rmdir()
                    except OSError:  # the last process is just leaving
                        time.sleep(0.1)
                        continue
                break


@pytest.fixture
def box():
    made = Box(max(os.sched_getaffinity(0)))
    try:
        made.make()
    except OSError as error:
        made.remove()
        pytest.skip(f"requires a control group of its own: {error}")
    yield made
    made.remove()


def test_small_box_trades_within_the_budgets(box, tmp_path):
    async def work():
        async with EmbeddedVenue(tmp_path, ["BTCUSDT", "ETHUSDT"]) as venue:
            facts = {
                "deployment": f"box{os.getpid()}",
                "endpoints": venue.endpoints.__dict__,
                "api_key": venue.api_key,
                "key_path": str(venue.key_path),
                "sentinel_key": [venue.sentinel_key[0], str(venue.sentinel_key[1])],
                "orders": 5,
            }
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.supervise.small_box", *box.procs()),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                cwd=ROOT,
                env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
            )
            out, _ = await asyncio.wait_for(process.communicate(json.dumps(facts).encode()), 300)
            return process.returncode, json.loads(out), await venue.record()

    code, end, record = asyncio.run(work())
    assert (code, end["code"]) == (0, 0)
    assert end["topology"].startswith(f"fused lane={box.core}(block) cold={box.core}(merged)")
    assert set(end["roles"]) == {"supervisor", "cold", "sentinel", "lane-0"}
    assert (record["open_orders"], record["orders"]) == (0, end["orders"])
    own = {
        name: found["anon"] + found["file"] for name, found in end["processes"].items()
    }  # each library counts in each process
    print({name: f"{bytes_ / MB:.0f} MB" for name, bytes_ in own.items()})
    assert own["lane-0"] <= LANE_BYTES_MAX
    assert own["cold"] <= COLD_BYTES_MAX
    assert own["sentinel"] <= SENTINEL_BYTES_MAX
    shared = max(found["shmem"] for found in end["processes"].values())
    assert sum(own.values()) + shared <= ALL_BYTES_MAX
    peak = int((box.memory / box.peak).read_text()) if (box.memory / box.peak).exists() else 0
    print(f"peak of the group {peak / MB:.0f} MB, shared {shared / MB:.0f} MB")
    assert peak < 1024 * MB
    assert "oom_kill 0" in box.events()
