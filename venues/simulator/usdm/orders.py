"""Order requests of the dialect: parameters in, answer fields out.

Owns:    the checks of text, precision and filters in the venue's order, and their codes;
         place, cancel, modify, query for REST and WebSocket alike.
Refuses: transports, signatures, weights.
"""

from __future__ import annotations

import random
import re
import string
from typing import Any

from venues.simulator.account import Account
from venues.simulator.exchange import Denied, Exchange
from venues.simulator.instrument import E8, Instrument, short_text
from venues.simulator.market import Market
from venues.simulator.order import BUY, SELL, Order, TimeInForce
from venues.simulator.record import side_text
from venues.simulator.usdm import errors
from venues.simulator.usdm.encode import (
    average_text,
    limit_price_text,
    status_text,
    time_in_force_text,
    type_text,
)
from venues.simulator.usdm.errors import VenueError, not_valid
from venues.simulator.usdm.params import (
    Params,
    flag,
    needed,
    number,
    self_trade_mode,
    side_number,
    time_in_force,
    whole,
)

CLIENT_ID = re.compile(r"^[.A-Z:/a-z0-9_-]{1,36}$")
ALGO_TYPES = frozenset(
    ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
)
MODIFIED_MAX = 10_000
ALPHABET = string.ascii_letters + string.digits


