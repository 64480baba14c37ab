"""`tasks:` - every thread of the machine with what scheduling needs to know, as one JSON list.

Owns:    reading /proc/*/task/*/stat and status, also under a root.
Refuses: command lines: they hold secrets, `comm` names a program well enough.
"""

from __future__ import annotations

import errno
import json
import os
import re
from typing import Any

KTHREAD = 0x00200000
NO_SETAFFINITY = 0x04000000
POLICIES = {0: "other", 1: "fifo", 2: "rr", 3: "batch", 5: "idle", 6: "deadline", 7: "ext"}
_ALLOWED = re.compile(r"^Cpus_allowed_list:\s*(\S*)", re.M)
_SWITCHES = re.compile(r"^nonvoluntary_ctxt_switches:\s*(\d+)", re.M)


def read(address: str, root: str) -> str:
    return json.dumps(scan(root or ""), separators=(",", ":"))


def write(address: str, text: str, root: str) -> None:
    raise OSError(errno.EPERM, "tasks: is read-only; want task:TID/...", address)


def scan(root: str = "") -> list[dict[str, Any]]:
    """Return one record per thread; threads that end while we look are left out."""
    out: list[dict[str, Any]] = []
    for pid in sorted(int(name) for name in os.listdir(f"{root}/proc") if name.isdigit()):
        try:
            threads = os.listdir(f"{root}/proc/{pid}/task")
        except OSError:
            continue
        for tid in sorted(int(name) for name in threads if name.isdigit()):
            try:
                out.append(_thread(f"{root}/proc/{pid}/task/{tid}", pid, tid))
            except (OSError, ValueError, IndexError):
                continue
    return out


def _thread(folder: str, pid: int, tid: int) -> dict[str, Any]:
    with open(f"{folder}/stat") as stream:
        text = stream.read()
    comm = text[text.index("(") + 1 : text.rindex(")")]
    fields = text[text.rindex(")") + 2 :].split()
    with open(f"{folder}/status") as stream:
        status = stream.read()
    allowed = _ALLOWED.search(status)
    switches = _SWITCHES.search(status)
    flags = int(fields[6])
    return {
        "pid": pid,
        "tid": tid,
        "comm": comm,
        "kernel": bool(flags & KTHREAD),
        "fixed": bool(flags & NO_SETAFFINITY),
        "start": int(fields[19]),
        "cpu": int(fields[36]),
        "priority": int(fields[37]),
        "policy": POLICIES.get(int(fields[38]), fields[38]),
        "allowed": allowed[1] if allowed else "",
        "preempted": int(switches[1]) if switches else 0,
    }
