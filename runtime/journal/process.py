"""The archiver as a process: every journal of the deployment to a RUN.

Owns:    a thread of its own for it, so that a slow disk delays no other part of a merged process;
         leaving when the disk fails.
Refuses: the archiving itself (runtime/journal/archiver.py), removing rings.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from runtime.journal.archive import ArchiveDamaged, ArchiveFailed
from runtime.journal.archiver import Archiver, Worker, rules_of
from runtime.journal.key import ArchiveKeyError
from runtime.journal.recording import RecordingError
from runtime.supervise import cold
from runtime.supervise.child import Message

FAILED_CODE = 74  # EX_IOERR


class ArchiverPart(cold.Part):
    """Archives what lanes publish; killed at any time its successor goes on where the disk ends."""

    name = "archiver"

    async def start(self) -> Message:
        deployment = self.specification["deployment"]
        directory = Path(self.specification["directory"])
        self.loop = asyncio.get_running_loop()
        try:
            archiver = Archiver(
                deployment, directory, rules_of(self.specification.get("rules")), self.say_safely
            )
            archiver.look()
            archiver.finish_former()
        except ArchiveDamaged as error:
            raise cold.ColdError(
                f"the archive {directory} is damaged: {error}; run: corelane ledger verify"
                f" {directory}, then: corelane ledger repair {directory}"
            ) from error
        except (RecordingError, ArchiveKeyError, ArchiveFailed, OSError) as error:
            raise cold.ColdError(f"cannot archive to {directory}: {error}") from error
        self.worker = Worker(archiver, self.archive_failed)
        self.worker.start()
        return {}

    def say_safely(self, text: str) -> None:
        """Say from the archiver's thread."""
        self.loop.call_soon_threadsafe(self.say, text)

    def archive_failed(self, error: Exception) -> None:
        """End this process: nothing that it holds may be relied on.  Its successor begins anew."""
        self.say_safely(f"archive.failed error={str(error)!r}")
        self.loop.call_soon_threadsafe(self.loop.call_later, 0.1, os._exit, FAILED_CODE)

    async def told(self, message: Message) -> None:
        """Take a checkpoint: a step that may go wrong is about to be done."""
        if "checkpoint" in message:
            self.worker.checkpointer.want(message["checkpoint"])

    async def close(self) -> None:
        await super().close()
        if hasattr(self, "worker"):
            await asyncio.to_thread(self.worker.stop)


if __name__ == "__main__":
    cold.run({"archiver": ArchiverPart})
