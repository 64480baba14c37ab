"""`corelane record`: capture a venue's public streams to files that `corelane replay` reads.

Owns:    options, the line a second, signals, exit codes.
Refuses: the recording itself (runtime/feeds/recorder.py).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path
from typing import Any

DESCRIPTION = """\
Record public streams: no key is needed and nothing is sent but subscriptions.

Files are zstd-compressed lines '<receive time ns> <raw message>', named by venue, symbols, start
and number.  A frame is written each second: a kill loses at most that second.  Book snapshots stand
in line in every file, after each gap and each reconnect, so that `corelane replay` of one file, or
of the folder, builds every book.

Exit code 0: recorded without a gap; 1: with gaps or lost connections (each is said); 2: could not
run, or nothing came."""
EPILOG = """\
examples: corelane record captures --symbols BTCUSDT,ETHUSDT --duration 60
          corelane record captures --venue okx --symbols BTC-USDT-SWAP --kinds depth,agg_trade
          corelane venue serve --port 9443 &  corelane record captures --venue http://127.0.0.1:9443
"""


def add(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "record",
        help="capture a feed to files",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="where the files go")
    parser.add_argument(
        "--venue",
        default="binance_usdm",
        metavar="V",
        help="a venue's name, or the address of `corelane venue serve` (default: binance_usdm)",
    )
    parser.add_argument("--symbols", default="BTCUSDT", metavar="A,B", help="(default: BTCUSDT)")
    parser.add_argument(
        "--kinds",
        default="",
        metavar="A,B",
        help="depth, book_ticker, trade, ... as the venue has them (default: all)",
    )
    parser.add_argument("--duration", type=float, metavar="S", help="stop after S seconds")
    parser.add_argument(
        "--rotate-mb", type=float, default=256, metavar="MB", help="next file (default: 256)"
    )
    parser.add_argument(
        "--rotate-s", type=float, default=3600, metavar="S", help="next file (default: 3600)"
    )
    parser.add_argument("--level", type=int, default=3, help="of compression (default: 3)")
    parser.add_argument(
        "--streams", metavar="URL", help="WebSocket address, instead of the venue's own"
    )
    parser.add_argument("--rest", metavar="URL", help="REST address, instead of the venue's own")
    parser.add_argument("--ca", metavar="FILE", help="trust this CA (a venue served with --tls)")
    parser.add_argument("--json", action="store_true", help="one JSON object a second")
    parser.set_defaults(run=run)


def line(status: dict[str, Any]) -> str:
    """Return one second's status as text."""
    gaps, snapshots = sum(status["gaps"].values()), sum(status["snapshots"].values())
    return (
        f"{status['elapsed_s']:6.0f}s  messages {status['messages']:>9,}  depth"
        f" {status['depth']:>7,}  {status['bytes'] / 1e6:8.1f} MB in"
        f" {status['written_bytes'] / 1e6:7.2f} MB  file {status['files']}  snapshots {snapshots}"
        f"  gaps {gaps}  reconnects {status['reconnects']}"
    )


async def serve(arguments: argparse.Namespace, wish: Any) -> int:
    import aiohttp

    from runtime.feeds.recorder import FeedRecorder

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
        recorder = FeedRecorder(wish, http)
        work = asyncio.ensure_future(recorder.run())
        asked = asyncio.ensure_future(stop.wait())
        try:
            end = None if arguments.duration is None else loop.time() + arguments.duration
            while not (stop.is_set() or work.done()):
                left = 1.0 if end is None else min(1.0, end - loop.time())
                if left <= 0:
                    break
                await asyncio.wait({work, asked}, timeout=left, return_when="FIRST_COMPLETED")
                tell(arguments, recorder, "record.status")
        finally:
            asked.cancel()
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
        status = tell(arguments, recorder, "record.end")
    if not status["messages"]:
        print("record: nothing came", file=sys.stderr)
        return 2
    return 1 if sum(status["gaps"].values()) or status["reconnects"] else 0


def tell(arguments: argparse.Namespace, recorder: Any, event: str) -> dict[str, Any]:
    status: dict[str, Any] = recorder.status()
    print(json.dumps({"event": event, **status}) if arguments.json else line(status), flush=True)
    while recorder.said:
        print(recorder.said.pop(0), file=sys.stderr, flush=True)
    return status


def run(arguments: argparse.Namespace) -> int:
    from runtime.feeds.limits import FeedLimitsError
    from runtime.feeds.recorder import RecordError, Wish

    wish = Wish(
        folder=arguments.folder,
        symbols=[s for s in arguments.symbols.split(",") if s],
        kinds=tuple(k for k in arguments.kinds.split(",") if k),
        rotate_bytes=int(arguments.rotate_mb * 1e6),
        rotate_s=arguments.rotate_s,
        level=arguments.level,
        ca=arguments.ca,
    )
    if "://" in arguments.venue:
        wish.rest = arguments.venue.rstrip("/")
        wish.streams = "ws" + wish.rest.removeprefix("http")
    else:
        wish.venue = arguments.venue
    wish.rest = (arguments.rest or wish.rest).rstrip("/")
    wish.streams = (arguments.streams or wish.streams).rstrip("/")
    try:
        return asyncio.run(serve(arguments, wish))
    except (RecordError, FeedLimitsError, OSError) as error:
        print(f"record: {error}", file=sys.stderr)
        return 2
