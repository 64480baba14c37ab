"""REST over real sockets: reference data, signatures, time rules, refusals."""

from __future__ import annotations

import time

import pytest
from sim_client import limit

ORDER_KEYS = [
    "orderId", "symbol", "status", "clientOrderId", "price", "origQty", "executedQty",
    "cumQty", "timeInForce", "type", "reduceOnly", "closePosition", "side", "positionSide",
    "priceMatch", "selfTradePreventionMode", "updateTime",
]


def test_exchange_info_lists_filters_that_orders_are_held_to(still):
    async def scenario(client):
        rules = await client.rest("GET", "/fapi/v1/exchangeInfo")
        assert [rule["limit"] for rule in rules["rateLimits"]] == [1_000_000_000] * 3
        btc, eth, _ = rules["symbols"]
        assert (btc["symbol"], btc["pricePrecision"], btc["quantityPrecision"]) == ("BTCUSDT", 2, 3)
        filters = {one["filterType"]: one for one in btc["filters"]}
        assert set(filters) == {
            "PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE", "MAX_NUM_ORDERS",
            "MAX_NUM_ALGO_ORDERS", "MIN_NOTIONAL", "PERCENT_PRICE",
        }
        assert filters["PRICE_FILTER"]["tickSize"] == "0.10"
        assert filters["LOT_SIZE"]["stepSize"] == "0.001"
        assert filters["MIN_NOTIONAL"] == {"filterType": "MIN_NOTIONAL", "notional": "5"}
        assert eth["filters"][0]["tickSize"] == "0.01"

    still.play(scenario)


@pytest.mark.parametrize("sign", ["hmac", "ed25519"])
@pytest.mark.parametrize("in_body", [False, True])
def test_signed_order_lives_whatever_the_key_and_the_place_of_its_parameters(still, sign, in_body):
    async def scenario(client):
        wanted = limit("BUY", "99000.1", newClientOrderId="a.:/_-Z9")
        answer = await client.rest("POST", "/fapi/v1/order", wanted, sign, in_body=in_body)
        assert [name for name in answer if name in ORDER_KEYS] == ORDER_KEYS
        assert answer["status"] == "NEW" and answer["price"] == "99000.10"
        assert answer["clientOrderId"] == "a.:/_-Z9"
        number = {"symbol": "BTCUSDT", "orderId": answer["orderId"]}
        found = await client.rest("GET", "/fapi/v1/order", number, sign)
        assert found["status"] == "NEW" and found["time"] == answer["updateTime"]
        listed = await client.rest("GET", "/fapi/v1/openOrders", {"symbol": "BTCUSDT"}, sign)
        assert listed == [found]
        gone = await client.rest("DELETE", "/fapi/v1/order", number, sign)
        assert gone["status"] == "CANCELED"
        refused = await client.rest("DELETE", "/fapi/v1/order", number, sign, status=400)
        assert refused == {"code": -2011, "msg": "Unknown order sent."}

    still.play(scenario)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"symbol": "DOGEUSDT"}, -1121),
        ({"symbol": ""}, -1102),
        ({"side": "LONG"}, -1117),
        ({"type": "ICEBERG"}, -1116),
        ({"type": "STOP_MARKET"}, -4120),
        ({"timeInForce": "GTD"}, -1115),
        ({"timeInForce": ""}, -1102),
        ({"quantity": "1e3"}, -1100),
        ({"quantity": "-1"}, -1100),
        ({"quantity": "0"}, -4003),
        ({"quantity": "0.0001"}, -1111),
        ({"quantity": "1000000"}, -4005),
        ({"quantity": "1000"}, -2019),
        ({"price": "99000.15"}, -4014),
        ({"price": "99000.123"}, -1111),
        ({"price": "0"}, -4001),
        ({"price": "150000"}, -4016),
        ({"side": "SELL", "price": "50000"}, -4024),
        ({"price": "95000", "symbol": "BTCUSDT", "quantity": "0.00005"}, -1111),
        ({"symbol": "ETHUSDT", "price": "5900", "quantity": "0.0008"}, -1111),
        ({"newClientOrderId": "no spaces"}, -4015),
        ({"newClientOrderId": "x" * 37}, -4015),
        ({"positionSide": "LONG"}, -4061),
        ({"positionSide": "UP"}, -1130),
        ({"reduceOnly": "true"}, -2022),
        ({"reduceOnly": "maybe"}, -1130),
        ({"timeInForce": "GTX", "price": "100500"}, -5022),
        ({"timeInForce": "FOK"}, -5021),
        ({"selfTradePreventionMode": "SOME"}, -1130),
        ({"type": "MARKET"}, -1106),
    ],
)
def test_order_that_breaks_a_rule_is_refused_with_the_venues_code(still, change, code):
    """Each refusal leaves nothing open and stands in the record."""

    async def scenario(client):
        wanted = limit("BUY", "99000.1") | change
        answer = await client.rest("POST", "/fapi/v1/order", wanted, "hmac", status=400)
        assert answer["code"] == code, answer
        assert set(answer) == {"code", "msg"}
        assert await client.rest("GET", "/fapi/v1/openOrders", sign="hmac") == []
        (rejection,) = (await client.record(client.keys["account"]))["rejections"]
        assert (rejection["code"], rejection["request"]) == (code, "place")

    still.play(scenario)


