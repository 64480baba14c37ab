"""The machine is left as it was: its settings before and after the tests that turn them.

Owns:    what is compared: every setting that a knob of the catalogue could write, names of network
         devices and namespaces, folders of cpusets, what is held open, mounts of ours.
Refuses: what belongs to processes, and which core an interrupt reached last (no setting).
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator

import pytest

from tuning import check, knobs
from tuning.context import look_at
from tuning.host import LiveHost, glob, names, peek
from tuning.model import Settable

OF_PROCESSES = re.compile(r"/proc/\d+/|(task|socket|epoll|self|napi):|.*/effective_affinity_list$")
ALSO = (
    "/proc/irq/[0-9]*/smp_affinity",
    "/sys/devices/system/cpu/cpu[0-9]*/cpuidle/state*/disable",
    "/sys/devices/system/cpu/cpu[0-9]*/power/pm_qos_resume_latency_us",
    "/sys/kernel/mm/hugepages/*/nr_hugepages",
)
FOLDERS = ("/sys/class/net", "/run/netns", "/sys/fs/cgroup/cpuset")
SETTLE_SECONDS = 20.0  # others may work on this machine, too


def settings() -> dict[str, str | None]:
    """Return what could be set and how it is set now."""
    host = LiveHost()
    chosen = [k for k in knobs.catalogue().values() if k.settable in (Settable.RSW, Settable.RW)]
    report = check.check(look_at(host, "bare-metal", brief=True), chosen)
    places = {sight.address for finding in report.findings for sight in finding.sights}
    out = {p: peek(host, p) for p in places if p and not OF_PROCESSES.match(p)}
    for pattern in ALSO:
        out.update({place: peek(host, place) for place in glob(host, pattern)})
    for folder in FOLDERS:
        ours = [n for n in names(host, folder) if "corelane" not in n or str(os.getpid()) in n]
        out[folder] = " ".join(n for n in ours if not n.startswith(("cpuset.", "cgroup.")))
    mounts = (peek(host, "/proc/mounts") or "").splitlines()
    out["mounts"] = "\n".join(line for line in mounts if "corelane" in line)
    return out


def differences(before: dict[str, str | None], after: dict[str, str | None]) -> dict[str, object]:
    return {
        place: (before.get(place), after.get(place))
        for place in before.keys() | after.keys()
        if before.get(place) != after.get(place)
    }


@pytest.fixture(scope="session", autouse=True)
def host_is_left_as_it_was() -> Iterator[None]:
    before = settings()
    yield
    until = time.monotonic() + SETTLE_SECONDS
    while found := differences(before, settings()):
        assert time.monotonic() < until, f"the tests left the machine changed: {found}"
        time.sleep(0.5)
