"""Market streams over real sockets: shapes, routes, sequence rules, the rebuilt book."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from sim_client import Stream
from sim_stage import Stage

from venues.simulator.options import ServeOptions
from venues.simulator.spawn import spawn

DEPTH = '{"e":"depthUpdate","E":1,"T":1,"s":"","U":1,"u":1,"pu":1,"b":[],"a":[]}'
TICKER = '{"e":"bookTicker","u":1,"s":"","b":"","B":"","a":"","A":"","T":1,"E":1}'
AGG = (
    '{"e":"aggTrade","E":1,"a":1,"s":"","p":"","q":"","f":1,"l":1,"T":1,"m":true,"st":1}'
)
MARK = (
    '{"e":"markPriceUpdate","E":1,"s":"","p":"","i":"","P":"","r":"","T":1,"st":1}'
)
NEW = {"ps", "st"}


def shape(event: dict[str, Any]) -> list[tuple[str, type]]:
    """Keys in order with their types."""
    return [(name, type(value)) for name, value in event.items()]


def older(event: dict[str, Any]) -> list[tuple[str, type]]:
    return [pair for pair in shape(event) if pair[0] not in NEW]


def test_events_have_the_keys_order_and_types_of_the_venue(lively):
    """Recorded frames of 2024 plus st and ps (VENUES: after `s`, and last), and the documents'."""

    async def scenario(client):
        async with client.stream(
            "/public/stream", "btcusdt@depth@0ms", "btcusdt@bookTicker"
        ) as public, client.stream(
            "/market/stream", "btcusdt@aggTrade", "btcusdt@markPrice@1s"
        ) as market:
            seen = {}
            for stream, names in ((public, 2), (market, 4)):
                while len(seen) < names:
                    message = await stream.next()
                    assert list(message) == ["stream", "data"]
                    seen[message["stream"]] = message["data"]
        depth, ticker = seen["btcusdt@depth@0ms"], seen["btcusdt@bookTicker"]
        assert older(depth) == shape(json.loads(DEPTH))
        assert older(ticker) == shape(json.loads(TICKER))
        for event in (depth, ticker):
            names = list(event)
            assert names[names.index("s") + 1] == "ps" and event["ps"] == "BTCUSDT"
            assert names[-1] == "st" and event["st"] == 1
        assert shape(seen["btcusdt@aggTrade"]) == shape(json.loads(AGG))
        assert shape(seen["btcusdt@markPrice@1s"]) == shape(json.loads(MARK))
        for price, size in depth["b"] + depth["a"]:
            assert len(price.partition(".")[2]) == 2 and len(size.partition(".")[2]) == 3
        assert len(seen["btcusdt@markPrice@1s"]["p"].partition(".")[2]) == 8

    lively.play(scenario)


