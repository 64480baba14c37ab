"""The sentinel's parts alone: whose an order is, answers in pieces, budgets, bounds."""

import json
import re
import subprocess
import sys
import time
from collections import deque
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.abi import probe  # noqa: F401  (the build is there)
from runtime._shm import lib
from runtime.config.file import ConfigError, parse
from runtime.sentinel.plan import Bounds, Guard, lane_rate
from runtime.sentinel.process import Sentinel
from runtime.sentinel.sweep import Sweep
from runtime.sentinel.watch import Watch
from runtime.sentinel.wire import Reply, Wire, WireError, unchunk
from runtime.sentinel.wire import parse as parse_answer
from venues.binance.usdm import rescue
from venues.binance.usdm.codec import Codec
from venues.binance.usdm.rescue import OpenOrder
from venues.binance.usdm.signing import signer

ids = st.integers(1, 2**64 - 1)


@given(ids, st.sampled_from(["demo", "a", "night-1", "x.y:z/_"]))
def test_client_id_is_read_as_the_codec_writes_it(number, prefix):
    """Two codes for one name: the lanes' encoder and the sentinel's reader must agree."""
    codec = Codec(prefix=prefix)
    codec.put_instrument(id=1, symbol="BTCUSDT", price_decimals=1, size_decimals=3)
    text = codec.encode(
        kind=lib.HP_INTENT_CANCEL, client_id=number, instrument=1, timestamp_ms=1, request_id=1
    ).decode()
    written = json.loads(text)["params"]["origClientOrderId"]
    assert rescue.client_id(prefix, written) == number
    assert rescue.epoch(prefix, written) == number >> 48
    assert rescue.client_id(prefix + "q", written) == 0
    assert rescue.client_id(prefix, written + "0") == 0
    assert rescue.client_id(prefix, written[:-1]) == 0


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=8))
def test_money_is_exact(value):
    assert rescue.e8(format(value, "f")) == int(value.scaleb(8))


def test_money_beyond_eight_places_is_cut():
    assert rescue.e8("-0.123456789") == -12345678
    assert rescue.e8("7") == 7 * 10**8
    assert Decimal(rescue.e8("15.00000001")).scaleb(-8) == Decimal("15.00000001")


@given(
    st.lists(st.binary(min_size=1, max_size=50), max_size=6),
    st.integers(0, 400),
    st.booleans(),
)
def test_answer_in_any_pieces_is_whole_or_not_there(parts, cut, chunked):
    body = b"".join(parts)
    if chunked:
        coded = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"
        head = b"Transfer-Encoding: chunked\r\n"
    else:
        coded, head = body, b"Content-Length: %d\r\n" % len(body)
    whole = b"HTTP/1.1 200 OK\r\nX-MBX-USED-WEIGHT-1M: 7\r\n" + head + b"\r\n" + coded
    found = parse_answer(bytearray(whole))
    assert found is not None
    assert (found.status, found.body) == (200, body)
    assert found.headers["x-mbx-used-weight-1m"] == "7"
    short = whole[: min(cut, len(whole) - 1)]
    early = parse_answer(bytearray(short))
    assert early is None or (chunked and early.body == body)  # the last CRLF says nothing more


def test_answer_that_is_none_is_refused():
    with pytest.raises(ValueError, match="no HTTP answer"):
        parse_answer(bytearray(b"SSH-2.0-OpenSSH\r\n\r\n"))
    with pytest.raises(ValueError):
        unchunk(b"zz\r\n")


@pytest.mark.parametrize("url", ["ftp://x", "x", "http://"])
def test_address_that_is_none_is_refused_by_name(url):
    with pytest.raises(WireError, match="venue address"):
        Wire(url, 1)


OURS_7 = OpenOrder("BTCUSDT", 1, f"demo-{7 << 48 | 5:016x}")
OURS_8 = OpenOrder("BTCUSDT", 2, f"demo-{8 << 48 | 5:016x}")
THEIRS = OpenOrder("ETHUSDT", 3, "demo-by-hand")


@pytest.mark.parametrize(
    ("scope", "epoch", "means", "blunt"),
    [
        ("ours", 0, [True, True, False], False),
        ("all", 0, [True, True, True], True),
        ("all", 7, [True, False, False], False),  # the leader lease is lost: the younger stays
        ("ours", 7, [True, False, False], False),
        ("ours", 6, [False, False, False], False),
    ],
)
def test_whose_orders_are_meant(scope, epoch, means, blunt):
    sweep = Sweep(None, ["BTCUSDT"], "demo", scope, epoch_max=epoch)
    assert [sweep.means(order) for order in (OURS_7, OURS_8, THEIRS)] == means
    assert sweep.is_blunt == blunt


def test_batches_are_ten_of_one_symbol():
    orders = [OpenOrder("AB"[n % 2], n, "") for n in range(46)]
    asks = rescue.cancel_batches(orders)
    named = [(dict(a.parameters)["symbol"], dict(a.parameters)["orderIdList"]) for a in asks]
    sizes = [len(json.loads(ids)) for _, ids in named]
    assert sizes == [10, 10, 3] * 2
    assert sorted(n for _, ids in named for n in json.loads(ids)) == list(range(46))


