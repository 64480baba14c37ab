"""`ethtool:` - what a network card's driver is asked and told, by ioctl.

    ethtool:DEV/coalesce  ring  channels  pause  eee    objects, read and written
    ethtool:DEV/features  {"name": on} of what can be changed, read and written;  fixed: the rest
    ethtool:DEV/limits                                  what the driver allows for ring and channels
    ethtool:DEV/driver  stamps  stats                   read only

Owns:    the structures of linux/ethtool.h that these need.
Refuses: deciding.  A write reads first and changes only the fields that were given; a driver may
         take a part and say nothing, so the caller reads back.
"""

from __future__ import annotations

import array
import errno
import fcntl
import json
import socket
import struct
from typing import Any

from tuning.reach import live_only, split

SIOCETHTOOL = 0x8946
COALESCE = [
    "rx_usecs",
    "rx_frames",
    "rx_usecs_irq",
    "rx_frames_irq",
    "tx_usecs",
    "tx_frames",
    "tx_usecs_irq",
    "tx_frames_irq",
    "stats_usecs",
    "adaptive_rx",
    "adaptive_tx",
    "rate_low",
    "rx_usecs_low",
    "rx_frames_low",
    "tx_usecs_low",
    "tx_frames_low",
    "rate_high",
    "rx_usecs_high",
    "rx_frames_high",
    "tx_usecs_high",
    "tx_frames_high",
    "sample_interval",
]
RING = ["rx_max", "rx_mini_max", "rx_jumbo_max", "tx_max", "rx", "rx_mini", "rx_jumbo", "tx"]
CHANNELS = ["rx_max", "tx_max", "other_max", "combined_max", "rx", "tx", "other", "combined"]
PAUSE = ["autoneg", "rx", "tx"]
EEE = [
    "supported",
    "advertised",
    "partner",
    "active",
    "enabled",
    "tx_lpi",
    "tx_lpi_timer",
    "r0",
    "r1",
]
# name -> get, set, all fields, the fields that can be set
TABLES: dict[str, tuple[int, int, list[str], list[str]]] = {
    "coalesce": (0x0E, 0x0F, COALESCE, COALESCE),
    "ring": (0x10, 0x11, RING, RING[4:]),
    "channels": (0x3C, 0x3D, CHANNELS, CHANNELS[4:]),
    "pause": (0x12, 0x13, PAUSE, PAUSE),
    "eee": (0x44, 0x45, EEE, ["enabled"]),
}
DRIVER, STATS, FEATURES, FEATURES_SET, SIZES, STRINGS, STAMPS = (
    0x03,
    0x1D,
    0x3A,
    0x3B,
    0x37,
    0x1B,
    0x41,
)
STRINGS_STATS, STRINGS_FEATURES = 1, 4
NAME_BYTES = 32


def read(address: str, root: str) -> str:
    live_only(address, root)
    device, what = split(address, 2)
    if what in TABLES:
        fields = _table(address, device, what)
        answer: dict[str, Any] = {name: fields[name] for name in TABLES[what][3]}
    elif what == "limits":
        answer = {
            f"{table}_{name}": value
            for table in ("ring", "channels")
            for name, value in _try_table(address, device, table).items()
            if name.endswith("_max")
        }
    elif what in ("features", "fixed"):
        answer = _features(address, device, fixed=what == "fixed")
    elif what == "driver":
        answer = _driver(address, device)
    elif what == "stamps":
        raw = _call(address, device, struct.pack("=11I", STAMPS, *[0] * 10))
        _, modes, clock, tx_types, _, _, _, filters, *_ = struct.unpack("=IIiI3II3I", raw)
        answer = {"clock": clock, "filters": filters, "modes": modes, "tx_types": tx_types}
    elif what == "stats":
        answer = _stats(address, device)
    else:
        raise OSError(errno.EINVAL, f"no such question {what!r}", address)
    return json.dumps(answer, sort_keys=True, separators=(",", ":"))


