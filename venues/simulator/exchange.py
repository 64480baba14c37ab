"""The venue without a dialect: markets, accounts, admission of orders, dead-man timers.

Owns:    who may place what; order ids; effects of each call, in order, in `effects`.
Refuses: text, sockets, clocks (now_ms is an argument), signatures, rate limits.
"""

from __future__ import annotations

from enum import IntEnum

from venues.simulator.account import Account
from venues.simulator.effects import Effect
from venues.simulator.instrument import E8, Instrument
from venues.simulator.market import Market
from venues.simulator.matching import UpdateIds
from venues.simulator.order import BUY, Order, Refusal
from venues.simulator.record import Record

FIRST_UPDATE_ID = 5_123_107_832_006
FIRST_ORDER_ID = 325_078_477
FIRST_TRADE_ID = 5_266_583_935
WALLET_E8 = 100_000 * E8


class Denial(IntEnum):
    """Why the venue does not take a request; a dialect gives it a code and a sentence."""

    NONE = 0
    WOULD_TAKE = 1
    UNFILLABLE = 2
    MARGIN = 3
    REDUCE_ONLY = 4
    DUPLICATE_ID = 5
    TOO_MANY_OPEN = 6
    PAUSED = 7
    NOT_OPEN = 8
    OPEN_ORDERS = 9
    OPEN_POSITION = 10
    UNCHANGED = 11


class Denied(Exception):
    """A request was refused; nothing changed."""

    def __init__(self, denial: Denial) -> None:
        super().__init__(denial.name)
        self.denial = denial


