"""The watch: drift within two polls, once, with the writer where the kernel tells it."""

import json
import os
import subprocess
import sys

import pytest
import tuning_hosts
from test_tuning_live import BOOT, HOST
from tuning_spoils import SPOILS, host_for, program

from tuning import knobs
from tuning.change import Changer
from tuning.context import look_at
from tuning.host import LiveHost
from tuning.journal import Journal
from tuning.model import State
from tuning.watch import Watch
from tuning.writers import Notices

SWAP = "/proc/sys/vm/swappiness"


def watch_of(host, *words):
    return Watch(look_at(host, "bare-metal"), knobs.select(words))


def test_three_drifts_are_told_within_two_polls_and_once_each():
    host = tuning_hosts.fake("two-socket-server")
    watch = watch_of(host)
    assert watch.poll() == []
    governor = "/sys/devices/system/cpu/cpufreq/policy7/scaling_governor"
    host.texts.update(
        {SWAP: "60\n", governor: "powersave\n", "/proc/irq/102/smp_affinity_list": "5\n"}
    )
    told = [*watch.poll(), *watch.poll()]
    assert {(e.kind, e.knob) for e in told} == {
        ("drift", "mem.swappiness"),
        ("drift", "freq.governor"),
        ("drift", "irq.nic"),
    }
    assert next(e for e in told if e.knob == "freq.governor").target == "policy7"
    assert watch.poll() == watch.poll() == [] and watch.drifted == 3


def test_value_that_flickers_for_one_poll_is_not_told():
    host = tuning_hosts.fake("two-socket-server")
    watch = watch_of(host, "memory")
    host.texts[SWAP] = "60\n"
    assert watch.poll() == []
    host.texts[SWAP] = "1\n"
    assert watch.poll() == watch.poll() == []


def test_drift_that_comes_again_is_a_conflict_with_the_programs_that_may_have_done_it():
    host = tuning_hosts.fake("two-socket-server")
    tasks = host.texts["tasks:"]
    host.texts["tasks:"] = tasks.replace(
        "[", "[" + __import__("json").dumps(program("tuned")) + ",", 1
    )
    watch = watch_of(host, "memory")
    kinds = []
    for text in ("60\n", "1\n", "60\n"):
        host.texts[SWAP] = text
        kinds += [(e.kind, e.suspects, e.certain) for e in [*watch.poll(), *watch.poll()]]
    assert kinds == [
        ("drift", ("tuned(9001)",), False),
        ("restored", ("tuned(9001)",), False),
        ("conflict", ("tuned(9001)",), False),
    ]


def test_change_of_what_nobody_demands_is_told_as_a_change():
    host = tuning_hosts.fake("laptop")
    watch = Watch(look_at(host, "dev"), knobs.select(["memory", "nic"]))
    host.texts[SWAP] = "10\n"
    host.texts["/sys/class/net/wlp0s20f3/carrier_changes"] = "3\n"
    told = {e.knob: e.kind for e in [*watch.poll(), *watch.poll()]}
    assert told == {"mem.swappiness": "changed", "nic.link": "changed"}


def test_poll_reads_each_address_at_most_once_and_no_dear_ones():
    host = tuning_hosts.fake("two-socket-server")
    watch = watch_of(host)
    watch.poll()
    watch.interval_s = 1e-9  # nothing dear is paid for
    read = []
    watch.tap.host = type(
        "Counting", (), {"read": lambda self, a: (read.append(a), host.read(a))[1]}
    )()
    watch.poll()
    assert len(read) == len(set(read)) > 100
    assert not {"tasks:", "/proc/interrupts", "/proc/cpuinfo"} & set(read)


def test_program_that_was_started_is_told_within_two_polls_where_that_is_affordable():
    host = tuning_hosts.fake("two-socket-server")
    watch = watch_of(host, "svc.conflict")
    assert watch.poll() == []
    tasks = json.loads(host.texts["tasks:"])
    host.texts["tasks:"] = json.dumps([*tasks, program("tuned")])
    told = [*watch.poll(), *watch.poll()]
    assert [(e.kind, e.knob) for e in told] == [("drift", "svc.conflict")]


def test_dear_lists_are_read_as_often_as_half_of_the_budget_pays():
    watch = watch_of(tuning_hosts.fake("two-socket-server"), "memory")
    cases = ((0.0, 30, 1), (0.014, 30, 1), (0.031, 30, 3), (0.031, 300, 1), (9.0, 30, 10))
    for watch._rare_cpu_s, watch.interval_s, polls in cases:
        assert watch._rare_every() == polls


def test_lane_that_ended_has_not_been_put_right():
    host = host_for(SPOILS["cpu.affinity_app"])
    watch = watch_of(host, "cpu.affinity_app")
    assert watch.findings["cpu.affinity_app"].state is State.DRIFT
    host.texts["tasks:"] = tuning_hosts.fake("two-socket-server").texts["tasks:"]
    told = [*watch.poll(), *watch.poll()]
    assert [(e.kind, e.found) for e in told] == [("changed", "NOT_APPLICABLE")]


def test_event_is_one_line_of_key_and_value():
    host = tuning_hosts.fake("two-socket-server")
    watch = watch_of(host, "memory")
    host.texts[SWAP] = "60\n"
    line = [*watch.poll(), *watch.poll()][0].line()
    assert line == ("baseline.drift knob=mem.swappiness found='60' was='1' want='<= 1' by=unknown")


@pytest.mark.requires_root
def test_writer_of_a_real_setting_is_named_with_certainty(tmp_path):
    changer = Changer(HOST, Journal(tmp_path), BOOT)
    now = int(HOST.read(SWAP))
    probe = Notices([SWAP])
    named, _ = probe.marked, probe.close()
    if not named:
        pytest.skip(f"requires fanotify ({probe.reason})")
    watch = Watch(look_at(LiveHost(), "bare-metal"), knobs.select(["mem.swappiness"]))
    try:
        script = f"open({SWAP!r},'w').write('{now + 1}\\n'); input()"
        with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE) as child:
            while not (told := watch.poll()):
                pass
            child.communicate(b"\n")
            assert told[0].certain and f"({child.pid})" in told[0].suspects[0]
            assert told[0].found == str(now + 1)
    finally:
        HOST.write(SWAP, str(now))
        watch.close()
    assert changer.journal.records == [] and HOST.read(SWAP).strip() == str(now)


def test_where_the_kernel_names_nobody_the_watch_says_so():
    if os.geteuid() == 0:
        pid = os.fork()
        if pid == 0:
            os.setgid(65534)
            os.setuid(65534)
            os._exit(0 if "suspected" in Notices([SWAP]).reason else 1)
        assert os.waitpid(pid, 0)[1] == 0
    else:
        assert "suspected" in Notices([SWAP]).reason
