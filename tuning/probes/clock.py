"""Probes of the clock source and of who steers the clock.

Owns:    the source of time stamps, its soundness, and how many programs steer it.
Refuses: the quality of the time itself (tuning.time).
"""

from __future__ import annotations

import json

from tuning import want
from tuning.context import Context
from tuning.host import peek
from tuning.model import Knob, Sight, State, Write
from tuning.probes import probe, processes, read_sight, unseen

BASE = "/sys/devices/system/clocksource/clocksource0"
STEERERS = {
    "chronyd": "chrony.service",
    "ntpd": "ntp.service",
    "ntpsec": "ntpsec.service",
    "openntpd": "openntpd.service",
    "systemd-timesyn": "systemd-timesyncd.service",
    "phc2sys": "phc2sys.service",
    "timemaster": "timemaster.service",
    "VBoxService": "vboxadd-service.service",
}
UNSYNCHRONISED = 0x40


@probe("clocksource")
def clocksource(context: Context, knob: Knob) -> list[Sight]:
    seen = read_sight(context, knob, f"{BASE}/current_clocksource")
    wanted = context.wanted(knob)
    if seen.state is not None or not wanted.demands:
        return [seen]
    offered = (peek(context.host, f"{BASE}/available_clocksource") or "").split()
    choices = wanted.operand if wanted.kind == "any_of" else [wanted.operand]
    choice = next((name for name in choices if name in offered), None)
    good = want.judge(wanted, seen, context.terms)
    reason = "" if good or choice else f"offered: {', '.join(offered) or 'nothing'}"
    return [
        Sight(
            value=seen.value,
            shown=seen.shown,
            address=seen.address,
            raw=seen.raw,
            reason=reason,
            writes=(Write(seen.address, choice),) if choice else (),
        )
    ]


@probe("tsc_flags")
def tsc_flags(context: Context, knob: Knob) -> list[Sight]:
    if not context.facts.cpu_flags:
        context.host.read("/proc/cpuinfo")
        return [unseen("", State.UNSUPPORTED, "absent: no flags in /proc/cpuinfo")]
    found = [flag for flag in ("constant_tsc", "nonstop_tsc") if flag in context.facts.cpu_flags]
    extra = " tsc_known_freq" if "tsc_known_freq" in context.facts.cpu_flags else ""
    return [Sight(value=" ".join(found), shown=(" ".join(found) + extra) or "none", writes=())]


@probe("tsc_stable")
def tsc_stable(context: Context, knob: Knob) -> list[Sight]:
    """An unstable TSC disappears from the list of sources that suit high resolution."""
    offered = context.host.read(f"{BASE}/available_clocksource").split()
    if "tsc" in offered:
        return [Sight(value="trusted", shown="offered", writes=())]
    if context.facts.cpu_flags and "tsc" not in context.facts.cpu_flags:
        return [unseen("", State.UNSUPPORTED, "absent: the processor has no TSC")]
    return [Sight(value="dropped", shown=f"only {', '.join(offered)}", writes=())]


@probe("clock_writers")
def clock_writers(context: Context, knob: Knob) -> list[Sight]:
    """Count the programs that steer CLOCK_REALTIME; ptp4l steers the card's clock and is none."""
    found = processes(context, STEERERS)
    raw = peek(context.host, "clock:state")
    in_step = None if raw is None else not json.loads(raw)["status"] & UNSYNCHRONISED
    if not found and in_step:
        return [Sight(value=1, shown="in step, by a program not seen here", writes=())]
    names = ", ".join(sorted(found))
    if len(found) == 1 and in_step is False:
        reason = "it runs, and the kernel still calls the clock unsynchronised"
        return [
            Sight(
                shown=names, state=State.PENDING, reason=reason, expected="exactly one", writes=()
            )
        ]
    stop = sorted(found)[1:]  # the first stays
    writes = tuple(Write(f"unit:{STEERERS[name]}", "inactive") for name in stop)
    shown = names or "nobody, clock unsynchronised"
    return [Sight(value=len(found), shown=shown, expected="exactly one", writes=writes)]
