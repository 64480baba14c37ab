"""What a deployment is in one story: drawn once, before anything happens.

Owns:    the draws of a seed about what there is, not about what happens to it.
Refuses: faults (chance.py, mishaps.py).

What is drawn from the stream "shape" keeps its order: a new draw takes a stream of its own, or
every seed would be another story.
"""

from __future__ import annotations

from tests.simulation.chance import Chance
from tests.simulation.terms import DEADLINE_MS, RATE, SEGMENT_COUNT, SYMBOLS


class Shape:
    """The deployment, its venue and its end."""

    def __init__(self, chance: Chance) -> None:
        draw, theme = chance.of("shape"), chance.theme
        count = draw.choice((1, 1, 2))
        self.symbols = {n: name for n, name in SYMBOLS.items() if n <= count}
        self.policy = draw.choice(("cancel", "cancel", "adopt"))
        self.has_lease = draw.random() < (0.8 if theme == "rule" else 0.3)
        self.scope = draw.choice(("ours", "all"))
        is_stored = theme in ("store", "parked")
        self.has_archive = draw.random() < (0.9 if is_stored else 0.25)
        self.is_durable = self.has_archive and draw.random() < (0.9 if is_stored else 0.5)
        self.is_abandoned = draw.random() < 0.2
        self.rate = draw.choice((0.1, 0.2, 0.5))
        self.eager = draw.choice((1, 2, 4))
        # a book may be too old before the limits' lease is over, which else would hide it
        self.stale_ms = draw.choice((150, 400))
        # of an order: of one lot, fills of both sides make nothing; large, it is filled in parts
        self.lots = draw.choice(((1, 1), (1, 21), (1, 21), (12, 20)))
        # a ring that comes round within a story, mostly with an archive that it must wait for
        self.segments = SEGMENT_COUNT
        if "small_ring" in chance.chosen:
            ring = chance.of("small_ring")
            self.segments = ring.choice((3, 3, 4, 5))
            self.has_archive |= ring.random() < 0.8
        self.has_archive |= "power_cut" in chance.chosen

        self.is_split = "split" in chance.chosen
        self.is_hedged = "hedge" in chance.chosen

    @property
    def requests_max(self) -> int:
        """Of new orders within a second: a full bucket, and what flows in; a parked one is late."""
        late_ms = DEADLINE_MS if self.is_durable else 0
        return RATE[0] * (1000 + late_ms) // 1000 + RATE[1] + 1
