"""S3 and S14: the limits, by the venue's truth and by the lane's own count, also as they change.

S14 is that an order is judged by the widest limits that it may have left under.
"""

from __future__ import annotations

from typing import Any

from runtime._shm import lib
from tests.simulation.judges.seen import Part, Seen, held_lots, is_exit, reduces
from tests.simulation.lane import LaneProcess
from tests.simulation.loop import MS
from venues.simulator.order import BUY, SELL, Order

LATE_NS = 1300 * MS  # a lease, a parked order's wait, the longest way to the venue


class Limits(Part):
    """Looks at positions, orders and notional."""

    def __init__(self, seen: Seen) -> None:
        super().__init__(seen)
        self.hand_lots = self.hand_e8 = 0  # by a person: a lane hears of it later
        self.lents = [(0, self.world.account)]  # limits of the account, since when

    def on_accept(self, order: Order, market: Any) -> None:
        """Judge the account as it is with an order that arrives."""
        world, text = self.world, order.client_id
        limits, account = world.limits, world.venue.account
        held = held_lots(account, market.instrument)
        others = [one for one in account.orders_of(market.symbol) if one is not order]
        if order.reduce_only:
            return
        same = [one for one in [*others, order] if one.side == order.side and not one.reduce_only]
        worst = held * order.side + sum(one.left for one in same)
        if worst > limits["position_lots_max"] + self.hand_lots:
            raise self.broken(
                "S3",
                f"{text}: {held} lots held and {[one.left for one in same]} at work on its side;"
                f" want at most {limits['position_lots_max']}",
            )
        if order.lots > limits["order_lots_max"]:
            raise self.broken("S3", f"{text}: {order.lots} lots in one order")
        # an exit may have been sent beyond the limit, and before this one arrived
        number = 1 + sum(not one.reduce_only for one in others)
        if number > limits["open_orders_max"]:
            raise self.broken("S3", f"{text}: {number} orders at work")
        lent = self.lent()
        everywhere = sum(not one.reduce_only for one in account.open_orders.values())
        if everywhere > lent["open_orders_max"]:
            raise self.broken("S3", f"{text}: {everywhere} orders of the account at work")
        gross = self.gross_e8() - self.hand_e8
        if gross * 100 > lent["gross_notional_e8_max"] * 102:
            raise self.broken("S3", f"{text}: {gross} (1e-8) gross")
        if any(one.side != order.side and meets(order, one) for one in others):
            raise self.broken("S3", f"{text} would trade with an order of our own")

    def on_limits(self, account: dict[str, int]) -> None:
        self.lents.append((self.world.loop.now_ns, account))

    def lent(self) -> dict[str, int]:
        """Return the widest limits that an order which arrives now may have been sent under."""
        since = self.world.loop.now_ns - LATE_NS
        ends = [when for when, _ in self.lents[1:]]
        held = [
            account
            for (_, account), end in zip(self.lents, [*ends, None], strict=True)
            if end is None or end >= since
        ]
        return {name: max(one[name] for one in held) for name in held[0]}

    def gross_e8(self) -> int:
        """Add up positions and all that works, at the venue."""
        venue = self.world.venue
        held = sum(abs(one.cost_e8) for one in venue.account.positions.values())
        return held + sum(
            venue.instrument_of(one).notional_e8(one.price, one.left)
            for one in venue.account.open_orders.values()
            if not one.reduce_only
        )

    def on_place(self, process: LaneProcess, params: dict[str, Any]) -> None:
        """Judge what the lane counts by itself, whatever the venue has of it; and its lease."""
        text = params["newClientOrderId"]
        if reduces(params):
            return
        if not self.world.is_durable:  # it may have waited, and others came back to life
            orders = process.lane.orders()
            new = [one for one in orders if not is_exit(one)]
            working = sum(bool(lib.hp_order_is_working(one["state"])) for one in new)
            if working > self.lent()["open_orders_max"]:
                what = f"the lane's order number {working} at work"
                raise self.broken("S3", f"{text} leaves, {what}")
        lease_ns = int(self.world.limits_page.view.lease.until_ns)
        if process.lane.now_ns >= lease_ns:
            late = (process.lane.now_ns - lease_ns) / MS
            raise self.broken("S3", f"new risk {late:.1f} ms after the end of the limits' lease")

    def on_turn(self, process: LaneProcess) -> None:
        """What rests at the venue is counted as working, by side."""
        account = self.world.venue.account
        for number, symbol in self.world.symbols.items():
            resting = account.orders_of(symbol)
            counted = process.lane.exposure(number)
            for side, name in ((BUY, "working_buy_lots"), (SELL, "working_sell_lots")):
                rests = sum(o.left for o in resting if o.side == side and not o.reduce_only)
                if counted[name] < rests:
                    text = f"{symbol}: {rests} lots rest at the venue on side {side}"
                    raise self.broken("S3", f"{text}, the lane counts {counted[name]}")


def meets(order: Order, other: Order) -> bool:
    return (order.price - other.price) * order.side >= 0
