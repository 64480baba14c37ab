from enum import IntEnum

class Status(IntEnum):
    REFUSED = 0
    EVENT = 1
    CONTROL = 2
    UNKNOWN_KIND = 3
    UNKNOWN_SYMBOL = 4
    FINER = 5
    MALFORMED = 6
    TOO_LARGE = 7
    TYPE = 8
    DUPLICATE = 9
    MISSING = 10
    NUMBER = 11
    LEVELS = 12

class Kind(IntEnum):
    NONE = 0
    DEPTH = 1
    SNAPSHOT = 2
    BOOK_TICKER = 3
    AGG_TRADE = 4
    TRADE = 5
    MARK_PRICE = 6

class Reader:
    def __init__(self) -> None: ...

def kernel() -> str: ...
def read_decimal(text: bytes, decimals: int) -> tuple[int, int, int]: ...
def read_whole(text: bytes) -> tuple[int, int]: ...
def scan_decimal(text: bytes, decimals: int) -> int | None: ...
def scan_whole(text: bytes) -> tuple[int, int]: ...
