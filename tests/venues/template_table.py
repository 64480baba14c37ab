"""The template in the acceptance matrix: copy to tables/NAME.py and put your frames in.

`python -m pytest tests/venues -k NAME` says what is missing.
"""

from __future__ import annotations

import importlib
import os

from hotpath.book.book import Rule
from hotpath.decode.json import Kind
from tests.book.naive import NaiveSpotBook
from tests.venues.binance_words import side, text
from tests.venues.venue import MS, Chain, Ids, Levels, Sample, Venue

NAME = os.environ.get("CORELANE_TEMPLATE", "venues._template")  # of the folder, as a module
SYMBOL, DECIMALS, SHOWN = "BTC-USD", (1, 3), (2, 3)

DEPTH = (
    b'{"channel":"depth","symbol":"BTC-USD","time":1723161258284,"first":11,"last":14,'
    b'"bids":[["61800.10","4.063"]],"asks":[["61814.00","0.000"]]}'
)
TRADE = (
    b'{"channel":"trade","symbol":"BTC-USD","time":1723161258284,"id":5,"price":"61800.30",'
    b'"size":"0.006","maker":true}'
)
SNAPSHOT = b'{"last":10,"bids":[["61800.20","2.909"]],"asks":[["61800.30","1.072"]]}'
NONE = {"first_id": 0, "last_id": 0}


def delta(ids: Ids, bids: Levels, asks: Levels) -> bytes:
    head = {"channel": "depth", "symbol": SYMBOL, "time": 1, "first": ids[0], "last": ids[1]}
    levels = [side(levels, DECIMALS, SHOWN) for levels in (bids, asks)]
    return text({**head, "bids": levels[0], "asks": levels[1]})


def snapshot(last: int, bids: Levels, asks: Levels) -> bytes:
    levels = [side(levels, DECIMALS, SHOWN) for levels in (bids, asks)]
    return text({"last": last, "bids": levels[0], "asks": levels[1]})


VENUE = Venue(
    name="template",
    codec=lambda: importlib.import_module(f"{NAME}.codec").Codec(),
    symbol=SYMBOL,
    other_symbol="ETH-USD",
    decimals=DECIMALS,
    samples=(
        Sample(
            "depth",
            DEPTH,
            {
                "kind": Kind.DEPTH,
                "event_ns": 1723161258284 * MS,
                "match_ns": 0,
                "first_id": 11,
                "last_id": 14,
                "prev_id": 0,
                "bids": [(618001, 4063)],
                "asks": [(618140, 0)],
            },
            {
                "channel": "kind",
                "symbol": "symbol",
                "time": "whole",
                "first": "whole",
                "last": "whole",
                "bids": "bids",
                "asks": "asks",
            },
            scanned=False,
        ),
        Sample(
            "trade",
            TRADE,
            {
                "kind": Kind.TRADE,
                "event_ns": 1723161258284 * MS,
                "match_ns": 0,
                **NONE,
                "trade_id": 5,
                "price_ticks": 618003,
                "lots": 6,
                "buyer_maker": True,
            },
            {
                "channel": "kind",
                "symbol": "symbol",
                "time": "whole",
                "id": "whole",
                "price": "price",
                "size": "size",
                "maker": "bool",
            },
            scanned=False,
        ),
        Sample(
            "snapshot",
            SNAPSHOT,
            {
                "kind": Kind.SNAPSHOT,
                "event_ns": 0,
                "match_ns": 0,
                "first_id": 0,
                "last_id": 10,
                "prev_id": 0,
                "bids": [(618002, 2909)],
                "asks": [(618003, 1072)],
            },
            {"last": "whole", "bids": "bids", "asks": "asks"},
            rest=True,
        ),
    ),
    chain=Chain(
        rule=Rule.BINANCE_SPOT,
        book=NaiveSpotBook,
        delta=delta,
        snapshot=snapshot,
        follow=lambda last, rng: (last + 1, last + rng.randint(1, 5), 0),
        cases={
            "first event behind the snapshot hooks": (
                [("snapshot", 100), ("delta", (101, 105, 0))],
                "SYNCED",
            ),
            "hole is a gap": (
                [("snapshot", 100), ("delta", (101, 105, 0)), ("delta", (107, 108, 0))],
                "GAPPED",
            ),
        },
    ),
    controls=(b'{"answer":"subscribed"}',),
    unknown_kinds=(b'{"channel":"candle","symbol":"BTC-USD"}',),
)
