"""`corelane status`: how a running appliance is, and what became of an order.

Owns:    options, layout, exit codes: 0 good, 1 not good (or no such order), 2 could not look.
Refuses: changing anything: it reads shared pages and the journal ring, so it also answers when the
         supervisor does not.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from runtime.journal.recording import RecordingError
from runtime.show import health, why
from runtime.show.observer import Observer
from runtime.show.status import status

LIMITS_SHOWN = 12  # those that are frozen first, then those that are nearest to their bounds
EXAMPLES = """examples:
  corelane status
  corelane status --json
  corelane status --why default-0007000000000012
  corelane status --why default-0003000000000012 --journal run-1
"""


def add(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "status",
        help="health, lanes, books, verdicts, latency of a running appliance; --why for one order",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--deployment", default="default", metavar="NAME")
    parser.add_argument(
        "--why",
        metavar="ID",
        help="what became of a client order id (number or the venue's text) or an intent id",
    )
    parser.add_argument(
        "--journal",
        metavar="DIR",
        type=Path,
        help="with --why: look into this RUN too; it keeps lives whose rings are gone",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def number(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:.4g} {unit}"


def nearest(limit: dict[str, Any]) -> float:
    """Return how much of its tightest figure is used; -1: it bounds nothing."""
    figures = [one for one in limit["figures"].values() if one["bound"] is not None]
    return max((f["used"] / f["bound"] if f["bound"] else 0.0 for f in figures), default=-1.0)


def limit_lines(authority: dict[str, Any] | None) -> list[str]:
    """What is lent: each limit with what is used, may come to be used, and the bound; leases."""
    if authority is None:
        return []
    out = []
    bounded = [one for one in authority["limits"] if nearest(one) >= 0 or one["is_frozen"]]
    bounded.sort(key=lambda one: (not one["is_frozen"], -nearest(one)))
    for one in bounded[:LIMITS_SHOWN]:
        figures = "  ".join(
            f"{name.removesuffix('_quote')} {f['used']:.10g}/{f['leased']:.10g}/{f['bound']:.10g}"
            for name, f in one["figures"].items()
            if f["bound"] is not None
        )
        state = "FROZEN" if one["is_frozen"] else "lent"
        out.append(f"  {one['limit']:<16}{state:<8}used/leased/bound  {figures or 'no bounds'}")
    if len(bounded) > LIMITS_SHOWN:
        out.append(f"  {len(bounded) - LIMITS_SHOWN} more limits are lent: corelane limits")
    for name, lease in authority["leases"].items():
        left = lease["left_ms"]
        state = "none yet" if left is None else f"{left:.0f} ms left" if left > 0 else "ENDED"
        out.append(f"  {name:<16}lease {state}  fence {lease['fence']}  term {authority['term']}")
    return out


def text(document: dict[str, Any]) -> list[str]:
    """Return the lines for people, worst news last: that is where the eye is."""
    judged = document["health"]
    out = [
        f"status  deployment={document['deployment']}  state={document['state']}"
        f"  topology={document['topology'] or '-'}  health {judged['score']} of 100"
    ]
    for one in document["lanes"]:
        core = "no core" if one["core"] is None else f"core {one['core']}"
        out.append(
            f"  {one['name']:<12}{one['role']:<8}{one['state']:<12}pid {one['pid']}  {core}"
            f"{' spinning' if one['is_spinning'] else ''}  epoch {one['epoch']}"
            f"  restarts {one['restarts']}  open {one['open_orders']}  unknown {one['unknown']}"
            f"  beat {number(one['heartbeat_age_ms'], 'ms')}"
        )
    for one in document["instruments"]:
        out.append(
            f"  {one['symbol']:<12}{one['book']:<10}{one['bid'] or '-'} / {one['ask'] or '-'}"
            f"  age {number(one['age_ms'], 'ms')}  position {one['position']}  pnl {one['pnl']}"
        )
    for one in document["funds"]:
        if one["is_said"]:
            out.append(
                f"  {one['lane']:<12}{one['asset']:<10}free {one['free']}"
                f"  reserved {one['reserved']}  used {one['used']}  total {one['total']}"
            )
    for one in document["quota"]:
        out.append(
            f"  {one['lane']:<12}{one['mode']:<10}{one['used']} of {one['limit']} {one['kind']}"
            f" in {one['window_s']} s  headroom {one['headroom']}"
            f"  said {number(one['figure_age_ms'], 'ms')} ago"
        )
    for one in document["processes"]:
        out.append(
            f"  {one['name']:<12}{one['state']:<12}pid {one['pid'] or '-'}"
            f"  restarts {one['restarts']}  last {one['last_cause']}"
            f"  {one['rss_bytes'] / 2**20:.0f} MiB  cpu {one['cpu_s']:.1f} s"
        )
    if (one := document["sentinel"]) is not None:
        out.append(
            f"  {'sentinel':<12}{one['state']:<12}pid {one['pid']}  scope {one['scope']}"
            f"  sockets {one['connections']}  venue {number(one['venue_age_ms'], 'ms')} ago"
        )
        if (trip := one["last_trip"]) is not None:
            out.append(f"    last trip {trip['age_s']:.0f} s ago  {trip['reason']}")
            out.append(f"    {trip['evidence']}")
    out += limit_lines(document["authority"])
    for one in document["flatten"]:
        out.append(
            f"  flatten     {one['symbol']} {one['position_side']}  {one['state']}  held"
            f" {one['held']}  left {one['left']}  {one['orders']} orders"
        )
    markets = {one["name"] for one in document["lanes"] if one["role"] == "market"}
    for name, hops in document["latency"].items():
        one = hops["tick_to_trade"]
        if name in markets:  # orders leave the other lane
            continue
        out.append(
            f"  {name} tick to trade  n {one['count']}  p50 {one['p50_us']:.1f} us"
            f"  p99 {one['p99_us']:.1f} us  max {one['max_us']:.0f} us"
        )
    given = "  ".join(f"{name} {times}" for name, times in document["verdicts"].items())
    out.append(f"  verdicts      {given or 'none'}")
    out += [f"  - {reason}" for reason in judged["reasons"]]
    return out


def run_why(arguments: argparse.Namespace, observer: Observer) -> int:
    try:
        wanted = why.parse_id(arguments.why)
        found, lines = why.why(arguments.deployment, wanted, observer.take(), arguments.journal)
    except (why.IdError, RecordingError) as error:
        print(f"corelane status: {error}", file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps({"id": str(wanted), "found": found, "said": lines}))
    else:
        print("\n".join(lines))
    return 0 if found else 1


def run(arguments: argparse.Namespace) -> int:
    observer = Observer(arguments.deployment)
    if arguments.why is not None:
        return run_why(arguments, observer)
    found = observer.take()
    if not found.lanes:
        why_not = "; ".join(found.refused.values()) or "it has no pages in /dev/shm; is it running?"
        print(f"corelane status: deployment {arguments.deployment!r}: {why_not}", file=sys.stderr)
        return 2
    document = status(found)
    print(json.dumps(document) if arguments.json else "\n".join(text(document)))
    return 0 if health.of(found).is_good else 1
