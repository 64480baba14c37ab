"""What several judges look at: orders as they left and arrived, and what a lane may do at all.

Owns:    facts of the wire and of the venue's door, by client id; the words for them.
Refuses: finding anything broken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime._shm import ffi, lib
from runtime.session.opening import client_of
from tests.simulation.judges.broken import Broken
from tests.simulation.loop import MS
from venues.simulator.account import Account
from venues.simulator.instrument import Instrument
from venues.simulator.order import Order

if TYPE_CHECKING:
    from tests.simulation.lane import LaneProcess
    from tests.simulation.world import World

STATES = {
    number: name.removeprefix("HP_ORDER_")
    for number, name in ffi.typeof("enum hp_order_state").elements.items()
}
RESTING = (lib.HP_ORDER_LIVE, lib.HP_ORDER_PARTIAL)
SWEEP_NS = 20 * MS  # between two sweeps of a lane: what it may trade on is looked at in each
PATIENCE_NS = 120 * MS  # of a cancel, after an order may not rest any more


class Seen:
    """Facts, and the first invariant that broke."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.found: Broken | None = None  # the first
        self.accepted: dict[str, Order] = {}
        self.roots: dict[int, int] = {}  # client id of a second try: that of the first
        self.arrived: dict[int, str] = {}  # client id of a first try: the order that arrived
        self.cancelled: set[int] = set()  # client ids of orders that a lane wanted gone
        self.left_ns: dict[int, int] = {}  # client id: when its bytes left
        self.by_hand = 0  # trades by a person while the first lane opened
        self.left: dict[int, list[int]] = {}  # epoch: client ids of orders whose bytes left

    def id_of(self, text: str) -> int:
        """Return the client id that stands in a name at the venue; 0 = it is not ours."""
        return client_of(self.world.prefix, text)

    def may_not_ask(self, process: LaneProcess) -> bool:
        """Say whether a lane may, or lately might, send no request at all."""
        lane, lease, quota = process.lane, self.world.lease, process.page.view.quota
        since = lane.now_ns - PATIENCE_NS
        if lease is not None and since >= int(lease.page.view.lease.until_ns):
            return True
        return not lane.is_session_ready or any(until > since for until in quota.stop_until_ns)


class Part:
    """One invariant's judge."""

    def __init__(self, seen: Seen) -> None:
        self.seen, self.world = seen, seen.world

    def broken(self, invariant: str, text: str) -> Broken:
        """Note what broke: a task that dies of it must not keep it for itself."""
        found = Broken(invariant, text)
        self.seen.found = self.seen.found or found
        return found


def reduces(params: dict[str, Any]) -> bool:
    """Say whether an order takes no new risk: by its flag, or by its side against its leg."""
    leg, side = params.get("positionSide", "BOTH"), params.get("side")
    if leg != "BOTH":
        return bool((side == "BUY") != (leg == "LONG"))
    return params.get("reduceOnly") in (True, "true")


def is_exit(order: dict[str, Any]) -> bool:
    """Say whether an order of a lane takes no new risk: flagged, or against its leg."""
    leg, is_buy = order["position_side"], order["side"] == lib.HP_SIDE_BUY
    is_against = leg != lib.HP_POSITION_BOTH and is_buy != (leg == lib.HP_POSITION_LONG)
    return bool(order["flags"] & lib.HP_ORDER_REDUCE_ONLY) or is_against


def held_lots(account: Account, instrument: Instrument) -> int:
    """Return what an account holds at the venue, all legs of it together."""
    return sum(account.position(instrument, side).lots for side in legs_of(account))


def legs_of(account: Account) -> tuple[str, ...]:
    return ("LONG", "SHORT") if account.hedge_mode else ("BOTH",)


LEGS = {"BOTH": lib.HP_POSITION_BOTH, "LONG": lib.HP_POSITION_LONG, "SHORT": lib.HP_POSITION_SHORT}
