"""The catalogue: every knob, as data in the TOML files beside this module.

Owns:    loading and checking it; all problems are reported at once.
Refuses: looking at hosts.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from tuning import want
from tuning.codecs import CODECS
from tuning.model import Knob, Risk, Settable, Severity

FOLDER = Path(__file__).resolve().parent
FILES = (
    "cpu",
    "irq",
    "power",
    "memory",
    "realtime",
    "clock",
    "network",
    "nic",
    "noise",
)  # order shown
PROFILES = ("bare-metal", "cloud-vm", "small-vm", "dev")
OPTIONAL = {
    "probe",
    "codec",
    "phase",
    "risk",
    "exact",
    "firm",
    "atomic",
    "absent",
    "not_applicable",
    "effect",
    "watch",
    "conflicts",
    "writers",
    "aliases",
    "options",
}
REQUIRED = {
    "id",
    "title",
    "why",
    "cost",
    "fix",
    "undo",
    "where",
    "settable",
    "severity",
    "source",
    "want",
}
# The order in which a plan acts: what resets other things comes before them.
PHASES = (
    "services",
    "hugepages",
    "frequency",
    "isolation",
    "irq-default",
    "nic-channels",
    "nic-rings",
    "nic-features",
    "nic-coalesce",
    "nic-rss",
    "irq-affinity",
    "steering",
    "napi",
    "sysctl",
    "process",
)


class CatalogueError(ValueError):
    """The catalogue is not consistent; the text lists every problem."""


@cache
def catalogue() -> dict[str, Knob]:
    """Return every knob by id, in the order in which reports show them."""
    problems: list[str] = []
    sources = tomllib.loads((FOLDER / "sources.toml").read_text())
    out: dict[str, Knob] = {}
    for group in FILES:
        for entry in tomllib.loads((FOLDER / f"{group}.toml").read_text())["knob"]:
            name = entry.get("id", f"{group}: entry without id")
            faults = _faults(entry, sources)
            if name in out:
                faults.append("stands twice")
            problems += [f"{group}.toml: {name}: {fault}" for fault in faults]
            if not faults:
                out[name] = _knob(group, entry, sources)
    for knob in out.values():
        problems += [
            f"{knob.id}: conflicts with unknown {c}" for c in knob.conflicts if c not in out
        ]
    if problems:
        raise CatalogueError("\n".join(problems))
    return out


def find(name: str) -> Knob:
    """Return a knob by id or alias.  Raises KeyError with the nearest ids."""
    import difflib

    for knob in catalogue().values():
        if name == knob.id or name in knob.aliases:
            return knob
    near = difflib.get_close_matches(name, catalogue(), 3, 0.4)
    raise KeyError(f"no knob {name!r}" + (f"; near it: {', '.join(near)}" if near else ""))


def select(words: list[str] | tuple[str, ...]) -> list[Knob]:
    """Return the knobs of groups, id prefixes or ids; no words mean all.  Raises KeyError."""
    everything = list(catalogue().values())
    if not words:
        return everything
    chosen: set[str] = set()
    for word in words:
        part = [k.id for k in everything if k.group == word or k.id.partition(".")[0] == word]
        chosen.update(part or [find(word).id])
    return [knob for knob in everything if knob.id in chosen]


def _faults(entry: dict[str, Any], sources: dict[str, str]) -> list[str]:
    faults = [f"lacks {key}" for key in sorted(REQUIRED - set(entry))]
    faults += [f"has unknown key {key}" for key in sorted(set(entry) - REQUIRED - OPTIONAL)]
    if faults:
        return faults
    if sorted(entry["want"]) != sorted(PROFILES):
        faults.append(f"wants {', '.join(PROFILES)}, has {', '.join(entry['want'])}")
    for profile, spec in entry["want"].items():
        try:
            want.parse(spec)
        except ValueError as error:
            faults.append(f"{profile}: {error}")
    if entry.get("codec", "text") not in CODECS:
        faults.append(f"no codec {entry['codec']!r}")
    settable = entry["settable"] in ("RSW", "RW")
    if settable != (entry.get("phase") in PHASES):
        faults.append(f"settable {entry['settable']} and phase {entry.get('phase')!r} do not fit")
    faults += [f"no source {key!r}" for key in _keys(entry["source"]) if key not in sources]
    return faults


def _keys(text: str) -> list[str]:
    return [key.strip() for key in text.split(",")]


def _knob(group: str, entry: dict[str, Any], sources: dict[str, str]) -> Knob:
    fields = {key: value for key, value in entry.items() if key != "want"}
    for key in ("where", "conflicts", "writers", "aliases"):
        fields[key] = tuple(fields.get(key, ()))
    fields["settable"] = Settable(entry["settable"])
    fields["severity"] = Severity(entry["severity"])
    fields["risk"] = Risk(entry.get("risk", "none"))
    fields["source"] = "; ".join(sources[key] for key in _keys(entry["source"]))
    return Knob(group=group, wants=entry["want"], **fields)
