"""The frame of a cold process: link to the supervisor, heartbeat, its parts, its end.

Owns:    the first line (specification), messages both ways, the beat page, leaving when told.
Refuses: what the parts do (session/process.py, exporter_process.py); on one core several parts
         share a process (cold_process.py), elsewhere each has its own.

It leaves when the supervisor is gone (the link ends) and at SIGTERM; a terminal's Ctrl-C, which
reaches the whole group, is the supervisor's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime._shm import ffi, lib
from runtime.pages.page import Page
from runtime.supervise.child import LINE_BYTES_MAX, Message
from runtime.supervise.tasks import Tasks

BEAT_S = 0.1


class ColdError(Exception):
    """A part cannot do its work; the text is for a person."""


class Part:
    """One duty of a cold process."""

    name = ""

    def __init__(self, specification: Message, tell: Callable[[Message], None]) -> None:
        self.specification = specification
        self.tell = tell
        self.tasks = Tasks(self.failed)

    async def start(self) -> Message:
        """Get ready; return the facts that the supervisor waits for.  ColdError when it cannot."""
        raise NotImplementedError

    async def told(self, message: Message) -> None:
        """Take a message of the supervisor."""

    async def close(self) -> None:
        """Let go of everything."""
        await self.tasks.close()

    def say(self, text: str) -> None:
        """Hand a line to the supervisor, which prints it."""
        self.tell({"say": text})

    def spawn(self, work: Any) -> asyncio.Task[Any]:
        return self.tasks.spawn(work)

    def failed(self, error: BaseException) -> None:
        self.say(f"{self.name}.task_failed error={error!r}")


async def beat(page: Page) -> None:
    while True:
        page.header.heartbeat_ns = time.monotonic_ns()
        await asyncio.sleep(BEAT_S)


async def serve(kinds: dict[str, type[Part]]) -> int:
    """Be a cold process until told to leave."""
    link = socket.socket(fileno=os.dup(0))
    link.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=link, limit=LINE_BYTES_MAX)
    first = await reader.readline()
    if not first:
        return 0
    specification = json.loads(first)

    def tell(message: Message) -> None:
        with contextlib.suppress(OSError, RuntimeError):
            writer.write(json.dumps(message).encode() + b"\n")

    def part_tell(name: str) -> Callable[[Message], None]:
        return lambda message: tell({"part": name, **message})

    name = specification["name"]
    Path("/proc/self/comm").write_text(name[:15])
    page = Page.make(
        specification["deployment"],
        f"beat.{name}",
        "hp_page_t",
        lib.HP_PAGE_BEAT,
        ffi.sizeof("hp_page_t"),
    )
    parts = {
        part: kinds[part](its, part_tell(part)) for part, its in specification["parts"].items()
    }
    beating = asyncio.ensure_future(beat(page))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    try:
        facts = {part: await its.start() for part, its in parts.items()}
        tell({"ready": facts})
        asked = asyncio.ensure_future(stop.wait())
        while True:
            line = asyncio.ensure_future(reader.readline())
            done, _ = await asyncio.wait({line, asked}, return_when=asyncio.FIRST_COMPLETED)
            if asked in done or not line.result():
                line.cancel()
                return 0
            message = json.loads(line.result())
            await parts[message.pop("part")].told(message)
    except ColdError as error:
        tell({"error": str(error)})
        return 2
    finally:
        beating.cancel()
        for its in parts.values():
            await its.close()
        page.remove()
        with contextlib.suppress(OSError):
            await asyncio.wait_for(writer.drain(), 1)
            writer.close()


def main(kinds: dict[str, type[Part]]) -> int:
    """Run the parts that the specification names."""
    import uvloop

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(serve(kinds))


def run(kinds: dict[str, type[Part]]) -> None:
    sys.exit(main(kinds))
