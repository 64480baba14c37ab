"""The WebSocket API over real sockets: sessions, signatures, answers."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from sim_client import limit

from venues.simulator.usdm.rest import without_signature
from venues.simulator.usdm.wsapi import signed_text, text_params

VENUES_PLACED = json.loads(
    '{"orderId":325078477,"symbol":"BTCUSDT","status":"NEW","clientOrderId":"iCXL1BywlBaf2",'
    '"price":"43187.00","origQty":"0.100","executedQty":"0.000","cumQty":"0.000",'
    '"timeInForce":"GTC","type":"LIMIT","reduceOnly":false,"closePosition":false,"side":"BUY",'
    '"positionSide":"BOTH","priceMatch":"NONE","selfTradePreventionMode":"NONE",'
    '"updateTime":1702555534435}'
)


def test_order_place_answers_in_the_venues_form(still):
    async def scenario(client):
        async with client.api() as api:
            answer = await api.trade("order.place", **limit("BUY", "99000.1"))
            assert list(answer) == ["id", "status", "result", "rateLimits"]
            result = answer["result"]
            assert [name for name in result if name in VENUES_PLACED] == list(VENUES_PLACED)
            assert [type(result[name]) for name in VENUES_PLACED] == [
                type(value) for value in VENUES_PLACED.values()
            ]
            assert "avgPrice" not in result and "cumQuote" not in result
            limits = [(one["rateLimitType"], one["interval"]) for one in answer["rateLimits"]]
            assert limits == [("ORDERS", "SECOND"), ("ORDERS", "MINUTE")]
            assert list(answer["rateLimits"][0]) == [
                "rateLimitType", "interval", "intervalNum", "limit", "count",
            ]

    still.play(scenario)


def test_session_is_needed_and_kept_and_ended(still):
    async def scenario(client):
        async with client.api(logon=False) as api:
            wanted = {**limit("BUY", "99000.1"), "timestamp": int(time.time() * 1000)}
            assert (await api.call("order.place", wanted))["error"]["code"] == -1102
            before = (await api.call("session.status"))["result"]
            assert before["apiKey"] is None and before["authorizedSince"] is None
            on = await api.logon()
            assert on["status"] == 200
            assert on["result"]["apiKey"] == client.keys["ed25519"]["api_key"]
            assert (await api.call("session.status"))["result"]["apiKey"]
            assert (await api.call("order.place", wanted))["status"] == 200
            assert (await api.call("session.logout"))["result"]["apiKey"] is None
            assert (await api.call("order.place", wanted))["error"]["code"] == -1102

    still.play(scenario)


def test_logon_with_an_hmac_key_or_a_wrong_signature_is_refused(still):
    async def scenario(client):
        async with client.api(logon=False) as api:
            assert (await api.logon("hmac"))["error"]["code"] == -4056
            params = api.signed({})
            params["timestamp"] += 1
            answer = await api.call("session.logon", params)
            assert (answer["status"], answer["error"]["code"]) == (400, -1022)
            params = api.signed({"timestamp": int(time.time() * 1000) - 9_000})
            assert (await api.call("session.logon", params))["error"]["code"] == -1021
            answer = await api.call("session.logon", api.signed({}) | {"apiKey": "f" * 64})
            assert (answer["status"], answer["error"]["code"]) == (401, -2015)

    still.play(scenario)


@pytest.mark.parametrize("kind", ["hmac", "ed25519"])
def test_request_that_signs_itself_needs_no_session(still, kind):
    async def scenario(client):
        async with client.api(logon=False) as api:
            wanted = api.signed({**limit("BUY", "99000.1"), "reduceOnly": False}, kind)
            assert (await api.call("order.place", wanted))["status"] == 200
            forged = wanted | {"price": "99000.2"}
            assert (await api.call("order.place", forged))["error"]["code"] == -1022

    still.play(scenario)


def test_order_lives_through_modify_status_and_cancel(still):
    async def scenario(client):
        async with client.api() as api:
            wanted = limit("SELL", "101000", tif="GTX")
            placed = (await api.trade("order.place", **wanted))["result"]
            number = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
            changed = await api.trade(
                "order.modify", **number, side="SELL", quantity="0.02", price="101000.5"
            )
            assert (changed["result"]["modifyId"], changed["result"]["origQty"]) == (1, "0.020")
            same = await api.trade(
                "order.modify", **number, side="SELL", quantity="0.02", price="101000.5"
            )
            assert same["error"]["code"] == -5027
            for wrong, code in (
                ({"quantity": "900"}, -2019), ({"side": "BUY"}, -1130),
                ({"price": "101000.55"}, -4014), ({"quantity": ""}, -1102),
            ):
                wanted = {**number, "side": "SELL", "quantity": "0.03", "price": "101000.5"}
                refused = await api.trade("order.modify", **(wanted | wrong))
                assert refused["error"]["code"] == code, wrong
            found = await api.trade("order.status", **number)
            assert (found["result"]["price"], found["result"]["origQty"]) == ("101000.50", "0.020")
            assert (await api.trade("order.cancel", **number))["result"]["status"] == "CANCELED"
            assert (await api.trade("order.cancel", **number))["error"] == {
                "code": -2011, "msg": "Unknown order sent.",
            }
            lost = await api.trade("order.status", symbol="BTCUSDT", orderId=1)
            assert lost["error"]["code"] == -2013
            named = await api.trade(
                "order.status", symbol="BTCUSDT", origClientOrderId=placed["clientOrderId"]
            )
            assert named["result"]["status"] == "CANCELED"

    still.play(scenario)


def test_client_id_is_refused_only_while_an_open_order_has_it(still):
    async def scenario(client):
        async with client.api() as api:
            wanted = limit("BUY", "99000.1", newClientOrderId="once")
            assert (await api.trade("order.place", **wanted))["status"] == 200
            assert (await api.trade("order.place", **wanted))["error"]["code"] == -4116
            await api.trade("order.cancel", symbol="BTCUSDT", origClientOrderId="once")
            assert (await api.trade("order.place", **wanted))["status"] == 200

    still.play(scenario)


@pytest.mark.parametrize("number", ["text", 7, None])
def test_answer_repeats_the_id_that_was_sent(still, number):
    async def scenario(client):
        async with client.api(logon=False) as api:
            await api.send({"id": number, "method": "time"})
            answer = await api.next()
            assert answer["id"] == number and answer["result"]["serverTime"]

    still.play(scenario)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"id":1}', '{"id":1,"method":7}', "[" * 5_000, '{"id":1,"method":"moon"}',
     '{"id":1,"method":"order.place","params":[1]}',
     '{"id":1,"method":"order.place","params":{"symbol":{"a":1}}}',
     '{"id":1,"method":"session.logon","params":{"apiKey":"\\ud800","timestamp":1}}'],
)
def test_nonsense_is_answered_and_the_session_goes_on(still, text):
    async def scenario(client):
        async with client.api() as api:
            await api.send(text)
            answer = await api.next()
            assert answer["status"] in (400, 401) and answer["error"]["code"] < 0
            assert (await api.call("ping"))["result"] == {}

    still.play(scenario)


def test_rate_limits_can_be_left_out(still):
    async def scenario(client):
        async with client.api() as api:
            answer = await api.trade(
                "order.place", **limit("BUY", "99000.1"), returnRateLimits=False
            )
            assert list(answer) == ["id", "status", "result"]

    still.play(scenario)


DATA = Path(os.environ.get("CORELANE_DATA", Path(__file__).parents[3] / "shared" / "data"))
VECTORS = DATA / "signing" / "vectors.json"


@pytest.mark.requires_data
@pytest.mark.skipif(not VECTORS.exists(), reason="requires data: signing vectors (CORELANE_DATA)")
def test_published_signatures_are_accepted_and_others_are_not():
    """The payload is rebuilt from its parameters as a transport hands them over."""
    from venues.simulator.account import Account
    from venues.simulator.usdm.errors import VenueError
    from venues.simulator.usdm.keys import Key

    vectors = {one["name"]: one for one in json.loads(VECTORS.read_text())["vectors"]}
    names = [name for name in vectors if name.startswith("binance")]
    assert len(names) == 5
    for name in names:
        one = vectors[name]
        key = Key("k", Account(1, "x", 0), one["key"].encode())
        if "wsapi" in name:
            pairs = dict(part.split("=", 1) for part in one["payload"].split("&"))
            pairs["timestamp"] = int(pairs["timestamp"])
            shuffled = dict(reversed(list(pairs.items()))) | {"signature": one["expected"]}
            payload = signed_text(text_params(shuffled))
        else:
            payload, found = without_signature(f"{one['payload']}&signature={one['expected']}")
            assert found == one["expected"]
        assert payload == one["payload"]
        key.verify(payload.encode(), one["expected"])
        with pytest.raises(VenueError):
            key.verify(payload.encode() + b"0", one["expected"])


def test_change_of_a_post_only_order_that_would_take_cancels_it(still):
    async def scenario(client):
        async with client.api() as api:
            wanted = limit("SELL", "101000", tif="GTX")
            number = (await api.trade("order.place", **wanted))["result"]["orderId"]
            named = {"symbol": "BTCUSDT", "orderId": number}
            changed = await api.trade(
                "order.modify", **named, side="SELL", quantity="0.02", price="99000"
            )
            assert changed["result"]["status"] == "CANCELED"
            again = await api.trade(
                "order.modify", **named, side="SELL", quantity="0.03", price="101000"
            )
            assert again["error"]["code"] == -2013

    still.play(scenario)
