"""REST of the dialect, without HTTP: a request's parts in, status and text out.

Owns:    the endpoint table, weights, security of each, what a signature covers.
Refuses: sockets (server.py), what endpoints answer (public.py, private.py, orders.py).

A signature is checked over the bytes that came: the query and the body, joined, without the
signature parameter itself.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote_plus

from venues.simulator.usdm import errors, private, public, wallet
from venues.simulator.usdm.call import Answer, Call, Endpoint, Security, order_handler, recording
from venues.simulator.usdm.desk import Desk
from venues.simulator.usdm.errors import VenueError, missing
from venues.simulator.usdm.faults import DELAY_MS
from venues.simulator.usdm.params import Params

NONE, KEY, SIGNED = Security.NONE, Security.KEY, Security.SIGNED


def risk_old(call: Call) -> Answer:
    return wallet.position_risk(call, every_symbol=True)


def risk_new(call: Call) -> Answer:
    return wallet.position_risk(call, every_symbol=False)


ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("GET", "/fapi/v1/ping"): Endpoint(public.ping),
    ("GET", "/fapi/v1/time"): Endpoint(public.server_time),
    ("GET", "/fapi/v1/exchangeInfo"): Endpoint(public.exchange_info),
    ("GET", "/fapi/v1/depth"): Endpoint(public.depth, public.depth_weight),
    ("GET", "/fapi/v1/aggTrades"): Endpoint(public.agg_trades, 20),
    ("GET", "/fapi/v1/ticker/bookTicker"): Endpoint(public.ticker_book, 2),
    ("GET", "/fapi/v1/ticker/price"): Endpoint(public.ticker_price),
    ("GET", "/fapi/v2/ticker/price"): Endpoint(public.ticker_price),
    ("GET", "/fapi/v1/premiumIndex"): Endpoint(public.premium_index),
    ("POST", "/fapi/v1/order"): Endpoint(order_handler("place"), 0, SIGNED, "place", True),
    ("PUT", "/fapi/v1/order"): Endpoint(order_handler("modify"), 1, SIGNED, "modify", True),
    ("DELETE", "/fapi/v1/order"): Endpoint(order_handler("cancel"), 1, SIGNED, "cancel"),
    ("GET", "/fapi/v1/order"): Endpoint(private.order_status, 1, SIGNED),
    ("DELETE", "/fapi/v1/allOpenOrders"): Endpoint(private.cancel_all, 1, SIGNED),
    ("DELETE", "/fapi/v1/batchOrders"): Endpoint(private.cancel_batch, 1, SIGNED),
    ("GET", "/fapi/v1/openOrders"): Endpoint(
        private.open_orders, private.open_orders_weight, SIGNED
    ),
    ("GET", "/fapi/v1/allOrders"): Endpoint(private.all_orders, 5, SIGNED),
    ("GET", "/fapi/v1/userTrades"): Endpoint(private.user_trades, 5, SIGNED),
    ("GET", "/fapi/v1/positionRisk"): Endpoint(risk_old, 5, SIGNED),
    ("GET", "/fapi/v2/positionRisk"): Endpoint(risk_old, 5, SIGNED),
    ("GET", "/fapi/v3/positionRisk"): Endpoint(risk_new, 5, SIGNED),
    ("GET", "/fapi/v2/balance"): Endpoint(wallet.balance, 5, SIGNED),
    ("GET", "/fapi/v3/balance"): Endpoint(wallet.balance, 5, SIGNED),
    ("GET", "/fapi/v2/account"): Endpoint(wallet.account_summary, 5, SIGNED),
    ("GET", "/fapi/v3/account"): Endpoint(wallet.account_summary, 5, SIGNED),
    ("POST", "/fapi/v1/countdownCancelAll"): Endpoint(private.countdown, 10, SIGNED),
    ("GET", "/fapi/v1/positionSide/dual"): Endpoint(private.hedge_mode, 30, SIGNED),
    ("POST", "/fapi/v1/positionSide/dual"): Endpoint(private.set_hedge_mode, 1, SIGNED),
    ("POST", "/fapi/v1/leverage"): Endpoint(wallet.set_leverage, 1, SIGNED),
    ("POST", "/fapi/v1/marginType"): Endpoint(wallet.set_margin_type, 1, SIGNED),
    ("GET", "/fapi/v1/commissionRate"): Endpoint(wallet.commission_rate, 20, SIGNED),
    ("GET", "/fapi/v1/leverageBracket"): Endpoint(wallet.leverage_brackets, 1, SIGNED),
    ("GET", "/fapi/v1/multiAssetsMargin"): Endpoint(wallet.assets_margin, 30, SIGNED),
    ("POST", "/fapi/v1/listenKey"): Endpoint(private.listen_key_start, 1, KEY),
    ("PUT", "/fapi/v1/listenKey"): Endpoint(private.listen_key_extend, 1, KEY),
    ("DELETE", "/fapi/v1/listenKey"): Endpoint(private.listen_key_close, 1, KEY),
}


@dataclass(slots=True)
class Reply:
    """What goes back over HTTP."""

    status: int
    text: str
    headers: dict[str, str] = field(default_factory=dict)


def without_signature(payload: str) -> tuple[str, str]:
    """Split `a=1&signature=s` into the signed text and the (decoded) signature."""
    kept, signature = [], ""
    for part in payload.split("&"):
        if part.startswith("signature="):
            signature = unquote_plus(part.partition("=")[2]) if "%" in part else part[10:]
        else:
            kept.append(part)
    return "&".join(kept), signature


def parameters(query: str, body: str) -> Params:
    """Query and body as one; the query wins."""
    params = dict(parse_qsl(body, keep_blank_values=True))
    params.update(parse_qsl(query, keep_blank_values=True))
    return params


class Rest:
    """Serves the endpoint table for one desk."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def answer(
        self, method: str, path: str, query: str, body: str, api_key: str, address: str
    ) -> Reply:
        """Serve one request; raises Unanswered when a fault swallows the answer."""
        desk = self.desk
        headers: dict[str, str] = {}
        if desk.faults.armed:
            slow = desk.faults.take("slow_rest", path=path)
            if slow is not None:
                await asyncio.sleep(int(slow.details.get("ms", DELAY_MS)) / 1_000)
            fault = desk.faults.take("rest_status", path=path)
            if fault is not None:
                if "retry_after" in fault.details:
                    headers["Retry-After"] = str(int(fault.details["retry_after"]))
                return Reply(int(fault.details.get("status", 503)), "", headers)
        try:
            text = await self._serve(method, path, query, body, api_key, address, headers)
            return Reply(200, text, headers)
        except VenueError as error:
            if error.retry_s:
                headers["Retry-After"] = str(error.retry_s)
            text = json.dumps({"code": error.code, "msg": error.message}, separators=(",", ":"))
            return Reply(error.status, text, headers)

    async def _serve(
        self,
        method: str,
        path: str,
        query: str,
        body: str,
        api_key: str,
        address: str,
        headers: dict[str, str],
    ) -> str:
        desk, now_ms = self.desk, self.desk.now_ms()
        params = parameters(query, body)
        endpoint = ENDPOINTS.get((method, path))
        weight = endpoint.weighs(params) if endpoint else 1
        headers["X-MBX-USED-WEIGHT-1M"] = str(desk.quota.weight(address, now_ms).count)
        headers["X-MBX-USED-WEIGHT-1M"] = str(desk.quota.spend(address, weight, now_ms))
        if endpoint is None:
            raise errors.no_path(method, path)
        call = Call(desk, params, address, now_ms)
        if endpoint.security is not NONE:
            call.key = desk.keyring.find(api_key)
        with recording(call, endpoint):
            if endpoint.security is SIGNED:
                self._check_signature(call, query, body)
            if endpoint.counts_order:
                short, long = desk.quota.spend_order(call.account.number, now_ms)
                headers["X-MBX-ORDER-COUNT-10S"] = str(short)
                headers["X-MBX-ORDER-COUNT-1M"] = str(long)
        symbol = params.get("symbol", "")
        if endpoint.order:
            await desk.hold_request(symbol)
        answer = endpoint.handler(call)
        if endpoint.order:
            await desk.hold_answer(symbol)
        return json_text(answer)

    @staticmethod
    def _check_signature(call: Call, query: str, body: str) -> None:
        signed_query, in_query = without_signature(query)
        signed_body, in_body = without_signature(body)
        signature = in_body or in_query
        if not signature:
            raise missing("signature")
        call.good_until_ms = call.desk.check_time(call.params, call.now_ms)
        assert call.key is not None
        signed = (signed_query + signed_body).encode("utf-8", "surrogateescape")
        call.key.verify(signed, signature)


def json_text(answer: Answer) -> str:
    if isinstance(answer, str):
        return answer
    return json.dumps(answer, separators=(",", ":"))
