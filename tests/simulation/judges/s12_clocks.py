"""S12: requests carry this host's clock.

That the journal's time never goes back is looked at in s7_journal.py.
"""

from __future__ import annotations

from typing import Any

from tests.simulation.judges.seen import Part
from tests.simulation.loop import MS

STEPPED_MS = 1100 + 2 * 300  # clock steps of 300 ms, read once a second


class Clocks(Part):
    """Looks at the time stamp of what leaves."""

    def on_sent(self, method: str, params: dict[str, Any]) -> None:
        ahead_ms = params["timestamp"] - self.world.host.real_ns() // MS
        if abs(ahead_ms) > STEPPED_MS:
            raise self.broken("S12", f"{method} says {ahead_ms} ms from this host's clock")
