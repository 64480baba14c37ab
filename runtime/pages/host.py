"""The host page: how fit this host is while it trades, for status, screen and scrape.

Owns:    the page and its one writer; one full look at the start, a poll each period off the loop.
Refuses: judging settings (tuning), changing any of them.

Drift while running is said at once, with the program that the kernel or the process list names.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable
from typing import Any

from runtime._shm import ffi, lib
from runtime.pages.page import Page
from tuning import fingerprints, knobs
from tuning.check import Report, check
from tuning.health import context_of
from tuning.host import Host, LiveHost
from tuning.model import State
from tuning.watch import Watch

HOST_BYTES = ffi.sizeof("hp_host_page_t")
PERIOD_S = 30.0  # a poll costs about 4 ms of a housekeeping core


class HostPage:
    """What was found about the settings of this host."""

    def __init__(self, deployment: str, host: Host | None = None) -> None:
        self.host = host or LiveHost()
        self.context = context_of(self.host)
        self.fingerprint = fingerprints.take(self.context).short
        self.page = Page.make(deployment, "host", "hp_host_page_t", lib.HP_PAGE_HOST, HOST_BYTES)
        view = self.page.view
        view.fingerprint = int(self.fingerprint, 16)
        text = self.context.profile.name.encode()[:23]
        ffi.memmove(view.profile, text, len(text))

    def publish(self, report: Report, drifts: int, polls: int) -> None:
        view, seq = self.page.view, ffi.addressof(self.page.view, "seq")
        lib.hp_seq_begin(seq)
        view.fitness_permille = round(10 * report.fitness)
        view.coverage_permille = round(10 * report.coverage)
        for state in State:
            number = getattr(lib, f"HP_KNOB_{state.name}")
            view.states[number] = report.states[str(state)]
        view.critical = len(report.critical)
        view.drifts = drifts
        view.polls = polls
        view.checked_ns = time.monotonic_ns()
        lib.hp_seq_end(seq)
        self.page.header.heartbeat_ns = view.checked_ns


class HostWatch:
    """Looks at every knob once, then polls; keeps the page true."""

    def __init__(self, page: HostPage, say: Callable[[str], None]) -> None:
        self.page = page
        self.say = say
        self.report: Report | None = None
        self.watch: Watch | None = None
        self.polls = 0

    def look(self) -> None:
        """Check every knob (about two seconds of waiting for counters), then note what to poll."""
        self.report = check(self.page.context)
        self.watch = Watch(self.page.context, list(knobs.catalogue().values()), interval_s=PERIOD_S)
        self.page.publish(self.report, 0, 0)
        self.say(
            f"host.checked profile={self.report.profile} fitness={self.report.fitness:g} "
            f"coverage={self.report.coverage:g} critical={len(self.report.critical)} "
            f"fingerprint={self.page.fingerprint}"
        )

    def poll(self) -> list[Any]:
        """Read again what may have changed; say and publish what did.  Returns the events."""
        assert self.report is not None and self.watch is not None, "look() comes first"
        events = self.watch.poll()
        self.polls += 1
        for event in events:
            self.say(event.line())
        now = self.watch.findings
        findings = tuple(now.get(one.knob.id, one) for one in self.report.findings)
        self.report = dataclasses.replace(self.report, findings=findings)
        self.page.publish(self.report, self.watch.drifted, self.polls)
        return events

    async def keep(self) -> None:
        """Look, then poll once a period until cancelled."""
        await asyncio.to_thread(self.look)
        try:
            while True:
                await asyncio.sleep(PERIOD_S)
                await asyncio.to_thread(self.poll)
        finally:
            if self.watch is not None:
                self.watch.close()
