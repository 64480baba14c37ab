"""Kills under load, judged by the venue's own record; `make drill N=200` is the long form."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("policy", "kills", "seed"), [("cancel", 14, 11), ("adopt", 6, 12)], ids=["cancel", "adopt"]
)
def test_killed_lanes_leave_no_difference_to_the_venue(policy, kills, seed):
    """No order doubled or forgotten; positions, money and fills equal after each of 20 kills."""
    command = [sys.executable, "-m", "ops", "drill", "--json", "--policy", policy]
    command += ["--kills", str(kills), "--seed", str(seed), "--deployment", f"d{os.getpid()}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, (done.stdout, done.stderr)
    found = json.loads(done.stdout)
    assert found["violations"] == []
    assert found["kills"] == kills
    assert found["fills"] > kills
    assert not list(Path("/dev/shm").glob(f"corelane.d{os.getpid()}.*"))


def test_drill_sees_a_planted_difference(tmp_path):
    """A judge that finds nothing must be able to find something: one fill is booked twice."""
    code = (
        "import sys, ops.drill as d; own = d.Drill.position_differences\n"
        "def off(self, summary, record):\n"
        "    record['positions'][0]['lots'] += 1\n"
        "    return own(self, summary, record)\n"
        "d.Drill.position_differences = off; d.SETTLE_SECONDS_MAX = 0.2\n"
        "from ops.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "drill", "--kills", "1", "--json"]
    command += ["--deployment", f"d{os.getpid()}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1, done.stderr
    assert "lots: lane" in str(json.loads(done.stdout)["violations"])
