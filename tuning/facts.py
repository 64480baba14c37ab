"""What a host is, as far as its files say: kernel, CPUs, nodes, cards, what it runs on.

Owns:    facts that roles, profiles and probes need; each read once through the Host.
Refuses: judging them, and filling in what could not be read.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tuning import cpus
from tuning.host import Host, glob, names, number, peek

CPU = "/sys/devices/system/cpu"
NODE = "/sys/devices/system/node"
CONFIG_NAMES = [
    "CPU_ISOLATION",
    "NO_HZ_FULL",
    "RCU_NOCB_CPU",
    "RT_GROUP_SCHED",
    "PREEMPT_RT",
    "NUMA_BALANCING",
    "KSM",
    "HZ",
    "MODULES",
    "CPU_FREQ",
    "SCHED_AUTOGROUP",
    "SCHED_CLASS_EXT",
    "TRANSPARENT_HUGEPAGE",
    "COMPACTION",
    "OSNOISE_TRACER",
]


@dataclass(frozen=True, slots=True)
class Card:
    """A network interface that is backed by a device, or that was named."""

    name: str
    driver: str
    node: int | None
    up: bool
    virtual: bool


class Facts:
    """Facts of one host; a fact that cannot be read is None or empty, never a guess."""

    def __init__(self, host: Host) -> None:
        self.host = host

    @cached_property
    def kernel(self) -> str:
        return peek(self.host, "/proc/sys/kernel/osrelease") or ""

    @cached_property
    def kernel_version(self) -> tuple[int, int]:
        match = re.match(r"(\d+)\.(\d+)", self.kernel)
        return (int(match[1]), int(match[2])) if match else (0, 0)

    @cached_property
    def hostname(self) -> str:
        return peek(self.host, "/proc/sys/kernel/hostname") or "?"

    @cached_property
    def boot_id(self) -> str:
        return peek(self.host, "/proc/sys/kernel/random/boot_id") or ""

    @cached_property
    def command_line(self) -> str:
        return peek(self.host, "/proc/cmdline") or ""

    @cached_property
    def boot_words(self) -> dict[str, str]:
        """Return boot parameters by name; the last of a name wins, one without value is ''."""
        return boot_words(self.command_line)

    @cached_property
    def config(self) -> dict[str, str]:
        """Return the kernel options of CONFIG_NAMES where the kernel shows its configuration."""
        text = peek(self.host, "/proc/config.gz")
        if text is None and self.kernel:
            text = peek(self.host, f"/boot/config-{self.kernel}")
        if text is None:
            return {}
        found = dict(re.findall(r"^CONFIG_(\w+)=(\S+)", text, re.M))
        return {name: found.get(name, "n") for name in CONFIG_NAMES}

    @cached_property
    def online(self) -> frozenset[int]:
        return self._cpus("online")

    @cached_property
    def present(self) -> frozenset[int]:
        return self._cpus("present")

    @cached_property
    def last(self) -> int:
        return max(self.present | self.online, default=0)

    def _cpus(self, name: str) -> frozenset[int]:
        text = peek(self.host, f"{CPU}/{name}")
        return cpus.parse_list(text) if text else frozenset()

    @cached_property
    def siblings(self) -> dict[int, frozenset[int]]:
        """Return for each online CPU the CPUs that share its core, itself included."""
        out = {}
        for cpu in sorted(self.online):
            text = peek(self.host, f"{CPU}/cpu{cpu}/topology/thread_siblings_list")
            out[cpu] = (cpus.parse_list(text) if text else frozenset({cpu})) | {cpu}
        return out

    @cached_property
    def cores(self) -> list[frozenset[int]]:
        """Return the whole cores in order of their first CPU."""
        return sorted({group & self.online for group in self.siblings.values()}, key=min)

    @cached_property
    def nodes(self) -> dict[int, frozenset[int]]:
        """Return the online CPUs of each NUMA node that has some; one node where none is told."""
        out = {}
        for path in glob(self.host, f"{NODE}/node[0-9]*"):
            text = peek(self.host, f"{path}/cpulist")
            listed = cpus.parse_list(text) & self.online if text else frozenset()
            if listed:
                out[int(path.rpartition("node")[2])] = listed
        return out or {0: self.online}

    def node_of(self, cpu: int) -> int:
        return next((node for node, members in self.nodes.items() if cpu in members), 0)

    @cached_property
    def smt(self) -> bool:
        return any(len(core) > 1 for core in self.cores)

    @cached_property
    def cpuinfo(self) -> dict[str, str]:
        """Return the first processor's fields of /proc/cpuinfo."""
        text = (peek(self.host, "/proc/cpuinfo") or "").split("\n\n")[0]
        fields = (line.partition(":") for line in text.splitlines() if ":" in line)
        return {key.strip(): value.strip() for key, _, value in fields}

    @cached_property
    def cpu_flags(self) -> frozenset[str]:
        return frozenset(self.cpuinfo.get("flags", "").split())

    @cached_property
    def hypervisor(self) -> bool | None:
        """Return whether the CPU says that a hypervisor runs it; None where it does not say."""
        return "hypervisor" in self.cpu_flags if self.cpu_flags else None

    @cached_property
    def product(self) -> str:
        parts = [
            peek(self.host, f"/sys/class/dmi/id/{name}") for name in ("sys_vendor", "product_name")
        ]
        return " ".join(part for part in parts if part)

    @cached_property
    def laptop(self) -> bool:
        chassis = peek(self.host, "/sys/class/dmi/id/chassis_type")
        battery = any(
            name.startswith("BAT") for name in names(self.host, "/sys/class/power_supply")
        )
        return battery or chassis in ("8", "9", "10", "14", "31", "32")

    @cached_property
    def container(self) -> bool:
        """Return whether we run inside a container: then the host's knobs are not ours to turn.

        A marker file alone proves nothing: images of virtual machines are made from containers.
        """
        if peek(self.host, "/run/systemd/container"):
            return True
        second = peek(self.host, "/proc/2/comm")
        if second is not None and second != "kthreadd":  # a process namespace of its own
            return True
        groups = peek(self.host, "/proc/1/cgroup") or ""
        if re.search(r"docker|kubepods|lxc|containerd", groups):
            return True
        overlaid = re.search(r"^\S+ / overlay ", peek(self.host, "/proc/mounts") or "", re.M)
        marked = peek(self.host, "/.dockerenv") is not None
        return bool(overlaid and (marked or peek(self.host, "/run/.containerenv") is not None))

    @cached_property
    def lockdown(self) -> bool:
        """Return whether the kernel says it is locked down."""
        return bool(re.search(r"\[(integrity|confidentiality)\]", self._lockdown_text))

    @cached_property
    def _lockdown_text(self) -> str:
        return peek(self.host, "/sys/kernel/security/lockdown") or ""

    @cached_property
    def root(self) -> bool:
        """Return whether what reads here has root's rights (effective user 0)."""
        match = re.search(r"^Uid:\s+\d+\s+(\d+)", peek(self.host, "/proc/self/status") or "", re.M)
        return match is not None and match[1] == "0"

    @cached_property
    def memory_kib(self) -> int:
        match = re.search(r"^MemTotal:\s+(\d+)", peek(self.host, "/proc/meminfo") or "", re.M)
        return int(match[1]) if match else 0

    @cached_property
    def cgroup_unified(self) -> str:
        """Return where a cgroup 2 tree with the cpuset controller is mounted, or ''."""
        for path in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
            if "cpuset" in (peek(self.host, f"{path}/cgroup.controllers") or "").split():
                return path
        return ""

    @cached_property
    def cards(self) -> list[Card]:
        """Return the interfaces with a device behind them."""
        return [
            card
            for name in names(self.host, "/sys/class/net")
            if not (card := self.card(name)).virtual
        ]

    def card(self, name: str) -> Card:
        """Describe one interface, also one without a device."""
        base = f"/sys/class/net/{name}"
        try:
            self.host.link(f"{base}/device")
            virtual = False
        except OSError:
            virtual = not names(self.host, f"{base}/device")
        try:
            driver = self.host.link(f"{base}/device/driver").rpartition("/")[2]
        except OSError:
            driver = ""
        node = peek(self.host, f"{base}/device/numa_node")
        up = peek(self.host, f"{base}/operstate") in ("up", "unknown")
        return Card(name, driver, int(node) if node and int(node) >= 0 else None, up, virtual)

    @cached_property
    def tasks(self) -> list[dict[str, Any]]:
        try:
            found = json.loads(self.host.read("tasks:"))
            return [task for task in found if {"pid", "tid", "comm", "allowed"} <= set(task)]
        except (OSError, ValueError, TypeError):
            return []

    def processes(self, *wanted: str) -> dict[str, int]:
        """Return name -> pid of those named that run; `*` at the end matches more."""
        out: dict[str, int] = {}
        for task in self.tasks:
            for name in wanted:
                comm = str(task["comm"])
                if comm == name[:15] or (name.endswith("*") and comm.startswith(name[:-1])):
                    out.setdefault(comm, int(task["pid"]))
        return out

    @cached_property
    def interrupts(self) -> list[str]:
        """Return the numbers that have a folder in /proc/irq, in natural order."""
        return sorted((n for n in names(self.host, "/proc/irq") if n.isdigit()), key=number)


def boot_words(line: str) -> dict[str, str]:
    """Split a command line as the kernel does: quoted values, dashes equal underscores in names."""
    try:
        words = shlex.split(line, posix=True)
    except ValueError:
        words = line.split()
    if "--" in words:  # the rest belongs to init
        words = words[: words.index("--")]
    out = {}
    for word in words:
        name, _, value = word.partition("=")
        out[name.replace("-", "_")] = value
    return out
