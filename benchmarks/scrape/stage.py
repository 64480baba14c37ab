"""Pages of a deployment that never ran, with fixed figures: for the bench and tests of the scrape.

Owns:    lanes, journals, mail, clock and supervisor pages under a deployment name of the caller's.
Refuses: processes: writer_pid is the caller's own.
"""

from __future__ import annotations

import os
from typing import Any

from runtime._shm import ffi, lib
from runtime.authority import pages as limit_pages
from runtime.pages.page import CONTROL_BYTES, LANE_BYTES, SHM, Control, Mail, Page

NOW_NS = 10**15  # CLOCK_MONOTONIC of all figures


class Stage:
    """`with Stage("name", lanes=2, instruments=3) as stage`: pages until the block ends."""

    def __init__(self, deployment: str, lanes: int = 1, instruments: int = 2) -> None:
        self.deployment = deployment
        self.lanes = [self.lane(n, instruments) for n in range(lanes)]
        self.control = Control(deployment, "operator")
        self.clock = self.make_clock()
        self.host = self.make_host()
        self.supervisor = self.make_supervisor(lanes)
        self.sentinel = self.make_sentinel()
        self.authority = self.make_authority(lanes)
        self.pages: list[Page] = []

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        for path in SHM.glob(f"corelane.{self.deployment}.*"):
            path.unlink()

    def lane(self, number: int, instruments: int) -> Page:
        page = Page.make(
            self.deployment, f"lane.{number}", "hp_lane_page_t", lib.HP_PAGE_LANE, LANE_BYTES, 7
        )
        view = page.view
        view.lane, view.core, view.is_spinning, view.is_locked = number, number + 1, 1, 1
        view.state = lib.HP_LANE_ARMED
        view.started_ns, view.rss_bytes = NOW_NS - 60 * 10**9, 40 * 2**20
        view.page.heartbeat_ns = NOW_NS - 1_000_000
        c = view.counters
        for n, (name, field) in enumerate(ffi.typeof("hp_lane_counters_t").fields):
            if field.type.kind == "primitive":
                setattr(c, name, 1000 * (number + 1) + n)
        c.strategy_halted = c.unknown_now = c.mail_refused = c.fallbacks = 0
        for n in range(lib.HP_ORDER_STATE_COUNT):
            c.order_states[n] = n
        for n in range(lib.HP_VERDICT_COUNT):
            view.verdicts[n] = 3 * n
        for hop in range(lib.HP_HOP_COUNT):
            for value in (150, 900, 5_000 + hop, 70_000):
                lib.hp_histogram_record(ffi.addressof(view.hops, hop), value)
        lib.hp_histogram_record(ffi.addressof(view.hiccup, "gaps"), 12_000)
        view.instrument_count = instruments
        for k in range(instruments):
            self.instrument(view, k + 1, f"SYM{k}USDT")
        for n, scope in enumerate(((1, 0), (2, 0), (3, 0), (4, 1))):
            self.usage(view.usages[n], scope, 1 + n)
        for n in range(2):
            one = view.lines[n]
            one.wins, one.duplicates, one.held, one.unused = 900 + n, 800 + n, 70 + n, 60 + n
            one.lost, one.errors, one.isolations, one.returns = 50 + n, 4 + n, 3 + n, 2 + n
            one.late_ns, one.late_ns_mean = 1_500_000_000, 2_000_000
            one.score_bps, one.unheard = 9_500 + n, n
        for n, name in enumerate((b"USDT", b"BNB")):
            money = view.funds[n]
            money.asset, money.said_ns, money.refused = n + 1, NOW_NS, 2 + n
            ffi.memmove(money.name, name, len(name))
            money.reserved_e8 = [0, 250_000_000, 50_000_000]
            money.used_e8 = [0, 1_200_000_000, 0]
            money.total_e8 = (1000 + n) * 100_000_000
            money.free_e8 = money.total_e8 - 1_500_000_000
        q = view.quota
        q.mode, q.window_count = lib.HP_QUOTA_SLOW, 2
        q.refusals, q.held, q.changes, q.foreign = [2, 1], [9, 7, 3, 1], 5, 4
        for n, (kind, length, limit) in enumerate(((1, 60, 2400), (2, 10, 300))):
            row = q.rows[n]
            row.kind, row.length_s, row.limit, row.most = kind, length, limit, limit - 40
            row.mode, row.used, row.told_count = lib.HP_QUOTA_SLOW + 2 * n, limit // (n + 2), 80
            row.told_ns = NOW_NS - 250_000_000
        self.journal(number)
        for ring in ("mail.in", "mail.out", "log"):
            mail = Mail.make(self.deployment, f"{ring}.{number}", 4096)
            mail.put(lib.HP_MAIL_LOG, b"twelve bytes")
        return page

    @staticmethod
    def usage(one: Any, scope: tuple[int, int], times: int) -> None:
        """Use something of every limit; the first scope has no limit of open orders."""
        one.dimension, one.id = scope
        one.net_e8, one.net_e8_max = 150 * 10**8 * times, 1000 * 10**8
        one.gross_e8, one.gross_e8_max = 250 * 10**8 * times, 2000 * 10**8
        one.open_orders = times
        one.open_orders_max = 10 if times > 1 else lib.HP_LIMIT_NONE
        one.loss_e8, one.loss_e8_max = 10**7 * times, 500 * 10**8
        one.drawdown_bps, one.drawdown_bps_max = 12 * times, 1000
        one.failures, one.failures_max = times - 1, 3

    @staticmethod
    def instrument(view: Any, number: int, symbol: str) -> None:
        top, held = view.tops[number], view.positions[number]
        top.instrument, top.state = number, lib.HP_BOOK_SYNCED
        top.price_decimals, top.size_decimals = 2, 3
        top.contract, top.multiplier_e8 = lib.HP_CONTRACT_LINEAR, 10**8
        top.bid_ticks, top.bid_lots = 6_412_340 + number, 12
        top.ask_ticks, top.ask_lots = 6_412_350 + number, 7
        top.recv_ns = NOW_NS - 2_500_000
        ffi.memmove(top.symbol, symbol.encode(), len(symbol))
        held.lots[0] = held.venue_lots[0] = number - 2
        held.cost_e8[0] = held.lots[0] * 6_412_340_000_000 // 1000
        held.realised_e8, held.fees_e8 = 12_345_678_900, 100_000_000
        held.bought_lots, held.sold_lots = number, 2
        feed = view.feeds[number]
        feed.blind_ns, feed.blind_since_ns = 2_500_000_000, NOW_NS - 10**9
        feed.wanted[lib.HP_RESYNC_TOO_OLD] = 4
        feed.troubles[lib.HP_TROUBLE_SIGMA] = 3
        feed.stream_state[lib.HP_EVENT_DEPTH] = lib.HP_STREAM_SILENT
        feed.last_ns[lib.HP_EVENT_TRADE] = NOW_NS - 20_000_000
        feed.source, feed.lag_ns, feed.resyncs, feed.gaps = lib.HP_SOURCE_SECONDARY, 1_500, 5, 6
        feed.trade_gaps, feed.trades_missed, feed.trades_filled = 2, 11, 10
        feed.spare_polls, feed.spare_compared, feed.spare_equal = 9, 8, 7

    def journal(self, number: int) -> None:
        size = lib.HP_JOURNAL_HEAD_BYTES + 2 * 65536
        page = Page.make(
            self.deployment, f"journal.{number}", "hp_page_t", lib.HP_PAGE_JOURNAL, size, 7
        )
        head = ffi.cast("hp_journal_head_t *", page.header + 1)
        head.segment_bytes, head.segment_count, head.epoch = 65536, 2, 7
        head.published, head.sequence, head.overwritten = 200_000, 900, 2
        head.archived = 2**64 - 1

    def make_clock(self) -> Page:
        size = ffi.sizeof("hp_clock_page_t")
        page = Page.make(self.deployment, "clock", "hp_clock_page_t", lib.HP_PAGE_CLOCK, size)
        r = page.view.record
        r.offset_ns, r.uncertainty_ns, r.growth_ppb = -1_500, 2_000, 1_000
        r.taken_ns, r.valid_until_ns = NOW_NS - 10**9, NOW_NS + 60 * 10**9
        r.source, r.is_traceable = lib.HP_CLOCK_SOURCE_NTP, 1
        page.view.accepted = 61
        return page

    def make_host(self) -> Page:
        size = ffi.sizeof("hp_host_page_t")
        page = Page.make(self.deployment, "host", "hp_host_page_t", lib.HP_PAGE_HOST, size)
        view = page.view
        view.fingerprint, view.fitness_permille, view.coverage_permille = 0xABCDEF012345, 875, 910
        for n in range(lib.HP_KNOB_STATE_COUNT):
            view.states[n] = n
        view.critical, view.drifts, view.polls, view.checked_ns = 1, 2, 3, NOW_NS - 10**10
        ffi.memmove(view.profile, b"small-vm", 8)
        return page

    def make_authority(self, lanes: int) -> Page:
        """One limit of the account; a lease of 700 ms for each lane."""
        page = Page.make(
            self.deployment,
            "authority",
            "hp_authority_page_t",
            lib.HP_PAGE_AUTHORITY,
            ffi.sizeof("hp_authority_page_t"),
        )
        view = page.view
        view.page.heartbeat_ns = NOW_NS - 30_000_000
        view.term, view.lease_ns, view.renewals, view.late = 3, 10**9, 500, 2
        view.moves, view.freezes, view.limit_count = 7, 1, 1
        row = view.rows[0]
        row.dimension, row.lane_count = lib.HP_DIMENSION_ACCOUNT, lanes
        row.net_used_e8, row.net_e8, row.net_e8_max = 3 * 10**10, 9 * 10**10, 10**11
        row.gross_used_e8, row.gross_e8, row.gross_e8_max = 5 * 10**10, 2 * 10**11, 2 * 10**11
        row.open_used, row.open_orders, row.open_max = 4, 40, 40
        row.day_pnl_e8, row.daily_loss_e8_max = -25 * 10**8, 500 * 10**8
        row.drawdown_bps, row.drawdown_bps_max = 12, lib.HP_LIMIT_NONE
        for n in range(lanes):
            limit_pages.make(self.deployment, n)
            self.lanes[n].view.limit_fence = (3 << 32) + n
            self.lanes[n].view.limit_until_ns = NOW_NS + 700_000_000
        return page

    def make_sentinel(self) -> Page:
        size = ffi.sizeof("hp_sentinel_page_t")
        page = Page.make(
            self.deployment, "sentinel", "hp_sentinel_page_t", lib.HP_PAGE_SENTINEL, size
        )
        view = page.view
        view.page.heartbeat_ns = NOW_NS - 50_000_000
        view.state, view.trigger, view.scope = (
            lib.HP_SENTINEL_WATCHING,
            lib.HP_TRIGGER_DRILL,
            1,
        )
        view.caused_ns = view.tripped_ns = NOW_NS - 90 * 10**9
        view.confirmed_ns = view.drill_ns = view.caused_ns + 43_000_000
        view.drill_took_ns = 43_000_000
        view.trips[lib.HP_TRIGGER_DRILL] = 1
        lib.hp_histogram_record(ffi.addressof(view, "confirm"), 43_000_000)
        view.requests, view.request_failures, view.weight_spent, view.overdrafts = 60, 1, 130, 2
        view.lane_silence_ns, view.feed_silence_ns = 2_000_000, 40_000_000
        view.latency_ns, view.latency_count = 90_000, 400
        view.clock_ns, view.clock_unsure_ns = -300_000, 1_200_000
        view.equity_e8, view.equity_max_e8 = 999_500_000_000, 10**12
        view.venue_ns, view.connections = NOW_NS - 10**9, 4
        return page

    def make_supervisor(self, lanes: int) -> Page:
        size = ffi.sizeof("hp_supervisor_page_t")
        page = Page.make(
            self.deployment, "supervisor", "hp_supervisor_page_t", lib.HP_PAGE_SUPERVISOR, size
        )
        view = page.view
        view.started_ns, view.load_permille = NOW_NS - 61 * 10**9, 1_250
        view.memory_total_bytes, view.memory_available_bytes = 8 * 2**30, 5 * 2**30
        view.shm_free_bytes, view.disk_free_bytes = 2**30, 50 * 2**30
        view.topology = b"fused"
        view.degraded = b"no huge pages: the journal ring uses 4 KiB pages\n"
        table = [("supervisor", lib.HP_PROCESS_SUPERVISOR), ("session", lib.HP_PROCESS_SESSION)]
        table += [(f"lane-{n}", lib.HP_PROCESS_LANE) for n in range(lanes)]
        for n, (name, role) in enumerate(table[: lib.HP_PROCESSES_MAX]):
            p = view.processes[n]
            p.name, p.role, p.state = name.encode(), role, lib.HP_PROCESS_RUNNING
            p.pid, p.core, p.epoch, p.starts = os.getpid(), n - 1, 7, n + 1
            p.started_ns, p.heartbeat_ns = NOW_NS - 60 * 10**9, NOW_NS - 5_000_000
            p.rss_bytes, p.cpu_ns = (20 + n) * 2**20, (n + 1) * 10**9
            p.exits[lib.HP_EXIT_KILLED] = n
            p.last_cause = lib.HP_EXIT_KILLED if n else lib.HP_EXIT_NONE
            view.process_count = n + 1
        return page

    def more_control(self, writer: str) -> None:
        Page.make(
            self.deployment,
            f"control.{writer}",
            "hp_control_page_t",
            lib.HP_PAGE_CONTROL,
            CONTROL_BYTES,
        )
