from typing import final

from hotpath.decode.json import Reader
from hotpath.decode.market import MarketCodec

@final
class Codec(MarketCodec):
    def __init__(self, reader: Reader | None = None, *, book: int = 50) -> None: ...
