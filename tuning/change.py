"""Change a host and change it back: apply, roll back, recover.

Owns:    the order of journal and write, reading back, groups that stand or fall together.
Refuses: deciding what to change (plan.py), and restoring over somebody else's value.

apply      each action: intent on disk, write, read back, done on disk; a failing group is undone
rollback   newest first; an original goes back only if our value still stands there
recover    what a dead process left: its plan is undone, never completed
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable

from tuning.codecs import CODECS
from tuning.host import Host
from tuning.journal import Change, Journal
from tuning.outcome import (
    Outcome,
    accepted,
    after_phase,
    expected,
    original,
    ours,
    outcome_of,
    word,
)
from tuning.plan import RESETTING, Action, Plan

Arm = Callable[[str], None]
GONE = (errno.ENOENT, errno.ESRCH, errno.ENODEV)
TROUBLE = (OSError, ValueError, KeyError, TypeError)  # refused by the kernel, or no sense in it


class Changer:
    """Changes one host under one journal.  The caller holds the journal's lock."""

    def __init__(self, host: Host, journal: Journal, boot: str, kernel: str = "") -> None:
        self.host = host
        self.journal = journal
        self.boot = boot
        self.kernel = kernel
        self._arm: Arm | None = None

    # Forward ----------------------------------------------------------------------------------

    def apply(
        self,
        plan: Plan,
        *,
        arm: Arm | None = None,
        replan: Callable[[], Plan] | None = None,
        told: Callable[[Outcome], None] = lambda outcome: None,
    ) -> list[Outcome]:
        """Carry out a plan; `arm` is called once before the first action that may cut the link."""
        self.journal.rotate()
        name = self.journal.name_run(plan.digest)
        self.journal.append(
            "begin",
            plan=name,
            boot=self.boot,
            kernel=self.kernel,
            pid=os.getpid(),
            uid=os.geteuid(),
        )
        self._arm = arm
        out: list[Outcome] = []
        queue, lost = list(plan.actions), set[str]()

        def note(outcome: Outcome) -> None:
            out.append(outcome)
            told(outcome)

        while queue:
            action = queue.pop(0)
            if action.atomic and action.atomic in lost:
                note(self._outcome("failed", action, f"group {action.atomic} was given up"))
                continue
            outcome = self._one(name, action)
            note(outcome)
            if not outcome.good and action.atomic:
                lost.add(action.atomic)
                for undone in self._undo_group(name, action.atomic):
                    note(undone)
            last_of_phase = not any(other.phase == action.phase for other in queue)
            if replan and outcome.what == "applied" and action.phase in RESETTING and last_of_phase:
                queue = [a for a in replan().actions if after_phase(a.phase, action.phase)]
        self.journal.append("end", plan=name, boot=self.boot)
        return out

    def _one(self, plan: str, action: Action) -> Outcome:
        codec = CODECS[action.codec]
        try:
            before = self.host.read(action.address)
            if accepted(action.codec, before, action.value):
                return self._outcome("already", action)
        except TROUBLE as error:
            return self._outcome("failed", action, word(error))
        if action.risk.cuts_link and self._arm is not None:
            self._arm(plan)
            self._arm = None
        change = self._intend(plan, action, before)
        try:
            self.host.write(action.address, action.value)
        except TROUBLE as error:
            self._note_managed(action, error)
            return self._refused(change, action, error)
        try:
            after = self.host.read(action.address)
        except TROUBLE as error:
            return self._outcome(
                "failed", action, f"written, then {word(error)}{self._back(change)}"
            )
        self.journal.append("done", of=change.n, after=after)
        if accepted(action.codec, after, action.value):
            detail = f"{codec.canonical(before)} -> {codec.canonical(after)}"
            return self._outcome("applied", action, detail)
        got = codec.canonical(after)
        if action.codec == "json":  # only what was asked about
            found = codec.parse(after)
            got = codec.write({key: found.get(key) for key in codec.parse(action.value)})
        asked = f"asked {action.value}, got {got}"
        return self._outcome("failed", action, asked + self._back(change))

    def _intend(self, plan: str, action: Action, before: str) -> Change:
        """Put the original on disk; only then may the write follow."""
        record = {
            "plan": plan,
            "boot": self.boot,
            "knob": action.knob,
            "target": action.target,
            "address": action.address,
            "codec": action.codec,
            "before": before,
            "value": action.value,
            "risk": str(action.risk),
            "atomic": action.atomic,
        }
        return Change(n=self.journal.append("intent", **record), after=None, **record)

    def _refused(self, change: Change, action: Action, error: Exception) -> Outcome:
        """A refused write may have done a part: look, and put that back."""
        codec = CODECS[change.codec]
        try:
            now = self.host.read(change.address)
        except TROUBLE:
            now = change.before
        if codec.canonical(now) == codec.canonical(change.before):
            self.journal.append("failed", of=change.n, reason=word(error))
            return self._outcome("failed", action, word(error))
        self.journal.append("done", of=change.n, after=now)
        return self._outcome("failed", action, word(error) + self._back(change))

    def _back(self, change: Change) -> str:
        """Put back what was just written, and say whether that worked."""
        outcome = self._restore(change, force=True)
        if outcome.what == "undone":
            return "; put back"
        return f"; could not be put back: {outcome.detail}"

    def _note_managed(self, action: Action, error: Exception) -> None:
        parts = action.address.split("/")
        told = error.errno if isinstance(error, OSError) else None
        if told == errno.EIO and action.address.startswith("/proc/irq/"):
            self.journal.append("managed", irq=parts[3], boot=self.boot)

    def _undo_group(self, plan: str, group: str) -> list[Outcome]:
        mine = [c for c in self.journal.changes() if c.plan == plan and c.atomic == group]
        return [self._restore(change) for change in reversed(mine)]

    # Back -------------------------------------------------------------------------------------

    def rollback(
        self,
        *,
        knobs: Iterable[str] = (),
        plan: str = "",
        risky: bool = False,
        force: bool = False,
        told: Callable[[Outcome], None] = lambda outcome: None,
    ) -> list[Outcome]:
        """Undo what is live, newest first: all, some knobs', one plan's, or the risky part."""
        chosen = [
            change
            for change in self.journal.changes()
            if (not knobs or change.knob in knobs)
            and (not plan or change.plan == plan)
            and (not risky or change.risk == "linkflap")
        ]
        if not chosen:
            return []
        numbers = [change.n for change in chosen]
        self.journal.append("begin", plan="", boot=self.boot, undoes=numbers, pid=os.getpid())
        out = []
        for change in reversed(chosen):
            out.append(self._restore(change, force=force))
            told(out[-1])
        self.journal.append("end", plan="", boot=self.boot)
        return out

    def recover(self) -> list[Outcome]:
        """Undo the plan that a dead process left half-applied, or finish the undoing it left."""
        plan = self.journal.unfinished()
        if plan is None:
            return []
        begin = next(r for r in reversed(self.journal.records) if r["step"] == "begin")
        wanted = set(begin.get("undoes", ()))
        left = [c for c in self.journal.changes() if c.n in wanted or (plan and c.plan == plan)]
        out = [self._restore(change) for change in reversed(left)]
        self.journal.append("end", plan=plan, boot=self.boot, reason="recovered")
        return out

    def _restore(self, change: Change, *, force: bool = False) -> Outcome:
        """Put one original back if our value, or a part of it, still stands there."""
        codec = CODECS[change.codec]
        if change.boot != self.boot:
            self.journal.append("void", of=change.n, reason="another boot")
            return outcome_of(change, "void", "went with the boot that made it")
        try:
            now = self.host.read(change.address)
        except TROUBLE as error:
            gone = isinstance(error, OSError) and error.errno in GONE
            if gone:
                self.journal.append("void", of=change.n, reason=word(error))
            return outcome_of(change, "void" if gone else "failed", word(error))
        present = codec.canonical(now)
        if present == codec.canonical(change.before):
            self.journal.append("undone", of=change.n, found=True)
            return outcome_of(change, "undone", present)
        if not force and not ours(change, now):
            self.journal.append("conflict", of=change.n, found=now)
            return outcome_of(
                change, "conflict", f"found {present}, left it; ours was {expected(change)}"
            )
        self.journal.append("undo", of=change.n)
        try:
            self.host.write(change.address, original(change, now))
            back = self.host.read(change.address)
        except TROUBLE as error:
            return outcome_of(change, "failed", word(error))
        if codec.canonical(back) != codec.canonical(change.before):
            return outcome_of(
                change,
                "failed",
                f"wrote {codec.canonical(change.before)}, reads {codec.canonical(back)}",
            )
        self.journal.append("undone", of=change.n)
        return outcome_of(change, "undone", codec.canonical(back))

    def _outcome(self, what: str, action: Action, detail: str = "") -> Outcome:
        return Outcome(what, action.knob, action.target, action.address, detail)
