"""The sentinel's drill: many resting orders, a trip, the time until the venue calls the list empty.

Owns:    one stage (a process of its own), its rounds, the quantiles, the venue as a second witness.
Refuses: judging an appliance that trades: the stage is its own deployment on the embedded venue.

A round is `live` (everything runs: the lane cancels too) or `stopped` (SIGSTOP for the supervisor,
the lane and every cold process: only the sentinel and the venue run).  The time counts from the
moment before the request is made to the arrival of the venue's empty list of open orders.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import IO, Any

from runtime._shm import ffi, lib
from runtime.pages.page import Page, PageError
from runtime.sentinel.door import door_path
from runtime.supervise.child import scheduled_ns
from runtime.supervise.peer import ask

SYMBOLS = ["BTCUSDT", "ETHUSDT"]
WAIT_S = 120.0
ANSWER_S = 30.0
MODES = ("live", "stopped")


class DrillFailed(Exception):
    """The drill could not go on; this is no verdict about times."""


class Stage:
    """An appliance in a process of its own, looked at from outside."""

    def __init__(self, folder: Path, deployment: str, log: IO[str], **spec: Any) -> None:
        self.deployment = deployment
        self.log = log
        wanted = {
            "deployment": deployment,
            "folder": str(folder),
            "symbols": SYMBOLS,
            "cancel_scope": "all",
            "tls": False,
            **spec,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ops.sentinel_stage"],
            cwd=Path(__file__).resolve().parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(wanted) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise DrillFailed(f"the stage did not start\n{self.said()}")
        self.facts: dict[str, Any] = json.loads(line)
        self.held: list[Page] = []

    def said(self) -> str:
        self.log.seek(0)
        return "".join(self.log.readlines()[-20:])

    def page(self, name: str, kind: str) -> Any:
        """Return a page's view; it is let go of with the stage."""
        page = Page.open(self.deployment, name, kind)
        self.held.append(page)
        return page.view

    def rows(self) -> dict[str, Any]:
        """Return {process: (pid, state)} by the supervisor's table."""
        page = Page.open(self.deployment, "supervisor", "hp_supervisor_page_t")
        try:
            return {
                ffi.string(row.name).decode(): (int(row.pid), int(row.state))
                for row in list(page.view.processes)[: page.view.process_count]
            }
        finally:
            page.close()

    def pid(self, name: str) -> int:
        return int(self.rows()[name][0])

    def others(self) -> list[int]:
        """Return the pids of everything of the appliance but the sentinel."""
        return [pid for name, (pid, _) in self.rows().items() if name != "sentinel" and pid]

    def venue(self, path: str, body: Any = None) -> Any:
        """Ask the embedded venue itself (/sim): the witness that shares nothing with us."""
        data = None if body is None else json.dumps(body).encode()
        ca = self.facts["ca"]
        context = ssl.create_default_context(cafile=ca) if ca else None
        url = self.facts["rest"] + path
        with urllib.request.urlopen(url, data=data, timeout=10, context=context) as answer:
            return json.loads(answer.read())

    def open_orders(self) -> int:
        return int(self.venue("/sim/record?lists=0")["open_orders"])

    def ask(self, command: str, **fields: Any) -> dict[str, Any]:
        request = {"command": command, **fields}
        return ask(door_path(self.deployment), request, ANSWER_S, "the sentinel")

    def until(self, what: str, condition: Any, seconds: float = WAIT_S) -> None:
        until = time.monotonic() + seconds
        while True:
            with contextlib.suppress(PageError, KeyError, ValueError):
                if condition():
                    return
            if self.process.poll() is not None:
                raise DrillFailed(f"the stage ended while waiting for: {what}\n{self.said()}")
            if time.monotonic() > until:
                raise DrillFailed(f"waited in vain for: {what}\n{self.said()}")
            time.sleep(0.02)

    @contextlib.contextmanager
    def stopped(self, pids: list[int]) -> Any:
        """Stop processes for a while, the supervisor first, and see that they stand."""
        try:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            for pid in pids:
                while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
                    time.sleep(0.001)
            yield
        finally:
            for pid in reversed(pids):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def close(self) -> int:
        """End the stage: its standard input ends, it drains."""
        for page in self.held:
            page.close()
        assert self.process.stdin is not None and self.process.stdout is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.process.stdout.close()
        return code


