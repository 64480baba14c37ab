"""Probes of the network stack, per trading card.

Owns:    busy polling, steering, tracking.
Refuses: the card (card.py) and sockets (process.py).
"""

from __future__ import annotations

import errno

from tuning import cpus
from tuning.context import Context
from tuning.host import glob, names, peek
from tuning.model import Knob, Sight, State
from tuning.probes import failed, probe, read_json, read_sight, unseen

NO_CARD = "no card with a device is up"


def no_card() -> list[Sight]:
    return [unseen("", State.NOT_APPLICABLE, NO_CARD)]


@probe("card_file")
def card_file(context: Context, knob: Knob) -> list[Sight]:
    """Read one file of each card's folder.  Option: `file`."""
    found = [
        read_sight(context, knob, f"/sys/class/net/{card.name}/{knob.options['file']}", card.name)
        for card in context.cards
    ]
    return found or no_card()


@probe("napi_defer")
def napi_defer(context: Context, knob: Knob) -> list[Sight]:
    found = [
        read_sight(context, knob, f"/sys/class/net/{card.name}/{name}", f"{card.name} {name}")
        for card in context.cards
        for name in ("napi_defer_hard_irqs", "gro_flush_timeout")
    ]
    return found or no_card()


@probe("napi_suspend")
def napi_suspend(context: Context, knob: Knob) -> list[Sight]:
    out: list[Sight] = []
    for card in context.cards:
        try:
            rows = read_json(context, f"napi:{card.name}")
        except OSError as error:
            out.append(failed(context, knob, error, card.name, f"napi:{card.name}"))
            continue
        for row in rows:
            target = f"{card.name} napi {row['id']}"
            if "irq_suspend_ns" not in row:
                out.append(unseen(target, State.UNSUPPORTED, f"absent: {knob.absent}"))
            else:
                out.append(read_sight(context, knob, f"napi:{card.name}/{row['id']}", target))
        if not rows:
            out.append(unseen(card.name, State.UNSUPPORTED, "absent: the driver shows no queue"))
    return [_short(sight) for sight in out] or no_card()


def _short(sight: Sight) -> Sight:
    if sight.state is not None:
        return sight
    return Sight(
        sight.target,
        sight.value,
        f"{sight.value['irq_suspend_ns'] // 1000000} ms",
        sight.address,
        sight.raw,
        "json",
    )


@probe("steering")
def steering(context: Context, knob: Knob) -> list[Sight]:
    """Receive masks must not name lane cores; with several send queues each CPU has one of them."""
    out: list[Sight] = []
    for card in context.cards:
        base = f"/sys/class/net/{card.name}/queues"
        for place in glob(context.host, f"{base}/rx-*"):
            out.append(
                read_sight(
                    context, knob, f"{place}/rps_cpus", f"{card.name} {place.rpartition('/')[2]}"
                )
            )
        sending = glob(context.host, f"{base}/tx-*")
        for order, place in enumerate(sending if len(sending) > 1 else ()):
            seen = read_sight(
                context, knob, f"{place}/xps_cpus", f"{card.name} {place.rpartition('/')[2]}"
            )
            if seen.state is not None:
                continue  # a driver without it sends by flow
            mine = frozenset(cpu for cpu in context.facts.online if cpu % len(sending) == order)
            if not mine or not context.wanted(knob).demands:
                continue
            expected = cpus.format_list(mine)
            out.append(
                Sight(
                    seen.target,
                    seen.value,
                    seen.shown,
                    seen.address,
                    seen.raw,
                    "cpumask",
                    want={"any_of": [mine]},
                    expected=expected,
                )
            )
        if not names(context.host, base):
            out.append(unseen(card.name, State.UNSUPPORTED, f"absent: {base} is not there"))
    return out or no_card()


@probe("conntrack")
def conntrack(context: Context, knob: Knob) -> list[Sight]:
    try:
        count = int(context.host.read(knob.where[0]))
    except OSError as error:
        if error.errno == errno.ENOENT:
            return [Sight(value=0, shown="not in this kernel", state=State.OK, writes=())]
        raise
    most = peek(context.host, "/proc/sys/net/netfilter/nf_conntrack_max") or "?"
    return [Sight(value=count, shown=f"{count} of {most} flows tracked", writes=())]
