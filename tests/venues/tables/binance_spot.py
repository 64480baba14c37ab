"""Binance spot in the acceptance matrix: frames as recorded in 2021 and 2024."""

from __future__ import annotations

from hotpath.book.book import Rule
from hotpath.decode.json import Kind, Status
from tests.book.naive import NaiveSpotBook
from tests.venues.binance_oracle import Fields, Oracle
from tests.venues.binance_words import (
    CONTROLS,
    fields_of,
    raw,
    rest_snapshot,
    side,
    text,
    with_new_field,
)
from tests.venues.venue import MS, Chain, Ids, Levels, Recording, Sample, Venue
from venues.binance.spot.codec import Codec

SYMBOL, INSTRUMENT, DECIMALS, SHOWN = "BTCUSDT", 7, (2, 5), (8, 8)
OLD_LEVELS = (2, 6)  # far from the touch sizes are still as fine as the step once was

DEPTH = (
    b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255208,"s":"BTCUSDT",'
    b'"U":50093239189,"u":50093239202,"b":[["61737.63000000","0.00000000"]],'
    b'"a":[["61837.64000000","1.54698000"],["61839.85000000","0.00000000"]]}}'
)
BOOK_TICKER = (
    b'{"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000",'
    b'"B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}'
)
TRADE = (
    b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,'
    b'"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}}'
)
AGG_TRADE = (
    b'{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1633998523963,"s":"BTCUSDT",'
    b'"a":15683430,"p":"61837.63000000","q":"58.00000000","f":19862790,"l":19862791,'
    b'"T":1633998523962,"m":false,"M":true}}'
)
SNAPSHOT = (
    b'{"lastUpdateId":50093239218,"bids":[["61837.63000000","3.78826000"]],'
    b'"asks":[["61837.64000000","1.54698000"],["61838.00000000","0.00001000"]]}'
)

FRAMES = {
    Kind.DEPTH: DEPTH,
    Kind.BOOK_TICKER: BOOK_TICKER,
    Kind.TRADE: TRADE,
    Kind.AGG_TRADE: AGG_TRADE,
}
EVENTS = {
    Kind.DEPTH: {
        "event_ns": 1723161255208 * MS,
        "match_ns": 0,
        "first_id": 50093239189,
        "last_id": 50093239202,
        "prev_id": 0,
        "bids": [(6173763, 0)],
        "asks": [(6183764, 154698), (6183985, 0)],
    },
    Kind.BOOK_TICKER: {
        "event_ns": 0,
        "match_ns": 0,
        "last_id": 50093239212,
        "bid_ticks": 6183763,
        "bid_lots": 378826,
        "ask_ticks": 6183764,
        "ask_lots": 154698,
    },
    Kind.TRADE: {
        "event_ns": 1723161255343 * MS,
        "match_ns": 1723161255342 * MS,
        "first_id": 0,
        "last_id": 0,
        "trade_id": 3735683259,
        "price_ticks": 6183763,
        "lots": 2000,
        "buyer_maker": True,
    },
    Kind.AGG_TRADE: {
        "event_ns": 1633998523963 * MS,
        "match_ns": 1633998523962 * MS,
        "first_id": 19862790,
        "last_id": 19862791,
        "trade_id": 15683430,
        "price_ticks": 6183763,
        "lots": 5800000,
        "buyer_maker": False,
    },
}
SNAPSHOT_EVENT = {
    "kind": Kind.SNAPSHOT,
    "event_ns": 0,
    "match_ns": 0,
    "first_id": 0,
    "last_id": 50093239218,
    "prev_id": 0,
    "bids": [(6183763, 378826)],
    "asks": [(6183764, 154698), (6183800, 1)],
}

