"""Probes of running lanes: affinity, policy, limits, memory, sockets.

Owns:    looking at lanes from outside, through /proc, the scheduler and borrowed descriptors.
Refuses: reading contents of memory or sockets.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from typing import Any

from tuning import cpus
from tuning.context import Context, Lane
from tuning.host import refuse
from tuning.model import Knob, Sight, State, Write
from tuning.probes import (
    failed,
    probe,
    read_json,
    read_sight,
    unseen,
)

NO_LANE = "no lane runs; it is looked at when one does"


def each_lane(context: Context, knob: Knob, look: Callable[[Lane], list[Sight]]) -> list[Sight]:
    """Look at every lane; one that cannot be looked at says why."""
    if not context.lanes:
        return [unseen("", State.NOT_APPLICABLE, NO_LANE)]
    out: list[Sight] = []
    for lane in context.lanes:
        try:
            out += look(lane)
        except OSError as error:
            out.append(failed(context, knob, error, lane.name, f"process {lane.pid}"))
    return out or [unseen("", State.NOT_APPLICABLE, "lanes have none")]


def threads(context: Context, lane: Lane) -> list[dict[str, Any]]:
    return [task for task in context.facts.tasks if task["pid"] == lane.pid]


@probe("lane_affinity")
def lane_affinity(context: Context, knob: Knob) -> list[Sight]:
    """The main thread on the lane's own CPU; helper threads, if any, on housekeeping cores."""

    def look(lane: Lane) -> list[Sight]:
        out = []
        for task in threads(context, lane):
            address = f"task:{task['tid']}/affinity"
            raw = context.host.read(address)
            value, main = cpus.parse_list(raw), task["tid"] == lane.pid
            own = frozenset() if lane.cpu is None else frozenset({lane.cpu})
            home = own if main else context.roles.housekeeping
            good = value == home if main else value <= home
            target = lane.name if main else f"{lane.name} helper {task['tid']}"
            out.append(
                Sight(
                    target,
                    value,
                    cpus.format_list(value),
                    address,
                    raw,
                    "cpulist",
                    State.OK if good else State.DRIFT if home else State.UNKNOWN,
                    "" if home else "more lanes than lane cores",
                    cpus.format_list(home) or "?",
                    (Write(address, cpus.format_list(home), "cpulist"),) if home else (),
                )
            )
        return out

    return each_lane(context, knob, look)


def scheduled(context: Context, knob: Knob, tids: Callable[[Lane], list[int]]) -> list[Sight]:
    return each_lane(
        context,
        knob,
        lambda lane: [
            read_sight(context, knob, f"task:{tid}/sched", lane.name) for tid in tids(lane)
        ],
    )


@probe("lane_policy")
def lane_policy(context: Context, knob: Knob) -> list[Sight]:
    return [
        whole_record(sight, {"policy": "other", "priority": 0})
        for sight in scheduled(context, knob, lambda lane: [lane.pid])
    ]


def whole_record(sight: Sight, change: dict[str, Any]) -> Sight:
    """Write a whole scheduling record: the kernel takes no part of one."""
    if sight.state is not None:
        return sight
    record = {**sight.value, **change}
    text = json.dumps(record, sort_keys=True, separators=(",", ":"))
    return Sight(
        sight.target,
        sight.value,
        f"{sight.value['policy']} {sight.value['priority']}",
        sight.address,
        sight.raw,
        "json",
        writes=(Write(sight.address, text, "json"),),
    )


@probe("lane_deadline")
def lane_deadline(context: Context, knob: Knob) -> list[Sight]:
    out = []
    for sight in scheduled(context, knob, lambda lane: [lane.pid]):
        if sight.state is None:
            uses = "yes" if sight.value["policy"] == "deadline" else "no"
            change = {"policy": "other", "priority": 0, "runtime_ns": 0}
            writes = whole_record(sight, change).writes
            sight = Sight(
                sight.target,
                uses,
                sight.value["policy"],
                sight.address,
                sight.raw,
                "json",
                writes=writes,
            )
        out.append(sight)
    return out


