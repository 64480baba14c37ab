"""Events of the dialect as text, written by hand.

Owns:    key order, number text, and which fields belong to which year (`Shape`).
Refuses: sockets, subscriptions, deciding when an event is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from venues.simulator.account import Account
from venues.simulator.effects import Execution, OrderUpdate, PublicTrade, TopChange
from venues.simulator.instrument import Instrument, decimal_text
from venues.simulator.market import DepthWindow, Market
from venues.simulator.order import BUY, Order, Status


@dataclass(slots=True, frozen=True)
class Shape:
    """Which year's fields are sent."""

    year: int = 2026
    extra: bool = False  # also `nq` of aggTrade and `ap` of markPriceUpdate

    def pair(self, symbol: str) -> str:
        return f'"ps":"{symbol}",' if self.year >= 2026 else ""

    @property
    def tail(self) -> str:
        return ',"st":1' if self.year >= 2026 else ""


def levels_text(instrument: Instrument, levels: list[tuple[int, int]]) -> str:
    price, lots = instrument.price_text, instrument.lots_text
    return "[" + ",".join([f'["{price(p)}","{lots(q)}"]' for p, q in levels]) + "]"


def depth_update(market: Market, window: DepthWindow, now_ms: int, shape: Shape) -> str:
    bids = sorted((p, q) for (side, p), q in window.levels.items() if side == BUY)
    asks = sorted((p, q) for (side, p), q in window.levels.items() if side != BUY)
    symbol, instrument = market.symbol, market.instrument
    return (
        f'{{"e":"depthUpdate","E":{now_ms},"T":{window.time_ms},"s":"{symbol}",'
        f'{shape.pair(symbol)}"U":{window.first},"u":{window.last},"pu":{window.previous},'
        f'"b":{levels_text(instrument, bids)},"a":{levels_text(instrument, asks)}{shape.tail}}}'
    )


def depth_partial(market: Market, levels: int, previous: int, now_ms: int, shape: Shape) -> str:
    """The best levels as a whole, in the form of the partial depth streams."""
    matching, instrument, symbol = market.matching, market.instrument, market.symbol
    last = matching.last_update_id
    return (
        f'{{"e":"depthUpdate","E":{now_ms},"T":{market.now_ms},"s":"{symbol}",'
        f'{shape.pair(symbol)}"U":{min(previous + 1, last)},"u":{last},"pu":{previous},'
        f'"b":{levels_text(instrument, matching.bids.depth(levels))},'
        f'"a":{levels_text(instrument, matching.asks.depth(levels))}{shape.tail}}}'
    )


def depth_snapshot(market: Market, levels: int, now_ms: int) -> str:
    matching, instrument = market.matching, market.instrument
    return (
        f'{{"lastUpdateId":{matching.last_update_id},"E":{now_ms},"T":{market.now_ms},'
        f'"bids":{levels_text(instrument, matching.bids.depth(levels))},'
        f'"asks":{levels_text(instrument, matching.asks.depth(levels))}}}'
    )


def book_ticker(top: TopChange, now_ms: int, shape: Shape) -> str:
    instrument, symbol = top.market.instrument, top.market.symbol
    price, lots = instrument.price_text, instrument.lots_text
    return (
        f'{{"e":"bookTicker","u":{top.update_id},"s":"{symbol}",{shape.pair(symbol)}'
        f'"b":"{price(top.bid)}","B":"{lots(top.bid_lots)}",'
        f'"a":"{price(top.ask)}","A":"{lots(top.ask_lots)}",'
        f'"T":{top.time_ms},"E":{now_ms}{shape.tail}}}'
    )


def agg_trade(agg_id: int, trades: list[PublicTrade], now_ms: int, shape: Shape) -> str:
    """Fills of one taker at one price as one event."""
    first, last = trades[0], trades[-1]
    instrument = first.market.instrument
    lots = instrument.lots_text(sum(trade.lots for trade in trades))
    normal = f'"nq":"{lots}",' if shape.extra else ""
    return (
        f'{{"e":"aggTrade","E":{now_ms},"a":{agg_id},"s":"{first.market.symbol}",'
        f'"p":"{instrument.price_text(first.price)}","q":"{lots}",{normal}'
        f'"f":{first.trade_id},"l":{last.trade_id},"T":{first.time_ms},'
        f'"m":{"true" if first.buyer_is_maker else "false"}{shape.tail}}}'
    )


