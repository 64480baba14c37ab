"""A new venue from the template: its folder under venues/, its table in the acceptance matrix.

python -m tests.venues.new_venue NAME
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "venues" / "_template"
TABLE = ROOT / "tests" / "venues" / "template_table.py"
SUFFIXES = (".h", ".pyx", ".pyi", ".py", ".toml")


def renamed(text: str, name: str, module: str) -> str:
    """Return a text of the template as the new venue's, whose folder is this module."""
    text = text.replace("venues/_template/template.h", f"{module.replace('.', '/')}/{name}.h")
    text = text.replace("venues._template", module).replace("template", name)
    return text.replace("TEMPLATE", name.upper()).replace("Template", name.capitalize())


def copied(name: str, to: Path, module: str) -> None:
    """Write the template's files under a new name."""
    to.mkdir(parents=True)
    for path in TEMPLATE.iterdir():
        if path.suffix in SUFFIXES:
            (to / renamed(path.name, name, module)).write_text(
                renamed(path.read_text(), name, module)
            )
    for package in ("__init__.py", "__init__.pxd"):
        (to / package).touch()


def main(name: str) -> int:
    folder, table = ROOT / "venues" / name, ROOT / "tests" / "venues" / "tables" / f"{name}.py"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or folder.exists() or table.exists():
        print(f"new_venue: {name!r} is there already, or no name; want [a-z][a-z0-9_]*, a new one")
        return 2
    copied(name, folder, f"venues.{name}")
    text = TABLE.read_text().replace(
        'os.environ.get("CORELANE_TEMPLATE", "venues._template")', f'"venues.{name}"'
    )
    table.write_text(renamed(text.replace("import os\n", ""), name, f"venues.{name}"))
    print(
        f'new_venue: add "venues.{name}.codec": [], to MODULES in setup.py, then make build and\n'
        f"python -m pytest tests/venues -k {name}; {TEMPLATE.name}/README.md has the order"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]) if len(sys.argv) == 2 else print(__doc__) or 2)
