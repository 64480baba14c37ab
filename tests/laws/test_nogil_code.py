"""Nothing asserts or raises inside noexcept nogil code.

It would print a line, return 0 and go on.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SIGNATURE = re.compile(r"^(\s*)(?:cdef|cpdef)\b[^=\n]*\([^\n]*\)\s*noexcept(?:\s+nogil)?\s*:")
BAD = re.compile(r"^\s*(?:assert|raise)\b")


def offences(text):
    """Return line numbers of assert/raise inside noexcept functions.

    In a try block they are caught.
    """
    out, inside, indent, tries = [], False, 0, []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.strip().startswith("#"):
            continue
        here = len(line) - len(line.lstrip())
        match = SIGNATURE.match(line)
        if match:
            inside, indent, tries = True, len(match.group(1)), []
            continue
        if inside and here <= indent:
            inside = False
        if not inside:
            continue
        tries = [level for level in tries if here > level]
        if line.strip() == "try:":
            tries.append(here)
        elif BAD.match(line) and not tries:
            out.append(number)
    return out


def hot_sources():
    for folder in ("hotpath", "venues", "strategies"):
        yield from sorted((ROOT / folder).rglob("*.pyx"))


def test_no_noexcept_function_asserts_or_raises():
    found = [
        f"{path.relative_to(ROOT)}:{n}"
        for path in hot_sources()
        for n in offences(path.read_text())
    ]
    assert not found, "use HP_ASSERT or a status: " + ", ".join(found)


@pytest.mark.parametrize("line", ["assert x > 0", "raise ValueError(x)"])
def test_the_lint_catches_a_planted_offence(line):
    assert offences(f"cdef int f(int x) noexcept nogil:\n    {line}\n    return 1\n") == [2]


def test_the_build_fails_on_performance_hints(tmp_path):
    """A nogil function without noexcept compiles, takes the GIL at each call, and only hints."""
    import subprocess
    import sys

    from ops.build import HINT

    folder = tmp_path / "hotpath"
    folder.mkdir()
    (folder / "slow.pyx").write_text(
        "cdef void f() nogil:\n    pass\n\ndef g():\n    with nogil:\n        f()\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "cython", "-3", "hotpath/slow.pyx"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert HINT.findall(done.stdout + done.stderr)


def test_the_last_build_had_no_performance_hint():
    from ops.build import HINT

    log = ROOT / "build" / "build.log"
    assert not HINT.findall(log.read_text() if log.exists() else "")
