"""The headers by themselves: strict warnings, and random events under sanitizers."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INCLUDES = [f"-I{ROOT}/hotpath/abi", f"-I{ROOT}", "-D_GNU_SOURCE", "-std=c11"]
STRICT = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Werror"]
EVENTS = os.environ.get("CORELANE_FUZZ_BOOK_EVENTS", "4000")
HEADERS = sorted(path.name for path in (ROOT / "hotpath" / "book").glob("*.h"))


@pytest.mark.parametrize("header", HEADERS)
def test_header_compiles_alone_with_strict_warnings(header):
    unit = f'#include "hotpath/book/{header}"\n'
    flags = ["-fsyntax-only", *STRICT, "-Wno-unused-function", "-DHP_DEBUG=1"]
    command = ["gcc", "-x", "c", *flags, *INCLUDES, "-"]
    done = subprocess.run(command, input=unit, text=True, capture_output=True)
    assert done.stderr == ""
    assert done.returncode == 0


@pytest.fixture(scope="session")
def fuzz_book(tmp_path_factory):
    """Compile the driver with sanitizers and debug assertions."""
    program = tmp_path_factory.mktemp("book") / "fuzz_book"
    source = Path(__file__).with_name("fuzz_book.c")
    sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-wrapv"]
    flags = ["-O1", "-g", "-DHP_DEBUG=1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function"]
    command = ["gcc", *INCLUDES, *flags, *sanitize, "-o", str(program), str(source)]
    subprocess.run(command, check=True)
    return program


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("window_log2", "overflow_log2"), [(8, 3), (8, 13), (12, 6)])
def test_book_equals_arrays_under_sanitizers(fuzz_book, seed, window_log2, overflow_log2):
    command = [str(fuzz_book), str(seed), EVENTS, str(window_log2), str(overflow_log2)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert " moves" in done.stdout
