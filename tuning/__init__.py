"""The host's baseline: looked at, changed, verified by effect, put back, watched.

Owns:    the public calls below; everything else in this package is how they do it.
Refuses: trading, configuration of the appliance, and any import of the other packages.

    validate_system_baseline()   every knob, judged           -> SystemHealth
    get_cpu_affinity_config()    cores and their roles        -> CPUConfig
    get_network_optimization()   cards and the stack          -> NetworkConfig
    get_memory_layout()          nodes, pages, locks          -> MemoryConfig
    check_realtime_capability()  priority, locking, throttle  -> RTStatus
    benchmark_latency()          jitter of the cores          -> LatencyProfile (tuning.jitter)
    one_click_health_check()     all of it in one answer      -> BaselineStatus
    get_hardware_timestamp(), validate_ptp_sync(), get_clock_drift(),
    coordinate_with_time_authority()                          time (tuning.time)
    fingerprint()                what figures depend on       -> Fingerprint
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "BaselineStatus": "tuning.answers",
    "CPUConfig": "tuning.answers",
    "Fingerprint": "tuning.fingerprints",
    "MemoryConfig": "tuning.answers",
    "NetworkConfig": "tuning.answers",
    "RTStatus": "tuning.answers",
    "SystemHealth": "tuning.answers",
    "benchmark_latency": "tuning.health",
    "check_realtime_capability": "tuning.health",
    "get_cpu_affinity_config": "tuning.health",
    "get_memory_layout": "tuning.health",
    "get_network_optimization": "tuning.health",
    "one_click_health_check": "tuning.health",
    "validate_system_baseline": "tuning.health",
    "coordinate_with_time_authority": "tuning.time",
    "fingerprint": "tuning.health",
    "get_clock_drift": "tuning.time",
    "get_hardware_timestamp": "tuning.time",
    "validate_ptp_sync": "tuning.time",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: the holder and the guard need little of this."""
    if name not in _HOME:
        raise AttributeError(f"module 'tuning' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
