"""The codec's table of instruments: full, replaced, contradicting."""

from __future__ import annotations

import pytest

from hotpath.decode.json import Reader, Status
from tests.venues.tables.binance_usdm import BOOK_TICKER
from venues.binance.usdm.codec import Codec

INSTRUMENTS_MAX = 256


def ticker(symbol: str) -> bytes:
    frame = BOOK_TICKER.replace(b"BTCUSDT", symbol.encode())
    return frame.replace(b"btcusdt@", symbol.lower().encode() + b"@")


def test_table_holds_its_capacity_and_refuses_one_more():
    codec = Codec()
    names = [f"{n}X{'USDT' * (n % 6)}" for n in range(INSTRUMENTS_MAX)]
    for at, name in enumerate(names):
        assert codec.put_instrument(name, at + 1, 1, 3)
    assert not codec.put_instrument("ONEMORE", INSTRUMENTS_MAX + 1, 1, 3)
    for at, name in enumerate(names):
        status, event = codec.decode(ticker(name))
        assert (status, event["instrument"], event["fallback"]) == (Status.EVENT, at + 1, False)
    assert codec.decode(ticker("ONEMORE"))[0] == Status.UNKNOWN_SYMBOL


@pytest.mark.parametrize(
    "symbol", ["A", "BTCUSDT_240927", "1000000MOGUSDT", "X" * 32, "币安人生USDT"]
)
@pytest.mark.parametrize("decimals", [(1, 3), (8, 0), (0, 8), (4, 4)])
def test_symbol_of_any_size_is_scanned_without_fallback(symbol, decimals):
    codec = Codec()
    assert codec.put_instrument(symbol, 3, *decimals)
    frame = ticker(symbol).replace(b"61800.20", b"61800").replace(b"61800.30", b"61800")
    frame = frame.replace(b"2.507", b"2").replace(b"2.510", b"2")
    status, event = codec.decode(frame)
    assert (status, event["fallback"]) == (Status.EVENT, False)
    assert event["bid_ticks"] == 61800 * 10 ** decimals[0]
    assert event["ask_lots"] == 2 * 10 ** decimals[1]


def test_known_symbol_takes_a_new_scale(codec):
    assert codec.put_instrument("BTCUSDT", 7, 2, 4)
    assert codec.decode(BOOK_TICKER)[1]["bid_ticks"] == 6180020
    assert codec.decode(BOOK_TICKER)[1]["bid_lots"] == 25070


@pytest.mark.parametrize(
    "record",
    [
        ("BTCUSDT", 8, 1, 3),  # another id for a known symbol
        ("ETHUSDT", 7, 1, 3),  # another symbol for a known id
        ("ETHUSDT", 0, 1, 3),
        ("", 8, 1, 3),
        ("X" * 33, 8, 1, 3),
        ("ETH\0USDT", 8, 1, 3),
        ("ETHUSDT", 8, -1, 3),
        ("ETHUSDT", 8, 1, 19),
    ],
)
def test_record_that_is_none_or_contradicts_is_refused(codec, record):
    assert not codec.put_instrument(*record)
    assert codec.decode(BOOK_TICKER)[1]["bid_ticks"] == 618002


def test_codecs_of_one_lane_share_a_reader():
    reader = Reader()
    first, second = Codec(reader), Codec(reader)
    assert first.put_instrument("BTCUSDT", 1, 1, 3)
    assert second.put_instrument("BTCUSDT", 2, 1, 3)
    assert first.decode_general(BOOK_TICKER)[1]["instrument"] == 1
    assert second.decode_general(BOOK_TICKER)[1]["instrument"] == 2
