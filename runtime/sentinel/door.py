"""The sentinel's own local socket: a person reaches it when nothing else answers.

Owns:    <state_dir>/run/sentinel.sock (0600), one line of JSON in, one out, peer credentials.
Refuses: other users, blocking: a slow client costs nothing, a second line is not read.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
from pathlib import Path
from typing import Any

from runtime.supervise.peer import Peer, peer_of, short_path
from runtime.supervise.state import state_path

LINE_BYTES_MAX = 4096
CONNECTIONS_MAX = 8


def door_path(deployment: str) -> Path:
    return state_path(deployment) / "run" / "sentinel.sock"


class Door:
    """A listening socket and the few connections that it has."""

    def __init__(self, deployment: str) -> None:
        self.path = door_path(deployment)
        self.path.parent.mkdir(mode=0o700, exist_ok=True, parents=True)
        self.path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.setblocking(False)
        with short_path(self.path) as short:
            self.listener.bind(short)
        self.path.chmod(0o600)
        self.listener.listen(CONNECTIONS_MAX)
        self.held: dict[int, tuple[socket.socket, bytearray, Peer]] = {}

    def waits(self) -> dict[int, int]:
        """Return the descriptors to look at, and for what."""
        return {self.listener.fileno(): select.POLLIN} | dict.fromkeys(self.held, select.POLLIN)

    def take(self, descriptor: int) -> tuple[int, dict[str, Any], Peer] | None:
        """Take what a descriptor brought; return (connection, request, who) when it is whole."""
        if descriptor == self.listener.fileno():
            with contextlib.suppress(OSError):
                connection, _ = self.listener.accept()
                connection.setblocking(False)
                peer = peer_of(connection)
                if peer.uid not in (os.geteuid(), 0) or len(self.held) >= CONNECTIONS_MAX:
                    connection.close()
                else:
                    self.held[connection.fileno()] = (connection, bytearray(), peer)
            return None
        connection, data, peer = self.held[descriptor]
        try:
            part = connection.recv(LINE_BYTES_MAX)
        except BlockingIOError:
            return None
        except OSError:
            part = b""
        data += part
        if b"\n" not in data:
            if not part or len(data) > LINE_BYTES_MAX:
                self.drop(descriptor)
            return None
        try:
            request = json.loads(data.partition(b"\n")[0])
            if not isinstance(request, dict):
                raise ValueError("no object")
        except (ValueError, RecursionError):
            self.answer(descriptor, {"ok": False, "error": "want one JSON object a line"})
            return None
        return descriptor, request, peer

    def answer(self, descriptor: int, answer: dict[str, Any]) -> None:
        """Answer and close; who does not read at once is not waited for."""
        held = self.held.get(descriptor)
        if held is not None:
            with contextlib.suppress(OSError):
                held[0].send(json.dumps(answer).encode() + b"\n")
            self.drop(descriptor)

    def drop(self, descriptor: int) -> None:
        held = self.held.pop(descriptor, None)
        if held is not None:
            held[0].close()

    def close(self) -> None:
        for descriptor in list(self.held):
            self.drop(descriptor)
        self.listener.close()
        self.path.unlink(missing_ok=True)
