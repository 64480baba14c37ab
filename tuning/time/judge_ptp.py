"""Is this host's PTP clock what it seems to be?

Owns:    state, freshness, grandmaster, class, traceability, offset, path delay, and their sum.
Refuses: the offset alone as a proof of health, and `gmPresent` at all: seconds after the
         grandmaster died ptp4l still reports a small offset, the old grandmaster, its class and
         gmPresent true.  Only the port state, the time of the last Sync, the grandmaster's identity
         and its class tell the truth, so all of them must be good.
"""

from __future__ import annotations

from tuning.time.datasets import PortState, TimeProperties
from tuning.time.judge_phc import check_phc, expected_phc_offset, tai_slip
from tuning.time.limits import Limits, PathLimits
from tuning.time.management import PtpFacts
from tuning.time.phc import PhcFacts, PpsFacts
from tuning.time.role import describe, ingress_age, kind_of, role_of, sync_interval_ns
from tuning.time.verdict import Check, Role, SourceKind, SourceStatus, Verdict, duration, level

# clockAccuracy -> nanoseconds (IEEE 1588, table of accuracy enumerations).
ACCURACY_NS = {
    0x20: 25, 0x21: 100, 0x22: 250, 0x23: 1_000, 0x24: 2_500, 0x25: 10_000, 0x26: 25_000,
    0x27: 100_000, 0x28: 250_000, 0x29: 1_000_000, 0x2A: 2_500_000, 0x2B: 10_000_000,
    0x2C: 25_000_000, 0x2D: 100_000_000, 0x2E: 250_000_000, 0x2F: 1_000_000_000,
    0x30: 10_000_000_000,
}  # fmt: skip

CLASS_MEANING = {
    6: "locked to a primary reference",
    7: "holdover within specification",
    13: "locked, application-specific",
    14: "holdover, application-specific",
    52: "degraded, out of holdover",
    58: "degraded, application-specific",
    187: "degraded, may follow others",
    193: "degraded, may follow others",
    248: "free-running",
    255: "slave only",
}


def check_role(role: Role, expected: Role) -> Check:
    """A clock that may become master does so, alone, when its grandmaster dies."""
    seen, wanted = role.name.lower(), expected.name.lower()
    if role is expected:
        return Check("ptp.role", Verdict.OK, seen, wanted)
    return Check("ptp.role", Verdict.FAIL, seen, wanted,
                 "the clock plays another part than it should",
                 "look at the other clocks; slaveOnly 1 keeps a slave a slave")  # fmt: skip


def stale_limit_ns(facts: PtpFacts, limits: Limits) -> int:
    floor = limits.stale_floor_ms * 1_000_000
    return max(limits.stale_intervals * sync_interval_ns(facts), floor)


def check_state(facts: PtpFacts, role: Role) -> Check:
    seen = ", ".join(port.state.name for port in facts.ports) or "no port answered"
    states = {port.state for port in facts.ports}
    if role is Role.GRANDMASTER:
        return Check("ptp.state", Verdict.OK, seen, "MASTER or GRAND_MASTER")
    if PortState.SLAVE in states:
        return Check("ptp.state", Verdict.OK, seen, "one port SLAVE")
    reasons = {
        PortState.FAULTY: "a port is faulty; ptp4l's log says why (often: timed out while polling "
        "for tx timestamp: raise tx_timestamp_timeout)",
        PortState.UNCALIBRATED: "a master was chosen but the clock is not locked to it (with "
        "free_running 1 it never will be)",
        PortState.LISTENING: "no master is heard",
    }
    reason = next((text for state, text in reasons.items() if state in states), "nothing follows")
    return Check("ptp.state", Verdict.FAIL, seen, "one port SLAVE", reason, "check ptp4l, cabling")


def check_fresh(
    facts: PtpFacts, phc: PhcFacts | None, limits: Limits, previous: PtpFacts | None
) -> Check:
    """Judge by the receive time of the last Sync: by its age, or by its standing still."""
    limit = stale_limit_ns(facts, limits)
    wanted = f"a Sync within {duration(limit)}"
    remedy = "look at the grandmaster and at the switch"
    if facts.status is None:
        return Check("ptp.fresh", Verdict.UNKNOWN, "not answered", wanted)
    if facts.status.ingress_ns == 0:
        return Check("ptp.fresh", Verdict.FAIL, "none", wanted, "no Sync is coming in", remedy)
    age = ingress_age(facts, phc)
    if age is not None:
        verdict = level(age, limit, limit)
        reason = "" if verdict is Verdict.OK else "the offset shown is that of a past Sync"
        if age < -limit:
            reason = "the last Sync lies in the future: a clock was stepped or the scale is wrong"
        return Check("ptp.fresh", verdict, f"{duration(age)} old", wanted, reason, remedy)
    if previous is None or previous.status is None:
        return Check("ptp.fresh", Verdict.UNKNOWN, "one reading", wanted,
                     "the hardware clock cannot be read, and one reading shows no movement",
                     "read twice, or give access to /dev/ptp*")  # fmt: skip
    between = facts.taken_monotonic_ns - previous.taken_monotonic_ns
    if facts.status.ingress_ns != previous.status.ingress_ns:
        return Check("ptp.fresh", Verdict.OK, f"moved within {duration(between)}", wanted)
    verdict = Verdict.FAIL if between > limit else Verdict.UNKNOWN
    return Check("ptp.fresh", verdict, f"unmoved for {duration(between)}", wanted,
                 "the offset shown is that of a past Sync", remedy)  # fmt: skip


