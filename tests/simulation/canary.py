"""How many planted bugs does the simulator find, and after how many seeds?

    python -m tests.simulation.canary [--seeds 10000] [--only TEXT] [--jobs N] [--write]

Exit code 0: at least 95 % of the bugs were found, and none in the honest code.  --write notes the
seed that caught each bug in bugs.toml.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from tests.simulation.planted import CATALOGUE, ROOT, Bug, build, catalogue

SHARE = 95  # percent that must be found
HONEST_SEEDS = 150


@dataclass(frozen=True)
class Catch:
    """What became of one bug."""

    bug: Bug | None
    seed: int  # -1 = not caught
    how: str
    took_s: float


def hunt(bug: Bug | None, seeds: int, first: int = 0) -> Catch:
    """Run seeds with one bug, in a process of its own, until one of them breaks."""
    began = time.perf_counter()
    name = "none" if bug is None else bug.name
    command = [sys.executable, "-m", "tests.simulation.planted", name]
    ran = subprocess.run(
        [*command, "--seeds", str(seeds), "--first", str(first)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    took = time.perf_counter() - began
    lines = ran.stdout.split("\n")
    numbers = [int(line) for line in lines if line.isdigit()]
    if ran.returncode == 0:
        return Catch(bug, -1, "", took)
    if not numbers:
        raise RuntimeError(f"{name}: {ran.stderr[-2000:]}")
    said = [line for line in lines if line and not line.isdigit()]
    how = said[-1] if said else f"the process ended with {ran.returncode}"
    return Catch(bug, numbers[-1], how, took)


def show(catch: Catch) -> None:
    name = "the honest code" if catch.bug is None else catch.bug.name
    seed = "not found" if catch.seed < 0 else f"seed {catch.seed}"
    print(f"{name:28} {seed:>10}  {catch.took_s:6.1f} s  {catch.how[:110]}", flush=True)


def write(catches: list[Catch]) -> None:
    """Note the seeds in the catalogue."""
    text = CATALOGUE.read_text()
    for catch in catches:
        if catch.bug is None:
            continue
        entry = re.compile(rf'(name = "{catch.bug.name}"\n(?:seed = -?\d+\n)?)')
        text = entry.sub(f'name = "{catch.bug.name}"\nseed = {catch.seed}\n', text)
    CATALOGUE.write_text(text)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.canary", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--only", default="", help="bugs whose name holds this text")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    bugs = catalogue()
    build(bugs)
    wanted = [bug for bug in bugs if asked.only in bug.name]
    began = time.perf_counter()
    catches: list[Catch] = []
    with ThreadPoolExecutor(max(1, asked.jobs)) as pool:
        honest = pool.submit(hunt, None, min(asked.seeds, HONEST_SEEDS))
        for done in as_completed([pool.submit(hunt, bug, asked.seeds) for bug in wanted]):
            show(done.result())
            catches.append(done.result())
        show(honest.result())
    found = [catch for catch in catches if catch.seed >= 0]
    slowest = max((catch.seed for catch in found), default=0)
    print(
        f"{len(found)} of {len(catches)} bugs found"
        f" ({100 * len(found) / max(1, len(catches)):.0f} %), the slowest at seed {slowest},"
        f" in {time.perf_counter() - began:.0f} s"
    )
    if asked.write:
        write(catches)
    is_good = honest.result().seed < 0 and 100 * len(found) >= SHARE * len(catches)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
