"""`napi:`, `netdev:` and `qdisc:` - what the kernel answers over netlink.

    napi:DEV          [{"id","irq","pid","defer","gro_flush_ns","irq_suspend_ns","threaded"}, ...]
    napi:DEV/ID       one of them; written as the fields to change (defer, gro_flush_ns, ...)
    netdev:DEV        {"xdp_features"}
    qdisc:DEV         kind of the root queueing discipline

Owns:    generic netlink family `netdev` (Linux 6.6; settings from 6.13) and one rtnetlink dump.
Refuses: other families.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import struct
from collections.abc import Iterator
from typing import Any

from tuning.reach import live_only

ROUTE, GENERIC = 0, 16
REQUEST, ACK, DUMP = 1, 4, 0x300
ERROR, DONE = 2, 3
CONTROLLER, GET_FAMILY, FAMILY_ID, FAMILY_NAME = 16, 3, 1, 2
DEV_GET, NAPI_GET, NAPI_SET = 1, 11, 14
GET_QDISC, QDISC_KIND = 38, 1
ROOT_PARENT = 0xFFFFFFFF
NAPI = {
    1: "ifindex",
    2: "id",
    3: "irq",
    4: "pid",
    5: "defer",
    6: "gro_flush_ns",
    7: "irq_suspend_ns",
    8: "threaded",
}
WIDE = {"gro_flush_ns", "irq_suspend_ns"}  # `uint` attributes: 4 or 8 bytes on the wire
SETTABLE = ("defer", "gro_flush_ns", "irq_suspend_ns", "threaded")


def read(address: str, root: str) -> str:
    live_only(address, root)
    scheme, _, rest = address.partition(":")
    device, _, napi = rest.partition("/")
    index = _index(address, device)
    if scheme == "qdisc":
        return _qdisc(index)
    if scheme == "netdev":
        request = struct.pack("=HHI", 8, 1, index)
        for attributes in _generic(address, DEV_GET, request):
            return json.dumps({"xdp_features": _integer(attributes.get(3, b"\0"))})
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV), address)
    rows = [
        _napi(a)
        for a in _generic(address, NAPI_GET, struct.pack("=HHI", 8, 1, index), REQUEST | DUMP)
    ]
    if not napi:
        rows.sort(key=lambda row: int(row["id"]))
        return json.dumps(rows, sort_keys=True, separators=(",", ":"))
    for row in rows:
        if row["id"] == int(napi):
            settings = {name: row[name] for name in SETTABLE if name in row}
            return json.dumps(settings, sort_keys=True, separators=(",", ":"))
    raise OSError(errno.ENOENT, f"no NAPI {napi} on {device}", address)


def write(address: str, text: str, root: str) -> None:
    live_only(address, root)
    scheme, _, rest = address.partition(":")
    device, _, napi = rest.partition("/")
    if scheme != "napi" or not napi:
        raise OSError(errno.EPERM, "want napi:DEV/ID", address)
    _index(address, device)
    numbers = {name: number for number, name in NAPI.items()}
    request = struct.pack("=HHI", 8, numbers["id"], int(napi))
    for name, value in json.loads(text).items():
        if name not in SETTABLE:
            raise OSError(errno.EINVAL, f"no field {name!r}", address)
        shape = "=HHQ" if name in WIDE and value > 0xFFFFFFFF else "=HHI"
        request += struct.pack(shape, struct.calcsize(shape), numbers[name], value)
    for _ in _generic(address, NAPI_SET, request, REQUEST | ACK):
        pass


def _index(address: str, device: str) -> int:
    try:
        return socket.if_nametoindex(device)
    except OSError:
        raise OSError(errno.ENODEV, f"no interface {device!r}", address) from None


def _napi(attributes: dict[int, bytes]) -> dict[str, Any]:
    return {NAPI[kind]: _integer(value) for kind, value in attributes.items() if kind in NAPI}


def _integer(value: bytes) -> int:
    return int.from_bytes(value, "little")


def _attributes(payload: bytes) -> dict[int, bytes]:
    out, at = {}, 0
    while at + 4 <= len(payload):
        length, kind = struct.unpack_from("=HH", payload, at)
        if length < 4:
            break
        out[kind & 0x3FFF] = payload[at + 4 : at + length]
        at += (length + 3) & ~3
    return out


def _talk(address: str, protocol: int, kind: int, flags: int, payload: bytes) -> Iterator[bytes]:
    """Send one request and yield the payload of each answer."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol) as link:
        link.bind((0, 0))
        link.settimeout(2)
        link.send(struct.pack("=IHHII", 16 + len(payload), kind, flags, 1, 0) + payload)
        while True:
            block, at = link.recv(1 << 18), 0
            while at + 16 <= len(block):
                length, answer, more, _, _ = struct.unpack_from("=IHHII", block, at)
                body = block[at + 16 : at + length]
                at += (length + 3) & ~3
                if answer == DONE:
                    return
                if answer == ERROR:
                    (code,) = struct.unpack_from("=i", body)
                    if code:
                        raise OSError(-code, os.strerror(-code), address)
                    return
                yield body
                if not more & 2 and not flags & ACK:
                    return


def _generic(
    address: str, command: int, payload: bytes, flags: int = REQUEST
) -> Iterator[dict[int, bytes]]:
    name = struct.pack("=HH", 11, FAMILY_NAME) + b"netdev\0\0"
    family = 0
    for body in _talk(
        address, GENERIC, CONTROLLER, REQUEST, struct.pack("=BBH", GET_FAMILY, 1, 0) + name
    ):
        family = _integer(_attributes(body[4:])[FAMILY_ID])
    for body in _talk(
        address, GENERIC, family, flags, struct.pack("=BBH", command, 1, 0) + payload
    ):
        yield _attributes(body[4:])


def _qdisc(index: int) -> str:
    for body in _talk(f"qdisc:{index}", ROUTE, GET_QDISC, REQUEST | DUMP, bytes(20)):
        _, _, found, _, parent, _ = struct.unpack_from("=BxHiIII", body)
        if found == index and parent == ROOT_PARENT:
            return _attributes(body[20:])[QDISC_KIND].rstrip(b"\0").decode()
    return "noqueue"
