"""Books of account: lots and money of a position, what moved them, what does not add up.

Owns:    the arithmetic of one fill, as the lane has it (hotpath/order/position.h); the entry.
Refuses: which book a fill belongs to (ledger.py), records (source.py), floats.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from runtime._shm import lib

Key = tuple[str, int, int, int]  # venue, account, instrument, position side
LaneEpoch = tuple[int, int]  # epoch, lane


class Entry(NamedTuple):
    """One thing that moved money or lots."""

    kind: str  # fill | recovered | opening | correction | funding
    real_ns: int  # of the record, by the journal's clock
    venue_ns: int  # by the venue's word; 0 = it did not say
    lane: int
    epoch: int
    sequence: int
    venue: str
    account: int
    instrument: int
    symbol: str
    strategy: str
    position_side: int
    side: int
    price_ticks: int
    lots: int
    fee_e8: int
    asset: str
    amount_e8: int  # of funding; realised by a fill
    trade_id: int
    client_id: int
    is_maker: bool


class Problem(NamedTuple):
    """Something that is not conserved, and where it shows."""

    what: str
    text: str
    lane: int = 0
    epoch: int = 0
    sequence: int = 0


@dataclass
class Book:
    """Lots and money of one position, or of one strategy's share of it."""

    lots: int = 0
    cost_e8: int = 0
    realised_e8: int = 0
    cash_e8: int = 0  # notionals sold less notionals bought, and openings at their cost
    bought: int = 0
    sold: int = 0
    fills: int = 0
    venue_pnl_e8: int = 0  # what the venue says that these fills realised
    is_moved: bool = False  # lots came that no fill explains
    fees: dict[str, int] = field(default_factory=dict)  # by asset

    def fill(self, about: Any, side: int, price: int, lots: int, fee_e8: int, asset: str) -> int:
        """Book one fill as the lane does; return what it realised."""
        sign = 1 if side == lib.HP_SIDE_BUY else -1
        notional = money(about, side, price, lots)
        closing = min(abs(self.lots), lots) if self.lots * sign < 0 else 0
        closed_cost = closed_value = 0
        if closing:
            closed_cost = divide(about, self.cost_e8 * closing, abs(self.lots))
            closed_value = notional if closing == lots else money(about, side, price, closing)
        realised = int(lib.hp_instrument_sign(about)) * (-sign * closed_value - closed_cost)
        self.cost_e8 += sign * (notional - closed_value) - closed_cost
        self.realised_e8 += realised
        self.lots += sign * lots
        self.cash_e8 -= sign * notional
        self.fees[asset] = self.fees.get(asset, 0) + fee_e8
        self.bought += lots if sign > 0 else 0
        self.sold += lots if sign < 0 else 0
        self.fills += 1
        return realised


def divide(about: Any, a: int, b: int) -> int:
    """Divide as the lane does: an inverse contract's cost down, others toward zero."""
    return a // b if a >= 0 or lib.hp_instrument_sign(about) < 0 else -(abs(a) // b)


def money(about: Any, side: int, price_ticks: int, lots: int) -> int:
    """Return the notional of a fill, rounded against us."""
    rounding = lib.hp_instrument_rounding(about, side == lib.HP_SIDE_BUY)
    found = int(lib.hp_instrument_notional(about, price_ticks, lots, rounding))
    if found == -(2**63):
        raise OverflowError(f"{price_ticks} ticks x {lots} lots leave 64 bits")
    return found
