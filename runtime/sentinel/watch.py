"""What the sentinel looks at, and what is too much of it.

Owns:    the figures (heartbeats, latency, feeds, clock, equity, leases, the supervisor), their
         bounds, the sentence for a bound that is passed.
Refuses: acting, writing, asking the venue (sentinel/process.py brings its answers here).

Pages are read as they are, without a word to their writers: a lane that is stopped or dead is read
like any other.  A bound of 0 is none.
"""

from __future__ import annotations

import os
import select
import time
from array import array
from collections import deque
from typing import Any, NamedTuple

from runtime._shm import ffi, lib
from runtime.pages import page as pages
from runtime.pages.page import Page, PageError

MS = 1_000_000
FIGURES_S = 1.0  # between two looks at histograms and feeds
REMAP_S = 0.1
TICK_TO_TRADE = lib.HP_HOP_TICK_TO_TRADE
ENDED = (lib.HP_LANE_DRAINED, lib.HP_LANE_STOPPED)
LEAVING = lib.HP_WORD_DRAIN | lib.HP_WORD_STOP


class Trip(NamedTuple):
    """A bound that is passed."""

    trigger: int  # enum hp_trigger
    found: int
    wanted: int
    reason: str


class Mapped:
    """A page that another process may make anew: mapped while it is there, found again after."""

    def __init__(self, deployment: str, name: str, kind: str) -> None:
        self.deployment, self.name, self.kind = deployment, name, kind
        self.path = pages.SHM / pages.name(deployment, name)
        self.page: Page | None = None
        self.inode = 0

    def refresh(self) -> None:
        try:
            inode = os.stat(self.path).st_ino
        except OSError:
            return  # gone: what was mapped stays readable, its heartbeat only gets older
        if self.page is not None and inode == self.inode:
            return
        try:
            fresh = Page.open(self.deployment, self.name, self.kind)
        except (PageError, OSError, ValueError):
            return  # half made: the next look finds it whole
        if self.page is not None:
            self.page.close()
        self.page, self.inode = fresh, inode

    @property
    def view(self) -> Any:
        return None if self.page is None else self.page.view


class LaneWatch:
    """One lane: when it last beat, what its histogram gained."""

    def __init__(self, deployment: str, number: int) -> None:
        self.number = number
        self.mapped = Mapped(deployment, f"lane.{number}", "hp_lane_page_t")
        self.beat_ns = 0  # of whichever life
        self.counts: deque[tuple[float, array[int]]] = deque()
        self.inode = 0

    def latency(self, now_s: float, window_s: float) -> tuple[int, int]:
        """Return (p99 in ns, samples) of the last window of tick-to-trade."""
        view = self.mapped.view
        taken = array("Q")
        taken.frombytes(bytes(ffi.buffer(view.hops[TICK_TO_TRADE].buckets)))
        if self.inode != self.mapped.inode:  # another life: its counts begin at 0
            self.counts.clear()
            self.inode = self.mapped.inode
        self.counts.append((now_s, taken))
        while len(self.counts) > 2 and self.counts[1][0] <= now_s - window_s:
            self.counts.popleft()
        before = self.counts[0][1]
        gained = [after - was for after, was in zip(taken, before, strict=True)]
        count = sum(gained)
        above = count - (count * 99 + 99) // 100  # samples that may lie above
        for bucket in range(len(gained) - 1, -1, -1):
            above -= gained[bucket]
            if above < 0:
                return int(lib.hp_histogram_upper(bucket)), count
        return 0, count

    def feed_silence_ns(self, now: int) -> int:
        """Return how long the instrument that waits longest has had no book to be used."""
        view, worst = self.mapped.view, 0
        for n in range(1, min(view.instrument_count, lib.HP_LANE_INSTRUMENTS_MAX - 1) + 1):
            if view.tops[n].instrument == 0:
                continue
            feed = view.feeds[n]
            last = int(feed.last_ns[lib.HP_EVENT_DEPTH])
            if last == 0:
                continue  # it never spoke: the lane is still starting
            since = int(feed.blind_since_ns) or last
            worst = max(worst, now - min(since, last) if now > since else 0)
        return worst


