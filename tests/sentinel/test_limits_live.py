"""Limits as leases end to end: command, authority, lane, venue; the venue's record is the witness.

One deployment trades as fast as its limits let it while they are changed and the authority dies.
"""

import json
import os
import signal
import time
from collections import Counter

import pytest

from runtime._shm import lib
from runtime.session import stops
from runtime.supervise.state import state_path
from tests.sentinel.test_sentinel_triggers import QUIET
from tests.sentinel.test_words_live import corelane

MOST = 3_000  # quote units: the largest position of each instrument
SLACK = 1.02  # positions are valued at the venue's prices of the moment


@pytest.fixture(scope="module")
def one(stages):
    made = stages.start(
        0,
        bounds=QUIET,
        strategy="tests.sentinel.spender:Spender",
        parameters={},
        position_notional_max=MOST,
    )
    made.lane = made.page("lane.0", "hp_lane_page_t")
    yield made
    made.close()


def limits(stage, *words):
    return corelane(stage, "limits", *words)


def orders(stage):
    """Return {order id: it only reduces} of all that the venue has taken."""
    return {row["order_id"]: row["reduce_only"] for row in stage.venue("/sim/record")["orders"]}


def arrived(stage):
    """Return what the venue has taken, at a moment at which nothing is on its way there."""
    found = {}

    def is_all():
        found.clear()
        sent = stage.lane.counters.orders_sent
        found.update(orders(stage))
        refused = stage.venue("/sim/record?lists=0")["refused"]["place"]
        return len(found) + refused == sent == stage.lane.counters.orders_sent

    stage.until("no order is on its way", is_all)
    return found


def only_reducing(stage, what):
    """Wait for what only reduces; nothing else may come before, from a moment at rest on."""
    before = arrived(stage)

    def new():
        return [reduces for number, reduces in orders(stage).items() if number not in before]

    stage.until(f"reducing orders while {what}", lambda: sum(new()) >= 2)
    stage.until(f"no quotes while {what}", lambda: stage.open_orders() == 0)
    assert all(new()), f"new risk while {what}"


def new_risk(stage):
    before = orders(stage)
    stage.until(
        "new risk", lambda: any(not r for n, r in orders(stage).items() if n not in before)
    )


def left_ns(stage):
    """Return what is left of the lane's lease."""
    return int(stage.lane.limit_until_ns) - time.monotonic_ns()


def lease_of(stage, term):
    """Wait until the lane spends under a lease of this life of the authority."""
    stage.until(
        f"a lease of term {term}",
        lambda: stage.lane.limit_fence >> 32 == term and left_ns(stage) > 0,
    )


def row(stage, name):
    return next(r for r in limits(stage, "show")[1]["limits"] if name in (r["limit"], r["name"]))


def test_limits_are_shown_changed_frozen_and_thawed_while_it_trades(one):
    one.until("orders", lambda: one.lane.counters.orders_sent > 3)
    code, said = limits(one)
    assert code == 0
    assert [(r["limit"], r["lane_count"], r["is_frozen"]) for r in said["limits"]] == [
        ("account:0", 1, False),
        ("venue:0", 1, False),
        ("strategy:0", 1, False),
        ("instrument:1", 1, False),
        ("instrument:2", 1, False),
    ]
    assert row(one, "BTCUSDT")["net"]["limit"] == MOST * 10**8
    one.until("it is used", lambda: row(one, "BTCUSDT")["gross"]["used"] > 0)

    code, said = limits(one, "set", "instrument:BTCUSDT", "order_notional_max=0", "--reason", "x")
    assert (code, said["changes"][0]["way"]) == (0, "tightened")
    one.until("it is refused", lambda: one.lane.verdicts[lib.HP_VERDICT_ORDER_LIMIT] > 0)
    code, said = limits(one, "set", "instrument:1", "order_notional_max=-1")
    assert code == 2 and "say --widen" in said
    assert limits(one, "set", "instrument:1", "order_notional_max=-1", "--widen")[0] == 0
    for words in (("set", "instrument:7", "capital=1"), ("freeze", "venue:9"), ("thaw", "venue:0")):
        assert limits(one, *words)[0] == 2

    assert limits(one, "freeze", "strategy:0", "--reason", "odd")[1]["frozen"] == ["strategy:0"]
    only_reducing(one, "its strategy is frozen")
    assert row(one, "strategy:0")["cause"] == "odd"
    assert limits(one, "thaw", "strategy:0")[1]["frozen"] == []
    new_risk(one)


