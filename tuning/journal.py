"""The journal of originals: what stood there before each write, on disk before the write.

Owns:    the file, its records, their order and their proof; the lock that lets one process change a
         host at a time; what is live, unfinished, unconfirmed.
Refuses: reading or writing the host.

One record is one line: CRC32 of the rest, then JSON.  Each append is fsynced before it returns.

    begin      a plan starts: its digest, boot id, kernel, process
    intent     about to write: address, the raw original, the value
    done       written and read back: the raw text that stands there now
    failed     the write was refused; nothing changed
    undo       about to write an original back
    undone     it stands there again
    conflict   somebody else changed it; left alone
    void       the value went with another boot
    managed    an interrupt whose mask the kernel keeps
    guard      whoever must be confirmed, until when
    confirm    a person saw that the host still answers
    end        the plan is complete, or its undoing is

A torn last line (power, kill) is cut and reported; a bad line before it stops with JournalCorrupt.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VERSION = 1
NAME = "journal.jsonl"
ROTATE_BYTES = 1 << 20


class JournalCorrupt(RuntimeError):
    """A record in the middle does not match its proof: a person must look."""


class Busy(RuntimeError):
    """Another process changes this host at this moment."""


@dataclass(frozen=True, slots=True)
class Change:
    """A write that was made and not undone."""

    n: int
    plan: str
    boot: str
    knob: str
    target: str
    address: str
    codec: str
    before: str
    value: str
    after: str | None  # None: the write may or may not have happened
    risk: str
    atomic: str


def default_folder() -> Path:
    """Return where the host's journal lies: the machine's state for root, the user's otherwise."""
    if "CORELANE_HOST_STATE" in os.environ:
        return Path(os.environ["CORELANE_HOST_STATE"])
    shared = Path("/var/lib/corelane/host")
    if os.geteuid() == 0 or shared.is_dir():
        return shared
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "corelane" / "host"


class Journal:
    """Records of one host, oldest first."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.path = self.folder / NAME
        self.records: list[dict[str, Any]] = []
        self.torn = 0  # bytes of an unfinished last line
        self._next = 1
        self.reload()

    def reload(self) -> None:
        """Read the file again; others may have written."""
        self.records, self.torn = [], 0
        try:
            content = self.path.read_bytes()
        except (FileNotFoundError, PermissionError):
            return
        lines = content.split(b"\n")
        self.torn = len(lines.pop())
        for index, line in enumerate(lines):
            record = _parse(line)
            if record is None:
                if index == len(lines) - 1:
                    self.torn += len(line) + 1
                    break
                raise JournalCorrupt(f"{self.path}: line {index + 1} does not match its proof")
            self.records.append(record)
        self._next = max((record["n"] for record in self.records), default=0) + 1

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the right to change the host.  Raises Busy at once if another process has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(descriptor, 32, 0).decode().strip() or "?"
                raise Busy(f"process {holder} changes this host now; wait for it to end") from None
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            self.reload()
            self._cut()
            yield
        finally:
            os.close(descriptor)

    def _cut(self) -> None:
        if self.torn:
            os.truncate(self.path, self.path.stat().st_size - self.torn)
            self.torn = 0

    def append(self, step: str, **fields: Any) -> int:
        """Write one record and wait until the disk has it; return its number."""
        number = self._next
        record = {"v": VERSION, "n": number, "step": step, "at": round(time.time(), 3), **fields}
        text = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
        line = b"%08x %s\n" % (zlib.crc32(text), text)
        fresh = not self.path.exists()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, 0o644)  # settings are no secret
        try:
            os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if fresh:
            _sync_folder(self.folder)
        self.records.append(record)
        self._next = number + 1
        return number

    def name_run(self, digest: str) -> str:
        """Return a name for one application of a plan; the same plan may come again."""
        return f"{digest}-{self._next}"

    def rotate(self) -> None:
        """Start a new file when the old one is long and nothing in it is live."""
        if self.path.exists() and self.path.stat().st_size > ROTATE_BYTES and not self.changes():
            os.replace(self.path, self.folder / f"{NAME}.old")
            _sync_folder(self.folder)
            self.records = []

    def changes(self) -> list[Change]:
        """Return what was written and not undone, oldest first."""
        open_ones: dict[int, dict[str, Any]] = {}
        after: dict[int, str] = {}
        for record in self.records:
            if record["step"] == "intent":
                open_ones[record["n"]] = record
            elif record["step"] == "done":
                after[record["of"]] = record["after"]
            elif record["step"] in ("failed", "undone", "void"):
                open_ones.pop(record["of"], None)
        return [
            Change(
                n=n,
                plan=r["plan"],
                boot=r["boot"],
                knob=r["knob"],
                target=r["target"],
                address=r["address"],
                codec=r["codec"],
                before=r["before"],
                value=r["value"],
                after=after.get(n),
                risk=r["risk"],
                atomic=r["atomic"],
            )
            for n, r in open_ones.items()
        ]

    def unfinished(self) -> str | None:
        """Return the plan that began and did not end, '' for an undoing, None if none did."""
        last = None
        for record in self.records:
            if record["step"] == "begin":
                last = record["plan"]
            elif record["step"] == "end":
                last = None
        return last

    def applied(self, boot: str) -> dict[str, str]:
        """Return what we put where in this boot and did not take back."""
        return {
            c.address: c.after for c in self.changes() if c.boot == boot and c.after is not None
        }

    def managed(self, boot: str) -> frozenset[str]:
        """Return the interrupts whose masks the kernel refused to give us in this boot."""
        return frozenset(
            r["irq"] for r in self.records if r["step"] == "managed" and r["boot"] == boot
        )

    def unconfirmed(self, boot: str) -> dict[str, Any] | None:
        """Return the guard record of a plan that waits for its confirmation, None if none does."""
        waiting: dict[str, Any] | None = None
        for record in self.records:
            if record["step"] == "guard" and record["boot"] == boot:
                waiting = record
            elif record["step"] == "confirm" and waiting and record["plan"] == waiting["plan"]:
                waiting = None
        if waiting is None:
            return None
        mine = [c for c in self.changes() if c.plan == waiting["plan"] and c.risk == "linkflap"]
        return waiting if mine else None


def _parse(line: bytes) -> dict[str, Any] | None:
    proof, _, text = line.partition(b" ")
    try:
        if int(proof, 16) != zlib.crc32(text):
            return None
        record = json.loads(text)
    except ValueError:
        return None
    return record if isinstance(record, dict) and record.get("v") == VERSION else None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
