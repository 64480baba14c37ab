"""The package as other programs see it: seven calls about the host, four about its time."""

import inspect
import re
from pathlib import Path

import pytest

import tuning

PAGE = Path(__file__).resolve().parents[2] / "docs" / "baseline.md"
CALLS = [
    "validate_system_baseline",
    "get_cpu_affinity_config",
    "get_network_optimization",
    "get_memory_layout",
    "check_realtime_capability",
    "benchmark_latency",
    "one_click_health_check",
    "get_hardware_timestamp",
    "validate_ptp_sync",
    "get_clock_drift",
    "coordinate_with_time_authority",
]


@pytest.fixture(autouse=True)
def short_samples(monkeypatch):
    monkeypatch.setattr("tuning.check.SAMPLE_SECONDS", 0.05)


@pytest.mark.parametrize("name", CALLS)
def test_call_is_public_and_says_what_it_does(name):
    assert name in tuning.__all__
    first = (inspect.getdoc(getattr(tuning, name)) or "").splitlines()[0]
    assert first.endswith(".") and len(first) > 20


def example():
    text = PAGE.read_text()
    found = re.search(r"<!-- tests/tuning runs this block -->\n```python\n(.*?)```", text, re.S)
    return found[1]


def test_example_of_the_page_runs_and_shows_every_call(capsys):
    text = example()
    assert [name for name in CALLS if f"tuning.{name}(" not in text] == []
    names = {}
    exec(compile(text, str(PAGE), "exec"), names)
    assert names["status"].verdict in ("fit", "unfit", "blind")
    assert len(names["health"].to_json()["knobs"]) == 112
    assert names["jitter"].cores[0].core == names["core"]
    assert len(capsys.readouterr().out.splitlines()) == 12


def test_one_click_judges_the_time_of_a_live_host_and_spins_where_asked(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("tuning.health.benchmark_latency", lambda *a, **k: asked.append((a, k)))
    status = tuning.one_click_health_check(profile="small-vm", spin_s=1.5)
    assert status.to_json()["time"]["verdict"] == status.time.verdict.name
    assert status.time.verdict.name != "FAIL" or status.verdict == "unfit"
    ((cores, seconds), _), *_ = asked
    assert set(cores) and seconds == 1.5
