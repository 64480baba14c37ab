"""Profiles: what kind of host this is meant to be, as TOML with inheritance.

Owns:    loading, `extends`, overrides with their mandatory reason, choosing by facts.
Refuses: knowing knobs beyond their ids.

A site's own profile is a file: `extends = "bare-metal"`, its roles and sizes, and
`[override."mem.thp"]` with `want` and `reason`.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuning.facts import Facts

FOLDER = Path(__file__).resolve().parent
SHIPPED = ("bare-metal", "cloud-vm", "small-vm", "dev")
KEYS = {"name", "title", "extends", "match", "roles", "sizes", "lanes", "cards", "override"}


class ProfileError(ValueError):
    """A profile that cannot be used; the text says where and what is wanted."""


@dataclass(frozen=True, slots=True)
class Profile:
    name: str
    base: str  # the shipped profile whose column of the catalogue applies
    title: str
    roles: dict[str, Any]
    sizes: dict[str, int]
    lanes: tuple[str, ...]  # names of lane processes; `*` at the end matches more
    cards: tuple[str, ...]  # trading interfaces; empty means all that have a device and are up
    match: dict[str, Any]
    overrides: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Return four hexadecimal digits that change with the content."""
        content = [
            self.name,
            self.base,
            self.roles,
            self.sizes,
            self.lanes,
            self.cards,
            self.overrides,
        ]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:4]


def load(name: str) -> Profile:
    """Load a shipped profile by name, or a site's own by the path of its file."""
    path = FOLDER / f"{name}.toml" if name in SHIPPED else Path(name)
    if name not in SHIPPED and path.suffix != ".toml":
        raise ProfileError(
            f"no profile {name!r}; want one of {', '.join(SHIPPED)}, or a file name.toml"
        )
    chain: list[tuple[Path, dict[str, Any]]] = []
    while True:
        content = _read(path)
        if any(path == earlier for earlier, _ in chain):
            raise ProfileError(f"{path} extends itself")
        chain.append((path, content))
        parent = content.get("extends")
        if parent is None:
            break
        path = FOLDER / f"{parent}.toml" if parent in SHIPPED else path.parent / parent
    merged: dict[str, Any] = {}
    for _, content in reversed(chain):
        for key, value in content.items():
            merged[key] = {**merged.get(key, {}), **value} if isinstance(value, dict) else value
    base = next((content["name"] for _, content in chain if content.get("name") in SHIPPED), None)
    if base is None:
        raise ProfileError(f"{chain[0][0]} extends none of {', '.join(SHIPPED)}")
    return Profile(
        name=merged.get("name", chain[0][0].stem),
        base=base,
        title=merged.get("title", ""),
        roles=merged.get("roles", {}),
        sizes={key: int(value) for key, value in merged.get("sizes", {}).items()},
        lanes=tuple(merged.get("lanes", {}).get("names", ())),
        cards=tuple(merged.get("cards", {}).get("names", ())),
        match=merged.get("match", {}),
        overrides=merged.get("override", {}),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise ProfileError(f"no profile file {path}") from None
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{path} is no TOML: {error}") from error
    unknown = sorted(set(content) - KEYS)
    if unknown:
        raise ProfileError(
            f"{path} has unknown keys {', '.join(unknown)}; want {', '.join(sorted(KEYS))}"
        )
    for knob, change in content.get("override", {}).items():
        if set(change) != {"want", "reason"} or not str(change["reason"]).strip():
            raise ProfileError(f"{path}: override {knob} wants exactly `want` and a `reason`")
    if content.get("roles", {}).get("isolated") is not None and not content["roles"].get("reason"):
        raise ProfileError(f"{path}: roles.isolated deviates from the rule and wants a `reason`")
    return content


@dataclass(frozen=True, slots=True)
class Choice:
    profile: Profile
    score: int
    reasons: tuple[str, ...]
    runner_up: str


def choose(facts: Facts) -> Choice:
    """Pick the shipped profile that the facts meet best; ties go to the more modest one."""
    ranked = []
    for order, name in enumerate(reversed(SHIPPED)):
        profile = load(name)
        met = [text for text, good in _tests(profile.match, facts) if good]
        missed = [text for text, good in _tests(profile.match, facts) if not good]
        ranked.append((len(met) - 4 * len(missed), -order, profile, met, missed))
    ranked.sort(key=lambda row: row[:2], reverse=True)
    score, _, profile, met, _ = ranked[0]
    second = ranked[1]
    why = second[4][0] if second[4] else "fits as well, but asks for more"
    return Choice(profile, score, tuple(met), f"{second[2].name} ({why})")


def _tests(match: dict[str, Any], facts: Facts) -> list[tuple[str, bool]]:
    """Return each predicate of `match` as a sentence about the facts, and whether it is met."""
    count = len(facts.online)
    found: dict[str, tuple[str, bool]] = {}
    for key, wanted in match.items():
        if key == "hypervisor":
            text = {
                True: "runs under a hypervisor",
                False: "runs on bare metal",
                None: "CPU unread",
            }
            found[key] = (text[facts.hypervisor], facts.hypervisor is wanted)
        elif key == "cpus_min":
            found[key] = (f"{count} CPUs", count >= wanted)
        elif key == "cpus_max":
            found[key] = (f"{count} CPUs", count <= wanted)
        elif key == "laptop":
            found[key] = (
                "has a battery" if facts.laptop else "has no battery",
                facts.laptop is wanted,
            )
        else:
            raise ProfileError(f"match has unknown key {key!r}")
    return list(found.values())
