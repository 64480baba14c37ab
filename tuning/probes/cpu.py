"""Probes of CPU isolation and placement.

Owns:    which cores are isolated, by boot words and partitions, and whether threads keep to them.
Refuses: choosing cores (roles.py).
"""

from __future__ import annotations

import errno
import os
import re

from tuning import cpus
from tuning.context import Context
from tuning.facts import CPU
from tuning.host import glob, names, peek, refuse
from tuning.model import Knob, Sight, State, Write
from tuning.probes import boot_sight, failed, probe, processes, read_sight, unseen
from tuning.probes.common import boot_word

GROUP = "corelane"
V1 = "/sys/fs/cgroup/cpuset"


def listed(context: Context, path: str) -> frozenset[int] | None:
    """Return the CPUs in a file, None where it cannot be read."""
    text = peek(context.host, path)
    return None if text is None else cpus.parse_list(text, last=context.facts.last)


def boot_isolated(context: Context) -> frozenset[int]:
    return listed(context, f"{CPU}/isolated") or frozenset()


def partitioned(context: Context) -> frozenset[int]:
    """Return the CPUs that cgroup 2 partitions isolate; before Linux 6.8 only ours is seen."""
    base = context.facts.cgroup_unified
    if not base:
        return frozenset()
    every = listed(context, f"{base}/cpuset.cpus.isolated")
    if every is not None:
        return every
    if peek(context.host, f"{base}/{GROUP}/cpuset.cpus.partition") != "isolated":
        return frozenset()
    return listed(context, f"{base}/{GROUP}/cpuset.cpus.effective") or frozenset()


def nothing_isolated(context: Context) -> list[Sight]:
    reason = context.roles.reasons[-1] if context.roles.reasons else "no roles"
    return [unseen("", State.NOT_APPLICABLE, f"no core is to be isolated: {reason}")]


def boot_list(context: Context, knob: Knob, found: frozenset[int], address: str) -> list[Sight]:
    """Judge a CPU list that only a boot parameter can set."""
    wanted = context.roles.isolated
    if context.wanted(knob).demands and not wanted:
        return nothing_isolated(context)
    shown = cpus.format_list(found) or "none"
    sight = boot_sight(
        context,
        boot_word(context, knob),
        shown,
        found == wanted,
        value=found,
        address=address,
        codec="cpulist",
    )
    return [sight]


@probe("isolcpus")
def isolcpus(context: Context, knob: Knob) -> list[Sight]:
    address = f"{CPU}/isolated"
    seen = read_sight(context, knob, address)
    if seen.state is not None:
        return [seen]
    by_partition = partitioned(context)
    if context.roles.isolated and by_partition >= context.roles.isolated:
        reason = "a cgroup partition isolates these cores"
        return [unseen("", State.NOT_APPLICABLE, reason, shown=cpus.format_list(by_partition))]
    return boot_list(context, knob, seen.value, address)


@probe("partition")
def partition(context: Context, knob: Knob) -> list[Sight]:
    base, wanted = context.facts.cgroup_unified, context.roles.isolated
    if not base:
        raise refuse(errno.ENOENT, "/sys/fs/cgroup/cgroup.controllers")
    address = f"{base}/{GROUP}/cpuset.cpus.partition"
    now = peek(context.host, address)
    held = cpus.format_list(partitioned(context))
    shown = f"{now} {held}".strip() if now else "no partition"
    if not context.wanted(knob).demands:
        return [Sight(value=now, shown=shown, writes=())]
    if not wanted:
        return nothing_isolated(context)
    if boot_isolated(context) >= wanted:
        return [unseen("", State.NOT_APPLICABLE, "isolated by a boot parameter", shown=shown)]
    good = now == "isolated" and partitioned(context) >= wanted
    writes = (
        Write(f"dir:{base}/{GROUP}", "present"),
        Write(f"{base}/{GROUP}/cpuset.cpus", cpus.format_list(wanted), "cpulist"),
        Write(address, "isolated"),
    )
    expected = f"isolated {cpus.format_list(wanted)}"
    return [
        Sight(
            value="isolated" if good else "",
            shown=shown,
            address=address,
            writes=writes,
            expected=expected,
        )
    ]


