"""Compile in place and install the command; fail on what Cython only hints at.

A performance hint in hotpath/ or venues/ means that a call takes the GIL: Cython prints it and goes
on, -Werror does not see it, so the build's output is read here.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HINT = re.compile(r"performance hint: (?:hotpath|venues)/\S+.*")


def run(command: list[str], **environment: str) -> tuple[int, str]:
    """Run a command in the root and return its exit code and all that it printed."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


def main() -> int:
    jobs = str(min(os.cpu_count() or 1, 8))
    code, output = run([sys.executable, "setup.py", "build_ext", "--inplace", "--parallel", jobs])
    log = ROOT / "build" / "build.log"
    log.parent.mkdir(exist_ok=True)
    log.write_text(output)
    hints = HINT.findall(output)
    warnings = [
        line
        for line in output.splitlines()
        if re.search(r"\bwarning: ", line) and "simdjson" not in line
    ]
    if code or hints or warnings:
        print(output if code else "\n".join(hints + warnings))
        print(
            f"build: failed ({len(hints)} performance hints, {len(warnings)} warnings, "
            f"exit {code}); all of it: {log}"
        )
        return 1
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-build-isolation",
        "-e",
        ".",
    ]
    # pip would compile all of it once more, one after the other, and throw the objects away.
    code, output = run(pip, HOTPATH_BUILD="none")
    if code:
        print(output)
    return code


if __name__ == "__main__":
    sys.exit(main())
