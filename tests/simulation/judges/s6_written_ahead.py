"""S6: a request is journaled when it leaves, and on disk where its class says so."""

from __future__ import annotations

from typing import Any

from tests.simulation.judges.seen import Part
from tests.simulation.lane import LaneProcess
from tests.simulation.ring import position


class WrittenAhead(Part):
    """Looks into the ring when bytes leave."""

    def on_sent(
        self, process: LaneProcess, request: bytes, published: int, params: dict[str, Any]
    ) -> None:
        """A request stands within what was published when it leaves.

        One that had to be on disk first stands there within what the archiver acknowledged.
        """
        if process.lane.is_broken and params.get("origClientOrderId"):
            return  # a cancel, or a question: it must leave though the ring takes no more
        at = position(process, request)
        if at < 0 or at + len(request) > published:
            raise self.broken("S6", f"not journaled before it left: {request[:120]!r}")
        archived = int(process.head.archived)
        order = process.lane.order(self.seen.id_of(params.get("newClientOrderId", "")))
        waits = order is not None and process.spec["durable"] >> order["strategy"] & 1
        if waits and at + len(request) > archived:
            left = at + len(request) - archived
            raise self.broken("S6", f"an order leaves {left} bytes before it is on disk")
