"""Documents, lanes and comparison of latency profiles, without measuring anything."""

import itertools
import json
import math
import os
import subprocess
import sys
from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from latency_samples import document, lane_page

from ops.latency import compare, lanes
from ops.latency.document import WINDOWS, DocumentError, figures, load, windows
from ops.latency.lanes import LaneError
from runtime._shm import lib

# the test of Mann and Whitney


def exact_p(old, new) -> float:
    """Count the splits of all values whose rank sum lies at least as far from the middle."""
    values = sorted([*old, *new])
    ranks = {value: sum(i + 1 for i, v in enumerate(values) if v == value) / values.count(value)
             for value in values}  # fmt: skip
    every = [ranks[value] for value in values]
    middle = len(new) * (len(values) + 1) / 2
    seen = abs(sum(ranks[value] for value in new) - middle)
    splits = list(itertools.combinations(every, len(new)))
    return sum(abs(sum(split) - middle) >= seen - 1e-9 for split in splits) / len(splits)


@settings(max_examples=25)
@given(st.permutations(range(16)))
def test_probability_is_near_that_of_all_splits(values):
    old, new = values[:8], values[8:]
    assert abs(compare.mann_whitney(old, new) - exact_p(old, new)) < 0.03


samples = st.lists(st.integers(0, 9), min_size=8, max_size=20)


@given(samples, samples)
def test_probability_is_the_same_from_both_sides(old, new):
    assert math.isclose(compare.mann_whitney(old, new), compare.mann_whitney(new, old))
    assert 0 <= compare.mann_whitney(old, new) <= 1


def test_probability_of_too_few_or_equal_values_is_one():
    assert compare.mann_whitney([1, 2, 3], [7, 8, 9]) == 1.0
    assert compare.mann_whitney([5] * 20, [5] * 20) == 1.0


# documents


def test_windows_are_sums_or_maxima_of_undisturbed_runs():
    core = document()["jitter"]["cores"][0]
    core["runs"][0]["slots"] = [[0, 2, 500, 400], [1, 1, 100, 100], [599, 3, 900, 700]]
    core["runs"][1]["contaminated"] = ["somebody ran"]
    found = windows(core, 2)
    assert len(found) == 2  # of three runs
    assert found[0] == (600, *[0.0] * (WINDOWS - 2), 900)
    assert windows(core, 1)[0][0] == 3
    assert windows(core, 3)[0][0] == 400


def test_figures_have_unique_names():
    every = [(one.where, one.name) for one in figures(document(cores=3))]
    assert len(every) == len(set(every)) > 60


def test_older_document_is_read_or_refused(tmp_path):
    path = tmp_path / "old.json"
    path.write_text(json.dumps(document()))
    assert load(path) == document()
    for content, reason in (
        ("{", "Expecting"),
        ("[]", "no latency profile"),
        ('{"kind": "corelane.latency-profile", "schema": 9}', "schema 9; this build reads 1"),
    ):
        path.write_text(content)
        with pytest.raises(DocumentError, match=reason):
            load(path)
    with pytest.raises(DocumentError, match="No such file"):
        load(tmp_path / "none.json")


# comparison


def rows_of(old, new) -> dict[tuple[str, str], dict]:
    found = compare.compare(old, new)["rows"]
    return {(one["where"], one["figure"]): one for one in found}


def slower(times: int):
    out = document()
    for run in out["jitter"]["cores"][0]["runs"]:
        run["slots"] = [[slot, n, stolen * times, most] for slot, n, stolen, most in run["slots"]]
    out["jitter"]["cores"][0]["figures"]["stolen_pct"] *= times
    return out


def test_profile_compared_with_itself_shows_no_change():
    found = compare.compare(document(), document())
    assert found["same_host"] and not compare.is_worse(found)
    assert {one["change_pct"] for one in found["rows"] if one["old"]} == {0.0}


def test_doubled_time_is_evidence_in_both_directions():
    key = ("core 0", "time taken")
    worse = rows_of(document(), slower(2))[key]
    assert (worse["evidence"], round(worse["change_pct"])) == ("worse", 100)
    assert worse["p"] < 0.01
    assert rows_of(slower(2), document())[key]["evidence"] == "better"
    assert compare.is_worse(compare.compare(document(), slower(2)))


