"""`corelane sentinel`: the process that cancels everything when nothing else can.

It is spoken to over a socket of its own: this works with the supervisor stopped or dead.

status   what it holds, its last trip         trip     word kill, cancel, ask the venue
release  take its word back                  drill    how long it takes, on the embedded venue
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ops import sentinel_drill
from runtime.sentinel.door import door_path
from runtime.supervise.peer import CommandError, ask

EXAMPLE = 'example: corelane sentinel trip --reason "wrong prices"'
HELP = {
    "status": "what it holds, and its last trip",
    "trip": "set its kill word, cancel everything by cancel_scope, ask the venue until it is gone",
    "release": "take its kill word back (refused while orders are open)",
}
TRIP_MS_MAX = 100.0  # the promise: p99 of trigger to empty list, 200 orders


def add(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "sentinel",
        help="the process that cancels everything when nothing else can",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="sentinel", metavar="WHAT", required=True)
    for name, text in HELP.items():
        one = commands.add_parser(name, help=text, epilog=EXAMPLE)
        one.add_argument("--reason", default="", metavar="TEXT", help="goes to page and journal")
        one.add_argument("--deployment", default="default", metavar="NAME")
        one.add_argument("--json", action="store_true", help="one JSON object")
        one.set_defaults(run=run, word=name)
    one = commands.add_parser(
        "drill",
        help="measure trigger to empty order list on the embedded venue",
        epilog="example: corelane sentinel drill --rounds 100 --scope all",
    )
    add_drill(one)
    one.set_defaults(run=run_drill)


def add_drill(parser: Any) -> None:
    parser.add_argument(
        "--rounds", type=int, default=50, metavar="N", help="trips (default: 50)"
    )
    parser.add_argument(
        "--orders", type=int, default=200, metavar="N", help="resting orders (default: 200)"
    )
    parser.add_argument(
        "--scope", choices=("all", "ours"), default="all", help="cancel_scope (default: all)"
    )
    parser.add_argument(
        "--mode",
        choices=("both", *sentinel_drill.MODES),
        default="both",
        help="live: everything runs; stopped: everything else is stopped (default: in turn)",
    )
    parser.add_argument(
        "--ms-max",
        type=float,
        default=TRIP_MS_MAX,
        metavar="MS",
        help="largest p99 for exit code 0 (default: 100)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")


def trip(deployment: str, reason: str) -> dict[str, Any]:
    """Ask the sentinel to act; the answer comes when the venue's list is empty, or late."""
    request = {"command": "trip", "reason": reason, "caused_ns": time.monotonic_ns()}
    return ask(door_path(deployment), request, 15.0, f"the sentinel of {deployment!r}")


def outcome_lines(said: dict[str, Any]) -> list[str]:
    """Say what a trip did, for people."""
    if not said.get("tripped") and not said.get("tripped_ns"):
        return ["sentinel  watching; it has not tripped"]
    head = "holds" if said["tripped"] else "watching; its last trip"
    out = [f"sentinel  {head}: {said['reason']}"]
    if said["confirmed_ns"]:
        took = (said["confirmed_ns"] - said["caused_ns"]) / 1e6
        out.append(
            f"  {said['cancelled']} orders cancelled; the venue's list was empty after"
            f" {took:.1f} ms ({said['rounds']} questions)"
        )
    else:
        out.append(f"  NOT EMPTY: {said['left']} orders open; {said['evidence']}")
    out.append("  positions are as they were: nothing was closed")
    return out


def run(arguments: argparse.Namespace) -> int:
    deployment, word = arguments.deployment, arguments.word
    try:
        if word == "trip":
            said = trip(deployment, arguments.reason)
        else:
            request = {"command": word, "reason": arguments.reason}
            said = ask(door_path(deployment), request, 15.0, f"the sentinel of {deployment!r}")
    except CommandError as error:
        print(f"corelane sentinel {word}: {error}", file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps(said))
    elif word == "release":
        print(f"sentinel  released ({said['released']}); lanes obey the other words that stand")
    else:
        print("\n".join(outcome_lines(said)))
    return 0 if word != "trip" or said["confirmed"] else 1


def run_drill(arguments: argparse.Namespace) -> int:
    modes = sentinel_drill.MODES if arguments.mode == "both" else (arguments.mode,)
    if arguments.rounds < 1 or not 2 <= arguments.orders <= 400:
        print(
            f"corelane sentinel drill: --rounds {arguments.rounds} --orders {arguments.orders};"
            " want 1 or more, and 2 to 400",
            file=sys.stderr,
        )
        return 2
    show = sys.stderr.isatty() and not arguments.json

    def each(found: dict[str, Any]) -> None:
        if show:
            print(
                f"\r{found['mode']:<8}{found['took_ms'] or 0:8.1f} ms ", end="", file=sys.stderr
            )

    with (
        tempfile.TemporaryDirectory(prefix="corelane-") as folder,
        tempfile.TemporaryFile("w+") as log,
    ):
        os.environ["XDG_STATE_HOME"] = folder
        try:
            found = sentinel_drill.drill(
                Path(folder),
                f"sdrill{os.getpid()}",
                log,
                rounds=arguments.rounds,
                orders=arguments.orders,
                scope=arguments.scope,
                modes=modes,
                each=each,
            )
        except (sentinel_drill.DrillFailed, CommandError, OSError) as error:
            print(f"corelane sentinel drill: {error}", file=sys.stderr)
            return 2
    found["ms_max"] = arguments.ms_max
    code, text = judge(found)
    print(json.dumps(found) if arguments.json else text)
    return code


def judge(found: dict[str, Any]) -> tuple[int, str]:
    """Return the exit code of a drill and what people are told of it."""
    slow = [mode for mode, ms in found["ms"].items() if ms["p99"] > found["ms_max"]]
    return (1 if found["faults"] or slow else 0), drill_text(found, slow)


def drill_text(found: dict[str, Any], slow: list[str]) -> str:
    lines = [
        f"sentinel drill  {found['rounds']} rounds  {found['orders']} resting orders"
        f"  cancel_scope {found['scope']}  sentinel {found['rss_bytes'] / 2**20:.1f} MB",
        "trigger to the venue's empty list, ms",
    ]
    for mode, ms in found["ms"].items():
        verdict = f"OVER {found['ms_max']:.0f}" if mode in slow else f"within {found['ms_max']:.0f}"
        lines.append(
            f"  {mode:<8} n={ms['count']:<4} p50 {ms['p50']:6.1f}  p99 {ms['p99']:6.1f}"
            f"  max {ms['max']:6.1f}  {verdict}"
            f"  (sentinel and venue: {ms['ran_ms']:.0f} on a core, {ms['queued_ms']:.0f} waiting"
            " for one)"
        )
    return "\n".join([*lines, *(f"  FAULT {text}" for text in found["faults"])])