@probe("lane_slice")
def lane_slice(context: Context, knob: Knob) -> list[Sight]:
    if context.facts.kernel_version < (6, 12):
        raise refuse(errno.ENOENT, "the slice of sched_setattr")

    def helpers(lane: Lane) -> list[int]:
        return [
            int(t["tid"])
            for t in threads(context, lane)
            if t["tid"] != lane.pid and t["policy"] == "other"
        ]

    out = []
    for sight in scheduled(context, knob, helpers):
        if sight.state is None:
            whole = whole_record(sight, {"runtime_ns": 100000})
            shown = f"{sight.value['runtime_ns'] / 1000:.0f} us"
            sight = Sight(
                whole.target,
                whole.value,
                shown,
                whole.address,
                whole.raw,
                "json",
                writes=whole.writes,
            )
        out.append(sight)
    return out


@probe("timerslack")
def timerslack(context: Context, knob: Knob) -> list[Sight]:
    return each_lane(
        context,
        knob,
        lambda lane: [read_sight(context, knob, f"/proc/{lane.pid}/timerslack_ns", lane.name)],
    )


@probe("lane_limits")
def lane_limits(context: Context, knob: Knob) -> list[Sight]:
    return each_lane(
        context,
        knob,
        lambda lane: [
            read_sight(context, knob, f"task:{lane.pid}/limit/{name}", f"{lane.name} {name}")
            for name in ("memlock", "rtprio")
        ],
    )


@probe("mlock")
def mlock(context: Context, knob: Knob) -> list[Sight]:
    def look(lane: Lane) -> list[Sight]:
        status = context.host.read(f"/proc/{lane.pid}/status")
        kib = next(
            (int(row.split()[1]) for row in status.splitlines() if row.startswith("VmLck:")), 0
        )
        ours = lane.pid == os.getpid() and context.host.kind != "captured"
        value = "locked" if kib else "unlocked"
        return [
            Sight(
                lane.name,
                value,
                f"{kib // 1024} MiB locked",
                "self:mlock" if ours else "",
                value,
                writes=(Write("self:mlock", "locked"),) if ours else (),
            )
        ]

    return each_lane(context, knob, look)


def sockets(context: Context, lane: Lane) -> list[dict[str, Any]]:
    found = read_json(context, f"socket:{lane.pid}")
    return [item for item in found if item["connected"]]


@probe("socket_nodelay")
def socket_nodelay(context: Context, knob: Knob) -> list[Sight]:
    return each_lane(
        context,
        knob,
        lambda lane: [
            read_sight(
                context,
                knob,
                f"socket:{lane.pid}/{item['fd']}/nodelay",
                f"{lane.name} fd {item['fd']}",
            )
            for item in sockets(context, lane)
            if item["kind"] == "tcp"
        ],
    )


@probe("socket_busy_poll")
def socket_busy_poll(context: Context, knob: Knob) -> list[Sight]:
    def look(lane: Lane) -> list[Sight]:
        out = []
        for item in sockets(context, lane):
            target = f"{lane.name} fd {item['fd']}"
            seen = read_sight(context, knob, f"socket:{lane.pid}/{item['fd']}/busy_poll", target)
            if seen.state is None and item.get("napi") == 0:
                seen = unseen(
                    target,
                    State.NOT_APPLICABLE,
                    "no card behind it: polling has no effect",
                    shown=seen.shown,
                )
            out.append(seen)
        return out

    return each_lane(context, knob, look)


@probe("epoll_parameters")
def epoll_parameters(context: Context, knob: Knob) -> list[Sight]:
    if context.facts.kernel_version < (6, 9):
        raise refuse(errno.ENOENT, "EPIOCGPARAMS")
    return each_lane(
        context,
        knob,
        lambda lane: [
            read_sight(context, knob, f"epoll:{lane.pid}/{fd}", f"{lane.name} fd {fd}")
            for fd in read_json(context, f"epoll:{lane.pid}")
        ],
    )
