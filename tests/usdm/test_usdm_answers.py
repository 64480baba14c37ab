"""Answers on the order session: each that the venue documents gives exactly this report."""

from __future__ import annotations

import pytest

from hotpath.decode.json import Status
from runtime import _shm
from tests.usdm.messages import (
    CANCEL,
    CLIENT_ID,
    CLIENT_TEXT,
    LOGON,
    PLACE,
    REQUEST_ID,
    STATUS,
    answer,
    order,
    refusal,
    text,
)
from tests.venues.tables.binance_usdm import INSTRUMENT, MS
from venues.binance.usdm.codec import request_name

LIB = _shm.lib


def said(codec, frame):
    """Return the reports of an answer without what it says of quotas."""
    found = codec.decode_reports(frame)
    if not isinstance(found, list):
        return found
    return [report for report in found if report["kind"] != LIB.HP_REPORT_QUOTA]


ORDER = {
    "instrument": INSTRUMENT,
    "client_id": CLIENT_ID,
    "venue_id": 325078477,
    "side": LIB.HP_SIDE_BUY,
    "price_ticks": 431870,
    "lots": 100,
    "match_ns": 1702555534435 * MS,
    "request_id": REQUEST_ID,
}


@pytest.mark.parametrize(
    ("kind", "change", "want"),
    [
        (PLACE, {}, {"kind": LIB.HP_REPORT_ACK, "state": LIB.HP_ORDER_LIVE}),
        (
            PLACE,
            {"status": "EXPIRED"},
            {"kind": LIB.HP_REPORT_EXPIRED, "state": LIB.HP_ORDER_EXPIRED},
        ),
        (
            PLACE,
            {"status": "FILLED", "executedQty": "0.100"},
            {"kind": LIB.HP_REPORT_ACK, "state": LIB.HP_ORDER_FILLED, "cum_lots": 100},
        ),
        (
            CANCEL,
            {"status": "CANCELED", "executedQty": "0.040"},
            {"kind": LIB.HP_REPORT_CANCELED, "state": LIB.HP_ORDER_CANCELED, "cum_lots": 40},
        ),
        (
            CANCEL,
            {"status": "FILLED", "executedQty": "0.100"},
            {"kind": LIB.HP_REPORT_STATUS, "state": LIB.HP_ORDER_FILLED, "cum_lots": 100},
        ),
        (
            STATUS,
            {
                "status": "PARTIALLY_FILLED",
                "executedQty": "0.040",
                "side": "SELL",
                "positionSide": "SHORT",
            },
            {
                "kind": LIB.HP_REPORT_STATUS,
                "state": LIB.HP_ORDER_PARTIAL,
                "cum_lots": 40,
                "side": LIB.HP_SIDE_SELL,
                "position_side": LIB.HP_POSITION_SHORT,
            },
        ),
        (
            STATUS,
            {"status": "EXPIRED_IN_MATCH"},
            {"kind": LIB.HP_REPORT_STATUS, "state": LIB.HP_ORDER_EXPIRED},
        ),
        (
            STATUS,
            {"status": "REJECTED"},
            {"kind": LIB.HP_REPORT_STATUS, "state": LIB.HP_ORDER_REJECTED},
        ),
    ],
)
def test_good_answer_gives_its_report(trader, kind, change, want):
    assert said(trader, answer(kind, order(**change))) == [
        {**ORDER, "request": kind, **want}
    ]


def test_answer_of_few_fields_gives_its_report(trader):
    """A cancel as the venue documents it, without prices."""
    result = {
        "clientOrderId": CLIENT_TEXT,
        "executedQty": "0",
        "orderId": 283194212,
        "origQty": "11",
        "status": "CANCELED",
        "positionSide": "SHORT",
        "symbol": "BTCUSDT",
        "updateTime": 1571110484038,
    }
    (report,) = said(trader, answer(CANCEL, result))
    assert report == {
        "kind": LIB.HP_REPORT_CANCELED,
        "state": LIB.HP_ORDER_CANCELED,
        "request": CANCEL,
        "request_id": REQUEST_ID,
        "instrument": INSTRUMENT,
        "client_id": CLIENT_ID,
        "venue_id": 283194212,
        "lots": 11000,
        "position_side": LIB.HP_POSITION_SHORT,
        "match_ns": 1571110484038 * MS,
    }


@pytest.mark.parametrize("cut", ["orderId", "symbol", "clientOrderId", "status"])
def test_good_answer_without_what_identifies_the_order_is_missing(trader, cut):
    result = order()
    del result[cut]
    assert said(trader, answer(PLACE, result)) == Status.MISSING


REJECTS = {
    -1003: LIB.HP_ERROR_RATE,
    -1008: LIB.HP_ERROR_VENUE_BUSY,
    -1013: LIB.HP_ERROR_FILTER,
    -1015: LIB.HP_ERROR_RATE,
    -1021: LIB.HP_ERROR_CLOCK,
    -1022: LIB.HP_ERROR_AUTH,
    -1111: LIB.HP_ERROR_FILTER,
    -1130: LIB.HP_ERROR_OTHER,
    -2014: LIB.HP_ERROR_AUTH,
    -2015: LIB.HP_ERROR_AUTH,
    -2019: LIB.HP_ERROR_FUNDS,
    -2021: LIB.HP_ERROR_OTHER,
    -2022: LIB.HP_ERROR_REDUCE_ONLY,
    -4014: LIB.HP_ERROR_FILTER,
    -4015: LIB.HP_ERROR_OTHER,
    -4023: LIB.HP_ERROR_FILTER,
    -4061: LIB.HP_ERROR_OTHER,
    -4116: LIB.HP_ERROR_DUPLICATE_ID,
    -4118: LIB.HP_ERROR_REDUCE_ONLY,
    -4120: LIB.HP_ERROR_OTHER,
    -4131: LIB.HP_ERROR_FILTER,
    -4164: LIB.HP_ERROR_FILTER,
    -5021: LIB.HP_ERROR_OTHER,
    -5022: LIB.HP_ERROR_POST_ONLY,
    -5028: LIB.HP_ERROR_CLOCK,
    -9999: LIB.HP_ERROR_OTHER,
}


