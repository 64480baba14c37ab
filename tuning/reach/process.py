"""`task:` and `self:` - affinity, policy, limits and memory of threads and processes.

    task:TID/affinity      CPU list
    task:TID/sched         {"policy","nice","priority","runtime_ns","deadline_ns","period_ns"}
    task:PID/limit/NAME    {"soft","hard"}; NAME rtprio, memlock, nice; -1 is unlimited
    task:PID/nodes         {"node": resident pages}, read only
    task:PID/home          the node that holds most pages; writing another moves all pages there
    self:mlock             locked / unlocked: all memory of the calling process
    self:mempolicy         default, bind:0-1, preferred:0, interleave:0-1

Owns:    these calls.
Refuses: choosing values.
"""

from __future__ import annotations

import errno
import json
import os
import re
import resource

from tuning import cpus
from tuning.reach import failed, live_only
from tuning.reach.tasks import POLICIES

LIMITS = {
    "memlock": resource.RLIMIT_MEMLOCK,
    "nice": 13,  # RLIMIT_NICE, RLIMIT_RTPRIO: not named by every build of the resource module
    "rtprio": 14,
}
MODES = {0: "default", 1: "preferred", 2: "bind", 3: "interleave", 4: "local"}


def read(address: str, root: str) -> str:
    live_only(address, root)
    if address == "self:mlock":
        return _mlock_state()
    if address == "self:mempolicy":
        return _mempolicy(address)
    tid, what, name = _parts(address)
    if what == "affinity":
        return cpus.format_list(os.sched_getaffinity(tid))
    if what == "sched":
        return _sched(address, tid)
    if what == "limit":
        soft, hard = resource.prlimit(tid, LIMITS[name])
        return json.dumps({"hard": hard, "soft": soft}, sort_keys=True, separators=(",", ":"))
    pages = resident_nodes(tid)
    if what == "home":
        return max(pages, key=lambda node: pages[node], default="0")
    return json.dumps(pages, sort_keys=True, separators=(",", ":"))


def write(address: str, text: str, root: str) -> None:
    live_only(address, root)
    from tuning._calls import ffi, lib

    if address == "self:mlock":
        flags = int(lib.MCL_CURRENT | lib.MCL_FUTURE)
        if (lib.mlockall(flags) if text == "locked" else lib.munlockall()) != 0:
            raise failed(address)
        return
    if address == "self:mempolicy":
        mode, _, nodes = text.partition(":")
        number = {name: value for value, name in MODES.items()}[mode]
        if lib.tn_mempolicy_set(number, sum(1 << n for n in cpus.parse_list(nodes))) != 0:
            raise failed(address)
        return
    tid, what, name = _parts(address)
    if what == "affinity":
        os.sched_setaffinity(tid, cpus.parse_list(text))
    elif what == "sched":
        wanted = json.loads(text)
        record = ffi.new("struct tn_sched *")
        record.policy = {label: value for value, label in POLICIES.items()}[wanted["policy"]]
        record.nice = wanted.get("nice", 0)
        record.priority = wanted.get("priority", 0)
        for field in ("runtime_ns", "deadline_ns", "period_ns"):
            setattr(record, field, wanted.get(field, 0))
        if lib.tn_sched_set(tid, record) != 0:
            raise failed(address)
    elif what == "limit":
        wanted = json.loads(text)
        resource.prlimit(tid, LIMITS[name], (wanted["soft"], wanted["hard"]))
    elif what == "home":
        source = sum(1 << int(node) for node in resident_nodes(tid) if node != text)
        if source and lib.tn_migrate_pages(tid, source, 1 << int(text)) < 0:
            raise failed(address)
    else:
        raise OSError(errno.EPERM, "pages are counted here; want task:PID/home", address)


def _parts(address: str) -> tuple[int, str, str]:
    match = re.fullmatch(r"task:(\d+)/(affinity|sched|nodes|home|limit/(\w+))", address)
    if match is None or (match[3] and match[3] not in LIMITS):
        raise OSError(
            errno.EINVAL, "want task:TID/affinity, sched, nodes, home or limit/NAME", address
        )
    return int(match[1]), match[2].partition("/")[0], match[3] or ""


def _sched(address: str, tid: int) -> str:
    from tuning._calls import ffi, lib

    record = ffi.new("struct tn_sched *")
    if lib.tn_sched_get(tid, record) != 0:
        raise failed(address)
    fields = {name: int(getattr(record, name)) for name in ("nice", "priority", "runtime_ns")}
    if record.policy == 6:
        fields.update(deadline_ns=int(record.deadline_ns), period_ns=int(record.period_ns))
    policy = POLICIES.get(int(record.policy), str(int(record.policy)))
    return json.dumps({"policy": policy, **fields}, sort_keys=True, separators=(",", ":"))


def _mlock_state() -> str:
    with open("/proc/self/status") as stream:
        match = re.search(r"^VmLck:\s*(\d+)", stream.read(), re.M)
    return "locked" if match and int(match[1]) > 0 else "unlocked"


def _mempolicy(address: str) -> str:
    from tuning._calls import ffi, lib

    mode, nodes = ffi.new("int *"), ffi.new("uint64_t *")
    if lib.tn_mempolicy_get(mode, nodes) != 0:
        raise failed(address)
    name = MODES.get(mode[0] & 0xFF, str(mode[0]))
    listed = cpus.format_list(n for n in range(64) if nodes[0] >> n & 1)
    return f"{name}:{listed}" if listed else name


def resident_nodes(pid: int) -> dict[str, int]:
    """Return how many pages of a process lie on each NUMA node."""
    out: dict[str, int] = {}
    with open(f"/proc/{pid}/numa_maps") as stream:
        for line in stream:
            for node, pages in re.findall(r" N(\d+)=(\d+)", line):
                out[node] = out.get(node, 0) + int(pages)
    return out
