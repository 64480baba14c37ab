"""Commands to an appliance that really runs: asked, obeyed, explained, ended."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ops.cli import main
from runtime.control_socket import socket_path
from runtime.observer import Observer
from runtime.status import status

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60


class Run:
    def __init__(self, folder):
        self.name = f"showrun{os.getpid()}"
        self.log = (folder / "log").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ops", "run", "--deployment", self.name, "--metrics-port", "0"],
            cwd=ROOT,
            stdout=self.log,
            stderr=self.log,
            env=dict(os.environ),
        )
        self.observer = Observer(self.name)

    def text(self):
        return Path(self.log.name).read_text()

    def until(self, true, what):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            found = self.observer.take()
            if found.lanes and true(found):
                return found
            assert time.monotonic() < deadline, f"{what} did not come\n{self.text()[-3000:]}"
            assert self.process.poll() is None, self.text()[-3000:]
            time.sleep(0.05)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("run")
    patch.setenv("XDG_STATE_HOME", str(folder))
    run = Run(folder)
    try:
        run.until(lambda found: found.total("fills") >= 2, "two fills")
        yield run
    finally:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()
        run.log.close()
        patch.undo()


def corelane(capsys, *words):
    """Run a command in this process; return (exit code, standard output, standard error)."""
    code = main(list(words))
    out, err = capsys.readouterr()
    return code, out, err


def test_status_says_what_runs(running, capsys):
    code, out, _ = corelane(capsys, "status", "--json", "--deployment", running.name)
    found = json.loads(out)
    assert found["state"] == "armed", found
    assert (code == 0) == (found["health"]["score"] >= 80)
    lane = found["lanes"][0]
    assert lane["name"] == "lane-0"
    assert Path(f"/proc/{lane['pid']}/comm").read_text() == "lane-0\n"
    assert {one["symbol"] for one in found["instruments"]} == {"BTCUSDT", "ETHUSDT"}
    assert found["verdicts"]["pass"] > 0
    text = corelane(capsys, "status", "--deployment", running.name)[1]
    assert text.startswith(f"status  deployment={running.name}  state=armed")
    assert max(map(len, text.splitlines())) < 200


def test_why_tells_an_order_that_was_filled(running, capsys):
    """The id as the venue writes it, and its number, find the same records."""
    from runtime._shm import lib
    from runtime.journal import Tailer

    tailer = Tailer.open(running.name)
    orders = [
        int.from_bytes(record.payload[:8], "little")  # client_id
        for record in tailer.read(kinds={lib.HP_RECORD_ORDER})
    ]
    tailer.close()
    code, out, _ = corelane(capsys, "status", "--deployment", running.name, "--why", str(orders[0]))
    assert code == 0
    assert re.match(r"lane-0 intent \d+: place (buy|sell) [\d.]+ (BTC|ETH)USDT at [\d.]+", out)
    assert "\ngate: passed every check, notional " in out
    assert f"\norder {orders[0]}: " in out
    venue = f"{running.name[:12]}-{orders[0]:016x}"
    assert corelane(capsys, "status", "--deployment", running.name, "--why", venue)[1] == out
    code, out, _ = corelane(capsys, "status", "--deployment", running.name, "--why", "123456789012")
    assert code == 1
    assert re.match(r"no record of 123456789012 .*reach back: lane-0 [\d.]+ m?s", out)


def test_freeze_resume_kill_and_drain_are_obeyed_journaled_and_logged(running, capsys):
    name = ["--deployment", running.name]
    code, out, _ = corelane(capsys, "freeze", "--reason", "lunch", *name)
    assert code == 0, out
    assert "lane-0    obeys" in out
    assert "0 orders open" in out
    frozen = running.observer.take()
    assert status(frozen)["state"] == "frozen"
    code = corelane(capsys, "status", *name)[0]
    assert code == 1
    sent = frozen.total("orders_sent")
    time.sleep(0.5)
    assert running.observer.take().total("orders_sent") == sent
    assert corelane(capsys, "resume", *name)[0] == 0
    running.until(lambda found: found.total("orders_sent") > sent, "an order after resume")
    code, out, _ = corelane(capsys, "kill", "--json", *name)
    answer = json.loads(out)
    assert (code, answer["obeyed"], answer["open_orders"]) == (0, True, 0)
    assert status(running.observer.take())["state"] == "killed"
    assert changes(running.name) == [["freeze"], [], ["kill"]]
    code, out, _ = corelane(capsys, "drain", *name)
    assert code == 0, out
    assert "the appliance has left" in out
    assert running.process.wait(PATIENCE_S) == 0, running.text()
    for word in ("freeze", "resume", "kill", "drain"):
        assert f"control.{word} pid={os.getpid()} uid={os.geteuid()} reason=" in running.text()
    assert "reason='lunch'" in running.text()
    assert not socket_path(running.name).exists()
    code, _, err = corelane(capsys, "status", *name)
    assert (code, "is it running?" in err) == (2, True)
    code, _, err = corelane(capsys, "kill", *name)
    assert (code, "is it running?" in err) == (2, True)


def changes(deployment):
    """Return the control words that the lane journaled, in order."""
    from runtime import names
    from runtime._shm import lib
    from runtime.journal import Tailer

    tailer = Tailer.open(deployment)
    out = [
        names.words(int.from_bytes(record.payload[:4], "little"))
        for record in tailer.read(kinds={lib.HP_RECORD_WORDS})
        if record.aux == lib.HP_WORDS_CONTROL
    ]
    tailer.close()
    return out
