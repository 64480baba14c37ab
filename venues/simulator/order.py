"""One order and the words for its life.

Owns:    sides, times in force, self-trade modes, states, reasons.
Refuses: rules (matching.py); text of any dialect.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

BUY = 1
SELL = -1


class TimeInForce(IntEnum):
    """How long an order may rest; GTX may not take."""

    NONE = 0
    GTC = 1
    IOC = 2
    FOK = 3
    GTX = 4


class SelfTrade(IntEnum):
    """What the taker's mode does when both orders have one owner."""

    NONE = 0
    EXPIRE_TAKER = 1
    EXPIRE_MAKER = 2
    EXPIRE_BOTH = 3


class Status(IntEnum):
    """Where an order stands; from FILLED on it is closed."""

    NONE = 0
    NEW = 1
    PARTIALLY_FILLED = 2
    FILLED = 3
    CANCELED = 4
    EXPIRED = 5


class Refusal(IntEnum):
    """Why a new order was not taken at all."""

    NONE = 0
    WOULD_TAKE = 1
    UNFILLABLE = 2


class Reason(IntEnum):
    """Why an order left the book without a fill."""

    NONE = 0
    UNFILLED = 1
    SELF_TRADE = 2
    REDUCE_ONLY = 3


@dataclass(slots=True, eq=False)
class Order:
    """One order; `owner` 0 is a participant, and participants are never self-trades."""

    order_id: int
    owner: int
    side: int
    price: int  # ticks; for a market order the worst price it may trade at
    lots: int
    time_in_force: TimeInForce = TimeInForce.GTC
    self_trade: SelfTrade = SelfTrade.NONE
    reduce_only: bool = False
    market: bool = False
    client_id: str = ""
    position_side: str = "BOTH"
    flagged_reduce_only: bool = False  # as sent; in hedge mode `reduce_only` is derived
    created_ms: int = 0
    updated_ms: int = 0
    filled: int = 0
    cost: int = 0  # sum of ticks x lots over the fills
    status: Status = Status.NONE
    modified: int = 0
    expired_by_stp: bool = False

    @property
    def left(self) -> int:
        return self.lots - self.filled

    @property
    def is_open(self) -> bool:
        return self.status in (Status.NEW, Status.PARTIALLY_FILLED)
