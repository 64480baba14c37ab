"""Compile a benchmark's extension with the product's own flags, in place.

Owns:    what is compiled only to be compared with; none of it belongs to the product.
Refuses: measuring.

    python -m benchmarks.build benchmarks.decode.contest benchmarks/decode/simdjson_job.cpp
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def build(module: str, *units: str) -> None:
    """Build `module` from its .pyx and further units, unless it is newer than its sources."""
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    recipe = importlib.import_module("setup")
    recipe.MODULES[module] = list(units)
    cython = importlib.import_module("Cython.Build")
    setuptools = importlib.import_module("setuptools")
    setuptools.setup(
        name="corelane-benchmarks",
        ext_modules=cython.cythonize(
            [recipe.extension(module)],
            compiler_directives=recipe.DIRECTIVES,
            build_dir="build/cython",
            quiet=True,
        ),
        script_args=["--quiet", "build_ext", "--inplace"],
        packages=[],
        py_modules=[],
    )


if __name__ == "__main__":
    build(*sys.argv[1:])
