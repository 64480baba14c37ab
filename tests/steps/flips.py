"""Headers of the hot path in which every comparison asks whether it is the one that is flipped.

A flip is one comparison with another operator: > and >=, < and <=, == and !=.  All of them are
compiled into one module of the gate's tests; `t_mutant` in it says which one is flipped (-1: none)
and `t_reached` which ones were asked.  mutants.py runs the tests against each.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "mutants"
FILES = [
    "abi/limit",
    "abi/rule",
    "risk/bucket",
    "risk/case",
    "risk/figures",
    "risk/gate",
    "risk/gate_limits",
    "risk/gate_market",
    "risk/gate_quota",
    "risk/gate_who",
    "risk/governor",
    "risk/own",
    "risk/pulse",
    "risk/reservation",
    "risk/scope",
]
FLIPS = {">": ">=", ">=": ">", "<": "<=", "<=": "<", "==": "!=", "!=": "=="}
OPERATOR = re.compile(r"(?<=[ \n])(<=|>=|==|!=|<|>)(?=[ \n])")
NOT_CHECKS = re.compile(r"\bfor \(|\bHP_ASSERT\(|\bHP_DEBUG_ASSERT\(")

@dataclass(frozen=True)
class Mutant:
    """One comparison, flipped."""

    number: int
    file: str  # below hotpath, without .h
    line: int  # from 1
    text: str  # the comparison, with its operands
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
    original = (ROOT / "hotpath" / f"{file}.h").read_text()
    text = blank(original)
    found = list(OPERATOR.finditer(text))
    out, spans = [], []
    plain = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m[0]), original, flags=re.S)
    for one in found:
        begin, end = operands(text, one)
        line = text.count("\n", 0, one.start()) + 1
        told = " ".join(original[begin:end].split())
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


FLAGS = [
    *("-w", "-O0", "-std=gnu11", "-D_GNU_SOURCE", "-fPIC", "-shared", "-fwrapv"),
    "-march=x86-64-v2",
]
HEAD = """
extern int t_mutant;
extern unsigned char t_reached[];
#define T_CMP(n, a, is, flipped, b) \\
    (t_reached[n] = 1, t_mutant == (n) ? ((a) flipped (b)) : ((a) is (b)))
"""


def build() -> tuple[Path, list[Mutant]]:
    """Compile all mutants into one module of the tests; the same text is compiled once."""
    from tests.steps.conftest import builder, module_name

    module = module_name()
    found: list[Mutant] = []
    headers = {}
    for file in FILES:
        headers[file], more = mutate(len(found), file)
        found += more
    digest = hashlib.sha256(repr((module, HEAD, FLAGS, headers)).encode()).hexdigest()[:16]
    folder = BUILD / digest
    target = folder / f"{module}.so"
    if target.exists():
        return target, found
    shutil.rmtree(BUILD, ignore_errors=True)
    for header in (ROOT / "hotpath").rglob("*.h"):  # a header finds its neighbours beside itself
        copy = folder / header.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(header, copy)
    for file, text in headers.items():
        (folder / "hotpath" / f"{file}.h").write_text(text)
    c_file = folder / f"{module}.c"
    builder().emit_c_code(str(c_file))
    room = f"int t_mutant = -1;\nunsigned char t_reached[{len(found) + 1}];\n"
    c_file.write_text(HEAD + room + c_file.read_text())
    include = [folder, folder / "hotpath" / "abi", Path(sysconfig.get_paths()["include"])]
    made = folder / "made.so"
    compiler = shutil.which("gcc") or "cc"
    subprocess.run(
        [compiler, *FLAGS, *(f"-I{one}" for one in include), str(c_file), "-o", str(made)],
        check=True,
    )
    made.rename(target)
    return target, found
