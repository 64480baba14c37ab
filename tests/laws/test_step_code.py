"""Step code is f(state, input, now): no clock, randomness, identity, set order or thread.

What a lane does must come out again from its journal.  Clocks, sockets and processes stand behind
the Env (hotpath/lane/live.pyx), and what it says is journaled; a strategy is told `now`.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# C and Cython: words that reach outside.
REACHES = re.compile(
    r"\b(clock_gettime|gettimeofday|hp_mono_ns|hp_tsc|__rdtsc\w*|_rdtsc|timespec_get|[del]rand48"
    r"|getrandom|getentropy|arc4random\w*|_rdrand\w*|uuid\w*|pthread_\w+|thrd_\w+|getpid|getenv"
    r"|usleep|nanosleep)(?!\w)|\b(?:time|clock|s?rand|s?random|rand_r|fork)\s*\("
)
# Who may, and why.
MAY = {
    "hotpath/journal/trial.pyx": "measures appends; no step code calls it",
    "hotpath/abi/clock.h": "defines the two clocks",
    "hotpath/lane/live.pyx": "the Env of a real lane: everything it reads is journaled",
    "hotpath/lane/manual.pyx": "the Env of tests: stamps are no outputs",
    "hotpath/lane/strategy.pyx": "times callbacks by the TSC, into counters that no step reads",
    "hotpath/lane/replay.h": "measures decode and book of a capture; no lane runs there",
    "hotpath/lane/replay.pyx": "the same",
}
MODULES = {
    "time", "datetime", "random", "secrets", "uuid", "threading", "multiprocessing", "concurrent",
    "asyncio", "os", "socket", "subprocess", "signal", "numpy.random", "calendar", "tempfile",
}  # fmt: skip
NAMES = {"id", "hash", "open", "input", "globals", "vars"}
ORDERED = {"sorted", "len", "min", "max", "sum", "any", "all", "set", "frozenset", "bool"}


def plain_c(text):
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), text, flags=re.S)
    return re.sub(r'"(?:[^"\\\n]|\\.)*"|//.*', "", text)


def plain_cython(text):
    text = re.sub(r'"""(?:.|\n)*?"""', lambda m: "\n" * m[0].count("\n"), text)
    return re.sub(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|#.*', "", text)


def reaches(text, is_c):
    """Return (line, word) of what reaches outside of the arguments."""
    plain = plain_c(text) if is_c else plain_cython(text)
    return [
        (number, found[0].strip("( "))
        for number, line in enumerate(plain.split("\n"), 1)
        if not re.match(r"\s*(from|cimport|import|cdef extern)\b", line) or not is_c
        for found in REACHES.finditer(line)
    ]


class Reader(ast.NodeVisitor):
    """What a strategy in Python may not do."""

    def __init__(self, tree):
        self.found = []
        self.sets = {
            ast.unparse(target)
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign | ast.AnnAssign) and self.makes_set(node.value)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        }

    def makes_set(self, node):
        if isinstance(node, ast.Set | ast.SetComp):
            return True
        if isinstance(node, ast.BinOp):
            return self.makes_set(node.left) or self.makes_set(node.right)
        return isinstance(node, ast.Call) and ast.unparse(node.func) in ("set", "frozenset")

    def is_set(self, node):
        return self.makes_set(node) or (
            isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node) in self.sets
        )

    def say(self, node, what):
        self.found.append((node.lineno, what))

    def visit_Import(self, node):
        for alias in node.names:
            if alias.name in MODULES or alias.name.split(".")[0] in MODULES:
                self.say(node, f"import {alias.name}")

    def visit_ImportFrom(self, node):
        if node.module and node.module.split(".")[0] in MODULES:
            self.say(node, f"from {node.module}")

    def visit_For(self, node):
        if self.is_set(node.iter):
            self.say(node, "order of a set")
        self.generic_visit(node)

    def visit_comprehension(self, node):
        if self.is_set(node.iter):
            self.say(node.iter, "order of a set")
        self.generic_visit(node)

    def visit_Starred(self, node):
        if self.is_set(node.value):
            self.say(node, "order of a set")
        self.generic_visit(node)

    def visit_Call(self, node):
        name = ast.unparse(node.func)
        if name in NAMES:
            self.say(node, f"{name}()")
        elif (name not in ORDERED and any(self.is_set(a) for a in node.args)) or (
            name.endswith(".pop") and self.is_set(node.func.value)
        ):
            self.say(node, "order of a set")
        self.generic_visit(node)


def offences(path, text):
    """Return [(line, what)] of one file of step code."""
    if path.suffix == ".py":
        tree = ast.parse(text)
        reader = Reader(tree)
        reader.visit(tree)
        return reader.found
    found = reaches(text, path.suffix != ".pyx")
    if path.suffix == ".pyx" and path.parts[0] == "strategies":
        found += [
            (number, "order of a set")
            for number, line in enumerate(plain_cython(text).split("\n"), 1)
            if re.search(
                r"\bin\s+(set|frozenset)\s*\(|\bin\s+\{[^:}]*\}\s*:|iter\s*\(\s*set\b", line
            )
        ]
        found += [
            (number, line.strip())
            for number, line in enumerate(text.split("\n"), 1)
            if (m := re.match(r"\s*(?:from|import|cimport)\s+(\w+)", line)) and m[1] in MODULES
        ]
    return found


def step_code():
    for folder in ("hotpath", "venues"):
        for path in sorted((ROOT / folder).rglob("*")):
            if (
                path.suffix in (".h", ".c", ".cpp", ".hpp", ".pyx")
                and "simulator" not in path.parts
            ):
                yield path
    for path in sorted((ROOT / "strategies").rglob("*")):
        if path.suffix in (".py", ".pyx"):
            yield path


def test_step_code_reaches_no_clock_randomness_set_order_or_thread():
    found = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for path in step_code()
        if str(path.relative_to(ROOT)) not in MAY
        for line, what in offences(path.relative_to(ROOT), path.read_text())
    ]
    assert not found, "pass it as an input, or behind the Env and into the journal:\n" + "\n".join(
        found
    )


def test_who_may_still_does():
    """An exception that nobody needs any more is a hole."""
    idle = [name for name in MAY if not offences(Path(name), (ROOT / name).read_text())]
    assert not idle, f"not needed any more: {idle}"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("uint64_t t = hp_mono_ns();", "hp_mono_ns"),
        ("uint64_t t = hp_tsc();", "hp_tsc"),
        ("struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t);", "clock_gettime"),
        ("int r = rand();", "rand"),
        ("time_t t = time(NULL);", "time"),
        ("pthread_create(&t, 0, f, 0);", "pthread_create"),
    ],
)
def test_clock_planted_in_a_copy_of_a_header_is_found(tmp_path, line, what):
    """The header of orders, copied, with one line more in its first function."""
    text = (ROOT / "hotpath" / "lane" / "trade.h").read_text()
    assert reaches(text, is_c=True) == []
    at = text.index("{\n", text.index("static inline")) + 2
    path = tmp_path / "trade.h"
    path.write_text(f"{text[:at]}    {line}\n{text[at:]}")
    found = offences(path, path.read_text())
    assert found == [(text[:at].count("\n") + 1, what)]


STRATEGY = """
from strategies import Strategy


