"""S1: no order is lost, none is guessed dead, none is of nobody.

Owns:    what rests at the venue against what works in the lane; what ends an order and what does
         not; questions after a gap in the user stream.
"""

from __future__ import annotations

import re
from typing import Any

from runtime._shm import lib
from tests.simulation.judges.seen import RESTING, STATES, SWEEP_NS, Part, Seen
from tests.simulation.lane import LaneProcess
from tests.simulation.loop import MS

# answers that end no order: "I do not know", and "I do not see it" while it may still come
UNSURE = re.compile(rb'^{"id":"[13]([0-9a-f]{16})\..*"code":-(1007|2013)\D')
ASKED_NS = 400 * MS  # of some orders, each at the lane's own pace


class Orders(Part):
    """Looks at orders that the venue has, and at what the lane takes them for."""

    def __init__(self, seen: Seen) -> None:
        super().__init__(seen)
        # epoch that was told the end of its user stream: when
        self.ended_streams: dict[int, int] = {}
        self.unasked: dict[int, tuple[int, set[int]]] = {}  # epoch: since when, client ids

    def before_answer(self, process: LaneProcess, data: bytes) -> int | None:
        """Return the client id of an order that the venue does not know, or not yet."""
        found = UNSURE.search(data)
        if found is None:
            return None
        client_id = int(found.group(1), 16)
        order, left_ns = process.lane.order(client_id), self.seen.left_ns.get(client_id)
        if order is None or left_ns is None or not lib.hp_order_is_working(order["state"]):
            return None
        parked_ms = self.world.deadline_ms if self.world.is_durable else 0  # it may have waited
        bound_ms = self.world.deadline_ms + self.world.venue.read_lag_ms
        proof_ns = left_ns + (bound_ms - parked_ms) * MS
        may_be_proof = found.group(2) == b"2013" and self.world.loop.now_ns > proof_ns
        return None if may_be_proof else client_id

    def after_answer(self, process: LaneProcess, client_id: int) -> None:
        """That word ends no order."""
        order = process.lane.order(client_id)
        if order is not None and order["state"] == lib.HP_ORDER_REJECTED:
            raise self.broken("S1", f"{client_id:x} is taken for dead by no proof")

    def on_user_frame(self, process: LaneProcess, data: bytes) -> None:
        if b'"listenKeyExpired"' in data:
            self.ended_streams.setdefault(process.epoch, self.world.loop.now_ns)

    def on_user_stream(self, process: LaneProcess) -> None:
        """The stream begins again: nobody told what became of the orders meanwhile."""
        self.ended_streams.pop(process.epoch, None)
        resting = {one["client_id"] for one in process.lane.orders() if one["state"] in RESTING}
        self.unasked[process.epoch] = process.lane.now_ns, resting

    def on_inquiry(self, process: LaneProcess, client_id: int) -> None:
        self.unasked.get(process.epoch, (0, set[int]()))[1].discard(client_id)

    def on_place(self, process: LaneProcess, params: dict[str, Any]) -> None:
        """None leaves when the user stream has ended."""
        now = self.world.loop.now_ns
        if now > self.ended_streams.get(process.epoch, now) + SWEEP_NS:
            text = "the user stream has ended"
            raise self.broken("S1", f"{params['newClientOrderId']} leaves though {text}")

    def on_turn(self, process: LaneProcess) -> None:
        """What rests at the venue is at work in the lane."""
        for order in self.world.venue.account.open_orders.values():
            ours = process.lane.order(self.seen.id_of(order.client_id))
            if ours is None or not lib.hp_order_is_working(ours["state"]):
                state = "nothing" if ours is None else STATES[ours["state"]]
                name = order.client_id
                raise self.broken("S1", f"{name} rests at the venue, to the lane: {state}")

    def asks(self, process: LaneProcess) -> None:
        """After a gap in its user stream a lane asks about every order that works."""
        since, ids = self.unasked.get(process.epoch, (0, set()))
        if not ids:
            return
        if self.seen.may_not_ask(process) or not process.lane.is_user_ready:
            self.unasked[process.epoch] = process.lane.now_ns, ids
        elif process.lane.now_ns - since > ASKED_NS:
            still = ids & {one["client_id"] for one in process.lane.orders()}
            if still:
                raise self.broken("S1", f"{min(still):x}: nobody asks what became of it")
            ids.clear()
