"""Prepare a machine and a virtual environment, so that `make build` has what it compiles with.

Owns:    the list of system packages, the .venv.
Refuses: changing anything else on the machine.  Without root it prints the one line to run.

Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APT = ["gcc", "g++", "make", "python3-dev", "python3-venv"]


def missing(python: str) -> list[str]:
    """Name what is not here: tools by trying them, headers by asking the interpreter."""
    out = [tool for tool in ("gcc", "g++", "make") if shutil.which(tool) is None]
    probe = "import sysconfig, os, venv, ensurepip; print(os.path.exists(os.path.join(sysconfig.get_paths()['include'], 'Python.h')))"
    answer = subprocess.run([python, "-c", probe], capture_output=True, text=True)
    if answer.returncode:
        out.append("python3-venv")
    elif answer.stdout.strip() != "True":
        out.append("python3-dev")
    return out


def install(python: str) -> None:
    """Install system packages when root and something is missing; say the line otherwise."""
    lacking = missing(python)
    if not lacking:
        return
    line = f"apt-get update && apt-get install -y --no-install-recommends {' '.join(APT)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"prepare: {', '.join(lacking)} missing; run as root: {line}", file=sys.stderr)
        raise SystemExit(2)
    print(f"prepare: {', '.join(lacking)} missing; {line}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-q"], check=True, env=environment)
    subprocess.run(["apt-get", "install", "-y", "-q", "--no-install-recommends", *APT], check=True, env=environment)
    still = missing(python)
    if still:
        print(f"prepare: {', '.join(still)} still missing for {python}", file=sys.stderr)
        raise SystemExit(2)


def make_venv(venv: Path, python: str) -> None:
    """Create the environment and install the pins of pyproject.toml."""
    if not (venv / "bin" / "python").exists():
        subprocess.run([python, "-m", "venv", str(venv)], check=True)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["dev"],
    ]
    subprocess.run(
        [str(venv / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", *sorted(set(wanted))],
        check=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv")
    parser.add_argument("--python", default=sys.executable)
    arguments = parser.parse_args()
    if not arguments.python:
        print("prepare: no CPython 3.11 to 3.13 found on PATH; install one of them", file=sys.stderr)
        return 2
    install(arguments.python)
    make_venv(arguments.venv, arguments.python)
    return 0


if __name__ == "__main__":
    sys.exit(main())
