"""Orders, positions and money of a lane under sanitizers, beside a plain venue."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SEQUENCES = int(os.environ.get("CORELANE_ORDERS", "6000"))
SEEDS = int(os.environ.get("CORELANE_ORDERS_SEEDS", "2"))
INCLUDES = [f"-I{ROOT}/hotpath/abi", f"-I{ROOT}", "-D_GNU_SOURCE", "-std=c11", "-march=x86-64-v2"]
STRICT = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Werror"]


@pytest.mark.parametrize("header", ["risk/reservation.h", "lane/hold.h", "order/state.h"])
@pytest.mark.parametrize("debug", [0, 1])
def test_header_compiles_alone_with_strict_warnings(header, debug):
    unit = f'#include "hotpath/{header}"\n'
    flags = ["-fsyntax-only", *STRICT, "-Wno-unused-function", f"-DHP_DEBUG={debug}"]
    command = ["gcc", "-x", "c", *flags, *INCLUDES, "-"]
    done = subprocess.run(command, input=unit, text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="session")
def fuzz_orders(tmp_path_factory):
    """Compile the driver with sanitizers and debug assertions."""
    program = tmp_path_factory.mktemp("orders") / "fuzz_orders"
    source = Path(__file__).with_name("fuzz_orders.c")
    sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-wrapv"]
    flags = ["-O1", "-g", "-DHP_DEBUG=1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function"]
    command = ["gcc", *INCLUDES, *flags, *sanitize, "-o", str(program), str(source)]
    subprocess.run(command, check=True)
    return program


@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
def test_every_figure_is_the_venues_after_each_sequence(fuzz_orders, seed):
    """`make orders N=10000000` runs the driver for longer."""
    command = [str(fuzz_orders), str(seed), str(SEQUENCES // SEEDS)]
    done = subprocess.run(command, capture_output=True, text=True)
    print(done.stdout, end="")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
