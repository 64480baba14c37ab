"""The cold half of Binance's markets: stream addresses, limits, public REST over loopback."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from runtime.feeds.limits import load
from tests.venues.tables import binance_coinm, binance_spot
from venues.binance.coinm import feed as coinm_feed
from venues.binance.coinm import session as coinm
from venues.binance.public import VenueError
from venues.binance.spot import feed as spot_feed
from venues.binance.spot import session as spot
from venues.binance.usdm import feed as usdm_feed

FEEDS = (spot_feed, coinm_feed, usdm_feed)
LIMIT = {"code": -1003, "msg": "Too many requests"}


@pytest.mark.parametrize(
    ("feed", "wanted"),
    [
        (
            spot_feed,
            ["wss://x/stream?streams=btcusdt@depth@100ms/btcusdt@bookTicker"],
        ),
        (
            coinm_feed,
            ["wss://x/stream?streams=btcusdt@depth@0ms/btcusdt@bookTicker"],
        ),
        (
            usdm_feed,
            ["wss://x/public/stream?streams=btcusdt@depth@0ms/btcusdt@bookTicker"],
        ),
    ],
)
def test_sockets_name_the_streams_that_were_wanted(feed, wanted):
    assert feed.sockets("wss://x", ["BTCUSDT"], ("depth", "book_ticker")) == wanted


@pytest.mark.parametrize("feed", FEEDS)
def test_every_stream_stands_on_one_socket_by_its_number(feed):
    found = feed.streams(["BTCUSDT", "ETHUSDT"])
    addresses = feed.sockets("wss://x", ["BTCUSDT", "ETHUSDT"])
    assert len(found) == 2 * len(feed.TAILS)
    for stream in found:
        assert stream.name in addresses[stream.socket].partition("=")[2].split("/")


@pytest.mark.parametrize(
    ("feed", "frame", "wanted"),
    [
        (
            spot_feed,
            binance_spot.DEPTH,
            ("BTCUSDT", 50093239189, 50093239202, 50093239188),
        ),
        (
            coinm_feed,
            binance_coinm.DEPTH,
            ("BTCUSD_PERP", 1007198631260, 1007198631565, 1007198631198),
        ),
        (spot_feed, binance_spot.TRADE, None),
    ],
)
def test_depth_event_says_its_place_in_the_chain(feed, frame, wanted):
    assert feed.depth_of(frame.decode()) == wanted


@pytest.mark.parametrize("feed", FEEDS)
def test_limits_are_complete_and_know_every_stream(feed):
    limits = load(Path(feed.__file__).with_name("limits.toml"))
    assert set(feed.TAILS) <= set(limits.streams)
    assert 100 <= limits.book_quote_ms <= 1500


async def asked(market, handler) -> tuple:
    """Return what a market's public REST makes of a server's answers, and the paths asked for."""
    paths = []

    async def answer(request: web.Request) -> web.Response:
        paths.append(request.path_qs)
        return handler(request)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with ClientSession() as http:
            rest = market.public(http, base)
            try:
                found = await rest.exchange_info(), await rest.depth("BTCUSDT", 5)
            except VenueError as error:
                found = error
            return found, paths, rest.used_weight
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(("market", "path"), [(spot, "/api/v3"), (coinm, "/dapi/v1")])
def test_public_rest_asks_for_instruments_and_snapshots(market, path):
    def good(request: web.Request) -> web.Response:
        body = {"symbols": []} if "exchangeInfo" in request.path else {"lastUpdateId": 1}
        return web.json_response(body, headers={"X-MBX-USED-WEIGHT-1M": "7"})

    (info, depth), paths, used = asyncio.run(asked(market, good))
    assert (info, json.loads(depth), used) == ({"symbols": []}, {"lastUpdateId": 1}, 7)
    assert paths == [f"{path}/exchangeInfo", f"{path}/depth?symbol=BTCUSDT&limit=5"]


def test_refusal_of_public_rest_says_code_and_when_to_come_back():
    def busy(_: web.Request) -> web.Response:
        return web.json_response(LIMIT, status=429, headers={"Retry-After": "3"})

    error, *_ = asyncio.run(asked(spot, busy))
    assert (error.status, error.code, error.retry_after_s) == (429, -1003, 3.0)
    assert "GET /api/v3/exchangeInfo answered 429 code -1003" in str(error)
