"""What the tables of Binance's markets have in common: words, wrappers, the futures' rule."""

from __future__ import annotations

import json
from random import Random

from tests.venues.binance_oracle import Fields
from tests.venues.venue import Event, Ids, Levels, Sample

OF_ORACLE = {"ms": "whole", "time": "whole", "rate": "any"}
CONTROLS = (
    b'{"result":null,"id":1}',
    b'{"id":1,"result":["btcusdt@depth"]}',
    b'{"error":{"code":2,"msg":"x"},"id":1}',
    b'{"code":2,"msg":"Invalid request: unknown method"}',
)


def fields_of(table: Fields) -> dict[str, str]:
    """Return the required fields of a wrapped message as paths and types."""
    out = {"stream": "text", "data": "object"}
    for key, (how, name, required) in table.items():
        if required:
            how = str(name) if how == "levels" else how
            out[f"data.{key}"] = OF_ORACLE.get(how, how)
    return out


def raw(frame: bytes) -> bytes:
    """Return what a single stream sends: the data without its wrapper."""
    return frame[frame.index(b'"data":') + 7 : -1]


def with_new_field(frame: bytes) -> bytes:
    return frame.replace(b'"s":', b'"new":{"deep":[1,null,"x"]},"s":')


def rest_snapshot(frame: bytes, event: Event, also: tuple[bytes, ...] = ()) -> Sample:
    fields = {"lastUpdateId": "whole", "bids": "bids", "asks": "asks"}
    return Sample("snapshot", frame, event, fields, also=also, rest=True)


def text(message: object) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def decimal(value: int, decimals: int, shown: int) -> str:
    """Return a scaled integer as decimal text with `shown` decimals."""
    whole, rest = divmod(value, 10**decimals)
    digits = f"{rest:0{decimals}d}" if decimals else ""
    return f"{whole}.{digits:0<{shown}}" if shown else str(whole)


def side(levels: Levels, decimals: tuple[int, int], shown: tuple[int, int]) -> list[list[str]]:
    return [
        [decimal(ticks, decimals[0], shown[0]), decimal(lots, decimals[1], shown[1])]
        for ticks, lots in levels
    ]


def futures_follow(last: int, rng: Random) -> Ids:
    first = last + rng.randint(1, 3)
    return first, first + rng.randint(0, 4), last


FUTURES_CASES = {
    "first event that holds the snapshot's id hooks": (
        [("snapshot", 100), ("delta", (90, 105, 80))],
        "SYNCED",
    ),
    "first event that ends at the snapshot's id hooks": (
        [("snapshot", 100), ("delta", (90, 100, 80))],
        "SYNCED",
    ),
    "event that the snapshot holds already is dropped": (
        [("snapshot", 100), ("delta", (90, 99, 80))],
        "BUFFERING",
    ),
    "first event behind the snapshot's id is a gap": (
        [("snapshot", 100), ("delta", (101, 110, 99))],
        "GAPPED",
    ),
    "events before the snapshot are kept and spliced": (
        [("delta", (80, 95, 70)), ("delta", (97, 103, 95)), ("snapshot", 100)],
        "SYNCED",
    ),
    "snapshot that does not reach the kept events is too old": (
        [("delta", (101, 110, 99)), ("snapshot", 100)],
        "BUFFERING",
    ),
    "pu is the chain, U need not be the successor": (
        [("snapshot", 100), ("delta", (90, 105, 80)), ("delta", (109, 112, 105))],
        "SYNCED",
    ),
    "another pu is a gap": (
        [("snapshot", 100), ("delta", (90, 105, 80)), ("delta", (106, 112, 106))],
        "GAPPED",
    ),
    "repeated event is a gap": (
        [("snapshot", 100), ("delta", (90, 105, 80)), ("delta", (90, 105, 80))],
        "GAPPED",
    ),
    "older event is a gap": (
        [("snapshot", 100), ("delta", (90, 105, 80)), ("delta", (80, 90, 70))],
        "GAPPED",
    ),
    "snapshot behind a gap heals it": (
        [
            ("snapshot", 100),
            ("delta", (90, 105, 80)),
            ("delta", (120, 130, 119)),
            ("snapshot", 125),
        ],
        "SYNCED",
    ),
}
