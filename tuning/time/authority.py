"""What time it is, how sure that is, and until when it may be said.

Owns:    the record {offset, uncertainty, source, valid until} that the gate reads, the holder of
         the newest record, UTC stamps made from it.
Refuses: measuring.  A record that is no longer valid gives no UTC: the stamp then says so.

The time authority process writes the record to the clock page; anything with `accept(record)` can
stand in for the holder here.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Protocol

from tuning.time.hardware import get_hardware_timestamp
from tuning.time.verdict import SourceKind

NS = 1_000_000_000


@dataclass(frozen=True)
class TimeRecord:
    """One agreed reading.  All instants are CLOCK_MONOTONIC of this boot."""

    offset_ns: int  # CLOCK_REALTIME minus UTC; + = ours is fast
    uncertainty_ns: int  # at taken_ns
    source: SourceKind
    traceable: bool
    taken_ns: int
    valid_until_ns: int  # 0 = never was valid
    growth_ppb: int = 0
    reason: str = ""  # why there is no source

    def is_valid(self, now_ns: int) -> bool:
        return self.source is not SourceKind.NONE and self.taken_ns <= now_ns < self.valid_until_ns

    def uncertainty_at(self, now_ns: int) -> int:
        """Return the uncertainty, grown since the record was taken."""
        age = max(0, now_ns - self.taken_ns)
        return self.uncertainty_ns + -(-age * self.growth_ppb // NS)

    def divergence_at(self, now_ns: int) -> int:
        """Return the greatest possible distance of CLOCK_REALTIME from UTC."""
        return abs(self.offset_ns) + self.uncertainty_at(now_ns)


def no_record(reason: str) -> TimeRecord:
    """Return the record that says: nobody knows."""
    return TimeRecord(0, 0, SourceKind.NONE, False, time.monotonic_ns(), 0, 0, reason)


@dataclass(frozen=True)
class UtcStamp:
    ns: int  # CLOCK_REALTIME with the offset taken out
    uncertainty_ns: int | None  # None = not UTC, only this machine's clock
    traceable: bool
    source: SourceKind


class Authority(Protocol):
    def accept(self, record: TimeRecord) -> bool:
        """Take a record; return whether time is known after it."""


class TimeAuthority:
    """Holds the newest record of this process."""

    def __init__(self) -> None:
        nothing = no_record("nothing was accepted yet")
        self.record = replace(nothing, taken_ns=0)  # any record is newer
        self.accepted = 0
        self.refused = 0

    def accept(self, record: TimeRecord) -> bool:
        """Take a newer record.  One without a source takes the permit away at once."""
        now = time.monotonic_ns()
        if record.taken_ns < self.record.taken_ns or record.taken_ns > now:
            self.refused += 1
            return False
        self.record = record
        self.accepted += 1
        return record.is_valid(now)

    def get_hardware_timestamp(self) -> int:
        """Return the hardware clock's nanoseconds, 0 when there is none."""
        return get_hardware_timestamp().ns

    def get_processing_time(self) -> UtcStamp:
        """Return now as UTC, with how sure that is."""
        now, real = time.monotonic_ns(), time.time_ns()
        record = self.record
        if not record.is_valid(now):
            return UtcStamp(real, None, False, SourceKind.NONE)
        uncertainty = record.uncertainty_at(now)
        return UtcStamp(real - record.offset_ns, uncertainty, record.traceable, record.source)

    def detect_clock_drift(self) -> float:
        """Return the greatest possible distance from UTC in milliseconds; infinity if unknown."""
        now = time.monotonic_ns()
        return self.record.divergence_at(now) / 1e6 if self.record.is_valid(now) else math.inf
