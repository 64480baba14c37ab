"""The archiver: every journal ring of a deployment to a RUN, durably, and how far it has come.

Owns:    which rings are followed (all of the deployment, as they come; a dead lane's to its end),
         when blocks are cut and synced, the watermark in each ring, what a full or failing disk
         means.
Refuses: writing files (archive.py), compression and age (retention.py), removing rings.

    python -m runtime.journal.archiver --deployment D --directory DIR

With an archiver nothing that is not archived is overwritten: its watermark stands in the ring's
head, and the lane obeys the lag (hotpath/lane/park.h).  A block that holds a record of class
local-disk is synced within `block_ms`, any other within `lazy_ms`.  A disk without room stops
quoting until there is some; a disk that fails ends this process (ArchiveFailed): its successor
begins at the watermark.

The newest heads are kept in state_dir as well: they tell of blocks that were cut off an archive
together with the heads over them.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import select
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from hotpath.journal.tail import Chunk, JournalDamaged
from runtime._shm import ffi, lib
from runtime.journal import durability
from runtime.journal.archive import (
    NO_ROOM,
    ArchiveDamaged,
    ArchiveFailed,
    ArchiveFull,
    EpochWriter,
    Place,
)
from runtime.journal.chain import newest_head
from runtime.journal.checkpointer import LOOKED_INTO, Checkpointer, trouble_in, trouble_of
from runtime.journal.key import ArchiveKey, ArchiveKeyError
from runtime.journal.recording import (
    RecordingError,
    epoch_folder,
    epoch_folders,
    is_empty,
    open_run,
)
from runtime.journal.retention import Keeper, Policy
from runtime.journal.tailer import Tailer, records_of, rings
from runtime.pages.page import Page, PageError
from runtime.supervise import state

NO_ARCHIVER = 2**64 - 1
KEPT_HEADS = "archive.heads.json"
LOOK_NS = 100_000_000  # between two looks for new rings
ROOM_NS = 500_000_000  # between two looks at the room on disk, and two tries on a full one
TURN_BYTES = 8 * 1024 * 1024  # of one ring before the others have their turn


@dataclass(frozen=True)
class Rules:
    """How an archive is written; the configuration's [journal] and [durability]."""

    block_bytes: int = 65536
    block_ms: int = 5
    lazy_ms: int = 50
    head_ms: int = 1000
    reserve_bytes: int = 64 * 1024 * 1024  # less room than this stops quoting
    durability: dict[str, str] | None = None  # by group; None = the defaults
    policy: Policy = field(default_factory=Policy)
    checkpoint_s: float = 0.0  # 0 = no checkpoints
    checkpoints: int = 5  # that are kept


def rules_of(found: dict[str, Any] | None) -> Rules:
    """Return rules from plain data; what is left out has its default."""
    found = dict(found or {})
    policy = Policy(**found.pop("policy", {}))
    names = {one.name for one in fields(Rules)}
    return Rules(policy=policy, **{k: v for k, v in found.items() if k in names})


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def kept_heads(directory: Path, run: Path | None = None) -> list[dict[str, Any]]:
    """Return the newest heads by lane that a state_dir keeps (of this archive only)."""
    try:
        found = json.loads((directory / KEPT_HEADS).read_text())
        if run is not None and found["directory"] != str(run.resolve()):
            return []
        return list(found["heads"])
    except (OSError, ValueError, KeyError, TypeError):
        return []


