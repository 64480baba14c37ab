"""One instrument's market: its matching, its trades, its windows of depth changes.

Owns:    trade ids, mark price, the link from fills to accounts' positions and money.
Refuses: admission of orders (exchange.py), text, sockets, clocks.
"""

from __future__ import annotations

from venues.simulator.account import Account
from venues.simulator.effects import Effect, Execution, OrderUpdate, PublicTrade, TopChange
from venues.simulator.instrument import Instrument
from venues.simulator.matching import Matching, Trade, UpdateIds
from venues.simulator.order import BUY, Order, Reason, SelfTrade, Status
from venues.simulator.record import Record

MARK_SMOOTHING = 16  # the mark price moves 1/16 of the way to the mid at each step


class DepthWindow:
    """Levels changed since the last flush of one depth stream."""

    __slots__ = ("first", "last", "levels", "previous", "time_ms")

    def __init__(self, previous: int) -> None:
        self.previous = previous  # last update id of the flush before
        self.first = 0
        self.last = 0
        self.time_ms = 0
        self.levels: dict[tuple[int, int], int] = {}

    def note(self, update_id: int, side: int, price: int, lots: int, time_ms: int) -> None:
        if not self.first:
            self.first = update_id
        self.last = update_id
        self.time_ms = time_ms
        self.levels[side, price] = lots

    def close(self) -> None:
        """Begin the next window after this one was sent or dropped."""
        self.previous, self.first = self.last, 0
        self.levels = {}


class Market:
    """Implements matching.Host."""

    def __init__(
        self,
        instrument: Instrument,
        ids: UpdateIds,
        accounts: dict[int, Account],
        record: Record,
        effects: list[Effect],
        first_trade_id: int,
    ) -> None:
        self.instrument = instrument
        self.symbol = instrument.symbol
        self.matching = Matching(self, ids)
        self.accounts = accounts
        self.record = record
        self.effects = effects
        self.trade_id = first_trade_id
        self.windows: list[DepthWindow] = []
        self.now_ms = 0
        self.paused = False
        self.mark_x = instrument.start_ticks * 2 * MARK_SMOOTHING  # mark in 1/32 ticks
        self.last_price = instrument.start_ticks
        self._top = (0, 0, 0, 0)
        self._touched: set[int] = set()

    @property
    def mark(self) -> int:
        """Mark price in ticks."""
        return self.mark_x // (2 * MARK_SMOOTHING)

    def step_mark(self) -> None:
        """Move the mark price towards the mid."""
        bid, _, ask, _ = self.matching.top()
        if bid and ask:
            self.mark_x += (bid + ask) - self.mark_x // MARK_SMOOTHING

    def submit(self, order: Order, now_ms: int, expire: bool = False) -> None:
        """Match a new order that refusal() has passed; with `expire` it expires instead."""
        self.now_ms = now_ms
        order.created_ms = order.updated_ms = now_ms
        account = self.accounts.get(order.owner)
        if account is not None:
            order.status = Status.NEW
            account.opened(self.symbol, order)
            self.tell(account, order, Execution.NEW)
        if expire:
            order.status = Status.EXPIRED
            self.withdrawn(order, Reason.UNFILLED)
        else:
            self.matching.submit(order)
        self.finish()

    def withdraw(self, order: Order, now_ms: int) -> bool:
        """Cancel a resting order; False when it no longer rests."""
        self.now_ms = now_ms
        if not self.matching.cancel(order):
            return False
        account = self.accounts.get(order.owner)
        if account is not None:
            order.updated_ms = now_ms
            account.closed(order)
            self.record.log("cancel", order, now_ms)
            self.tell(account, order, Execution.CANCELED)
        self.finish()
        return True

    def amend(self, order: Order, price: int, lots: int, now_ms: int) -> None:
        """Give a resting order a new price and size; it loses its place and its self-trade mode."""
        self.now_ms = now_ms
        self.matching.cancel(order)
        order.status = Status.PARTIALLY_FILLED if order.filled else Status.NEW
        order.price, order.lots, order.updated_ms = price, lots, now_ms
        order.modified += 1
        order.self_trade = SelfTrade.NONE
        account = self.accounts[order.owner]
        self.record.log("modify", order, now_ms)
        self.tell(account, order, Execution.AMENDMENT)
        self.matching.submit(order)
        self.finish()

    def finish(self) -> None:
        """After an operation: expire orders with nothing left to reduce, tell of a new top."""
        while self._touched:
            account = self.accounts[self._touched.pop()]
            for order in account.orders_of(self.symbol):
                if order.reduce_only and not account.room(self.instrument, order):
                    self.matching.expire(order, Reason.REDUCE_ONLY)
        top = self.matching.top()
        if top != self._top:
            self._top = top
            self.effects.append(TopChange(self, self.matching.last_update_id, *top, self.now_ms))

    def tell(self, account: Account, order: Order, execution: Execution) -> None:
        self.effects.append(
            OrderUpdate(
                account,
                self,
                order,
                execution,
                order.status,
                order.filled,
                order.cost,
                self.now_ms,
            )
        )

    # matching.Host

    def held(self, order: Order) -> int:
        account = self.accounts.get(order.owner)
        if account is None:
            return 0
        return account.position(self.instrument, order.position_side).lots

    def traded(self, trade: Trade) -> None:
        self.trade_id += 1
        self.last_price = trade.price
        self.effects.append(
            PublicTrade(
                self,
                self.trade_id,
                trade.taker.order_id,
                trade.price,
                trade.lots,
                trade.maker.side == BUY,
                self.now_ms,
            )
        )
        for order in (trade.maker, trade.taker):
            if order.owner:
                self._book(order, trade, order is trade.maker)

    def _book(self, order: Order, trade: Trade, maker: bool) -> None:
        account = self.accounts[order.owner]
        position = account.position(self.instrument, order.position_side)
        fee = account.fee_e8(self.instrument.notional_e8(trade.price, trade.lots), maker)
        realized = position.apply(order.side, trade.price, trade.lots)
        position.updated_ms = order.updated_ms = self.now_ms
        account.settle(fee, realized)
        update = OrderUpdate(
            account,
            self,
            order,
            Execution.TRADE,
            order.status,
            order.filled,
            order.cost,
            self.now_ms,
            self.trade_id,
            trade.price,
            trade.lots,
            maker,
            fee,
            realized,
            account.wallet_e8,
            position.lots,
            position.cost_e8,
            position.realized_e8,
        )
        if order.status is Status.FILLED:
            account.closed(order)
        self.record.fill(update)
        self.effects.append(update)
        self._touched.add(order.owner)

    def withdrawn(self, order: Order, reason: Reason) -> None:
        account = self.accounts.get(order.owner)
        if account is None:
            return
        order.updated_ms = self.now_ms
        account.closed(order)
        self.record.log("expire", order, self.now_ms, reason.name)
        self.tell(account, order, Execution.EXPIRED)

    def level(self, update_id: int, side: int, price: int, lots: int) -> None:
        for window in self.windows:
            window.note(update_id, side, price, lots, self.now_ms)
