"""The tailer process as the appliance starts it.

Owns:    its start, another one when it died, its end after the last record.
Refuses: copying (runtime/tailer.py).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

START_SECONDS = 30.0
END_SECONDS = 30.0
RESTART_SECONDS = 0.5


class RecorderError(Exception):
    """The journals cannot be copied where they were wanted."""


class Recorder:
    """`start()` before the first lane, `stop()` after the last one and before rings are removed."""

    def __init__(self, deployment: str, directory: Path, say: Callable[[str], None]) -> None:
        self.command = [
            sys.executable,
            "-m",
            "runtime.tailer",
            f"--deployment={deployment}",
            f"--directory={directory}",
        ]
        self.directory = directory
        self.say = say
        self.process: asyncio.subprocess.Process | None = None
        self.watch: asyncio.Task[None] | None = None
        self.is_over = False

    async def start(self) -> None:
        """Return when the tailer follows; RecorderError when it cannot."""
        await self.spawn()
        self.watch = asyncio.ensure_future(self.keep())

    async def spawn(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *self.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # a terminal's Ctrl-C must not end it before the drain
        )
        assert self.process.stdout is not None
        try:
            line = await asyncio.wait_for(self.process.stdout.readline(), START_SECONDS)
        except TimeoutError:
            line = b""
        if not line:
            self.process.kill() if self.process.returncode is None else None
            raise RecorderError(
                f"cannot record to {self.directory}: the tailer ended with code"
                f" {await self.process.wait()}; its reason stands above"
            )

    async def keep(self) -> None:
        """Start another tailer when one ends unasked: it goes on where the files end."""
        while not self.is_over:
            assert self.process is not None
            code = await self.process.wait()
            if self.is_over:
                return
            self.say(f"journal.tailer_ended code={code}; another one goes on")
            await asyncio.sleep(RESTART_SECONDS)
            try:
                await self.spawn()
            except (RecorderError, OSError) as error:
                self.say(f"journal.tailer_failed error={error!r}")
                await asyncio.sleep(RESTART_SECONDS)

    async def stop(self) -> None:
        """Let the tailer copy what is left, then end it."""
        self.is_over = True
        process = self.process
        if process is None:
            return
        if process.returncode is None:
            assert process.stdin is not None
            process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), END_SECONDS)
            except TimeoutError:
                self.say("journal.tailer_killed cause=did_not_end")
                process.kill()
                await process.wait()
        if self.watch is not None:
            await asyncio.gather(self.watch, return_exceptions=True)
