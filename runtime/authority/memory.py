"""What the authority must not forget: its term, the shares, what a person set, what is frozen.

Owns:    <state_dir>/authority.json (written aside, fsynced, renamed) and the list of changes beside
         it, limit_changes.jsonl (appended, fsynced).
Refuses: deciding anything; a file that cannot be read (it must not be guessed: the term must rise).

The term is the upper half of every fence.  It is taken, durable, before a page is written, so that
no authority goes behind a former one.  Shares are durable before a larger lease is published.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from runtime.authority.leases import Amounts, Bound
from runtime.supervise.state import StateError, write_durably

TERM_MAX = 2**31 - 1
FENCES_PER_TERM = 2**32


@dataclass
class Memory:
    """The file's content."""

    term: int = 0
    shares: dict[str, dict[str, int]] = field(default_factory=dict)  # lane -> bound -> amount
    overrides: dict[str, dict[str, int]] = field(default_factory=dict)  # limit -> figure -> amount
    frozen: dict[str, str] = field(default_factory=dict)  # limit -> why
    day: int = 0  # days since 1970, UTC
    carried: dict[str, int] = field(default_factory=dict)  # limit -> PnL of the day's former lives
    peaks: dict[str, int] = field(default_factory=dict)  # limit -> highest equity


def bound_text(bound: Bound) -> str:
    return f"{bound.dimension}:{bound.id}:{bound.figure}"


def bound_of(text: str) -> Bound:
    dimension, number, figure = text.split(":")
    return Bound(int(dimension), int(number), figure)


class Ledger:
    """The memory of one deployment's authority."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "authority.json"
        self.changes = directory / "limit_changes.jsonl"
        self.memory = Memory()
        if self.path.exists():
            try:
                self.memory = Memory(**json.loads(self.path.read_text()))
                self.shares()
            except (ValueError, TypeError, AttributeError) as error:
                raise StateError(
                    f"{self.path} is no authority's memory ({error}); restore it (its term must not"
                    " go back) or start a new deployment name"
                ) from error

    def take_term(self) -> int:
        """Take the next term: durable before it is returned."""
        if self.memory.term >= TERM_MAX:
            raise StateError(f"{self.path} is at term {self.memory.term}; terms are used up")
        self.memory.term += 1
        self.write(self.text())
        return self.memory.term

    def shares(self) -> dict[int, Amounts]:
        """Return the shares of all lanes as they were last durable."""
        return {
            int(lane): {bound_of(text): int(n) for text, n in amounts.items()}
            for lane, amounts in self.memory.shares.items()
        }

    def put_shares(self, shares: dict[int, Amounts]) -> None:
        self.memory.shares = {
            str(lane): {bound_text(bound): n for bound, n in amounts.items() if n}
            for lane, amounts in shares.items()
        }

    def text(self) -> str:
        """Return what is to be written: a copy, so that a thread may write it."""
        return json.dumps(asdict(self.memory), indent=1) + "\n"

    def write(self, text: str) -> None:
        write_durably(self.path, text)

    def note_change(self, change: dict[str, Any]) -> None:
        """Append one change of a limit; durable before it returns."""
        handle = os.open(self.changes, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, json.dumps(change).encode() + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)
