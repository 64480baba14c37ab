"""Commit-confirmed: what may cut the link goes back by itself, whoever dies."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_tuning_change import action, plan_of

from tuning import confirm
from tuning.change import Changer
from tuning.host import LiveHost
from tuning.journal import Journal
from tuning.model import Risk

CARD = "/sys/class/net/eth1/tx_queue_len"  # a plain file, so that a tree can hold it
SWAP = "/proc/sys/vm/swappiness"
PLAN = plan_of(action(CARD, "100", risk=Risk.LINKFLAP), action(SWAP, "1"))
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def root(tmp_path):
    for path, text in {
        CARD: "1000\n",
        SWAP: "60\n",
        "/proc/sys/kernel/random/boot_id": "b1\n",
    }.items():
        (tmp_path / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path[1:]).write_text(text)
    return tmp_path


def value(root, address):
    return (root / address[1:]).read_text().strip()


def apply(root, seconds):
    """Apply the plan; its guards stand still (SIGSTOP) until go(), whatever time it took."""
    journal = Journal(root / "state")
    guards = []

    def arm(name):
        guards.append(confirm.arm(journal, name, "b1", seconds, str(root)))
        os.kill(guards[-1], signal.SIGSTOP)

    with journal.lock():
        Changer(LiveHost(str(root)), journal, "b1").apply(PLAN, arm=arm)
    return journal, guards


def go(guard):
    os.kill(guard, signal.SIGCONT)


def wait_for(true, seconds=90.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)


def test_unconfirmed_change_of_the_card_goes_back_and_the_rest_stays(root):
    journal, guards = apply(root, 0.6)
    assert value(root, CARD) == "100" and len(guards) == 1
    assert journal.unconfirmed("b1") is not None
    go(guards[0])
    wait_for(lambda: value(root, CARD) == "1000")
    os.waitpid(guards[0], 0)
    assert value(root, SWAP) == "1"
    assert Journal(root / "state").unconfirmed("b1") is None


def test_confirmed_change_stays_and_the_guard_ends(root):
    _, guards = apply(root, 30)
    journal = Journal(root / "state")
    with journal.lock():
        assert confirm.confirm(journal, "b1") is not None
        assert confirm.confirm(journal, "b1") is None
    go(guards[0])
    os.waitpid(guards[0], 0)
    assert value(root, CARD) == "100"


def test_guard_is_not_started_for_a_plan_that_cuts_nothing(root):
    journal = Journal(root / "state")
    with journal.lock():
        Changer(LiveHost(str(root)), journal, "b1").apply(
            plan_of(action(SWAP, "1")), arm=lambda name: pytest.fail("armed")
        )


def test_same_plan_applied_again_is_not_confirmed_by_the_first_time(root):
    _, guards = apply(root, 30)
    journal = Journal(root / "state")
    with journal.lock():
        confirm.confirm(journal, "b1")
        Changer(LiveHost(str(root)), journal, "b1").rollback()
    go(guards[0])
    os.waitpid(guards[0], 0)
    _, guards = apply(root, 0.6)
    go(guards[0])
    wait_for(lambda: value(root, CARD) == "1000")
    os.waitpid(guards[0], 0)


def test_guard_ends_an_apply_that_hangs_with_the_lock_and_undoes_it(root):
    """The terminal died in the middle of the plan: the process hangs, the card is half set."""
    script = (
        "import sys, time\n"
        f"sys.path[:0] = [{str(ROOT)!r}, {str(Path(__file__).parent)!r}]\n"
        "import test_tuning_confirm as t\n"
        "from tuning import confirm\n"
        f"root = t.Path({str(root)!r})\n"
        "journal = t.Journal(root / 'state')\n"
        "def told(outcome):\n"
        "    print('written', flush=True)\n"
        "    time.sleep(600)\n"
        "with journal.lock():\n"
        "    t.Changer(t.LiveHost(str(root)), journal, 'b1').apply(\n"
        "        t.PLAN, arm=lambda n: confirm.arm(journal, n, 'b1', 0.5, str(root)), told=told)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline() == "written\n" and value(root, CARD) == "100"
        wait_for(lambda: value(root, CARD) == "1000")
        assert child.wait(90) == -signal.SIGKILL
    assert Journal(root / "state").unfinished() is None


def test_killed_guard_is_replaced_by_the_next_command(root):
    journal, guards = apply(root, 0.3)
    os.kill(guards[0], signal.SIGKILL)
    os.waitpid(guards[0], 0)
    assert confirm.overdue(journal, "b1") is None  # it has a few seconds of grace
    records = (root / "state" / "journal.jsonl").read_bytes().splitlines()
    waiting = journal.unconfirmed("b1")
    waiting["until"] -= 100
    assert confirm.overdue(journal, "b1") == waiting["plan"] and len(records) > 4
    with journal.lock():
        Changer(LiveHost(str(root)), journal, "b1").rollback(plan=waiting["plan"], risky=True)
    assert value(root, CARD) == "1000" and json.loads(value(root, SWAP)) == 1
