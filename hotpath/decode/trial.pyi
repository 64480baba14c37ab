from enum import IntEnum, IntFlag
from typing import Any

from hotpath.decode.json import Status

PAD: bytes

class Type(IntEnum):
    ANY = 0
    TEXT = 1
    KIND = 2
    SYMBOL = 3
    WHOLE = 4
    TIME_MS = 5
    BOOL = 6
    PRICE = 7
    SIZE = 8
    MONEY = 9
    BIDS = 10
    ASKS = 11
    OBJECT = 12
    ROWS = 13
    GROUPS = 14
    CHOSEN = 15
    TIME = 16

class Flag(IntFlag):
    NONE = 0
    REQUIRED = 1
    SIGNED = 2
    EMPTY = 4
    ROUND = 8
    LATER = 16
    LOOSE = 32
    APART = 64
    QUOTED = 128

TEXTS: tuple[Type, ...]
NUMBERS: tuple[Type, ...]

Field = tuple[str, Type, Flag, int, int]

class Trial:
    def __init__(self, shapes: list[tuple[str | None, int, list[Field]]]) -> None: ...
    def put_instrument(
        self, symbol: str, id: int, price_decimals: int, size_decimals: int
    ) -> bool: ...
    def read(
        self, text: bytes, root: int = 0
    ) -> tuple[
        Status,
        dict[str, Any],
        list[dict[str, Any]],
        list[tuple[int, int]],
        list[tuple[int, int]],
    ]: ...