def check_grandmaster(
    facts: PtpFacts, role: Role, allowed: frozenset[str], previous: PtpFacts | None
) -> Check:
    if facts.parent is None or facts.default is None:
        return Check("ptp.grandmaster", Verdict.UNKNOWN, "not answered", "a known grandmaster")
    seen = facts.parent.grandmaster
    wanted = " or ".join(sorted(allowed)) or "the same as before"
    if role is not Role.GRANDMASTER and seen == facts.default.clock:
        return Check("ptp.grandmaster", Verdict.FAIL, f"{seen} (itself)", wanted,
                     "the clock follows nobody", "look at the grandmaster")  # fmt: skip
    if allowed and seen not in allowed:
        return Check("ptp.grandmaster", Verdict.FAIL, seen, wanted,
                     "another clock became grandmaster: the offset to it proves nothing",
                     "restore the grandmaster, or add this one to the list")  # fmt: skip
    before = previous.parent.grandmaster if previous and previous.parent else seen
    if before != seen:
        return Check("ptp.grandmaster", Verdict.WARN, seen, before,
                     "the grandmaster changed", "name the grandmasters that may be")  # fmt: skip
    return Check("ptp.grandmaster", Verdict.OK, seen, wanted)


def check_class(facts: PtpFacts, limits: Limits) -> Check:
    wanted = f"class <= {limits.clock_class_ok}"
    if facts.parent is None:
        return Check("ptp.class", Verdict.UNKNOWN, "not answered", wanted)
    seen = facts.parent.quality.clock_class
    meaning = CLASS_MEANING.get(seen, "profile-specific")
    verdict = level(seen, limits.clock_class_ok, limits.clock_class_warn)
    if verdict is Verdict.OK:
        return Check("ptp.class", verdict, f"{seen}, {meaning}", wanted)
    return Check("ptp.class", verdict, f"{seen}, {meaning}", wanted,
                 "the grandmaster has lost or never had its reference",
                 "look at the grandmaster's antenna or upstream")  # fmt: skip


def check_traceable(properties: TimeProperties | None, limits: Limits) -> Check:
    if properties is None:
        return Check("ptp.traceable", Verdict.UNKNOWN, "not answered", "all four flags")
    flags = {
        "timeTraceable": properties.time_traceable,
        "frequencyTraceable": properties.frequency_traceable,
        "ptpTimescale": properties.ptp_timescale,
        "utcOffsetValid": properties.utc_offset_valid,
    }
    lacking = [name for name, value in flags.items() if not value]
    wanted = f"{', '.join(flags)}, UTC offset {limits.utc_offset_s}"
    if lacking:
        return Check("ptp.traceable", Verdict.WARN, f"not {', '.join(lacking)}", wanted,
                     "the grandmaster does not claim to show UTC",
                     "configure the grandmaster's time properties")  # fmt: skip
    if properties.utc_offset_s != limits.utc_offset_s:
        return Check("ptp.traceable", Verdict.FAIL, f"UTC offset {properties.utc_offset_s}",
                     wanted, "the grandmaster's leap seconds are wrong",
                     "correct the grandmaster")  # fmt: skip
    return Check("ptp.traceable", Verdict.OK, "all flags", wanted)


def check_offset(facts: PtpFacts, path: PathLimits, limits: Limits) -> Check:
    wanted = f"|x| <= {duration(path.offset_warn_ns)}"
    if facts.current is None:
        return Check("ptp.offset", Verdict.UNKNOWN, "not answered", wanted)
    offset = facts.current.offset_ns
    verdict = level(offset, path.offset_warn_ns, path.offset_fail_ns)
    if tai_slip(offset, limits):
        return Check("ptp.offset", verdict, duration(offset), wanted,
                     "the offset of TAI to UTC is missing on one side",
                     "check ptpTimescale and utcOffsetValid of the grandmaster")  # fmt: skip
    reason = "" if verdict is Verdict.OK else "the clock is off its master"
    return Check("ptp.offset", verdict, duration(offset), wanted, reason)


