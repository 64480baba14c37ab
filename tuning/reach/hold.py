"""`hold:` - what lasts only as long as a descriptor is open, kept by one small process each.

    hold:dma_latency    the latency bound in force, in microseconds; writing one starts a holder
    hold:timestamp      open / closed: one socket with kernel time stamps, so that the static key
                        that the first such socket flips (an interrupt to every core) is flipped
                        already

Owns:    starting a holder, finding it again, ending it.
Refuses: descriptors of other programs: a bound that somebody else holds stays, and reads back.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import struct
import subprocess
import sys

from tuning.reach import live_only

DEVICE = "/dev/cpu_dma_latency"
SO_TIMESTAMP = 29
CODE = (
    "import os, signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
    "os.write(1, b'!'); os.close(1); signal.pause()"
)
_children: dict[int, subprocess.Popen[bytes]] = {}


def read(address: str, root: str) -> str:
    live_only(address, root)
    what = address.partition(":")[2]
    if what == "timestamp":
        return "open" if holders(what) else "closed"
    if what != "dma_latency":
        raise OSError(errno.EINVAL, "want hold:dma_latency or hold:timestamp", address)
    with open(DEVICE, "rb", buffering=0) as device:
        return str(struct.unpack("=i", device.read(4))[0])


def write(address: str, text: str, root: str) -> None:
    live_only(address, root)
    what = address.partition(":")[2]
    for pid in holders(what):
        _end(pid)
    if what == "timestamp":
        if text == "open":
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stamped:
                stamped.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMP, 1)
                _start(what, stamped.fileno())
        return
    with open(DEVICE, "r+b", buffering=0) as device:
        (now,) = struct.unpack("=i", device.read(4))
        if int(text) < now:  # a bound that is not tighter needs no holder
            device.write(struct.pack("=i", int(text)))
            _start(what, device.fileno())


def holders(what: str) -> list[int]:
    """Return the process ids of our holders of one kind."""
    marker = f"corelane-hold:{what}".encode()
    out = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as stream:
                    words = stream.read().split(b"\0")
            except OSError:
                continue
            if len(words) >= 2 and words[-2] == marker and words[-3:-2] == [CODE.encode()]:
                out.append(int(name))
    return out


def _start(what: str, descriptor: int) -> None:
    command = [sys.executable, "-I", "-S", "-c", CODE, f"corelane-hold:{what}"]
    child = subprocess.Popen(
        command,
        stdin=descriptor,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    _children[child.pid] = child
    # The kernel shows a command line only some time after exec: wait until the holder speaks.
    if child.stdout is None or child.stdout.read(1) != b"!":
        raise OSError(errno.ECHILD, "the holder did not start", f"hold:{what}")
    child.stdout.close()


def _end(pid: int) -> None:
    handle = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        child = _children.pop(pid, None)
        if child is not None:
            child.wait(5)
        else:
            _wait(handle)
    finally:
        os.close(handle)


def _wait(handle: int) -> None:
    """Wait until a process that is not our child has ended; its descriptors are closed then."""
    import select

    poller = select.poll()
    poller.register(handle, select.POLLIN)
    poller.poll(5000)
