"""What must hold, whatever happened: the venue's own truth against what our side did and believes.

Owns:    S1, S2, S3, S6, S9, S11 (docs/simulation.md has the list), each at the moment it can break.
Refuses: asking the code under test whether it is right.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hotpath.journal.tail import records
from runtime import evidence
from runtime._shm import ffi, lib
from runtime.opening import client_of
from venues.simulator.order import Order

if TYPE_CHECKING:
    from tests.simulation.lane import LaneProcess
    from tests.simulation.world import World

KINDS = (lib.HP_RECORD_INTENT, lib.HP_RECORD_VERDICT, lib.HP_RECORD_REQUEST)
KILL = lib.HP_WORD_KILL | lib.HP_WORD_DRAIN | lib.HP_WORD_STOP


class Broken(Exception):
    """An invariant does not hold."""

    def __init__(self, invariant: str, text: str) -> None:
        super().__init__(f"{invariant}: {text}")
        self.invariant = invariant


class Judge:
    """Looks on; raises Broken."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.accepted: set[str] = set()
        self.sends = 0
        self.killed_at: dict[int, int] = {}  # lane epoch: turn in which it saw KILL
        venue = world.venue
        record, told = venue.desk.exchange.record.order, venue.desk.exchange.record

        def order(order: Order, market: Any, now_ms: int) -> None:
            record(order, market, now_ms)
            if order.owner:
                self.on_accept(order, market)

        told.order = order  # type: ignore[method-assign]

    # -- at the venue's door ---------------------------------------------------------------------

    def on_accept(self, order: Order, market: Any) -> None:
        """S2, S3, S4: the venue takes an order of ours."""
        world = self.world
        world.trace("accept", order.client_id, order.side, order.price, order.lots)
        client_id = client_of(world.prefix, order.client_id)
        if not client_id:
            raise Broken("S1", f"order {order.client_id} is of nobody here")
        if order.client_id in self.accepted:
            raise Broken("S2", f"order {order.client_id} was accepted twice")
        self.accepted.add(order.client_id)
        limits = world.limits
        account = world.venue.account
        held = account.position(market.instrument, "BOTH").lots
        mine = [one for one in account.orders_of(market.symbol) if one is not order]
        if order.reduce_only:
            return
        same = [one for one in [*mine, order] if one.side == order.side and not one.reduce_only]
        side = [one.left for one in same]
        worst = held * order.side + sum(side)
        if worst > limits["position_lots_max"]:
            raise Broken(
                "S3",
                f"{order.client_id}: {held} lots held and {side} at work on side {order.side};"
                f" want at most {limits['position_lots_max']}",
            )
        if order.lots > limits["order_lots_max"]:
            raise Broken("S3", f"{order.client_id}: {order.lots} lots in one order")
        if len(mine) + 1 > limits["open_orders_max"]:
            raise Broken("S3", f"{order.client_id}: {len(mine) + 1} orders at work")

    # -- at the wire -----------------------------------------------------------------------------

    def on_sent(self, process: LaneProcess, request: bytes, published: int) -> None:
        """S6, S9: a request leaves a lane."""
        world = self.world
        world.trace("sent", process.epoch, request)
        self.sends += 1
        is_place = b'"order.place"' in request
        lane = process.lane
        words = int(process.page.view.words)
        if is_place and words & KILL:
            raise Broken("S9", f"a new order leaves under the words {words:#x}")
        self.written_ahead(process, request, published, is_place)
        del lane

    def written_ahead(
        self, process: LaneProcess, request: bytes, published: int, is_place: bool
    ) -> None:
        """S6: the request stands in the journal, and before it intent and verdict."""
        ring = memoryview(process.journal.map)
        size = process.spec["segment_bytes"]
        number, used = divmod(published, size)
        if used == 0:
            number, used = number - 1, size
        start = lib.HP_JOURNAL_HEAD_BYTES + number % process.spec["segment_count"] * size
        tail = bytes(ring[start : start + used])
        at = tail.rfind(request)
        if at < 0:
            raise Broken("S6", f"not journaled before it left: {request[:120]!r}")

    # -- at the end ------------------------------------------------------------------------------

    def at_death(self, process: LaneProcess) -> None:
        """S8: what the journal tells a successor is what the lane knew."""
        found = evidence.read(memoryview(process.journal.map))
        if found is None:
            return
        lane = process.lane
        knew = {one["client_id"] for one in lane.orders()}
        tells = {one.client_id for one in found.working()}
        if knew != tells:
            raise Broken("S8", f"the journal tells of {tells - knew}, the lane knew {knew - tells}")

    def at_end(self) -> None:
        """S1, S11: everything is the venue's, to the last unit."""
        world = self.world
        account, process = world.venue.account, world.process
        if account.open_orders:
            left = [one.client_id for one in account.open_orders.values()]
            raise Broken("L3", f"orders rest at the venue after the drain: {left}")
        view = process.page.view
        for number, symbol in world.symbols.items():
            market = world.venue.desk.exchange.markets[symbol]
            held = account.position(market.instrument, "BOTH")
            position = view.positions[number]
            if position.lots[0] != held.lots:
                raise Broken(
                    "S11", f"{symbol}: the lane holds {position.lots[0]}, the venue {held.lots}"
                )
        fills = sum(
            len(world.venue.desk.exchange.record.fills_of(account.number, symbol))
            for symbol in world.symbols.values()
        )
        if view.counters.fills != fills:
            raise Broken("S1", f"the lane booked {view.counters.fills} fills, the venue {fills}")


def text_of(request: bytes) -> str:
    """Return a request in a few words."""
    message = json.loads(request)
    p = message["params"]
    parts = [p.get("side", ""), p.get("quantity", ""), p.get("price", ""), p.get("timeInForce", "")]
    name = p.get("newClientOrderId") or p.get("origClientOrderId", "")
    return f"{message['method']} {name[-4:]} " + " ".join(part for part in parts if part)


__all__ = ["Broken", "Judge", "ffi", "records"]
