"""Time on this host: what shows it, how good it is, and who may be told.

    from tuning.time import validate_ptp_sync
    status = validate_ptp_sync("bare-metal", rule="rts25-hft", between_s=1)
    print(status.verdict.name, status.record)

Nothing here sets, steps or slews a clock.
"""

from tuning.time.authority import TimeAuthority, TimeRecord, UtcStamp
from tuning.time.calls import coordinate_with_time_authority, validate_ptp_sync
from tuning.time.drift import DriftError, DriftMetrics, DriftMonitor, get_clock_drift
from tuning.time.hardware import HardwareTime, Quality, get_hardware_timestamp
from tuning.time.limits import LimitsError, load_limits
from tuning.time.packets import StampCheck, check_packet_stamps
from tuning.time.status import SyncStatus, TimeFacts, Where, judge, observe
from tuning.time.verdict import Check, Role, SourceKind, Verdict

__all__ = [
    "Check",
    "DriftError",
    "DriftMetrics",
    "DriftMonitor",
    "HardwareTime",
    "LimitsError",
    "Quality",
    "Role",
    "SourceKind",
    "StampCheck",
    "SyncStatus",
    "TimeAuthority",
    "TimeFacts",
    "TimeRecord",
    "UtcStamp",
    "Verdict",
    "Where",
    "check_packet_stamps",
    "coordinate_with_time_authority",
    "get_clock_drift",
    "get_hardware_timestamp",
    "judge",
    "load_limits",
    "observe",
    "validate_ptp_sync",
]
