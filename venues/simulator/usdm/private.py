"""Account endpoints: orders, fills, listen keys, dead-man timers, position mode.

Owns:    the fields of these answers.
Refuses: placing orders (orders.py), money (wallet.py), signatures (rest.py, wsapi.py).
"""

from __future__ import annotations

import json
from typing import Any

from venues.simulator.exchange import Denied
from venues.simulator.instrument import short_text
from venues.simulator.market import Market
from venues.simulator.usdm import errors
from venues.simulator.usdm.call import Answer, Call
from venues.simulator.usdm.errors import VenueError, not_valid
from venues.simulator.usdm.params import Params, needed, whole

TRADES_DEFAULT = 500
TRADES_MAX = 1_000
BATCH_MAX = 10


def order_status(call: Call) -> Answer:
    return call.desk.orders.status(call.account, call.params)


def cancel_all(call: Call) -> Answer:
    return call.desk.orders.cancel_all(call.account, call.params, call.now_ms)


def cancel_batch(call: Call) -> Answer:
    """Cancel up to ten orders of one symbol; an item of the answer is an order or an error."""
    desk, account, symbol = call.desk, call.account, call.params.get("symbol", "")
    desk.orders.market(call.params)
    name = "orderIdList" if call.params.get("orderIdList") else "origClientOrderIdList"
    one = "orderId" if name == "orderIdList" else "origClientOrderId"
    try:
        wanted = json.loads(needed(call.params, name))
    except ValueError:
        raise not_valid(name) from None
    if not isinstance(wanted, list) or not 1 <= len(wanted) <= BATCH_MAX:
        raise VenueError(-4082, "The batch orders' number is invalid.")
    out: list[Any] = []
    for item in wanted:
        try:
            out.append(
                desk.orders.cancel(account, {"symbol": symbol, one: str(item)}, call.now_ms)
            )
        except VenueError as error:
            out.append({"code": error.code, "msg": error.message})
    return out


def one_symbol(call: Call) -> Market | None:
    return call.desk.orders.market(call.params) if call.params.get("symbol") else None


def open_orders_weight(params: Params) -> int:
    return 1 if params.get("symbol") else 40


def open_orders(call: Call) -> Answer:
    chosen, desk, account = one_symbol(call), call.desk, call.account
    rows = []
    for market in desk.exchange.markets.values():
        if chosen in (None, market):
            for order in account.orders_of(market.symbol):
                rows.append(desk.orders.queried(market, order))
    return rows


def all_orders(call: Call) -> Answer:
    market, desk = call.desk.orders.market(call.params), call.desk
    limit = _limit(call.params)
    rows = [
        desk.orders.queried(kept, order)
        for order, kept in desk.exchange.record.orders.values()
        if kept is market and order.owner == call.account.number
    ]
    return rows[-limit:]


def _limit(params: Params) -> int:
    limit = whole(params, "limit") if params.get("limit") else TRADES_DEFAULT
    if not 1 <= limit <= TRADES_MAX:
        raise not_valid("limit")
    return limit


def user_trades(call: Call) -> Answer:
    """Fills of one symbol, oldest first; fromId, startTime and endTime narrow them."""
    market, params = call.desk.orders.market(call.params), call.params
    first = whole(params, "fromId") if params.get("fromId") else 0
    order_id = whole(params, "orderId") if params.get("orderId") else 0
    start = whole(params, "startTime") if params.get("startTime") else 0
    end = whole(params, "endTime") if params.get("endTime") else 1 << 62
    rows = [
        _trade_row(fill, market)
        for fill in call.desk.exchange.record.fills_of(call.account.number, market.symbol)
        if fill["trade_id"] >= first
        and start <= fill["time_ms"] <= end
        and order_id in (0, fill["order_id"])
    ]
    limit = _limit(params)
    return rows[:limit] if first or start else rows[-limit:]


def _trade_row(fill: dict[str, Any], market: Market) -> dict[str, Any]:
    quote_e8 = market.instrument.notional_e8(fill["price_ticks"], fill["lots"])
    return {
        "buyer": fill["side"] == "BUY",
        "commission": fill["fee"],
        "commissionAsset": "USDT",
        "id": fill["trade_id"],
        "maker": fill["maker"],
        "orderId": fill["order_id"],
        "price": fill["price"],
        "qty": fill["quantity"],
        "quoteQty": short_text(quote_e8, 8),
        "realizedPnl": fill["realized"],
        "side": fill["side"],
        "positionSide": fill["position_side"],
        "symbol": fill["symbol"],
        "time": fill["time_ms"],
    }


def listen_key_start(call: Call) -> Answer:
    return {"listenKey": call.desk.listen_keys.start(call.account, call.now_ms)}


def listen_key_extend(call: Call) -> Answer:
    key = call.desk.listen_keys.extend(call.account, call.now_ms)
    if not key:
        raise VenueError(*errors.BAD_LISTEN_KEY)
    return {"listenKey": key}


def listen_key_close(call: Call) -> Answer:
    call.desk.streams.close(call.desk.listen_keys.close(call.account))
    return {}


def countdown(call: Call) -> Answer:
    """Arm, re-arm or (0) disarm the dead-man timer of one symbol."""
    market = call.desk.orders.market(call.params)
    ms = whole(call.params, "countdownTime")
    call.desk.exchange.set_deadline(call.account, market.symbol, ms, call.now_ms)
    return {"symbol": market.symbol, "countdownTime": str(ms)}


def hedge_mode(call: Call) -> Answer:
    return {"dualSidePosition": call.account.hedge_mode}


def set_hedge_mode(call: Call) -> Answer:
    value = needed(call.params, "dualSidePosition").lower()
    if value not in ("true", "false"):
        raise not_valid("dualSidePosition")
    if call.account.hedge_mode == (value == "true"):
        raise VenueError(-4059, "No need to change position side.")
    try:
        call.desk.exchange.set_hedge_mode(call.account, value == "true")
    except Denied as denied:
        raise errors.denied(denied.denial) from None
    return {"code": 200, "msg": "success"}
