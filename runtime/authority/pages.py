"""The pages between the authority and the lanes: leases out, evidence in.

Owns:    writing a lease (table first, then the lease that names it), reading what a lane shows.
Refuses: making limits pages (the supervisor does: they outlive the authority), deciding.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from runtime._shm import ffi, lib
from runtime.authority.leases import Amounts, Bound, Heard
from runtime.authority.records import Key, Record, fill
from runtime.pages.page import Page

LIMITS_BYTES = ffi.sizeof("hp_limits_page_t")
LEASED_MAX = lib.HP_LEASED_LIMITS_MAX
OVER = (lib.HP_LANE_DRAINED, lib.HP_LANE_STOPPED)


def make(deployment: str, lane: int) -> Page:
    """Make a lane's limits page, empty: no lease stands in it."""
    return Page.make(
        deployment, f"limits.{lane}", "hp_limits_page_t", lib.HP_PAGE_LIMITS, LIMITS_BYTES
    )


class LeasePage:
    """One lane's limits page and its one writer: this process."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.view = page.view
        page.own()
        for name in ("seq", "table_seq"):  # a writer that was killed inside left it odd
            seq = ffi.addressof(self.view, name)
            if int(seq[0]) % 2:
                lib.hp_seq_end(seq)

    @property
    def until_ns(self) -> int:
        """The end of the last lease that stood there, by whoever wrote it."""
        return int(self.view.lease.until_ns)

    def put(self, records: list[tuple[Key, Record]], fence: int) -> None:
        """Write the limits that the lease of this fence will name."""
        if len(records) > LEASED_MAX:
            raise ValueError(f"{len(records)} limits; a lease carries at most {LEASED_MAX}")
        seq = ffi.addressof(self.view, "table_seq")
        lib.hp_seq_begin(seq)
        for n, (key, figures) in enumerate(records):
            fill(ffi.addressof(self.view.limits, n), key, figures)
        self.view.limit_count = len(records)
        self.view.table_fence = fence
        lib.hp_seq_end(seq)

    def lease(self, fence: int, until_ns: int) -> None:
        """Publish, or prolong, the lease of this fence; its end never moves back."""
        seq = ffi.addressof(self.view, "seq")
        lib.hp_seq_begin(seq)
        self.view.lease.fence = fence
        self.view.lease.until_ns = max(until_ns, self.until_ns)
        self.view.lease.is_required = 1
        self.view.renewals += 1
        lib.hp_seq_end(seq)
        self.page.header.heartbeat_ns = lib.hp_mono_ns()


@dataclass
class Use:
    """What a lane shows of one limit."""

    net_e8: int
    gross_e8: int
    open_orders: int
    pnl_e8: int
    day_pnl_e8: int
    refused: int


@dataclass
class Shown:
    """What a lane's page shows: evidence for the leases, and figures for the totals."""

    heard: Heard
    is_alive: bool
    uses: dict[Key, Use] = field(default_factory=dict)


def read_lane(page: Any, is_alive: bool) -> Shown:
    """Read a lane's page: fence and turn first, what is used after them."""
    fence = lib.hp_load_acquire(ffi.addressof(page, "limit_fence"))
    turn_ns = lib.hp_load_acquire(ffi.addressof(page, "limit_turn_ns"))
    is_open = bool(page.is_open)
    uses: dict[Key, Use] = {}
    used: Amounts = {}
    for n in range(min(page.limit_use_count, LEASED_MAX)):
        use = page.uses[n]
        key = Key(use.dimension, use.id)
        uses[key] = Use(
            use.net_e8, use.gross_e8, use.open_orders, use.pnl_e8, use.day_pnl_e8, use.refused
        )
        used[Bound(*key, "net")] = use.net_e8
        used[Bound(*key, "gross")] = use.gross_e8
        used[Bound(*key, "open")] = use.open_orders
    counters = page.counters
    is_over = (
        page.state in OVER
        and not is_alive
        and counters.open_orders == 0
        and counters.unknown_now == 0
        and turn_ns > 0
    )
    heard = Heard(page.page.epoch, fence, turn_ns, is_open, is_over, used)
    return Shown(heard, is_alive, uses)
