"""Real settings of this machine: changed through the journal, proven, put back, raw bytes equal.

Interrupts of network cards and the cards themselves are left alone; card settings are tried on a
veth pair in a network namespace of our own (test_tuning_veth.py).  A setting that this machine does
not have is skipped by name.
"""

import json
import os
import subprocess
import sys
import time

import pytest
from test_tuning_change import action, plan_of

from tuning import check, effect, knobs
from tuning.change import Changer
from tuning.context import look_at
from tuning.facts import Facts
from tuning.host import LiveHost, names, peek
from tuning.journal import Journal
from tuning.model import Settable, State

HOST = LiveHost()
BOOT = Facts(HOST).boot_id
CPU = "/sys/devices/system/cpu"
HUGE = "/sys/kernel/mm/hugepages/hugepages-{}kB/nr_hugepages"
# knob, address, codec, two values: the one that is not there now is written
SETTINGS = [
    ("cpu.timer_migration", "/proc/sys/kernel/timer_migration", "int", "0", "1"),
    ("cpu.autogroup", "/proc/sys/kernel/sched_autogroup_enabled", "int", "0", "1"),
    ("cpu.wq_cpumask", "/sys/devices/virtual/workqueue/cpumask", "cpumask", "1", "3"),
    ("cpu.writeback_mask", "/sys/devices/virtual/workqueue/writeback/cpumask", "cpumask", "1", "3"),
    ("irq.default", "/proc/irq/default_smp_affinity", "cpumask", "1", "3"),
    (
        "idle.guest_haltpoll",
        "/sys/module/haltpoll/parameters/guest_halt_poll_ns",
        "int",
        "0",
        "1000",
    ),
    ("idle.states", f"{CPU}/cpu0/cpuidle/state1/disable", "int", "0", "1"),
    ("idle.per_cpu", f"{CPU}/cpu0/power/pm_qos_resume_latency_us", "text", "0", "n/a"),
    ("mem.huge2m", HUGE.format(2048), "int", "4", "5"),
    (
        "mem.huge2m node0",
        "/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages",
        "int",
        "3",
        "4",
    ),
    ("mem.thp", "/sys/kernel/mm/transparent_hugepage/defrag", "choice", "never", "madvise"),
    ("mem.ksm", "/sys/kernel/mm/ksm/run", "int", "0", "2"),
    ("mem.numa_balancing", "/proc/sys/kernel/numa_balancing", "int", "0", "1"),
    ("mem.swappiness", "/proc/sys/vm/swappiness", "int", "10", "11"),
    ("mem.stat_interval", "/proc/sys/vm/stat_interval", "int", "10", "11"),
    ("mem.compaction", "/proc/sys/vm/compaction_proactiveness", "int", "0", "1"),
    ("mem.zone_reclaim", "/proc/sys/vm/zone_reclaim_mode", "int", "0", "1"),
    ("mem.min_free", "/proc/sys/vm/min_free_kbytes", "int", "70000", "70001"),
    (
        "mem.dirty",
        "dirty:",
        "json",
        '{"background_ratio":3,"ratio":10}',
        '{"background_ratio":4,"ratio":11}',
    ),
    (
        "mem.dirty bytes",
        "dirty:",
        "json",
        '{"background_bytes":8388608,"bytes":33554432}',
        '{"background_bytes":16777216,"bytes":33554432}',
    ),
    ("wd.softlockup", "/proc/sys/kernel/watchdog_cpumask", "cpulist", "0", "0-1"),
    ("wd.hung_task", "/proc/sys/kernel/hung_task_timeout_secs", "int", "600", "601"),
    ("rt.throttle", "/proc/sys/kernel/sched_rt_runtime_us", "int", "-1", "950000"),
    ("net.busy_read", "/proc/sys/net/core/busy_read", "int", "50", "51"),
    ("net.busy_poll", "/proc/sys/net/core/busy_poll", "int", "50", "51"),
    ("net.buffers", "/proc/sys/net/core/rmem_max", "int", "4194304", "4194305"),
    ("net.backlog", "/proc/sys/net/core/netdev_budget", "int", "600", "601"),
    ("tcp.idle_ss", "/proc/sys/net/ipv4/tcp_slow_start_after_idle", "int", "0", "1"),
    ("tcp.autocork", "/proc/sys/net/ipv4/tcp_autocorking", "int", "0", "1"),
    ("tcp.legacy", "/proc/sys/net/ipv4/tcp_low_latency", "int", "0", "1"),
    ("net.rps_xps", "/proc/sys/net/core/rps_sock_flow_entries", "int", "0", "32768"),
    ("sys.console", "/proc/sys/kernel/printk", "words", "4 4 1 7", "5 4 1 7"),
    (
        "mem.hugetlbfs",
        "mount:/run/corelane/hugepages-test",
        "text",
        "absent",
        "hugetlbfs pagesize=2M",
    ),
    ("idle.dma_latency", "hold:dma_latency", "int", "0", "1"),
    ("net.rtentsk", "hold:timestamp", "text", "open", "closed"),
]

