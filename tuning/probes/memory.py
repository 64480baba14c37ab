"""Probes of memory.

Owns:    large pages, swap, and where the pages of lanes lie.
Refuses: sysctls, which need no code (common.py).
"""

from __future__ import annotations

import json

from tuning.context import Context
from tuning.host import peek
from tuning.model import Knob, Sight, State, Write
from tuning.probes import failed, probe, read_sight, unseen


@probe("hugepages")
def hugepages(context: Context, knob: Knob) -> list[Sight]:
    """One target per node that lanes use; each must hold the profile's number of pages."""
    size = context.profile.sizes[knob.options["size"]]
    nodes = {context.facts.node_of(cpu) for cpu in context.roles.lanes or context.facts.online}
    places = [
        f"/sys/devices/system/node/node{node}/hugepages/hugepages-{knob.options['kib']}kB"
        for node in sorted(nodes)
    ]
    if not any(peek(context.host, f"{place}/nr_hugepages") for place in places):
        places = [f"/sys/kernel/mm/hugepages/hugepages-{knob.options['kib']}kB"]
    out = []
    for place in places:
        target = next(
            (part for part in place.split("/") if part.startswith("node") and part != "node"), ""
        )
        seen = read_sight(context, knob, f"{place}/nr_hugepages", target)
        if seen.state is None:
            free = peek(context.host, f"{place}/free_hugepages") or "?"
            shown = f"{seen.shown}, {free} free"
            if size == 0:
                seen = unseen(
                    target, State.NOT_APPLICABLE, "nothing here asks for them", shown=shown
                )
            else:
                seen = Sight(target, seen.value, shown, seen.address, seen.raw, "int")
        out.append(seen)
    return out


@probe("swap")
def swap(context: Context, knob: Knob) -> list[Sight]:
    rows = [line.split() for line in context.host.read("/proc/swaps").splitlines()[1:]]
    rows = [row for row in rows if len(row) >= 4]
    if not rows:
        return [Sight(value="off", shown="none", writes=())]
    bound = {"cloud-vm": 1, "small-vm": 10}.get(context.profile.base, -1)
    swappiness = int(peek(context.host, "/proc/sys/vm/swappiness") or 100)
    out = []
    for area, kind, size, used, *_ in rows:
        shown = f"{kind} {int(size) // 1024} MiB, {int(used) // 1024} in use"
        if swappiness <= bound:
            out.append(
                Sight(area, "off", f"{shown}, swappiness {swappiness}", state=State.OK, writes=())
            )
        else:
            out.append(Sight(area, "on", shown, f"swap:{area}", "on"))
    return out


@probe("numa_placement")
def numa_placement(context: Context, knob: Knob) -> list[Sight]:
    """Count the pages of each lane that lie on the node of its core; the wish is in thousandths."""
    nodes = context.facts.nodes
    if len(nodes) < 2:
        return [unseen("", State.NOT_APPLICABLE, "one memory node")]
    if not context.lanes:
        return [unseen("", State.NOT_APPLICABLE, "no lane runs")]
    out = []
    for lane in context.lanes:
        home = context.facts.node_of(lane.cpu if lane.cpu is not None else min(context.roles.lanes))
        try:
            pages = json.loads(context.host.read(f"task:{lane.pid}/nodes"))
        except OSError as error:
            out.append(failed(context, knob, error, lane.name, f"task:{lane.pid}/nodes"))
            continue
        share = 1000 * pages.get(str(home), 0) // max(1, sum(pages.values()))
        writes = (Write(f"task:{lane.pid}/home", str(home)),)
        out.append(
            Sight(
                lane.name,
                share,
                f"{share / 10:.1f} % on node {home}",
                f"task:{lane.pid}/home",
                writes=writes,
                expected="99 % local",
            )
        )
    return out
