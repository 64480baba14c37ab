"""Reference data of OKX: public/instruments to the fields of a lane's instrument.

Owns:    the mapping from the venue's words to ticks, lots and multipliers, exactly.
Refuses: guessing: what is not exact at the stated precision is an error that names it.

A lot is 10^-size_decimals of what `sz` counts: base currency on spot, contracts elsewhere.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

STATUS = {"live": 1, "preopen": 2, "suspend": 2, "rebase": 2, "test": 0, "expired": 4}
NONE, LINEAR, INVERSE, SPOT = 0, 1, 2, 3
CONTRACT = {"linear": LINEAR, "inverse": INVERSE}
MULTIPLIER_DECIMALS = 8


class ReferenceDataError(ValueError):
    """The instrument list does not say what a lane needs."""


def number(entry: dict[str, Any], key: str) -> Decimal:
    """Return a field as a number; empty strings stand where the venue has none."""
    try:
        return Decimal(entry[key])
    except (KeyError, InvalidOperation):
        found = repr(entry[key]) if key in entry else "absent"
        raise ReferenceDataError(
            f"{entry.get('instId')} {key} is {found}; want a decimal number"
        ) from None


def decimals(value: Decimal) -> int:
    return max(0, -int(value.normalize().as_tuple().exponent))


def scaled(value: Decimal, places: int, what: str) -> int:
    """Return value x 10^places; ReferenceDataError when that is not an integer."""
    out = value.scaleb(places)
    if out != int(out):
        raise ReferenceDataError(f"{what} {value} is finer than {places} decimals")
    return int(out)


def instrument(entry: dict[str, Any]) -> dict[str, int]:
    """Return the keyword arguments of Lane.add_instrument for one entry of "data"."""
    symbol = entry.get("instId")
    tick, step = number(entry, "tickSz"), number(entry, "lotSz")
    smallest = number(entry, "minSz")
    price_decimals = decimals(tick)
    size_decimals = max(decimals(step), decimals(smallest))
    out = {
        "status": STATUS.get(str(entry.get("state")), 0),
        "contract": SPOT,
        "price_decimals": price_decimals,
        "size_decimals": size_decimals,
        "tick_size_ticks": scaled(tick, price_decimals, f"{symbol} tickSz"),
        "step_size_lots": scaled(step, size_decimals, f"{symbol} lotSz"),
        "size_min_lots": scaled(smallest, size_decimals, f"{symbol} minSz"),
        "multiplier_e8": 10**MULTIPLIER_DECIMALS,
    }
    if entry.get("maxLmtSz"):
        size_max = number(entry, "maxLmtSz")
        out["size_max_lots"] = scaled(size_max, size_decimals, f"{symbol} maxLmtSz")
    if entry.get("instType") in ("SPOT", "MARGIN"):
        return out
    kind = CONTRACT.get(str(entry.get("ctType")))
    if entry.get("instType") == "OPTION":
        kind = NONE  # its worth is no product of price and size: nothing is risked on it
    if kind is None:
        raise ReferenceDataError(
            f"{symbol} ctType is {entry.get('ctType')!r}; want linear, inverse"
        )
    value = number(entry, "ctVal") * (number(entry, "ctMult") if entry.get("ctMult") else 1)
    out["contract"] = kind
    out["multiplier_e8"] = scaled(value, MULTIPLIER_DECIMALS, f"{symbol} ctVal x ctMult")
    return out


def instruments(answer: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Return every instrument of a whole answer that has a price step, by symbol."""
    if answer.get("code") != "0" or not isinstance(answer.get("data"), list):
        raise ReferenceDataError(f"answer has code {answer.get('code')!r}; want '0' and data")
    rows = [row for row in answer["data"] if row.get("tickSz") and row.get("instId")]
    return {row["instId"]: instrument(row) for row in rows}
