"""The venue on one port of 127.0.0.1: HTTP and WebSocket.

Owns:    the listener, connections, routes.
Refuses: what requests mean (usdm/); any address but 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket as sockets
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import parse_qs, unquote

from aiohttp import WSMsgType, web

from venues.simulator.credentials import make_keys, make_tls, write_credentials
from venues.simulator.options import ServeOptions
from venues.simulator.usdm.control import Control
from venues.simulator.usdm.desk import Desk
from venues.simulator.usdm.errors import Unanswered
from venues.simulator.usdm.keys import Key
from venues.simulator.usdm.rest import Rest
from venues.simulator.usdm.streams import LEGACY, MARKET, PRIVATE, PUBLIC
from venues.simulator.usdm.timers import Timers
from venues.simulator.usdm.wire import Socket
from venues.simulator.usdm.wsapi import Session

MESSAGE_BYTES_MAX = 1 << 16
CLIENT_MESSAGES_PER_S = 10
STREAMS_MAX = 1_024
MESSAGES_AT_ONCE = 4
GROUPS = {"public": PUBLIC, "market": MARKET, "private": PRIVATE}


class Server:
    """One venue being served."""

    def __init__(self, options: ServeOptions, directory: Path) -> None:
        self.options = options
        self.directory = directory
        self.desk = Desk(options)
        self.rest = Rest(self.desk)
        self.control = Control(self.desk)
        self.sockets = self.control.sockets
        self.port = 0
        self.credentials = Path()
        self.ca: Path | None = None
        self.timers = Timers(self.desk, self.control)
        self._answers: set[asyncio.Task[None]] = set()
        self._runner: web.ServerRunner | None = None

    async def start(self) -> None:
        """Listen; afterwards `port`, `credentials` and `ca` are known."""
        accounts = []
        for name in self.options.accounts:
            account = self.desk.exchange.add_account(name)
            keys, public_key = make_keys(name, self.directory)
            self.desk.keyring.add(Key(keys["ed25519"]["api_key"], account, b"", public_key))
            secret = keys["hmac"]["secret"].encode()
            self.desk.keyring.add(Key(keys["hmac"]["api_key"], account, secret))
            accounts.append(keys)
        self.credentials = write_credentials(self.directory, accounts)
        context: ssl.SSLContext | None = None
        if self.options.tls:
            context, self.ca = make_tls(self.directory)
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None))
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.options.port, ssl_context=context)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.timers.start()

    async def stop(self) -> None:
        """Close every connection and the listener."""
        self.timers.stop()
        for socket in tuple(self.sockets):
            socket.close(1001)
        if self._runner is not None:
            await self._runner.cleanup()
        if self.options.record:
            report = [self.desk.report(name, True) for name in self.options.accounts]
            Path(self.options.record).write_text(json.dumps(report, indent=1))

    def addresses(self) -> dict[str, str | int | None]:
        """What a client needs to find this venue."""
        tail = "s" if self.options.tls else ""
        rest, ws = (f"{kind}{tail}://127.0.0.1:{self.port}" for kind in ("http", "ws"))
        return {
            "rest": rest,
            "ws": ws,
            "ws_api": f"{ws}/ws-fapi/v1",
            "public": f"{ws}/public",
            "market": f"{ws}/market",
            "private": f"{ws}/private",
            "port": self.port,
            "credentials": str(self.credentials),
            "ca": str(self.ca) if self.ca else None,
        }

    # requests

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._websocket(request, path, query)
        body = (await request.read()).decode("utf-8", "surrogateescape")
        if path.startswith("/sim/"):
            status, text = self.control.answer(request.method, path, query, body)
            self._pump_soon()
            return _json_response(status, text, {})
        api_key = request.headers.get("X-MBX-APIKEY", "")
        address = request.remote or ""
        try:
            reply = await self.rest.answer(request.method, path, query, body, api_key, address)
        except Unanswered:
            self._pump_soon()
            return await _never(request)
        self._pump_soon()
        return _json_response(reply.status, reply.text, reply.headers)

    def _pump_soon(self) -> None:
        """Publish effects after the answer: it is written in this same turn of the loop."""
        asyncio.get_running_loop().call_soon(self.desk.pump)

    async def _websocket(
        self, request: web.BaseRequest, path: str, query: str
    ) -> web.StreamResponse:
        parts = [unquote(part) for part in path.split("/") if part]
        if parts[:1] == ["ws-fapi"]:
            return await self._serve_api(request)
        group = parts[0] if parts and parts[0] in GROUPS else "legacy"
        rest = parts if group == "legacy" else parts[1:]
        if not rest or rest[0] not in ("ws", "stream"):
            return _json_response(404, "", {})
        fields = parse_qs(query)
        names = [name for name in fields.get("streams", [""])[0].split("/") if name]
        names += fields.get("listenKey", []) + rest[1:]
        serves = GROUPS.get(group) or (LEGACY if self.options.serves_legacy else frozenset())
        events = [name for name in fields.get("events", [""])[0].split("/") if name]
        return await self._serve_streams(request, group, serves, rest[0] == "stream", names, events)

    async def _serve_streams(
        self,
        request: web.BaseRequest,
        group: str,
        serves: frozenset[str],
        combined: bool,
        names: list[str],
        events: list[str],
    ) -> web.StreamResponse:
        """Market and user streams; a listen key that does not live is silent, as at the venue."""
        ws, socket = await self._open(request, group)
        socket.serves, socket.combined, socket.events = serves, combined, events
        self.desk.streams.subscribe(socket, names)
        window = [0, 0]

        async def command(text: str) -> None:
            second = self.desk.now_ms() // 1_000
            window[:] = [second, window[1] + 1] if window[0] == second else [second, 1]
            if window[1] > CLIENT_MESSAGES_PER_S and self.options.limits:
                socket.close(1008)
            else:
                socket.send(self.control.command(socket, text, STREAMS_MAX))

        try:
            await self._read(ws, socket, command)
        finally:
            self.desk.streams.forget(socket)
            self.sockets.discard(socket)
        return ws

    async def _serve_api(self, request: web.BaseRequest) -> web.StreamResponse:
        ws, socket = await self._open(request, "ws-api")
        session = Session(self.desk, request.remote or "")

        async def command(text: str) -> None:
            with contextlib.suppress(Unanswered):
                socket.send(await session.answer(text))
            self.desk.pump()

        def soon(text: str) -> Awaitable[None]:
            """With an armed fault an answer may wait: others must not wait behind it."""
            if self.desk.faults.armed:
                task = asyncio.ensure_future(command(text))
                self._answers.add(task)
                task.add_done_callback(self._answers.discard)
                return asyncio.sleep(0)
            return command(text)

        try:
            await self._read(ws, socket, soon)
        finally:
            self.sockets.discard(socket)
        return ws

    async def _open(
        self, request: web.BaseRequest, group: str
    ) -> tuple[web.WebSocketResponse, Socket]:
        ws = web.WebSocketResponse(
            autoping=False, compress=False, max_msg_size=MESSAGE_BYTES_MAX, timeout=1.0
        )
        await ws.prepare(request)
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("client left during the handshake")
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)
        socket = Socket(transport, group)
        socket.pong_ms = self.desk.now_ms()
        self.sockets.add(socket)
        return ws, socket

    async def _read(
        self, ws: web.WebSocketResponse, socket: Socket, command: Callable[[str], Awaitable[None]]
    ) -> None:
        taken = 0
        async for message in ws:
            taken += 1
            if taken % MESSAGES_AT_ONCE == 0:  # a burst of one connection must not hold up others
                await asyncio.sleep(0)
            if socket.half_open:
                continue
            if message.type is WSMsgType.TEXT:
                await command(message.data)
            elif message.type is WSMsgType.PING:
                await ws.pong(message.data)
            elif message.type is WSMsgType.PONG:
                socket.pong_ms = self.desk.now_ms()
            elif message.type is WSMsgType.BINARY:
                await ws.close(code=1003)


async def _never(request: web.BaseRequest) -> web.StreamResponse:
    """Cut the connection: the answer of this request is lost."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)


def _json_response(status: int, text: str, headers: dict[str, str]) -> web.Response:
    return web.Response(
        status=status, body=text.encode(), headers=headers, content_type="application/json"
    )
