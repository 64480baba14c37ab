"""Lives of real processes: ended in every way, started again, given up, stopped."""

import asyncio
import json
import os
import signal

import pytest

from runtime._shm import ffi, lib
from runtime.pages.page import SHM, Page, PageError
from runtime.supervise import supervisor
from runtime.supervise.child import Plan
from runtime.supervise.crash_report import REPORTS_KEPT, Report
from runtime.supervise.supervisor import StartError, Supervisor

PATIENCE_S = 60


class Trial:
    """A supervisor with one trial process."""

    def __init__(self, deployment, directory, **changes):
        self.said, self.told, self.exits = [], [], []
        self.deployment = deployment
        self.supervisor = Supervisor(deployment, self.said.append)
        self.specification = {"trial": {}}
        self.plan = Plan(
            **{
                "name": "trial",
                "role": lib.HP_PROCESS_COLD,
                "module": "tests.supervise.trial_process",
                "specification": lambda: {
                    "name": "trial",
                    "deployment": deployment,
                    "parts": self.specification,
                },
                "heartbeat": self.beat,
                "stall_ns_max": lambda: 2_000_000_000,
                "told": self.told.append,
                "exited": self.exits.append,
                **changes,
            }
        )

    def beat(self):
        try:
            page = Page.open(self.deployment, "beat.trial", "hp_page_t")
        except (PageError, ValueError):
            return 0
        beat = page.header.heartbeat_ns if page.header.writer_pid == self.watched.pid else 0
        page.close()
        return int(beat)

    async def start(self):
        self.supervisor.keep(self.supervisor.watch())
        return await self.supervisor.start(self.plan)

    @property
    def watched(self):
        return self.supervisor.watched["trial"]

    def do(self, **message):
        self.watched.life.tell({"part": "trial", **message})

    async def until(self, condition):
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await asyncio.sleep(0.02)

    async def until_life(self, number):
        await self.until(
            lambda: self.watched.starts == number and self.watched.state == lib.HP_PROCESS_RUNNING
        )

    def row(self):
        """Return the process's row in the page, as another process would read it."""
        page = Page.open(self.deployment, "supervisor", "hp_supervisor_page_t")
        return page.view.processes[1]  # 0 is the supervisor itself


