"""OKX v5 in the acceptance matrix: golden frames, and the events that they must give."""

from __future__ import annotations

from random import Random

from hotpath.book.book import Rule
from hotpath.decode.json import Kind, Status
from tests.book.naive import NaiveOkx
from tests.venues.binance_words import decimal, text
from tests.venues.venue import MS, Chain, Ids, Levels, Recording, Sample, Venue
from venues.okx.codec import Codec

SYMBOL, DECIMALS = "BTC-USDT-SWAP", (1, 2)
ARG = b'{"arg":{"channel":"%s","instId":"BTC-USDT-SWAP"},'
TS = 1786540471710
SIDES = (
    b'"asks":[["63921.1","1871.75","0","13"],["63930","0","0","0"]],'
    b'"bids":[["63921","779.3","0","1"]],"ts":"1786540471710"'
)
LEVELS = {"asks": [(639211, 187175), (639300, 0)], "bids": [(639210, 77930)]}

UPDATE = (
    ARG % b"books"
    + b'"action":"update","data":[{'
    + SIDES
    + b',"checksum":0,"seqId":5723938893,"prevSeqId":5723938880}]}'
)
SNAPSHOT = UPDATE.replace(b'"update"', b'"snapshot"').replace(b"5723938880", b"-1")
UPDATE_2022 = ARG % b"books" + b'"action":"update","data":[{' + SIDES + b',"checksum":-914047754}]}'
BBO = (
    ARG
    % b"bbo-tbt"
    + b'"data":[{"asks":[["8476.98","415","0","13"]],"bids":[["8476.97","256","0","12"]],'
    b'"ts":"1597026383085","seqId":123456}]}'
).replace(b"8476.9", b"8476.")
TRADES = (
    ARG % b"trades" + b'"data":[{"instId":"BTC-USDT-SWAP","tradeId":"130639474","px":"42219.9",'
    b'"sz":"0.12","side":"buy","ts":"1630048897897","count":"3"}]}'
)
TRADES_2022 = TRADES.replace(b',"count":"3"', b"").replace(b'"buy"', b'"sell"')
FUNDING = (
    ARG % b"funding-rate" + b'"data":[{"instId":"BTC-USDT-SWAP","fundingRate":"-0.0001",'
    b'"nextFundingRate":"0.0002","fundingTime":"1744590349506","nextFundingTime":"1744619149506",'
    b'"ts":"1744590349507"}]}'
)
MARK = (
    ARG % b"mark-price" + b'"data":[{"instType":"SWAP","instId":"BTC-USDT-SWAP",'
    b'"markPx":"42310.612","ts":"1630049139746"}]}'
)

FRAME = {"arg": "object", "arg.channel": "kind", "arg.instId": "symbol", "data": "any"}
DEPTH = {
    **FRAME,
    "action": "text",
    "data[0].asks": "asks",
    "data[0].bids": "bids",
    "data[0].ts": "text_whole",
}
IDS = {"data[0].seqId": "whole", "data[0].prevSeqId": "signed"}
TRADE = {
    **FRAME,
    "data[0].instId": "text",
    "data[0].tradeId": "text_whole",
    "data[0].px": "price",
    "data[0].sz": "size",
    "data[0].side": "text",
    "data[0].ts": "text_whole",
}


def depth(kind: Kind, last: int, previous: int, **more: int) -> dict[str, object]:
    ids = {"first_id": 0, "last_id": last, "prev_id": previous}
    return {"kind": kind, "event_ns": TS * MS, "match_ns": 0, **ids, **LEVELS, **more}


def trade(kind: Kind, first: int, last: int, seller: bool) -> dict[str, object]:
    time = 1630048897897 * MS
    ids = {"first_id": first, "last_id": last, "trade_id": 130639474}
    deal = {"price_ticks": 422199, "lots": 12, "buyer_maker": seller}
    return {"kind": kind, "event_ns": time, "match_ns": time, **ids, **deal}


def swapped(frame: bytes, one: bytes, other: bytes) -> bytes:
    """Return the frame with two pieces in each other's place."""
    return frame.replace(one, b"\0").replace(other, one).replace(b"\0", other)


