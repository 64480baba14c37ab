"""`can:`, `msr:`, `clock:` - what is found out by trying or asking, and never written.

    can:afxdp        yes / no: may an AF_XDP socket be opened
    can:fifo         yes / no: may this thread have real-time priority
    msr:CPU/0x34     a model-specific register
    clock:state      {"state","status","maxerror_us","frequency","tai_s"} of adjtimex, reading only

Owns:    these trials; what they change they put back at once.
Refuses: writes.
"""

from __future__ import annotations

import errno
import json
import os
import socket

from tuning.reach import failed, live_only, split

AF_XDP = 44


def read(address: str, root: str) -> str:
    live_only(address, root)
    scheme, _, rest = address.partition(":")
    if scheme == "msr":
        cpu, register = split(address, 2)
        descriptor = os.open(f"/dev/cpu/{int(cpu)}/msr", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return str(int.from_bytes(os.pread(descriptor, 8, int(register, 16)), "little"))
        finally:
            os.close(descriptor)
    if scheme == "clock":
        return _clock(address)
    if rest == "afxdp":
        return _may(lambda: socket.socket(AF_XDP, socket.SOCK_RAW, 0).close())
    if rest == "fifo":
        return _may(_try_fifo)
    raise OSError(errno.EINVAL, "want can:afxdp or can:fifo", address)


def write(address: str, text: str, root: str) -> None:
    raise OSError(errno.EPERM, "this address is read-only", address)


def _may(action) -> str:  # type: ignore[no-untyped-def]
    try:
        action()
    except OSError as error:
        return f"no: {errno.errorcode.get(error.errno or 0, error.errno)}"
    return "yes"


def _try_fifo() -> None:
    policy, parameter = os.sched_getscheduler(0), os.sched_getparam(0)
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    os.sched_setscheduler(0, policy, parameter)


def _clock(address: str) -> str:
    from tuning._calls import ffi, lib

    out = ffi.new("int64_t[5]")
    if lib.tn_clock_state(out) != 0:
        raise failed(address)
    names = ("state", "status", "maxerror_us", "frequency", "tai_s")
    return json.dumps(dict(zip(names, (int(value) for value in out), strict=True)), sort_keys=True)