class Ring:
    """One ring, and the files that it goes to."""

    def __init__(self, path: Path, archiver: Archiver) -> None:
        self.name = path.name
        self.say = archiver.say
        self.rules = archiver.rules
        self.urgent = archiver.urgent
        self.keep_head = archiver.keep_head
        self.checkpointer = archiver.checkpointer
        page = Page.open_path(path, "hp_page_t", writable=True)
        self.tailer = Tailer(page, room=self.rules.block_bytes)
        tail = self.tailer.tail
        self.head: Any = ffi.cast("hp_journal_head_t *", self.tailer.page.header + 1)
        self.watermark = ffi.addressof(self.head, "archived")
        self.segment_bytes = tail.segment_bytes
        self.said = 0
        self.since_ns = 0  # when the oldest byte that is not synced was read; 0 = there is none
        self.due_ns = 0  # when it must be synced
        self.headed_ns = 0
        self.again_ns = 0  # when a full disk is tried again
        self.is_damaged = False
        try:
            self.take_over(archiver)
        except ArchiveFull:
            self.hold()
            self.close()
            raise

    def hold(self) -> None:
        """Nothing can be written: the lane takes no new risk and overwrites nothing."""
        self.show(lib.HP_ARCHIVE_FULL)
        if self.head.archived == NO_ARCHIVER:
            newest = int(self.head.published) // self.segment_bytes
            oldest = max(0, newest - int(self.head.segment_count) + 1)
            lib.hp_store_release(self.watermark, oldest * self.segment_bytes)

    def take_over(self, archiver: Archiver) -> None:
        """Go on where the files end."""
        tail = self.tailer.tail
        folder = epoch_folder(archiver.directory, tail.lane, tail.epoch)
        self.writer = EpochWriter(
            folder,
            tail.lane,
            tail.epoch,
            archiver.deployment,
            archiver.key,
            self.rules.block_bytes,
        )
        durable = None
        if self.head.archived != NO_ARCHIVER:
            durable = divmod(int(self.head.archived), self.segment_bytes)
            if durable[1] == 0 and durable[0] > 0:  # behind the end of a segment
                durable = (durable[0] - 1, self.segment_bytes)
        place = self.writer.resume(durable)
        for repair in self.writer.repairs:
            self.say(
                f"archive.resumed file={repair.path.name} lane={tail.lane} epoch={tail.epoch}"
                f" cut_bytes={repair.cut_bytes} adopted_bytes={repair.adopted_bytes}"
            )
        if place is not None:
            tail.seek(*place)
        self.head.archiver_pid = os.getpid()
        self.publish(self.writer.sync())
        self.show(lib.HP_ARCHIVE_COPYING)
        self.checkpointer.figures.put(self.head)

    def show(self, condition: int) -> None:
        """Say in the ring how the archiver stands."""
        self.head.archive_state = condition

    def publish(self, place: Place) -> None:
        """Say in the ring how far the disk has come."""
        lib.hp_store_release(self.watermark, place.number * self.segment_bytes + place.offset)

    def copy(self, now: int) -> int:
        """Copy what is published, sync what is due; return the bytes copied."""
        if self.is_damaged or now < self.again_ns:
            return 0
        try:
            copied = self.copy_chunks(now)
            if self.since_ns and now >= self.due_ns:
                self.sync()
            if self.writer.index and now - self.headed_ns >= self.rules.head_ms * 1_000_000:
                self.headed_ns = now
                self.keep_head(self.writer.head())
        except ArchiveFull as error:
            self.wait_for_room(now, error)
            return 0
        return copied

    def wait_for_room(self, now: int, error: ArchiveFull) -> None:
        self.show(lib.HP_ARCHIVE_FULL)
        self.tailer.tail.seek(*self.writer.written)
        self.again_ns = now + ROOM_NS
        self.say(f"archive.full ring={self.name} error={str(error)!r}")

    def copy_chunks(self, now: int) -> int:
        copied = 0
        try:
            for chunk in self.tailer.chunks():
                self.writer.append(chunk)
                copied += len(chunk.data)
                self.look_for_trouble(chunk)
                patience = self.rules.block_ms if chunk.kinds & self.urgent else self.rules.lazy_ms
                due = now + patience * 1_000_000
                self.due_ns = min(self.due_ns, due) if self.since_ns else due
                self.since_ns = self.since_ns or now
                if copied >= TURN_BYTES:
                    break
        except JournalDamaged as error:
            self.is_damaged = True
            self.say(f"journal.damaged ring={self.name} error={str(error)!r}")
        for hole in self.tailer.holes[self.said :]:
            self.say(f"journal.hole ring={self.name} first={hole.first} records={hole.records}")
            self.checkpointer.trouble("hole")
        self.said = len(self.tailer.holes)
        return copied

    def look_for_trouble(self, chunk: Chunk) -> None:
        """Ask for a checkpoint when the lane tells of trouble: by a kind of record, or by what
        stands in one (an UNKNOWN order, a word that stops the lane, whoever wrote it)."""
        if not self.checkpointer.may_trouble():
            return
        cause = trouble_of(chunk.kinds)
        if not cause and chunk.kinds & LOOKED_INTO:
            for record in records_of(chunk, (lib.HP_RECORD_ORDER, lib.HP_RECORD_WORDS)):
                cause = cause or trouble_in(record)
        if cause:
            self.checkpointer.trouble(cause)

    def sync(self) -> None:
        self.publish(self.writer.sync())
        self.since_ns = 0

    @property
    def is_done(self) -> bool:
        """Whether nothing will come any more: the lane is dead and its ring is copied."""
        return not self.tailer.is_writer_alive and (
            self.is_damaged or self.tailer.behind_bytes == 0
        )

    def end(self) -> None:
        """Sign the end of what there is, and let go."""
        self.sync()
        self.keep_head(self.writer.head(final=not self.tailer.is_writer_alive))
        self.close()

    def close(self) -> None:
        self.writer.close()
        self.head = self.watermark = None
        self.tailer.close()


