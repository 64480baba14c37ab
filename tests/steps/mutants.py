"""Flip each comparison of the gate's checks, one by one; a test must fail for each.

    python -m tests.steps.mutants [--only TEXT] [--sample N] [--seed N]

A mutant is one comparison in a header of hotpath/risk with its operator flipped: > and >=, < and
<=, == and !=.  All of them are compiled into one module, which a number tells which one is flipped;
then the gate's tests run against each in a child process, until the first one fails.  A mutant that
no test kills is a survivor: it is shown, and the exit code is 1.  What no input can tell from the
original stands in EQUAL, with the reason.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "mutants"
FILES = [
    "bucket",
    "case",
    "figures",
    "gate",
    "gate_limits",
    "gate_market",
    "gate_quota",
    "gate_who",
    "governor",
    "own",
    "pulse",
    "scope",
]
FLIPS = {">": ">=", ">=": ">", "<": "<=", "<=": "<", "==": "!=", "!=": "=="}
OPERATOR = re.compile(r"(?<=[ \n])(<=|>=|==|!=|<|>)(?=[ \n])")
NOT_CHECKS = re.compile(r"\bfor \(|\bHP_ASSERT\(|\bHP_DEBUG_ASSERT\(")
TESTS = ["test_gate.py", "test_gate_limits.py", "test_gate_fences.py", "test_governor.py"]

# part of the line -> why no input can tell it from the original
EQUAL: dict[str, str] = {}


@dataclass(frozen=True)
class Mutant:
    """One comparison, flipped."""

    number: int
    file: str
    line: int  # from 1
    text: str
    before: str
    after: str

    @property
    def name(self) -> str:
        return f"{self.file}.h:{self.line} {self.before} to {self.after}"


def blank(text: str) -> str:
    """Return C text without comments and preprocessor lines; every byte keeps its place."""

    def spaces(found: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", found[0])

    text = re.sub(r"/\*.*?\*/", spaces, text, flags=re.S)
    text = re.sub(r"^#(?:.*\\\n)*.*$", spaces, text, flags=re.M)
    for found in NOT_CHECKS.finditer(text):
        end = close(text, found.end())
        text = text[: found.end()] + re.sub(r"[^\n]", " ", text[found.end() : end]) + text[end:]
    return text


def close(text: str, at: int) -> int:
    """Return where the bracket that is open at `at` closes."""
    depth = 1
    while depth:
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return at - 1


def operands(text: str, found: re.Match[str]) -> tuple[int, int]:
    """Return where the left operand of a comparison begins and the right one ends.

    Everything that binds tighter belongs to them: calls, members, casts, sums, products.
    """
    at, depth = found.start() - 1, 0
    while True:
        c = text[at]
        depth += {")": 1, "]": 1, "(": -1, "[": -1}.get(c, 0)
        word = re.search(r"(\breturn|\S)\s*$", text[: at + 1])
        if depth < 0 or (depth == 0 and (c in ";{},?" or ends(text, at) or word_ends(word))):
            begin = at + 1
            break
        at -= 1
    at, depth = found.end(), 0
    while True:
        c = text[at]
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(c, 0)
        if depth < 0 or (depth == 0 and (c in ";{},?:" or ends(text, at))):
            return begin, at
        at += 1


def word_ends(word: re.Match[str] | None) -> bool:
    return word is not None and word[1] == "return"


def ends(text: str, at: int) -> bool:
    """Say whether an operator that binds looser than a comparison stands here."""
    around = text[max(0, at - 1) : at + 2]
    c = text[at]
    if c in "&|":
        return around[0] in " \n&|" and around[2] in " \n&|="
    if c == ":":
        return around[0] in " \n" and around[2] in " \n"
    return c == "=" and around[0] in " |&+-" and around[2] in " \n"


def mutate(number: int, file: str) -> tuple[str, list[Mutant]]:
    """Return a header in which each comparison asks which mutant it is, and those mutants."""
    text = blank((ROOT / "hotpath" / "risk" / f"{file}.h").read_text())
    found = list(OPERATOR.finditer(text))
    out, spans = [], []
    original = (ROOT / "hotpath" / "risk" / f"{file}.h").read_text()
    plain = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m[0]), original, flags=re.S)
    for one in found:
        begin, end = operands(text, one)
        line = text.count("\n", 0, one.start()) + 1
        told = original.splitlines()[line - 1].strip()
        mutant = Mutant(number + len(out), file, line, told, one[0], FLIPS[one[0]])
        out.append(mutant)
        spans.append((begin, one.start(), one.end(), end, mutant))
    inserts: list[tuple[int, int, str]] = []
    for begin, at, after, end, m in spans:
        inserts.append((begin, 0, f" T_CMP({m.number}, "))
        inserts.append((at, 1, f", {m.before}, {m.after}, "))
        inserts.append((end, -1, ") "))
        plain = plain[:at] + " " * (after - at) + plain[after:]
    for at, _, insert in sorted(inserts, reverse=True):
        plain = plain[:at] + insert + plain[at:]
    return plain, out


HEAD = """
extern int t_mutant;
extern unsigned char t_reached[];
#define T_CMP(n, a, is, flipped, b) \\
    (t_reached[n] = 1, t_mutant == (n) ? ((a) flipped (b)) : ((a) is (b)))
