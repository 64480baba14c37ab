"""Probes of interrupts: masks, where they really arrive, how many.

Owns:    reading /proc/interrupts and the masks beside it, and telling a wish from where interrupts
         arrive.
Refuses: believing a mask alone.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tuning import cpus
from tuning.context import Context
from tuning.facts import Card
from tuning.host import names, peek
from tuning.model import Knob, Sight, State, Write
from tuning.probes import between, once, probe, processes, read_sight, sampler, unseen
from tuning.probes.process import whole_record

PER_SECOND_MAX = {"LOC": 2.0, "RES": 1.0, "CAL": 1.0, "TLB": 1.0}
THREAD_PRIORITY = 50  # what the kernel gives interrupt threads; softirq threads have none
WATCHED_LINES = ("LOC", "RES", "CAL", "TLB", "IWI", "TRM", "THR", "NMI", "PMI")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of /proc/interrupts."""

    number: str
    counts: dict[int, int]
    name: str


def lines(text: str) -> list[Line]:
    """Read /proc/interrupts: one count per online CPU, then chip, pin and names."""
    rows = text.splitlines()
    heads = [int(word.removeprefix("CPU")) for word in rows[0].split()]
    out = []
    for row in rows[1:]:
        label, _, rest = row.partition(":")
        words = rest.split(None, len(heads))
        counts = [int(word) for word in words[: len(heads)] if word.isdigit()]
        if len(counts) < len(heads):  # ERR and MIS have one figure for all
            continue
        tail = words[len(heads)].split(None, 2) if len(words) > len(heads) else []
        name = tail[-1] if label.strip().isdigit() and tail else label.strip()
        out.append(Line(label.strip(), dict(zip(heads, counts, strict=True)), name))
    return out


def devices(context: Context) -> list[Line]:
    """Return the lines that belong to devices."""
    return [line for line in lines(context.host.read("/proc/interrupts")) if line.number.isdigit()]


def numbers_of(context: Context, card: Card) -> set[str]:
    """Return the interrupt numbers of a card: its MSI folder, its bus device's, or by name."""
    host = context.host
    try:
        place = posixpath.normpath(
            posixpath.join("/sys/class/net", host.link(f"/sys/class/net/{card.name}"))
        )
    except OSError:
        place = ""
    device = place.partition("/net/")[0]
    found = set(names(host, f"/sys/class/net/{card.name}/device/msi_irqs"))
    if device and not found:
        found = set(names(host, f"{device}/msi_irqs"))
    if device and not found:  # a virtio device's interrupts belong to the PCI device above it
        found = set(names(host, f"{posixpath.dirname(device)}/msi_irqs"))
    virtio = re.search(r"/(virtio\d+)$", device)
    prefixes = [card.name] + ([virtio[1]] if virtio else [])
    pattern = re.compile("|".join(rf"(?:^|\W){re.escape(p)}(?:\W|$)" for p in prefixes))
    return found | {line.number for line in devices(context) if pattern.search(line.name)}


def managed(context: Context, line: Line) -> bool:
    """Say whether the kernel keeps this interrupt's mask: it told us, or it is an NVMe queue."""
    if line.number in context.managed:
        return True
    told = peek(context.host, f"/sys/kernel/debug/irq/irqs/{line.number}")
    if told is not None:
        return "IRQD_AFFINITY_MANAGED" in told
    return re.fullmatch(r"nvme\d+q[1-9]\d*", line.name) is not None


@probe("nic_irq")
def nic_irq(context: Context, knob: Knob) -> list[Sight]:
    out: list[Sight] = []
    by_number = {line.number: line for line in devices(context)}
    for card in context.cards:
        numbers = sorted(numbers_of(context, card) & set(by_number), key=int)
        homes = _homes(context, card)
        for order, number in enumerate(numbers):
            out.append(_nic_sight(context, knob, by_number[number], card, homes, order))
        if not numbers:
            reason = f"absent: {card.name} has no interrupt of its own"
            out.append(unseen(card.name, State.UNSUPPORTED, reason))
    return out


