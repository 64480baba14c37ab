"""User data, the record and REST tell one story."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from sim_client import limit

VENUES_ORDER = json.loads(
    '{"s":"BTCUSDT","c":"TEST","S":"BUY","o":"LIMIT","f":"GTC","q":"0.001","p":"7100.50",'
    '"ap":"7100.50","sp":"0","x":"TRADE","X":"PARTIALLY_FILLED","i":8886774,"l":"0.001",'
    '"z":"0.001","L":"7100.50","N":"USDT","n":"0.01000000","T":1568879465651,"t":12345678,'
    '"m":true,"R":false,"wt":"CONTRACT_PRICE","ot":"LIMIT","ps":"LONG","cp":false,"rp":"12.34",'
    '"V":"EXPIRE_TAKER"}'
)
VENUES_LITE = (
    '{"e":"TRADE_LITE","E":1,"T":1,"s":"","c":"","S":"","q":"","p":"","i":1,"l":"","L":"","t":1,'
    '"m":true}'
)
VENUES_ACCOUNT = json.loads(
    '{"e":"ACCOUNT_UPDATE","T":1,"E":1,"a":{"m":"ORDER","B":[{"a":"USDT","wb":"1","cw":"1",'
    '"bc":"0"}],"P":[{"s":"BTCUSDT","pa":"20","ep":"6563.6","bep":"6563.559","cr":"0",'
    '"up":"2850.21200","mt":"isolated","iw":"13200.70726908","ps":"LONG"}]}}'
)


def finished(name: str, status: str) -> Any:
    return lambda one: one["e"] == "ORDER_TRADE_UPDATE" and one["o"]["c"] == name and (
        one["o"]["X"] == status
    )


async def spread(client: Any) -> tuple[Decimal, Decimal]:
    top = await client.rest("GET", "/fapi/v1/ticker/bookTicker", {"symbol": "BTCUSDT"})
    return Decimal(top["bidPrice"]), Decimal(top["askPrice"])


def test_fill_is_told_as_trade_lite_account_order_with_the_venues_keys(still):
    async def scenario(client):
        async with client.user() as told:
            bid, _ = await spread(client)
            wanted = limit("SELL", str(bid), "0.015", "IOC", newClientOrderId="t")
            await client.rest("POST", "/fapi/v1/order", wanted, "hmac")
            seen = await told.until(finished("t", "FILLED"))
        kinds = [one["e"] for one in seen]
        assert kinds[0] == "ORDER_TRADE_UPDATE" and seen[0]["o"]["x"] == "NEW"
        steps = ["TRADE_LITE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"]
        assert kinds[1:] == steps * (len(kinds) // 3)
        lite, account, order = seen[1], seen[2], seen[3]
        golden = json.loads(VENUES_LITE)
        assert [(k, type(v)) for k, v in lite.items()] == [(k, type(v)) for k, v in golden.items()]
        assert [name for name in order["o"] if name in VENUES_ORDER] == list(VENUES_ORDER)
        assert [type(order["o"][name]) for name in VENUES_ORDER] == [
            type(value) for value in VENUES_ORDER.values()
        ]
        assert list(account) == list(VENUES_ACCOUNT)
        assert list(account["a"]["B"][0]) == list(VENUES_ACCOUNT["a"]["B"][0])
        assert list(account["a"]["P"][0]) == list(VENUES_ACCOUNT["a"]["P"][0])
        assert lite["t"] == order["o"]["t"] and lite["m"] is False
        record = await client.record(client.keys["account"])
        assert record["filled"]["SELL"]["lots"] == 15

    still.play(scenario)


def test_maker_and_taker_pay_their_own_rate_and_share_the_trade(still):
    async def scenario(maker, taker):
        bid, ask = await spread(maker)
        assert ask - bid == Decimal("0.1")
        async with maker.user() as told_maker, taker.user() as told_taker:
            # clear the touch so that both orders meet each other alone
            quantity = (await maker.rest("GET", "/fapi/v1/ticker/bookTicker",
                                         {"symbol": "BTCUSDT"}))["askQty"]
            await maker.rest("POST", "/fapi/v1/order",
                             limit("BUY", str(ask), quantity, "IOC"), "hmac")
            await maker.rest("POST", "/fapi/v1/order",
                             limit("SELL", str(ask), "0.010", "GTX", newClientOrderId="m"), "hmac")
            await taker.rest("POST", "/fapi/v1/order",
                             limit("BUY", str(ask), "0.004", newClientOrderId="t"), "hmac")
            mine = (await told_maker.until(finished("m", "PARTIALLY_FILLED")))[-1]["o"]
            theirs = (await told_taker.until(finished("t", "FILLED")))[-1]["o"]
        assert mine["t"] == theirs["t"] and mine["L"] == theirs["L"] and mine["m"] is True
        notional = Decimal(theirs["L"]) * Decimal("0.004")
        assert Decimal(mine["n"]) == (notional * 2 / 10_000).quantize(Decimal("1e-8"))
        assert Decimal(theirs["n"]) == (notional * 5 / 10_000).quantize(Decimal("1e-8"))

    still.play(scenario, accounts=2)


def test_record_user_data_and_rest_agree_to_the_last_unit(lively):
    async def scenario(client):
        async with client.user() as told, client.api() as api:
            side = "BUY"
            for number in range(12):
                wanted = {
                    "symbol": ("BTCUSDT", "ETHUSDT")[number % 2], "side": side, "type": "MARKET",
                    "quantity": "0.8", "newClientOrderId": f"n{number}",
                }
                assert (await api.trade("order.place", **wanted))["status"] == 200
                side = "SELL" if number % 3 == 1 else "BUY"
            refused = await api.trade("order.place", **limit("BUY", "1", newClientOrderId="no"))
            assert refused["error"]["code"] == -4164
            await api.trade("order.place", **limit("BUY", "99000.1", newClientOrderId="last"))
            await api.trade("order.cancel", symbol="BTCUSDT", origClientOrderId="last")
            seen = await told.until(finished("last", "CANCELED"))
        record = await client.record(client.keys["account"])
        (rejection,) = record["rejections"]
        assert (rejection["code"], rejection["client_order_id"]) == (-4164, "no")
        placed = [one["client_order_id"] for one in record["orders"]]
        assert placed == [f"n{number}" for number in range(12)] + ["last"]
        fills = [one["o"] for one in seen if one["e"] == "ORDER_TRADE_UPDATE"]
        fills = [one for one in fills if one["x"] == "TRADE"]
        assert len(fills) == len(record["fills"]) >= 12
        for told_fill, kept in zip(fills, record["fills"], strict=True):
            assert (told_fill["t"], told_fill["i"], told_fill["L"], told_fill["l"]) == (
                kept["trade_id"], kept["order_id"], kept["price"], kept["quantity"],
            )
            assert (told_fill["n"], told_fill["rp"]) == (kept["fee"], kept["realized"])
        lites = [one["t"] for one in seen if one["e"] == "TRADE_LITE"]
        assert lites == [one["t"] for one in fills]
        last = [one for one in seen if one["e"] == "ACCOUNT_UPDATE"][-1]["a"]["B"][0]["wb"]
        assert last == record["balance"]
        fees = sum(Decimal(one["n"]) for one in fills)
        realized = sum(Decimal(one["rp"]) for one in fills)
        assert Decimal(record["fees"]) == fees
        assert Decimal(record["realized"]) == realized
        assert Decimal(record["balance"]) == 100_000 + realized - fees
        balance = await client.rest("GET", "/fapi/v3/balance", sign="hmac")
        assert balance[0]["balance"] == record["balance"]
        trades = []
        for symbol in ("BTCUSDT", "ETHUSDT"):
            trades += await client.rest("GET", "/fapi/v1/userTrades", {"symbol": symbol}, "hmac")
        assert {(t["symbol"], t["id"], t["commission"], t["realizedPnl"]) for t in trades} == {
            (f["symbol"], f["trade_id"], f["fee"], f["realized"]) for f in record["fills"]
        }
        rows = await client.rest("GET", "/fapi/v2/positionRisk", sign="hmac")
        held = {row["symbol"]: row["positionAmt"] for row in rows}
        assert held == {one["symbol"]: one["quantity"] for one in record["positions"]}
        assert [one["seq"] for one in record["entries"]] == sorted(
            one["seq"] for one in record["entries"]
        )

    lively.play(scenario)


def test_reduce_only_order_expires_when_its_position_is_gone(still):
    async def scenario(client):
        async with client.user() as told, client.api() as api:
            await api.trade("order.place", symbol="BTCUSDT", side="BUY", type="MARKET",
                            quantity="0.010")
            wanted = limit("SELL", "101000", reduceOnly=True, newClientOrderId="exit")
            assert (await api.trade("order.place", **wanted))["result"]["reduceOnly"] is True
            await api.trade("order.place", symbol="BTCUSDT", side="SELL", type="MARKET",
                            quantity="0.010")
            gone = (await told.until(finished("exit", "EXPIRED")))[-1]["o"]
            assert gone["x"] == "EXPIRED" and gone["R"] is True

    still.play(scenario)


def test_self_trade_modes_expire_whom_they_name(still):
    async def scenario(client):
        async with client.user() as told, client.api() as api:
            for mode, maker_ends, taker_ends in (
                ("EXPIRE_TAKER", "", "EXPIRED_IN_MATCH"),
                ("EXPIRE_MAKER", "EXPIRED_IN_MATCH", ""),
                ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"),
                ("NONE", "FILLED", "FILLED"),
            ):
                # the maker waits inside a spread that the same account opened and closes again
                _, ask = await spread(client)
                top = await client.rest("GET", "/fapi/v1/ticker/bookTicker", {"symbol": "BTCUSDT"})
                await api.trade("order.place", **limit("BUY", str(ask), top["askQty"], "IOC"))
                names = {"maker": f"m{mode}", "taker": f"t{mode}"}
                await api.trade("order.place", **limit(
                    "SELL", str(ask), "0.010", "GTX", newClientOrderId=names["maker"]))
                await api.trade("order.place", **limit(
                    "BUY", str(ask), "0.010", newClientOrderId=names["taker"],
                    selfTradePreventionMode=mode))
                for who, end in (("maker", maker_ends), ("taker", taker_ends)):
                    found = await api.trade(
                        "order.status", symbol="BTCUSDT", origClientOrderId=names[who])
                    assert found["result"]["status"] == (end or "NEW"), (mode, who)
                await client.rest("DELETE", "/fapi/v1/allOpenOrders", {"symbol": "BTCUSDT"}, "hmac")
            assert (await told.next())["e"] == "ORDER_TRADE_UPDATE"

    still.play(scenario)


def test_listen_key_is_one_per_account_and_ends_when_told(still):
    async def scenario(client):
        async def call(method, status=200):
            return await client.rest(method, "/fapi/v1/listenKey", sign="key", status=status)

        key = (await call("POST"))["listenKey"]
        assert await call("POST") == await call("PUT") == {"listenKey": key}
        async with client.stream(f"/private/ws/{key}") as told, client.api() as api:
            await api.trade("order.place", **limit("BUY", "99000.1"))
            assert (await told.next())["e"] == "ORDER_TRADE_UPDATE"
            assert await call("DELETE") == {}
            assert (await call("PUT", 400))["code"] == -1125
            await api.trade("order.place", **limit("BUY", "99000.2"))
            assert await told.quiet(0.2)
            answer = await api.call(
                "userDataStream.start", {"apiKey": client.keys["ed25519"]["api_key"]}
            )
            assert answer["result"]["listenKey"] != key

    still.play(scenario)


def test_user_stream_can_be_cut_to_some_events_and_combined(still):
    async def scenario(client):
        key = (await client.rest("POST", "/fapi/v1/listenKey", sign="key"))["listenKey"]
        path = f"/private/stream?listenKey={key}&events=ACCOUNT_UPDATE/listenKeyExpired"
        async with client.stream(path) as told, client.api() as api:
            await api.trade("order.place", symbol="BTCUSDT", side="BUY", type="MARKET",
                            quantity="0.001")
            message = await told.next()
            assert message["stream"] == key and message["data"]["e"] == "ACCOUNT_UPDATE"

    still.play(scenario)


def test_funding_moves_the_wallet_and_is_told_with_its_amount(still):
    async def scenario(client):
        async with client.user() as told:
            _, ask = await spread(client)
            await client.rest(
                "POST", "/fapi/v1/order", limit("BUY", str(ask), "0.015", "IOC"), "hmac"
            )
            await told.until(lambda one: one["e"] == "ACCOUNT_UPDATE")
            before = Decimal((await client.record(client.keys["account"]))["balance"])
            await client.fault(kind="funding", rate_e8=10_000)  # one basis point
            seen = await told.until(
                lambda one: one["e"] == "ACCOUNT_UPDATE" and one["a"]["m"] == "FUNDING_FEE"
            )
        row = seen[-1]["a"]["B"][0]
        record = await client.record(client.keys["account"])
        assert Decimal(row["bc"]) < 0
        assert Decimal(row["wb"]) == Decimal(record["balance"]) == before + Decimal(row["bc"])
        assert Decimal(record["funding"]) == Decimal(row["bc"])

    still.play(scenario)
