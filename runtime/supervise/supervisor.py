"""The supervisor: starts processes, watches them, starts them again, ends them.

Owns:    the lives of the deployment's processes, the supervisor page, what follows from an exit.
Refuses: trading, keys, venues, what a process is for (runtime/appliance.py plans them).

A process is over when its pidfd says so.  A process that lives but has not beaten within its bound
is killed, unless the kernel says that it waited for a core all that time.  Limits: causes.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from runtime._shm import ffi, lib
from runtime.pages.page import Page
from runtime.supervise import causes
from runtime.supervise.child import LINES_KEPT, Exit, Life, Message, Plan
from runtime.supervise.resources import Resources
from runtime.supervise.tasks import Tasks
from runtime.supervise.topology import Topology

SUPERVISOR_BYTES = ffi.sizeof("hp_supervisor_page_t")
LOOK_S = 0.02
RESOURCES_S = 1.0
START_S = 120.0
START_IDLE_NS_MAX = 20_000_000_000  # of a start that neither runs nor waits for a core
STARVED_BOUNDS = 40  # a starved process may be silent for so many of its bounds
COLD_STALL_NS_MAX = 10_000_000_000


class StartError(Exception):
    """A process ended, or said nothing, before it was ready."""


class Watched:
    """A planned process: its present life and its history."""

    def __init__(self, plan: Plan, number: int) -> None:
        self.plan = plan
        self.number = number  # in the supervisor page
        self.life: Life | None = None
        self.state: int = lib.HP_PROCESS_ABSENT
        self.history = causes.History()
        self.lines: deque[str] = deque(maxlen=LINES_KEPT)
        self.epoch = 0
        self.core = -1 if plan.core is None else plan.core
        self.is_spinning = False
        self.starts = 0
        self.exits = [0] * lib.HP_EXIT_CAUSE_COUNT
        self.last_code = 0
        self.last_cause: int = lib.HP_EXIT_NONE
        self.rss_bytes = 0
        self.cpu_ns = 0
        self.is_stopping = False
        self.settled = asyncio.Event()  # no life, and none will follow
        self.facts: Message = {}
        self.own_pid = 0  # the supervisor's row: it has no life here, it gives them

    @property
    def pid(self) -> int:
        if self.own_pid:
            return self.own_pid
        return self.life.pid if self.life is not None and self.life.is_alive else 0


class Supervisor:
    """The processes of one deployment."""

    def __init__(self, deployment: str, say: Callable[[str], None]) -> None:
        self.deployment = deployment
        self.say = say
        self.page = Page.make(
            deployment,
            "supervisor",
            "hp_supervisor_page_t",
            lib.HP_PAGE_SUPERVISOR,
            SUPERVISOR_BYTES,
        )
        self.page.view.started_ns = time.monotonic_ns()
        self.watched: dict[str, Watched] = {}
        self.tasks = Tasks(self.failed)
        self.given_up: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.resources = Resources(deployment)
        kills = causes.memory_kills()
        self.memory_kills = (kills, kills)  # a second or two ago, now
        self.beats: list[Page] = []  # pages whose header says that the supervisor lives
        self.degraded: list[str] = []
        self.topology = ""
        own = self.add(
            Plan(
                "supervisor",
                lib.HP_PROCESS_SUPERVISOR,
                "",
                dict,
                lambda: int(self.page.header.heartbeat_ns),
                lambda: 0,
            )
        )
        own.own_pid, own.starts, own.state = os.getpid(), 1, lib.HP_PROCESS_RUNNING

    def add(self, plan: Plan) -> Watched:
        """Take a process into the table."""
        if len(self.watched) >= lib.HP_PROCESSES_MAX:
            raise StartError(f"more than {lib.HP_PROCESSES_MAX} processes")
        watched = self.watched[plan.name] = Watched(plan, len(self.watched))
        return watched

    # -- lives -----------------------------------------------------------------------------------

    async def start(self, plan: Plan) -> Message:
        """Start a process for the first time; return the facts that it is ready with."""
        watched = self.add(plan)
        life = await self.begin(watched)
        ends: set[asyncio.Future[Any]] = {life.ready, life.ended}
        done, _ = await asyncio.wait(ends, timeout=START_S, return_when=asyncio.FIRST_COMPLETED)
        if life.ready not in done:
            watched.is_stopping = True
            life.signal(signal.SIGKILL)
            await life.ended
            await asyncio.wait(life.tasks, timeout=1)
            raise StartError(
                life.error
                or f"process {plan.name} ended with code {life.ended.result()} before it was ready;"
                " its reason stands above"
            )
        watched.facts = life.ready.result()
        self.keep(self.follow(watched))
        return watched.facts

    async def begin(self, watched: Watched) -> Life:
        """Give a process a new life."""
        watched.state = lib.HP_PROCESS_STARTING
        watched.starts += 1
        life = watched.life = Life(watched.plan, self.say, watched.lines)
        await life.spawn()
        self.publish()
        return life

    async def follow(self, watched: Watched) -> None:
        """See a process through its lives until none may follow."""
        while True:
            life = watched.life
            assert life is not None
            code = await life.ended
            await life.finish()
            delay_s = self.judge(watched, life, code)
            if delay_s is None:
                break
            await asyncio.sleep(delay_s)
            if watched.is_stopping:
                watched.state = lib.HP_PROCESS_STOPPED
                break
            await self.begin(watched)
        watched.settled.set()
        self.publish()

    def judge(self, watched: Watched, life: Life, code: int) -> float | None:
        """Say what an exit was; return the seconds until the next life, None = none follows."""
        kills = causes.memory_kills()
        cause = causes.cause_of(
            code, was_stalled=life.was_stalled, memory_kills=kills - self.memory_kills[0]
        )
        self.memory_kills = (kills, kills)
        watched.exits[cause] += 1
        watched.last_cause, watched.last_code = cause, code
        end = Exit(
            watched.plan.name,
            life.pid,
            cause,
            code,
            life.lived_s,
            list(watched.lines),
            life.error,
        )
        is_asked = watched.is_stopping
        if not (is_asked and code == 0):
            self.say(
                f"process.ended name={end.name} pid={end.pid} cause={causes.CAUSES[cause]}"
                f" code={code} lived_s={end.lived_s:.1f} asked={int(is_asked)}"
            )
        watched.plan.exited(end)
        if is_asked:
            watched.state = lib.HP_PROCESS_STOPPED
            return None
        delay = watched.history.next_delay(cause, end.lived_s, time.monotonic())
        if delay is None:
            watched.state = lib.HP_PROCESS_GIVEN_UP
            self.give_up(watched, cause)
            return None
        watched.state = lib.HP_PROCESS_BACKING_OFF
        self.publish()
        return delay

    def give_up(self, watched: Watched, cause: int) -> None:
        limit = causes.LIMITS[cause]
        text = (
            f"process {watched.plan.name} given up: more than {limit.restarts} restarts in"
            f" {limit.window_s:.0f} s for cause {causes.CAUSES[cause]}"
        )
        self.degrade(text)
        if watched.plan.is_essential and not self.given_up.done():
            self.given_up.set_result(text)

    def restart(self, name: str) -> None:
        """Kill a process (SIGKILL, as from outside); its next life follows by the rules."""
        life = self.watched[name].life
        if life is not None and life.is_alive:
            life.signal(signal.SIGKILL)

    async def stop(self, name: str, seconds: float = 5.0, number: int = signal.SIGTERM) -> int:
        """End a process for good: ask (signal `number`, 0 = it was asked already), then kill."""
        watched = self.watched.get(name)
        if watched is None or watched.life is None:
            return 0
        self.expect_end(name)
        life = watched.life
        if life.is_alive:
            if number:
                life.signal(number)
            done, _ = await asyncio.wait({life.ended}, timeout=seconds)
            if not done:
                life.signal(signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(watched.settled.wait(), seconds + 5)
        return watched.last_code

    def expect_end(self, name: str) -> None:
        """From now on an end of this process is one that was asked for."""
        watched = self.watched[name]
        watched.is_stopping = True
        if watched.state in (lib.HP_PROCESS_STARTING, lib.HP_PROCESS_RUNNING):
            watched.state = lib.HP_PROCESS_STOPPING
        self.publish()

    # -- watching --------------------------------------------------------------------------------

    def keep(self, work: Any) -> None:
        self.tasks.spawn(work)

    def failed(self, error: BaseException) -> None:
        self.say(f"supervisor.task_failed error={error!r}")
        if not self.given_up.done():
            self.given_up.set_result(f"the supervisor itself failed: {error!r}")

    async def watch(self) -> None:
        """Look at every heartbeat, some fifty times a second, and at resources each second."""
        last, looked_s = time.monotonic_ns(), 0.0
        while True:
            await asyncio.sleep(LOOK_S)
            now = time.monotonic_ns()
            for page in (self.page, *self.beats):
                page.header.heartbeat_ns = now
            # A supervisor that was late itself has no say in who was: everybody gets another turn.
            if now - last < 5 * LOOK_S * 1e9:
                for watched in self.watched.values():
                    self.look(watched, now)
            last = now
            if now / 1e9 - looked_s >= RESOURCES_S:
                looked_s = now / 1e9
                self.measure()
            self.publish()

    def look(self, watched: Watched, now: int) -> None:
        life, plan = watched.life, watched.plan
        if life is None or not life.is_alive:
            return
        beat = plan.heartbeat()
        if beat < life.started_ns:  # of the life before, or none yet
            idle = life.idle_ns(now)
            if idle > START_IDLE_NS_MAX or now - life.started_ns > START_S * 1e9:
                self.kill_stalled(watched, now - life.started_ns)
            return
        if watched.state == lib.HP_PROCESS_STARTING:
            watched.state = lib.HP_PROCESS_RUNNING
            if not life.ready.done() and plan.role == lib.HP_PROCESS_LANE:
                life.ready.set_result({})
                plan.ready({})
        silent = now - beat
        bound = plan.stall_ns_max()
        if life.is_starved(silent) and silent < STARVED_BOUNDS * bound:
            return
        if silent > bound and not watched.is_stopping:
            self.kill_stalled(watched, silent)

    def kill_stalled(self, watched: Watched, silent_ns: int) -> None:
        life = watched.life
        assert life is not None
        if life.was_stalled:
            return
        life.was_stalled = True
        self.say(
            f"process.stalled name={watched.plan.name} pid={life.pid}"
            f" silent_ms={silent_ns // 1_000_000}"
            f" bound_ms={watched.plan.stall_ns_max() // 1_000_000}"
        )
        life.signal(signal.SIGKILL)

    # -- the page --------------------------------------------------------------------------------

    def degrade(self, text: str) -> None:
        """Say a shortcoming once and keep it on the page."""
        if text not in self.degraded:
            self.say(f"degraded {text}")
            self.degraded.append(text)
            self.publish()

    def measure(self) -> None:
        """Read what the host and each process use."""
        for watched in self.watched.values():
            watched.rss_bytes, watched.cpu_ns = self.resources.process(watched.pid)
        self.resources.host()
        self.memory_kills = (self.memory_kills[1], causes.memory_kills())

    def publish(self) -> None:
        """Write the table."""
        view = self.page.view
        if view is None:
            return
        seq = ffi.addressof(view, "seq")
        lib.hp_seq_begin(seq)
        view.process_count = len(self.watched)
        view.is_degraded = int(bool(self.degraded))
        found = self.resources
        view.memory_total_bytes = found.memory_total_bytes
        view.memory_available_bytes = found.memory_available_bytes
        view.shm_free_bytes = found.shm_free_bytes
        view.disk_free_bytes = found.disk_free_bytes
        view.load_permille = found.load_permille
        put_text(view.degraded, "\n".join(self.degraded))
        put_text(view.topology, self.topology)
        for watched in self.watched.values():
            self.publish_process(view.processes[watched.number], watched)
        lib.hp_seq_end(seq)

    def publish_process(self, to: Any, watched: Watched) -> None:
        life, plan = watched.life, watched.plan
        put_text(to.name, plan.name)
        to.role = plan.role
        to.state = watched.state
        to.pid = watched.pid
        to.core = watched.core
        to.epoch = watched.epoch
        to.last_code = watched.last_code
        to.last_cause = watched.last_cause
        to.is_spinning = int(watched.is_spinning)
        started_ns = self.page.view.started_ns if watched.own_pid else 0
        to.started_ns = started_ns if life is None else life.started_ns
        to.heartbeat_ns = plan.heartbeat()
        to.rss_bytes = watched.rss_bytes
        to.cpu_ns = watched.cpu_ns
        to.starts = watched.starts
        for cause, count in enumerate(watched.exits):
            to.exits[cause] = count

    async def close(self) -> None:
        """End what still lives (kill), then let go of the page."""
        for watched in self.watched.values():
            watched.is_stopping = True
            if watched.life is not None and watched.life.is_alive:
                watched.life.signal(signal.SIGKILL)
                await watched.life.ended
        await self.tasks.close()
        self.page.remove()


def keep_to_cold(topology: Topology) -> Topology:
    """Put this process, and what it starts, on the cold cores; a plan that could not be says so."""
    try:
        os.sched_setaffinity(0, topology.cold_cores)
    except OSError as error:
        note = f"cold processes stay where they are, beside the lane: {error.strerror}"
        return replace(topology, notes=(*topology.notes, note))
    return topology


def put_text(field: Any, text: str) -> None:
    """Write a text into a char array, cut to fit, zeros behind it."""
    size = ffi.sizeof(field)
    data = text.encode("ascii", "replace")[: size - 1]
    ffi.memmove(field, data + bytes(size - len(data)), size)
