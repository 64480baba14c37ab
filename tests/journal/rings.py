"""A lane by hand whose ring is a page of a deployment of its own."""

from __future__ import annotations

import os

from hotpath.lane.manual import ManualLane
from runtime._shm import lib
from runtime.pages.page import LANE_BYTES, Page
from venues.binance.usdm.codec import Codec

SEGMENT = 65536


class RingLane:
    """`lane` writes to page corelane.<deployment>.journal.0 until remove()."""

    def __init__(self, what: str, epoch: int = 7, segments: int = 4) -> None:
        self.deployment = f"{what}{os.getpid()}"
        self.epoch = epoch
        self.page = Page.make(
            self.deployment,
            "journal.0",
            "hp_page_t",
            lib.HP_PAGE_JOURNAL,
            4096 + segments * SEGMENT,
        )
        self.lane = ManualLane(
            Codec(),
            bytearray(LANE_BYTES),
            epoch=epoch,
            journal=self.page.map,
            segment_bytes=SEGMENT,
            segment_count=segments,
        )
        self.count = 0
        self.kept: list[int] = []  # numbers of the frames that were journaled, not dropped unseen

    def frames(self, count: int, size: int = 1000) -> None:
        """Let the lane see frames that count up."""
        for _ in range(count):
            before = self.lane.counters["frames_unjournaled"]
            self.lane.frame(b"%d" % self.count + b" " * size)
            if self.lane.counters["frames_unjournaled"] == before:
                self.kept.append(self.count)
            self.count += 1

    def remove(self) -> None:
        self.page.remove()