def settled(stage: Stage, orders: int) -> bool:
    """Say whether so many orders rest, by the lane's page, none of them in doubt."""
    page = Page.open(stage.deployment, "lane.0", "hp_lane_page_t")
    try:
        counters = page.view.counters
        live = counters.order_states[lib.HP_ORDER_LIVE]
        return bool(counters.open_orders == live == orders and not counters.unknown_now)
    finally:
        page.close()


def one_round(stage: Stage, mode: str, orders: int) -> dict[str, Any]:
    """Fill, trip, measure, release.  Returns what the sentinel said, and the venue."""
    stage.until(f"{orders} resting orders", lambda: settled(stage, orders))
    resting = stage.open_orders()
    pids = stage.others() if mode == "stopped" else []
    runners = [stage.pid("sentinel"), stage.facts["venue_pid"]]
    with stage.stopped(pids):
        before = [scheduled_ns(pid) for pid in runners]
        caused = time.monotonic_ns()
        said = stage.ask("trip", drill=True, caused_ns=caused, reason=f"drill {mode}")
        after = [scheduled_ns(pid) for pid in runners]
        still = stage.open_orders()  # before anybody else may move
    stage.until("the lane's own list is empty", lambda: settled(stage, 0))
    stage.ask("release", reason="drill")
    return {
        "mode": mode,
        "resting": resting,
        "open_after": still,
        "confirmed": said["confirmed"],
        "rounds": said["rounds"],
        # by the scheduler: time on a core, and time spent waiting for one, of both ends
        "ran_ms": sum(b[0] - a[0] for a, b in zip(before, after, strict=True)) / 1e6,
        "queued_ms": sum(b[1] - a[1] for a, b in zip(before, after, strict=True)) / 1e6,
        "took_ms": (said["confirmed_ns"] - said["caused_ns"]) / 1e6 if said["confirmed"] else None,
    }


def quantiles(times: list[float]) -> dict[str, float]:
    times = sorted(times)

    def at(share: float) -> float:
        return round(times[min(len(times) - 1, int(share * len(times)))], 1) if times else 0.0

    return {"count": len(times), "p50": at(0.5), "p99": at(0.99), "max": at(1.0)}


def figures(rounds: list[dict[str, Any]]) -> dict[str, float]:
    """Return the quantiles of one mode, and the mean of what its ends ran and waited for a core."""
    good = [one for one in rounds if one["confirmed"]]
    out = quantiles([one["took_ms"] for one in good])
    for name in ("ran_ms", "queued_ms"):
        out[name] = round(sum(one[name] for one in good) / max(1, len(good)), 1)
    return out


def drill(
    folder: Path,
    deployment: str,
    log: IO[str],
    *,
    rounds: int,
    orders: int,
    scope: str,
    modes: tuple[str, ...] = MODES,
    each: Any = lambda found: None,
) -> dict[str, Any]:
    """Run the rounds, the modes in turn; return figures and faults."""
    stage = Stage(
        folder,
        deployment,
        log,
        cancel_scope=scope,
        parameters={"orders": orders // len(SYMBOLS)},
    )
    found = []
    try:
        for n in range(rounds):
            found.append(one_round(stage, modes[n % len(modes)], orders))
            each(found[-1])
        rss = memory_bytes(stage.pid("sentinel"))
    finally:
        stage.close()
    faults = [
        f"round {n} ({one['mode']}): {one['open_after']} orders open at the venue after the"
        f" sentinel said confirmed={one['confirmed']}"
        for n, one in enumerate(found, 1)
        if one["open_after"] or not one["confirmed"]
    ]
    return {
        "rounds": rounds,
        "orders": orders,
        "scope": scope,
        "rss_bytes": rss,
        "ms": {mode: figures([r for r in found if r["mode"] == mode]) for mode in modes},
        "faults": faults,
        "each": found,
    }


def memory_bytes(pid: int) -> int:
    """Return a process's resident bytes without shared pages, which count once and elsewhere."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kinds = [line.split() for line in lines if line.startswith(("RssAnon:", "RssFile:"))]
    return sum(int(words[1]) for words in kinds) * 1024
