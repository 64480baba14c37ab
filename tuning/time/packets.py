"""Two clocks on one packet: the kernel's or the card's stamp against the reading of the program.

Owns:    packets sent to ourselves with SO_TIMESTAMPING, their stamps, and the judgement: program
         before, stamp on the way out, stamp on the way in, program after must stand in that order.
Refuses: believing setsockopt (it takes hardware flags where there is no hardware): only stamps that
         came back count.  The first packets after switching on have none: the kernel arms the
         stamping by deferred work.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from tuning.jitter.histogram import Histogram
from tuning.time.verdict import Check, Verdict, duration, level

SO_TIMESTAMPING = 37
TX_HARDWARE, TX_SOFTWARE, RX_HARDWARE, RX_SOFTWARE, SOFTWARE = 1, 2, 4, 8, 16
RAW_HARDWARE, OPT_ID, OPT_TSONLY = 64, 128, 2048
FLAGS = TX_SOFTWARE | RX_SOFTWARE | SOFTWARE | OPT_ID | OPT_TSONLY
HARDWARE_FLAGS = TX_HARDWARE | RX_HARDWARE | RAW_HARDWARE
IP_RECVERR = 11
STAMPS = struct.Struct("@qqqqqq")  # three timespecs: software, unused, raw hardware
EXTENDED_ERROR = struct.Struct("@IBBBBII")
WARM_UP = 20
WAIT_S = 0.2
ANCILLARY_BYTES = 512


class StampKind(IntEnum):
    NONE = 0
    SOFTWARE = 1
    HARDWARE = 2


@dataclass(frozen=True)
class PacketStamps:
    """One packet's way, in nanoseconds of CLOCK_REALTIME; 0 = no such stamp."""

    before_ns: int
    sent_ns: int
    received_ns: int
    after_ns: int
    sent_hardware_ns: int = 0  # raw: in the time scale of the card's clock
    received_hardware_ns: int = 0


@dataclass(frozen=True)
class StampCheck:
    kind: StampKind
    packets: int
    stamped: int  # with a stamp on the way out and on the way in
    disordered: int
    send_to_stamp: Histogram
    stamp_to_program: Histogram
    hardware_minus_software_ns: int | None  # median, on the way in; None = no hardware stamp
    checks: tuple[Check, ...]


def stamps_of(ancillary: Sequence[tuple[int, int, bytes]]) -> tuple[int, int, int | None]:
    """Return (software, hardware, packet number) from control messages."""
    software = hardware = 0
    number = None
    for level_, kind, body in ancillary:
        if level_ == socket.SOL_SOCKET and kind == SO_TIMESTAMPING and len(body) >= STAMPS.size:
            s, ns, _, _, hs, hns = STAMPS.unpack_from(body)
            software, hardware = s * 1_000_000_000 + ns, hs * 1_000_000_000 + hns
        if level_ == socket.IPPROTO_IP and kind == IP_RECVERR and len(body) >= EXTENDED_ERROR.size:
            number = EXTENDED_ERROR.unpack_from(body)[6]
    return software, hardware, number


def outgoing(sender: socket.socket, number: int) -> tuple[int, int]:
    """Read stamps of sent packets from the error queue until that of `number` has come."""
    until = time.monotonic() + WAIT_S
    while (left := until - time.monotonic()) > 0:
        poller = select.poll()
        poller.register(sender, select.POLLERR)
        if not poller.poll(left * 1000):
            break
        try:
            _, ancillary, _, _ = sender.recvmsg(0, ANCILLARY_BYTES, socket.MSG_ERRQUEUE)
        except BlockingIOError:
            continue
        software, hardware, seen = stamps_of(ancillary)
        if seen == number:
            return software, hardware
    return 0, 0


