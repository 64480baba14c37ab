"""A `corelane run` of its own for a test: started, looked at through its pages, ended."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from runtime._shm import ffi, lib
from runtime.pages.page import SHM, Page, PageError

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120


class Running:
    """`with Running(tmp_path, "--blocking") as run:` - ended by pid when the block ends."""

    def __init__(self, state, *arguments, wrapper=(), name=None):
        self.name = name or f"t{os.getpid()}s"
        self.state = Path(state) / "corelane" / self.name
        self.command = [*wrapper, sys.executable, "-m", "ops", "run", "--deployment", self.name]
        self.command += ["--metrics-port", "0", "--json", *arguments]
        self.environment = {**os.environ, "XDG_STATE_HOME": str(state)}
        self.pages = {}
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command,
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        until = time.monotonic() + PATIENCE_S
        while self.lives() and time.monotonic() < until:
            time.sleep(0.1)
        for page in self.pages.values():
            page.close()
        for path in SHM.glob(f"corelane.{self.name}.*"):
            path.unlink(missing_ok=True)

    def lives(self):
        """Return pids that the (dead) supervisor's table named and that still run."""
        with contextlib.suppress(PageError, OSError, ValueError):
            return [
                row.pid
                for row in self.rows().values()
                if row.pid and Path(f"/proc/{row.pid}/cwd").exists()
            ]
        return []

    @property
    def said(self):
        self.errors.seek(0)
        return self.errors.read()

    def page(self, page, kind):
        """Map a page, once for each file that has had its name."""
        inode = (SHM / f"corelane.{self.name}.{page}").stat().st_ino
        if (page, inode) not in self.pages:
            self.pages[page, inode] = Page.open(self.name, page, kind)
        return self.pages[page, inode]

    def rows(self):
        view = self.page("supervisor", "hp_supervisor_page_t").view
        return {
            ffi.string(view.processes[n].name).decode(): view.processes[n]
            for n in range(view.process_count)
        }

    def lane(self):
        return self.page("lane.0", "hp_lane_page_t").view

    def until(self, condition, what):
        """Wait for a condition on pages; an absent page is not yet."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            with contextlib.suppress(PageError, OSError, ValueError, KeyError):
                if condition():
                    return
            if self.process.poll() is not None:
                raise AssertionError(f"ended while waiting for: {what}\n{self.said}")
            time.sleep(0.02)
        raise AssertionError(f"waited in vain for: {what}\n{self.said}")

    def until_armed(self, epoch=1):
        self.until(
            lambda: (
                self.lane().page.epoch >= epoch
                and self.lane().state == lib.HP_LANE_ARMED
                and self.rows()["lane-0"].state == lib.HP_PROCESS_RUNNING
            ),
            f"lane armed in epoch {epoch}",
        )

    def until_trading(self):
        self.until(lambda: self.lane().counters.orders_sent > 2, "orders")

    def kill(self, name, number=signal.SIGKILL):
        """Send a signal to a process of the table; return its pid."""
        pid = self.rows()[name].pid
        os.kill(pid, number)
        return pid

    def until_back(self, name, pid):
        self.until(
            lambda: (
                self.rows()[name].pid not in (0, pid)
                and self.rows()[name].state == lib.HP_PROCESS_RUNNING
            ),
            f"{name} back after {pid}",
        )

    def end(self, number=signal.SIGTERM):
        """Ask it to drain; return (exit code, its JSON)."""
        if self.process.poll() is None and number:
            self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=PATIENCE_S)
        lines = out.splitlines()
        return self.process.returncode, json.loads(lines[-1]) if lines else None


def stop_and_wait(run):
    """A stopped lane is killed and replaced; then the run ends well."""
    run.until_armed()
    run.kill("lane-0", signal.SIGSTOP)
    run.until_armed(epoch=2)
    assert run.rows()["lane-0"].exits[lib.HP_EXIT_STALLED] == 1
    return run.end()


def trade(state, *arguments):
    """Run until orders went out, drain; return the JSON of its end, which is good."""
    with Running(state, "--blocking", *arguments) as run:
        run.until_armed()
        run.until_trading()
        code, end = run.end()
        check(code, end, run.said)
    assert end["orders"] > 0
    assert not list(SHM.glob(f"corelane.{run.name}.*"))
    return end


def check(code, end, said):
    assert code == 0, said
    assert end["agrees_with_venue"], (end, said)
    assert (end["open_orders"], end["unknown"], end["venue"]["open_orders"]) == (0, 0, 0)
    assert end["gaps"] == 0
    assert re.fullmatch("[0-9a-f]{12}", end["fingerprint"])
