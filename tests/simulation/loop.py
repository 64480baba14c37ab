"""The event loop of a simulation: time is an int64 of ns and moves only from event to event.

Owns:    the heap of what is to come; being an asyncio loop, so that cold processes run unchanged.
Refuses: sockets, threads, real time: work for a thread is done at once, on the virtual clock.

Equal times are served in the order in which they were asked for: nothing depends on a hash or on
the machine.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

S, MS, US = 1_000_000_000, 1_000_000, 1_000
STEPS_MAX = 150_000  # a story has some thousands


class Endless(BaseException):
    """More steps than any story has: something asks and asks again.  No handler may keep it."""


class Timer:
    """Something that is to happen; cancel() makes it nothing."""

    __slots__ = ("args", "call", "when_ns")

    def __init__(self, when_ns: int, call: Callable[..., Any] | None, args: tuple[Any, ...]):
        self.when_ns, self.call, self.args = when_ns, call, args

    def cancel(self) -> None:
        self.call = None
        self.args = ()


class SimLoop(asyncio.AbstractEventLoop):
    """Virtual time, one thread.  run_until() is the only thing that moves the clock."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.heap: list[tuple[int, int, Any]] = []
        self.ready: deque[Any] = deque()
        self.sequence = 0
        self.steps = 0
        self.tasks: dict[asyncio.Task[Any], None] = {}  # that are not done
        self.troubles: list[BaseException] = []  # of tasks that nobody asked about

    # -- of the simulation -----------------------------------------------------------------------

    def at(self, when_ns: int, call: Callable[..., Any], *args: Any) -> Timer:
        """Call at a time; what lies behind is called now, after what is due already."""
        timer = Timer(max(when_ns, self.now_ns), call, args)
        self.sequence += 1
        heapq.heappush(self.heap, (timer.when_ns, self.sequence, timer))
        return timer

    def after(self, ns: int, call: Callable[..., Any], *args: Any) -> Timer:
        return self.at(self.now_ns + ns, call, *args)

    def run_until(self, until_ns: int, is_over: Callable[[], bool] | None = None) -> None:
        """Serve everything up to a time (or until it is over); the clock stands there then."""
        ready, heap = self.ready, self.heap
        while is_over is None or not is_over():
            if self.steps > STEPS_MAX:
                raise Endless(f"{self.steps} steps and no end")
            if ready:
                handle = ready.popleft()
                if not handle._cancelled:
                    self.steps += 1
                    handle._run()
                continue
            if not heap or heap[0][0] > until_ns:
                self.now_ns = max(self.now_ns, until_ns)
                return
            when_ns, _, timer = heapq.heappop(heap)
            if type(timer) is Timer:
                if timer.call is None:
                    continue
                self.now_ns = when_ns
                self.steps += 1
                timer.call(*timer.args)
            elif not timer._cancelled:
                self.now_ns = when_ns
                self.steps += 1
                timer._run()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Be the loop that asyncio finds."""
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            yield
        finally:
            asyncio._set_running_loop(before)

    # -- of asyncio ------------------------------------------------------------------------------

    def time(self) -> float:
        return self.now_ns / S

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self.ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        return self.call_at_ns(self.now_ns + round(delay * S), callback, args, context)

    def call_at(
        self, when: float, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        return self.call_at_ns(round(when * S), callback, args, context)

    def call_at_ns(
        self, when_ns: int, callback: Any, args: Any, context: Any
    ) -> asyncio.TimerHandle:
        when_ns = max(when_ns, self.now_ns)
        handle = asyncio.TimerHandle(when_ns / S, callback, args, self, context)
        self.sequence += 1
        heapq.heappush(self.heap, (when_ns, self.sequence, handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        pass

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: Any = None
    ) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=self, name=name or "sim", context=context)
        self.tasks[task] = None
        task.add_done_callback(self.tasks.pop)
        return task

    def end_tasks(self) -> None:
        """Cancel what is left, and let it come to its end."""
        self.heap.clear()
        for _ in range(8):
            while self.ready:
                handle = self.ready.popleft()
                if not handle._cancelled:
                    handle._run()
            for task in list(self.tasks):
                task.cancel()
            if not self.tasks:
                return

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> asyncio.Future[Any]:
        """Do what a thread would do, in no time; the answer comes with the next turn."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except BaseException as error:
            future.set_exception(error)
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is not None:
            self.troubles.append(error)

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False
