"""How many planted bugs does the simulator find, and after how many seeds?

    python -m tests.simulation.canary [--seeds 10000] [--only TEXT] [--jobs N] [--notes FILE]
                                      [--write]

Owns:    the search: each seed is lived once by the honest code, which says where a bug would have
         made a difference; there it is lived again with that bug, in a child of a warm process.
Refuses: waiting for a story that hangs: so much CPU time is a liveness that broke (L0).

Exit code 0: at least 95 % of the bugs were found, and no invariant broke in the honest code.
--notes: what is found is written there as it is found, and a search that was stopped goes on from
there.  --write notes the seed that caught each bug in bugs.toml.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.simulation.planted import CANARY, CATALOGUE, ROOT, Bug, Watch, catalogue, plant, prepare

SHARE = 95  # percent that must be found
HANG_S = 20  # of CPU time; a story takes a few tenths of a second
NOTE_EVERY = 25  # seeds
NOT_FOUND = -1
PLANT_FAILED = 77  # a child's exit code
ALIKE = 3  # stories that are lived in the ordinary build too
SHM = Path("/dev/shm")
BUGS = {bug.name: bug for bug in catalogue()}


@dataclass
class Hunt:
    """What is known of one bug."""

    name: str
    text: str  # of the bug itself: notes of another one do not count
    seed: int = NOT_FOUND
    how: str = ""
    lived: int = 0  # stories with it
    changed: int = 0  # of them, that became another story

    @property
    def is_open(self) -> bool:
        return self.seed == NOT_FOUND


def text_of(bug: Bug) -> str:
    return f"{bug.file}: {bug.was} -> {bug.becomes}"


def live_with(bug: Bug, seed: int) -> tuple[str, str]:
    """Live a seed with a bug, in a child; return what broke ("" = nothing) and the trace's hash."""
    ours, its = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(ours)
            resource.setrlimit(resource.RLIMIT_CPU, (HANG_S, HANG_S + 1))
            status = PLANT_FAILED
            plant(bug)
            status = 1
            from tests.simulation.world import live

            outcome = live(seed)
            os.write(its, f"{outcome.digest}\n{outcome.broken[:2000]}".encode())
            status = 0
        except BaseException as error:
            print(f"{bug.name}: {error!r}", file=sys.stderr, flush=True)
        finally:
            os._exit(status)
    os.close(its)
    with os.fdopen(ours) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    for left in SHM.glob(f"corelane-sim-{child}-*"):  # it may have been killed
        shutil.rmtree(left, ignore_errors=True)
    if not said:
        ended = os.waitstatus_to_exitcode(status)
        if ended == PLANT_FAILED:
            raise RuntimeError(f"{bug.name} could not be planted; have sources changed meanwhile?")
        if ended in (-signal.SIGXCPU, -signal.SIGKILL):
            return f"L0: no end after {HANG_S} s of CPU time", ""
        return f"L0: the process ended with {ended}", ""
    digest, _, broken = said.partition("\n")
    return broken, digest


@dataclass
class Lived:
    """One seed: what broke without a bug, and with each that would have made a difference."""

    seed: int
    honest: str
    digest: str
    broken: dict[str, tuple[str, str]]  # name: what broke ("" = nothing), the trace's hash


def lived(seed: int, names: list[str]) -> Lived:
    """Live one seed: honestly, then with each of these bugs that would have made a difference."""
    from tests.simulation.world import live

    bugs = [BUGS[name] for name in names]
    CANARY.seen[:] = bytes(len(CANARY.seen))
    with Watch(bugs) as watch:
        honest = live(seed)
    seen = {bug.name for bug in bugs if CANARY.seen[bug.number]} | watch.seen
    out = Lived(seed, honest.broken, honest.digest, {})
    if not honest.broken:
        out.broken = {bug.name: live_with(bug, seed) for bug in bugs if bug.name in seen}
    return out


