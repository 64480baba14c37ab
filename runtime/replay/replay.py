"""Replay a capture: through decode and book as fast as it goes, and say what came of it.

Owns:    whose snapshot a snapshot is, finer scales, the CSV files, the result.
Refuses: files (capture.py), how a capture begins (replay/head.py), decoding and books (compiled),
         printing (ops/replay.py).

Whose a snapshot is that names no symbol: what our recorder wrote before it; else the only
instrument with a depth stream; of several the only one whose book is not in sequence.  Anything
else would be a guess: it is counted, not used.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from hotpath.book.book import State
from hotpath.lane.replay import Replay, Stop
from runtime.replay.capture import Capture, CaptureError, in_order
from runtime.replay.cryptofeed import adopt
from runtime.replay.head import begin

if TYPE_CHECKING:
    from runtime.replay.paper import PaperRun

LOOK_BYTES = 4096  # of each file, to see that it is a capture
BACKLOG = {"deltas_log2": 14, "level_max": 1 << 20}  # a recorder's snapshot may come late
BAD = (
    "refused",
    "finer",
    "malformed",
    "too_large",
    "type",
    "duplicate",
    "missing",
    "number",
    "levels",
)
EVENTS = ("depth", "book_ticker", "agg_trade", "trade", "mark_price", "snapshot")
COUNTS = ("gaps", "crossed", "resyncs", "dropped", "buffered", "too_old", "rescales")
CHECKSUMS = {"held": "checksums", "bad": "checksums_bad", "unjudged": "checksums_unjudged"}


def decimal_text(value: int, decimals: int) -> str:
    """Return a scaled integer as decimal text."""
    if decimals == 0:
        return str(value)
    whole, rest = divmod(abs(value), 10**decimals)
    return f"{'-' if value < 0 else ''}{whole}.{rest:0{decimals}d}"


def top_texts(
    bid: int, bid_lots: int, ask: int, ask_lots: int, price_decimals: int, size_decimals: int
) -> list[str]:
    """Return bid, size, ask, size as text, both empty for an empty side."""
    out = []
    for ticks, lots in ((bid, bid_lots), (ask, ask_lots)):
        out.append(decimal_text(ticks, price_decimals) if lots else "")
        out.append(decimal_text(lots, size_decimals) if lots else "")
    return out


class Run:
    """One replay of one or more files."""

    def __init__(self, paths: Iterable[Path], venue: str | None = None) -> None:
        self.captures: list[Capture] = []
        self.ambiguous = 0
        self.paper: PaperRun | None = None
        self.elapsed_s = 0.0
        self.began_s = time.monotonic()
        try:
            for path in in_order(paths):
                self.captures.append(Capture(path))
            heads = [(capture, capture.head(LOOK_BYTES)) for capture in self.captures]
            if not any(head.strip() for _, head in heads):
                names = ", ".join(str(capture.path) for capture in self.captures)
                broken = "; it breaks off" if any(c.broken for c in self.captures) else ""
                raise CaptureError(f"{names}: no message in it{broken}")
            self.captures = adopt(self.captures, {c.path: head for c, head in heads})
            first = next(c for c in self.captures if c.head(LOOK_BYTES).strip())
            self.beginning = begin(first, venue)
        except CaptureError:
            self.close()
            raise

    def close(self) -> None:
        for capture in self.captures:
            capture.close()

    def run(
        self,
        tops: TextIO | None = None,
        progress: Callable[[int, int], None] | None = None,
        strategy: Any = None,
    ) -> None:
        """Go through all files.  `progress` gets bytes of the files read, and of all.

        `strategy`: one instance, run on paper beside the books (runtime/replay/paper.py).
        """
        self.replay = Replay(
            self.beginning.dialect.codec(self.beginning.head), rows=tops is not None
        )
        self.symbols = list(self.beginning.scales)[:256]
        for symbol in self.symbols:
            scale = self.beginning.scales[symbol]
            self.replay.add(symbol, scale.price_decimals, scale.size_decimals, **BACKLOG)
        if strategy is not None:
            from runtime.replay.paper import PaperRun

            scales = {s: self.beginning.scales[s] for s in self.symbols}
            pairs = {s: (scale.price_decimals, scale.size_decimals) for s, scale in scales.items()}
            self.paper = PaperRun(self.replay, pairs, strategy)
        if tops is not None:
            tops.write("line,symbol,update_id,bid,bid_size,ask,ask_size\n")
        total = sum(capture.size for capture in self.captures)
        done = 0
        for capture in self.captures:
            self.replay.begin_source()
            while not self.replay.ended:
                self.replay.fill(capture)
                self.run_block()
                if tops is not None:
                    self.write_rows(tops)
                if progress is not None:
                    progress(done + capture.position, total)
            done += capture.size
            capture.close()
        self.elapsed_s = time.monotonic() - self.began_s

    def run_block(self) -> None:
        """Go through the lines in memory, deciding what the compiled part leaves open."""
        replay = self.replay
        while stop := replay.run():
            if stop == Stop.FINER:
                if not self.finer():
                    replay.skip("finer")
                continue
            owner = self.owner()
            if owner is None:
                self.ambiguous += 1
                replay.skip("unknown_symbol")
                continue
            status, _ = replay.snapshot(owner)
            if status == "finer" and self.finer():
                status, _ = replay.snapshot(owner)
            if status != "event":
                replay.skip(status)

    def finer(self) -> bool:
        """Take the finer scale that the message in question needs, if every value fits it."""
        instrument, price_decimals, size_decimals = self.replay.finer
        if self.paper is not None:
            symbol = self.symbols[instrument - 1]
            raise CaptureError(
                f"{symbol} has a value of {price_decimals} price and {size_decimals} size decimals"
                f" in line {self.replay.line}, finer than what came before; a strategy's positions"
                " cannot be rescaled: run it on a capture that starts with the finer snapshot"
            )
        scale = self.beginning.scales[self.symbols[instrument - 1]]
        if not scale.allows(price_decimals, size_decimals):
            return False
        return self.replay.rescale(instrument, price_decimals, size_decimals)

    def owner(self) -> int | None:
        """Return whose the snapshot in question is, None if that would be a guess."""
        if self.replay.owner:
            named = self.replay.owner
            return self.symbols.index(named) + 1 if named in self.symbols else None
        books = self.replay.books
        every = range(1, len(books) + 1)
        streams = [i for i in every if self.replay.market_facts(i)[0]] or list(every)
        if len(streams) > 1:
            chained = (State.SYNCED, State.STALE, State.CROSSED)
            streams = [i for i in streams if books[i - 1].state not in chained]
        return streams[0] if len(streams) == 1 else None

    def write_rows(self, tops: TextIO) -> None:
        for line, instrument, update_id, *top in self.replay.take_rows():
            texts = ",".join(top_texts(*top))
            tops.write(f"{line},{self.symbols[instrument - 1]},{update_id},{texts}\n")

    def write_book(self, to: TextIO) -> None:
        """Write every book's levels, best first."""
        to.write("symbol,side,price,size\n")
        for i, symbol in enumerate(self.symbols, 1):
            *_, price_decimals, size_decimals = self.replay.market_facts(i)
            book = self.replay.books[i - 1]
            for side, levels in zip(("bid", "ask"), book.held(sum(book.totals)), strict=True):
                for ticks, lots in levels:
                    price = decimal_text(ticks, price_decimals)
                    to.write(f"{symbol},{side},{price},{decimal_text(lots, size_decimals)}\n")

    def top(self, i: int) -> dict[str, Any]:
        book = self.replay.books[i - 1]
        texts = top_texts(
            book.bid_ticks,
            book.bid_lots,
            book.ask_ticks,
            book.ask_lots,
            *self.replay.market_facts(i)[3:],
        )
        names = ("bid", "bid_size", "ask", "ask_size")
        return {"update_id": book.update_id, **dict(zip(names, texts, strict=True))}

    def result(self) -> dict[str, Any]:
        """Return all that came of it, for --json."""
        replay = self.replay
        facts, events, status = replay.facts, replay.events, replay.status
        numbered = list(enumerate(self.symbols, 1))
        markets = {symbol: replay.market_facts(i) for i, symbol in numbered}
        books = {symbol: replay.books[i - 1] for i, symbol in numbered}
        counts = [book.counts for book in books.values()]
        total = {name: sum(count[name] for count in counts) for name in COUNTS}
        out = {
            "venue": self.beginning.venue,
            "files": [str(capture.path) for capture in self.captures],
            "messages": facts["messages"],
            "bytes": facts["bytes"],
            "events": {name: events[name] for name in EVENTS},
            "fallbacks": facts["fallbacks"],
            **total,
            "unknown": status["unknown_kind"] + status["unknown_symbol"],
            "unknown_symbols": replay.unknown,
            "control": status["control"],
            "blank": facts["blank"],
            "bad": {name: status[name] for name in BAD},
            "first_lines": replay.first_lines,
            "ambiguous_snapshots": self.ambiguous,
            "broken_files": {str(c.path): c.broken for c in self.captures if c.broken},
            "lost": sum(count["lost"] for count in counts),
            "forgotten": sum(count["forgotten"] for count in counts),
            "checksums": {
                name: sum(count[key] for count in counts) for name, key in CHECKSUMS.items()
            },
            "ticker_agreement": {
                "compared": sum(market[1] for market in markets.values()),
                "equal": sum(market[2] for market in markets.values()),
            },
            "states": {symbol: State(book.state).name for symbol, book in books.items()},
            "scales": {symbol: list(market[3:]) for symbol, market in markets.items()},
            "levels": {symbol: list(book.totals) for symbol, book in books.items()},
            "tops": {symbol: self.top(i) for i, symbol in numbered},
            "decode_book_ns": replay.nanoseconds,
            "elapsed_s": round(self.elapsed_s, 3),
        }
        if self.paper is not None:
            out["strategy"] = self.paper.result()
        out["problems"] = problems(out, {symbol for symbol, m in markets.items() if m[0]})
        return out


def problems(result: dict[str, Any], streams: set[str]) -> list[str]:
    """Return, in words, what is not as a good capture has it."""
    out = []
    for name, count in result["bad"].items():
        if count:
            out.append(f"bad messages: {count} {name}, first in line {result['first_lines'][name]}")
    if result.get("strategy", {}).get("error"):
        out.append(
            "the strategy was halted by an exception: "
            + result["strategy"]["error"].splitlines()[-1]
        )
    for name in ("gaps", "crossed", "ambiguous_snapshots", "lost", "forgotten"):
        if result[name]:
            out.append(f"{result[name]} {name.replace('_', ' ')}")
    agreement = result["ticker_agreement"]
    if agreement["compared"] != agreement["equal"]:
        out.append(f"tops equal to tickers only {agreement['equal']}/{agreement['compared']}")
    out += [f"{path} breaks off: {why}" for path, why in result["broken_files"].items()]
    for symbol in sorted(streams):
        if result["states"][symbol] != "SYNCED":
            out.append(f"{symbol} ends {result['states'][symbol]}")
    return out
