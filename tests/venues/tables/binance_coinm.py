"""Binance COIN-M in the acceptance matrix: frames as recorded in 2021 and 2024."""

from __future__ import annotations

from dataclasses import replace

from hotpath.book.book import Rule
from hotpath.decode.json import Kind, Status
from tests.book.naive import NaiveBook
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
from tests.venues.tables import binance_usdm as usdm
from tests.venues.venue import MS, Chain, Ids, Levels, Recording, Sample, Venue
from venues.binance.coinm.codec import Codec

SYMBOL, INSTRUMENT, DECIMALS, SHOWN = "BTCUSD_PERP", 7, (1, 0), (1, 0)

DEPTH = (
    b'{"stream":"btcusd_perp@depth@0ms","data":{"e":"depthUpdate","E":1723161257440,'
    b'"T":1723161257432,"s":"BTCUSD_PERP","ps":"BTCUSD","U":1007198631260,"u":1007198631565,'
    b'"pu":1007198631198,"b":[["61773.6","1001"],["61778.7","0"]],"a":[["61804.8","1649"]]}}'
)
BOOK_TICKER = (
    b'{"stream":"btcusd_perp@bookTicker","data":{"u":1007198632021,"e":"bookTicker",'
    b'"s":"BTCUSD_PERP","ps":"BTCUSD","b":"61804.7","B":"35","a":"61804.8","A":"1645",'
    b'"T":1723161257465,"E":1723161257476}}'
)
TRADE = (
    b'{"stream":"btcusd_perp@trade","data":{"e":"trade","E":1723161257687,"T":1723161257679,'
    b'"s":"BTCUSD_PERP","t":849714402,"p":"61804.8","q":"4","X":"MARKET","m":false}}'
)
AGG_TRADE = (
    b'{"stream":"btcusd_perp@aggTrade","data":{"e":"aggTrade","E":1626916404006,"a":11285749,'
    b'"s":"BTCUSD_PERP","p":"61804.8","q":"3","f":16034449,"l":16034450,"T":1626916403852,"m":true}}'
)
MARK_PRICE = (
    b'{"stream":"btcusd_perp@markPrice@1s","data":{"e":"markPriceUpdate","E":1723161257000,'
    b'"s":"BTCUSD_PERP","p":"61794.15000000","P":"61784.25641265","r":"-0.00038167",'
    b'"T":1723190400000}}'
)
SNAPSHOT = (
    b'{"lastUpdateId":1007198635033,"E":1723161257835,"T":1723161257823,"symbol":"BTCUSD_PERP",'
    b'"pair":"BTCUSD","bids":[["61804.7","35"],["61802.0","8"]],"asks":[["61804.8","1649"]]}'
)
WHOSE = b'"symbol":"BTCUSD_PERP","pair":"BTCUSD",'
INDEX = b'"i":"61784.62659091","P"'

FRAMES = {
    Kind.DEPTH: DEPTH,
    Kind.BOOK_TICKER: BOOK_TICKER,
    Kind.TRADE: TRADE,
    Kind.AGG_TRADE: AGG_TRADE,
    Kind.MARK_PRICE: MARK_PRICE,
}
EVENTS = {
    Kind.DEPTH: {
        "event_ns": 1723161257440 * MS,
        "match_ns": 1723161257432 * MS,
        "first_id": 1007198631260,
        "last_id": 1007198631565,
        "prev_id": 1007198631198,
        "bids": [(617736, 1001), (617787, 0)],
        "asks": [(618048, 1649)],
    },
    Kind.BOOK_TICKER: {
        "event_ns": 1723161257476 * MS,
        "match_ns": 1723161257465 * MS,
        "last_id": 1007198632021,
        "bid_ticks": 618047,
        "bid_lots": 35,
        "ask_ticks": 618048,
        "ask_lots": 1645,
    },
    Kind.TRADE: {
        "event_ns": 1723161257687 * MS,
        "match_ns": 1723161257679 * MS,
        "first_id": 0,
        "last_id": 0,
        "trade_id": 849714402,
        "price_ticks": 618048,
        "lots": 4,
        "buyer_maker": False,
    },
    Kind.AGG_TRADE: {
        "event_ns": 1626916404006 * MS,
        "match_ns": 1626916403852 * MS,
        "first_id": 16034449,
        "last_id": 16034450,
        "trade_id": 11285749,
        "price_ticks": 618048,
        "lots": 3,
        "buyer_maker": True,
    },
    Kind.MARK_PRICE: {
        "event_ns": 1723161257000 * MS,
        "match_ns": 0,
        "next_funding_ns": 1723190400000 * MS,
        "mark_e8": 6179415000000,
        "settle_e8": 6178425641265,
        "funding_e8": -38167,
    },
}
SNAPSHOT_EVENT = {
    "kind": Kind.SNAPSHOT,
    "event_ns": 1723161257835 * MS,
    "match_ns": 1723161257823 * MS,
    "first_id": 0,
    "last_id": 1007198635033,
    "prev_id": 0,
    "bids": [(618047, 35), (618020, 8)],
    "asks": [(618048, 1649)],
}

