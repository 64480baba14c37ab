"""Change a host and change it back: apply, roll back, recover.

Owns:    the order of journal and write, reading back, groups that stand or fall together.
Refuses: deciding what to change (plan.py), and restoring over somebody else's value.

apply      each action: intent on disk, write, read back, done on disk; a failing group is undone
rollback   newest first; an original goes back only if our value still stands there
recover    what a dead process left: its plan is undone, never completed
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tuning.codecs import CODECS
from tuning.host import Host
from tuning.journal import Change, Journal
from tuning.knobs import PHASES
from tuning.plan import RESETTING, Action, Plan

Arm = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one address: applied, already, failed, undone, conflict, void."""

    what: str
    knob: str
    target: str
    address: str
    detail: str = ""

    @property
    def good(self) -> bool:
        return self.what in ("applied", "already", "undone", "void")

    def to_json(self) -> dict[str, str]:
        return {
            name: getattr(self, name) for name in ("what", "knob", "target", "address", "detail")
        }


class Changer:
    """Changes one host under one journal.  The caller holds the journal's lock."""

    def __init__(self, host: Host, journal: Journal, boot: str, kernel: str = "") -> None:
        self.host = host
        self.journal = journal
        self.boot = boot
        self.kernel = kernel

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
        out: list[Outcome] = []
        queue, lost, armed = list(plan.actions), set[str](), False
        while queue:
            action = queue.pop(0)
            if action.atomic and action.atomic in lost:
                out.append(self._outcome("failed", action, f"group {action.atomic} was given up"))
            else:
                if action.risk.cuts_link and arm is not None and not armed:
                    arm(name)
                    armed = True
                out.append(self._one(name, action))
                if not out[-1].good and action.atomic:
                    lost.add(action.atomic)
                    for outcome in self._undo_group(name, action.atomic):
                        out.append(outcome)
                        told(outcome)
            told(out[-1])
            if (
                replan
                and out[-1].what == "applied"
                and action.phase in RESETTING
                and not any(other.phase == action.phase for other in queue)
            ):
                queue = [a for a in replan().actions if _after(a.phase, action.phase)]
        self.journal.append("end", plan=name, boot=self.boot)
        return out

    def _one(self, plan: str, action: Action) -> Outcome:
        codec = CODECS[action.codec]
        try:
            before = self.host.read(action.address)
        except OSError as error:
            return self._outcome("failed", action, _word(error))
        if accepted(action.codec, before, action.value):
            return self._outcome("already", action)
        n = self.journal.append(
            "intent",
            plan=plan,
            boot=self.boot,
            knob=action.knob,
            target=action.target,
            address=action.address,
            codec=action.codec,
            before=before,
            value=action.value,
            risk=str(action.risk),
            atomic=action.atomic,
        )
        try:
            self.host.write(action.address, action.value)
        except OSError as error:
            self._note_managed(action, error)
            return self._refused(n, action, before, error)
        after = self.host.read(action.address)
        self.journal.append("done", of=n, after=after)
        if accepted(action.codec, after, action.value):
            return self._outcome(
                "applied", action, f"{codec.canonical(before)} -> {codec.canonical(after)}"
            )
        self._restore(next(c for c in self.journal.changes() if c.n == n), force=True)
        got = codec.canonical(after)
        if action.codec == "json":  # only what was asked about
            found = codec.parse(after)
            got = codec.write({key: found.get(key) for key in codec.parse(action.value)})
        return self._outcome("failed", action, f"asked {action.value}, got {got}; put back")

    def _refused(self, n: int, action: Action, before: str, error: OSError) -> Outcome:
        """A refused write may have done a part: look, and put that back."""
        try:
            now = self.host.read(action.address)
        except OSError:
            now = before
        if CODECS[action.codec].canonical(now) == CODECS[action.codec].canonical(before):
            self.journal.append("failed", of=n, reason=_word(error))
        else:
            self.journal.append("done", of=n, after=now)
            self._restore(next(c for c in self.journal.changes() if c.n == n), force=True)
        return self._outcome("failed", action, _word(error))

    def _note_managed(self, action: Action, error: OSError) -> None:
        parts = action.address.split("/")
        if error.errno == errno.EIO and action.address.startswith("/proc/irq/"):
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
            return _of(change, "void", "went with the boot that made it")
        try:
            now = self.host.read(change.address)
        except OSError as error:
            gone = error.errno in (errno.ENOENT, errno.ESRCH, errno.ENODEV)
            if gone:
                self.journal.append("void", of=change.n, reason=_word(error))
            return _of(change, "void" if gone else "failed", _word(error))
        present = codec.canonical(now)
        if present == codec.canonical(change.before):
            self.journal.append("undone", of=change.n, found=True)
            return _of(change, "undone", present)
        if not force and not _ours(change, now):
            self.journal.append("conflict", of=change.n, found=now)
            return _of(
                change, "conflict", f"found {present}, left it; ours was {_expected(change)}"
            )
        self.journal.append("undo", of=change.n)
        try:
            self.host.write(change.address, original(change, now))
            back = self.host.read(change.address)
        except OSError as error:
            return _of(change, "failed", _word(error))
        if codec.canonical(back) != codec.canonical(change.before):
            return _of(
                change,
                "failed",
                f"wrote {codec.canonical(change.before)}, reads {codec.canonical(back)}",
            )
        self.journal.append("undone", of=change.n)
        return _of(change, "undone", codec.canonical(back))

    def _outcome(self, what: str, action: Action, detail: str = "") -> Outcome:
        return Outcome(what, action.knob, action.target, action.address, detail)


def accepted(codec: str, raw: str, value: str) -> bool:
    """Say whether what reads back is what was asked: of an object, the fields that were named."""
    if codec == "json":
        found, asked = json.loads(raw), json.loads(value)
        return all(found.get(key) == wanted for key, wanted in asked.items())
    return CODECS[codec].canonical(raw) == CODECS[codec].canonical(value)


def original(change: Change, now: str) -> str:
    """Return what must be written so that the original reads back.

    Of a card's or queue's object only what differs: drivers refuse to be told what they cannot do.
    """
    if change.codec == "json" and change.address.startswith(("ethtool:", "napi:")):
        before, present = json.loads(change.before), json.loads(now)
        different = {k: v for k, v in before.items() if present.get(k) != v}
        return CODECS["json"].write(different)
    return CODECS[change.codec].restore(change.before)


def _ours(change: Change, now: str) -> bool:
    """Say whether the present value is one that we put there."""
    if change.after is not None:
        return CODECS[change.codec].canonical(now) == CODECS[change.codec].canonical(change.after)
    if accepted(change.codec, now, change.value):
        return True
    if change.codec == "int" and change.address.endswith(
        "nr_hugepages"
    ):  # a part of what was asked
        low, high = sorted((int(change.before), int(change.value)))
        return low <= int(now) <= high
    return False


def _expected(change: Change) -> str:
    return CODECS[change.codec].canonical(change.value if change.after is None else change.after)


def _of(change: Change, what: str, detail: str) -> Outcome:
    return Outcome(what, change.knob, change.target, change.address, detail)


def _after(phase: str, other: str) -> bool:
    return PHASES.index(phase) > PHASES.index(other)


def _word(error: OSError) -> str:
    name = errno.errorcode.get(error.errno or 0, str(error.errno))
    return f"{name}: {error.strerror}"
