from typing import Any

from hotpath.lane.lane import Lane

PICOWS: str
AIOFASTNET: str
UVLOOP: str

class LiveLane(Lane):
    loop: Any
    is_spinning: bool
    bell: int
    urls: dict[str, Any]
    def log(self, text: str) -> None: ...
    def set_stream_texts(self, instrument: int, kind: int, texts: list[str]) -> None: ...
    def settle(
        self, core: int | None = ..., lock: bool = ..., lock_all: bool = ...
    ) -> dict[str, int]: ...
    async def run(self) -> int: ...
