"""The drill as a person calls it, a few rounds; `make sentinel` is the long form."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_drill_that_is_too_slow_or_leaves_an_order_is_not_good():
    """The verdict can fail: a bound that nobody can keep."""
    command = [sys.executable, "-m", "ops", "sentinel", "drill", "--rounds", "1", "--orders", "4"]
    done = subprocess.run(
        [*command, "--ms-max", "0.001"], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert "OVER 0" in done.stdout
