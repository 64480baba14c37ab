"""Hands what happens in a story to those that judge it, one file per invariant.

Owns:    the moments: at the venue's door, what a lane is told, at the wire, once a turn, at a
         death, at the end; who looks first.
Refuses: judging.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.judges.broken import Broken
from tests.simulation.judges.s1_orders import Orders
from tests.simulation.judges.s2_once import Once
from tests.simulation.judges.s3_limits import Limits
from tests.simulation.judges.s4_leaders import Leaders
from tests.simulation.judges.s5_books import Books
from tests.simulation.judges.s6_written_ahead import WrittenAhead
from tests.simulation.judges.s7_journal import Journal
from tests.simulation.judges.s8_successor import Successor
from tests.simulation.judges.s9_words import Words
from tests.simulation.judges.s10_again import Again
from tests.simulation.judges.s11_figures import Figures
from tests.simulation.judges.s12_clocks import Clocks
from tests.simulation.judges.s13_pace import Pace
from tests.simulation.judges.seen import Seen
from tests.simulation.venue import BY_HAND
from venues.simulator.order import Order

if TYPE_CHECKING:
    from tests.simulation.lane import LaneProcess
    from tests.simulation.world import World


class Judge:
    """Looks on; raises Broken."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.seen = seen = Seen(world)
        self.orders, self.once, self.limits = Orders(seen), Once(seen), Limits(seen)
        self.leaders, self.books, self.ahead = Leaders(seen), Books(seen), WrittenAhead(seen)
        self.journal, self.successor, self.words = Journal(seen), Successor(seen), Words(seen)
        self.again, self.figures, self.clocks = Again(seen), Figures(seen), Clocks(seen)
        self.pace = Pace(seen)
        record = world.venue.desk.exchange.record
        note = record.order

        def order(order: Order, market: Any, now_ms: int) -> None:
            note(order, market, now_ms)
            if order.owner:
                self.on_accept(order, market)

        record.order = order  # type: ignore[method-assign]

    @property
    def found(self) -> Broken | None:
        return self.seen.found

    # -- at the venue's door ---------------------------------------------------------------------

    def on_accept(self, order: Order, market: Any) -> None:
        """The venue takes an order."""
        self.world.trace("accepts", order.client_id, order.side, order.price, order.lots)
        if order.client_id.startswith(BY_HAND):
            return
        self.once.on_accept(order)
        self.limits.on_accept(order, market)

    # -- what a lane was told --------------------------------------------------------------------

    def before_order_frame(self, process: LaneProcess, data: bytes) -> Any:
        return self.orders.before_answer(process, data)

    def after_order_frame(self, process: LaneProcess, before: Any) -> None:
        if before is not None:
            self.orders.after_answer(process, before)

    def before_user_frame(self, process: LaneProcess, data: bytes) -> Any:
        return self.again.before_balance(process, data)

    def after_user_frame(self, process: LaneProcess, before: Any) -> None:
        if before is not None:
            self.again.after_balance(process, before)

    # -- at the wire -----------------------------------------------------------------------------

    def on_sent(
        self, process: LaneProcess, message: dict[str, Any], request: bytes, at: int
    ) -> None:
        """A request leaves a lane.  at: bytes that its journal had published by then."""
        seen = self.seen
        self.world.trace("sends", process.epoch, request)
        params, method = message["params"], message["method"]
        self.ahead.on_sent(process, request, at, params)
        self.clocks.on_sent(method, params)
        self.words.on_sent(process, method, params)
        if method == "order.status":
            self.orders.on_inquiry(process, seen.id_of(params["origClientOrderId"]))
        if method == "order.cancel":
            seen.cancelled.add(seen.id_of(params["origClientOrderId"]))
        self.leaders.on_sent(process, method)
        if method == "order.place":
            self.on_place(process, params)

    def on_place(self, process: LaneProcess, params: dict[str, Any]) -> None:
        seen = self.seen
        client_id = seen.id_of(params["newClientOrderId"])
        sent = process.lane.order(client_id)
        if sent is None:
            text = f"{params['newClientOrderId']} leaves, unknown to the lane"
            raise self.orders.broken("S1", text)
        if sent["parent"]:
            seen.roots[client_id] = sent["parent"]
        seen.left.setdefault(process.epoch, []).append(client_id)
        seen.left_ns[client_id] = self.world.loop.now_ns
        self.orders.on_place(process, params)
        self.leaders.on_place(process)
        self.pace.on_place()
        self.limits.on_place(process, params)
        self.books.on_place(process, params)

    def on_step(self, process: LaneProcess) -> None:
        """A lane has taken a step: its ring may come round."""
        if self.journal.is_far(process):
            for record in self.journal.records(process):
                self.figures.note_booked(record)

    # -- once a turn -----------------------------------------------------------------------------

    def on_turn(self, process: LaneProcess) -> None:
        """Look at a lane that is open, and whose memory is what it has told."""
        if not process.lane.is_open or process.is_torn or process.role == "market":
            return
        self.figures.on_turn(process)
        self.orders.on_turn(process)
        self.limits.on_turn(process)
        self.books.on_turn(process)
        self.words.on_turn(process)
        self.orders.asks(process)
        self.pace.on_turn()

    # -- at a death ------------------------------------------------------------------------------

    def at_death(self, process: LaneProcess) -> None:
        """Read the whole journal, then what a successor makes of it."""
        for record in self.journal.records(process):
            self.figures.note_booked(record)
        self.journal.at_death(process)
        if process.lane.is_broken:
            self.world.met.add("record_refused")
        if process.head.overwritten:
            self.world.met.add("ring_came_round")
        if not process.is_lost and process.role != "market":  # nobody will read its ring
            self.successor.at_death(process)
