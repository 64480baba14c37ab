"""Capture files: recorded messages, plain or compressed, as a stream of bytes.

Owns:    telling a file's compression by its first bytes, reading it in chunks, saying that it
         ends in the middle.
Refuses: lines and messages (hotpath/lane/replay.pyx), other recorders' formats (cryptofeed.py).
"""

from __future__ import annotations

import gzip
import io
import lzma
import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import zstandard

RAW_BYTES = 128 * 1024  # of compressed input, in one go
BROKEN = (EOFError, OSError, lzma.LZMAError, zlib.error, zstandard.ZstdError)
MAGIC = {b"\x1f\x8b": ".gz", b"\xfd7zXZ\x00": ".xz", b"\x28\xb5\x2f\xfd": ".zst"}
LINES = re.compile(r"\.jsonl(\.gz|\.xz|\.zst)?$")


class CaptureError(Exception):
    """A capture that cannot be read at all; its text names file and remedy."""


class Chunks(Protocol):
    """What is read from: bytes in pieces, b"" at the end."""

    def read1(self, size: int, /) -> bytes: ...


class Zstandard:
    """One or more zstd frames; one that stops in the middle is an EOFError, as in gzip and lzma."""

    def __init__(self, raw: io.BufferedIOBase) -> None:
        self.raw = raw
        self.frame = zstandard.ZstdDecompressor().decompressobj()
        self.begun = False
        self.ready = b""

    def read1(self, size: int, /) -> bytes:
        while not self.ready:
            compressed = self.frame.unused_data if self.frame.eof else b""
            compressed = compressed or self.raw.read(RAW_BYTES)
            if not compressed:
                if self.begun and not self.frame.eof:
                    raise EOFError("ended before the end of a frame")
                return b""
            if self.frame.eof:
                self.frame = zstandard.ZstdDecompressor().decompressobj()
            self.begun = True
            self.ready = self.frame.decompress(compressed)
        taken, self.ready = self.ready[:size], self.ready[size:]
        return taken


class Capture:
    """One file.  Use readinto() until it answers 0; `broken` then says whether that was the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.broken = ""
        self.references: list[dict[str, Any]] = []  # answers of REST that say scales
        try:
            self.raw = path.open("rb")
            self.size = path.stat().st_size
            begin = self.raw.peek(8)[:8]
        except OSError as error:
            remedy = "; want a file of lines '<receive time ns> <message>'"
            raise CaptureError(f"{path}: {error.strerror or error}{remedy}") from error
        kind = next((kind for magic, kind in MAGIC.items() if begin.startswith(magic)), "")
        if begin and not kind and path.suffix in MAGIC.values():
            self.raw.close()
            raise CaptureError(f"{path}: does not begin like a {path.suffix} file; is it renamed?")
        self.chunks: Chunks = self.raw
        if kind == ".gz":
            self.chunks = gzip.GzipFile(fileobj=self.raw)
        elif kind == ".xz":
            self.chunks = lzma.LZMAFile(self.raw)  # noqa: SIM115
        elif kind == ".zst":
            self.chunks = Zstandard(self.raw)
        self.kept = b""  # the head, until it is read again

    def close(self) -> None:
        self.raw.close()

    @property
    def position(self) -> int:
        """How far the file itself was read, in bytes of `size`."""
        return self.raw.tell() if not self.raw.closed else self.size

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, b"" at the end or where the file breaks off."""
        if self.kept:
            taken, self.kept = self.kept[:size], self.kept[size:]
            return taken
        if self.broken:
            return b""
        try:
            return self.chunks.read1(size)
        except BROKEN as error:
            self.broken = str(error) or type(error).__name__
            return b""

    def readinto(self, to: memoryview) -> int:
        """Fill a buffer as far as the input goes; return the bytes written, 0 at the end."""
        if self.chunks is self.raw and not self.kept:
            return self.raw.readinto(to)
        done = 0
        while done < len(to):
            piece = self.read(len(to) - done)
            if not piece:
                break
            to[done : done + len(piece)] = piece
            done += len(piece)
        return done

    def head(self, size: int) -> bytes:
        """Return the first `size` bytes; they are read again afterwards."""
        pieces = []
        while size > 0 and (piece := self.read(size)):
            pieces.append(piece)
            size -= len(piece)
        self.kept = b"".join(pieces) + self.kept
        return self.kept


def in_order(paths: Iterable[Path]) -> list[Path]:
    """Return the files meant: of a folder its captures by name, which is how they were written."""
    out: list[Path] = []
    for path in paths:
        if not path.is_dir():
            out.append(path)
            continue
        found = sorted(one for one in path.iterdir() if LINES.search(one.name))
        if not found:
            raise CaptureError(f"{path}: no *.jsonl file in this folder, plain or compressed")
        out += found
    return out


def message_of(line: bytes) -> bytes:
    """Return the message of a capture's line: what stands behind its time, if it has one."""
    time, blank, message = line.partition(b" ")
    return message if blank and time.isdigit() and len(time) < 20 else line