class Exchange:
    """All markets and accounts of one venue."""

    def __init__(self, instruments: list[Instrument]) -> None:
        self.ids = UpdateIds(FIRST_UPDATE_ID)
        self.effects: list[Effect] = []
        self.record = Record()
        self.accounts: dict[int, Account] = {}
        self.order_id = FIRST_ORDER_ID
        self.deadlines: dict[tuple[int, str], int] = {}  # dead-man timers, in ms
        self.markets: dict[str, Market] = {
            instrument.symbol: Market(
                instrument,
                self.ids,
                self.accounts,
                self.record,
                self.effects,
                FIRST_TRADE_ID + 1_000_000_000 * index,
            )
            for index, instrument in enumerate(instruments)
        }

    def add_account(self, name: str, wallet_e8: int = WALLET_E8) -> Account:
        number = len(self.accounts) + 1
        account = Account(number, name, wallet_e8, initial_e8=wallet_e8)
        self.accounts[number] = account
        return account

    def next_order_id(self) -> int:
        self.order_id += 1
        return self.order_id

    def drain(self) -> list[Effect]:
        """Hand over what happened since the last call."""
        effects = self.effects[:]
        self.effects.clear()
        return effects

    def place(self, account: Account, market: Market, order: Order, now_ms: int) -> None:
        """Admit and match an account's order, or raise Denied.

        In hedge mode an order against its position side can only reduce, whatever its flag.
        """
        if market.paused:
            raise Denied(Denial.PAUSED)
        if order.client_id in account.client_ids:
            raise Denied(Denial.DUPLICATE_ID)
        if len(account.orders_of(market.symbol)) >= market.instrument.orders_max:
            raise Denied(Denial.TOO_MANY_OPEN)
        if order.position_side != "BOTH":
            order.reduce_only = (order.side == BUY) != (order.position_side == "LONG")
        if order.reduce_only and not account.room(market.instrument, order):
            raise Denied(Denial.REDUCE_ONLY)
        if self._margin_needed_e8(account, market, order) > self.available_e8(account):
            raise Denied(Denial.MARGIN)
        self._check_refusal(market, order)
        self.record.order(order, market, now_ms)
        market.submit(order, now_ms)

    def cancel(self, market: Market, order: Order, now_ms: int) -> None:
        if not market.withdraw(order, now_ms):
            raise Denied(Denial.NOT_OPEN)

    def cancel_all(self, account: Account, market: Market, now_ms: int) -> int:
        """Cancel an account's orders of one symbol and say how many there were."""
        orders = account.orders_of(market.symbol)
        for order in orders:
            market.withdraw(order, now_ms)
        return len(orders)

    def modify(
        self, account: Account, market: Market, order: Order, price: int, lots: int, now_ms: int
    ) -> None:
        """Change price and size of a resting order, or raise Denied and leave it as it was.

        Two changes cancel the order, by the venue's rules: to a size that has filled already, and
        of a post-only order to a price at which it would take.  A changed order loses its place
        and its self-trade mode.
        """
        if not order.is_open:
            raise Denied(Denial.NOT_OPEN)
        if (price, lots) == (order.price, order.lots):
            raise Denied(Denial.UNCHANGED)
        if lots <= order.filled:  # nothing would be left: the venue cancels it
            self.cancel(market, order, now_ms)
            return
        changed = Order(
            order.order_id,
            order.owner,
            order.side,
            price,
            lots - order.filled,
            order.time_in_force,
            reduce_only=order.reduce_only,
            position_side=order.position_side,
        )
        freed = self._margin_needed_e8(account, market, order)
        needed = self._margin_needed_e8(account, market, changed)
        if needed - freed > self.available_e8(account):
            raise Denied(Denial.MARGIN)
        if market.matching.refusal(changed) is Refusal.WOULD_TAKE:
            self.cancel(market, order, now_ms)
            return
        market.amend(order, price, lots, now_ms)

    def set_deadline(self, account: Account, symbol: str, countdown_ms: int, now_ms: int) -> None:
        """Arm the dead-man timer of one symbol; 0 disarms it."""
        if countdown_ms:
            self.deadlines[account.number, symbol] = now_ms + countdown_ms
        else:
            self.deadlines.pop((account.number, symbol), None)

    def expire_deadlines(self, now_ms: int) -> None:
        """Cancel what rests where a dead-man timer ran out."""
        for key in [key for key, due in self.deadlines.items() if due <= now_ms]:
            del self.deadlines[key]
            self.cancel_all(self.accounts[key[0]], self.markets[key[1]], now_ms)

    def set_hedge_mode(self, account: Account, hedge: bool) -> None:
        if account.hedge_mode == hedge:
            raise Denied(Denial.UNCHANGED)
        if account.open_orders:
            raise Denied(Denial.OPEN_ORDERS)
        if any(position.lots for position in account.positions.values()):
            raise Denied(Denial.OPEN_POSITION)
        account.hedge_mode = hedge

    def unrealized_e8(self, account: Account) -> int:
        return sum(
            held.unrealized_e8(self.markets[symbol].mark)
            for (symbol, _), held in account.positions.items()
        )

    def position_margin_e8(self, account: Account) -> int:
        return sum(
            held.instrument.notional_e8(self.markets[symbol].mark, abs(held.lots))
            // account.leverage_of(held.instrument)
            for (symbol, _), held in account.positions.items()
        )

    def order_margin_e8(self, account: Account) -> int:
        return sum(
            self._margin_needed_e8(account, self.markets[account.open_symbols[number]], order)
            for number, order in account.open_orders.items()
        )

    def available_e8(self, account: Account) -> int:
        """Wallet and unrealised PnL less the margin of positions and of open orders."""
        used = self.position_margin_e8(account) + self.order_margin_e8(account)
        return account.wallet_e8 + self.unrealized_e8(account) - used

    def _margin_needed_e8(self, account: Account, market: Market, order: Order) -> int:
        lots = account.opening_lots(market.instrument, order)
        price = market.mark if order.market else order.price
        notional = market.instrument.notional_e8(price, lots)
        return notional // account.leverage_of(market.instrument)

    @staticmethod
    def _check_refusal(market: Market, order: Order) -> None:
        refusal = market.matching.refusal(order)
        if refusal is Refusal.WOULD_TAKE:
            raise Denied(Denial.WOULD_TAKE)
        if refusal is Refusal.UNFILLABLE:
            raise Denied(Denial.UNFILLABLE)
