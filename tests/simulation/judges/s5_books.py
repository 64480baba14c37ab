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


HANDED_NS = 120 * MS  # from the market lane's knowledge to the order lane's act


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
        self.torn_ns: dict[tuple[int, str], int] = {}  # of a market lane: since when
        self.stale_ns: dict[tuple[int, str], int] = {}  # since when a picture must not be quoted on
        self.unheard: dict[tuple[int, int], set[str]] = {}  # epoch, socket: books

    def picture(self, process: LaneProcess, symbol: str) -> Picture:
        return self.pictures.setdefault((process.epoch, symbol), Picture())

    def on_frame(self, process: LaneProcess, data: bytes) -> None:
        found = DEPTH.search(data)
        if found:
            symbol, first, last, previous = found.groups()
            picture = self.picture(process, symbol.decode())
            picture.depth((int(first), int(last), int(previous)), process.lane.now_ns)
            self.note_hole(process, symbol.decode())

    def note_hole(self, process: LaneProcess, symbol: str) -> None:
        """Keep since when a picture is torn; asked with snapshots as well as with frames.

        A snapshot closes a hole with no frame beside it.  If the next frame tears another one, that
        one is new: what the market lane decided before it may still be on its way.
        """
        if self.world.pair is None:
            return
        key = (process.epoch, symbol)
        if not self.picture(process, symbol).is_torn:
            self.torn_ns.pop(key, None)
        else:
            self.torn_ns.setdefault(key, process.lane.now_ns)

    def on_taken(self, process: LaneProcess, data: bytes, socket: int, is_taken: bool) -> None:
        """A journal without room takes no frame; what it tells of is not known then."""
        found = DEPTH.search(data)
        if is_taken:
            self.unheard.pop((process.epoch, socket), None)
        elif found:
            self.unheard.setdefault((process.epoch, socket), set()).add(found.group(1).decode())

    def on_snapshot(self, process: LaneProcess, instrument: int, data: bytes) -> None:
        symbol = self.world.symbols[instrument]
        picture = self.picture(process, symbol)
        picture.snapshot = max(picture.snapshot, int(SNAPSHOT.findall(data)[0]))
        picture.heard_ns = process.lane.now_ns
        picture.events = [one for one in picture.events if one[1] > picture.snapshot]
        self.note_hole(process, symbol)

    def on_place(self, process: LaneProcess, params: dict[str, Any]) -> None:
        if reduces(params):
            return
        if self.world.pair is not None:
            self.on_place_apart(process, params)
            return
        picture = self.picture(process, params["symbol"])
        if picture.is_torn:
            raise self.broken("S5", f"{params['newClientOrderId']}: its book has a hole")
        age_ms = (process.lane.now_ns - picture.heard_ns) / MS
        if age_ms > self.world.limits["stale_ms"]:
            name = params["newClientOrderId"]
            raise self.broken("S5", f"{name}: its book is {age_ms:.0f} ms old")

    def on_place_apart(self, process: LaneProcess, params: dict[str, Any]) -> None:
        """The market lane decided, a hand-over ago, or the one before it."""
        assert self.world.pair is not None
        now, texts = process.lane.now_ns, []
        for watcher in self.world.pair.watchers():
            picture = self.picture(watcher, params["symbol"])
            torn_ns = now - self.torn_ns.get((watcher.epoch, params["symbol"]), now)
            age_ms = (now - picture.heard_ns) / MS
            if picture.is_torn and torn_ns > HANDED_NS:
                texts.append(f"its book has had a hole for {torn_ns / MS:.0f} ms")
            elif age_ms > self.world.limits["stale_ms"]:
                texts.append(f"its book is {age_ms:.0f} ms old")
            else:
                return
        raise self.broken("S5", f"{params['newClientOrderId']}: {texts[0]}")

    def on_turn(self, process: LaneProcess) -> None:
        """What rests on a picture that is torn or old is cancelled."""
        world, lane = self.world, process.lane
        now = lane.now_ns
        for (epoch, _), symbols in self.unheard.items():
            for number, symbol in world.symbols.items():
                is_good = process.page.view.tops[number].state == lib.HP_BOOK_SYNCED
                if epoch == process.epoch and symbol in symbols and is_good:
                    text = f"the book of {symbol} is shown as good, and missed an event"
                    raise self.broken("S5", text)
        for number, symbol in world.symbols.items():
            watcher = world.lanes()[-1]
            key = (watcher.epoch, symbol)
            picture = self.picture(watcher, symbol)
            bound = world.limits["stale_ms"] * MS
            if not picture.is_torn and now - picture.heard_ns <= bound:
                self.stale_ns.pop(key, None)
                continue
            since = self.stale_ns.setdefault(key, now)
            if now - since < PATIENCE_NS + (0 if world.pair is None else HANDED_NS):
                continue
            if watcher is process and process.page.view.tops[number].state == lib.HP_BOOK_SYNCED:
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