def _homes(context: Context, card: Card) -> list[int]:
    """Return the cores that should serve a card: housekeeping on its node, or any housekeeping."""
    local = context.terms.roles.get(f"housekeeping@{card.node}", frozenset())
    return sorted(local or context.roles.housekeeping)


def _nic_sight(
    context: Context, knob: Knob, line: Line, card: Card, homes: list[int], order: int
) -> Sight:
    address = f"/proc/irq/{line.number}/smp_affinity_list"
    seen = read_sight(context, knob, address, line.name)
    if seen.state is not None:
        return seen
    if managed(context, line):
        return unseen(
            line.name, State.UNSUPPORTED, "managed: the kernel keeps its mask", shown=seen.shown
        )
    wanted = context.wanted(knob)
    if not wanted.demands or not homes:
        return seen
    role = f"housekeeping@{card.node}"
    named = role if wanted.kind == "within" and context.terms.roles.get(role) else wanted.operand
    home = homes[order % len(homes)]
    allowed = context.terms.roles[named]
    good = seen.value <= allowed if wanted.kind == "within" else not seen.value & allowed
    state, reason = None, ""
    effective = cpus.parse_list(
        peek(context.host, f"/proc/irq/{line.number}/effective_affinity_list") or ""
    )
    if good and effective and not effective <= seen.value:
        state = State.PENDING
        reason = f"still arrives on {cpus.format_list(effective)} until its next interrupt"
    shown = f"core {seen.shown}"
    return Sight(
        line.name,
        seen.value,
        shown,
        address,
        seen.raw,
        "cpulist",
        state,
        reason,
        expected=f"core {home}" if not good else f"core {seen.shown}",
        writes=(Write(address, str(home), "cpulist"),),
        want={wanted.kind: named},
    )


@probe("irq_effective")
def irq_effective(context: Context, knob: Knob) -> list[Sight]:
    hot = context.roles.named("hot")
    found = devices(context)
    if context.wanted(knob).demands and not hot:
        return [unseen("", State.NOT_APPLICABLE, "no core is kept for lanes alone")]
    out = []
    for line in found:
        seen = read_sight(
            context, knob, f"/proc/irq/{line.number}/effective_affinity_list", line.name
        )
        if seen.state is not None:
            out.append(seen)
        elif seen.value & hot and not managed(context, line):
            out.append(_arrives_hot(context, line, seen))
    unseen_ones = [sight for sight in out if sight.state in (State.UNKNOWN, State.UNSUPPORTED)]
    if len(unseen_ones) == len(found) and found:
        return unseen_ones[:1]
    wrong = [sight for sight in out if sight not in unseen_ones]
    return wrong or [
        Sight(value=frozenset(), shown=f"{len(found)} interrupts, none there", writes=())
    ]


def _arrives_hot(context: Context, line: Line, seen: Sight) -> Sight:
    address = f"/proc/irq/{line.number}/smp_affinity_list"
    mask = cpus.parse_list(peek(context.host, address) or "")
    hot = context.roles.named("hot")
    if mask and not mask & hot:
        reason = f"its mask is {cpus.format_list(mask)}; it moves at its next interrupt"
        return Sight(
            line.name,
            seen.value,
            f"core {seen.shown}",
            seen.address,
            state=State.PENDING,
            reason=reason,
            writes=(),
        )
    left = (mask - hot) or context.roles.housekeeping
    return Sight(
        line.name,
        seen.value,
        f"core {seen.shown}",
        address,
        cpus.format_list(mask),
        "cpulist",
        writes=(Write(address, cpus.format_list(left), "cpulist"),),
    )


