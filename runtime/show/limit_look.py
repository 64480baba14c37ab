"""The authority's page as figures: every limit of the deployment, and what lanes hold of it.

Owns:    hp_authority_page_t and the lease in a lane's page as parts of a snapshot, in base units.
Refuses: mapping pages (page_set.py), judging, layout for people.
"""

from __future__ import annotations

from typing import Any

from runtime._shm import ffi, lib
from runtime.authority.records import DIMENSIONS
from runtime.pages.page import is_alive
from runtime.pages.page_set import PageSet
from runtime.show import snapshot as shot

# figure -> (field of hp_limit_row_t that the lanes show, worst case of all leases, bound, units)
ROW = {
    "net_notional_quote": ("net_used_e8", "net_e8", "net_e8_max", 1e8),
    "gross_notional_quote": ("gross_used_e8", "gross_e8", "gross_e8_max", 1e8),
    "open_orders": ("open_used", "open_orders", "open_max", 1),
    "drawdown_ratio": ("drawdown_bps", "drawdown_bps", "drawdown_bps_max", 1e4),
}
LOSS = ("daily_loss_quote", "day_pnl_e8", "daily_loss_e8_max", 1e8)


def row(one: Any) -> shot.LimitRow:
    """Read one row; a bound that is none is absent."""
    used = {key: getattr(one, field) / unit for key, (field, _, _, unit) in ROW.items()}
    worst = {key: getattr(one, field) / unit for key, (_, field, _, unit) in ROW.items()}
    bounds = {
        key: getattr(one, bound) / unit
        for key, (_, _, bound, unit) in ROW.items()
        if getattr(one, bound) < lib.HP_LIMIT_NONE
    }
    name, pnl, bound, unit = LOSS
    used[name] = worst[name] = max(0, -getattr(one, pnl)) / unit
    if getattr(one, bound) < lib.HP_LIMIT_NONE:
        bounds[name] = getattr(one, bound) / unit
    return shot.LimitRow(
        f"{DIMENSIONS.get(one.dimension, 'unknown')}:{one.id}",
        used,
        worst,
        bounds,
        one.day_pnl_e8 / 1e8,
        bool(one.is_frozen),
        one.lane_count,
    )


class LimitLook:
    """Reads the authority's page of one deployment."""

    def __init__(self) -> None:
        self.page_copy: Any = ffi.new("hp_authority_page_t *")

    def authority(self, pages: PageSet, now: int) -> shot.Authority | None:
        view = pages.view("authority")
        if view is None or not pages.copy("authority", view, self.page_copy):
            return None
        c = self.page_copy
        count = min(c.limit_count, lib.HP_LEASED_LIMITS_MAX)
        beat = view.page.heartbeat_ns
        return shot.Authority(
            c.page.writer_pid,
            is_alive(c.page.writer_pid),
            max(0, now - beat) if beat else None,
            c.term,
            c.lease_ns,
            c.renewals,
            c.late,
            c.moves,
            c.freezes,
            [row(c.rows[n]) for n in range(count)],
        )


def lease(pages: PageSet, number: str, view: Any, now: int) -> shot.Lease | None:
    """Return the lease that a lane spends under; None where nobody lends it limits."""
    if pages.view(f"limits.{number}") is None:
        return None
    until = view.limit_until_ns
    return shot.Lease(view.limit_fence, until - now if until else None)