def test_notional_below_the_minimum_is_refused_unless_it_reduces(still):
    async def scenario(client):
        place = "/fapi/v1/order"
        tiny = limit("SELL", "2.51", "1.0") | {"symbol": "XRPUSDT"}
        answer = await client.rest("POST", place, tiny, "hmac", status=400)
        assert answer["code"] == -4164
        assert answer["msg"].startswith("Order's notional must be no smaller than 5 ")
        buy = {"symbol": "XRPUSDT", "side": "BUY", "type": "MARKET", "quantity": "4.0"}
        await client.rest("POST", place, buy, "hmac")
        reducing = tiny | {"reduceOnly": "true"}
        assert (await client.rest("POST", place, reducing, "hmac"))["reduceOnly"] is True

    still.play(scenario)


def test_signature_key_and_time_rules(still):
    async def scenario(client):
        path, wanted = "/fapi/v1/order", limit("BUY", "99000.1")
        now = int(time.time() * 1000)

        async def refusal(params, sign="hmac", status=400):
            return (await client.rest("POST", path, params, sign, status=status))["code"]

        assert await refusal(wanted, sign="", status=401) == -2014
        assert await refusal(wanted, sign="key") == -1102  # signature missing
        assert await refusal(wanted | {"timestamp": now - 6_000}) == -1021
        assert await refusal(wanted | {"timestamp": now + 5_000}) == -1021
        assert await refusal(wanted | {"timestamp": now, "recvWindow": 60_001}) == -1131
        assert await refusal(wanted | {"timestamp": "soon"}) == -1100
        assert await refusal(wanted | {"timestamp": now - 300, "recvWindow": 200}) == -1021
        client.keys["hmac"]["secret"] += "x"
        assert await refusal(wanted) == -1022
        client.keys["hmac"]["secret"] = client.keys["hmac"]["secret"][:-1]
        right, client.keys["hmac"]["api_key"] = client.keys["hmac"]["api_key"], "0" * 64
        assert await refusal(wanted, status=401) == -2015
        client.keys["hmac"]["api_key"] = right
        late = wanted | {"timestamp": now - 5_500, "recvWindow": 60_000}
        assert (await client.rest("POST", path, late, "hmac"))["status"] == "NEW"

    still.play(scenario)


