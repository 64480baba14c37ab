"""How each knob that can be written is made wrong on the constructed server.

Owns:    one entry per settable knob; a knob without one fails the round-trip test.
Refuses: asserting.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import tuning_hosts

from tuning.fake import FakeHost

CPU = "/sys/devices/system/cpu"
NET = "/sys/class/net/eth1"
GROUP = "/sys/fs/cgroup/corelane"
V1 = "/sys/fs/cgroup/cpuset"
LANE = os.getpid()
HELPER = 70001
SCHED = {"policy": "other", "nice": 0, "priority": 0, "runtime_ns": 3000000}


@dataclass
class Spoil:
    """Texts to plant, texts to take away, threads to add, and a want where the profile has none."""

    texts: dict[str, str] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    threads: tuple[dict[str, Any], ...] = ()
    want: Any = None
    size: dict[str, int] = field(default_factory=dict)
    prepare: Callable[[FakeHost], None] | None = None
    reflected: bool = True  # the fake shows the effect where the probe looks


def sched(**more: Any) -> str:
    return json.dumps({**SCHED, **more}, sort_keys=True, separators=(",", ":"))


def program(name: str, pid: int = 9001) -> dict[str, Any]:
    return tuning_hosts.thread(pid, name, "0-3")


def lane(**more: Any) -> tuple[dict[str, Any], ...]:
    main = tuning_hosts.thread(LANE, "corelane:feed-0", "4", start=1, **more)
    return (main, {**tuning_hosts.thread(LANE, "helper", "0-3"), "tid": HELPER})


LANE_TEXTS = {
    f"task:{LANE}/affinity": "4",
    f"task:{HELPER}/affinity": "0-3",
    f"task:{LANE}/sched": sched(),
    f"task:{HELPER}/sched": sched(runtime_ns=100000),
    f"task:{LANE}/limit/memlock": '{"hard":-1,"soft":-1}',
    f"task:{LANE}/limit/rtprio": '{"hard":99,"soft":99}',
    f"task:{LANE}/nodes": '{"0":1000}',
    f"task:{LANE}/home": "0",
    f"/proc/{LANE}/timerslack_ns": "1\n",
    f"/proc/{LANE}/status": "VmLck:\t  20000 kB\n",
    f"socket:{LANE}": '[{"fd":7,"kind":"tcp","connected":true,"napi":257}]',
    f"socket:{LANE}/7/nodelay": "1",
    f"socket:{LANE}/7/busy_poll": "50",
    f"epoll:{LANE}": "[5]",
    f"epoll:{LANE}/5": '{"budget":16,"prefer":1,"usecs":64}',
    "self:mlock": "locked",
}


def with_lane(**texts: str) -> Spoil:
    return Spoil({**LANE_TEXTS, **texts}, threads=lane())


def _partition(host: FakeHost) -> None:
    host.children[GROUP] = {"cpuset.cpus": "\n", "cpuset.cpus.partition": "member\n"}

    def settle(fake: FakeHost, address: str, text: str) -> str:
        held = fake.texts[f"{GROUP}/cpuset.cpus"] if text == "isolated" else ""
        fake.texts["/sys/fs/cgroup/cpuset.cpus.isolated"] = held
        return text + "\n"

    host.reflexes[f"{GROUP}/cpuset.cpus.partition"] = settle


def _cpuset_v1(host: FakeHost) -> None:
    host.children[f"{V1}/corelane"] = {
        f"cpuset.{name}": text
        for name, text in (("cpus", "\n"), ("mems", "\n"), ("cpu_exclusive", "0\n"))
    }


def _online(host: FakeHost) -> None:
    def settle(fake: FakeHost, address: str, text: str) -> str:
        fake.texts[f"{CPU}/online"] = "0-63\n" if text == "1" else "0-62\n"
        return text + "\n"

    host.reflexes[f"{CPU}/cpu63/online"] = settle


def _swap(host: FakeHost) -> None:
    rows = host.texts["/proc/swaps"]

    def settle(fake: FakeHost, address: str, text: str) -> str:
        fake.texts["/proc/swaps"] = rows if text == "on" else rows.splitlines()[0] + "\n"
        return text

    host.reflexes["swap:/dev/sda2"] = settle


def _irq(host: FakeHost) -> None:
    """The core that gets an interrupt moves only when the interrupt comes; here at once."""

    def settle(fake: FakeHost, address: str, text: str) -> str:
        effective = address.replace("smp_affinity_list", "effective_affinity_list")
        fake.texts[effective] = text.split("-")[0].split(",")[0] + "\n"
        return text + "\n"

    for number in ("102", "26"):
        host.reflexes[f"/proc/irq/{number}/smp_affinity_list"] = settle


SWAPS = "Filename\tType\tSize\tUsed\tPriority\n/dev/sda2\tpartition\t8388604\t0\t-2\n"
NOT_ISOLATED = {f"{CPU}/isolated": "\n"}
SYSCTL = "/proc/sys"
SPOILS: dict[str, Spoil] = {
    "cpu.partition": Spoil(NOT_ISOLATED, prepare=_partition),
    "cpu.cpuset_v1": Spoil(
        {**NOT_ISOLATED, f"{V1}/cpuset.cpus": "0-63\n"},
        gone=("/sys/fs/cgroup/cgroup.controllers",),
        prepare=_cpuset_v1,
    ),
    "cpu.smt": Spoil({f"{CPU}/isolated": "4-15,20-31\n"}),
    "cpu.online": Spoil({f"{CPU}/online": "0-62\n", f"{CPU}/cpu63/online": "0\n"}, prepare=_online),
    "cpu.affinity_app": with_lane(**{f"task:{LANE}/affinity": "0-63"}),
    "cpu.foreign_threads": Spoil(
        {"task:8001/affinity": "0-63"},
        threads=(tuning_hosts.thread(8001, "corelane-cold", "0-63"),),
        reflected=False,
    ),
    "cpu.timer_migration": Spoil({f"{SYSCTL}/kernel/timer_migration": "1\n"}),
    "cpu.autogroup": Spoil({f"{SYSCTL}/kernel/sched_autogroup_enabled": "1\n"}),
    "cpu.wq_cpumask": Spoil({"/sys/devices/virtual/workqueue/cpumask": "ffffffff,ffffffff\n"}),
    "cpu.writeback_mask": Spoil(
        {"/sys/devices/virtual/workqueue/writeback/cpumask": "00000000,00000010\n"}
    ),
    "irq.default": Spoil({"/proc/irq/default_smp_affinity": "ffffffff,ffffffff\n"}),
    "irq.nic": Spoil({"/proc/irq/102/smp_affinity_list": "0-63\n"}, prepare=_irq),
    "irq.effective": Spoil(
        {"/proc/irq/26/smp_affinity_list": "0-63\n", "/proc/irq/26/effective_affinity_list": "9\n"},
        prepare=_irq,
        reflected=False,
    ),
    "irq.irqbalance": Spoil(
        {"unit:irqbalance.service": "active"}, threads=(program("irqbalance"),), reflected=False
    ),
    "irq.threaded_prio": Spoil(
        {"task:9005/sched": sched(policy="fifo", priority=20, runtime_ns=0)},
        threads=({**tuning_hosts.thread(9005, "irq/100-ice", "0"), "kernel": True, "fixed": True},),
    ),
    "freq.governor": Spoil({f"{CPU}/cpufreq/policy9/scaling_governor": "powersave\n"}),
    "freq.driver_epp": Spoil({f"{CPU}/cpufreq/policy9/energy_performance_preference": "power\n"}),
    "freq.min_max": Spoil({f"{CPU}/cpufreq/policy9/scaling_min_freq": "800000\n"}),
    "freq.boost": Spoil({f"{CPU}/intel_pstate/no_turbo": "0\n"}, want=1),
    "idle.dma_latency": Spoil({"hold:dma_latency": "2000000000"}),
    "idle.per_cpu": Spoil({f"{CPU}/cpu5/power/pm_qos_resume_latency_us": "0\n"}),
    "idle.states": Spoil({f"{CPU}/cpu5/cpuidle/state1/disable": "0\n"}),
    "idle.guest_haltpoll": Spoil(
        {"/sys/module/haltpoll/parameters/guest_halt_poll_ns": "0\n"}, want=50000
    ),
    "power.aspm": Spoil(
        {"/sys/module/pcie_aspm/parameters/policy": "[default] performance powersave\n"}
    ),
    "power.nic_pm": Spoil(
        {f"{NET}/device/power/control": "auto\n", "ethtool:eth1/eee": '{"enabled":1}'}
    ),
    "mem.huge2m": Spoil(
        {"/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages": "3\n"}
    ),
    "mem.huge1g": Spoil(size={"huge1g": 2}),
    "mem.hugetlbfs": Spoil(want="hugetlbfs pagesize=2M"),
    "mem.thp": Spoil({"/sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never\n"}),
    "mem.numa_balancing": Spoil({f"{SYSCTL}/kernel/numa_balancing": "1\n"}),
    "mem.ksm": Spoil({"/sys/kernel/mm/ksm/run": "1\n"}),
    "mem.swap": Spoil({"/proc/swaps": SWAPS, "swap:/dev/sda2": "on"}, prepare=_swap),
    "mem.swappiness": Spoil({f"{SYSCTL}/vm/swappiness": "60\n"}),
    "mem.mlock": Spoil(
        {**LANE_TEXTS, f"/proc/{LANE}/status": "VmLck:\t  0 kB\n", "self:mlock": "unlocked"},
        threads=lane(),
        reflected=False,
    ),
    "mem.stat_interval": Spoil({f"{SYSCTL}/vm/stat_interval": "1\n"}),
    "mem.compaction": Spoil({f"{SYSCTL}/vm/compaction_proactiveness": "20\n"}),
    "mem.zone_reclaim": Spoil({f"{SYSCTL}/vm/zone_reclaim_mode": "1\n"}),
    "mem.min_free": Spoil({f"{SYSCTL}/vm/min_free_kbytes": "67584\n"}),
    "mem.dirty": Spoil(
        {"dirty:": '{"background_bytes":0,"background_ratio":10,"bytes":0,"ratio":20}'}
    ),
    "mem.numa_placement": Spoil(
        {**LANE_TEXTS, f"task:{LANE}/nodes": '{"0":10,"1":990}', f"task:{LANE}/home": "1"},
        threads=lane(),
        reflected=False,
    ),
    "mem.edac": Spoil({"/sys/devices/system/machinecheck/machinecheck3/ignore_ce": "0\n"}),
    "rt.policy": with_lane(**{f"task:{LANE}/sched": sched(policy="batch")}),
    "rt.deadline": with_lane(
        **{f"task:{LANE}/sched": sched(policy="deadline", deadline_ns=9, period_ns=9)}
    ),
    "rt.throttle": Spoil(LANE_TEXTS, threads=lane(policy="fifo")),
    "rt.fair_server": Spoil(LANE_TEXTS, threads=lane(policy="fifo")),
    "rt.group_cap": Spoil(
        {"/proc/self/cgroup": "3:cpu:/\n", "/sys/fs/cgroup/cpu/cpu.rt_runtime_us": "0\n"}
    ),
    "rt.limits": with_lane(**{f"task:{LANE}/limit/memlock": '{"hard":8388608,"soft":8388608}'}),
    "rt.timerslack": with_lane(**{f"/proc/{LANE}/timerslack_ns": "50000\n"}),
    "rt.eevdf_slice": with_lane(**{f"task:{HELPER}/sched": sched()}),
    "wd.softlockup": Spoil({f"{SYSCTL}/kernel/watchdog_cpumask": "0-63\n"}),
    "wd.nmi": Spoil({f"{SYSCTL}/kernel/nmi_watchdog": "1\n"}),
    "wd.hung_task": Spoil({f"{SYSCTL}/kernel/hung_task_timeout_secs": "120\n"}),
    "wd.stalld": Spoil(
        {f"{SYSCTL}/kernel/sched_rt_runtime_us": "-1\n", "unit:stalld.service": "inactive"},
        reflected=False,
    ),
    "clk.source": Spoil(
        {"/sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet\n"}
    ),
    "clk.double_discipline": Spoil(
        {"unit:ntp.service": "active"}, threads=(program("ntpd"),), reflected=False
    ),
    "net.busy_read": Spoil({f"{SYSCTL}/net/core/busy_poll": "0\n"}),
    "sock.busy_poll": with_lane(**{f"socket:{LANE}/7/busy_poll": "0"}),
    "epoll.params": with_lane(**{f"epoll:{LANE}/5": '{"budget":8,"prefer":0,"usecs":0}'}),
    "napi.defer": Spoil({f"{NET}/napi_defer_hard_irqs": "0\n"}),
    "napi.irq_suspend": Spoil(
        {"napi:eth1/257": '{"defer":100,"gro_flush_ns":200000,"irq_suspend_ns":0,"threaded":0}'}
    ),
    "napi.threaded": Spoil({f"{NET}/threaded": "1\n"}),
    "net.buffers": Spoil({f"{SYSCTL}/net/core/wmem_max": "212992\n"}),
    "net.backlog": Spoil({f"{SYSCTL}/net/core/netdev_max_backlog": "1000\n"}),
    "tcp.idle_ss": Spoil({f"{SYSCTL}/net/ipv4/tcp_slow_start_after_idle": "1\n"}),
    "tcp.autocork": Spoil({f"{SYSCTL}/net/ipv4/tcp_autocorking": "1\n"}),
    "tcp.nodelay": with_lane(**{f"socket:{LANE}/7/nodelay": "0"}),
    "tcp.legacy": Spoil({f"{SYSCTL}/net/ipv4/tcp_low_latency": "1\n"}, want=0),
    "net.rps_xps": Spoil({f"{NET}/queues/rx-0/rps_cpus": "00000000,0000fff0\n"}),
    "net.rtentsk": Spoil({"hold:timestamp": "closed"}),
    "nic.coalesce": Spoil(
        {"ethtool:eth1/coalesce": '{"adaptive_rx":1,"rx_usecs":50,"tx_usecs":50}'}
    ),
    "nic.ring": Spoil({"ethtool:eth1/ring": '{"rx":256,"rx_jumbo":0,"rx_mini":0,"tx":256}'}),
    "nic.channels": Spoil({"ethtool:eth1/channels": '{"combined":64,"other":0,"rx":0,"tx":0}'}),
    "nic.offload": Spoil({"ethtool:eth1/features": '{"rx-lro":true,"rx-ntuple-filter":true}'}),
    "nic.ntuple_rss": Spoil({"ethtool:eth1/features": '{"rx-lro":false,"rx-ntuple-filter":false}'}),
    "nic.pause_eee": Spoil({"ethtool:eth1/pause": '{"autoneg":1,"rx":1,"tx":1}'}),
    "nic.queue_len_qdisc": Spoil({f"{NET}/tx_queue_len": "10000\n"}),
    "svc.conflict": Spoil(
        {"unit:tuned.service": "active"}, threads=(program("tuned"),), reflected=False
    ),
    "svc.timers": Spoil({"unit:fstrim.timer": "active"}),
    "sys.console": Spoil({f"{SYSCTL}/kernel/printk": "7\t4\t1\t7\n"}),
    "blk.sched": Spoil({"/sys/block/nvme0n1/queue/scheduler": "none [mq-deadline] kyber\n"}),
}


def host_for(spoil: Spoil) -> FakeHost:
    """Return the constructed server with one knob made wrong."""
    host = tuning_hosts.fake("two-socket-server")
    host.texts.update(spoil.texts)
    for address in spoil.gone:
        del host.texts[address]
    tasks = json.loads(host.texts["tasks:"])
    host.texts["tasks:"] = json.dumps([*tasks, *spoil.threads])
    if spoil.prepare:
        spoil.prepare(host)
    return host
