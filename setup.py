"""Native build.  Metadata lives in pyproject.toml; this file only compiles.

HOTPATH_BUILD = release | debug | sanitize | coverage | none (metadata alone)
HOTPATH_MARCH = x86-64-v2 | native | ...
"""

import os
import platform
import sys
from pathlib import Path

import simdjson  # the package ships the C++ library's single source file
from Cython.Build import cythonize
from setuptools import Extension, setup

if sys.platform != "linux" or platform.machine() != "x86_64":
    raise SystemExit(
        f"corelane builds on x86-64 Linux only, this is {sys.platform}/{platform.machine()}"
    )
if sys.implementation.name != "cpython" or not (3, 11) <= sys.version_info[:2] <= (3, 13):
    raise SystemExit(
        "corelane needs CPython 3.11 to 3.13, "
        f"this is {sys.implementation.name} {sys.version.split()[0]}"
    )

ROOT = Path(__file__).parent
BUILD = os.environ.get("HOTPATH_BUILD", "release")
MARCH = os.environ.get("HOTPATH_MARCH", "x86-64-v2")
SIMDJSON = os.path.dirname(simdjson.__file__)

# One line per extension, sorted: module -> further C or C++ units.
MODULES: dict[str, list[str]] = {
    "hotpath.abi.probe": [],
    "hotpath.book.arbiter": [],
    "hotpath.book.book": [],
    "hotpath.book.view": [],
    "hotpath.decode.json": ["hotpath/decode/general.cpp"],
    "hotpath.decode.market": [],
    "hotpath.decode.trial": [],
    "hotpath.journal.tail": [],
    "hotpath.journal.trial": [],
    "hotpath.lane.lane": [],
    "hotpath.lane.live": [],
    "hotpath.lane.manual": [],
    "hotpath.lane.paper": [],
    "hotpath.lane.replay": [],
    "hotpath.lane.rerun": [],
    "hotpath.lane.strategy": [],
    "strategies.demo.imbalance_native": [],
    "venues.binance.coinm.codec": [],
    "venues.binance.spot.codec": [],
    "venues.binance.usdm.codec": [],
    "venues.bybit.codec": [],
    "venues.hyperliquid.codec": [],
    "venues.okx.codec": [],
}

C = ["-std=c11", "-Wstrict-prototypes"]
CXX = ["-std=c++17", "-fno-exceptions", "-fno-rtti", "-DSIMDJSON_EXCEPTIONS=0", f"-I{SIMDJSON}"]
BASE = [
    "-D_GNU_SOURCE",
    "-Wall",
    "-Wextra",
    "-fvisibility=hidden",
    "-fno-omit-frame-pointer",
    "-g1",  # lines and names; where each variable lives costs a third of the compiler's time
    "-fno-strict-aliasing",
    f"-ffile-prefix-map={ROOT}=.",
    f"-march={MARCH}",
]
FLAGS = {
    "release": (["-O2", "-fno-plt", "-fno-semantic-interposition"], []),
    "debug": (["-O1", "-DHP_DEBUG=1"], []),
    "sanitize": (
        [
            "-Og",  # half of the compiler's time at -O1
            "-DHP_DEBUG=1",
            "-fsanitize=address,undefined",
            "-fno-sanitize-recover=undefined",
            "-fno-wrapv",
        ],
        ["-fsanitize=address,undefined"],
    ),
    "coverage": (["-O0", "--coverage", "-DCYTHON_TRACE_NOGIL=1"], ["--coverage"]),
}
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "initializedcheck": False,
    "cdivision": True,
    "binding": True,
    "embedsignature": True,
    "auto_pickle": False,
}
HEADERS = sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("[hv]*/**/*.h*"))


def extension(name: str) -> Extension:
    cflags, ldflags = FLAGS[BUILD]
    units = MODULES[name]
    language = "c++" if any(unit.endswith(".cpp") for unit in units) else "c"
    return Extension(
        name,
        [name.replace(".", "/") + ".pyx", *units],
        include_dirs=["hotpath/abi", "."],
        depends=HEADERS,
        language=language,
        extra_compile_args=[*BASE, *(CXX if language == "c++" else C), *cflags],
        extra_link_args=ldflags,
    )


if __name__ == "__main__" and BUILD == "none":  # the command and metadata: what is compiled stays
    setup()
elif __name__ == "__main__":
    setup(
        ext_modules=cythonize(
            [extension(name) for name in MODULES],
            compiler_directives=DIRECTIVES,
            build_dir="build/cython",
            nthreads=min(os.cpu_count() or 1, 8),
        ),
        cffi_modules=[
            "runtime/_shm_build.py:ffibuilder",
            "tuning/_calls_build.py:ffibuilder",
            "tuning/_host_build.py:ffibuilder",
        ],
    )
