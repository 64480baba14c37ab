"""The sentinel's own connections to a venue: HTTP/1.1 on a few sockets that stay open.

Owns:    connecting (TLS too), one request at a time on each socket, timeouts, connecting again.
Refuses: what requests mean, blocking: everything happens in pump(), for as long as it is told.

No library of the lanes or of the session process is used: what fails there must not fail here.
Urgent requests go first; a request whose socket died is sent again on another one, because all
that a sentinel asks may be asked twice.
"""

from __future__ import annotations

import errno
import select
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

REQUEST_S = 1.0  # until an answer; then the socket is given up
CONNECT_S = 1.0
BACK_OFF_S = (0.05, 2.0)
MISSES_MAX = 32
RECEIVE_BYTES = 65_536
ANSWER_BYTES_MAX = 32 * 1024 * 1024


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Call:
    """A request on its way.  `text` is made when it leaves: its time stamp is fresh then."""

    method: str
    text: Callable[[], str]
    done: Callable[[Reply | None], None]  # None: no answer to be had
    tries: int = 3
    headers: dict[str, str] = field(default_factory=dict)


class WireError(Exception):
    """The venue's address cannot be used."""


class Line:
    """One connection: closed, on its way, idle or busy."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.socket: Any = None
        self.is_up = False
        self.wants_write = False
        self.call: Call | None = None
        self.since = 0.0  # of the connect or the request
        self.again = 0.0  # not before
        self.delay = BACK_OFF_S[0]
        self.received = bytearray()

    @property
    def is_idle(self) -> bool:
        return self.is_up and self.call is None

    def open(self, now: float) -> None:
        wire = self.wire
        self.since, self.received = now, bytearray()
        try:
            family, address = wire.address()
            plain = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
            self.socket = plain
            plain.setblocking(False)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            result = plain.connect_ex(address)
            if result not in (0, errno.EINPROGRESS):
                raise OSError(result, "connect")
            self.wants_write = True
            self.is_tls = False
        except OSError as error:
            self.close(now, error)

    def advance(self, now: float) -> None:
        """Go on with a connect or a handshake."""
        try:
            failed = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if failed:
                raise OSError(failed, "connect")
            if self.wire.tls is not None and not self.is_tls:
                self.socket = self.wire.tls.wrap_socket(
                    self.socket, server_hostname=self.wire.host, do_handshake_on_connect=False
                )
                self.is_tls = True
            if self.is_tls:
                self.wants_write = False
                try:
                    self.socket.do_handshake()
                except OSError as error:
                    if not self.is_later(error):
                        raise
                    return
            self.is_up, self.wants_write, self.delay = True, False, BACK_OFF_S[0]
            self.wire.connects += 1
            self.wire.misses = 0
        except OSError as error:
            self.close(now, error)

    def is_later(self, error: OSError) -> bool:
        """Say whether TLS wants the socket readable or writable first."""
        name = type(error).__name__
        self.wants_write = name == "SSLWantWriteError"
        return name in ("SSLWantReadError", "SSLWantWriteError") or isinstance(
            error, BlockingIOError
        )

    def send(self, call: Call, now: float) -> None:
        self.call, self.since = call, now
        head = "".join(f"{k}: {v}\r\n" for k, v in {**self.wire.headers, **call.headers}.items())
        data = f"{call.method} {call.text()} HTTP/1.1\r\n{head}\r\n".encode()
        try:
            # A request is some hundred bytes: an empty socket takes it whole or it is broken.
            if self.socket.send(data) != len(data):
                raise OSError(errno.EPIPE, "request cut")
            self.wire.requests += 1
        except OSError as error:
            self.close(now, error)

    def read(self, now: float) -> None:
        try:
            while True:
                part = self.socket.recv(RECEIVE_BYTES)
                if not part:
                    raise OSError(errno.EPIPE, "closed by the venue")
                self.received += part
                if len(self.received) > ANSWER_BYTES_MAX:
                    raise OSError(errno.EMSGSIZE, "answer without end")
                if len(part) < RECEIVE_BYTES and not getattr(self.socket, "pending", int)():
                    break
        except OSError as error:
            if not self.is_later(error):
                self.close(now, error)
                return
        try:
            reply = parse(self.received)
        except ValueError as error:
            self.close(now, error)
            return
        if reply is None:
            return
        call, self.call, self.received = self.call, None, bytearray()
        if reply.headers.get("connection", "").lower() == "close":
            self.close(now, None)
        if call is not None:
            call.done(reply)

    def close(self, now: float, error: Exception | None) -> None:
        """Let go of the socket; what was asked on it is asked on another one."""
        if self.socket is not None:
            self.socket.close()
        self.socket, self.is_up, self.wants_write = None, False, False
        self.again = now + self.delay if error is not None else now
        self.delay = min(self.delay * 2, BACK_OFF_S[1])
        if error is not None:
            self.wire.failures += 1
            self.wire.misses += 1
            self.wire.last_error = str(error)
            self.wire.last_errno = getattr(error, "errno", None) or 0
        call, self.call = self.call, None
        if call is not None:
            call.tries -= 1
            if call.tries > 0:
                self.wire.queue.appendleft(call)
            else:
                call.done(None)


class Wire:
    """All connections to one venue."""

    def __init__(
        self, url: str, lines: int, headers: dict[str, str] | None = None, ca: str | None = None
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise WireError(f"venue address is {url!r}; want http://host or https://host")
        self.host = parts.hostname
        self.port = parts.port or (443 if parts.scheme == "https" else 80)
        self.tls: Any = None
        if parts.scheme == "https":
            import ssl  # some megabytes that a plain venue does not cost

            self.tls = ssl.create_default_context(cafile=ca)
        self.headers = {"Host": parts.netloc, "Content-Length": "0", **(headers or {})}
        self.known: list[tuple[Any, Any]] = []  # addresses, as last resolved
        self.turn = 0
        self.queue: deque[Call] = deque()
        self.lines = [Line(self) for _ in range(lines)]
        self.requests = 0
        self.failures = self.connects = 0
        self.misses = 0  # failures since a connection was made
        self.last_error = ""
        self.last_errno = 0

    @property
    def is_gone(self) -> bool:
        """Say whether nobody listens there any more, on this very machine: a venue of our own that
        has ended.  Of another machine a refusal says nothing: it may be a network's."""
        is_here = self.host in ("localhost", "::1") or self.host.startswith("127.")
        return (
            is_here and not self.up and self.misses > 1 and self.last_errno == errno.ECONNREFUSED
        )

    def resolve(self) -> None:
        """Look the venue's name up: at start and now and then, never in an emergency."""
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except OSError as error:
            if not self.known:
                raise WireError(f"{self.host}: {error.strerror}") from error
            return
        self.known = [(entry[0], entry[4]) for entry in found]

    def address(self) -> tuple[Any, Any]:
        if not self.known or self.misses >= MISSES_MAX:  # the name may mean another address now
            self.misses = 0
            self.resolve()
        self.turn += 1
        return self.known[self.turn % len(self.known)]

    @property
    def up(self) -> int:
        return sum(line.is_up for line in self.lines)

    def submit(self, call: Call, urgent: bool = False) -> None:
        if urgent:
            self.queue.appendleft(call)
        else:
            self.queue.append(call)

    def pump(self, seconds: float, others: dict[int, int] | None = None) -> list[tuple[int, int]]:
        """Move everything on, then wait at most `seconds` for anything.

        others: further descriptors and what to wait for; those that are ready are returned.
        """
        now = time.monotonic()
        self.step(now)
        watched: dict[int, Line] = {}
        poll = select.poll()
        for line in self.lines:
            if line.socket is not None:
                descriptor = line.socket.fileno()
                watched[descriptor] = line
                poll.register(descriptor, select.POLLOUT if line.wants_write else select.POLLIN)
        for descriptor, events in (others or {}).items():
            poll.register(descriptor, events)
        ready = poll.poll(max(0.0, seconds) * 1000)
        now = time.monotonic()
        out = []
        for descriptor, events in ready:
            if (one := watched.get(descriptor)) is None:
                out.append((descriptor, events))
            elif one.is_up:
                one.read(now)
            else:
                one.advance(now)
        self.step(now)
        return out

    def step(self, now: float) -> None:
        """Connect what is closed, give up what is late, hand out requests."""
        for line in self.lines:
            if line.socket is None:
                if now >= line.again:
                    line.open(now)
            elif not line.is_up and now - line.since > CONNECT_S:
                line.close(now, TimeoutError("no connection in time"))
            elif line.call is not None and now - line.since > REQUEST_S:
                line.close(now, TimeoutError("no answer in time"))
        for line in self.lines:
            if self.queue and line.is_idle:
                line.send(self.queue.popleft(), now)

    def close(self) -> None:
        for line in self.lines:
            if line.socket is not None:
                line.socket.close()
                line.socket = None


def parse(data: bytearray) -> Reply | None:
    """Return the answer that the bytes hold, None while it is not whole."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    lines = bytes(data[:end]).decode("latin-1").split("\r\n")
    words = lines[0].split(" ", 2)
    if len(words) < 2 or not words[1].isdigit():
        raise ValueError(f"no HTTP answer: {lines[0][:80]!r}")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = bytes(data[end + 4 :])
    if headers.get("transfer-encoding", "").lower() == "chunked":
        whole = unchunk(body)
        return None if whole is None else Reply(int(words[1]), headers, whole)
    size = int(headers.get("content-length", "0"))
    return Reply(int(words[1]), headers, body[:size]) if len(body) >= size else None


def unchunk(body: bytes) -> bytes | None:
    out, at = bytearray(), 0
    while True:
        end = body.find(b"\r\n", at)
        if end < 0:
            return None
        size = int(body[at:end].split(b";")[0], 16)
        if len(body) < end + 2 + size + 2:
            return None
        if size == 0:
            return bytes(out)
        out += body[end + 2 : end + 2 + size]
        at = end + 2 + size + 2
