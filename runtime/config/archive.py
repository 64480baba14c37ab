"""How an archive is written, by the configuration: [journal], [durability], the strategies.

Owns:    the units (KiB, MiB, GiB to bytes), whose orders wait for the disk.
Refuses: writing (runtime/journal/archiver.py: Rules).
"""

from __future__ import annotations

import dataclasses
from typing import Any

from runtime.config.keys import Config, Durability


def durable(config: Config) -> int:
    """Return whose orders wait for the disk: a bit for each strategy."""
    classes = [one.durability or config.durability.order for one in config.strategies]
    return sum(1 << n for n, one in enumerate(classes) if one == "local-disk")


def rules(config: Config) -> dict[str, Any]:
    """Return the archiver's rules as plain data: every one of them."""
    j = config.journal
    names = [one.name for one in dataclasses.fields(Durability)]
    classes = {name: getattr(config.durability, name) for name in names}
    return {
        "block_bytes": j.block_kib * 1024,
        "block_ms": j.block_ms,
        "lazy_ms": j.lazy_ms,
        "reserve_bytes": j.reserve_mib * 2**20,
        "checkpoint_s": j.checkpoint_s,
        "checkpoints": j.checkpoints,
        "durability": {**classes, "order": "local-disk"} if durable(config) else classes,
        "policy": {
            "compress": j.compress,
            "keep_days": j.keep_days,
            "keep_bytes": j.keep_gib * 2**30,
        },
    }
