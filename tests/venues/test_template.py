"""The template: under a new name it compiles and passes the matrix, and its table is true."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.venues import matrix
from tests.venues.new_venue import copied, renamed

ROOT = Path(__file__).resolve().parents[2]
NAME = "newvenue"
BUILD = f"""
import sys
from Cython.Build import cythonize
from setuptools import Extension, setup
from setup import BASE, C, DIRECTIVES
here = sys.argv.pop(1)
extension = Extension(
    "{NAME}.codec", [here + "/{NAME}/codec.pyx"], include_dirs=["hotpath/abi", ".", here],
    extra_compile_args=[*BASE, *C, "-O1", "-Werror"])
setup(name="{NAME}", packages=[], script_args=["build_ext", "--build-lib", here, "--build-temp",
      here + "/temp"],
      ext_modules=cythonize([extension], compiler_directives=DIRECTIVES, include_path=["."],
                            build_dir=here + "/cython", quiet=True))
"""


@pytest.fixture(scope="module")
def new_venue(tmp_path_factory) -> Path:
    """Copy the template under a new name and build it there."""
    here = tmp_path_factory.mktemp("venue")
    copied(NAME, here / NAME, NAME)
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(here)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "performance hint" not in done.stdout + done.stderr
    return here


def test_copied_template_passes_the_acceptance_matrix(new_venue):
    """Run it as its author would: -k NAME.  It is not recognised in captures before step 5."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(new_venue), os.environ.get("PYTHONPATH", "")]),
        "CORELANE_TEMPLATE": NAME,
        "CORELANE_VENUE_TABLES": "tests.venues.template_table",
    }
    accept = sorted((ROOT / "tests" / "venues").glob("test_accept_*.py"))
    files = [str(path) for path in accept if "captures" not in path.name]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files, "-k", "template"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(done.stdout.split(" passed")[0].split()[-1]) > 50


def test_templates_table_of_properties_is_that_of_the_tests():
    readme = matrix.README.read_text()
    assert readme == matrix.written(readme), "run: python -m tests.venues.matrix --write"


def test_build_order_names_files_and_tests_that_are_there():
    order = matrix.README.read_text().partition("## Acceptance")[0]
    for name in (
        "test_accept_frames",
        "test_accept_sequence",
        "test_accept_captures",
        "test_accept_recordings",
        "test_accept_readers",
    ):
        assert name in order
        assert (ROOT / "tests" / "venues" / f"{name}.py").exists()
    for path in (
        "hotpath/book/rules.h",
        "runtime/replay/head.py",
        "tests/fuzz/targets.c",
        "venues/binance/usdm/orders.h",
        "tests/book/naive.py",
    ):
        assert path in order
        assert (ROOT / path).exists()


def test_new_venues_texts_name_the_template_no_more():
    for path in (ROOT / "venues" / "_template").iterdir():
        if path.suffix in (".h", ".pyx", ".py", ".toml"):
            assert "emplate" not in renamed(path.read_text(), NAME, f"venues.{NAME}").lower()
