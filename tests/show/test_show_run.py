"""Commands to an appliance that really runs: asked, obeyed, explained, ended."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from ops.cli import main
from ops.screen import Screen
from runtime.show.exporter import TextWriter
from runtime.show.observer import Observer
from runtime.show.status import status
from runtime.supervise.control_socket import socket_path
from tests.show.screen_scrape import shown, values

ROOT = Path(__file__).resolve().parents[2]
RUN = [sys.executable, "-m", "ops", "run", "--blocking"]  # other tests run beside it
PATIENCE_S = 120
TIMES = re.compile("_(age|uptime|divergence|cpu)_seconds")


class Run:
    def __init__(self, folder):
        self.name = f"showrun{os.getpid()}"
        self.log = (folder / "log").open("w+")
        self.process = subprocess.Popen(
            [*RUN, "--deployment", self.name, "--metrics-port", "0"],
            cwd=ROOT,
            stdout=self.log,
            stderr=self.log,
            env=dict(os.environ),
        )

    @property
    def observer(self):
        """Pages that a test has mapped are closed behind it: each look begins anew."""
        return Observer(self.name)

    def text(self):
        return Path(self.log.name).read_text()

    def until(self, true, what):
        deadline, observer = time.monotonic() + PATIENCE_S, self.observer
        while True:
            found = observer.take()
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
    from runtime.journal.tailer import Tailer

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
    assert re.match(r"no record of 123456789012 .*reach back: lane-0 epoch \d+ [\d.]+ m?s", out)


def test_gate_is_asked_about_an_order_and_nothing_is_sent(running, capsys):
    """By command and from Python; the chain, one check alone, an order that cannot be read."""
    from runtime.supervise import pre_check

    words = ["pre-check", "--deployment", running.name, "--symbol", "BTCUSDT", "--size", "0.001"]
    code, out, _ = corelane(capsys, *words, "--side", "buy", "--price", "1.0")
    assert code == 1 and out.startswith("REFUSED  refused: ")
    order = {"symbol": "BTCUSDT", "side": "BUY", "price": "1.0", "size": "0.001"}
    assert not pre_check.validate_price_fence(order, running.name)["approved"]
    assert pre_check.detect_self_trade(order, running.name)["approved"]
    assert not pre_check.pre_check_order(order, running.name)["approved"]
    code, _, err = corelane(capsys, *words, "--side", "up", "--price", "1.0")
    assert code == 2 and "side is 'up'; want one of BUY, SELL" in err
    assert pre_check.get_available("USDT", running.name) > 0
    with pytest.raises(pre_check.CommandError, match="holds no XRP"):
        pre_check.get_available("XRP", running.name)
    assert "pre_check" not in running.text()


def test_emergency_holds_over_the_lives_of_a_lane_until_it_is_taken_back(running, capsys):
    words = ["signal", "--deployment", running.name]
    code, _, err = corelane(capsys, *words, "--symbol", "NOSUCH", "--toxicity", "1")
    assert code == 2 and "symbol is 'NOSUCH'; want one of BTCUSDT" in err
    code, said, _ = corelane(capsys, *words, "--emergency", "on")
    assert code == 0 and "EMERGENCY" in said
    found = running.until(lambda one: one.lanes[0].cancels["emergency"], "cancel by emergency")
    pid = found.lanes[0].pid
    os.kill(pid, signal.SIGKILL)
    running.until(
        lambda one: one.lanes[0].pid != pid and one.lanes[0].cancels["emergency"],
        "cancel by emergency in the next life",
    )
    code, said, _ = corelane(capsys, *words, "--emergency", "off")
    assert code == 0 and "none holds" in said
    assert "control.signal emergency=True" in running.text()


def test_after_a_freeze_every_field_of_the_screen_is_the_scrapes(running, capsys):
    """Figures that stand still between two scrapes must stand on the screen between them, exactly.

    The venue is stopped meanwhile: its feed ticks on after a freeze.  A field is proven by the
    first pair of scrapes that it did not move in.  Times (ages, uptimes) always move; all are also
    compared within one snapshot.
    """
    assert corelane(capsys, "freeze", "--deployment", running.name)[0] == 0
    url = re.search(r"metrics (http://127.0.0.1:\d+/metrics)", running.text()).group(1)

    def scrape():
        return values(urllib.request.urlopen(url, timeout=20).read().decode())

    venue = venue_of(running.process.pid)
    os.kill(venue, signal.SIGSTOP)
    try:
        unproven, deadline = {None}, time.monotonic() + PATIENCE_S
        proven = set()
        while unproven and time.monotonic() < deadline:
            before, found, after = scrape(), running.observer.take(), scrape()
            screen = Screen.of(found)
            fields = shown(screen, found)
            assert len(fields) > 50
            for key, value in fields.items():
                if before.get(key) == after.get(key):
                    assert value == before.get(key), (key, value, before.get(key))
                    proven.add(key)
            unproven = {key for key in fields if key not in proven and not TIMES.search(key[0])}
    finally:
        os.kill(venue, signal.SIGCONT)
    assert not unproven
    fields, same = shown(screen, found), values(TextWriter().text(found))
    assert fields == {key: same.get(key) for key in fields}
    assert fields[("corelane_orders_sent_total", ("lane", "0"))] > 0
    assert corelane(capsys, "resume", "--deployment", running.name)[0] == 0


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
    assert changes(running.name)[-3:] == [["freeze"], [], ["kill"]]
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


def venue_of(pid):
    """Return the process of the embedded venue that a run has started."""
    for child in psutil.Process(pid).children(recursive=True):
        if "venues.simulator" in child.cmdline():
            return child.pid
    raise LookupError(f"run {pid} has no embedded venue")


def changes(deployment):
    """Return the control words that the lane journaled, in order."""
    from runtime._shm import lib
    from runtime.journal.tailer import Tailer
    from runtime.pages import names

    tailer = Tailer.open(deployment)
    out = [
        names.words(int.from_bytes(record.payload[:4], "little"))
        for record in tailer.read(kinds={lib.HP_RECORD_WORDS})
        if record.aux == lib.HP_WORDS_CONTROL
    ]
    tailer.close()
    return out


STRATEGY = """
import asyncio, logging

