"""Which host a figure belongs to, and which of its cores may be measured.

Owns:    the short fingerprint on every jitter figure, the default list of cores, threads that are
         pinned to a core alone.
Refuses: the whole baseline (the knobs know it); changing anything.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")


def first_line(path: Path) -> str:
    try:
        return path.read_text(errors="replace").split("\n", 1)[0].strip()
    except OSError:
        return ""


def cpuinfo(root: Path) -> dict[str, str]:
    """Return the first processor's fields of /proc/cpuinfo."""
    try:
        text = (root / "proc/cpuinfo").read_text(errors="replace").split("\n\n", 1)[0]
    except OSError:
        return {}
    rows = (line.partition(":") for line in text.splitlines())
    return {name.strip(): value.strip() for name, _, value in rows}


def fingerprint(root: Path = ROOT) -> dict[str, str]:
    """Name the host and what shapes its latency; `id` is equal iff all but `boot_id` is."""
    cpu = cpuinfo(root)
    cmdline = first_line(root / "proc/cmdline")
    clock = "sys/devices/system/clocksource/clocksource0/current_clocksource"
    out = {
        "cpu": cpu.get("model name", "unknown"),
        "microcode": cpu.get("microcode", "unknown"),
        "virtual": "yes" if "hypervisor" in cpu.get("flags", "").split() else "no",
        "cores": first_line(root / "sys/devices/system/cpu/online") or "unknown",
        "isolated": first_line(root / "sys/devices/system/cpu/isolated") or "none",
        "kernel": first_line(root / "proc/sys/kernel/osrelease") or platform.release(),
        "kernel_build": first_line(root / "proc/sys/kernel/version") or platform.version(),
        "cmdline_sha256": hashlib.sha256(cmdline.encode()).hexdigest()[:16],
        "clocksource": first_line(root / clock) or "unknown",
    }
    digest = hashlib.sha256("\n".join(f"{k}={v}" for k, v in sorted(out.items())).encode())
    boot = first_line(root / "proc/sys/kernel/random/boot_id") or "unknown"
    return {"id": digest.hexdigest()[:12], **out, "boot_id": boot}


def parse_cores(text: str) -> list[int]:
    """Return the cores that a list such as `0,2-5` names; ValueError says what is wrong."""
    cores: set[int] = set()
    for part in text.replace(" ", "").split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if match is None:
            raise ValueError(f"core list {text!r} holds {part!r}; want numbers and ranges: 0,2-5")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last > 8191:
            raise ValueError(f"core list {text!r} holds {part!r}; want first <= last <= 8191")
        cores.update(range(first, last + 1))
    return sorted(cores)


def default_cores(root: Path = ROOT) -> list[int]:
    """Return the isolated cores if there are any, otherwise all that this process may use."""
    isolated = first_line(root / "sys/devices/system/cpu/isolated")
    return parse_cores(isolated) if isolated else sorted(os.sched_getaffinity(0))


def lone_cores(status: str) -> int | None:
    """Return the core of a thread that may run on one core only, from its status file."""
    match = re.search(r"^Cpus_allowed_list:\s*(\d+)$", status, re.M)
    return int(match[1]) if match else None


def pinned_threads(core: int, root: Path = ROOT) -> list[str]:
    """Name the processes of others that have threads which may run on `core` only.

    Kernel threads have no command line and are left out.  What may not be read is not seen.
    """
    out = []
    for process in process_folders(root):
        if process.name == str(os.getpid()) and root == ROOT:
            continue
        if not first_line(process / "cmdline"):
            continue
        count = 0
        for task in (process / "task").glob("[0-9]*"):
            try:
                status = (task / "status").read_text(errors="replace")
            except OSError:
                continue  # it ended meanwhile
            count += lone_cores(status) == core
        if count:
            threads = "1 thread" if count == 1 else f"{count} threads"
            out.append(f"{first_line(process / 'comm')} {process.name} ({threads})")
    return out


def process_folders(root: Path) -> Iterator[Path]:
    yield from sorted((root / "proc").glob("[0-9]*"), key=lambda path: int(path.name))
