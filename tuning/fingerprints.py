"""The fingerprint of a host: what its latency figures depend on, and a short hash of that.

Owns:    the choice of what counts, the canonical form, the hash.
Refuses: names, addresses, serial numbers, counters, and anything that moves by itself.

Equal hashes mean: same kernel, same processor, same boot parameters, same settings.  A value that
could not be read stands as null, so a blind look never equals a full one.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from tuning import cpus
from tuning.codecs import CODECS
from tuning.context import Context
from tuning.host import glob, peek

SHORT = 12
# Words of the command line that say where the system lies, not how it behaves.
LOCAL = {
    "BOOT_IMAGE",
    "root",
    "initrd",
    "resume",
    "rd.luks.uuid",
    "ip",
    "console",
    "rdinit",
    "init",
}
CHOICES = {
    "thp": "/sys/kernel/mm/transparent_hugepage/enabled",
    "thp_defrag": "/sys/kernel/mm/transparent_hugepage/defrag",
}
TEXTS = {
    "clocksource": "/sys/devices/system/clocksource/clocksource0/current_clocksource",
    "smt": "/sys/devices/system/cpu/smt/control",
    "idle_driver": "/sys/devices/system/cpu/cpuidle/current_driver",
    "idle_governor": "/sys/devices/system/cpu/cpuidle/current_governor",
    "boost": "/sys/devices/system/cpu/cpufreq/boost",
    "no_turbo": "/sys/devices/system/cpu/intel_pstate/no_turbo",
    "huge2m": "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages",
    "huge1g": "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages",
    "ksm": "/sys/kernel/mm/ksm/run",
    "bios": "/sys/class/dmi/id/bios_version",
    "product": "/sys/class/dmi/id/product_name",
}
SYSCTLS = [
    "kernel/sched_rt_runtime_us",
    "kernel/timer_migration",
    "kernel/numa_balancing",
    "kernel/nmi_watchdog",
    "kernel/watchdog",
    "vm/swappiness",
    "vm/stat_interval",
    "net/core/busy_read",
    "net/core/busy_poll",
    "net/core/rmem_max",
]
CARD_PARTS = ("driver", "coalesce", "ring", "channels", "features")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    content: dict[str, Any]

    @property
    def canonical(self) -> str:
        """Return the text that is hashed: sorted keys, no blanks, ASCII."""
        return json.dumps(self.content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)

    @property
    def short(self) -> str:
        return hashlib.sha256(self.canonical.encode()).hexdigest()[:SHORT]


def take(context: Context) -> Fingerprint:
    """Read what counts and return it."""
    host, facts = context.host, context.facts
    settings: dict[str, Any] = {name: peek(host, path) for name, path in TEXTS.items()}
    for name, path in CHOICES.items():
        raw = peek(host, path)
        settings[name] = None if raw is None else CODECS["choice"].parse(raw)
    for name in SYSCTLS:
        settings[name] = peek(host, f"/proc/sys/{name}")
    for name in ("scaling_governor", "scaling_driver"):
        found = {
            peek(host, p) for p in glob(host, f"/sys/devices/system/cpu/cpufreq/policy*/{name}")
        }
        settings[name] = sorted(text for text in found if text is not None)
    return Fingerprint(
        {
            "format": 1,
            "kernel": facts.kernel,
            "build": peek(host, "/proc/sys/kernel/version"),
            "boot": {k: v for k, v in facts.boot_words.items() if _counts(k)},
            "cpu": {
                key: facts.cpuinfo.get(key)
                for key in (
                    "vendor_id",
                    "cpu family",
                    "model",
                    "model name",
                    "stepping",
                    "microcode",
                )
            },
            "topology": {
                "online": cpus.format_list(facts.online),
                "cores": [cpus.format_list(core) for core in facts.cores],
                "nodes": {str(node): cpus.format_list(m) for node, m in facts.nodes.items()},
            },
            "hypervisor": facts.hypervisor,
            "isolated": peek(host, "/sys/devices/system/cpu/isolated"),
            "nohz_full": peek(host, "/sys/devices/system/cpu/nohz_full"),
            "mitigations": {
                path.rpartition("/")[2]: peek(host, path)
                for path in glob(host, "/sys/devices/system/cpu/vulnerabilities/*")
            },
            "settings": settings,
            "cards": [_card(context, card.name) for card in context.cards],
        }
    )


def _counts(name: str) -> bool:
    return name not in LOCAL and not re.search(r"(?i)secret|passw|token|key|addr|port|uuid", name)


def _card(context: Context, name: str) -> dict[str, Any]:
    """Describe a card by what it does; its name and address do not count."""
    out: dict[str, Any] = {}
    for part in CARD_PARTS:
        text = peek(context.host, f"ethtool:{name}/{part}")
        try:
            out[part] = None if text is None else CODECS["json"].parse(text)
        except ValueError:
            out[part] = None
    if out["driver"]:
        out["driver"].pop("bus", None)
    return out


def of_host(host: Any) -> Fingerprint:
    """Take the fingerprint of a host as it is, for figures that need only the hash."""
    from tuning.context import look_at

    return take(look_at(host))
