"""The whole appliance, its processes killed one by one; the venue's own record is the judge."""

import contextlib
import json
import os
import signal
import subprocess
import urllib.request
from pathlib import Path

import psutil
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from runtime._shm import ffi, lib
from runtime.supervise.crash_report import RECORDS_SHOWN
from tests.supervise.running import Running, stop_and_wait
from venues.binance.usdm.session import load_key


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One run for tests that leave its lane alone; they end it well."""
    name = f"t{os.getpid()}shared"
    with Running(tmp_path_factory.mktemp("run"), "--blocking", name=name) as run:
        run.until_armed()
        run.until_trading()
        yield run
        code, end = run.end()
        assert (code, end["agrees_with_venue"], end["open_orders"]) == (0, True, 0), run.said
        assert end["degraded"]
    assert not list(Path("/dev/shm").glob(f"corelane.{run.name}.*"))


def test_cold_processes_come_back_and_the_lane_goes_on(run):
    """kill -9 of session and exporter: same lane, more market data and orders meanwhile."""
    lane = run.rows()["lane-0"].pid
    port = metrics_port(run)
    for name in ("session", "exporter"):
        before = run.lane().counters.orders_sent
        run.until_back(name, run.kill(name))
        run.until(lambda n=before: run.lane().counters.orders_sent > n, "trading goes on")
    row = run.rows()["session"]
    assert (row.starts, row.exits[lib.HP_EXIT_KILLED]) == (2, 1)
    kept = run.rows()["lane-0"]
    starved = kept.exits[lib.HP_EXIT_STALLED]  # by a host that is too busy: no death of a lane
    assert kept.pid == lane or kept.starts == 1 + starved, run.said
    run.until(lambda: metrics_port(run) == port, "the same scrape address")
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30).read()
    assert b"corelane_orders_sent_total" in text


def metrics_port(run):
    """Return the port that the exporter's process listens on."""
    pid = run.rows()["exporter"].pid
    inodes = {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir() if path.exists()}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[3] == "0A" and f"socket:[{words[9]}]" in inodes:
            return int(words[1].partition(":")[2], 16)
    raise KeyError("no listening socket")


def report_of(run, pid):
    """Return the report of a lane's death, None while there is none (or half of one)."""
    for path in (run.state / "crashes").glob(f"*-lane-0-{pid}.json"):
        with contextlib.suppress(ValueError):
            return json.loads(path.read_text())
    return None


def test_killed_lane_comes_back_under_a_new_epoch_with_a_report(tmp_path):
    with Running(tmp_path, "--blocking") as run:
        run.until_armed()
        run.until_trading()
        pid = run.kill("lane-0")
        run.until_armed(epoch=2)
        row = run.rows()["lane-0"]
        assert row.pid != pid
        assert (row.epoch, row.exits[lib.HP_EXIT_KILLED]) == (2, 1)
        assert run.page("journal.0", "hp_page_t").header.epoch == 2
        run.until(lambda: report_of(run, pid), "the crash report")
        report = report_of(run, pid)
        assert (report["cause"], report["lane"]["epoch"]) == ("killed", 1)
        assert report["lane"]["counters"]["orders_sent"] > 2
        assert len(report["records"]) == RECORDS_SHOWN
        sequences = [record["sequence"] for record in report["records"]]
        assert sequences == list(range(sequences[0], sequences[0] + RECORDS_SHOWN))
        ring = Path(f"/dev/shm/corelane.{run.name}.journal.0.e00001")
        run.until(lambda: not ring.exists(), "the dead lane's ring is let go")
        run.end()


@pytest.mark.parametrize("name", ["lane-0", "session"])
def test_limit_spent_drains_and_says_so(tmp_path, name):
    """A second crash in a row: given up, nothing of ours is left at the venue, exit 1."""
    with Running(tmp_path, "--blocking") as run:
        run.until_armed()
        run.until_trading()
        pid = run.kill(name, signal.SIGSEGV)
        run.until_back(name, pid)
        run.until_armed()
        run.kill(name, signal.SIGSEGV)
        code, end = run.end(number=0)
        assert code == 1, run.said
        assert end["venue"]["open_orders"] == 0
        assert f"process {name} given up: more than 1 restarts in 600 s for cause crash" in run.said
        assert "appliance.draining cause=" in run.said


def test_stopped_lane_is_killed_and_replaced(tmp_path):
    with Running(tmp_path, "--blocking") as run:
        stop_and_wait(run)


def test_blocking_lane_leaves_when_its_supervisor_is_killed(tmp_path):
    with Running(tmp_path, "--blocking") as run:
        run.until_armed()
        pids = [row.pid for row in run.rows().values()]
        run.process.kill()
        run.process.wait()
        run.process = subprocess.Popen(  # what is not gone is waited for by name of its pid
            ["tail", *[f"--pid={pid}" for pid in pids], "-f", "/dev/null"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert run.process.wait(timeout=120) == 0


def private_key(run):
    """Return the account's private key as its 32 bytes."""
    children = psutil.Process(run.process.pid).children()
    venue = next(child for child in children if "venues.simulator" in child.cmdline())
    folder = next(word for word in venue.cmdline() if word.startswith("--directory="))
    path = next(Path(folder.partition("=")[2]).rglob("*.ed25519.pem"))
    key = load_key(path)
    return key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())


def holds(pid, secret):
    """Say whether a process has these bytes anywhere in its writable memory."""
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in maps:
            words = line.split()
            start, end = (int(word, 16) for word in words[0].split("-"))
            if "w" not in words[1] or words[-1].startswith(("/dev/shm", "[vv")):
                continue
            memory.seek(start)
            with contextlib.suppress(OSError):
                if secret in memory.read(end - start):
                    return True
    return False


@pytest.mark.requires_root
def test_private_key_is_in_the_session_process_only(run):
    secret = private_key(run)
    found = {name for name, row in run.rows().items() if holds(row.pid, secret)}
    assert found == {"session"}


def test_table_tells_of_every_process_and_of_the_host(run):
    run.until(lambda: all(row.rss_bytes for row in run.rows().values()), "resources")
    rows = run.rows()
    assert {name: row.role for name, row in rows.items()} == {
        "supervisor": lib.HP_PROCESS_SUPERVISOR,
        "session": lib.HP_PROCESS_SESSION,
        "sentinel": lib.HP_PROCESS_SENTINEL,
        "exporter": lib.HP_PROCESS_EXPORTER,
        "authority": lib.HP_PROCESS_AUTHORITY,
        "lane-0": lib.HP_PROCESS_LANE,
    }
    assert all(row.state == lib.HP_PROCESS_RUNNING for row in rows.values())
    run.until(
        lambda: all(row.heartbeat_ns > row.started_ns for row in run.rows().values()), "a beat each"
    )
    view = run.page("supervisor", "hp_supervisor_page_t").view
    assert 0 < view.memory_available_bytes < view.memory_total_bytes
    assert view.shm_free_bytes > 0
    assert view.disk_free_bytes > 0
    assert ffi.string(view.topology).startswith(b"fused lane=")
