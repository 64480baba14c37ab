"""Reference data of Binance USD-M: exchangeInfo to the fields of a lane's instrument.

Owns:    what is USD-M's own: linear contracts, the minimum notional in quote.
Refuses: the filters that all markets have (../reference.py).
"""

from __future__ import annotations

from typing import Any

from venues.binance import reference
from venues.binance.reference import (
    LINEAR,
    STATUS,
    ReferenceDataError,
    decimals,
    filters_of,
    scaled,
)

__all__ = ["LINEAR", "STATUS", "ReferenceDataError", "decimals", "instrument", "scaled"]


def instrument(entry: dict[str, Any]) -> dict[str, int]:
    """Return the keyword arguments of Lane.add_instrument for one symbol of exchangeInfo."""
    out = reference.instrument(entry, entry["status"], LINEAR)
    least = filters_of(entry).get("MIN_NOTIONAL")
    if least is not None:
        what = f"{entry['symbol']} minimum notional"
        out["notional_min_e8"] = scaled(least["notional"], 8, what)
    return out
