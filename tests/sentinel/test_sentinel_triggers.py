"""Each trigger with the real process and the embedded venue, over real sockets.

The venue is the witness: what is open there is asked of the venue itself.
"""

import json
import os
import signal
import time
import urllib.request
from pathlib import Path

import pytest

from ops.sentinel_drill import memory_bytes
from runtime._shm import lib
from runtime.journal.tailer import Tailer
from runtime.supervise import control_socket
from runtime.supervise.peer import CommandError
from runtime.supervise.state import state_path
from venues.binance.usdm import rescue
from venues.binance.usdm.signing import signer
from venues.simulator.options import ServeOptions
from venues.simulator.spawn import spawn

QUIET = {  # no trigger but the one that a test is about
    "lane_silence_ms_max": 0,
    "latency_ms_max": 0,
    "latency_blocking_ms_max": 0,
    "balance_drop_bps_max": 0,
    "clock_ms_max": 0,
    "feed_silence_ms_max": 0,
    "supervisor_silence_ms_max": 0,
}


WATCHED = {
    **QUIET,
    **{"balance_drop_bps_max": 500, "balance_every_s": 1},
    **{"clock_ms_max": 100, "clock_every_s": 1},
}


def view(stage):
    return stage.page("sentinel", "hp_sentinel_page_t")


def tripped(stage, trigger):
    """Wait until it has tripped by this trigger and the venue confirmed; return its page."""
    found = view(stage)
    stage.until(
        f"a trip by {trigger}",
        lambda: (
            found.trigger == getattr(lib, f"HP_TRIGGER_{trigger}")
            and found.state == lib.HP_SENTINEL_HOLDING
            and found.confirmed_ns > 0
        ),
    )
    assert stage.open_orders() == 0
    assert stage.page("control.sentinel", "hp_control_page_t").word == lib.HP_WORD_KILL
    return found


def journal(stage):
    path = state_path(stage.deployment) / "sentinel.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def lane_words(stage):
    return stage.page("lane.0", "hp_lane_page_t").words


def test_manual_trip_cancels_asks_the_venue_tells_and_is_released(common):
    one = common(bounds=QUIET)
    assert one.open_orders() == 12
    before, trips = len(journal(one)), view(one).confirm.count
    said = one.ask("trip", reason="wrong prices")
    assert (said["confirmed"], said["left"]) == (True, 0)
    assert one.open_orders() == 0
    found = tripped(one, "MANUAL")
    assert found.confirmed_ns >= found.tripped_ns >= found.caused_ns
    assert found.confirm.count == trips + 1
    one.until("the lane obeys", lambda: lane_words(one) & lib.HP_WORD_KILL)
    events = journal(one)[before:]
    assert [e["event"] for e in events] == ["tripped", "confirmed"]
    assert "wrong prices" in events[0]["reason"]
    assert f"pid {os.getpid()}" in events[0]["reason"]
    assert one.ask("release", reason="seen")["ok"]
    one.until("it trades again", lambda: one.open_orders() == 12)
    assert memory_bytes(one.pid("sentinel")) <= 30 * 2**20
    assert os.getsid(one.pid("sentinel")) == one.pid("sentinel")  # no group of ours holds it
    if os.geteuid() == 0:  # it runs before what is ordinary
        assert os.sched_getscheduler(one.pid("sentinel")) == os.SCHED_RR


def test_signal_trips_with_everything_else_stopped(common):
    """kill -USR1 by hand; the supervisor, the lane and every cold process stand still."""
    one = common(bounds=QUIET)
    with one.stopped(one.others()):
        os.kill(one.pid("sentinel"), signal.SIGUSR1)
        tripped(one, "MANUAL")
        assert one.ask("status")["confirmed"]
    one.until("the lane obeys when it goes on", lambda: lane_words(one) & lib.HP_WORD_KILL)
    os.kill(one.pid("sentinel"), signal.SIGUSR2)
    one.until("released", lambda: view(one).state == lib.HP_SENTINEL_WATCHING)


def test_stopped_lane_trips_by_itself_with_everything_else_stopped(common):
    one = common(bounds={**QUIET, "lane_silence_ms_max": 400})
    with one.stopped(one.others()):
        found = tripped(one, "LANE")
        assert found.found > found.wanted == 400_000_000
    one.until("released: the lane is back", lambda: view(one).state == lib.HP_SENTINEL_WATCHING)
    one.until("it trades again", lambda: one.open_orders() == 12)
    assert [e["event"] for e in journal(one)][-1] == "released"


