"""Tasks that run beside the main work: held, ended together, their failures told.

Owns:    the references (a task nobody holds may vanish), cancelling them all.
Refuses: deciding what a failure means: who made them is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class Tasks:
    """The tasks of one owner."""

    def __init__(self, failed: Callable[[BaseException], None]) -> None:
        self.failed = failed
        self.held: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.ensure_future(work)
        self.held.add(task)
        task.add_done_callback(self.finished)
        return task

    def finished(self, task: asyncio.Task[Any]) -> None:
        self.held.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failed(error)

    async def close(self) -> None:
        """Cancel them all and wait for their ends."""
        tasks = list(self.held)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
