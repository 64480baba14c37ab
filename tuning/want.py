"""What a profile wants of a knob, and whether a value is that.

Owns:    the little language of `want` in the catalogue: judged, shown, turned into a value.
Refuses: reading anything.

    "-"                     not applicable          {max = 1}, {min = 4}, {between = [1, 4]}
    "="                     left as it is           {any_of = ["never", "madvise"]}
    "?"                     reported only           {cpus = "isolated"}   equal to a role's CPUs
    5, "performance"        equal                   {within = "housekeeping"}  no other CPU
    {each = {a = 0}}        by target               {outside = "hot"}          none of these CPUs
    {fields = {rx_usecs = 0}}  of an object         {size = "huge2m"}     at least the profile's
                                                    {ram_permille = [10, 20]}  of MemTotal, in KiB
    {set = 9, ...}          what `apply` writes, where it is not the first value that would do
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tuning import cpus
from tuning.model import Sight

MARKS = {"-": "not_applicable", "=": "leave", "?": "report"}
KINDS = (
    "any_of",
    "between",
    "cpus",
    "each",
    "fields",
    "max",
    "min",
    "outside",
    "ram_permille",
    "size",
    "within",
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the words of a want refer to on this host under this profile."""

    roles: dict[str, frozenset[int]]
    sizes: dict[str, int]
    memory_kib: int = 0


@dataclass(frozen=True, slots=True)
class Want:
    kind: str
    operand: Any = None
    choice: Any = None  # what to write, if told

    @property
    def demands(self) -> bool:
        return self.kind not in MARKS.values()


def parse(spec: Any) -> Want:
    """Read one want.  Raises ValueError that names the piece that was not understood."""
    if isinstance(spec, str) and spec in MARKS:
        return Want(MARKS[spec])
    if isinstance(spec, Want):
        return spec
    if not isinstance(spec, dict):
        return Want("equal", spec)
    words = {key: value for key, value in spec.items() if key != "set"}
    if len(words) != 1 or next(iter(words)) not in KINDS:
        raise ValueError(f"want {spec!r} is not understood; want one of {', '.join(KINDS)}")
    kind, operand = next(iter(words.items()))
    return Want(kind, operand, spec.get("set"))


def narrow(want: Want, target: str) -> Want:
    """Return the want of one target."""
    if want.kind != "each":
        return want
    part = re.split(r"[ /]", target)[-1]  # "eth0 gro_flush_timeout", "nvme0n1 scheduler"
    if part not in want.operand:
        raise ValueError(f"want has no entry for target {target!r}")
    return parse(want.operand[part])


def judge(want: Want, sight: Sight, terms: Terms) -> bool:
    """Say whether what was seen is what is wanted."""
    value, operand = sight.value, want.operand
    if want.kind == "equal":
        return bool(value == operand)
    if want.kind == "any_of":
        return value in operand
    if want.kind == "max":
        return bool(value <= operand)
    if want.kind in ("min", "size"):
        return bool(value >= _bound(want, terms))
    if want.kind == "between":
        return bool(operand[0] <= value <= operand[1])
    if want.kind == "ram_permille":
        low, high = _share(operand, terms)
        return low <= int(value) <= high
    if want.kind == "cpus":
        return frozenset(value) == _role(operand, terms)
    if want.kind == "within":
        return frozenset(value) <= _role(operand, terms)
    if want.kind == "outside":
        return not frozenset(value) & _role(operand, terms)
    if want.kind == "fields":
        return all(key not in value or _same(value[key], wanted) for key, wanted in operand.items())
    return not want.demands


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict) and "max" in wanted:
        return bool(found <= wanted["max"])
    if isinstance(wanted, dict) and "min" in wanted:
        return bool(found >= wanted["min"])
    return bool(found == wanted)


def show(want: Want, terms: Terms) -> str:
    """Return the want as a person reads it."""
    operand = want.operand
    match want.kind:
        case "not_applicable":
            return "-"
        case "leave":
            return "left as it is"
        case "report":
            return "reported only"
        case "any_of":
            return " or ".join(str(item) for item in operand)
        case "max":
            return f"<= {operand}"
        case "min" | "size":
            return f">= {_bound(want, terms)}"
        case "between":
            return f"{operand[0]}..{operand[1]}"
        case "ram_permille":
            return "{}..{} KiB".format(*_share(operand, terms))
        case "cpus":
            return cpus.format_list(_role(operand, terms)) or "none"
        case "within":
            return "only " + (cpus.format_list(_role(operand, terms)) or "none")
        case "outside":
            return "none of " + (cpus.format_list(_role(operand, terms)) or "none")
        case "fields":
            return " ".join(f"{key} {_show_field(item)}" for key, item in operand.items())
        case "each":
            return " ".join(f"{key} {show(parse(item), terms)}" for key, item in operand.items())
    return str(operand) if operand != "" else "none"


def _show_field(wanted: Any) -> str:
    if isinstance(wanted, dict):
        bound = wanted.get("max", wanted.get("min"))
        return f"{'<=' if 'max' in wanted else '>='} {bound}"
    if isinstance(wanted, bool):
        return "on" if wanted else "off"
    return str(wanted)


def value_to_set(want: Want, sight: Sight, terms: Terms) -> Any:
    """Return the value that `apply` puts there; None where there is none to put."""
    operand = want.operand
    if want.choice is not None:
        return want.choice
    if want.kind == "equal":
        return operand
    if want.kind in ("max", "min", "size"):
        return _bound(want, terms)
    if want.kind in ("any_of", "between"):
        return operand[0]
    if want.kind == "ram_permille":
        return sum(_share(operand, terms)) // 2
    if want.kind in ("cpus", "within"):
        return _role(operand, terms) or None
    if want.kind == "outside":
        left = frozenset(sight.value or ()) - _role(operand, terms)
        return left or terms.roles.get("housekeeping") or None
    if want.kind == "fields":
        return {
            key: _choice(wanted)
            for key, wanted in operand.items()
            if key in sight.value and not _same(sight.value[key], wanted)
        }
    return None


def _choice(wanted: Any) -> Any:
    """Return what to write into a field: told, or its bound, or the value itself."""
    if isinstance(wanted, dict):
        return wanted.get("set", next(iter(wanted.values())))
    return wanted


def _bound(want: Want, terms: Terms) -> int:
    return terms.sizes[want.operand] if want.kind == "size" else int(want.operand)


def _share(operand: list[int], terms: Terms) -> tuple[int, int]:
    return terms.memory_kib * operand[0] // 1000, terms.memory_kib * operand[1] // 1000


def _role(name: str, terms: Terms) -> frozenset[int]:
    if name not in terms.roles:
        raise ValueError(f"no role {name!r}; want one of {', '.join(sorted(terms.roles))}")
    return terms.roles[name]
