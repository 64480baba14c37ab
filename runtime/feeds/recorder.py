"""Record a venue's public streams: sockets, snapshots in line, files.

Owns:    the table of venues that can be recorded, connections and their coming back, when a
         snapshot is due so that a replay of each file can build every book.
Refuses: names and shapes of a venue (its feed.py), files (capture_writer.py), printing (ops).

A snapshot stands in line behind the first deltas of its book, in every file, after each gap and
each reconnect, behind a line of ours that says whose it is: {"snapshot":"BTCUSDT"}.  A venue that
sends snapshots over the socket needs no such line: its book is subscribed to anew instead.
A file that is due to end waits for books that lack a snapshot, up to twice its bounds.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import random
import ssl
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from runtime.feeds.limits import load
from runtime.feeds.resync import Refused, Resync, Rules, Unanswered, WeightBudget
from runtime.replay.capture_writer import CaptureWriter

# name -> the module that speaks of the venue's public streams; its limits.toml lies beside it
VENUES = {
    "binance_coinm": "venues.binance.coinm.feed",
    "binance_spot": "venues.binance.spot.feed",
    "binance_usdm": "venues.binance.usdm.feed",
    "bybit": "venues.bybit.feed",
    "hyperliquid": "venues.hyperliquid.feed",
    "okx": "venues.okx.feed",
}
BACK_OFF_S, BACK_OFF_S_MAX = 0.2, 30.0
SILENCE_S = 60.0  # of a whole socket: it is opened anew
RENEWAL_S = 10.0  # a snapshot that was subscribed to anew must have come
RATE_STATUS = (418, 429)


class RecordError(Exception):
    """Cannot record; the text names what was found and what to do."""


class PublicFeed(Protocol):
    """What a venue's feed module offers.

    Either snapshot_path and snapshot_id (a REST body), or IN_STREAM, renewals and snapshot_of.
    """

    REST: str
    STREAMS: str
    TAILS: dict[str, str]  # kinds of events that can be recorded

    def sockets(self, base: str, symbols: list[str], kinds: tuple[str, ...]) -> list[str]: ...
    def subscriptions(
        self, symbols: list[str], kinds: tuple[str, ...], socket: int
    ) -> list[str]: ...
    def snapshot_path(self, symbol: str, levels: int) -> str: ...
    def snapshot_id(self, body: bytes) -> int: ...
    def renewals(self, symbol: str) -> list[str]: ...  # texts, on the first socket
    def snapshot_of(self, raw: str) -> tuple[str, int] | None: ...
    def depth_of(self, raw: str) -> tuple[str, int, int, int] | None: ...


@dataclass
class Wish:
    """What is to be recorded, and where to."""

    folder: Path
    venue: str = "binance_usdm"
    rest: str = ""  # "" = the venue's own
    streams: str = ""
    symbols: list[str] = field(default_factory=lambda: ["BTCUSDT"])
    kinds: tuple[str, ...] = ()  # () = all
    rotate_bytes: int = 256 << 20
    rotate_s: float = 3600.0
    flush_s: float = 1.0  # what a kill may lose
    level: int = 3
    ca: str | None = None


@dataclass
class Book:
    """What the recorder knows of one book: enough to see a gap and a snapshot that is too old."""

    last_id: int = 0
    oldest_id: int = 0  # first id of the first delta that a snapshot must reach; 0 = none came
    snapshot_id: int = 0  # of the snapshot that reaches it; 0 = none came
    is_whole: bool = False  # a snapshot stands there, and a delta that goes on from it
    snapshots: int = 0
    gaps: int = 0

    def begin(self) -> None:
        """What was said so far builds no book any more: a snapshot is wanted."""
        self.oldest_id = self.snapshot_id = 0
        self.is_whole = False

    def reach(self, last_id: int) -> None:
        """The stream came as far as this."""
        self.last_id = last_id
        self.is_whole = self.is_whole or 0 < self.snapshot_id < last_id


class FeedRecorder:
    """One recording.  `await run()` until cancelled; `status()` says how it goes."""

    def __init__(self, wish: Wish, http: aiohttp.ClientSession) -> None:
        if wish.venue not in VENUES:
            known = ", ".join(VENUES)
            raise RecordError(f"venue {wish.venue!r} cannot be recorded; want one of: {known}")
        module: Any = importlib.import_module(VENUES[wish.venue])
        self.feed: PublicFeed = module
        self.is_in_stream: bool = getattr(module, "IN_STREAM", False)
        self.ping: tuple[str, float] | None = getattr(module, "PING", None)
        self.sockets: dict[int, aiohttp.ClientWebSocketResponse] = {}
        self.wish = wish
        self.http = http
        self.kinds = wish.kinds or tuple(self.feed.TAILS)
        unknown = [kind for kind in self.kinds if kind not in self.feed.TAILS]
        if unknown or not wish.symbols:
            raise RecordError(
                f"kinds {', '.join(unknown) or 'none'}, symbols {', '.join(wish.symbols) or 'none'}"
                f"; want kinds of {', '.join(self.feed.TAILS)} and at least one symbol"
            )
        bounds = load(Path(module.__file__).with_name("limits.toml"))
        rest = bounds.rest
        share = rest["weight_per_minute"] * rest["feed_share_percent"] // 100
        self.levels = rest["snapshot_levels"]
        self.budget = WeightBudget(share, rest["weight_per_minute"], time.monotonic)
        rules = Rules(**bounds.resync, weight=rest["snapshot_weight"])
        self.said: list[str] = []
        self.resync = Resync(
            self.renew if self.is_in_stream else self.fetch,
            self.deliver,
            self.budget,
            rules,
            random.Random(),
            synced=lambda n: self.books[wish.symbols[n]].snapshots,
            say=self.said.append,
        )
        self.books = {symbol: Book() for symbol in wish.symbols}
        self.counts: Counter[str] = Counter()
        self.reconnects = 0
        self.began_s = time.monotonic()
        stem = f"{wish.venue}-{'-'.join(s.lower() for s in wish.symbols[:4])}"
        self.writer = CaptureWriter(wish.folder, stem, wish.rotate_bytes, wish.rotate_s, wish.level)

    async def run(self) -> None:
        """Record until cancelled; everything received is on its way to the disk afterwards."""
        urls = self.feed.sockets(
            self.wish.streams or self.feed.STREAMS, self.wish.symbols, self.kinds
        )
        tasks = [asyncio.ensure_future(self.keep(number, url)) for number, url in enumerate(urls)]
        try:
            while True:
                await asyncio.sleep(self.wish.flush_s)
                self.writer.flush()
                if self.writer.is_full(2 if self.awaiting else 1):
                    self.writer.rotate()
                    for book in self.books.values():  # each file can be replayed by itself
                        book.begin()
                for task in tasks:
                    if task.done():
                        task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.resync.close()
            self.writer.close()

    async def keep(self, number: int, url: str) -> None:
        """Hold one socket open: read it, and come back when it ends."""
        delay_s = BACK_OFF_S
        while True:
            try:
                async with self.http.ws_connect(
                    url, max_msg_size=0, heartbeat=SILENCE_S, ssl=context(self.wish.ca)
                ) as ws:
                    for text in self.feed.subscriptions(self.wish.symbols, self.kinds, number):
                        await ws.send_str(text)
                    self.sockets[number] = ws
                    pings = asyncio.ensure_future(self.keep_alive(ws))
                    try:
                        delay_s = await self.read(ws, delay_s)
                    finally:
                        pings.cancel()
                        del self.sockets[number]
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                self.said.append(f"record.connect_error socket={number} error={error!r}")
            self.reconnects += 1
            for book in self.books.values():  # what was missed cannot be told from here
                book.begin()
                book.last_id = 0
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, BACK_OFF_S_MAX)

    async def keep_alive(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        """Say what a venue wants to hear that closes connections which say nothing."""
        with contextlib.suppress(ConnectionError):  # read() sees that it is gone
            while self.ping is not None:
                await asyncio.sleep(self.ping[1])
                await ws.send_str(self.ping[0])

    async def read(self, ws: aiohttp.ClientWebSocketResponse, delay_s: float) -> float:
        """Take messages until the socket ends; return the next back-off."""
        while True:
            message = await ws.receive(SILENCE_S)
            if message.type is not aiohttp.WSMsgType.TEXT:
                return delay_s
            delay_s = BACK_OFF_S
            self.take(time.time_ns(), message.data)

    def take(self, recv_ns: int, raw: str) -> None:
        """Write one message; look at its sequence if it is a book's."""
        self.writer.line(recv_ns, raw.encode())
        self.counts["messages"] += 1
        if self.is_in_stream and (snapshot := self.feed.snapshot_of(raw)) is not None:
            self.snapshot(*snapshot)
            return
        depth = self.feed.depth_of(raw)
        if depth is None:
            return
        symbol, first_id, last_id, previous_id = depth
        book = self.books.get(symbol)
        if book is None:
            return
        self.counts["depth"] += 1
        if book.last_id and previous_id != book.last_id:
            book.gaps += 1
            book.begin()
        book.reach(last_id)
        if book.oldest_id == 0:
            book.oldest_id = first_id or 1
            self.resync.want(self.wish.symbols.index(symbol))

    def snapshot(self, symbol: str, last_id: int) -> None:
        """Take note of a snapshot that came over the socket: it is the book from now on."""
        book = self.books.get(symbol)
        if book is not None:
            self.counts["depth"] += 1
            book.last_id = last_id
            book.oldest_id = last_id or 1
            book.is_whole = True
            book.snapshots += 1

    async def renew(self, instrument: int) -> bytes:
        """Subscribe to a book anew and see its snapshot come; take() has written it."""
        symbol, ws = self.wish.symbols[instrument], self.sockets.get(0)
        book = self.books[symbol]
        before = book.snapshots
        end = time.monotonic() + RENEWAL_S
        if book.is_whole:  # it came while this wish waited for its turn
            return b""
        try:
            if ws is not None:
                for text in self.feed.renewals(symbol):
                    await ws.send_str(text)
        except ConnectionError as error:
            raise Unanswered(repr(error)) from error
        while book.snapshots == before:
            if time.monotonic() > end:
                raise Unanswered(f"{symbol}: no snapshot within {RENEWAL_S:g} s")
            await asyncio.sleep(0.02)
        if not book.is_whole:
            raise Unanswered(f"{symbol}: a gap right behind the snapshot")
        return b""

    async def fetch(self, instrument: int) -> bytes:
        symbol = self.wish.symbols[instrument]
        url = (self.wish.rest or self.feed.REST) + self.feed.snapshot_path(symbol, self.levels)
        try:
            async with self.http.get(url, ssl=context(self.wish.ca)) as answer:
                body = await answer.read()
                if answer.status in RATE_STATUS:
                    after = answer.headers.get("Retry-After", "")
                    raise Refused(answer.status, float(after) if after.isdigit() else 0.0)
                if answer.status != 200:
                    raise Unanswered(f"{url} answered {answer.status}: {body[:120]!r}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unanswered(repr(error)) from error
        if not 0 < self.books[symbol].oldest_id <= self.feed.snapshot_id(body):
            raise Unanswered(f"{symbol}: the snapshot is older than the stream")
        return body

    def deliver(self, instrument: int, body: bytes) -> bool:
        if self.is_in_stream:
            return True
        symbol, now_ns = self.wish.symbols[instrument], time.time_ns()
        self.writer.line(now_ns, f'{{"snapshot":"{symbol}"}}'.encode())
        self.writer.line(now_ns, body)
        book = self.books[symbol]
        book.snapshots += 1
        book.snapshot_id = self.feed.snapshot_id(body)
        book.reach(book.last_id)
        return True

    @property
    def awaiting(self) -> list[str]:
        """Books of which this file has deltas, and no snapshot yet that they go on from."""
        return [s for s, book in self.books.items() if book.oldest_id and not book.is_whole]

    def status(self) -> dict[str, Any]:
        """Return how the recording goes."""
        return {
            "elapsed_s": round(time.monotonic() - self.began_s, 1),
            "venue": self.wish.venue,
            "messages": self.counts["messages"],
            "depth": self.counts["depth"],
            "open_sockets": len(self.sockets),
            "reconnects": self.reconnects,
            "bytes": self.writer.raw_bytes + self.writer.pending_bytes,
            "written_bytes": self.writer.written_bytes,
            "file": str(self.writer.files[-1]),
            "files": len(self.writer.files),
            "gaps": {symbol: book.gaps for symbol, book in self.books.items()},
            "snapshots": {symbol: book.snapshots for symbol, book in self.books.items()},
            "awaiting": self.awaiting,
        }


def context(ca: str | None) -> ssl.SSLContext | bool:
    return ssl.create_default_context(cafile=ca) if ca else True
