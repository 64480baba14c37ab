"""Hyperliquid in the acceptance matrix: golden frames, and the events that they must give."""

from __future__ import annotations

from hotpath.decode.json import Kind
from tests.venues.venue import MS, Recording, Sample, Venue
from venues.hyperliquid.codec import Codec

SYMBOL, DECIMALS = "BTC", (1, 5)
TIME = 1737918843542
HASH = b"0x" + b"289c" * 16
USERS = b'"users":["0x' + b"3c" * 20 + b'","0x' + b"01" * 20 + b'"]'

BOOK = (
    b'{"channel":"l2Book","data":{"coin":"BTC","time":1737918843542,"levels":[['
    b'{"px":"105055.0","sz":"3.03622","n":5},{"px":"105054.0","sz":"0.1428","n":1}],'
    b'[{"px":"105056.0","sz":"6.34472","n":13}]]}}'
)
SORTED_BOOK = (
    b'{"channel":"l2Book","data":{"coin":"BTC","levels":[['
    b'{"n":5,"px":"105055.0","sz":"3.03622"},{"n":1,"px":"105054.0","sz":"0.1428"}],'
    b'[{"n":13,"px":"105056.0","sz":"6.34472"}]],"time":1737918843542}}'
)
BBO = (
    b'{"channel":"bbo","data":{"coin":"BTC","time":1737918843542,"bbo":['
    b'{"px":"105055.0","sz":"3.03622","n":5},{"px":"105056.0","sz":"6.34472","n":13}]}}'
)
TRADE = (
    b'{"channel":"trades","data":[{"coin":"BTC","side":"B","px":"64097.0","sz":"0.00033",'
    b'"time":1737918843542,"hash":"' + HASH + b'","tid":1004438142537043,' + USERS + b"}]}"
)
SORTED_TRADE = (
    b'{"channel":"trades","data":[{"coin":"BTC","hash":"' + HASH + b'","px":"64097.0",'
    b'"side":"B","sz":"0.00033","tid":1004438142537043,"time":1737918843542,' + USERS + b"}]}"
)
CONTEXT = (
    b'{"channel":"activeAssetCtx","data":{"coin":"BTC","ctx":{"funding":"-0.0000125",'
    b'"openInterest":"38485.06546","premium":"-0.0003293628","oraclePx":"64063.1",'
    b'"markPx":"64040.0","midPx":"64041.5","impactPxs":["64041.0","64042.0"]}}}'
)

FRAME = {"channel": "kind", "data": "object", "data.coin": "symbol"}
ROW = {"channel": "kind", "data": "any", "data[0].coin": "symbol"}
LEVEL = ("px", "price"), ("sz", "size")


def levels_of(*places: str) -> dict[str, str]:
    return {f"{place}.{key}": kind for place in places for key, kind in LEVEL}


BOOK_EVENT = {
    "kind": Kind.SNAPSHOT,
    "event_ns": TIME * MS,
    "match_ns": 0,
    "first_id": 0,
    "last_id": TIME,
    "prev_id": 0,
    "bids": [(1050550, 303622), (1050540, 14280)],
    "asks": [(1050560, 634472)],
}

VENUE = Venue(
    name="hyperliquid",
    codec=Codec,
    symbol=SYMBOL,
    other_symbol="ETH",
    decimals=DECIMALS,
    samples=(
        Sample(
            "book",
            BOOK,
            BOOK_EVENT,
            {
                **FRAME,
                "data.time": "whole",
                "data.levels": "any",
                **levels_of("data.levels[0][0]", "data.levels[0][1]", "data.levels[1][0]"),
            },
            also=(SORTED_BOOK,),
            loose=(
                BOOK.replace(b',"n":5', b""),
                BOOK.replace(b'"levels"', b'"spread":"1.0","levels"'),
            ),
        ),
        Sample(
            "bbo",
            BBO,
            {
                "kind": Kind.BOOK_TICKER,
                "event_ns": TIME * MS,
                "match_ns": 0,
                "last_id": TIME,
                "bid_ticks": 1050550,
                "bid_lots": 303622,
                "ask_ticks": 1050560,
                "ask_lots": 634472,
            },
            {
                **FRAME,
                "data.time": "whole",
                "data.bbo": "any",
                **levels_of("data.bbo[0]", "data.bbo[1]"),
            },
        ),
        Sample(
            "trade",
            TRADE,
            {
                "kind": Kind.TRADE,
                "event_ns": TIME * MS,
                "match_ns": TIME * MS,
                "first_id": 0,
                "last_id": 0,
                "trade_id": 1004438142537043,
                "price_ticks": 640970,
                "lots": 33,
                "buyer_maker": False,
            },
            {
                **ROW,
                **levels_of("data[0]"),
                "data[0].side": "text",
                "data[0].time": "whole",
                "data[0].tid": "whole",
            },
            also=(SORTED_TRADE,),
            loose=(TRADE.replace(b',"users"', b',"new":1,"users"'),),
        ),
        Sample(
            "context",
            CONTEXT,
            {
                "kind": Kind.MARK_PRICE,
                "event_ns": 0,
                "match_ns": 0,
                "mark_e8": 6404000000000,
                "index_e8": 6406310000000,
                "funding_e8": -1250,
            },
            {
                **FRAME,
                "data.ctx": "object",
                "data.ctx.funding": "any",
                "data.ctx.oraclePx": "money",
                "data.ctx.markPx": "money",
            },
            scanned=False,
        ),
    ),
    recordings=(
        Recording(
            "hyperliquid/btcusd_20250126.jsonl.xz",
            {SYMBOL: DECIMALS},
            {Kind.SNAPSHOT: 46, Kind.TRADE: 9},
        ),
    ),
    controls=(
        b'{"channel":"subscriptionResponse","data":{"method":"subscribe","subscription":'
        b'{"type":"l2Book","coin":"BTC"}}}',
        b'{"channel":"pong"}',
        b'{"channel":"error","data":"Invalid subscription {\\"type\\":\\"x\\"}"}',
        b'{"channel":"trades","data":[]}',
    ),
    unknown_kinds=(
        b'{"channel":"allMids","data":{"mids":{"BTC":"64041.5"}}}',
        b'{"channel":"user","data":{"fills":[{"coin":"BTC","px":"66653.0"}]}}',
    ),
    values=(
        b'"A"',
        b'"B"',
        b'"ETH"',
        b"null",
        b"1125899906842624",
        b'[[{"px":"1","sz":"1","n":1}],[]]',
        b'"' + HASH + b'"',
        b'"' + HASH.upper() + b'"',
    ),
)