def test_dead_lane_that_does_not_come_back(common):
    """The supervisor stands still, so nobody starts the lane again."""
    one = common(bounds={**QUIET, "lane_silence_ms_max": 400})
    lane, supervisor = one.pid("lane-0"), one.pid("supervisor")
    with one.stopped([supervisor]):
        os.kill(lane, signal.SIGKILL)
        tripped(one, "LANE")
    one.until("released: a new lane turns", lambda: view(one).state == lib.HP_SENTINEL_WATCHING)


def test_dead_supervisor(stage, tmp_path):
    """SIGKILL: the lane leaves by itself, the sentinel sees to it that nothing is open, and goes.

    An embedded venue would die with its supervisor: this one is served from outside.
    """
    with spawn(ServeOptions(directory=str(tmp_path), limits=False)) as venue:
        one = stage(bounds=QUIET, venue=venue.addresses)
        supervisor_dies(one)


def supervisor_dies(one):
    sentinel, lane = one.pid("sentinel"), one.pid("lane-0")
    os.kill(lane, signal.SIGSTOP)  # it cannot cancel for us
    try:
        one.process.kill()
        one.process.wait()
        until = time.monotonic() + 60
        while not any(e["event"] == "confirmed" for e in journal(one)):
            assert time.monotonic() < until
            time.sleep(0.05)
        assert one.open_orders() == 0
        assert Path(f"/proc/{sentinel}").exists()  # a lane is left to guard
    finally:
        os.kill(lane, signal.SIGCONT)
    for pid in (lane, sentinel):
        until = time.monotonic() + 60
        while alive(pid):
            assert time.monotonic() < until
            time.sleep(0.05)
    assert journal(one)[-1]["event"] == "left"


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_balance_that_drops(common):
    one = common(bounds=WATCHED)
    one.until("a first look", lambda: view(one).equity_e8 > 0)
    one.venue("/sim/fault", {"kind": "withdraw", "percent": 3})
    before = view(one).equity_e8
    one.until("a smaller equity", lambda: view(one).equity_e8 < before)
    assert view(one).state == lib.HP_SENTINEL_WATCHING  # three percent are not five
    one.venue("/sim/fault", {"kind": "withdraw", "percent": 4})
    found = tripped(one, "BALANCE")
    assert 500 < found.found < 900


def test_clock_that_drifts_from_the_venues(common):
    """The venue's clock goes 300 ms ahead; that of 60 ms before is within the bound."""
    one = common(bounds=WATCHED)
    one.venue("/sim/fault", {"kind": "clock_skew", "ms": 60})
    one.until("it sees the drift", lambda: 30_000_000 < view(one).clock_ns < 90_000_000)
    assert view(one).state == lib.HP_SENTINEL_WATCHING
    one.venue("/sim/fault", {"kind": "clock_skew", "ms": 300})
    tripped(one, "CLOCK")


def test_cancels_although_the_venue_refuses_our_time_stamps(stage):
    """Ten seconds off: every signed request is refused until it is signed by the venue's clock."""
    one = stage(bounds={**QUIET, "clock_every_s": 60})
    one.venue("/sim/fault", {"kind": "clock_skew", "ms": 10_000})
    assert one.ask("trip", reason="late")["confirmed"]
    assert one.open_orders() == 0


def test_feed_that_stalls(stage):
    one = stage(bounds={**QUIET, "feed_silence_ms_max": 1_500})
    for symbol in ("btcusdt", "ethusdt"):
        one.venue(
            "/sim/fault", {"kind": "silence_stream", "stream": f"{symbol}@depth@0ms", "ms": 60_000}
        )
    # the lane cancels by itself what rests on a stale book; the sentinel sees to it that nothing is
    tripped(one, "FEED")


def test_latency_over_its_bound(stage):
    """A lane whose every order is slower than the bound of this test."""
    bounds = {**QUIET, "latency_count_min": 5, "latency_window_s": 600}
    one = stage(
        orders=0,
        bounds={**bounds, "latency_blocking_ms_max": 1},
        strategy="tests.sentinel.slow:Slow",
        parameters={},
    )
    found = tripped(one, "LATENCY")
    assert found.found > 1_000_000


def test_lost_leader_lease_touches_only_our_epoch_and_older(stage):
    """A younger leader's orders in the same account stay, with cancel_scope all too."""
    one = stage(bounds=QUIET, cancel_scope="all", lease_ms=2000)
    place = placer(one)
    ours = one.page("lane.0", "hp_lane_page_t").page.epoch
    place(f"{one.deployment[:12]}-{(ours + 1) << 48 | 1:016x}")
    place("somebody-else")
    with one.stopped(one.others()):  # nothing renews it
        found = view(one)
        one.until("a trip by the lease", lambda: found.state == lib.HP_SENTINEL_HOLDING)
        assert found.trigger == lib.HP_TRIGGER_LEASE
        assert one.open_orders() == 2
        assert found.cancelled == 12


