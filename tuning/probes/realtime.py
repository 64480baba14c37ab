"""Probes of real-time switches and watchdogs.

Owns:    throttling, the fair server, watchdogs, and when they matter.
Refuses: the policy of a lane (process.py).
"""

from __future__ import annotations

import errno

from tuning.context import Context
from tuning.host import peek, refuse
from tuning.model import Knob, Sight, State, Write
from tuning.probes import boot_sight, failed, probe, processes, read_sight, targets, unseen
from tuning.probes.common import boot_word


def spins_under_fifo(context: Context) -> bool:
    """Say whether a lane has a real-time policy: then throttling bites it."""
    tasks = {task["tid"]: task for task in context.facts.tasks}
    return any(tasks.get(lane.pid, {}).get("policy") in ("fifo", "rr") for lane in context.lanes)


@probe("rt_throttle")
def rt_throttle(context: Context, knob: Knob) -> list[Sight]:
    seen = read_sight(context, knob, knob.where[0])
    if seen.state is not None or not context.wanted(knob).demands:
        return [seen]
    fifo = spins_under_fifo(context)
    if context.profile.overrides.get(knob.id) is None:
        wanted = {"any_of": [-1] if fifo else [950000, -1]}
        reason = "a lane spins under FIFO" if fifo else ""
        return [
            Sight(
                value=seen.value,
                shown=seen.shown,
                address=seen.address,
                raw=seen.raw,
                codec="int",
                want=wanted,
                reason=reason,
            )
        ]
    return [seen]


@probe("fair_server")
def fair_server(context: Context, knob: Knob) -> list[Sight]:
    found = targets(context, knob.where[0])
    if not found:  # tell a shut directory from a missing one
        context.host.list("/sys/kernel/debug")
        return [failed(context, knob, refuse(errno.ENOENT, knob.where[0]))]
    chosen = [(t, a) for t, a in found if int(t.removeprefix("cpu")) in context.roles.isolated]
    sights = [read_sight(context, knob, address, target) for target, address in chosen or found[:1]]
    if all(sight.state is None for sight in sights) and not spins_under_fifo(context):
        return [unseen("", State.NOT_APPLICABLE, "no lane spins under FIFO", shown=sights[0].shown)]
    return sights


@probe("rt_group")
def rt_group(context: Context, knob: Knob) -> list[Sight]:
    """The share of the control group that we run in; without group scheduling nothing caps us."""
    grouped = context.facts.config.get("RT_GROUP_SCHED")
    path = ""
    for line in (peek(context.host, "/proc/self/cgroup") or "").splitlines():
        _, controllers, place = line.split(":", 2)
        if "cpu" in controllers.split(","):
            path = place.rstrip("/")
    address = f"/sys/fs/cgroup/cpu{path}/cpu.rt_runtime_us"
    if peek(context.host, address) is None and grouped == "n":
        return [Sight(value=1, shown="no group scheduling", state=State.OK, writes=())]
    return [read_sight(context, knob, address)]


@probe("watchdog_mask")
def watchdog_mask(context: Context, knob: Knob) -> list[Sight]:
    if peek(context.host, "/proc/sys/kernel/watchdog") == "0":
        return [Sight(value=frozenset(), shown="watchdog off", state=State.OK, writes=())]
    return [read_sight(context, knob, knob.where[0])]


@probe("hung_task")
def hung_task(context: Context, knob: Knob) -> list[Sight]:
    seen = read_sight(context, knob, knob.where[0])
    if seen.state is None and seen.value > 600:
        return [Sight(value=600, shown=seen.shown, state=State.OK, writes=())]
    return [seen]


@probe("stalld")
def stalld(context: Context, knob: Knob) -> list[Sight]:
    found = processes(context, ["stalld"])
    value = "running" if found else "absent"
    if (
        context.wanted(knob).demands
        and peek(context.host, "/proc/sys/kernel/sched_rt_runtime_us") != "-1"
    ):
        return [unseen("", State.NOT_APPLICABLE, "real-time throttling is on", shown=value)]
    return [
        Sight(
            value=value,
            shown=value,
            writes=() if found else (Write("unit:stalld.service", "active"),),
        )
    ]


@probe("rcu_normal")
def rcu_normal(context: Context, knob: Knob) -> list[Sight]:
    seen = read_sight(context, knob, "/sys/kernel/rcu_normal")
    if seen.state is not None or not context.wanted(knob).demands:
        return [seen]
    return [boot_sight(context, boot_word(context, knob), seen.shown, seen.value == "1")]
