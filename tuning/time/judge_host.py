"""Is the system clock steered by exactly one writer, and did it stand still meanwhile?

Owns:    checks of CLOCK_REALTIME itself, whatever the sources say; the kernel as a last source;
         what the profile and a rule book ask.
Refuses: sources (judge_ptp.py, judge_chrony.py).
"""

from __future__ import annotations

from tuning.time.kernel import KernelFacts
from tuning.time.limits import Limits, Rule
from tuning.time.verdict import Check, Role, SourceKind, SourceStatus, Verdict, duration, level


def check_synchronised(kernel: KernelFacts, limits: Limits) -> Check:
    seen = f"state {kernel.state}, status 0x{kernel.status:x}"
    if kernel.is_synchronised:
        return Check("clock.synchronised", Verdict.OK, seen, "not TIME_ERROR, no STA_UNSYNC")
    verdict = Verdict.WARN if limits.unsynchronised == "warn" else Verdict.FAIL
    return Check("clock.synchronised", verdict, seen, "not TIME_ERROR, no STA_UNSYNC",
                 "nobody steers the system clock",
                 "run chronyd, or ptp4l with phc2sys")  # fmt: skip


def check_writers(kernel: KernelFacts) -> Check:
    names = ", ".join(f"{one.name} ({one.pid}: {one.reason})" for one in kernel.writers)
    count = len(kernel.writers)
    if count > 1:
        return Check("clock.writer", Verdict.FAIL, names, "one writer",
                     "several daemons steer one clock and fight", "stop all but one")  # fmt: skip
    if count == 0 and kernel.is_synchronised:
        return Check("clock.writer", Verdict.WARN, "none found", "one writer",
                     "the clock is synchronised by something that is not seen here")  # fmt: skip
    return Check("clock.writer", Verdict.OK, names or "none", "at most one writer")


def check_step(kernel: KernelFacts, previous: KernelFacts | None, limits: Limits) -> Check | None:
    """CLOCK_MONOTONIC is slewed like CLOCK_REALTIME but never stepped: their distance stays."""
    if previous is None:
        return None
    now, before = kernel.instant, previous.instant
    step = (now.realtime_ns - now.monotonic_ns) - (before.realtime_ns - before.monotonic_ns)
    room = limits.step_ns + now.width_ns + before.width_ns
    wanted = f"|x| <= {duration(room)}"
    if abs(step) > room:
        return Check("clock.step", Verdict.FAIL, duration(step), wanted,
                     "the system clock was set, or the machine slept",
                     "find who did it; old stamps and new ones do not compare")  # fmt: skip
    return Check("clock.step", Verdict.OK, duration(step), wanted)


def check_tai(kernel: KernelFacts, announced_s: int | None) -> Check | None:
    """Compare the kernel's TAI offset with what a grandmaster announces as valid."""
    if announced_s is None:
        return None
    seen, wanted = f"{kernel.tai_s} s", f"{announced_s} s"
    if kernel.tai_s == announced_s:
        return Check("clock.tai", Verdict.OK, seen, wanted)
    return Check("clock.tai", Verdict.WARN, seen, wanted,
                 "CLOCK_TAI of this kernel is not TAI",
                 "let phc2sys or chronyd (leapsectz right/UTC) tell the kernel")  # fmt: skip


def check_granularity(kernel: KernelFacts, rule: Rule | None) -> Check:
    limit = rule.granularity_ns if rule is not None else 1_000
    verdict = level(kernel.resolution_ns, limit, limit)
    return Check("clock.granularity", verdict, duration(kernel.resolution_ns),
                 f"<= {duration(limit)}")  # fmt: skip


def judge_kernel(kernel: KernelFacts, limits: Limits) -> SourceStatus:
    """Judge the kernel's word as a source: for daemons that cannot be asked, such as timesyncd."""
    wanted = f"maxerror <= {duration(limits.kernel.offset_warn_ns)}"
    if kernel.is_synchronised:
        bound = kernel.maxerror_ns
        verdict = level(bound, limits.kernel.offset_warn_ns, limits.kernel.offset_fail_ns)
        check = Check("kernel.maxerror", verdict, duration(bound), wanted)
    else:
        check = Check("kernel.maxerror", Verdict.FAIL, "not synchronised", wanted)
    return SourceStatus(
        kind=SourceKind.KERNEL,
        name="adjtimex",
        role=Role.NONE,
        checks=(check,),
        offset_ns=0 if kernel.is_synchronised else None,
        uncertainty_ns=kernel.maxerror_ns if kernel.is_synchronised else None,
        growth_ppb=500_000,  # the kernel itself lets maxerror grow by 500 ppm
        validity_ns=limits.validity_ms * 1_000_000,
        taken_ns=kernel.instant.monotonic_ns,
        details={"frequency": f"{kernel.frequency_ppm:+.3f} ppm"},
    )


def check_kind(source: SourceStatus | None, limits: Limits) -> Check:
    wanted = " or ".join(limits.wanted)
    if source is None or source.verdict not in (Verdict.OK, Verdict.WARN):
        return Check("time.source", Verdict.FAIL, "none that holds", wanted,
                     "no source of time passed its checks",
                     "see the failed checks of each source")  # fmt: skip
    kind = source.kind.text
    if kind in limits.wanted:
        return Check("time.source", Verdict.OK, kind, wanted)
    verdict = Verdict.WARN if kind in limits.tolerated else Verdict.FAIL
    return Check("time.source", verdict, kind, wanted,
                 f"profile {limits.profile} wants a better source",
                 "a card with a hardware clock, ptp4l and phc2sys")  # fmt: skip


def check_agreement(witnesses: list[SourceStatus], limits: Limits) -> Check | None:
    """Two sources that both count must show the same time, within what they admit."""
    known = [
        (one.name, one.offset_ns, one.uncertainty_ns)
        for one in witnesses
        if one.offset_ns is not None and one.uncertainty_ns is not None
    ]
    if len(known) < 2:
        return None
    (first, first_ns, first_room), (second, second_ns, second_room) = known[:2]
    apart = first_ns - second_ns
    room = limits.ntp.offset_fail_ns + first_room + second_room
    verdict = level(apart, room, room)
    wanted = f"|x| <= {duration(room)}"
    if verdict is Verdict.OK:
        return Check("time.agreement", verdict, duration(apart), wanted)
    return Check("time.agreement", verdict, duration(apart), wanted,
                 f"{first} and {second} contradict each other",
                 "one of them is wrong: compare with a third")  # fmt: skip


def check_rule(source: SourceStatus | None, rule: Rule) -> list[Check]:
    """Judge what a rule book asks: distance to UTC and a chain to it."""
    wanted = f"|offset| + uncertainty <= {duration(rule.divergence_ns)}"
    if source is None or source.offset_ns is None or source.uncertainty_ns is None:
        out = [Check("utc.divergence", Verdict.FAIL, "not known", wanted, rule.title)]
    else:
        bound = abs(source.offset_ns) + source.uncertainty_ns
        verdict = level(bound, rule.divergence_ns, rule.divergence_ns)
        out = [Check("utc.divergence", verdict, duration(bound), wanted, rule.title)]
    if rule.traceable:
        is_traceable = source is not None and source.traceable
        out.append(Check("utc.traceable", Verdict.OK if is_traceable else Verdict.FAIL,
                         "yes" if is_traceable else "no", "yes", rule.title,
                         "" if is_traceable else "a free-running good clock is not compliant: "
                         "declare and document the chain to UTC"))  # fmt: skip
    return out
