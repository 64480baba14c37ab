"""Clocks in network cards (PHC): finding, reading, comparing with the system clock.

Owns:    devices and their interfaces, capabilities, cross stamps, the proof that a clock runs,
         pulse-per-second devices.
Refuses: setting clocks or filters; passing a software time off as a hardware one.

Opening /dev/ptpN needs a permission that ordinary users lack: then `error` says so.  Cloud cards
limit how often they may be read (ENA: 125 a second); one reading here takes three reads.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from tuning._host import ffi, lib
from tuning.time.kernel import read_instant

ROOT = Path("/")
ALIVE_S = 0.05
ALIVE_PPM = 500
SOF_TX_HARDWARE, SOF_RX_HARDWARE, SOF_RAW_HARDWARE = 1, 4, 64
# Clocks of virtual machines: they show the host's UTC, not TAI.
UTC_CLOCKS = ("KVM virtual PTP", "hyperv")


class CrossMethod(IntEnum):
    """How a PHC and the system clock were read together; a greater one is better."""

    NONE = 0
    READ = 1
    EXTENDED = 2
    PRECISE = 3


@dataclass(frozen=True)
class Cross:
    phc_ns: int
    system_ns: int
    width_ns: int
    method: CrossMethod

    @property
    def offset_ns(self) -> int:
        return self.phc_ns - self.system_ns


@dataclass(frozen=True)
class Stamping:
    """What an interface can stamp, and whether its receive filter is on."""

    flags: int
    phc_index: int
    rx_filter: int | None  # None = the driver cannot say

    @property
    def is_hardware(self) -> bool:
        need = SOF_TX_HARDWARE | SOF_RX_HARDWARE | SOF_RAW_HARDWARE
        return self.phc_index >= 0 and self.flags & need == need


@dataclass(frozen=True)
class PhcFacts:
    device: str
    name: str
    interfaces: tuple[str, ...]
    error: str = ""  # why nothing below is known
    cross: Cross | None = None
    frequency_ppm: float | None = None
    rate_ppm: float | None = None  # against the raw system clock; None = not looked at
    is_alive: bool = False
    error_bound_ns: int | None = None  # what the cloud provider promises
    stamping: Stamping | None = None

    @property
    def shows_utc(self) -> bool:
        return any(word in self.name for word in UTC_CLOCKS)


@dataclass(frozen=True)
class PpsFacts:
    device: str
    age_s: float | None  # of the last pulse; None = none was seen


def read_stamping(interface: str) -> Stamping | None:
    """Ask an interface what it can stamp; None when it does not answer."""
    record = ffi.new("host_stamping_t *")
    if lib.host_stamping(interface.encode(), record):
        return None
    return Stamping(
        record.so_timestamping,
        record.phc_index,
        None if record.config_error else record.rx_filter,
    )


def read_cross(descriptor: int) -> tuple[Cross | None, str]:
    """Read a PHC and the system clock together by the best method that the driver has."""
    record = ffi.new("host_cross_t *")
    error = 0
    for method in (CrossMethod.PRECISE, CrossMethod.EXTENDED, CrossMethod.READ):
        error = lib.host_phc_cross(descriptor, int(method), record)
        if error == 0:
            return Cross(record.phc_ns, record.system_ns, record.width_ns, method), ""
    return None, os.strerror(-error)


def measure_rate(descriptor: int, seconds: float = ALIVE_S) -> float | None:
    """Return by how many ppm a PHC runs fast against the raw clock; None when it cannot be read."""

    def pair() -> tuple[int, int] | None:
        ns: Any = ffi.new("int64_t *")
        before = read_instant().raw_ns
        if lib.host_phc_time(descriptor, ns):
            return None
        return int(ns[0]), (before + read_instant().raw_ns) // 2

    first = pair()
    time.sleep(seconds)
    second = pair()
    if first is None or second is None:
        return None
    passed = second[1] - first[1]
    return (second[0] - first[0] - passed) * 1e6 / passed


def interfaces_of(index: int, root: Path) -> tuple[str, ...]:
    """Return the interfaces whose card holds clock `index`."""
    found = (root / "sys/class/net").glob(f"*/device/ptp/ptp{index}")
    return tuple(sorted(path.parts[-4] for path in found))


def error_bound(root: Path, interfaces: tuple[str, ...]) -> int | None:
    """Return the error bound that a cloud card publishes (ENA: phc_error_bound)."""
    for interface in interfaces:
        try:
            text = (root / f"sys/class/net/{interface}/device/phc_error_bound").read_text()
            return int(text)
        except (OSError, ValueError):
            continue
    return None


def read_phc(index: int, root: Path = ROOT) -> PhcFacts:
    """Take one reading of clock `index`."""
    device = root / f"dev/ptp{index}"
    try:
        name = (root / f"sys/class/ptp/ptp{index}/clock_name").read_text().strip()
    except OSError:
        name = "unknown"
    interfaces = interfaces_of(index, root)
    try:
        descriptor = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        return PhcFacts(str(device), name, interfaces, f"{device}: {error.strerror}")
    try:
        cross, error_text = read_cross(descriptor)
        timex = ffi.new("host_timex_t *")
        has_frequency = lib.host_phc_frequency(descriptor, timex) == 0
        rate = measure_rate(descriptor)
    finally:
        os.close(descriptor)
    return PhcFacts(
        device=str(device),
        name=name,
        interfaces=interfaces,
        error=error_text,
        cross=cross,
        frequency_ppm=timex.freq_ppm_q16 / 65536 if has_frequency else None,
        rate_ppm=rate,
        is_alive=rate is not None and abs(rate) <= ALIVE_PPM,
        error_bound_ns=error_bound(root, interfaces),
        stamping=read_stamping(interfaces[0]) if interfaces and root == ROOT else None,
    )


def find_phcs(root: Path = ROOT) -> list[int]:
    names = [path.name for path in (root / "sys/class/ptp").glob("ptp[0-9]*")]
    return sorted(int(name[3:]) for name in names if name[3:].isdigit())


def read_pps(root: Path = ROOT) -> tuple[PpsFacts, ...]:
    """Return the age of the last pulse of each pulse-per-second device."""
    out = []
    for path in sorted((root / "sys/class/pps").glob("pps[0-9]*/assert")):
        try:
            text = path.read_text().strip()  # seconds.nanoseconds#sequence
            at, _, sequence = text.partition("#")
            seen = int(sequence) > 0
            age = time.time() - float(at) if seen else None
        except (OSError, ValueError):
            age = None
        out.append(PpsFacts(path.parent.name, age))
    return tuple(out)
