"""The venue as the dialect's transports see it: one place that holds the parts together.

Owns:    the exchange and its crowds, keys, quota, streams, faults; publishing
         of effects; the venue's clock (the host's, plus a skew on demand).
Refuses: HTTP and WebSocket protocol (server.py), request syntax (orders.py, rest.py, wsapi.py).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from venues.simulator.account import Account
from venues.simulator.effects import Execution, OrderUpdate
from venues.simulator.exchange import Exchange
from venues.simulator.options import ServeOptions
from venues.simulator.order import TimeInForce
from venues.simulator.participants import Crowd
from venues.simulator.usdm import encode, errors
from venues.simulator.usdm.encode import Shape
from venues.simulator.usdm.errors import Unanswered, VenueError
from venues.simulator.usdm.faults import DELAY_MS, Fault, Faults
from venues.simulator.usdm.keys import (
    AHEAD_MS_MAX,
    RECV_WINDOW_MS,
    RECV_WINDOW_MS_MAX,
    Key,
    Keyring,
    ListenKeys,
)
from venues.simulator.usdm.orders import OrderDesk
from venues.simulator.usdm.params import Params
from venues.simulator.usdm.quota import Limits, Quota
from venues.simulator.usdm.streams import Streams

Operation = Callable[[Account, Params, int], dict[str, Any]]


class Desk:
    """Everything of the venue but its sockets."""

    def __init__(self, options: ServeOptions) -> None:
        self.options = options
        self.exchange = Exchange(options.instruments())
        self.orders = OrderDesk(self.exchange, options.shape)
        self.shape = Shape(options.shape, options.new_fields)
        self.keyring = Keyring()
        self.listen_keys = ListenKeys(options.listen_key_ms)
        allowed = Limits(options.weight_1m, options.orders_10s, options.orders_1m)
        limits = allowed if options.limits else Limits(0, 0, 0)
        self.quota = Quota(limits)
        self.faults = Faults()
        self.skew_ms = 0
        self.started_ns = time.monotonic_ns()
        self.crowds = [
            Crowd(market, self.exchange.next_order_id, options.seed, options.rate)
            for market in self.exchange.markets.values()
        ]
        for crowd in self.crowds:
            crowd.open(self.now_ms())
        self.exchange.drain()
        self.streams = Streams(self.exchange.markets, self.shape, self.faults)

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.skew_ms

    # market

    def advance(self) -> int:
        """Let the crowds act up to now and give the ns until the next act (0: never)."""
        now_ns = time.monotonic_ns() - self.started_ns
        offset_ms = self.now_ms() - now_ns // 1_000_000
        for crowd in self.crowds:
            crowd.advance(now_ns, offset_ms)
        self.pump()
        due = [crowd.next_ns for crowd in self.crowds if crowd.rate > 0]
        return max(1, min(due) - now_ns) if due else 0

    def pump(self) -> None:
        """Publish what happened since the last call: private events first, then public ones."""
        effects = self.exchange.drain()
        if not effects:
            return
        now_ms = self.now_ms()
        for effect in effects:
            if isinstance(effect, OrderUpdate):
                self._tell(effect, now_ms)
        self.streams.effects(effects, now_ms)

    def _tell(self, update: OrderUpdate, now_ms: int) -> None:
        key = self.listen_keys.of(update.account)
        if key not in self.streams.listeners:
            return
        publish = self.streams.publish
        if update.execution is Execution.TRADE:
            publish(key, encode.trade_lite(update, now_ms), now_ms, "TRADE_LITE")
            publish(key, encode.account_update(update, now_ms), now_ms, "ACCOUNT_UPDATE")
        text = encode.order_trade_update(update, now_ms)
        publish(key, text, now_ms, "ORDER_TRADE_UPDATE")

    def settle_funding(self, rate_e8: int) -> int:
        """Settle funding for every account that holds something; return how many that were."""
        marks = {name: market.mark for name, market in self.exchange.markets.items()}
        now_ms, touched = self.now_ms(), 0
        for account in self.exchange.accounts.values():
            if not any(held.lots for held in account.positions.values()):
                continue
            received = account.settle_funding(marks, rate_e8)
            touched += 1
            key = self.listen_keys.of(account)
            if key in self.streams.listeners:
                text = encode.funding_update(account, received, now_ms)
                self.streams.publish(key, text, now_ms, "ACCOUNT_UPDATE")
        return touched

    def expire_listen_keys(self, all_of_them: bool = False) -> None:
        now_ms = self.now_ms()
        for key in self.listen_keys.expired((1 << 62) if all_of_them else now_ms):
            text = encode.listen_key_expired(key, now_ms)
            self.streams.publish(key, text, now_ms, "listenKeyExpired")
            self.streams.close(key)

    # requests

    def check_time(self, params: Params, now_ms: int) -> int:
        """Check timestamp and recvWindow; give the last ms at which the request is good."""
        stamp = _integer(params, "timestamp")
        window = RECV_WINDOW_MS
        if params.get("recvWindow"):
            window = _integer(params, "recvWindow")
            if window > RECV_WINDOW_MS_MAX:
                raise VenueError(*errors.WIDE_WINDOW)
        if stamp >= now_ms + AHEAD_MS_MAX:
            raise VenueError(*errors.EARLY)
        if now_ms - stamp > window:
            raise VenueError(*errors.LATE)
        return stamp + window

    def take(
        self, key: Key, request: str, operation: Operation, params: Params, good_until_ms: int
    ) -> dict[str, Any]:
        """Carry out an order request at the engine's door, record a refusal, apply faults."""
        now_ms = self.now_ms()
        symbol = params.get("symbol", "")
        try:
            if now_ms > good_until_ms:
                raise VenueError(*errors.LATE_AT_MATCHING)
            if request == "place":
                self._refuse_by_fault(symbol)
            if self.faults.armed and request == "place":
                expired = self._expire_post_only(key.account, params, now_ms)
                if expired is not None:
                    return expired
            fields = operation(key.account, params, now_ms)
        except VenueError as error:
            self.record_refusal(key, request, params, error)
            raise
        if self.faults.armed:
            if self.faults.take("drop_answer", symbol):
                raise Unanswered
            if self.faults.take("timeout_answer", symbol):
                unknown = errors.timeout()
                unknown.recorded = True  # the order lives: this is no refusal
                raise unknown
        return fields

    def record_refusal(self, key: Key, request: str, params: Params, error: VenueError) -> None:
        """Write an order request that was refused into the record, once."""
        if error.recorded:
            return
        error.recorded = True
        client_id = params.get("newClientOrderId") or params.get("origClientOrderId", "")
        self.exchange.record.reject(
            key.account.number,
            request,
            params.get("symbol", ""),
            client_id,
            error.code,
            error.message,
            self.now_ms(),
        )

    def _refuse_by_fault(self, symbol: str) -> None:
        if not self.faults.armed:
            return
        if self.faults.take("throttle", symbol):
            raise errors.throttled()
        refusal = self.faults.take("refuse_order", symbol)
        if refusal is not None:
            details = refusal.details
            raise VenueError(int(details["code"]), str(details.get("message", "refused by fault")))

    def _expire_post_only(
        self, account: Account, params: Params, now_ms: int
    ) -> dict[str, Any] | None:
        """By fault: accept a post-only order that would take, and expire it at once."""
        if params.get("timeInForce") != TimeInForce.GTX.name:
            return None
        market, order = self.orders.parse(account, params)
        if not market.matching.refusal(order):
            return None
        if self.faults.take("expire_post_only", market.symbol) is None:
            return None
        self.exchange.record.order(order, market, now_ms)
        market.submit(order, now_ms, expire=True)
        return self.orders.fields(market, order) | {"status": "NEW"}

    async def hold_request(self, symbol: str) -> None:
        """By fault: wait before an order request is matched."""
        if self.faults.armed:
            await _wait(self.faults.take("late_request", symbol))

    async def hold_answer(self, symbol: str) -> None:
        """By fault: let the world see the order before its sender gets the answer."""
        fault = self.faults.take("delay_answer", symbol) if self.faults.armed else None
        if fault is not None:
            self.pump()
            await _wait(fault)

    def report(self, account_name: str, lists: bool) -> dict[str, Any]:
        """The record of one account; raise KeyError if there is none of that name."""
        for account in self.exchange.accounts.values():
            if account.name == account_name:
                return self.exchange.record.report(account, self.exchange.markets, lists)
        raise KeyError(account_name)


async def _wait(fault: Fault | None) -> None:
    if fault is not None:
        await asyncio.sleep(int(fault.details.get("ms", DELAY_MS)) / 1_000)


def _integer(params: Params, name: str) -> int:
    text = params.get(name, "")
    if not text:
        raise errors.missing(name)
    whole = text.partition(".")[0]  # the venue allows decimals of a millisecond here
    if not whole.isdigit() or len(whole) > 16:
        raise errors.illegal(name, "^[0-9]{1,20}$")
    return int(whole)
