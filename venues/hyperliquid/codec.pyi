from typing import final

from hotpath.decode.market import MarketCodec

@final
class Codec(MarketCodec): ...
