"""The tailer as a process: every journal of the deployment to a RUN.

Owns:    when it copies: some fifty times a second, and once more before it leaves.
Refuses: the copying itself (runtime/tailer.py), removing rings.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from runtime import cold
from runtime.child import Message
from runtime.recording import RecordingError, open_run
from runtime.tailer import PAUSE_SECONDS, Copier


class TailerPart(cold.Part):
    """Copies what lanes publish; killed at any time its successor goes on where the files end."""

    name = "tailer"

    async def start(self) -> Message:
        deployment = self.specification["deployment"]
        directory = Path(self.specification["directory"])
        try:
            open_run(directory, deployment)
        except (RecordingError, OSError) as error:
            raise cold.ColdError(f"cannot record to {directory}: {error}") from error
        self.copier = Copier(deployment, directory)
        self.spawn(self.copy())
        return {}

    async def copy(self) -> None:
        while True:
            self.copier.look()
            self.copier.copy()
            await asyncio.sleep(PAUSE_SECONDS)

    async def close(self) -> None:
        await super().close()
        if hasattr(self, "copier"):
            self.copier.close()


if __name__ == "__main__":
    cold.run({"tailer": TailerPart})
