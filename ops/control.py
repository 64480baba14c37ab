"""`corelane kill | freeze | flatten | resume | drain`: words to an appliance, and if it obeys.

Owns:    options, waiting for the effect, exit codes: 0 obeyed and done, 1 not yet, 2 could not ask.
Refuses: setting words itself: the supervisor's socket checks who asks, and logs it.

kill     cancel everything, nothing passes     freeze  cancel resting quotes, no new risk
flatten  cancel quotes, close every position by policy, then kill
resume   take kill, freeze and flatten back    drain   cancel ours, confirm, exit; positions stay
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from ops import sentinel
from runtime._shm import lib
from runtime.pages import names
from runtime.pages.figures import scaled
from runtime.show.observer import Observer
from runtime.show.snapshot import Flattened, Snapshot
from runtime.show.status import flattened
from runtime.supervise.control_socket import ask
from runtime.supervise.peer import CommandError

HELP = {
    "kill": "cancel all orders and let nothing pass, until resume",
    "freeze": "cancel resting quotes and take no new risk, until resume",
    "flatten": "cancel quotes and close every position by policy, then kill",
    "resume": "take kill, freeze and flatten back",
    "drain": "cancel our orders, wait for the venue's word, exit; positions stay",
    "reload": "read the configuration file again; only its reloadable keys may have changed",
}
WAIT_SECONDS = {
    "kill": 5.0,
    "freeze": 5.0,
    "flatten": 60.0,
    "resume": 0.0,
    "drain": 20.0,
    "reload": 0.0,
}
LOOK_SECONDS = 0.05


def add(subparsers: Any) -> None:
    for command, text in HELP.items():
        parser = subparsers.add_parser(
            command,
            help=text,
            description=__doc__,
            epilog=f'example: corelane {command} --reason "venue maintenance"',
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument("--reason", default="", metavar="TEXT", help="goes to log and page")
        parser.add_argument("--deployment", default="default", metavar="NAME")
        parser.add_argument(
            "--wait",
            type=float,
            default=WAIT_SECONDS[command],
            metavar="S",
            help=f"wait so long for the effect (default: {WAIT_SECONDS[command]:.0f})",
        )
        if command in ("kill", "resume"):
            parser.add_argument(
                "--sentinel",
                action="store_true",
                help="by the sentinel: works with every other process stopped or dead"
                if command == "kill"
                else "take the sentinel's own kill back",
            )
        parser.add_argument("--json", action="store_true", help="one JSON object")
        parser.set_defaults(run=run, word=command)


def open_orders(found: Snapshot) -> int:
    return sum(one.counters["open_orders"] for one in found.lanes)


def is_done(command: str) -> Callable[[Snapshot], bool]:
    """Return what the pages show once a command has had its effect."""
    if command == "drain":
        return lambda found: not any(one.is_alive for one in found.lanes)
    if command in ("kill", "freeze"):  # under a freeze an exit may rest: then it is not over yet
        return lambda found: open_orders(found) == 0
    if command == "flatten":
        over = (lib.HP_FLATTEN_CLOSED, lib.HP_FLATTEN_FAILED)
        return lambda found: all(
            one.flatten in over and one.words & lib.HP_WORD_KILL for one in found.lanes
        )
    return lambda found: True


def wait(deployment: str, command: str, seconds: float) -> tuple[bool, Snapshot]:
    """Look at the pages until the command has had its effect, or the time is over."""
    observer, done = Observer(deployment), is_done(command)
    until = time.monotonic() + seconds
    while True:
        found = observer.take()
        if done(found) or time.monotonic() > until:
            observer.close()
            return done(found), found
        time.sleep(LOOK_SECONDS)


def lines(command: str, answer: dict[str, Any], done: bool, left: int) -> list[str]:
    out = [f"{command}  {'obeyed' if answer['obeyed'] else 'NOT obeyed'}"]
    for one in answer["lanes"]:
        words = ", ".join(one["words"]) or "none"
        out.append(
            f"  {one['name']:<10}{'obeys' if one['obeyed'] else 'DOES NOT OBEY':<15}"
            f"{one['state']:<12}words {words}  last beat {one['heartbeat_age_ms']:.0f} ms ago"
        )
        if one["turns"] is not None:
            out[-1] += f", within {max(1, one['turns'])} turn of its loop"
        if not one["obeyed"]:
            out.append(
                f"  {'':<10}the word stays set: it acts as soon as the lane turns; "
                f"orders may still work at the venue (pid {one['pid']})"
            )
    if command == "drain":
        out.append("  the appliance has left" if done else "  the appliance is still there")
    elif command in ("kill", "freeze"):
        out.append(f"  {left} orders open")
    return out


def flatten_lines(found: Snapshot, done: bool) -> list[str]:
    """Say what was closed, what was not, and why; nothing is rounded up to a success."""
    out = []
    for lane in found.lanes:
        if not lane.flattens and lane.flatten == lib.HP_FLATTEN_CLOSED:
            out.append(f"  {lane.name}: held nothing")
        for row in lane.flattens:
            held = scaled(row.start_lots, row.size_decimals)
            left = scaled(row.left_lots, row.size_decimals)
            state = names.FLATTEN_STATES.get(row.state, str(row.state))
            out.append(
                f"  {row.symbol:<10}{row.position_side:<7}{state:<9}held {held}  left {left}"
                f"  {row.orders} orders"
            )
            if row.left_lots:
                out.append(f"  {'':<10}why: {why_left(row)}")
        if lane.flatten == lib.HP_FLATTEN_FAILED and not any(r.left_lots for r in lane.flattens):
            left_open = lane.counters["open_orders"]
            out.append(
                f"  {lane.name}: not sure: {left_open} orders open,"
                f" {lane.counters['unknown_now']} of them unknown"
            )
        for one in lane.instruments:
            if one.lots != one.venue_lots:
                out.append(
                    f"  {one.symbol}: the venue says {scaled(one.venue_lots, one.size_decimals)},"
                    f" the lane {scaled(one.lots, one.size_decimals)}"
                )
    if not done:
        out.append("  not over yet: it goes on; look again with corelane status")
    return out


def why_left(row: Flattened) -> str:
    if row.error:
        return f"the venue refused: {row.error}"
    if row.verdict:
        return f"the gate refused: {row.verdict}"
    if not row.orders:
        return "no order was allowed to leave (policy nothing, or the lane was not armed)"
    return f"{row.tries} orders in a row took nothing within the band, or the time was over"


def by_sentinel(arguments: argparse.Namespace) -> int:
    """Do it without the supervisor."""
    arguments.word = {"kill": "trip", "resume": "release"}[arguments.word]
    return sentinel.run(arguments)


def reload_lines(answer: dict[str, Any]) -> list[str]:
    out = [f"  {problem}" for problem in answer["problems"]]
    out += [f"  {name} applied" for name in answer["applied"]]
    out += [f"  {name} needs a restart: not applied" for name in answer["refused"]]
    head = "reload  REFUSED, nothing applied" if answer["problems"] else "reload"
    return [head, *(out or ["  nothing has changed"])]


def run(arguments: argparse.Namespace) -> int:
    if getattr(arguments, "sentinel", False):
        return by_sentinel(arguments)
    request = {"command": arguments.word, "reason": arguments.reason}
    try:
        answer = ask(arguments.deployment, request)
    except CommandError as error:
        print(f"corelane {arguments.word}: {error}", file=sys.stderr)
        return 2
    if arguments.word == "reload":
        print(json.dumps(answer) if arguments.json else "\n".join(reload_lines(answer)))
        return 1 if answer["refused"] or answer["problems"] else 0
    done, found = wait(arguments.deployment, arguments.word, arguments.wait)
    left = open_orders(found)
    rows = [flattened(row) for one in found.lanes for row in one.flattens]
    is_flat = arguments.word != "flatten" or all(
        one.flatten == lib.HP_FLATTEN_CLOSED for one in found.lanes
    )
    if arguments.json:
        more = {"flat": is_flat, "positions": rows} if arguments.word == "flatten" else {}
        print(json.dumps({**answer, "done": done, "open_orders": left, **more}))
    else:
        print("\n".join(lines(arguments.word, answer, done, left)))
        if arguments.word == "flatten":
            print("\n".join(flatten_lines(found, done)))
    return 0 if answer["obeyed"] and done and is_flat else 1
