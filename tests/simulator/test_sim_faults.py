"""Misbehaviour on demand: each fault does what its line says, and no more."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import aiohttp
import pytest
from sim_client import WAIT_S, limit

from venues.simulator.usdm.faults import ARMED, AT_ONCE


async def chain(stream: Any, count: int) -> list[tuple[int, int]]:
    return [(event["pu"], event["u"]) for event in [await stream.next() for _ in range(count)]]


@pytest.mark.parametrize("kind", ["drop_depth", "duplicate_depth", "reorder_depth"])
def test_depth_fault_breaks_the_chain_once_and_for_one_symbol(lively, kind):
    async def scenario(client):
        async with client.stream("/public/ws/btcusdt@depth@0ms") as hit, client.stream(
            "/public/ws/ethusdt@depth@0ms"
        ) as spared:
            before = await chain(hit, 1)
            await client.fault(kind=kind, symbol="BTCUSDT", count=1)
            ids = before + await chain(hit, 12)
            broken = [n for n, (a, b) in enumerate(pairwise(ids)) if b[0] != a[1]]
            want = {"drop_depth": 1, "duplicate_depth": 1, "reorder_depth": 3}[kind]
            assert len(broken) == want, ids
            if kind == "duplicate_depth":
                assert ids[broken[0]] == ids[broken[0] + 1]
            whole = await chain(spared, 12)
            assert all(b[0] == a[1] for a, b in pairwise(whole))

    lively.play(scenario)


def test_lost_answer_leaves_a_live_order(still):
    async def scenario(client):
        async with client.api() as api:
            await client.fault(kind="drop_answer", symbol="BTCUSDT")
            wanted = limit("BUY", "99000.1", newClientOrderId="lost")
            await api.request("order.place", {**wanted, "timestamp": int(time.time() * 1000)})
            answer = await api.trade("order.status", symbol="BTCUSDT", origClientOrderId="lost")
            assert answer["result"]["status"] == "NEW"  # the first answer that ever came
            await client.fault(kind="drop_answer")
            wanted = limit("BUY", "99000.1", newClientOrderId="lost-too")
            with pytest.raises(aiohttp.ClientError):
                await client.rest("POST", "/fapi/v1/order", wanted, "hmac")
            named = {"symbol": "BTCUSDT", "origClientOrderId": "lost-too"}
            assert (await client.rest("GET", "/fapi/v1/order", named, "hmac"))["status"] == "NEW"

    still.play(scenario)


def test_timeout_answer_hides_an_accepted_order(still):
    async def scenario(client):
        async with client.api() as api:
            await client.fault(kind="timeout_answer")
            answer = await api.trade(
                "order.place", **limit("BUY", "99000.1", newClientOrderId="hidden")
            )
            assert (answer["status"], answer["error"]["code"]) == (408, -1007)
            found = await api.trade("order.status", symbol="BTCUSDT", origClientOrderId="hidden")
            assert found["result"]["status"] == "NEW"
            assert (await client.record(client.keys["account"]))["rejections"] == []

    still.play(scenario)


def test_late_answer_comes_after_the_order_is_told_of(still):
    async def scenario(client):
        async with client.api() as api, client.user() as told:
            await client.fault(kind="delay_answer", ms=1000)
            start = time.monotonic()
            number = await api.request(
                "order.place", {**limit("BUY", "99000.1"), "timestamp": int(time.time() * 1000)}
            )
            assert (await told.next())["o"]["x"] == "NEW"
            told_after = time.monotonic() - start
            assert (await api.next())["id"] == number
            assert time.monotonic() - start >= 1.0 > told_after

    still.play(scenario)


def test_held_request_that_outlives_its_window_is_not_matched(still):
    async def scenario(client):
        async with client.api() as api:
            await client.fault(kind="late_request", ms=1200)
            answer = await api.trade("order.place", **limit("BUY", "99000.1"), recvWindow=1000)
            assert answer["error"]["code"] == -5028
            await client.fault(kind="late_request", ms=50)
            answer = await api.trade("order.place", **limit("BUY", "99000.1"), recvWindow=5000)
            assert answer["status"] == 200

    still.play(scenario)


def test_refusals_by_fault_take_nothing(still):
    async def scenario(client):
        async with client.api() as api:
            await client.fault(kind="throttle")
            answer = await api.trade("order.place", **limit("BUY", "99000.1"))
            assert (answer["status"], answer["error"]["code"]) == (503, -1008)
            await client.fault(kind="refuse_order", code=-2010, message="no")
            answer = await api.trade("order.place", **limit("BUY", "99000.1"))
            assert answer["error"] == {"code": -2010, "msg": "no"}
            await client.fault(kind="pause", symbol="BTCUSDT")
            answer = await api.trade("order.place", **limit("BUY", "99000.1"))
            assert answer["error"]["code"] == -4140
            await client.fault(kind="resume", symbol="BTCUSDT")
            assert (await api.trade("order.place", **limit("BUY", "99000.1")))["status"] == 200
            record = await client.record(client.keys["account"])
            assert [one["code"] for one in record["rejections"]] == [-1008, -2010, -4140]
            assert record["counts"]["order"] == 1

    still.play(scenario)


def test_post_only_can_be_accepted_and_then_expire(still):
    async def scenario(client):
        async with client.api() as api, client.user() as told:
            await client.fault(kind="expire_post_only")
            wanted = limit("BUY", "100500", tif="GTX", newClientOrderId="late-no")
            answer = await api.trade("order.place", **wanted)
            assert answer["result"]["status"] == "NEW"
            assert [(await told.next())["o"]["X"] for _ in range(2)] == ["NEW", "EXPIRED"]
            wanted["newClientOrderId"] = "at-once-no"
            assert (await api.trade("order.place", **wanted))["error"]["code"] == -5022

    still.play(scenario)


def test_rest_status_is_answered_without_a_word(still):
    async def scenario(client):
        await client.fault(kind="rest_status", status=451, count=2)
        for _ in range(2):
            assert await client.rest("GET", "/fapi/v1/ping", status=451) is None
        assert await client.rest("GET", "/fapi/v1/ping") == {}

    still.play(scenario)


@pytest.mark.parametrize("how", [{"code": 1008}, {"abort": True}])
def test_sockets_of_a_group_close_and_others_live(lively, how):
    async def scenario(client):
        async with client.stream("/public/ws/btcusdt@bookTicker") as hit, client.api() as spared:
            await hit.next()
            answer = await client.fault(kind="close_socket", group="public", **how)
            assert answer["touched"] == 1
            while True:
                message = await hit.ws.receive(WAIT_S)
                if message.type is not aiohttp.WSMsgType.TEXT:
                    break
            assert hit.ws.closed
            if "code" in how:  # what came: the client's own word is 1006 if it cannot answer that
                assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, how["code"])
            else:
                assert hit.ws.close_code == 1006
            assert (await spared.call("ping"))["status"] == 200

    lively.play(scenario)


def test_half_open_socket_is_open_and_dead(lively):
    async def scenario(client):
        async with client.stream("/public/ws/btcusdt@bookTicker") as stream:
            await stream.next()
            await client.fault(kind="half_open", group="public")
            while not await stream.quiet(0.2):
                pass
            await stream.send({"method": "LIST_SUBSCRIPTIONS", "id": 1})
            assert await stream.quiet(0.2)
            assert not stream.ws.closed

    lively.play(scenario)


def test_silenced_stream_is_silent_for_its_time_only(lively):
    async def scenario(client):
        names = ("btcusdt@bookTicker", "ethusdt@bookTicker")
        async with client.stream("/public/stream", *names) as stream:
            before = await client.venue_ms()
            await client.fault(kind="silence_stream", stream=names[0], ms=400)
            after = await client.venue_ms()
            told = await stream.until(lambda m: m["stream"] == names[0] and m["data"]["E"] > after)
            assert told[-1]["data"]["E"] >= before + 400  # by the venue's clock: sent, not read
            assert any(m["stream"] == names[1] and m["data"]["E"] > before for m in told)

    lively.play(scenario)


def test_listen_keys_expire_on_demand(still):
    async def scenario(client):
        async with client.user() as told:
            await client.fault(kind="expire_listen_key")
            event = await told.next()
            assert list(event) == ["e", "E", "listenKey"]
            assert event["e"] == "listenKeyExpired"
            answer = await client.rest("PUT", "/fapi/v1/listenKey", sign="key", status=400)
            assert answer["code"] == -1125

    still.play(scenario)


def test_skewed_clock_refuses_what_an_honest_client_stamps(still):
    async def scenario(client):
        await client.fault(kind="clock_skew", ms=60_000)
        answer = await client.rest("GET", "/fapi/v1/openOrders", sign="hmac", status=400)
        assert answer["code"] == -1021
        await client.fault(kind="clock_skew", ms=0)
        assert await client.rest("GET", "/fapi/v1/openOrders", sign="hmac") == []

    still.play(scenario)


def test_disarmed_fault_does_nothing_any_more_and_leaves_other_kinds_armed(still):
    async def scenario(client):
        await client.fault(kind="rest_status", path="/ping", status=503, count=1000)
        await client.fault(kind="slow_rest", path="/nothing", ms=1, count=1000)
        await client.rest("GET", "/fapi/v1/ping", status=503)
        assert (await client.fault(kind="disarm", fault="rest_status"))["touched"] == 1
        await client.rest("GET", "/fapi/v1/ping")
        left = (await client.rest("GET", "/sim/state"))["faults_armed"]
        assert [one["kind"] for one in left] == ["slow_rest"]
        assert (await client.fault(kind="disarm", fault="slow_rest"))["touched"] == 1

    still.play(scenario)


def test_list_of_faults_is_served_and_unknown_ones_are_refused(still):
    async def scenario(client):
        assert await client.rest("GET", "/sim/fault") == {"armed": ARMED, "at_once": AT_ONCE}
        url = client.addresses["rest"] + "/sim/fault"
        for wrong in ({"kind": "earthquake"}, {}, {"kind": "drop_depth", "count": 0},
                      {"kind": "drop_depth", "symbol": "DOGEUSDT"}, {"kind": "pause"}, [1],
                      {"kind": "disarm", "fault": "pause"}):
            async with client.http.post(url, json=wrong) as answer:
                assert answer.status == 400
                assert "error" in await answer.json()

    still.play(scenario)
