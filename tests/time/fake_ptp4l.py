"""A management socket that answers with captured replies, altered where a test says so.

The replies in replies/slave.json were captured from ptp4l 3.1.1 (software stamps, free_running 1,
slaveOnly 1).  Since free_running never reaches SLAVE, `locked()` alters three fields to what a
steered clock under a good grandmaster sends: that part is constructed.
"""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

from clock_lab import replies

from tuning.time.datasets import Id, PortState
from tuning.time.management import ManagementClient, PtpFacts

BODY = 54  # bytes before the data set
ALL_FLAGS = 0b111100  # UTC offset valid, PTP timescale, time and frequency traceable


def altered(message: bytes, at: int, value: bytes) -> bytes:
    return message[: BODY + at] + value + message[BODY + at + len(value) :]


def locked(state: PortState = PortState.SLAVE) -> dict[str, list[bytes]]:
    """Return the replies of a slave that follows a traceable grandmaster."""
    out = replies("slave")
    for name, at, value in (
        ("PORT_DATA_SET", 10, bytes([state])),
        ("PORT_PROPERTIES_NP", 10, bytes([state])),
        ("TIME_PROPERTIES_DATA_SET", 2, bytes([ALL_FLAGS])),
    ):
        out[name] = [altered(message, at, value) for message in out[name]]
    return out


class FakePtp4l(threading.Thread):
    """Answers GET by management id; silent for another domain or transport, as ptp4l is.

    The last Sync came in `age_ns` before each answer.
    """

    def __init__(
        self,
        path: Path,
        answers: dict[str, list[bytes]],
        domain: int = 0,
        age_ns: int = 20_000_000,
    ) -> None:
        super().__init__(daemon=True)
        self.answers = {int.from_bytes(one[0][52:54], "big"): one for one in answers.values()}
        self.domain, self.age_ns = domain, age_ns
        self.before: list[bytes] = []  # sent before each answer
        self.asked: list[int] = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.path = path
        self.socket.bind(str(path))

    def run(self) -> None:
        while True:
            question, sender = self.socket.recvfrom(2000)
            if not question:
                return
            if question[4] != self.domain or question[0] >> 4 != 0:
                continue
            id = int.from_bytes(question[52:54], "big")
            self.asked.append(id)
            for message in [*self.before, *self.answers.get(id, [])]:
                if id == Id.TIME_STATUS_NP and len(message) > BODY + 16:
                    ingress = time.time_ns() - self.age_ns
                    message = altered(message, 8, ingress.to_bytes(8, "big"))
                domain, sequence = question[4:5], question[30:32]
                echoed = message[:4] + domain + message[5:30] + sequence + message[32:]
                self.socket.sendto(echoed, sender)

    def __enter__(self) -> FakePtp4l:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
            one.sendto(b"", self.socket.getsockname())
        self.join()
        self.path.unlink()
        self.socket.close()


def facts_of(
    folder: Path, answers: dict[str, list[bytes]], age_ns: int = 20_000_000
) -> PtpFacts:
    """Read one set of answers through the real client."""
    path = folder / "ptp4l"
    with FakePtp4l(path, answers, age_ns=age_ns), ManagementClient(path, timeout_s=5) as client:
        return client.facts()
