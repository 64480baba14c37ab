"""The journal of originals and what is done with it: conflicts, short writes, torn files, boots."""

import errno
import json
import os

import pytest

from tuning.change import Changer
from tuning.fake import FakeHost
from tuning.journal import Busy, Journal, JournalCorrupt
from tuning.model import Risk
from tuning.plan import Action, Plan

SWAP = "/proc/sys/vm/swappiness"
STAT = "/proc/sys/vm/stat_interval"
PAGES = "/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages"


def action(address, value, **more):
    plain = {
        "knob": more.pop("knob", address.rpartition("/")[2]),
        "target": "",
        "codec": "int",
        "phase": "sysctl",
        "risk": Risk.NONE,
        "atomic": "",
        "effect": "",
        "exact": True,
    }
    return Action(address=address, value=value, **{**plain, **more})


def plan_of(*actions):
    return Plan(tuple(actions), (), ())


@pytest.fixture
def host():
    return FakeHost({SWAP: "60\n", STAT: "1\n", PAGES: "0\n"})


@pytest.fixture
def changer(host, tmp_path):
    made = Changer(host, Journal(tmp_path), "boot-1")
    with made.journal.lock():
        yield made


def steps(changer):
    return [record["step"] for record in Journal(changer.journal.folder).records]


def test_original_is_on_disk_before_the_write(changer, host):
    seen = []
    host.reflexes[SWAP] = lambda fake, address, text: seen.append(steps(changer)) or text + "\n"
    changer.apply(plan_of(action(SWAP, "1")))
    assert seen == [["begin", "intent"]]
    assert steps(changer) == ["begin", "intent", "done", "end"]
    intent = Journal(changer.journal.folder).records[1]
    assert (intent["before"], intent["value"], intent["boot"]) == ("60\n", "1", "boot-1")


def test_equal_value_is_neither_written_nor_journaled(changer, host):
    outcomes = changer.apply(plan_of(action(SWAP, "60")))
    assert [o.what for o in outcomes] == ["already"] and host.written == []
    assert steps(changer) == ["begin", "end"]


def test_value_of_a_foreign_writer_stays_and_is_reported(changer, host):
    changer.apply(plan_of(action(SWAP, "1"), action(STAT, "30")))
    host.texts[SWAP] = "45\n"
    outcomes = {o.address: o for o in changer.rollback()}
    assert outcomes[SWAP].what == "conflict" and "45" in outcomes[SWAP].detail
    assert (host.texts[SWAP], host.texts[STAT]) == ("45\n", "1\n")
    assert [o.what for o in changer.rollback(force=True)] == ["undone"]
    assert host.texts[SWAP] == "60\n" and changer.rollback() == []


def test_rollback_of_one_knob_leaves_the_others(changer, host):
    changer.apply(plan_of(action(SWAP, "1"), action(STAT, "30")))
    changer.rollback(knobs=["swappiness"])
    assert (host.texts[SWAP], host.texts[STAT]) == ("60\n", "30\n")


def test_two_plans_over_one_setting_go_back_in_reverse_order(changer, host):
    changer.apply(plan_of(action(SWAP, "10")))
    changer.apply(plan_of(action(SWAP, "1")))
    assert [o.detail for o in changer.rollback()] == ["10", "60"]
    assert host.texts[SWAP] == "60\n"


def test_short_allocation_is_a_failure_and_is_put_back(changer, host):
    host.reflexes[PAGES] = lambda fake, address, text: f"{min(300, int(text))}\n"
    outcomes = changer.apply(plan_of(action(PAGES, "512")))
    assert outcomes[0].what == "failed" and "got 300" in outcomes[0].detail
    assert host.texts[PAGES] == "0\n" and changer.journal.changes() == []


def test_refused_write_changes_nothing_and_names_the_kernels_word(changer, host):
    host.write_errors[SWAP] = errno.EINVAL
    outcomes = changer.apply(plan_of(action(SWAP, "1"), action(STAT, "30")))
    assert [o.what for o in outcomes] == ["failed", "applied"] and "EINVAL" in outcomes[0].detail
    assert steps(changer) == ["begin", "intent", "failed", "intent", "done", "end"]


def test_refused_interrupt_mask_is_remembered_as_managed_for_this_boot(changer, host):
    host.texts["/proc/irq/40/smp_affinity_list"] = "3\n"
    host.write_errors["/proc/irq/40/smp_affinity_list"] = errno.EIO
    changer.apply(plan_of(action("/proc/irq/40/smp_affinity_list", "0", codec="cpulist")))
    assert (
        changer.journal.managed("boot-1") == {"40"} and changer.journal.managed("boot-2") == set()
    )


def test_group_that_fails_in_part_is_undone_whole_and_others_go_on(changer, host):
    host.texts.update(
        {"ethtool:eth1/ring": '{"rx":256}', "ethtool:eth1/coalesce": '{"rx_usecs":9}'}
    )
    host.write_errors["ethtool:eth1/coalesce"] = errno.EOPNOTSUPP
    group = {"codec": "json", "atomic": "nic eth1"}
    outcomes = changer.apply(
        plan_of(
            action("ethtool:eth1/ring", '{"rx":1024}', **group),
            action("ethtool:eth1/coalesce", '{"rx_usecs":0}', **group),
            action(SWAP, "1"),
        )
    )
    assert [o.what for o in outcomes] == ["applied", "failed", "undone", "applied"]
    assert json.loads(host.texts["ethtool:eth1/ring"]) == {"rx": 256}
    assert host.texts[SWAP] == "1\n"


