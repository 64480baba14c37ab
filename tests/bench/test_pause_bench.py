"""`corelane bench checkpoint`: what its rows claim of the lane."""

import os

import pytest

from benchmarks.journal.pause import pause, quantiles


def test_checkpoints_are_taken_of_a_lane_that_goes_on():
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("requires_cores: two")
    mine = os.sched_getaffinity(0)
    frames = [
        (
            f'{{"stream":"btcusdt@aggTrade","data":{{"e":"aggTrade","E":1723161258284,"a":{n},'
            f'"s":"BTCUSDT","p":"60000.00","q":"0.010","f":{n},"l":{n},"T":1723161258284,'
            f'"m":true}}}}'
        ).encode()
        for n in range(1, 1000)
    ]
    found = pause(1, frames)
    assert found["rounds"] == 1 and found["checkpoint_ms"] > 0
    for name in ("with", "without"):
        row = found[name]
        assert row["looks"] > 100
        assert 0 < row["own"]["max_us"] <= row["with_others"]["max_us"]
    assert os.sched_getaffinity(0) == mine


def test_quantiles_are_of_all_windows():
    stops = [n * 1000 for n in range(100, 0, -1)]
    assert quantiles(stops) == {"p50_us": 51.0, "p99_us": 100.0, "max_us": 100.0}