def test_change_in_one_run_only_is_chance():
    new = document()
    run = new["jitter"]["cores"][0]["runs"][0]
    run["slots"] = [[slot, n, stolen * 50, most] for slot, n, stolen, most in run["slots"]]
    assert rows_of(document(), new)[("core 0", "time taken")]["evidence"] == "chance"


def test_disturbed_runs_are_no_evidence():
    new = slower(5)
    for run in new["jitter"]["cores"][0]["runs"]:
        run["contaminated"] = ["somebody ran"]
    new["jitter"]["contaminated"] = True
    row = rows_of(document(), new)[("core 0", "time taken")]
    assert (row["evidence"], row["p"]) == ("-", None)
    assert compare.compare(document(), new)["contaminated"] == [False, True]


def test_other_host_is_named_by_what_differs():
    new = document()
    new["host"] |= {"id": "other", "kernel": "9.9", "boot_id": "other"}
    found = compare.compare(document(), new)
    assert (found["same_host"], found["differs"]) == (False, ["kernel"])


def test_core_that_only_one_profile_has_is_left_out():
    found = compare.compare(document(cores=1), document(cores=2))
    assert {one["where"] for one in found["rows"]} == {"core 0", "lane sample"}


# lanes


def test_page_shows_the_hops_that_were_recorded(tmp_path):
    path = tmp_path / "page"
    path.write_bytes(lane_page({"gate": [350] * 99 + [9_000], "tick_to_trade": [7_000]}))
    (lane,) = lanes.read_file(path)
    hops = {hop["hop"]: hop for hop in lane["hops"]}
    assert list(hops)[:2] == ["decode", "book"] and len(hops) == lib.HP_HOP_COUNT
    assert hops["gate"]["count"] == 100
    assert 350 <= hops["gate"]["p50_ns"] <= 361  # a bucket is 3.2 % wide
    assert hops["gate"]["max_ns"] == 9_000
    assert hops["decode"]["count"] == 0
    assert (lane["core"], lane["spinning"]) == (3, True)


def test_last_line_of_a_run_is_read_in_nanoseconds(tmp_path):
    path = tmp_path / "run.json"
    row = {"hop": "send", "count": 4, "p50_us": 5.2, "p99_us": 9.0, "p999_us": 9.5, "max_us": 11.0}
    path.write_text("status line\n" + json.dumps({"orders": 4, "latency": [row]}) + "\n")
    (lane,) = lanes.read_file(path)
    assert lane["hops"] == [
        {"hop": "send", "count": 4, "p50_ns": 5200, "p99_ns": 9000, "p999_ns": 9500,
         "max_ns": 11000}
    ]  # fmt: skip


def test_older_profile_is_a_lane_file_too(tmp_path):
    path = tmp_path / "old.json"
    path.write_text(json.dumps(document(), indent=1))
    assert lanes.read_file(path) == document()["lanes"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"HPPAGE01 too short", "a lane page of this build has"),
        (lane_page({}, kind=1), "page kind 1"),
        (lane_page({}, layout=99), "layout 99"),
        (b"{}", "neither a lane page"),
        (b"\xff\x00", "neither a lane page"),
        (b"", "neither a lane page"),
    ],
)
def test_other_files_are_refused(tmp_path, data, reason):
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(LaneError, match=reason):
        lanes.read_file(path)


def test_only_pages_of_living_lanes_are_found(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for name, pid, kind in (("a.lane.0", os.getpid(), 2), ("b.lane.0", dead.pid, 2),
                            ("a.control", os.getpid(), 1)):  # fmt: skip
        data = lane_page({"gate": [1]}, kind=kind, pid=pid)
        (tmp_path / f"corelane.{name}").write_bytes(data)
    (tmp_path / "corelane.broken").write_bytes(b"HPPAGE01")
    (tmp_path / "other").write_bytes(lane_page({}))
    assert [lane["name"] for lane in lanes.find_running(tmp_path)] == ["a/lane.0"]


def test_change_against_nothing_has_no_percentage():
    new = deepcopy(document())
    old = deepcopy(document())
    old["jitter"]["cores"][0]["arrival"]["p99_ns"] = 0
    row = rows_of(old, new)[("core 0", "message waits p99")]
    assert row["change_pct"] is None and not math.isnan(row["new"])
