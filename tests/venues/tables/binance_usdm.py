"""USD-M in the acceptance matrix: golden frames, and the events that they must give."""

from __future__ import annotations

from typing import Any

from hotpath.book.book import Rule
from hotpath.decode.json import Kind, Status
from tests.book.naive import NaiveBook
from tests.venues.binance_oracle import Fields, Oracle
from tests.venues.binance_words import (
    CONTROLS,
    FUTURES_CASES,
    fields_of,
    futures_follow,
    raw,
    rest_snapshot,
    side,
    text,
    with_new_field,
)
from tests.venues.venue import MS, Chain, Ids, Levels, Recording, Sample, Venue
from venues.binance.usdm.codec import Codec

SYMBOL, INSTRUMENT, PRICE_DECIMALS, SIZE_DECIMALS = "BTCUSDT", 7, 1, 3

DEPTH = (
    b'{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","E":1723161258284,"T":1723161258280,'
    b'"s":"BTCUSDT","U":5123107978634,"u":5123107981112,"pu":5123107978570,'
    b'"b":[["1000.00","606.675"],["18540.00","0.000"],["60539.00","0.959"]],'
    b'"a":[["61800.10","4.063"],["61814.00","0.033"]]}}'
)
BOOK_TICKER = (
    b'{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":5123107839020,"s":"BTCUSDT",'
    b'"b":"61800.20","B":"2.507","a":"61800.30","A":"2.510","T":1723161256313,"E":1723161256314}}'
)
AGG_TRADE = (
    b'{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1723161256322,"a":5933014,"s":"BTCUSDT",'
    b'"p":"61800.30","q":"0.106","f":100,"l":105,"T":1723161256321,"m":true}}'
)
TRADE = (
    b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161256322,"T":1723161256321,"s":"BTCUSDT",'
    b'"t":5266583935,"p":"61800.30","q":"0.006","X":"MARKET","m":false}}'
)
MARK_PRICE = (
    b'{"stream":"btcusdt@markPrice@1s","data":{"e":"markPriceUpdate","E":1723161257000,"s":"BTCUSDT",'
    b'"p":"61794.15000000","i":"61784.62659091","P":"61784.25641265","r":"-0.00038167","T":1723190400000}}'
)
SNAPSHOT = (
    b'{"lastUpdateId":5123107852948,"E":1723161256501,"T":1723161256493,'
    b'"bids":[["61800.20","2.909"],["61800.10","0.696"]],"asks":[["61800.30","1.072"]]}'
)

FRAMES = {
    Kind.DEPTH: DEPTH,
    Kind.BOOK_TICKER: BOOK_TICKER,
    Kind.AGG_TRADE: AGG_TRADE,
    Kind.TRADE: TRADE,
    Kind.MARK_PRICE: MARK_PRICE,
}

EVENTS: dict[Kind, dict[str, Any]] = {
    Kind.DEPTH: {
        "event_ns": 1723161258284 * MS,
        "match_ns": 1723161258280 * MS,
        "first_id": 5123107978634,
        "last_id": 5123107981112,
        "prev_id": 5123107978570,
        "bids": [(10000, 606675), (185400, 0), (605390, 959)],
        "asks": [(618001, 4063), (618140, 33)],
    },
    Kind.BOOK_TICKER: {
        "event_ns": 1723161256314 * MS,
        "match_ns": 1723161256313 * MS,
        "last_id": 5123107839020,
        "bid_ticks": 618002,
        "bid_lots": 2507,
        "ask_ticks": 618003,
        "ask_lots": 2510,
    },
    Kind.AGG_TRADE: {
        "event_ns": 1723161256322 * MS,
        "match_ns": 1723161256321 * MS,
        "first_id": 100,
        "last_id": 105,
        "trade_id": 5933014,
        "price_ticks": 618003,
        "lots": 106,
        "buyer_maker": True,
    },
    Kind.TRADE: {
        "event_ns": 1723161256322 * MS,
        "match_ns": 1723161256321 * MS,
        "first_id": 0,
        "last_id": 0,
        "trade_id": 5266583935,
        "price_ticks": 618003,
        "lots": 6,
        "buyer_maker": False,
    },
    Kind.MARK_PRICE: {
        "event_ns": 1723161257000 * MS,
        "match_ns": 0,
        "next_funding_ns": 1723190400000 * MS,
        "mark_e8": 6179415000000,
        "index_e8": 6178462659091,
        "settle_e8": 6178425641265,
        "funding_e8": -38167,
    },
}