def check_path(facts: PtpFacts, path: PathLimits, previous: PtpFacts | None) -> Check | None:
    """Judge the path delay by its change: a longer way that is not symmetric moves the offset."""
    if facts.current is None:
        return None
    now = facts.current.mean_path_delay_ns
    wanted = f"change <= {path.path_step_pct} % and {duration(path.path_step_ns)}"
    if now <= 0:
        return Check("ptp.path", Verdict.FAIL, duration(now), "> 0 ns",
                     "a delay that is not positive was never measured")  # fmt: skip
    if previous is None or previous.current is None or previous.current.mean_path_delay_ns <= 0:
        return Check("ptp.path", Verdict.OK, duration(now), "> 0 ns")
    before = previous.current.mean_path_delay_ns
    change = abs(now - before)
    is_share = change > before * path.path_step_pct / 100 and change > path.path_floor_ns
    if change > path.path_step_ns or is_share:
        return Check("ptp.path", Verdict.WARN, f"{duration(before)} -> {duration(now)}", wanted,
                     "the way to the master changed", "look for a new route or a load")  # fmt: skip
    return Check("ptp.path", Verdict.OK, duration(now), wanted)


def check_uncertain(facts: PtpFacts) -> Check | None:
    if facts.uncertain is None or facts.uncertain.value == 0xFF:
        return None  # not a boundary clock of a version that says so
    if facts.uncertain.is_uncertain:
        return Check("ptp.certain", Verdict.FAIL, "uncertain", "certain",
                     "a boundary clock above says that its time is not sure")  # fmt: skip
    return Check("ptp.certain", Verdict.OK, "certain", "certain")


def check_reference(facts: PtpFacts, pps: tuple[PpsFacts, ...]) -> Check:
    """A grandmaster's word is only as good as the reference it can show."""
    ages = [one.age_s for one in pps if one.age_s is not None]
    if not ages:
        return Check("ptp.reference", Verdict.WARN, "no pulse seen", "a pulse each second",
                     "nothing here proves what this grandmaster follows",
                     "connect its pulse per second")  # fmt: skip
    verdict = Verdict.OK if min(ages) < 2 else Verdict.FAIL
    return Check("ptp.reference", verdict, f"pulse {min(ages):.1f} s ago", "< 2 s ago")


def judge_ptp(
    facts: PtpFacts,
    limits: Limits,
    *,
    phc: PhcFacts | None = None,
    pps: tuple[PpsFacts, ...] = (),
    grandmasters: frozenset[str] = frozenset(),
    expected_role: Role | None = None,
    previous: PtpFacts | None = None,
    previous_phc: PhcFacts | None = None,
) -> SourceStatus:
    """Judge one reading, with the one before it where there is one."""
    role, kind = role_of(facts), kind_of(facts)
    path = limits.ptp_software if kind is SourceKind.PTP_SOFTWARE else limits.ptp_hardware
    checks = [check_state(facts, role)]
    if expected_role is not None:
        checks.append(check_role(role, expected_role))
    if role is Role.GRANDMASTER:
        checks.append(check_reference(facts, pps))
    else:
        checks.append(check_fresh(facts, phc, limits, previous))
    checks.append(check_grandmaster(facts, role, grandmasters, previous))
    checks.append(check_class(facts, limits))
    traceable = check_traceable(facts.properties, limits)
    checks.append(traceable)
    if role is not Role.GRANDMASTER:
        checks.append(check_offset(facts, path, limits))
        for one in (check_path(facts, path, previous), check_uncertain(facts)):
            checks += [one] if one is not None else []
    residual = 0
    width = 0
    if kind is SourceKind.PTP_HARDWARE:
        checks += check_phc(phc, facts.properties, limits, previous_phc)
        if phc is not None and phc.cross is not None:
            residual = expected_phc_offset(phc, facts.properties, limits) - phc.cross.offset_ns
            width = phc.cross.width_ns // 2
    offset = uncertainty = None
    accuracy = facts.parent.quality.accuracy if facts.parent else 0xFE
    if facts.current is not None:
        following = role is not Role.GRANDMASTER
        offset = residual + (round(facts.current.offset_ns) if following else 0)
        delay = round(facts.current.mean_path_delay_ns) if following else 0
        uncertainty = delay + width + ACCURACY_NS.get(accuracy, 0)
    clock_class = next(one for one in checks if one.id == "ptp.class")
    return SourceStatus(
        kind=kind,
        name=f"ptp4l {facts.path}",
        role=role,
        checks=tuple(checks),
        offset_ns=offset,
        uncertainty_ns=uncertainty,
        traceable=(
            traceable.verdict is Verdict.OK
            and clock_class.verdict is Verdict.OK
            and accuracy in ACCURACY_NS
        ),
        growth_ppb=limits.growth_ppb,
        validity_ns=max(stale_limit_ns(facts, limits), limits.validity_ms * 1_000_000),
        taken_ns=facts.taken_monotonic_ns,
        details=describe(facts, role),
    )