def check_build() -> None:
    """The canary build without a bug must be the ordinary one."""
    program = (
        "from tests.simulation.world import live\n"
        f"print(*(live(seed).digest for seed in range({ALIKE})))"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    ours = [lived(seed, []).digest for seed in range(ALIKE)]
    if ran.stdout.split() != ours:
        raise RuntimeError(
            "stories of the canary build are not those of the ordinary one: run `make build`;"
            f" else a bug of bugs.toml acts where it is asked for (planted.EFFECTS) {ran.stderr}"
        )


def show(hunt: Hunt) -> None:
    seed = "not found" if hunt.is_open else f"seed {hunt.seed}"
    story = f"{hunt.lived} stories, {hunt.changed} of them changed"
    print(f"{hunt.name:28} {seed:>10}  {hunt.how[:90] or story}", flush=True)


class Search:
    """Bugs that are not found yet, and how far the seeds have come."""

    def __init__(self, bugs: list[Bug], notes: Path | None) -> None:
        self.hunts = {bug.name: Hunt(bug.name, text_of(bug)) for bug in bugs}
        self.notes = notes
        self.next_seed = 0  # all before it are done
        self.done: set[int] = set()  # of those behind it
        self.honest: list[str] = []  # what broke without any bug
        if notes is not None and notes.exists():
            self.read(json.loads(notes.read_text()))

    def read(self, noted: dict[str, Any]) -> None:
        self.next_seed, self.honest = noted["next_seed"], noted["honest"]
        for one in noted["hunts"]:
            hunt = self.hunts.get(one["name"])
            if hunt is not None and hunt.text == one["text"]:
                self.hunts[hunt.name] = Hunt(**one)

    def note(self) -> None:
        if self.notes is None:
            return
        hunts = [asdict(hunt) for hunt in self.hunts.values()]
        text = json.dumps(
            {"next_seed": self.next_seed, "honest": self.honest, "hunts": hunts}, indent=1
        )
        aside = self.notes.with_suffix(".new")
        aside.write_text(text)
        aside.replace(self.notes)

    @property
    def open(self) -> list[Hunt]:
        return [hunt for hunt in self.hunts.values() if hunt.is_open]

    def take(self, one: Lived) -> None:
        """Note what came of one seed; seeds come in no order."""
        self.done.add(one.seed)
        if one.honest:
            self.honest.append(f"seed {one.seed}: {one.honest}")
            print(f"{'the honest code':28} seed {one.seed:>5}  {one.honest}", flush=True)
        for name, (broken, digest) in one.broken.items():
            hunt = self.hunts[name]
            hunt.lived += 1
            hunt.changed += digest != one.digest
            if broken and (hunt.is_open or one.seed < hunt.seed):
                hunt.seed, hunt.how = one.seed, broken
                show(hunt)
        while self.next_seed in self.done:
            self.done.remove(self.next_seed)
            self.next_seed += 1
            if self.next_seed % NOTE_EVERY == 0:
                self.note()

    def run(self, seeds: int, jobs: int) -> None:
        """Live seeds in so many processes, until every bug is found."""
        gc.collect()
        gc.freeze()  # children need not copy what the parent never touches
        left = iter(range(self.next_seed, seeds))
        with multiprocessing.get_context("fork").Pool(jobs) as pool:
            under_way: deque[Any] = deque()
            while True:
                while self.open and len(under_way) < 2 * jobs:
                    if (seed := next(left, None)) is None:
                        break
                    names = [hunt.name for hunt in self.open]
                    under_way.append(pool.apply_async(lived, (seed, names)))
                if not under_way:
                    break
                self.take(under_way.popleft().get())
        self.note()


def write(hunts: list[Hunt]) -> None:
    """Note the seeds in the catalogue."""
    text = CATALOGUE.read_text()
    for hunt in hunts:
        entry = re.compile(rf'(name = "{hunt.name}"\n)(?:seed = -?\d+\n)?')
        seed = "" if hunt.is_open else f"seed = {hunt.seed}\n"
        text = entry.sub(rf"\g<1>{seed}", text)
    CATALOGUE.write_text(text)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.canary", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--only", default="", help="bugs whose name holds one of these, by commas")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--notes", type=Path, help="what is found, as it is found; to go on from")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    bugs = list(BUGS.values())
    prepare(bugs)
    check_build()
    wanted = [bug for bug in bugs if any(one in bug.name for one in asked.only.split(","))]
    began = time.perf_counter()
    search = Search(wanted, asked.notes)
    search.run(asked.seeds, max(1, asked.jobs))
    print(f"\n{search.next_seed} seeds; the honest code broke in {len(search.honest)} of them")
    hunts = sorted(search.hunts.values(), key=lambda hunt: hunt.seed)
    for hunt in hunts:
        show(hunt)
    found = [hunt for hunt in hunts if not hunt.is_open]
    slowest = max((hunt.seed for hunt in found), default=0)
    print(
        f"{len(found)} of {len(hunts)} bugs found"
        f" ({100 * len(found) / max(1, len(hunts)):.0f} %), the slowest at seed {slowest},"
        f" in {time.perf_counter() - began:.0f} s"
    )
    if asked.write:
        write(hunts)
    is_good = not search.honest and 100 * len(found) >= SHARE * len(hunts)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
