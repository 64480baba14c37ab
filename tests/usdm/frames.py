"""Golden market frames of USD-M, one of each kind, and the events that they must give."""

from __future__ import annotations

from hotpath.decode.json import Kind

MS = 1_000_000
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

EVENTS = {
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


def raw(frame: bytes) -> bytes:
    """Return what a single stream sends: the data without its wrapper."""
    return frame[frame.index(b'"data":') + 7 : -1]


def with_2026_fields(frame: bytes, *, pair: bool = True, market: bool = True) -> bytes:
    """Return the frame with "ps" behind "s" and "st" at the end of its data."""
    if pair:
        frame = frame.replace(b'"s":"BTCUSDT"', b'"s":"BTCUSDT","ps":"BTCUSDT"')
    if market:
        frame = frame[:-2] + b',"st":1}}'
    return frame
