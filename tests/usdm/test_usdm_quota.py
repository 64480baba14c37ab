"""What answers say of the venue's quotas: figures of windows, refusals and for how long."""

from __future__ import annotations

import pytest

from runtime import _shm
from tests.usdm.messages import CANCEL, LOGON, PLACE, REQUEST_ID, answer, order, refusal, text
from venues.binance.usdm.codec import request_name

LIB = _shm.lib
RETRY = {"serverTime": 1_700_000_000_000, "retryAfter": 1_700_000_012_345}


def usage(kind="REQUEST_WEIGHT", interval="MINUTE", number=1, limit=2400, count=7):
    return {
        "rateLimitType": kind,
        "interval": interval,
        "intervalNum": number,
        "limit": limit,
        "count": count,
    }


def quotas(trader, kind, usages, error=None, status=200):
    body = {"id": request_name(kind, 3, REQUEST_ID), "status": status}
    body |= {"error": error} if error else {"result": order()}
    found = trader.decode_reports(text({**body, "rateLimits": usages}))
    return [one for one in found if one["kind"] == LIB.HP_REPORT_QUOTA]


def test_each_window_is_a_report_of_its_own_before_the_answer(trader):
    first, second, last = trader.decode_reports(
        text(
            {
                "rateLimits": [
                    usage("ORDERS", "SECOND", 10, 300, 5),
                    usage("ORDERS", "MINUTE", 1, 1200, 6),
                ],
                "id": request_name(PLACE, 3, REQUEST_ID),
                "status": 200,
                "result": order(),
            }
        )
    )
    assert (first["quota"], first["quota_s"]) == (LIB.HP_QUOTA_ORDERS, 10)
    assert (first["quota_limit"], first["quota_used"]) == (300, 5)
    assert (second["quota_s"], second["quota_limit"], second["quota_used"]) == (60, 1200, 6)
    assert {first["request_id"], second["request_id"], last["request_id"]} == {REQUEST_ID}
    assert last["kind"] == LIB.HP_REPORT_ACK


def test_weight_of_a_cancel_is_told(trader):
    (one,) = quotas(trader, CANCEL, [usage(count=0)])
    assert one["quota"] == LIB.HP_QUOTA_WEIGHT and one["quota_s"] == 60
    assert one.get("quota_used", 0) == 0 and one["request"] == CANCEL


def test_logon_tells_the_weight_too(trader):
    (one,) = quotas(trader, LOGON, [usage(count=31)])
    assert one["quota_used"] == 31 and one["request"] == LOGON


@pytest.mark.parametrize(
    "odd",
    [
        usage(kind="RAW_REQUESTS"),
        usage(interval="FORTNIGHT"),
        usage(number=0),
        usage(number=5000),
        {"rateLimitType": "ORDERS"},
        {},
        {"rateLimitType": 3, "interval": None, "count": 4},
    ],
)
def test_window_that_is_not_known_says_nothing_and_loses_nothing(trader, odd):
    first, last = trader.decode_reports(
        text(
            {
                "id": request_name(PLACE, 3, REQUEST_ID),
                "status": 200,
                "result": order(),
                "rateLimits": [odd, usage(count=9)],
            }
        )
    )
    assert first["quota_used"] == 9 and last["kind"] == LIB.HP_REPORT_ACK


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, -1003, LIB.HP_QUOTA_WEIGHT),
        (418, -1003, LIB.HP_QUOTA_WEIGHT),
        (429, -1015, LIB.HP_QUOTA_ORDERS),
    ],
)
def test_refusal_says_for_how_long(trader, status, code, kind):
    error = {"code": code, "msg": "", "data": RETRY}
    figure, stop = quotas(trader, PLACE, [usage(count=2400)], error, status)
    assert figure["quota_used"] == 2400
    assert (stop["quota"], stop["stop_ms"]) == (kind, 12_345)
    assert stop["venue_error"] == status and "quota_s" not in stop


def test_refusal_that_does_not_say_how_long_says_that(trader):
    (stop,) = quotas(trader, PLACE, [], {"code": -1003, "msg": ""}, 429)
    assert stop["stop_ms"] == 2**64 - 1


@pytest.mark.parametrize("status", [400, 403, 503])
def test_other_refusals_stop_nothing(trader, status):
    assert quotas(trader, PLACE, [], {"code": -1013, "msg": "", "data": RETRY}, status) == []


def test_shipped_answers_still_read(trader):
    assert trader.decode_reports(answer(PLACE, order()))[-1]["kind"] == LIB.HP_REPORT_ACK
    assert trader.decode_reports(refusal(PLACE, -2019))[-1]["kind"] == LIB.HP_REPORT_REJECT
