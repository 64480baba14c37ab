"""Who runs where, on constructed boxes: no box at hand has all of these shapes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.supervise.topology import (
    BLOCKING_STALL_NS_MAX,
    SHARED_STALL_NS_MAX,
    SPINNING_STALL_NS_MAX,
    CpuMap,
    TopologyError,
    parse_list,
    plan,
    read_cpu_map,
)


def pairs(*cores):
    """Return siblings of physical cores given as tuples of logical ones."""
    return {core: frozenset(group) for group in cores for core in group}


SMT8 = pairs((0, 4), (1, 5), (2, 6), (3, 7))


def where(topology):
    return {place.role: (place.core, place.is_spinning) for place in topology.places}


@pytest.mark.parametrize(
    ("cpus", "places", "cold", "is_merged"),
    [
        (CpuMap((0,)), {"lane": (0, False)}, (0,), True),
        (CpuMap((5,)), {"lane": (5, False)}, (5,), True),
        (CpuMap((0, 1)), {"lane": (1, True)}, (0,), False),
        (CpuMap((0, 1), siblings=pairs((0, 1))), {"lane": (1, True)}, (0,), False),
        (CpuMap((0, 1), quota_cores=1.5), {"lane": (None, False)}, (0, 1), True),
        (CpuMap((0, 1, 2)), {"market": (2, True), "order": (1, True)}, (0,), False),
        (
            CpuMap(tuple(range(8)), siblings=SMT8),
            {"market": (7, True), "order": (6, True)},
            (0, 1, 4, 5),
            False,
        ),
        (
            CpuMap(tuple(range(8)), frozenset((2, 3, 6, 7)), SMT8),
            {"market": (7, True), "order": (6, True)},
            (0, 1, 4, 5),
            False,
        ),
        (
            CpuMap((0, 1, 2, 3), frozenset((1,))),
            {"market": (1, True), "order": (3, True)},
            (0, 2),
            False,
        ),
        (
            CpuMap((2, 3, 9, 11)),  # a cpuset, or cores that are offline
            {"market": (11, True), "order": (9, True)},
            (2, 3),
            False,
        ),
        (CpuMap(tuple(range(8)), quota_cores=2.0), {"lane": (7, True)}, tuple(range(7)), False),
    ],
    ids=["one", "one-high", "two", "smt-pair", "quota-one", "three", "smt-eight", "isolated",
         "one-isolated", "holes", "quota-two"],
)  # fmt: skip
def test_auto_follows_the_box(cpus, places, cold, is_merged):
    found = plan(cpus)
    assert where(found) == places
    assert (found.cold_cores, found.is_cold_merged) == (cold, is_merged)


def test_split_on_two_cores_is_forced_and_blocks():
    assert plan(CpuMap((0, 1))).kind == "fused"
    found = plan(CpuMap((0, 1)), "split")
    assert where(found) == {"market": (1, False), "order": (0, False)}
    assert found.notes == (
        "lanes block instead of spinning: split (forced) needs 3 cores to spin, this box gives 2",
    )
    assert found.place("market").stall_ns_max == BLOCKING_STALL_NS_MAX
    assert found.place("order").stall_ns_max == SHARED_STALL_NS_MAX


def test_three_cores_run_split_and_fused_only_when_asked():
    assert plan(CpuMap((0, 1, 2))).kind == "split"
    assert where(plan(CpuMap((0, 1, 2)), "fused")) == {"lane": (2, True)}


def test_fused_is_forced_on_many_cores():
    found = plan(CpuMap(tuple(range(8)), siblings=SMT8), "fused")
    assert where(found) == {"lane": (7, True)}
    assert found.cold_cores == (0, 1, 2, 4, 5, 6)  # not 3, the lane's sibling


def test_lane_that_must_share_a_physical_core_is_said():
    found = plan(CpuMap((0, 1), siblings=pairs((0, 1))))
    assert found.notes == ("lane core 1 shares its physical core with cold processes on 0 (SMT)",)


def test_absent_core_is_said_and_another_is_taken():
    found = plan(CpuMap((0, 1)), lane_core=9)
    assert where(found) == {"lane": (1, True)}
    assert "core 9 is absent, offline or not allowed (there are 0,1)" in found.notes[0]
    assert where(plan(CpuMap((0, 1)), lane_core=0)) == {"lane": (0, True)}


def test_no_core_or_unknown_topology_is_refused():
    with pytest.raises(TopologyError, match="no core is both online and allowed"):
        plan(CpuMap(()))
    with pytest.raises(TopologyError, match="want one of auto, fused, split"):
        plan(CpuMap((0,)), "star")


@st.composite
def boxes(draw):
    cores = draw(st.sets(st.integers(0, 31), min_size=1, max_size=12))
    isolated = draw(st.sets(st.sampled_from(sorted(cores))))
    quota = draw(st.none() | st.floats(0.1, 16))
    siblings = pairs(*[(c, c + 16) for c in range(16)]) if draw(st.booleans()) else {}
    return CpuMap(tuple(sorted(cores)), frozenset(isolated), siblings, quota)


@given(boxes(), st.sampled_from(["auto", "fused", "split"]), st.booleans())
def test_every_plan_is_one_that_a_box_can_run(cpus, wanted, is_blocking):
    """A lane that spins owns its core, and something is left for everybody else."""
    found = plan(cpus, wanted, is_blocking=is_blocking)
    spinning = [place.core for place in found.places if place.is_spinning]
    assert len(spinning) == len(set(spinning))
    assert not set(spinning) & set(found.cold_cores)
    assert {*spinning, *found.cold_cores} <= set(cpus.cores)
    assert found.cold_cores
    assert len(spinning) < max(2, cpus.count)
    assert not (is_blocking and spinning)
    assert found == plan(cpus, wanted, is_blocking=is_blocking)
    for place in found.places:
        assert (place.stall_ns_max == SPINNING_STALL_NS_MAX) == place.is_spinning


def box(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


CPU = "sys/devices/system/cpu"


def test_isolated_cores_are_found_although_the_affinity_leaves_them_out(tmp_path):
    root = box(tmp_path, {f"{CPU}/online": "0-3\n", f"{CPU}/isolated": "2-3\n"})
    found = read_cpu_map(root, frozenset((0, 1)))
    assert (found.cores, found.isolated) == ((0, 1, 2, 3), frozenset((2, 3)))
    assert read_cpu_map(root, frozenset((0,))).cores == (0,)  # taskset: somebody chose


@pytest.mark.parametrize(
    ("group", "files"),
    [
        ("5:cpuset:/box\n", {"sys/fs/cgroup/cpuset/box/cpuset.cpus": "1-2\n"}),
        ("0::/box\n", {"sys/fs/cgroup/box/cpuset.cpus.effective": "1-2\n"}),
    ],
    ids=["v1", "v2"],
)
def test_cpuset_of_the_control_group_bounds_the_cores(tmp_path, group, files):
    root = box(tmp_path, {f"{CPU}/online": "0-3\n", "proc/self/cgroup": group, **files})
    assert read_cpu_map(root, frozenset((0, 1, 2, 3))).cores == (1, 2)


def test_offline_cores_are_left_out_and_siblings_read(tmp_path):
    folder = f"{CPU}/cpu0/topology/thread_siblings_list"
    root = box(tmp_path, {f"{CPU}/online": "0,2\n", folder: "0,2\n"})
    found = read_cpu_map(root, frozenset((0, 1, 2)))
    assert found.cores == (0, 2)
    assert found.siblings == {0: frozenset((0, 2)), 2: frozenset((2,))}


@pytest.mark.parametrize(
    ("group", "files", "cores"),
    [
        ("0::/a/b\n", {"a/cpu.max": "150000 100000\n", "a/b/cpu.max": "max 100000\n"}, 1.5),
        ("0::/a\n", {"a/cpu.max": "max 100000\n"}, None),
        (
            "3:cpu,cpuacct:/a\n",
            {"cpu/a/cpu.cfs_quota_us": "200000\n", "cpu/a/cpu.cfs_period_us": "100000\n"},
            2.0,
        ),
        (
            "3:cpu,cpuacct:/a\n",
            {"cpu/a/cpu.cfs_quota_us": "-1\n", "cpu/a/cpu.cfs_period_us": "100000\n"},
            None,
        ),
    ],
)
def test_quota_of_the_control_group_or_one_above_is_read(tmp_path, group, files, cores):
    places = {f"sys/fs/cgroup/{name}": text for name, text in files.items()}
    root = box(tmp_path, {f"{CPU}/online": "0-3\n", "proc/self/cgroup": group, **places})
    assert read_cpu_map(root, frozenset((0, 1, 2, 3))).quota_cores == cores


@given(st.sets(st.integers(0, 300)))
def test_kernel_list_is_read_back(cores):
    text = ",".join(str(core) for core in sorted(cores))
    assert parse_list(text + "\n") == cores
    assert parse_list("3-5,9\n") == {3, 4, 5, 9}


def test_this_box_has_a_plan():
    assert plan(read_cpu_map()).places
