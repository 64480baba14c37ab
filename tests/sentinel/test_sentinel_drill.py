"""The drill as a person calls it, a few rounds; `make sentinel` is the long form."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ops import sentinel

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("scope", ["all", "ours"])
def test_drill_empties_the_venue_in_each_round_and_counts_the_time(scope):
    command = [sys.executable, "-m", "ops", "sentinel", "drill", "--json", "--rounds", "4"]
    command += ["--orders", "60", "--scope", scope, "--ms-max", "1e9"]  # no test asserts a time
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (done.stdout, done.stderr)
    found = json.loads(done.stdout)
    assert found["faults"] == []
    assert [one["mode"] for one in found["each"]] == ["live", "stopped"] * 2
    for one in found["each"]:
        assert (one["resting"], one["open_after"], one["confirmed"]) == (60, 0, True)
        assert one["took_ms"] > 0
    assert {mode: ms["count"] for mode, ms in found["ms"].items()} == {"live": 2, "stopped": 2}
    assert found["rss_bytes"] <= 30 * 2**20


@pytest.mark.parametrize(
    ("ms_max", "faults", "code", "words"),
    [
        (50.1, [], 0, "within 50"),
        (50.0, [], 0, "within 50"),
        (49.9, [], 1, "OVER 50"),
        (50.0, ["round 2: 1 orders open"], 1, "FAULT round 2"),
    ],
)
def test_drill_that_is_too_slow_or_leaves_an_order_is_not_good(ms_max, faults, code, words):
    figures = {"count": 2, "p50": 40.0, "p99": 50.0, "max": 50.0, "ran_ms": 9.0, "queued_ms": 1.0}
    found = {
        **{"rounds": 2, "orders": 4, "scope": "all", "rss_bytes": 2**20, "faults": faults},
        **{"ms": {"live": figures}, "ms_max": ms_max},
    }
    said, text = sentinel.judge(found)
    assert (said, words in text) == (code, True), text
