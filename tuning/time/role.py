"""What part a PTP clock plays: role, the port that follows, how it stamps.

Owns:    facts derived from identities and port states, without a limit.
Refuses: verdicts (judge_ptp.py).
"""

from __future__ import annotations

from tuning.time.datasets import PortDataSet, PortState, Stamping
from tuning.time.management import PtpFacts
from tuning.time.phc import PhcFacts
from tuning.time.verdict import Role, SourceKind, duration

FOLLOWING = {PortState.SLAVE, PortState.UNCALIBRATED}
LEADING = {PortState.MASTER, PortState.GRAND_MASTER}


def role_of(facts: PtpFacts) -> Role:
    """Derive the role from identities and port states; NONE while it is undecided."""
    if facts.default is None:
        return Role.NONE
    states = {port.state for port in facts.ports}
    is_own = facts.parent is not None and facts.parent.grandmaster == facts.default.clock
    if is_own and states & LEADING:
        return Role.GRANDMASTER
    if facts.default.ports > 1:
        return Role.BOUNDARY
    return Role.SLAVE if facts.default.slave_only or states & FOLLOWING else Role.NONE


def following_port(facts: PtpFacts) -> PortDataSet | None:
    """Return the port that follows a master, the best one if several say so."""
    ranked = (PortState.SLAVE, PortState.UNCALIBRATED)
    found = [port for port in facts.ports if port.state in ranked]
    return min(found, key=lambda port: ranked.index(port.state), default=None)


def stamping_of(facts: PtpFacts) -> Stamping | None:
    port = following_port(facts)
    names = [one for one in facts.port_properties if port is None or one.port == port.port]
    return names[0].stamping if names else None


def interface_of(facts: PtpFacts) -> str | None:
    port = following_port(facts)
    names = [one for one in facts.port_properties if port is None or one.port == port.port]
    return names[0].interface if names else None


def kind_of(facts: PtpFacts) -> SourceKind:
    is_software = stamping_of(facts) in (Stamping.SOFTWARE, None)
    return SourceKind.PTP_SOFTWARE if is_software else SourceKind.PTP_HARDWARE


def sync_interval_ns(facts: PtpFacts) -> int:
    port = following_port(facts) or (facts.ports[0] if facts.ports else None)
    return int(1e9 * 2.0 ** (port.log_sync if port else 0))


def ingress_age(facts: PtpFacts, phc: PhcFacts | None) -> int | None:
    """Return the age of the last Sync; None when no clock of the same time scale can be read."""
    if facts.status is None or facts.status.ingress_ns == 0:
        return None
    if kind_of(facts) is SourceKind.PTP_SOFTWARE:
        return facts.taken_ns - facts.status.ingress_ns
    if phc is None or phc.cross is None:
        return None
    return facts.taken_ns + phc.cross.offset_ns - facts.status.ingress_ns


def describe(facts: PtpFacts, role: Role) -> dict[str, str]:
    out = {"role": role.name.lower()}
    if facts.default is not None:
        out |= {"clock": facts.default.clock, "domain": str(facts.default.domain)}
    if facts.parent is not None:
        out["grandmaster"] = facts.parent.grandmaster
    if facts.current is not None:
        out["steps"] = str(facts.current.steps_removed)
        out["path_delay"] = duration(facts.current.mean_path_delay_ns)
    stamping = stamping_of(facts)
    if stamping is not None:
        out["stamping"] = stamping.name.lower()
    interface = interface_of(facts)
    if interface is not None:
        out["interface"] = interface
    return out
