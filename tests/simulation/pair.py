"""The market lane of a split deployment, beside the order lane that world.py starts.

Owns:    the two rings between them, which outlive both; the market lane's lives; how long a
         hand-over takes; what the supervisor does when one of them ends.
Refuses: orders, openings, limits: the order lane has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime._shm import ffi, lib
from runtime.pages.page import LANE_BYTES, Mail, Page
from tests.simulation.lane import Ends, LaneProcess
from tests.simulation.loop import MS
from tests.simulation.terms import DEPLOYMENT, MAIL_BYTES, SEGMENT_BYTES

if TYPE_CHECKING:
    from tests.simulation.world import World

ORDER, MARKET = 0, 1  # numbers of the lanes
RING_BYTES = {"pair.intents": 1 << 16, "pair.told": 1 << 18}
BELL_NS = (20_000, 400_000)
LATE_NS = (1 * MS, 60 * MS)


class Pair:
    """The market lane of one story, and the way between it and the order lane."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rings: dict[str, Mail] = {}
        for name, size in RING_BYTES.items():
            whole = ffi.sizeof("hp_page_t") + ffi.sizeof("hp_ring_t") + size
            page = world.host.make(DEPLOYMENT, name, "hp_page_t", lib.HP_PAGE_MAIL, whole)
            page.header.heartbeat_ns = 0  # no beat stands there yet
            self.rings[name] = Mail(page)
            lib.hp_ring_init(self.rings[name].ring, size)
        self.pages: dict[str, Page] = {}
        self.process: LaneProcess | None = None
        self.former: LaneProcess | None = None
        self.ended_ns = 0  # when the former one did
        self.due = {ORDER: False, MARKET: False}  # a bell is on its way

    def ends(self, number: int) -> Ends:
        """Return the ends of the rings that one of the lanes holds."""
        names = ("pair.intents", "pair.told")
        hear, say = names if number == ORDER else names[::-1]
        other = MARKET if number == ORDER else ORDER
        return Ends(
            self.rings[hear], self.rings[say], self.world.shape.stale_ms, lambda: self.ring(other)
        )

    def lane(self, number: int) -> LaneProcess | None:
        return self.world.process if number == ORDER else self.process

    def ring(self, number: int) -> None:
        """Something was handed over: the other lane looks soon, or late."""
        if self.due[number]:
            return
        self.due[number] = True
        world = self.world
        late = world.chance.happens("pair_late")
        how = world.chance.of("pair/bell")
        world.loop.after(how.randrange(*(LATE_NS if late else BELL_NS)), self.look, number)

    def look(self, number: int) -> None:
        self.due[number] = False
        process = self.lane(number)
        if process is not None and not process.is_dead:
            process.take(process.turn)

    def watchers(self) -> list[LaneProcess]:
        """Return who may have decided what leaves now: the newest first."""
        found = [one for one in (self.process, self.former) if one is not None]
        return found[: 1 + (self.world.loop.now_ns - self.ended_ns < 1000 * MS)]

    # -- its lives -------------------------------------------------------------------------------

    def start(self) -> None:
        world = self.world
        epoch = world.next_epoch()
        world.lives += 1
        if self.pages:
            self.pages["journal.1"].rename(f"journal.1.e{self.epoch:05d}")
        size = lib.HP_JOURNAL_HEAD_BYTES + SEGMENT_BYTES * world.shape.segments
        make = world.host.make
        self.pages = {
            "lane.1": make(
                DEPLOYMENT, "lane.1", "hp_lane_page_t", lib.HP_PAGE_LANE, LANE_BYTES, epoch
            ),
            "journal.1": make(
                DEPLOYMENT, "journal.1", "hp_page_t", lib.HP_PAGE_JOURNAL, size, epoch
            ),
        }
        world.make_mail({name.replace(".0", ".1"): size for name, size in MAIL_BYTES.items()})
        self.pages["lane.1"].header.heartbeat_ns = 0
        self.epoch = epoch
        self.tell_session()
        world.judge.pace.on_new_feeds()
        world.trace("market lane", epoch)
        self.former = self.process
        self.process = world.new_process(self.specification(), self.ends(MARKET))

    def specification(self) -> dict[str, Any]:
        return self.world.specification() | {
            "role": "market",
            "number": MARKET,
            "epoch": self.epoch,
            "lease": False,
            "quota": None,
            "parameters": self.world.parameters(self.epoch),
        }

    def order_part(self) -> dict[str, Any]:
        return {"role": "order", "market": []}

    def tell_session(self) -> None:
        if self.process is None and not self.pages:
            return
        self.world.tell_session_of(
            MARKET, self.epoch, {"is_open": True, "has_books": True, "has_orders": False}
        )

    def silence(self, number: int) -> None:
        """Say in the page of a lane's ring that its writer has ended, and wake the reader."""
        say = "pair.told" if number == ORDER else "pair.intents"
        self.rings[say].page.header.heartbeat_ns = lib.HP_PAIR_ENDED
        self.ring(MARKET if number == ORDER else ORDER)

    def ended(self, process: LaneProcess) -> None:
        self.ended_ns = self.world.loop.now_ns
        if not self.world.is_ending:
            pause = self.world.chance.of("pair/restart").choice((10, 30, 60, 150, 400)) * MS
            self.world.later(pause, self.start_again, process.epoch)

    def start_again(self, epoch: int) -> None:
        if self.epoch == epoch and not self.world.is_ending:
            self.start()