@probe("cpuset_v1")
def cpuset_v1(context: Context, knob: Knob) -> list[Sight]:
    wanted = context.roles.isolated
    if context.facts.cgroup_unified:
        return [unseen("", State.NOT_APPLICABLE, "cgroup 2 has the cpuset controller here")]
    if peek(context.host, f"{V1}/cpuset.cpus") is None:
        context.host.read(f"{V1}/cpuset.cpus")
    folder = f"{V1}/{GROUP}"
    held = listed(context, f"{folder}/cpuset.cpus")
    shown = "none" if held is None else cpus.format_list(held)
    if not context.wanted(knob).demands:
        return [Sight(value=shown, shown=shown, writes=())]
    if not wanted:
        return nothing_isolated(context)
    if boot_isolated(context) >= wanted:
        return [unseen("", State.NOT_APPLICABLE, "isolated by a boot parameter", shown=shown)]
    exclusive = peek(context.host, f"{folder}/cpuset.cpu_exclusive") == "1"
    good = held == wanted and exclusive
    nodes = {context.facts.node_of(cpu) for cpu in wanted}
    writes = (
        Write(f"dir:{folder}", "present"),
        Write(f"{folder}/cpuset.cpus", cpus.format_list(wanted), "cpulist"),
        Write(f"{folder}/cpuset.mems", cpus.format_list(nodes), "cpulist"),
        Write(f"{folder}/cpuset.cpu_exclusive", "1", "int"),
    )
    return [
        Sight(
            value="exclusive" if good else shown,
            shown=shown,
            address=f"{folder}/cpuset.cpu_exclusive",
            writes=writes,
            expected=f"exclusive {cpus.format_list(wanted)}",
        )
    ]


@probe("nohz_full")
def nohz_full(context: Context, knob: Knob) -> list[Sight]:
    if context.wanted(knob).demands and not context.roles.isolated:
        return nothing_isolated(context)
    seen = read_sight(context, knob, f"{CPU}/nohz_full")
    return [seen] if seen.state is not None else boot_list(context, knob, seen.value, seen.address)


@probe("rcu_nocbs")
def rcu_nocbs(context: Context, knob: Knob) -> list[Sight]:
    """A core counts if the command line names it and the kernel made its rcuo thread.

    Neither alone proves it: a word may name what the kernel refused, and a kernel that offloads
    some cores makes threads for all.
    """
    if context.facts.config.get("RCU_NOCB_CPU") == "n":
        raise refuse(errno.ENOENT, "CONFIG_RCU_NOCB_CPU")
    processes(context, ())
    threads = (re.fullmatch(r"rcuo[a-z]/(\d+)", str(task["comm"])) for task in context.facts.tasks)
    named: set[int] = set()
    for word in ("rcu_nocbs", "nohz_full"):
        text = context.facts.boot_words.get(word, "")
        named |= cpus.parse_list(text, last=context.facts.last, every=context.facts.online)
    return boot_list(context, knob, frozenset(int(m[1]) for m in threads if m) & named, "tasks:")


@probe("housekeeping")
def housekeeping(context: Context, knob: Knob) -> list[Sight]:
    facts = context.facts
    if not facts.online:
        context.host.read(f"{CPU}/online")
    taken = boot_isolated(context) | partitioned(context)
    taken |= listed(context, f"{CPU}/nohz_full") or frozenset()
    left = facts.online - taken
    per_node = context.profile.base == "bare-metal"
    value = min(len(left & members) for members in facts.nodes.values()) if per_node else len(left)
    reason = "CPU 0 is isolated" if 0 in taken and 0 in facts.online else ""
    return [Sight(value=value, shown=cpus.format_list(left) or "none", reason=reason, writes=())]


@probe("smt")
def smt(context: Context, knob: Knob) -> list[Sight]:
    seen = read_sight(context, knob, f"{CPU}/smt/control")
    if seen.state is not None:
        if context.facts.online and not context.facts.smt and "absent:" in seen.reason:
            return [Sight(value="notsupported", shown="no siblings", writes=())]
        return [seen]
    idle = context.roles.idle
    if seen.value == "on" and idle and idle <= boot_isolated(context) | partitioned(context):
        return [Sight(value="siblings idle", shown=f"on, {cpus.format_list(idle)} idle", writes=())]
    return [
        Sight(
            value=seen.value,
            shown=seen.shown,
            address=seen.address,
            raw=seen.raw,
            writes=(Write(seen.address, "off"),),
        )
    ]


@probe("online")
def online(context: Context, knob: Knob) -> list[Sight]:
    facts = context.facts
    if not facts.present:
        context.host.read(f"{CPU}/present")
    off = facts.present - facts.online
    if not off:
        return [Sight(value=1, shown=cpus.format_list(facts.online), writes=())]
    if peek(context.host, f"{CPU}/smt/control") in ("off", "forceoff"):
        shown = f"{cpus.format_list(facts.online)}, siblings off"
        return [Sight(value=1, shown=shown, writes=())]
    return [read_sight(context, knob, f"{CPU}/cpu{cpu}/online", f"cpu{cpu}") for cpu in sorted(off)]


