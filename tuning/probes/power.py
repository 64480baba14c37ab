"""Probes of frequency, idle states, power and firmware.

Owns:    frequency, idle states, link power, and what firmware lets be seen.
Refuses: firmware settings: those a person signs.
"""

from __future__ import annotations

import errno

from tuning.context import Context
from tuning.facts import CPU
from tuning.host import glob, names, peek, refuse
from tuning.model import Knob, Sight, State
from tuning.probes import between, failed, once, probe, read_sight, sampler, targets, unseen

SHALLOW_US_MAX = 2  # a state that is left within this is not deep


@probe("freq_bounds")
def freq_bounds(context: Context, knob: Knob) -> list[Sight]:
    out = []
    for target, address in targets(context, knob.where[0]):
        seen = read_sight(context, knob, address, target)
        top = peek(context.host, address.replace("_min_", "_max_"))
        if seen.state is not None or top is None or not context.wanted(knob).demands:
            out.append(seen)
            continue
        out.append(
            Sight(
                target,
                seen.value,
                f"{seen.shown}..{top}",
                address,
                seen.raw,
                "int",
                want=int(top),
                expected=f"{top}..{top}",
            )
        )
    return out or [failed(context, knob, refuse(errno.ENOENT, knob.where[0]))]


@probe("one_of_files")
def one_of_files(context: Context, knob: Knob) -> list[Sight]:
    """Read the first address that exists."""
    for address in knob.where:
        if peek(context.host, address) is not None:
            return [read_sight(context, knob, address, address.rpartition("/")[2])]
    return [read_sight(context, knob, knob.where[0])]


@probe("idle_states")
def idle_states(context: Context, knob: Knob) -> list[Sight]:
    hot = context.roles.named("hot")
    if not hot:
        return [unseen("", State.NOT_APPLICABLE, "no core is kept for lanes alone")]
    out, known = [], 0
    for cpu in sorted(hot):
        for place in glob(context.host, f"{CPU}/cpu{cpu}/cpuidle/state*"):
            known += 1
            latency = peek(context.host, f"{place}/latency")
            index = int(place.rpartition("state")[2])
            if (int(latency) > SHALLOW_US_MAX) if latency else index > 1:
                name = peek(context.host, f"{place}/name") or f"state{index}"
                out.append(read_sight(context, knob, f"{place}/disable", f"cpu{cpu} {name}"))
    if not known:
        return [failed(context, knob, refuse(errno.ENOENT, f"{CPU}/cpu{min(hot)}/cpuidle"))]
    return out or [Sight(value=1, shown="no deep state", writes=())]


@probe("nic_power")
def nic_power(context: Context, knob: Knob) -> list[Sight]:
    out: list[Sight] = []
    for card in context.cards:
        control = read_sight(
            context, knob, f"/sys/class/net/{card.name}/device/power/control", f"{card.name} power"
        )
        if control.state is None and card.driver == "virtio_net":
            control = unseen(
                control.target,
                State.NOT_APPLICABLE,
                "a virtio card has no power states",
                shown=control.shown,
            )
        eee = read_sight(context, knob, f"ethtool:{card.name}/eee", f"{card.name} eee", "json")
        if eee.state is State.UNSUPPORTED and "not offered" in eee.reason:
            eee = unseen(eee.target, State.NOT_APPLICABLE, "the link has no energy saving")
        out += [control, eee]
    return out


@sampler("smi")
def sample_smi(context: Context) -> int:
    return int(context.host.read("msr:0/0x34"))


@probe("smi")
def smi(context: Context, knob: Knob) -> list[Sight]:
    facts = context.facts
    if facts.hypervisor:
        return [unseen("", State.UNSUPPORTED, "hypervisor: the host's firmware is hidden")]
    if facts.cpuinfo and facts.cpuinfo.get("vendor_id") != "GenuineIntel":
        return [
            unseen("", State.UNSUPPORTED, "absent: this processor counts no management interrupts")
        ]
    pair = between(context, knob)
    if pair is None:
        context.host.read("msr:0/0x34")
        return once(context)
    before, after, seconds = pair
    return [Sight(value=after - before, shown=f"{after - before} in {seconds:.0f} s", writes=())]


@probe("bios")
def bios(context: Context, knob: Knob) -> list[Sight]:
    version = context.host.read("/sys/class/dmi/id/bios_version").strip()
    nodes = len(context.facts.nodes)
    shown = f"{context.facts.product} {version}, {nodes} nodes".strip()
    reason = "firmware settings cannot be read from here; go through the checklist"
    return [unseen("", State.UNKNOWN, reason, shown=shown)]


@sampler("thermal")
def sample_thermal(context: Context) -> int:
    places = glob(context.host, f"{CPU}/cpu*/thermal_throttle/package_throttle_count")
    if not places:
        raise refuse(errno.ENOENT, f"{CPU}/cpu0/thermal_throttle")
    return sum(int(context.host.read(place)) for place in places)


@probe("thermal")
def thermal(context: Context, knob: Knob) -> list[Sight]:
    if "thermal_throttle" not in names(context.host, f"{CPU}/cpu0"):
        raise refuse(errno.ENOENT, f"{CPU}/cpu0/thermal_throttle")
    pair = between(context, knob)
    if pair is None:
        return once(context)
    before, after, seconds = pair
    return [
        Sight(
            value=after - before,
            shown=f"{after - before} in {seconds:.0f} s, {after} since boot",
            writes=(),
        )
    ]