@pytest.mark.parametrize(("code", "error"), REJECTS.items())
def test_refused_order_is_a_reject_with_its_error(trader, code, error):
    assert said(trader, refusal(PLACE, code)) == [
        {
            "kind": LIB.HP_REPORT_REJECT,
            "request": PLACE,
            "client_id": CLIENT_ID,
            "request_id": REQUEST_ID,
            "error": error,
            "venue_error": code,
        }
    ]


@pytest.mark.parametrize(
    ("kind", "code", "status", "want", "error"),
    [
        (PLACE, -1007, 408, LIB.HP_REPORT_AMBIGUOUS, LIB.HP_ERROR_UNKNOWN_OUTCOME),
        (PLACE, -1006, 400, LIB.HP_REPORT_AMBIGUOUS, LIB.HP_ERROR_UNKNOWN_OUTCOME),
        (PLACE, -1000, 503, LIB.HP_REPORT_AMBIGUOUS, LIB.HP_ERROR_UNKNOWN_OUTCOME),
        (PLACE, -2019, 500, LIB.HP_REPORT_AMBIGUOUS, LIB.HP_ERROR_UNKNOWN_OUTCOME),
        (CANCEL, -1007, 408, LIB.HP_REPORT_AMBIGUOUS, LIB.HP_ERROR_UNKNOWN_OUTCOME),
        (PLACE, -1008, 503, LIB.HP_REPORT_REJECT, LIB.HP_ERROR_VENUE_BUSY),
        (CANCEL, -2011, 400, LIB.HP_REPORT_CANCEL_REJECT, LIB.HP_ERROR_UNKNOWN_ORDER),
        (CANCEL, -2013, 400, LIB.HP_REPORT_CANCEL_REJECT, LIB.HP_ERROR_UNKNOWN_ORDER),
        (CANCEL, -1015, 429, LIB.HP_REPORT_CANCEL_REJECT, LIB.HP_ERROR_RATE),
        (STATUS, -2013, 400, LIB.HP_REPORT_NOT_FOUND, LIB.HP_ERROR_UNKNOWN_ORDER),
        (STATUS, -2011, 400, LIB.HP_REPORT_NOT_FOUND, LIB.HP_ERROR_UNKNOWN_ORDER),
        (STATUS, -1003, 429, LIB.HP_REPORT_CONTROL, LIB.HP_ERROR_RATE),
        (STATUS, -1007, 408, LIB.HP_REPORT_CONTROL, LIB.HP_ERROR_UNKNOWN_OUTCOME),
        (STATUS, -2013, 500, LIB.HP_REPORT_CONTROL, LIB.HP_ERROR_UNKNOWN_ORDER),
        (LOGON, -2015, 401, LIB.HP_REPORT_SESSION, LIB.HP_ERROR_AUTH),
        (LOGON, -1022, 401, LIB.HP_REPORT_SESSION, LIB.HP_ERROR_AUTH),
    ],
)
def test_refusal_is_judged_by_what_was_asked(trader, kind, code, status, want, error):
    (report,) = said(trader, refusal(kind, code, status))
    assert (report["kind"], report["error"], report["request"]) == (want, error, kind)
    assert (report["client_id"], report["venue_error"]) == (CLIENT_ID, code)


def test_answer_without_a_code_from_a_failing_server_is_ambiguous(trader):
    name = request_name(PLACE, CLIENT_ID, REQUEST_ID)
    (report,) = said(trader, text({"id": name, "status": 502, "error": None}))
    assert (report["kind"], report["client_id"]) == (LIB.HP_REPORT_AMBIGUOUS, CLIENT_ID)


def test_logon_answer_opens_the_session(trader):
    result = {
        "apiKey": "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
        "authorizedSince": 1649729878532,
        "connectedSince": 1649729873021,
        "returnRateLimits": False,
        "serverTime": 1649729878630,
    }
    name = request_name(LOGON, 0, 1)
    assert said(trader, text({"id": name, "status": 200, "result": result})) == [
        {"kind": LIB.HP_REPORT_SESSION, "request": LOGON, "request_id": 1}
    ]
    assert said(trader, text({"id": "by-hand", "status": 200, "result": result})) == [
        {"kind": LIB.HP_REPORT_SESSION, "foreign": 1}
    ]


@pytest.mark.parametrize(
    "frame",
    [
        {"id": "someone", "status": 200, "result": order()},
        {"id": "someone", "status": 200, "result": []},
        {"id": None, "status": 200, "result": {"listenKey": "pqia91ma19a5s61cv6a81va65sdf19v8"}},
        {"id": 7, "status": 200, "result": {}},
        {"id": "1000108000000002A.2b", "status": 200, "result": None},
    ],
)
def test_answer_that_is_not_ours_is_foreign_control(trader, frame):
    assert said(trader, text(frame)) == [{"kind": LIB.HP_REPORT_CONTROL, "foreign": 1}]


def test_error_without_an_id_is_foreign_control_with_its_error(trader):
    frame = {"id": None, "status": 429, "error": {"code": -1003, "msg": "slow", "data": {"a": [1]}}}
    assert said(trader, text(frame)) == [
        {
            "kind": LIB.HP_REPORT_CONTROL,
            "foreign": 1,
            "error": LIB.HP_ERROR_RATE,
            "venue_error": -1003,
        }
    ]
