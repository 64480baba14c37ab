"""The venue's own record: every order, fill and rejection, in order.

Owns:    the sequence of facts that a client's own books are compared with.
Refuses: deciding anything; forgetting silently (what no longer fits is counted).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from venues.simulator.instrument import decimal_text
from venues.simulator.order import BUY, Order

if TYPE_CHECKING:
    from venues.simulator.account import Account
    from venues.simulator.effects import OrderUpdate
    from venues.simulator.market import Market

ENTRIES_MAX = 2_000_000


def side_text(side: int) -> str:
    return "BUY" if side == BUY else "SELL"


class Record:
    """Append-only; entries are JSON-ready and carry their account's number."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, dict[str, Any]]] = []
        self.orders: dict[int, tuple[Order, Market]] = {}
        self.client_ids: dict[tuple[int, str], int] = {}  # the latest order of each
        self.forgotten = 0

    def _append(self, owner: int, entry: dict[str, Any]) -> None:
        if len(self.entries) >= ENTRIES_MAX:
            self.forgotten += 1
            return
        self.entries.append((owner, {"seq": len(self.entries) + 1, **entry}))

    def order(self, order: Order, market: Market, now_ms: int) -> None:
        """An order was accepted."""
        self.orders[order.order_id] = (order, market)
        self.client_ids[order.owner, order.client_id] = order.order_id
        self.log("order", order, now_ms)

    def latest(self, owner: int, client_id: str) -> tuple[Order, Market] | None:
        """The newest order of an account with this client id."""
        return self.orders.get(self.client_ids.get((owner, client_id), 0))

    def log(self, kind: str, order: Order, now_ms: int, reason: str = "") -> None:
        """A step of an accepted order."""
        entry = {
            "kind": kind,
            "time_ms": now_ms,
            "order_id": order.order_id,
            "client_order_id": order.client_id,
        }
        if reason:
            entry["reason"] = reason
        self._append(order.owner, entry)

    def reject(
        self,
        owner: int,
        request: str,
        symbol: str,
        client_id: str,
        code: int,
        message: str,
        now_ms: int,
    ) -> None:
        """A request that an account made was refused."""
        self._append(
            owner,
            {
                "kind": "reject",
                "time_ms": now_ms,
                "request": request,
                "symbol": symbol,
                "client_order_id": client_id,
                "code": code,
                "message": message,
            },
        )

    def fill(self, update: OrderUpdate) -> None:
        order, instrument = update.order, update.market.instrument
        self._append(
            order.owner,
            {
                "kind": "fill",
                "time_ms": update.time_ms,
                "trade_id": update.trade_id,
                "order_id": order.order_id,
                "client_order_id": order.client_id,
                "symbol": instrument.symbol,
                "side": side_text(order.side),
                "position_side": order.position_side,
                "price": instrument.price_text(update.price),
                "quantity": instrument.lots_text(update.lots),
                "lots": update.lots,
                "price_ticks": update.price,
                "maker": update.maker,
                "fee": decimal_text(update.fee_e8, 8),
                "realized": decimal_text(update.realized_e8, 8),
            },
        )

    def fills_of(self, owner: int, symbol: str) -> list[dict[str, Any]]:
        """Fills of one account in one symbol, oldest first."""
        return [
            entry
            for number, entry in self.entries
            if number == owner and entry["kind"] == "fill" and entry["symbol"] == symbol
        ]

    def report(self, account: Account, markets: dict[str, Market], lists: bool) -> dict[str, Any]:
        """Everything about one account; without `lists` only the sums."""
        mine = [entry for owner, entry in self.entries if owner == account.number]
        kinds = ("order", "fill", "cancel", "modify", "expire", "reject")
        counts = {kind: sum(entry["kind"] == kind for entry in mine) for kind in kinds}
        refused = Counter(entry["request"] for entry in mine if entry["kind"] == "reject")
        fills = [entry for entry in mine if entry["kind"] == "fill"]
        unrealized = sum(
            held.unrealized_e8(markets[symbol].mark)
            for (symbol, _), held in account.positions.items()
        )
        result: dict[str, Any] = {
            "account": account.name,
            "counts": counts,
            "refused": {name: refused[name] for name in ("place", "cancel", "modify")},
            "filled": {
                side: {
                    "fills": sum(entry["side"] == side for entry in fills),
                    "lots": sum(entry["lots"] for entry in fills if entry["side"] == side),
                }
                for side in ("BUY", "SELL")
            },
            "open_orders": len(account.open_orders),
            "positions": [
                {
                    "symbol": symbol,
                    "position_side": side,
                    "lots": held.lots,
                    "quantity": decimal_text(held.lots, held.instrument.size_decimals),
                    "cost": decimal_text(held.cost_e8, 8),
                    "entry_price": held.entry_text(),
                    "realized": decimal_text(held.realized_e8, 8),
                }
                for (symbol, side), held in sorted(account.positions.items())
            ],
            "initial_balance": decimal_text(account.initial_e8, 8),
            "balance": decimal_text(account.wallet_e8, 8),
            "realized": decimal_text(account.realized_e8, 8),
            "unrealized": decimal_text(unrealized, 8),
            "fees": decimal_text(account.fees_e8, 8),
            "funding": decimal_text(account.funding_e8, 8),
            "pnl": decimal_text(account.realized_e8 - account.fees_e8, 8),
            "forgotten": self.forgotten,
        }
        if lists:
            result["orders"] = [
                self._order(*kept)
                for kept in self.orders.values()
                if kept[0].owner == account.number
            ]
            result["fills"] = fills
            result["rejections"] = [entry for entry in mine if entry["kind"] == "reject"]
            result["entries"] = mine
        return result

    def _order(self, order: Order, market: Market) -> dict[str, Any]:
        instrument = market.instrument
        return {
            "order_id": order.order_id,
            "client_order_id": order.client_id,
            "symbol": instrument.symbol,
            "side": side_text(order.side),
            "position_side": order.position_side,
            "type": "MARKET" if order.market else "LIMIT",
            "time_in_force": order.time_in_force.name,
            "price": instrument.price_text(0 if order.market else order.price),
            "quantity": instrument.lots_text(order.lots),
            "executed": instrument.lots_text(order.filled),
            "reduce_only": order.reduce_only,
            "status": order.status.name,
            "created_ms": order.created_ms,
            "updated_ms": order.updated_ms,
        }
