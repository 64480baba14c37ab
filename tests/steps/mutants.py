"""Flip each comparison of the gate's checks, one by one; a test must fail for each.

    python -m tests.steps.mutants [--only TEXT] [--sample N [--seed N]] [--tests NAME ...]

The gate's tests run once to see which of them ask which comparison (flips.py); then each mutant
meets those tests, the quickest first, in a child process of its own until the first one fails.  A
mutant that no test kills is a survivor: it is shown, and the exit code is 1.  What no input can
tell from the original stands in EQUAL, with the reason.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.steps.flips import ROOT, Mutant, build

TESTS = ["gate", "gate_limits", "gate_fences", "gate_edges", "governor", "reservation"]
STUCK_S = 20  # a mutant that never comes back is seen to differ

# (file, comparison) -> why no input can tell the flipped one from the original
SAME = "of two equal figures either is the answer"
EQUAL: dict[tuple[str, str], str] = {
    ("abi/limit", "a < b"): SAME,
    ("abi/limit", "a > b"): SAME,
    ("risk/scope", "a < b"): SAME,
    ("risk/bucket", "full > now"): SAME,
    ("risk/pulse", "b < a"): SAME,
    ("risk/gate_market", "off > INT64_MAX"): SAME,
    ("risk/gate_market", "away < 0"): "zero has no sign",
    ("risk/figures", "lots < 0"): "lots of 0 have returned two lines above",
    ("risk/gate_market", "i->tick_size_ticks > 1"): "every price is a multiple of 1",
    ("risk/gate_market", "i->step_size_lots > 1"): "every size is a multiple of 1",
    ("risk/figures", "sign > 0"): "a sign is 1 or -1",
    ("risk/scope", "equity > s->peak_e8"): "an equity at its peak is the peak",
    ("risk/scope", "equity < s->peak_e8"): "a fall of 0 is a drawdown of 0, which it is already",
    ("risk/own", "side == HP_SIDE_SELL"): (
        "which of the two roots is whose is arbitrary: add, remove and look all ask this function"
    ),
    ("risk/governor", "r->mode < worst"): SAME,
    ("risk/governor", "percents[n] > (uint32_t)most"): SAME,
    ("risk/governor", "g->sent_count < HP_SENT_KEPT"): SAME,
    ("risk/governor", "r->used > g->own[n]"): "a difference of 0 is 0",
    ("risk/governor", "r->told >= 0"): "a figure of 0 leaves nothing that is not ours",
    ("risk/governor", "now + (end - now) / (uint64_t)room > g->pace_ns"): SAME,
    ("risk/governor", "t->stop_ns < UINT64_MAX - now"): SAME,
    ("risk/governor", "until > g->now.stop_until_ns[t->kind]"): SAME,
    ("risk/governor", "t->cost < 65535"): SAME,
    ("risk/figures", "off > most"): (
        "a clock at its bound is sure for no time at all: the gate asks for the divergence of now,"
        " as it does when nothing is sure"
    ),
    (
        "risk/gate_market",
        "c->now - c->g->clock.taken_ns <= c->g->clock_sure_ns - c->g->clock.taken_ns",
    ): "at the last sure instant the divergence of now is within its bound: it passes either way",
}


class Killers:
    """A pytest plugin: the collected tests against each mutant that they reach."""

    def __init__(self, module: Path, wanted: list[Mutant], count: int, jobs: int) -> None:
        self.module, self.wanted, self.count, self.jobs = module, wanted, count, jobs
        self.killed: set[int] = set()
        self.unreached: set[int] = set()
        self.broken: list[str] = []  # tests that fail although nothing is flipped

    def pytest_runtestloop(self, session: Any) -> bool:
        self.items = session.items
        assert self.run(len(self.items) - 1, 0)  # loads the module
        lib = ctypes.CDLL(str(self.module))
        self.which = ctypes.c_int.in_dll(lib, "t_mutant")
        self.reached = (ctypes.c_ubyte * (self.count + 1)).in_dll(lib, "t_reached")
        asked = self.reaches()
        if self.broken:
            return True
        self.unreached = {one.number for one in self.wanted if not asked[one.number]}
        left = [one for one in self.wanted if asked[one.number]]
        shares = [left[n :: self.jobs] for n in range(self.jobs)]
        readers = [self.share(share, asked) for share in shares if share]
        for reader, child in readers:
            with os.fdopen(reader) as told:
                self.killed |= {int(word) for word in told.read().split()}
            _, status = os.waitpid(child, 0)
            assert status == 0, "a share of the mutants did not come to its end"
        return True

    def reaches(self) -> list[list[int]]:
        """Run every test once; return, by mutant, the tests that ask it, the quickest first."""
        took = {}
        asked: list[list[int]] = [[] for _ in range(self.count)]
        for n, item in enumerate(self.items):
            ctypes.memset(self.reached, 0, self.count)
            begun = time.perf_counter()
            if not self.run(n, (n + 1) % len(self.items)):
                self.broken.append(item.nodeid)
            took[n] = time.perf_counter() - begun
            for number in range(self.count):
                if self.reached[number]:
                    asked[number].append(n)
        for tests in asked:
            tests.sort(key=took.__getitem__)
        return asked

    def run(self, n: int, then: int) -> bool:
        """Run one test; True when it passes.  `then` is the test that is run after it."""
        from _pytest.runner import runtestprotocol

        reports = runtestprotocol(self.items[n], nextitem=self.items[then], log=False)
        return not any(one.failed for one in reports)

    def share(self, wanted: list[Mutant], asked: list[list[int]]) -> tuple[int, int]:
        """Work through a share in a process of its own; return (what it tells, its pid)."""
        reader, writer = os.pipe()
        child = os.fork()
        if child:
            os.close(writer)
            return reader, child
        recent: list[int] = []  # tests that killed lately: tried first
        for mutant in wanted:
            tests = asked[mutant.number]
            first = [n for n in reversed(recent[-12:]) if n in tests]
            killer = self.meets(mutant, list(dict.fromkeys([*first, *tests])))
            if killer is not None:
                os.write(writer, f"{mutant.number} ".encode())
                if killer >= 0:
                    recent.append(killer)
        os._exit(0)

    def meets(self, mutant: Mutant, tests: list[int]) -> int | None:
        """Return the test that kills it (-1: it died or hung by itself); None: it survives."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            signal.alarm(STUCK_S)
            self.which.value = mutant.number
            for n, then in zip(tests, [*tests[1:], tests[0]], strict=True):
                if not self.run(n, then):
                    os.write(writer, str(n).encode())
                    os._exit(1)
            os._exit(0)
        os.close(writer)
        _, status = os.waitpid(child, 0)
        told = os.read(reader, 20)
        os.close(reader)
        if status == 0:
            return None
        return int(told) if told else -1


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--only", default="", help="only mutants whose name holds this text")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="only N of them")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time")
    parser.add_argument("--tests", nargs="+", default=TESTS, metavar="NAME", help="only these")
    arguments = parser.parse_args(argv)
    sys.path.insert(0, str(ROOT))
    begun = time.monotonic()
    module, every = build()
    excused = [one for one in every if (one.file, one.text) in EQUAL]
    if gone := set(EQUAL) - {(one.file, one.text) for one in excused}:
        print(f"mutants: EQUAL names what is not there: {sorted(gone)}")
        return 2
    wanted = [one for one in every if arguments.only in one.name and one not in excused]
    if arguments.sample:
        wanted = random.Random(arguments.seed).sample(wanted, min(arguments.sample, len(wanted)))
    os.environ["CORELANE_STEPS"] = str(module)
    killers = Killers(module, wanted, len(every), arguments.jobs)
    told = [str(ROOT / "tests" / "steps" / f"test_{name}.py") for name in arguments.tests]
    quiet = ["-q", "-p", "no:cacheprovider", "-p", "no:faulthandler", "--no-header", "--no-summary"]
    code = pytest.main([*quiet, *told, "--hypothesis-seed=1"], plugins=[killers])
    if code not in (0, 5) or killers.broken:
        print(f"mutants: {killers.broken or code}: fails although nothing is flipped")
        return 2
    survivors = [one for one in wanted if one.number not in killers.killed]
    for one in survivors:
        why = "no test asks it" if one.number in killers.unreached else "survives"
        print(f"{why:<15}{one.name:<36}{one.text}")
    print(
        f"mutants: {len(wanted)} flipped, {len(wanted) - len(survivors)} killed, "
        f"{len(survivors)} survive, {len(excused)} cannot differ; {time.monotonic() - begun:.0f} s"
    )
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
