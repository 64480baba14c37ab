"""`corelane signal`: tell lanes of toxic flow or an emergency in a market, and see what holds.

Owns:    options, the lines for people, exit codes: 0 told, 2 refused or nobody there.
Refuses: what follows from a signal (docs/time-to-live.md), telling lanes itself.

Toxic flow shortens how long quotes rest; in an emergency nothing that may add risk rests longer
than [ttl] emergency_ms.  A signal holds until the next word about the same symbol, over restarts of
lanes.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from runtime.supervise.control_socket import ask
from runtime.supervise.peer import CommandError

EXAMPLES = """examples:
  corelane signal                                              what holds now
  corelane signal --symbol BTCUSDT --toxicity 800 --reason "informed flow"
  corelane signal --emergency on --reason "exchange incident"  every symbol
  corelane signal --emergency off
"""


def add(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "signal",
        help="tell lanes of toxic flow or an emergency in a market",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--symbol", metavar="S", help="one symbol (default: all)")
    parser.add_argument("--toxicity", type=int, metavar="N", help="0 to 1000 permille")
    parser.add_argument("--emergency", choices=("on", "off"))
    parser.add_argument("--reason", default="", metavar="TEXT", help="goes to the log")
    parser.add_argument("--deployment", default="default", metavar="NAME")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def lines(answer: dict[str, Any]) -> list[str]:
    out = [
        f"  {row['symbol'] or 'all':<12}toxicity {row['toxicity']} permille"
        + ("  EMERGENCY" if row["emergency"] else "")
        for row in answer["signals"]
    ]
    return ["signals", *(out or ["  none holds"])]


def run(arguments: argparse.Namespace) -> int:
    request: dict[str, Any] = {"command": "signal", "reason": arguments.reason}
    if arguments.symbol is not None:
        request["symbol"] = arguments.symbol
    if arguments.toxicity is not None:
        request["toxicity"] = arguments.toxicity
    if arguments.emergency is not None:
        request["emergency"] = arguments.emergency == "on"
    try:
        answer = ask(arguments.deployment, request)
    except CommandError as error:
        print(f"corelane signal: {error}", file=sys.stderr)
        return 2
    print(json.dumps(answer) if arguments.json else "\n".join(lines(answer)))
    return 0
