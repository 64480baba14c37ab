"""Bybit v5 in the acceptance matrix: golden frames, and the events that they must give."""

from __future__ import annotations

from functools import partial
from random import Random

from hotpath.book.book import Rule
from hotpath.decode.json import Kind
from tests.book.naive import NaiveBybit
from tests.venues.binance_words import side, text
from tests.venues.venue import MS, Chain, Ids, Levels, Recording, Sample, Venue
from venues.bybit.codec import Codec

SYMBOL, DECIMALS = "XRPUSDT", (4, 1)
TS, CTS = 1733011200693, 1733011200691

DELTA = (
    b'{"topic":"orderbook.500.XRPUSDT","type":"delta","ts":1733011200693,"data":{"s":"XRPUSDT",'
    b'"b":[["1.9531","6198.5"],["1.9530","0"]],"a":[["1.9535","8415"]],"u":20254870,'
    b'"seq":130020239261},"cts":1733011200691}'
)
SNAPSHOT = DELTA.replace(b'"delta"', b'"snapshot"')
TOP = SNAPSHOT.replace(b"orderbook.500", b"orderbook.1").replace(b',["1.9530","0"]', b"")
TRADE = (
    b'{"topic":"publicTrade.XRPUSDT","type":"snapshot","ts":1672304486868,"data":['
    b'{"T":1672304486865,"s":"XRPUSDT","S":"Buy","v":"0.5","p":"1.6578","L":"PlusTick",'
    b'"i":"20f43950-d8dd-5b31-9112-a178eb6023af","BT":false,"seq":1783284617}]}'
)
SPOT_TRADE = (
    TRADE.replace(b'"L":"PlusTick",', b"")
    .replace(b"20f43950-d8dd-5b31-9112-a178eb6023af", b"2290000000061666327")
    .replace(b'"Buy"', b'"Sell"')
    .replace(b'"BT":false,', b'"BT":false,"RPI":false,')
)
TICKER = (
    b'{"topic":"tickers.XRPUSDT","type":"delta","data":{"symbol":"XRPUSDT","tickDirection":'
    b'"PlusTick","lastPrice":"1.7216","markPrice":"1.72170","indexPrice":"1.72270001",'
    b'"nextFundingTime":"1673280000000","fundingRate":"-0.000212"},"cs":24987956059,'
    b'"ts":1673272861686}'
)

FRAME = {"topic": "kind", "type": "text", "ts": "whole"}
BOOK = {
    **FRAME,
    "data": "object",
    "data.s": "symbol",
    "data.b": "bids",
    "data.a": "asks",
    "data.u": "whole",
}
TRADES = {
    **FRAME,
    "data": "any",
    "data[0].T": "whole",
    "data[0].s": "symbol",
    "data[0].S": "text",
    "data[0].v": "size",
    "data[0].p": "price",
    "data[0].i": "text",
}
LEVELS = {"bids": [(19531, 61985), (19530, 0)], "asks": [(19535, 84150)]}


def depth(kind: Kind) -> dict[str, object]:
    ids = {"first_id": 0, "last_id": 20254870, "prev_id": 0}
    return {"kind": kind, "event_ns": TS * MS, "match_ns": CTS * MS, **ids, **LEVELS}


def trade(trade_id: int, *, seller: bool) -> dict[str, object]:
    return {
        "kind": Kind.TRADE,
        "event_ns": 1672304486868 * MS,
        "match_ns": 1672304486865 * MS,
        "first_id": 0,
        "last_id": 0,
        "trade_id": trade_id,
        "price_ticks": 16578,
        "lots": 5,
        "buyer_maker": seller,
    }


SAMPLES = (
    Sample(
        "delta",
        DELTA,
        depth(Kind.DEPTH),
        BOOK,
        also=(DELTA.replace(b',"seq":130020239261', b""),),
        loose=(
            DELTA.replace(b'"type":"delta",', b"")[:-1] + b',"type":"delta"}',
            DELTA.replace(b'"u":', b'"new":[null],"u":'),
            DELTA.replace(b'"topic":"orderbook.500.XRPUSDT",', b"")[:-1]
            + b',"topic":"orderbook.500.XRPUSDT"}',
        ),
    ),
    Sample("snapshot", SNAPSHOT, depth(Kind.SNAPSHOT), BOOK),
    Sample(
        "top",
        TOP,
        {
            "kind": Kind.BOOK_TICKER,
            "event_ns": TS * MS,
            "match_ns": CTS * MS,
            "last_id": 20254870,
            "bid_ticks": 19531,
            "bid_lots": 61985,
            "ask_ticks": 19535,
            "ask_lots": 84150,
        },
        BOOK,
    ),
    Sample(
        "trade",
        TRADE,
        trade(0x20F43950D8DD5B31, seller=False),
        TRADES,
        also=(TRADE.replace(b',"seq":1783284617', b""),),
        loose=(TRADE.replace(b'"BT":false', b'"BT":false,"new":1'),),
    ),
    Sample("spot trade", SPOT_TRADE, trade(2290000000061666327, seller=True), TRADES),
    Sample(
        "ticker",
        TICKER,
        {
            "kind": Kind.MARK_PRICE,
            "event_ns": 1673272861686 * MS,
            "match_ns": 0,
            "mark_e8": 172170000,
            "index_e8": 172270001,
            "funding_e8": -21200,
            "next_funding_ns": 1673280000000 * MS,
        },
        {**FRAME, "data": "object", "data.symbol": "symbol"},
        scanned=False,
    ),
)


