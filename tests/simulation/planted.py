"""One planted bug at a time in a process of its own: the measure of the simulator.

    python -m tests.simulation.planted NAME [--seeds N] [--first N] [--story]

Owns:    the catalogue (bugs.toml), the copy of the headers in which each C bug is a branch that
         a number switches on, putting a Python bug into functions that are loaded already.
Refuses: touching the product: its sources and its build have none of this.

A C bug replaces a piece of text in a header.  All of them are compiled into one set of modules
under build/canary, which share one word with this process: the number of the bug that is switched
on, 0 = the honest code.  Beside it they note which bugs would have made a difference so far: a
story in which a bug never would have is the same story with it, and need not be lived.
"""

from __future__ import annotations

import argparse
import ctypes
import functools
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "canary"
CATALOGUE = Path(__file__).with_name("bugs.toml")
SWITCH = "CORELANE_CANARY"
MODULES = (  # whose code is made of the headers, in this process
    "hotpath.lane.lane",
    "hotpath.lane.manual",
    "hotpath.lane.rerun",  # else a journal run again would tell of each of them
    "hotpath.lane.strategy",
    "venues.binance.usdm.codec",
)
BUGS_MAX = 256
PRELUDE = f"""
#include <stdint.h>
#include <stdlib.h>
struct hp_canary {{ int32_t chosen; uint8_t seen[{BUGS_MAX}]; }};
static inline int hp_planted(int number, int differs)
{{
    static struct hp_canary *canary;
    if (canary == NULL) canary = (struct hp_canary *)strtoull(getenv("{SWITCH}"), NULL, 10);
    if (differs) canary->seen[number] = 1;
    return canary->chosen == number;
}}
"""
# What must not be evaluated twice: such a bug counts as making a difference wherever it is met.
EFFECTS = re.compile(
    r"\+\+|--|[^=!<>]=[^=]|hp_fills_take|hp_book_check_stale|hp_gate_self_trade"
)


class Canary(ctypes.Structure):
    """The word that the compiled modules look at."""

    _fields_ = (("chosen", ctypes.c_int32), ("seen", ctypes.c_uint8 * BUGS_MAX))


CANARY = Canary()


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
    if bug.was not in text:
        raise ValueError(
            f"bug {bug.name}: {bug.file} has not its text; the code has moved: look at bugs.toml"
        )
    return text.replace(bug.was, becomes)  # in every copy that a bug around it has made


def switched(bug: Bug) -> str:
    """Return C text that is what it was, unless the bug is switched on."""
    was, becomes, n = bug.was.strip("\n"), bug.becomes.strip("\n"), bug.number
    if was.rstrip().endswith((";", "}")):
        return f"if (hp_planted({n}, 1)) {{ {becomes} }} else {{ {was} }}"
    differs = "1" if EFFECTS.search(was + becomes) else f"({was}) != ({becomes})"
    return f"(hp_planted({n}, {differs}) ? ({becomes}) : ({was}))"


# -- the build -------------------------------------------------------------------------------------


def build(bugs: list[Bug]) -> None:
    """Compile the modules with every C bug in them, if anything has changed."""
    changed = write_headers(bugs)
    stale = [m for m in MODULES if changed or not is_fresh(m)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(compile_module, stale))


def write_headers(bugs: list[Bug]) -> bool:
    """Write the headers with every C bug in them; say whether one is another than before."""
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
            for module in MODULES if not changed else ():  # one that is cut short is begun anew
                shared(module).unlink(missing_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            changed = True
    return changed


def source_of(module: str) -> Path:
    return ROOT / "build" / "cython" / (module.replace(".", "/") + ".c")


def shared(module: str) -> Path:
    return BUILD / f"{module}.so"


def is_fresh(module: str) -> bool:
    path = shared(module)
    return path.exists() and path.stat().st_mtime > source_of(module).stat().st_mtime


def compile_module(module: str, *more: str) -> None:
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
            *more,
        ],
        check=True,
    )


# -- one process -----------------------------------------------------------------------------------


