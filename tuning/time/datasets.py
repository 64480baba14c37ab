"""The data sets of a PTP clock, as they stand in management messages.

Owns:    ids, records, one reader per data set.
Refuses: messages (wire.py), meaning (judge_ptp.py).  A data set of the wrong size is a WireError.

Integers are big-endian, except the counters of PORT_STATS_NP, which linuxptp sends little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class WireError(ValueError):
    """A datagram is no management message, or a data set has the wrong size."""


class Id(IntEnum):
    DEFAULT_DATA_SET = 0x2000
    CURRENT_DATA_SET = 0x2001
    PARENT_DATA_SET = 0x2002
    TIME_PROPERTIES_DATA_SET = 0x2003
    PORT_DATA_SET = 0x2004
    TIME_STATUS_NP = 0xC000
    GRANDMASTER_SETTINGS_NP = 0xC001
    SUBSCRIBE_EVENTS_NP = 0xC003
    PORT_PROPERTIES_NP = 0xC004
    PORT_STATS_NP = 0xC005
    SYNCHRONIZATION_UNCERTAIN_NP = 0xC006


class PortState(IntEnum):
    NONE = 0
    INITIALIZING = 1
    FAULTY = 2
    DISABLED = 3
    LISTENING = 4
    PRE_MASTER = 5
    MASTER = 6
    PASSIVE = 7
    UNCALIBRATED = 8
    SLAVE = 9
    GRAND_MASTER = 10


class Stamping(IntEnum):
    SOFTWARE = 0
    HARDWARE = 1
    LEGACY_HARDWARE = 2
    ONE_STEP = 3
    PEER_ONE_STEP = 4


def identity(raw: bytes) -> str:
    """Write a clock identity as linuxptp does: 72b0ee.fffe.39f826."""
    text = raw.hex()
    return f"{text[:6]}.{text[6:10]}.{text[10:]}"


@dataclass(frozen=True)
class Quality:
    clock_class: int
    accuracy: int
    variance: int


@dataclass(frozen=True)
class DefaultDataSet:
    two_step: bool
    slave_only: bool
    ports: int
    priority1: int
    quality: Quality
    priority2: int
    clock: str
    domain: int


@dataclass(frozen=True)
class CurrentDataSet:
    steps_removed: int
    offset_ns: float  # this clock minus its master
    mean_path_delay_ns: float


@dataclass(frozen=True)
class ParentDataSet:
    parent_port: str
    priority1: int
    quality: Quality  # of the grandmaster
    priority2: int
    grandmaster: str


@dataclass(frozen=True)
class TimeProperties:
    utc_offset_s: int
    leap61: bool
    leap59: bool
    utc_offset_valid: bool
    ptp_timescale: bool
    time_traceable: bool
    frequency_traceable: bool
    time_source: int


@dataclass(frozen=True)
class PortDataSet:
    port: str
    state: PortState
    log_delay_request: int
    peer_delay_ns: float
    log_announce: int
    announce_receipt_timeout: int
    log_sync: int
    delay_mechanism: int


@dataclass(frozen=True)
class TimeStatus:
    master_offset_ns: int
    ingress_ns: int  # receive time of the last Sync on this clock; 0 = none
    rate_offset: float
    grandmaster_present: bool
    grandmaster: str


@dataclass(frozen=True)
class GrandmasterSettings:
    quality: Quality
    properties: TimeProperties


@dataclass(frozen=True)
class Subscription:
    seconds: int
    events: bytes


@dataclass(frozen=True)
class PortProperties:
    port: str
    state: PortState
    stamping: Stamping
    interface: str


@dataclass(frozen=True)
class PortStats:
    port: str
    received: tuple[int, ...]  # by message type
    sent: tuple[int, ...]


@dataclass(frozen=True)
class Uncertain:
    value: int  # 0 no, 1 yes, 255 not applicable

    @property
    def is_uncertain(self) -> bool:
        return self.value == 1


@dataclass(frozen=True)
class Refused:
    """The error TLV: ptp4l knows the question and says no."""

    error: str


DataSet = (
    DefaultDataSet
    | CurrentDataSet
    | ParentDataSet
    | TimeProperties
    | PortDataSet
    | TimeStatus
    | GrandmasterSettings
    | Subscription
    | PortProperties
    | PortStats
    | Uncertain
    | Refused
)


def unpack(form: str, body: bytes) -> tuple[Any, ...]:
    want = struct.calcsize(form)
    if len(body) != want:
        raise WireError(f"data set has {len(body)} bytes, want {want}")
    return struct.unpack(form, body)


def port_identity(body: bytes) -> str:
    if len(body) < 10:
        raise WireError(f"port identity has {len(body)} bytes, want 10")
    return f"{identity(body[:8])}-{int.from_bytes(body[8:10], 'big')}"


def port_state(value: int) -> PortState:
    if value not in PortState.__members__.values():
        raise WireError(f"port state {value} is unknown, want 1..10")
    return PortState(value)


def properties(offset: int, flags: int, source: int) -> TimeProperties:
    bits = [bool(flags >> bit & 1) for bit in range(6)]
    return TimeProperties(offset, bits[0], bits[1], bits[2], bits[3], bits[4], bits[5], source)


def default_data_set(body: bytes) -> DefaultDataSet:
    flags, _, ports, first, cls, accuracy, variance, second, clock, domain, _ = unpack(
        ">BBHBBBHB8sBB", body
    )
    return DefaultDataSet(
        bool(flags & 1),
        bool(flags & 2),
        ports,
        first,
        Quality(cls, accuracy, variance),
        second,
        identity(clock),
        domain,
    )


def current_data_set(body: bytes) -> CurrentDataSet:
    steps, offset, delay = unpack(">Hqq", body)
    return CurrentDataSet(steps, offset / 65536, delay / 65536)


def parent_data_set(body: bytes) -> ParentDataSet:
    *_, first, cls, accuracy, variance, second, clock = unpack(">10sBBHIBBBHB8s", body)
    quality = Quality(cls, accuracy, variance)
    return ParentDataSet(port_identity(body), first, quality, second, identity(clock))


def time_properties(body: bytes) -> TimeProperties:
    return properties(*unpack(">hBB", body))


def port_data_set(body: bytes) -> PortDataSet:
    _, state, request, peer, announce, timeout, sync, mechanism, _, _ = unpack(
        ">10sBbqbBbBbB", body
    )
    return PortDataSet(
        port_identity(body),
        port_state(state),
        request,
        peer / 65536,
        announce,
        timeout,
        sync,
        mechanism,
    )


def time_status(body: bytes) -> TimeStatus:
    offset, ingress, rate, *_, present, clock = unpack(">qqiiH12si8s", body)
    return TimeStatus(offset, ingress, rate / 2**41, bool(present), identity(clock))


def grandmaster_settings(body: bytes) -> GrandmasterSettings:
    cls, accuracy, variance, offset, flags, source = unpack(">BBHhBB", body)
    return GrandmasterSettings(
        Quality(cls, accuracy, variance), properties(offset, flags, source)
    )


def subscription(body: bytes) -> Subscription:
    seconds, events = unpack(">H64s", body)
    return Subscription(seconds, events)


def port_properties(body: bytes) -> PortProperties:
    if len(body) < 13 or len(body) < 13 + body[12]:
        raise WireError(f"port properties have {len(body)} bytes, want 13 and the interface")
    if body[11] not in Stamping.__members__.values():
        raise WireError(f"time stamping {body[11]} is unknown, want 0..4")
    interface = body[13 : 13 + body[12]].decode("ascii", "replace")
    return PortProperties(port_identity(body), port_state(body[10]), Stamping(body[11]), interface)


def port_stats(body: bytes) -> PortStats:
    _, *counts = unpack("<10s16Q16Q", body)
    return PortStats(port_identity(body), tuple(counts[:16]), tuple(counts[16:]))


def uncertain(body: bytes) -> Uncertain:
    return Uncertain(unpack(">BB", body)[0])


READERS: dict[Id, Callable[[bytes], DataSet]] = {
    Id.DEFAULT_DATA_SET: default_data_set,
    Id.CURRENT_DATA_SET: current_data_set,
    Id.PARENT_DATA_SET: parent_data_set,
    Id.TIME_PROPERTIES_DATA_SET: time_properties,
    Id.PORT_DATA_SET: port_data_set,
    Id.TIME_STATUS_NP: time_status,
    Id.GRANDMASTER_SETTINGS_NP: grandmaster_settings,
    Id.SUBSCRIBE_EVENTS_NP: subscription,
    Id.PORT_PROPERTIES_NP: port_properties,
    Id.PORT_STATS_NP: port_stats,
    Id.SYNCHRONIZATION_UNCERTAIN_NP: uncertain,
}
