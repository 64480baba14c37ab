"""One planted bug at a time, in a process of its own: the measure of the simulator.

    python -m tests.simulation.planted NAME [--seeds N] [--first N] [--story]

Owns:    the catalogue (bugs.toml), the copy of the headers in which each C bug is a branch that
         a number switches on, putting a Python bug into a module as it is imported.
Refuses: touching the product: its sources and its build have none of this.

A C bug replaces a piece of text in a header.  All of them are compiled into one set of modules
under build/canary, whose switch is the environment's CORELANE_CANARY; 0 is the honest code.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.machinery
import importlib.util
import os
import shlex
import subprocess
import sys
import sysconfig
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "canary"
CATALOGUE = Path(__file__).with_name("bugs.toml")
SWITCH = "CORELANE_CANARY"
MODULES = (  # whose code is made of the headers, in this process
    "hotpath.lane.lane",
    "hotpath.lane.manual",
    "hotpath.lane.strategy",
    "venues.binance.usdm.codec",
)
PRELUDE = f"""
#include <stdlib.h>
static inline int hp_planted(int number)
{{
    static int chosen = -1;
    if (chosen < 0) {{
        const char *text = getenv("{SWITCH}");
        chosen = text == NULL ? 0 : atoi(text);
    }}
    return chosen == number;
}}
"""


@dataclass(frozen=True)
class Bug:
    """What stands in the catalogue."""

    number: int
    name: str
    says: str  # in a sentence
    file: str
    was: str
    becomes: str
    seed: int = -1  # that catches it; -1 = not known

    @property
    def is_compiled(self) -> bool:
        return self.file.endswith(".h")


def catalogue() -> list[Bug]:
    found = tomllib.loads(CATALOGUE.read_text())["bug"]
    return [Bug(number, **one) for number, one in enumerate(found, 1)]


def replaced(text: str, bug: Bug, becomes: str) -> str:
    if text.count(bug.was) != 1:
        raise ValueError(
            f"bug {bug.name}: {bug.file} has its text {text.count(bug.was)} times, want once;"
            " the code has moved: look at bugs.toml"
        )
    return text.replace(bug.was, becomes)


def switched(bug: Bug) -> str:
    """Return C text that is what it was, unless the bug is switched on."""
    was, becomes = bug.was.strip("\n"), bug.becomes.strip("\n")
    if was.rstrip().endswith((";", "}")):
        return f"if (hp_planted({bug.number})) {{ {becomes} }} else {{ {was} }}"
    return f"(hp_planted({bug.number}) ? ({becomes}) : ({was}))"


# -- the build -------------------------------------------------------------------------------------


def build(bugs: list[Bug]) -> None:
    """Compile the modules with every C bug in them, if anything has changed."""
    texts: dict[str, str] = {
        str(path.relative_to(ROOT)): path.read_text()
        for top in ("hotpath", "venues")
        for path in (ROOT / top).rglob("*.h")
    }
    for bug in bugs:
        if bug.is_compiled:
            texts[bug.file] = replaced(texts[bug.file], bug, switched(bug))
    changed = False
    for name, text in {**texts, "planted.h": PRELUDE}.items():
        path = BUILD / name
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            changed = True
    stale = [m for m in MODULES if changed or not is_fresh(m)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(compile_module, stale))


def source_of(module: str) -> Path:
    return ROOT / "build" / "cython" / (module.replace(".", "/") + ".c")


def shared(module: str) -> Path:
    return BUILD / f"{module}.so"


def is_fresh(module: str) -> bool:
    path = shared(module)
    return path.exists() and path.stat().st_mtime > source_of(module).stat().st_mtime


def compile_module(module: str) -> None:
    include = [BUILD / "hotpath" / "abi", BUILD, Path(sysconfig.get_paths()["include"])]
    subprocess.run(
        [
            *shlex.split(os.environ.get("CC", "gcc")),
            *("-w", "-O1", "-std=gnu11", "-D_GNU_SOURCE", "-fPIC", "-shared", "-fwrapv"),
            *("-march=x86-64-v2", "-fno-strict-aliasing", "-include", str(BUILD / "planted.h")),
            *(f"-I{one}" for one in include),
            str(source_of(module)),
            "-o",
            str(shared(module)),
        ],
        check=True,
    )


# -- one process -----------------------------------------------------------------------------------


class Planter(importlib.abc.MetaPathFinder):
    """Finds the compiled modules of the canary build, and the Python module with the bug in it."""

    def __init__(self, bug: Bug | None) -> None:
        self.python = None if bug is None or bug.is_compiled else bug

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if self.python is None and name in MODULES:
            loader = importlib.machinery.ExtensionFileLoader(name, str(shared(name)))
            return importlib.util.spec_from_loader(name, loader, origin=str(shared(name)))
        if self.python is not None and self.python.file == name.replace(".", "/") + ".py":
            file = ROOT / self.python.file
            return importlib.util.spec_from_loader(
                name, Patched(name, str(file), self.python), origin=str(file)
            )
        return None


class Patched(importlib.machinery.SourceFileLoader):
    """Loads a module with one piece of its text replaced."""

    def __init__(self, name: str, path: str, bug: Bug) -> None:
        super().__init__(name, path)
        self.bug = bug

    def get_code(self, fullname: str) -> Any:
        text = replaced(Path(self.path).read_text(), self.bug, self.bug.becomes)
        return compile(text, self.path, "exec")


def plant(bug: Bug | None) -> None:
    """Make this process run with a bug (None: the canary build without one)."""
    loaded = [name for name in MODULES if name in sys.modules]
    if loaded:
        raise RuntimeError(f"{', '.join(loaded)} loaded already; a bug is planted first of all")
    os.environ[SWITCH] = str(bug.number if bug is not None and bug.is_compiled else 0)
    sys.meta_path.insert(0, Planter(bug))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.planted")
    parser.add_argument("name", help="of bugs.toml, or `none`")
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--story", action="store_true")
    asked = parser.parse_args()
    bugs = catalogue()
    bug = next((one for one in bugs if one.name == asked.name), None)
    if bug is None and asked.name != "none":
        parser.error(f"no bug {asked.name}; there are {', '.join(one.name for one in bugs)}")
    if bug is None or bug.is_compiled:
        build(bugs)
    plant(bug)
    from tests.simulation.world import live

    for seed in range(asked.first, asked.first + asked.seeds):
        print(seed, flush=True)  # a process that a bug takes down has said where
        outcome = live(seed, tells=asked.story)
        if asked.story:
            print("\n".join(outcome.story))
        if outcome.broken:
            print(outcome.broken, flush=True)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
