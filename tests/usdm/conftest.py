"""Codecs that know one instrument; the trader also knows its own ids and two assets."""

from __future__ import annotations

import pytest

from tests.usdm.messages import BNB, PREFIX, USDT
from tests.venues.tables.binance_usdm import INSTRUMENT, PRICE_DECIMALS, SIZE_DECIMALS, SYMBOL
from venues.binance.usdm.codec import Codec


@pytest.fixture
def codec() -> Codec:
    codec = Codec()
    assert codec.put_instrument(SYMBOL, INSTRUMENT, PRICE_DECIMALS, SIZE_DECIMALS)
    return codec


@pytest.fixture
def trader() -> Codec:
    codec = Codec(prefix=PREFIX)
    assert codec.put_instrument(SYMBOL, INSTRUMENT, PRICE_DECIMALS, SIZE_DECIMALS)
    assert codec.put_asset("USDT", USDT) and codec.put_asset("BNB", BNB)
    return codec