@probe("irq_managed")
def irq_managed(context: Context, knob: Knob) -> list[Sight]:
    hot = context.roles.named("hot")
    kept = [line for line in devices(context) if managed(context, line)]
    there = []
    for line in kept:
        text = peek(context.host, f"/proc/irq/{line.number}/smp_affinity_list") or ""
        if cpus.parse_list(text) & hot:
            there.append(line.name)
    reason = f"on lane cores: {', '.join(there[:4])}" if there else ""
    return [
        Sight(
            value=len(there),
            shown=f"{len(kept)} managed, {len(there)} on lane cores",
            reason=reason,
            writes=(),
        )
    ]


@sampler("irq_counts")
def sample_counts(context: Context) -> list[Line]:
    return lines(context.host.read("/proc/interrupts"))


@probe("irq_counts")
def irq_counts(context: Context, knob: Knob) -> list[Sight]:
    hot = context.roles.named("hot")
    if not hot:
        return [unseen("", State.NOT_APPLICABLE, "no core is kept for lanes alone")]
    pair = between(context, knob)
    if pair is None:
        return once(context)
    before, after, seconds = pair
    earlier = {line.number: line for line in before}
    rates = [(line, cpu, rate) for line, cpu, rate in _rates(earlier, after, seconds) if cpu in hot]
    wrong = [row for row in rates if row[2] > PER_SECOND_MAX.get(row[0].number, 0.0)]
    wrong.sort(key=lambda row: -row[2])
    worst = ", ".join(f"cpu{cpu} {line.name} {rate:.0f}/s" for line, cpu, rate in wrong[:3])
    return [
        Sight(value=len(wrong), shown=worst or "quiet", writes=(), expected="no device, LOC <= 2/s")
    ]


def _rates(
    earlier: dict[str, Line], after: list[Line], seconds: float
) -> Iterator[tuple[Line, int, float]]:
    for line in after:
        if (line.number.isdigit() or line.number in WATCHED_LINES) and line.number in earlier:
            for cpu, count in line.counts.items():
                yield line, cpu, (count - earlier[line.number].counts.get(cpu, count)) / seconds


@probe("irqbalance")
def irqbalance(context: Context, knob: Knob) -> list[Sight]:
    found = processes(context, ["irqbalance"])
    if not found:
        return [Sight(value="absent", shown="not running", writes=())]
    text = (
        peek(context.host, "/etc/default/irqbalance")
        or peek(context.host, "/etc/sysconfig/irqbalance")
        or ""
    )
    match = re.search(r'^\s*IRQBALANCE_BANNED_CPULIST="?([^"\n]*)', text, re.M)
    banned = cpus.parse_list(match[1], last=context.facts.last) if match else frozenset()
    hot = context.roles.named("hot")
    if hot and banned >= hot:
        return [
            Sight(value="banned", shown=f"runs, banned from {cpus.format_list(banned)}", writes=())
        ]
    writes = (Write("unit:irqbalance.service", "inactive"),)
    return [
        Sight(value="running", shown="runs on every core", writes=writes, expected="off or banned")
    ]


@probe("irq_threads")
def irq_threads(context: Context, knob: Knob) -> list[Sight]:
    processes(context, ())
    threads = {}
    for task in context.facts.tasks:
        match = re.match(r"irq/(\d+)-", str(task["comm"]))
        if match and task["kernel"]:
            threads[match[1]] = task
    if not threads:
        return [unseen("", State.NOT_APPLICABLE, knob.absent)]
    ours = (
        set().union(*(numbers_of(context, card) for card in context.cards))
        if context.cards
        else set()
    )
    chosen = [task for number, task in threads.items() if number in ours]
    sights = [read_sight(context, knob, f"task:{t['tid']}/sched", str(t["comm"])) for t in chosen]
    above = {"policy": "fifo", "priority": THREAD_PRIORITY}
    return [whole_record(sight, above) for sight in sights] or [
        unseen("", State.NOT_APPLICABLE, "no trading card has a thread")
    ]