def test_lanes_and_sentinel_share_one_budget(tmp_path):
    guard = Guard("key", tmp_path, budget_percent=10)
    assert lane_rate((25, 50, 10), guard) == [22, 45, 10]
    assert lane_rate((25, 50, 10), None) == [25, 50, 10]
    assert lane_rate((1, 1, 0), guard) == [1, 1, 0]


def bare_watch(**bounds):
    watch = Watch.__new__(Watch)
    zero = dict.fromkeys(Bounds.__dataclass_fields__, 0)
    watch.bounds = {**zero, "balance_window_s": 60, **bounds}
    watch.equities = deque()
    watch.pending, watch.drifts = None, 0
    watch.equity_e8 = watch.equity_max_e8 = watch.drift_ns = watch.drift_unsure_ns = 0
    return watch


@pytest.mark.parametrize(("left", "trips"), [(9_501, False), (9_500, False), (9_499, True)])
def test_equity_trips_beyond_its_bound_and_not_at_it(left, trips):
    watch = bare_watch(balance_drop_bps_max=500)
    watch.heard_equity(10_000, 0.0)
    watch.heard_equity(left, 1.0)
    assert (watch.pending is not None) == trips


def test_equity_is_held_against_its_highest_of_the_window_only():
    watch = bare_watch(balance_drop_bps_max=500)
    watch.heard_equity(10_000, 0.0)
    watch.heard_equity(9_600, 30.0)
    watch.heard_equity(9_200, 61.0)  # the first has left the window
    assert watch.pending is None


@pytest.mark.parametrize(("off_ms", "trips"), [(101, False), (102, True), (-102, True)])
def test_clock_trips_beyond_its_bound_twice_in_a_row(off_ms, trips):
    """The round trip and the whole millisecond of the answer are subtracted first."""
    watch = bare_watch(clock_ms_max=99)
    for n in range(2):
        assert watch.pending is None
        watch.heard_time(10**18 + off_ms * 10**6, 10**18 + 10**6, 2 * 10**6)
        assert n == 1 or watch.pending is None
    assert (watch.pending is not None) == trips


def test_one_late_answer_of_the_venue_is_no_drift():
    watch = bare_watch(clock_ms_max=100)
    watch.heard_time(10**18 - 400 * 10**6, 10**18, 900 * 10**6)  # a slow round trip
    assert watch.drifts == 0


def test_clock_that_is_stepped_back_while_the_venue_is_asked_is_off_by_the_step(monkeypatch):
    """It had been read twice: the way took less than no time, and the page refused the figure."""
    wall, steady = [10**18], [10**9]
    monkeypatch.setattr(time, "time_ns", lambda: wall[0])
    monkeypatch.setattr(time, "monotonic_ns", lambda: steady[0])
    replies = []
    venue = SimpleNamespace(ask=lambda _, heard: replies.append(heard), ahead_ms=0)
    one = SimpleNamespace(venue=venue, wire=SimpleNamespace(lines=[1]))
    one.watch = bare_watch(clock_ms_max=100)
    Sentinel.ask_time(one, [])
    wall[0], steady[0] = 10**18 - 700 * 10**6, 10**9 + 2 * 10**6
    replies.pop()(Reply(200, {}, b'{"serverTime":1000000000001}'))
    watch = one.watch
    assert (watch.drift_ns, watch.drift_unsure_ns) == (702 * 10**6, 2 * 10**6)
    assert (watch.drifts, venue.ahead_ms) == (1, 702)


def test_timer_that_takes_orders_of_others_needs_cancel_scope_all():
    with pytest.raises(ConfigError) as error:
        parse("[account]\ndead_man_ms = 20000\n", "site.toml")
    said = str(error.value)
    for part in ("site.toml:2", "dead_man_ms is 20000", "cancel_scope", "whoever placed it"):
        assert part in said
    parse('[account]\ncancel_scope = "all"\ndead_man_ms = 20000\n', "site.toml")


def test_keys_of_both_kinds_sign_and_an_empty_one_is_refused(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("abc\n")
    assert re.fullmatch("[0-9a-f]{64}", signer(secret)("a=1"))
    secret.write_text("")
    with pytest.raises(ValueError, match="is empty"):
        signer(secret)


def test_sentinel_loads_nothing_of_lanes_and_of_the_session():
    """It shares no code with lanes: names of modules that a fault could reach it through."""
    code = (
        "import sys, runtime.sentinel.process\n"
        "bad = [m for m in sys.modules if m.startswith(('hotpath', 'picows', 'uvloop', 'aiohttp',"
        " 'aiofastnet', 'asyncio', 'strategies'))]\n"
        "print(bad)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", (done.stdout, done.stderr)


@pytest.mark.requires_root
def test_sentinel_that_spins_is_an_ordinary_process_again():
    """Real time is for one that waits: half a second without waiting takes it away."""
    code = (
        "import os, time\nfrom runtime.sentinel import process as sentinel\n"
        "sentinel.harden()\nbefore, until = os.sched_getscheduler(0), time.monotonic() + 30\n"
        "while os.sched_getscheduler(0) == os.SCHED_RR and time.monotonic() < until: pass\n"
        "print(before == os.SCHED_RR, os.sched_getscheduler(0) == os.SCHED_OTHER)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["True", "True"], (done.stdout, done.stderr)
