"""Local sockets with peer credentials: lines of JSON between a command and a running process.

Owns:    addresses beyond 107 bytes, who speaks, asking one question.
Refuses: serving (control_socket.py, sentinel/door.py), what commands mean.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

REASON_CHARACTERS_MAX = 90  # the control page holds 95 bytes
CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


class CommandError(Exception):
    """A request cannot be carried out; its text goes to who asked."""


class Peer(NamedTuple):
    pid: int
    uid: int
    gid: int


@contextlib.contextmanager
def short_path(path: Path) -> Iterator[str]:
    """Name a socket by its directory's descriptor: addresses end at 107 bytes, paths do not."""
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def peer_of(connection: Any) -> Peer:
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    return Peer(*CREDENTIALS.unpack(packed))


def printable(text: str) -> str:
    """Return a reason as one line of printable ASCII: it goes to logs and to a page."""
    kept = "".join(c if " " <= c <= "~" else "?" for c in text)
    return kept[:REASON_CHARACTERS_MAX]


def ask(path: Path, request: dict[str, Any], seconds: float, who: str) -> dict[str, Any]:
    """Send one request to a socket and return its answer.  Raises CommandError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(seconds)
        try:
            with short_path(path) as short:
                connection.connect(short)
            connection.sendall(json.dumps(request).encode() + b"\n")
            data = bytearray()
            while not data.endswith(b"\n"):
                part = connection.recv(65536)
                if not part:
                    break
                data += part
        except (FileNotFoundError, ConnectionRefusedError):
            raise CommandError(
                f"{who} does not listen on {path}; is it running? "
                "name another one with --deployment"
            ) from None
        except OSError as error:
            raise CommandError(f"{path}: {error}; {who} may be stuck") from error
    try:
        answer: dict[str, Any] = json.loads(data)
    except ValueError:
        raise CommandError(f"{path}: no whole answer, {len(data)} bytes; ask again") from None
    if not answer.get("ok"):
        raise CommandError(str(answer.get("error")))
    return answer
