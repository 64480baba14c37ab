"""A strategy on paper over a capture.

Same orders in both languages, pessimistic fills, exact money.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("CORELANE_DATA", ROOT.parent / "shared" / "data"))
RECORDING = DATA / "binance_usdm" / "btcusdt_20240808.jsonl.xz"
SNAPSHOT = '{"lastUpdateId":100,"E":1,"T":1,"bids":[["100.0","9.000"]],"asks":[["100.1","1.000"]]}'


def replay(*arguments):
    command = [sys.executable, "-m", "ops", "replay", *map(str, arguments), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    return done, json.loads(done.stdout) if done.stdout else None


def capture(path, *messages):
    start = 1_700_000_000_000_000_000
    lines = [f"{start + n * 10_000_000} {text}" for n, text in enumerate(messages)]
    path.write_text("\n".join(lines) + "\n")
    return path


def depth(first, bids=(), asks=()):
    sides = [",".join(f'["{p}","{q}"]' for p, q in side) for side in (bids, asks)]
    return (
        '{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","E":1,"T":1,"s":"BTCUSDT",'
        f'"U":{first + 1},"u":{first + 10},"pu":{first},"b":[{sides[0]}],"a":[{sides[1]}]}}}}'
    )


def trade(number, price):
    return (
        '{"stream":"btcusdt@trade","data":{"e":"trade","E":1,"T":1,"s":"BTCUSDT",'
        f'"t":{number},"p":"{price}","q":"1.000","X":"MARKET","m":true}}}}'
    )


HOOK = depth(95, bids=[("100.0", "9.000")])


@pytest.mark.requires_data
@pytest.mark.skipif(not RECORDING.exists(), reason="requires recorded data (CORELANE_DATA)")
def test_python_and_cython_demo_do_the_same_on_the_recording():
    results = [
        replay(RECORDING, "--strategy", name)[1]["strategy"] for name in ("demo", "demo-native")
    ]
    for result in results:
        del result["class"], result["callback_ns"]
    assert results[0] == results[1]
    assert results[0]["orders"] > 100
    assert results[0]["fills_buy"] > 10
    assert results[0]["verdicts"] == {"pass": results[0]["orders"]}


def test_no_fill_at_our_price_alone_but_through_it(tmp_path):
    at = capture(tmp_path / "at.jsonl", HOOK, SNAPSHOT, depth(105), trade(1, "100.0"), depth(115))
    through = capture(
        tmp_path / "through.jsonl", HOOK, SNAPSHOT, depth(105), trade(1, "99.9"), depth(115)
    )
    assert replay(at, "--strategy", "demo")[1]["strategy"]["fills"] == 0
    found = replay(through, "--strategy", "demo")[1]["strategy"]
    assert (found["fills_buy"], found["positions"]["BTCUSDT"]["lots"]) == (1, 5)


def test_money_is_exact_after_a_round_trip(tmp_path):
    path = capture(
        tmp_path / "trip.jsonl",
        HOOK,
        SNAPSHOT,
        depth(105),
        trade(1, "99.9"),
        depth(115, bids=[("100.0", "1.000")], asks=[("100.1", "9.000")]),
        trade(2, "100.2"),
        depth(125),
    )
    found = replay(path, "--strategy", "demo", "--param", "size_lots=5")[1]["strategy"]
    assert (found["fills_buy"], found["fills_sell"]) == (1, 1)
    assert (
        found["realised_e8"] == 50_000_000
    )  # 0.1 x 5: the first snapshot's sizes have no decimals
    notionals_e8 = (500 * 10**8, 50_050 * 10**6)  # 100.0 x 5, 100.1 x 5
    assert found["fees_e8"] == sum(value * 2 // 10_000 for value in notionals_e8)


def test_halted_strategy_is_a_problem_and_named(tmp_path):
    (tmp_path / "faulty.py").write_text(
        "from strategies import Strategy\n"
        "class Faulty(Strategy):\n"
        "    def on_book(self, book):\n"
        "        raise RuntimeError('planted')\n"
    )
    path = capture(tmp_path / "c.jsonl", HOOK, SNAPSHOT, depth(105))
    done, found = replay(path, "--strategy", f"{tmp_path / 'faulty.py'}:Faulty")
    assert done.returncode == 1
    assert "RuntimeError: planted" in found["strategy"]["error"]
    assert any("halted" in problem for problem in found["problems"])


def test_unknown_strategy_is_refused_before_the_run(tmp_path):
    path = capture(tmp_path / "c.jsonl", HOOK, SNAPSHOT)
    done, found = replay(path, "--strategy", "nothing")
    assert (done.returncode, found) == (2, None)
    assert "want path.py:Class" in done.stderr
