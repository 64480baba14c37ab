"""Recordings of cryptofeed's recorder, as the lines that a replay reads.

Owns:    its three kinds of lines: `<seconds>: <message>` received, `<url> -> <seconds>: <body>` an
         answer of REST (in side files), and what was connected and sent (left out).
Refuses: other formats; deciding what a snapshot means: it only says whose its address says it is.

A WebSocket file and its side files are merged by receive time.  Side files are found beside the
WebSocket file (NAME.ws.* and NAME.http.*) unless one is given; lists of instruments (NAME.0) are
found beside it, too.  All of it is held in memory: these recordings are seconds long.
"""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from runtime.replay.capture import Capture, CaptureError

RECEIVED = re.compile(rb"(\d+)\.(\d+): (.*)")
ANSWERED = re.compile(rb"(\S+) -> (\d+)\.(\d+): (.*)")
LEFT_OUT = re.compile(rb"\S+ (?:<->|<-) \d|configuration: ")
SYMBOL_FIELDS = ("symbol", "instId")

Line = tuple[int, bytes]


def first_line(head: bytes) -> bytes:
    return head.lstrip(b"\r\n").split(b"\n", 1)[0]


def is_side(head: bytes) -> bool:
    """Say whether a file holds answers of REST."""
    return ANSWERED.match(first_line(head)) is not None


def is_cryptofeed(head: bytes) -> bool:
    """Say whether a file is of this recorder."""
    line = first_line(head)
    return is_side(head) or bool(RECEIVED.match(line) or LEFT_OUT.match(line))


def nanoseconds(seconds: bytes, fraction: bytes) -> int:
    return int(seconds) * 10**9 + int(fraction[:9].ljust(9, b"0"))


def owner(url: bytes) -> str:
    """Return the symbol that an address asks about, "" if it names none."""
    fields = parse_qs(urlsplit(url.decode("utf-8", "replace")).query)
    return next((fields[name][0] for name in SYMBOL_FIELDS if name in fields), "")


def lines_of(text: bytes) -> list[Line]:
    """Return (receive time, message) of each line; what is none of its kinds stays as it is."""
    out: list[Line] = []
    last_ns = 0
    for line in text.splitlines():
        if received := RECEIVED.match(line):
            last_ns = nanoseconds(received[1], received[2])
            out.append((last_ns, received[3]))
        elif answered := ANSWERED.match(line):
            last_ns = nanoseconds(answered[2], answered[3])
            symbol = owner(answered[1])
            if b"depth" in answered[1] and symbol:
                out.append((last_ns, b'{"snapshot":"%b"}' % symbol.encode()))
                out.append((last_ns, answered[4]))
        elif line and not LEFT_OUT.match(line):
            out.append((last_ns, line))
    return out


def references_of(text: bytes) -> list[dict[str, Any]]:
    """Return the answers of REST that are no snapshots: lists of instruments."""
    out = []
    for line in text.splitlines():
        answered = ANSWERED.match(line)
        if answered and b"depth" not in answered[1]:
            try:
                body = json.loads(answered[4])
            except (ValueError, RecursionError):
                continue
            out += [body] if isinstance(body, dict) else []
    return out


def list_files(path: Path) -> list[Path]:
    """Return the lists of instruments that lie beside a WebSocket file."""
    name, found, _ = path.name.partition(".ws.")
    return sorted(path.parent.glob(f"{name}.[0-9]*")) if found else []


def side_files(path: Path) -> list[Path]:
    """Return the side files that lie beside a WebSocket file."""
    name, found, _ = path.name.partition(".ws.")
    return sorted(path.parent.glob(f"{name}.http.*")) if found else []


def read_all(capture: Capture) -> bytes:
    return b"".join(iter(lambda: capture.read(1 << 20), b""))


def adopt(captures: list[Capture], heads: dict[Path, bytes]) -> list[Capture]:
    """Return the captures with recordings of cryptofeed turned into lines, side files merged in."""
    sides = [c for c in captures if is_side(heads[c.path])]
    mains = [c for c in captures if c not in sides and is_cryptofeed(heads[c.path])]
    if sides and not mains:
        raise CaptureError(
            f"{sides[0].path}: answers of REST that a cryptofeed recording has beside it; "
            "name the WebSocket file (NAME.ws.*)"
        )
    given = sides
    for main in mains:
        beside = given or [Capture(path) for path in side_files(main.path)]
        given = []  # those that were named belong to the first
        merged = lines_of(read_all(main))
        for side in beside:
            merged += lines_of(read_all(side))
            main.broken = main.broken or side.broken
            side.close()
        for path in list_files(main.path):
            listed = Capture(path)
            main.references += references_of(read_all(listed))
            listed.close()
        merged.sort(key=lambda line: line[0])
        main.chunks = io.BytesIO(b"".join(b"%d %b\n" % line for line in merged))
    return [c for c in captures if c not in sides]
