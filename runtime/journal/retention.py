"""What becomes of closed segments: packed with zstd, and one day removed.

Owns:    which segments are closed, packing them, the policy of age and size, signed notes of
         removal.
Refuses: the open segment, the newest two of a lane's newest epoch (a successor's carry is in them),
         whatever stands behind a floor that a checkpoint has set; chains and heads, which stay.

A floor: RUN/lane-0/floor.json, {"epoch": E, "segment": S}: nothing from there on is removed.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import zstandard

from runtime.journal import chain
from runtime.journal.chain import RETIRED
from runtime.journal.key import ArchiveKey
from runtime.journal.recording import PACKED, epoch_folders, load, segment_paths
from runtime.supervise.state import sync_folder

FLOOR = "floor.json"
KEPT_SEGMENTS = 2  # of a lane's newest epoch
PASS_S = 5.0
DAY_NS = 86_400 * 10**9


@dataclass(frozen=True)
class Policy:
    compress: bool = True
    level: int = 3
    keep_days: int = 0  # 0 = for ever
    keep_bytes: int = 0  # 0 = as many as there are


class Closed(NamedTuple):
    """A segment that nobody writes any more."""

    lane: int
    epoch: int
    number: int
    path: Path
    real_ns: int  # when its last block was cut


def closed(folder: Path) -> list[Closed]:
    """Return the segments of a lane epoch that a signed head has left behind."""
    head = chain.newest_head(folder)
    if "segment" not in head:
        return []
    blocks, _ = chain.read(folder)
    cut = {block.segment: block.real_ns for block in blocks}
    until = head["segment"] + (1 if head.get("final") else 0)
    return [
        Closed(head["lane"], head["epoch"], number, path, cut.get(number, 0))
        for number, path in segment_paths(folder).items()
        if number < until
    ]


def pack(path: Path, level: int) -> int:
    """Pack one segment; the plain file goes when the packed one is proven.  Returns bytes saved."""
    data = bytes(load(path))
    packed = path.with_name(path.name + PACKED.removeprefix(".journal"))
    aside = packed.with_suffix(".new")
    try:
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            rest = memoryview(zstandard.ZstdCompressor(level=level).compress(data))
            size = len(rest)
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        if zstandard.ZstdDecompressor().decompress(aside.read_bytes()) != data:
            raise OSError(5, "what was packed does not unpack to the same bytes")
        aside.rename(packed)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
    path.unlink()
    return len(data) - size


def floors(run: Path) -> dict[int, tuple[int, int]]:
    """Return {lane: (epoch, segment)} from which on everything is needed."""
    out: dict[int, tuple[int, int]] = {}
    by_lane: dict[int, list[Path]] = {}
    for folder in epoch_folders(run):
        if segment_paths(folder):
            by_lane.setdefault(int(folder.parent.name[5:]), []).append(folder)
    for lane, folders in by_lane.items():
        numbers = list(segment_paths(folders[-1]))
        out[lane] = (int(folders[-1].name[6:]), numbers[-KEPT_SEGMENTS:][0])
        try:
            said = json.loads((folders[-1].parent / FLOOR).read_text())
            out[lane] = min(out[lane], (int(said["epoch"]), int(said["segment"])))
        except FileNotFoundError:
            pass
        except (ValueError, KeyError, TypeError):
            out[lane] = (0, 0)  # a floor that cannot be read: keep all
    return out


def removable(run: Path, policy: Policy, now_ns: int) -> list[Closed]:
    """Return what the policy lets go, oldest first; of an epoch only from its beginning on."""
    held = floors(run)
    candidates = sorted(
        (one for folder in epoch_folders(run) for one in closed(folder)),
        key=lambda one: (one.epoch, one.number, one.lane),
    )
    total = sum(path.stat().st_size for path in run.rglob("*") if path.is_file())
    out = []
    for one in candidates:
        if (one.epoch, one.number) >= held.get(one.lane, (0, 0)):
            continue
        is_old = policy.keep_days > 0 and now_ns - one.real_ns > policy.keep_days * DAY_NS
        is_much = policy.keep_bytes > 0 and total > policy.keep_bytes
        if is_old or is_much:
            out.append(one)
            total -= one.path.stat().st_size
    return out


def retire(one: Closed, key: ArchiveKey, now_ns: int) -> None:
    """Say in a signed line that a segment goes, durably, and then remove it."""
    folder = one.path.parent
    line = key.sign(
        {
            "lane": one.lane,
            "epoch": one.epoch,
            "retired": one.number,
            "cause": "retention",
            "real_ns": now_ns,
        }
    )
    handle = os.open(
        folder / RETIRED, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
    )
    try:
        os.write(handle, json.dumps(line, sort_keys=True).encode() + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)
    sync_folder(folder)
    one.path.unlink()


class Keeper(threading.Thread):
    """Packs and removes in the background; a full disk is no reason to fail."""

    def __init__(
        self, run: Path, policy: Policy, key: ArchiveKey, say: Callable[[str], None]
    ) -> None:
        super().__init__(name="keeper", daemon=True)
        self.directory = run
        self.policy = policy
        self.key = key
        self.say = say
        self.wanted = threading.Event()

    def run(self) -> None:
        while not self.wanted.wait(PASS_S):
            try:
                self.work()
            except OSError as error:
                self.say(f"archive.keeper_failed error={str(error)!r}")

    def work(self) -> None:
        """Pack and remove what is due now."""
        if self.policy.compress:
            for folder in epoch_folders(self.directory):
                for one in closed(folder):
                    if not one.path.name.endswith(PACKED) and not self.wanted.is_set():
                        pack(one.path, self.policy.level)
        if self.policy.keep_days or self.policy.keep_bytes:
            now_ns = time.time_ns()
            for one in removable(self.directory, self.policy, now_ns):
                retire(one, self.key, now_ns)
                self.say(
                    f"archive.retired lane={one.lane} epoch={one.epoch} segment={one.number}"
                )

    def stop(self) -> None:
        self.wanted.set()
        self.join()
