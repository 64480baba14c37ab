"""The venue's quota on the cold side: answers are told to the lanes, what lanes know is heeded.

Owns:    the last figures heard, refusals (429, 418) until they end, how fast questions may be
         asked, asking when nothing was heard for long.
Refuses: reckoning: a lane does (hotpath/risk/governor.h), and shows it in its page; what must be
         asked to end uncertainty or risk (openings, cancels) is held back by a refusal alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime._shm import ffi, lib
from runtime.session import stops
from runtime.session.quota import KINDS
from venues.binance.public import Heard

PROBE_S = 5.0  # silence after which the venue is asked what is used
LOOK_S = 1.0
ECHO_NS = 50_000_000  # a lane was told by us, a little later than we were
STOP_S = 60.0  # where a refusal does not say how long
PACES = {lib.HP_QUOTA_NORMAL: 1.0, lib.HP_QUOTA_BUSY: 0.5, lib.HP_QUOTA_SLOW: 0.25}  # else 0


@dataclass
class Listener:
    """A lane's life: its page, and where it takes mail."""

    page: Any  # hp_lane_page_t
    put: Callable[[int, bytes, int], bool]


class Governor:
    """What one cold process knows of one venue's quota."""

    def __init__(self, say: Callable[[str], None], directory: Path | None = None) -> None:
        """directory: where refusals are kept over this process's lives; None: they are not."""
        self.say = say
        self.directory = directory
        self.lanes: dict[int, Listener] = {}
        self.stopped: dict[int, tuple[int, int]] = {}  # kind -> (until, CLOCK_MONOTONIC; status)
        if directory is not None:
            found = stops.read(directory, time.time_ns())
            self.take(found, time.monotonic_ns(), is_kept=True)
        self.heard_ns = 0
        self.newest: dict[tuple[int, int], bytes] = {}  # figure of each window
        self.refused = 0

    # -- what the venue says ---------------------------------------------------------------------

    def hear(self, heard: Heard, asked_ns: int) -> None:
        """Tell the lanes what an answer says; without a figure its own weight counts."""
        for usage in heard.usages:
            key = (KINDS[usage.kind], usage.length_s)
            self.newest[key] = self.tell(*key, used=usage.used, asked_ns=asked_ns)
            self.heard_ns = time.monotonic_ns()
        if not any(usage.kind == "weight" for usage in heard.usages):
            self.tell(KINDS["weight"], 0, cost=heard.weight, asked_ns=asked_ns)
        if heard.stopped:
            self.stop(heard)

    def stop(self, heard: Heard) -> None:
        """Ask nothing until the venue answers again, and tell the lanes."""
        seconds = heard.retry_after_s or STOP_S
        self.refused += 1
        found = {KINDS[heard.stopped]: stops.Stop(int(seconds * 1e9), heard.status)}
        self.take(found, time.monotonic_ns())
        self.tell(KINDS[heard.stopped], 0, stop_ns=int(seconds * 1e9), status=heard.status)
        self.say(
            f"quota.refused kind={heard.stopped} status={heard.status} retry_after_s={seconds:g}"
        )

    def take(
        self,
        found: dict[int, stops.Stop],
        now_ns: int,
        *,
        is_kept: bool = False,
        echo_ns: int = 0,
    ) -> None:
        """Hold refusals from now on; those that end later than was known are written down.

        However little later: requests that were under way together are refused one behind the
        other, and the venue counts from each.  The lane's page that shows the last end as well
        goes with the lane.
        now_ns: what `found` counts from, so that what a page shows ends at one and the same time.
        echo_ns: so little later it is what is known, from one who does not know its status.
        """
        is_new = False
        for kind, one in found.items():
            until_ns, (known_ns, status) = now_ns + one.left_ns, self.stopped.get(kind, (0, 0))
            if until_ns > known_ns:
                if until_ns > known_ns + echo_ns:
                    status = one.status
                self.stopped[kind] = until_ns, status
                is_new = True
        if is_new and not is_kept and self.directory is not None:
            try:
                stops.write(self.directory, self.standing(), time.time_ns())
            except OSError as error:  # it holds in this life: lanes must hear it all the same
                self.say(f"quota.not_kept file={self.directory / stops.FILE} error={error}")

    def standing(self) -> dict[int, stops.Stop]:
        now_ns = time.monotonic_ns()
        return {
            kind: stops.Stop(until_ns - now_ns, status)
            for kind, (until_ns, status) in self.stopped.items()
            if until_ns > now_ns
        }

    def look(self) -> None:
        """Take what lanes were told by their own sessions."""
        for lane in self.lanes.values():
            now_ns = time.monotonic_ns()
            self.take(stops.of_lane(lane.page, now_ns), now_ns, echo_ns=ECHO_NS)

    def tell(self, kind: int, length_s: int, **fields: int) -> bytes:
        """Mail one hp_quota_told_t to every lane; a full ring loses what the next figure says."""
        told = ffi.new("hp_quota_told_t *")
        told.kind, told.length_s, told.used = kind, length_s, -1
        for name, value in fields.items():
            setattr(told, name, value)
        data = bytes(ffi.buffer(told))
        for lane in self.lanes.values():
            lane.put(lib.HP_MAIL_QUOTA, data, 0)
        return data

    def join(self, number: int, lane: Listener) -> None:
        """Take up a lane's life: it hears what was heard last."""
        self.lanes[number] = lane
        for data in self.newest.values():
            lane.put(lib.HP_MAIL_QUOTA, data, 0)
        for kind, one in self.standing().items():
            self.tell(kind, 0, stop_ns=one.left_ns, status=one.status)

    def leave(self, number: int) -> None:
        self.look()
        self.lanes.pop(number, None)

    # -- what may be asked -----------------------------------------------------------------------

    def stopped_s(self) -> float:
        """Return how long the venue refuses everything, as this process or a lane was told."""
        until = [self.stopped.get(lib.HP_QUOTA_WEIGHT, (0, 0))[0]]
        for lane in self.lanes.values():
            until.append(int(lane.page.quota.stop_until_ns[lib.HP_QUOTA_WEIGHT]))
        return max(0.0, (max(until) - time.monotonic_ns()) / 1e9)

    def pace(self) -> float:
        """Return which part of its budget a question may spend now; 0 = it waits."""
        if self.stopped_s() > 0:
            return 0.0
        modes = [
            int(row.mode)
            for lane in self.lanes.values()
            for row in lane.page.quota.rows
            if row.kind == lib.HP_QUOTA_WEIGHT
        ]
        return PACES.get(min(modes, default=lib.HP_QUOTA_NORMAL), 0.0)

    async def keep_heard(self, ping: Callable[[], Awaitable[None]]) -> None:
        """Ask the venue what is used whenever no answer has said it for PROBE_S."""
        while True:
            await asyncio.sleep(LOOK_S)
            if time.monotonic_ns() - self.heard_ns >= PROBE_S * 1e9 and self.stopped_s() == 0:
                await ping()
