"""What an operation caused, in order, for those who publish it.

Owns:    the shapes of effects; values are copied, since orders go on changing.
Refuses: text and sockets.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from venues.simulator.order import Order, Status

if TYPE_CHECKING:
    from venues.simulator.account import Account
    from venues.simulator.market import Market


class Execution(IntEnum):
    """What happened to an order."""

    NONE = 0
    NEW = 1
    TRADE = 2
    CANCELED = 3
    EXPIRED = 4
    AMENDMENT = 5


@dataclass(slots=True, frozen=True)
class PublicTrade:
    """One match as everybody sees it."""

    market: Market
    trade_id: int
    taker_id: int
    price: int
    lots: int
    buyer_is_maker: bool
    time_ms: int


@dataclass(slots=True, frozen=True)
class TopChange:
    """The best prices or their sizes after an operation."""

    market: Market
    update_id: int
    bid: int
    bid_lots: int
    ask: int
    ask_lots: int
    time_ms: int


@dataclass(slots=True, frozen=True)
class OrderUpdate:
    """One step of an account's order; the trade fields are zero unless it is a TRADE."""

    account: Account
    market: Market
    order: Order
    execution: Execution
    status: Status
    filled: int
    cost: int
    time_ms: int
    trade_id: int = 0
    price: int = 0
    lots: int = 0
    maker: bool = False
    fee_e8: int = 0
    realized_e8: int = 0
    wallet_e8: int = 0
    held_lots: int = 0
    held_cost_e8: int = 0
    held_realized_e8: int = 0


Effect = PublicTrade | TopChange | OrderUpdate
