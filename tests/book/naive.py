"""The book and its sequencer as one would write them to be obviously right: dicts and lists."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

Levels = list[tuple[int, int]]
CROSSED_EVENTS_MAX = 16


@dataclass
class NaiveSides:
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)

    def apply(self, bids: Levels, asks: Levels) -> None:
        for side, levels in ((self.bids, bids), (self.asks, asks)):
            for ticks, lots in levels:
                side.pop(ticks, None)
                if lots:
                    side[ticks] = lots

    def replace(self, bids: Levels, asks: Levels) -> None:
        self.bids.clear()
        self.asks.clear()
        self.apply(bids, asks)

    def levels(self, count: int) -> tuple[Levels, Levels]:
        return (
            sorted(self.bids.items(), reverse=True)[:count],
            sorted(self.asks.items())[:count],
        )

    def best(self) -> tuple[Levels, Levels]:
        bid, ask = max(self.bids, default=None), min(self.asks, default=None)
        return (
            [] if bid is None else [(bid, self.bids[bid])],
            [] if ask is None else [(ask, self.asks[ask])],
        )

    def crossed(self) -> bool:
        bid, ask = self.best()
        return bool(bid and ask) and bid[0][0] >= ask[0][0]

    def imbalance_bps(self, count: int) -> int:
        bids, asks = (sum(lots for _, lots in side) for side in self.levels(count))
        return 10000 * bids // (bids + asks) if bids + asks else 5000


@dataclass
class Delta:
    first: int
    last: int
    prev: int
    bids: Levels
    asks: Levels
    tag: int = 0
    applied: bool = False


@dataclass
class NaiveBook:
    """The sequencer, with the rule of Binance futures; other venues' rules are derived from it."""

    sides: NaiveSides = field(default_factory=NaiveSides)
    state: str = "EMPTY"
    last: int = 0
    aside: NaiveSides | None = None  # a snapshot that is not shown yet
    aside_last: int = 0
    hooked: bool = False
    wanted: bool = False
    needs: int = 0
    kept: list[Delta] = field(default_factory=list)
    crossed_run: int = 0
    tops: list[tuple[int, int, Levels, Levels]] = field(
        default_factory=list
    )  # tag, id, best levels
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ["applied", "dropped", "gaps", "crossed", "snapshots", "resyncs", "too_old"], 0
        )
    )

    @property
    def chained(self) -> bool:
        return self.state in ("SYNCED", "STALE", "CROSSED")

    def want(self) -> None:
        if not self.wanted and self.aside is None:
            self.wanted = True
            self.needs += 1

    def note(self, sides: NaiveSides, delta: Delta) -> str:
        """Count one applied delta and say what the sides show."""
        self.counts["applied"] += not delta.applied
        self.counts["crossed"] += sides.crossed() and not delta.applied
        if not delta.applied:
            self.tops.append((delta.tag, delta.last, *sides.best()))
        return "CROSSED" if sides.crossed() else "OK"

    def judge(self) -> None:
        self.state = "CROSSED" if self.sides.crossed() else "SYNCED"
        self.crossed_run = self.crossed_run + 1 if self.sides.crossed() else 0
        if self.crossed_run >= CROSSED_EVENTS_MAX:
            self.want()

    def advance(self, delta: Delta) -> str:
        self.sides.apply(delta.bids, delta.asks)
        self.last = delta.last
        self.judge()
        return self.note(self.sides, delta)

    def swap(self) -> None:
        assert self.aside is not None
        self.sides, self.aside = self.aside, None
        self.crossed_run = 0
        self.judge()

    def hook(self, delta: Delta, is_last: bool) -> str:
        assert self.aside is not None
        self.aside.apply(delta.bids, delta.asks)
        self.aside_last = delta.last
        self.hooked = True
        answer = self.note(self.aside, delta)
        if is_last:
            self.last = delta.last
            self.swap()
        return answer

    def gap(self) -> str:
        self.state = "GAPPED"
        self.aside = None
        self.crossed_run = 0
        self.counts["gaps"] += 1
        self.want()
        return "GAP"

    def old(self, delta: Delta, last: int) -> bool:
        """Drop u < L."""
        return delta.last < last

    def hooks(self, delta: Delta, last: int) -> bool:
        """First U <= L <= u."""
        return delta.first <= last

    def follows(self, delta: Delta, last: int) -> bool:
        """Then pu == previous u."""
        return delta.prev == last and delta.last > last

    def place(self, delta: Delta) -> str:
        """Where a delta stands to the snapshot aside."""
        if self.hooked:
            return "NEXT" if self.follows(delta, self.aside_last) else "GAP"
        if self.old(delta, self.aside_last):
            return "OLD"
        return "NEXT" if self.hooks(delta, self.aside_last) else "GAP"

    def delta(self, delta: Delta) -> str:
        if self.aside is not None:
            return self.delta_beside_snapshot(delta)
        if self.chained:
            if self.follows(delta, self.last):
                if self.wanted:
                    self.kept.append(replace(delta, applied=True))
                return self.advance(delta)
            self.gap()
            self.kept.append(delta)
            return "GAP"
        if self.state == "EMPTY":
            self.state = "BUFFERING"
            self.want()
        self.kept.append(delta)
        return "BUFFERED"

    def delta_beside_snapshot(self, delta: Delta) -> str:
        place = self.place(delta)
        if place == "NEXT":
            return self.hook(delta, is_last=True)
        if self.chained and self.follows(delta, self.last):
            answer = self.advance(delta)
            if place == "GAP":
                self.aside = None
                self.counts["too_old"] += 1
                self.kept.append(replace(delta, applied=True))
                self.want()
            return answer
        if place == "GAP":
            self.gap()
            self.kept.append(delta)
            return "GAP"
        if self.chained:
            self.state = "GAPPED"
            self.crossed_run = 0
            self.counts["gaps"] += 1
            return "GAP"
        self.counts["dropped"] += 1
        return "DROPPED"

    def reaches(self, last: int) -> bool:
        newer = [delta for delta in self.kept if not self.old(delta, last)]
        if newer:
            return self.hooks(newer[0], last)
        if self.aside is not None:
            return last >= self.aside_last
        return not self.chained or last >= self.last

    def snapshot(self, last: int, bids: Levels, asks: Levels) -> str:
        if not self.reaches(last):
            self.counts["too_old"] += 1
            if self.wanted:
                self.needs += 1
            return "TOO_OLD"
        self.aside = NaiveSides()
        self.aside.apply(bids, asks)
        self.aside_last, self.hooked = last, False
        self.counts["resyncs"] += self.counts["snapshots"] > 0
        self.counts["snapshots"] += 1
        self.wanted = False
        if self.chained and last == self.last:
            self.kept.clear()
            stale = self.state == "STALE"
            self.swap()
            if stale and self.state == "SYNCED":
                self.state = "STALE"
            return "OK"
        if not self.chained:
            self.state = "BUFFERING"
        answer = "OK"
        while self.kept:
            delta = self.kept[0]
            place = self.place(delta)
            if place == "GAP":
                return self.gap()
            del self.kept[0]
            if place == "OLD":
                self.counts["dropped"] += not delta.applied
            else:
                answer = self.hook(delta, is_last=not self.kept)
        return answer


