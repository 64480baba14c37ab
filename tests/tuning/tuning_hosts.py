"""Constructed hosts for the tests: hosts/*.toml, filled up to trees of /proc and /sys.

Owns:    expanding `{0..63}` and `{a,b}`, topology, cards, interrupts and threads from a few lines.
Refuses: passing for captures: each carries constructed = true.
"""

from __future__ import annotations

import itertools
import json
import re
import tomllib
from pathlib import Path
from typing import Any

from tuning import cpus
from tuning.captured import CapturedHost
from tuning.codecs import CODECS
from tuning.fake import FakeHost

FOLDER = Path(__file__).parent / "hosts"
NAMES = ("two-socket-server", "cloud-vm", "laptop")
PROFILE = {"two-socket-server": "bare-metal", "cloud-vm": "cloud-vm", "laptop": "dev"}
KTHREAD = {"kernel": True, "fixed": True}


def expand(pattern: str) -> list[str]:
    """Expand every {first..last} and {a,b} of a path."""
    parts = re.split(r"\{([^}]*)\}", pattern)
    choices = []
    for index, part in enumerate(parts):
        if index % 2 == 0:
            choices.append([part])
        elif ".." in part:
            first, last = map(int, part.split(".."))
            choices.append([str(n) for n in range(first, last + 1)])
        else:
            choices.append(part.split(","))
    return ["".join(words) for words in itertools.product(*choices)]


