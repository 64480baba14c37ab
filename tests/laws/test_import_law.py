"""Imports point down only: ops -> runtime -> venues | strategies -> hotpath.

Tuning stands alone.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("hotpath", "venues", "strategies", "runtime", "tuning", "ops")
MAY = {
    "hotpath": {"hotpath"},
    "venues": {"hotpath", "venues"},
    "strategies": {"hotpath", "strategies"},
    "runtime": {"hotpath", "venues", "strategies", "runtime", "tuning"},
    "tuning": {"tuning"},
    "ops": set(OURS),
}
# Build-time only: the shared-page module reads the headers and the flags.
EXEMPT = {("runtime/_shm_build.py", "setup"), ("tuning/_host_build.py", "setup")}
CYTHON = re.compile(r"^\s*(?:from\s+([\w.]+)\s+c?import|c?import\s+([\w.]+))", re.M)
INCLUDE = re.compile(r'^\s*#include "([\w/.]+)"|cdef extern from "([\w/.]+)"', re.M)
TUNING_MAY_INCLUDE = {"clock.h", "histogram.h", "hiccup.h", "atomic.h", "panic.h", "wide.h"}


def python_imports(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module


def cython_imports(text):
    plain = re.sub(r'""".*?"""', "", text, flags=re.S)
    for a, b in CYTHON.findall(plain):
        yield a or b


def breaches(path, text):
    """Return the imports of one file that the law forbids."""
    folder = path.parts[0]
    names = python_imports(text) if path.suffix == ".py" else cython_imports(text)
    out = []
    for name in names:
        top = name.split(".")[0]
        if top in OURS and top not in MAY[folder]:
            out.append(f"{path}: {folder} imports {name}")
        parts = name.split(".")
        if folder == "venues" and top == "venues" and len(parts) > 1 and parts[1] != path.parts[1]:
            out.append(f"{path}: venue {path.parts[1]} imports venue {parts[1]}")
    return out


def sources(*suffixes):
    for folder in OURS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes:
                yield path.relative_to(ROOT)


def test_every_import_and_cimport_points_down():
    found = []
    for path in sources(".py", ".pyx", ".pxd"):
        found += breaches(path, (ROOT / path).read_text())
    assert not found, "\n".join(found)


def test_every_include_points_down():
    found = []
    for path in sources(".h", ".c", ".cpp", ".hpp", ".pyx", ".pxd"):
        for a, b in INCLUDE.findall((ROOT / path).read_text()):
            name = a or b
            top = name.split("/")[0]
            if top in OURS and top not in MAY[path.parts[0]]:
                found.append(f"{path}: includes {name}")
            if (
                path.parts[0] == "tuning"
                and (ROOT / "hotpath" / "abi" / name).exists()
                and name not in TUNING_MAY_INCLUDE
            ):
                found.append(
                    f"{path}: tuning may include only {sorted(TUNING_MAY_INCLUDE)}, not {name}"
                )
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("hotpath/lane/x.py", "from runtime import pages"),
        ("hotpath/book/x.pyx", "from venues.binance cimport y"),
        ("tuning/x.py", "import hotpath.abi"),
        ("venues/okx/x.py", "from venues.binance import codec"),
        ("strategies/x.py", "import runtime.supervise.state"),
        ("runtime/x.py", "from ops import cli"),
    ],
)
def test_the_law_catches_a_planted_breach(where, line):
    assert breaches(Path(where), line)
