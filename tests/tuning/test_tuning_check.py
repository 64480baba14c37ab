"""Judging: states, figures, and a planted wrong value that is found, and only it."""

import dataclasses
import errno
import json
import os
import tomllib

import pytest
import tuning_hosts

from tuning import check, knobs
from tuning.captured import CapturedHost
from tuning.codecs import CODECS
from tuning.context import look_at
from tuning.fake import FakeHost
from tuning.host import LiveHost
from tuning.model import Severity, State

WEIGHT = {"critical": 4, "advised": 2, "info": 1}
WRONG_TEXTS = (
    "7",
    "0",
    "2",
    "999999999999",
    "always madvise never",
    "[always] madvise never",
    "powersave",
    "none [mq-deadline]",
    "[powersave] performance",
    "auto",
    "hpet",
    "offline",
    "9999",
    "0-63",
    "4",
    "ffffffff,ffffffff",
    "fff0",
    "closed",
    "1",
)


def rows(host, profile=None, **more):
    return {f.knob.id: f for f in check.check(look_at(host, profile, **more)).findings}


def changed(before, after):
    return {
        name
        for name in before
        if (before[name].state, before[name].observed) != (after[name].state, after[name].observed)
    }


@pytest.mark.parametrize("name", tuning_hosts.NAMES)
def test_constructed_host_is_as_its_profile_wants_it(name):
    report = check.check(look_at(tuning_hosts.captured(name)))
    assert [f.knob.id for f in report.findings if f.state in ("DRIFT", "PENDING", "CONFLICT")] == []
    assert report.fitness == 100 and 85 < report.coverage < 100
    assert len(report.findings) == 112


PLANTS = [
    (plant["host"], plant["address"], plant["text"], plant["knob"])
    for plant in tomllib.loads((tuning_hosts.FOLDER / "plants.toml").read_text())["plant"]
]


@pytest.mark.parametrize(
    ("name", "address", "text", "knob"), PLANTS, ids=[f"{p[0]}-{p[3]}" for p in PLANTS]
)
def test_planted_value_is_found_and_only_it(name, address, text, knob):
    tree, links = tuning_hosts.texts(name)
    before = rows(tuning_hosts.capture_of(tree, links))
    after = rows(tuning_hosts.capture_of(tree, links, {address: text + "\n"}))
    assert after[knob].state in ("DRIFT", "PENDING")
    wrong = {n for n in after if after[n].state in ("DRIFT", "PENDING", "CONFLICT")}
    assert wrong == {knob}
    assert changed(before, after) <= {knob, "irq.effective", "cpu.isolcpus", "irq.managed"}


# Isolation is one fact for several knobs: a partition may replace it, idle siblings need it.
CONSEQUENCES = {"cpu.isolcpus": {"cpu.partition", "cpu.smt"}}


def test_core_that_is_offline_is_found():
    tree, links = tuning_hosts.texts("laptop")
    tree["/sys/devices/system/cpu/online"] = "0-6\n"
    tree["/sys/devices/system/cpu/cpu7/online"] = "0\n"
    found = rows(tuning_hosts.capture_of(tree, links))["cpu.online"]
    assert (found.state, found.target, found.observed) == ("DRIFT", "cpu7", "0")


def test_any_value_of_the_server_that_is_made_wrong_is_found_and_only_it():
    """Take each value that a green knob was judged by, make it wrong by force, look again."""
    tree, links = tuning_hosts.texts("two-socket-server")
    context = look_at(tuning_hosts.capture_of(tree, links))
    before = {f.knob.id: f for f in check.check(context).findings}
    tried = set()
    for knob, finding in before.items():
        if finding.state is not State.OK or not context.wanted(finding.knob).demands:
            continue
        for sight in finding.sights[:1]:
            if sight.address not in tree or sight.codec == "json" or sight.address == "tasks:":
                continue
            for text in WRONG_TEXTS:
                host = tuning_hosts.capture_of(tree, links, {sight.address: text + "\n"})
                fresh = dataclasses.replace(context, host=host).fresh()
                if check.examine(fresh, finding.knob).state is State.DRIFT:
                    after = rows(host)
                    wrong = {n for n in after if after[n].state in ("DRIFT", "CONFLICT")}
                    assert wrong - CONSEQUENCES.get(knob, set()) == {knob}, (knob, text)
                    tried.add(knob)
                    break
    assert len(tried) > 30, sorted(tried)


