"""Every recording three ways: verify.py of the data, a plain reading here, and our replay.

    python -m tests.replay.verified [FOLDER]        (make recordings)

Owns:    what a figure of verify.py is called in our result; a reading of each recording with json,
         exact numbers and the naive books, which gives the top after each event.
Refuses: sharing a line with either: verify.py is run as it lies beside the data.

Exit code 0: every figure is equal, there is no gap and no crossed book, and each top after each
applied event and each level at the end are those of the plain reading.
"""

from __future__ import annotations

import csv
import io
import json
import lzma
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.replay.replay import Run
from tests.book.naive import (
    Delta,
    NaiveBook,
    NaiveBybit,
    NaiveHyperliquid,
    NaiveOkx,
    NaiveSpotBook,
    NaiveStream,
)
from tests.replay.oracle import exact, levels

Json = dict[str, Any]
Step = tuple[str, Delta | tuple[int, list, list]]  # symbol, a delta or a snapshot
BAD = ("gap", "crossed", "crc_bad", "bbo_bad", "first_bad", "trade_id_jump")


# -- the plain reading -----------------------------------------------------------------------------


def messages(path: Path) -> Iterator[Json]:
    """Return what was received, whoever recorded it."""
    with lzma.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            if found := re.match(r"(?:\d+ |[\d.]+: )?(\{.*)", line):
                yield json.loads(found[1])


def side_file(path: Path) -> Iterator[Step]:
    """Return the snapshots that cryptofeed fetched."""
    side = path.with_name(re.sub(r"\.ws\.\d+", ".http.0", path.name))
    with lzma.open(side, "rt", encoding="utf-8") as file:
        for line in file:
            if found := re.match(r"\S*symbol=(\w+)&\S* -> [\d.]+: (.*)", line):
                body = json.loads(found[2])
                yield (
                    found[1],
                    (body["lastUpdateId"], levels(body["bids"]), levels(body["asks"])),
                )


def binance(path: Path) -> Iterator[Step]:
    if "cryptofeed" in path.name:
        yield from side_file(path)
    symbol = ""
    for m in messages(path):
        body = m.get("data", m)
        if body.get("e") == "depthUpdate":
            symbol = body["s"]
            sides = levels(body["b"]), levels(body["a"])
            yield symbol, Delta(body["U"], body["u"], body.get("pu", 0), *sides)
        elif "lastUpdateId" in m:
            yield symbol, (m["lastUpdateId"], levels(m["bids"]), levels(m["asks"]))


def okx(path: Path) -> Iterator[Step]:
    for m in messages(path):
        if m.get("arg", {}).get("channel") != "books" or "data" not in m:
            continue
        for row in m["data"]:
            sides = [[(exact(p), exact(s)) for p, s, *_ in row[k]] for k in ("bids", "asks")]
            ids = row.get("seqId", 0), row.get("prevSeqId", 0)
            is_snapshot = m["action"] == "snapshot"
            yield (
                m["arg"]["instId"],
                (ids[0], *sides) if is_snapshot else Delta(0, *ids, *sides),
            )


def bybit(path: Path) -> Iterator[Step]:
    for m in messages(path):
        d = m["data"]
        sides = levels(d["b"]), levels(d["a"])
        is_snapshot = m["type"] == "snapshot" or d["u"] == 1
        yield d["s"], (d["u"], *sides) if is_snapshot else Delta(0, d["u"], 0, *sides)


def hyperliquid(path: Path) -> Iterator[Step]:
    for m in messages(path):
        if m["channel"] == "l2Book":
            d = m["data"]
            sides = [[(exact(x["px"]), exact(x["sz"])) for x in side] for side in d["levels"]]
            yield d["coin"], (d["time"], *sides)


READERS: dict[str, tuple[Callable[[Path], Iterator[Step]], type[NaiveBook]]] = {
    "binance_usdm": (binance, NaiveBook),
    "binance_coinm": (binance, NaiveBook),
    "binance_spot": (binance, NaiveSpotBook),
    "okx": (okx, NaiveOkx),
    "bybit": (bybit, NaiveBybit),
    "hyperliquid": (hyperliquid, NaiveHyperliquid),
}


def plain(*paths: Path) -> dict[str, NaiveBook]:
    """Return the naive book of each symbol after all files."""
    reader, kind = READERS[paths[0].parent.name]
    books: dict[str, NaiveBook] = {}
    for path in paths:
        for symbol, step in reader(path):
            book = books.setdefault(symbol, kind())
            if isinstance(step, Delta):
                book.delta(step)
            elif book.snapshot(*step) != "DROPPED" and isinstance(book, NaiveStream):
                book.tops.append((0, book.last, *book.sides.best()))
    return books


# -- our replay ------------------------------------------------------------------------------------


@dataclass
class Replayed:
    """What `corelane replay --json --tops --book` writes, by symbol."""

    result: Json
    tops: dict[str, list[tuple[int, ...]]]
    levels: dict[tuple[str, str], dict[int, int]]


def replayed(*paths: Path) -> Replayed:
    run, tops, book = Run(paths), io.StringIO(), io.StringIO()
    run.run(tops)
    run.write_book(book)
    out = Replayed(run.result(), {}, {})
    for row in csv.DictReader(io.StringIO(tops.getvalue())):
        values = [row[c] for c in ("bid", "bid_size", "ask", "ask_size")]
        top = (int(row["update_id"]), *(exact(v) if v else None for v in values))
        out.tops.setdefault(row["symbol"], []).append(top)
    for row in csv.DictReader(io.StringIO(book.getvalue())):
        side = out.levels.setdefault((row["symbol"], row["side"]), {})
        side[exact(row["price"])] = exact(row["size"])
    return out