COMMON: Fields = {"s": ("symbol", None, True)}
FLAGS: Fields = {"m": ("bool", "buyer_maker", True), "M": ("flag", None, False)}
DEALT: Fields = {
    "E": ("time", "event_ns", True),
    "T": ("time", "match_ns", True),
    "p": ("price", "price_ticks", True),
    "q": ("size", "lots", True),
    **FLAGS,
}
FIELDS: dict[Kind, Fields] = {
    Kind.DEPTH: {
        "E": ("time", "event_ns", True),
        "U": ("whole", "first_id", True),
        "u": ("whole", "last_id", True),
        "b": ("levels", "bids", True),
        "a": ("levels", "asks", True),
    },
    Kind.BOOK_TICKER: {
        "u": ("whole", "last_id", True),
        "b": ("price", "bid_ticks", True),
        "B": ("size", "bid_lots", True),
        "a": ("price", "ask_ticks", True),
        "A": ("size", "ask_lots", True),
    },
    Kind.TRADE: {"t": ("whole", "trade_id", True), **DEALT},
    Kind.AGG_TRADE: {
        "a": ("whole", "trade_id", True),
        "f": ("whole", "first_id", True),
        "l": ("whole", "last_id", True),
        **DEALT,
    },
}
ORACLE = Oracle(
    SYMBOL,
    INSTRUMENT,
    DECIMALS,
    kinds={"depthUpdate": Kind.DEPTH, "aggTrade": Kind.AGG_TRADE, "trade": Kind.TRADE},
    streams={
        "depth": Kind.DEPTH,
        "bookTicker": Kind.BOOK_TICKER,
        "aggTrade": Kind.AGG_TRADE,
        "trade": Kind.TRADE,
    },
    common=COMMON,
    fields=FIELDS,
    zeros={
        Kind.DEPTH: {"match_ns": 0, "prev_id": 0},
        Kind.BOOK_TICKER: {"event_ns": 0, "match_ns": 0},
        Kind.TRADE: {"first_id": 0, "last_id": 0},
    },
    nameless=Kind.BOOK_TICKER,
)


def in_microseconds(frame: bytes) -> bytes:
    """Return the frame as a stream with timeUnit=MICROSECOND sends it."""
    return (
        frame.replace(b'208,"s"', b'208000,"s"')
        .replace(b'343,"s"', b'343000,"s"')
        .replace(b'342,"m"', b'342000,"m"')
        .replace(b'963,"s"', b'963000,"s"')
        .replace(b'962,"m"', b'962000,"m"')
    )


def sample(kind: Kind) -> Sample:
    frame = FRAMES[kind]
    fields = fields_of({**COMMON, **FIELDS[kind]})
    if kind != Kind.BOOK_TICKER:
        fields["data.e"] = "kind"
    also = {in_microseconds(frame), frame.replace(b"@100ms", b"")} - {frame}
    moved = frame.replace(b'"s":"BTCUSDT",', b"")[:-2] + b',"s":"BTCUSDT"}}'
    return Sample(
        kind.name.lower(),
        frame,
        {"kind": kind, **EVENTS[kind]},
        fields,
        also=tuple(sorted(also)),
        loose=(raw(frame), with_new_field(frame), moved),
    )


def sides(bids: Levels, asks: Levels) -> tuple[list[list[str]], ...]:
    return tuple(side(levels, DECIMALS, SHOWN) for levels in (bids, asks))


def delta(ids: Ids, bids: Levels, asks: Levels) -> bytes:
    b, a = sides(bids, asks)
    head = {"e": "depthUpdate", "E": 1723161258284, "s": SYMBOL}
    return text(
        {"stream": "btcusdt@depth", "data": {**head, "U": ids[0], "u": ids[1], "b": b, "a": a}}
    )


def snapshot(last: int, bids: Levels, asks: Levels) -> bytes:
    b, a = sides(bids, asks)
    return text({"lastUpdateId": last, "bids": b, "asks": a})


