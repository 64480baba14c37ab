"""A codec that knows one instrument."""

from __future__ import annotations

import pytest

from tests.usdm.frames import INSTRUMENT, PRICE_DECIMALS, SIZE_DECIMALS, SYMBOL
from venues.binance.usdm.codec import Codec


@pytest.fixture
def codec() -> Codec:
    codec = Codec()
    assert codec.put_instrument(SYMBOL, INSTRUMENT, PRICE_DECIMALS, SIZE_DECIMALS)
    return codec