# -- figures ---------------------------------------------------------------------------------------

Figure = Callable[[Json], Any]
FIGURES: dict[str, Figure] = {
    "lines": lambda r: r["messages"],
    "depth": lambda r: r["events"]["depth"] - r["dropped"],
    "depth@100ms": lambda r: r["events"]["depth"],
    "dropped": lambda r: r["dropped"],
    "first_ok": lambda r: r["events"]["snapshot"],
    "symbols": lambda r: len(r["states"]),
    "bookTicker": lambda r: r["events"]["book_ticker"],
    "trade": lambda r: r["events"]["trade"],
    "aggTrade": lambda r: r["events"]["agg_trade"],
    "kline_1m": lambda r: r["unknown"],
    "bbo_ok": lambda r: r["ticker_agreement"]["compared"],
    "rest_snap": lambda r: r["events"]["snapshot"],
    # OKX
    "insts": lambda r: len(r["states"]),
    "tickers": lambda r: r["unknown"],
    "books": lambda r: r["events"]["depth"] + r["events"]["snapshot"],
    "snap": lambda r: r["events"]["snapshot"],
    "crc_ok": lambda r: r["checksums"]["held"],
    "trades": lambda r: r["events"]["trade"],
    # Bybit
    "levels": lambda r: "/".join(map(str, r["levels"]["XRPUSDT"])),
    "snapshot": lambda r: r["events"]["snapshot"],
    "delta": lambda r: r["events"]["depth"],
    # Hyperliquid
    "l2Book": lambda r: r["events"]["snapshot"],
    "trades messages": lambda r: r["messages"] - r["events"]["snapshot"],
}
NOT_OURS = {"span_s"}  # receive times are looked at by the recorder's reader alone


def rows_of(text: str) -> dict[str, dict[str, str]]:
    """Return verify.py's figures by file."""
    out = {}
    for line in text.splitlines():
        path, *pairs = line.split()
        if "/" in path:
            figures = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
            if "l2Book" in figures:
                figures["trades messages"] = figures.pop("trades")
            out[path] = figures
    return out


def differences(row: dict[str, str], result: Json) -> list[str]:
    """Return in words which of verify.py's figures is not ours."""
    out = [f"verify.py found {name}={row[name]}" for name in BAD if row.get(name, "0") != "0"]
    for name, said in row.items():
        if name not in BAD and name not in NOT_OURS and str(FIGURES[name](result)) != said:
            out.append(f"{name}: {said} by verify.py, {FIGURES[name](result)} by replay")
    for name in ("gaps", "crossed", "too_old", "lost", "fallbacks", "ambiguous_snapshots"):
        if result[name]:
            out.append(f"replay found {name}={result[name]}")
    agreement = result["ticker_agreement"]
    if agreement["compared"] != agreement["equal"] or result["checksums"]["bad"]:
        out.append(f"tickers {agreement}, checksums {result['checksums']}")
    return out


def book_differences(books: dict[str, NaiveBook], ours: Replayed) -> list[str]:
    """Return in words where tops and levels are not those of the plain reading."""
    out = []
    for symbol, book in books.items():
        want = [
            (last, *[value for side in best for value in (side[0] if side else (None, None))])
            for _, last, *best in book.tops
        ]
        found = ours.tops.get(symbol, [])
        if found != want:
            pairs = enumerate(zip(found, want, strict=False))
            at = next((n for n, (one, other) in pairs if one != other), "behind")
            out.append(f"{symbol}: {len(want)} tops, {len(found)} by replay, first other one {at}")
        if book.state != ours.result["states"][symbol]:
            out.append(f"{symbol}: {book.state}, by replay {ours.result['states'][symbol]}")
        if book.chained:
            sides = [ours.levels.get((symbol, side), {}) for side in ("bid", "ask")]
            if sides != [book.sides.bids, book.sides.asks]:
                out.append(f"{symbol}: other levels at the end")
    if books.keys() != ours.result["states"].keys():
        out.append(f"symbols {sorted(books)}, by replay {sorted(ours.result['states'])}")
    return out


def main(folder: Path) -> int:
    done = subprocess.run(
        [sys.executable, str(folder / "verify.py"), str(folder)], capture_output=True, text=True
    )
    rows = rows_of(done.stdout)
    is_good = done.returncode == 0 and bool(rows)
    if not rows:
        print(f"recordings: verify.py said nothing: {done.stderr[-500:]}", file=sys.stderr)
    for path, row in rows.items():
        ours = replayed(folder / path)
        books = plain(folder / path)
        found = differences(row, ours.result) + book_differences(books, ours)
        tops = sum(len(some) for some in ours.tops.values())
        equal = ours.result["ticker_agreement"]["equal"]
        sums = ours.result["checksums"]["held"]
        print(
            f"{path:52} {'equal' if not found else 'NOT EQUAL'}  {len(row)} figures"
            f"  tops {tops}  tickers {equal}  checksums {sums}  gaps {ours.result['gaps']}"
            f"  crossed {ours.result['crossed']}"
        )
        for text in found:
            print(f"    {text}")
        is_good = is_good and not found
    return 0 if is_good else 1


if __name__ == "__main__":
    from tests.replay.conftest import data_folder

    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else data_folder()))