class Archiver:
    """All rings of a deployment."""

    def __init__(
        self,
        deployment: str,
        directory: Path,
        rules: Rules | None = None,
        say: Callable[[str], None] = say,
    ) -> None:
        """Take over a RUN.  RecordingError when it is another's, or another archiver writes it."""
        self.deployment = deployment
        self.directory = directory
        self.rules = rules or Rules()
        self.say = say
        self.urgent = durability.urgent_kinds(self.rules.durability)
        self.rings: dict[int, Ring] = {}
        self.done: set[int] = set()
        self.untaken: set[int] = set()  # rings for which the disk has no room
        self.looked_ns = self.room_ns = 0
        self.is_low = False
        open_run(directory, deployment)
        self.lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self.lock)
            raise RecordingError(f"{directory} is written by another archiver") from error
        self.state = state.state_dir(deployment)
        self.key = ArchiveKey.load(self.state)
        self.key.publish(directory)
        self.checkpointer = Checkpointer(
            directory, self.rules.checkpoint_s, self.rules.checkpoints, say
        )

    def keep_head(self, head: dict[str, Any] | None) -> None:
        """Keep a head outside of the archive too: on that disk before the next one is signed.

        A sync that fails for want of room is no second try of the same pages: the next head is
        another file.
        """
        if head is None:
            return
        kept = kept_heads(self.state, self.directory)
        kept = [one for one in kept if one.get("lane") != head["lane"]]
        text = json.dumps({"directory": str(self.directory.resolve()), "heads": [*kept, head]})
        try:
            state.write_durably(self.state / KEPT_HEADS, text)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            self.say(f"archive.head_not_kept lane={head['lane']} error={error.strerror!r}")

    def finish_former(self) -> None:
        """Sign the ends of lane epochs whose rings are gone (the host went down).

        One of which nothing is there goes: no checkpoint would go on behind it.
        """
        followed = {ring.writer.folder for ring in self.rings.values()}
        for folder in epoch_folders(self.directory):
            lane, epoch = int(folder.parent.name[5:]), int(folder.name[6:])
            if folder in followed:
                continue
            if newest_head(folder).get("final"):
                continue
            writer = EpochWriter(folder, lane, epoch, self.deployment, self.key)
            try:
                writer.resume()
                for repair in writer.repairs:
                    self.say(
                        f"archive.recovered file={repair.path.name} lane={lane} epoch={epoch}"
                        f" cut_bytes={repair.cut_bytes} adopted_bytes={repair.adopted_bytes}"
                    )
                if writer.head(final=True) is None and is_empty(folder):
                    shutil.rmtree(folder)
            except ArchiveFull as error:  # the next archiver does it
                self.say(f"archive.full lane={lane} epoch={epoch} error={str(error)!r}")
            writer.close()

    def look(self, now: int | None = None) -> None:
        """Take up new rings; a ring is its file: a restarted lane takes over its name."""
        self.looked_ns = time.monotonic_ns() if now is None else now
        there = set()
        for path in rings(self.deployment):
            try:
                number = path.stat().st_ino
                there.add(number)
                if number not in self.rings and number not in self.done:
                    self.rings[number] = Ring(path, self)
                self.untaken.discard(number)
            except (FileNotFoundError, PageError, ValueError):
                continue  # just removed, or its lane has not opened it yet
            except ArchiveFull as error:  # it is looked for again
                if number not in self.untaken:
                    self.untaken.add(number)
                    self.say(f"archive.full ring={path.name} error={str(error)!r}")
        self.done &= there
        self.untaken &= there

    def look_room(self, now: int) -> None:
        """Stop quoting before the disk is full, and let it go on when there is room again."""
        self.room_ns = now
        found = os.statvfs(self.directory)
        free = found.f_bavail * found.f_frsize
        is_low = free < self.rules.reserve_bytes
        if is_low != self.is_low:
            self.is_low = is_low
            self.say(
                f"archive.room_{'low' if is_low else 'back'} directory={self.directory}"
                f" free_bytes={free} wanted_bytes={self.rules.reserve_bytes}"
            )
        for ring in self.rings.values():
            if ring.again_ns == 0 or now >= ring.again_ns:
                ring.again_ns = 0
                ring.show(lib.HP_ARCHIVE_FULL if is_low else lib.HP_ARCHIVE_COPYING)

    def copy(self) -> int:
        """Copy what is new in every ring; let go of those that have ended."""
        now = time.monotonic_ns()
        copied = 0
        if now - self.room_ns >= ROOM_NS:
            self.look_room(now)
        for number, ring in list(self.rings.items()):
            copied += ring.copy(now)
            self.checkpointer.figures.put(ring.head)
            if ring.again_ns == 0 and ring.is_done:
                self.checkpointer.trouble("lane_ended")
                ring.copy(now)  # what was published between the last look and the death
                try:
                    ring.end()
                except ArchiveFull as error:
                    ring.wait_for_room(now, error)
                    continue
                del self.rings[number]
                self.done.add(number)
        return copied

    def turn(self) -> float:
        """Look, copy, sync; return for how many seconds there is nothing to do."""
        now = time.monotonic_ns()
        if now - self.looked_ns >= LOOK_NS:
            self.look(now)
        if self.copy() >= TURN_BYTES:
            return 0.0
        return self.rules.block_ms / 2000

    def fail(self) -> None:
        """Say in every ring that nobody archives it any more."""
        for ring in self.rings.values():
            if ring.head is not None:
                ring.show(lib.HP_ARCHIVE_FAILED)

    def close(self) -> None:
        """Copy what there is, sign it, and leave."""
        try:
            self.look()
            for ring in self.rings.values():
                while ring.copy(time.monotonic_ns()):
                    pass
                ring.end()
        except ArchiveFull as error:
            self.say(f"archive.full at_end={str(error)!r}")
        finally:
            os.close(self.lock)


