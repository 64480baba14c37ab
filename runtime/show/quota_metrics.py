"""Metrics of the venue's quota: how much of each window is used, what was held back, refusals.

Owns:    the families corelane_quota_*.
Refuses: reckoning (the lane's page has the figures), other families (metrics.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from runtime._shm import lib
from runtime.pages import names
from runtime.show.family import Family, Labels, Value, numbered
from runtime.show.snapshot import Quota, QuotaWindow, Snapshot

WINDOWS = f"lanes x {lib.HP_QUOTAS_MAX}"


def venue(kind: str, name: str, text: str, read: Callable[[Quota], float]) -> Family:
    """A figure of one lane's venue; absent while no window is known."""

    def every(found: Snapshot) -> Iterator[tuple[Labels, Value]]:
        return (((one.number,), read(one.quota)) for one in found.lanes if one.quota)

    return Family(name, kind, text, ("lane",), "lanes", every)


def window(kind: str, name: str, text: str, read: Callable[[QuotaWindow], float | None]) -> Family:
    def every(found: Snapshot) -> Iterator[tuple[Labels, Value]]:
        for one in found.lanes:
            for row in one.quota.windows if one.quota else ():
                value = read(row)
                if value is not None:
                    yield (one.number, row.kind, str(row.length_s)), value

    return Family(name, kind, text, ("lane", "kind", "window_s"), WINDOWS, every)


def counted(name: str, text: str, label: str, size: int, field: str) -> Family:
    def every(found: Snapshot) -> Iterator[tuple[Labels, Value]]:
        for one in found.lanes:
            for key, value in getattr(one.quota, field).items() if one.quota else ():
                yield (one.number, key), value

    return Family(name, "counter", text, ("lane", label), f"lanes x {size}", every)


FAMILIES = [
    venue(
        "gauge",
        "quota_mode",
        f"Mode of the worst window of the venue's quota: {numbered(names.QUOTA_MODES)}.",
        lambda one: one.mode,
    ),
    window(
        "gauge",
        "quota_window_mode",
        f"Mode of one window: {numbered(names.QUOTA_MODES)}.",
        lambda one: one.mode,
    ),
    window(
        "gauge",
        "quota_used",
        "Used of a window: the venue's last figure and what was sent since.",
        lambda one: one.used,
    ),
    window("gauge", "quota_limit", "What the venue allows in a window.", lambda one: one.limit),
    window(
        "gauge",
        "quota_headroom",
        "Left of a window, the sentinel's share taken off.",
        lambda one: max(0, one.most - one.used),
    ),
    window(
        "gauge",
        "quota_figure_age_seconds",
        "Time since the venue last said what is used of a window; absent: never.",
        lambda one: None if one.told_age_ns is None else one.told_age_ns / 1e9,
    ),
    window("counter", "quota_figures", "Figures of the venue.", lambda one: one.told_count),
    venue(
        "gauge",
        "quota_stopped_seconds",
        "How long the venue refuses still (429, 418).",
        lambda one: one.stopped_ns / 1e9,
    ),
    counted("quota_refusals", "Refusals for the quota's sake, by status.", "status", 2, "refusals"),
    counted(
        "quota_held",
        "Requests that were not sent for the quota's sake, by rank.",
        "rank",
        len(names.QUOTA_RANKS),
        "held",
    ),
    venue("counter", "quota_mode_changes", "Changes of the mode.", lambda one: one.changes),
    venue(
        "counter",
        "quota_foreign_orders",
        "Orders that others placed at this account, as the user stream shows them.",
        lambda one: one.foreign,
    ),
]