def with_2026_fields(frame: bytes, *, pair: bool = True, market: bool = True) -> bytes:
    """Return the frame with "ps" behind "s" and "st" at the end of its data."""
    if pair:
        frame = frame.replace(b'"s":"BTCUSDT"', b'"s":"BTCUSDT","ps":"BTCUSDT"')
    if market:
        frame = frame[:-2] + b',"st":1}}'
    return frame


KINDS = {
    "depthUpdate": Kind.DEPTH,
    "bookTicker": Kind.BOOK_TICKER,
    "aggTrade": Kind.AGG_TRADE,
    "trade": Kind.TRADE,
    "markPriceUpdate": Kind.MARK_PRICE,
}
STREAMS = {
    "depth": Kind.DEPTH,
    "bookTicker": Kind.BOOK_TICKER,
    "aggTrade": Kind.AGG_TRADE,
    "trade": Kind.TRADE,
    "markPrice": Kind.MARK_PRICE,
}
COMMON: Fields = {
    "ps": ("text", None, False),
    "st": ("whole", None, False),
    "s": ("symbol", None, True),
}
FIELDS: dict[Kind, Fields] = {
    Kind.DEPTH: {
        "E": ("ms", "event_ns", True),
        "T": ("ms", "match_ns", True),
        "U": ("whole", "first_id", True),
        "u": ("whole", "last_id", True),
        "pu": ("whole", "prev_id", True),
        "b": ("levels", "bids", True),
        "a": ("levels", "asks", True),
    },
    Kind.BOOK_TICKER: {
        "E": ("ms", "event_ns", True),
        "T": ("ms", "match_ns", True),
        "u": ("whole", "last_id", True),
        "b": ("price", "bid_ticks", True),
        "B": ("size", "bid_lots", True),
        "a": ("price", "ask_ticks", True),
        "A": ("size", "ask_lots", True),
    },
    Kind.AGG_TRADE: {
        "E": ("ms", "event_ns", True),
        "T": ("ms", "match_ns", True),
        "a": ("whole", "trade_id", True),
        "p": ("price", "price_ticks", True),
        "q": ("size", "lots", True),
        "f": ("whole", "first_id", True),
        "l": ("whole", "last_id", True),
        "m": ("bool", "buyer_maker", True),
    },
    Kind.TRADE: {
        "E": ("ms", "event_ns", True),
        "T": ("ms", "match_ns", True),
        "t": ("whole", "trade_id", True),
        "p": ("price", "price_ticks", True),
        "q": ("size", "lots", True),
        "X": ("text", None, False),
        "m": ("bool", "buyer_maker", True),
    },
    Kind.MARK_PRICE: {
        "E": ("ms", "event_ns", True),
        "T": ("ms", "next_funding_ns", True),
        "p": ("money", "mark_e8", True),
        "i": ("money", "index_e8", True),
        "P": ("money", "settle_e8", True),
        "r": ("rate", "funding_e8", True),
    },
}
ZEROS = {Kind.TRADE: {"first_id": 0, "last_id": 0}, Kind.MARK_PRICE: {"match_ns": 0}}
ORACLE = Oracle(
    SYMBOL,
    INSTRUMENT,
    (PRICE_DECIMALS, SIZE_DECIMALS),
    kinds=KINDS,
    streams=STREAMS,
    common=COMMON,
    fields=FIELDS,
    zeros=ZEROS,
)

SNAPSHOT_EVENT = {
    "kind": Kind.SNAPSHOT,
    "event_ns": 1723161256501 * MS,
    "match_ns": 1723161256493 * MS,
    "first_id": 0,
    "last_id": 5123107852948,
    "prev_id": 0,
    "bids": [(618002, 2909), (618001, 696)],
    "asks": [(618003, 1072)],
}


