"""The seven calls by which other code asks about the host.

Owns:    putting the answers (tuning/answers.py) together.
Refuses: changing anything; what is changed goes through plan and change.
"""

from __future__ import annotations

import json
import resource
import time
from typing import Any

from tuning import cpus, effect, knobs
from tuning import fingerprints as prints
from tuning.answers import (
    BaselineStatus,
    CPUConfig,
    MemoryConfig,
    NetworkConfig,
    RTStatus,
    SystemHealth,
)
from tuning.check import Report, check
from tuning.codecs import CODECS
from tuning.context import Context, look_at
from tuning.fingerprints import Fingerprint
from tuning.host import Host, LiveHost, peek
from tuning.journal import Journal, JournalCorrupt, default_folder
from tuning.model import WRONG, Finding, State

HUGE = "/sys/kernel/mm/hugepages/hugepages-{}kB/{}_hugepages"


def context_of(
    host: Host | None = None, profile: str | None = None, *, state: str | None = None, **more: Any
) -> Context:
    """Make the context of this host (or the given one) with what the journal knows of this boot."""
    host = host or LiveHost()
    boot = peek(host, "/proc/sys/kernel/random/boot_id") or ""
    applied: dict[str, str] = {}
    managed: frozenset[str] = frozenset()
    if host.kind == "live":
        try:
            journal = Journal(state or default_folder())
            applied, managed = journal.applied(boot), journal.managed(boot)
        except (OSError, JournalCorrupt):
            pass  # the check goes on without; `baseline status` reports it
    return look_at(host, profile, applied=applied, managed=managed, **more)


def validate_system_baseline(host: Host | None = None, profile: str | None = None) -> SystemHealth:
    """Look at every knob and judge it."""
    return _health(check(context_of(host, profile)))


def _health(report: Report) -> SystemHealth:
    return SystemHealth(
        fit=not report.critical,
        profile=report.profile,
        fitness=report.fitness,
        coverage=report.coverage,
        fingerprint=report.fingerprint,
        states=report.states,
        worst=[in_plain_words(finding) for finding in report.worst()],
        report=report,
    )


def in_plain_words(finding: Finding) -> str:
    """Return one finding as two sentences: what is so, and why it matters."""
    where = f" ({finding.target})" if finding.target else ""
    found = f"found {finding.observed}, want {finding.expected}"
    return f"{finding.knob.id}{where}: {found}. {finding.knob.why}"


def get_cpu_affinity_config(host: Host | None = None, profile: str | None = None) -> CPUConfig:
    """Return the roles of the cores and what isolates them."""
    return _cpu(context_of(host, profile), None)


def _cpu(context: Context, report: Report | None) -> CPUConfig:
    roles = context.roles
    return CPUConfig(
        online=cpus.format_list(context.facts.online),
        housekeeping=cpus.format_list(roles.housekeeping),
        lanes=cpus.format_list(roles.lanes),
        isolated_wanted=cpus.format_list(roles.isolated),
        isolated_now=peek(context.host, "/sys/devices/system/cpu/isolated") or "",
        nohz_full_now=(peek(context.host, "/sys/devices/system/cpu/nohz_full") or "").replace(
            "(null)", ""
        ),
        siblings_idle=cpus.format_list(roles.idle),
        governor=peek(context.host, "/sys/devices/system/cpu/cpufreq/policy0/scaling_governor"),
        reasons=list(roles.reasons),
        findings=_wrong(context, report, "cpu", "irq"),
    )


def get_network_optimization(host: Host | None = None, profile: str | None = None) -> NetworkConfig:
    """Return the trading cards and the network settings."""
    return _network(context_of(host, profile), None)


def _network(context: Context, report: Report | None) -> NetworkConfig:
    cards = []
    for card in context.cards:
        tables = {
            part: _json(context, f"ethtool:{card.name}/{part}")
            for part in ("coalesce", "ring", "channels")
        }
        cards.append(
            {"name": card.name, "driver": card.driver, "node": card.node, "up": card.up, **tables}
        )
    return NetworkConfig(
        cards=cards,
        busy_read_us=_number(context, "/proc/sys/net/core/busy_read"),
        busy_poll_us=_number(context, "/proc/sys/net/core/busy_poll"),
        rmem_max_bytes=_number(context, "/proc/sys/net/core/rmem_max"),
        findings=_wrong(context, report, "network", "nic"),
    )


def get_memory_layout(host: Host | None = None, profile: str | None = None) -> MemoryConfig:
    """Return nodes, large pages and swap."""
    return _memory(context_of(host, profile), None)


