"""Causes of exits and their limits; time is an argument."""

import signal

import pytest

from runtime._shm import lib
from runtime.supervise.causes import CAUSES, LIMITS, History, cause_of, memory_kills


@pytest.mark.parametrize(
    ("code", "facts", "cause"),
    [
        (0, {}, lib.HP_EXIT_CLEAN),
        (1, {}, lib.HP_EXIT_ERROR),
        (2, {}, lib.HP_EXIT_ERROR),
        (-signal.SIGSEGV, {}, lib.HP_EXIT_CRASH),
        (-signal.SIGABRT, {}, lib.HP_EXIT_CRASH),
        (-signal.SIGBUS, {}, lib.HP_EXIT_CRASH),
        (-signal.SIGKILL, {}, lib.HP_EXIT_KILLED),
        (-signal.SIGTERM, {}, lib.HP_EXIT_KILLED),
        (-signal.SIGKILL, {"was_stalled": True}, lib.HP_EXIT_STALLED),
        (-signal.SIGKILL, {"memory_kills": 1}, lib.HP_EXIT_MEMORY),
        (-signal.SIGSEGV, {"memory_kills": 1}, lib.HP_EXIT_CRASH),
        (-signal.SIGUSR1, {}, lib.HP_EXIT_ERROR),
    ],
)
def test_exit_has_one_cause(code, facts, cause):
    facts = {"was_stalled": False, "memory_kills": 0, **facts}
    assert cause_of(code, **facts) == cause


def test_every_cause_has_a_limit():
    assert set(LIMITS) == set(CAUSES) - {lib.HP_EXIT_NONE}


def restarts(cause, every_s, lived_s):
    """Return how many restarts a process gets that dies each `every_s` after `lived_s` of life."""
    history, count = History(), 0
    while count < 1000 and history.next_delay(cause, lived_s, count * every_s) is not None:
        count += 1
    return count


def test_kills_from_outside_are_limited_to_thirty_a_minute():
    assert restarts(lib.HP_EXIT_KILLED, 1, 1) == 30
    assert restarts(lib.HP_EXIT_KILLED, 2.5, 2.5) == 1000  # 24 a minute


def test_five_healthy_seconds_forget_kills_from_outside():
    history = History()
    for n in range(30):
        assert history.next_delay(lib.HP_EXIT_KILLED, 0.1, n) is not None
    assert history.next_delay(lib.HP_EXIT_KILLED, 5.0, 40) == 0.0
    for n in range(29):
        assert history.next_delay(lib.HP_EXIT_KILLED, 0.1, 41 + n / 10) is not None
    assert history.next_delay(lib.HP_EXIT_KILLED, 0.1, 45) is None


def test_crash_is_not_answered_twice():
    assert restarts(lib.HP_EXIT_CRASH, 30, 30) == 1
    assert restarts(lib.HP_EXIT_CRASH, 700, 650) == 1000


def test_causes_are_counted_apart():
    history = History()
    assert history.next_delay(lib.HP_EXIT_CRASH, 1, 0) is not None
    for n in range(20):
        assert history.next_delay(lib.HP_EXIT_KILLED, 1, n) is not None
    assert history.next_delay(lib.HP_EXIT_CRASH, 1, 30) is None


def test_first_restart_is_at_once_and_later_ones_back_off():
    history = History()
    delays = [history.next_delay(lib.HP_EXIT_KILLED, 0.1, n) for n in range(12)]
    assert delays[0] == 0.0
    assert delays[1:] == sorted(delays[1:])
    assert delays[-1] == LIMITS[lib.HP_EXIT_KILLED].delay_s_max
    assert history.next_delay(lib.HP_EXIT_KILLED, 6, 20) == 0.0


@pytest.mark.parametrize(
    ("group", "file", "text"),
    [
        ("4:memory:/box", "sys/fs/cgroup/memory/box/memory.oom_control", "under_oom 0\noom_kill 3"),
        ("0::/box", "sys/fs/cgroup/box/memory.events", "max 9\noom 4\noom_kill 3"),
        ("", "proc/vmstat", "nr_free 1\noom_kill 3"),
    ],
)
def test_memory_killer_is_read_from_the_control_group_else_the_host(tmp_path, group, file, text):
    for name, content in (("proc/self/cgroup", group), (file, text)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content + "\n")
    assert memory_kills(tmp_path) == 3
