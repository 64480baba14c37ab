"""The seven calls: what they answer, of a constructed server and of this machine."""

import json
import sys
import types

import pytest
import tuning_hosts

import tuning
from tuning import effect, health
from tuning.context import look_at
from tuning.host import LiveHost

HOST = tuning_hosts.captured("two-socket-server")


def test_baseline_of_a_right_host_is_fit_with_score_and_coverage():
    answer = tuning.validate_system_baseline(HOST)
    assert answer.fit and answer.fitness == 100 and answer.worst == []
    assert answer.profile.startswith("bare-metal@") and answer.coverage > 90
    assert len(answer.to_json()["knobs"]) == 112


def test_cpu_answer_names_every_role_and_its_reason():
    answer = tuning.get_cpu_affinity_config(HOST)
    assert (answer.lanes, answer.isolated_now) == ("4-15", "4-15,20-31,36-47,52-63")
    assert answer.isolated_wanted == answer.isolated_now == answer.nohz_full_now
    assert answer.siblings_idle == "36-47,52-63" and answer.governor == "performance"
    assert any("trading card" in reason for reason in answer.reasons) and answer.findings == {}


def test_network_answer_names_the_card_and_what_is_wrong_with_it():
    tree, links = tuning_hosts.texts("two-socket-server")
    tree["ethtool:eth1/ring"] = '{"rx":512,"rx_jumbo":0,"rx_mini":0,"tx":512}'
    answer = tuning.get_network_optimization(tuning_hosts.capture_of(tree, links))
    assert [(c["name"], c["node"], c["ring"]["rx"]) for c in answer.cards] == [("eth1", 0, 512)]
    assert answer.busy_poll_us == 50 and list(answer.findings) == ["nic.ring"]


def test_memory_answer_counts_nodes_and_pages():
    answer = tuning.get_memory_layout(HOST)
    assert set(answer.nodes) == {"0", "1"} and answer.swap == "none"
    assert answer.transparent == "never" and answer.total_kib == 263000000


def test_real_time_answer_is_what_was_tried():
    answer = tuning.check_realtime_capability(HOST)
    assert answer.capable and answer.throttle_us == 950000 and answer.fifo_share is None
    tree, links = tuning_hosts.texts("two-socket-server")
    refused = tuning_hosts.capture_of(tree, links, {"can:fifo": "no: EPERM"})
    assert not tuning.check_realtime_capability(refused).capable


def test_one_click_is_fit_unfit_or_blind_never_silently_green():
    assert tuning.one_click_health_check(HOST).verdict == "fit"
    tree, links = tuning_hosts.texts("two-socket-server")
    wrong = {"/sys/devices/system/cpu/cpufreq/policy5/scaling_governor": "powersave\n"}
    answer = tuning.one_click_health_check(tuning_hosts.capture_of(tree, links, wrong))
    assert answer.verdict == "unfit" and answer.health.worst[0].startswith(
        "freq.governor (policy5): "
    )
    gone = {a: t for a, t in tree.items() if "cpufreq" not in a}
    answer = tuning.one_click_health_check(tuning_hosts.capture_of(gone, links))
    assert answer.verdict == "blind" and answer.unseen_critical == ["freq.governor"]


def test_every_answer_is_json(capsys):
    for call in (
        tuning.validate_system_baseline,
        tuning.get_cpu_affinity_config,
        tuning.get_network_optimization,
        tuning.get_memory_layout,
        tuning.check_realtime_capability,
        tuning.one_click_health_check,
    ):
        json.dumps(call(HOST).to_json())


def test_benchmark_is_handed_to_the_jitter_package(monkeypatch):
    made = types.ModuleType("tuning.jitter")
    made.benchmark_latency = lambda *a, **k: ("measured", a, k)
    monkeypatch.setitem(sys.modules, "tuning.jitter", made)
    monkeypatch.setattr(tuning, "jitter", made, raising=False)
    assert tuning.benchmark_latency([1], seconds=2) == ("measured", ([1],), {"seconds": 2})


def test_this_machine_answers_without_a_profile_named(monkeypatch):
    monkeypatch.setattr("tuning.check.SAMPLE_SECONDS", 0.05)
    answer = health.get_cpu_affinity_config()
    assert answer.online and answer.housekeeping and answer.lanes
    assert tuning.fingerprint().short == tuning.fingerprint().short


def test_name_that_is_not_public_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        tuning.nothing  # noqa: B018


@pytest.mark.requires_root
def test_throttling_takes_its_share_from_a_thread_that_never_sleeps():
    context = look_at(LiveHost(), brief=True)
    if LiveHost().read("/proc/sys/kernel/sched_rt_runtime_us").strip() != "950000":
        pytest.skip("requires sched_rt_runtime_us at its default")
    try:
        held = effect.spin_under_fifo(max(context.facts.online), 1.5)
    except OSError:
        pytest.skip("requires the right to real-time priority")
    assert 0 < held.share < 0.98 and held.longest_gap_ms > 0


def test_effect_that_fails_turns_a_green_finding(monkeypatch):
    from tuning import check, knobs
    from tuning.model import State

    host = tuning_hosts.fake("two-socket-server")
    host.kind = "live"
    proof = effect.Proof(
        "cpu.nohz_full", State.DRIFT, "core 15: 250.0 ticks a second while spinning"
    )
    monkeypatch.setattr(effect, "_ticks", lambda context, finding: proof)
    finding = check.check(look_at(host), [knobs.find("cpu.nohz_full")]).findings[0]
    assert finding.state is State.DRIFT and "250.0 ticks" in finding.reason


def test_core_that_a_program_was_pinned_to_is_not_disturbed_by_a_proof():
    host = tuning_hosts.fake("two-socket-server")
    tasks = json.loads(host.texts["tasks:"])
    host.texts["tasks:"] = json.dumps([*tasks, tuning_hosts.thread(77, "somebody", "9,11")])
    free = effect.undisturbed(look_at(host))
    assert {9, 11} & free == set() and {8, 10} <= free
