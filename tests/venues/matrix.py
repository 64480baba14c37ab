"""The acceptance matrix as a table: which property each venue is held to.

    python -m tests.venues.matrix [--write]     print it, or put it into venues/_template/README.md

A property is a test of test_accept_*.py; its arguments say which venues it can judge.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path

from tests.venues.venue import Venue, venues

README = Path(__file__).resolve().parents[2] / "venues" / "_template" / "README.md"
BEGIN, END = "<!-- matrix -->", "<!-- /matrix -->"
NEEDS = {
    "oracle": lambda venue: venue.oracle is not None,
    "chain": lambda venue: venue.chain is not None,
    "case": lambda venue: venue.chain is not None and venue.chain.cases,
    "recording": lambda venue: venue.recordings,
    "sample": lambda venue: venue.samples,
}


def properties() -> list[tuple[str, str, set[str]]]:
    """Return (module, property in words, argument names) of every acceptance test, in order."""
    out = []
    for path in sorted(Path(__file__).parent.glob("test_accept_*.py")):
        module = importlib.import_module(f"tests.venues.{path.stem}")
        for name, test in vars(module).items():
            if not name.startswith("test_"):
                continue
            inner = getattr(getattr(test, "hypothesis", None), "inner_test", test)
            words = name.removeprefix("test_").replace("_", " ")
            out.append((path.stem.removeprefix("test_accept_"), words, set(args(inner))))
    return out


def args(test: object) -> list[str]:
    return list(inspect.signature(test).parameters)  # type: ignore[arg-type]


def holds(venue: Venue, names: set[str]) -> bool:
    return all(bool(need(venue)) for name, need in NEEDS.items() if name in names)


def table() -> str:
    """Return the table as markdown."""
    names = [venue.name for venue in venues()]
    lines = [f"| property | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    for module, words, needed in properties():
        marks = ["x" if holds(venue, needed) else "-" for venue in venues()]
        lines.append(f"| {module}: {words} | {' | '.join(marks)} |")
    return "\n".join(lines)


def written(readme: str) -> str:
    """Return the README with today's table in it."""
    head, _, rest = readme.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


if __name__ == "__main__":
    if "--write" in sys.argv:
        README.write_text(written(README.read_text()))
    else:
        print(table())