TWO_WORDS = ((True, False), (False, True), (True, True))


def sample(kind: Kind) -> Sample:
    frame = FRAMES[kind]
    years = [with_2026_fields(frame, pair=p, market=m) for p, m in TWO_WORDS]
    return Sample(
        kind.name.lower(),
        frame,
        {"kind": kind, **EVENTS[kind]},
        {**fields_of({**COMMON, **FIELDS[kind]}), "data.e": "kind"},
        also=tuple(years),
        loose=(raw(frame), with_new_field(frame)),
    )


SHOWN = (2, 3)  # decimals that the venue writes


def sides(bids: Levels, asks: Levels) -> tuple[list[list[str]], ...]:
    return tuple(side(levels, (PRICE_DECIMALS, SIZE_DECIMALS), SHOWN) for levels in (bids, asks))


def delta(ids: Ids, bids: Levels, asks: Levels) -> bytes:
    b, a = sides(bids, asks)
    head = {"e": "depthUpdate", "E": 1723161258284, "T": 1723161258280, "s": SYMBOL}
    chain = {"U": ids[0], "u": ids[1], "pu": ids[2], "b": b, "a": a}
    return text({"stream": "btcusdt@depth@0ms", "data": {**head, **chain}})


def snapshot(last: int, bids: Levels, asks: Levels) -> bytes:
    b, a = sides(bids, asks)
    return text({"lastUpdateId": last, "E": 1, "T": 1, "bids": b, "asks": a})


VENUE = Venue(
    name="binance_usdm",
    codec=Codec,
    symbol=SYMBOL,
    instrument=INSTRUMENT,
    decimals=(PRICE_DECIMALS, SIZE_DECIMALS),
    samples=(
        *map(sample, FRAMES),
        rest_snapshot(SNAPSHOT, SNAPSHOT_EVENT),
    ),
    chain=Chain(
        rule=Rule.BINANCE_FUTURES,
        book=NaiveBook,
        delta=delta,
        snapshot=snapshot,
        follow=futures_follow,
        cases=FUTURES_CASES,
    ),
    recordings=(
        Recording(
            "binance_usdm/btcusdt_20240808.jsonl.xz",
            {SYMBOL: (PRICE_DECIMALS, SIZE_DECIMALS)},
            {Kind.DEPTH: 6551, Kind.BOOK_TICKER: 66089, Kind.TRADE: 21313},
            {Status.UNKNOWN_SYMBOL: 1},  # the REST snapshot in line
        ),
        Recording(
            "binance_usdm/cryptofeed_BINANCE_FUTURES.ws.1.0.xz",
            {"SUSHIUSDT": (4, 0), "AKROUSDT": (5, 0), "KEEPUSDT": (4, 0), "CTKUSDT": (5, 0)},
            {Kind.DEPTH: 764, Kind.BOOK_TICKER: 613, Kind.AGG_TRADE: 91},
            {Status.UNKNOWN_KIND: 67},  # klines
        ),
    ),
    controls=CONTROLS,
    unknown_kinds=(
        b'{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1,"s":"BTCUSDT",'
        b'"k":{"t":1,"o":"1","x":false}}}',
        b'{"stream":"btcusdt@forceOrder","data":{"e":"forceOrder","E":1,'
        b'"o":{"s":"BTCUSDT","S":"SELL"}}}',
        b'{"e":"24hrTicker","E":1,"s":"BTCUSDT","p":"1"}',
        DEPTH.replace(b"@depth@0ms", b"@depth20@100ms"),
        DEPTH.replace(b"@depth@0ms", b"@rpiDepth@500ms"),
        DEPTH.replace(b"btcusdt@depth@0ms", b"pqia91ma19a5s61cv6a81va65sdf19v8a65a1"),
    ),
    values=(
        b'"BTC\\u0055SDT"',
        b'"ETHUSDT"',
        b'"depthUpdate"',
        b'"trade"',
        b'"btcusdt@depth"',
        b'"btcusdt@trade"',
        b'"!bookTicker"',
        b'"MARKET"',
        b'"NA"',
    ),
    oracle=ORACLE.decode,
)
