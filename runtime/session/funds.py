"""What an account's money is: which assets are held, margin of instruments, balances as reports.

Owns:    which of the numbered assets a lane must be told of, what the configuration adds to an
         instrument's reference data, the venue's rows of balances as records that a lane takes.
Refuses: arithmetic of reservations (hotpath/risk/reservation.h), asking the venue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runtime._shm import ffi, lib
from runtime.lanes.spec import ASSETS
from venues.binance.usdm import reference

MARGINS = {"cross": lib.HP_MARGIN_CROSS, "isolated": lib.HP_MARGIN_ISOLATED}
FEE_ASSETS = ("BNB",)  # fees may be taken of these though nothing here settles in them


class FundsError(ValueError):
    """An instrument settles in an asset that has no number."""


@dataclass(frozen=True)
class Terms:
    """How positions of an account are secured, and what a fill may cost."""

    leverage: int = 1
    margin: str = "cross"
    fee_bps: int = 5

    def of(self, settle: int, base: int) -> dict[str, int]:
        """Return the fields that an instrument of the lane gets."""
        return {
            "settle_asset": settle,
            "base_asset": base,
            "leverage": self.leverage,
            "margin": MARGINS[self.margin],
            "fee_rate_e8": self.fee_bps * 10_000,
        }


def held(settled: list[str]) -> list[str]:
    """Return the assets that these instruments settle in, and those of fees, by number."""
    strange = sorted(set(settled) - set(ASSETS))
    if strange:
        raise FundsError(
            f"instruments settle in {', '.join(strange)}; a lane knows {', '.join(ASSETS)}:"
            " leave these symbols out"
        )
    return sorted({*settled, *FEE_ASSETS}, key=ASSETS.__getitem__)


def balance_of(row: dict[str, Any]) -> Any | None:
    """Return a row of the venue's balances as a report; None for an asset without a number.

    A wallet that the venue has never touched carries no time: it is older than everything.
    """
    number = ASSETS.get(row["asset"])
    if number is None:
        return None
    out = ffi.new("hp_report_t *")
    out.kind, out.request, out.asset = lib.HP_REPORT_BALANCE, lib.HP_REQUEST_STATUS, number
    out.balance_e8 = reference.scaled(row["balance"], 8, f"{row['asset']} balance")
    out.match_ns = max(1, int(row.get("updateTime") or 0)) * 1_000_000
    return out
