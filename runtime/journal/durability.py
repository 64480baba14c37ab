"""Durability classes per kind of record: one table.

Owns:    the groups of record kinds, what each may be set to, its default, in words for docs.
Refuses: waiting and syncing (hotpath/lane/park.h, runtime/journal/archiver.py).

local-mem   in shared memory before it is acted on: survives the death of any process
local-disk  on this host's disk as well: survives a cut of power
peer-mem, peer-disk  reserved for a second host
"""

from __future__ import annotations

from typing import NamedTuple

from runtime._shm import lib

LOCAL = ("local-mem", "local-disk")
PEER = ("peer-mem", "peer-disk")
CLASSES = (*LOCAL, *PEER)


class Group(NamedTuple):
    kinds: tuple[int, ...]
    default: str
    may_be: tuple[str, ...]
    about: str


GROUPS: dict[str, Group] = {
    "order": Group(
        (lib.HP_RECORD_INTENT, lib.HP_RECORD_VERDICT, lib.HP_RECORD_REQUEST),
        "local-mem",
        LOCAL,
        "Intent, verdict and request of an order or a change; local-disk parks it until they are on"
        " disk.",
    ),
    "fill": Group(
        (
            lib.HP_RECORD_FILL,
            lib.HP_RECORD_ORDER,
            lib.HP_RECORD_CORRECTION,
            lib.HP_RECORD_REPORT_FRAME,
        ),
        "local-disk",
        LOCAL,
        "What the venue says about orders, fills, money; nothing waits for them.",
    ),
    "command": Group(
        (lib.HP_RECORD_WORDS, lib.HP_RECORD_COMMAND, lib.HP_RECORD_LIMITS, lib.HP_RECORD_OPENING),
        "local-disk",
        LOCAL,
        "Control words, commands, limits, openings; nothing waits for them.",
    ),
    "feed": Group(
        (lib.HP_RECORD_FRAME, lib.HP_RECORD_SNAPSHOT, lib.HP_RECORD_SPARE, lib.HP_RECORD_TIMER),
        "local-mem",
        LOCAL,
        "Market data and timers.",
    ),
}


def problem(group: str, wanted: str) -> str | None:
    """Say why a group cannot be of a class; None when it can."""
    if wanted in PEER:
        return f"{wanted} needs a second host, which this build does not know; want local-disk"
    if wanted not in GROUPS[group].may_be:
        return f"{wanted!r}; want one of {', '.join(GROUPS[group].may_be)}"
    return None


def urgent_kinds(classes: dict[str, str] | None) -> int:
    """Return the kinds that must be on disk within block_ms: a bit each."""
    out = 0
    for name, group in GROUPS.items():
        if (classes or {}).get(name, group.default) == "local-disk":
            for kind in group.kinds:
                out |= 1 << kind
    return out


def table() -> str:
    """Return the table as docs/archive.md shows it."""
    rows = ["| group | records | default | may be |", "|---|---|---|---|"]
    for name, group in GROUPS.items():
        rows.append(
            f"| `{name}` | {group.about} | `{group.default}` | "
            + ", ".join(f"`{one}`" for one in group.may_be)
            + " |"
        )
    return "\n".join(rows)
