"""Golden frames: the bytes of each kind give exactly the event that they say."""

from __future__ import annotations

import pytest

from hotpath.decode.json import Kind, Status
from tests.venues.tables.binance_usdm import (
    BOOK_TICKER,
    EVENTS,
    FRAMES,
    INSTRUMENT,
    SNAPSHOT,
)


def event_of(kind: Kind, *, fallback: bool) -> dict:
    return {"kind": kind, "instrument": INSTRUMENT, "fallback": fallback, **EVENTS[kind]}


@pytest.mark.parametrize("name", [b"btcusdt@depth", b"btcusdt@depth@100ms", b"btcusdt@depth@500ms"])
def test_depth_of_any_speed_is_read_without_fallback(codec, name):
    frame = FRAMES[Kind.DEPTH].replace(b"btcusdt@depth@0ms", name)
    assert codec.decode(frame) == (Status.EVENT, event_of(Kind.DEPTH, fallback=False))


def test_all_market_stream_is_read_by_the_general_reader(codec):
    frame = BOOK_TICKER.replace(b"btcusdt@bookTicker", b"!bookTicker")
    assert codec.decode(frame) == (Status.EVENT, event_of(Kind.BOOK_TICKER, fallback=True))


def test_empty_sides_give_no_levels(codec):
    frame = FRAMES[Kind.DEPTH]
    frame = frame[: frame.index(b'"b":')] + b'"b":[],"a":[]}}'
    status, event = codec.decode(frame)
    assert status == Status.EVENT
    assert (event["bids"], event["asks"], event["fallback"]) == ([], [], False)


def test_asks_before_bids_in_the_text_still_stand_behind_them(codec):
    frame = FRAMES[Kind.DEPTH]
    bids, asks = frame.index(b'"b":'), frame.index(b',"a":')
    swapped = frame[:bids] + frame[asks + 1 : -2] + b"," + frame[bids:asks] + b"}}"
    assert codec.decode(swapped) == (Status.EVENT, event_of(Kind.DEPTH, fallback=True))


def test_levels_before_the_symbol_wait_for_its_scale(codec):
    frame = FRAMES[Kind.DEPTH].replace(b'"s":"BTCUSDT",', b"")[:-2] + b',"s":"BTCUSDT"}}'
    assert codec.decode(frame) == (Status.EVENT, event_of(Kind.DEPTH, fallback=True))


def test_snapshot_in_a_stream_is_an_unknown_symbol_without_text(codec):
    assert codec.decode(SNAPSHOT) == (Status.UNKNOWN_SYMBOL, None)
    assert codec.symbol == b""


def test_funding_of_a_delivery_contract_is_empty_and_reads_as_zero(codec):
    frame = FRAMES[Kind.MARK_PRICE].replace(b"-0.00038167", b"")
    status, event = codec.decode(frame)
    assert (status, event["funding_e8"]) == (Status.EVENT, 0)


def test_escaped_text_reads_like_the_plain_one(codec):
    frame = BOOK_TICKER.replace(b'"s":"BTCUSDT"', b'"\\u0073":"BTC\\u0055SDT"')
    assert codec.decode(frame) == (Status.EVENT, event_of(Kind.BOOK_TICKER, fallback=True))
