"""The words end to end: command, socket, shared memory, lane, venue; the venue is the witness."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ops.sentinel_drill import settled
from tests.sentinel.test_sentinel_triggers import QUIET, placer

ROOT = Path(__file__).resolve().parents[2]


def corelane(stage, *words):
    command = [sys.executable, "-m", "ops", *words, "--deployment", stage.deployment, "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def held(stage):
    """Return {symbol: lots} by the venue's own record."""
    record = stage.venue("/sim/record?lists=0")
    return {row["symbol"]: row["lots"] for row in record["positions"] if row["lots"]}


def holder(stage, **spec):
    one = stage(
        orders=0, bounds=QUIET, strategy="tests.sentinel.holder:Holder", parameters={}, **spec
    )
    one.until("both positions", lambda: len(held(one)) == 2 and min(held(one).values()) >= 40)
    one.until("both quotes", lambda: settled(one, 2))
    return one


@pytest.mark.parametrize("policy", [1, 2], ids=["ioc", "market"])
def test_flatten_closes_at_the_venue_and_is_a_kill_until_resume(stage, policy):
    one = holder(stage, flatten={"policy": policy, "slice_e8_max": 1_500 * 10**8})
    code, said = corelane(one, "flatten", "--reason", "enough", "--wait", "60")
    assert code == 0, said
    assert (said["obeyed"], said["done"], said["flat"], said["open_orders"]) == (True,) * 3 + (0,)
    assert [(row["state"], float(row["left"])) for row in said["positions"]] == [("closed", 0)] * 2
    assert all(float(row["held"]) > 0 for row in said["positions"])
    assert held(one) == {}
    assert one.open_orders() == 0
    one.until("the operator's word is a kill", lambda: words(one) == {"kill"})
    fills = one.venue("/sim/record?lists=0")["counts"]["fill"]
    time.sleep(1)
    assert one.venue("/sim/record?lists=0")["counts"]["fill"] == fills
    assert corelane(one, "resume")[0] == 0
    one.until("it trades again", lambda: len(held(one)) == 2)


def words(stage):
    return set(corelane(stage, "status")[1]["controls"]["operator"]["words"])


def test_flatten_that_may_close_nothing_says_what_is_left_and_why(stage):
    one = holder(stage, flatten={"policy": 0})
    before = held(one)
    code, said = corelane(one, "flatten", "--wait", "60")
    assert (code, said["flat"], said["done"]) == (1, False, True)
    assert [row["left"] for row in said["positions"]] == [r["held"] for r in said["positions"]]
    assert held(one) == before
    assert one.open_orders() == 0  # quotes went all the same
    command = [sys.executable, "-m", "ops", "flatten", "--deployment", one.deployment]
    text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120).stdout
    assert "failed" in text and "why: no order was allowed to leave" in text


def test_kill_and_freeze_over_the_socket(common):
    one = common(bounds=QUIET)
    for word in ("kill", "freeze"):
        code, said = corelane(one, word, "--wait", "30")
        assert code == 0, said
        assert said["open_orders"] == 0
        assert one.open_orders() == 0
        orders = one.venue("/sim/record?lists=0")["counts"]["order"]
        time.sleep(0.5)
        assert one.venue("/sim/record?lists=0")["counts"]["order"] == orders
        assert corelane(one, "resume")[0] == 0
        one.until("it quotes again", lambda: settled(one, 12))


def test_kill_by_the_sentinel_from_the_command_with_the_supervisor_stopped(common):
    one = common(bounds=QUIET)
    with one.stopped([one.pid("supervisor")]):
        code, said = corelane(one, "kill", "--sentinel", "--reason", "no answer")
        assert (code, said["confirmed"], said["left"]) == (0, True, 0)
        assert one.open_orders() == 0
        assert corelane(one, "sentinel", "status")[1]["trigger"] == "manual"
    assert corelane(one, "resume", "--sentinel")[0] == 0
    one.until("it quotes again", lambda: settled(one, 12))


def test_kill_with_scope_all_takes_the_orders_of_others_too(common):
    one = common(bounds=QUIET)
    placer(one)("somebody-else")
    assert corelane(one, "kill", "--wait", "30")[0] == 0
    one.until("nothing is open", lambda: one.open_orders() == 0)


def test_dead_man_timer_fires_when_the_session_is_gone_and_a_drain_ends_it(stage):
    """Nobody renews it: the venue cancels by itself, the orders of others as well."""
    one = stage(bounds=QUIET, cancel_scope="all", dead_man_ms=4_000)
    one.until("the timer runs", lambda: len(one.venue("/sim/state")["deadlines"]) == 2)
    with one.stopped(one.others()):
        one.until("the venue has cancelled", lambda: one.open_orders() == 0)
    assert corelane(one, "drain", "--wait", "30")[0] == 0
    assert one.process.wait(60) == 0
