"""What would be changed, in which order: a plan is data, printed and applied alike.

Owns:    turning findings into actions, the order of phases, what is left out and why.
Refuses: writing; acting on what is pending, in conflict, or right.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from tuning import want
from tuning.check import Report
from tuning.codecs import CODECS
from tuning.context import Context
from tuning.knobs import PHASES
from tuning.model import WRONG, Finding, Knob, Risk, Settable, Sight, State, Write

AT_RUN_TIME = (Settable.RSW, Settable.RW)
RESETTING = ("nic-channels", "nic-rings")  # after these, what follows must be looked at again


@dataclass(frozen=True, slots=True)
class Action:
    """One write: where, what, for which knob."""

    knob: str
    target: str
    address: str
    value: str
    codec: str
    phase: str
    risk: Risk
    atomic: str
    effect: str
    exact: bool

    def to_json(self) -> dict[str, Any]:
        return {
            "knob": self.knob,
            "target": self.target,
            "address": self.address,
            "value": self.value,
            "phase": self.phase,
            "risk": str(self.risk),
        }


@dataclass(frozen=True, slots=True)
class Plan:
    actions: tuple[Action, ...]
    manual: tuple[tuple[str, str], ...]  # knob, what a person must do
    skipped: tuple[tuple[str, str], ...]  # knob, why nothing is done

    @property
    def digest(self) -> str:
        content = [action.to_json() for action in self.actions]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def cuts_link(self) -> bool:
        return any(action.risk.cuts_link for action in self.actions)

    def to_json(self) -> dict[str, Any]:
        return {
            "plan": self.digest,
            "actions": [action.to_json() for action in self.actions],
            "manual": [{"knob": knob, "fix": fix} for knob, fix in self.manual],
            "skipped": [{"knob": knob, "reason": reason} for knob, reason in self.skipped],
        }


def make(
    context: Context, report: Report, *, force: bool = False, named: Collection[str] = ()
) -> Plan:
    """Plan what would make the report's findings right.

    `force` takes on conflicts too; `named` are the knobs that were asked for by id: some are
    changed only then, because they take much away (option `by_name`).
    """
    actions: list[Action] = []
    manual: list[tuple[str, str]] = []
    skipped: list[tuple[str, str]] = []
    planned: dict[str, Knob] = {}
    taken: set[str] = set()
    for finding in report.findings:
        knob = finding.knob
        if finding.state not in WRONG:
            continue
        reason = _left_out(finding, planned, force)
        if knob.options.get("by_name") and knob.id not in named:
            reason = f"{knob.options['by_name']}; ask for it by name: --only {knob.id}"
        if reason:
            skipped.append((knob.id, reason))
            continue
        mine = [
            action
            for sight in finding.sights
            if sight.state in (State.DRIFT, State.CONFLICT)
            for action in _actions(context, knob, sight)
            if action.address not in taken
        ]
        if not mine:
            manual.append((knob.id, finding.fix or knob.fix))
            continue
        planned[knob.id] = knob
        taken |= {action.address for action in mine}
        actions += mine
    actions.sort(key=lambda action: PHASES.index(action.phase))  # stable: catalogue order within
    plan = Plan(tuple(actions), tuple(manual), tuple(skipped))
    _refuse_starvation(context, plan)
    return plan


def _left_out(finding: Finding, planned: dict[str, Knob], force: bool) -> str:
    knob = finding.knob
    if finding.state is State.PENDING:
        return f"pending: {finding.reason}"
    if finding.state is State.CONFLICT and not force:
        return f"conflict: {finding.reason}; end it first, or --force"
    for other in planned.values():
        if knob.settable in AT_RUN_TIME and (
            other.id in knob.conflicts or knob.id in other.conflicts
        ):
            return f"excluded by {other.id}, which this plan sets"
    return ""


def _actions(context: Context, knob: Knob, sight: Sight) -> list[Action]:
    if knob.settable not in AT_RUN_TIME:
        return []
    return [
        Action(
            knob=knob.id,
            target=sight.target,
            address=write.address,
            value=write.value,
            codec=write.codec,
            phase=knob.phase,
            risk=knob.risk,
            atomic=_atomic(knob, sight),
            effect=knob.effect,
            exact=knob.exact,
        )
        for write in _writes(context, knob, sight)
    ]


def _writes(context: Context, knob: Knob, sight: Sight) -> tuple[Write, ...]:
    """Return the probe's own writes, or the one that the want says."""
    if sight.writes is not None:
        return sight.writes
    wanted = want.parse(sight.want) if sight.want is not None else context.wanted(knob)
    value = want.value_to_set(want.narrow(wanted, sight.target), sight, context.terms)
    if value is None or not sight.address:
        return ()
    return (Write(sight.address, CODECS[sight.codec].write(value), sight.codec),)


def _atomic(knob: Knob, sight: Sight) -> str:
    """Cards are groups of their own: one that fails does not undo another."""
    return f"nic {sight.target.split()[0]}" if knob.atomic == "nic" else knob.atomic


def _refuse_starvation(context: Context, plan: Plan) -> None:
    """Raise for a plan that would leave no core for housekeeping, or put interrupts on lanes."""
    if not context.roles.housekeeping and plan.actions:
        raise ValueError("the plan leaves no core for housekeeping; want at least one")
    for action in plan.actions:
        if action.phase in ("irq-affinity", "irq-default") and action.codec in (
            "cpulist",
            "cpumask",
        ):
            where = CODECS[action.codec].parse(action.value)
            if where and where <= context.roles.isolated:
                raise ValueError(
                    f"{action.knob} would put {action.target} on isolated cores {action.value}"
                )
