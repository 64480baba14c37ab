"""The clock page: what the time authority knows of CLOCK_REALTIME, for lanes and the exporter.

Owns:    the page and its one writer; looking at the sources once a period, off the event loop.
Refuses: judging sources (tuning.time), deciding what an unsure clock stops (the gate).

A record without a source is written at once: doubt takes the permit away.  When this process dies,
the last record runs out by itself, because it carries the instant until which it may be believed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from runtime._shm import ffi, lib
from runtime.pages.page import Page
from tuning.time import (
    SourceKind,
    TimeFacts,
    TimeRecord,
    Where,
    coordinate_with_time_authority,
    judge,
    load_limits,
    observe,
)

CLOCK_BYTES = ffi.sizeof("hp_clock_page_t")
UNKNOWN_NS = 2**64 - 1  # hp_time_divergence: nobody vouches
PERIOD_S = 1.0  # a record is valid for at least 3 s (tuning/time/limits.toml, validity_ms)
OF_SOURCE = {
    SourceKind.NONE: lib.HP_CLOCK_SOURCE_NONE,
    SourceKind.KERNEL: lib.HP_CLOCK_SOURCE_KERNEL,
    SourceKind.NTP: lib.HP_CLOCK_SOURCE_NTP,
    SourceKind.PTP_SOFTWARE: lib.HP_CLOCK_SOURCE_PTP_SOFTWARE,
    SourceKind.PTP_HARDWARE: lib.HP_CLOCK_SOURCE_PTP_HARDWARE,
}


class ClockPage:
    """The time authority of a deployment: accepts records, publishes the newest."""

    def __init__(self, deployment: str) -> None:
        self.page = Page.make(
            deployment, "clock", "hp_clock_page_t", lib.HP_PAGE_CLOCK, CLOCK_BYTES
        )

    def accept(self, record: TimeRecord) -> bool:
        """Publish a record that is newer than the last; return whether time is known after it."""
        view, now = self.page.view, time.monotonic_ns()
        if record.taken_ns < view.record.taken_ns or record.taken_ns > now:
            return self.is_known(now)
        seq = ffi.addressof(view, "seq")
        lib.hp_seq_begin(seq)
        to = view.record
        to.offset_ns = record.offset_ns
        to.uncertainty_ns = record.uncertainty_ns
        to.growth_ppb = record.growth_ppb
        to.taken_ns = record.taken_ns
        to.valid_until_ns = record.valid_until_ns
        to.source = OF_SOURCE[record.source]
        to.is_traceable = record.traceable
        text = record.reason.encode("ascii", "replace")[:63]
        ffi.memmove(view.reason, text + bytes(64 - len(text)), 64)
        lib.hp_seq_end(seq)
        view.accepted += 1
        self.page.header.heartbeat_ns = now
        return self.is_known(now)

    def is_known(self, now: int) -> bool:
        """Whether anybody vouches for CLOCK_REALTIME at `now` (CLOCK_MONOTONIC ns)."""
        record = ffi.addressof(self.page.view, "record")
        return int(lib.hp_time_divergence(record, now)) != UNKNOWN_NS


class ClockWatch:
    """Looks at the sources once a period and hands what they say to the page."""

    def __init__(
        self, page: ClockPage, profile: str, say: Callable[[str], None], where: Where | None = None
    ) -> None:
        self.page = page
        self.profile = profile
        self.limits = load_limits(profile)
        self.say = say
        self.where = where or Where()
        self.facts: TimeFacts | None = None
        self.told = ""  # the state last said

    def look(self) -> None:
        """Read all sources once, judge them against the reading before, publish."""
        before, self.facts = self.facts, observe(self.where)
        status = judge(self.facts, self.limits, self.where, before)
        known = coordinate_with_time_authority(self.page, status)
        text = (
            f"clock.known source={status.record.source.text}"
            if known
            else f"clock.unsure profile={self.profile} cause={status.record.reason!r}"
        )
        if text != self.told:
            self.told = text
            self.say(text)

    async def keep(self) -> None:
        """Look once a period until cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(PERIOD_S)
