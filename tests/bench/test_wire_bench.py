"""`corelane bench wire`: what it started goes with it."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.pages.page import stale

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60
CODE = """
import time
from benchmarks.wire.wire import Rig
rig = Rig("demo", 10**8)
print(rig.lane.pid, rig.peer.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="requires_cores: two")
def test_lane_and_peer_are_gone_when_the_bench_is_killed():
    """Both spin: left behind they would eat the two cores of whoever measures next."""
    bench = subprocess.Popen([sys.executable, "-c", CODE], cwd=ROOT, stdout=subprocess.PIPE)
    handles = []
    try:
        handles = [os.pidfd_open(int(pid)) for pid in bench.stdout.readline().split()]
        assert len(handles) == 2
        bench.send_signal(signal.SIGKILL)
        bench.wait()
        for handle in handles:
            assert select.select([handle], [], [], SECONDS)[0], "it outlives its bench"
    finally:
        bench.kill()
        for handle in handles:
            if not select.select([handle], [], [], 0)[0]:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            os.close(handle)
        bench.communicate()  # they hold its pipe too
        left = stale(f"bench{bench.pid}")
        for page in left:
            page.unlink()
    assert left  # nobody was left to remove them: the next bench does
