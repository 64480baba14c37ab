"""A lane that spins, as a person starts it: it wants a core to itself, so these run alone."""

import pytest

from runtime.supervise.topology import plan_box
from tests.supervise.running import Running, check, stop_and_wait


@pytest.mark.parametrize("strategy", ["demo", "demo-native"])
def test_spinning_run_trades_drains_and_agrees_with_the_venue(tmp_path, strategy):
    with Running(tmp_path, "--strategy", strategy) as run:
        run.until_armed()
        run.until_trading()
        spins = any(place.is_spinning for place in plan_box("auto").places)
        assert bool(run.lane().is_spinning) == spins
        code, end = run.end()
        check(code, end, run.said)
        assert end["orders"] > 0


def test_stopped_lane_that_spins_is_killed_and_replaced(tmp_path):
    with Running(tmp_path) as run:
        stop_and_wait(run)