@pytest.fixture
def trial(tmp_path, monkeypatch):
    """Run a coroutine function with a Trial; clean up after it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    deployment = f"sup{os.getpid()}"

    def run(work, **changes):
        async def inside():
            made = Trial(deployment, tmp_path, **changes)
            try:
                await work(made)
            finally:
                await made.supervisor.close()

        asyncio.run(inside())

    yield run
    for path in SHM.glob(f"corelane.{deployment}.*"):
        path.unlink()


def test_killed_process_comes_back_and_the_page_tells_it(trial):
    async def work(t):
        facts = await t.start()
        await t.until_life(1)
        pid = facts["trial"]["pid"]
        assert (t.row().pid, t.row().state) == (pid, lib.HP_PROCESS_RUNNING)
        os.kill(pid, signal.SIGKILL)
        await t.until_life(2)
        row = t.row()
        assert row.pid != pid
        assert (row.starts, row.exits[lib.HP_EXIT_KILLED]) == (2, 1)
        assert (row.last_cause, row.last_code) == (lib.HP_EXIT_KILLED, -9)
        assert ffi.string(row.name) == b"trial"
        assert t.exits[0].cause == lib.HP_EXIT_KILLED
        t.do(do="answer", text="well")
        await t.until(lambda: t.told)
        assert t.told == [{"part": "trial", "answer": "well"}]
        await t.until(lambda: t.row().rss_bytes > 0 and t.row().cpu_ns > 0)

    trial(work)


def test_crash_is_answered_once_then_given_up(trial):
    async def work(t):
        await t.start()
        for life in (1, 2):
            await t.until_life(life)
            t.do(do="abort")
        text = await asyncio.wait_for(t.supervisor.given_up, PATIENCE_S)
        assert text == "process trial given up: more than 1 restarts in 600 s for cause crash"
        await t.until(lambda: t.row().state == lib.HP_PROCESS_GIVEN_UP)
        assert (t.row().pid, t.row().exits[lib.HP_EXIT_CRASH]) == (0, 2)
        assert t.supervisor.page.view.is_degraded == 1
        assert text in ffi.string(t.supervisor.page.view.degraded).decode()
        assert any("lane.panic cause=HP_ASSERT" in line for line in t.exits[0].lines)

    trial(work)


def test_process_that_nothing_depends_on_does_not_end_the_appliance(trial):
    async def work(t):
        await t.start()
        for life in (1, 2):
            await t.until_life(life)
            t.do(do="abort")
        await t.until(lambda: t.row().state == lib.HP_PROCESS_GIVEN_UP)
        assert not t.supervisor.given_up.done()
        assert t.supervisor.degraded

    trial(work, is_essential=False)


def test_silent_heartbeat_is_a_stall_and_the_process_is_killed(trial):
    async def work(t):
        await t.start()
        await t.until_life(1)
        t.do(do="hang")
        await t.until_life(2)
        assert t.row().exits[lib.HP_EXIT_STALLED] == 1
        assert any(line.startswith("process.stalled name=trial") for line in t.said)

    trial(work)


def test_stopped_process_is_a_stall_too(trial):
    """SIGSTOP: alive by its pidfd, never runnable, so the host is not to blame."""

    async def work(t):
        facts = await t.start()
        await t.until_life(1)
        os.kill(facts["trial"]["pid"], signal.SIGSTOP)
        await t.until_life(2)
        assert t.row().exits[lib.HP_EXIT_STALLED] == 1

    trial(work)


def test_start_that_does_nothing_is_a_stall(trial, monkeypatch):
    """Stopped before its first beat: it does not have the whole time of a start."""
    monkeypatch.setattr(supervisor, "START_IDLE_NS_MAX", 1_000_000_000)

    async def work(t):
        facts = await t.start()
        await t.until_life(1)
        os.kill(facts["trial"]["pid"], signal.SIGKILL)
        await t.until(lambda: t.watched.starts == 2 and t.watched.pid)
        os.kill(t.watched.pid, signal.SIGSTOP)
        await t.until_life(3)
        assert t.row().exits[lib.HP_EXIT_STALLED] == 1

    trial(work)


def test_unasked_exits_have_their_own_causes(trial):
    async def work(t):
        await t.start()
        for life, (code, cause) in enumerate(
            ((0, lib.HP_EXIT_CLEAN), (3, lib.HP_EXIT_ERROR)), start=1
        ):
            await t.until_life(life)
            t.do(do="leave", code=code)
            await t.until_life(life + 1)
            assert (t.row().last_cause, t.row().last_code) == (cause, code)

    trial(work)


def test_asked_stop_is_clean_and_final(trial):
    async def work(t):
        await t.start()
        await t.until_life(1)
        assert await t.supervisor.stop("trial", PATIENCE_S) == 0
        assert (t.row().state, t.row().pid) == (lib.HP_PROCESS_STOPPED, 0)
        assert t.row().starts == 1
        assert not t.supervisor.given_up.done()

    trial(work)


def test_first_start_that_fails_says_the_reason_of_the_process(trial):
    async def work(t):
        t.specification = {"trial": {"fails": "port 9 is taken"}}
        with pytest.raises(StartError, match="port 9 is taken"):
            await t.start()

    trial(work)


def test_process_leaves_when_its_supervisor_is_gone(trial):
    """The link ends with the supervisor: closed here in its place."""

    async def work(t):
        await t.start()
        await t.until_life(1)
        t.watched.is_stopping = True
        t.watched.life.writer.close()
        await t.until(lambda: t.watched.life.ended.done())
        assert t.watched.life.ended.result() == 0

    trial(work)


def test_crash_report_tells_the_cause_and_the_last_lines(trial, tmp_path):
    async def work(t):
        await t.start()
        await t.until_life(1)
        t.do(do="abort")
        await t.until_life(2)
        path = Report(t.exits[0]).write(tmp_path)
        report = json.loads(path.read_text())
        assert (report["process"], report["cause"]) == ("trial", "crash")
        assert report["code"] == -signal.SIGABRT
        assert any("lane.panic" in line for line in report["lines"])
        assert path.stat().st_mode & 0o777 == 0o600
        for n in range(REPORTS_KEPT + 5):
            t.exits[0].pid = n
            Report(t.exits[0]).write(tmp_path)
        assert len(list((tmp_path / "crashes").iterdir())) == REPORTS_KEPT

    trial(work)
