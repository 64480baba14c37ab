"""Ask ptp4l what it does, over its management socket.

Owns:    one datagram socket per client (bound in a private folder, removed afterwards), retries,
         finding the domain, one reading of all data sets (PtpFacts).
Refuses: changing ptp4l: only GET is sent.  Verdicts (judge_ptp.py).

An answer takes 30 to 150 us.  ptp4l drops a question for another domain or another transport
nibble without a word, so silence is answered by looking for the right ones.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from tuning.time import datasets, wire
from tuning.time.datasets import Id

PATHS = ("run/ptp4lro", "var/run/ptp4lro", "run/ptp4l", "var/run/ptp4l")
TIMEOUT_S = 0.5
QUIET_S = 0.05  # an answer to the first guess is there by then
STEP_S = 0.002  # further guesses; a late answer to one of them still counts
DATAGRAM_BYTES_MAX = 1500
TRANSPORTS = (0, 1)  # 1588, 802.1AS
DOMAINS = range(128)

T = TypeVar("T")


class ManagementError(Exception):
    """ptp4l could not be asked, or said no."""


@dataclass(frozen=True)
class PtpFacts:
    """One reading of all data sets.  None or empty = not answered; `missing` says why."""

    path: str
    default: datasets.DefaultDataSet | None = None
    current: datasets.CurrentDataSet | None = None
    parent: datasets.ParentDataSet | None = None
    properties: datasets.TimeProperties | None = None
    status: datasets.TimeStatus | None = None
    settings: datasets.GrandmasterSettings | None = None
    uncertain: datasets.Uncertain | None = None
    ports: tuple[datasets.PortDataSet, ...] = ()
    port_properties: tuple[datasets.PortProperties, ...] = ()
    port_stats: tuple[datasets.PortStats, ...] = ()
    missing: dict[str, str] = field(default_factory=dict)
    taken_ns: int = 0  # CLOCK_REALTIME after TIME_STATUS_NP was read
    taken_monotonic_ns: int = 0


class ManagementClient:
    """A socket to one ptp4l.  Use as a context manager."""

    def __init__(
        self,
        path: str | Path,
        *,
        domain: int | None = None,
        transport: int | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.path = str(path)
        self.timeout_s = timeout_s
        self.domain = 0 if domain is None else domain
        self.transport = 0 if transport is None else transport
        self.domains = DOMAINS if domain is None else (domain,)
        self.transports = TRANSPORTS if transport is None else (transport,)
        self.is_found = domain is not None and transport is not None
        self.sequence = 0
        self.awaited: dict[int, tuple[int, int]] = {}  # sequence -> (domain, transport)
        self.discarded = 0  # datagrams that were no answer to the question
        self.folder = tempfile.mkdtemp(prefix="corelane-ptp-")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            self.socket.bind(os.path.join(self.folder, "client"))
            self.socket.settimeout(timeout_s)
            self.socket.connect(self.path)
        except OSError as error:
            self.close()
            raise ManagementError(
                f"{self.path}: {error.strerror}; is ptp4l running, and may this user ask it?"
            ) from error

    def __enter__(self) -> ManagementClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def send(self, id: int) -> None:
        self.sequence = self.sequence + 1 & 0xFFFF
        self.awaited[self.sequence] = (self.domain, self.transport)
        question = wire.request(
            id, sequence=self.sequence, domain=self.domain, transport=self.transport
        )
        try:
            self.socket.settimeout(self.timeout_s)  # a busy ptp4l's queue holds about ten questions
            self.socket.send(question)
        except OSError as error:
            raise ManagementError(f"{self.path}: {error.strerror or error}") from error

    def receive(self, until: float) -> wire.Reply | None:
        """Return the next answer to an awaited question, None when `until` passes first."""
        while (left := until - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                datagram = self.socket.recv(DATAGRAM_BYTES_MAX)
                reply = wire.parse(datagram)
            except datasets.WireError:
                self.discarded += 1
                continue
            except TimeoutError:
                return None
            except OSError as error:
                raise ManagementError(f"{self.path}: {error.strerror}") from error
            if self.awaited.get(reply.sequence, (None,))[0] == reply.domain:
                return reply
            self.discarded += 1
        return None

    def find(self) -> None:
        """Find the domain and transport nibble that ptp4l listens to.  Raises ManagementError."""
        if self.is_found:
            return
        tries = [(domain, nibble) for nibble in self.transports for domain in self.domains]
        for position, (self.domain, self.transport) in enumerate(tries):
            self.send(Id.DEFAULT_DATA_SET)
            is_last = position == len(tries) - 1
            wait = self.timeout_s if is_last else QUIET_S if position == 0 else STEP_S
            reply = self.receive(time.monotonic() + wait)
            if reply is not None:
                self.domain, self.transport = self.awaited[reply.sequence]
                self.is_found = True
                return
        tried = f"domains {min(self.domains)}-{max(self.domains)}"
        raise ManagementError(f"{self.path}: ptp4l is silent ({tried}, transports 0 and 1)")

    def get(self, id: int, expected: int = 1) -> list[wire.Reply]:
        """Ask for one data set and return `expected` answers, or those that came in time."""
        self.find()
        self.awaited.clear()
        self.send(id)
        replies: list[wire.Reply] = []
        until = time.monotonic() + self.timeout_s
        while len(replies) < expected and (reply := self.receive(until)) is not None:
            replies.append(reply)
            if isinstance(reply.content, datasets.Refused):
                break
        if not replies:
            raise ManagementError(f"{self.path}: no answer to 0x{id:04x} in {self.timeout_s} s")
        return replies

    def facts(self) -> PtpFacts:
        """Read all data sets.  Raises ManagementError when nothing answers at all."""
        self.find()
        missing: dict[str, str] = {}

        def many(id: Id, kind: type[T], expected: int) -> tuple[T, ...]:
            try:
                contents = [reply.content for reply in self.get(id, expected)]
            except ManagementError as error:
                missing[id.name] = str(error)
                return ()
            for content in contents:
                if isinstance(content, datasets.Refused):
                    missing[id.name] = content.error
            found = tuple(content for content in contents if isinstance(content, kind))
            if len(found) < expected:
                missing.setdefault(id.name, f"{len(found)} of {expected} ports answered")
            return found

        def one(id: Id, kind: type[T]) -> T | None:
            found = many(id, kind, 1)
            return found[0] if found else None

        default = one(Id.DEFAULT_DATA_SET, datasets.DefaultDataSet)
        count = default.ports if default else 1
        status = one(Id.TIME_STATUS_NP, datasets.TimeStatus)
        taken, taken_monotonic = time.time_ns(), time.monotonic_ns()
        return PtpFacts(
            path=self.path,
            default=default,
            status=status,
            taken_ns=taken,
            taken_monotonic_ns=taken_monotonic,
            current=one(Id.CURRENT_DATA_SET, datasets.CurrentDataSet),
            parent=one(Id.PARENT_DATA_SET, datasets.ParentDataSet),
            properties=one(Id.TIME_PROPERTIES_DATA_SET, datasets.TimeProperties),
            settings=one(Id.GRANDMASTER_SETTINGS_NP, datasets.GrandmasterSettings),
            uncertain=one(Id.SYNCHRONIZATION_UNCERTAIN_NP, datasets.Uncertain),
            ports=many(Id.PORT_DATA_SET, datasets.PortDataSet, count),
            port_properties=many(Id.PORT_PROPERTIES_NP, datasets.PortProperties, count),
            port_stats=many(Id.PORT_STATS_NP, datasets.PortStats, count),
            missing=missing,
        )


def find_socket(root: Path = Path("/")) -> Path | None:
    """Return ptp4l's socket, the read-only one first; None when there is none."""
    paths: Iterable[Path] = (root / name for name in PATHS)
    return next((path for path in paths if path.is_socket()), None)