def is_archived(path: Path) -> bool:
    """Whether everything in a ring is on disk; a ring that cannot be read is not waited for."""
    try:
        page = Page.open_path(path, "hp_page_t")
    except (PageError, OSError, ValueError):
        return True
    head = ffi.cast("hp_journal_head_t *", page.header + 1)
    done = head.archived != NO_ARCHIVER and head.archived >= head.published
    page.close()
    return bool(done)


def finish(
    deployment: str, directory: Path, rules: Rules, say: Callable[[str], None] = say
) -> bool:
    """Archive what is left in a deployment's rings; False when that cannot be done now."""
    try:
        archiver = Archiver(deployment, directory, rules, say)
    except (RecordingError, ArchiveKeyError, state.StateError, OSError) as error:
        say(f"archive.unfinished error={str(error)!r}")
        return False
    try:
        archiver.look()
        if archiver.untaken:
            raise ArchiveFull("the disk has no room")
        for ring in archiver.rings.values():
            while ring.copy(time.monotonic_ns()):
                pass
            if ring.again_ns or (ring.tailer.behind_bytes and not ring.is_damaged):
                raise ArchiveFull("the disk has no room")
            ring.end()
    except (ArchiveFailed, ArchiveFull, ArchiveDamaged, OSError) as error:
        say(f"archive.unfinished error={str(error)!r}")
        return False
    finally:
        os.close(archiver.lock)
    return True


class Worker(threading.Thread):
    """Turns an archiver, and beside it the keeper of closed segments, until told to stop.

    `failed` is called with the error when the archiver has failed; it does not go on then.
    """

    def __init__(self, archiver: Archiver, failed: Callable[[Exception], None]) -> None:
        super().__init__(name="archiver", daemon=True)
        self.archiver = archiver
        self.failed = failed
        self.wanted = threading.Event()
        self.checkpointer = archiver.checkpointer
        self.keeper = Keeper(archiver.directory, archiver.rules.policy, archiver.key, archiver.say)

    def run(self) -> None:
        try:
            self.keeper.start()
            self.checkpointer.start()
            while not self.wanted.wait(self.archiver.turn()):
                pass
            self.checkpointer.stop()
            self.keeper.stop()
            self.archiver.close()
        except (ArchiveFailed, ArchiveFull, ArchiveDamaged, OSError) as error:
            self.archiver.fail()
            self.failed(error)

    def stop(self) -> None:
        """Copy to the end, sign, leave; returns when that is done."""
        self.wanted.set()
        self.join()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="runtime.journal.archiver")
    parser.add_argument("--deployment", required=True)
    parser.add_argument("--directory", required=True, type=Path)
    arguments = parser.parse_args(argv)
    try:
        archiver = Archiver(arguments.deployment, arguments.directory)
    except (RecordingError, ArchiveKeyError, state.StateError, OSError) as error:
        say(f"corelane archiver: {error}")
        return 2
    wanted = True
    errors: list[Exception] = []

    def stop(*_: object) -> None:
        nonlocal wanted
        wanted = False

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    Path("/proc/self/comm").write_text("archiver")
    try:
        archiver.look()
        archiver.finish_former()
    except (ArchiveFailed, ArchiveDamaged, OSError) as error:
        archiver.fail()
        say(f"archive.failed error={str(error)!r}")
        return 1
    worker = Worker(archiver, errors.append)
    worker.start()
    told = select.poll()
    told.register(sys.stdin, select.POLLIN)
    print("archiving", flush=True)
    while wanted and not errors:
        if told.poll(20) and not os.read(sys.stdin.fileno(), 4096):
            break
    if not errors:
        worker.stop()
    for one in errors:
        say(f"archive.failed error={str(one)!r}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
