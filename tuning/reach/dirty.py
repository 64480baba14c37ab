"""`dirty:` - vm.dirty_*: ratios and bytes exclude each other, so the four are read and set as one.

Owns:    {"ratio","bytes","background_ratio","background_bytes"}; of each pair one is 0.
Refuses: writing 0 bytes, which the kernel answers with EINVAL: writing the ratio clears the bytes.
"""

from __future__ import annotations

import errno
import json

NAMES = ("ratio", "bytes", "background_ratio", "background_bytes")


def read(address: str, root: str) -> str:
    out = {}
    for name in NAMES:
        with open(f"{root}/proc/sys/vm/dirty_{name}") as stream:
            out[name] = int(stream.read())
    return json.dumps(out, sort_keys=True, separators=(",", ":"))


def write(address: str, text: str, root: str) -> None:
    wanted = json.loads(text)
    for prefix in ("background_", ""):  # the lower bound first: it must stay below the upper
        share, size = wanted.get(prefix + "ratio", 0), wanted.get(prefix + "bytes", 0)
        if not share and not size:
            continue
        if share and size:
            raise OSError(
                errno.EINVAL, f"{prefix}ratio and {prefix}bytes exclude each other", address
            )
        name, value = ("bytes", size) if size else ("ratio", share)
        with open(f"{root}/proc/sys/vm/dirty_{prefix}{name}", "w") as stream:
            stream.write(f"{value}\n")
