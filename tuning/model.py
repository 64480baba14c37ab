"""The words of the package: states, severities, knobs, sights, findings.

Owns:    plain records that everything else passes around.
Refuses: I/O and judgement.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Where a knob stands.  UNKNOWN comes first: what was not looked at is not good."""

    UNKNOWN = "UNKNOWN"
    OK = "OK"
    DRIFT = "DRIFT"
    PENDING = "PENDING"
    UNSUPPORTED = "UNSUPPORTED"
    NOT_APPLICABLE = "NOT_APPLICABLE"
    CONFLICT = "CONFLICT"


# The worst target of a knob speaks for it.  UNKNOWN and UNSUPPORTED stand before OK: a knob that
# was seen on one core and hidden on another is not green.
WORST_FIRST = (
    State.CONFLICT,
    State.DRIFT,
    State.PENDING,
    State.UNKNOWN,
    State.UNSUPPORTED,
    State.OK,
    State.NOT_APPLICABLE,
)
JUDGED = frozenset({State.OK, State.DRIFT, State.PENDING, State.CONFLICT})
WRONG = frozenset({State.DRIFT, State.PENDING, State.CONFLICT})
UNSEEN = frozenset({State.UNKNOWN, State.UNSUPPORTED})


class Severity(StrEnum):
    CRITICAL = "critical"
    ADVISED = "advised"
    INFO = "info"

    @property
    def weight(self) -> int:
        return {"critical": 4, "advised": 2, "info": 1}[self.value]

    def lower(self) -> Severity:
        return {"critical": Severity.ADVISED, "advised": Severity.INFO, "info": Severity.INFO}[
            self.value
        ]


class Settable(StrEnum):
    """How a knob can be changed, as the catalogue marks it."""

    RSW = "RSW"  # at run time; applied, verified and restored on a real machine
    RW = "RW"  # at run time; not exercised on a real machine yet
    BOOT = "BOOT"  # kernel command line or unit file; offered as a drop-in
    FIRMWARE = "FIRMWARE"
    OWNER = "OWNER"  # somebody else's decision: reported with the remedy, never written
    NO = "NO"  # a figure, not a setting


class Risk(StrEnum):
    NONE = "none"
    BLIP = "blip"  # a stall of milliseconds
    STARVATION = "starvation"  # something else may no longer get the CPU
    LINKFLAP = "linkflap"  # may cut the network session that gave the command
    REBOOT = "reboot"

    @property
    def cuts_link(self) -> bool:
        return self is Risk.LINKFLAP


@dataclass(frozen=True, slots=True)
class Knob:
    """One entry of the catalogue (tuning/knobs/*.toml)."""

    id: str
    group: str
    title: str
    why: str
    cost: str
    fix: str  # what to do where `apply` cannot
    undo: str
    where: tuple[str, ...]
    settable: Settable
    severity: Severity
    source: str
    wants: dict[str, Any]
    probe: str = "file"
    codec: str = "text"
    phase: str = ""
    risk: Risk = Risk.NONE
    exact: bool = True  # rollback gives the whole state back, not only the value
    firm: bool = False  # keeps its severity in every profile
    atomic: str = ""  # knobs of one such group are applied together or not at all
    absent: str = ""  # what it means when it is not there
    not_applicable: str = ""  # why a profile says "-"
    effect: str = ""  # name of the check by effect, after the write
    watch: bool = True
    conflicts: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()  # programs that are known to write it
    aliases: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)  # the probe's own


@dataclass(frozen=True, slots=True)
class Write:
    """One value to be put at one address."""

    address: str
    value: str
    codec: str = "text"


@dataclass(frozen=True, slots=True)
class Sight:
    """What one look at one target of a knob showed.

    A probe that leaves `state` empty lets the matcher judge `value`; one that knows better (absent,
    managed by the kernel, waiting for an interrupt) sets it with its reason.
    """

    target: str = ""
    value: Any = None
    shown: str = ""
    address: str = ""
    raw: str = ""
    codec: str = "text"
    state: State | None = None
    reason: str = ""
    expected: str = ""
    writes: tuple[Write, ...] | None = (
        None  # None: derive from address and want; (): nothing to write
    )
    want: Any = None  # instead of the profile's, where the probe knows the target's own


@dataclass(frozen=True, slots=True)
class Finding:
    """A knob's verdict: its sights, judged."""

    knob: Knob
    state: State
    severity: Severity
    observed: str
    expected: str
    target: str
    reason: str
    sights: tuple[Sight, ...]  # each with its own state
    fix: str = ""

    def row(self) -> dict[str, str]:
        """Return the row of `--json`; its keys are a promise (docs/baseline.schema.json)."""
        return {
            "id": self.knob.id,
            "group": self.knob.group,
            "state": str(self.state),
            "severity": str(self.severity),
            "observed": self.observed,
            "expected": self.expected,
            "target": self.target,
            "reason": self.reason,
            "why": self.knob.why,
            "fix": self.fix,
            "undo": self.knob.undo,
            "source": self.knob.source,
        }
