"""Simulated participants: the same seed gives the same orders at the same times.

Owns:    a crowd per market: makers with a ladder, takers of both directions, passers-by who
         place and cancel; its own time line and its own randomness.
Refuses: clocks (advance(now) runs the time line up to now), accounts, money.

The fair price is a mean-reverting walk.  A pressure between -1 and 1 changes sign several
times a second: the makers show more on the side that it favours, and takers hit that side a little
more often, so that what joins the heavier side gets filled, and soon wants out again.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from itertools import accumulate

from venues.simulator.market import Market
from venues.simulator.order import BUY, SELL, Order, TimeInForce

NS = 1_000_000_000
LADDER_LEVELS = 24
FAR_LEVELS = 60  # rarely touched orders behind the ladder
TOUCH_LEVELS = 6  # requoted when the pressure turns
TURNS_PER_S = 8.0
FAIR_PULL = 0.02
FAIR_STEP_TICKS = 0.9
REQUOTE_NS = 1_500_000  # between two orders of a requote
PASSERS_MAX = 40
LAG_NS_MAX = NS  # a host that slept longer does not get the missed crowd in one burst

# what happens, and how often a second at rate 1
ACTIONS: tuple[tuple[str, float], ...] = (
    ("walk", 8.0),
    ("turn", TURNS_PER_S),
    ("quote", 26.0),
    ("take", 34.0),
    ("pass", 8.0),
)


class Crowd:
    """All participants of one market."""

    def __init__(
        self, market: Market, order_ids: Callable[[], int], seed: int, rate: float = 1.0
    ) -> None:
        self.market = market
        self.order_ids = order_ids
        self.random = random.Random(f"{seed}/{market.symbol}")
        self.rate = rate
        self.next_ns = 0
        self.home = float(market.instrument.start_ticks)
        self.fair = self.home
        self.pressure = 0.7
        self.quotes: dict[tuple[int, int], Order] = {}
        self.passers: deque[Order] = deque()
        self.requotes: deque[tuple[int, int]] = deque()
        self.weights = list(accumulate(weight for _, weight in ACTIONS))
        self.actions = (self._walk, self._turn, self._quote_some, self._take, self._pass)
        self.unit = _typical_lots(market)

    def open(self, now_ms: int) -> None:
        """Fill the empty book: the ladder, and far orders behind it."""
        for side in (BUY, SELL):
            for level in range(LADDER_LEVELS):
                self._quote(side, level, now_ms)
            price = self._target(side, LADDER_LEVELS - 1)
            for _ in range(FAR_LEVELS):
                price -= side * self.random.randint(2, 60)
                self._place(side, price, self.random.randint(1, 8) * self.unit, now_ms)

    def advance(self, now_ns: int, offset_ms: int) -> None:
        """Act on the time line up to now_ns; effects carry offset_ms + the time of the act."""
        if self.rate <= 0:
            return
        if now_ns - self.next_ns > LAG_NS_MAX:
            self.next_ns = now_ns
        while self.next_ns <= now_ns:
            now_ms = offset_ms + self.next_ns // 1_000_000
            self._act(now_ms)
            self.next_ns += self._pause_ns()

    def _pause_ns(self) -> int:
        if self.requotes:
            return REQUOTE_NS
        return 1 + int(self.random.expovariate(self.weights[-1] * self.rate) * NS)

    def _act(self, now_ms: int) -> None:
        if self.requotes:
            self._quote(*self.requotes.popleft(), now_ms)
            return
        self.random.choices(self.actions, cum_weights=self.weights)[0](now_ms)

    def _walk(self, now_ms: int) -> None:
        pull = (self.home - self.fair) * FAIR_PULL
        self.fair += pull + self.random.gauss(0.0, FAIR_STEP_TICKS) + self.pressure * 0.3

    def _turn(self, now_ms: int) -> None:
        size = self.random.uniform(0.55, 0.95)
        self.pressure = -size if self.pressure > 0 else size
        for level in range(TOUCH_LEVELS):
            self.requotes.append((BUY, level))
            self.requotes.append((SELL, level))

    def _target(self, side: int, level: int) -> int:
        """Price of a ladder level: dense at the touch, wider behind."""
        step = level if level < 10 else 10 + (level - 10) * 3
        touch = int(self.fair) if side == BUY else int(self.fair) + 1
        return touch - side * step

    def _size(self, level: int, side: int) -> int:
        lean = 1.0 + side * self.pressure * 0.9 if level < TOUCH_LEVELS else 1.0
        wide = 0.6 + 0.12 * level
        return max(1, int(self.unit * lean * wide * self.random.uniform(0.7, 1.3)))

    def _quote_some(self, now_ms: int) -> None:
        side = BUY if self.random.random() < 0.5 else SELL
        level = int(LADDER_LEVELS * self.random.random() ** 2)
        if self.random.random() < 0.7:
            for near in range(TOUCH_LEVELS):
                order = self.quotes.get((side, near))
                if order is None or not order.is_open or order.price != self._target(side, near):
                    level = near
                    break
        self._quote(side, level, now_ms)

    def _quote(self, side: int, level: int, now_ms: int) -> None:
        old = self.quotes.pop((side, level), None)
        if old is not None and old.is_open:
            self.market.withdraw(old, now_ms)
        price = self._target(side, level)
        opposite = self.market.matching.of(-side).best()
        if opposite and (price - opposite) * side >= 0:
            price = opposite - side
        order = self._place(side, price, self._size(level, side), now_ms)
        self.quotes[side, level] = order

    def _take(self, now_ms: int) -> None:
        heavy = SELL if self.pressure > 0 else BUY  # the side that hits the heavier quotes
        side = heavy if self.random.random() < 0.6 else -heavy
        bid, bid_lots, ask, ask_lots = self.market.matching.top()
        price, lots = (ask, ask_lots) if side == BUY else (bid, bid_lots)
        if not price:
            return
        if self.random.random() < 0.45:
            lots += self.random.randint(1, max(1, self.unit // 4))  # sweeps the touch
        else:
            lots = max(1, int(lots * self.random.uniform(0.05, 0.6)))
        self._place(side, price + side * 2, lots, now_ms, TimeInForce.IOC)

    def _pass(self, now_ms: int) -> None:
        """Somebody joins the touch or steps in front of it; somebody else leaves."""
        if len(self.passers) >= PASSERS_MAX or (self.passers and self.random.random() < 0.5):
            order = self.passers.popleft()
            if order.is_open:
                self.market.withdraw(order, now_ms)
            return
        side = BUY if self.random.random() < 0.5 else SELL
        matching = self.market.matching
        price = matching.of(side).best() + side * self.random.choice((-1, 0, 0, 1))
        opposite = matching.of(-side).best()
        if price <= 0 or (opposite and (price - opposite) * side >= 0):
            return
        lots = self.random.randint(1, max(1, self.unit // 4))
        self.passers.append(self._place(side, price, lots, now_ms))

    def _place(
        self,
        side: int,
        price: int,
        lots: int,
        now_ms: int,
        time_in_force: TimeInForce = TimeInForce.GTC,
    ) -> Order:
        order = Order(self.order_ids(), 0, side, max(1, price), lots, time_in_force)
        self.market.submit(order, now_ms)
        return order


def _typical_lots(market: Market) -> int:
    """Lots worth about 30,000 of the quote asset."""
    instrument = market.instrument
    one = instrument.notional_e8(instrument.start_ticks, 1)
    return int(max(20, 30_000 * 100_000_000 // one))
