"""The queries of a book as one would write them to be obviously right: sorted dicts, fractions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

INT64 = range(-(2**63), 2**63)
UNKNOWN = -1


def sixty_four(value: int) -> int:
    """Return the value, or 0 where 64 bits cannot hold it."""
    return value if value in INT64 else 0


@dataclass
class NaiveSide:
    """One side; sign is -1 for bids, so that the least price x sign is the best."""

    sign: int
    levels: dict[int, int] = field(default_factory=dict)
    since: dict[int, int] = field(default_factory=dict)
    end: int | None = None  # the first price of which nothing is known unless it is held
    kept: int = 0
    price_ns: int = 0
    size_ns: int = 0
    shown: tuple[int, int] | None = None  # the best level when the last event was done

    def best(self) -> tuple[int, int] | None:
        return min(self.levels.items(), key=lambda level: level[0] * self.sign, default=None)

    def apply(self, levels: list[tuple[int, int]], now_ns: int) -> None:
        self.put(levels, now_ns)
        before, self.shown = self.shown, self.best()
        if self.shown != before:
            self.size_ns = now_ns
            if self.shown is None or before is None or self.shown[0] != before[0]:
                self.price_ns = now_ns

    def put(self, levels: list[tuple[int, int]], now_ns: int) -> None:
        for ticks, lots in levels:
            self.levels.pop(ticks, None)
            if lots:
                self.levels[ticks] = lots
            self.since[ticks] = now_ns

    def beyond(self, ticks: int) -> bool:
        return self.end is not None and ticks * self.sign >= self.end * self.sign

    def walk(self) -> Iterator[tuple[int, int] | None]:
        """Yield known levels, best first; None where knowledge ends before the side does."""
        known = 0
        for level in sorted(self.levels.items(), key=lambda level: level[0] * self.sign):
            if self.beyond(level[0]) or (self.kept and known == self.kept):
                yield None
                return
            known += 1
            yield level
        if self.end is not None or (self.kept and known == self.kept):
            yield None

    def known_levels(self, count: int) -> list[tuple[int, int]]:
        return [level for level in self.walk() if level][:count]

    def knows(self, count: int) -> bool:
        for found, level in enumerate(self.walk()):
            if found == count or level is None:
                return found == count
        return True

    def lots_at(self, ticks: int) -> int:
        if ticks in self.levels:
            return self.levels[ticks]
        if self.beyond(ticks):
            return UNKNOWN
        if self.kept and len(self.levels) >= self.kept:
            last = sorted(self.levels, key=lambda t: t * self.sign)[self.kept - 1]
            return UNKNOWN if ticks * self.sign > last * self.sign else 0
        return 0

    def take(self, lots: int) -> tuple[int, int, int, bool, Fraction]:
        """Return (found, worst price, levels, known, mean price)."""
        found, worst, count, notional = 0, 0, 0, 0
        for level in self.walk():
            if found >= lots:
                break
            if level is None:
                return found, worst, count, False, Fraction(0)
            part = min(level[1], lots - found)
            found, worst, count = found + part, level[0], count + 1
            notional += part * level[0]
        return found, worst, count, True, Fraction(notional, found) if found else Fraction(0)

    def vwap_e4(self, lots: int) -> int:
        found, _, _, _, mean = self.take(lots)
        if found < lots or lots <= 0:
            return 0
        return sixty_four((ceil if self.sign > 0 else floor)(mean * 10_000))

    def is_blind(self) -> bool:
        best = self.best()
        return self.end is not None and (best is None or self.beyond(best[0]))


@dataclass
class NaiveDepth:
    bid: NaiveSide = field(default_factory=lambda: NaiveSide(-1))
    ask: NaiveSide = field(default_factory=lambda: NaiveSide(1))

    def snapshot(self, bids, asks, limit, kept, now_ns) -> None:
        """Replace; the touch is judged with the event that hooks."""
        limit = limit or max(len(bids), len(asks))
        for side, levels in ((self.bid, bids), (self.ask, asks)):
            side.levels, side.since = {}, {}
            side.put(levels, now_ns)
            side.kept, side.end = kept, None
            if levels and not kept and len(levels) >= limit:
                side.end = max(ticks * side.sign for ticks, _ in levels) * side.sign + side.sign

    def imbalance_bps(self, count: int) -> int:
        if not (self.bid.knows(count) and self.ask.knows(count)):
            return 5000
        bids, asks = (
            sum(lots for _, lots in side.known_levels(count)) for side in (self.bid, self.ask)
        )
        return 10_000 * bids // (bids + asks) if bids + asks else 5000

    def touch(self) -> tuple[tuple[int, int], tuple[int, int]] | None:
        bid, ask = self.bid.best(), self.ask.best()
        if bid is None or ask is None or self.bid.is_blind() or self.ask.is_blind():
            return None
        return bid, ask

    def mid_e4(self) -> int:
        touch = self.touch()
        return sixty_four((touch[0][0] + touch[1][0]) * 5000) if touch else 0

    def microprice_e4(self) -> int:
        touch = self.touch()
        if not touch:
            return 0
        (bid, bid_lots), (ask, ask_lots) = touch
        mean = Fraction(bid * ask_lots + ask * bid_lots, bid_lots + ask_lots)
        return sixty_four(floor(mean * 10_000))