class Planted(Strategy):
    def on_start(self):
        self.names = {{"a", "b"}}

    def on_book(self, book):
        {line}
"""


@pytest.mark.parametrize(
    "line",
    [
        "import time; time.monotonic_ns()",
        "from time import monotonic_ns",
        "import random",
        "import uuid",
        "import threading",
        "from datetime import datetime",
        "for name in self.names: pass",
        "for name in {'a', 'b'} | self.names: pass",
        "x = [name for name in set('ab')]",
        "x = list(self.names)",
        "x = next(iter(self.names))",
        "x = self.names.pop()",
        "x = [*self.names]",
        "x = id(book)",
        "x = hash(book)",
    ],
)
def test_strategy_with_a_planted_line_is_found(line):
    found = offences(Path("strategies/planted.py"), STRATEGY.format(line=line))
    assert [number for number, _ in found] == [10]


@pytest.mark.parametrize(
    "line",
    ["for name in sorted(self.names): pass", "x = 'a' in self.names", "x = len(self.names)",
     "for name in ('a', 'b'): pass", "self.names.add('c')", "x = book.bid_ticks  # time.time()"],
)  # fmt: skip
def test_strategy_that_can_be_run_again_is_left_alone(line):
    assert offences(Path("strategies/good.py"), STRATEGY.format(line=line)) == []


@pytest.mark.parametrize(
    "line",
    ["cdef uint64_t t = hp_tsc()", "for x in set(y):", "import random", "x = clock_gettime(0, &t)"],
)
def test_cython_strategy_with_a_planted_line_is_found(line):
    text = (ROOT / "strategies" / "demo" / "imbalance_native.pyx").read_text()
    assert offences(Path("strategies/demo/x.pyx"), text) == []
    assert offences(Path("strategies/demo/x.pyx"), f"{text}\n{line}\n")
