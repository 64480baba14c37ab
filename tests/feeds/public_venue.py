"""A venue's public streams on a real socket, in its own dialect: for the recorder.

Owns:    a book that changes, said in the words of the venue's table; subscriptions, REST snapshots,
         a delta that is kept back so that a gap is seen; or the frames of a recording, as they are.
Refuses: orders, other channels than the book's.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from random import Random

from aiohttp import WSMsgType, web

from tests.book.naive import NaiveSides
from tests.venues.venue import Venue

EVERY_S = 0.01
ACKS = {"okx": '{"event":"subscribe","arg":{"channel":"books","instId":"X"},"connId":"1"}'}


class PublicVenue:
    """Serves one venue's book on 127.0.0.1."""

    def __init__(self, venue: Venue, recorded: list[bytes] | None = None) -> None:
        self.venue, self.chain, self.recorded = venue, venue.chain, recorded
        self.to_lose = 0  # so many of the next deltas are not sent
        self.to_break = 0  # so many of the next snapshots have a gap right behind them
        self.answers = asyncio.Event()  # clear = a snapshot that is asked for does not come
        self.answers.set()
        self.rng = Random(7)
        self.sides = NaiveSides({900: 5}, {1100: 5})
        self.last, self.sent = 1000, 0
        self.heard: list[str] = []
        self.address = ""

    async def __aenter__(self) -> PublicVenue:
        app = web.Application()
        app.router.add_get("/{path:.*}", self.answer)
        self.runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        host, port = site._server.sockets[0].getsockname()  # type: ignore[union-attr]
        self.address = f"{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.runner.cleanup()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self.stream(request)
        assert request.query["symbol"] == self.venue.symbol, request.path_qs
        await self.answers.wait()
        return web.Response(body=self.snapshot())

    def snapshot(self) -> bytes:
        assert self.chain is not None
        return self.chain.snapshot(self.last, *self.sides.levels(99))

    def delta(self) -> bytes:
        """Change the book and say so."""
        assert self.chain is not None
        ids = self.chain.follow(self.last, self.rng)
        bids, asks = (
            [(low + self.rng.randrange(90), self.rng.choice([0, 1, 3, 12])) for _ in range(3)]
            for low in (901, 1001)
        )
        self.sides.apply(bids, asks)
        self.last = ids[1]
        return self.chain.delta(ids, bids, asks)

    async def stream(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        talk = asyncio.ensure_future(self.talk(ws, request.query.get("streams", "")))
        async for message in ws:
            if message.type is WSMsgType.TEXT and "ubscribe" in message.data:
                self.heard.append(message.data)
                await self.take(ws, message.data)
        talk.cancel()
        with suppress(asyncio.CancelledError, ConnectionError):
            await talk
        return ws

    async def take(self, ws: web.WebSocketResponse, text: str) -> None:
        said = json.loads(text)
        word = said.get("op", said.get("method", ""))
        await ws.send_str(ACKS.get(self.venue.name, self.venue.controls[0].decode()))
        if word == "subscribe" and self.recorded is None:
            await self.answers.wait()
            await ws.send_str(self.snapshot().decode())
            if self.to_break:
                self.to_break -= 1
                self.delta()
                await ws.send_str(self.delta().decode())

    async def talk(self, ws: web.WebSocketResponse, streams: str) -> None:
        """Say deltas, or what was recorded, once somebody subscribed."""
        while not (streams or self.heard):
            await asyncio.sleep(EVERY_S)
        for frame in self.recorded or ():
            await ws.send_str(frame.decode())
            self.sent += 1
        while self.recorded is None:
            frame = self.delta()
            self.sent += 1
            if self.to_lose:
                self.to_lose -= 1
            else:
                await ws.send_str(frame.decode())
            await asyncio.sleep(EVERY_S)
