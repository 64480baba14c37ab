"""`python -m venues.simulator`: serve one venue until SIGTERM, SIGINT or the end of stdin.

Owns:    the process: core, loop, signals, the ready line on standard output.
Refuses: options' meaning (options.py).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

import uvloop

from venues.simulator.options import ServeOptions, add_arguments, from_arguments
from venues.simulator.server import Server


async def serve(options: ServeOptions, directory: Path, as_json: bool) -> int:
    """Serve until told to stop; 0 when that went well."""
    server = Server(options, directory)
    await server.start()
    loop, stop = asyncio.get_running_loop(), server.control.failed
    asked: list[str] = []

    def ask(why: str) -> None:
        asked.append(why)
        stop.set()

    loop.add_signal_handler(signal.SIGTERM, ask, "SIGTERM")
    if options.exit_with_stdin:  # Ctrl-C reaches the whole group: the parent drains first
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    else:
        loop.add_signal_handler(signal.SIGINT, ask, "SIGINT")
    if options.exit_with_stdin:
        loop.add_reader(sys.stdin.fileno(), _stdin_ended, ask)
    print(ready_line(server, as_json), flush=True)
    await stop.wait()
    if options.exit_with_stdin:
        loop.remove_reader(sys.stdin.fileno())
    await server.stop()
    return 0 if asked else 1


def _stdin_ended(ask: object) -> None:
    if not os.read(sys.stdin.fileno(), 4_096):
        assert callable(ask)
        ask("stdin ended")


def ready_line(server: Server, as_json: bool) -> str:
    """One line that says where the venue is and where its keys lie."""
    facts = {"event": "venue.ready", "pid": os.getpid(), **server.addresses()}
    if as_json:
        return json.dumps(facts)
    words = [f"{name}={value}" for name, value in facts.items() if value is not None]
    return " ".join(words).removeprefix("event=")


def run(options: ServeOptions, as_json: bool) -> int:
    """Pin, choose the directory, run the loop; 2 when the options make no sense."""
    problems = options.problems()
    if problems:
        for problem in problems:
            print(f"venue: {problem}", file=sys.stderr)
        return 2
    if options.core >= 0:
        os.sched_setaffinity(0, {options.core})
    with tempfile.TemporaryDirectory(prefix="corelane-venue-") as private:
        directory = Path(options.directory or private)
        try:
            return uvloop.run(serve(options, directory, as_json))
        except OSError as error:
            print(f"venue: cannot serve on 127.0.0.1:{options.port}: {error}", file=sys.stderr)
            return 2


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m venues.simulator", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the ready line as JSON")
    arguments = parser.parse_args(argv)
    return run(from_arguments(arguments), arguments.json)


if __name__ == "__main__":
    sys.exit(main())
