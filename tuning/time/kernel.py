"""The kernel's own view of the system clock, and who steers it.

Owns:    adjtimex state, the clocks at one instant, processes that write CLOCK_REALTIME.
Refuses: setting anything, verdicts (judge_host.py).
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

from tuning._host import ffi, lib

TIME_ERROR = 5
STA_UNSYNC, STA_CLOCKERR, STA_NANO = 0x40, 0x1000, 0x2000
ROOT = Path("/")
TRIES = 16


@dataclass(frozen=True)
class Instant:
    """The system's clocks at one instant, the narrowest of several readings."""

    realtime_ns: int
    monotonic_ns: int
    raw_ns: int  # CLOCK_MONOTONIC_RAW: no steering
    tai_ns: int
    width_ns: int


@dataclass(frozen=True)
class Writer:
    """A process that steers CLOCK_REALTIME, as far as its command line tells."""

    pid: int
    name: str
    reason: str


@dataclass(frozen=True)
class KernelFacts:
    state: int
    status: int
    frequency_ppm: float
    maxerror_ns: int
    esterror_ns: int
    tick_us: int
    tai_s: int  # 0 = nobody told the kernel
    resolution_ns: int
    instant: Instant
    writers: tuple[Writer, ...] = ()

    @property
    def is_synchronised(self) -> bool:
        return self.state != TIME_ERROR and not self.status & (STA_UNSYNC | STA_CLOCKERR)


def read_instant() -> Instant:
    record = ffi.new("host_instant_t *")
    error = lib.host_instant(TRIES, record)
    if error:
        raise OSError(-error, "clock_gettime")
    return Instant(
        record.realtime_ns, record.monotonic_ns, record.raw_ns, record.tai_ns, record.width_ns
    )


def read_kernel(root: Path = ROOT) -> KernelFacts:
    """Read adjtimex, the clocks and the processes; no privilege is needed."""
    record = ffi.new("host_timex_t *")
    error = lib.host_adjtimex(record)
    if error:
        raise OSError(-error, "adjtimex")
    return KernelFacts(
        state=record.state,
        status=record.status,
        frequency_ppm=record.freq_ppm_q16 / 65536,
        maxerror_ns=record.maxerror_us * 1000,
        esterror_ns=record.esterror_us * 1000,
        tick_us=record.tick_us,
        tai_s=record.tai_s,
        resolution_ns=int(lib.host_resolution_ns(time.CLOCK_REALTIME)),
        instant=read_instant(),
        writers=find_writers(root),
    )


def option(arguments: list[str], letter: str) -> str | None:
    """Return what follows -X, as two arguments or as one."""
    for position, argument in enumerate(arguments):
        if argument == f"-{letter}":
            return arguments[position + 1] if position + 1 < len(arguments) else ""
        if argument.startswith(f"-{letter}") and not argument.startswith("--"):
            return argument[2:]
    return None


def has_flag(arguments: list[str], letter: str) -> bool:
    """Say whether a letter stands alone or in a group such as -arm."""
    return any(re.fullmatch(r"-[A-Za-z]+", word) and letter in word[1:] for word in arguments)


def ptp4l_steers(arguments: list[str], process: Path, root: Path) -> str | None:
    """Return why a ptp4l steers the system clock, None when it does not."""
    words = " ".join(arguments)
    config = option(arguments, "f")
    text = ""
    if config:
        base = root if config.startswith("/") else process / "cwd"
        try:
            text = (base / config.lstrip("/")).read_text(errors="replace")
        except OSError:
            text = ""
    found = dict(re.findall(r"^\s*(free_running|time_stamping)\s+(\S+)", text, re.M))
    found.update(re.findall(r"--(free_running|time_stamping)[ =](\S+)", words))
    if found.get("free_running") == "1":
        return None
    if has_flag(arguments, "S") or found.get("time_stamping") == "software":
        return "software time stamping steers the system clock"
    return None


def phc2sys_steers(arguments: list[str]) -> str | None:
    """Return why a phc2sys steers the system clock: it is its target unless another is named."""
    if has_flag(arguments, "a"):
        return "-a with -r" if has_flag(arguments, "r") else None
    target = option(arguments, "c")
    return "target CLOCK_REALTIME" if target in (None, "CLOCK_REALTIME") else None


def chronyd_steers(arguments: list[str]) -> str | None:
    return None if has_flag(arguments, "x") or "-Q" in arguments else "started without -x"


ALWAYS = {
    "ntpd": "NTP daemon",
    "ntpd-rs": "NTP daemon",
    "openntpd": "NTP daemon",
    "systemd-timesyn": "systemd-timesyncd",
    "systemd-timesyncd": "systemd-timesyncd",
    "VBoxService": "virtual machine guest tools",
}


def steers(name: str, arguments: list[str], process: Path, root: Path) -> str | None:
    """Return why a process steers CLOCK_REALTIME, None when it does not or cannot be told."""
    if name == "chronyd":
        return chronyd_steers(arguments)
    if name == "phc2sys":
        return phc2sys_steers(arguments)
    if name == "ptp4l":
        return ptp4l_steers(arguments, process, root)
    return ALWAYS.get(name)


def find_writers(root: Path = ROOT) -> tuple[Writer, ...]:
    """Find all processes that steer the system clock; chronyd's helper process counts once."""
    found: dict[int, Writer] = {}
    parents: dict[int, int] = {}
    for process in (root / "proc").glob("[0-9]*"):
        try:
            name = (process / "comm").read_text().strip()
            if name not in ("chronyd", "phc2sys", "ptp4l", *ALWAYS):
                continue
            raw = (process / "cmdline").read_bytes().split(b"\0")
            stat = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        arguments = [part.decode(errors="replace") for part in raw if part][1:]
        reason = steers(name, arguments, process, root)
        pid = int(process.name)
        if reason is not None:
            found[pid] = Writer(pid, name, reason)
            parents[pid] = int(stat[1])
    return tuple(
        writer
        for pid, writer in sorted(found.items())
        if not (parents[pid] in found and found[parents[pid]].name == writer.name)
    )