def book(kind: str, last: int, bids: Levels, asks: Levels) -> bytes:
    b, a = (side(levels, DECIMALS, DECIMALS) for levels in (bids, asks))
    data = {"s": SYMBOL, "b": b, "a": a, "u": last, "seq": 1}
    return text(
        {"topic": f"orderbook.500.{SYMBOL}", "type": kind, "ts": TS, "data": data, "cts": CTS}
    )


def delta(ids: Ids, bids: Levels, asks: Levels) -> bytes:
    return book("delta", ids[1], bids, asks)


def snapshot(last: int, bids: Levels, asks: Levels) -> bytes:
    return book("snapshot", last, bids, asks)


def follow(last: int, rng: Random) -> Ids:
    return 0, last + 1, 0


SYNCED = ("snapshot", 100)
CASES = {
    "snapshot alone is the book": ([SYNCED], "SYNCED"),
    "delta before the snapshot is dropped": ([("delta", (0, 101, 0))], "EMPTY"),
    "u is the successor": ([SYNCED, ("delta", (0, 101, 0)), ("delta", (0, 102, 0))], "SYNCED"),
    "a hole in u is a gap": ([SYNCED, ("delta", (0, 102, 0))], "GAPPED"),
    "repeated u is a gap": ([SYNCED, ("delta", (0, 100, 0))], "GAPPED"),
    "snapshot with u 1 replaces a synced book": (
        [SYNCED, ("snapshot", 1), ("delta", (0, 2, 0))],
        "SYNCED",
    ),
}

VENUE = Venue(
    name="bybit",
    codec=partial(Codec, book=500),
    symbol=SYMBOL,
    other_symbol="ETHUSDT",
    decimals=DECIMALS,
    samples=SAMPLES,
    chain=Chain(
        rule=Rule.BYBIT,
        book=NaiveBybit,
        delta=delta,
        snapshot=snapshot,
        follow=follow,
        cases=CASES,
        rest=False,
    ),
    recordings=(
        Recording(
            "bybit/xrpusdt_ob500_20241201.jsonl.xz",
            {SYMBOL: (4, 0)},
            {Kind.SNAPSHOT: 1, Kind.DEPTH: 49},
        ),
    ),
    controls=(
        b'{"success":true,"ret_msg":"","conn_id":"2324d924","req_id":"x","op":"subscribe"}',
        b'{"success":true,"ret_msg":"pong","conn_id":"0970e817","op":"ping"}',
        b'{"success":false,"ret_msg":"error:handler not found","conn_id":"x","op":"subscribe"}',
        b'{"req_id":"1","op":"pong","args":["1675418560633"],"conn_id":"cfcb4ocsvfriu23r3er0"}',
        b'{"topic":"publicTrade.XRPUSDT","type":"snapshot","ts":1672304486868,"data":[]}',
        TICKER[: TICKER.index(b',"markPrice"')] + TICKER[TICKER.index(b'},"cs"') :],
    ),
    unknown_kinds=(
        DELTA.replace(b"orderbook.500", b"orderbook.50"),
        DELTA.replace(b"orderbook.500", b"orderbook.1"),
        DELTA.replace(b"orderbook.500", b"orderbook.7"),
        b'{"topic":"kline.5.XRPUSDT","data":[{"start":1672324800000}],"ts":1,"type":"snapshot"}',
        b'{"topic":"allLiquidation.XRPUSDT","type":"snapshot","ts":1,"data":[{"T":1,"s":"X"}]}',
    ),
    values=(
        b'"Buy"',
        b'"Sell"',
        b'"snapshot"',
        b'"delta"',
        b'"orderbook.500.XRPUSDT"',
        b'"orderbook.1.XRPUSDT"',
        b'"orderbook.0500.XRPUSDT"',
        b'"publicTrade.XRPUSDT"',
        b'"XRPUSD\\u0054"',
        b'"2290000000061666327"',
        b'"20f43950-d8dd-5b31-9112-a178eb6023aF"',
    ),
)
