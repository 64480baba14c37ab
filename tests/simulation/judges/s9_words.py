"""S9: nothing new under KILL, no new risk under FREEZE, FLATTEN, DRAIN; what may not rest goes.

The lag of an archive sets words too: LAGGING as FREEZE, CHOKED (cancels only) as KILL for what
is new.  Nobody writes them: what must hold is taken from the ring's head.
"""

from __future__ import annotations

from typing import Any

from runtime._shm import lib
from tests.simulation.judges.seen import PATIENCE_NS, RESTING, Part, Seen, is_exit
from tests.simulation.lane import LaneProcess
from tests.simulation.ring import lag_words

NO_NEW_RISK = lib.HP_WORD_FREEZE | lib.HP_WORD_FLATTEN | lib.HP_WORD_DRAIN | lib.HP_WORD_STOP
NO_NEW_RISK |= lib.HP_WORD_LAGGING
NOTHING_NEW = lib.HP_WORD_KILL | lib.HP_WORD_CHOKED
QUOTES_GO = lib.HP_WORD_FREEZE | lib.HP_WORD_LAGGING
ALL_GO = lib.HP_WORD_KILL | lib.HP_WORD_DRAIN


class Words(Part):
    """Looks at what leaves and what rests under the words that stand."""

    def __init__(self, seen: Seen) -> None:
        super().__init__(seen)
        self.lags: dict[int, int] = {}  # epoch: words that its archive's lag sets
        self.worded: dict[int, tuple[int, int]] = {}  # epoch: words that stand, since when

    def on_look(self, process: LaneProcess) -> None:
        """A lane looks at the words of a turn."""
        lag = self.lags[process.epoch] = lag_words(process.head)
        if lag:
            self.world.met.add("choked" if lag & lib.HP_WORD_CHOKED else "lagging")

    def on_sent(self, process: LaneProcess, method: str, params: dict[str, Any]) -> None:
        """What a word forbids does not leave once the lane has seen it."""
        if method not in ("order.place", "order.modify"):
            return
        words = process.words | self.lags.get(process.epoch, 0)
        if words & NOTHING_NEW:
            raise self.broken("S9", f"{method} leaves under the words {words:#x}")
        name = params.get("newClientOrderId") or params["origClientOrderId"]
        order = process.lane.order(self.seen.id_of(name))
        if words & NO_NEW_RISK and not (order is not None and is_exit(order)):
            raise self.broken("S9", f"{method} of new risk leaves under the words {words:#x}")

    def on_turn(self, process: LaneProcess) -> None:
        """What may not rest under the words that stand is cancelled."""
        lane, now = process.lane, process.lane.now_ns
        words, since = self.worded.get(process.epoch, (0, now))
        stand = process.words | self.lags.get(process.epoch, 0)
        if words & stand != words or not words:  # one has gone, or there was none
            words, since = stand, now
        self.worded[process.epoch] = words, since
        if now - since < PATIENCE_NS or not words & (ALL_GO | QUOTES_GO):
            return
        if self.seen.may_not_ask(process):
            return
        for order in lane.orders():
            is_old = order["state"] in RESTING and order["sent_ns"] < since
            if not is_old or order["client_id"] in self.seen.cancelled:
                continue
            if words & ALL_GO or not order["flags"] & lib.HP_ORDER_REDUCE_ONLY:
                name = f"{order['client_id']:x}"
                raise self.broken("S9", f"{name} rests under the words {words:#x}")
