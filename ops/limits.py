"""`corelane limits`: the limits that the authority lends to the lanes.

show            every limit: bound, what lanes hold, what they may come to hold; shares and leases
set LIMIT K=V   change figures by the keys of the configuration, in its units; -1: no limit
freeze LIMIT    lend nothing of it any more: quotes are cancelled, exits pass; until thaw
thaw LIMIT      lend it again

What permits more than now must be meant: --widen.  Every change is logged with who asked, is
durable before it is answered, and stands over the configuration file until it is set again.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from runtime.authority.leases import NONE
from runtime.config.limits import FIELDS
from runtime.pages.figures import money
from runtime.supervise.control_socket import ask
from runtime.supervise.peer import CommandError

EXAMPLES = """examples:
  corelane limits
  corelane limits set account:0 daily_loss_max=200 open_orders_max=20 --reason "thin market"
  corelane limits set account:0 open_orders_max=40 --widen --reason "agreed with risk"
  corelane limits set instrument:BTCUSDT net_notional_max=5000 --reason "half its size"
  corelane limits freeze strategy:0 --reason "odd fills"
"""
HELP = {
    "show": "every limit, what is held of it, and the lanes' leases",
    "set": "change figures of a limit",
    "freeze": "lend nothing of a limit any more, until thaw",
    "thaw": "lend a frozen limit again",
}
MONEY = {"net", "gross"}


def add(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "limits",
        help="show, set, freeze and thaw the limits that lanes spend under leases",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--deployment", default=argparse.SUPPRESS, metavar="NAME")
    common.add_argument("--json", action="store_true", default=argparse.SUPPRESS)
    parser.add_argument("--deployment", default="default", metavar="NAME")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run, action="show")
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    for name, text in HELP.items():
        one = actions.add_parser(name, help=text, parents=[common], epilog=EXAMPLES,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
        one.set_defaults(run=run, action=name)
        if name == "show":
            continue
        text = "DIMENSION:ID or DIMENSION:NAME, as account:0, instrument:BTCUSDT"
        one.add_argument("limit", metavar="LIMIT", help=text)
        one.add_argument("--reason", default="", metavar="TEXT", help="goes to log and ledger")
        if name == "set":
            one.add_argument("figures", nargs="+", metavar="KEY=VALUE", help=", ".join(FIELDS))
            one.add_argument("--widen", action="store_true", help="it may permit more than now")


def figures(words: list[str]) -> dict[str, int]:
    """Read KEY=VALUE words into the records' fields and units; ValueError names what is wrong."""
    out = {}
    for word in words:
        key, _, text = word.partition("=")
        if key not in FIELDS:
            raise ValueError(f"{key!r} is no figure of a limit; want one of {', '.join(FIELDS)}")
        try:
            value = int(text)
        except ValueError:
            raise ValueError(f"{key} is {text!r}; want a whole number, -1 for no limit") from None
        if value < -1:
            raise ValueError(f"{key} is {value}; want 0 or more, -1 for no limit")
        field, unit = FIELDS[key]
        out[field] = NONE if value == -1 else min(value * unit, NONE)
    return out


def shown(figure: str, value: int) -> str:
    if value == NONE:
        return "-"
    return money(value) if figure in MONEY else str(value)


def rows(answer: dict[str, Any]) -> list[str]:
    """Lay every limit out, one figure a line."""
    out = [f"limits  term {answer['term']}"]
    for row in answer["limits"]:
        state = f"FROZEN: {row['cause']}" if row["is_frozen"] else "lent"
        loss, down = row["daily_loss_e8_max"], row["drawdown_bps_max"]
        day = money(row["day_pnl_e8"])
        name = f"{row['limit']} {row['name']}".rstrip()
        out.append(
            f"  {name}  {state}  to {row['lane_count']} lanes  day {day}"
            f" (loss at most {'-' if loss == NONE else money(loss)})  drawdown"
            f" {row['drawdown_bps']} bps (at most {'-' if down == NONE else down})"
        )
        out.append(f"    {'':<8}{'used':>14}{'leased':>14}{'bound':>14}  shares")
        for figure in ("net", "gross", "open"):
            one = row[figure]
            shares = "  ".join(f"{lane} {shown(figure, n)}" for lane, n in one["shares"].items())
            found = {**one, "worst": NONE if one["limit"] == NONE else one["worst"]}
            cells = "".join(f"{shown(figure, found[k]):>14}" for k in ("used", "worst", "limit"))
            out.append(f"    {figure:<8}{cells}  {shares}".rstrip())
    return out


def told(field: str, before: int, after: int) -> str:
    """Say a change by the key of the configuration, in its units."""
    key, unit = next((key, unit) for key, (name, unit) in FIELDS.items() if name == field)
    one, other = ("none" if n == NONE else f"{n / unit:.10g}" for n in (before, after))
    return f"{key}  {one} to {other}"


def lines(arguments: argparse.Namespace, answer: dict[str, Any]) -> list[str]:
    if arguments.action == "show":
        return rows(answer)
    if arguments.action == "set":
        return [
            f"{one['limit']}  {told(one['figure'], one['from'], one['to'])}  {one['way']}"
            for one in answer["changes"]
        ]
    return [f"frozen: {', '.join(answer['frozen']) or 'none'}"]


def run(arguments: argparse.Namespace) -> int:
    request: dict[str, Any] = {"command": "limits", "action": arguments.action or "show"}
    arguments.action = request["action"]
    try:
        if arguments.action != "show":
            request |= {"limit": arguments.limit, "reason": arguments.reason}
        if arguments.action == "set":
            request |= {"figures": figures(arguments.figures), "widen": arguments.widen}
        answer = ask(arguments.deployment, request)
    except (CommandError, ValueError) as error:
        print(f"corelane limits: {error}", file=sys.stderr)
        return 2
    print(json.dumps(answer) if arguments.json else "\n".join(lines(arguments, answer)))
    return 0
