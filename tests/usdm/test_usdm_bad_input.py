"""Bad input: each kind of it is refused by its own status, and nothing else is harmed."""

from __future__ import annotations

import pytest

from hotpath.decode.json import Kind, Status
from tests.venues.tables.binance_usdm import (
    AGG_TRADE,
    BOOK_TICKER,
    DEPTH,
    FRAMES,
    INSTRUMENT,
    MARK_PRICE,
    SNAPSHOT,
    TRADE,
    raw,
)


def refused(codec, frame: bytes) -> Status:
    """Return why both readers refuse a frame, after seeing that the codec still works."""
    status, event = codec.decode(frame)
    assert event is None
    assert codec.decode_general(frame) == (status, None)
    assert codec.decode(BOOK_TICKER)[0] == Status.EVENT
    return status


def test_invalid_utf8_is_malformed(codec):
    assert refused(codec, TRADE.replace(b"MARKET", b"MAR\xc3\x28")) == Status.MALFORMED


@pytest.mark.parametrize("frame", list(FRAMES.values()), ids=[kind.name for kind in FRAMES])
def test_any_field_twice_is_a_duplicate(codec, frame):
    data = frame.index(b'"data":{') + 8
    inner = frame[data:-2]
    for field in (
        b'"e":"trade"',
        b'"E":1',
        b'"s":"BTCUSDT"',
        b'"T":1',
        b'"ps":"x","ps":"x"',
        b'"new":1,"new":2',
    ):
        assert refused(codec, frame[:data] + inner + b"," + field + b"}}") == Status.DUPLICATE


@pytest.mark.parametrize(
    "extra", [b'"stream":"x"', b'"data":{}', b'"new":1,"new":1', b'"e":"trade"']
)
def test_field_twice_in_the_wrapper_is_a_duplicate(codec, extra):
    assert refused(codec, AGG_TRADE[:-1] + b"," + extra + b"}") == Status.DUPLICATE
    assert refused(codec, b"{" + extra + b"," + AGG_TRADE[1:]) == Status.DUPLICATE


@pytest.mark.parametrize(
    "frame", [b"{}", b'{"data":{}}', b'{"stream":"btcusdt@trade"}', b'{"id":1}', b'{"x":1}']
)
def test_object_that_is_no_message_is_missing_its_fields(codec, frame):
    assert refused(codec, frame) == Status.MISSING


def test_time_past_what_nanoseconds_hold_is_a_number_fault(codec):
    frame = TRADE.replace(b'"E":1723161256322', b'"E":9223372036855')
    assert refused(codec, frame) == Status.NUMBER


def test_mark_price_finer_than_money_is_a_number_fault(codec):
    assert (
        refused(codec, MARK_PRICE.replace(b"61784.62659091", b"61784.626590911")) == Status.NUMBER
    )


@pytest.mark.parametrize(
    ("frame", "needed"),
    [
        (BOOK_TICKER.replace(b'"61800.20"', b'"61800.25"'), (INSTRUMENT, 2, 3)),
        (BOOK_TICKER.replace(b'"2.507"', b'"2.5071"'), (INSTRUMENT, 1, 4)),
        (
            DEPTH.replace(b"61814.00", b"61814.123").replace(b"606.675", b"606.67501"),
            (INSTRUMENT, 3, 5),
        ),
        (TRADE.replace(b"61800.30", b"0.00000001"), (INSTRUMENT, 8, 3)),
    ],
)
def test_finer_value_is_never_cut_and_says_what_it_needs(codec, frame, needed):
    assert refused(codec, frame) == Status.FINER
    codec.decode(frame)
    assert codec.finer == needed
    assert codec.put_instrument("BTCUSDT", *needed)
    assert codec.decode(frame)[0] == Status.EVENT


def test_symbol_longer_than_any_is_unknown_and_its_text_is_cut(codec):
    name = b"X" * 200
    assert refused(codec, raw(TRADE).replace(b"BTCUSDT", name)) == Status.UNKNOWN_SYMBOL
    codec.decode(raw(TRADE).replace(b"BTCUSDT", name))
    assert codec.symbol == name[:64]


def test_unknown_symbol_does_not_hide_a_fault_behind_it(codec):
    frame = raw(BOOK_TICKER).replace(b"BTCUSDT", b"ETHUSDT")
    assert refused(codec, frame.replace(b'"2.510"', b'"x"')) == Status.NUMBER
    assert refused(codec, frame[:-1]) == Status.MALFORMED


def test_fault_inside_an_unknown_kind_is_still_a_fault(codec):
    frame = b'{"stream":"btcusdt@kline_1m","data":{"e":"kline","k":{"t":tru}}}'
    assert refused(codec, frame) == Status.MALFORMED


@pytest.mark.parametrize(
    "name",
    [
        b"btcusdt@bookTicker",
        b"ethusdt@depth@0ms",
        b"btcusdtx@depth",
        b"btcusd@depth",
        b"BTCUSDT@depth",
        b"@depth",
    ],
)
def test_stream_name_that_disagrees_with_its_data_is_of_the_wrong_type(codec, name):
    assert refused(codec, DEPTH.replace(b"btcusdt@depth@0ms", name)) == Status.TYPE


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (SNAPSHOT[:-1], Status.MALFORMED),
        (SNAPSHOT + b"x", Status.MALFORMED),
        (b"{}", Status.MISSING),
        (b'{"code":-1003,"msg":"Too many requests"}', Status.MISSING),
        (b"[]", Status.TYPE),
        (SNAPSHOT.replace(b'"bids"', b'"asks"'), Status.DUPLICATE),
        (SNAPSHOT.replace(b"2.909", b"2.9099"), Status.FINER),
        (SNAPSHOT.replace(b"2.909", b"-2"), Status.NUMBER),
    ],
)
def test_bad_snapshot_is_refused_like_a_bad_frame(codec, body, status):
    assert codec.decode_snapshot(INSTRUMENT, body) == (status, None)


def test_other_instruments_are_unharmed_by_a_bad_frame(codec):
    assert codec.put_instrument("ETHUSDT", 8, 2, 3)
    ether = BOOK_TICKER.replace(b"btcusdt", b"ethusdt").replace(b"BTCUSDT", b"ETHUSDT")
    before = codec.decode(ether)
    assert (before[0], before[1]["bid_ticks"], before[1]["instrument"]) == (
        Status.EVENT,
        6180020,
        8,
    )
    for size in range(0, len(DEPTH), 7):
        codec.decode(DEPTH[:size])
    assert codec.decode(ether) == before
    assert codec.decode(DEPTH)[1]["kind"] == Kind.DEPTH
