"""Market and order lanes in processes of their own; forced on two cores, they block."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from runtime._shm import lib
from runtime.journal.tailer import Tailer
from runtime.pages.page import PageError
from tests.supervise.running import Running

ROOT = Path(__file__).resolve().parents[2]
SPLIT = ("--topology", "split", "--blocking", "--strategy", "strategies.drill.load:Load")


def market(run):
    return run.page("lane.1", "hp_lane_page_t").view


def until_both(run, order=1, books=1):
    run.until_armed(order)
    run.until(
        lambda: market(run).page.epoch >= books and market(run).state == lib.HP_LANE_ARMED,
        "market lane hears an armed order lane",
    )


def reload(run, path, text):
    path.write_text(text)
    return corelane("reload", "--deployment", run.name, env=run.environment)


def change_the_limits(run, path):
    """The file is read again: lanes hold its limits, whoever is dead meanwhile."""
    done = reload(run, path, '[limits]\norder_notional_max = 0\n[gate]\nself_trade = "oldest"\n')
    assert done.returncode == 0, done.stdout
    assert "limits.order_notional_max applied" in done.stdout
    blocked = run.lane().verdicts
    run.until(lambda: run.lane().counters.open_orders == 0, "what rested has ended")
    sent, before = run.lane().counters.orders_sent, blocked[lib.HP_VERDICT_ORDER_LIMIT]
    run.until(lambda: blocked[lib.HP_VERDICT_ORDER_LIMIT] > before + 20, "orders are refused")
    assert run.lane().counters.orders_sent == sent
    done = reload(run, path, "[limits]\nband_bps = -5\norder_notional_max = 'x'\n")
    assert done.returncode == 1
    assert done.stdout.startswith("reload  REFUSED, nothing applied")
    assert f"{path}:2:" in done.stdout and f"{path}:3:" in done.stdout
    hours = ", ".join(f'"daily 0{n}:00-0{n}:30"' for n in range(4))
    done = reload(run, path, f"[limits]\nsessions = [{hours}]\nmaintenance = [{hours}]\n")
    assert (done.returncode, "REFUSED" in done.stdout) == (1, True), done.stdout
    before = blocked[lib.HP_VERDICT_ORDER_LIMIT]
    run.until(lambda: blocked[lib.HP_VERDICT_ORDER_LIMIT] > before, "nothing has changed")
    session = run.kill("session")
    path.write_text("[limits]\norder_notional_max = 3000\n")
    run.process.send_signal(signal.SIGHUP)
    run.until(lambda: run.lane().counters.orders_sent > sent, "orders go again")
    run.until_back("session", session)


def change_an_instrument(run, path):
    """The venue has another filter; with a reload its instruments are looked at too."""
    short = lib.HP_VERDICT_MIN_NOTIONAL
    assert run.lane().verdicts[short] == 0
    ask_venue(run, "/sim/instrument", {"symbol": "BTCUSDT", "notional_min_e8": 10**15})
    corelane("reload", "--deployment", run.name, env=run.environment)
    run.until(lambda: run.lane().verdicts[short] > 2, "orders are too small now")
    ask_venue(run, "/sim/instrument", {"symbol": "BTCUSDT", "notional_min_e8": 5 * 10**8})
    corelane("reload", "--deployment", run.name, env=run.environment)
    run.until(lambda: "instrument.changed" in run.said.split("instrument.changed", 1)[1], "twice")


def ask_venue(run, path, body):
    """Where the venue is stands in the first record of the order lane."""
    tailer = Tailer.open(run.name, 0)
    spec = next(json.loads(r.payload) for r in tailer.read(kinds={lib.HP_RECORD_LANE}))
    tailer.close()
    where = spec["orders"].split("/")[2]
    request = urllib.request.Request(f"http://{where}{path}", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def corelane(*arguments, env=None):
    command = [sys.executable, "-m", "ops", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, env=env)


def test_each_lane_is_killed_and_the_other_one_keeps_its_promises(tmp_path):
    """One run: what people see; each lane dies; drained, equal to the venue, and run again."""
    recorded, path = tmp_path / "run", tmp_path / "site.toml"
    path.write_text("")
    with Running(tmp_path, *SPLIT, "-c", str(path), "--journal", str(recorded)) as run:
        until_both(run)
        run.until(lambda: run.lane().counters.open_orders > 0, "an order rests")
        found = json.loads(corelane("status", "--deployment", run.name, "--json").stdout)
        assert {(one["name"], one["role"]) for one in found["lanes"]} == {
            ("lane-0", "order"),
            ("lane-1", "market"),
        }
        assert run.lane().counters.messages == 0
        assert market(run).counters.orders_sent == 0
        assert run.lane().hops[lib.HP_HOP_TICK_TO_TRADE].count > 0  # it spans both lanes
        for name in ("lane-0", "lane-1"):
            assert Path(f"/proc/{run.rows()[name].pid}/comm").read_text() == f"{name}\n"

        frozen = corelane("freeze", "--deployment", run.name, "--json", env=run.environment)
        assert frozen.returncode == 0, frozen.stdout
        assert market(run).words & run.lane().words & lib.HP_WORD_FREEZE  # each obeys
        corelane("resume", "--deployment", run.name, env=run.environment)
        change_the_limits(run, path)
        change_an_instrument(run, path)
        order_pid, first = run.rows()["lane-0"].pid, market(run).page.epoch
        silences = run.lane().counters.pair_silences
        os.kill(run.rows()["lane-1"].pid, signal.SIGKILL)
        run.until(lambda: run.lane().counters.pair_silences > silences, "the order lane sees it")
        until_both(run, books=first + 1)
        assert run.rows()["lane-0"].pid == order_pid
        with contextlib.suppress(PageError):
            mirror, truth = market(run).positions[1], run.lane().positions[1]
            run.until(lambda: list(mirror.lots) == list(truth.lots), "the true position")

        run.until(
            lambda: all(market(run).tops[n].state == lib.HP_BOOK_SYNCED for n in (1, 2)),
            "books of the new market lane",
        )
        books, before = market(run).counters.resyncs, run.lane().page.epoch
        market_pid = run.rows()["lane-1"].pid
        os.kill(run.rows()["lane-0"].pid, signal.SIGKILL)
        until_both(run, order=before + 1)
        assert run.rows()["lane-1"].pid == market_pid
        assert market(run).counters.resyncs == books  # it kept its books
        run.process.send_signal(signal.SIGTERM)
        out, _ = run.process.communicate(timeout=120)
        assert run.process.returncode == 0, run.said
    end = json.loads(out.splitlines()[-1])
    assert end["agrees_with_venue"], end
    assert end["topology"].startswith("split market=")
    assert (end["open_orders"], end["unknown"]) == (0, 0)
    lines = corelane("events", "--run", str(recorded), "--json").stdout
    assert {(0, "rule"), (0, "policy"), (1, "rule")} <= {
        (one["lane"], one["kind"]) for one in map(json.loads, lines.splitlines())
    }
    again = corelane("replay", str(recorded))
    assert again.returncode == 0, again.stdout + again.stderr
    kept = json.loads(corelane("checkpoint", "list", str(recorded), "--json").stdout)
    assert kept[0]["cause"] == "end", kept


def test_killed_lanes_of_a_pair_leave_no_difference_to_the_venue():
    name = f"d{os.getpid()}p"
    options = ("--json", "--kills", "6", "--seed", "11", "--deployment", name)
    done = corelane("drill", "--topology", "split", *options)
    assert done.returncode == 0, (done.stdout, done.stderr)
    found = json.loads(done.stdout)
    assert (found["violations"], found["topology"], found["kills"]) == ([], "split", 6)
    assert found["modes"].keys() >= {"market", "both"}
    assert not list(Path("/dev/shm").glob(f"corelane.{name}.*"))


def test_both_lanes_leave_when_their_supervisor_dies(tmp_path):
    with Running(tmp_path, *SPLIT) as run:
        until_both(run)
        lanes = [run.rows()[name].pid for name in ("lane-0", "lane-1")]
        os.kill(run.process.pid, signal.SIGKILL)
        run.process.wait()
        handles = [os.pidfd_open(pid) for pid in lanes if Path(f"/proc/{pid}").exists()]
        for handle in handles:
            with contextlib.suppress(ChildProcessError):
                assert wait(handle), "a lane stayed"
            os.close(handle)


def wait(handle):
    """Wait until the process of a pidfd has ended."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(60_000))
