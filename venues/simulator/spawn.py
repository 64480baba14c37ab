"""Start a venue in a child process and know where it is.

Owns:    the child, its ready line, its end (it also ends when this process dies).
Refuses: serving in this process.

    with spawn(ServeOptions(directory=private), core=0) as venue:
        venue.addresses["ws_api"], venue.credentials()["ed25519"]["api_key"]
"""

from __future__ import annotations

import dataclasses
import json
import select
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from venues.simulator.options import ServeOptions

READY_S_MAX = 30.0
STOP_S_MAX = 10.0


class VenueFailed(RuntimeError):
    """The child ended, or said nothing, before it was ready."""


class SpawnedVenue:
    """A running venue; stop() it or use it as a context manager."""

    def __init__(self, process: subprocess.Popen[bytes], addresses: dict[str, Any]) -> None:
        self.process = process
        self.addresses = addresses

    @property
    def pid(self) -> int:
        return self.process.pid

    def credentials(self) -> dict[str, Any]:
        """API keys of the first account, and of all of them under `accounts`."""
        loaded: dict[str, Any] = json.loads(Path(self.addresses["credentials"]).read_text())
        return loaded

    def stop(self) -> int:
        """End the venue and give its exit code (0 when it went well)."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            code = self.process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def spawn(options: ServeOptions, core: int = -1) -> SpawnedVenue:
    """Start a venue, pinned to `core` unless that is -1, and wait until it serves."""
    options = dataclasses.replace(
        options, exit_with_stdin=True, core=core if core >= 0 else options.core
    )
    command = [sys.executable, "-m", "venues.simulator", "--json", *options.command_line()]
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root)
    venue = SpawnedVenue(process, {})
    try:
        venue.addresses = _ready(process)
    except BaseException:
        venue.stop()
        raise
    return venue


def _ready(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert process.stdout is not None
    end = time.monotonic() + READY_S_MAX
    ready = select.poll()  # select() knows no descriptor beyond 1,023
    ready.register(process.stdout, select.POLLIN)
    while not ready.poll(100):
        if process.poll() is not None or time.monotonic() > end:
            break
    line = process.stdout.readline() if process.poll() is None else b""
    try:
        facts = json.loads(line)
    except ValueError:
        raise VenueFailed(
            f"venue child {process.pid} was not ready within {READY_S_MAX} s "
            f"(exit code {process.poll()}); its standard error says why"
        ) from None
    return {name: value for name, value in facts.items() if name != "event"}
