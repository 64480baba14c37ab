"""S8: the journal tells a successor the orders and the position that the lane knew.

That a run of archived lives makes the same state and bytes again is looked at in archiver.py.
"""

from __future__ import annotations

from typing import Any

from runtime._shm import ffi, lib
from runtime.session import evidence
from tests.simulation.judges.seen import RESTING, Part, Seen
from tests.simulation.lane import LaneProcess
from tests.simulation.loop import MS
from venues.simulator.instrument import scaled


class Successor(Part):
    """Reads a dead lane's journal as its successor does, and what the successor is told of it."""

    def __init__(self, seen: Seen) -> None:
        super().__init__(seen)
        self.filled: dict[int, int] = {}  # client id: lots that a lane knew to be filled
        self.listed: dict[int, int] = {}  # client id: lots that the venue last said are filled
        self.worked: set[int] = set()  # client ids that the last lane which was open knew at work
        self.told: dict[int, dict[int, Any]] = {}  # generation of an opening: its orders

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
        if process.is_torn or process.lane.is_broken:  # its memory is ahead of its journal
            return
        lane, view = process.lane, process.page.view
        knew = {one["client_id"] for one in lane.orders()}
        tells = {one.client_id for one in found.working()}
        if knew != tells:
            raise self.broken("S8", f"the journal has {tells - knew}, the lane knew {knew - tells}")
        self.filled |= {one["client_id"]: one["filled_lots"] for one in lane.orders()}
        self.worked = knew
        c = view.counters
        for what, told, known in (
            ("orders", found.orders_sent, c.orders_sent - c.orders_absent),
            ("refusals", found.refused_before + len(found.refused), c.orders_refused),
            ("fills", found.fills_before[0] + len(found.fills), c.fills),
        ):
            if told != known:
                raise self.broken("S8", f"the journal counts {told} {what}, the lane {known}")
        for number, base in found.bases.items():
            lots = list(base.position.lots)
            for (instrument, _, side), fill in found.fills.items():
                if instrument == number:
                    lots[fill.position_side] += fill.lots if side == lib.HP_SIDE_BUY else -fill.lots
            if lots != (held := list(view.positions[number].lots)):
                raise self.broken("S8", f"the journal tells of {lots} lots, the lane knew {held}")

    def on_power_cut(self) -> None:
        """What lives knew is gone with their rings; the venue tells the next one."""
        self.filled.clear()
        self.worked.clear()

    def on_fact(self, process: LaneProcess, kind: int, generation: int, data: bytes) -> None:
        """A new lane is told a fact of the lives before it."""
        if process.lane.is_open or generation != process.lane.generation:
            return
        told = self.told.setdefault(generation | process.epoch << 32, {})
        if kind == lib.HP_MAIL_ORDER:
            order = evidence.record_of("hp_order_t", data)
            told[order.client_id] = order
            known = self.filled.get(order.client_id, 0)
            if order.state in RESTING:  # by the venue's word
                known = max(known, self.listed.get(order.client_id, 0))
            if order.filled_lots < known:
                text = f"{order.client_id:x}: {known} lots were filled"
                raise self.broken("S8", f"{text}, the successor is told of {order.filled_lots}")
        elif kind == lib.HP_MAIL_OPENING:
            self.on_opening(told, ffi.from_buffer("hp_opening_t *", data))

    def on_listed(self, rows: list[dict[str, Any]]) -> None:
        """The session was told of orders."""
        decimals = {
            symbol: self.world.about[number]["size_decimals"]
            for number, symbol in self.world.symbols.items()
        }
        for row in rows:
            lots = scaled(row["executedQty"], decimals[row["symbol"]])
            self.listed[self.seen.id_of(row["clientOrderId"])] = lots

    def on_opening(self, told: dict[int, Any], end: Any) -> None:
        """What may still come is told; what is counted has come, or is told."""
        world, seen = self.world, self.seen
        came = {seen.id_of(text) for text in seen.accepted}
        parked_ms = world.deadline_ms if world.is_durable else 0  # it may have waited
        proof_ns = (world.deadline_ms + world.venue.read_lag_ms - parked_ms) * MS
        for client_id in self.worked - came - told.keys():
            left_ns = seen.left_ns.get(client_id)
            if left_ns is not None and world.loop.now_ns <= left_ns + proof_ns:
                text = f"{client_id:x} may still come, and the successor is told nothing of it"
                raise self.broken("S8", text)
        counted, under_way = end.orders - end.refused, len(told.keys() - came)
        if counted > len(came) + under_way:
            text = f"{counted} orders are counted, {len(came)} came, {under_way} are under way"
            raise self.broken("S8", text)