def agg_trade_row(agg_id: int, trades: list[PublicTrade]) -> dict[str, Any]:
    """The same as REST lists it."""
    first, last = trades[0], trades[-1]
    instrument = first.market.instrument
    return {
        "a": agg_id,
        "p": instrument.price_text(first.price),
        "q": instrument.lots_text(sum(one.lots for one in trades)),
        "f": first.trade_id,
        "l": last.trade_id,
        "T": first.time_ms,
        "m": first.buyer_is_maker,
    }


def trade(one: PublicTrade, now_ms: int) -> str:
    """The old @trade event; only the 2024 shape serves it."""
    instrument = one.market.instrument
    return (
        f'{{"e":"trade","E":{now_ms},"T":{one.time_ms},"s":"{one.market.symbol}",'
        f'"t":{one.trade_id},"p":"{instrument.price_text(one.price)}",'
        f'"q":"{instrument.lots_text(one.lots)}","X":"MARKET",'
        f'"m":{"true" if one.buyer_is_maker else "false"}}}'
    )


FUNDING_MS = 8 * 3_600_000


def mark_price(market: Market, now_ms: int, shape: Shape) -> str:
    instrument = market.instrument
    mark = decimal_text(
        market.mark_x * instrument.tick_units * 10 ** (8 - instrument.price_decimals) // 32, 8
    )
    index = decimal_text(
        market.last_price * instrument.tick_units * 10 ** (8 - instrument.price_decimals), 8
    )
    average = f'"ap":"{mark}",' if shape.extra else ""
    funding = (now_ms // FUNDING_MS + 1) * FUNDING_MS
    return (
        f'{{"e":"markPriceUpdate","E":{now_ms},"s":"{market.symbol}","p":"{mark}",'
        f'{average}"i":"{index}",'
        f'"P":"{mark}","r":"0.00010000","T":{funding}{shape.tail}}}'
    )


def average_text(instrument: Instrument, cost: int, filled: int) -> str:
    """Average fill price: exact in price decimals, else rounded to 8."""
    if not filled:
        return "0"
    units, rest = divmod(cost * instrument.tick_units, filled)
    if not rest:
        return decimal_text(units, instrument.price_decimals)
    scale = 10 ** (8 - instrument.price_decimals)
    return decimal_text((2 * cost * instrument.tick_units * scale + filled) // (2 * filled), 8)


def status_text(status: Status, self_trade: bool = False) -> str:
    return "EXPIRED_IN_MATCH" if self_trade and status is Status.EXPIRED else status.name


def type_text(order: Order) -> str:
    return "MARKET" if order.market else "LIMIT"


def time_in_force_text(order: Order) -> str:
    """A market order is written as GTC, though nothing of it ever rests."""
    return "GTC" if order.market else order.time_in_force.name


def bool_text(value: bool) -> str:
    return "true" if value else "false"


def limit_price_text(instrument: Instrument, order: Order) -> str:
    return "0" if order.market else instrument.price_text(order.price)


def order_trade_update(update: OrderUpdate, now_ms: int) -> str:
    order, instrument = update.order, update.market.instrument
    lots, filled = instrument.lots_text, update.execution is Execution.TRADE
    side = "BUY" if order.side == BUY else "SELL"
    commission = f'"N":"USDT","n":"{decimal_text(update.fee_e8, 8)}",' if filled else ""
    last_price = instrument.price_text(update.price) if filled else "0"
    return (
        f'{{"e":"ORDER_TRADE_UPDATE","T":{update.time_ms},"E":{now_ms},"o":{{'
        f'"s":"{instrument.symbol}","c":"{order.client_id}","S":"{side}",'
        f'"o":"{type_text(order)}","f":"{time_in_force_text(order)}",'
        f'"q":"{lots(order.lots)}","p":"{limit_price_text(instrument, order)}",'
        f'"ap":"{average_text(instrument, update.cost, update.filled)}","sp":"0",'
        f'"x":"{update.execution.name}","X":"{status_text(update.status, order.expired_by_stp)}",'
        f'"i":{order.order_id},"l":"{lots(update.lots) if filled else 0}",'
        f'"z":"{lots(update.filled) if update.filled else 0}",'
        f'"L":"{last_price}",{commission}"T":{update.time_ms},"t":{update.trade_id},'
        f'"b":"0","a":"0","m":{bool_text(update.maker)},'
        f'"R":{bool_text(order.flagged_reduce_only)},"wt":"CONTRACT_PRICE",'
        f'"ot":"{type_text(order)}","ps":"{order.position_side}","cp":false,'
        f'"rp":"{decimal_text(update.realized_e8, 8)}","pP":false,"si":0,"ss":0,'
        f'"V":"{order.self_trade.name}","pm":"NONE","gtd":0,"er":"0"}}}}'
    )


def trade_lite(update: OrderUpdate, now_ms: int) -> str:
    order, instrument = update.order, update.market.instrument
    return (
        f'{{"e":"TRADE_LITE","E":{now_ms},"T":{update.time_ms},"s":"{instrument.symbol}",'
        f'"c":"{order.client_id}","S":"{"BUY" if order.side == BUY else "SELL"}",'
        f'"q":"{instrument.lots_text(order.lots)}",'
        f'"p":"{limit_price_text(instrument, order)}","i":{order.order_id},'
        f'"l":"{instrument.lots_text(update.lots)}","L":"{instrument.price_text(update.price)}",'
        f'"t":{update.trade_id},"m":{bool_text(update.maker)}}}'
    )


def account_update(update: OrderUpdate, now_ms: int) -> str:
    account, market = update.account, update.market
    wallet = decimal_text(update.wallet_e8, 8)
    positions = [_position_text(market, update, update.order.position_side)]
    if account.hedge_mode:
        positions.insert(0, _zero_position_text(market))
    return (
        f'{{"e":"ACCOUNT_UPDATE","T":{update.time_ms},"E":{now_ms},"a":{{"m":"ORDER",'
        f'"B":[{{"a":"USDT","wb":"{wallet}","cw":"{wallet}","bc":"0"}}],'
        f'"P":[{",".join(positions)}]}}}}'
    )


def funding_update(account: Account, received_e8: int, now_ms: int) -> str:
    """Tell of funding: of crossed positions the venue says the balance alone."""
    wallet, change = decimal_text(account.wallet_e8, 8), decimal_text(received_e8, 8)
    return (
        f'{{"e":"ACCOUNT_UPDATE","T":{now_ms},"E":{now_ms},"a":{{"m":"FUNDING_FEE",'
        f'"B":[{{"a":"USDT","wb":"{wallet}","cw":"{wallet}","bc":"{change}"}}],"P":[]}}}}'
    )


def _position_text(market: Market, update: OrderUpdate, side: str) -> str:
    instrument = market.instrument
    unrealized = instrument.notional_e8(market.mark, update.held_lots) - update.held_cost_e8
    entry = average_text(
        instrument, abs(update.held_cost_e8) // instrument.unit_e8, abs(update.held_lots)
    )
    return (
        f'{{"s":"{instrument.symbol}","pa":"{instrument.lots_text(update.held_lots)}",'
        f'"ep":"{entry}","bep":"{entry}","cr":"{decimal_text(update.held_realized_e8, 8)}",'
        f'"up":"{decimal_text(unrealized, 8)}","mt":"cross","iw":"0","ps":"{side}"}}'
    )


def _zero_position_text(market: Market) -> str:
    return (
        f'{{"s":"{market.symbol}","pa":"0","ep":"0","bep":"0","cr":"0","up":"0",'
        '"mt":"cross","iw":"0","ps":"BOTH"}'
    )


def listen_key_expired(key: str, now_ms: int) -> str:
    return f'{{"e":"listenKeyExpired","E":{now_ms},"listenKey":"{key}"}}'
