"""Reference data of Binance COIN-M: exchangeInfo to the fields of a lane's instrument.

Owns:    what is COIN-M's own: inverse contracts of so many units of quote each, their status.
Refuses: the filters that all markets have (../reference.py).
"""

from __future__ import annotations

from typing import Any

from venues.binance import reference
from venues.binance.reference import INVERSE, ReferenceDataError, scaled


def instrument(entry: dict[str, Any]) -> dict[str, int]:
    """Return the keyword arguments of Lane.add_instrument for one symbol of exchangeInfo."""
    symbol, size = entry["symbol"], entry.get("contractSize")
    if size is None:
        raise ReferenceDataError(f"{symbol} has no contractSize; want the quote of one contract")
    out = reference.instrument(entry, entry["contractStatus"], INVERSE)
    out["multiplier_e8"] = scaled(str(size), 8, f"{symbol} contractSize")
    return out
