"""The cold half of a lane's market data: snapshots and polls for it, bounds and figures for it.

Owns:    which streams a lane is told to expect, within which bounds; turning the venue's refusals
         into what resync.py understands; the two rings of work beside a lane (resync, sources).
Refuses: deciding what a book needs (the lane), the supervisor's work (appliance.py).
"""

from __future__ import annotations

import asyncio
import random
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

import venues.binance.usdm.feed as usdm_feed
from runtime._shm import lib
from runtime.feeds.limits import KINDS, FeedLimits, load
from runtime.feeds.resync import REFUSED_S, Refused, Resync, Rules, Unanswered, WeightBudget
from runtime.feeds.sources import SparePoller, spare_mail
from runtime.pages.page import Mail, Page
from runtime.session.governor import Governor
from venues.binance.reference import scaled
from venues.binance.usdm.session import Session, VenueError

Answer = TypeVar("Answer")
RATE_STATUS = (418, 429)
LIMITS = Path(usdm_feed.__file__).with_name("limits.toml")


def limits() -> FeedLimits:
    """Return the venue's figures."""
    return load(LIMITS)


def lane_spec(symbols: dict[int, str], bounds: FeedLimits) -> dict[str, Any]:
    """Return what a lane process is told about its feeds."""
    numbers = {symbol: number for number, symbol in symbols.items()}
    return {
        "sanity": bounds.lane_sanity,
        "streams": [
            {
                "instrument": numbers[stream.symbol],
                "kind": KINDS[stream.kind],
                "socket": stream.socket,
                "bounds": bounds.stream(stream.kind),
                "renewal": stream.renewal,
            }
            for stream in usdm_feed.streams(list(symbols.values()))
        ],
    }


def missed_row(row: dict[str, Any], price_decimals: int, size_decimals: int) -> bytes:
    """Return one trade of the venue's list as a lane's mail carries it (hp_missed_t)."""
    return struct.pack(
        "<QQQqqqQ",
        row["a"],
        row["f"],
        row["l"],
        scaled(row["p"], price_decimals, "price of a trade"),
        scaled(row["q"], size_decimals, "size of a trade"),
        row["T"] * 1_000_000,
        row["m"],
    )


@dataclass
class Parts:
    """What the feeds of one lane work with."""

    session: Session
    symbols: dict[int, str]
    mail_in: Mail
    page: Page
    scales: dict[int, tuple[int, int]]  # decimals of price and size
    say: Callable[[str], None]
    governor: Governor
    seed: int | None = None  # of the jitter; None = the system's own


class Feeds:
    """Snapshots on demand for one lane, over one venue's REST."""

    def __init__(self, parts: Parts, bounds: FeedLimits) -> None:
        self.parts = parts
        self.bounds = bounds
        rest = bounds.rest
        share = rest["weight_per_minute"] * rest["feed_share_percent"] // 100
        self.budget = WeightBudget(
            share, rest["weight_per_minute"], time.monotonic, parts.governor.pace
        )
        self.resync = Resync(
            fetch=self.fetch,
            deliver=self.deliver,
            budget=self.budget,
            rules=Rules(**bounds.resync, weight=rest["snapshot_weight"]),
            rng=random.Random(parts.seed),
            synced=lambda n: parts.page.view.feeds[n].troubles[lib.HP_TROUBLE_SYNCED],
            say=parts.say,
        )

        self.spare = SparePoller(
            page=parts.page.view,
            instruments=list(parts.symbols),
            fetch=self.fetch_top,
            put=self.put_spare,
            resync=self.resync,
            rules=bounds.spare,
            weight=rest["spare_weight"],
        )
        self.polling = asyncio.ensure_future(self.spare.run())

    def want(self, instrument: int) -> None:
        """Take a lane's wish for a snapshot."""
        self.resync.want(instrument)

    async def fill(self, instrument: int) -> None:
        """Fetch the trades that the lane says its stream missed; it asks again if none come."""
        feed = self.parts.page.view.feeds[instrument]
        first, count = int(feed.missed_from), int(feed.missed_to - feed.missed_from)
        reserve = self.resync.rules.weight * max(1, len(self.resync.working))
        if count <= 0 or not self.budget.can_spare(self.bounds.rest["trades_weight"], reserve):
            return
        symbol, scales = self.parts.symbols[instrument], self.parts.scales[instrument]
        try:
            rows = await self.ask(
                lambda s: s.trades_from(symbol, first, min(count, lib.HP_MISSED_MAX))
            )
        except Refused as error:
            self.budget.close(error.retry_after_s or REFUSED_S)
            self.parts.say(f"feeds.trades_refused instrument={instrument} cause={error}")
        except Unanswered as error:
            self.parts.say(f"feeds.trades_unanswered instrument={instrument} cause={error}")
        else:
            missed = b"".join(missed_row(row, *scales) for row in rows)
            self.parts.mail_in.put(lib.HP_MAIL_MISSED, missed, instrument)

    async def close(self) -> None:
        self.polling.cancel()
        await asyncio.gather(self.polling, return_exceptions=True)
        await self.resync.close()

    async def fetch(self, instrument: int) -> bytes:
        levels = self.bounds.rest["snapshot_levels"]
        return await self.ask(lambda s: s.depth(self.parts.symbols[instrument], levels))

    async def fetch_top(self, instrument: int) -> bytes:
        levels = self.bounds.rest["spare_levels"]
        return await self.ask(lambda s: s.depth(self.parts.symbols[instrument], levels))

    def put_spare(self, instrument: int, body: bytes, asked_ns: int) -> bool:
        return self.parts.mail_in.put(lib.HP_MAIL_SPARE, spare_mail(body, asked_ns), instrument)

    async def ask(self, request: Callable[[Session], Awaitable[Answer]]) -> Answer:
        """Send one request of public REST; Refused or Unanswered says why there is no answer."""
        try:
            return await request(self.parts.session)
        except VenueError as error:
            if error.status in RATE_STATUS:
                raise Refused(error.status, error.retry_after_s) from error
            raise Unanswered(str(error)) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unanswered(repr(error)) from error

    def deliver(self, instrument: int, body: bytes) -> bool:
        padding = bytes(lib.HP_FRAME_PAD_BYTES)
        return self.parts.mail_in.put(lib.HP_MAIL_SNAPSHOT, body + padding, instrument)
