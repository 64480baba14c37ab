"""Cold half of Binance USD-M: signed REST, the lane's logon text, stream addresses.

Owns:    the key (Ed25519) and what is signed with it; one HTTP session.
Refuses: order entry (the lane's logged-on WebSocket does that), market decoding (codec.pyx),
         retrying an ambiguous answer: it reports it.

Facts: reference of the venue as of 2026: routed stream paths, session.logon by Ed25519 over the
sorted parameters, REST payloads percent-encoded before they are signed.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from yarl import URL

from venues.binance.public import VenueError, refusal, weight_of
from venues.binance.usdm import feed
from venues.binance.usdm.signing import load_key

__all__ = ["Endpoints", "Session", "VenueError", "load_key"]

RECV_WINDOW_MS = 5000
# As the codec names its requests: kind 4, no order, the first of its session (codec.request_name).
LOGON_ID = "4" + "0" * 16 + ".1"


@dataclass(frozen=True)
class Endpoints:
    """Where a venue (or the embedded one) listens."""

    rest: str
    streams: str
    orders: str

    def market(self, symbols: list[str]) -> list[str]:
        """Return the market sockets of these symbols.

        Depth and tickers, then trades and mark prices.
        """
        return feed.sockets(self.streams, symbols)

    def user(self, listen_key: str) -> str:
        return f"{self.streams}/private/ws?listenKey={listen_key}"


class Session:
    """Signed REST of one account."""

    def __init__(
        self,
        endpoints: Endpoints,
        api_key: str,
        key: Ed25519PrivateKey,
        http: aiohttp.ClientSession,
    ) -> None:
        self.endpoints = endpoints
        self._api_key = api_key
        self._key = key
        self._http = http
        self.used_weight = 0  # of this minute, as the venue counts it for our address

    def sign(self, payload: str) -> str:
        return base64.b64encode(self._key.sign(payload.encode())).decode()

    def logon_text(self) -> str:
        """Return one session.logon request; its timestamp makes it good for seconds only."""
        parameters: dict[str, Any] = {"apiKey": self._api_key, "timestamp": int(time.time() * 1000)}
        parameters["signature"] = self.sign(
            "&".join(f"{k}={v}" for k, v in sorted(parameters.items()))
        )
        return json.dumps(
            {"id": LOGON_ID, "method": "session.logon", "params": parameters}, separators=(",", ":")
        )

    async def request(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, Any] | None = None,
        signed: bool = True,
    ) -> bytes:
        """Send one request and return the body; VenueError on any refusal."""
        query = dict(parameters or {})
        headers = {}
        if signed:
            headers["X-MBX-APIKEY"] = self._api_key
            query["recvWindow"] = RECV_WINDOW_MS
            query["timestamp"] = int(time.time() * 1000)
        text = urlencode(query)
        if signed:
            text += "&" + urlencode({"signature": self.sign(text)})
        url = f"{self.endpoints.rest}{path}" + (f"?{text}" if text else "")
        # The text is signed as it stands: aiohttp must not encode it again.

        async with self._http.request(method, URL(url, encoded=True), headers=headers) as answer:
            body = await answer.read()
            self.used_weight = weight_of(answer, self.used_weight)
            if answer.status != 200:
                raise refusal(method, path, answer, body)
            return body

    async def exchange_info(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            await self.request("GET", "/fapi/v1/exchangeInfo", signed=False)
        )
        return found

    async def depth(self, symbol: str, limit: int = 1000) -> bytes:
        """Return a book snapshot as the venue wrote it: the lane's codec reads it."""
        return await self.request(
            "GET", "/fapi/v1/depth", {"symbol": symbol, "limit": limit}, signed=False
        )

    async def trades_from(self, symbol: str, first_id: int, count: int) -> list[dict[str, Any]]:
        """Return aggregated trades from this id on, as the venue lists them."""
        query = {"symbol": symbol, "fromId": first_id, "limit": count}
        found: list[dict[str, Any]] = json.loads(
            await self.request("GET", "/fapi/v1/aggTrades", query, signed=False)
        )
        return found

    async def listen_key(self) -> str:
        return str(json.loads(await self.request("POST", "/fapi/v1/listenKey"))["listenKey"])

    async def keep_listen_key(self) -> None:
        await self.request("PUT", "/fapi/v1/listenKey")

    async def positions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(await self.request("GET", "/fapi/v3/positionRisk"))
        return found

    async def balances(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(await self.request("GET", "/fapi/v3/balance"))
        return found

    async def open_orders(self, symbol: str | None = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(
            await self.request("GET", "/fapi/v1/openOrders", {"symbol": symbol} if symbol else {})
        )
        return found

    async def order(self, symbol: str, client_text: str) -> dict[str, Any]:
        """Ask for the newest order with this client id; VenueError -2013 when there is none."""
        found: dict[str, Any] = json.loads(
            await self.request(
                "GET", "/fapi/v1/order", {"symbol": symbol, "origClientOrderId": client_text}
            )
        )
        return found

    async def cancel_order(self, symbol: str, client_text: str) -> None:
        await self.request(
            "DELETE", "/fapi/v1/order", {"symbol": symbol, "origClientOrderId": client_text}
        )

    async def user_trades(
        self, symbol: str, limit: int = 1000, from_id: int | None = None
    ) -> list[dict[str, Any]]:
        """Return fills of the account: the newest, or the oldest of those from an id on."""
        wanted: dict[str, Any] = {"symbol": symbol, "limit": limit}
        if from_id is not None:
            wanted["fromId"] = from_id
        found: list[dict[str, Any]] = json.loads(
            await self.request("GET", "/fapi/v1/userTrades", wanted)
        )
        return found

    async def cancel_all(self, symbol: str) -> None:
        await self.request("DELETE", "/fapi/v1/allOpenOrders", {"symbol": symbol})

    async def dead_man(self, symbol: str, countdown_ms: int) -> None:
        """Arm (or with 0 stop) the venue's timer that cancels everything of a symbol."""
        await self.request(
            "POST", "/fapi/v1/countdownCancelAll", {"symbol": symbol, "countdownTime": countdown_ms}
        )
