"""Capture files as they are written: zstd frames of a second, files rotated by size and time.

Owns:    file names and their order, frames, rotation.
Refuses: what the lines say (runtime/feeds/recorder.py), reading (capture.py).

A frame is compressed whole and handed to the kernel in one write: a kill loses the lines since the
last flush and leaves whole frames behind.  (A power cut may take what the kernel had not yet
written; rotation syncs.)  Names sort by time and then by number, so a set is read in its order.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import zstandard

FRAME_BYTES = 1 << 20  # of lines; a busy second is several frames


class CaptureWriter:
    """Lines `<receive time ns> <message>` into <stem>-<UTC>-<number>.jsonl.zst."""

    def __init__(
        self, folder: Path, stem: str, rotate_bytes: int, rotate_s: float, level: int = 3
    ) -> None:
        self.folder = folder
        self.stem = stem
        self.rotate_bytes = rotate_bytes
        self.rotate_s = rotate_s
        self.compressor = zstandard.ZstdCompressor(level=level, write_checksum=True)
        self.began = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        self.number = 0
        self.lines: list[bytes] = []
        self.pending_bytes = 0
        self.raw_bytes = 0
        self.written_bytes = 0
        self.files: list[Path] = []
        folder.mkdir(parents=True, exist_ok=True)
        self._open()

    def _open(self) -> None:
        self.number += 1
        path = self.folder / f"{self.stem}-{self.began}-{self.number:04d}.jsonl.zst"
        self.handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        self.files.append(path)
        self.file_bytes = 0
        self.opened_s = time.monotonic()

    def line(self, recv_ns: int, message: bytes) -> None:
        """Take one message as it was received; its line ends are the only bytes that may change."""
        line = b"%d %b\n" % (recv_ns, message.replace(b"\n", b" "))
        self.lines.append(line)
        self.pending_bytes += len(line)
        if self.pending_bytes >= FRAME_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is pending as one frame."""
        if not self.lines:
            return
        frame = self.compressor.compress(b"".join(self.lines))
        self.raw_bytes += self.pending_bytes
        self.lines, self.pending_bytes = [], 0
        at = 0
        while at < len(frame):  # one write unless the file system is full or interrupted
            at += os.write(self.handle, frame[at:])
        self.file_bytes += len(frame)
        self.written_bytes += len(frame)

    def is_full(self, times: int = 1) -> bool:
        """Whether the next file is due, or overdue by so many times its bounds."""
        age_s = time.monotonic() - self.opened_s
        return self.file_bytes >= times * self.rotate_bytes or age_s >= times * self.rotate_s

    def rotate(self) -> None:
        """Finish this file and begin the next."""
        self.close()
        self._open()

    def close(self) -> None:
        self.flush()
        os.fdatasync(self.handle)
        os.close(self.handle)
