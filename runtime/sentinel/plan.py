"""The sentinel as the appliance plans it: its bounds, its key, its pages, its share of the budget.

Owns:    what it is told, the pages that outlive it, what is left of the rate for the lanes.
Refuses: its work (sentinel/process.py), starting it (supervisor.py).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from runtime._shm import ffi, lib
from runtime.pages.page import CONTROL_BYTES, Page

SENTINEL_BYTES = ffi.sizeof("hp_sentinel_page_t")
STALL_NS_MAX = 10_000_000_000
SCOPES = ("ours", "all")


@dataclass(frozen=True)
class Bounds:
    """When the sentinel trips; a bound of 0 is none.  The defaults are REQUIREMENTS H2."""

    lane_silence_ms_max: int = 5_000
    latency_ms_max: int = 10
    latency_blocking_ms_max: int = 1_000
    latency_window_s: int = 10
    latency_count_min: int = 100
    balance_drop_bps_max: int = 500
    balance_window_s: int = 60
    balance_every_s: int = 10
    clock_ms_max: int = 100
    clock_every_s: int = 5
    feed_silence_ms_max: int = 30_000
    supervisor_silence_ms_max: int = 15_000


@dataclass(frozen=True)
class Guard:
    """What a sentinel needs beside its bounds."""

    api_key: str
    key_path: Path
    bounds: Bounds = Bounds()
    budget_percent: int = 10
    connections: int = 4
    weight_per_minute: int = 2_400  # of the venue, for our address
    asset: str = "USDT"


def make_pages(deployment: str) -> list[Page]:
    """Make the pages that the sentinel writes: they, and its word, outlive its lives."""
    return [
        Page.make(
            deployment,
            "sentinel",
            "hp_sentinel_page_t",
            lib.HP_PAGE_SENTINEL,
            SENTINEL_BYTES,
        ),
        Page.make(
            deployment,
            "control.sentinel",
            "hp_control_page_t",
            lib.HP_PAGE_CONTROL,
            CONTROL_BYTES,
        ),
    ]


def lane_rate(rate: tuple[int, int, int], guard: Guard | None) -> list[int]:
    """Return what a lane may spend: the sentinel's share is taken from its bucket."""
    if guard is None:
        return list(rate)
    left = 100 - guard.budget_percent
    per_second, burst, reserve = rate
    return [max(1, per_second * left // 100), max(1, burst * left // 100), reserve]


def specification(
    guard: Guard,
    *,
    deployment: str,
    rest: str,
    ca: str | None,
    symbols: list[str],
    prefix: str,
    cancel_scope: str,
    bells: list[int],
    lanes: list[int],
    supervisor: int,
    refused_s: float,
) -> dict[str, Any]:
    """Return what the process is told.  refused_s: how long the venue refuses everything."""
    return {
        "deployment": deployment,
        "rest": rest,
        "ca": ca,
        "api_key": guard.api_key,
        "key_path": str(guard.key_path),
        "symbols": symbols,
        "prefix": prefix,
        "cancel_scope": cancel_scope,
        "lanes": lanes,
        "bells": bells,
        "supervisor": supervisor,
        "refused_s": refused_s,
        "connections": guard.connections,
        "weight_per_minute": guard.weight_per_minute * guard.budget_percent // 100,
        "weight_limit": guard.weight_per_minute,
        "asset": guard.asset,
        "bounds": asdict(guard.bounds),
    }
