"""The contest of decoders is C++: the lane's headers must be readable as that, too."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("header", ["lane/inputs.h", "lane/leased.h", "lane/replay.h"])
def test_header_is_readable_as_cpp(header):
    done = subprocess.run(
        ["g++", "-fsyntax-only", "-w", "-std=c++20", "-march=x86-64-v2", "-x", "c++",
         "-I.", "-Ihotpath/abi", "-"],
        input=f'extern "C" {{\n#include "hotpath/{header}"\n}}\n',
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[:2000]
