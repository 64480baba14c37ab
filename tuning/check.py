"""Look at every knob, judge it, and sum up: states, fitness, coverage.

Owns:    judging, the row per knob, the two figures.
Refuses: writing; and green for what was not seen.

    fitness  = 100 x OK / (OK + DRIFT + PENDING + CONFLICT), weighted 4 / 2 / 1 by severity
    coverage = 100 x observed / (catalogue - NOT_APPLICABLE); not UNKNOWN, not UNSUPPORTED
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tuning import knobs, probes, want
from tuning.codecs import CODECS
from tuning.context import Context
from tuning.model import (
    JUDGED,
    UNSEEN,
    WORST_FIRST,
    WRONG,
    Finding,
    Knob,
    Settable,
    Severity,
    Sight,
    State,
)
from tuning.probes.common import boot_word

SAMPLE_SECONDS = 2.0
NAMES_MAX = 3  # targets that a row names


@dataclass(frozen=True, slots=True)
class Report:
    profile: str
    host: str
    kernel: str
    fingerprint: str
    findings: tuple[Finding, ...]
    chosen: str
    roles: tuple[str, ...]
    seconds: float
    blind: tuple[str, ...]  # ids that were not seen for want of rights

    @property
    def fitness(self) -> float:
        judged = [(f.severity.weight, f.state) for f in self.findings if f.state in JUDGED]
        whole = sum(weight for weight, _ in judged)
        good = sum(weight for weight, state in judged if state is State.OK)
        return round(100 * good / whole, 1) if whole else 0.0

    @property
    def coverage(self) -> float:
        applicable = [f for f in self.findings if f.state is not State.NOT_APPLICABLE]
        seen = [f for f in applicable if f.state not in UNSEEN]
        return round(100 * len(seen) / len(applicable), 1) if applicable else 0.0

    @property
    def states(self) -> dict[str, int]:
        count = Counter(f.state for f in self.findings)
        return {str(state): count[state] for state in State}

    @property
    def critical(self) -> tuple[Finding, ...]:
        return tuple(
            f for f in self.findings if f.severity is Severity.CRITICAL and f.state in WRONG
        )

    def worst(self, count: int = 3) -> list[Finding]:
        """Return the findings to act on first: by severity, then by state."""
        bad = [f for f in self.findings if f.state in WRONG]
        return sorted(bad, key=lambda f: (-f.severity.weight, WORST_FIRST.index(f.state)))[:count]

    def finding(self, name: str) -> Finding:
        return next(f for f in self.findings if f.knob.id == name)

    def to_json(self) -> dict[str, Any]:
        """Return the object of `--json`; its keys are a promise (docs/baseline.schema.json)."""
        return {
            "profile": self.profile,
            "fitness": self.fitness,
            "coverage": self.coverage,
            "fingerprint": self.fingerprint,
            "knobs": [finding.row() for finding in self.findings],
        }


def check(context: Context, chosen: Sequence[Knob] | None = None) -> Report:
    """Look at the given knobs, or at all of them, and judge them."""
    from tuning import fingerprints

    started = time.monotonic()
    chosen = list(knobs.catalogue().values()) if chosen is None else chosen
    probes.load()
    counters = [] if context.brief else [k for k in chosen if k.probe in probes.SAMPLERS]
    before = {knob.id: _sample(context, knob) for knob in counters}
    found = {knob.id: examine(context, knob) for knob in chosen if knob not in counters}
    if counters:
        passed = context.host.pause(max(0.0, SAMPLE_SECONDS - (time.monotonic() - started)))
        passed = passed and max(passed, time.monotonic() - started)
        for knob in counters:
            context.samples[knob.id] = (before[knob.id], _sample(context, knob), passed)
        found.update({knob.id: examine(context, knob) for knob in counters})
    if context.host.kind == "live" and not context.brief:
        found.update({name: _proven(context, finding) for name, finding in found.items()})
    findings = tuple(found[knob.id] for knob in chosen)
    blind = tuple(
        f.knob.id for f in findings if any(s.reason.startswith("permission:") for s in f.sights)
    )
    return Report(
        profile=f"{context.profile.name}@{context.profile.digest}",
        host=context.facts.hostname,
        kernel=context.facts.kernel,
        fingerprint=fingerprints.take(context).short,
        findings=findings,
        chosen=context.chosen,
        roles=context.roles.reasons,
        seconds=time.monotonic() - started,
        blind=blind,
    )


def _proven(context: Context, finding: Finding) -> Finding:
    """Hold a green finding against its effect, where it has one: what reads right may not work."""
    from tuning import effect

    proof = effect.prove(context, finding)
    if proof is None or proof.state in (State.OK, State.UNKNOWN):
        return finding
    reason = f"by effect: {proof.detail}"
    return replace(finding, state=proof.state, reason=reason, fix=finding.knob.fix)


def _sample(context: Context, knob: Knob) -> Any:
    try:
        return probes.SAMPLERS[knob.probe](context)
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None


def examine(context: Context, knob: Knob) -> Finding:
    """Look at one knob and judge what was seen."""
    sights = tuple(judge(context, knob, sight) for sight in probes.look(context, knob))
    state = next(s for s in WORST_FIRST if any(sight.state is s for sight in sights))
    speaking = [sight for sight in sights if sight.state is state]
    finding = Finding(
        knob=knob,
        state=state,
        severity=context.severity(knob),
        observed=_join([sight.shown or "-" for sight in speaking]),
        expected=_join([sight.expected for sight in speaking]),
        target=_names([sight.target for sight in speaking]),
        reason=_join([sight.reason for sight in speaking if sight.reason]),
        sights=sights,
    )
    return replace(finding, fix=_fix(context, finding))


def judge(context: Context, knob: Knob, sight: Sight) -> Sight:
    """Give one sight its state, its reason and what was expected of it."""
    wanted = want.parse(sight.want) if sight.want is not None else context.wanted(knob)
    if wanted.kind == "each" and sight.state is None:
        wanted = want.narrow(wanted, sight.target)
    expected = sight.expected or want.show(wanted, context.terms)
    if not wanted.demands:
        return _undemanding(context, knob, wanted, replace(sight, expected=expected))
    state, reason = sight.state, sight.reason
    if state is None:
        if wanted.kind == "fields" and not set(wanted.operand) & set(sight.value):
            lacking = f"not offered: {', '.join(wanted.operand)}"
            return replace(sight, state=State.UNSUPPORTED, reason=lacking, expected=expected)
        good = want.judge(wanted, sight, context.terms)
        state = State.OK if good else State.DRIFT
    if state is State.DRIFT and sight.address in context.applied:
        ours = CODECS[sight.codec].canonical(context.applied[sight.address])
        if ours != CODECS[sight.codec].canonical(sight.raw):
            state, reason = State.CONFLICT, f"changed after our apply{_suspects(context, knob)}"
    change = context.profile.overrides.get(knob.id)
    if change:
        reason = "; ".join(text for text in (reason, f"profile: {change['reason']}") if text)
    return replace(sight, state=state, reason=reason, expected=expected)


def _undemanding(context: Context, knob: Knob, wanted: want.Want, sight: Sight) -> Sight:
    """Judge where the profile asks nothing: reported is green only if it was seen."""
    if wanted.kind == "report" and sight.state is not State.NOT_APPLICABLE:
        state = sight.state if sight.state in UNSEEN else State.OK
        return replace(
            sight, state=state, reason=sight.reason or "reported; nothing is asked", writes=()
        )
    default = f"{context.profile.base} does not use it"
    reason = knob.not_applicable or default
    if wanted.kind == "leave":
        reason = f"{context.profile.base} leaves it as it is"
    return replace(sight, state=State.NOT_APPLICABLE, reason=reason, writes=())


def _suspects(context: Context, knob: Knob) -> str:
    running = sorted(context.facts.processes(*knob.writers)) if knob.writers else []
    return f"; suspect: {', '.join(running)}" if running else ""


def _join(texts: Sequence[str]) -> str:
    """Return one text where all agree, else the first few."""
    unique = list(dict.fromkeys(texts))
    more = len(unique) - NAMES_MAX
    return "; ".join(unique[:NAMES_MAX]) + (f"; {more} more" if more > 0 else "")


def _names(targets: Sequence[str]) -> str:
    named = [target for target in targets if target]
    more = len(named) - NAMES_MAX
    return ", ".join(named[:NAMES_MAX]) + (f" +{more}" if more > 0 else "")


def _fix(context: Context, finding: Finding) -> str:
    """Return what to do about a finding, '' where nothing is to be done."""
    knob = finding.knob
    if finding.state in UNSEEN and any(s.reason.startswith("permission:") for s in finding.sights):
        return "" if context.facts.root else "run as root to see it"
    if finding.state not in WRONG:
        return ""
    if finding.state is State.PENDING and knob.settable is Settable.BOOT:
        return "reboot"
    if knob.probe == "boot" or "word" in knob.options:
        word = boot_word(context, knob)
        return f"kernel command line: {word}" if word else knob.fix
    can_write = any(sight.state in WRONG and sight.writes != () for sight in finding.sights)
    if knob.settable in (Settable.RSW, Settable.RW) and can_write:
        return f"run: corelane baseline apply --only {knob.id}"
    return knob.fix