def test_payload_that_was_signed_unencoded_is_refused(still):
    """Since 2026 the signature covers the percent-encoded text: what is on the wire."""

    async def scenario(client):
        honest = client.hmac

        def unencoded(payload: str) -> str:
            return honest(payload.replace("%3A", ":"))

        wanted = limit("BUY", "99000.1", newClientOrderId="a:b")
        client.hmac = unencoded
        answer = await client.rest("POST", "/fapi/v1/order", wanted, "hmac", status=400)
        assert answer["code"] == -1022
        client.hmac = honest
        assert (await client.rest("POST", "/fapi/v1/order", wanted, "hmac"))["status"] == "NEW"

    still.play(scenario)


def test_unknown_path_and_bad_limit_are_refused(still):
    async def scenario(client):
        answer = await client.rest("GET", "/fapi/v1/moon", status=404)
        assert answer["code"] == -5000
        answer = await client.rest("GET", "/fapi/v1/depth", {"symbol": "BTCUSDT", "limit": 7},
                                   status=400)
        assert answer["code"] == -1130
        assert await client.rest("GET", "/fapi/v1/ping") == {}
        skew = (await client.rest("GET", "/fapi/v1/time"))["serverTime"] - time.time() * 1000
        assert abs(skew) < 5_000

    still.play(scenario)


@pytest.mark.parametrize("levels", [5, 10, 20, 50, 100, 500, 1000])
def test_depth_weighs_and_cuts_as_asked(still, levels):
    weights = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}

    async def scenario(client):
        await client.rest("GET", "/fapi/v1/ping")
        before = int(client.headers["X-MBX-USED-WEIGHT-1M"])
        depth = await client.rest("GET", "/fapi/v1/depth", {"symbol": "BTCUSDT", "limit": levels})
        used = int(client.headers["X-MBX-USED-WEIGHT-1M"]) - before
        assert used == weights[levels] or used < 0  # a new minute began
        assert list(depth) == ["lastUpdateId", "E", "T", "bids", "asks"]
        assert len(depth["bids"]) == min(levels, len(depth["bids"])) <= levels
        assert len(depth["bids"]) >= min(levels, 80)

    still.play(scenario)


def test_position_mode_changes_only_when_nothing_is_open(still):
    async def scenario(client):
        path = "/fapi/v1/positionSide/dual"
        assert await client.rest("GET", path, sign="hmac") == {"dualSidePosition": False}

        async def change(value, status=200):
            wanted = {"dualSidePosition": value}
            return (await client.rest("POST", path, wanted, "hmac", status=status))["code"]

        assert await change("false", 400) == -4059
        await client.rest("POST", "/fapi/v1/order", limit("BUY", "99000.1"), "hmac")
        assert await change("true", 400) == -4067
        await client.rest("DELETE", "/fapi/v1/allOpenOrders", {"symbol": "BTCUSDT"}, "hmac")
        assert await change("true") == 200
        buy = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.010"}
        answer = await client.rest("POST", "/fapi/v1/order", buy, "hmac", status=400)
        assert answer["code"] == -4061
        long = buy | {"positionSide": "LONG"}
        with_flag = long | {"reduceOnly": "true"}
        answer = await client.rest("POST", "/fapi/v1/order", with_flag, "hmac", status=400)
        assert answer["code"] == -1106
        await client.rest("POST", "/fapi/v1/order", long, "hmac")
        assert await change("false", 400) == -4068
        over = long | {"side": "SELL", "positionSide": "SHORT"}
        await client.rest("POST", "/fapi/v1/order", over, "hmac")
        rows = await client.rest("GET", "/fapi/v3/positionRisk", sign="hmac")
        held = {row["positionSide"]: row["positionAmt"] for row in rows}
        assert held == {"LONG": "0.010", "SHORT": "-0.010"}
        close_more = long | {"side": "SELL", "quantity": "0.030"}
        await client.rest("POST", "/fapi/v1/order", close_more, "hmac")
        rows = await client.rest("GET", "/fapi/v3/positionRisk", sign="hmac")
        assert [row["positionSide"] for row in rows] == ["SHORT"]

    still.play(scenario)
