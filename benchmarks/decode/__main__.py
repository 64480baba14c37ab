"""How long from the bytes of a market message to its event, by each reader and by simdjson?

Input:  binance_usdm/btcusdt_20240808, stream frames, as recorded and with the fields of 2026
Load:   all frames in memory, one behind the other; (21 passes - 1 pass) / 20, readers in turn
Needs:  a quiet core; `spread` is the slowest round over the fastest

    python -m benchmarks.decode [--passes 21] [--rounds 5] [--json]

Every byte of every event and level is checksummed and equal in all readers, or nothing is measured.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from benchmarks.build import build
from benchmarks.decode import capture

SYMBOL, INSTRUMENT, PRICE_DECIMALS, SIZE_DECIMALS = b"BTCUSDT", 7, 1, 3
SHAPE_BAR, GENERAL_BAR = 2.0, 0.9


def measure(frames: list[bytes], passes: int, rounds: int) -> dict[str, Any]:
    """Return nanoseconds per message of each reader, best round, after the equality check."""
    from benchmarks.decode.contest import Contender, Frames, put_instrument
    from venues.binance.usdm.codec import Codec

    codec, contender = Codec(), Contender()
    for face in (codec.capsule, contender.capsule):
        put_instrument(face, SYMBOL, INSTRUMENT, PRICE_DECIMALS, SIZE_DECIMALS)
    memory = Frames(frames)
    readers = {
        "shape": (codec.capsule, False),
        "general": (codec.capsule, True),
        "simdjson": (contender.capsule, False),
    }
    sums = {name: memory.checksum(*reader) for name, reader in readers.items()}
    fallbacks = codec.counters["fallbacks"]
    if len(set(sums.values())) != 1 or fallbacks:
        raise SystemExit(f"events differ or fell back: {sums}, {fallbacks} fallbacks; no figures")
    times: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(rounds):
        for name, (face, general) in readers.items():
            once = memory.run(face, 1, general)
            many = memory.run(face, passes, general)
            times[name].append((many - once) / (passes - 1) / memory.count)
    best = {name: min(values) for name, values in times.items()}
    return {
        "messages": memory.count,
        "bytes_mean": memory.size / memory.count,
        "checksum": sums["shape"][1],
        "ns": best,
        "spread": {name: max(values) / min(values) for name, values in times.items()},
        "shape_ratio": best["simdjson"] / best["shape"],
        "general_ratio": best["simdjson"] / best["general"],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--passes", type=int, default=21)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    recording = capture.path(capture.BTCUSDT)
    if not recording.exists():
        print(f"no recording at {recording}; set CORELANE_DATA", file=sys.stderr)
        return 2
    build("benchmarks.decode.contest", "benchmarks/decode/simdjson_job.cpp")
    frames = capture.stream_frames(capture.BTCUSDT)
    inputs = {"as recorded": frames, "with 2026 fields": [*map(capture.with_2026_fields, frames)]}
    results = {
        name: measure(some, arguments.passes, arguments.rounds) for name, some in inputs.items()
    }
    good = all(
        row["shape_ratio"] >= SHAPE_BAR and row["general_ratio"] >= GENERAL_BAR
        for row in results.values()
    )
    if arguments.json:
        print(json.dumps(results, indent=1))
        return 0 if good else 1
    for name, row in results.items():
        print(f"decode  {name}  n={row['messages']}  mean {row['bytes_mean']:.0f} bytes")
        for reader, ns in row["ns"].items():
            print(f"  {reader:10} {ns:7.1f} ns a message   spread {row['spread'][reader]:.2f}")
        print(f"  simdjson / shape {row['shape_ratio']:.2f}, wanted {SHAPE_BAR}")
        print(f"  simdjson / general {row['general_ratio']:.2f}, wanted {GENERAL_BAR}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
