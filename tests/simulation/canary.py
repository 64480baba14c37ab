"""How many planted bugs does the simulator find, and after how many seeds?

    python -m tests.simulation.canary [--seeds 10000] [--only TEXT] [--write] [--notes FILE]

Owns:    the search: each seed is lived once by the honest code, which says where a bug would have
         made a difference; there it is lived again with that bug, in a child of this warm process.
Refuses: waiting for a story that hangs: so much CPU time is a liveness that broke (L0).

Exit code 0: at least 95 % of the bugs were found, and no invariant broke in the honest code.
--notes: what is found is written there as it is found, and a search that was stopped goes on from
there.  --write notes the seed that caught each bug in bugs.toml.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import resource
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.simulation.planted import CANARY, CATALOGUE, Bug, Watch, catalogue, plant, prepare

SHARE = 95  # percent that must be found
HANG_S = 20  # of CPU time; a story takes a few tenths of a second
NOTE_EVERY = 25  # seeds
NOT_FOUND = -1
PLANT_FAILED = 77  # a child's exit code


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
    if not said:
        ended = os.waitstatus_to_exitcode(status)
        if ended == PLANT_FAILED:
            raise RuntimeError(f"{bug.name} could not be planted; have sources changed meanwhile?")
        if ended in (-signal.SIGXCPU, -signal.SIGKILL):
            return f"L0: no end after {HANG_S} s of CPU time", ""
        return f"L0: the process ended with {ended}", ""
    digest, _, broken = said.partition("\n")
    return broken, digest


def show(hunt: Hunt) -> None:
    seed = "not found" if hunt.is_open else f"seed {hunt.seed}"
    story = f"{hunt.lived} stories, {hunt.changed} of them changed"
    print(f"{hunt.name:28} {seed:>10}  {hunt.how[:90] or story}", flush=True)


class Search:
    """Bugs that are not found yet, and how far the seeds have come."""

    def __init__(self, bugs: list[Bug], notes: Path | None) -> None:
        self.bugs = {bug.name: bug for bug in bugs}
        self.hunts = {bug.name: Hunt(bug.name, text_of(bug)) for bug in bugs}
        self.notes = notes
        self.next_seed = 0
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

    def take(self, seed: int) -> None:
        """Live one seed: honestly, then with each open bug that would have made a difference."""
        from tests.simulation.world import live

        CANARY.seen[:] = bytes(len(CANARY.seen))
        with Watch([self.bugs[hunt.name] for hunt in self.open]) as watch:
            honest = live(seed)
        seen = {bug.name for bug in self.bugs.values() if CANARY.seen[bug.number]} | watch.seen
        if honest.broken:
            self.honest.append(f"seed {seed}: {honest.broken}")
            print(f"{'the honest code':28} seed {seed:>5}  {honest.broken}", flush=True)
            return
        for hunt in self.open:
            bug = self.bugs[hunt.name]
            if hunt.name not in seen:
                continue
            broken, digest = live_with(bug, seed)
            hunt.lived += 1
            hunt.changed += digest != honest.digest
            if broken:
                hunt.seed, hunt.how = seed, broken
                show(hunt)

    def run(self, seeds: int) -> None:
        gc.collect()
        gc.freeze()  # children need not copy what the parent never touches
        while self.next_seed < seeds and self.open:
            self.take(self.next_seed)
            self.next_seed += 1
            if self.next_seed % NOTE_EVERY == 0:
                self.note()
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
    parser.add_argument("--notes", type=Path, help="what is found, as it is found; to go on from")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    bugs = catalogue()
    prepare(bugs)
    wanted = [bug for bug in bugs if any(one in bug.name for one in asked.only.split(","))]
    began = time.perf_counter()
    search = Search(wanted, asked.notes)
    search.run(asked.seeds)
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
