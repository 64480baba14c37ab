"""The clock page: the time authority's word, for lanes and the exporter."""

import asyncio
import os
import time

import pytest

from runtime._shm import ffi, lib
from runtime.pages.clock import UNKNOWN_NS, ClockPage, ClockWatch
from runtime.pages.page import Page
from tuning.time import SourceKind, TimeRecord, Where, load_limits, observe
from tuning.time.status import judge

S = 1_000_000_000


@pytest.fixture
def clock():
    made = ClockPage(f"clock{os.getpid()}")
    yield made
    made.page.remove()


def record(age_ns=0, valid_ns=3 * S, source=SourceKind.NTP, reason=""):
    taken = time.monotonic_ns() - age_ns
    until = taken + valid_ns if source is not SourceKind.NONE else 0
    return TimeRecord(-250, 700, source, True, taken, until, 1_000, reason)


def divergence(clock, now):
    return lib.hp_time_divergence(ffi.addressof(clock.page.view, "record"), now)


def test_accepted_record_is_what_a_reader_of_the_page_sees(clock):
    given = record()
    assert clock.accept(given)
    view = Page.open(f"clock{os.getpid()}", "clock", "hp_clock_page_t").view
    assert view.seq == 2
    seen = view.record
    assert (seen.offset_ns, seen.uncertainty_ns, seen.growth_ppb) == (-250, 700, 1_000)
    assert (seen.source, seen.is_traceable) == (lib.HP_CLOCK_SOURCE_NTP, 1)
    for age in (0, 1, S - 1, S, 3 * S - 1):
        now = given.taken_ns + age
        assert divergence(clock, now) == given.divergence_at(now)
    assert divergence(clock, given.valid_until_ns) == UNKNOWN_NS
    assert divergence(clock, given.taken_ns - 1) == UNKNOWN_NS


def test_older_or_future_record_changes_nothing(clock):
    newest = record()
    assert clock.accept(newest)
    assert clock.accept(record(age_ns=S, source=SourceKind.PTP_HARDWARE))
    assert clock.accept(record(age_ns=-3600 * S))
    assert clock.page.view.record.taken_ns == newest.taken_ns
    assert clock.page.view.accepted == 1


def test_doubt_takes_the_permit_away_at_once(clock):
    assert clock.accept(record())
    assert not clock.accept(record(source=SourceKind.NONE, reason="the server is gone"))
    assert divergence(clock, time.monotonic_ns()) == UNKNOWN_NS
    assert ffi.string(clock.page.view.reason) == b"the server is gone"
    assert clock.accept(record())
    assert ffi.string(clock.page.view.reason) == b""


def test_record_of_a_dead_writer_runs_out(clock):
    assert not clock.accept(record(age_ns=2 * S, valid_ns=S))


def test_watch_says_what_this_host_says_and_says_it_once(clock):
    said = []
    watch = ClockWatch(clock, "dev", said.append)

    async def two_periods():
        task = asyncio.ensure_future(watch.keep())
        while clock.page.view.accepted < 2:
            await asyncio.sleep(0.05)
        task.cancel()

    asyncio.run(asyncio.wait_for(two_periods(), 120))
    status = judge(observe(Where()), load_limits("dev"), Where(), None)
    assert clock.page.view.record.source == int(status.record.source)
    assert len(said) == 1
    assert said[0].startswith("clock.known" if status.record.source else "clock.unsure")
