"""S4: nothing leaves a dead lane, or after the leader's lease."""

from __future__ import annotations

from tests.simulation.judges.seen import Part
from tests.simulation.lane import LaneProcess


class Leaders(Part):
    """Looks at who sends."""

    def on_sent(self, process: LaneProcess, method: str) -> None:
        lease = self.world.lease
        if lease is not None and process.lane.now_ns >= int(lease.page.view.lease.until_ns):
            raise self.broken("S4", f"{method} leaves after the end of the leader's lease")

    def on_place(self, process: LaneProcess) -> None:
        epoch, leads = process.epoch, self.world.epoch
        if process.is_dead or epoch != leads:
            raise self.broken("S4", f"a lane of epoch {epoch} places, {leads} leads")
