"""Reference data of the family: exchangeInfo to the fields of a lane's instrument.

Owns:    the mapping from the venue's filters to ticks and lots, exactly.
Refuses: guessing: a filter that is not exact at the stated precision is an error that names it;
         what one market alone says (its own reference.py).
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

STATUS = {
    "TRADING": 1,
    "PENDING_TRADING": 2,
    "HALT": 2,
    "BREAK": 2,
    "PRE_SETTLE": 3,
    "SETTLING": 2,
    "PRE_DELIVERING": 3,
    "CANCEL_ONLY": 3,
    "DELIVERING": 2,
    "DELIVERED": 4,
    "CLOSE": 4,
}
LINEAR, INVERSE, SPOT = 1, 2, 3  # enum hp_contract
E8 = 100_000_000


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


def bound(value: str, places: int, rounding: str) -> int:
    """Return the last whole tick inside a bound: some bounds are finer than their tick."""
    return int(Decimal(value).scaleb(places).to_integral_value(rounding))


def filters_of(entry: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f["filterType"]: f for f in entry["filters"]}


def instrument(
    entry: dict[str, Any], status: str, contract: int, size_decimals: int | None = None
) -> dict[str, int]:
    """Return what every market says of a symbol, as arguments of Lane.add_instrument.

    `size_decimals`: the scale of sizes, where it is finer than their step.
    """
    symbol = entry["symbol"]
    filters = filters_of(entry)
    try:
        price, size = filters["PRICE_FILTER"], filters["LOT_SIZE"]
    except KeyError as error:
        raise ReferenceDataError(f"{symbol} has no filter {error.args[0]}") from None
    price_decimals = decimals(price["tickSize"])
    if size_decimals is None:
        size_decimals = decimals(size["stepSize"])
    out = {
        "status": STATUS.get(status, 0),
        "contract": contract,
        "price_decimals": price_decimals,
        "size_decimals": size_decimals,
        "tick_size_ticks": scaled(price["tickSize"], price_decimals, f"{symbol} tickSize"),
        "price_min_ticks": bound(price["minPrice"], price_decimals, ROUND_CEILING),
        "price_max_ticks": bound(price["maxPrice"], price_decimals, ROUND_FLOOR),
        "step_size_lots": scaled(size["stepSize"], size_decimals, f"{symbol} stepSize"),
        "size_min_lots": scaled(size["minQty"], size_decimals, f"{symbol} minQty"),
        "size_max_lots": scaled(size["maxQty"], size_decimals, f"{symbol} maxQty"),
        "multiplier_e8": E8,
    }
    most = filters.get("MAX_NUM_ORDERS", {})
    for name in ("limit", "maxNumOrders"):
        if name in most:
            out["open_orders_max"] = int(most[name])
    return out
