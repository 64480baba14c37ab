"""`corelane kill | freeze | resume | drain`: words to a running appliance, and whether it obeys.

Owns:    options, waiting for the effect, exit codes: 0 obeyed and done, 1 not yet, 2 could not ask.
Refuses: setting words itself: the supervisor's socket checks who asks, and logs it.

kill    cancel everything, nothing passes      freeze  cancel resting quotes, no new risk
resume  take kill and freeze back              drain   cancel ours, confirm, exit; positions stay
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from runtime.control_socket import CommandError, ask
from runtime.observer import Observer
from runtime.snapshot import Snapshot

HELP = {
    "kill": "cancel all orders and let nothing pass, until resume",
    "freeze": "cancel resting quotes and take no new risk, until resume",
    "resume": "take kill and freeze back",
    "drain": "cancel our orders, wait for the venue's word, exit; positions stay",
    "reload": "read the configuration file again; only its reloadable keys may have changed",
}
WAIT_SECONDS = {"kill": 5.0, "freeze": 5.0, "resume": 0.0, "drain": 20.0, "reload": 0.0}
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
        parser.add_argument("--json", action="store_true", help="one JSON object")
        parser.set_defaults(run=run, word=command)


def open_orders(found: Snapshot) -> int:
    return sum(one.counters["open_orders"] for one in found.lanes)


def is_done(command: str) -> Callable[[Snapshot], bool]:
    """Return what the pages show once a command has had its effect."""
    if command == "drain":
        return lambda found: not any(one.is_alive for one in found.lanes)
    if command in ("kill", "freeze"):
        return lambda found: open_orders(found) == 0
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


def reload_lines(answer: dict[str, Any]) -> list[str]:
    out = [f"  {problem}" for problem in answer["problems"]]
    out += [f"  {name} applied" for name in answer["applied"]]
    out += [f"  {name} needs a restart: not applied" for name in answer["refused"]]
    head = "reload  REFUSED, nothing applied" if answer["problems"] else "reload"
    return [head, *(out or ["  nothing has changed"])]


def run(arguments: argparse.Namespace) -> int:
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
    if arguments.json:
        print(json.dumps({**answer, "done": done, "open_orders": left}))
    else:
        print("\n".join(lines(arguments.word, answer, done, left)))
    return 0 if answer["obeyed"] and done else 1
