"""The matching engine against a naive one, and its invariants."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venues.simulator.matching import Matching, Trade, UpdateIds
from venues.simulator.order import BUY, SELL, Order, Reason, Refusal, SelfTrade, Status, TimeInForce

GTC, IOC, FOK, GTX = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTX


class Ledger:
    """A host that keeps positions per owner and everything that it was told."""

    def __init__(self) -> None:
        self.positions: dict[int, int] = defaultdict(int)
        self.fills: list[tuple[int, int, int, int]] = []
        self.gone: list[tuple[int, Reason]] = []
        self.levels: dict[tuple[int, int], int] = {}
        self.update_ids: list[int] = []

    def held(self, order: Order) -> int:
        return self.positions[order.owner]

    def traded(self, trade: Trade) -> None:
        self.positions[trade.maker.owner] += trade.maker.side * trade.lots
        self.positions[trade.taker.owner] += trade.taker.side * trade.lots
        self.fills.append((trade.maker.order_id, trade.taker.order_id, trade.price, trade.lots))

    def withdrawn(self, order: Order, reason: Reason) -> None:
        self.gone.append((order.order_id, reason))

    def level(self, update_id: int, side: int, price: int, lots: int) -> None:
        self.update_ids.append(update_id)
        if lots:
            self.levels[side, price] = lots
        else:
            self.levels.pop((side, price))


@dataclass
class NaiveOrder:
    order_id: int
    owner: int
    side: int
    price: int
    left: int
    reduce_only: bool


@dataclass
class NaiveEngine:
    """One list of resting orders in time order; every step searches all of it."""

    held: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    resting: list[NaiveOrder] = field(default_factory=list)
    fills: list[tuple[int, int, int, int]] = field(default_factory=list)

    def next_maker(self, side: int, price: int) -> NaiveOrder | None:
        others = [
            one for one in self.resting if one.side == -side and (price - one.price) * side >= 0
        ]
        return min(others, key=lambda one: one.price * side, default=None)

    def room(self, one: NaiveOrder) -> int:
        return max(0, -one.side * self.held[one.owner])

    def submit(self, order: Order) -> bool:
        """False when refused; the book and all positions then stand as before."""
        if order.time_in_force is GTX and self.next_maker(order.side, order.price):
            return False
        if order.time_in_force is FOK:
            trial = NaiveEngine(
                defaultdict(int, self.held),
                [NaiveOrder(**vars(one)) for one in self.resting],
            )
            taker = trial.run(order)
            if taker.left:
                return False
        stopped_before = len(self.fills)
        taker = self.run(order)
        stopped = getattr(self, "stopped", False)
        if taker.left and not stopped and not order.market and order.time_in_force in (GTC, GTX):
            self.resting.append(taker)
        assert len(self.fills) >= stopped_before
        return True

    def run(self, order: Order) -> NaiveOrder:
        taker = NaiveOrder(
            order.order_id, order.owner, order.side, order.price, order.lots, order.reduce_only
        )
        self.stopped = False
        while taker.left:
            maker = self.next_maker(taker.side, taker.price)
            if maker is None:
                break
            if maker.owner and maker.owner == taker.owner and order.self_trade:
                if order.self_trade is not SelfTrade.EXPIRE_TAKER:
                    self.resting.remove(maker)
                if order.self_trade is not SelfTrade.EXPIRE_MAKER:
                    self.stopped = True
                    break
                continue
            lots = min(taker.left, maker.left)
            if maker.reduce_only:
                lots = min(lots, self.room(maker))
                if not lots:
                    self.resting.remove(maker)
                    continue
            if taker.reduce_only:
                lots = min(lots, self.room(taker))
                if not lots:
                    self.stopped = True
                    break
            taker.left -= lots
            maker.left -= lots
            self.held[taker.owner] += taker.side * lots
            self.held[maker.owner] += maker.side * lots
            self.fills.append((maker.order_id, taker.order_id, maker.price, lots))
            if not maker.left:
                self.resting.remove(maker)
        return taker

    def cancel(self, order_id: int) -> bool:
        before = len(self.resting)
        self.resting = [one for one in self.resting if one.order_id != order_id]
        return len(self.resting) < before


ORDERS = st.tuples(
    st.sampled_from((BUY, SELL)),
    st.integers(98, 102),
    st.integers(1, 9),
    st.integers(0, 2),
    st.sampled_from((GTC, GTC, GTC, IOC, FOK, FOK, GTX)),
    st.sampled_from(SelfTrade),
    st.booleans(),
    st.booleans(),
)
STEPS = st.lists(st.one_of(ORDERS, st.integers(0, 60)), min_size=8, max_size=80)


@settings(max_examples=400)
@given(STEPS)
def test_engine_equals_naive_engine(steps):
    """The same orders and cancels into both: equal fills, equal books, and the invariants."""
    ledger, naive = Ledger(), NaiveEngine()
    engine = Matching(ledger, UpdateIds(1_000))
    orders: list[Order] = []
    for step in steps:
        if isinstance(step, int):
            if step < len(orders):
                assert engine.cancel(orders[step]) == naive.cancel(orders[step].order_id)
            continue
        side, price, lots, owner, tif, mode, reduce_only, market = step
        market = market and tif is IOC
        order = Order(
            len(orders) + 1, owner, side, price, lots, tif, mode, reduce_only and owner > 0, market
        )
        orders.append(order)
        refused = engine.refusal(order)
        if refused is Refusal.NONE:
            engine.submit(order)
        assert (refused is Refusal.NONE) == naive.submit(order)
        assert ledger.fills == naive.fills
        check(engine, ledger, naive, orders)


def check(engine: Matching, ledger: Ledger, naive: NaiveEngine, orders: list[Order]) -> None:
    want: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for one in naive.resting:
        want[one.side, one.price].append((one.order_id, one.left))
    have = {
        (side.side, price): [(order.order_id, order.left) for order in level.orders.values()]
        for side in (engine.bids, engine.asks)
        for price, level in side.levels.items()
    }
    assert have == want
    for side in (engine.bids, engine.asks):
        assert side.keys == sorted(side.keys)
        assert {key * side.side for key in side.keys} == set(side.levels)
        for price, level in side.levels.items():
            assert level.lots == sum(order.left for order in level.orders.values()) > 0
            assert ledger.levels[side.side, price] == level.lots
    assert len(ledger.levels) == len(engine.bids.levels) + len(engine.asks.levels)
    bid, _, ask, _ = engine.top()
    assert not bid or not ask or bid < ask
    assert sum(ledger.positions.values()) == 0
    assert all(0 <= order.filled <= order.lots for order in orders)
    filled: dict[int, int] = defaultdict(int)
    for maker, taker, _, lots in ledger.fills:
        filled[maker] += lots
        filled[taker] += lots
    assert {order.order_id: order.filled for order in orders if order.filled} == filled
    assert ledger.update_ids == list(range(1_001, 1_001 + len(ledger.update_ids)))


def test_order_keeps_its_place_when_an_earlier_one_is_partly_filled():
    ledger = Ledger()
    engine = Matching(ledger, UpdateIds())
    for number in (1, 2):
        engine.submit(Order(number, 0, BUY, 100, 5))
    engine.submit(Order(3, 0, SELL, 100, 3, IOC))
    engine.submit(Order(4, 0, SELL, 99, 4, IOC))
    assert ledger.fills == [(1, 3, 100, 3), (1, 4, 100, 2), (2, 4, 100, 2)]


def test_market_order_without_liquidity_expires_and_never_rests():
    ledger = Ledger()
    engine = Matching(ledger, UpdateIds())
    order = Order(1, 7, BUY, 1_000, 5, GTC, market=True)
    engine.submit(order)
    assert order.status is Status.EXPIRED
    assert ledger.gone == [(1, Reason.UNFILLED)]
    assert engine.top() == (0, 0, 0, 0)


def test_canceled_order_cannot_be_canceled_again():
    engine = Matching(Ledger(), UpdateIds())
    order = Order(1, 7, BUY, 100, 5)
    engine.submit(order)
    assert engine.cancel(order)
    assert not engine.cancel(order)


@pytest.mark.parametrize(
    ("mode", "want"),
    [
        (SelfTrade.NONE, Refusal.NONE),
        (SelfTrade.EXPIRE_MAKER, Refusal.NONE),
        (SelfTrade.EXPIRE_TAKER, Refusal.UNFILLABLE),
        (SelfTrade.EXPIRE_BOTH, Refusal.UNFILLABLE),
    ],
)
def test_fill_or_kill_counts_its_owners_orders_as_its_mode_says(mode, want):
    engine = Matching(Ledger(), UpdateIds())
    engine.submit(Order(1, 7, SELL, 100, 5))
    engine.submit(Order(2, 0, SELL, 101, 5))
    assert engine.refusal(Order(3, 7, BUY, 101, 5, FOK, mode)) is want
    assert engine.refusal(Order(4, 8, BUY, 101, 10, FOK, mode)) is Refusal.NONE
    assert engine.refusal(Order(5, 8, BUY, 100, 6, FOK, mode)) is Refusal.UNFILLABLE
