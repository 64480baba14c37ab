"""Price-time priority matching for one instrument, on integers.

Owns:    resting orders in price-time order, what a new order trades with, the update id
         of each level change.
Refuses: sockets, clocks (times are arguments of those who call), accounts, money, text.

Prices are ticks, sizes are lots.  What happens is told to a Host as it happens, so that the
room of a reduce-only order is right between two fills of one taker.

Invariants, checked by tests after each operation:
  - the best resting bid is below the best resting ask
  - a level's lots are the sum of what its orders have left, and never zero
  - lots bought equal lots sold; an order never fills more than its size
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from typing import Protocol

from venues.simulator.order import BUY, SELL, Order, Reason, Refusal, SelfTrade, Status, TimeInForce


@dataclass(slots=True, frozen=True)
class Trade:
    """One match; the price is the maker's."""

    maker: Order
    taker: Order
    price: int
    lots: int


class Host(Protocol):
    """Who is told, in the order in which things happen."""

    def held(self, order: Order) -> int:
        """Signed lots of the position that this order belongs to."""

    def traded(self, trade: Trade) -> None: ...

    def withdrawn(self, order: Order, reason: Reason) -> None: ...

    def level(self, update_id: int, side: int, price: int, lots: int) -> None: ...


class UpdateIds:
    """The venue's one counter of book changes, shared by all instruments."""

    __slots__ = ("last",)

    def __init__(self, last: int = 0) -> None:
        self.last = last


class Level:
    """Orders of one price, first come first."""

    __slots__ = ("lots", "orders")

    def __init__(self) -> None:
        self.lots = 0
        self.orders: OrderedDict[int, Order] = OrderedDict()


class BookSide:
    """Levels of one side; `keys` ascend to the best one, as price x side."""

    __slots__ = ("keys", "levels", "side")

    def __init__(self, side: int) -> None:
        self.side = side
        self.levels: dict[int, Level] = {}
        self.keys: list[int] = []

    def best(self) -> int:
        """Best price in ticks, 0 when empty."""
        return self.keys[-1] * self.side if self.keys else 0

    def level(self, price: int) -> Level:
        found = self.levels.get(price)
        if found is None:
            found = self.levels[price] = Level()
            insort(self.keys, price * self.side)
        return found

    def drop(self, price: int) -> None:
        del self.levels[price]
        key = price * self.side
        if self.keys[-1] == key:
            self.keys.pop()
        else:
            del self.keys[bisect_left(self.keys, key)]

    def depth(self, levels: int) -> list[tuple[int, int]]:
        """(price, lots) from the best one on."""
        keys = self.keys[-1 : -levels - 1 : -1]
        return [(key * self.side, self.levels[key * self.side].lots) for key in keys]


