"""S2: an id, and an intent with all its further tries, is accepted once."""

from __future__ import annotations

from tests.simulation.judges.seen import Part
from venues.simulator.order import Order


class Once(Part):
    """Looks at ids where the venue takes an order."""

    def on_accept(self, order: Order) -> None:
        text, seen = order.client_id, self.seen
        client_id = seen.id_of(text)
        if not client_id or client_id >> 48 > self.world.epoch:
            raise self.broken("S1", f"order {text} is of no lane here")
        if text in seen.accepted:
            raise self.broken("S2", f"order {text} was accepted twice")
        seen.accepted[text] = order
        root = seen.roots.get(client_id, client_id)
        if root in seen.arrived:
            raise self.broken("S2", f"{text} and {seen.arrived[root]} are of one intent")
        seen.arrived[root] = text
