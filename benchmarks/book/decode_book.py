"""How long do decode and book take for a message of a capture, and does `corelane replay` say so?

Input:  the recorded binance_usdm/btcusdt_20240808 (CORELANE_DATA), lines in memory
Load:   as fast as it goes, in blocks of 256 KiB as `corelane replay` cuts them
Method: outside wall clock around the compiled run, (passes - 1 pass) / (passes - 1); beside it the
        mean that the replay reports by itself, and the share of reading and cutting lines
Needs:  one quiet core

    python -m benchmarks.book.decode_book [--passes 21]
"""

from __future__ import annotations

import argparse
import io
import lzma
import sys
import time

from benchmarks.decode.capture import BTCUSDT, path
from hotpath.lane.replay import Replay, Stop
from venues.binance.usdm.codec import Codec


def one_pass(text: bytes) -> tuple[int, int, Replay]:
    """Return nanoseconds in run() and in fill(), by the caller's clock, and the replay."""
    replay = Replay(Codec())
    replay.add("BTCUSDT", 1, 3)
    source = io.BytesIO(text)
    ran = filled = 0
    while not replay.ended:
        began = time.perf_counter_ns()
        replay.fill(source)
        middle = time.perf_counter_ns()
        while (stop := replay.run()) != Stop.NONE:
            if stop != Stop.SNAPSHOT or replay.snapshot(1)[0] != "event":
                raise SystemExit(f"line {replay.line}: unexpected stop {stop}")
        ran += time.perf_counter_ns() - middle
        filled += middle - began
    return ran, filled, replay


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--passes", type=int, default=21)
    arguments = parser.parse_args()
    if not path(BTCUSDT).exists():
        print(f"bench decode_book: no capture at {path(BTCUSDT)}", file=sys.stderr)
        return 2
    with lzma.open(path(BTCUSDT)) as source:
        text = source.read()
    passes = [one_pass(text) for _ in range(arguments.passes)][1:]
    messages = passes[0][2].facts["messages"]
    for name, pick in (("mean", lambda values: sum(values) / len(values)), ("least", min)):
        ran, filled = (pick([one[n] for one in passes]) / messages for n in (0, 1))
        said = pick([one[2].nanoseconds["mean"] for one in passes])
        print(
            f"decode_book {name:5}  n={messages:,} x {len(passes)}  {ran:6.1f} ns/message outside"
            f"  {said:6.1f} as reported  {filled:5.1f} read and cut"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
