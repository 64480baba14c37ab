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
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from yarl import URL

from venues.binance.public import TOO_MANY_ORDERS, Heard, VenueError, refusal, usages
from venues.binance.usdm import feed
from venues.binance.usdm.signing import load_key

__all__ = ["Endpoints", "Session", "VenueError", "load_key"]

RECV_WINDOW_MS = 5000
DEPTH_WEIGHTS = ((50, 2), (100, 5), (500, 10), (1000, 20))  # up to so many levels
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
        # Told what each answer says of the venue's quotas, and when it was asked for.
        self.heard: Callable[[Heard, int], None] = lambda heard, asked_ns: None
        # Asked before anything is sent: how long the venue refuses already, seconds.
        self.stopped_s: Callable[[], float] = lambda: 0.0

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
        weight: int = 1,
    ) -> bytes:
        """Send one request and return the body; VenueError on any refusal.

        While the venue refuses everything nothing is sent: a request more makes a ban of it.
        weight: by the venue's list; it counts where an answer does not say what is used.
        """
        if (stopped_s := self.stopped_s()) > 0:
            text = f"not sent: the venue refuses for another {stopped_s:.1f} s"
            raise VenueError(method, path, 429, 0, text, str(math.ceil(stopped_s)))
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

        asked_ns = time.monotonic_ns()
        try:
            async with self._http.request(
                method, URL(url, encoded=True), headers=headers
            ) as answer:
                body = await answer.read()
        except BaseException:
            self.heard(Heard([], weight, "", 0, 0.0), asked_ns)
            raise
        error = None if answer.status == 200 else refusal(method, path, answer, body)
        self.heard(heard(answer, error, weight), asked_ns)
        if error is not None:
            raise error
        return body

    async def exchange_info(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            await self.request("GET", "/fapi/v1/exchangeInfo", signed=False)
        )
        return found

    async def depth(self, symbol: str, limit: int = 1000) -> bytes:
        """Return a book snapshot as the venue wrote it: the lane's codec reads it."""
        return await self.request(
            "GET",
            "/fapi/v1/depth",
            {"symbol": symbol, "limit": limit},
            signed=False,
            weight=next((w for most, w in DEPTH_WEIGHTS if limit <= most), 20),
        )

    async def ping(self) -> None:
        """Ask nothing: the answer says how much is used."""
        await self.request("GET", "/fapi/v1/ping", signed=False)

    async def listen_key(self) -> str:
        return str(json.loads(await self.request("POST", "/fapi/v1/listenKey"))["listenKey"])

    async def keep_listen_key(self) -> None:
        await self.request("PUT", "/fapi/v1/listenKey")

    async def positions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(
            await self.request("GET", "/fapi/v3/positionRisk", weight=5)
        )
        return found

    async def balances(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(
            await self.request("GET", "/fapi/v3/balance", weight=5)
        )
        return found

    async def open_orders(self, symbol: str | None = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(
            await self.request(
                "GET",
                "/fapi/v1/openOrders",
                {"symbol": symbol} if symbol else {},
                weight=1 if symbol else 40,
            )
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
            await self.request("GET", "/fapi/v1/userTrades", wanted, weight=5)
        )
        return found

    async def cancel_all(self, symbol: str) -> None:
        await self.request("DELETE", "/fapi/v1/allOpenOrders", {"symbol": symbol})

    async def dead_man(self, symbol: str, countdown_ms: int) -> None:
        """Arm (or with 0 stop) the venue's timer that cancels everything of a symbol."""
        await self.request(
            "POST",
            "/fapi/v1/countdownCancelAll",
            {"symbol": symbol, "countdownTime": countdown_ms},
            weight=10,
        )


def heard(answer: aiohttp.ClientResponse, error: VenueError | None, weight: int) -> Heard:
    """Return what an answer says of the quotas."""
    is_stop = error is not None and error.status in (418, 429)
    orders = error is not None and error.code == TOO_MANY_ORDERS
    return Heard(
        usages(answer.headers),
        weight,
        ("orders" if orders else "weight") if is_stop else "",
        answer.status,
        error.retry_after_s if error is not None else 0.0,
    )
