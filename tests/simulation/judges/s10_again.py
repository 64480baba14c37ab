"""S10: told twice, late or in another order: the same figures; what is older changes nothing.

The figures themselves are compared in s11_figures.py.
"""

from __future__ import annotations

import re

from tests.simulation.judges.seen import Part, Seen
from tests.simulation.lane import LaneProcess

BALANCE = re.compile(rb'"e":"ACCOUNT_UPDATE","T":\d+,"E":(\d+)')  # its own time


class Again(Part):
    """Looks at what an older balance does."""

    def __init__(self, seen: Seen) -> None:
        super().__init__(seen)
        self.told_ms: dict[int, int] = {}  # epoch: time of the newest balance that its stream told

    def before_balance(self, process: LaneProcess, data: bytes) -> int | None:
        """Return the wallet as it is, where a frame tells an older one than was told before."""
        found = BALANCE.search(data)
        if found is None:
            return None
        return self.before(process, int(found.group(1)))

    def before(self, process: LaneProcess, at_ms: int) -> int | None:
        newest = self.told_ms.get(process.epoch, 0)
        self.told_ms[process.epoch] = max(at_ms, newest)
        return int(process.page.view.funds[0].total_e8) if at_ms < newest else None

    def after_balance(self, process: LaneProcess, before: int) -> None:
        """What is older changes nothing."""
        now = int(process.page.view.funds[0].total_e8)
        if now != before:
            raise self.broken("S10", f"an older balance makes the wallet {now} of {before}")
