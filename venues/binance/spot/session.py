"""Cold half of Binance spot: public REST, as far as market data needs it.

Owns:    where spot's REST stands.
Refuses: orders and accounts (not written yet), what all markets do alike (../public.py).
"""

from __future__ import annotations

import aiohttp

from venues.binance.public import PublicRest
from venues.binance.spot.feed import REST

PATH = "/api/v3"


def public(http: aiohttp.ClientSession, base: str = REST) -> PublicRest:
    """Return the market's public REST: exchange_info() and depth()."""
    return PublicRest(base, PATH, http)
