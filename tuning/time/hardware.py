"""One time stamp from a network card's clock, with its quality.

Owns:    the choice of the card, the cross stamp, the refusal of a clock that stands still.
Refuses: passing a software time off as a hardware one: without a clock the stamp has quality NONE
         and 0 nanoseconds, and says why.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from tuning._host import ffi, lib
from tuning.time.phc import CrossMethod, find_phcs, interfaces_of, read_cross

ROOT = Path("/")


class Quality(IntEnum):
    """How a stamp was made; a greater one is better."""

    NONE = 0
    SOFTWARE = 1  # only when it was asked for
    HARDWARE_READ = 2
    HARDWARE_EXTENDED = 3
    HARDWARE_PRECISE = 4


QUALITIES = {
    CrossMethod.READ: Quality.HARDWARE_READ,
    CrossMethod.EXTENDED: Quality.HARDWARE_EXTENDED,
    CrossMethod.PRECISE: Quality.HARDWARE_PRECISE,
}


@dataclass(frozen=True)
class HardwareTime:
    ns: int  # of the hardware clock, in its own time scale (TAI when disciplined by PTP)
    system_ns: int  # CLOCK_REALTIME at the same instant
    monotonic_ns: int  # CLOCK_MONOTONIC right after
    width_ns: int  # room for error of the pair
    quality: Quality
    device: str = ""
    reason: str = ""  # why there is no hardware stamp


def choose_device(root: Path) -> Path | None:
    """Return the first clock that belongs to a network card, otherwise the first of all."""
    found = find_phcs(root)
    carded = [index for index in found if interfaces_of(index, root)]
    chosen = (carded or found)[:1]
    return root / f"dev/ptp{chosen[0]}" if chosen else None


def without_hardware(reason: str, device: str, software: bool) -> HardwareTime:
    now = time.time_ns() if software else 0
    quality = Quality.SOFTWARE if software else Quality.NONE
    return HardwareTime(now, time.time_ns(), time.monotonic_ns(), 0, quality, device, reason)


def get_hardware_timestamp(
    device: str | None = None, *, software: bool = False, root: Path = ROOT
) -> HardwareTime:
    """Read a hardware clock and the system clock together.

    `software=True` allows a system time in its place, marked as such.  Never raises for a clock
    that is absent, may not be opened or stands still.
    """
    path = Path(device) if device else choose_device(root)
    if path is None:
        return without_hardware("no PTP hardware clock on this host", "", software)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        return without_hardware(f"{path}: {error.strerror}", str(path), software)
    try:
        cross, error_text = read_cross(descriptor)
        again: Any = ffi.new("int64_t *")
        failed = lib.host_phc_time(descriptor, again)
        monotonic = time.monotonic_ns()
    finally:
        os.close(descriptor)
    if cross is None:
        return without_hardware(f"{path}: {error_text}", str(path), software)
    if failed or again[0] <= cross.phc_ns:
        return without_hardware(f"{path}: the clock stands still", str(path), software)
    quality = QUALITIES[cross.method]
    return HardwareTime(
        cross.phc_ns, cross.system_ns, monotonic, cross.width_ns, quality, str(path)
    )
