"""Prepare a machine and a virtual environment, so that `make build` has what it compiles with.

Owns:    the list of system packages, the .venv, the tools that only tests need (build/tools).
Refuses: changing anything else on the machine.  Without root it prints the one line to run.  Test
         tools are unpacked, never installed: an installed chrony would start, replace the machine's
         own time daemon and steer its clock.

Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APT = ["gcc", "g++", "make", "python3-dev", "python3-venv"]
# Tool -> package; unpacked into TOOLS by `make test`, where the tests look for them; valgrind by
# `make bench-check`, too.
TEST_APT = {
    "chronyc": "chrony",
    "chronyd": "chrony",
    "ip": "iproute2",
    "pmc": "linuxptp",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "ptp4l": "linuxptp",
    "valgrind": "valgrind",
}
TOOLS = ROOT / "build" / "tools"


def missing(python: str) -> list[str]:
    """Name what is not here: tools by trying them, headers by asking the interpreter."""
    out = [tool for tool in ("gcc", "g++", "make") if shutil.which(tool) is None]
    probe = (
        "import sysconfig, os, venv, ensurepip; "
        "print(os.path.exists(os.path.join(sysconfig.get_paths()['include'], 'Python.h')))"
    )
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
    subprocess.run(
        ["apt-get", "install", "-y", "-q", "--no-install-recommends", *APT],
        check=True,
        env=environment,
    )
    still = missing(python)
    if still:
        print(f"prepare: {', '.join(still)} still missing for {python}", file=sys.stderr)
        raise SystemExit(2)


def succeeds(command: list[str]) -> bool:
    """Run a command without its noise."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    return done.returncode == 0


def missing_tools(wanted: Iterable[str]) -> list[str]:
    """Name the tools among `wanted` that are neither on the machine nor unpacked."""
    folders = [str(TOOLS / one) for one in ("usr/sbin", "usr/bin", "sbin", "bin")]
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", *folders])
    return [tool for tool in wanted if shutil.which(tool, path=path) is None]


def unpack_tools(wanted: Iterable[str] = TEST_APT) -> None:
    """Download what the tests lack and unpack it under build/; without it they are skipped."""
    lacking = missing_tools(wanted)
    if not lacking:
        return
    packages = sorted({TEST_APT[tool] for tool in lacking})
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(
            f"prepare: {', '.join(lacking)} missing: tests that need them are skipped "
            f"(Debian packages: {' '.join(packages)})",
            file=sys.stderr,
        )
        return
    print(f"prepare: unpacking {', '.join(packages)} into {TOOLS.relative_to(ROOT)} for the tests")
    archives = TOOLS / "archives"
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    get = [
        "apt-get",
        "install",
        "-y",
        "-qq",
        "--download-only",
        "--no-install-recommends",
        "-o",
        f"Dir::Cache::archives={archives}",
        "-o",
        "APT::Sandbox::User=root",
        *packages,
    ]
    if not succeeds(get):  # no package lists yet, or old ones
        succeeds(["apt-get", "update", "-qq"])
        succeeds(get)
    for archive in sorted(archives.glob("*.deb")):
        succeeds(["dpkg", "-x", str(archive), str(TOOLS)])
    still = missing_tools(wanted)
    if still:
        print(
            f"prepare: {', '.join(still)} still missing: their tests are skipped", file=sys.stderr
        )


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
        [
            str(venv / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            *sorted(set(wanted)),
        ],
        check=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--tests", action="store_true", help="only fetch the tools that tests need")
    parser.add_argument("--tool", choices=sorted(TEST_APT), help="only fetch this one of them")
    arguments = parser.parse_args()
    if arguments.tests or arguments.tool:
        unpack_tools([arguments.tool] if arguments.tool else TEST_APT)
        return 0
    if not arguments.python:
        print(
            "prepare: no CPython 3.11 to 3.13 found on PATH; install one of them", file=sys.stderr
        )
        return 2
    install(arguments.python)
    make_venv(arguments.venv, arguments.python)
    return 0


if __name__ == "__main__":
    sys.exit(main())