SAMPLES = (
    Sample(
        "update",
        UPDATE,
        depth(Kind.DEPTH, 5723938893, 5723938880),
        {**DEPTH, **IDS},
        also=(
            swapped(UPDATE, b'"seqId":5723938893', b'"prevSeqId":5723938880'),
            UPDATE.replace(b'"checksum":0,', b""),
        ),
        loose=(
            UPDATE.replace(b'"0","13"', b'"0","13","new"'),
            UPDATE.replace(b'"0","13"', b"0,13"),
            UPDATE.replace(b'"action":"update",', b"")[:-1] + b',"action":"update"}',
            UPDATE.replace(b'"ts"', b'"new":[1,{"x":null}],"ts"'),
            b'{"data":'
            + UPDATE[UPDATE.index(b'"data":') + 7 : -1]
            + b","
            + UPDATE[1:].replace(UPDATE[UPDATE.index(b',"data":') : -1], b""),
        ),
    ),
    Sample("snapshot", SNAPSHOT, depth(Kind.SNAPSHOT, 5723938893, 0), {**DEPTH, **IDS}),
    Sample(
        "update of 2022",
        UPDATE_2022,
        depth(Kind.DEPTH, 0, 0, checksum=2**32 - 914047754),
        DEPTH,
    ),
    Sample(
        "bbo",
        BBO,
        {
            "kind": Kind.BOOK_TICKER,
            "event_ns": 1597026383085 * MS,
            "match_ns": 0,
            "last_id": 123456,
            "bid_ticks": 84767,
            "bid_lots": 25600,
            "ask_ticks": 84768,
            "ask_lots": 41500,
        },
        {key: kind for key, kind in DEPTH.items() if key != "action"},
        loose=(BBO.replace(b'"ts"', b'"new":0,"ts"'),),
    ),
    Sample(
        "trades",
        TRADES,
        trade(Kind.AGG_TRADE, 130639472, 130639474, seller=False),
        TRADE,
        also=(TRADES.replace(b'"3"', b'"3","source":"0","seqId":1234'),),
        loose=(TRADES.replace(b'"3"', b'"3","source":"1"'),),
    ),
    Sample("trades of 2022", TRADES_2022, trade(Kind.TRADE, 0, 0, seller=True), TRADE),
    Sample(
        "funding",
        FUNDING,
        {
            "kind": Kind.MARK_PRICE,
            "event_ns": 1744590349507 * MS,
            "match_ns": 0,
            "funding_e8": -10000,
            "next_funding_ns": 1744590349506 * MS,
        },
        {
            **FRAME,
            "data[0].instId": "text",
            "data[0].fundingRate": "any",
            "data[0].fundingTime": "text_whole",
        },
        loose=(
            FUNDING.replace(b'"-0.0001"', b'"-0.000100001234"'),
            FUNDING.replace(b'"nextFundingRate":"0.0002"', b'"method":"current_period"'),
        ),
    ),
    Sample(
        "mark",
        MARK,
        {
            "kind": Kind.MARK_PRICE,
            "event_ns": 1630049139746 * MS,
            "match_ns": 0,
            "mark_e8": 4231061200000,
        },
        {
            **FRAME,
            "data[0].instId": "text",
            "data[0].markPx": "money",
            "data[0].ts": "text_whole",
        },
        also=(MARK.replace(b'SWAP","instId":"BTC', b'FUTURES","instId":"BTC'),),
    ),
)


def rows(levels: Levels) -> list[list[str]]:
    price, size = DECIMALS
    return [[decimal(p, price, 1), decimal(s, size, 2), "0", "1"] for p, s in levels]


def book(action: str, seq: int, previous: int, bids: Levels, asks: Levels) -> bytes:
    row = {"asks": rows(asks), "bids": rows(bids), "ts": str(TS), "checksum": 0}
    ids = {"seqId": seq, "prevSeqId": previous}
    arg = {"channel": "books", "instId": SYMBOL}
    return text({"arg": arg, "action": action, "data": [{**row, **ids}]})


