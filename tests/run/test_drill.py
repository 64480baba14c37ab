"""Kills under load, judged by the venue's own record; `make drill N=200` is the long form."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ops import drill_archive
from ops.cli import main
from runtime._shm import lib
from runtime.journal.recovery import recover
from runtime.show.observer import Observer

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 120


@pytest.mark.parametrize(
    ("policy", "kills", "seed"), [("cancel", 8, 11), ("adopt", 6, 12)], ids=["cancel", "adopt"]
)
def test_killed_lanes_leave_no_difference_to_the_venue(policy, kills, seed):
    """No order doubled or forgotten; positions, money and fills equal after each kill."""
    command = [sys.executable, "-m", "ops", "drill", "--json", "--policy", policy]
    command += ["--kills", str(kills), "--seed", str(seed), "--deployment", f"d{os.getpid()}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, (done.stdout, done.stderr)
    found = json.loads(done.stdout)
    assert found["violations"] == []
    assert found["kills"] == kills
    assert found["fills"] >= sum(found["modes"].values())  # each round traded before its kill
    assert not list(Path("/dev/shm").glob(f"corelane.d{os.getpid()}.*"))


def test_lane_whose_ring_is_lost_goes_on_from_the_archive(tmp_path):
    """Kills with the archive on, the ring lost with the lane: the venue's record judges."""
    code = (
        "import sys, ops.drill as d; d.MODES = (); d.FAULT_SHARE = 0.0\n"
        "from ops.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "drill", "--kills", "2", "--seed", "5", "--json"]
    command += ["--journal", str(tmp_path / "run"), "--deployment", f"d{os.getpid()}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (done.stdout, done.stderr)
    found = json.loads(done.stdout)
    assert found["violations"] == []
    assert found["modes"] == {"lost": 2} and found["recovered_from_archive"] == 2
    assert recover(tmp_path / "run").evidence(0) is not None
    archive = found["archive"]
    assert archive["conserved"] and archive["verified"]
    assert archive["wallet_e8"] == found["balance_e8"] and archive["entries"] > 0
    (key,) = archive["keys"]  # the drill's state is gone, its key is known by its id
    assert main(["ledger", "check", str(tmp_path / "run")]) == 0
    assert main(["ledger", "verify", str(tmp_path / "run"), "--key", key]) == 0
    _, wrong = drill_archive.judge(tmp_path / "run", found["balance_e8"] + 1)
    assert len(wrong) == 1 and wrong[0].startswith("wallet: ")
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


def armed(observer, process, other_than=0):
    """Wait until the lane may trade, however slowly it starts; return its pid."""

    def pid(lane):
        is_armed = lane.state == lib.HP_LANE_ARMED and lane.is_alive
        return lane.pid if is_armed and lane.pid != other_than else 0

    return first_of(observer, process, pid)


def trades(observer, process):
    """Wait until more orders than that have left and some were filled."""
    lane = observer.take().lanes[0]
    orders, fills = lane.counters["orders_sent"] + 10, lane.counters["fills"]

    def is_so(lane):
        return lane.counters["orders_sent"] >= orders and lane.counters["fills"] > fills

    first_of(observer, process, is_so)


def first_of(observer, process, wanted):
    """Return the first true answer about a lane."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        for lane in observer.take().lanes:
            if found := wanted(lane):
                return found
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, observer.take().lanes
        time.sleep(0.05)


def test_run_with_a_killed_lane_agrees_and_runs_again_equal(tmp_path):
    """Totals go on over lives, and each life is a function of its recorded inputs alone."""
    name, run = f"d{os.getpid()}k", tmp_path / "run"
    corelane = [sys.executable, "-m", "ops"]
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    command = [*corelane, "run", "--strategy", "strategies.drill.load:Load", "--blocking"]
    command += ["--deployment", name, "--metrics-port", "0", "--journal", str(run), "--json"]
    pipe, observer = subprocess.PIPE, Observer(name)
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=pipe, stderr=pipe, text=True)
    try:
        first = armed(observer, process)
        trades(observer, process)
        os.kill(first, signal.SIGKILL)
        armed(observer, process, other_than=first)
        trades(observer, process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    finally:
        if process.poll() is None:
            process.kill()
    assert process.returncode == 0, (out, err)
    end = json.loads(out.splitlines()[-1])
    assert end["agrees_with_venue"], end
    assert end["orders"] > 0
    again = subprocess.run(
        [*corelane, "replay", str(run)], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert again.returncode == 0, again.stdout
    assert again.stdout.count("EQUAL") == 2
