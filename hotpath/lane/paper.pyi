from typing import Any

from hotpath.lane.lane import Lane
from hotpath.lane.replay import Replay

class PaperLane(Lane):
    replay: Replay
    def __init__(
        self, codec: Any, page: Any, *, maker_bps: int = ..., taker_bps: int = ..., **settings: Any
    ) -> None: ...
    def follow(self, replay: Replay) -> None: ...
    def finish(self) -> None: ...
