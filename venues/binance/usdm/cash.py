"""What a user stream's frames say about money beside fills: funding, and what is in the wallet.

Owns:    reading ACCOUNT_UPDATE for the ledger: exact 1e-8 integers, whose asset, why it moved.
Refuses: orders and positions (the codec's reports), keeping anything, floats.

The venue tells funding of crossed positions without their symbol: then it is the account's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

FUNDING = "FUNDING_FEE"
MARK = b"ACCOUNT_UPDATE"


class Word(NamedTuple):
    kind: str  # funding | wallet
    asset: str
    symbol: str  # "" = of the account
    amount_e8: int  # funding received (negative: paid); or the wallet's balance
    event_ns: int
    reason: str


def e8(text: Any) -> int:
    """Return decimal text as 1e-8 units; what is finer is rounded to even, as the codec does."""
    return int((Decimal(str(text)) * 10**8).to_integral_value())


def words(frame: bytes) -> Iterator[Word]:
    """Give what a frame says; nothing for any other frame, or one that cannot be read."""
    if MARK not in frame:
        return
    try:
        found = json.loads(frame)
        found = found.get("data", found)
        found = found.get("event", found)
        if found.get("e") != MARK.decode():
            return
        about, event_ns = found["a"], int(found["E"]) * 10**6
        reason = str(about.get("m", ""))
        symbols = {str(row["s"]) for row in about.get("P", [])}
        symbol = symbols.pop() if len(symbols) == 1 else ""
        out = []
        for row in about.get("B", []):
            asset = str(row["a"])
            out.append(Word("wallet", asset, "", e8(row["wb"]), event_ns, reason))
            if reason == FUNDING:
                out.append(Word("funding", asset, symbol, e8(row["bc"]), event_ns, reason))
    except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation):
        return
    yield from out
