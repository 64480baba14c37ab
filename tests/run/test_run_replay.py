"""A recorded day of the real appliance, run again: equal to the last byte in CI."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

from ops import verify_archive
from runtime._shm import lib
from runtime.appliance import Appliance
from runtime.journal import audit, ledger, recording
from runtime.journal.rerun import rerun
from runtime.settings import Settings
from runtime.supervise.embedded import EmbeddedVenue

ROOT = Path(__file__).resolve().parents[2]
SYMBOLS = ["BTCUSDT", "ETHUSDT"]
PATIENCE_SECONDS = 60


async def until(what, condition):
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, f"still no {what}"
        await asyncio.sleep(0.05)


async def day(folder, run, deployment):
    """Two lives of a lane: orders, cancels, a gap, a resync, kill -9, a restart, a drain."""
    async with EmbeddedVenue(folder, SYMBOLS, seed=5) as venue:
        settings = Settings(
            deployment,
            SYMBOLS,
            parameters=[{"ttl_ms": 60}],
            spin=False,
            lock=False,
            journal=run,
        )
        appliance = Appliance(
            settings, venue.endpoints, venue.api_key, venue.key_path, venue.ca, lambda _: None
        )

        def count(name):
            return appliance.summary()[name]

        try:
            await appliance.start()
            await until("order", lambda: count("orders") >= 4)
            await until("cancel", lambda: count("cancels") >= 1)
            resyncs = count("resyncs")
            fault = {"kind": "drop_depth", "symbol": "BTCUSDT", "count": 2}
            await venue.call("POST", "/sim/fault", fault)
            await until("gap", lambda: count("gaps") >= 1)
            await until("resync", lambda: count("resyncs") > resyncs)
            orders = count("orders")
            await until("order after the gap", lambda: count("orders") >= orders + 4)
            before = appliance.epoch
            os.kill(appliance.lane_pid, signal.SIGKILL)
            await asyncio.wait_for(appliance.armed(before), PATIENCE_SECONDS)
            orders = count("orders")  # of both lives: an opening takes over the sums
            await until("order of the next life", lambda: count("orders") >= orders + 3)
            await venue.call("POST", "/sim/fault", {"kind": "funding", "rate_e8": 10_000})
            await appliance.drain()
            return await venue.call("GET", "/sim/record")
        finally:
            await appliance.abandon()
            await appliance.close()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("day")
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(folder / "state")
    try:
        (folder / "venue").mkdir()
        record = asyncio.run(day(folder / "venue", folder / "run", f"day{os.getpid()}"))
        (folder / "record.json").write_text(json.dumps(record))
    finally:
        if before is None:
            del os.environ["XDG_STATE_HOME"]
        else:
            os.environ["XDG_STATE_HOME"] = before
    return folder / "run"


@pytest.mark.parametrize("strategy", [None, "", "demo-native"], ids=["fed", "again", "its twin"])
def test_recorded_day_with_a_gap_a_kill_and_a_restart_is_equal(run, strategy):
    """The demo strategy has a twin in Cython: it must want the same, byte for byte."""
    first, second = rerun(run, strategy)
    assert first.is_equal, first
    assert second.is_equal, second
    assert second.epoch > first.epoch
    assert first.outputs["resync"] >= 3  # two at the start, one after the gap
    for outcome in (first, second):
        assert min(outcome.outputs[name] for name in ("intent", "verdict", "request", "order")) >= 3


def test_recorded_day_has_every_kind_of_input_in_it(run):
    kinds = {record.kind for record in recording.lanes(run)[0].read()}
    names = "CLOCK LANE INSTRUMENT STRATEGY FRAME REPORT_FRAME TIMER COMMAND SNAPSHOT SESSION"
    assert kinds >= {getattr(lib, f"HP_RECORD_{name}") for name in names.split()}
    texts = [record.payload for record in recording.lanes(run)[0].read({lib.HP_RECORD_REQUEST})]
    assert any(b"order.place" in text for text in texts)
    assert any(b"order.cancel" in text for text in texts)


def test_ledger_of_the_day_is_the_venues_own_record(run):
    """Out of the journal alone, over a kill: to the last fill, lot and 1e-8."""
    record = json.loads((run.parent / "record.json").read_text())
    found = ledger.read(run)
    assert found.problems() == []
    assert found.carries >= 2 and found.wallets
    lines = found.lines()
    assert "strategies.demo.imbalance:Imbalance" in {line["strategy"] for line in lines}
    unowned = {one.kind for one in found.entries if one.strategy == "none"}
    assert unowned <= {"recovered", "funding"}  # the kill may have taken whose order it was
    held = {one["symbol"]: one["lots"] for one in record["positions"]}
    for symbol, lots in held.items():
        assert sum(line["lots"] for line in lines if line["symbol"] == symbol) == lots

    def e8(text):
        return int(Decimal(text) * 10**8)

    positions = found.lines(by_strategy=False)
    assert sum(line["realised_e8"] for line in positions) == e8(record["realized"])
    open_and_realised = [
        sum(line["realised_e8"] + line["unrealised_e8"] for line in rows)
        for rows in (lines, positions)
    ]
    assert abs(open_and_realised[0] - open_and_realised[1]) <= len(lines)  # each mark is rounded
    assert sum(sum(line["fees_e8"].values()) for line in lines) == e8(record["fees"])
    assert {asset for line in lines for asset in line["fees_e8"]} == {"USDT"}
    assert sum(found.funding.values()) == e8(record["funding"])
    fills = [one for one in found.entries if one.kind in ("fill", "recovered")]
    assert len(fills) == record["counts"]["fill"]


def test_archive_of_the_day_is_good_to_both_opinions(run):
    report = audit.verify(run)
    assert report.is_good and report.signed_blocks == report.blocks > 10
    assert verify_archive.main([str(run)]) == 0


def test_replay_command_says_equal(run):
    command = [sys.executable, "-m", "ops", "replay", str(run), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["equal"] is True
