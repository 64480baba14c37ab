"""The WebSocket API: sessions, signed and unsigned methods, answers with rate limits.

Owns:    the method table, what a signature covers here, the session of one connection.
Refuses: frames (server.py), what methods answer (public.py, private.py, orders.py).

A signature covers all parameters but itself, sorted by name, joined as `name=value&...`,
not percent-encoded.
"""

from __future__ import annotations

import json
from typing import Any

from venues.simulator.usdm import errors, private, public, wallet
from venues.simulator.usdm.call import Answer, Call, Endpoint, Security, order_handler, recording
from venues.simulator.usdm.desk import Desk
from venues.simulator.usdm.errors import VenueError, missing
from venues.simulator.usdm.keys import Key
from venues.simulator.usdm.params import Params
from venues.simulator.usdm.rest import json_text, risk_new, risk_old

NONE, KEY, SIGNED = Security.NONE, Security.KEY, Security.SIGNED


def _unsupported(call: Call) -> Answer:
    raise VenueError(-1020, "This operation is not supported.")


METHODS: dict[str, Endpoint] = {
    "ping": Endpoint(public.ping),
    "time": Endpoint(public.server_time),
    "depth": Endpoint(public.depth, public.depth_weight),
    "ticker.price": Endpoint(public.ticker_price),
    "ticker.book": Endpoint(public.ticker_book, 2),
    "order.place": Endpoint(order_handler("place"), 0, SIGNED, "place", True),
    "order.modify": Endpoint(order_handler("modify"), 1, SIGNED, "modify", True),
    "order.cancel": Endpoint(order_handler("cancel"), 1, SIGNED, "cancel"),
    "order.status": Endpoint(private.order_status, 1, SIGNED),
    "account.balance": Endpoint(wallet.balance, 5, SIGNED),
    "v2/account.balance": Endpoint(wallet.balance, 5, SIGNED),
    "account.status": Endpoint(wallet.account_summary, 5, SIGNED),
    "v2/account.status": Endpoint(wallet.account_summary, 5, SIGNED),
    "account.position": Endpoint(risk_old, 5, SIGNED),
    "v2/account.position": Endpoint(risk_new, 5, SIGNED),
    "userDataStream.start": Endpoint(private.listen_key_start, 5, KEY),
    "userDataStream.ping": Endpoint(private.listen_key_extend, 1, KEY),
    "userDataStream.stop": Endpoint(private.listen_key_close, 1, KEY),
    "session.logon": Endpoint(_unsupported, 2, SIGNED),
    "session.status": Endpoint(_unsupported, 2),
    "session.logout": Endpoint(_unsupported, 2),
}


def signed_text(params: Params) -> str:
    return "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature")


def text_params(raw: dict[str, Any]) -> Params:
    """JSON values as the text that was signed; numbers keep their digits."""
    params: Params = {}
    for name, value in raw.items():
        if isinstance(value, bool):
            params[name] = "true" if value else "false"
        elif isinstance(value, str):
            params[name] = value
        elif isinstance(value, int):
            params[name] = str(value)
        elif value is not None:
            raise errors.not_valid(name)
    return params


