"""Accounts: balance, positions, fees, margin.

Owns:    one account's USDT balance, its positions per (symbol, position side), open orders.
Refuses: matching, text, deciding prices.  Money is an integer of 1e-8 USDT.

A fee is notional x rate, cut (not rounded) to 1e-8.  A partial close releases
cost x closed / held, cut toward zero; the last lot releases all that is left, so that a round
trip's realised PnL is exactly what was received less what was paid.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from venues.simulator.instrument import E8, Instrument
from venues.simulator.order import BUY, Order

BPS = 10_000
MAKER_FEE_BPS = 2
TAKER_FEE_BPS = 5


@dataclass(slots=True)
class Position:
    """Signed lots and their signed entry cost."""

    instrument: Instrument
    side: str  # BOTH, LONG or SHORT
    lots: int = 0
    cost_e8: int = 0
    realized_e8: int = 0
    updated_ms: int = 0

    def apply(self, side: int, price: int, lots: int) -> int:
        """Add one fill and return the PnL that it realised."""
        realized = 0
        closing = min(abs(self.lots), lots) if self.lots * side < 0 else 0
        if closing:
            released = abs(self.cost_e8) * closing // abs(self.lots)
            released = released if self.cost_e8 >= 0 else -released
            realized = -side * self.instrument.notional_e8(price, closing) - released
            self.cost_e8 -= released
            self.lots += side * closing
        opening = lots - closing
        self.lots += side * opening
        self.cost_e8 += side * self.instrument.notional_e8(price, opening)
        self.realized_e8 += realized
        return realized

    def unrealized_e8(self, mark: int) -> int:
        return self.instrument.notional_e8(mark, self.lots) - self.cost_e8

    def entry_text(self, decimals: int = 8) -> str:
        """Average entry price, rounded half up at `decimals`."""
        if not self.lots:
            return "0.0"
        # cost / 1e8 USDT over lots / 10^size_decimals of the base asset
        above = abs(self.cost_e8) * 10 ** (self.instrument.size_decimals + decimals)
        below = abs(self.lots) * E8
        units = (2 * above + below) // (2 * below)
        whole, fraction = divmod(units, 10**decimals)
        return f"{whole}.{fraction:0{decimals}d}"


@dataclass(slots=True)
class Account:
    """One customer of the venue."""

    number: int  # 1 and up; the owner of its orders
    name: str
    wallet_e8: int
    hedge_mode: bool = False
    fees_e8: int = 0
    realized_e8: int = 0
    funding_e8: int = 0  # received, less paid
    initial_e8: int = 0
    maker_fee_bps: int = MAKER_FEE_BPS
    taker_fee_bps: int = TAKER_FEE_BPS
    positions: dict[tuple[str, str], Position] = field(default_factory=dict)
    open_orders: dict[int, Order] = field(default_factory=dict)
    open_symbols: dict[int, str] = field(default_factory=dict)
    client_ids: dict[str, int] = field(default_factory=dict)  # of open orders
    leverage: dict[str, int] = field(default_factory=dict)

    def position(self, instrument: Instrument, side: str) -> Position:
        key = (instrument.symbol, side)
        found = self.positions.get(key)
        if found is None:
            found = self.positions[key] = Position(instrument, side)
        return found

    def room(self, instrument: Instrument, order: Order) -> int:
        """Lots by which this order could reduce its position."""
        held = self.position(instrument, order.position_side).lots
        return max(0, -order.side * held)

    def fee_e8(self, notional_e8: int, maker: bool) -> int:
        return notional_e8 * (self.maker_fee_bps if maker else self.taker_fee_bps) // BPS

    def settle(self, fee_e8: int, realized_e8: int) -> None:
        self.fees_e8 += fee_e8
        self.realized_e8 += realized_e8
        self.wallet_e8 += realized_e8 - fee_e8

    def settle_funding(self, market_mark: dict[str, int], rate_e8: int) -> int:
        """Pay (rate above 0: longs pay) on every position at its mark; return what was received.

        An amount is notional x rate, cut toward zero to 1e-8.
        """
        received = 0
        for (symbol, _), held in self.positions.items():
            notional = held.instrument.notional_e8(market_mark[symbol], abs(held.lots))
            paid = notional * abs(rate_e8) // E8
            received += -paid if (held.lots > 0) == (rate_e8 > 0) else paid
        self.funding_e8 += received
        self.wallet_e8 += received
        return received

    def leverage_of(self, instrument: Instrument) -> int:
        return self.leverage.get(instrument.symbol, instrument.leverage)

    def opened(self, symbol: str, order: Order) -> None:
        self.open_orders[order.order_id] = order
        self.open_symbols[order.order_id] = symbol
        self.client_ids[order.client_id] = order.order_id

    def closed(self, order: Order) -> None:
        if self.open_orders.pop(order.order_id, None) is not None:
            del self.open_symbols[order.order_id]
            self.client_ids.pop(order.client_id, None)

    def orders_of(self, symbol: str) -> list[Order]:
        """Open orders of one symbol, oldest first."""
        symbols = self.open_symbols
        return [o for number, o in self.open_orders.items() if symbols[number] == symbol]

    def opening_lots(self, instrument: Instrument, order: Order) -> int:
        """Lots of this order that would open or enlarge a position."""
        if order.reduce_only:
            return 0
        held = self.position(instrument, order.position_side).lots
        reducing = -held if order.side == BUY else held
        return max(0, order.left - max(0, reducing))