class Rebuilt:
    """A dict book kept by the venue's published rules, and nothing else."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[str, str]] = {"b": {}, "a": {}}
        self.update_id = 0
        self.synced = False

    def snapshot(self, answer: dict[str, Any]) -> None:
        self.update_id = answer["lastUpdateId"]
        self.sides = {"b": dict(answer["bids"]), "a": dict(answer["asks"])}

    def apply(self, event: dict[str, Any]) -> None:
        if not self.synced:
            if event["u"] < self.update_id:
                return
            assert event["U"] <= self.update_id <= event["u"], "first event misses the snapshot"
            self.synced = True
        else:
            assert event["pu"] == self.update_id, "gap"
            assert event["U"] > event["pu"]
        self.update_id = event["u"]
        for side, levels in self.sides.items():
            for price, size in event[side]:
                if float(size):
                    levels[price] = size
                else:
                    levels.pop(price, None)

    def top(self) -> tuple[str, str, str, str]:
        bid, ask = max(self.sides["b"], key=float), min(self.sides["a"], key=float)
        return bid, self.sides["b"][bid], ask, self.sides["a"][ask]


@pytest.mark.parametrize("speed", ["0ms", "100ms"])
def test_snapshot_and_diffs_rebuild_the_engines_book(lively, speed):
    """Equal to the engine at equal update ids, and to bookTicker at equal u."""

    async def scenario(client):
        stream_name = f"btcusdt@depth@{speed}"
        async with client.stream("/public/stream", stream_name, "btcusdt@bookTicker") as stream:
            tickers, engine_equal, top_equal = {}, 0, 0
            buffered = await stream.until(lambda message: message["stream"] == stream_name)
            book = Rebuilt()
            rest = await client.rest("GET", "/fapi/v1/depth", {"symbol": "BTCUSDT", "limit": 1000})
            book.snapshot(rest)
            assert [float(p) for p, _ in rest["bids"]] == sorted(
                (float(p) for p, _ in rest["bids"]), reverse=True
            )
            engines: dict[int, Any] = {}
            books: dict[int, Any] = {}
            for turn in range(240):
                message = buffered.pop(0) if buffered else await stream.next()
                event = message["data"]
                if message["stream"].endswith("bookTicker"):
                    tickers[event["u"]] = (event["b"], event["B"], event["a"], event["A"])
                else:
                    book.apply(event)
                    if book.synced:
                        books[book.update_id] = {s: dict(v) for s, v in book.sides.items()}
                        if tickers.get(book.update_id):
                            assert tickers[book.update_id] == book.top()
                            top_equal += 1
                if turn % 4 == 0:
                    engine = await client.rest("GET", "/sim/book?symbol=BTCUSDT")
                    engines[engine["update_id"]] = engine
            for update_id in books.keys() & engines.keys():
                assert books[update_id]["b"] == dict(engines[update_id]["bids"])
                assert books[update_id]["a"] == dict(engines[update_id]["asks"])
                engine_equal += 1
            assert engine_equal >= 1
            assert top_equal >= 3

    lively.play(scenario)


def test_depth_ids_skip_what_other_symbols_used(lively):
    """One counter for the venue: U is not the previous u + 1, pu is the previous u."""

    async def scenario(client):
        async with client.stream("/public/ws/btcusdt@depth@0ms") as stream:
            events = [await stream.next() for _ in range(20)]
        assert all(b["pu"] == a["u"] for a, b in pairwise(events))
        assert any(b["U"] > a["u"] + 1 for a, b in pairwise(events))

    lively.play(scenario)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/market/stream", "btcusdt@depth@0ms"),
        ("/public/stream", "btcusdt@aggTrade"),
        ("/public/stream", "btcusdt@trade"),
        ("/stream", "btcusdt@bookTicker"),
        ("/ws", "btcusdt@bookTicker"),
        ("/private/stream", "btcusdt@bookTicker"),
        ("/public/stream", "dogeusdt@bookTicker"),
        ("/public/stream", "BTCUSDT@bookTicker"),
    ],
)
def test_wrongly_routed_stream_acknowledges_and_stays_silent(lively, path, name):
    async def scenario(client):
        async with client.stream(path) as stream:
            await stream.send({"method": "SUBSCRIBE", "params": [name], "id": 9})
            assert await stream.text() == '{"result":null,"id":9}'
            assert await stream.quiet(0.3)

    lively.play(scenario)


def test_subscriptions_can_be_listed_and_ended(lively):
    async def scenario(client):
        async with client.stream("/public/ws") as stream:
            names = ["btcusdt@bookTicker", "ethusdt@depth5@100ms"]
            await stream.send({"method": "SUBSCRIBE", "params": names, "id": "a"})
            assert await stream.next() == {"result": None, "id": "a"}
            kinds = {(await stream.next())["e"] for _ in range(40)}
            assert kinds == {"bookTicker", "depthUpdate"}
            await stream.send({"method": "UNSUBSCRIBE", "params": names[:1], "id": 2})
            await stream.until(lambda message: message.get("id") == 2)
            await stream.send({"method": "LIST_SUBSCRIPTIONS", "id": 3})
            answer = (await stream.until(lambda message: message.get("id") == 3))[-1]
            assert answer == {"result": names[1:], "id": 3}
            partial = await stream.next()
            assert len(partial["b"]) == len(partial["a"]) == 5

    lively.play(scenario)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", '{"method":"FLY","id":1}', '{"method":"SUBSCRIBE","params":{}}']
)
def test_nonsense_is_answered_and_the_stream_goes_on(lively, text):
    async def scenario(client):
        async with client.stream("/public/ws/btcusdt@bookTicker") as stream:
            await stream.send(text)
            seen = await stream.until(lambda message: "error" in message)
            assert set(seen[-1]["error"]) == {"code", "msg"}
            assert (await stream.next())["e"] == "bookTicker"

    lively.play(scenario)


def test_server_ping_copies_are_answered_and_client_pings_come_back(lively):
    async def scenario(client):
        async with client.http.ws_connect(
            client.addresses["ws"] + "/public/ws", autoping=False
        ) as ws:
            await ws.ping(b"corelane")
            message = await ws.receive(60)
            assert (message.type.name, bytes(message.data)) == ("PONG", b"corelane")

    lively.play(scenario)


@pytest.fixture(scope="module")
def of_2024() -> Iterator[Any]:
    with spawn(ServeOptions(rate=2.0, shape=2024, ping_ms=200)) as venue:
        yield Stage(venue)


def test_shape_2024_has_old_paths_old_trades_and_no_new_fields(of_2024):
    async def scenario(client):
        names = ("btcusdt@depth@0ms", "btcusdt@trade", "btcusdt@bookTicker")
        async with client.stream("/stream", *names) as stream:
            seen: dict[str, Any] = {}
            while len(seen) < 3:
                message = await stream.next()
                seen[message["stream"]] = message["data"]
            assert shape(seen["btcusdt@depth@0ms"]) == shape(json.loads(DEPTH))
            assert shape(seen["btcusdt@bookTicker"]) == shape(json.loads(TICKER))
            assert list(seen["btcusdt@trade"]) == ["e", "E", "T", "s", "t", "p", "q", "X", "m"]
        async with client.http.ws_connect(client.addresses["ws"] + "/ws", autoping=False) as ws:
            message = await ws.receive(60)
            assert message.type.name == "PING" and len(message.data) == 13
        key = (await client.rest("POST", "/fapi/v1/listenKey", sign="key"))["listenKey"]
        async with client.stream(f"/ws/{key}") as user:
            order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}
            answer = await client.rest("POST", "/fapi/v1/order", order, "hmac")
            assert {"avgPrice", "cumQuote"} <= set(answer)
            assert isinstance(user, Stream) and (await user.next())["e"] == "ORDER_TRADE_UPDATE"

    of_2024.play(scenario)