class NaiveSpotBook(NaiveBook):
    """Binance spot: drop u <= L; first U <= L + 1 <= u; then U <= previous u + 1 <= u."""

    def old(self, delta: Delta, last: int) -> bool:
        return delta.last <= last

    def hooks(self, delta: Delta, last: int) -> bool:
        return delta.first <= last + 1

    def follows(self, delta: Delta, last: int) -> bool:
        return delta.first <= last + 1 and delta.last > last


@dataclass
class NaiveStream(NaiveBook):
    """Snapshots stand in the stream: each is the book, and nothing is kept for it."""

    in_snapshots: bool = False

    def snapshot(self, last: int, bids: Levels, asks: Levels) -> str:
        goes_on = self.chained and self.in_snapshots
        self.counts["resyncs"] += self.counts["snapshots"] > 0 and not goes_on
        self.counts["snapshots"] += 1
        self.wanted, self.in_snapshots, self.last = False, True, last
        self.sides.replace(bids, asks)
        if self.sides.crossed():
            self.state = "CROSSED"
            self.counts["crossed"] += 1
            return "CROSSED"
        self.state = "SYNCED"
        self.crossed_run = 0
        return "OK"

    def delta(self, delta: Delta) -> str:
        if not self.chained:
            self.want()
            self.counts["dropped"] += 1
            return "DROPPED"
        if not self.follows(delta, self.last):
            return self.gap()
        self.in_snapshots = False
        return self.advance(delta)


class NaiveOkx(NaiveStream):
    def follows(self, delta: Delta, last: int) -> bool:
        """prevSeqId == last seqId; seqId may stay (keep-alive) or go back (maintenance)."""
        return delta.prev == last


class NaiveBybit(NaiveStream):
    def follows(self, delta: Delta, last: int) -> bool:
        """u is the successor."""
        return delta.last == last + 1


class NaiveHyperliquid(NaiveStream):
    def snapshot(self, last: int, bids: Levels, asks: Levels) -> str:
        """Time never goes back."""
        if self.chained and last < self.last:
            self.counts["dropped"] += 1
            return "DROPPED"
        return super().snapshot(last, bids, asks)
