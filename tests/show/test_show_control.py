"""The operators' socket: who may speak, what a word does, and what is said when a lane is stuck."""

import asyncio
import contextlib
import json
import os
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime._shm import lib
from runtime.supervise import control_socket, peer
from runtime.supervise.control_socket import ControlServer, ask, socket_path
from runtime.supervise.peer import CommandError, short_path

ROOT = Path(__file__).resolve().parents[2]


class Door:
    """A control server on a loop of its own; `follow` makes the stage's lanes obey."""

    def __init__(self, stage):
        self.stage, self.said, self.drained = stage, [], threading.Event()
        self.asked = []
        self.loop = asyncio.new_event_loop()
        self.over = threading.Event()
        self.server = ControlServer(
            stage.deployment,
            stage.control,
            self.drained.set,
            self.said.append,
            asked=self.asked.append,
            limits=self.authority,
            signal=lambda request: {"signals": []},
        )
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self.server.start(), self.loop).result(10)
        self.obeying = {0, 1}
        self.lanes = threading.Thread(target=self.follow)
        self.lanes.start()

    async def authority(self, request):
        return {"limits": []}

    def follow(self):
        while not self.over.wait(0.002):
            for n in self.obeying:
                self.obey(n)

    def obey(self, n):
        view = self.stage.lanes[n].view
        view.counters.turns += 1
        view.words = self.stage.control.word
        view.looked_turn = view.counters.turns

    def only(self, n):
        """From the next word on this lane obeys at once, before anybody waits; the others stand."""
        self.obeying = set()
        self.server.asked = lambda command: self.obey(n)

    def close(self):
        self.over.set()
        self.lanes.join()
        asyncio.run_coroutine_threadsafe(self.server.close(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@pytest.fixture
def door(stage, tmp_path, monkeypatch):
    monkeypatch.setenv(
        "XDG_STATE_HOME", str(tmp_path / ("long" * 40))
    )  # over what an address holds
    made = Door(stage)
    yield made
    made.close()


def say(stage, data):
    """Send raw bytes; return the answers."""
    with (
        socket.socket(socket.AF_UNIX) as connection,
        short_path(socket_path(stage.deployment)) as short,
    ):
        connection.settimeout(20)
        connection.connect(short)
        with contextlib.suppress(BrokenPipeError):  # it has answered already and hung up
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        out = b""
        while part := connection.recv(65536):
            out += part
    return [json.loads(line) for line in out.splitlines()]


def test_every_command_that_changes_something_is_told_to_who_keeps_the_state(stage, door):
    """A checkpoint is asked for beside each of them, and beside no look."""
    door.server.reload = lambda: {}
    for action in ("set", "freeze", "thaw"):
        request = {"command": "limits", "action": action, "limit": "account:0"}
        assert ask(stage.deployment, request)["ok"]
    for request in (
        {"command": "signal", "toxicity": 300},
        {"command": "reload"},
        *({"command": word} for word in ("freeze", "kill", "resume")),
        {"command": "limits", "action": "show"},
        {"command": "signal"},
        {"command": "status"},
    ):
        assert ask(stage.deployment, request)["ok"]
    assert door.asked == ["limits"] * 3 + ["signal", "reload", "freeze", "kill", "resume"]


def test_words_are_set_obeyed_cleared_and_logged_with_who_asked(stage, door):
    for command, words in (("freeze", ["freeze"]), ("kill", ["kill", "freeze"]), ("resume", [])):
        answer = ask(stage.deployment, {"command": command, "reason": "a test"})
        assert (answer["obeyed"], answer["words"]) == (True, words)
        assert [one["words"] for one in answer["lanes"]] == [words, words]
        who = f"pid={os.getpid()} uid={os.geteuid()}"
        assert door.said[-1] == f"control.{command} {who} reason='a test'"


def test_kill_of_a_stuck_lane_says_that_it_does_not_obey_and_stays_set(stage, door, monkeypatch):
    monkeypatch.setattr(control_socket, "OBEY_SECONDS_MAX", 0.3)
    door.only(0)
    answer = ask(stage.deployment, {"command": "kill"})
    assert [one["obeyed"] for one in answer["lanes"]] == [True, False]
    assert not answer["obeyed"]
    assert stage.control.word == lib.HP_WORD_KILL
    door.obeying = {0, 1}  # it comes back: the word is there
    deadline = time.monotonic() + 90
    while stage.lanes[1].view.words != lib.HP_WORD_KILL:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_lane_that_shows_the_word_by_chance_has_not_obeyed_before_it_turns(
    stage, door, monkeypatch
):
    """What it shows is of before the word: another's kill, which its turn may see taken back."""
    monkeypatch.setattr(control_socket, "OBEY_SECONDS_MAX", 0.3)
    door.only(0)
    stage.lanes[1].view.words = lib.HP_WORD_KILL
    answer = ask(stage.deployment, {"command": "kill"})
    assert [(one["obeyed"], one["turns"] is None) for one in answer["lanes"]] == [
        (True, False),
        (False, True),
    ]


def test_resume_does_not_take_back_what_another_writer_holds(stage, door):
    """The sentinel's kill stands whatever the operator clears; the answer does not wait for it."""
    ask(stage.deployment, {"command": "kill"})
    stage.more_control("sentinel")
    from runtime.pages.page import Page

    held = Page.open(stage.deployment, "control.sentinel", "hp_control_page_t", writable=True)
    held.view.word = lib.HP_WORD_KILL
    answer = ask(stage.deployment, {"command": "resume"})
    assert answer["words"] == []
    assert held.view.word == lib.HP_WORD_KILL


def test_flatten_takes_the_operators_kill_back_and_is_refused_behind_anothers(stage, door):
    ask(stage.deployment, {"command": "kill"})
    assert ask(stage.deployment, {"command": "flatten"})["words"] == ["flatten"]
    stage.more_control("sentinel")
    from runtime.pages.page import Page

    held = Page.open(stage.deployment, "control.sentinel", "hp_control_page_t", writable=True)
    held.view.word = lib.HP_WORD_KILL
    with pytest.raises(CommandError, match=r"sentinel holds a kill .* corelane sentinel release"):
        ask(stage.deployment, {"command": "flatten"})


def test_drain_sets_the_word_and_tells_the_supervisor(stage, door):
    assert ask(stage.deployment, {"command": "drain"})["obeyed"]
    assert door.drained.is_set()
    assert stage.control.word == lib.HP_WORD_DRAIN


def test_reason_is_one_printable_line(stage, door):
    ask(stage.deployment, {"command": "freeze", "reason": "a\nb\x1b[31m" + "c" * 500})
    from runtime.show.observer import Observer

    shown = Observer(stage.deployment).take().controls[0].reason
    assert shown.startswith("a?b?[31mccc")
    assert len(shown) == peer.REASON_CHARACTERS_MAX
    assert "\n" not in door.said[-1]


def test_status_over_the_socket_is_the_status(stage, door):
    found = ask(stage.deployment, {"command": "status"})["status"]
    assert found["deployment"] == stage.deployment
    assert [one["name"] for one in found["lanes"]] == ["lane-0", "lane-1"]


def test_socket_is_for_its_user_alone(stage, door):
    path = socket_path(stage.deployment)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.requires_root
@pytest.mark.skipif(os.geteuid() != 0, reason="requires root")
def test_other_users_are_refused_counted_and_logged(stage, door):
    """Even through an open door: the credentials decide, not the file's mode."""
    path = socket_path(stage.deployment)
    path.chmod(0o666)
    code = (
        "import os, socket, sys\n"
        "os.chdir(sys.argv[1])\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "s = socket.socket(socket.AF_UNIX)\n"
        "s.connect('control.sock')\n"
        's.sendall(b\'{"command": "kill"}\\n\')\n'
        "print(s.recv(4096).decode())\n"
    )
    path.parent.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(path.parent)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "uid 65534 may not speak" in done.stdout, done.stderr
    assert stage.control.word == 0
    assert door.server.refused == 1
    assert "uid=65534" in door.said[-1]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"\n", "want one JSON object"),
        (b"[1]\n", "want one JSON object"),
        (b'{"reason": "x"}\n', "want one JSON object"),
        (
            b'{"command": "explode"}\n',
            "want one of kill, freeze, flatten, resume, drain, reload, status",
        ),
        (b'{"command": ["kill"]}\n', "want one of"),
        (b'{"command": "kill", "reason": 5}\n', "want one of"),
        (b"[" * 60_000 + b"\n", "want one JSON object"),
        (b"x" * 200_000, "over 65536 bytes"),
        (b'{"command": "reload"}\n', "no configuration file"),
    ],
)
def test_bad_request_is_answered_and_changes_nothing(stage, door, line, words):
    answer = say(stage, line)[0]
    assert not answer["ok"]
    assert words in answer["error"]
    assert stage.control.word == 0


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.binary(max_size=400))
def test_any_bytes_leave_the_server_answering(stage, door, data):
    for answer in say(stage, data):
        assert answer["ok"] is False
    assert ask(stage.deployment, {"command": "status"})["ok"]


def test_several_requests_on_one_connection_are_answered_in_order(stage, door):
    line = b'{"command": "%s"}\n'
    answers = say(stage, line % b"freeze" + line % b"nothing" + line % b"resume")
    assert [one["ok"] for one in answers] == [True, False, True]


def test_connections_are_bounded(stage, door):
    held = []
    try:
        with short_path(socket_path(stage.deployment)) as short:
            for _ in range(control_socket.CONNECTIONS_MAX):
                held.append(socket.socket(socket.AF_UNIX))
                held[-1].connect(short)
        assert say(stage, b"")[0]["error"] == "too many connections"
    finally:
        for one in held:
            one.close()


def test_deployment_that_does_not_run_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(CommandError, match="'nowhere' does not listen"):
        ask("nowhere", {"command": "kill"})
    assert not list(tmp_path.iterdir())  # asking leaves nothing behind
