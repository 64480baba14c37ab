"""Does the hardware clock run, and does the system clock stand where it says?

Owns:    a frozen or wild PHC, PHC against system clock, the 37 s between TAI and UTC applied once
         too often or not at all, frequency, the card's receive filter, a cloud card's error bound;
         also of clocks that no ptp4l works with.
Refuses: reading the clock (phc.py).
"""

from __future__ import annotations

from tuning.time.datasets import TimeProperties
from tuning.time.limits import Limits
from tuning.time.phc import ALIVE_PPM, PhcFacts
from tuning.time.verdict import (
    Check,
    Role,
    SourceKind,
    SourceStatus,
    Verdict,
    duration,
    level,
)

TAI_ROOM_NS = 500_000_000


def expected_phc_offset(phc: PhcFacts, properties: TimeProperties | None, limits: Limits) -> int:
    """Return PHC minus system clock as it should be: TAI ahead of UTC, or 0."""
    if phc.shows_utc or properties is None or not properties.ptp_timescale:
        return 0
    seconds = properties.utc_offset_s if properties.utc_offset_valid else limits.utc_offset_s
    return seconds * 1_000_000_000


def tai_slip(residual_ns: float, limits: Limits) -> int:
    """Return how many TAI-UTC offsets a residual is made of; 0 = none."""
    unit = limits.utc_offset_s * 1_000_000_000
    count = round(residual_ns / unit)
    return count if count and abs(residual_ns - count * unit) < TAI_ROOM_NS else 0


def check_phc(
    phc: PhcFacts | None,
    properties: TimeProperties | None,
    limits: Limits,
    previous: PhcFacts | None,
) -> list[Check]:
    """Judge the hardware clock: does it run, and is the system clock where it says?"""
    if phc is None:
        return [Check("phc.alive", Verdict.UNKNOWN, "no hardware clock found", "runs")]
    out = check_clock(phc, limits, previous)
    if phc.cross is None:
        return out
    out.insert(1, phc_offset(phc.cross.offset_ns, phc, properties, limits))
    if phc.stamping is not None and phc.stamping.rx_filter == 0:
        out.append(Check("phc.filter", Verdict.FAIL, "off", "on",
                         "the card stamps no received packet",
                         "let ptp4l set the filter, or hwstamp_ctl"))  # fmt: skip
    return out


def check_clock(phc: PhcFacts, limits: Limits, previous: PhcFacts | None) -> list[Check]:
    """Judge what a hardware clock shows by itself, whoever uses it."""
    if phc.error or phc.cross is None or phc.rate_ppm is None:
        return [Check("phc.alive", Verdict.UNKNOWN, phc.error or "not read", "runs", "",
                      "give read access to the device")]  # fmt: skip
    out = [phc_alive(phc)]
    if phc.frequency_ppm is not None:
        out.append(phc_frequency(phc, phc.frequency_ppm, limits, previous))
    if phc.error_bound_ns is not None:
        verdict = level(phc.error_bound_ns, limits.phc.bound_warn_ns, limits.phc.bound_fail_ns)
        wanted = f"<= {duration(limits.phc.bound_warn_ns)}"
        out.append(Check("phc.bound", verdict, duration(phc.error_bound_ns), wanted))
    return out


def judge_clock(phc: PhcFacts, limits: Limits, previous: PhcFacts | None) -> SourceStatus:
    """Judge a clock that no ptp4l works with: for chronyd's refclock, a cloud's or a spare one.

    It is nobody's source of time by itself, so it decides nothing; which time scale it shows is
    known of the clocks of virtual machines only.
    """
    checks = check_clock(phc, limits, previous)
    details = {"clock": phc.name}
    if phc.interfaces:
        details["interfaces"] = ",".join(phc.interfaces)
    if phc.cross is not None:
        if phc.shows_utc:
            checks.insert(1, phc_offset(phc.cross.offset_ns, phc, None, limits))
        details["ahead"] = duration(phc.cross.offset_ns)
        details["read"] = f"{phc.cross.method.name.lower()} +- {duration(phc.cross.width_ns / 2)}"
    return SourceStatus(SourceKind.NONE, phc.device, Role.NONE, tuple(checks), details=details)


def phc_alive(phc: PhcFacts) -> Check:
    if phc.is_alive:
        return Check("phc.alive", Verdict.OK, f"{phc.rate_ppm:+.1f} ppm", "runs")
    return Check("phc.alive", Verdict.FAIL, f"{phc.rate_ppm:+.0f} ppm", f"within {ALIVE_PPM} ppm",
                 "the hardware clock stands still or runs wildly",
                 "reload the driver; emulated cards cannot do better")  # fmt: skip


def phc_offset(
    offset_ns: int, phc: PhcFacts, properties: TimeProperties | None, limits: Limits
) -> Check:
    residual = offset_ns - expected_phc_offset(phc, properties, limits)
    wanted = f"|x| <= {duration(limits.phc.offset_warn_ns)}"
    slip = tai_slip(residual, limits)
    if slip:
        seconds = slip * limits.utc_offset_s
        return Check("phc.offset", Verdict.FAIL, f"{seconds:+d} s", wanted,
                     "the offset of TAI to UTC was applied once too often or not at all",
                     "check phc2sys -O and -w, and the grandmaster's utcOffsetValid")  # fmt: skip
    verdict = level(residual, limits.phc.offset_warn_ns, limits.phc.offset_fail_ns)
    reason = "" if verdict is Verdict.OK else "the system clock does not follow the hardware clock"
    return Check("phc.offset", verdict, duration(residual), wanted, reason,
                 "" if verdict is Verdict.OK else "look at phc2sys")  # fmt: skip


def phc_frequency(
    phc: PhcFacts, ppm: float, limits: Limits, previous: PhcFacts | None
) -> Check:
    wanted = f"|x| <= {limits.phc.frequency_ppm} ppm, steps <= {limits.phc.frequency_step_ppm} ppm"
    before = previous.frequency_ppm if previous is not None else None
    if before is not None and abs(ppm - before) > limits.phc.frequency_step_ppm:
        return Check("phc.frequency", Verdict.WARN, f"{before:+.2f} -> {ppm:+.2f} ppm", wanted,
                     "the frequency jumped: another writer, or a new master")  # fmt: skip
    verdict = level(ppm, limits.phc.frequency_ppm, float("inf"))
    return Check("phc.frequency", verdict, f"{ppm:+.2f} ppm", wanted)
