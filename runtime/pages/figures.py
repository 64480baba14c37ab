"""Integers of pages and records as text for people: times, ticks and lots, money.

Owns:    exactness (no float between the integer and its decimals), the choice of a time's unit.
Refuses: units of its own: the caller knows what its figure is.
"""

from __future__ import annotations

INT64_MAX = 2**63 - 1


def duration(ns: int) -> str:
    """Return a time with a unit that leaves few digits; the largest int64 is "unknown"."""
    if ns >= INT64_MAX:
        return "unknown"
    for unit, size in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if abs(ns) >= size:
            return f"{ns / size:.3g} {unit}" if abs(ns) < 1000 * size else f"{ns / size:.0f} {unit}"
    return f"{ns} ns"


def scaled(value: int, decimals: int) -> str:
    """Return ticks or lots as decimal text."""
    if decimals <= 0:
        return str(value * 10**-decimals)
    sign, digits = ("-" if value < 0 else ""), str(abs(value)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"


def money(e8: int) -> str:
    """Return 1e-8 units as text with two decimals, rounded towards zero."""
    sign = "-" if e8 < 0 else ""
    return f"{sign}{abs(e8) // 10**8}.{abs(e8) % 10**8 // 10**6:02d}"
