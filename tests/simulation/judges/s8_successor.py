"""S8: the journal tells a successor the orders and the position that the lane knew.

That a run of archived lives makes the same state and bytes again is looked at in archiver.py.
"""

from __future__ import annotations

from runtime._shm import lib
from runtime.session import evidence
from tests.simulation.judges.seen import Part
from tests.simulation.lane import LaneProcess


class Successor(Part):
    """Reads a dead lane's journal as its successor does."""

    def at_death(self, process: LaneProcess) -> None:
        seen = self.seen
        found = evidence.read(memoryview(process.journal.map))
        if found is None:
            return
        account = self.world.venue.account
        open_now = {seen.id_of(o.client_id) for o in account.open_orders.values()}
        for client_id in seen.left.get(process.epoch, ()):  # under way, or at work
            is_there = client_id in open_now or client_id not in seen.arrived
            if is_there and client_id not in found.orders and client_id not in seen.roots:
                sent = process.lane.order(client_id)
                if sent is None or lib.hp_order_is_working(sent["state"]):
                    name = f"{client_id:x}"
                    raise self.broken("S8", f"{name} has left, and the journal tells nothing of it")
        if process.is_torn:  # it died inside a step: its memory is ahead of its journal
            return
        lane, view = process.lane, process.page.view
        knew = {one["client_id"] for one in lane.orders()}
        tells = {one.client_id for one in found.working()}
        if knew != tells:
            raise self.broken("S8", f"the journal has {tells - knew}, the lane knew {knew - tells}")
        for number, base in found.bases.items():
            lots = base.position.lots[0]
            for (instrument, _, side), fill in found.fills.items():
                if instrument == number:
                    lots += fill.lots if side == lib.HP_SIDE_BUY else -fill.lots
            if lots != view.positions[number].lots[0]:
                held = view.positions[number].lots[0]
                raise self.broken("S8", f"the journal tells of {lots} lots, the lane knew {held}")
