"""All sources of time and the clock itself, looked at and judged together.

Owns:    one reading of everything (TimeFacts), the choice of the source, SyncStatus, the record
         that goes to the time authority.
Refuses: single rules (judge_*), waiting between two readings (calls.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuning.time.authority import TimeRecord, no_record
from tuning.time.chrony import Chronyc, ChronyFacts
from tuning.time.judge_chrony import judge_chrony
from tuning.time.judge_host import (
    check_agreement,
    check_granularity,
    check_kind,
    check_rule,
    check_step,
    check_synchronised,
    check_tai,
    check_writers,
    judge_kernel,
)
from tuning.time.judge_phc import judge_clock
from tuning.time.judge_ptp import judge_ptp
from tuning.time.kernel import KernelFacts, read_kernel
from tuning.time.limits import Limits
from tuning.time.management import ManagementClient, ManagementError, PtpFacts, find_socket
from tuning.time.phc import PhcFacts, PpsFacts, find_phcs, read_phc, read_pps
from tuning.time.role import interface_of
from tuning.time.verdict import Check, Role, SourceStatus, Verdict, combine

ROOT = Path("/")
GOOD = (Verdict.OK, Verdict.WARN)
# Checks of the clock itself that make every measurement of it worthless.
SPOILING = {"clock.step", "clock.writer", "time.agreement"}
# Checks that only say how far off the clock is: a source that fails them is still a witness.
DISTANCE = {"ptp.offset", "phc.offset", "ntp.bound"}


@dataclass(frozen=True)
class Where:
    """Where to look, and what the owner has declared."""

    ptp_socket: str | None = None  # None = the usual places
    ptp_domain: int | None = None  # None = find it
    chrony_socket: str | None = None
    grandmasters: frozenset[str] = frozenset()  # that may be followed; empty = any, unchanged
    role: Role | None = None  # that this host should play
    utc_sources: frozenset[str] = frozenset()  # NTP sources whose chain to UTC is documented
    root: Path = ROOT


@dataclass(frozen=True)
class TimeFacts:
    """One reading of everything."""

    kernel: KernelFacts
    ptp: PtpFacts | None = None
    chrony: ChronyFacts | None = None
    phcs: tuple[PhcFacts, ...] = ()
    pps: tuple[PpsFacts, ...] = ()
    missing: dict[str, str] = field(default_factory=dict)

    def phc_of(self, interface: str | None) -> PhcFacts | None:
        return next((phc for phc in self.phcs if interface in phc.interfaces), None)


@dataclass(frozen=True)
class SyncStatus:
    """The answer: is the time on this host good, and how do we know?"""

    verdict: Verdict
    role: Role
    source: SourceStatus | None  # that the record rests on; None = no source holds
    sources: tuple[SourceStatus, ...]
    checks: tuple[Check, ...]  # of the clock itself, the profile and the rule book
    record: TimeRecord
    profile: str
    rule: str | None
    missing: dict[str, str]

    @property
    def is_synced(self) -> bool:
        return self.verdict in GOOD

    def all_checks(self) -> list[Check]:
        return [*self.checks, *(check for one in self.sources for check in one.checks)]

    def to_json(self) -> dict[str, Any]:
        record = vars(self.record) | {"source": self.record.source.text}
        return {
            "verdict": self.verdict.name,
            "profile": self.profile,
            "rule": self.rule,
            "role": self.role.name.lower(),
            "source": self.source.kind.text if self.source else "none",
            "record": record,
            "checks": [check_json(check) for check in self.checks],
            "sources": [source_json(one) for one in self.sources],
            "missing": self.missing,
        }


def check_json(check: Check) -> dict[str, str]:
    return {key: getattr(value, "name", value) for key, value in vars(check).items()}


def source_json(source: SourceStatus) -> dict[str, Any]:
    return {
        "kind": source.kind.text,
        "name": source.name,
        "verdict": source.verdict.name,
        "role": source.role.name.lower(),
        "offset_ns": source.offset_ns,
        "uncertainty_ns": source.uncertainty_ns,
        "traceable": source.traceable,
        "details": source.details,
        "checks": [check_json(check) for check in source.checks],
    }


def observe(where: Where) -> TimeFacts:
    """Take one reading of everything.  What is not there is named in `missing`, never guessed."""
    missing: dict[str, str] = {}
    ptp: PtpFacts | None = None
    socket = where.ptp_socket or find_socket(where.root)
    if socket is None:
        missing["ptp4l"] = "no management socket (run/ptp4l, run/ptp4lro)"
    else:
        try:
            with ManagementClient(socket, domain=where.ptp_domain) as client:
                ptp = client.facts()
        except ManagementError as error:
            missing["ptp4l"] = str(error)
    chrony: ChronyFacts | None = Chronyc(where.chrony_socket).facts()
    if chrony is not None and chrony.tracking is None:
        missing["chronyd"] = chrony.missing.get("tracking", "not answered")
        chrony = None
    phcs = tuple(read_phc(index, where.root) for index in find_phcs(where.root))
    if not phcs:
        missing["phc"] = "no PTP hardware clock (sys/class/ptp is empty)"
    kernel = read_kernel(where.root)
    return TimeFacts(kernel, ptp, chrony, phcs, read_pps(where.root), missing)


def judge_sources(
    facts: TimeFacts, limits: Limits, where: Where, previous: TimeFacts | None
) -> list[SourceStatus]:
    out = []
    if facts.ptp is not None:
        phc = facts.phc_of(interface_of(facts.ptp))
        before = previous.phc_of(interface_of(facts.ptp)) if previous else None
        out.append(
            judge_ptp(
                facts.ptp,
                limits,
                phc=phc,
                pps=facts.pps,
                grandmasters=where.grandmasters,
                expected_role=where.role,
                previous=previous.ptp if previous else None,
                previous_phc=before,
            )
        )
    if facts.chrony is not None:
        out.append(judge_chrony(facts.chrony, limits, utc_sources=where.utc_sources))
    if not out:
        out.append(judge_kernel(facts.kernel, limits))
    for phc in facts.phcs:
        if facts.ptp is None or phc is not facts.phc_of(interface_of(facts.ptp)):
            older = previous.phcs if previous else ()
            before = next((one for one in older if one.device == phc.device), None)
            out.append(judge_clock(phc, limits, before))
    return out


def is_witness(source: SourceStatus) -> bool:
    """Say whether a source's word about the offset counts, however large the offset is."""
    rest = combine(check.verdict for check in source.checks if check.id not in DISTANCE)
    return rest in GOOD and source.offset_ns is not None


