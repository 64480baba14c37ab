"""The command `corelane`: one parser, one module per sub-command.

Owns:    names, help, exit codes (0 good, 1 not good, 2 could not run).
Refuses: doing the work itself; each sub-command lives in ops/<name>.py and offers
         add(subparsers) and run(arguments) -> int.
"""

from __future__ import annotations

import argparse
import importlib
import sys

# module names in ops/, in the order in which help lists them
COMMANDS = [
    "run",
    "status",
    "control",
    "limits",
    "signals",
    "sentinel",
    "record",
    "events",
    "ledger",
    "checkpoint",
    "replay",
    "baseline",
    "latency_profile",
    "time",
    "venue",
    "drill",
    "bench",
]


def parser() -> argparse.ArgumentParser:
    """Build the whole command-line parser."""
    top = argparse.ArgumentParser(
        prog="corelane",
        description="A low-latency trading appliance: tuned host, compiled lanes, order truth.",
        epilog="example: corelane run --duration 30",
    )
    subparsers = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        importlib.import_module(f"ops.{name}").add(subparsers)
    return top


def main(argv: list[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except BrokenPipeError:  # `corelane ... | head`
        sys.stderr.close()
        return 0