class Watch:
    """All figures of one deployment against the bounds of its configuration."""

    def __init__(
        self, deployment: str, bounds: dict[str, int], lanes: list[int], supervisor: int
    ) -> None:
        self.bounds = bounds
        self.lanes = [LaneWatch(deployment, number) for number in lanes]
        self.clock = Mapped(deployment, "clock", "hp_clock_page_t")
        self.lease = Mapped(deployment, "lease", "hp_lease_page_t")
        self.operator = Mapped(deployment, "control.operator", "hp_control_page_t")
        self.supervisor = supervisor  # pidfd
        self.poll = select.poll()
        self.poll.register(supervisor, select.POLLIN)
        self.remapped_s = self.figures_s = 0.0
        self.lane_silence_ns = self.feed_silence_ns = 0
        self.latency_ns = self.latency_count = 0
        self.drift_ns = self.drift_unsure_ns = 0
        self.drifts = 0  # measurements over the bound, one after the other
        self.equity_e8 = self.equity_max_e8 = 0
        self.equities: deque[tuple[float, int]] = deque()
        self.pending: Trip | None = None  # found by an answer of the venue
        self.armed_lease = False

    def look(self, now: int) -> Trip | None:
        """Look at everything that costs no request; return the first bound that is passed."""
        now_s = now / 1e9
        if now_s - self.remapped_s >= REMAP_S:
            self.remapped_s = now_s
            for mapped in (*(lane.mapped for lane in self.lanes), self.clock, self.lease):
                mapped.refresh()
            self.operator.refresh()
        found = self.lost_supervisor(now) or self.silent_lane(now) or self.lost_lease(now)
        if found is None and now_s - self.figures_s >= FIGURES_S:
            self.figures_s = now_s
            found = self.slow_lane(now_s) or self.dead_feed(now) or self.wrong_clock()
        if found is None:
            found, self.pending = self.pending, None
        return found

    def is_leaving(self) -> bool:
        """Say whether a person, or the supervisor, has asked the lanes to leave."""
        view = self.operator.view
        return view is not None and bool(view.word & LEAVING)

    # -- processes -------------------------------------------------------------------------------

    def is_orphan(self) -> bool:
        return bool(self.poll.poll(0))

    def lost_supervisor(self, now: int) -> Trip | None:
        if self.is_orphan():
            return Trip(lib.HP_TRIGGER_SUPERVISOR, 0, 0, "the supervisor is dead")
        bound = self.bounds["supervisor_silence_ms_max"] * MS
        view = self.operator.view
        if not bound or view is None:
            return None
        silent = now - int(view.page.heartbeat_ns)
        if not view.page.heartbeat_ns or silent <= bound:
            return None
        return Trip(
            lib.HP_TRIGGER_SUPERVISOR,
            silent,
            bound,
            f"the supervisor has not moved for {silent / 1e9:.1f} s",
        )

    def silent_lane(self, now: int) -> Trip | None:
        self.lane_silence_ns = 0
        bound = self.bounds["lane_silence_ms_max"] * MS
        for lane in self.lanes:
            view = lane.mapped.view
            if view is None:
                continue
            lane.beat_ns = max(lane.beat_ns, int(view.page.heartbeat_ns))
            if lane.beat_ns == 0 or view.state in ENDED or self.is_leaving():
                continue
            silent = max(0, now - lane.beat_ns)
            self.lane_silence_ns = max(self.lane_silence_ns, silent)
            if bound and silent > bound:
                return Trip(
                    lib.HP_TRIGGER_LANE,
                    silent,
                    bound,
                    f"lane {lane.number} (pid {view.page.writer_pid}) has not turned for"
                    f" {silent / 1e9:.2f} s: dead, stuck or stopped",
                )
        return None

    def lanes_live(self) -> list[int]:
        """Return the pids of lanes that run or could run again."""
        out = []
        for lane in self.lanes:
            if lane.mapped.page is not None:
                header = lane.mapped.page.header
                if pages.lives(header.writer_pid, header.writer_start_ticks):
                    out.append(int(header.writer_pid))
        return out

    def lost_lease(self, now: int) -> Trip | None:
        view = self.lease.view
        if view is None or not view.lease.is_required:
            return None
        past = now - int(view.lease.until_ns)
        if past <= 0:
            return None
        holder = ffi.string(view.holder).decode(errors="replace")
        return Trip(
            lib.HP_TRIGGER_LEASE,
            past,
            0,
            f"the leader lease of epoch {view.lease.epoch} ended {past / 1e6:.0f} ms ago"
            f" (holder {holder})",
        )

    @property
    def lease_epoch(self) -> int:
        view = self.lease.view
        return 0 if view is None else int(view.lease.epoch)

    def turns(self) -> dict[int, tuple[int, int]]:
        """Return {lane: (its epoch, its turn now)}."""
        return {
            lane.number: (int(lane.mapped.view.page.epoch), int(lane.mapped.view.counters.turns))
            for lane in self.lanes
            if lane.mapped.view is not None
        }

    def turns_until_obeyed(self, marks: dict[int, tuple[int, int]]) -> dict[int, int | None]:
        """Return how many turns each lane began from the kill's writing to its obeying.

        0: in the turn that was going on, or it stood under a kill already; None: no turn after
        the mark has shown that it obeys.
        """
        out: dict[int, int | None] = {}
        for lane in self.lanes:
            view = lane.mapped.view
            if view is None:
                continue
            epoch, turn = marks.get(lane.number, (0, 0))
            turn = turn if epoch == view.page.epoch else 0  # a lane that came after the word
            looked = int(view.looked_turn) > turn  # read before the words that it vouches for
            obeyed = looked and view.words & lib.HP_WORD_KILL
            out[lane.number] = max(0, int(view.words_turn) - turn) if obeyed else None
        return out

    # -- figures ---------------------------------------------------------------------------------

    def slow_lane(self, now_s: float) -> Trip | None:
        self.latency_ns = self.latency_count = 0
        window_s = self.bounds["latency_window_s"]
        for lane in self.lanes:
            if lane.mapped.view is None:
                continue
            p99, count = lane.latency(now_s, window_s)
            if count < self.bounds["latency_count_min"]:
                continue
            if p99 > self.latency_ns:
                self.latency_ns, self.latency_count = p99, count
            spins = bool(lane.mapped.view.is_spinning)
            bound = MS * self.bounds["latency_ms_max" if spins else "latency_blocking_ms_max"]
            if bound and p99 > bound:
                return Trip(
                    lib.HP_TRIGGER_LATENCY,
                    p99,
                    bound,
                    f"lane {lane.number}: p99 tick-to-trade {p99 / 1e6:.2f} ms over {count} orders"
                    f" of {window_s} s; want at most {bound / 1e6:.0f} ms",
                )
        return None

    def dead_feed(self, now: int) -> Trip | None:
        self.feed_silence_ns = 0
        bound = self.bounds["feed_silence_ms_max"] * MS
        for lane in self.lanes:
            view = lane.mapped.view
            if view is None or view.state in ENDED or now - lane.beat_ns > 2_000_000_000:
                continue  # a lane that stands still has no feed to speak of
            silent = lane.feed_silence_ns(now)
            self.feed_silence_ns = max(self.feed_silence_ns, silent)
            if bound and silent > bound:
                return Trip(
                    lib.HP_TRIGGER_FEED,
                    silent,
                    bound,
                    f"lane {lane.number}: a book has been out of sequence or silent for"
                    f" {silent / 1e9:.1f} s",
                )
        return None

    def wrong_clock(self) -> Trip | None:
        """Judge by the time authority; the venue's clock comes through heard_time()."""
        bound, view = self.bounds["clock_ms_max"] * MS, self.clock.view
        if not bound or view is None:
            return None
        record = ffi.new("hp_clock_page_t *")
        if not lib.hp_seq_read(
            ffi.addressof(view, "seq"), view, record, ffi.sizeof("hp_clock_page_t"), 8
        ):
            return None
        its = record.record
        if its.source == lib.HP_CLOCK_SOURCE_NONE or time.monotonic_ns() > its.valid_until_ns:
            return None
        off = abs(int(its.offset_ns)) - int(its.uncertainty_ns)
        if off <= bound:
            return None
        return Trip(
            lib.HP_TRIGGER_CLOCK,
            off,
            bound,
            f"this host's clock is {its.offset_ns / 1e6:.1f} ms off UTC by its time authority",
        )

    def heard_time(self, venue_ns: int, answered_ns: int, took_ns: int) -> None:
        """Take the venue's time: it was read there within took_ns before answered_ns (UTC).

        took_ns is of the monotonic clock: the other may have been stepped since the question.
        """
        self.drift_ns = venue_ns - (answered_ns - took_ns // 2)
        self.drift_unsure_ns = took_ns // 2 + MS  # it tells whole milliseconds
        bound = self.bounds["clock_ms_max"] * MS
        off = abs(self.drift_ns) - self.drift_unsure_ns
        self.drifts = self.drifts + 1 if bound and off > bound else 0
        if self.drifts >= 2:
            self.pending = Trip(
                lib.HP_TRIGGER_CLOCK,
                off,
                bound,
                f"the venue's clock is {self.drift_ns / 1e6:+.1f} ms from ours,"
                f" known to {self.drift_unsure_ns / 1e6:.1f} ms",
            )

    def heard_equity(self, equity_e8: int, now_s: float) -> None:
        """Take the account's equity; hold it against the highest of the window."""
        self.equities.append((now_s, equity_e8))
        while self.equities[0][0] < now_s - self.bounds["balance_window_s"]:
            self.equities.popleft()
        self.equity_e8, self.equity_max_e8 = equity_e8, max(value for _, value in self.equities)
        bound = self.bounds["balance_drop_bps_max"]
        if not bound or self.equity_max_e8 <= 0:
            return
        drop = (self.equity_max_e8 - equity_e8) * 10_000 // self.equity_max_e8
        if drop > bound:
            self.pending = Trip(
                lib.HP_TRIGGER_BALANCE,
                drop,
                bound,
                f"equity fell by {drop / 100:.2f} % within {self.bounds['balance_window_s']} s:"
                f" {self.equity_max_e8 / 1e8:.2f} to {equity_e8 / 1e8:.2f}",
            )

    def forget(self) -> None:
        """Begin all windows anew: a person has seen what was in them."""
        self.equities.clear()
        self.drifts, self.pending = 0, None
        for lane in self.lanes:
            lane.counts.clear()
