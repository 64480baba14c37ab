"""The C units of tuning._host compile without a warning at the flags for hand-written C."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tuning").rglob("*.c")
               if path.name != "_host.c" and path.parent.name in ("jitter", "time"))  # fmt: skip
FLAGS = (
    "-std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Wstrict-prototypes -Wconversion -Wshadow "
    "-Wpedantic"
)


def test_all_units_are_looked_at():
    assert UNITS == ["tuning/jitter/spin.c", "tuning/jitter/wake.c", "tuning/time/clocks.c"]


@pytest.mark.parametrize("unit", UNITS)
def test_unit_has_no_warning(unit):
    command = ["gcc", *FLAGS.split(), "-Werror", "-I.", "-Ihotpath/abi", "-fsyntax-only", unit]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