def write(address: str, text: str, root: str) -> None:
    live_only(address, root)
    device, what = split(address, 2)
    wanted = json.loads(text)
    if what == "features":
        _set_features(address, device, wanted)
        return
    if what not in TABLES:
        raise OSError(errno.EPERM, f"{what} is read-only", address)
    _, setter, names, settable = TABLES[what]
    unknown = sorted(set(wanted) - set(settable))
    if unknown:
        raise OSError(errno.EINVAL, f"no field {', '.join(unknown)} in {what}", address)
    fields = {**_table(address, device, what), **wanted}
    _call(
        address,
        device,
        struct.pack(f"={len(names) + 1}I", setter, *(fields[name] for name in names)),
    )


def _call(address: str, device: str, request: bytes) -> bytes:
    """Run one SIOCETHTOOL; the kernel reads and fills the buffer that ifreq points to."""
    buffer = array.array("B", request)
    ifreq = struct.pack("=16sQ16x", device.encode()[:15], buffer.buffer_info()[0])
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            fcntl.ioctl(control, SIOCETHTOOL, ifreq)
    except OSError as error:
        raise OSError(error.errno, error.strerror, address) from None
    return buffer.tobytes()


def _table(address: str, device: str, what: str) -> dict[str, int]:
    getter, _, names, _ = TABLES[what]
    shape = f"={len(names) + 1}I"
    answer = struct.unpack(
        shape, _call(address, device, struct.pack(shape, getter, *[0] * len(names)))
    )
    return dict(zip(names, answer[1:], strict=True))


def _try_table(address: str, device: str, what: str) -> dict[str, int]:
    try:
        return _table(address, device, what)
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            return {}
        raise


def _driver(address: str, device: str) -> dict[str, str]:
    raw = _call(address, device, struct.pack("=I", DRIVER) + bytes(192))
    fields = struct.unpack("=I32s32s32s32s32s", raw[:164])[1:]
    labels = ("driver", "version", "firmware", "bus", "rom")
    return {
        label: field.split(b"\0")[0].decode("ascii", "replace")
        for label, field in zip(labels, fields, strict=True)
    }


def _strings(address: str, device: str, which: int) -> list[str]:
    raw = _call(address, device, struct.pack("=IIQI", SIZES, 0, 1 << which, 0))
    mask, count = struct.unpack_from("=QI", raw, 8)
    if not mask:
        return []
    raw = _call(
        address, device, struct.pack("=III", STRINGS, which, count) + bytes(NAME_BYTES * count)
    )
    return [
        raw[12 + NAME_BYTES * i : 12 + NAME_BYTES * (i + 1)]
        .split(b"\0")[0]
        .decode("ascii", "replace")
        for i in range(count)
    ]


def _feature_blocks(address: str, device: str, blocks: int) -> list[tuple[int, int, int, int]]:
    raw = _call(address, device, struct.pack("=II", FEATURES, blocks) + bytes(16 * blocks))
    return [struct.unpack_from("=IIII", raw, 8 + 16 * i) for i in range(blocks)]


def _features(address: str, device: str, *, fixed: bool) -> dict[str, bool]:
    """Return the features that can be changed, or those that cannot, with their state."""
    names = _strings(address, device, STRINGS_FEATURES)
    blocks = _feature_blocks(address, device, (len(names) + 31) // 32)
    out = {}
    for bit, name in enumerate(names):
        available, _, active, never = blocks[bit // 32]
        changeable = bool(available >> bit % 32 & 1 and not never >> bit % 32 & 1)
        if name and changeable is not fixed:
            out[name] = bool(active >> bit % 32 & 1)
    return out


def _set_features(address: str, device: str, wanted: dict[str, bool]) -> None:
    names = _strings(address, device, STRINGS_FEATURES)
    blocks = [[0, 0] for _ in range((len(names) + 31) // 32)]
    for name, on in wanted.items():
        if name not in names:
            raise OSError(errno.EINVAL, f"no feature {name!r}", address)
        bit = names.index(name)
        blocks[bit // 32][0] |= 1 << bit % 32
        blocks[bit // 32][1] |= int(bool(on)) << bit % 32
    flat = [word for block in blocks for word in block]
    _call(address, device, struct.pack(f"=II{len(flat)}I", FEATURES_SET, len(blocks), *flat))


def _stats(address: str, device: str) -> dict[str, int]:
    names = _strings(address, device, STRINGS_STATS)
    raw = _call(address, device, struct.pack("=II", STATS, len(names)) + bytes(8 * len(names)))
    return dict(zip(names, struct.unpack_from(f"={len(names)}Q", raw, 8), strict=True))
