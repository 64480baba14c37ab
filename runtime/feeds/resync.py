"""Snapshots for books out of sequence: one per instrument at a time, within the venue's weight.

Owns:    the weight budget of a venue's public REST, the back-off and jitter of each instrument,
         what 429 and 418 ask for.  Randomness lives here and nowhere near a lane.
Refuses: knowing whether a book needs a snapshot (the lane asks), decoding, sockets.

A wish that comes while one of its instrument is served costs nothing.  The first of a series is
served at once; the next ones, because a snapshot was older than the stream or could not be had,
wait twice as long each time.  A series ends when no wish came for `quiet_ms`; a book that was in
sequence in between begins it again, with the first back-off.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

SPARE_PACE = 0.5  # slower than that, what can be done without is left out
LOOK_AGAIN_S = 0.5  # while nothing may be asked at all
NEARLY_USED_PERCENT = 90  # of the venue's own count: snapshots then wait for the next minute
REFUSED_S = 60.0  # where a refusal for weight does not say how long


class Refused(Exception):
    """The venue refuses for the weight used (429, 418) and says for how long, 0 if it does not."""

    def __init__(self, status: int, retry_after_s: float) -> None:
        super().__init__(f"status {status}, retry after {retry_after_s:g} s")
        self.status = status
        self.retry_after_s = retry_after_s


class Unanswered(Exception):
    """A snapshot could not be had; its text says why."""


class WeightBudget:
    """Weight that may be spent: refilled evenly, at most a tenth of a minute's saved up.

    One request too heavy for that is let through when the budget is full, and paid off after it.
    `pace` says which part of the rate may be spent now; 0 = nothing (runtime/session/governor.py).
    """

    def __init__(
        self,
        per_minute: int,
        limit: int,
        now: Callable[[], float],
        pace: Callable[[], float] = lambda: 1.0,
    ) -> None:
        self.rate = per_minute / 60
        self.limit = limit
        self.room = per_minute / 10
        self.left = self.room
        self.now = now
        self.pace = pace
        self.at = now()
        self.closed_until = 0.0

    def refill(self) -> float:
        now = self.now()
        self.left = min(self.room, self.left + (now - self.at) * self.rate * self.pace())
        self.at = now
        return now

    def wait_s(self, weight: int) -> float:
        """Return how long to wait before so much may be spent; 0 = it is spent now."""
        now = self.refill()
        closed = self.closed_until - now
        missing = min(weight, self.room) - self.left
        rate = self.rate * self.pace()
        if rate == 0:
            return max(closed, LOOK_AGAIN_S if self.rate else REFUSED_S)
        if closed > 0 or missing > 1e-9:
            return max(closed, missing / rate)
        self.left -= weight
        return 0.0

    def can_spare(self, weight: int, reserve: int) -> bool:
        """Spend so much at once if so much more is left for others; say whether it was spent."""
        now = self.refill()
        if self.pace() < SPARE_PACE or now < self.closed_until:
            return False
        if self.left < weight + min(reserve, self.room - weight):
            return False
        self.left -= weight
        return True

    def close(self, seconds: float) -> None:
        """Spend nothing for so long: the venue said so."""
        self.closed_until = max(self.closed_until, self.now() + seconds)

    def observe(self, used: int, second_of_minute: float) -> None:
        """Take the venue's own count of this minute: others may share the address."""
        if used * 100 >= self.limit * NEARLY_USED_PERCENT:
            self.close(60 - second_of_minute)


@dataclass
class Series:
    """Wishes of one instrument that followed one another."""

    attempts: int = 0
    synced: int = 0  # how often the book had reached its sequence when it was last served
    done_s: float = float("-inf")


@dataclass
class Counts:
    """What was done, for metrics."""

    wishes: int = 0
    repeated: int = 0  # wishes while one was served
    fetched: int = 0
    failed: int = 0
    refused: int = 0  # 429 and 418
    waited_s: float = 0.0


@dataclass
class Rules:
    """Figures of limits.toml, table resync."""

    first_ms: int
    back_off_ms_max: int
    jitter_percent: int
    quiet_ms: int
    parallel_max: int
    weight: int


Fetch = Callable[[int], Awaitable[bytes]]
Deliver = Callable[[int, bytes], bool]


@dataclass
class Resync:
    """Serves the wishes for snapshots of one venue.

    `fetch` raises Refused or Unanswered; `deliver` says whether there was room.
    """

    fetch: Fetch
    deliver: Deliver
    budget: WeightBudget
    rules: Rules
    rng: random.Random
    synced: Callable[[int], int] = lambda instrument: 0  # how often it reached its sequence
    say: Callable[[str], None] = lambda text: None
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    counts: Counts = field(default_factory=Counts)
    series: dict[int, Series] = field(default_factory=dict)
    working: dict[int, asyncio.Task[None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.parallel = asyncio.Semaphore(self.rules.parallel_max)

    def want(self, instrument: int) -> None:
        """Take a wish; it is served until it is delivered."""
        self.counts.wishes += 1
        if instrument in self.working:
            self.counts.repeated += 1
            return
        self.working[instrument] = asyncio.ensure_future(self.work(instrument))

    async def work(self, instrument: int) -> None:
        """Serve; a wish that comes when it has been delivered is a new one, at once."""
        try:
            await self.serve(instrument)
        except Exception as error:
            self.say(f"resync.failed instrument={instrument} error={error!r}")
        finally:
            self.working.pop(instrument, None)

    async def close(self) -> None:
        tasks = list(self.working.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def delay_s(self, series: Series) -> float:
        """Return how long the next attempt of a series waits."""
        rules = self.rules
        if series.attempts == 0:  # many books lost at once do not all ask at once
            return self.rng.uniform(0, rules.first_ms / 1000) if len(self.working) > 1 else 0.0
        doubled = rules.first_ms << min(series.attempts - 1, 32)
        spread = rules.jitter_percent / 100
        factor = self.rng.uniform(1 - spread, 1 + spread)
        return float(min(doubled, rules.back_off_ms_max) / 1000 * factor)

    async def wait(self, seconds: float) -> None:
        if seconds > 0:
            self.counts.waited_s += seconds
            await self.sleep(seconds)

    async def serve(self, instrument: int) -> None:
        """Fetch and deliver one snapshot, however long that takes."""
        series = self.series.setdefault(instrument, Series())
        if self.now() - series.done_s > self.rules.quiet_ms / 1000:
            series.attempts = 0
        elif self.synced(instrument) != series.synced:
            series.attempts = min(series.attempts, 1)
        series.synced = self.synced(instrument)
        delivered = False
        while not delivered:
            await self.wait(self.delay_s(series))
            series.attempts += 1
            async with self.parallel:
                while (wait_s := self.budget.wait_s(self.rules.weight)) > 0:
                    await self.wait(wait_s)
                delivered = await self.attempt(instrument)
        series.done_s = self.now()

    async def attempt(self, instrument: int) -> bool:
        try:
            body = await self.fetch(instrument)
        except Refused as error:
            self.counts.refused += 1
            self.budget.close(error.retry_after_s or REFUSED_S)
            self.say(f"resync.refused instrument={instrument} cause={error}")
            return False
        except Unanswered as error:
            self.counts.failed += 1
            self.say(f"resync.unanswered instrument={instrument} cause={error}")
            return False
        self.counts.fetched += 1
        if not self.deliver(instrument, body):
            self.say(f"mail.full kind=snapshot instrument={instrument} bytes={len(body)}")
            return False
        return True
