"""The appliance as a person starts it.

Real processes, real sockets, the venue's own record as judge.
"""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from ops.time import choose_profile
from tests.supervise.running import check, trade
from tuning.time import Where, judge, load_limits, observe

ROOT = Path(__file__).resolve().parents[2]
CORELANE = [sys.executable, "-m", "ops"]


NUMBERS = itertools.count()
PATIENCE_S = 120


@pytest.fixture
def place(tmp_path):
    """Environment of one run: own state, and a name that what a failed test left cannot hold."""
    return {
        "env": {**os.environ, "XDG_STATE_HOME": str(tmp_path)},
        "name": f"t{os.getpid()}n{next(NUMBERS)}",
        "tmp": tmp_path,
    }


def command(place, *arguments, start=CORELANE):
    """The lane blocks: two tests may run at a time.  tests/spin has those whose lane spins."""
    name = ["--deployment", place["name"], "--metrics-port", "0"]
    return [*start, "run", *name, "--blocking", *arguments]


def run(place, *arguments, **more):
    return subprocess.run(
        command(place, *arguments, **more),
        cwd=ROOT,
        env=place["env"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


@pytest.mark.parametrize(
    "arguments",
    [(), ("--strategy", "demo-native"), ("--tls",)],
    ids=["python", "native", "tls"],
)
def test_run_trades_drains_and_agrees_with_the_venue(tmp_path, arguments):
    end = trade(tmp_path, *arguments)
    assert {row["hop"] for row in end["latency"]} >= {"decode", "send", "tick_to_trade"}
    for name, held in end["symbols"].items():
        assert held["position_lots"] == held["bought_lots"] - held["sold_lots"], name


def test_clock_policy_block_trades_only_where_somebody_vouches_for_the_clock(place, tmp_path):
    """The host itself is the judge: with a source of time it trades, without one it does not."""
    status = judge(observe(Where()), load_limits(choose_profile()[0]))
    policy = ("--clock", "block", "--clock-ms-max", "1000")
    if status.record.source:
        trade(tmp_path, *policy)
    else:
        done = run(place, "--duration", "3", "--json", *policy)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout.splitlines()[-1])["orders"] == 0
        assert "clock.unsure" in done.stderr


def test_second_start_uses_a_higher_epoch_and_a_disagreement_exits_1(place):
    """A run that lost a fill is not good, however well it drained."""
    done = run(place, "--duration", "1", "--json")
    check(done.returncode, json.loads(done.stdout.splitlines()[-1]), done.stderr)
    code = (
        "import sys, ops.run as r; r.agrees = lambda *_: False; from ops.cli import main;"
        " sys.exit(main(sys.argv[1:]))"
    )
    done = run(place, "--duration", "1", start=(sys.executable, "-c", code))
    assert done.returncode == 1, done.stderr
    assert "DISAGREE" in done.stdout
    assert (place["tmp"] / "corelane" / place["name"] / "epoch").read_text() == "2\n"


def test_run_is_not_started_twice_serves_metrics_and_drains_on_ctrl_c(place):
    """Two lanes of one account would double every order: the second start refuses by name."""
    process = subprocess.Popen(
        command(place),
        cwd=ROOT,
        env=place["env"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        lines = [process.stdout.readline() for _ in range(4)]
        second = run(place, "--duration", "2")
        assert second.returncode == 2
        assert "is running already" in second.stderr
        port = re.search(r"metrics http://127.0.0.1:(\d+)/metrics", lines[0]).group(1)
        text, until = "", time.monotonic() + PATIENCE_S
        while not re.search(r'corelane_orders_sent_total\{lane="0"\} [1-9]', text):
            assert time.monotonic() < until, text
            time.sleep(0.05)
            text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
        assert re.search(r'corelane_hiccup_seconds_count\{core="\d+",lane="0"\} \d', text)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the whole group
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        if process.poll() is None:
            process.kill()
    assert process.returncode == 0, err
    assert "latency profile, microseconds" in out
    assert "lane and venue agree; 0 orders open, 0 unknown; drained" in out
    assert re.match(r"\s*\d+s \w+\s+msg", lines[-1])


def test_dead_supervisor_makes_every_process_leave(place):
    """kill -9 of the supervisor: the lane drains by itself and no process stays behind."""
    process = subprocess.Popen(
        command(place),
        cwd=ROOT,
        env=place["env"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(3):
        process.stdout.readline()
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True
    ).stdout.split()
    names = sorted(Path(f"/proc/{pid}/comm").read_text().strip() for pid in children)
    started = {"authority", "exporter", "lane-0", "sentinel", "session"}
    assert started <= set(names)
    assert len(children) == len(started) + 1  # and the embedded venue
    process.kill()
    process.wait()
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and any(Path(f"/proc/{pid}").exists() for pid in children):
        time.sleep(0.1)
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    for path in Path("/dev/shm").glob(f"corelane.{place['name']}.*"):
        path.unlink()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--strategy", "nowhere.py:X"), "strategy file .*nowhere.py does not exist"),
        (("--strategy", "nothing"), "want path.py:Class, module:Class or one of demo, demo-native"),
        (("--strategy", "strategies.demo.imbalance:Nope"), "has no strategy class 'Nope'"),
        (("--param", "depth=99"), r"parameter depth is 99; want 1\.\.20"),
        (("--symbols", "NOSUCH"), "symbol NOSUCH is unknown"),
    ],
)
def test_what_cannot_run_says_why_and_exits_2(place, arguments, words):
    done = run(place, "--duration", "2", *arguments)
    assert done.returncode == 2
    assert re.search(words, done.stderr), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("field", "change"), [("fills", 1), ("realised_e8", -1), ("orders_accepted", 1)]
)
def test_disagreement_with_the_venue_is_found(field, change):
    """The venue's record is the judge: one fill, order or 1e-8 apart is not agreement."""
    from ops.run import agrees

    summary = {"orders_accepted": 5, "fills": 4, "realised_e8": 10, "fees_e8": 2}
    summary["symbols"] = {"BTCUSDT": {"position_lots": 3}}
    record = {**summary, "positions": {"BTCUSDT": 3}}
    assert agrees(summary, record)
    assert not agrees(summary, {**record, field: record[field] + change})
    assert not agrees(summary, {**record, "positions": {}})
