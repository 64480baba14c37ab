"""Faults of feeds: a stream that is forgotten, REST that is slow, refuses, or answers late news."""

from __future__ import annotations

import time


def test_dropped_stream_is_silent_until_it_is_subscribed_anew(lively):
    async def scenario(client):
        name = "btcusdt@depth@0ms"
        async with client.stream(f"/public/ws/{name}") as stream:
            await stream.next()
            assert (await client.fault(kind="drop_stream", stream=name))["touched"] >= 1
            while not await stream.quiet(0.5):
                pass
            for number, method in enumerate(("UNSUBSCRIBE", "SUBSCRIBE")):
                await stream.send({"method": method, "params": [name], "id": number})
            seen = await stream.until(lambda message: message.get("e") == "depthUpdate")
            assert [m["id"] for m in seen if "id" in m] == [0, 1]

    lively.play(scenario)


def test_rest_refusal_names_its_path_and_says_for_how_long(still):
    async def scenario(client):
        await client.fault(kind="rest_status", path="/depth", status=429, retry_after=3)
        await client.rest("GET", "/fapi/v1/ping")
        depth = {"symbol": "BTCUSDT", "limit": 5}
        await client.rest("GET", "/fapi/v1/depth", depth, status=429)
        assert client.headers["Retry-After"] == "3"
        await client.rest("GET", "/fapi/v1/depth", depth)

    still.play(scenario)


def test_slow_rest_answers_late(still):
    async def scenario(client):
        await client.fault(kind="slow_rest", path="/depth", ms=300)
        began = time.monotonic()
        await client.rest("GET", "/fapi/v1/depth", {"symbol": "BTCUSDT", "limit": 5})
        assert time.monotonic() - began >= 0.3

    still.play(scenario)


def test_old_snapshot_is_the_book_as_it_was_when_the_fault_was_armed(lively):
    async def scenario(client):
        depth = {"symbol": "BTCUSDT", "limit": 1000}
        async with client.stream("/public/ws/btcusdt@depth@0ms") as stream:
            await client.fault(kind="old_snapshot", symbol="BTCUSDT")
            last = [await stream.next() for _ in range(5)][-1]
            old = await client.rest("GET", "/fapi/v1/depth", depth)
            new = await client.rest("GET", "/fapi/v1/depth", depth)
        assert old["lastUpdateId"] < last["pu"] < new["lastUpdateId"]

    lively.play(scenario)
