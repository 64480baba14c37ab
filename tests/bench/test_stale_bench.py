"""`corelane bench stale`: what its rows claim of the lane, and which trials count."""

import os

import pytest

from benchmarks.feeds import stale
from runtime.supervise.topology import CpuMap, plan


def test_lane_and_everything_else_stand_on_cores_of_their_own():
    for spin in (True, False):
        settings = stale.settings_of(4, spin)
        planned = plan(CpuMap((0, 1)), is_blocking=not spin, lane_core=settings.core)
        place = planned.places[0]
        assert (place.core, place.is_spinning, planned.cold_cores) == (1, spin, (0,))


def test_box_is_planned_before_the_bench_leaves_the_lanes_core(monkeypatch):
    """A lane that was planned for one core does not spin, whatever its row says."""
    mine, seen = os.sched_getaffinity(0), []

    async def play(folder, count, orders, settings, topology):
        seen.append((topology.cores, os.sched_getaffinity(0) == set(topology.cold_cores)))
        return {"mode": "spinning"}

    if len(mine) < 2:
        pytest.skip("requires_cores: two")
    monkeypatch.setattr(stale, "play", play)
    stale.stale(1)
    assert seen == [(tuple(sorted(mine)), True)] * 2
    assert os.sched_getaffinity(0) == mine


def test_quantiles_are_exact_and_none_of_nothing():
    assert stale.quantiles([float(n) for n in range(100, 0, -1)]) == {
        "count": 100,
        "p50_us": 51.0,
        "p99_us": 100.0,
        "max_us": 100.0,
    }
    assert stale.quantiles([])["p99_us"] is None
