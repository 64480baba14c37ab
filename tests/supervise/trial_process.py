"""A process for the supervisor's tests: a cold part that ends, hangs or fails as it is told."""

import asyncio
import os
import sys
import time

from runtime.supervise import cold


class TrialPart(cold.Part):
    name = "trial"

    async def start(self):
        if self.specification.get("fails"):
            raise cold.ColdError(self.specification["fails"])
        return {"pid": os.getpid()}

    async def told(self, message):
        match message["do"]:
            case "abort":
                print("lane.panic cause=HP_ASSERT where=trial.h:7", file=sys.stderr, flush=True)
                os.abort()
            case "leave":
                os._exit(message["code"])
            case "hang":
                time.sleep(1000)
            case "answer":
                self.tell({"answer": message["text"]})
            case "linger":
                self.spawn(asyncio.sleep(1000))


if __name__ == "__main__":
    cold.run({"trial": TrialPart})
