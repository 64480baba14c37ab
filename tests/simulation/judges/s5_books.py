"""S5: no new risk on a book with a hole or older than its bound; what rests there is cancelled.

Nor does the lane show such a book as good: the gate and the sweeps by stream would hide that.

Owns:    a plain reading of the depth events that were delivered.
"""

from __future__ import annotations

import re
from typing import Any

from runtime._shm import lib
from tests.simulation.judges.seen import PATIENCE_NS, RESTING, Part, Seen, reduces
from tests.simulation.lane import LaneProcess
from tests.simulation.loop import MS, S

DEPTH = re.compile(rb'"depthUpdate".*?"s":"(\w+)".*?"U":(\d+),"u":(\d+),"pu":(\d+)')
SNAPSHOT = re.compile(rb'"lastUpdateId":(\d+)')


class Picture:
    """What a lane could know of one book, by a plain reading of what was delivered to it."""

    def __init__(self) -> None:
        self.events: list[tuple[int, int, int]] = []  # first, last, previous: all that came
        self.snapshot = -1  # its update id
        self.heard_ns = -S

    def depth(self, event: tuple[int, int, int], now_ns: int) -> None:
        self.events.append(event)
        self.heard_ns = now_ns

    @property
    def is_torn(self) -> bool:
        """Whether no snapshot and events that follow one another lead to now."""
        at = self.snapshot
        is_first = True
        for first, last, previous in self.events:
            if last <= at:
                continue
            if previous != at and not (is_first and first <= at + 1):
                return True
            at, is_first = last, False
        return self.snapshot < 0


class Books(Part):
    """Looks at what is traded and quoted on."""

    def __init__(self, seen: Seen) -> None:
        super().__init__(seen)
        self.pictures: dict[tuple[int, str], Picture] = {}  # epoch, symbol
        self.stale_ns: dict[tuple[int, str], int] = {}  # since when a picture must not be quoted on

    def picture(self, process: LaneProcess, symbol: str) -> Picture:
        return self.pictures.setdefault((process.epoch, symbol), Picture())

    def on_frame(self, process: LaneProcess, data: bytes) -> None:
        found = DEPTH.search(data)
        if found:
            symbol, first, last, previous = found.groups()
            picture = self.picture(process, symbol.decode())
            picture.depth((int(first), int(last), int(previous)), process.lane.now_ns)

    def on_snapshot(self, process: LaneProcess, instrument: int, data: bytes) -> None:
        picture = self.picture(process, self.world.symbols[instrument])
        picture.snapshot = max(picture.snapshot, int(SNAPSHOT.findall(data)[0]))
        picture.heard_ns = process.lane.now_ns
        picture.events = [one for one in picture.events if one[1] > picture.snapshot]

    def on_place(self, process: LaneProcess, params: dict[str, Any]) -> None:
        if reduces(params):
            return
        picture = self.picture(process, params["symbol"])
        if picture.is_torn:
            raise self.broken("S5", f"{params['newClientOrderId']}: its book has a hole")
        age_ms = (process.lane.now_ns - picture.heard_ns) / MS
        if age_ms > self.world.limits["stale_ms"]:
            name = params["newClientOrderId"]
            raise self.broken("S5", f"{name}: its book is {age_ms:.0f} ms old")

    def on_turn(self, process: LaneProcess) -> None:
        """What rests on a picture that is torn or old is cancelled."""
        world, lane = self.world, process.lane
        now = lane.now_ns
        for number, symbol in world.symbols.items():
            key = (process.epoch, symbol)
            picture = self.picture(process, symbol)
            bound = world.limits["stale_ms"] * MS
            if not picture.is_torn and now - picture.heard_ns <= bound:
                self.stale_ns.pop(key, None)
                continue
            since = self.stale_ns.setdefault(key, now)
            if now - since < PATIENCE_NS:
                continue
            if process.page.view.tops[number].state == lib.HP_BOOK_SYNCED:
                what = "torn" if picture.is_torn else "old"
                raise self.broken("S5", f"the book of {symbol} is shown as good, and is {what}")
            if self.seen.may_not_ask(process):
                continue
            for order in lane.orders():
                is_known = order["state"] in RESTING and order["instrument"] == number
                may_rest = order["flags"] & lib.HP_ORDER_REDUCE_ONLY or order["sent_ns"] >= since
                if is_known and not may_rest and order["client_id"] not in self.seen.cancelled:
                    name = f"{order['client_id']:x}"
                    raise self.broken("S5", f"{name} rests on a picture that is old")
