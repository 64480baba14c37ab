"""Leave the appliance running and kill its processes: `python -m ops.soak --minutes 60`.

Owns:    random kills of every process but the supervisor, figures of memory and descriptors over
         time, the verdict.
Refuses: knowing the processes: it reads the supervisor's page, as an operator would.

The embedded venue is the judge: at the end no order is open there, its position is the lane's, and
every figure of the lane equals its record.  Memory and descriptors of the one process that lived
all the time, the supervisor, must not have grown; nor may shared memory.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from runtime._shm import ffi, lib
from runtime.pages.page import SHM, Page, PageError
from runtime.pages.page import name as page_name

START_S = 180.0
END_S = 180.0
COME_BACK_S = 180.0
GROWTH_MAX = 1.10  # of the last third over the first
GROWTH_BYTES_MAX = 8 * 1024 * 1024
GROWTH_FILES_MAX = 6
STOPS_APART_S = 45.0  # stalls have a limit of three a minute


class SoakError(Exception):
    """The soak could not be carried out; this is no verdict."""


@dataclass
class Sample:
    """What the supervisor and the deployment used at one moment."""

    rss_bytes: int
    files: int
    shm_bytes: int


@dataclass
class Soak:
    """One soak: a run of the appliance, its killer's dice, what was seen."""

    name: str
    rng: random.Random
    errors: IO[str]
    process: subprocess.Popen[str]
    kills: dict[str, int] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    stopped_s: float = 0.0

    def rows(self) -> dict[str, Any]:
        """Return the supervisor's table by name."""
        page = Page.open(self.name, "supervisor", "hp_supervisor_page_t")
        view = page.view
        out = {}
        for n in range(view.process_count):
            row = ffi.new("hp_process_t *")
            ffi.memmove(row, ffi.addressof(view.processes, n), ffi.sizeof("hp_process_t"))
            out[ffi.string(row.name).decode()] = row
        page.close()
        return out

    def is_whole(self) -> bool:
        """Say whether every process runs, the lane is armed, and the rings of its former lives,
        which count as memory that grows, are let go."""
        if any(SHM.glob(page_name(self.name, "journal.*.e*"))):
            return False
        lanes = [name for name in self.rows() if name.startswith("lane-")]
        is_armed = bool(lanes)
        for name in lanes:
            lane = Page.open(self.name, name.replace("-", "."), "hp_lane_page_t")
            is_armed &= lane.view.state == lib.HP_LANE_ARMED
            lane.close()
        return is_armed and all(
            row.state == lib.HP_PROCESS_RUNNING for row in self.rows().values()
        )

    def until_whole(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.check_alive()
            with contextlib.suppress(PageError, ValueError):
                if self.is_whole():
                    return
            time.sleep(0.05)
        raise SoakError(f"not whole again within {seconds:.0f} s\n{self.said()}")

    def until_host_checked(self, seconds: float) -> None:
        """Wait until the host watch has opened the files that it keeps."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.check_alive()
            page = Page.open(self.name, "host", "hp_host_page_t")
            is_checked = page.view.checked_ns > 0
            page.close()
            if is_checked:
                time.sleep(1)
                return
            time.sleep(0.1)

    def check_alive(self) -> None:
        if self.process.poll() is not None:
            raise SoakError(f"ended with code {self.process.returncode}\n{self.said()}")

    def said(self) -> str:
        self.errors.seek(0)
        return "".join(self.errors.readlines()[-20:])

    def kill_one(self) -> None:
        """Kill a process that lives, whatever it is doing."""
        victims = [
            (name, row.pid)
            for name, row in self.rows().items()
            if row.role != lib.HP_PROCESS_SUPERVISOR and row.pid
        ]
        if not victims:
            return
        name, pid = self.rng.choice(victims)
        number = signal.SIGKILL
        now = time.monotonic()
        if self.rng.random() < 0.05 and now - self.stopped_s > STOPS_APART_S:
            number, self.stopped_s = signal.SIGSTOP, now
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
            self.kills[name] = self.kills.get(name, 0) + 1

    def sample(self) -> None:
        pid = self.process.pid
        fields = Path(f"/proc/{pid}/statm").read_text().split()
        self.samples.append(
            Sample(
                int(fields[1]) * os.sysconf("SC_PAGE_SIZE"),
                len(os.listdir(f"/proc/{pid}/fd")),
                sum(allocated(path) for path in SHM.glob(page_name(self.name, "*"))),
            )
        )

    def play(self, seconds: float, kills_min: int) -> None:
        """Kill at random instants; wait now and then until everything stands again."""
        until = time.monotonic() + seconds
        while time.monotonic() < until or sum(self.kills.values()) < kills_min:
            self.check_alive()
            if self.rng.random() < 0.8:
                self.until_whole(COME_BACK_S)
                self.sample()
                time.sleep(self.rng.uniform(0.2, 2.5))
            else:  # into the opening of what was just killed
                time.sleep(self.rng.uniform(0.5, 1.5))
            with contextlib.suppress(PageError, ValueError):
                self.kill_one()
        time.sleep(1)  # the table must have seen the last one
        self.until_whole(COME_BACK_S)

    def end(self) -> tuple[int, dict[str, Any]]:
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=END_S)
        try:
            return self.process.returncode, json.loads(out.splitlines()[-1])
        except (IndexError, ValueError):
            raise SoakError(f"it said nothing at the end\n{self.said()}") from None


def allocated(path: Path) -> int:
    try:
        return path.stat().st_blocks * 512
    except FileNotFoundError:
        return 0


def growth(values: list[int]) -> tuple[int, int]:
    """Return the medians of the first and of the last third."""
    third = max(1, len(values) // 3)
    return int(statistics.median(values[:third])), int(statistics.median(values[-third:]))


def problems(soak: Soak, code: int, end: dict[str, Any]) -> list[str]:
    """Say everything that is not as it must be."""
    out = []
    if code != 0:
        out.append(f"the run ended with code {code}")
    if end["venue"]["open_orders"] != 0:
        out.append(f"{end['venue']['open_orders']} orders are open at the venue")
    if end["unknown"] != 0:
        out.append(f"{end['unknown']} orders are unknown")
    for symbol, held in end["symbols"].items():
        at_venue = end["venue"]["positions"].get(symbol, 0)
        if held["position_lots"] != at_venue:
            out.append(f"{symbol}: the lane holds {held['position_lots']}, the venue {at_venue}")
    if not end["agrees_with_venue"]:
        out.append("lane and venue disagree about orders, fills, PnL or fees")
    before, after = growth([s.rss_bytes for s in soak.samples])
    if after > before * GROWTH_MAX + GROWTH_BYTES_MAX:
        out.append(f"the supervisor grew from {before} to {after} bytes")
    before, after = growth([s.files for s in soak.samples])
    if after > before + GROWTH_FILES_MAX:
        out.append(f"the supervisor's open files grew from {before} to {after}")
    before, after = growth([s.shm_bytes for s in soak.samples])
    if after > before * GROWTH_MAX + GROWTH_BYTES_MAX:
        out.append(f"shared memory grew from {before} to {after} bytes")
    return out


def soak(seconds: float, seed: int, arguments: list[str], kills_min: int = 0) -> dict[str, Any]:
    """Run one soak, longer than that on a host too slow for so many kills; return its outcome."""
    name = f"soak{os.getpid()}"
    command = [sys.executable, "-m", "ops", "run", "--deployment", name, "--metrics-port", "0"]
    with (
        tempfile.TemporaryDirectory(prefix="corelane-soak-") as state,
        tempfile.TemporaryFile("w+") as errors,
    ):
        process = subprocess.Popen(
            [*command, "--json", f"--seed={seed}", *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
            env={**os.environ, "XDG_STATE_HOME": state},
        )
        running = Soak(name, random.Random(seed), errors, process)
        try:
            running.until_whole(START_S)
            running.until_host_checked(START_S)
            running.sample()
            running.play(seconds, kills_min)
            running.sample()
            rows = running.rows()
            code, end = running.end()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        found = problems(running, code, end)
        return {
            "seed": seed,
            "seconds": seconds,
            "kills": running.kills,
            "starts": {key: row.starts for key, row in rows.items()},
            "problems": found,
            "last_lines": running.said().splitlines() if found else [],
            "orders": end["orders"],
            "fills": end["fills"],
            "supervisor_rss_bytes": growth([s.rss_bytes for s in running.samples]),
            "supervisor_files": growth([s.files for s in running.samples]),
            "shm_bytes": growth([s.shm_bytes for s in running.samples]),
            "venue": end["venue"],
        }


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="ops.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="default: 60")
    parser.add_argument("--seed", type=int, default=1, help="of kills and participants")
    parser.add_argument("--json", action="store_true")
    arguments, rest = parser.parse_known_args(argv)
    try:
        found = soak(arguments.minutes * 60, arguments.seed, rest)
    except (SoakError, subprocess.TimeoutExpired) as error:
        print(f"soak: {error}", file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps(found))
    else:
        print(
            f"soak  {'FAIL' if found['problems'] else 'PASS'}  seed {found['seed']}"
            f"  {found['seconds']:.0f} s  kills {found['kills']}  orders {found['orders']}"
            f"  fills {found['fills']}"
        )
        for word in ("supervisor_rss_bytes", "supervisor_files", "shm_bytes"):
            first, last = found[word]
            print(f"  {word:<22}{first:>12} in the first third, {last} in the last")
        for text in (*found["problems"], *found["last_lines"]):
            print(f"  {text}")
    return 1 if found["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
