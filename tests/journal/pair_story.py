"""A market lane and an order lane with a ring each, driven by the same things as one lane."""

from __future__ import annotations

import json
import mmap
import os
from pathlib import Path

from hotpath.lane.manual import ManualLane
from runtime._shm import ffi, lib
from runtime.journal import recording
from runtime.journal.archiver import Archiver
from runtime.lanes.spec import fit
from runtime.pages.page import LANE_BYTES, Page
from tests.pair_rig import PairLane, ring, ring_of
from venues.binance.usdm.codec import Codec

from .story import SEGMENT, Story, spec

RING_BYTES = 16384  # small: it is full now and then


class PairStory(Story):
    """One epoch of each; `end()` leaves a RUN in `directory`."""

    def __init__(self, directory: Path, strategy: Path, epoch: int = 7, segments: int = 16) -> None:
        self.directory = directory
        self.deployment = f"story{os.getpid()}"
        recording.open_run(directory, self.deployment)
        self.own_pages, lanes = [], {}
        for number, role in enumerate(("order", "market")):
            page = Page.make(
                self.deployment,
                f"journal.{number}",
                "hp_page_t",
                lib.HP_PAGE_JOURNAL,
                4096 + segments * SEGMENT,
            )
            self.own_pages.append(page)
            memory = mmap.mmap(-1, LANE_BYTES)
            if role == "market":  # that has the feeds
                self.lane_page = ffi.cast("hp_lane_page_t *", ffi.from_buffer(memory))
            lanes[role] = ManualLane(
                Codec(prefix="story"),
                memory,
                lane=number,
                epoch=epoch,
                role=role,
                journal=page.map,
                segment_bytes=SEGMENT,
                segment_count=segments,
                clock=(1_000_000_000, 1_700_000_000_000_000_000),
            )
        self.archiver = Archiver(self.deployment, directory)
        self.archiver.look()
        self.lane = PairLane(lanes["market"], lanes["order"], (ring(RING_BYTES), ring(RING_BYTES)))
        for role, lane in lanes.items():
            fit(lane, json.loads(json.dumps(spec(strategy, role=role))))
        self.lane.start_strategies()
        self.lane.turn(5_000_000)
        self.update = {1: 100, 2: 100}
        self.trade = 0

    def happen(self, what: str, a: int, b: int) -> None:
        """Whatever the disk's pace: a ring full of what is not archived is another story."""
        super().happen(what, a, b)
        for one in self.archiver.rings.values():
            if one.head.published - one.head.archived > SEGMENT:
                one.sync()

    def lend(self, a: int, b: int) -> None:
        """A lease as such: the limits that it names are an input of their own."""
        self.lane.set_limit_lease(self.lane.now_ns + (a - 3) * 1_000_000, 1 + b)

    def archive(self, a: int, b: int) -> None:
        """One half's archiver runs out of disk, or has room again."""
        number, lane = b % 2, (self.lane.order_lane, self.lane.market)[b % 2]
        head = ffi.cast("hp_journal_head_t *", self.own_pages[number].header + 1)
        head.archive_state = lib.HP_ARCHIVE_FULL if a % 9 == 8 else lib.HP_ARCHIVE_COPYING
        lane.archive()

    def deaf(self, a: int, b: int) -> None:
        """One half does not look at its ring for a while."""
        self.lane.is_order_deaf, self.lane.is_market_deaf = a % 3 == 1, b % 3 == 1

    def flood(self, a: int, b: int) -> None:
        """The ring of intents is full: of records that the order lane knows nothing of."""
        while lib.hp_ring_put(ring_of(self.lane.intents), 31, 0, bytes(40), 40):
            pass

    def silence(self, a: int, b: int) -> None:
        lane = (self.lane.market, self.lane.order_lane)[a % 2]
        if b % 2:
            lane.peer(lib.HP_PAIR_SILENT, (lane.now_ns - b).to_bytes(8, "little"))
        else:
            lane.peer(lib.HP_PAIR_BACK)

    def end(self) -> None:
        for lane in (self.lane.market, self.lane.order_lane):
            lane.end()
        self.kill()

    def kill(self) -> None:
        self.archiver.close()
        for page in self.own_pages:
            page.remove()