# Knobs whose round trip is not a value of one file; the test that makes it.
ELSEWHERE = {
    "cpu.cpuset_v1": "test_cpuset_of_the_old_tree_is_made_and_removed",
    "cpu.affinity_app": "test_lane_process_is_pinned_scheduled_limited_and_given_back",
    "irq.nic": "test_interrupt_masks_go_round_and_an_unmoved_one_is_pending",
    "mem.huge1g": "test_large_page_of_one_gibibyte_is_taken_and_given_back",
    "mem.mlock": "test_own_memory_is_locked_and_bound_and_released",
    "mem.numa_placement": "test_pages_of_a_process_are_moved_to_the_node_where_they_are",
    "rt.policy": "test_real_time_policy_is_taken_and_given_back",
    "rt.deadline": "test_real_time_policy_is_taken_and_given_back",
    "rt.timerslack": "test_lane_process_is_pinned_scheduled_limited_and_given_back",
    "rt.eevdf_slice": "test_lane_process_is_pinned_scheduled_limited_and_given_back",
    "clk.source": "test_clock_source_is_switched_and_switched_back",
    "sock.busy_poll": "test_socket_and_epoll_of_a_running_process_are_set_from_outside",
    "epoll.params": "test_socket_and_epoll_of_a_running_process_are_set_from_outside",
    "tcp.nodelay": "test_socket_and_epoll_of_a_running_process_are_set_from_outside",
    **dict.fromkeys(
        ("napi.defer", "napi.irq_suspend", "napi.threaded", "nic.channels", "nic.offload",
         "nic.queue_len_qdisc"),
        "test_card_settings_go_round_with_the_same_answers_before_and_after",
    ),
}  # fmt: skip

pytestmark = pytest.mark.requires_root


def test_every_knob_that_is_marked_so_goes_round_on_a_real_machine():
    import test_tuning_veth

    marked = {k.id for k in knobs.catalogue().values() if k.settable is Settable.RSW}
    told = {name.split()[0] for name, *_ in SETTINGS}
    assert marked == (told & marked) | ELSEWHERE.keys() and not told & ELSEWHERE.keys()
    for name in ELSEWHERE.values():
        assert callable(globals().get(name) or getattr(test_tuning_veth, name)), name


@pytest.fixture
def changer(tmp_path):
    """A changer whose every change is undone at the end, also when the test failed."""
    made = Changer(HOST, Journal(tmp_path), BOOT)
    with made.journal.lock():
        yield made
        made.rollback(force=True)
        assert made.journal.changes() == []


def round_trip(changer, *actions):
    """Apply, read back, roll back, and compare what the kernel shows with what it showed."""
    before = [HOST.read(a.address) for a in actions if not a.address.startswith(("self:", "dir:"))]
    outcomes = changer.apply(plan_of(*actions))
    assert [o.what for o in outcomes] == ["applied"] * len(actions), outcomes
    undone = changer.rollback()
    assert all(o.what == "undone" for o in undone), undone
    assert [
        HOST.read(a.address) for a in actions if not a.address.startswith(("self:", "dir:"))
    ] == before


@pytest.mark.parametrize(
    ("knob", "address", "codec", "one", "other"), SETTINGS, ids=[s[0] for s in SETTINGS]
)
def test_setting_changed_and_put_back_shows_the_same_bytes(
    changer, knob, address, codec, one, other
):
    now = peek(HOST, address)
    if now is None:
        pytest.skip(f"requires {address}")
    from tuning.outcome import accepted

    value = other if accepted(codec, now, one) else one
    round_trip(changer, action(address, value, knob=knob.split()[0], codec=codec))


def whole_mib():
    """Return the free memory of the zone of large pages that lies in blocks of 4 MiB."""
    rows = (peek(HOST, "/proc/buddyinfo") or "").splitlines()
    return sum(4 * int(row.split()[-1]) for row in rows if "Normal" in row)


