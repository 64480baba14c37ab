"""When checkpoints are taken: by period, before risky steps, on trouble.

Owns:    the causes and how often each may ask, the process that takes one aside, what the rings'
         heads say about it.
Refuses: taking one itself (recovery.py), lanes: nothing here is waited for by anybody.

A checkpoint is taken by a process of its own, so that neither the archiver nor a lane shares an
interpreter with it; killed at any instant it leaves the one before.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hotpath.journal.tail import Record
from runtime._shm import ffi, lib

PERIOD = "period"
TROUBLE_S = 5.0  # at least between two on trouble: a bad feed gaps all the time
PATIENCE_S = 120.0
# Trouble by the kinds of what a lane journals; an order's state is looked at as well.
TROUBLES = {
    lib.HP_RECORD_CORRECTION: "correction",
    lib.HP_RECORD_HALT: "halt",
    lib.HP_RECORD_FLATTEN: "flatten",
    lib.HP_RECORD_QUOTA_MODE: "quota",
    lib.HP_RECORD_RESYNC: "gap",
    lib.HP_RECORD_FEED: "feed",
}
TROUBLE_MASK = sum(1 << kind for kind in TROUBLES)
LOOKED_INTO = 1 << lib.HP_RECORD_ORDER | 1 << lib.HP_RECORD_WORDS
ORDER_STATE_AT = ffi.offsetof("hp_order_t", "state")
STOPS = lib.HP_WORD_KILL | lib.HP_WORD_FREEZE | lib.HP_WORD_FLATTEN


def trouble_of(kinds: int) -> str:
    """Return the trouble that a chunk's kinds tell of; "" = none."""
    if not kinds & TROUBLE_MASK:
        return ""
    return next(cause for kind, cause in TROUBLES.items() if kinds >> kind & 1)


def trouble_in(record: Record) -> str:
    """Return the trouble that stands in an order or in shared words; "" = none."""
    if record.kind == lib.HP_RECORD_ORDER:
        return "unknown_order" if record.payload[ORDER_STATE_AT] == lib.HP_ORDER_UNKNOWN else ""
    is_stopped = record.aux == lib.HP_WORDS_CONTROL and record.payload[0] & STOPS
    return "stopped" if is_stopped else ""


@dataclass
class Figures:
    """What is said in each ring's head."""

    cut_ns: int = 0  # CLOCK_REALTIME of the newest one's state
    size: int = 0
    took_ns: int = 0
    taken: int = 0
    failed: int = 0

    def put(self, head: Any) -> None:
        head.checkpoint_real_ns, head.checkpoint_bytes = self.cut_ns, self.size
        head.checkpoint_ns = self.took_ns
        head.checkpoints, head.checkpoint_failures = self.taken, self.failed


class Checkpointer(threading.Thread):
    """Takes them in the background; what goes wrong is said and tried again by the next cause."""

    def __init__(
        self, run: Path, period_s: float, keep: int, say: Callable[[str], None]
    ) -> None:
        """period_s: 0 = none are taken at all, for no cause."""
        super().__init__(name="checkpointer", daemon=True)
        self.directory = run
        self.period_s = period_s
        self.keep = keep
        self.say = say
        self.figures = Figures()
        self.lock = threading.Lock()
        self.asked: list[str] = []  # causes, the first first
        self.trouble_at = -TROUBLE_S
        self.bell = threading.Event()
        self.is_over = False
        self.child: subprocess.Popen[str] | None = None

    @property
    def is_on(self) -> bool:
        return self.period_s > 0

    def want(self, cause: str) -> None:
        """Ask for one before a step that may go wrong; returns at once."""
        with self.lock:
            if self.is_on and cause not in self.asked:
                self.asked.append(cause)
                self.bell.set()

    def may_trouble(self) -> bool:
        """Whether trouble would be heard now; who looks for it may spare the looking."""
        return self.is_on and time.monotonic() - self.trouble_at >= TROUBLE_S

    def trouble(self, cause: str) -> None:
        """Something went wrong: ask for one, unless there was one for trouble just before."""
        if self.may_trouble():
            self.trouble_at = time.monotonic()
            self.want(cause)

    def run(self) -> None:
        due = time.monotonic() + self.period_s
        while not self.is_over:
            left = max(0.0, due - time.monotonic()) if self.is_on else None
            rang = self.bell.wait(left)
            self.bell.clear()
            if self.is_over:
                return
            with self.lock:
                cause = self.asked.pop(0) if self.asked else ("" if rang else PERIOD)
                if self.asked:
                    self.bell.set()
            if cause:
                self.take(cause)
                due = time.monotonic() + self.period_s

    def take(self, cause: str) -> None:
        """Take one in a process of its own and say how it went."""
        began = time.monotonic_ns()
        command = [
            sys.executable, "-m", "runtime.journal.recovery",
            "--directory", str(self.directory), "--cause", cause, "--keep", str(self.keep),
        ]  # fmt: skip
        try:
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
            )
            text, _ = self.child.communicate(timeout=PATIENCE_S)
            found: dict[str, Any] = json.loads(text or "{}")
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            found = {"error": repr(error)}
            if self.child is not None:
                self.child.kill()
                self.child.wait()
        self.child = None
        if "number" in found or not self.is_over:
            self.tell(cause, found, time.monotonic_ns() - began)

    def tell(self, cause: str, found: dict[str, Any], took_ns: int) -> None:
        figures = self.figures
        if "number" not in found:
            figures.failed += 1
            error = found.get("error", "it was killed")
            self.say(f"checkpoint.failed cause={cause} error={error!r}")
            return
        figures.taken += 1
        figures.cut_ns, figures.size, figures.took_ns = found["cut_ns"], found["bytes"], took_ns
        age_ms = (found["taken_ns"] - found["cut_ns"]) // 1_000_000
        self.say(
            f"checkpoint.taken number={found['number']} cause={cause} bytes={found['bytes']}"
            f" base={found['base']} tail_records={found['tail_records']} behind_ms={age_ms}"
            f" seconds={took_ns / 1e9:.3f}"
        )
        for text in found["refused"]:
            self.say(f"checkpoint.refused error={text!r}")

    def stop(self) -> None:
        """Leave; one that is being taken is dropped: the one before stays."""
        self.is_over = True
        self.bell.set()
        child = self.child
        if child is not None:
            child.terminate()
        if self.is_alive():
            self.join()

    def last(self, cause: str) -> None:
        """Take one here and now: the lanes have ended and all they said is signed."""
        if not self.is_on:
            return
        from runtime.journal import recording, recovery
        from runtime.journal.key import ArchiveKey
        from runtime.supervise import state

        began = time.monotonic_ns()
        try:
            deployment = recording.manifest(self.directory)["deployment"]
            key = ArchiveKey.load(state.state_dir(deployment))
            made, found = recovery.take(self.directory, key, cause, self.keep)
        except (recovery.RecoveryStopped, *recovery.COULD_NOT) as error:
            self.tell(cause, {"error": str(error)}, 0)
            return
        took_ns = time.monotonic_ns() - began
        self.tell(cause, recovery.as_line(made, found, took_ns / 1e9), took_ns)
