"""Lines of the cold processes: JSON in a file a day, short text on the console.

Owns:    the bounded queue and its one writing thread, rotation at midnight UTC, the size bound of a
         day, the count of what was dropped, the level of a line.
Refuses: blocking who speaks (a full disk or a stopped terminal costs lines, never time), lanes
         (they speak through their mail ring).

A line is `event key=value ...`; the event's last word gives its level unless the caller does.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import re
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
LINES_WAITING_MAX = 8192
LINE_CHARACTERS_MAX = 8192
CLOSE_SECONDS_MAX = 2.0
DAY_FILE = re.compile(r"corelane-(\d{4}-\d{2}-\d{2})\.jsonl")
FIELD = re.compile(r"([A-Za-z_][\w.]*)=('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\S*)")
ERRORS = ("failed", "error", "halted", "crashed", "given_up", "panic", "died")
WARNINGS = ("refused", "unsure", "full", "dropped", "gone", "killed", "stalled", "ended", "removed")


class Line(NamedTuple):
    time_ns: int  # CLOCK_REALTIME
    level: str
    text: str


def level_of(event: str) -> str:
    last = event.rpartition(".")[2]
    if last.endswith(ERRORS):
        return "error"
    return "warning" if last.endswith(WARNINGS) else "info"


def event_of(text: str) -> str:
    word = text.split(None, 1)[0] if text.strip() else ""
    return word if re.fullmatch(r"[a-z_]+(\.[a-z_0-9]+)+", word) else "text"


def stamp(ns: int) -> str:
    seconds, rest = divmod(ns, 10**9)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest // 1000:06d}Z"


def as_json(line: Line, process: str) -> str:
    """Return one line of the file."""
    first, _, rest = line.text.partition("\n")
    out: dict[str, Any] = {
        "time": stamp(line.time_ns),
        "level": line.level,
        "event": event_of(first),
        "process": process,
        "pid": os.getpid(),
        "text": first,
    }
    fields = {name: value.strip("'\"") for name, value in FIELD.findall(first)}
    if fields:
        out["fields"] = fields
    if rest:
        out["more"] = rest
    return json.dumps(out, ensure_ascii=True) + "\n"


class DayFile:
    """One file a day, not larger than its bound; old days are removed."""

    def __init__(self, directory: Path, days: int, bytes_max: int) -> None:
        self.directory = directory
        self.days = days
        self.bytes_max = bytes_max
        self.day = ""
        self.handle = -1
        self.size = 0
        self.dropped = 0  # lines over the bound, or that the disk did not take

    def write(self, text: str, time_ns: int) -> None:
        day = stamp(time_ns)[:10]
        try:
            if day != self.day or self.handle < 0:
                self.turn(day)
            data = text.encode()
            if self.size + len(data) > self.bytes_max:
                self.dropped += 1
                return
            self.size += os.write(self.handle, data)
        except OSError:
            self.dropped += 1

    def turn(self, day: str) -> None:
        """Open the file of a day and remove those that are too old."""
        self.close()
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self.handle = os.open(self.directory / f"corelane-{day}.jsonl", flags, 0o600)
        self.size = os.fstat(self.handle).st_size
        self.day = day
        found = sorted(p for p in self.directory.iterdir() if DAY_FILE.fullmatch(p.name))
        for path in found[: max(0, len(found) - self.days)]:
            path.unlink(missing_ok=True)

    def close(self) -> None:
        if self.handle >= 0:
            os.close(self.handle)
        self.handle = -1


class Log:
    """The log of one process.  say() never waits."""

    def __init__(
        self,
        process: str,
        directory: Path | None,
        *,
        level: str = "info",
        days: int = 7,
        bytes_max: int = 64 * 2**20,
        console: Callable[[str], None] | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.process = process
        self.level = level
        self.console = console
        self.clock = clock
        self.file = None if directory is None else DayFile(directory, days, bytes_max)
        self.waiting: queue.Queue[Line | None] = queue.Queue(LINES_WAITING_MAX)
        self.dropped = 0  # did not fit into the queue
        self.told = 0  # of all drops, those that a line has told
        self.thread = threading.Thread(target=self.write, daemon=True, name="log")
        self.thread.start()

    def say(self, text: str, level: str | None = None) -> None:
        """Take a line; it is dropped and counted when too many wait."""
        level = level or level_of(event_of(text))
        if LEVELS[level] < LEVELS[self.level]:
            return
        try:
            self.waiting.put_nowait(Line(self.clock(), level, text[:LINE_CHARACTERS_MAX]))
        except queue.Full:
            self.dropped += 1

    @property
    def drops(self) -> int:
        return self.dropped + (self.file.dropped if self.file else 0)

    def write(self) -> None:
        while (line := self.waiting.get()) is not None:
            self.put(line)
            drops = self.drops
            if drops > self.told and self.waiting.empty():
                lost, self.told = drops - self.told, drops
                self.put(Line(self.clock(), "warning", f"log.dropped lines={lost} all={drops}"))

    def put(self, line: Line) -> None:
        if self.file is not None:
            self.file.write(as_json(line, self.process), line.time_ns)
        if self.console is not None:
            with contextlib.suppress(OSError, ValueError):  # a closed or broken terminal
                self.console(line.text)

    def change(self, level: str, days: int, bytes_max: int) -> None:
        """Take new bounds while it runs."""
        self.level = level
        if self.file is not None:
            self.file.days, self.file.bytes_max = days, bytes_max

    def close(self) -> None:
        """Write what waits, for a bounded time."""
        with contextlib.suppress(queue.Full):
            self.waiting.put(None, timeout=CLOSE_SECONDS_MAX)
        self.thread.join(CLOSE_SECONDS_MAX)
        if not self.thread.is_alive() and self.file is not None:
            self.file.close()


class Forward(logging.Handler):
    """Gives lines of the standard library's loggers to a `say`: asyncio, picows, aiofastnet."""

    def __init__(
        self, say: Callable[[str], None], event: str, level: int = logging.WARNING
    ) -> None:
        super().__init__(level)
        self.say = say
        self.event = event

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
            if record.exc_info:
                text += "\n" + logging.Formatter().formatException(record.exc_info)
            level = record.levelname.lower()
            self.say(f"{self.event} logger={record.name} level={level} {text}")
        except Exception:
            self.handleError(record)


def forward(say: Callable[[str], None], event: str) -> Forward:
    """Send every logger, warnings and ignored exceptions to `say` and nowhere else."""
    handler = Forward(say, event)
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    logging.captureWarnings(True)

    def unraisable(what: sys.UnraisableHookArgs) -> None:
        error = what.exc_value or what.exc_type
        say(f"{event} logger=python level=error ignored={error!r} in={what.object!r:.200}")

    sys.unraisablehook = unraisable
    return handler
