"""Account endpoints: orders, fills, positions, balances, listen keys, dead-man timers.

Owns:    the fields of these answers.
Refuses: placing orders (orders.py), signatures (rest.py, wsapi.py).
"""

from __future__ import annotations

from typing import Any

from venues.simulator.account import Account, Position
from venues.simulator.exchange import Denied
from venues.simulator.instrument import decimal_text, short_text
from venues.simulator.market import Market
from venues.simulator.usdm import errors
from venues.simulator.usdm.call import Answer, Call
from venues.simulator.usdm.errors import VenueError, not_valid
from venues.simulator.usdm.orders import Params, needed, whole
from venues.simulator.usdm.public import mark_text

TRADES_DEFAULT = 500
TRADES_MAX = 1_000
LEVERAGE_MAX = 125


def _money(value_e8: int) -> str:
    return decimal_text(value_e8, 8)


def order_status(call: Call) -> Answer:
    return call.desk.orders.status(call.account, call.params)


def cancel_all(call: Call) -> Answer:
    return call.desk.orders.cancel_all(call.account, call.params, call.now_ms)


def _one_symbol(call: Call) -> Market | None:
    return call.desk.orders.market(call.params) if call.params.get("symbol") else None


def open_orders_weight(params: Params) -> int:
    return 1 if params.get("symbol") else 40


def open_orders(call: Call) -> Answer:
    chosen, desk, account = _one_symbol(call), call.desk, call.account
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


def _positions(account: Account, market: Market) -> list[Position]:
    sides = ("BOTH", "LONG", "SHORT") if account.hedge_mode else ("BOTH",)
    return [account.position(market.instrument, side) for side in sides]


def position_risk(call: Call, every_symbol: bool) -> Answer:
    """v2 lists every symbol, v3 those with a position or an open order."""
    chosen, account = _one_symbol(call), call.account
    rows = []
    for market in call.desk.exchange.markets.values():
        if chosen not in (None, market):
            continue
        used = every_symbol or bool(account.orders_of(market.symbol))
        for held in _positions(account, market):
            if used or held.lots:
                rows.append(_position_row(account, market, held, every_symbol))
    return rows


def _position_row(
    account: Account, market: Market, held: Position, old_form: bool
) -> dict[str, Any]:
    instrument = market.instrument
    notional = instrument.notional_e8(market.mark, held.lots)
    margin = abs(notional) // account.leverage_of(instrument)
    row: dict[str, Any] = {
        "symbol": instrument.symbol,
        "positionSide": held.side,
        "positionAmt": instrument.lots_text(held.lots),
        "entryPrice": held.entry_text(),
        "breakEvenPrice": held.entry_text(),
        "markPrice": mark_text(market),
        "unRealizedProfit": _money(held.unrealized_e8(market.mark)),
        "liquidationPrice": "0",
        "isolatedMargin": "0",
        "notional": _money(notional),
        "marginAsset": "USDT",
        "isolatedWallet": "0",
        "initialMargin": _money(margin),
        "maintMargin": _money(abs(notional) // 250),
        "positionInitialMargin": _money(margin),
        "openOrderInitialMargin": "0",
        "adl": 0,
        "bidNotional": "0",
        "askNotional": "0",
        "updateTime": held.updated_ms,
    }
    if old_form:
        row |= {
            "leverage": str(account.leverage_of(instrument)),
            "marginType": "cross",
            "isAutoAddMargin": "false",
            "maxNotionalValue": "25000000",
        }
    return row


def balance(call: Call) -> Answer:
    account = call.account
    available = _money(max(0, call.desk.exchange.available_e8(account)))
    return [
        {
            "accountAlias": account.name,
            "asset": "USDT",
            "balance": _money(account.wallet_e8),
            "crossWalletBalance": _money(account.wallet_e8),
            "crossUnPnl": _money(call.desk.exchange.unrealized_e8(account)),
            "availableBalance": available,
            "maxWithdrawAmount": available,
            "marginAvailable": True,
            "updateTime": call.now_ms,
        }
    ]


def account_summary(call: Call) -> Answer:
    account, exchange = call.account, call.desk.exchange
    unrealized = exchange.unrealized_e8(account)
    of_positions, of_orders = (
        exchange.position_margin_e8(account), exchange.order_margin_e8(account)
    )
    sums = {
        "initialMargin": _money(of_positions + of_orders),
        "maintMargin": "0.00000000",
        "walletBalance": _money(account.wallet_e8),
        "unrealizedProfit": _money(unrealized),
        "marginBalance": _money(account.wallet_e8 + unrealized),
        "positionInitialMargin": _money(of_positions),
        "openOrderInitialMargin": _money(of_orders),
        "crossWalletBalance": _money(account.wallet_e8),
        "crossUnPnl": _money(unrealized),
        "availableBalance": _money(max(0, exchange.available_e8(account))),
        "maxWithdrawAmount": _money(max(0, exchange.available_e8(account))),
    }
    totals = {f"total{name[0].upper()}{name[1:]}": text for name, text in sums.items()}
    for name in ("AvailableBalance", "MaxWithdrawAmount"):
        totals[name[0].lower() + name[1:]] = totals.pop(f"total{name}")
    rows = [
        _position_row(account, market, held, True)
        for market in exchange.markets.values()
        for held in _positions(account, market)
    ]
    for row in rows:
        row["unrealizedProfit"] = row.pop("unRealizedProfit")
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "updateTime": 0,
        "multiAssetsMargin": False,
        **totals,
        "assets": [{"asset": "USDT", **sums, "marginAvailable": True, "updateTime": call.now_ms}],
        "positions": rows,
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


def set_leverage(call: Call) -> Answer:
    market = call.desk.orders.market(call.params)
    leverage = whole(call.params, "leverage")
    if not 1 <= leverage <= LEVERAGE_MAX:
        raise VenueError(-4028, f"Leverage {leverage} is not valid")
    call.account.leverage[market.symbol] = leverage
    return {"leverage": leverage, "maxNotionalValue": "25000000", "symbol": market.symbol}


def set_margin_type(call: Call) -> Answer:
    call.desk.orders.market(call.params)
    if needed(call.params, "marginType") != "CROSSED":
        raise not_valid("marginType")
    raise VenueError(-4046, "No need to change margin type.")


def commission_rate(call: Call) -> Answer:
    market, account = call.desk.orders.market(call.params), call.account
    return {
        "symbol": market.symbol,
        "makerCommissionRate": decimal_text(account.maker_fee_bps, 4),
        "takerCommissionRate": decimal_text(account.taker_fee_bps, 4),
    }


def leverage_brackets(call: Call) -> Answer:
    """One bracket per symbol: this venue does not step its margin."""
    rows = [
        {
            "symbol": market.symbol,
            "notionalCoef": 1.0,
            "brackets": [
                {
                    "bracket": 1,
                    "initialLeverage": LEVERAGE_MAX,
                    "notionalCap": 25_000_000,
                    "notionalFloor": 0,
                    "maintMarginRatio": 0.004,
                    "cum": 0.0,
                }
            ],
        }
        for market in call.desk.exchange.markets.values()
    ]
    if call.params.get("symbol"):
        symbol = call.desk.orders.market(call.params).symbol
        return [row for row in rows if row["symbol"] == symbol]
    return rows


def assets_margin(call: Call) -> Answer:
    return {"multiAssetsMargin": False}
