"""Build a second tree with AddressSanitizer and UBSan and run the native tests in it.

Owns:    build/sanitize (a copy of the sources, so that the release objects stay where they are).
Refuses: tests that start processes or need the network: those run in the release tree.

The interpreter is not instrumented, so the sanitizer's library is preloaded and leaks are not
counted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TREE = ROOT / "build" / "sanitize"
FOLDERS = (
    *("hotpath", "venues", "strategies", "runtime", "tests", "tuning", "ops", "benchmarks"),
    "build/cython",  # the C that Cython made for the release: not made again
)
SUFFIXES = {
    ".py",
    ".pyx",
    ".pxd",
    ".pyi",
    ".h",
    ".hpp",
    ".c",
    ".cpp",
    ".toml",
    ".txt",
    ".jsonl",
    ".md",
}
NATIVE_TESTS = (
    *("abi", "steps", "lane", "book", "decode", "usdm", "venues"),
    # Rings, torn tails and re-runs; the rest of tests/journal is Python over the same readers.
    *(f"journal/test_{name}.py" for name in ("journal_tailer", "recording", "rerun")),
    "journal/test_archive_faults.py::test_torn_tails_lose_nothing_that_was_whole_and_give_nothing"
    "_that_was_not",
)
NOT_OURS = (
    "tests/steps/test_mutants.py",  # compiles what it runs by itself
    "tests/venues/test_template.py",  # the same, without a sanitizer
    "tests/lane/test_governed_live.py",  # starts a deployment
)


def sync() -> None:
    """Copy what changed; remove what is gone, so that no stale source is compiled."""
    wanted = {path for name in ("setup.py", "pyproject.toml") for path in [ROOT / name]}
    for folder in FOLDERS:
        wanted |= {
            p
            for p in (ROOT / folder).rglob("*")
            if p.suffix in SUFFIXES and "__pycache__" not in p.parts
        }
    there = {TREE / path.relative_to(ROOT): path for path in wanted}
    for target, source in there.items():
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    for folder in FOLDERS:
        for path in (TREE / folder).rglob("*"):
            if path.suffix in SUFFIXES and path not in there:
                path.unlink()


def library(name: str) -> str:
    """Return the path of one of the compiler's runtime libraries."""
    return subprocess.run(
        ["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True
    ).stdout.strip()


def main() -> int:
    began = time.monotonic()
    sync()
    environment = {**os.environ, "HOTPATH_BUILD": "sanitize", "PYTHONPATH": str(TREE)}
    jobs = str(min(os.cpu_count() or 1, 8))
    done = subprocess.run(
        [sys.executable, "setup.py", "build_ext", "--inplace", "--parallel", jobs],
        cwd=TREE,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        print(done.stdout + done.stderr)
        return 1
    built = time.monotonic() - began
    tests = [f"tests/{name}" for name in NATIVE_TESTS]
    environment |= {
        "LD_PRELOAD": f"{library('libasan.so')} {library('libubsan.so')}",
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:handle_segv=1:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        "PYTHONMALLOC": "malloc",
        "CORELANE_DATA": os.environ.get("CORELANE_DATA", str(ROOT.parent / "shared" / "data")),
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:benchmark",
        "-o",
        "addopts=-ra --strict-markers",
        "-n",
        jobs,
        "--dist",
        "loadfile",
        *(f"--ignore={name}" for name in NOT_OURS),
        *tests,
        *sys.argv[1:],
    ]
    code = subprocess.run(command, cwd=TREE, env=environment).returncode
    print(
        f"sanitize: build {built:.0f} s, "
        f"tests {time.monotonic() - began - built:.0f} s, exit {code}"
    )
    return code


if __name__ == "__main__":
    sys.exit(main())