def test_figures_follow_from_the_rows():
    host = FakeHost(tuning_hosts.texts("cloud-vm")[0], tuning_hosts.texts("cloud-vm")[1])
    host.texts["/proc/sys/vm/swappiness"] = "60\n"
    host.texts["/proc/sys/vm/zone_reclaim_mode"] = "1\n"
    host.texts["/sys/devices/system/clocksource/clocksource0/current_clocksource"] = "acpi_pm\n"
    answer = check.check(look_at(host, "cloud-vm")).to_json()
    judged = [r for r in answer["knobs"] if r["state"] in ("OK", "DRIFT", "PENDING", "CONFLICT")]
    good = sum(WEIGHT[r["severity"]] for r in judged if r["state"] == "OK")
    assert (
        answer["fitness"] == round(100 * good / sum(WEIGHT[r["severity"]] for r in judged), 1) < 100
    )
    applicable = [r for r in answer["knobs"] if r["state"] != "NOT_APPLICABLE"]
    seen = [r for r in applicable if r["state"] not in ("UNKNOWN", "UNSUPPORTED")]
    assert answer["coverage"] == round(100 * len(seen) / len(applicable), 1)


@pytest.mark.parametrize("profile", ["bare-metal", "cloud-vm", "small-vm", "dev"])
def test_empty_host_is_never_green_and_nothing_is_called_wrong(profile):
    report = check.check(look_at(FakeHost(), profile))
    states = report.states
    assert states["DRIFT"] == states["PENDING"] == states["CONFLICT"] == 0
    green = {f.knob.id for f in report.findings if f.state is State.OK}
    assert green <= {"cpu.sched_ext", "net.conntrack", "tcp.legacy", "vm.memory_games"}
    assert all(f.reason for f in report.findings if f.state is State.UNSUPPORTED)


def test_what_was_not_captured_is_unknown_and_what_was_absent_unsupported():
    record = {"format": 1, "lists": {"/proc/sys/vm": ["swappiness"]}, "errors": {}, "answers": {}}
    found = rows(CapturedHost(record, {"/proc/sys/vm/swappiness": "1\n"}), "bare-metal")
    assert found["mem.swappiness"].state is State.OK
    assert found["mem.stat_interval"].state is State.UNSUPPORTED  # its folder was listed without it
    assert (
        found["tcp.idle_ss"].state is State.UNKNOWN
        and "not captured" in found["tcp.idle_ss"].reason
    )


@pytest.mark.parametrize(
    ("code", "root", "lockdown", "state", "word"),
    [
        (errno.EACCES, False, False, "UNKNOWN", "permission"),
        (errno.EPERM, True, True, "UNSUPPORTED", "lockdown"),
        (errno.EPERM, True, False, "UNSUPPORTED", "permission"),
        (errno.ENODEV, True, False, "UNSUPPORTED", "not offered"),
        (errno.EIO, True, False, "UNKNOWN", "EIO"),
    ],
)
def test_refusal_of_the_kernel_keeps_its_reason(code, root, lockdown, state, word):
    host = tuning_hosts.fake("two-socket-server")
    host.texts["/proc/self/status"] = f"Uid:\t{0 if root else 1000}\t{0 if root else 1000}\t0\t0\n"
    if lockdown:
        host.texts["/sys/kernel/security/lockdown"] = "none [integrity] confidentiality\n"
    del host.texts["/proc/sys/vm/swappiness"]
    host.read_errors["/proc/sys/vm/swappiness"] = code
    found = rows(host, "bare-metal")["mem.swappiness"]
    assert found.state == state and found.reason.startswith(word)


