"""The process that copies a deployment's journals to a RUN.

Owns:    which rings are followed: all of the deployment, as they come; a dead lane's to its end.
Refuses: disturbing a lane (it only reads), fsync, removing rings: their owner does that.

    python -m runtime.tailer --deployment D --directory DIR

It ends at SIGTERM or SIGINT, or when its standard input ends, after it has copied what is published
by then.  Killed at any time it leaves a valid RUN, and its successor goes on from there.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import sys
from pathlib import Path

from hotpath.journal.tail import JournalDamaged
from runtime.journal import Tailer, rings
from runtime.pages import Page, PageError
from runtime.recording import LaneWriter, RecordingError, epoch_folder, open_run

PAUSE_SECONDS = 0.02
RETRY_PAUSES = 50  # after a write that failed


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Ring:
    """One ring and the files that it goes to."""

    def __init__(self, path: Path, directory: Path) -> None:
        self.name = path.name
        self.tailer = Tailer(Page.open_path(path, "hp_page_t"))
        tail = self.tailer.tail
        self.writer = LaneWriter(epoch_folder(directory, tail.lane, tail.epoch))
        place = self.writer.resume()
        if place is not None:
            tail.seek(*place)
        self.said = 0
        self.pauses = 0
        self.is_damaged = False

    def copy(self) -> None:
        """Copy what is published now."""
        if self.is_damaged:
            return
        if self.pauses > 0:
            self.pauses -= 1
            return
        try:
            for chunk in self.tailer.chunks():
                try:
                    self.writer.append(chunk)
                except OSError as error:
                    before = chunk.lost_from or chunk.first_sequence
                    self.tailer.tail.seek(chunk.number, chunk.offset, before)
                    self.pauses = RETRY_PAUSES
                    say(f"journal.write_failed ring={self.name} error={error!r}")
                    return
        except JournalDamaged as error:
            self.is_damaged = True
            say(f"journal.damaged ring={self.name} error={str(error)!r}")
        for hole in self.tailer.holes[self.said :]:
            say(f"journal.hole ring={self.name} first={hole.first} records={hole.records}")
        self.said = len(self.tailer.holes)

    @property
    def is_done(self) -> bool:
        """Whether nothing will come any more: the lane is dead and its ring is copied."""
        return not self.tailer.is_writer_alive and (
            self.is_damaged or self.tailer.behind_bytes == 0
        )

    def close(self) -> None:
        self.writer.close()
        self.tailer.close()


class Copier:
    """All rings of a deployment."""

    def __init__(self, deployment: str, directory: Path) -> None:
        self.deployment = deployment
        self.directory = directory
        self.rings: dict[int, Ring] = {}
        self.done: set[int] = set()

    def look(self) -> None:
        """Take up new rings; a ring is its file: a restarted lane takes over its name."""
        there = set()
        for path in rings(self.deployment):
            try:
                number = path.stat().st_ino
                there.add(number)
                if number not in self.rings and number not in self.done:
                    self.rings[number] = Ring(path, self.directory)
            except (FileNotFoundError, PageError, ValueError):
                continue  # just removed, or its lane has not opened it yet
        self.done &= there

    def copy(self) -> None:
        """Copy what is new in every ring; let go of those that have ended."""
        for number, ring in list(self.rings.items()):
            ring.copy()
            if ring.is_done:
                ring.copy()  # what was published between the last look and the death
                ring.close()
                del self.rings[number]
                self.done.add(number)

    def close(self) -> None:
        self.look()
        for ring in self.rings.values():
            ring.copy()
            ring.close()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="runtime.tailer")
    parser.add_argument("--deployment", required=True)
    parser.add_argument("--directory", required=True, type=Path)
    arguments = parser.parse_args(argv)
    try:
        open_run(arguments.directory, arguments.deployment)
    except (RecordingError, OSError) as error:
        say(f"corelane tailer: {error}")
        return 2
    wanted = True

    def stop(*_: object) -> None:
        nonlocal wanted
        wanted = False

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    Path("/proc/self/comm").write_text("tailer")
    copier = Copier(arguments.deployment, arguments.directory)
    told = select.poll()
    told.register(sys.stdin, select.POLLIN)
    print("tailing", flush=True)
    while wanted:
        copier.look()
        copier.copy()
        if told.poll(PAUSE_SECONDS * 1000) and not os.read(sys.stdin.fileno(), 4096):
            break
    copier.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
