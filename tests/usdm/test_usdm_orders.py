"""Requests: the exact bytes of each attribute, and refusal of what cannot be said."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.decode.json import Reader
from runtime import _shm
from tests.venues.tables.binance_usdm import INSTRUMENT, SYMBOL
from venues.binance.usdm.codec import Codec, request_name

LIB = _shm.lib
CLIENT_ID = 0x0001_0800_0000_002A
PLACE = {
    "kind": LIB.HP_REQUEST_PLACE,
    "instrument": INSTRUMENT,
    "client_id": CLIENT_ID,
    "request_id": 0x2B,
    "timestamp_ms": 1723161256313,
    "side": LIB.HP_SIDE_BUY,
    "type": LIB.HP_TYPE_LIMIT,
    "time_in_force": LIB.HP_TIF_GTC,
    "price_ticks": 618002,
    "lots": 5,
}
MARKET = {
    **PLACE,
    "type": LIB.HP_TYPE_MARKET,
    "time_in_force": LIB.HP_TIF_NONE,
    "price_ticks": 0,
}
CANCEL = {
    name: PLACE[name] for name in ("kind", "instrument", "client_id", "request_id", "timestamp_ms")
} | {"kind": LIB.HP_REQUEST_CANCEL}
STATUS = CANCEL | {"kind": LIB.HP_REQUEST_STATUS}
REPLACE = PLACE | {"kind": LIB.HP_REQUEST_REPLACE}


def place(middle: str, *, window: str = "") -> bytes:
    return (
        '{"id":"1000108000000002a.2b","method":"order.place","params":{"symbol":"BTCUSDT"'
        + middle
        + ',"newClientOrderId":"site1-000108000000002a","newOrderRespType":"ACK"'
        + window
        + ',"timestamp":1723161256313}}'
    ).encode()


LIMIT = ',"side":"{}","type":"LIMIT","timeInForce":"{}","price":"61800.2","quantity":"0.005"'


@pytest.mark.parametrize(
    ("change", "want"),
    [
        ({}, LIMIT.format("BUY", "GTC")),
        ({"side": LIB.HP_SIDE_SELL}, LIMIT.format("SELL", "GTC")),
        ({"time_in_force": LIB.HP_TIF_IOC}, LIMIT.format("BUY", "IOC")),
        ({"time_in_force": LIB.HP_TIF_FOK}, LIMIT.format("BUY", "FOK")),
        ({"post_only": 1}, LIMIT.format("BUY", "GTX")),
        ({"reduce_only": 1}, LIMIT.format("BUY", "GTC") + ',"reduceOnly":"true"'),
        (
            {"position_side": LIB.HP_POSITION_LONG},
            LIMIT.format("BUY", "GTC") + ',"positionSide":"LONG"',
        ),
        (
            {"position_side": LIB.HP_POSITION_SHORT, "reduce_only": 1},
            LIMIT.format("BUY", "GTC") + ',"positionSide":"SHORT"',
        ),
        (
            {"self_trade_mode": LIB.HP_STP_EXPIRE_TAKER},
            LIMIT.format("BUY", "GTC") + ',"selfTradePreventionMode":"EXPIRE_TAKER"',
        ),
        (
            {"self_trade_mode": LIB.HP_STP_EXPIRE_MAKER, "time_in_force": LIB.HP_TIF_IOC},
            LIMIT.format("BUY", "IOC") + ',"selfTradePreventionMode":"EXPIRE_MAKER"',
        ),
        (
            {"self_trade_mode": LIB.HP_STP_EXPIRE_BOTH, "post_only": 1},
            LIMIT.format("BUY", "GTX") + ',"selfTradePreventionMode":"EXPIRE_BOTH"',
        ),
        (
            {"price_ticks": 1, "lots": 1234567},
            ',"side":"BUY","type":"LIMIT","timeInForce":"GTC","price":"0.1","quantity":"1234.567"',
        ),
    ],
)
def test_limit_order_is_said_in_these_bytes(trader, change, want):
    assert trader.encode(**{**PLACE, **change}) == place(want)


@pytest.mark.parametrize(
    ("change", "want"),
    [
        ({}, ',"side":"BUY","type":"MARKET","quantity":"0.005"'),
        (
            {"reduce_only": 1},
            ',"side":"BUY","type":"MARKET","quantity":"0.005","reduceOnly":"true"',
        ),
        (
            {"side": LIB.HP_SIDE_SELL, "position_side": LIB.HP_POSITION_LONG},
            ',"side":"SELL","type":"MARKET","quantity":"0.005","positionSide":"LONG"',
        ),
    ],
)
def test_market_order_is_said_in_these_bytes(trader, change, want):
    assert trader.encode(**{**MARKET, **change}) == place(want)


def test_deadline_is_the_receive_window(trader):
    request = {**PLACE, "deadline_ms": 500}
    want = place(LIMIT.format("BUY", "GTC"), window=',"recvWindow":500')
    assert trader.encode(**request) == want


@pytest.mark.parametrize(
    ("request_", "method"), [(CANCEL, "order.cancel"), (STATUS, "order.status")]
)
def test_cancel_and_inquiry_name_the_order_by_our_id(trader, request_, method):
    want = (
        f'{{"id":"{request_["kind"]}000108000000002a.2b","method":"{method}",'
        '"params":{"symbol":"BTCUSDT","origClientOrderId":"site1-000108000000002a",'
        '"recvWindow":5000,"timestamp":1723161256313}}'
    )
    assert trader.encode(**request_, deadline_ms=5000) == want.encode()


def test_adopted_order_is_cancelled_by_the_id_of_the_venue(trader):
    request = {**CANCEL, "client_id": 0, "venue_id": 8886774}
    assert trader.encode(**request) == (
        b'{"id":"20000000000000000.2b","method":"order.cancel",'
        b'"params":{"symbol":"BTCUSDT","orderId":8886774,"timestamp":1723161256313}}'
    )


@pytest.mark.parametrize(
    ("decimals", "price", "size"),
    [((0, 0), "618002", "5"), ((2, 0), "6180.02", "5"), ((8, 8), "0.00618002", "0.00000005")],
)
def test_numbers_stand_on_the_scale_of_the_instrument(decimals, price, size):
    codec = Codec()
    assert codec.put_instrument("X", INSTRUMENT, *decimals)
    params = json.loads(codec.encode(**PLACE))["params"]
    assert (params["price"], params["quantity"]) == (price, size)


@pytest.mark.parametrize(
    "change",
    [
        {"type": LIB.HP_TYPE_STOP_MARKET},
        {"type": LIB.HP_TYPE_NONE},
        {"type": 9},
        {"time_in_force": LIB.HP_TIF_NONE},
        {"time_in_force": 9},
        {"post_only": 1, "time_in_force": LIB.HP_TIF_IOC},
        {"post_only": 1, "time_in_force": LIB.HP_TIF_FOK},
        {"post_only": 2},
        {"reduce_only": 2},
        {"side": LIB.HP_SIDE_NONE},
        {"side": 3},
        {"lots": 0},
        {"lots": -5},
        {"price_ticks": 0},
        {"price_ticks": -1},
        {"position_side": 3},
        {"position_side": LIB.HP_POSITION_LONG, "reduce_only": 1},
        {"position_side": LIB.HP_POSITION_SHORT, "side": LIB.HP_SIDE_SELL, "reduce_only": 1},
        {"self_trade_mode": 4},
        {"self_trade_mode": LIB.HP_STP_EXPIRE_TAKER, "time_in_force": LIB.HP_TIF_FOK},
        {"client_id": 0},
        {"instrument": INSTRUMENT + 1},
        {"instrument": 0},
        {"timestamp_ms": 0},
        {"deadline_ms": 60001},
        {"kind": LIB.HP_REQUEST_NONE},
        {"kind": LIB.HP_REQUEST_LOGON},
        {"kind": 99},
    ],
)
def test_order_that_cannot_be_said_is_refused_whole(trader, change):
    assert trader.encode(**{**PLACE, **change}) == b""


@pytest.mark.parametrize(
    "change",
    [{"price_ticks": 1}, {"post_only": 1}, {"time_in_force": LIB.HP_TIF_IOC}, {"lots": 0}],
)
def test_market_order_with_what_only_a_limit_has_is_refused(trader, change):
    assert trader.encode(**{**MARKET, **change}) == b""


def test_cancel_of_no_order_is_refused(trader):
    assert trader.encode(**{**CANCEL, "client_id": 0}) == b""


@pytest.mark.parametrize("prefix", ["thirteenchars", "sp ace", 'quo"te', "ünl", "a\n"])
def test_prefix_that_the_venue_does_not_take_is_refused(prefix):
    with pytest.raises(ValueError, match="prefix"):
        Codec(prefix=prefix)


@pytest.mark.parametrize("symbol", ['BTC"USDT', "BTC\\USDT", "BTC\nUSDT"])
def test_symbol_that_would_break_a_request_is_refused(trader, symbol):
    assert not trader.put_instrument(symbol, 9, 1, 3)


READER = Reader()
u64 = st.integers(1, 2**64 - 1)
prefixes = st.from_regex(r"[.A-Z:/a-z0-9_-]{0,12}", fullmatch=True)


@given(u64, st.integers(0, 2**64 - 1), prefixes, st.integers(1, 2**62), st.integers(1, 2**62))
def test_every_request_is_json_that_the_venue_takes_and_leads_back(
    client_id, request_id, prefix, price_ticks, lots
):
    codec = Codec(READER, prefix=prefix)
    assert codec.put_instrument(SYMBOL, INSTRUMENT, 1, 3)
    request = {
        **PLACE,
        "client_id": client_id,
        "request_id": request_id,
        "price_ticks": price_ticks,
        "lots": lots,
    }
    text = json.loads(codec.encode(**request))
    params = text["params"]
    assert re.fullmatch(r"[.A-Z:/a-z0-9_-]{1,36}", params["newClientOrderId"])
    assert params["price"] == f"{price_ticks // 10}.{price_ticks % 10}"
    assert params["quantity"] == f"{lots // 1000}.{lots % 1000:03}"
    refusal = json.dumps({"id": text["id"], "status": 400, "error": {"code": -2019, "msg": "x"}})
    (report,) = codec.decode_reports(refusal.encode())
    assert report["client_id"] == client_id
    assert report.get("request_id", 0) == request_id


def test_request_name_is_the_one_in_the_bytes(trader):
    name = request_name(LIB.HP_REQUEST_PLACE, CLIENT_ID, 0x2B)
    assert json.loads(trader.encode(**PLACE))["id"] == name
    with pytest.raises(ValueError, match="kind"):
        request_name(0, 1, 1)


def modify(middle: str) -> bytes:
    return (
        '{"id":"5000108000000002a.2b","method":"order.modify","params":{"symbol":"BTCUSDT"'
        + middle
        + ',"timestamp":1723161256313}}'
    ).encode()


OURS = ',"origClientOrderId":"site1-000108000000002a"'
CHANGE = ',"side":"{}","price":"61800.2","quantity":"0.005"'


@pytest.mark.parametrize(
    ("change", "want"),
    [
        ({}, OURS + CHANGE.format("BUY")),
        ({"side": LIB.HP_SIDE_SELL}, OURS + CHANGE.format("SELL")),
        ({"post_only": 1}, OURS + CHANGE.format("BUY")),
        ({"client_id": 0, "venue_id": 328971409}, ',"orderId":328971409' + CHANGE.format("BUY")),
        (
            {"position_side": LIB.HP_POSITION_SHORT},
            OURS + CHANGE.format("BUY") + ',"positionSide":"SHORT"',
        ),
        ({"deadline_ms": 500}, OURS + CHANGE.format("BUY") + ',"recvWindow":500'),
    ],
)
def test_change_of_an_order_says_side_price_and_whole_size(trader, change, want):
    text = trader.encode(**{**REPLACE, **change})
    if change.get("client_id") == 0:
        text = text.replace(b"50000000000000000.2b", b"5000108000000002a.2b")
    assert text == modify(want)


@pytest.mark.parametrize(
    "change",
    [
        {"type": LIB.HP_TYPE_MARKET},
        {"side": LIB.HP_SIDE_NONE},
        {"lots": 0},
        {"price_ticks": 0},
        {"position_side": 3},
        {"client_id": 0},
        {"self_trade_mode": LIB.HP_STP_EXPIRE_TAKER},  # a change would end it silently
        {"instrument": INSTRUMENT + 1},
        {"timestamp_ms": 0},
        {"deadline_ms": 60001},
    ],
)
def test_change_that_cannot_be_said_is_refused_whole(trader, change):
    assert trader.encode(**{**REPLACE, **change}) == b""


RESULT = (
    '{"id":"5000108000000002a.2b","status":200,"result":{"orderId":328971409,"symbol":"BTCUSDT",'
    '"status":"%s","clientOrderId":"site1-000108000000002a","modifyId":1,"price":"61800.20",'
    '"origQty":"0.010","executedQty":"0.004","type":"LIMIT","side":"BUY","positionSide":"BOTH",'
    '"updateTime":1703426756190}}'
)


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("NEW", LIB.HP_REPORT_REPLACED),
        ("PARTIALLY_FILLED", LIB.HP_REPORT_REPLACED),
        ("FILLED", LIB.HP_REPORT_REPLACED),
        ("CANCELED", LIB.HP_REPORT_CANCELED),
        ("EXPIRED", LIB.HP_REPORT_EXPIRED),
    ],
)
def test_answer_to_a_change_gives_the_version_and_what_became_of_the_order(trader, state, kind):
    (report,) = trader.decode_reports((RESULT % state).encode())
    assert (report["kind"], report["request"]) == (kind, LIB.HP_REQUEST_REPLACE)
    assert (report["price_ticks"], report["lots"], report["cum_lots"]) == (618002, 10, 4)
    assert (report["request_id"], report["match_ns"]) == (0x2B, 1703426756190 * 1_000_000)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (-2013, 400, LIB.HP_REPORT_CANCEL_REJECT),
        (-5026, 400, LIB.HP_REPORT_CANCEL_REJECT),
        (-5027, 400, LIB.HP_REPORT_CANCEL_REJECT),
        (-1007, 408, LIB.HP_REPORT_AMBIGUOUS),
        (-1000, 500, LIB.HP_REPORT_AMBIGUOUS),
    ],
)
def test_refused_change_leaves_the_order_and_an_open_one_is_unknown(trader, code, status, kind):
    text = f'{{"id":"5000108000000002a.2b","status":{status},"error":{{"code":{code},"msg":"x"}}}}'
    (report,) = trader.decode_reports(text.encode())
    assert (report["kind"], report["request"], report["request_id"]) == (kind, 5, 0x2B)
