"""`corelane events`: what the lanes journal, as lines or as JSON.

Owns:    options, printing, exit codes (0 good, 2 could not run).
Refuses: reading journals (runtime/show/events.py), wording (runtime/show/event_text.py).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DESCRIPTION = """\
Show what the lanes of a running deployment, or of a RUN, have journaled.

Without --follow everything that the rings still hold is shown, then it ends; with --follow it goes
on from now (or from --since).  A reader that lags loses records and is told which: a hole.  The
lanes are never disturbed."""
EPILOG = "example: corelane events --kind order,fill,verdict --follow"
SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
UNITS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def add(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "events",
        help="show orders, fills, verdicts and everything else that lanes journal",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--deployment", default="default", metavar="NAME", help="whose lanes (default: default)"
    )
    parser.add_argument("--run", dest="directory", type=Path, metavar="DIR", help="read a RUN")
    parser.add_argument(
        "--kind",
        metavar="A,B",
        help="only these kinds; all: also frames, timers and requests (default: all but those)",
    )
    parser.add_argument("--follow", action="store_true", help="go on until Ctrl-C")
    parser.add_argument("--since", metavar="SPAN", help="not older than 500ms, 30s, 5m, 2h")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.set_defaults(run=run)


def span_ns(text: str) -> int:
    found = SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f"--since {text!r}: want a number and ms, s, m or h, such as 30s")
    return int(float(found[1]) * UNITS[found[2]])


def chosen(text: str | None) -> frozenset[str] | None:
    from runtime.show.events import USUAL

    if text is None:
        return USUAL
    return None if text == "all" else frozenset(text.split(","))


def source(arguments: argparse.Namespace, since_ns: int | None) -> Iterator[Any]:
    from runtime.show.events import Stream, read_run

    kinds = chosen(arguments.kind)
    if arguments.directory is not None:
        return read_run(arguments.directory, kinds)
    from_end = arguments.follow and since_ns is None
    stream = Stream(arguments.deployment, kinds, from_end)
    return iter(stream) if arguments.follow else stream.read()


def run(arguments: argparse.Namespace) -> int:
    from runtime.journal.recording import RecordingError
    from runtime.show.event_text import line
    from runtime.show.events import EventsError

    try:
        since_ns = None if arguments.since is None else span_ns(arguments.since)
        oldest = 0 if since_ns is None else time.time_ns() - since_ns
        for event in source(arguments, since_ns):
            if 0 < event.real_ns < oldest:
                continue
            shown = json.dumps(event.as_dict(), default=str) if arguments.json else line(event)
            print(shown, flush=arguments.follow)
    except (EventsError, RecordingError, ValueError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        print(f"events: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    return 0
