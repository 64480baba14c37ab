"""A client of the venue for the tests: signs, sends, reads; shares no code with the venue."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from yarl import URL

WAIT_S = 60.0


class Client:
    """One account at one venue."""

    def __init__(
        self, addresses: dict[str, Any], session: aiohttp.ClientSession, keys: dict[str, Any]
    ) -> None:
        self.addresses = addresses
        self.http = session
        self.keys = keys
        self.private_key = load_pem_private_key(
            Path(keys["ed25519"]["private_key_file"]).read_bytes(), None
        )
        self.ids = itertools.count(1)
        self.headers: dict[str, str] = {}

    def ed25519(self, payload: str) -> str:
        return base64.b64encode(self.private_key.sign(payload.encode())).decode()

    def hmac(self, payload: str) -> str:
        secret = self.keys["hmac"]["secret"].encode()
        return hmac.new(secret, payload.encode(), hashlib.sha256).hexdigest()

    async def rest(
        self, method: str, path: str, params: dict[str, Any] | None = None, sign: str = "",
        status: int = 200, in_body: bool = False,
    ) -> Any:
        """One REST request; `sign` is hmac, ed25519, key (no signature) or empty."""
        params = dict(params or {})
        headers = {}
        if sign:
            kind = "ed25519" if sign == "key" else sign
            headers["X-MBX-APIKEY"] = self.keys[kind]["api_key"]
        if sign in ("hmac", "ed25519"):
            params.setdefault("timestamp", int(time.time() * 1000))
        query = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in params.items())
        if sign in ("hmac", "ed25519"):
            signature = self.hmac(query) if sign == "hmac" else self.ed25519(query)
            query += "&signature=" + quote(signature, safe="")
        url = self.addresses["rest"] + path
        data = None
        if in_body:
            data, query = query, ""
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        target = URL(f"{url}?{query}" if query else url, encoded=True)
        async with self.http.request(method, target, headers=headers, data=data) as answer:
            text = await answer.text()
            self.headers = dict(answer.headers)
            assert answer.status == status, (answer.status, text)
            return json.loads(text) if text else None

    async def record(self, account: str = "") -> Any:
        tail = f"?account={account}" if account else ""
        return await self.rest("GET", f"/sim/record{tail}")

    async def venue_ms(self) -> int:
        return int((await self.rest("GET", "/fapi/v1/time"))["serverTime"])

    async def fault(self, **details: Any) -> Any:
        async with self.http.post(self.addresses["rest"] + "/sim/fault", json=details) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    @asynccontextmanager
    async def stream(self, path: str, *names: str) -> AsyncIterator[Stream]:
        url = f"{self.addresses['ws']}{path}"
        if names:
            url += "?streams=" + "/".join(names)
        async with self.http.ws_connect(url, max_msg_size=0) as ws:
            yield Stream(ws)

    @asynccontextmanager
    async def user(self) -> AsyncIterator[Stream]:
        key = (await self.rest("POST", "/fapi/v1/listenKey", sign="key"))["listenKey"]
        async with self.stream(f"/private/ws?listenKey={key}") as stream:
            yield stream

    @asynccontextmanager
    async def api(self, logon: bool = True) -> AsyncIterator[Api]:
        async with self.http.ws_connect(self.addresses["ws_api"]) as ws:
            api = Api(ws, self)
            if logon:
                answer = await api.logon()
                assert answer["status"] == 200, answer
            yield api


class Stream:
    """Messages of one socket."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws

    async def next(self) -> Any:
        return json.loads(await self.text())

    async def text(self) -> str:
        message = await self.ws.receive(WAIT_S)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return str(message.data)

    async def until(self, wanted: Callable[[Any], bool]) -> list[Any]:
        """All messages up to the first that is wanted, which comes last."""
        seen = []
        async with asyncio.timeout(WAIT_S):
            while not seen or not wanted(seen[-1]):
                seen.append(await self.next())
        return seen

    async def quiet(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        try:
            await self.ws.receive(seconds)
        except TimeoutError:
            return True
        return False

    async def send(self, message: Any) -> None:
        await self.ws.send_str(message if isinstance(message, str) else json.dumps(message))


class Api(Stream):
    """A WebSocket API connection."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse, client: Client) -> None:
        super().__init__(ws)
        self.client = client

    def signed(self, params: dict[str, Any], kind: str = "ed25519") -> dict[str, Any]:
        params = {
            "apiKey": self.client.keys[kind]["api_key"],
            "timestamp": int(time.time() * 1000),
            **params,
        }
        payload = "&".join(
            f"{name}={str(value).lower() if isinstance(value, bool) else value}"
            for name, value in sorted(params.items())
        )
        sign = self.client.hmac if kind == "hmac" else self.client.ed25519
        return {**params, "signature": sign(payload)}

    async def request(self, method: str, params: dict[str, Any] | None = None) -> int:
        number = next(self.client.ids)
        await self.send({"id": number, "method": method, "params": params or {}})
        return number

    async def call(self, method: str, params: dict[str, Any] | None = None) -> Any:
        number = await self.request(method, params)
        return (await self.until(lambda message: message["id"] == number))[-1]

    async def trade(self, method: str, **params: Any) -> Any:
        """An order method in a logged-on session."""
        return await self.call(method, {**params, "timestamp": int(time.time() * 1000)})

    async def logon(self, kind: str = "ed25519") -> Any:
        return await self.call("session.logon", self.signed({}, kind))


def limit(
    side: str, price: str, quantity: str = "0.010", tif: str = "GTC", **more: Any
) -> dict[str, Any]:
    """Parameters of a limit order."""
    return {
        "symbol": "BTCUSDT", "side": side, "type": "LIMIT", "timeInForce": tif,
        "quantity": quantity, "price": price, **more,
    }
