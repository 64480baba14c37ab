"""Reference data of Binance spot: exchangeInfo to the fields of a lane's instrument.

Owns:    what is spot's own: no contract, sizes finer than their step, the minimum notional under
         either of its names.
Refuses: the filters that all markets have (../reference.py).

Levels far from the touch keep sizes of the time when the step was finer (BTCUSDT in 2024: 1e-6
under a step of 1e-5), so the scale is the asset's precision wherever 64 bits allow it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from venues.binance import reference
from venues.binance.reference import SPOT, decimals, filters_of, scaled

LOTS_MAX = 2**62
SIZE_FACTOR = 1000  # a level is the sum of many orders


def size_decimals(entry: dict[str, Any]) -> int:
    """Return the finest scale that holds what a level may sum up to, the step's at least."""
    size = filters_of(entry).get("LOT_SIZE", {})
    least = decimals(size.get("stepSize", "1"))
    most = int(Decimal(size.get("maxQty", "1"))) * SIZE_FACTOR
    finest = int(entry.get("baseAssetPrecision", least))
    while finest > least and most * 10**finest >= LOTS_MAX:
        finest -= 1
    return max(finest, least)


def instrument(entry: dict[str, Any]) -> dict[str, int]:
    """Return the keyword arguments of Lane.add_instrument for one symbol of exchangeInfo."""
    out = reference.instrument(entry, entry["status"], SPOT, size_decimals(entry))
    filters = filters_of(entry)
    least = filters.get("NOTIONAL", filters.get("MIN_NOTIONAL"))
    if least is not None:
        what = f"{entry['symbol']} minimum notional"
        out["notional_min_e8"] = scaled(least["minNotional"], 8, what)
    return out
