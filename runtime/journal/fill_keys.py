"""Keys of fills that have been booked: a fill that is told again is booked once.

Owns:    the newest KEPT keys of each account, and the highest trade that each instrument's older
         ones had.
Refuses: what a fill is (ledger.py), the lane's own set (hotpath/order/position.h).

Why a window is enough.  In one life a lane journals a fill only when its own set says that it is
new.  What a new life tells again are the opening facts of its predecessor: the keys of its newest
carry, of which everything older lies under the trade cut that the carry raised (a lane books
nothing up to it), and the fills since.  Together they are staged by the lane, which has room for
HP_STAGED_FILLS (8,192) and does not open with more.  So whatever is told twice is among the newest
8,192 of its account; twice as many are kept.  Of older ones the instrument's highest trade is, as
in the lane: up to it everything counts as booked.
"""

from __future__ import annotations

from typing import Any

KEPT = 16384

Account = tuple[str, int]  # venue, account
Fill = tuple[int, int, int]  # instrument, trade id, side


class FillKeys:
    """The set, bounded."""

    def __init__(self) -> None:
        self.kept: dict[Account, dict[Fill, None]] = {}  # as they came
        self.cuts: dict[tuple[str, int, int], int] = {}  # of an instrument: highest one forgotten

    def knows(self, account: Account, fill: Fill) -> bool:
        is_old = fill[1] <= self.cuts.get((*account, fill[0]), 0)
        return is_old or fill in self.kept.get(account, {})

    def take(self, account: Account, fill: Fill) -> bool:
        """Remember a fill; False when it has been booked."""
        if self.knows(account, fill):
            return False
        held = self.kept.setdefault(account, {})
        held[fill] = None
        if len(held) > KEPT:
            oldest = next(iter(held))
            del held[oldest]
            place = (*account, oldest[0])
            self.cuts[place] = max(self.cuts.get(place, 0), oldest[1])
        return True

    def as_rows(self) -> dict[str, Any]:
        return {
            "kept": [[*key, [list(one) for one in held]] for key, held in self.kept.items()],
            "cuts": [[*place, trade_id] for place, trade_id in self.cuts.items()],
        }

    @classmethod
    def of_rows(cls, found: dict[str, Any]) -> FillKeys:
        out = cls()
        for venue, account, rows in found["kept"]:
            out.kept[venue, account] = {(a, b, c): None for a, b, c in rows}
        out.cuts = {(venue, account, n): trade_id for venue, account, n, trade_id in found["cuts"]}
        return out
