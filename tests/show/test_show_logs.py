"""Logs: structured, rotated, bounded, never waiting; libraries speak through them too."""

import asyncio
import contextlib
import json
import logging
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.show.logs import LINES_WAITING_MAX, DayFile, Line, Log, as_json, forward, level_of

DAY_NS = 86_400 * 10**9
NOON_NS = 1_800_000_000 * 10**9  # 2027-01-15T08:00:00Z


class Clock:
    def __init__(self):
        self.now = NOON_NS

    def __call__(self):
        return self.now


def lines(folder):
    return [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]


def test_line_is_structured_in_the_file_and_short_on_the_console(tmp_path):
    said = []
    log = Log("supervisor", tmp_path, console=said.append, clock=Clock())
    log.say("lane.started pid=12 core=1 why='two words'")
    log.say("strategy.halted strategy=0\nTraceback\n  line 3")
    log.close()
    first, second = lines(tmp_path)
    assert first["time"] == "2027-01-15T08:00:00.000000Z"
    assert (first["event"], first["level"], first["process"]) == (
        "lane.started",
        "info",
        "supervisor",
    )
    assert first["fields"] == {"pid": "12", "core": "1", "why": "two words"}
    assert (second["level"], second["more"]) == ("error", "Traceback\n  line 3")
    assert said[0] == "lane.started pid=12 core=1 why='two words'"


@given(st.text(max_size=200), st.integers(0, 2**62))
def test_any_text_is_one_json_line(text, now):
    line = as_json(Line(now, "info", text), "x")
    assert line.count("\n") == 1
    assert json.loads(line)["text"] == text.partition("\n")[0]


def test_a_day_has_its_file_and_old_days_go(tmp_path):
    clock = Clock()
    (tmp_path / "notes.txt").write_text("not a log")
    log = Log("x", tmp_path, days=3, clock=clock)
    for _ in range(5):
        log.say("a.day")
        clock.now += DAY_NS
    log.close()
    names = sorted(path.name for path in tmp_path.glob("*.jsonl"))
    assert names == [f"corelane-2027-01-{day}.jsonl" for day in (17, 18, 19)]
    assert (tmp_path / "notes.txt").exists()


def test_file_of_a_day_is_bounded_and_drops_are_counted_and_told(tmp_path):
    log = Log("x", tmp_path, bytes_max=2000, clock=Clock())
    for n in range(50):
        log.say(f"a.line n={n}")
    log.close()
    (path,) = tmp_path.glob("*.jsonl")
    assert path.stat().st_size <= 2000
    assert log.drops >= 50 - len(lines(tmp_path))
    assert log.drops > 0


def test_restart_on_the_same_day_appends_and_keeps_the_bound(tmp_path):
    for n in range(2):
        file = DayFile(tmp_path, 7, 100)
        for _ in range(20):
            file.write(f"{n} 345678\n", NOON_NS)
        file.close()
    (path,) = tmp_path.glob("*.jsonl")
    assert path.read_text() == "0 345678\n" * 11


def test_unwritable_directory_costs_lines_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_text("a file, no directory")
    said = []
    log = Log("x", path / "log", console=said.append)
    log.say("a.line")
    log.close()
    assert "a.line" in said
    assert log.drops >= 1


def test_stopped_console_costs_lines_and_never_time(tmp_path):
    """The console waits for ever: say() returns, the queue stays bounded, drops are counted."""
    gate = threading.Event()
    log = Log("x", None, console=lambda text: gate.wait(120))
    for n in range(LINES_WAITING_MAX + 100):
        log.say(f"a.line n={n}")
    assert log.waiting.qsize() <= LINES_WAITING_MAX
    assert log.dropped >= 99
    gate.set()
    log.close()


def test_drops_are_told_once_the_console_listens_again():
    gate, said = threading.Event(), []

    def console(text):
        gate.wait(120)
        said.append(text)

    log = Log("x", None, console=console)
    for n in range(LINES_WAITING_MAX + 100):
        log.say(f"a.line n={n}")
    lost = log.dropped
    gate.set()
    until = time.monotonic() + 60
    while f"log.dropped lines={lost} all={lost}" not in said and time.monotonic() < until:
        time.sleep(0.01)
    log.close()
    assert f"log.dropped lines={lost} all={lost}" in said


def test_level_cuts_and_changes_while_it_runs(tmp_path):
    log = Log("x", tmp_path, level="warning", clock=Clock())
    log.say("lane.started")
    log.say("page.refused")
    log.change("debug", 7, 10**6)
    log.say("lane.turned", level="debug")
    log.close()
    assert [line["event"] for line in lines(tmp_path)] == ["page.refused", "lane.turned"]


@pytest.mark.parametrize(
    ("event", "level"),
    [
        ("cold.task_failed", "error"),
        ("strategy.halted", "error"),
        ("control.refused", "warning"),
        ("clock.unsure", "warning"),
        ("lane.started", "info"),
    ],
)
def test_level_follows_the_events_last_word(event, level):
    assert level_of(event) == level


@pytest.fixture
def forwarded():
    said, root = [], logging.getLogger()
    before, hook = list(root.handlers), sys.unraisablehook
    forward(said.append, "lane.log")
    yield said
    root.handlers[:] = before
    sys.unraisablehook = hook
    logging.captureWarnings(False)


def test_asyncio_speaks_through_the_ring(forwarded):
    async def work():
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(0.01)

    asyncio.run(work())
    assert len(forwarded) == 1
    assert forwarded[0].startswith("lane.log logger=asyncio level=error Exception in callback")
    assert "ZeroDivisionError" in forwarded[0]


def test_picows_and_aiofastnet_speak_through_the_ring(forwarded):
    """A listener that raises: picows logs it by a logger of its own making."""
    import picows

    class Bad(picows.WSListener):
        def on_ws_frame(self, transport, frame):
            raise RuntimeError("a listener that raises")

    class Greet(picows.WSListener):
        def on_ws_connected(self, transport):
            transport.send(picows.WSMsgType.TEXT, b"hello")

    async def work():
        server = await picows.ws_create_server(lambda request: Greet(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        transport, _ = await picows.ws_connect(Bad, f"ws://127.0.0.1:{port}/", use_aiofastnet=True)
        with contextlib.suppress(RuntimeError):
            await asyncio.wait_for(transport.wait_disconnected(), 30)
        server.close()

    asyncio.run(work())
    assert any("logger=picows" in one and "a listener that raises" in one for one in forwarded)
    logging.getLogger("aiofastnet").warning("a word")
    assert forwarded[-1] == "lane.log logger=aiofastnet level=warning a word"


def test_ignored_exceptions_are_not_lost(forwarded):
    class Bad:
        def __del__(self):
            raise ValueError("in a destructor")

    del_me = Bad()
    del del_me
    assert "ValueError('in a destructor')" in forwarded[0]