def delta(ids: Ids, bids: Levels, asks: Levels) -> bytes:
    return book("update", ids[1], ids[2], bids, asks)


def snapshot(last: int, bids: Levels, asks: Levels) -> bytes:
    return book("snapshot", last, -1, bids, asks)


def follow(last: int, rng: Random) -> Ids:
    return 0, last + rng.randint(1, 9), last


SYNCED = ("snapshot", 100)
CASES = {
    "snapshot alone is the book": ([SYNCED], "SYNCED"),
    "update before the snapshot is dropped": ([("delta", (0, 101, 100))], "EMPTY"),
    "prevSeqId is the chain": ([SYNCED, ("delta", (0, 110, 100))], "SYNCED"),
    "keep-alive repeats the id": (
        [SYNCED, ("delta", (0, 100, 100)), ("delta", (0, 105, 100))],
        "SYNCED",
    ),
    "ids start again after maintenance": (
        [SYNCED, ("delta", (0, 3, 100)), ("delta", (0, 5, 3))],
        "SYNCED",
    ),
    "another prevSeqId is a gap": ([SYNCED, ("delta", (0, 111, 110))], "GAPPED"),
    "repeated update is a gap": (
        [SYNCED, ("delta", (0, 110, 100)), ("delta", (0, 110, 100))],
        "GAPPED",
    ),
    "snapshot behind a gap heals it, whatever its id": (
        [SYNCED, ("delta", (0, 111, 110)), ("delta", (0, 112, 111)), ("snapshot", 7)],
        "SYNCED",
    ),
}

VENUE = Venue(
    name="okx",
    codec=Codec,
    symbol=SYMBOL,
    other_symbol="ETH-USDT-SWAP",
    decimals=DECIMALS,
    samples=SAMPLES,
    chain=Chain(
        rule=Rule.OKX,
        book=NaiveOkx,
        delta=delta,
        snapshot=snapshot,
        follow=follow,
        cases=CASES,
        rest=False,
    ),
    recordings=(
        Recording(
            "okx/cryptofeed_OKX.ws.1.0.xz",
            {"BTC-USD-220527": (1, 0), "UNI-USD-SWAP": (3, 0), "BTC-USDT": (1, 8)},
            {Kind.DEPTH: 287, Kind.SNAPSHOT: 3, Kind.TRADE: 74},
            {Status.CONTROL: 18, Status.UNKNOWN_KIND: 28},  # answers; tickers
        ),
    ),
    controls=(
        b'{"event":"subscribe","arg":{"channel":"tickers","instId":"BTC-USDT-SWAP"},"connId":"49d9"}',
        b'{"event":"subscribe","arg":{"channel":"books","instId":"ETH-USDT-SWAP"}}',
        b'{"event":"error","code":"60012","msg":"Illegal request: {\\"op\\": 1}","connId":"a4d3"}',
        b'{"event":"notice","code":"64008","msg":"The connection will soon be closed"}',
        b'{"event":"login","code":"0","msg":"","connId":"a4d3ae55"}',
        b'{"event":"channel-conn-count","channel":"orders","connCount":"2","connId":"abcd"}',
        b"pong",
        ARG % b"trades" + b'"data":[]}',
    ),
    unknown_kinds=(
        ARG % b"tickers" + b'"data":[{"instType":"SWAP","last":"63921","ts":"1786540471710"}]}',
        ARG % b"candle1D" + b'"data":[["1629993600000","42500","48199.9","41006.1"]]}',
        UPDATE.replace(b"books", b"books-l2-tbt"),
        UPDATE.replace(b"books", b"books50-l2-tbt"),
        b'{"arg":{"channel":"instruments","instType":"FUTURES"},"data":[{"instId":"X"}]}',
    ),
    values=(
        b'"buy"',
        b'"sell"',
        b'"update"',
        b'"snapshot"',
        b'"books"',
        b'"trades"',
        b'"subscribe"',
        b'["1","2","0","3"]',
        b"-914047754",
        b"4294967296",
        b'"ETH-USDT-SWAP"',
        b'"BTC-USDT-SW\\u0041P"',
        b'"1652459225393"',
    ),
)
