"""The capture as its peers want it: standard library only, prices and sizes still text.

    depth rows: (receive time, match time in ns, bids, asks); trades likewise
"""

import json
import lzma
from pathlib import Path
from typing import Any


def messages(path: Path) -> tuple[dict[str, Any], list[tuple[int, dict[str, Any]]]]:
    """Return the REST snapshot and (receive time, data) of what follows or hooks to it."""
    snapshot: dict[str, Any] = {}
    kept: list[tuple[int, dict[str, Any]]] = []
    with lzma.open(path, "rt") as lines:
        for line in lines:
            when, _, text = line.partition(" ")
            message = json.loads(text)
            if "data" in message:
                kept.append((int(when), message["data"]))
            elif "lastUpdateId" in message:
                snapshot = message
    last = snapshot["lastUpdateId"]
    return snapshot, [
        (when, data) for when, data in kept if data["e"] != "depthUpdate" or data["u"] >= last
    ]