def test_container_cannot_turn_the_hosts_knobs_and_says_so():
    host = tuning_hosts.fake("two-socket-server")
    host.texts["/proc/1/cgroup"] = "0::/kubepods/pod1\n"
    del host.texts["/proc/sys/vm/swappiness"]
    found = rows(host, "bare-metal")
    assert found["mem.swappiness"].reason.startswith("container")
    assert (
        found["ct.limits"].state is State.DRIFT and found["ct.limits"].severity is Severity.CRITICAL
    )


def test_hypervisor_that_hides_the_frequency_is_no_failure():
    found = rows(tuning_hosts.captured("cloud-vm"), "bare-metal")
    assert found["freq.governor"].state is State.UNSUPPORTED
    assert found["freq.governor"].reason.startswith("hypervisor")


@pytest.mark.parametrize(
    "address", ["tasks:", "ethtool:eth1/ring", "/proc/interrupts", "/proc/swaps", "dirty:"]
)
@pytest.mark.parametrize("text", ["7", "[]", "{}", "x", "", '[{"pid":1}]', "null"])
def test_answer_that_makes_no_sense_is_unknown_and_stops_nothing(address, text):
    tree, links = tuning_hosts.texts("two-socket-server")
    found = rows(tuning_hosts.capture_of(tree, links, {address: text}))
    assert len(found) == 112


def test_partition_over_other_cores_is_not_the_wanted_one():
    host = tuning_hosts.fake("two-socket-server")
    group = "/sys/fs/cgroup/corelane/cpuset.cpus"
    host.texts.update(
        {"/sys/devices/system/cpu/isolated": "\n", f"{group}.partition": "isolated\n"}
    )
    wanted = "4-15,20-31,36-47,52-63"
    for isolated, state in ((wanted, "OK"), ("4-7", "DRIFT"), ("", "DRIFT")):
        host.texts["/sys/fs/cgroup/cpuset.cpus.isolated"] = isolated + "\n"
        assert rows(host)["cpu.partition"].state == state
    del host.texts["/sys/fs/cgroup/cpuset.cpus.isolated"]  # before Linux 6.8
    for effective, state in ((wanted, "OK"), ("4-7", "DRIFT")):
        host.texts[f"{group}.effective"] = effective + "\n"
        assert rows(host)["cpu.partition"].state == state
    host.texts[f"{group}.partition"] = "isolated invalid (Cpu list in cpuset.cpus not exclusive)\n"
    found = rows(host)["cpu.partition"]
    assert found.state == "DRIFT" and "invalid" in found.observed


def test_tree_of_files_under_a_root_is_judged_like_the_host_it_came_from(tmp_path):
    tree, links = tuning_hosts.texts("two-socket-server")
    for path, text in tree.items():
        if path.startswith("/"):
            (tmp_path / path[1:]).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path[1:]).write_text(text)
    for path, target in links.items():
        if not path.endswith("/device") and not os.path.lexists(tmp_path / path[1:]):
            os.symlink(target, tmp_path / path[1:])
    there = rows(LiveHost(str(tmp_path)), "bare-metal", cards=["eth1"], brief=True)
    here = rows(tuning_hosts.capture_of(tree, links), "bare-metal", cards=["eth1"], brief=True)
    same = [
        n for n in here if there[n].state == here[n].state and there[n].observed == here[n].observed
    ]
    assert len(same) > 70
    greener = [n for n in here if there[n].state is State.OK is not here[n].state]
    assert greener == []


def test_null_in_nohz_full_is_no_core():
    found = rows(tuning_hosts.captured("laptop"), "bare-metal")
    assert found["cpu.nohz_full"].state is State.DRIFT and found["cpu.nohz_full"].observed == "none"


