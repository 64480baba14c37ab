"""Corelane: text of the capture through decoder, book, strategy, gate and paper fills.

    python -m benchmarks.peers.ours CAPTURE [tickers]

Without `tickers` their lines are left out before, as a peer's converter leaves them out.
"""

import io
import lzma
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.peers.rounds import serve
from hotpath.lane.replay import Replay, Stop
from runtime.replay.paper import PaperRun
from strategies.demo.imbalance_native import ImbalanceNative
from venues.binance.usdm.codec import Codec


def play(text: bytes, with_strategy: bool) -> dict[str, Any]:
    replay = Replay(Codec())
    replay.add("BTCUSDT", 1, 3)
    paper = PaperRun(replay, {"BTCUSDT": (1, 3)}, ImbalanceNative()) if with_strategy else None
    source = io.BytesIO(text)
    began = time.perf_counter_ns()
    while not replay.ended:
        replay.fill(source)
        while (stop := replay.run()) != Stop.NONE:
            if stop != Stop.SNAPSHOT or replay.snapshot(1)[0] != "event":
                raise SystemExit(f"line {replay.line}: unexpected stop {stop}")
    spent = time.perf_counter_ns() - began
    ((bid, bid_lots),), ((ask, ask_lots),) = replay.books[0].levels(1)
    out = {
        "ns": spent,
        "messages": replay.facts["messages"],
        "applied": replay.books[0].counts["applied"],
        "top": [bid, bid_lots, ask, ask_lots],
    }
    if paper is not None:
        result = paper.result()
        out |= {key: result[key] for key in ("orders", "cancels", "fills", "callbacks")}
    return out


def main() -> None:
    text = lzma.decompress(Path(sys.argv[1]).read_bytes())
    if "tickers" not in sys.argv[2:]:
        lines = text.splitlines(keepends=True)
        text = b"".join(line for line in lines if b"@bookTicker" not in line[:64])
    about = {"what": "text, decoder, book, Cython demo strategy, gate, paper fills, journal off"}
    serve(about, lambda: {**play(text, True), "decode_book_ns": play(text, False)["ns"]})


if __name__ == "__main__":
    main()
