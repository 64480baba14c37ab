"""Tick-to-trade of a lane, hop by hop: from its shared page, or from a file.

Owns:    reading a page of a running appliance, a copied page, the JSON of `corelane run --json` and
         that of an older profile.
Refuses: touching the lane: pages are mapped read-only.  What is none of these is a LaneError.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SHM = Path("/dev/shm")
MAGIC = b"HPPAGE01"
SHARES = {"p50_ns": 500_000, "p90_ns": 900_000, "p99_ns": 990_000, "p999_ns": 999_000,
          "p9999_ns": 999_900}  # fmt: skip
Lane = dict[str, Any]


class LaneError(Exception):
    """A file holds no lane's figures, or those of another build."""


def hop_names() -> list[str]:
    """Return the hops in the order of the abi's enum."""
    from runtime._shm import ffi, lib

    words = ffi.typeof("enum hp_hop").elements
    return [words[number].removeprefix("HP_HOP_").lower() for number in range(lib.HP_HOP_COUNT)]


def read_page(data: bytes, name: str) -> Lane:
    """Read the hop histograms of one lane page."""
    from runtime._shm import ffi, lib

    size = ffi.sizeof("hp_lane_page_t")
    if len(data) < size:
        raise LaneError(f"{name}: {len(data)} bytes, a lane page of this build has {size}")
    kept = ffi.from_buffer(data)
    page = ffi.cast("hp_lane_page_t *", kept)
    header = page.page
    if header.layout != lib.HP_PAGE_LAYOUT or header.kind != lib.HP_PAGE_LANE:
        raise LaneError(
            f"{name}: page kind {header.kind}, layout {header.layout}; want kind "
            f"{lib.HP_PAGE_LANE} (lane), layout {lib.HP_PAGE_LAYOUT}"
        )
    hops = []
    for number, hop in enumerate(hop_names()):
        histogram = ffi.addressof(page.hops, number)
        row: dict[str, Any] = {"hop": hop, "count": int(histogram.count)}
        for word, share in SHARES.items():
            row[word] = int(lib.hp_histogram_quantile(histogram, share))
        row["max_ns"] = int(histogram.max)
        hops.append(row)
    return {"name": name, "core": int(page.core), "spinning": bool(page.is_spinning), "hops": hops}


def from_run(document: dict[str, Any], name: str) -> Lane:
    """Read the rows that `corelane run --json` ends with; microseconds become nanoseconds."""
    hops = []
    for row in document["latency"]:
        out = {"hop": row["hop"], "count": row["count"]}
        for word in ("p50", "p90", "p99", "p999", "p9999", "max"):
            if f"{word}_us" in row:
                out[f"{word}_ns"] = round(row[f"{word}_us"] * 1000)
        hops.append(out)
    return {"name": name, "core": None, "spinning": None, "hops": hops}


def read_file(path: Path) -> list[Lane]:
    """Read whatever kind of lane file this is.  Raises LaneError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LaneError(f"{path}: {error.strerror}") from error
    if data[:8] == MAGIC:
        return [read_page(data, path.name)]
    try:
        lines = data.decode().strip().splitlines()
        document = json.loads(lines[-1] if lines and lines[-1].startswith("{") else data)
        if "latency" in document:
            return [from_run(document, path.name)]
        lanes: list[Lane] = document["lanes"]
        return lanes
    except (ValueError, KeyError, TypeError) as error:
        raise LaneError(
            f"{path}: neither a lane page, nor the JSON of corelane run, nor a latency profile"
        ) from error


def is_running(data: bytes) -> bool:
    """Say whether the process that writes a page still lives."""
    from runtime.pages.page import is_alive

    return is_alive(int.from_bytes(data[24:28], "little"))


def find_running(folder: Path = SHM) -> list[Lane]:
    """Read the lane pages of appliances that run on this host now."""
    from runtime._shm import lib

    out = []
    for path in sorted(folder.glob("corelane.*")):
        try:
            with path.open("rb") as file:
                head = file.read(128)
                kind = int.from_bytes(head[12:16], "little")
                if head[:8] == MAGIC and kind == lib.HP_PAGE_LANE and is_running(head):
                    name = path.name.removeprefix("corelane.").replace(".", "/", 1)
                    out.append(read_page(head + file.read(), name))
        except (OSError, LaneError):
            continue  # gone meanwhile, somebody else's, or of another build
    return out
