"""Live through many seeds and judge each.

    python -m tests.simulation --seeds 1000 [--first N] [--jobs N]
    python -m tests.simulation --seed 42 [--shrink] [--without FAULT,...] [--story]

Exit code 0: every invariant held in every seed; 1: one did not, and the command that shows it again
is printed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator

from tests.simulation.chance import FAULTS
from tests.simulation.loop import MS
from tests.simulation.shrink import shrink, told
from tests.simulation.world import FAULTS_NS, ORDERS, Outcome, live

CHUNK = 8
AGAIN = 100  # each so many seeds one is lived twice: the trace must be the same


def judged(seed: int) -> Outcome:
    """Live a seed; now and then twice, by its number."""
    outcome = live(seed)
    if seed % AGAIN == 0 and not outcome.broken:
        again = live(seed)
        if again.digest != outcome.digest:
            outcome.broken = f"D0: another trace the second time: {again.digest}"
    return outcome


def outcomes(seeds: range, jobs: int) -> Iterator[Outcome]:
    """Yield what came of each seed, in no order when there are several jobs."""
    if jobs == 1:
        yield from map(judged, seeds)
        return
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        yield from pool.imap_unordered(judged, seeds, CHUNK)


def show(outcome: Outcome, without: list[str]) -> None:
    print("\n".join(outcome.story))
    faults = " ".join(f"{name}={n}" for name, n in sorted(outcome.faults.items())) or "none"
    print(
        f"seed {outcome.seed}: {outcome.orders} orders, {outcome.fills} fills,"
        f" {outcome.lives} lives, {outcome.steps} steps, {outcome.at_ms} ms;"
        f" {' '.join(outcome.met) or 'nothing special'}; faults: {faults}"
    )
    print(f"trace {outcome.digest}")
    print(outcome.broken or "every invariant held")
    if without:
        print(f"without {', '.join(without)}")


def many(seeds: range, jobs: int) -> int:
    """Run seeds; say how it goes once a second, and what failed at once."""
    began = said = time.perf_counter()
    done = orders = fills = lives = 0
    faults: Counter[str] = Counter()
    met: Counter[str] = Counter()
    failed: list[Outcome] = []
    for outcome in outcomes(seeds, jobs):
        done += 1
        orders, fills, lives = orders + outcome.orders, fills + outcome.fills, lives + outcome.lives
        faults.update(outcome.faults)
        met.update(outcome.met)
        if outcome.broken:
            failed.append(outcome)
            print(f"\nseed {outcome.seed}: {outcome.broken}")
            print(f"  python -m tests.simulation --seed {outcome.seed} --shrink", flush=True)
        now = time.perf_counter()
        if now - said > 1 and sys.stderr.isatty():
            said = now
            rate = 60 * done / (now - began)
            left = f"{done}/{len(seeds)} seeds, {rate:.0f} a minute, {len(failed)} broken"
            print(f"\r{left}", end="", file=sys.stderr, flush=True)
    took = time.perf_counter() - began
    print(
        f"{done} seeds in {took:.0f} s ({60 * done / took:.0f} a minute, {jobs} jobs):"
        f" {orders} orders, {fills} fills, {lives} lives of a lane, {len(failed)} broken"
    )
    print("stories: " + " ".join(f"{name}={n}" for name, n in sorted(met.items())))
    print("faults: " + " ".join(f"{name}={n}" for name, n in sorted(faults.items())))
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many (default: 200)")
    parser.add_argument("--first", type=int, default=0, help="the first one")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, help="one seed alone")
    parser.add_argument("--without", default="", help=f"of: {' '.join(FAULTS)}")
    parser.add_argument("--story", action="store_true", help="tell what happened")
    parser.add_argument("--shrink", action="store_true", help="tell the shortest form that breaks")
    parser.add_argument("--faults-ms", type=int, default=FAULTS_NS // MS, help="length of faults")
    parser.add_argument("--orders", type=int, default=ORDERS, help="that a strategy may place")
    asked = parser.parse_args()
    if asked.seed is None:
        return many(range(asked.first, asked.first + asked.seeds), max(1, asked.jobs))
    without = [name for name in asked.without.split(",") if name]
    if asked.shrink:
        try:
            print(told(*shrink(asked.seed, print)))
        except ValueError as error:
            print(error)
            return 0
        return 1
    outcome = live(
        asked.seed,
        without=without,
        faults_ns=asked.faults_ms * MS,
        orders=asked.orders,
        tells=asked.story,
    )
    show(outcome, without)
    return 1 if outcome.broken else 0


if __name__ == "__main__":
    sys.exit(main())
