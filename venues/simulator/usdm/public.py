"""Public endpoints: time, reference data, books.

Owns:    exchangeInfo and its filters, depth snapshots, tickers, weights of depth.
Refuses: anything of an account.
"""

from __future__ import annotations

from typing import Any

from venues.simulator.instrument import E8, Instrument, decimal_text, short_text
from venues.simulator.market import Market
from venues.simulator.usdm import encode
from venues.simulator.usdm.call import Answer, Call
from venues.simulator.usdm.errors import not_valid
from venues.simulator.usdm.params import Params

DEPTH_WEIGHTS: dict[str, int] = {"5": 2, "10": 2, "20": 2, "50": 2, "100": 5, "500": 10, "1000": 20}
ONBOARD_MS = 1_569_398_400_000
DELIVERY_MS = 4_133_404_800_000


def ping(call: Call) -> Answer:
    return {}


def server_time(call: Call) -> Answer:
    return {"serverTime": call.now_ms}


def exchange_info(call: Call) -> Answer:
    assets = {"USDT": None}
    return {
        "timezone": "UTC",
        "serverTime": call.now_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": call.desk.quota.rules(),
        "exchangeFilters": [],
        "assets": [
            {"asset": asset, "marginAvailable": True, "autoAssetExchange": "-10000"}
            for asset in assets
        ],
        "symbols": [symbol_rules(market) for market in call.desk.exchange.markets.values()],
    }


def symbol_rules(market: Market) -> dict[str, Any]:
    """One symbol of exchangeInfo."""
    one = market.instrument
    return {
        "symbol": one.symbol,
        "pair": one.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": DELIVERY_MS,
        "onboardDate": ONBOARD_MS,
        "status": "PENDING_TRADING" if market.paused else "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": decimal_text(1_000_000 // one.leverage, 4),
        "baseAsset": one.base,
        "quoteAsset": one.quote,
        "marginAsset": one.quote,
        "pricePrecision": one.price_decimals,
        "quantityPrecision": one.size_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW"],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": decimal_text(one.band_bps, 4),
        "maxMoveOrderLimit": 10_000,
        "filters": filters(one),
        "orderTypes": [
            "LIMIT",
            "MARKET",
            "STOP",
            "STOP_MARKET",
            "TAKE_PROFIT",
            "TAKE_PROFIT_MARKET",
            "TRAILING_STOP_MARKET",
        ],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
        "permissionSets": ["GRID", "COPY"],
    }


def filters(one: Instrument) -> list[dict[str, Any]]:
    step = decimal_text(1, one.size_decimals)
    up = decimal_text(10_000 + one.band_bps, 4)
    down = decimal_text(10_000 - one.band_bps, 4)
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": one.price_text(1),
            "maxPrice": one.price_text(one.start_ticks * 100),
            "tickSize": one.price_text(1),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": step,
            "maxQty": short_text(one.lots_max, one.size_decimals),
            "stepSize": step,
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": step,
            "maxQty": short_text(one.market_lots_max, one.size_decimals),
            "stepSize": step,
        },
        {"filterType": "MAX_NUM_ORDERS", "limit": one.orders_max},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
        {"filterType": "MIN_NOTIONAL", "notional": short_text(one.notional_min_e8, 8)},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": up,
            "multiplierDown": down,
            "multiplierDecimal": "4",
        },
    ]


def depth_weight(params: Params) -> int:
    return DEPTH_WEIGHTS.get(params.get("limit", "500"), 10)


def depth(call: Call) -> Answer:
    market = call.desk.orders.market(call.params)
    limit = call.params.get("limit", "500")
    if limit not in DEPTH_WEIGHTS:
        raise not_valid("limit")
    faults = call.desk.faults
    fault = faults.take("old_snapshot", market.symbol) if faults.armed else None
    if fault is not None:
        return str(fault.details["texts"][market.symbol])
    return encode.depth_snapshot(market, int(limit), call.now_ms)


def agg_trades(call: Call) -> Answer:
    """The newest aggregated trades, or those from an id on, as many as are kept."""
    market = call.desk.orders.market(call.params)
    limit = int(call.params.get("limit", "500"))
    if not 0 < limit <= 1000:
        raise not_valid("limit")
    kept = call.desk.streams.agg_trades[market.symbol.lower()]
    if "fromId" in call.params:
        first = int(call.params["fromId"])
        rows = [one for one in kept if one[0] >= first][:limit]
    else:
        rows = list(kept)[-limit:]
    return [encode.agg_trade_row(*one) for one in rows]


def _chosen(call: Call) -> list[Market]:
    if call.params.get("symbol"):
        return [call.desk.orders.market(call.params)]
    return list(call.desk.exchange.markets.values())


def _one_or_all(call: Call, rows: list[dict[str, Any]]) -> Answer:
    return rows[0] if call.params.get("symbol") else rows


def ticker_book(call: Call) -> Answer:
    rows: list[dict[str, Any]] = []
    for market in _chosen(call):
        bid, bid_lots, ask, ask_lots = market.matching.top()
        one = market.instrument
        rows.append(
            {
                "symbol": one.symbol,
                "bidPrice": one.price_text(bid),
                "bidQty": one.lots_text(bid_lots),
                "askPrice": one.price_text(ask),
                "askQty": one.lots_text(ask_lots),
                "time": market.now_ms,
                "lastUpdateId": market.matching.last_update_id,
            }
        )
    return _one_or_all(call, rows)


def ticker_price(call: Call) -> Answer:
    rows = [
        {
            "symbol": market.symbol,
            "price": market.instrument.price_text(market.last_price),
            "time": market.now_ms,
        }
        for market in _chosen(call)
    ]
    return _one_or_all(call, rows)


def premium_index(call: Call) -> Answer:
    rows = []
    for market in _chosen(call):
        mark = mark_text(market)
        rows.append(
            {
                "symbol": market.symbol,
                "markPrice": mark,
                "indexPrice": mark,
                "estimatedSettlePrice": mark,
                "lastFundingRate": "0.00010000",
                "interestRate": "0.00010000",
                "nextFundingTime": (call.now_ms // encode.FUNDING_MS + 1) * encode.FUNDING_MS,
                "time": call.now_ms,
            }
        )
    return _one_or_all(call, rows)


def mark_text(market: Market) -> str:
    """Mark price with eight decimals, in whole ticks as margin counts it."""
    one = market.instrument
    return decimal_text(market.mark * one.tick_units * E8 // 10**one.price_decimals, 8)
