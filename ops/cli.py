"""The command `corelane`: one parser, one module per sub-command.

Owns:    names, help, exit codes (0 good, 1 not good, 2 could not run).
Refuses: doing the work itself; each sub-command lives in ops/<name>.py and offers
         add(subparsers) and run(arguments) -> int.
"""

from __future__ import annotations

import argparse
import importlib
import sys

# module in ops/: the words that it adds, in the order in which help lists them
COMMANDS = {
    "run": "run",
    "status": "status",
    "control": "kill freeze flatten resume drain reload",
    "limits": "limits",
    "signals": "signal",
    "pre_check": "pre-check",
    "sentinel": "sentinel",
    "record": "record",
    "events": "events",
    "ledger": "ledger",
    "checkpoint": "checkpoint",
    "replay": "replay",
    "baseline": "baseline-check baseline",
    "latency_profile": "latency-profile",
    "time": "time",
    "venue": "venue",
    "drill": "drill",
    "bench": "bench",
}


def parser(word: str | None = None) -> argparse.ArgumentParser:
    """Build the command-line parser: the whole, or of the module that adds `word`.

    All modules together take a second to import; whoever asks for one command waits for one.
    """
    top = argparse.ArgumentParser(
        prog="corelane",
        description="A low-latency trading appliance: tuned host, compiled lanes, order truth.",
        epilog="example: corelane run --duration 30",
    )
    subparsers = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    one = [name for name, words in COMMANDS.items() if word in words.split()]
    for name in one or COMMANDS:
        importlib.import_module(f"ops.{name}").add(subparsers)
    return top


def main(argv: list[str] | None = None) -> int:
    argv = sys.argv[1:] if argv is None else argv
    arguments = parser(argv[0] if argv else None).parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except BrokenPipeError:  # `corelane ... | head`
        sys.stderr.close()
        return 0
