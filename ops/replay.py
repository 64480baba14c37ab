"""`corelane replay`: run a capture through decode and book, and say what came of it.

Owns:    options, progress bar, the printed table, exit codes.
Refuses: the replay itself (runtime/replay/replay.py).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

DESCRIPTION = """\
Run recorded messages through decode and book, as fast as it goes.

A capture is lines of '<receive time ns> <raw message>', plain or compressed (.gz, .xz, .zst), or a
recording of cryptofeed (its NAME.ws.* file; NAME.http.* and NAME.0 beside it are read with it).
Several files are one stream, and so is a folder of captures, by name; lines are counted from 1 and
on from one file to the next.  The venue is recognised from the messages.  Snapshots stand in line;
one that names no symbol belongs to whom our recorder says, else to the only instrument with a depth
stream, or of several to the only one whose book is not in sequence.  Scales come from a list
of instruments beside the capture, else from the first snapshot's significant decimals; a finer
value later rescales the book and is counted.

decode_book_ns: `mean` is wall clock around whole blocks of messages in decode and book, divided by
all messages; `p50`, `p99` and `p999` come from stamps on every 17th message, so that stamping does
not distort the mean.

A RUN (the folder of `corelane run --journal DIR`) is run again instead: its recorded inputs go
through the same compiled lane, and every record that comes out is compared with the recorded one,
byte for byte; time stamp counters are left out.  Recorded intents are fed to the gate; with
--strategy they must come out of the strategies again (of another one when it is named).  The first
difference is shown with the input before it.  --from-checkpoint leaves out the lives that had ended
before a checkpoint and counts from its record on.  A re-run of a lane begins where its life began:
a checkpoint holds what is true of money and orders, which a recovery takes up at once, and neither
books nor strategies' variables, which only their inputs make again.

