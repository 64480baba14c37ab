"""What one run of an appliance is told.

Owns:    every setting with its default; limits in the units of the configuration.
Refuses: reading files (config/file.py), checking (config/keys.py), what follows from them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime._shm import lib
from runtime.config import archive, limits
from runtime.config.keys import Config
from runtime.lanes.spec import TTL
from runtime.sentinel.plan import Guard
from runtime.session import funds, quota
from tuning.time import Where

FLATTEN = {  # policy ioc
    "policy": int(lib.HP_FLATTEN_IOC),
    "band_bps": 30,
    "tries_max": 10,
    "wait_ms": 200,
    "time_ms_max": 30_000,
    "slice_e8_max": 0,
}


@dataclass
class Settings:
    """What one run is told."""

    deployment: str = "default"
    symbols: list[str] = field(default_factory=lambda: ["BTCUSDT"])
    lines: int = 1  # equal connections per market stream: the first good copy is used
    strategies: list[str] = field(default_factory=lambda: ["demo"])
    parameters: list[dict[str, Any]] = field(default_factory=lambda: [{}])  # one each
    topology: str = "auto"  # auto | fused | split
    spin: bool = True  # False: block also where cores would allow to spin
    core: int | None = None  # that the lane wants; None = by the topology
    lock: bool = True
    segment_bytes: int = 16 * 1024 * 1024
    segment_count: int = 4
    rate: tuple[int, int, int] = (25, 50, 10)
    quota: dict[str, int] = field(default_factory=lambda: dict(quota.RULE))
    cancel_again_ms: tuple[int, int] = (500, 8000)  # a cancel without an answer: first, at most
    inquiries: tuple[int, int] = (10, 10)  # about orders, of the whole lane: a second, burst
    terms: funds.Terms = field(default_factory=funds.Terms)  # leverage, margin, fees
    order_notional_max: int = 2_000  # quote units
    position_notional_max: int = 10_000
    open_orders_max: int = 10
    band_bps: int = 50
    sigma_tenths: int = 20  # -1: no limit, here and below
    sigma_alpha_percent: int = 20
    sigma_floor_bps: int = 50
    sigma_sample_ms: int = 1000
    typical_notional: int = 0
    typical_times_max: int = 10
    distance_bps_max: int = 500
    daily_volume: int = 0
    volume_share_bps_max: int = 100
    sessions: list[str] = field(default_factory=list)
    maintenance: list[str] = field(default_factory=list)
    scopes: dict[str, Any] = field(default_factory=lambda: limits.scopes(Config()))
    gate_policy: dict[str, Any] = field(default_factory=lambda: limits.gate_policy(Config()))
    overrides: dict[str, dict[str, Any]] = field(default_factory=dict)  # limits by symbol
    stale_ms: int | None = None  # None: the venue's own bound for quoting (limits.toml)
    read_lag_ms: int = 5000  # the venue's bound between doing and listing
    on_restart: str = "cancel"  # or "adopt": what becomes of a dead lane's working orders
    profile: str = "dev"  # of the host: which limits its clocks are held against
    clock_policy: str = "warn"  # off | warn | block new risk
    journal: Path | None = None  # folder that the journals are copied to
    archive: dict[str, Any] = field(default_factory=lambda: archive.rules(Config()))
    venue_stays: bool = False  # it was there before us: an archive tells of the same account
    durable: int = 0  # strategies whose orders wait for the disk, bits
    clock_ms_max: int = 50  # largest distance of CLOCK_REALTIME from UTC for new risk
    has_authority: bool = True  # lanes spend leased limits; False: their own, without an end
    limit_lease: dict[str, int] = field(
        default_factory=lambda: {
            "lease_ms": 1000,
            "renew_ms": 200,
            "floor_percent": 10,
            "hysteresis_percent": 10,
        }
    )
    cancel_scope: str = "ours"  # or "all": whose orders a cancel-all touches
    dead_man_ms: int = 0  # the venue's timer; 0 = none
    flatten: dict[str, int] = field(default_factory=lambda: dict(FLATTEN))  # Lane.set_flatten
    ttl: dict[str, Any] = field(default_factory=lambda: dict(TTL))  # Lane.put_ttl
    lease_ms: int = 0  # length of the sim provider's leader lease; 0 = nobody has to lead
    guard: Guard | None = None  # None: no sentinel watches
    clock_where: Where = field(default_factory=Where)  # sources of time, and which are trusted
