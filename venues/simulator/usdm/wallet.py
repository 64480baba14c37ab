"""Account endpoints of money: positions, balances, leverage, fee rates.

Owns:    the fields of these answers.
Refuses: orders, fills, listen keys (private.py); margin rules (exchange.py).
"""

from __future__ import annotations

from typing import Any

from venues.simulator.account import Account, Position
from venues.simulator.instrument import decimal_text
from venues.simulator.market import Market
from venues.simulator.usdm.call import Answer, Call
from venues.simulator.usdm.errors import VenueError, not_valid
from venues.simulator.usdm.params import needed, whole
from venues.simulator.usdm.private import one_symbol
from venues.simulator.usdm.public import mark_text

LEVERAGE_MAX = 125


def _money(value_e8: int) -> str:
    return decimal_text(value_e8, 8)


def _positions(account: Account, market: Market) -> list[Position]:
    sides = ("BOTH", "LONG", "SHORT") if account.hedge_mode else ("BOTH",)
    return [account.position(market.instrument, side) for side in sides]


def position_risk(call: Call, every_symbol: bool) -> Answer:
    """v2 lists every symbol, v3 those with a position or an open order."""
    chosen, account = one_symbol(call), call.account
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
        exchange.position_margin_e8(account),
        exchange.order_margin_e8(account),
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
