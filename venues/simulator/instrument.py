"""What is traded: scales, filters and their text.

Owns:    one instrument's tick, step, limits; integers to decimal text and back, exactly.
Refuses: floats; rounding (a finer value than the scale is an error of the caller).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

E8 = 100_000_000  # money is counted in 1e-8 of the quote asset


class Inexact(ValueError):
    """A decimal text is finer than the scale that it must fit."""


def scaled(text: str, decimals: int) -> int:
    """Turn plain decimal text into an integer of 10^-decimals; raise Inexact if it is finer."""
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    if len(fraction) > decimals:
        raise Inexact(f"{text} has {len(fraction)} decimals; want at most {decimals}")
    return int(whole + fraction.ljust(decimals, "0"))


@lru_cache(maxsize=1 << 16)  # the same prices and sizes, again and again
def decimal_text(value: int, decimals: int) -> str:
    """Write an integer of 10^-decimals with exactly that many decimals."""
    if not decimals:
        return str(value)
    sign = "-" if value < 0 else ""
    whole, fraction = divmod(abs(value), 10**decimals)
    return f"{sign}{whole}.{fraction:0{decimals}d}"


def short_text(value: int, decimals: int) -> str:
    """Write an integer of 10^-decimals without trailing zeros."""
    text = decimal_text(value, decimals)
    return text.rstrip("0").rstrip(".") if decimals else text


@dataclass(slots=True, frozen=True)
class Instrument:
    """A USDT-margined perpetual; one lot is one step of the quantity precision."""

    symbol: str
    base: str
    price_decimals: int
    tick_units: int  # tick size in 10^-price_decimals
    size_decimals: int
    start_ticks: int  # where the participants begin
    lots_max: int = 1_000_000
    market_lots_max: int = 120_000
    orders_max: int = 200
    notional_min_e8: int = 5 * E8
    band_bps: int = 500  # limit prices stay within mark price +- this
    leverage: int = 20
    quote: str = "USDT"

    def price_text(self, ticks: int) -> str:
        return decimal_text(ticks * self.tick_units, self.price_decimals)

    def lots_text(self, lots: int) -> str:
        return decimal_text(lots, self.size_decimals)

    @property
    def unit_e8(self) -> int:
        """Value of one tick x one lot in 1e-8 of the quote asset."""
        return self.tick_units * int(10 ** (8 - self.price_decimals - self.size_decimals))

    def notional_e8(self, ticks: int, lots: int) -> int:
        return ticks * lots * self.unit_e8


KNOWN: dict[str, Instrument] = {
    instrument.symbol: instrument
    for instrument in (
        Instrument("BTCUSDT", "BTC", 2, 10, 3, 1_000_000),
        Instrument("ETHUSDT", "ETH", 2, 1, 3, 600_000, lots_max=10_000_000),
        Instrument("SOLUSDT", "SOL", 4, 100, 2, 18_000, lots_max=100_000_000),
        Instrument("XRPUSDT", "XRP", 4, 1, 1, 25_000, lots_max=1_000_000_000),
    )
}
