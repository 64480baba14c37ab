"""The control group that this process lives in, version 1 or 2.

Owns:    finding the group's files and those of the groups above it, under an injectable root.
Refuses: changing groups, knowing what a file means (topology.py, conditions.py, causes.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def text(path: Path) -> str:
    """Return a file's text, empty when it cannot be read."""
    try:
        return path.read_text()
    except OSError:
        return ""


def folders(controller: str, root: Path = Path("/")) -> Iterator[tuple[int, Path]]:
    """Give (version, folder) of our group and of each above it, nearest first."""
    for line in text(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        parts = [part for part in path.strip().split("/") if part]
        mounts: list[tuple[int, str]] = []
        if controller in controllers.split(","):
            mounts = [(1, controller), (1, controllers)]
        elif number == "0" and not controllers:
            mounts = [(2, ""), (2, "unified")]
        for version, mount in mounts:
            for depth in range(len(parts), -1, -1):
                folder = root / "sys/fs/cgroup" / mount / "/".join(parts[:depth])
                if folder.is_dir():
                    yield version, folder