def test_card_that_silently_keeps_its_feature_is_a_failure(changer, host):
    host.texts["ethtool:v0/features"] = '{"rx-gro":true,"rx-lro":false}'
    host.reflexes["ethtool:v0/features"] = lambda fake, address, text: None
    outcomes = changer.apply(
        plan_of(action("ethtool:v0/features", '{"rx-lro":true}', codec="json"))
    )
    assert outcomes[0].what == "failed" and changer.journal.changes() == []


def test_each_outcome_is_told_once_and_in_order(changer, host):
    host.texts.update(
        {"ethtool:eth1/ring": '{"rx":256}', "ethtool:eth1/coalesce": '{"rx_usecs":9}'}
    )
    host.write_errors["ethtool:eth1/coalesce"] = errno.EOPNOTSUPP
    group, told = {"codec": "json", "atomic": "nic eth1"}, []
    outcomes = changer.apply(
        plan_of(
            action("ethtool:eth1/ring", '{"rx":1024}', **group),
            action("ethtool:eth1/coalesce", '{"rx_usecs":0}', **group),
            action("ethtool:eth1/ring", '{"rx":512}', **group),
        ),
        told=told.append,
    )
    assert told == outcomes and [o.what for o in told] == ["applied", "failed", "undone", "failed"]


def test_value_that_cannot_be_read_back_is_a_failure_that_says_so(changer, host):
    def settle(fake, address, text):
        fake.read_errors[address] = errno.EIO
        return text + "\n"

    host.reflexes[SWAP] = settle
    outcome = changer.apply(plan_of(action(SWAP, "1")))[0]
    assert outcome.what == "failed" and "could not be put back" in outcome.detail
    host.read_errors.clear()
    host.reflexes.clear()
    assert [o.what for o in changer.rollback()] == ["undone"] and host.texts[SWAP] == "60\n"


def test_value_that_makes_no_sense_to_the_scheme_stops_nothing(changer, host):
    host.texts["task:9/sched"] = "[]"
    bad = action("task:9/sched", '{"policy":"fifo"}', codec="json")
    outcomes = changer.apply(plan_of(bad, action(SWAP, "1")))
    assert [o.what for o in outcomes] == ["failed", "applied"]
    assert changer.journal.unfinished() is None


def test_settings_of_another_boot_are_void_not_restored(changer, host):
    changer.apply(plan_of(action(SWAP, "1")))
    later = Changer(host, changer.journal, "boot-2")
    assert later.journal.applied("boot-2") == {}
    assert [o.what for o in later.rollback()] == ["void"]
    assert host.texts[SWAP] == "1\n" and later.rollback() == []


def test_process_that_ended_makes_its_settings_void(changer, host):
    host.texts["task:77/affinity"] = "0-3"
    changer.apply(plan_of(action("task:77/affinity", "2", codec="cpulist")))
    host.read_errors["task:77/affinity"] = errno.ESRCH
    assert [o.what for o in changer.rollback()] == ["void"]


def test_second_process_is_told_to_wait(tmp_path):
    with (
        Journal(tmp_path).lock(),
        pytest.raises(Busy, match=str(os.getpid())),
        Journal(tmp_path).lock(),
    ):
        pass


@pytest.mark.parametrize("cut", range(1, 40, 6))
def test_torn_last_line_is_cut_and_reported(tmp_path, cut):
    journal = Journal(tmp_path)
    with journal.lock():
        journal.append("begin", plan="a", boot="b")
        whole = journal.path.read_bytes()
        journal.append("end", plan="a", boot="b")
    content = journal.path.read_bytes()
    journal.path.write_bytes(content[:-cut])
    again = Journal(tmp_path)
    assert again.torn == len(content) - len(whole) - cut and again.unfinished() == "a"
    with again.lock():
        assert journal.path.read_bytes() == whole
        again.append("end", plan="a", boot="b")
    assert Journal(tmp_path).unfinished() is None


def test_damage_in_the_middle_stops_with_a_report(tmp_path):
    journal = Journal(tmp_path)
    with journal.lock():
        for _ in range(3):
            journal.append("begin", plan="a", boot="b")
    content = bytearray(journal.path.read_bytes())
    content[20] ^= 1
    journal.path.write_bytes(bytes(content))
    with pytest.raises(JournalCorrupt, match="line 1"):
        Journal(tmp_path)


def test_channels_are_set_before_what_they_reset_and_that_is_planned_anew(changer, host):
    host.texts.update(
        {"ethtool:e/channels": '{"combined":8}', "/proc/irq/9/smp_affinity_list": "5\n"}
    )
    first = plan_of(
        action("ethtool:e/channels", '{"combined":2}', codec="json", phase="nic-channels"),
        action("/proc/irq/9/smp_affinity_list", "0", codec="cpulist", phase="irq-affinity"),
    )
    # The number of queues changed: interrupt 9 is gone, 11 took its place.
    host.texts["/proc/irq/11/smp_affinity_list"] = "5\n"
    second = plan_of(
        action("/proc/irq/11/smp_affinity_list", "0", codec="cpulist", phase="irq-affinity")
    )
    outcomes = changer.apply(first, replan=lambda: second)
    assert [o.address for o in outcomes] == ["ethtool:e/channels", "/proc/irq/11/smp_affinity_list"]
    assert host.texts["/proc/irq/9/smp_affinity_list"] == "5\n"


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ("/etc/passwd", "x"),
        ("/proc/sys/../../etc/passwd", "x"),
        ("/proc/sys/vm/swappiness", "1\n2"),
        ("/proc/1/mem", "1"),
        ("proc/sys/vm/swappiness", "1"),
        ("/proc/sys/vm/swappiness", "1" * 5000),
        ("/sys/x\0y", "1"),
    ],
)
def test_address_or_value_out_of_bounds_is_never_written(changer, host, address, value):
    host.texts[address] = "0\n"
    outcomes = changer.apply(plan_of(action(address, value, codec="text")))
    assert outcomes[0].what == "failed" and host.written == []