def texts(name: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the texts by address and the links of a constructed host."""
    spec = tomllib.loads((FOLDER / f"{name}.toml").read_text())
    tree: dict[str, str] = {}
    for pattern, text in spec["tree"].items():
        tree.update({path: text + "\n" if text else text for path in expand(pattern)})
    links: dict[str, str] = {}
    tree.update(_topology(spec["topology"], spec["boot"]))
    interrupts = dict(spec["device_irqs"])
    for card, about in spec["card"].items():
        _card(tree, links, card, about)
        for order, (number, label) in enumerate(about["irqs"].items()):
            home = about["homes"][order % len(about["homes"])]
            interrupts[number] = {"name": label, "mask": home, "effective": home.split("-")[0]}
    count = spec["topology"]["sockets"] * spec["topology"]["cores"] * spec["topology"]["threads"]
    _interrupts(tree, interrupts, count)
    tree.update(spec["answers"])
    tree["tasks:"] = json.dumps(_threads(spec, count))
    tree["/proc/cmdline"] = spec["boot"]["line"] + "\n"
    tree["/proc/sys/kernel/hostname"] = name + "\n"
    tree["/proc/sys/kernel/random/boot_id"] = f"constructed-{name}\n"
    return tree, links


def captured(name: str, **planted: str) -> CapturedHost:
    return capture_of(*texts(name), planted)


def capture_of(
    tree: dict[str, str], links: dict[str, str], planted: dict[str, str] | None = None
) -> CapturedHost:
    """Make a captured host of texts, with some of them replaced."""
    tree = {**tree, **(planted or {})}
    answers = {a: t for a, t in tree.items() if not a.startswith("/")}
    files = {a: t for a, t in tree.items() if a.startswith("/")}
    counters = ("/proc/interrupts", "/proc/stat", "/proc/net/softnet_stat", "msr:0/0x34")
    later = {a: tree[a] for a in counters if a in tree}
    record: dict[str, Any] = {
        "format": 1,
        "constructed": True,
        "links": links,
        "answers": answers,
        "later": later,
        "pause_s": 2.0,
    }
    return CapturedHost(record, files)


def fake(name: str) -> FakeHost:
    """Return a constructed host that can be written."""
    tree, links = texts(name)
    host = FakeHost(tree, links)
    host.on_pause = lambda _: None
    return host


def _topology(shape: dict[str, Any], boot: dict[str, str]) -> dict[str, str]:
    sockets, cores, threads = shape["sockets"], shape["cores"], shape["threads"]
    base, out = "/sys/devices/system", {}
    whole = sockets * cores * threads
    every = f"0-{whole - 1}\n"
    out.update({f"{base}/cpu/{word}": every for word in ("online", "present", "possible")})
    out[f"{base}/cpu/isolated"] = boot["isolated"] + "\n"
    out[f"{base}/cpu/nohz_full"] = (boot["isolated"] or "(null)") + "\n"
    for cpu in range(whole):
        core = cpu % (sockets * cores)
        mates = [core + thread * sockets * cores for thread in range(threads)]
        out[f"{base}/cpu/cpu{cpu}/topology/thread_siblings_list"] = cpus.format_list(mates) + "\n"
        if cpu:
            out[f"{base}/cpu/cpu{cpu}/online"] = "1\n"
    for node in range(sockets):
        members = [cpu for cpu in range(whole) if cpu % (sockets * cores) // cores == node]
        out[f"{base}/node/node{node}/cpulist"] = cpus.format_list(members) + "\n"
    out["/proc/cpuinfo"] = (
        f"processor\t: 0\nvendor_id\t: {shape['vendor']}\nmodel name\t: {shape['model']}\n"
        f"microcode\t: 0x2b000620\nflags\t\t: {shape['flags']}\n\n"
    )
    return out


def _card(tree: dict[str, str], links: dict[str, str], card: str, about: dict[str, Any]) -> None:
    base = f"/sys/class/net/{card}"
    bus = about["ethtool"]["driver"]["bus"]
    place = f"/sys/devices/pci0000:17/{bus}"
    links[base] = f"../../devices/pci0000:17/{bus}/net/{card}"
    links[f"{base}/device"] = f"../../../{bus}"
    links[f"{base}/device/driver"] = f"../../../../bus/pci/drivers/{about['driver']}"
    tree[f"{base}/device/numa_node"] = f"{about.get('node', -1)}\n"
    tree[f"{base}/device/power/control"] = "on\n"
    tree.update({f"{base}/device/msi_irqs/{number}": "msix\n" for number in about["irqs"]})
    tree.update({f"{place}/msi_irqs/{number}": "msix\n" for number in about["irqs"]})
    plain = {
        "operstate": "up",
        "carrier_changes": "2",
        "tx_queue_len": "1000",
        "threaded": "0",
        "napi_defer_hard_irqs": "100",
        "gro_flush_timeout": "200000",
        "queues/rx-0/rps_cpus": "0",
        "queues/tx-0/xps_cpus": "0",
    }
    if about["speed"]:
        plain.update(speed=about["speed"], duplex="full")
    tree.update({f"{base}/{name}": f"{text}\n" for name, text in plain.items()})
    for name in ("rx_dropped", "rx_missed_errors", "rx_fifo_errors", "tx_dropped"):
        tree[f"{base}/statistics/{name}"] = "0\n"
    for what, answer in about["ethtool"].items():
        tree[f"ethtool:{card}/{what}"] = CODECS["json"].write(answer)
    settings = {"defer": 100, "gro_flush_ns": 200000, "irq_suspend_ns": 20000000, "threaded": 0}
    tree[f"napi:{card}"] = json.dumps([{"id": 257, "irq": 100, **settings}])
    tree[f"napi:{card}/257"] = CODECS["json"].write(settings)
    tree[f"netdev:{card}"] = json.dumps({"xdp_features": 35})
    tree[f"qdisc:{card}"] = "mq"


def _interrupts(tree: dict[str, str], interrupts: dict[str, dict[str, str]], count: int) -> None:
    rows = ["      " + "".join(f"{f'CPU{cpu}':>10}" for cpu in range(count))]
    for number, about in interrupts.items():
        counts = "".join(f"{7:>10}" for _ in range(count))
        rows.append(f"{number:>4}: {counts}  PCI-MSIX-0000:17:00.0   0-edge      {about['name']}")
        tree[f"/proc/irq/{number}/smp_affinity_list"] = about["mask"] + "\n"
        tree[f"/proc/irq/{number}/effective_affinity_list"] = about["effective"] + "\n"
    for label in ("LOC", "RES", "CAL", "TLB"):
        rows.append(f"{label}: " + "".join(f"{9:>10}" for _ in range(count)) + "   as named")
    tree["/proc/interrupts"] = "\n".join(rows) + "\n"


def _threads(spec: dict[str, Any], count: int) -> list[dict[str, Any]]:
    home = spec["boot"]["housekeeping"]
    out = [thread(1000 + i, name, home) for i, name in enumerate(spec["programs"]["names"])]
    out[0].update(pid=1, tid=1)
    out.append({**thread(2, "kthreadd", home), **KTHREAD, "fixed": False})
    if spec["programs"].get("rcuo"):
        for cpu in sorted(cpus.parse_list(spec["boot"]["isolated"])):
            out.append({**thread(100 + cpu, f"rcuop/{cpu}", home), **KTHREAD})
    return out


def thread(pid: int, name: str, allowed: str, **more: Any) -> dict[str, Any]:
    """Return the record of one thread as `tasks:` gives it."""
    plain = {
        "kernel": False,
        "fixed": False,
        "start": pid,
        "cpu": 0,
        "priority": 0,
        "policy": "other",
    }
    return {
        "pid": pid,
        "tid": pid,
        "comm": name,
        "allowed": allowed,
        "preempted": 0,
        **plain,
        **more,
    }