@probe("foreign_threads")
def foreign_threads(context: Context, knob: Knob) -> list[Sight]:
    hot = context.roles.isolated
    processes(context, ())
    lanes = {lane.pid for lane in context.lanes}
    strangers = [
        task
        for task in context.facts.tasks
        if not task["fixed"]
        and task["pid"] not in lanes
        and task["pid"] != os.getpid()
        and cpus.parse_list(str(task["allowed"])) & hot
    ]
    if context.wanted(knob).demands and not hot:
        return nothing_isolated(context)
    programs = sorted({str(task["comm"]) for task in strangers if not task["kernel"]})
    ours = [task for task in strangers if str(task["comm"]).startswith("corelane")]
    home = cpus.format_list(context.roles.housekeeping)
    writes = tuple(Write(f"task:{task['tid']}/affinity", home, "cpulist") for task in ours)
    shown = f"{len(strangers)} threads of {len(programs)} programs" if strangers else "none"
    reason = "allowed there: " + ", ".join(programs[:4]) if programs else ""
    return [Sight(value=len(strangers), shown=shown, reason=reason, writes=writes)]


@probe("systemd_affinity")
def systemd_affinity(context: Context, knob: Knob) -> list[Sight]:
    host = context.host
    if not names(host, "/run/systemd/system") and peek(host, "/proc/1/comm") != "systemd":
        raise refuse(errno.ENOENT, "/run/systemd/system")
    files = ["/etc/systemd/system.conf"]
    files += glob(host, "/usr/lib/systemd/system.conf.d/*.conf") + glob(
        host, "/etc/systemd/system.conf.d/*.conf"
    )
    text = "\n".join(peek(host, path) or "" for path in files)
    found = re.findall(r"^\s*CPUAffinity\s*=\s*(.*)$", text, re.M)
    word = context.facts.boot_words.get("systemd.cpu_affinity")
    setting = word if word is not None else (found[-1] if found else "")
    value = (
        cpus.parse_list(setting, last=context.facts.last)
        if setting.strip()
        else context.facts.online
    )
    return [
        Sight(value=value, shown=cpus.format_list(value) if setting else "every core", writes=())
    ]


@probe("timer_migration")
def timer_migration(context: Context, knob: Knob) -> list[Sight]:
    seen = read_sight(context, knob, knob.where[0])
    if seen.state is not None or not context.wanted(knob).demands:
        return [seen]
    if boot_isolated(context):
        wanted = {"any_of": [0]}
    elif partitioned(context):
        wanted = {"any_of": [1]}
    else:
        return [seen]
    return [
        Sight(
            value=seen.value,
            shown=seen.shown,
            address=seen.address,
            raw=seen.raw,
            codec="int",
            want=wanted,
        )
    ]


@probe("absent_is_good")
def absent_is_good(context: Context, knob: Knob) -> list[Sight]:
    """Read a file whose absence means that the thing does not exist here."""
    try:
        context.host.read(knob.where[0])
    except OSError as error:
        if error.errno == errno.ENOENT:
            return [Sight(shown="not in this kernel", state=State.OK, writes=())]
        return [failed(context, knob, error, "", knob.where[0])]
    return [read_sight(context, knob, knob.where[0])]


@probe("preempt_model")
def preempt_model(context: Context, knob: Knob) -> list[Sight]:
    version = context.host.read("/proc/sys/kernel/version").split()
    model = next((word for word in version if word.startswith("PREEMPT")), "no preemption")
    if peek(context.host, "/sys/kernel/realtime") == "1":
        model = "PREEMPT_RT"
    chosen = context.facts.boot_words.get("preempt")
    return [Sight(value=model, shown=f"{model} {chosen}" if chosen else model, writes=())]


@probe("mitigations")
def mitigations(context: Context, knob: Knob) -> list[Sight]:
    places = glob(context.host, knob.where[0])
    if not places:
        context.host.list(knob.where[0].rpartition("/")[0])
    words = {place.rpartition("/")[2]: peek(context.host, place) or "?" for place in places}
    open_ones = sorted(name for name, text in words.items() if text.startswith("Vulnerable"))
    closed = sum(text.startswith("Mitigation") for text in words.values())
    shown = f"{closed} mitigated, {len(open_ones)} open"
    reason = f"open: {', '.join(open_ones)}" if open_ones else ""
    return [Sight(value=len(open_ones), shown=shown, reason=reason, writes=())]
