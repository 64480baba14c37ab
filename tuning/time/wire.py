"""PTP management messages: bytes on ptp4l's socket <-> replies.

Owns:    the message header, the management TLV, error replies.
Refuses: sockets (management.py), what the data sets hold (datasets.py).  A datagram that is not
         exactly as IEEE 1588 and linuxptp define it is a WireError, never half a record.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from tuning.time.datasets import READERS, DataSet, Id, Refused, WireError, identity

HEADER = struct.Struct(">BBHBBHqI8sHHBb")
TARGET = struct.Struct(">8sHBBBB")  # port identity, hops, hops, action, reserved
TLV = struct.Struct(">HHH")  # type, length of what follows, management id
MANAGEMENT, VERSION, CONTROL, INTERVAL = 0x0D, 0x02, 0x04, 0x7F
TLV_MANAGEMENT, TLV_ERROR = 0x0001, 0x0002


class Action(IntEnum):
    GET = 0
    SET = 1
    RESPONSE = 2
    COMMAND = 3
    ACKNOWLEDGE = 4


ERRORS = {
    0x0001: "RESPONSE_TOO_BIG",
    0x0002: "NO_SUCH_ID",
    0x0003: "WRONG_LENGTH",
    0x0004: "WRONG_VALUE",
    0x0005: "NOT_SETABLE",
    0x0006: "NOT_SUPPORTED",
    0xFFFE: "GENERAL_ERROR",
}


@dataclass(frozen=True)
class Reply:
    id: int
    port: str  # who answered
    sequence: int
    domain: int
    content: DataSet


def request(
    id: int,
    *,
    sequence: int = 0,
    domain: int = 0,
    transport: int = 0,
    action: Action = Action.GET,
    body: bytes = b"",
) -> bytes:
    """Write one management message to all ports of the clock that is asked."""
    if len(body) % 2:
        body += b"\0"
    length = HEADER.size + TARGET.size + TLV.size + len(body)
    header = HEADER.pack(
        transport << 4 | MANAGEMENT, VERSION, length, domain, 0, 0, 0, 0,
        b"\0" * 8, 0, sequence, CONTROL, INTERVAL,
    )  # fmt: skip
    target = TARGET.pack(b"\xff" * 8, 0xFFFF, 0, 0, action, 0)
    return header + target + TLV.pack(TLV_MANAGEMENT, 2 + len(body), id) + body


def parse(datagram: bytes) -> Reply:
    """Read one answer.  Raises WireError."""
    least = HEADER.size + TARGET.size + TLV.size
    if len(datagram) < least:
        raise WireError(f"management message has {len(datagram)} bytes, want at least {least}")
    kind, version, length, domain, *_, clock, port, sequence, _, _ = HEADER.unpack_from(datagram)
    if kind & 0x0F != MANAGEMENT or version & 0x0F != VERSION:
        raise WireError(f"message type {kind & 15} of PTP {version & 15}, want 13 of PTP 2")
    if not least <= length <= len(datagram):
        raise WireError(f"header says {length} bytes, the datagram has {len(datagram)}")
    action = TARGET.unpack_from(datagram, HEADER.size)[4] & 0x0F
    if action not in (Action.RESPONSE, Action.ACKNOWLEDGE):
        raise WireError(f"action {action} is no answer, want {Action.RESPONSE:d}")
    at = HEADER.size + TARGET.size
    tlv, size, id = TLV.unpack_from(datagram, at)
    body = datagram[at + TLV.size : at + 4 + size]
    if size < 2 or at + 4 + size > length:
        raise WireError(f"management TLV says {size} bytes, {length - at - 4} are there")
    source = f"{identity(clock)}-{port}"
    if tlv == TLV_ERROR:
        asked = int.from_bytes(body[:2], "big")
        refused = Refused(ERRORS.get(id, f"error 0x{id:04x}"))
        return Reply(asked, source, sequence, domain, refused)
    if tlv != TLV_MANAGEMENT:
        raise WireError(f"TLV type {tlv}, want {TLV_MANAGEMENT} or {TLV_ERROR}")
    if id not in READERS:
        raise WireError(f"management id 0x{id:04x} is not one of ours")
    return Reply(id, source, sequence, domain, READERS[Id(id)](body))