def test_large_page_of_one_gibibyte_is_taken_and_given_back(changer):
    address = HUGE.format(1048576)
    if peek(HOST, address) is None:
        pytest.skip("requires 1 GiB pages")
    if whole_mib() < 4096:  # else the kernel moves pages of everybody for ten seconds
        pytest.skip("requires 4 GiB of free memory that is not in pieces")
    wanted = str(int(peek(HOST, address)) + 1)
    outcome = changer.apply(plan_of(action(address, wanted)))[0]
    if outcome.what == "failed":
        assert "put back" in outcome.detail  # a fragmented host: refused whole, nothing left behind
    assert all(o.what == "undone" for o in changer.rollback())


def test_clock_source_is_switched_and_switched_back(changer):
    base = "/sys/devices/system/clocksource/clocksource0"
    offered = (peek(HOST, f"{base}/available_clocksource") or "").split()
    other = [name for name in offered if name != peek(HOST, f"{base}/current_clocksource")]
    if not other:
        pytest.skip("requires a second clock source")
    round_trip(changer, action(f"{base}/current_clocksource", other[0], codec="text"))


def test_cpuset_of_the_old_tree_is_made_and_removed(changer):
    base = "/sys/fs/cgroup/cpuset"
    if peek(HOST, f"{base}/cpuset.cpus") is None:
        pytest.skip("requires a cgroup 1 cpuset tree")
    folder = f"{base}/corelane-test"
    round_trip_steps = (
        action(f"dir:{folder}", "present", codec="text"),
        action(f"{folder}/cpuset.cpus", "1", codec="cpulist"),
        action(f"{folder}/cpuset.mems", "0", codec="cpulist"),
        action(f"{folder}/cpuset.cpu_exclusive", "1"),
    )
    assert all(o.what == "applied" for o in changer.apply(plan_of(*round_trip_steps)))
    assert peek(HOST, f"{folder}/cpuset.cpu_exclusive") == "1"
    assert all(o.what == "undone" for o in changer.rollback())
    assert not os.path.isdir(folder)


def idle_interrupts():
    """Return interrupts that belong to no network card and whose mask can be written."""
    found = []
    for number in Facts(HOST).interrupts:
        label = " ".join(n for n in names(HOST, f"/proc/irq/{number}") if "affinity" not in n)
        virtio_card = any(
            name.startswith("virtio")
            and names(HOST, f"/sys/bus/virtio/devices/{name.split('-')[0]}/net")
            for name in names(HOST, f"/proc/irq/{number}")
        )
        if "config" in label and not virtio_card:
            found.append(number)
    return found


def test_interrupt_masks_go_round_and_an_unmoved_one_is_pending(changer):
    """An interrupt without traffic keeps its old core after the mask changed: never called OK."""
    if len(Facts(HOST).online) < 2:
        pytest.skip("requires two cores")
    chosen = idle_interrupts()[:2]
    if not chosen:
        pytest.skip("requires an interrupt that is not a network card's")
    actions, away = [], {}
    for number in chosen:
        here = peek(HOST, f"/proc/irq/{number}/effective_affinity_list")
        away[number] = "1" if here == "0" else "0"
        actions.append(
            action(f"/proc/irq/{number}/smp_affinity_list", away[number], codec="cpulist")
        )
    before = [HOST.read(a.address) for a in actions]
    assert all(o.what in ("applied", "already") for o in changer.apply(plan_of(*actions)))
    context = look_at(HOST, "bare-metal", brief=True)
    lagging = [n for n in chosen if peek(HOST, f"/proc/irq/{n}/effective_affinity_list") != away[n]]
    effective = check.examine(context, knobs.find("irq.effective"))
    for sight in effective.sights:
        number = sight.address.split("/")[3] if sight.address.startswith("/proc/irq/") else ""
        if number in lagging and away[number] == "0":
            assert sight.state is State.PENDING and "next interrupt" in sight.reason
    assert all(o.what == "undone" for o in changer.rollback())
    assert [HOST.read(a.address) for a in actions] == before


def test_core_that_does_not_exist_is_refused_and_nothing_changes(changer):
    number = (idle_interrupts() or [None])[0]
    if number is None:
        pytest.skip("requires an interrupt that is not a network card's")
    address = f"/proc/irq/{number}/smp_affinity_list"
    before = HOST.read(address)
    outcome = changer.apply(plan_of(action(address, "8000", codec="cpulist")))[0]
    assert outcome.what == "failed" and outcome.detail.split(":")[0] in (
        "ERANGE",
        "EOVERFLOW",
        "EINVAL",
    )
    assert HOST.read(address) == before and changer.journal.changes() == []


