"""Alarm levels for clocks: read, merged and checked.

Owns:    limits.toml (shipped) or a file of the same shape, profile and rule book by name.
Refuses: levels in code.  An unknown key, name or type is a LimitsError that lists all of them.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

SHIPPED = Path(__file__).with_name("limits.toml")


class LimitsError(Exception):
    """The limits file does not say what is needed."""


@dataclass(frozen=True)
class OffsetLimits:
    offset_warn_ns: int
    offset_fail_ns: int


@dataclass(frozen=True)
class PathLimits(OffsetLimits):
    path_step_ns: int
    path_step_pct: int
    path_floor_ns: int


@dataclass(frozen=True)
class PhcLimits(OffsetLimits):
    frequency_ppm: int
    frequency_step_ppm: int
    bound_warn_ns: int
    bound_fail_ns: int


@dataclass(frozen=True)
class Rule:
    """What a rule book asks of every time stamp."""

    title: str
    divergence_ns: int
    granularity_ns: int
    traceable: bool
    name: str = ""


@dataclass(frozen=True)
class Limits:
    wanted: list[str]
    tolerated: list[str]
    unsynchronised: str
    stale_intervals: int
    stale_floor_ms: int
    clock_class_ok: int
    clock_class_warn: int
    step_ns: int
    growth_ppb: int
    validity_ms: int
    utc_offset_s: int
    ptp_hardware: PathLimits
    ptp_software: PathLimits
    ntp: OffsetLimits
    kernel: OffsetLimits
    phc: PhcLimits
    profile: str = ""
    rule: Rule | None = None


SECTIONS: dict[str, type] = {
    "ptp-hardware": PathLimits,
    "ptp-software": PathLimits,
    "ntp": OffsetLimits,
    "kernel": OffsetLimits,
    "phc": PhcLimits,
}


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(out.get(key), dict)
        out[key] = merged(out[key], value) if both else value
    return out


def build(kind: type, table: dict[str, Any], where: str, problems: list[str]) -> Any:
    """Make one record from a table; what does not fit is added to `problems`."""
    wanted = {one.name: str(one.type) for one in fields(kind) if one.name in REQUIRED[kind]}
    for key in table.keys() - wanted.keys():
        problems.append(f"{where}.{key} is unknown")
    for key, type_name in wanted.items():
        value = table.get(key)
        good = {"int": type(value) is int and value >= 0, "bool": type(value) is bool,
                "str": type(value) is str, "list[str]": type(value) is list}  # fmt: skip
        if type_name in good and not good[type_name]:
            problems.append(f"{where}.{key} is {value!r}; want {type_name}")
    return None if problems else kind(**table)


REQUIRED: dict[type, set[str]] = {
    kind: {one.name for one in fields(kind)} - {"profile", "rule", "name"}
    for kind in (OffsetLimits, PathLimits, PhcLimits, Rule, Limits)
}


def names(path: Path = SHIPPED) -> tuple[list[str], list[str]]:
    """Return the names of the profiles and of the rule books."""
    document = tomllib.loads(path.read_text())
    return sorted(document.get("profile", {})), sorted(document.get("rule", {}))


def load_limits(profile: str, rule: str | None = None, path: Path = SHIPPED) -> Limits:
    """Return the limits of a profile, with a rule book on top.  Raises LimitsError."""
    try:
        document = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise LimitsError(f"{path}: {error}") from error
    profiles, rules = document.get("profile", {}), document.get("rule", {})
    if profile not in profiles:
        raise LimitsError(f"profile {profile!r} is unknown; want one of {', '.join(profiles)}")
    if rule is not None and rule not in rules:
        raise LimitsError(f"rule {rule!r} is unknown; want one of {', '.join(rules)}")
    table = merged(document.get("base", {}), profiles[profile])
    problems: list[str] = []
    for section, kind in SECTIONS.items():
        part = build(kind, table.pop(section, {}), f"{profile}.{section}", problems)
        table[section.replace("-", "_")] = part
    book: Rule | None = build(Rule, rules[rule], rule, problems) if rule else None
    limits: Limits = build(Limits, table, profile, problems)
    if problems:
        raise LimitsError(f"{path}: {'; '.join(problems)}")
    named = replace(book, name=rule or "") if book is not None else None
    return replace(limits, profile=profile, rule=named)
