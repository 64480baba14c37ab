"""How fast clocks run apart, from many readings and in spite of the bad ones.

Owns:    Theil-Sen slopes (median of the slopes of all pairs), residuals, steps, a sampler.
Refuses: correcting anything.  A slope whose own error is larger than itself says so through
         `error_ppb`.
"""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from tuning.time.hardware import Quality, get_hardware_timestamp
from tuning.time.kernel import Instant, read_instant, read_kernel

POINTS_MAX = 300  # pairs grow with the square: 300 points make 45,000
STEP_NS = 1_000
NORMAL = 1.4826  # median absolute deviation -> standard deviation


class DriftError(ValueError):
    """There are too few readings for a slope."""


@dataclass(frozen=True)
class Slope:
    ppb: float
    error_ppb: float  # standard error, from the spread of the residuals
    residual_ns: float  # spread of the readings around the line
    offset_ns: int  # of the line at the last reading
    points: int
    span_s: float


@dataclass(frozen=True)
class Sample:
    instant: Instant
    phc_minus_system_ns: int | None = None


@dataclass(frozen=True)
class DriftMetrics:
    """Clocks against each other over one window."""

    window_s: float
    samples: int
    system_vs_raw: Slope  # CLOCK_REALTIME against the unsteered oscillator; steps are taken out
    phc_vs_system: Slope | None  # None = no hardware clock
    kernel_frequency_ppm: float
    steps: tuple[int, ...]  # nanoseconds by which CLOCK_REALTIME jumped
    reason: str = ""  # why there is no hardware slope


def thin(points: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Take evenly spread points, first and last among them."""
    if len(points) <= POINTS_MAX:
        return list(points)
    last = len(points) - 1
    return [points[round(i * last / (POINTS_MAX - 1))] for i in range(POINTS_MAX)]


def theil_sen(points: Sequence[tuple[int, int]]) -> Slope:
    """Fit y over x (both in nanoseconds) by the median of all pairwise slopes.

    Up to 29 % of the points may be arbitrarily wrong.  Raises DriftError for fewer than three
    points in time.
    """
    used = thin(sorted(set(points)))
    slopes = [
        (y2 - y1) / (x2 - x1)
        for i, (x1, y1) in enumerate(used)
        for x2, y2 in used[i + 1 :]
        if x2 > x1
    ]
    if len(used) < 3 or not slopes:
        raise DriftError(f"{len(used)} readings; want at least 3 at different times")
    slope = statistics.median(slopes)
    x0, y0 = used[0]
    level = statistics.median(y - y0 - slope * (x - x0) for x, y in used)
    residuals = [abs(y - y0 - slope * (x - x0) - level) for x, y in used]
    spread = NORMAL * statistics.median(residuals)
    span = used[-1][0] - x0
    return Slope(
        ppb=slope * 1e9,
        error_ppb=spread / span * (12 / len(used)) ** 0.5 * 1e9,
        residual_ns=spread,
        offset_ns=y0 + round(level + slope * span),
        points=len(points),
        span_s=span / 1e9,
    )


def find_steps(instants: Sequence[Instant]) -> list[tuple[int, int]]:
    """Return (position, jump) where CLOCK_REALTIME was set between two readings."""
    out = []
    for position in range(1, len(instants)):
        now, before = instants[position], instants[position - 1]
        jump = (now.realtime_ns - now.monotonic_ns) - (before.realtime_ns - before.monotonic_ns)
        if abs(jump) > STEP_NS + now.width_ns + before.width_ns:
            out.append((position, jump))
    return out


class DriftMonitor:
    """Collects readings and gives slopes over the newest part of them."""

    def __init__(self, capacity: int = 1_200) -> None:
        self.samples: deque[Sample] = deque(maxlen=capacity)
        self.reason = ""

    def take(self) -> Sample:
        """Read all clocks once."""
        hardware = get_hardware_timestamp()
        offset = None
        if hardware.quality is not Quality.NONE:
            offset = hardware.ns - hardware.system_ns
        self.reason = hardware.reason
        sample = Sample(read_instant(), offset)
        self.samples.append(sample)
        return sample

    def metrics(self, window_s: float = 600.0) -> DriftMetrics:
        """Return the drift over the newest `window_s` seconds.  Raises DriftError."""
        if not self.samples:
            raise DriftError("0 readings; want at least 3 at different times")
        newest = self.samples[-1].instant.raw_ns
        used = [one for one in self.samples if newest - one.instant.raw_ns <= window_s * 1e9]
        instants = [one.instant for one in used]
        steps = find_steps(instants)
        jumps = dict(steps)
        total, points = 0, []
        for position, one in enumerate(instants):
            total += jumps.get(position, 0)
            points.append((one.raw_ns, one.realtime_ns - one.raw_ns - total))
        paired = [
            (one.instant.raw_ns, one.phc_minus_system_ns)
            for one in used
            if one.phc_minus_system_ns is not None
        ]
        return DriftMetrics(
            window_s=window_s,
            samples=len(used),
            system_vs_raw=theil_sen(points),
            phc_vs_system=theil_sen(paired) if len(paired) >= 3 else None,
            kernel_frequency_ppm=read_kernel().frequency_ppm,
            steps=tuple(jump for _, jump in steps),
            reason=self.reason,
        )


def get_clock_drift(
    seconds: float = 2.0, interval: float = 0.05, monitor: DriftMonitor | None = None
) -> DriftMetrics:
    """Read the clocks for `seconds` and return how they run apart.

    A monitor that was fed before gives the same over its own, longer window (60 s and 600 s tell
    more than 2 s).  Raises DriftError.
    """
    if monitor is not None:
        return monitor.metrics()
    monitor = DriftMonitor()
    end = time.monotonic() + seconds
    while True:
        monitor.take()
        if time.monotonic() >= end:
            return monitor.metrics()
        time.sleep(min(interval, seconds / 20))