VENUE = Venue(
    name="binance_spot",
    codec=Codec,
    symbol=SYMBOL,
    instrument=INSTRUMENT,
    decimals=DECIMALS,
    samples=(
        *map(sample, FRAMES),
        rest_snapshot(SNAPSHOT, SNAPSHOT_EVENT),
    ),
    chain=Chain(
        rule=Rule.BINANCE_SPOT,
        book=NaiveSpotBook,
        delta=delta,
        snapshot=snapshot,
        follow=lambda last, rng: (last + 1, last + rng.randint(1, 5), 0),
        cases={
            "first event that holds the id behind the snapshot hooks": (
                [("snapshot", 100), ("delta", (90, 101, 0))],
                "SYNCED",
            ),
            "first event that begins behind the snapshot hooks": (
                [("snapshot", 100), ("delta", (101, 110, 0))],
                "SYNCED",
            ),
            "event that ends with the snapshot is dropped": (
                [("snapshot", 100), ("delta", (90, 100, 0))],
                "BUFFERING",
            ),
            "first event that leaves one id out is a gap": (
                [("snapshot", 100), ("delta", (102, 110, 0))],
                "GAPPED",
            ),
            "events before the snapshot are kept and spliced": (
                [("delta", (80, 95, 0)), ("delta", (96, 103, 0)), ("snapshot", 100)],
                "SYNCED",
            ),
            "snapshot that does not reach the kept events is too old": (
                [("delta", (102, 110, 0)), ("snapshot", 100)],
                "BUFFERING",
            ),
            "U behind the last u is the chain": (
                [("snapshot", 100), ("delta", (101, 105, 0)), ("delta", (106, 107, 0))],
                "SYNCED",
            ),
            "one id left out is a gap": (
                [("snapshot", 100), ("delta", (101, 105, 0)), ("delta", (107, 108, 0))],
                "GAPPED",
            ),
            "repeated event is a gap": (
                [("snapshot", 100), ("delta", (101, 105, 0)), ("delta", (101, 105, 0))],
                "GAPPED",
            ),
            "snapshot behind a gap heals it": (
                [
                    ("snapshot", 100),
                    ("delta", (101, 105, 0)),
                    ("delta", (120, 130, 0)),
                    ("snapshot", 125),
                ],
                "SYNCED",
            ),
        },
    ),
    recordings=(
        Recording(
            "binance_spot/btcusdt_20240808.jsonl.xz",
            {SYMBOL: OLD_LEVELS},
            {Kind.DEPTH: 3451, Kind.BOOK_TICKER: 28040, Kind.TRADE: 9757},
            {Status.UNKNOWN_SYMBOL: 1},  # the REST snapshot in line
        ),
        Recording(
            "binance_spot/btcusdt_20240809.jsonl.xz",
            {SYMBOL: OLD_LEVELS},
            {Kind.DEPTH: 3044, Kind.BOOK_TICKER: 45134, Kind.TRADE: 10147},
        ),
        Recording(
            "binance_spot/cryptofeed_BINANCE.ws.1.0.xz",
            {"NKNUSDT": (4, 0), "BLZETH": (8, 0), "LRCBTC": (8, 0), "RUNEEUR": (3, 1)},
            {Kind.DEPTH: 177, Kind.BOOK_TICKER: 84, Kind.AGG_TRADE: 2},
            {Status.UNKNOWN_KIND: 2},  # klines
        ),
    ),
    controls=CONTROLS,
    unknown_kinds=(
        b'{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1,"s":"BTCUSDT","k":{"t":1}}}',
        b'{"e":"24hrTicker","E":1,"s":"BTCUSDT","p":"1"}',
        b'{"e":"serverShutdown","E":1770123456789}',
        b'{"stream":"btcusdt@depth20@100ms","data":{"lastUpdateId":1,"bids":[],"asks":[]}}',
        DEPTH.replace(b"@depth@100ms", b"@depth20@100ms"),
    ),
    values=(b'"BTC\\u0055SDT"', b'"ETHUSDT"', b'"depthUpdate"', b'"trade"', b'"btcusdt@trade"'),
    oracle=ORACLE.decode,
)