@pytest.fixture
def sleeper():
    """A process of ours that stands in for a lane."""
    script = (
        "import select,socket,threading,time\n"
        "a=socket.socket(); a.bind(('127.0.0.1',0)); a.listen(); b=socket.socket()\n"
        "b.connect(a.getsockname()); e=select.epoll()\n"
        "def turn():\n"
        "    while True: time.sleep(0.02)\n"
        "threading.Thread(target=turn,daemon=True).start()\n"
        "print(b.fileno(), e.fileno(), flush=True)\n"
        "turn()\n"  # a thread moves to its core when it wakes
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as child:
        child.descriptors = [int(word) for word in child.stdout.readline().split()]
        yield child
        child.kill()


def test_lane_process_is_pinned_scheduled_limited_and_given_back(changer, sleeper):
    pid = sleeper.pid
    helper = max(int(name) for name in os.listdir(f"/proc/{pid}/task"))
    others = os.sched_getaffinity(0)
    sched = json.loads(HOST.read(f"task:{pid}/sched"))
    limit = json.loads(HOST.read(f"task:{pid}/limit/memlock"))
    steps = [
        action(f"/proc/{pid}/timerslack_ns", "1", knob="rt.timerslack"),
        action(f"task:{pid}/sched", json.dumps({**sched, "policy": "batch"}), codec="json"),
        action(f"task:{pid}/limit/memlock", json.dumps({**limit, "soft": 65536}), codec="json"),
    ]
    if len(others) > 1:
        steps.append(action(f"task:{pid}/affinity", str(max(others)), codec="cpulist"))
    if Facts(HOST).kernel_version >= (6, 12):
        steps.append(
            action(
                f"task:{helper}/sched", json.dumps({**sched, "runtime_ns": 100000}), codec="json"
            )
        )
    round_trip(changer, *steps)


@pytest.mark.parametrize("policy", ["fifo", "rr", "deadline"])
def test_real_time_policy_is_taken_and_given_back(changer, sleeper, policy):
    wanted = {
        "policy": policy,
        "nice": 0,
        "priority": 0 if policy == "deadline" else 5,
        "runtime_ns": 0,
    }
    if policy == "deadline":
        wanted.update(runtime_ns=1000000, deadline_ns=10000000, period_ns=10000000)
    elif "EPERM" in HOST.read("can:fifo"):
        pytest.skip("requires the right to real-time priority")
    round_trip(changer, action(f"task:{sleeper.pid}/sched", json.dumps(wanted), codec="json"))


def test_socket_and_epoll_of_a_running_process_are_set_from_outside(changer, sleeper):
    connected, epoll = sleeper.descriptors
    steps = [
        action(f"socket:{sleeper.pid}/{connected}/nodelay", "1"),
        action(f"socket:{sleeper.pid}/{connected}/busy_poll", "50"),
        action(f"socket:{sleeper.pid}/{connected}/prefer", "1"),
    ]
    if Facts(HOST).kernel_version >= (6, 9):
        asked = '{"budget":16,"prefer":1,"usecs":64}'
        steps.append(action(f"epoll:{sleeper.pid}/{epoll}", asked, codec="json"))
    round_trip(changer, *steps)


SITE = """
extends = "bare-metal"
name = "test"
[lanes]
names = ["no-lane-of-others"]
[sizes]
huge2m = 4
"""
# Not here: the machine's own card and its interrupts, and what every program would feel.
SPARED = {"irq.nic", "net.rps_xps", "cpu.cpuset_v1", "idle.dma_latency"}


def test_baseline_of_this_machine_is_applied_and_rolled_back_by_the_command(
    capsys, tmp_path, sleeper
):
    """All knobs of the catalogue that may be set here, by their own probes, wants and phases."""
    from ops.cli import main

    (tmp_path / "site.toml").write_text(SITE)
    chosen = [
        knob.id
        for knob in knobs.catalogue().values()
        if knob.settable is Settable.RSW
        and knob.id not in SPARED
        and not knob.id.startswith(("nic.", "napi."))
    ]
    common = ["--profile", str(tmp_path / "site.toml"), "--pid", str(sleeper.pid)]
    common += ["--state", str(tmp_path / "state"), "--json"]

    def told(*words):
        code = main(["baseline", *words, *common])
        return code, json.loads(capsys.readouterr().out)

    _, plan = told("plan", "--only", *chosen)
    places = [one["address"] for one in plan["actions"]]
    assert {"/proc/sys/vm/swappiness", f"/proc/{sleeper.pid}/timerslack_ns"} <= set(places)
    before = {place: HOST.read(place) for place in places}
    try:
        code, done = told("apply", "--yes", "--only", *chosen)
        assert code == 0, [one for one in done["outcomes"] if one["what"] == "failed"]
        assert [one["address"] for one in done["outcomes"]] == places
        assert all(one["state"] == "OK" for one in done["proofs"]), done["proofs"]
        _, again = told("plan", "--only", *chosen)
        assert again["actions"] == []  # everything is as wanted now
    finally:
        code, undone = told("rollback", "--yes")
    assert code == 0 and {one["what"] for one in undone["outcomes"]} == {"undone"}, undone
    assert {place: HOST.read(place) for place in places} == before


def test_own_memory_is_locked_and_bound_and_released():
    """In a process of its own: locking and memory policy belong to whoever calls."""
    script = (
        "from tuning.host import LiveHost\nh=LiveHost()\n"
        "a=[h.read('self:mlock'),h.read('self:mempolicy')]\n"
        "h.write('self:mlock','locked'); h.write('self:mempolicy','bind:0')\n"
        "b=[h.read('self:mlock'),h.read('self:mempolicy')]\n"
        "h.write('self:mlock','unlocked'); h.write('self:mempolicy','default')\n"
        "print(a==[h.read('self:mlock'),h.read('self:mempolicy')], *b)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "locked", "bind:0"]


def test_pages_of_a_process_are_moved_to_the_node_where_they_are(changer, sleeper):
    try:
        home = HOST.read(f"task:{sleeper.pid}/home")
    except OSError:
        pytest.skip("requires numa_maps of another process")
    HOST.write(f"task:{sleeper.pid}/home", home)
    assert HOST.read(f"task:{sleeper.pid}/home") == home


def test_bound_on_idle_states_lasts_as_long_as_its_holder(changer):
    if peek(HOST, "hold:dma_latency") is None:
        pytest.skip("requires /dev/cpu_dma_latency")
    from tuning.reach import hold

    before = HOST.read("hold:dma_latency")
    changer.apply(plan_of(action("hold:dma_latency", "0")))
    assert len(hold.holders("dma_latency")) == 1
    changer.rollback()
    assert hold.holders("dma_latency") == [] and HOST.read("hold:dma_latency") == before


def test_large_pages_are_proven_by_mapping_one(changer):
    if peek(HOST, HUGE.format(2048)) is None:
        pytest.skip("requires large pages")
    context = look_at(HOST, "bare-metal", brief=True)
    finding = check.examine(context, knobs.find("mem.huge2m"))
    asked = effect.prove(context, finding)
    assert asked is None or finding.state is State.OK  # nothing is proven that is not set
    changer.apply(plan_of(action(HUGE.format(2048), str(4 + int(peek(HOST, HUGE.format(2048)))))))
    assert effect._hugepages(context, finding).state is State.OK


def test_core_with_a_tick_is_not_proven_free_of_it():
    """Spin on the last core and count timer interrupts; only nohz_full brings them near zero."""
    context = look_at(HOST, "bare-metal", brief=True)
    cpu = max(os.sched_getaffinity(0))
    rate = effect.ticks_while_spinning(context, cpu, 0.5)
    tickless = cpu in (context.facts.cpu_flags and _nohz_full())
    assert (rate <= effect.TICKS_PER_SECOND_MAX) == tickless


def _nohz_full():
    from tuning import cpus

    return cpus.parse_list(peek(HOST, f"{CPU}/nohz_full") or "")


def test_pinned_thread_is_proven_to_be_on_its_core(sleeper):
    cpu = max(os.sched_getaffinity(0))
    os.sched_setaffinity(sleeper.pid, {cpu})
    context = look_at(HOST, "bare-metal", pids=[sleeper.pid], brief=True)
    finding = check.examine(context, knobs.find("cpu.affinity_app"))
    end = time.monotonic() + 90
    while (proof := effect._thread(context, finding)).state is not State.OK:
        assert time.monotonic() < end, proof
        time.sleep(0.05)
    os.sched_setaffinity(sleeper.pid, os.sched_getaffinity(0))
    if len(os.sched_getaffinity(0)) > 1:
        assert effect._thread(context, finding).state is State.PENDING
    sleeper.kill()
    sleeper.wait()
    assert effect._thread(context, finding).state is State.UNKNOWN  # it ended: nothing is wrong


def test_setting_that_a_test_left_changed_is_found():
    """The guard around all tests of these folders, held against a real change."""
    from tests import host_guard

    now = HOST.read("/proc/sys/vm/swappiness")
    before = host_guard.settings()
    try:
        HOST.write("/proc/sys/vm/swappiness", str(int(now) + 1))
        found = host_guard.differences(before, host_guard.settings())
        assert found["/proc/sys/vm/swappiness"] == (now.strip(), str(int(now) + 1))
    finally:
        HOST.write("/proc/sys/vm/swappiness", now.strip())
    assert "/proc/sys/vm/swappiness" not in host_guard.differences(before, host_guard.settings())
