"""The host page of a running appliance: fitness, drift and fingerprint."""

import os
import subprocess
import sys

import pytest
import tuning_hosts

from runtime._shm import ffi, lib
from runtime.pages.host import HostPage, HostWatch
from runtime.pages.page import Page
from tuning.check import check
from tuning.model import State

SWAP = "/proc/sys/vm/swappiness"


@pytest.fixture
def server():
    """A constructed server that is as its profile wants it, its page and its watch."""
    host = tuning_hosts.fake("two-socket-server")
    page = HostPage(f"host{os.getpid()}", host)
    lines = []
    watch = HostWatch(page, lines.append)
    watch.look()
    yield host, page.page.view, watch, lines
    watch.watch.close()
    page.page.remove()


def test_page_says_what_the_check_says(server):
    _, view, watch, lines = server
    report = check(watch.page.context)
    assert view.fitness_permille == round(10 * report.fitness) == 1000
    assert view.coverage_permille == round(10 * report.coverage) > 0
    assert [view.states[n] for n in range(lib.HP_KNOB_STATE_COUNT)] == [
        report.states[str(state)] for state in State
    ]
    assert (view.critical, view.drifts, view.polls) == (0, 0, 0)
    assert f"{view.fingerprint:012x}" == report.fingerprint
    assert ffi.string(view.profile) == b"bare-metal"
    assert lines[0].startswith("host.checked profile=bare-metal@")


def test_drift_while_running_is_said_and_published_within_two_polls(server):
    host, view, watch, lines = server
    host.texts[SWAP] = "60\n"
    told = [*watch.poll(), *watch.poll()]
    assert [event.knob for event in told] == ["mem.swappiness"]
    assert (view.states[lib.HP_KNOB_DRIFT], view.drifts, view.polls) == (1, 1, 2)
    assert view.fitness_permille < 1000
    assert lines[-1].startswith("baseline.drift knob=mem.swappiness")
    host.texts[SWAP] = "1\n"
    watch.poll()
    watch.poll()
    assert (view.states[lib.HP_KNOB_DRIFT], view.fitness_permille) == (0, 1000)


def test_page_of_this_host_has_the_fingerprint_that_the_command_prints():
    page = HostPage(f"host{os.getpid()}")
    try:
        seen = Page.open(f"host{os.getpid()}", "host", "hp_host_page_t").view
        command = [sys.executable, "-m", "ops", "baseline", "fingerprint"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert f"{seen.fingerprint:012x}" in done.stdout
        assert seen.checked_ns == 0  # not yet looked at: nobody may call it fit
    finally:
        page.page.remove()