class Planter(importlib.abc.MetaPathFinder):
    """Finds the compiled modules of the canary build."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name not in MODULES:
            return None
        loader = importlib.machinery.ExtensionFileLoader(name, str(shared(name)))
        return importlib.util.spec_from_loader(name, loader, origin=str(shared(name)))


@functools.cache
def source(file: str) -> str:
    """Return a text as it was when this process began: it may be edited meanwhile."""
    return (ROOT / file).read_text()


def prepare(bugs: list[Bug]) -> None:
    """Make this process use the canary build, honest as yet."""
    for bug in bugs:
        source(bug.file)
    loaded = [name for name in MODULES if name in sys.modules]
    if loaded:
        raise RuntimeError(f"{', '.join(loaded)} loaded already; the canary build comes first")
    build(bugs)
    os.environ[SWITCH] = str(ctypes.addressof(CANARY))
    sys.meta_path.insert(0, Planter())


def plant(bug: Bug) -> None:
    """Switch a bug on, for good: in this process every story has it."""
    if bug.is_compiled:
        CANARY.chosen = bug.number
    else:
        recode(bug)


def codes(code: CodeType) -> Iterator[CodeType]:
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield const
            yield from codes(const)


def essence(code: CodeType) -> Any:
    consts = tuple(c for c in code.co_consts if not isinstance(c, CodeType))
    inner = tuple(essence(c) for c in code.co_consts if isinstance(c, CodeType))
    return (code.co_code, repr(consts), code.co_names, inner)


def recode(bug: Bug) -> None:
    """Give the loaded functions of a module the code that its text with the bug compiles to."""
    path, module = ROOT / bug.file, bug.file.removesuffix(".py").replace("/", ".")
    text = source(bug.file)
    honest = list(codes(compile(text, str(path), "exec")))
    wrong = list(codes(compile(replaced(text, bug, bug.becomes), str(path), "exec")))
    by_place: dict[tuple[str, int], CodeType] = {}
    wrongs: dict[str, list[CodeType]] = {}
    for code in wrong:
        wrongs.setdefault(code.co_qualname, []).append(code)
    for code in honest:  # functions of one name, as lambdas are, in the order of their places
        if not wrongs.get(code.co_qualname):
            continue  # an inner function that the bug has taken away
        same = wrongs[code.co_qualname].pop(0)
        if essence(same) != essence(code):
            by_place[code.co_qualname, code.co_firstlineno] = same
    changed = 0
    gc.unfreeze()  # what is frozen is not listed
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and one.__module__ == module:
            code = by_place.get((one.__code__.co_qualname, one.__code__.co_firstlineno))
            if code is not None:
                one.__code__ = code
                changed += 1
    if not changed:
        raise ValueError(f"bug {bug.name}: no loaded function of {module} has changed")


class Watch:
    """Notes which Python bugs would have made a difference in what runs within it.

    A bug whose line is met counts; one that changes a condition, where the two differ.
    """

    def __init__(self, bugs: list[Bug]) -> None:
        self.seen: set[str] = set()
        self.places: dict[str, list[tuple[int, int, Bug, Any]]] = {}
        for bug in bugs:
            if bug.is_compiled:
                continue
            path, text = ROOT / bug.file, source(bug.file)
            first = text.count("\n", 0, text.index(bug.was)) + 1
            last = first + bug.was.rstrip("\n").count("\n")
            place = (first, last, bug, conditions(bug))
            self.places.setdefault(str(path), []).append(place)

    def __enter__(self) -> Watch:
        self.seen.clear()
        sys.settrace(self.called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def called(self, frame: Any, event: str, arg: Any) -> Any:
        return self.lines if frame.f_code.co_filename in self.places else None

    def lines(self, frame: Any, event: str, arg: Any) -> Any:
        for first, last, bug, pair in self.places[frame.f_code.co_filename]:
            is_met = first <= frame.f_lineno <= last and bug.name not in self.seen
            if is_met and (pair is None or differ(pair, frame)):
                self.seen.add(bug.name)
        return self.lines


def conditions(bug: Bug) -> tuple[CodeType, CodeType] | None:
    """Return both conditions of a bug that changes one line's, else None."""
    out = []
    for text in (bug.was, bug.becomes):
        found = re.fullmatch(r"\s*(?:el)?if (.*):\s*(?:#.*)?", text)
        if found is None:
            return None
        out.append(compile(found.group(1), bug.name, "eval"))
    return out[0], out[1]


def differ(pair: tuple[CodeType, CodeType], frame: Any) -> bool:
    try:
        was, becomes = (bool(eval(one, frame.f_globals, frame.f_locals)) for one in pair)
    except Exception:
        return True  # not to be told from here
    return was != becomes


def named(name: str) -> Bug:
    for bug in catalogue():
        if bug.name == name:
            return bug
    raise ValueError(f"no bug {name}; there are {', '.join(one.name for one in catalogue())}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.planted")
    parser.add_argument("name", help="of bugs.toml, or `none`")
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--story", action="store_true")
    asked = parser.parse_args()
    bug = None if asked.name == "none" else named(asked.name)
    if bug is None or bug.is_compiled:
        prepare(catalogue())
    from tests.simulation.world import live

    if bug is not None:
        plant(bug)
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
