"""One process that the supervisor started: its pidfd, its link, its last lines.

Owns:    one life of a process, from spawn to reaped; the line-by-line talk over its standard input.
Refuses: deciding what follows from an end (runtime/supervise/supervisor.py).

The link is a socket pair: the child's standard input.  The first line is its specification, further
lines are messages, both ways, JSON each.  When the supervisor dies the child reads its end.
Standard error is a pipe: a panic or a traceback is said at once and kept for the crash report.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

LINE_BYTES_MAX = 16 * 1024 * 1024
LINES_KEPT = 50
Message = dict[str, Any]


@dataclass
class Plan:
    """What a process is, apart from its lives."""

    name: str
    role: int  # enum hp_process_role
    module: str
    specification: Callable[[], Message]  # made anew for each life
    heartbeat: Callable[[], int]  # CLOCK_MONOTONIC ns of its last beat, 0 = none yet
    stall_ns_max: Callable[[], int]  # its bound: later than this it is stuck
    core: int | None = None
    is_essential: bool = True  # the appliance drains when it cannot be kept up
    is_apart: bool = False  # in a session of its own: no signal to a group of ours reaches it
    descriptors: tuple[int, ...] = ()
    told: Callable[[Message], None] = lambda message: None
    exited: Callable[[Exit], None] = lambda exit: None
    ready: Callable[[Message], None] = lambda facts: None


@dataclass
class Exit:
    """How a life ended."""

    name: str
    pid: int
    cause: int  # enum hp_exit_cause
    code: int  # exit code, or minus the signal
    lived_s: float
    lines: list[str] = field(default_factory=list)
    error: str | None = None  # what the process itself said, if it could


class Life:
    """One life of a process."""

    def __init__(self, plan: Plan, say: Callable[[str], None], lines: deque[str]) -> None:
        self.plan = plan
        self.say = say
        self.lines = lines
        self.loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[int] = self.loop.create_future()
        self.ready: asyncio.Future[Message] = self.loop.create_future()
        self.error: str | None = None
        self.was_stalled = False
        self.run_delay_ns = 0
        self.progress = (0, 0)  # scheduler's count, and when it last moved
        self.tasks: list[asyncio.Task[None]] = []

    async def spawn(self) -> None:
        """Start the process and hand it its specification."""
        ours, theirs = socket.socketpair()
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-X", "faulthandler", "-m", self.plan.module],
                stdin=theirs.fileno(),
                stderr=subprocess.PIPE,
                pass_fds=self.plan.descriptors,
                env={**os.environ, "PYTHONHASHSEED": "0"},
                start_new_session=self.plan.is_apart,
            )
        finally:
            theirs.close()
        self.pid = self.process.pid
        self.pidfd = os.pidfd_open(self.pid)
        self.started_ns = time.monotonic_ns()
        self.loop.add_reader(self.pidfd, self.on_exit)
        ours.setblocking(False)
        reader, self.writer = await asyncio.open_connection(sock=ours, limit=LINE_BYTES_MAX)
        self.tasks = [
            asyncio.ensure_future(self.listen(reader)),
            asyncio.ensure_future(self.hear_errors()),
        ]
        self.tell(self.plan.specification())

    def tell(self, message: Message) -> None:
        """Send a message; a process that just died does not read it."""
        with contextlib.suppress(OSError, RuntimeError):
            self.writer.write(json.dumps(message).encode() + b"\n")

    async def listen(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError, ValueError):
            while line := await reader.readline():
                message: Message = json.loads(line)
                if "error" in message:
                    self.error = str(message["error"])
                elif "ready" in message and not self.ready.done():
                    self.ready.set_result(message["ready"])
                    self.plan.ready(message["ready"])
                else:
                    self.plan.told(message)

    async def hear_errors(self) -> None:
        assert self.process.stderr is not None
        reader = asyncio.StreamReader(limit=1 << 20)
        transport, _ = await self.loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), self.process.stderr
        )
        try:
            while line := await reader.readline():
                text = line.decode(errors="replace").rstrip("\n")
                self.lines.append(text)
                self.say(text)
        finally:
            transport.close()

    def on_exit(self) -> None:
        self.loop.remove_reader(self.pidfd)
        code = self.process.wait()  # the pidfd said that it is over: this does not block
        if not self.ended.done():
            self.ended.set_result(code)

    async def finish(self) -> None:
        """Take what is left on its pipes, then let go of them."""
        await asyncio.wait(self.tasks, timeout=2)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.writer.close()
        os.close(self.pidfd)
        if not self.ready.done():
            self.ready.cancel()

    def signal(self, number: int) -> None:
        """Send a signal to exactly this life."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, number)

    @property
    def is_alive(self) -> bool:
        return not self.ended.done()

    def idle_ns(self, now: int) -> int:
        """Return how long the process has neither run nor waited for a core."""
        count = sum(scheduled_ns(self.pid))
        if count != self.progress[0] or self.progress[1] == 0:
            self.progress = (count, now)
        return now - self.progress[1]

    def is_starved(self, silent_ns: int) -> bool:
        """Say whether a silence is the host's fault: the process was runnable and did not run.

        A process that waits for a core most of the time that it is silent is not stuck, and killing
        it would only make it start again on the same busy core.
        """
        _, delay = scheduled_ns(self.pid)
        if silent_ns < self.plan.stall_ns_max():
            self.run_delay_ns = delay
            return False
        return 2 * (delay - self.run_delay_ns) >= silent_ns

    @property
    def lived_s(self) -> float:
        return (time.monotonic_ns() - self.started_ns) / 1e9


def scheduled_ns(pid: int) -> tuple[int, int]:
    """Return how long a main thread has run, and waited for a core; zeros where unknown."""
    try:
        with open(f"/proc/{pid}/schedstat", "rb") as file:
            words = file.read().split()
            return int(words[0]), int(words[1])
    except (OSError, IndexError):
        return 0, 0
