"""What a deployment remembers between starts: epochs and the instrument registry.

Owns:    state_dir ($XDG_STATE_HOME/corelane/<deployment>), fsynced before anyone relies on it.
Refuses: positions and orders (the venue and the journal know those).
"""

from __future__ import annotations

import json
import os
from pathlib import Path

EPOCH_MAX = 65_534
INSTRUMENTS_MAX = 255


class StateError(Exception):
    """The state directory cannot be used, or is used up."""


def state_path(deployment: str) -> Path:
    """Return where the deployment's directory is, or would be."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "corelane" / deployment


def state_dir(deployment: str) -> Path:
    """Return the deployment's directory, made with mode 0700 when absent."""
    path = state_path(deployment)
    made = [one for one in (path, *path.parents) if not one.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        for one in made:
            sync_folder(one.parent)
    except OSError as error:
        raise StateError(
            f"cannot make {path}: {error.strerror}; set XDG_STATE_HOME to a writable directory"
        ) from error
    return path


def write_durably(path: Path, text: str) -> None:
    """Write aside, fsync, rename, fsync the directory."""
    aside = path.with_suffix(path.suffix + ".new")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        rest = memoryview(text.encode())
        while rest:
            rest = rest[os.write(handle, rest) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    os.rename(aside, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring what names a folder holds to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def next_epoch(directory: Path) -> int:
    """Take the next epoch of this deployment: durable before it is returned.

    Client order ids carry it, so an id is never used twice, whatever was lost in a crash.
    """
    path = directory / "epoch"
    try:
        last = int(path.read_text())
    except FileNotFoundError:
        last = 0
    except ValueError as error:
        raise StateError(
            f"{path} holds no number; restore it (it must not go back) or start a new deployment"
        ) from error
    if last >= EPOCH_MAX:
        raise StateError(f"{path} is at {last}; epochs are used up: start a new deployment name")
    write_durably(path, f"{last + 1}\n")
    return last + 1


def instrument_ids(directory: Path, wanted: list[str]) -> dict[str, int]:
    """Return {"venue:symbol": id}; new names are appended, ids are never reused."""
    path = directory / "instruments.json"
    known: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    before = len(known)
    for item in wanted:
        if item not in known:
            known[item] = max(known.values(), default=0) + 1
            if known[item] > INSTRUMENTS_MAX:
                raise StateError(
                    f"{path} has {len(known)} instruments; a lane indexes at most {INSTRUMENTS_MAX}"
                )
    if len(known) != before:
        write_durably(path, json.dumps(known, indent=0) + "\n")
    return {item: known[item] for item in wanted}
