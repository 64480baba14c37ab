"""Probes of services, tracers, disks, and of what the machine runs on.

Owns:    other tuners, timers, tracers, disks, quotas, hypervisors.
Refuses: judging what only an owner can.
"""

from __future__ import annotations

import errno

from tuning import cpus
from tuning.context import Context
from tuning.host import glob, names, peek, refuse
from tuning.model import Knob, Sight, State, Write
from tuning.probes import between, boot_sight, once, probe, processes, read_sight, sampler, unseen
from tuning.probes.common import boot_word

UNITS = {"power-profiles-": "power-profiles-daemon.service", "perftune.py": ""}
TRACE = "/sys/kernel/tracing"
NO_DISK = ("loop", "ram", "zram", "sr", "fd", "nbd")


@probe("tuners")
def tuners(context: Context, knob: Knob) -> list[Sight]:
    """One target per program that is known to set what we set."""
    found = processes(context, knob.options["names"])
    active = peek(context.host, "/etc/tuned/active_profile")
    out = []
    for name, pid in sorted(found.items()):
        unit = UNITS.get(name, f"{name}.service")
        writes = (Write(f"unit:{unit}", "inactive"),) if unit else ()
        detail = f" with profile {active}" if name == "tuned" and active else ""
        out.append(
            Sight(
                name,
                1,
                f"{name} runs{detail}",
                reason=f"process {pid}",
                expected="none",
                writes=writes,
            )
        )
    return out or [Sight(value=0, shown="none runs", writes=())]


@probe("timers")
def timers(context: Context, knob: Knob) -> list[Sight]:
    if (
        not names(context.host, "/run/systemd/system")
        and peek(context.host, "/proc/1/comm") != "systemd"
    ):
        raise refuse(errno.ENOENT, "/run/systemd/system")
    out = []
    for name in knob.options["names"]:
        address = f"unit:{name}.timer"
        text = peek(context.host, address)
        if text is not None:
            out.append(Sight(name, text, f"{name} {text}", address, text))
    return out or [Sight(value="inactive", shown="none installed", writes=())]


@probe("audit")
def audit(context: Context, knob: Knob) -> list[Sight]:
    found = processes(context, ["kauditd", "auditd"])
    word = context.facts.boot_words.get("audit")
    if word == "0" or "kauditd" not in found:
        return [Sight(value="0", shown="off", writes=())]
    if "auditd" not in found:
        return [Sight(value="0", shown="in the kernel, no daemon", writes=())]
    return [boot_sight(context, boot_word(context, knob), "auditd runs", False)]


@probe("tracing")
def tracing(context: Context, knob: Knob) -> list[Sight]:
    tracer = context.host.read(f"{TRACE}/current_tracer").strip()
    probes = [
        line for line in (peek(context.host, f"{TRACE}/kprobe_events") or "").splitlines() if line
    ]
    hooked = [
        line
        for line in (peek(context.host, f"{TRACE}/enabled_functions") or "").splitlines()
        if line
    ]
    busy = [tracer] if tracer != "nop" else []
    busy += [f"{len(probes)} probes"] if probes else []
    busy += [f"{len(hooked)} hooked functions"] if hooked else []
    return [Sight(value=len(busy), shown=", ".join(busy) or "none", writes=())]


@probe("console")
def console(context: Context, knob: Knob) -> list[Sight]:
    seen = read_sight(context, knob, knob.where[0])
    if seen.state is not None:
        return [seen]
    words = str(seen.value).split()
    calm = Write(seen.address, " ".join(["4", *words[1:]]), "words")
    return [
        Sight(
            value=int(words[0]),
            shown=f"level {words[0]}",
            address=seen.address,
            raw=seen.raw,
            codec="words",
            writes=(calm,),
        )
    ]


@probe("block")
def block(context: Context, knob: Knob) -> list[Sight]:
    out: list[Sight] = []
    for disk in names(context.host, "/sys/block"):
        if disk.startswith(NO_DISK):
            continue
        for name, codec in (("scheduler", "choice"), ("iostats", "int"), ("add_random", "int")):
            address = f"/sys/block/{disk}/queue/{name}"
            if peek(context.host, address) is not None:
                out.append(read_sight(context, knob, address, f"{disk} {name}", codec))
    return out or [unseen("", State.UNSUPPORTED, "absent: no disk is shown")]


@sampler("steal")
def sample_steal(context: Context) -> int:
    words = context.host.read("/proc/stat").splitlines()[0].split()
    return int(words[8])


@probe("steal")
def steal(context: Context, knob: Knob) -> list[Sight]:
    pair = between(context, knob)
    if pair is None:
        context.host.read("/proc/stat")
        return once(context)
    before, after, seconds = pair
    shown = f"{after - before} ticks in {seconds:.0f} s"
    reason = (
        "a nested hypervisor may hide it; trust the jitter profile"
        if context.facts.hypervisor
        else ""
    )
    return [Sight(value=after - before, shown=shown, reason=reason, writes=())]


@probe("vm_kind")
def vm_kind(context: Context, knob: Knob) -> list[Sight]:
    facts = context.facts
    if facts.hypervisor is None:
        context.host.read("/proc/cpuinfo")
        return [unseen("", State.UNKNOWN, "the processor's flags could not be read")]
    kind = "virtual machine" if facts.hypervisor else "bare metal"
    kind += ", container" if facts.container else ""
    kind += f", {facts.product}" if facts.product else ""
    source = peek(context.host, "/sys/hypervisor/type")
    return [Sight(value=kind, shown=f"{kind} ({source})" if source else kind, writes=())]


@probe("memory_games")
def memory_games(context: Context, knob: Knob) -> list[Sight]:
    found = sorted(processes(context, ["kdamond*"]))
    if glob(context.host, "/sys/bus/virtio/drivers/virtio_balloon/virtio*"):
        found.append("balloon")
    order = peek(context.host, "/sys/module/page_reporting/parameters/page_reporting_order")
    if order is not None:
        found.append(f"page reporting, order {order}")
    return [Sight(value=len(found), shown=", ".join(found) or "none", writes=())]


@probe("limits")
def limits(context: Context, knob: Knob) -> list[Sight]:
    """Look for a CPU quota in our group and its parents, and a cpuset that hides cores."""
    host, facts = context.host, context.facts
    found = []
    for line in host.read("/proc/self/cgroup").splitlines():
        number, controllers, place = line.split(":", 2)
        if number == "0":
            found += _quota_v2(context, place)
        elif "cpu" in controllers.split(","):
            quota = peek(host, f"/sys/fs/cgroup/cpu{place.rstrip('/')}/cpu.cfs_quota_us")
            if quota is not None and int(quota) > 0:
                found.append(f"quota {quota} us per period")
    status = peek(host, "/proc/self/status") or ""
    rows = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    allowed = cpus.parse_list(rows.get("Cpus_allowed_list", ""))
    hidden = facts.online - allowed - context.roles.isolated if allowed else frozenset()
    if hidden and facts.container:
        found.append(f"cores {cpus.format_list(hidden)} hidden")
    if facts.container:
        found.append("container: the host's knobs are out of reach")
    return [
        Sight(value="none" if not found else "limited", shown="; ".join(found) or "none", writes=())
    ]


def _quota_v2(context: Context, place: str) -> list[str]:
    out, path = [], place.rstrip("/")
    while True:
        text = peek(context.host, f"/sys/fs/cgroup{path}/cpu.max")
        if text and not text.startswith("max"):
            out.append(f"cpu.max {text} in {path or '/'}")
        if not path:
            return out
        path = path.rpartition("/")[0]
