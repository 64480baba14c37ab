"""`corelane pre-check`: ask the gate of a running lane what it would say of an order.

Owns:    options, the lines for people, exit codes: 0 approved, 1 not, 2 nobody there or no order.
Refuses: judging (the lane's own gate does), sending: nothing is held, spent or counted.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from runtime.supervise.peer import CommandError
from runtime.supervise.pre_check import CHECKS, put

EXAMPLES = """examples:
  corelane pre-check --symbol BTCUSDT --side buy --price 60000.0 --size 0.010
  corelane pre-check --symbol BTCUSDT --side sell --price 90000 --size 1 --only validate_price_fence
from Python:
  from runtime.supervise.pre_check import pre_check_order
  pre_check_order({"symbol": "BTCUSDT", "side": "BUY", "price": "60000.0", "size": "0.010"})
"""


def add(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "pre-check",
        help="ask the gate what it would say of an order",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name, text in (("symbol", "S"), ("side", "buy|sell"), ("price", "P"), ("size", "Q")):
        parser.add_argument(f"--{name}", required=True, metavar=text)
    parser.add_argument("--position-side", default="both", metavar="both|long|short")
    parser.add_argument("--time-in-force", default="gtc", metavar="gtc|ioc|fok")
    parser.add_argument("--post-only", action="store_true")
    parser.add_argument("--reduce-only", action="store_true")
    parser.add_argument(
        "--strategy", type=int, default=0, metavar="N", help="by its place in the file (default: 0)"
    )
    only = [name for name, checks in CHECKS.items() if checks]
    parser.add_argument("--only", choices=only, metavar="CHECK", help=f"one of {', '.join(only)}")
    parser.add_argument("--deployment", default="default", metavar="NAME")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def lines(answer: dict[str, Any]) -> list[str]:
    out = [("APPROVED" if answer["approved"] else "REFUSED") + f"  {answer['reason']}"]
    out += [f"  warning  {name.lower()}" for name in answer["warnings"]]
    return out


def run(arguments: argparse.Namespace) -> int:
    order = {
        "symbol": arguments.symbol,
        "side": arguments.side,
        "price": arguments.price,
        "size": arguments.size,
        "position_side": arguments.position_side,
        "time_in_force": arguments.time_in_force,
        "post_only": arguments.post_only,
        "reduce_only": arguments.reduce_only,
        "strategy": arguments.strategy,
    }
    try:
        answer = put(arguments.only or "pre_check_order", order, arguments.deployment)
    except CommandError as error:
        print(f"corelane pre-check: {error}", file=sys.stderr)
        return 2
    print(json.dumps(answer) if arguments.json else "\n".join(lines(answer)))
    return 0 if answer["approved"] else 1
