"""`corelane baseline-check` and `corelane baseline ...`: the host, looked at and changed.

Owns:    names, options and exit codes of these commands; asking before a change.
Refuses: knowing knobs or hosts (tuning/), and drawing tables (ops/baseline_text.py).

Exit codes: 0 good, 1 a critical knob is wrong (baseline-check) or a change failed, 2 could not run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from ops import baseline_change, baseline_look

EXAMPLES = """examples:
  corelane baseline-check
  corelane baseline-check --profile bare-metal --only irq --json
  corelane baseline-check --explain cpu.nohz_full
"""
VERBS_HELP = """examples:
  corelane baseline plan --drop-in /tmp
  sudo corelane baseline apply --only memory tcp
  sudo corelane baseline rollback
  corelane baseline capture host.tar.xz && corelane baseline-check --from host.tar.xz
"""


def add(subparsers: Any) -> None:
    """Register both commands."""
    look = subparsers.add_parser(
        "baseline-check",
        help="is this host fit to trade: every knob, score with coverage, remedies",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _choose(look)
    look.add_argument(
        "--explain", metavar="ID", help="what, why, cost, how to undo, source of one knob"
    )
    look.add_argument("--all", action="store_true", help="a row for what does not apply, too")
    look.set_defaults(run=_guarded(baseline_look.run_check))

    verbs = subparsers.add_parser(
        "baseline",
        help="plan, apply, roll back, watch, capture the host's settings",
        epilog=VERBS_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sub = verbs.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, help_text, function, extend in (
        (
            "plan",
            "say what apply would do, and print boot parameters",
            baseline_change.run_plan,
            _plan,
        ),
        ("apply", "make the host as the profile wants it", baseline_change.run_apply, _apply),
        (
            "confirm",
            "keep what was applied and may have cut the link",
            baseline_change.run_confirm,
            None,
        ),
        ("rollback", "put the originals back", baseline_change.run_rollback, _rollback),
        ("status", "what is applied, unfinished or unconfirmed", baseline_change.run_status, None),
        ("watch", "report drift while running", baseline_look.run_watch, _watch),
        ("capture", "record this host for a look elsewhere", baseline_look.run_capture, _capture),
        ("fingerprint", "what latency figures depend on", baseline_look.run_fingerprint, None),
    ):
        verb = sub.add_parser(name, help=help_text)
        _choose(verb)
        if extend:
            extend(verb)
        verb.set_defaults(run=_guarded(function))


def _choose(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--profile", metavar="P", help="bare-metal, cloud-vm, small-vm, dev, or a .toml file"
    )
    parser.add_argument(
        "--only", metavar="WORD", nargs="+", default=[], help="groups or ids of knobs"
    )
    parser.add_argument("--nic", metavar="DEV", action="append", default=[], help="trading card")
    parser.add_argument(
        "--pid", metavar="PID", type=int, action="append", default=[], help="a lane's process"
    )
    parser.add_argument("--from", dest="source", metavar="CAPTURE", help="look at a captured host")
    parser.add_argument("--state", metavar="DIR", help="where the journal of originals lies")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")


def _plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--drop-in", metavar="DIR", help="write the boot drop-in files to this folder"
    )
    parser.add_argument(
        "--force", action="store_true", help="plan over settings that others changed"
    )


def _apply(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--force", action="store_true", help="write over settings that others changed"
    )
    parser.add_argument(
        "--confirm-within",
        metavar="S",
        type=float,
        default=60.0,
        help="what may cut the link goes back after S seconds unless confirmed (default 60)",
    )


def _rollback(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--force", action="store_true", help="also over values that others wrote since"
    )


def _watch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--interval", metavar="S", type=float, default=30.0, help="seconds between polls"
    )
    parser.add_argument("--polls", metavar="N", type=int, default=0, help="end after N polls")


def _capture(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", help="a folder, or a file .tar, .tar.gz, .tar.xz")


def _guarded(function: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Turn what a user can mend into one line and exit code 2."""

    def run(arguments: argparse.Namespace) -> int:
        try:
            return function(arguments)
        except BrokenPipeError:
            raise
        except (ValueError, KeyError, RuntimeError, OSError) as error:
            text = error.args[0] if isinstance(error, KeyError) else error
            print(f"corelane: {text}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            return 0 if getattr(arguments, "verb", "") == "watch" else 2

    return run
