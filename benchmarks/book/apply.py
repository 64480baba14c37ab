"""How long does the book take for the depth events of a capture, per message of that capture?

Input:  the recorded binance_usdm/btcusdt_20240808 (CORELANE_DATA), depth events and the snapshot
Load:   as fast as it goes, from memory, levels copied into one scratch as a codec leaves them
Method: outside wall clock, (passes - 1 pass) / (passes - 1), less the same loop without the book
Needs:  one quiet core

    python -m benchmarks.book.apply [--passes 21] [--window-log2 14] [--overflow-log2 14]
"""

from __future__ import annotations

import argparse
import json
import lzma
import struct
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

from benchmarks.decode.capture import BTCUSDT, ROOT, path
from setup import BASE, FLAGS

CAPTURE = path(BTCUSDT)
EVENT = struct.Struct("<BBBBIQqqQQQII64x")
DEPTH, SNAPSHOT = 1, 2


def levels(side: list[list[str]]) -> list[tuple[int, int]]:
    return [(int(Decimal(price) * 10), int(Decimal(size) * 1000)) for price, size in side]


def write(to: Path) -> tuple[int, int]:
    """Write the book's events of the capture; return messages and level updates."""
    messages = updates = 0
    with lzma.open(CAPTURE, "rt") as source, to.open("wb") as out:
        for line in source:
            messages += 1
            when, text = line.split(" ", 1)
            if "@depth" not in text[:40] and not text.startswith('{"lastUpdateId"'):
                continue
            message = json.loads(text)
            body = message.get("data", message)
            bids, asks = (
                levels(body[long if long in body else short])
                for long, short in (("bids", "b"), ("asks", "a"))
            )
            kind = DEPTH if "u" in body else SNAPSHOT
            ids = [body.get(key, body.get("lastUpdateId", 0)) for key in ("U", "u", "pu")]
            out.write(EVENT.pack(kind, 0, 0, 0, 1, int(when), 0, 0, *ids, len(bids), len(asks)))
            for level in bids + asks:
                out.write(struct.pack("<qq", *level))
            updates += len(bids) + len(asks)
    return messages, updates


def compile_driver(folder: Path) -> Path:
    program = folder / "apply"
    flags = [flag for flag in BASE if not flag.startswith("-ffile-prefix")]
    flags += [*FLAGS["release"][0], "-Wno-unused-function", f"-I{ROOT}/hotpath/abi", f"-I{ROOT}"]
    source = Path(__file__).with_name("apply.c")
    subprocess.run(["gcc", "-std=c11", *flags, "-o", str(program), str(source)], check=True)
    return program


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--passes", type=int, default=21)
    parser.add_argument("--window-log2", type=int, default=14)
    parser.add_argument("--overflow-log2", type=int, default=14)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if not CAPTURE.exists():
        print(f"bench book: no capture at {CAPTURE}; set CORELANE_DATA", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events"
        messages, updates = write(events)
        command = [str(compile_driver(Path(folder))), str(events), str(arguments.passes)]
        command += [str(arguments.window_log2), str(arguments.overflow_log2)]
        row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    row |= {"messages": messages, "updates": updates}
    if arguments.json:
        print(json.dumps(row))
        return 0
    for name in ("pass_ns", "pass_ns_min"):
        ns = row[name]
        print(
            f"book_apply {name:12s} {ns / messages:6.1f} ns/message"
            f"  {ns / row['applied']:7.1f} ns/event  {ns / updates:5.2f} ns/level"
        )
    print(json.dumps(row))
    return 0


if __name__ == "__main__":
    sys.exit(main())