def judge(
    facts: TimeFacts,
    limits: Limits,
    where: Where | None = None,
    previous: TimeFacts | None = None,
) -> SyncStatus:
    """Judge one reading, with the one before it where there is one.  Looks at nothing itself."""
    where = where or Where()
    sources = judge_sources(facts, limits, where, previous)
    holding = [one for one in sources if one.verdict in GOOD and one.offset_ns is not None]
    best = max(holding, key=lambda one: one.kind, default=None)
    properties = facts.ptp.properties if facts.ptp else None
    announced = properties.utc_offset_s if properties and properties.utc_offset_valid else None
    optional = (
        check_agreement([one for one in sources if is_witness(one)], limits),
        check_step(facts.kernel, previous.kernel if previous else None, limits),
        check_tai(facts.kernel, announced),
    )
    checks = [
        check_kind(best, limits),
        check_synchronised(facts.kernel, limits),
        check_writers(facts.kernel),
        *(check for check in optional if check is not None),
        check_granularity(facts.kernel, limits.rule),
        *(check_rule(best, limits.rule) if limits.rule else []),
    ]
    parts = [check.verdict for check in checks] + ([best.verdict] if best else [])
    role = next((one.role for one in sources if one.role is not Role.NONE), Role.NONE)
    return SyncStatus(
        verdict=combine(parts),
        role=role,
        source=best,
        sources=tuple(sources),
        checks=tuple(checks),
        record=record_of(best, checks),
        profile=limits.profile,
        rule=limits.rule.name if limits.rule else None,
        missing=facts.missing,
    )


def record_of(source: SourceStatus | None, checks: list[Check]) -> TimeRecord:
    """Make the time authority's record; it has no source when the clock itself is in doubt."""
    spoiled = [one for one in checks if one.id in SPOILING and one.verdict is Verdict.FAIL]
    if spoiled:
        return no_record(f"{spoiled[0].id}: {spoiled[0].reason}")
    if source is None or source.offset_ns is None or source.uncertainty_ns is None:
        return no_record("no source of time passed its checks")
    return TimeRecord(
        offset_ns=source.offset_ns,
        uncertainty_ns=source.uncertainty_ns,
        source=source.kind,
        traceable=source.traceable,
        taken_ns=source.taken_ns,
        valid_until_ns=source.taken_ns + source.validity_ns,
        growth_ppb=source.growth_ppb,
    )