def test_an_authority_that_stands_or_dies_lets_nothing_new_pass_until_it_is_back(one):
    pid = one.pid("authority")
    os.kill(pid, signal.SIGSTOP)
    one.until("the lease has ended", lambda: left_ns(one) < 0)
    only_reducing(one, "no lease stands")
    assert one.lane.verdicts[lib.HP_VERDICT_LIMIT_LEASE] > 0
    os.kill(pid, signal.SIGKILL)
    lease_of(one, 2)
    for term in (2, 3):  # now while it trades
        new_risk(one)
        os.kill(one.pid("authority"), signal.SIGKILL)
        lease_of(one, term + 1)
    new_risk(one)
    assert limits(one)[1]["term"] == 4

    most = heaviest(one.venue("/sim/record"))
    assert set(most) == {"BTCUSDT", "ETHUSDT"}
    assert max(most.values()) <= MOST * SLACK, most
    assert most["BTCUSDT"] > MOST / 2, "it tried too little to show anything"


def heaviest(record):
    """Return the largest position with what worked on its side, by symbol, at any time."""
    about = {o["order_id"]: o for o in record["orders"]}
    lots, working, most = Counter(), {}, Counter()
    for entry in record["entries"]:
        number = entry.get("order_id")
        if entry["kind"] == "order" and about[number]["side"] == "BUY":
            working[number] = float(about[number]["quantity"])
        elif entry["kind"] == "fill":
            sign = 1 if entry["side"] == "BUY" else -1
            lots[entry["symbol"]] += sign * float(entry["quantity"])
            if number in working:
                working[number] -= float(entry["quantity"])
        elif entry["kind"] in ("cancel", "expire"):
            working.pop(number, None)
        if number in about:
            symbol, price = about[number]["symbol"], float(about[number]["price"])
            mine = sum(n for k, n in working.items() if about[k]["symbol"] == symbol)
            most[symbol] = max(most[symbol], (lots[symbol] + mine) * price)
    return dict(most)


def test_a_ban_outlives_the_session_process_that_was_told_of_it(one):
    """Killed twice within the ban: nothing is asked before it has ended."""
    seconds, what = 3, "/fapi/v1/exchangeInfo"  # the first that a session asks
    fault = {"kind": "rest_status", "path": what, "status": 418, "retry_after": seconds}
    one.venue("/sim/fault", {**fault, "count": 2})
    path = state_path(one.deployment) / stops.FILE

    def refused():
        return one.venue("/sim/state")["faults_done"].get("rest_status", 0)

    os.kill(one.pid("session"), signal.SIGKILL)
    one.until("the venue has refused", lambda: refused() == 1 and path.exists())
    first_ns = json.loads(path.read_text())["weight"][0]
    pid = one.pid("session")
    os.kill(pid, signal.SIGKILL)
    one.until("another life of it", lambda: one.pid("session") not in (0, pid))
    one.until("it asks again", lambda: refused() == 2)
    one.until("that is known", lambda: json.loads(path.read_text())["weight"][0] > first_ns)
    asked_ns = json.loads(path.read_text())["weight"][0] - seconds * 10**9
    assert asked_ns >= first_ns
    one.until("it trades again", lambda: one.lane.quota.mode > lib.HP_QUOTA_STOPPED)
    new_risk(one)
