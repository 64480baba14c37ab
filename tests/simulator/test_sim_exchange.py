"""The exchange under random orders of two accounts, and the dialect under random requests."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from venues.simulator.effects import Execution, OrderUpdate
from venues.simulator.exchange import Denied, Exchange
from venues.simulator.instrument import KNOWN
from venues.simulator.options import ServeOptions
from venues.simulator.order import BUY, SELL, Order, SelfTrade, TimeInForce
from venues.simulator.usdm.desk import Desk
from venues.simulator.usdm.keys import Key
from venues.simulator.usdm.rest import ENDPOINTS, Rest
from venues.simulator.usdm.wsapi import METHODS, Session

TIMES = (TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTX)
PLACE = st.tuples(
    st.just("place"), st.integers(0, 2), st.sampled_from((BUY, SELL)),
    st.integers(999_998, 1_000_002),
    st.integers(1, 9), st.sampled_from(TIMES), st.sampled_from(SelfTrade), st.booleans(),
    st.sampled_from(("LONG", "SHORT")),
)
CHANGE = st.tuples(
    st.sampled_from(("cancel", "modify", "cancel_all", "deadline")), st.integers(0, 40),
    st.integers(999_998, 1_000_002), st.integers(1, 9),
)


@settings(max_examples=200)
@given(st.lists(st.one_of(PLACE, PLACE, CHANGE), min_size=15, max_size=80), st.booleans())
def test_accounts_orders_and_book_never_disagree(steps, hedge):
    """After each step: open orders rest, fills make positions, and the wallet adds up."""
    exchange = Exchange([KNOWN["BTCUSDT"]])
    market = exchange.markets["BTCUSDT"]
    accounts = [exchange.add_account("one-way"), exchange.add_account("hedge")]
    accounts[1].hedge_mode = hedge
    placed: list[Order] = []
    held: dict[tuple[int, str], int] = defaultdict(int)
    for now_ms, step in enumerate(steps):
        try:
            if step[0] == "place":
                _, who, side, price, lots, tif, mode, reduce_only, position_side = step
                order = Order(
                    exchange.next_order_id(), who, side, price, lots, tif, mode,
                    client_id=f"c{now_ms}",
                )
                if not who:  # a participant
                    if not market.matching.refusal(order):
                        market.submit(order, now_ms)
                    continue
                account = accounts[who - 1]
                if account.hedge_mode:
                    order.position_side = position_side
                else:
                    order.reduce_only = reduce_only
                exchange.place(account, market, order, now_ms)
                placed.append(order)
            elif placed:
                kind, index, price, lots = step
                order = placed[index % len(placed)]
                account = accounts[order.owner - 1]
                if kind == "cancel":
                    exchange.cancel(market, order, now_ms)
                elif kind == "modify":
                    exchange.modify(account, market, order, price, lots, now_ms)
                elif kind == "cancel_all":
                    exchange.cancel_all(account, market, now_ms)
                else:
                    exchange.set_deadline(account, "BTCUSDT", 5, now_ms)
        except Denied:
            pass
        exchange.expire_deadlines(now_ms)
        for effect in exchange.drain():
            if isinstance(effect, OrderUpdate) and effect.execution is Execution.TRADE:
                key = (effect.account.number, effect.order.position_side)
                held[key] += effect.order.side * effect.lots
                assert effect.held_lots == held[key]
        resting = {
            order.order_id: order
            for side in (market.matching.bids, market.matching.asks)
            for level in side.levels.values()
            for order in level.orders.values()
        }
        for account in accounts:
            mine = {n: order for n, order in resting.items() if order.owner == account.number}
            assert account.open_orders == mine
            assert account.client_ids == {order.client_id: n for n, order in mine.items()}
            assert all(order.is_open for order in mine.values())
            assert account.wallet_e8 == account.initial_e8 + account.realized_e8 - account.fees_e8
            positions = {side: one.lots for (_, side), one in account.positions.items()}
            for side, lots in positions.items():
                assert lots == held[account.number, side]
            assert positions.get("LONG", 0) >= 0 >= positions.get("SHORT", 0)
            for order in mine.values():
                assert not order.reduce_only or account.room(market.instrument, order)
        assert {o.order_id for o in placed if o.is_open} == {
            n for n, order in resting.items() if order.owner
        }


TEXT = st.one_of(
    st.sampled_from(
        ["BTCUSDT", "BUY", "SELL", "LIMIT", "MARKET", "GTC", "GTX", "0.010", "99000.1", "true",
         "false", "", "LONG", "0", "1" * 40, "1e9", "-5", "nan", "\u2028", "\ud800"]
    ),
    st.text(max_size=8),
)
URL_TEXT = TEXT.map(lambda text: text.encode("utf-8", "replace").decode())  # what HTTP can carry
NAMES = st.sampled_from(
    ["symbol", "side", "type", "timeInForce", "quantity", "price", "orderId", "limit",
     "origClientOrderId", "newClientOrderId", "reduceOnly", "positionSide", "timestamp",
     "recvWindow", "countdownTime", "leverage", "dualSidePosition", "fromId", "apiKey",
     "signature", "returnRateLimits", "startTime"]
)
JSON_VALUES = st.one_of(TEXT, st.integers(), st.floats(), st.booleans(), st.none(),
                        st.lists(st.integers(), max_size=2))


def open_desk() -> tuple[Desk, Key]:
    """A desk whose clock the test owns, with one key that needs no cryptography."""
    desk = Desk(ServeOptions(rate=0.0, symbols=("BTCUSDT",), limits=False))
    account = desk.exchange.add_account("demo")
    key = Key("k", account, b"s")
    desk.keyring.add(key)
    return desk, key


@settings(max_examples=300)
@given(
    st.one_of(st.sampled_from(sorted(METHODS)), TEXT),
    st.dictionaries(NAMES, JSON_VALUES, max_size=10),
    st.one_of(TEXT, st.integers(), st.none()),
)
def test_any_request_gets_an_answer_with_its_id(method, params, number):
    desk, key = open_desk()
    session = Session(desk, "127.0.0.1")
    session.key = key
    params = {"timestamp": desk.now_ms(), **params}
    sent = {"id": number, "method": method, "params": params}
    answer = json.loads(asyncio.run(session.answer(json.dumps(sent))))
    assert answer["id"] == number
    if answer["status"] == 200:
        assert "result" in answer and "error" not in answer
    else:
        assert answer["status"] in (400, 401)
        assert answer["error"]["code"] < 0 and answer["error"]["msg"]


@settings(max_examples=300)
@given(
    st.sampled_from(sorted(ENDPOINTS)),
    st.lists(st.tuples(NAMES, URL_TEXT), max_size=10),
    st.lists(st.tuples(NAMES, URL_TEXT), max_size=3),
    st.booleans(),
)
def test_any_rest_request_gets_json(endpoint, in_query, in_body, honest):
    desk, key = open_desk()
    pairs = [("timestamp", str(desk.now_ms())), *in_query] if honest else in_query
    query = "&".join(f"{name}={value}" for name, value in pairs)
    body = "&".join(f"{name}={value}" for name, value in in_body)
    if honest:
        covered = "&".join(p for p in query.split("&") if not p.startswith("signature="))
        covered += "&".join(p for p in body.split("&") if not p.startswith("signature="))
        raw = covered.encode()
        query += "&signature=" + hmac.new(b"s", raw, hashlib.sha256).hexdigest()
    reply = asyncio.run(Rest(desk).answer(*endpoint, query, body, key.api_key, "127.0.0.1"))
    answer = json.loads(reply.text)
    if reply.status != 200:
        assert reply.status in (400, 401) and answer["code"] < 0
