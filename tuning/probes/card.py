"""Probes of the trading card itself.

Owns:    what its driver answers, against what the profile wants of it.
Refuses: cards that nobody trades on.
"""

from __future__ import annotations

import errno
import json
from typing import Any

from tuning.context import Context
from tuning.facts import Card
from tuning.host import names, peek
from tuning.model import Knob, Sight, State, Write
from tuning.probes import between, failed, once, probe, read_json, read_sight, sampler, unseen
from tuning.probes.network import no_card

TX_HARDWARE, RX_HARDWARE, RAW_HARDWARE, SOFTWARE = 1, 4, 64, 2 | 8
LOST = ("rx_dropped", "rx_missed_errors", "rx_fifo_errors", "rx_over_errors", "tx_dropped")
XDP = {0: "basic", 1: "redirect", 3: "zero-copy"}


@probe("card_table")
def card_table(context: Context, knob: Knob) -> list[Sight]:
    """Compare fields of one ethtool table.  Options: `table`; `needs`, what must be offered."""
    wanted = context.wanted(knob)
    keys = list(wanted.operand) if wanted.kind == "fields" else []
    out = []
    for card in context.cards:
        address = f"ethtool:{card.name}/{knob.options['table']}"
        seen = read_sight(context, knob, address, card.name)
        if seen.state is None and keys:
            fixed = _fixed(context, card) if knob.options["table"] == "features" else {}
            value = {**fixed, **seen.value}
            shown = " ".join(f"{key} {_word(value[key])}" for key in keys if key in value)
            lacking = [key for key in knob.options.get("needs", ()) if key not in seen.value]
            if not shown or lacking:
                seen = unseen(
                    card.name, State.UNSUPPORTED, f"not offered: {', '.join(lacking or keys)}"
                )
            else:
                seen = Sight(card.name, value, shown, address, seen.raw, "json")
        out.append(seen)
    return out or no_card()


def _fixed(context: Context, card: Card) -> dict[str, Any]:
    text = peek(context.host, f"ethtool:{card.name}/fixed")
    return json.loads(text) if text else {}


def _word(value: Any) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


@probe("ring")
def ring(context: Context, knob: Knob) -> list[Sight]:
    wanted = context.wanted(knob)
    out = []
    for card in context.cards:
        address = f"ethtool:{card.name}/ring"
        seen = read_sight(context, knob, address, card.name)
        if seen.state is None:
            most = _limits(context, card).get("ring_rx_max", 0)
            size = int(seen.value["rx"])
            state, reason = None, ""
            if wanted.demands and wanted.kind == "between":
                low = min(wanted.operand[0], most or wanted.operand[0])
                if size == most and size <= low:
                    state, reason = State.OK, "the most that the driver offers"
                goal = min(max(size, low), wanted.operand[1])
                writes: tuple[Write, ...] = (Write(address, json.dumps({"rx": goal}), "json"),)
            else:
                writes = ()
            seen = Sight(
                card.name,
                size,
                f"rx {size} of {most}",
                address,
                seen.raw,
                "json",
                state,
                reason,
                writes=writes,
            )
        out.append(seen)
    return out or no_card()


def _limits(context: Context, card: Card) -> dict[str, int]:
    text = peek(context.host, f"ethtool:{card.name}/limits")
    return json.loads(text) if text else {}


@probe("channels")
def channels(context: Context, knob: Knob) -> list[Sight]:
    """No more queues than housekeeping cores near the card."""
    out = []
    for card in context.cards:
        address = f"ethtool:{card.name}/channels"
        seen = read_sight(context, knob, address, card.name)
        if seen.state is None:
            local = (
                context.terms.roles.get(f"housekeeping@{card.node}") or context.roles.housekeeping
            )
            kind = "combined" if seen.value["combined"] else "rx"
            count, most = int(seen.value[kind]), max(1, len(local))
            seen = Sight(
                card.name,
                count,
                f"{count} {kind}",
                address,
                seen.raw,
                "json",
                want={"max": most},
                writes=(Write(address, json.dumps({kind: most}), "json"),)
                if context.wanted(knob).demands
                else (),
            )
            if not context.wanted(knob).demands:
                seen = Sight(card.name, count, seen.shown, writes=())
        out.append(seen)
    return out or no_card()


@probe("link")
def link(context: Context, knob: Knob) -> list[Sight]:
    out = []
    for card in context.cards:
        base = f"/sys/class/net/{card.name}"
        state = context.host.read(f"{base}/operstate").strip()
        speed, duplex = peek(context.host, f"{base}/speed"), peek(context.host, f"{base}/duplex")
        changes = peek(context.host, f"{base}/carrier_changes") or "?"
        told = speed is not None and speed.isdigit()
        how = f"{speed} Mb/s {duplex}" if told else "speed not told"
        full = duplex == "full" or not told
        value = "up full" if state in ("up", "unknown") and full else f"{state} {duplex or '?'}"
        out.append(Sight(card.name, value, f"{state}, {how}, {changes} carrier changes", writes=()))
    return out or no_card()


