"""Is the time that chronyd reports worth anything?

Owns:    selection, reach, age, error bound, reference; their sum.
Refuses: the leap status as a proof of health: seconds after its only server died chronyd still
         says stratum 2, leap "Normal" and the same reference.  Reach, age and the growing
         dispersion tell the truth.
"""

from __future__ import annotations

from tuning.time.chrony import ChronyFacts, NtpData, Source, Tracking
from tuning.time.limits import Limits
from tuning.time.verdict import Check, Role, SourceKind, SourceStatus, Verdict, duration, level

LOCAL = "7F7F01"  # reference ids 127.127.1.x: a clock that follows itself
NEWEST_POLLS = 0b111
REMEDY = "look at the server and the way to it: chronyc sources -v"


def interval_ns(source: Source | None, tracking: Tracking) -> int:
    """Return the interval at which news is due."""
    poll = 2.0**source.poll if source is not None else tracking.update_interval_s
    return int(max(poll, tracking.update_interval_s) * 1e9)


def limit_ns(source: Source | None, tracking: Tracking, limits: Limits) -> int:
    """Return the age at which news is late.  chronyc counts whole seconds: one is allowed."""
    due = limits.stale_intervals * interval_ns(source, tracking)
    return max(due, limits.stale_floor_ms * 1_000_000) + 1_000_000_000


def check_selected(facts: ChronyFacts) -> Check:
    source = facts.selected
    if source is not None:
        return Check("ntp.selected", Verdict.OK, source.name, "one source")
    if "sources" in facts.missing:
        return Check("ntp.selected", Verdict.UNKNOWN, "not answered", "one source")
    states = ", ".join(f"{one.state} {one.name}" for one in facts.sources) or "no sources"
    return Check("ntp.selected", Verdict.FAIL, states, "one source",
                 "no source is selected now, whatever tracking still says", REMEDY)  # fmt: skip


def check_reach(source: Source) -> Check:
    seen = f"{source.reach:o}"
    if not source.reach & NEWEST_POLLS:
        return Check("ntp.reach", Verdict.FAIL, seen, "377",
                     "the last three polls got no answer", REMEDY)  # fmt: skip
    if not source.reach & 1:
        return Check("ntp.reach", Verdict.WARN, seen, "377", "the last poll got no answer")
    return Check("ntp.reach", Verdict.OK, seen, "newest bit set")


def check_fresh(
    source: Source | None, tracking: Tracking, taken_ns: int, limits: Limits
) -> Check:
    """Judge by the last answer and by the reference time, the older of the two."""
    limit = limit_ns(source, tracking, limits)
    wanted = f"news within {duration(limit)}"
    ages = [taken_ns - tracking.reference_time_ns] if tracking.reference_time_ns else []
    if source is not None and source.mode == "^":
        if source.last_rx_s is None:
            return Check("ntp.fresh", Verdict.FAIL, "never", wanted, "no answer yet", REMEDY)
        ages.append(source.last_rx_s * 1_000_000_000)
    if not ages:
        return Check("ntp.fresh", Verdict.FAIL, "no reference", wanted, "never synchronised")
    verdict = level(max(ages), limit, limit)
    reason = "" if verdict is Verdict.OK else "what tracking shows is extrapolated"
    return Check("ntp.fresh", verdict, f"{duration(max(ages))} old", wanted, reason)


def check_bound(tracking: Tracking, limits: Limits) -> Check:
    """Judge |system time| + root dispersion + root delay / 2: chrony's own bound."""
    bound = tracking.bound_ns
    verdict = level(bound, limits.ntp.offset_warn_ns, limits.ntp.offset_fail_ns)
    wanted = f"<= {duration(limits.ntp.offset_warn_ns)}"
    reason = "" if verdict is Verdict.OK else "the error bound is too wide"
    return Check("ntp.bound", verdict, duration(bound), wanted, reason,
                 "" if verdict is Verdict.OK else "nearer servers, shorter polls")  # fmt: skip


def check_leap(tracking: Tracking) -> Check:
    is_bad = tracking.leap == "Not synchronised" or not 0 < tracking.stratum < 16
    seen = f"{tracking.leap}, stratum {tracking.stratum}"
    if is_bad:
        return Check("ntp.leap", Verdict.FAIL, seen, "Normal", "chronyd is not synchronised")
    return Check("ntp.leap", Verdict.OK, seen, "Normal (necessary, not sufficient)")


def check_reference(
    tracking: Tracking, upstream: NtpData | None, utc_sources: frozenset[str]
) -> Check:
    """Judge whether the chain ends in UTC; only the owner can say so for a server."""
    wanted = "a declared UTC source"
    if tracking.reference_id.startswith(LOCAL):
        return Check("ntp.traceable", Verdict.FAIL, "own local clock", wanted,
                     "chronyd follows itself", "remove `local`, or give it a server")  # fmt: skip
    if upstream is not None and upstream.reference_id.startswith(LOCAL):
        return Check("ntp.traceable", Verdict.WARN, f"{tracking.name}: local clock", wanted,
                     "the chain ends in a server that follows itself",
                     "give that server a reference")  # fmt: skip
    if tracking.name in utc_sources:
        return Check("ntp.traceable", Verdict.OK, tracking.name, wanted)
    return Check("ntp.traceable", Verdict.WARN, f"{tracking.name} is not declared", wanted,
                 "nobody has said that this source shows UTC",
                 "name it with --utc-source once its chain is documented")  # fmt: skip


def judge_chrony(
    facts: ChronyFacts, limits: Limits, *, utc_sources: frozenset[str] = frozenset()
) -> SourceStatus:
    """Judge one reading."""
    tracking, source = facts.tracking, facts.selected
    if tracking is None:
        reason = facts.missing.get("tracking", "not answered")
        checks = (Check("ntp.tracking", Verdict.UNKNOWN, reason, "an answer"),)
        return SourceStatus(SourceKind.NTP, "chronyd", Role.NONE, checks)
    upstream = next((one for one in facts.ntpdata if one.name == tracking.name), None)
    reference = check_reference(tracking, upstream, utc_sources)
    found = [check_selected(facts)]
    if source is not None:
        found.append(check_reach(source))
    found += [
        check_fresh(source, tracking, facts.taken_ns, limits),
        check_bound(tracking, limits),
        check_leap(tracking),
        reference,
    ]
    details = {
        "reference": tracking.name or tracking.reference_id,
        "stratum": str(tracking.stratum),
        "frequency": f"{tracking.frequency_ppm:+.3f} ppm",
        "skew": f"{tracking.skew_ppm:.3f} ppm",
    }
    if upstream is not None:
        details["stamping"] = f"rx {upstream.rx_stamping}, tx {upstream.tx_stamping}".lower()
    return SourceStatus(
        kind=SourceKind.NTP,
        name="chronyd",
        role=Role.SLAVE,
        checks=tuple(found),
        offset_ns=-tracking.system_time_ns,
        uncertainty_ns=tracking.uncertainty_ns,
        traceable=reference.verdict is Verdict.OK,
        growth_ppb=limits.growth_ppb + int((tracking.skew_ppm + abs(tracking.residual_ppm)) * 1000),
        validity_ns=max(limit_ns(source, tracking, limits), limits.validity_ms * 1_000_000),
        taken_ns=facts.taken_monotonic_ns,
        details=details,
    )