class Matching:
    """The book of one instrument and the rules that change it."""

    def __init__(self, host: Host, ids: UpdateIds) -> None:
        self.host = host
        self.ids = ids
        self.last_update_id = ids.last
        self.bids = BookSide(BUY)
        self.asks = BookSide(SELL)

    def of(self, side: int) -> BookSide:
        return self.bids if side == BUY else self.asks

    def top(self) -> tuple[int, int, int, int]:
        """Best bid, its lots, best ask, its lots; zeros where a side is empty."""
        bid, ask = self.bids.best(), self.asks.best()
        return (
            bid,
            self.bids.levels[bid].lots if bid else 0,
            ask,
            self.asks.levels[ask].lots if ask else 0,
        )

    def refusal(self, order: Order) -> Refusal:
        """Say whether a post-only or fill-or-kill order must be refused, changing nothing."""
        if order.time_in_force is TimeInForce.GTX:
            opposite = self.of(-order.side)
            if opposite.keys and _reaches(order, opposite.best()):
                return Refusal.WOULD_TAKE
        elif order.time_in_force is TimeInForce.FOK and self._fillable(order) < order.left:
            return Refusal.UNFILLABLE
        return Refusal.NONE

    def submit(self, order: Order) -> None:
        """Match a new order that refusal() let pass, then rest or withdraw what is left."""
        order.status = Status.NEW
        reason = self._take(order)
        if order.status is Status.FILLED:
            return
        if reason is Reason.NONE and not order.market and order.time_in_force in _RESTING:
            self._rest(order)
            return
        order.status = Status.EXPIRED
        order.expired_by_stp = reason is Reason.SELF_TRADE
        self.host.withdrawn(order, reason or Reason.UNFILLED)

    def cancel(self, order: Order) -> bool:
        """Take a resting order out; False when it no longer rests."""
        if not self._remove(order):
            return False
        order.status = Status.CANCELED
        return True

    def expire(self, order: Order, reason: Reason) -> bool:
        """Take a resting order out by the venue's own rule, and say so to the host."""
        if not self._remove(order):
            return False
        order.status = Status.EXPIRED
        order.expired_by_stp = reason is Reason.SELF_TRADE
        self.host.withdrawn(order, reason)
        return True

    def _room(self, order: Order) -> int:
        """Lots that this reduce-only order may still trade."""
        return max(0, -order.side * self.host.held(order))

    def _take(self, taker: Order) -> Reason:
        opposite = self.of(-taker.side)
        while taker.filled < taker.lots and opposite.keys:
            price = opposite.best()
            if not _reaches(taker, price):
                break
            level = opposite.levels[price]
            maker = next(iter(level.orders.values()))
            if maker.owner and maker.owner == taker.owner and taker.self_trade:
                if taker.self_trade is not SelfTrade.EXPIRE_TAKER:
                    self.expire(maker, Reason.SELF_TRADE)
                if taker.self_trade is not SelfTrade.EXPIRE_MAKER:
                    return Reason.SELF_TRADE
                continue
            lots = min(taker.lots - taker.filled, maker.lots - maker.filled)
            if maker.reduce_only:
                lots = min(lots, self._room(maker))
                if not lots:
                    self.expire(maker, Reason.REDUCE_ONLY)
                    continue
            if taker.reduce_only:
                lots = min(lots, self._room(taker))
                if not lots:
                    return Reason.REDUCE_ONLY
            self._fill(maker, taker, price, lots, level, opposite)
        return Reason.NONE

    def _fill(
        self, maker: Order, taker: Order, price: int, lots: int, level: Level, side: BookSide
    ) -> None:
        for order in (maker, taker):
            order.filled += lots
            order.cost += price * lots
            done = order.filled == order.lots
            order.status = Status.FILLED if done else Status.PARTIALLY_FILLED
        level.lots -= lots
        if maker.status is Status.FILLED:
            del level.orders[maker.order_id]
        if not level.orders:
            side.drop(price)
        self._changed(side.side, price, level.lots)
        self.host.traded(Trade(maker, taker, price, lots))

    def _fillable(self, taker: Order) -> int:
        """Lots that would trade at once: what _take() would do, on paper."""
        opposite, found = self.of(-taker.side), 0
        moved: dict[tuple[int, str], int] = defaultdict(int)  # position changes on paper

        def room(order: Order) -> int:
            held = self.host.held(order) + moved[order.owner, order.position_side]
            return max(0, -order.side * held)

        for key in reversed(opposite.keys):
            price = key * opposite.side
            if not _reaches(taker, price):
                break
            for maker in opposite.levels[price].orders.values():
                if maker.owner and maker.owner == taker.owner and taker.self_trade:
                    if taker.self_trade is SelfTrade.EXPIRE_MAKER:
                        continue
                    return found
                rest = maker.left
                while rest and found < taker.left:
                    lots = min(taker.left - found, rest)
                    if maker.reduce_only:
                        lots = min(lots, room(maker))
                        if not lots:
                            break
                    if taker.reduce_only:
                        lots = min(lots, room(taker))
                        if not lots:
                            return found
                    rest -= lots
                    found += lots
                    for order in (maker, taker):
                        moved[order.owner, order.position_side] += order.side * lots
        return found

    def _rest(self, order: Order) -> None:
        level = self.of(order.side).level(order.price)
        level.orders[order.order_id] = order
        level.lots += order.left
        self._changed(order.side, order.price, level.lots)

    def _remove(self, order: Order) -> bool:
        side = self.of(order.side)
        level = side.levels.get(order.price)
        if level is None or level.orders.pop(order.order_id, None) is None:
            return False
        level.lots -= order.left
        if not level.orders:
            side.drop(order.price)
        self._changed(order.side, order.price, level.lots)
        return True

    def _changed(self, side: int, price: int, lots: int) -> None:
        self.ids.last += 1
        self.last_update_id = self.ids.last
        self.host.level(self.ids.last, side, price, lots)


_RESTING = (TimeInForce.GTC, TimeInForce.GTX)


def _reaches(order: Order, price: int) -> bool:
    """Whether an order's limit allows a trade at this price."""
    return order.price >= price if order.side == BUY else order.price <= price
