"""The spare source: REST polls of the top, handed to a lane; both sources compared.

Owns:    when an instrument is polled: quickly while its book is not in sequence, else now and then,
         to know how far the spare source may be trusted; the scores of both.
Refuses: choosing what a lane uses (hotpath/lane/spare.h does, by age), snapshots of whole books
         (resync.py goes first: a poll is left out rather than making one wait).

A poll counts as old as the moment at which it was asked for.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from runtime._shm import lib
from runtime.feeds.resync import REFUSED_S, Refused, Resync, Unanswered

LOOK_S = 0.02
OLDEST_MS = 1000  # of a poll, for people who look; a lane goes by its venue's limits.toml


@dataclass
class Quality:
    """What one source of an instrument is worth now."""

    source: str
    usable: bool
    age_ms: int
    score: int  # 0..100; 0 = not to be used


@dataclass
class SparePoller:
    """Polls for the instruments of one lane.  `fetch` raises Refused or Unanswered."""

    page: Any  # hp_lane_page_t
    instruments: list[int]
    fetch: Callable[[int], Awaitable[bytes]]
    put: Callable[[int, bytes, int], bool]
    resync: Resync
    rules: dict[str, int]  # limits.toml, table spare
    weight: int
    due_s: dict[int, float] = field(default_factory=dict)
    polls: int = 0
    left_out: int = 0  # for want of weight
    failed: int = 0

    async def run(self) -> None:
        tasks: dict[int, asyncio.Task[None]] = {}
        try:
            while True:
                for instrument in self.due(time.monotonic()):
                    task = tasks.get(instrument)
                    if task is None or task.done():
                        tasks[instrument] = asyncio.ensure_future(self.poll(instrument))
                await asyncio.sleep(LOOK_S)
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)

    def due(self, now_s: float) -> list[int]:
        """Return the instruments to be polled now, and note when they are due again."""
        out = []
        for instrument in self.instruments:
            is_good = self.page.tops[instrument].state == lib.HP_BOOK_SYNCED
            period_s = self.rules["slow_ms" if is_good else "fast_ms"] / 1000
            last_s = self.due_s.get(instrument)
            if last_s is None or now_s - last_s >= period_s:
                self.due_s[instrument] = now_s
                out.append(instrument)
        return out

    async def poll(self, instrument: int) -> None:
        budget = self.resync.budget
        reserve = self.resync.rules.weight * max(1, len(self.resync.working))
        if not budget.can_spare(self.weight, reserve):
            self.left_out += 1
            return
        asked_ns = time.monotonic_ns()
        try:
            body = await self.fetch(instrument)
        except Refused as error:
            self.failed += 1
            budget.close(error.retry_after_s or REFUSED_S)
            self.resync.say(f"spare.refused instrument={instrument} cause={error}")
        except Unanswered:
            self.failed += 1
        else:
            self.polls += 1
            self.put(instrument, body, asked_ns)


def spare_mail(body: bytes, asked_ns: int) -> bytes:
    """Return a poll as a lane's mail carries it."""
    return struct.pack("<Q", asked_ns) + body + bytes(lib.HP_FRAME_PAD_BYTES)


def qualities(
    feed: Any, is_synced: bool, now_ns: int, oldest_ms: int = OLDEST_MS
) -> list[Quality]:
    """Return the sources of an instrument, the best first; `feed` is its part of the lane page.

    PRIMARY is worth 100 less a point per 10 ms that its last event lagged, at least 51 while its
    book is in sequence; SECONDARY at most 50, less its age, times the share that agreed with the
    book.
    """
    last_ns = feed.last_ns[lib.HP_EVENT_DEPTH]
    age_ms = (now_ns - last_ns) // 1_000_000 if last_ns else -1
    score = max(51, 100 - int(feed.lag_ns // 10_000_000)) if is_synced else 0
    primary = Quality("PRIMARY", is_synced, age_ms, score)
    poll_ms = (now_ns - feed.spare_ns) // 1_000_000 if feed.spare_ns else -1
    is_young = 0 <= poll_ms <= oldest_ms
    agreed = feed.spare_equal / feed.spare_compared if feed.spare_compared else 1.0
    score = int(50 * agreed * (1 - poll_ms / (2 * oldest_ms))) if is_young else 0
    secondary = Quality("SECONDARY", score > 0, poll_ms, score)
    return sorted((primary, secondary), key=lambda one: -one.score)