@pytest.mark.parametrize(("scope", "left"), [("ours", 1), ("all", 0)])
def test_cancel_scope(common, stage, scope, left):
    one = common(bounds=QUIET) if scope == "all" else stage(bounds=QUIET, cancel_scope=scope)
    placer(one)("somebody-else")
    assert one.open_orders() == 13
    assert one.ask("trip")["confirmed"]
    assert one.open_orders() == left


def test_sentinel_that_is_killed_comes_back_and_still_holds(common):
    one = common(bounds=QUIET)
    assert one.ask("trip", reason="first life")["confirmed"]
    pid = one.pid("sentinel")
    os.kill(pid, signal.SIGKILL)
    one.until("a new sentinel", lambda: one.rows()["sentinel"][0] not in (0, pid))
    one.until("it answers", lambda: ask_or_none(one) is not None)
    assert one.ask("status")["tripped"]
    assert one.page("control.sentinel", "hp_control_page_t").word == lib.HP_WORD_KILL
    assert one.ask("release")["ok"]


def ask_or_none(stage):
    try:
        return stage.ask("status")
    except CommandError:
        return None


def test_order_that_was_on_its_way_is_cancelled_while_it_holds(common):
    one = common(bounds=QUIET)
    assert one.ask("trip")["confirmed"]
    placer(one)("arrives-late")
    one.until("it is gone", lambda: one.open_orders() == 0)
    one.until("it says so", lambda: "cancelled_again" in [e["event"] for e in journal(one)])


def test_release_is_refused_while_the_venue_does_not_answer(stage):
    one = stage(bounds=QUIET)
    one.venue("/sim/fault", {"kind": "rest_status", "status": 503, "count": 100_000})
    said = one.ask("trip", reason="venue down")
    assert not said["confirmed"]
    with pytest.raises(CommandError, match="has not called the list empty"):
        one.ask("release")


def placer(stage):
    """Return what places a resting order by the account's first key, under any client id."""
    sign = signer(Path(stage.facts["key_path"]))

    def place(client_id):
        fields = {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": "0.010",
            "price": "97000.0",
            "newClientOrderId": client_id,
        }
        ask = rescue.Ask("POST", "/fapi/v1/order", tuple(fields.items()), 1)
        request = urllib.request.Request(
            stage.facts["rest"] + rescue.text(ask, sign),
            method="POST",
            headers={"X-MBX-APIKEY": stage.facts["api_key"]},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200

    return place


def test_word_is_obeyed_within_one_turn_of_the_loop(common):
    """Counted in turns, not in time: the turn in progress may have looked already, the next must.

    Who writes a word reads the lane's turn after it: a lane that obeys later than in the turn after
    that has looked past a word.  Both writers wake a lane that blocks.
    """
    one = common(bounds=QUIET)
    for n in range(10):
        for command in ("kill", "resume"):
            said = control_socket.ask(one.deployment, {"command": command, "reason": str(n)})
            assert said["obeyed"]
            assert [lane["turns"] for lane in said["lanes"]] in ([0], [1])
        one.ask("trip", reason=str(n))
        one.until("obeyed", lambda: one.ask("status")["turns"]["0"] is not None)
        assert one.ask("status")["turns"]["0"] <= 1
        one.ask("release")
        # else the lane may pass from this kill to the next one without a turn in between
        one.until("released", lambda: not lane_words(one) & lib.HP_WORD_KILL)
    kills, is_killed = 0, False
    for record in records(one):
        if record.kind == lib.HP_RECORD_WORDS and record.aux == lib.HP_WORDS_CONTROL:
            is_killed = bool(int.from_bytes(record.payload[:4], "little") & lib.HP_WORD_KILL)
            kills += is_killed
        assert not (is_killed and b'"order.place"' in record.payload), "an order left afterwards"
    assert kills >= 20


def records(stage):
    tailer = Tailer.open(stage.deployment)
    try:
        return list(tailer.read(kinds={lib.HP_RECORD_WORDS, lib.HP_RECORD_REQUEST}))
    finally:
        tailer.close()


def test_trip_over_tls_with_an_ed25519_key(stage):
    """The other kind of key, and the other kind of socket: what a real venue has."""
    one = stage(bounds=QUIET, tls=True, pem=True)
    assert one.ask("trip", reason="tls")["confirmed"]
    assert one.open_orders() == 0
    # OpenSSL and the key's library take 10 MB of their own: 30 MB holds with an HMAC key only
    assert memory_bytes(one.pid("sentinel")) <= 34 * 2**20
