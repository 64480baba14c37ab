"""`corelane venue serve`: the embedded venue alone, for your own tests.

Owns:    the sub-command and its help.
Refuses: the venue's options and their meaning (venues/simulator/options.py).
"""

from __future__ import annotations

import argparse


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare `venue serve`."""
    from venues.simulator.options import add_arguments

    venue = subparsers.add_parser("venue", help="the embedded venue")
    verbs = venue.add_subparsers(dest="verb", metavar="VERB", required=True)
    serve = verbs.add_parser(
        "serve",
        help="serve it alone, for your own tests",
        description="Serve the embedded venue on 127.0.0.1 until Ctrl-C: a matching engine, "
        "simulated participants, the Binance USD-M dialect.  Keys are made at start; the ready "
        "line says in which file they are.",
        epilog="example: corelane venue serve --port 9443 --tls --seed 7 --json",
    )
    add_arguments(serve)
    serve.set_defaults(run=run)
    serve.add_argument("--json", action="store_true", help="print the ready line as JSON")


def run(arguments: argparse.Namespace) -> int:
    from venues.simulator.__main__ import run as run_venue
    from venues.simulator.options import from_arguments

    return run_venue(from_arguments(arguments), arguments.json)