class Session:
    """One connection of the WebSocket API."""

    def __init__(self, desk: Desk, address: str) -> None:
        self.desk = desk
        self.address = address
        self.connected_ms = desk.now_ms()
        self.key: Key | None = None
        self.authorized_ms = 0
        self.reports_limits = True

    async def answer(self, text: str) -> str:
        """Serve one message; raises Unanswered when a fault swallows the answer."""
        try:
            message = json.loads(text, parse_float=str)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            return _failure("null", VenueError(*errors.BAD_JSON), None)
        request_id = json.dumps(message.get("id"))
        limits: list[dict[str, Any]] | None = None
        try:
            raw = message.get("params") or {}
            if not isinstance(raw, dict):
                raise VenueError(*errors.BAD_JSON)
            result, limits = await self._serve(message["method"], text_params(raw))
        except VenueError as error:
            if error.retry_s:
                now_ms = self.desk.now_ms()
                retry = {"serverTime": now_ms, "retryAfter": now_ms + 1_000 * error.retry_s}
                return _failure(request_id, error, self._weights(), retry)
            return _failure(request_id, error, self._weights() if self.reports_limits else None)
        tail = "" if limits is None else f',"rateLimits":{json_text(limits)}'
        return f'{{"id":{request_id},"status":200,"result":{result}{tail}}}'

    def _weights(self) -> list[dict[str, Any]]:
        return self.desk.quota.weight_report(self.address, self.desk.now_ms())

    async def _serve(self, method: str, params: Params) -> tuple[str, list[dict[str, Any]] | None]:
        desk, now_ms = self.desk, self.desk.now_ms()
        endpoint = METHODS.get(method)
        desk.quota.spend(self.address, endpoint.weighs(params) if endpoint else 1, now_ms)
        if endpoint is None:
            raise VenueError(-1020, f"Method {method} is not supported.")
        shows_limits = self.reports_limits
        if params.get("returnRateLimits") in ("true", "false"):
            shows_limits = params["returnRateLimits"] == "true"
        call = Call(desk, params, self.address, now_ms)
        with recording(call, endpoint):
            self._authorize(call, endpoint, method)
            if endpoint.counts_order:
                desk.quota.spend_order(call.account.number, now_ms)
        if method.startswith("session."):
            result: Answer = self._session(method, call)
        else:
            result = await self._method(endpoint, call)
        if not shows_limits:
            return json_text(result), None
        if endpoint.counts_order:
            return json_text(result), desk.quota.order_report(call.account.number, now_ms)
        return json_text(result), self._weights()

    async def _method(self, endpoint: Endpoint, call: Call) -> Answer:
        desk, symbol = self.desk, call.params.get("symbol", "")
        if endpoint.order:
            await desk.hold_request(symbol)
        result = endpoint.handler(call)
        if endpoint.order:
            await desk.hold_answer(symbol)
        return result

    def _authorize(self, call: Call, endpoint: Endpoint, method: str) -> None:
        """Find the key: the one named and signed with, or else the session's."""
        params = call.params
        if endpoint.security is NONE:
            return
        if endpoint.security is KEY:
            call.key = (
                self.desk.keyring.find(params["apiKey"]) if params.get("apiKey") else self.key
            )
            if call.key is None:
                raise missing("apiKey")
            return
        session = self.key if method != "session.logon" else None
        named = params.get("apiKey", "")
        if not named and session is None:
            raise missing("apiKey")
        call.key = self.desk.keyring.find(named) if named else session
        call.good_until_ms = self.desk.check_time(params, call.now_ms)
        if not named or (call.key is session and not params.get("signature")):
            return
        if not params.get("signature"):
            raise missing("signature")
        assert call.key is not None
        call.key.verify(signed_text(params).encode("utf-8", "surrogatepass"), params["signature"])

    def _session(self, method: str, call: Call) -> dict[str, Any]:
        if method == "session.logon":
            assert call.key is not None
            if call.key.public_key is None:
                raise VenueError(*errors.NO_HMAC_LOGON)
            self.key, self.authorized_ms = call.key, call.now_ms
        elif method == "session.logout":
            self.key, self.authorized_ms = None, 0
        return {
            "apiKey": self.key.api_key if self.key else None,
            "authorizedSince": self.authorized_ms or None,
            "connectedSince": self.connected_ms,
            "returnRateLimits": self.reports_limits,
            "serverTime": call.now_ms,
        }


def _failure(
    request_id: str,
    error: VenueError,
    limits: list[dict[str, Any]] | None,
    data: dict[str, int] | None = None,
) -> str:
    body: dict[str, Any] = {"code": error.code, "msg": error.message}
    if data:
        body["data"] = data
    tail = "" if limits is None else f',"rateLimits":{json_text(limits)}'
    return f'{{"id":{request_id},"status":{error.status},"error":{json_text(body)}{tail}}}'
