"""What happens by itself: participants, depth flushes, marks, dead-man timers, pings.

Owns:    when these run; a timer that dies ends the venue loudly.
Refuses: what they do (desk.py, streams.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from venues.simulator.usdm.control import Control
from venues.simulator.usdm.desk import Desk
from venues.simulator.usdm.streams import FLUSH_MS

DEADLINE_MS = 10  # how often dead-man timers are checked
MARK_MS = 100
PONG_MS_MAX = 600_000


class Timers:
    """All timers of one venue."""

    def __init__(self, desk: Desk, control: Control) -> None:
        self.desk = desk
        self.control = control
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        for work in (
            self._crowds(),
            self._flushes(),
            self._marks(),
            self._deadlines(),
            self._pings(),
        ):
            self._spawn(work)

    def stop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        """A timer that dies would leave a venue that looks alive: end it loudly instead."""
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            asyncio.get_running_loop().call_exception_handler(
                {"message": "venue timer failed", "exception": task.exception(), "task": task}
            )
            self.control.failed.set()

    async def _crowds(self) -> None:
        while True:
            pause_ns = self.desk.advance()
            if not pause_ns:
                return
            await asyncio.sleep(pause_ns / 1e9)

    async def _flushes(self) -> None:
        """Flush each symbol's depth windows every FLUSH_MS, symbols out of phase."""
        loop = asyncio.get_running_loop()
        symbols = list(self.desk.streams.markets)
        step = FLUSH_MS / 1_000 / len(symbols)
        start, count = loop.time(), 0
        while True:
            count += 1
            await asyncio.sleep(max(0.0, start + count * step - loop.time()))
            turn, index = divmod(count, len(symbols))
            self.desk.streams.flush(symbols[index], turn, self.desk.now_ms())

    async def _marks(self) -> None:
        per_second, count = 1_000 // MARK_MS, 0
        while True:
            await asyncio.sleep(MARK_MS / 1_000)
            count += 1
            for market in self.desk.exchange.markets.values():
                market.step_mark()
            if count % per_second == 0:
                self.desk.streams.marks(count // per_second, self.desk.now_ms())
            self.desk.expire_listen_keys()

    async def _deadlines(self) -> None:
        while True:
            await asyncio.sleep(DEADLINE_MS / 1_000)
            if self.desk.exchange.deadlines:
                self.desk.exchange.expire_deadlines(self.desk.now_ms())
                self.desk.pump()

    async def _pings(self) -> None:
        while True:
            await asyncio.sleep(self.desk.options.ping_ms / 1_000)
            now_ms = self.desk.now_ms()
            for socket in tuple(self.control.sockets):
                if now_ms - socket.pong_ms > max(PONG_MS_MAX, 3 * self.desk.options.ping_ms):
                    socket.close(1008)
                else:
                    socket.ping(now_ms)