def _memory(context: Context, report: Report | None) -> MemoryConfig:
    transparent = peek(context.host, "/sys/kernel/mm/transparent_hugepage/enabled")
    swaps = (peek(context.host, "/proc/swaps") or "").splitlines()[1:]
    return MemoryConfig(
        total_kib=context.facts.memory_kib,
        nodes={
            str(node): cpus.format_list(members) for node, members in context.facts.nodes.items()
        },
        huge2m_total=_number(context, HUGE.format(2048, "nr")),
        huge2m_free=_number(context, HUGE.format(2048, "free")),
        huge1g_total=_number(context, HUGE.format(1048576, "nr")),
        transparent=None if transparent is None else CODECS["choice"].parse(transparent),
        swap=", ".join(row.split()[0] for row in swaps) or "none",
        findings=_wrong(context, report, "memory"),
    )


def check_realtime_capability(
    host: Host | None = None, profile: str | None = None, *, spin_s: float = 0.0
) -> RTStatus:
    """Try what real-time work needs and read what limits it.

    With `spin_s` a real-time thread spins that long on the last lane core, and what it was refused
    is measured: throttling takes 50 ms of each second.  Do not ask for it while lanes trade.
    """
    return _realtime(context_of(host, profile), None, spin_s)


def _realtime(context: Context, report: Report | None, spin_s: float = 0.0) -> RTStatus:
    live = context.host.kind == "live"
    held = None
    if live and spin_s > 0:
        held = effect.spin_under_fifo(max(context.roles.lanes or context.facts.online), spin_s)
    return RTStatus(
        kernel=peek(context.host, "/proc/sys/kernel/version") or "",
        fifo=peek(context.host, "can:fifo") or "unknown",
        throttle_us=_number(context, "/proc/sys/kernel/sched_rt_runtime_us"),
        memlock_bytes=resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] if live else None,
        rtprio=resource.getrlimit(14)[0] if live else None,
        timer_resolution_ns=round(time.clock_getres(time.CLOCK_MONOTONIC) * 1e9) if live else None,
        fifo_share=None if held is None else round(held.share, 4),
        fifo_longest_gap_ms=None if held is None else round(held.longest_gap_ms, 3),
        findings=_wrong(context, report, "realtime"),
    )


def benchmark_latency(*arguments: Any, **options: Any) -> Any:
    """Measure the jitter of cores (tuning.jitter)."""
    from tuning import jitter

    return jitter.benchmark_latency(*arguments, **options)


def one_click_health_check(
    host: Host | None = None, profile: str | None = None, *, spin_s: float = 0.0
) -> BaselineStatus:
    """Look at everything once and answer with one word and all that stands behind it.

    Of a live host also the time is judged.  With `spin_s` each core that a lane would use is spun
    on that long (cores where one runs are left alone): do that before trading, not while it lasts.
    """
    context = context_of(host, profile)
    report = check(context)
    unseen = [
        f.knob.id
        for f in report.findings
        if f.severity == "critical" and f.state in (State.UNKNOWN, State.UNSUPPORTED)
    ]
    clock, latency = None, None
    if context.host.kind == "live":
        from tuning.time import validate_ptp_sync

        clock = validate_ptp_sync(context.profile.base)
        if spin_s > 0:
            cores = context.roles.lanes or context.facts.online
            latency = benchmark_latency(cores, spin_s, wait_seconds=0.0)
    told = clock.verdict.name if clock is not None else ""
    bad, blind = report.critical or told == "FAIL", unseen or told == "UNKNOWN"
    return BaselineStatus(
        verdict="unfit" if bad else "blind" if blind else "fit",
        health=_health(report),
        cpu=_cpu(context, report),
        network=_network(context, report),
        memory=_memory(context, report),
        realtime=_realtime(context, report),
        unseen_critical=unseen,
        time=clock,
        latency=latency,
    )


def fingerprint(host: Host | None = None) -> Fingerprint:
    """Return what every latency figure should carry: canonical content and a short hash."""
    return prints.take(context_of(host))


def _wrong(context: Context, report: Report | None, *groups: str) -> dict[str, str]:
    """Return id -> what is wrong, in those groups."""
    if report is None:
        chosen = [knob for knob in knobs.catalogue().values() if knob.group in groups]
        report = check(context, chosen)
    return {
        f.knob.id: f"{f.state}: {f.observed}, want {f.expected}"
        for f in report.findings
        if f.knob.group in groups and f.state in WRONG
    }


def _number(context: Context, address: str) -> int | None:
    text = peek(context.host, address)
    return int(text) if text is not None and text.lstrip("-").isdigit() else None


def _json(context: Context, address: str) -> Any:
    text = peek(context.host, address)
    return None if text is None else json.loads(text)