def test_boot_word_in_the_loaders_file_is_pending_until_the_reboot():
    words = "isolcpus=managed_irq,domain,1-3,5-7 nohz_full=1-3,5-7"
    tree, links = tuning_hosts.texts("laptop")
    tree["/etc/default/grub.d/90-corelane.cfg"] = (
        f'# words\nGRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX {words}"\n'
    )
    found = rows(tuning_hosts.capture_of(tree, links), "bare-metal")
    assert found["cpu.isolcpus"].state is State.PENDING and found["cpu.isolcpus"].fix == "reboot"
    assert found["cpu.nohz_full"].state is State.PENDING
    assert found["cpu.skew_tick"].state is State.DRIFT
    tree["/etc/default/grub.d/90-corelane.cfg"] = f"# {words}\n"
    assert (
        rows(tuning_hosts.capture_of(tree, links), "bare-metal")["cpu.isolcpus"].state
        is State.DRIFT
    )


def test_managed_interrupt_is_unsupported_and_costs_no_fitness():
    tree, links = tuning_hosts.texts("two-socket-server")
    tree["/proc/irq/103/smp_affinity_list"] = tree["/proc/irq/103/effective_affinity_list"] = "5\n"
    host = tuning_hosts.capture_of(tree, links)
    assert rows(host)["irq.nic"].state is State.DRIFT
    found = rows(host, managed=["103"])
    assert found["irq.nic"].state is State.UNSUPPORTED and "managed" in found["irq.nic"].reason
    assert found["irq.effective"].state is State.OK


def test_value_that_changed_after_our_apply_is_a_conflict_with_its_suspect():
    tree, links = tuning_hosts.texts("two-socket-server")
    tree["/proc/sys/vm/swappiness"] = "30\n"
    tasks = json.loads(tree["tasks:"])
    tree["tasks:"] = json.dumps([*tasks, tuning_hosts.thread(4711, "tuned", "0-3")])
    host = tuning_hosts.capture_of(tree, links)
    found = rows(host, applied={"/proc/sys/vm/swappiness": "1\n"})
    assert (
        found["mem.swappiness"].state is State.CONFLICT
        and "tuned" in found["mem.swappiness"].reason
    )
    assert found["svc.conflict"].state is State.DRIFT


def test_counter_that_moves_between_two_readings_is_seen_as_a_rate():
    tree, links = tuning_hosts.texts("two-socket-server")
    host = tuning_hosts.capture_of(tree, links)
    lines = tree["/proc/interrupts"].splitlines()
    busy = next(line for line in lines if line.startswith("LOC:")).split()
    busy[1 + 6] = "600"  # core 6 had ticks, core 0 may have them
    busy[1 + 0] = "600"
    host.record["later"]["/proc/interrupts"] = "\n".join(
        " ".join(busy) if line.startswith("LOC:") else line for line in lines
    )
    found = rows(host)["irq.counts"]
    assert (
        found.state is State.DRIFT and "cpu6 LOC" in found.observed and "cpu0" not in found.observed
    )


def test_row_has_exactly_the_promised_keys():
    answer = check.check(look_at(tuning_hosts.captured("laptop"))).to_json()
    assert list(answer) == ["profile", "fitness", "coverage", "fingerprint", "knobs"]
    keys = "id group state severity observed expected target reason why fix undo source"
    assert all(list(row) == keys.split() for row in answer["knobs"])
    assert [row["id"] for row in answer["knobs"]] == list(knobs.catalogue())


@pytest.mark.parametrize("name", list(CODECS))
def test_codec_gives_back_what_it_was_given(name):
    samples = {
        "text": ["performance", "n/a"],
        "int": ["-1", "950000"],
        "choice": ["a [b] c", "never"],
        "cpulist": ["0-3,7", ""],
        "cpumask": ["f", "000f000f,000f000f"],
        "words": ["4 4\t1 7"],
        "flag": ["Y", "0"],
        "json": ['{"b":1,"a":[2]}'],
    }[name]
    codec = CODECS[name]
    for raw in samples:
        again = codec.restore(raw)
        assert codec.canonical(again) == codec.canonical(raw)
        assert codec.canonical(raw + "\n") == codec.canonical(raw)