from strategies import Param, Strategy


class Quiet(Strategy):
    word = Param(1, minimum=1, maximum=9)

    def on_start(self):
        logging.getLogger("asyncio").warning("word %d from a lane's library", self.word)
"""


def test_configured_run_reloads_and_keeps_what_a_lanes_libraries_say(tmp_path, capsys, monkeypatch):
    """-c FILE over real processes; the lane's standard loggers reach the file through its ring."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "quiet.py").write_text(STRATEGY)
    path, name = tmp_path / "site.toml", f"showconf{os.getpid()}"
    path.write_text(
        f'deployment = "{name}"\n'
        '[venue]\nsymbols = ["ETHUSDT"]\n'
        f'[[strategies]]\nsource = "{tmp_path}/quiet.py:Quiet"\nparameters = {{word = 7}}\n'
        "[metrics]\nport = 0\n"
    )
    process = subprocess.Popen(
        [*RUN, "-c", str(path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        observer, deadline = Observer(name), time.monotonic() + PATIENCE_S
        while status(observer.take())["state"] != "armed":
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.1)
        assert [one.symbol for one in observer.take().instruments] == ["ETHUSDT"]
        more = '[log]\nlevel = "debug"\n[clock]\npolicy = "off"\n[funds]\nleverage = 3\n'
        more += "[authority]\nlease_ms = 900\n[quota]\nbusy_percent = 40\n"
        path.write_text(path.read_text() + more)
        code, out, _ = corelane(capsys, "reload", "--deployment", name)
        assert code == 1
        assert "log.level applied" in out
        for key in ("clock.policy", "funds.leverage"):
            assert f"{key} needs a restart: not applied" in out
        for key in ("authority.lease_ms", "quota.busy_percent"):
            assert f"{key} applied" in out
        while (found := observer.take()).authority.lease_ns != 900_000_000:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.1)
        while observer.pages.view("lane.0").quota.rows[0].begins[3] != 2400 * 90 // 100 * 40 // 100:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.1)
        assert found.lanes[0].lease.left_ns is not None
        process.send_signal(signal.SIGHUP)  # reads it again, ends nothing
        assert corelane(capsys, "drain", "--deployment", name)[0] == 0
        said = process.communicate(timeout=PATIENCE_S)[0]
    finally:
        if process.poll() is None:
            process.kill()
    assert process.returncode == 0, said
    assert "config.read" in said
    (log,) = (tmp_path / "corelane" / name / "log").glob("*.jsonl")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    (line,) = [one for one in lines if one["event"] == "lane.log"]
    assert line["text"].endswith("logger=asyncio level=warning word 7 from a lane's library")
