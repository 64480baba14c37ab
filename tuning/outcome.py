"""What became of a write, and when two raw texts say the same.

Owns:    outcomes; whether a value was taken, whether a value is ours, what brings an original back.
Refuses: I/O.
"""

from __future__ import annotations

import errno
import json
from dataclasses import dataclass

from tuning.codecs import CODECS
from tuning.journal import Change
from tuning.knobs import PHASES


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


def accepted(codec: str, raw: str, value: str) -> bool:
    """Say whether what reads back is what was asked: of an object, the fields that were named."""
    if codec == "json":
        found, asked = CODECS[codec].parse(raw), CODECS[codec].parse(value)
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


def ours(change: Change, now: str) -> bool:
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


def expected(change: Change) -> str:
    return CODECS[change.codec].canonical(change.value if change.after is None else change.after)


def outcome_of(change: Change, what: str, detail: str) -> Outcome:
    return Outcome(what, change.knob, change.target, change.address, detail)


def after_phase(phase: str, other: str) -> bool:
    return PHASES.index(phase) > PHASES.index(other)


def word(error: Exception) -> str:
    if not isinstance(error, OSError):
        return f"not understood: {error!r}"
    name = errno.errorcode.get(error.errno or 0, str(error.errno))
    return f"{name}: {error.strerror}"