"""


def build() -> tuple[Path, list[Mutant]]:
    """Compile all mutants into one module of the tests."""
    from tests.steps.conftest import recipe

    ffi, module = recipe()
    shutil.rmtree(BUILD, ignore_errors=True)
    (BUILD / "hotpath" / "risk").mkdir(parents=True)
    found: list[Mutant] = []
    for file in FILES:
        text, more = mutate(len(found), file)
        found += more
        (BUILD / "hotpath" / "risk" / f"{file}.h").write_text(text)
    c_file, target = BUILD / f"{module}.c", BUILD / f"{module}.so"
    ffi.emit_c_code(str(c_file))
    room = f"int t_mutant = -1;\nunsigned char t_reached[{len(found) + 1}];\n"
    c_file.write_text(HEAD + room + c_file.read_text())
    include = [BUILD, ROOT / "hotpath" / "abi", ROOT, Path(sysconfig.get_paths()["include"])]
    subprocess.run(
        [
            shutil.which("gcc") or "cc",
            "-w",
            "-O1",
            "-std=gnu11",
            "-D_GNU_SOURCE",
            "-fPIC",
            "-shared",
            "-fwrapv",
            "-march=x86-64-v2",
            *(f"-I{one}" for one in include),
            str(c_file),
            "-o",
            str(target),
        ],
        check=True,
    )
    return target, found


class Killers:
    """A pytest plugin: the collected tests against each mutant, in a child process each."""

    def __init__(self, module: Path, wanted: list[Mutant]) -> None:
        self.module = module
        self.wanted = wanted
        self.survivors: list[Mutant] = []
        self.recent: list[int] = []  # tests that killed lately: tried first

    def pytest_runtestloop(self, session: Any) -> bool:
        import ctypes

        from _pytest.runner import runtestprotocol

        items = session.items
        assert not fails(runtestprotocol(items[-1], nextitem=items[0], log=False))
        lib = ctypes.CDLL(str(self.module))
        which = ctypes.c_int.in_dll(lib, "t_mutant")
        slow = [n for n, item in enumerate(items) if "equals" in item.name]
        usual = [n for n in range(len(items)) if n not in slow] + slow
        control = Mutant(-1, "none", 0, "no comparison is flipped", "", "")
        for mutant in [control, *self.wanted]:
            first = list(dict.fromkeys([*self.recent[-12:][::-1], *usual]))
            reader, writer = os.pipe()
            child = os.fork()
            if child == 0:
                which.value = mutant.number
                sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - the process ends
                for n, then in zip(first, [*first[1:], first[0]], strict=True):
                    if fails(runtestprotocol(items[n], nextitem=items[then], log=False)):
                        os.write(writer, str(n).encode())
                        os._exit(1)
                os._exit(0)
            os.close(writer)
            _, status = os.waitpid(child, 0)
            told = os.read(reader, 20)
            os.close(reader)
            if status == 0:
                self.survivors.append(mutant)
            elif told and int(told) not in slow:
                self.recent.append(int(told))
        return True


def fails(reports: Any) -> bool:
    return any(report.failed for report in reports)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--only", default="", help="only mutants whose name holds this text")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="only N of them")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    arguments = parser.parse_args(argv)
    sys.path.insert(0, str(ROOT))
    begun = time.monotonic()
    module, every = build()
    excused = [one for one in every if any(part in one.text for part in EQUAL)]
    wanted = [one for one in every if arguments.only in one.name and one not in excused]
    if arguments.sample:
        wanted = random.Random(arguments.seed).sample(wanted, min(arguments.sample, len(wanted)))
    os.environ["CORELANE_STEPS"] = str(module)
    killers = Killers(module, wanted)
    told = [str(ROOT / "tests" / "steps" / name) for name in TESTS]
    options = ["-q", "-p", "no:cacheprovider", "--no-header", "--no-summary", *told]
    if pytest.main(options, plugins=[killers]) not in (0, 5):
        return 2
    if not killers.survivors or killers.survivors[0].number != -1:
        print("mutants: the tests fail although nothing is flipped; nothing is shown by that")
        return 2
    del killers.survivors[0]
    for one in killers.survivors:
        print(f"survives  {one.name}  {one.text}")
    print(
        f"mutants: {len(wanted)} flipped, {len(wanted) - len(killers.survivors)} killed, "
        f"{len(killers.survivors)} survive, {len(excused)} cannot differ; "
        f"{time.monotonic() - begun:.0f} s"
    )
    return 1 if killers.survivors else 0


if __name__ == "__main__":
    sys.exit(main())