def collect(
    packets: int, address: str = "127.0.0.1", interface: str | None = None
) -> list[PacketStamps]:
    """Send packets to ourselves and return their stamps.

    On loopback the kernel stamps; a card stamps only what passes its wire, so for hardware stamps
    `address` must be one that comes back over it.
    """
    kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
    with socket.socket(socket.AF_INET, kind) as receiver, \
            socket.socket(socket.AF_INET, kind) as sender:  # fmt: skip
        flags = FLAGS | (HARDWARE_FLAGS if interface else 0)
        for one in (receiver, sender):
            if interface:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
            one.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, flags)
            one.settimeout(WAIT_S)
        receiver.bind((address, 0))
        sender.connect(receiver.getsockname())
        out = []
        for number in range(packets + WARM_UP):
            payload = number.to_bytes(8, "big")
            before = time.time_ns()
            sender.send(payload)
            try:
                body, ancillary, _, _ = receiver.recvmsg(64, ANCILLARY_BYTES)
            except TimeoutError:
                continue
            after = time.time_ns()
            received, received_hardware, _ = stamps_of(ancillary)
            sent, sent_hardware = outgoing(sender, number)
            if number >= WARM_UP and body == payload:
                out.append(
                    PacketStamps(before, sent, received, after, sent_hardware, received_hardware)
                )
        return out


def judge_stamps(
    stamps: Sequence[PacketStamps], asked: int, phc_minus_system_ns: int | None = None
) -> StampCheck:
    """Judge packet stamps.  `phc_minus_system_ns` brings raw hardware stamps to the same scale."""
    whole = [one for one in stamps if one.sent_ns and one.received_ns]
    disordered = [
        one for one in whole
        if not one.before_ns <= one.sent_ns <= one.received_ns <= one.after_ns
    ]  # fmt: skip
    departure, arrival = Histogram(), Histogram()
    for one in whole:
        departure.record(max(0, one.sent_ns - one.before_ns))
        arrival.record(max(0, one.after_ns - one.received_ns))
    hardware = sorted(
        one.received_hardware_ns - phc_minus_system_ns - one.received_ns
        for one in whole
        if one.received_hardware_ns and phc_minus_system_ns is not None
    )
    has_raw = any(one.received_hardware_ns for one in stamps)
    kind = StampKind.HARDWARE if has_raw else StampKind.SOFTWARE if whole else StampKind.NONE
    checks = [check_count(len(whole), asked), check_order(len(disordered), len(whole))]
    median = hardware[len(hardware) // 2] if hardware else None
    if median is not None:
        checks.append(check_hardware(median, arrival))
    return StampCheck(
        kind, asked, len(whole), len(disordered), departure, arrival, median, tuple(checks)
    )


def check_count(whole: int, asked: int) -> Check:
    seen, wanted = f"{whole} of {asked}", "all packets stamped twice"
    if whole == 0:
        return Check("stamps.count", Verdict.UNKNOWN, seen, wanted, "the kernel stamped nothing")
    verdict = Verdict.OK if whole * 100 >= asked * 99 else Verdict.WARN
    return Check("stamps.count", verdict, seen, wanted)


def check_order(disordered: int, whole: int) -> Check:
    wanted = "program <= out <= in <= program"
    if whole == 0:
        return Check("stamps.order", Verdict.UNKNOWN, "no stamps", wanted)
    if disordered:
        return Check("stamps.order", Verdict.FAIL, f"{disordered} of {whole} out of order", wanted,
                     "the stamps are from another clock, or the clock was set",
                     "compare CLOCK_REALTIME with the stamping clock")  # fmt: skip
    return Check("stamps.order", Verdict.OK, f"{whole} in order", wanted)


def check_hardware(median_ns: int, arrival: Histogram) -> Check:
    """A card stamps before the kernel does; the difference is the way of the interrupt."""
    room = max(arrival.quantile(0.99), 1_000_000)
    verdict = level(median_ns, room, room)
    if median_ns > 10_000:
        verdict = Verdict.FAIL  # the card cannot have seen the packet after the kernel
    return Check("stamps.hardware", verdict, duration(median_ns), f"-{duration(room)} .. 10 us",
                 "" if verdict is Verdict.OK else "card and system clock disagree")  # fmt: skip


def check_packet_stamps(packets: int = 200, *, interface: str | None = None,
                        address: str = "127.0.0.1") -> StampCheck:  # fmt: skip
    """Check the program's clock against packet stamps: hardware where `interface` has them."""
    offset = None
    if interface is not None:
        from tuning.time.phc import find_phcs, read_phc

        phcs = [read_phc(index) for index in find_phcs()]
        cross = next((phc.cross for phc in phcs if interface in phc.interfaces), None)
        offset = cross.offset_ns if cross else None
    return judge_stamps(collect(packets, address, interface), packets, offset)
