"""Read a configuration file again while its deployment runs.

Owns:    what changed; applying the keys that may change; saying by name which need a restart.
Refuses: a file with problems, or limits that no lane could hold: nothing of it is applied.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime.config.file import Check, ConfigError, changes, flat, load
from runtime.config.keys import Config


class Reloader:
    """The file of a running deployment and what it said last."""

    def __init__(
        self,
        path: Path,
        config: Config,
        apply: Callable[[Config, list[str]], None],
        check: Check | None = None,
    ) -> None:
        self.path = path
        self.config = config  # as the file said it; the command line is not in it
        self.apply = apply
        self.check = check

    def reload(self) -> dict[str, Any]:
        """Return {"applied", "refused", "problems"}: keys, keys, sentences."""
        try:
            after = load(self.path, self.check)
        except ConfigError as error:
            return {"applied": [], "refused": [], "problems": [str(p) for p in error.problems]}
        may, may_not = changes(self.config, after)
        if may:
            try:
                self.apply(after, may)
            except ConfigError as error:
                problems = [str(p) for p in error.problems]
                return {"applied": [], "refused": may_not, "problems": problems}
            for name in may:
                put(self.config, name, flat(after)[name])
        return {"applied": may, "refused": may_not, "problems": []}


def put(config: Config, name: str, value: Any) -> None:
    *tables, last = name.split(".")
    inner: Any = config
    for one in tables:
        inner = getattr(inner, one)
    setattr(inner, last, value)
