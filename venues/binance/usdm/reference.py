"""Reference data of Binance USD-M: exchangeInfo to the fields of a lane's instrument.

Owns:    the mapping from the venue's filters to ticks and lots, exactly.
Refuses: guessing: a filter that is not exact at the stated precision is an error that names it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

STATUS = {
    "TRADING": 1,
    "PENDING_TRADING": 2,
    "HALT": 2,
    "BREAK": 2,
    "PRE_SETTLE": 3,
    "SETTLING": 2,
    "CLOSE": 4,
}
LINEAR = 1


class ReferenceDataError(ValueError):
    """exchangeInfo does not say what a lane needs."""


def decimals(value: str) -> int:
    """Return the significant decimals of a decimal text: "0.10" has one."""
    exponent = Decimal(value).normalize().as_tuple().exponent
    return max(0, -int(exponent))


def scaled(value: str, places: int, what: str) -> int:
    """Return value x 10^places; ReferenceDataError when that is not an integer."""
    number = Decimal(value).scaleb(places)
    if number != int(number):
        raise ReferenceDataError(f"{what} {value} is finer than {places} decimals")
    return int(number)


def instrument(entry: dict[str, Any]) -> dict[str, int]:
    """Return the keyword arguments of Lane.add_instrument for one symbol of exchangeInfo."""
    symbol = entry["symbol"]
    filters = {f["filterType"]: f for f in entry["filters"]}
    try:
        price, size = filters["PRICE_FILTER"], filters["LOT_SIZE"]
    except KeyError as error:
        raise ReferenceDataError(f"{symbol} has no filter {error.args[0]}") from None
    price_decimals = decimals(price["tickSize"])
    size_decimals = decimals(size["stepSize"])
    out = {
        "status": STATUS.get(entry["status"], 0),
        "contract": LINEAR,
        "price_decimals": price_decimals,
        "size_decimals": size_decimals,
        "tick_size_ticks": scaled(price["tickSize"], price_decimals, f"{symbol} tickSize"),
        "price_min_ticks": scaled(price["minPrice"], price_decimals, f"{symbol} minPrice"),
        "price_max_ticks": scaled(price["maxPrice"], price_decimals, f"{symbol} maxPrice"),
        "step_size_lots": scaled(size["stepSize"], size_decimals, f"{symbol} stepSize"),
        "size_min_lots": scaled(size["minQty"], size_decimals, f"{symbol} minQty"),
        "size_max_lots": scaled(size["maxQty"], size_decimals, f"{symbol} maxQty"),
        "multiplier_e8": 100_000_000,
    }
    if "MIN_NOTIONAL" in filters:
        out["notional_min_e8"] = scaled(
            filters["MIN_NOTIONAL"]["notional"], 8, f"{symbol} minimum notional"
        )
    if "MAX_NUM_ORDERS" in filters:
        out["open_orders_max"] = int(filters["MAX_NUM_ORDERS"]["limit"])
    return out
