"""The session process under the simulator: runtime/session/process.py as it is, without its start.

Owns:    what its start would have brought: the session over simulated REST, the lanes it serves.
Refuses: answering in its place.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

from runtime.feeds import sources
from runtime.feeds import supply as feeds
from runtime.session import process as session_process
from runtime.session.process import SessionPart
from runtime.supervise.child import Message
from tests.simulation.venue import API_KEY, Http, Venue
from venues.binance.usdm.session import Endpoints, Session

BELL = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)  # asked for, never rung
SIGNATURE = b"signature-that-no-journal-has"
PLACES = Endpoints("http://venue", "ws://venue", "ws://venue/ws-fapi/v1")

sources.LOOK_S = 0.1  # a poller that looks less often: most of what it finds is that nothing is due
# read once: the file is the same for every story
session_process.limits = functools.cache(feeds.limits)  # type: ignore[assignment]


class NoKey:
    """Signs nothing: the venue does not look, and the judge looks where it gets to."""

    def sign(self, payload: bytes) -> bytes:
        return SIGNATURE


class AskedSession(Session):
    """The session, whose caller is judged too: it must not even try while the venue refuses."""

    judge: Any

    async def depth(self, *args: Any, **how: Any) -> Any:
        self.judge.pace.on_snapshot_asked()
        return await super().depth(*args, **how)


class SimSession(SessionPart):
    """One life of the session process."""

    def __init__(self, deployment: str, venue: Venue, tell: Callable[[Message], None], seed: int):
        bells = {"session": BELL, "lanes": {"0": -1, "1": -1}}
        super().__init__({"deployment": deployment, "bells": bells, "seed": seed}, tell)
        http: Any = Http(venue)
        key: Any = NoKey()
        self.http = http
        self.loop: Any = venue.loop
        self.endpoints = PLACES
        asked = self.session = AskedSession(PLACES, API_KEY, key, http)
        asked.judge = venue.judge
        self.govern()
        self.lanes = {}
        self.symbols = {}
        self.about = {}
        self.is_dead = False

    def kill(self) -> None:
        """End as by kill -9: nothing of it happens any more."""
        self.is_dead = True
        self.tell = lambda message: None
        for task in list(self.tasks.held):
            task.cancel()
        for lane in self.lanes.values():
            lane.feeds.polling.cancel()
            for task in lane.feeds.resync.working.values():
                task.cancel()
        self.lanes.clear()