Exit code 0: all as it should be; 1: bad messages, gaps, a crossed book, a book that does not end in
sequence, a file that breaks off (each is said); 2: could not run.  Messages of unknown kinds and
symbols are counted and change no exit code."""
EPILOG = """\
examples: corelane replay btcusdt.jsonl.xz --tops tops.csv --book book.csv
          corelane replay runs/today --strategy
          corelane replay runs/today --from-checkpoint"""


def add(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "replay",
        help="run a capture through decode and book",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        type=Path,
        help="capture files, or the folder of one RUN",
    )
    parser.add_argument("--venue", help="the venue, instead of recognising it")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--tops", metavar="CSV", type=Path, help="the top after each applied delta")
    parser.add_argument("--book", metavar="CSV", type=Path, help="the final book, best first")
    parser.add_argument(
        "--strategy",
        metavar="S",
        nargs="?",
        const="",
        help="run a strategy on it; of a RUN, without a name: the recorded ones",
    )
    parser.add_argument(
        "--from-checkpoint",
        metavar="N",
        nargs="?",
        const=0,
        type=int,
        help="of a RUN: count from this checkpoint on and leave out lives that had ended before it;"
        " without a number the newest good one",
    )
    parser.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help="a strategy parameter"
    )
    parser.set_defaults(run=run)


@contextlib.contextmanager
def progress_bar(shown: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Yield what moves a bar on standard error; None where nobody watches."""
    if not shown:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = ("replay", BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("replay", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def table(result: dict[str, Any]) -> str:
    """Return the result as text, within 100 columns."""
    ns = result["decode_book_ns"]
    agreement = result["ticker_agreement"]
    sums = result["checksums"]
    events = "  ".join(f"{name} {count:,}" for name, count in result["events"].items() if count)
    sequence = "  ".join(
        f"{name} {result[name]:,}"
        for name in ("gaps", "crossed", "resyncs", "dropped", "rescales", "fallbacks", "unknown")
    )
    rows = [
        f"replay  {result['venue']}  {result['messages']:,} messages"
        f"  {result['bytes'] / 1e6:,.1f} MB  {result['elapsed_s']:.2f} s",
        f"  events    {events}",
        f"  sequence  {sequence}",
        f"  tickers   {agreement['equal']:,} of {agreement['compared']:,} equal to the book's top"
        " at the same update id",
        *(
            [
                f"  checksums {sums['held']:,} hold  {sums['bad']:,} do not"
                f"  {sums['unjudged']:,} cannot be judged"
            ]
            if any(sums.values())
            else []
        ),
        f"  ns/message in decode and book: mean {ns['mean']:.1f}  p50 {ns['p50']:,}"
        f"  p99 {ns['p99']:,}  p99.9 {ns['p999']:,}",
        "",
        f"  {'symbol':14} {'state':9} {'bid':>14} {'size':>12} {'ask':>14} {'size':>12}  levels",
    ]
    for symbol, top in result["tops"].items():
        levels = "+".join(str(count) for count in result["levels"][symbol])
        rows.append(
            f"  {symbol[:14]:14} {result['states'][symbol]:9}"
            f" {top['bid']:>14} {top['bid_size']:>12}"
            f" {top['ask']:>14} {top['ask_size']:>12}  {levels}"
        )
    for symbol, count in list(result["unknown_symbols"].items())[:5]:
        rows.append(f"  unknown symbol {symbol[:40]!r}: {count:,} messages")
    rows += paper_rows(result["strategy"]) if "strategy" in result else []
    rows.append("")
    rows += [f"NOT GOOD  {problem}" for problem in result["problems"]] or ["good  nothing missing"]
    return "\n".join(rows)


def paper_rows(paper: dict[str, Any]) -> list[str]:
    """Return what a strategy did on paper, as text."""
    realised, fees = paper["realised_e8"] / 1e8, paper["fees_e8"] / 1e8
    verdicts = "  ".join(f"{name} {count:,}" for name, count in paper["verdicts"].items())
    return [
        "",
        f"  strategy {paper['class']} on paper: orders {paper['orders']:,}"
        f"  cancels {paper['cancels']:,}"
        f"  fills {paper['fills_buy']:,}+{paper['fills_sell']:,}  rejects {paper['rejects']:,}",
        f"  realised {realised:,.2f}  fees {fees:,.2f}  callback {paper['callback_ns']:,} ns",
        f"  verdicts  {verdicts}",
        *(f"  {symbol:14} holds {p['lots']:,} lots" for symbol, p in paper["positions"].items()),
    ]


def run(arguments: argparse.Namespace) -> int:
    from runtime.journal.recording import MANIFEST
    from runtime.replay.capture import CaptureError
    from runtime.replay.replay import Run

    if any((path / MANIFEST).exists() for path in arguments.files):
        from ops import rerun

        if len(arguments.files) > 1:
            print("replay: give one RUN at a time, and no captures beside it", file=sys.stderr)
            return 2
        number = arguments.from_checkpoint
        return rerun.run(arguments.files[0], arguments.strategy, arguments.json, number)
    if arguments.from_checkpoint is not None:
        print("corelane replay: --from-checkpoint is for a RUN, not for captures", file=sys.stderr)
        return 2
    strategy = None
    if arguments.strategy is not None:
        from runtime.lanes.spec import load_strategy

        try:
            pairs = dict(item.split("=", 1) for item in arguments.param)
            strategy = load_strategy(arguments.strategy)(**pairs)
        except (ValueError, ImportError) as error:
            print(f"replay: --strategy {arguments.strategy}: {error}", file=sys.stderr)
            return 2
    try:
        replay = Run(arguments.files, arguments.venue)
        with contextlib.ExitStack() as stack:
            opened = {
                name: stack.enter_context(path.open("w", encoding="utf-8", newline=""))
                for name in ("tops", "book")
                if (path := getattr(arguments, name)) is not None
            }
            with progress_bar(sys.stderr.isatty()) as progress:
                replay.run(opened.get("tops"), progress, strategy)
            if "book" in opened:
                replay.write_book(opened["book"])
    except CaptureError as error:
        print(f"replay: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"replay: {error.filename or 'output'}: {error.strerror}", file=sys.stderr)
        return 2
    result = replay.result()
    print(json.dumps(result) if arguments.json else table(result))
    return 1 if result["problems"] else 0