@probe("queue_length")
def queue_length(context: Context, knob: Knob) -> list[Sight]:
    out = []
    for card in context.cards:
        seen = read_sight(context, knob, f"/sys/class/net/{card.name}/tx_queue_len", card.name)
        kind = peek(context.host, f"qdisc:{card.name}") or "?"
        if seen.state is None:
            seen = Sight(
                card.name, seen.value, f"{seen.shown}, {kind}", seen.address, seen.raw, "int"
            )
        out.append(seen)
    return out or no_card()


@sampler("drops")
def sample_drops(context: Context) -> dict[str, int]:
    out = {}
    for card in context.cards:
        base = f"/sys/class/net/{card.name}/statistics"
        for name in LOST:
            text = peek(context.host, f"{base}/{name}")
            if text is not None:
                out[f"{card.name} {name}"] = int(text)
        stats = peek(context.host, f"ethtool:{card.name}/stats")
        for name, value in (json.loads(stats) if stats else {}).items():
            if name.endswith("_allowance_exceeded"):
                out[f"{card.name} {name}"] = value
    rows = [
        line.split() for line in (peek(context.host, "/proc/net/softnet_stat") or "").splitlines()
    ]
    out["softnet dropped"] = sum(int(row[1], 16) for row in rows if len(row) > 2)
    return out


@probe("drops")
def drops(context: Context, knob: Knob) -> list[Sight]:
    if not context.cards:
        return no_card()
    pair = between(context, knob)
    if pair is None:
        return once(context)
    before, after, seconds = pair
    lost = {
        name: after[name] - before[name]
        for name in after
        if after[name] > before.get(name, after[name])
    }
    reason = ", ".join(f"{name} +{count}" for name, count in sorted(lost.items())[:3])
    total = sum(after.values())
    shown = f"{sum(lost.values())} in {seconds:.0f} s, {total} since boot"
    return [Sight(value=sum(lost.values()), shown=shown, reason=reason, writes=())]


@probe("driver")
def driver(context: Context, knob: Knob) -> list[Sight]:
    out = []
    for card in context.cards:
        seen = read_sight(context, knob, f"ethtool:{card.name}/driver", card.name, "json")
        if seen.state is None:
            words = [
                seen.value[key] for key in ("driver", "version", "firmware") if seen.value.get(key)
            ]
            seen = Sight(card.name, " ".join(words), " ".join(words), writes=())
        out.append(seen)
    return out or no_card()


@probe("bypass")
def bypass(context: Context, knob: Knob) -> list[Sight]:
    """Ask each way whether it is there; open nothing that stays open, bind nothing."""
    host = context.host
    ways = ["kernel", "busy-poll"]
    answer = host.read("can:afxdp").strip()
    reason = ""
    if answer != "yes" and not context.facts.root:
        reason = "AF_XDP can only be tried as root"
    if answer == "yes":
        ways.append("AF_XDP")
        for card in context.cards:
            text = peek(host, f"netdev:{card.name}")
            if text and json.loads(text)["xdp_features"] >> 3 & 1:
                ways.append(f"AF_XDP zero-copy on {card.name}")
    if names(host, "/sys/kernel/iommu_groups"):
        ways.append("DPDK by vfio")
    if names(host, "/sys/class/infiniband"):
        ways.append("RDMA")
    if "onload" in names(host, "/dev"):
        ways.append("Onload")
    return [Sight(value=ways, shown=", ".join(ways), reason=reason, writes=())]


@probe("stamps")
def stamps(context: Context, knob: Knob) -> list[Sight]:
    out = []
    for card in context.cards:
        try:
            told = read_json(context, f"ethtool:{card.name}/stamps")
        except OSError as error:
            if error.errno == errno.EOPNOTSUPP:
                told = {"modes": 0, "clock": -1}
            else:
                out.append(failed(context, knob, error, card.name, f"ethtool:{card.name}/stamps"))
                continue
        modes = told["modes"]
        hardware = (
            all(modes & bit for bit in (TX_HARDWARE, RX_HARDWARE, RAW_HARDWARE))
            and told["clock"] >= 0
        )
        value = "hardware" if hardware else "software" if modes & SOFTWARE else "none"
        shown = f"{value}, clock {told['clock']}" if hardware else f"{value}, no clock in the card"
        out.append(Sight(card.name, value, shown, writes=()))
    return out or no_card()