FIELDS = {
    **usdm.FIELDS,
    Kind.MARK_PRICE: {**usdm.FIELDS[Kind.MARK_PRICE], "i": ("money", "index_e8", False)},
}
ORACLE = replace(
    usdm.ORACLE,
    symbol=SYMBOL,
    decimals=DECIMALS,
    fields=FIELDS,
    zeros={**usdm.ZEROS, Kind.MARK_PRICE: {"match_ns": 0}},
)


def sample(kind: Kind) -> Sample:
    frame = FRAMES[kind]
    with_pair = frame.replace(b'"s":"BTCUSD_PERP"', b'"s":"BTCUSD_PERP","ps":"BTCUSD"')
    pair = with_pair if b'"ps"' not in frame else frame.replace(b'"ps":"BTCUSD",', b"")
    loose = raw(frame), with_new_field(frame), frame.replace(b'"s":', b'"st":2,"s":')
    if kind == Kind.BOOK_TICKER:  # as the venue's documents write it
        kind_first = frame.replace(b'"e":"bookTicker",', b"")
        loose += (kind_first.replace(b'{"u"', b'{"e":"bookTicker","u"'),)
    return Sample(
        kind.name.lower(),
        frame,
        {"kind": kind, **EVENTS[kind]},
        {**fields_of({**usdm.COMMON, **FIELDS[kind]}), "data.e": "kind"},
        also=(pair, frame[:-2] + b',"st":2}}', pair[:-2] + b',"st":2}}'),
        loose=loose,
    )


def with_index() -> Sample:
    """Return a mark price that also says the index."""
    event = {"kind": Kind.MARK_PRICE, **EVENTS[Kind.MARK_PRICE], "index_e8": 6178462659091}
    frame = MARK_PRICE.replace(b'"P"', INDEX)
    fields = fields_of({**usdm.COMMON, **FIELDS[Kind.MARK_PRICE]})
    return Sample("mark_price_with_index", frame, event, fields)


def sides(bids: Levels, asks: Levels) -> tuple[list[list[str]], ...]:
    return tuple(side(levels, DECIMALS, SHOWN) for levels in (bids, asks))


def delta(ids: Ids, bids: Levels, asks: Levels) -> bytes:
    b, a = sides(bids, asks)
    head = {"e": "depthUpdate", "E": 1723161258284, "T": 1723161258280, "s": SYMBOL}
    chain = {"ps": "BTCUSD", "U": ids[0], "u": ids[1], "pu": ids[2], "b": b, "a": a}
    return text({"stream": "btcusd_perp@depth@0ms", "data": {**head, **chain}})


def snapshot(last: int, bids: Levels, asks: Levels) -> bytes:
    b, a = sides(bids, asks)
    whose = {"symbol": SYMBOL, "pair": "BTCUSD"}
    return text({"lastUpdateId": last, "E": 1, "T": 1, **whose, "bids": b, "asks": a})


VENUE = Venue(
    name="binance_coinm",
    codec=Codec,
    symbol=SYMBOL,
    other_symbol="ETHUSD_240927",
    instrument=INSTRUMENT,
    decimals=DECIMALS,
    samples=(
        *map(sample, FRAMES),
        with_index(),
        rest_snapshot(
            SNAPSHOT,
            SNAPSHOT_EVENT,
            also=(SNAPSHOT.replace(b'"symbol":"BTCUSD_PERP","pair":"BTCUSD",', b""),),
        ),
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
            "binance_coinm/btcusd_perp_20240808.jsonl.xz",
            {SYMBOL: DECIMALS},
            {Kind.DEPTH: 26847, Kind.BOOK_TICKER: 19136, Kind.TRADE: 2286},
            {Status.UNKNOWN_SYMBOL: 1},  # the REST snapshot in line
        ),
        Recording(
            "binance_coinm/cryptofeed_BINANCE_DELIVERY.ws.1.0.xz",
            {
                "BCHUSD_PERP": (2, 0),
                "BCHUSD_210924": (2, 0),
                "BTCUSD_211231": (1, 0),
                "EOSUSD_PERP": (3, 0),
                "ETCUSD_PERP": (3, 0),
                "ETHUSD_210924": (2, 0),
                "LINKUSD_PERP": (3, 0),
                "LINKUSD_211231": (3, 0),
                "TRXUSD_PERP": (5, 0),
                "XRPUSD_PERP": (4, 0),
            },
            {Kind.DEPTH: 2047, Kind.BOOK_TICKER: 2240, Kind.AGG_TRADE: 51},
            {Status.UNKNOWN_KIND: 33},  # klines
        ),
    ),
    controls=CONTROLS,
    unknown_kinds=(
        b'{"stream":"btcusd_perp@kline_1m","data":{"e":"kline","E":1,"s":"BTCUSD_PERP"}}',
        b'{"stream":"btcusd@indexPrice@1s","data":{"e":"indexPriceUpdate","E":1,"i":"BTCUSD",'
        b'"p":"61784.62"}}',
        DEPTH.replace(b"@depth@0ms", b"@depth20@100ms"),
    ),
    values=(
        b'"BTC\\u0055SD_PERP"',
        b'"BTCUSD"',
        b'"ETHUSD_240927"',
        b'"depthUpdate"',
        b'"bookTicker"',
        b'"btcusd_perp@trade"',
        b'"MARKET"',
    ),
    oracle=ORACLE.decode,
)