class OrderDesk:
    """Turns requests into calls of the exchange."""

    def __init__(self, exchange: Exchange, year: int) -> None:
        self.exchange = exchange
        self.year = year
        self.random = random.Random()

    def market(self, params: Params) -> Market:
        symbol = needed(params, "symbol")
        market = self.exchange.markets.get(symbol)
        if market is None:
            raise VenueError(*errors.BAD_SYMBOL)
        return market

    def place(self, account: Account, params: Params, now_ms: int) -> dict[str, Any]:
        market, order = self.parse(account, params)
        ack = params.get("newOrderRespType", "ACK") != "RESULT"
        try:
            self.exchange.place(account, market, order, now_ms)
        except Denied as denied:
            raise errors.denied(denied.denial) from None
        fields = self.fields(market, order)
        if ack:  # the venue answers before it tells what came of the order
            nothing = market.instrument.lots_text(0)
            fields |= {"status": "NEW", "executedQty": nothing, "cumQty": nothing}
        return fields

    def cancel(self, account: Account, params: Params, now_ms: int) -> dict[str, Any]:
        market = self.market(params)
        order = self._find(account, market, params)
        if order is None or not order.is_open:
            raise errors.unknown_order()
        self.exchange.cancel(market, order, now_ms)
        return self.fields(market, order)

    def modify(self, account: Account, params: Params, now_ms: int) -> dict[str, Any]:
        market = self.market(params)
        order = self._find(account, market, params)
        if order is None or not order.is_open:
            raise errors.no_such_order()
        if side_number(params) != order.side:
            raise not_valid("side")
        if order.modified >= MODIFIED_MAX:
            raise VenueError(-5026, "Exceed maximum modify order limit.")
        lots = self._lots(market.instrument, needed(params, "quantity"), False)
        price = self._price(market, needed(params, "price"), order.side)
        if not order.flagged_reduce_only:
            self._check_notional(market.instrument, price, lots)
        try:
            self.exchange.modify(account, market, order, price, lots, now_ms)
        except Denied as denied:
            raise errors.denied(denied.denial) from None
        return self.fields(market, order) | {"modifyId": order.modified}

    def status(self, account: Account, params: Params) -> dict[str, Any]:
        market = self.market(params)
        order = self._find(account, market, params)
        if order is None:
            raise errors.no_such_order()
        return self.queried(market, order)

    def cancel_all(self, account: Account, params: Params, now_ms: int) -> dict[str, Any]:
        self.exchange.cancel_all(account, self.market(params), now_ms)
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def queried(self, market: Market, order: Order) -> dict[str, Any]:
        """An order as the venue writes it in answers to questions."""
        instrument = market.instrument
        return self.fields(market, order) | {
            "avgPrice": average_text(instrument, order.cost, order.filled),
            "cumQuote": short_text(order.cost * instrument.unit_e8, 8),
            "time": order.created_ms,
        }

    def fields(self, market: Market, order: Order) -> dict[str, Any]:
        """An order as the venue writes it in answers to order requests."""
        instrument = market.instrument
        lots = instrument.lots_text
        fields: dict[str, Any] = {
            "orderId": order.order_id,
            "symbol": instrument.symbol,
            "status": status_text(order.status, order.expired_by_stp),
            "clientOrderId": order.client_id,
            "price": limit_price_text(instrument, order),
            "avgPrice": average_text(instrument, order.cost, order.filled),
            "origQty": lots(order.lots),
            "executedQty": lots(order.filled),
            "cumQty": lots(order.filled),
            "cumQuote": short_text(order.cost * instrument.unit_e8, 8),
            "timeInForce": time_in_force_text(order),
            "type": type_text(order),
            "reduceOnly": order.flagged_reduce_only,
            "closePosition": False,
            "side": side_text(order.side),
            "positionSide": order.position_side,
            "stopPrice": "0",
            "workingType": "CONTRACT_PRICE",
            "priceProtect": False,
            "origType": type_text(order),
            "priceMatch": "NONE",
            "selfTradePreventionMode": order.self_trade.name,
            "goodTillDate": 0,
            "updateTime": order.updated_ms,
        }
        if self.year >= 2026:  # gone since 2026-07-15
            del fields["avgPrice"], fields["cumQuote"]
        return fields

    def _find(self, account: Account, market: Market, params: Params) -> Order | None:
        """The order that orderId or origClientOrderId names; orderId wins."""
        if params.get("orderId"):
            found = self.exchange.record.orders.get(whole(params, "orderId"))
        elif params.get("origClientOrderId"):
            found = self.exchange.record.latest(account.number, params["origClientOrderId"])
        else:
            raise VenueError(
                -1102,
                "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
            )
        if found is None or found[0].owner != account.number or found[1] is not market:
            return None
        return found[0]

    def parse(self, account: Account, params: Params) -> tuple[Market, Order]:
        """Check a new order's parameters and give the order; nothing is placed."""
        market = self.market(params)
        instrument = market.instrument
        side = side_number(params)
        kind = needed(params, "type")
        if kind in ALGO_TYPES:
            raise VenueError(*errors.USE_ALGO)
        if kind not in ("LIMIT", "MARKET"):
            raise VenueError(*errors.BAD_TYPE)
        client_id = params.get("newClientOrderId") or self._new_client_id()
        if not CLIENT_ID.match(client_id):
            raise VenueError(*errors.BAD_CLIENT_ID)
        position_side = self._position_side(account, params)
        reduce_only = flag(params, "reduceOnly")
        if account.hedge_mode and params.get("reduceOnly"):
            raise VenueError(-1106, "Parameter 'reduceonly' sent when not required.")
        if flag(params, "closePosition"):
            raise VenueError(*errors.USE_ALGO)
        if params.get("priceMatch", "NONE") != "NONE":
            raise not_valid("priceMatch")
        market_order = kind == "MARKET"
        lots = self._lots(instrument, needed(params, "quantity"), market_order)
        if market_order:
            if params.get("price"):
                raise VenueError(-1106, "Parameter 'price' sent when not required.")
            if params.get("timeInForce"):
                raise VenueError(-1106, "Parameter 'timeInForce' sent when not required.")
            lasts = TimeInForce.IOC
            price = market.mark + side * (market.mark * instrument.band_bps // 10_000)
        else:
            lasts = time_in_force(params)
            price = self._price(market, needed(params, "price"), side)
        if not reduce_only:
            self._check_notional(instrument, market.mark if market_order else price, lots)
        return market, Order(
            self.exchange.next_order_id(),
            account.number,
            side,
            price,
            lots,
            lasts,
            self_trade_mode(params),
            reduce_only,
            market_order,
            client_id,
            position_side,
            flagged_reduce_only=reduce_only,
        )

    @staticmethod
    def _position_side(account: Account, params: Params) -> str:
        position_side = params.get("positionSide") or "BOTH"
        if position_side not in ("BOTH", "LONG", "SHORT"):
            raise not_valid("positionSide")
        if (position_side == "BOTH") == account.hedge_mode:
            raise VenueError(*errors.BAD_POSITION_SIDE)
        return position_side

    @staticmethod
    def _lots(instrument: Instrument, text: str, market_order: bool) -> int:
        lots = number(text, "quantity", instrument.size_decimals)
        if lots <= 0:
            raise VenueError(-4003, "Quantity less than or equal to zero.")
        if lots > (instrument.market_lots_max if market_order else instrument.lots_max):
            raise VenueError(-4005, "Quantity greater than max quantity.")
        return lots

    @staticmethod
    def _price(market: Market, text: str, side: int) -> int:
        instrument = market.instrument
        units = number(text, "price", instrument.price_decimals)
        if units <= 0:
            raise VenueError(-4001, "Price less than or equal to zero.")
        ticks, rest = divmod(units, instrument.tick_units)
        if rest:
            raise VenueError(-4014, "Price not increased by tick size.")
        band = market.mark * instrument.band_bps // 10_000
        if side == BUY and ticks > market.mark + band:
            bound = instrument.price_text(market.mark + band)
            raise VenueError(-4016, f"Limit price can't be higher than {bound}.")
        if side == SELL and ticks < market.mark - band:
            bound = instrument.price_text(market.mark - band)
            raise VenueError(-4024, f"Limit price can't be lower than {bound}.")
        return ticks

    @staticmethod
    def _check_notional(instrument: Instrument, ticks: int, lots: int) -> None:
        if instrument.notional_e8(ticks, lots) < instrument.notional_min_e8:
            least = instrument.notional_min_e8 // E8
            raise VenueError(
                -4164,
                f"Order's notional must be no smaller than {least} "
                "(unless you choose reduce only).",
            )

    def _new_client_id(self) -> str:
        return "".join(self.random.choices(ALPHABET, k=22))
