"""Bad reports: refused by their status, never half taken."""

from __future__ import annotations

import pytest

from hotpath.decode.json import Status
from runtime import _shm
from tests.usdm.messages import (
    CANCEL,
    PLACE,
    TRADE,
    answer,
    order,
    positions,
    refusal,
    text,
    update,
)

LIB = _shm.lib

GOOD = [
    answer(PLACE, order()),
    refusal(CANCEL, -2011),
    text(update(**TRADE)),
    positions(("BTCUSDT", "1")),
]


@pytest.mark.parametrize("frame", GOOD)
def test_truncated_report_is_refused_at_every_length(trader, frame):
    for size in range(len(frame)):
        assert trader.decode_reports(frame[:size]) == Status.MALFORMED
    assert trader.decode_reports(frame + b"}") == Status.MALFORMED


@pytest.mark.parametrize(
    ("frame", "status"),
    [
        (b"{}", Status.MISSING),
        (b"[]", Status.TYPE),
        (b'{"stream":"x"}', Status.MISSING),
        (b'{"data":{"e":"x"}}', Status.MISSING),
        (text({**update(), "o": {}}), Status.MISSING),
        (text({**update(), "o": []}), Status.TYPE),
        (text(update(t="1")), Status.TYPE),
        (text(update(l="-1")), Status.NUMBER),
        (text(update(z="1e3")), Status.NUMBER),
        (text(update()).replace(b'"t":0', b'"t":0,"t":0'), Status.DUPLICATE),
        (b'{"id":"x","status":"200","result":{}}', Status.TYPE),
        (b'{"id":"x","status":400,"error":{"msg":"no code"}}', Status.MISSING),
        (b'{"id":"x","status":400,"error":{"code":-99999999999}}', Status.NUMBER),
    ],
)
def test_bad_report_is_refused_by_its_status(trader, frame, status):
    assert trader.decode_reports(frame) == status


def test_no_room_for_a_report_is_refused(trader):
    assert trader.decode_reports(GOOD[0], most=0) == Status.TOO_LARGE
    assert trader.decode_reports(GOOD[2], most=0) == Status.TOO_LARGE
