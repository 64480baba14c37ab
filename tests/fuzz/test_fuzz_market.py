"""Mutated frames of market codecs through both readers, under the sanitizers.

CORELANE_FUZZ sets the frames a venue (`make fuzz`: a million), CORELANE_FUZZ_SEED the seed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.decode import capture
from tests.fuzz.test_fuzz_usdm import BUILD, COUNT, CXX, ROOT, SANITIZE, SEED, SIMDJSON, C, built
from tests.venues.tables import bybit, hyperliquid, okx
from tests.venues.test_frames_of_many import FRAMES, many, row_of

TABLES = (bybit.VENUE, hyperliquid.VENUE, okx.VENUE)
BYTES_MAX = 3000  # of a seed; mutate.h says how much a frame may grow


def corpus() -> list[tuple[str, bytes]]:
    """Return (venue, frame): the tables' frames, frames of many, recorded ones where they are."""
    out = [(venue.name, frame) for venue in TABLES for frame in venue.frames()]
    out += [(venue.name, frame) for venue in TABLES for frame in venue.controls]
    out += [(v.name, many(frame, [row_of(frame)] * 3)) for v, frame in FRAMES.values()]
    for venue in TABLES:
        for recording in venue.recordings:
            if capture.path(recording.path).exists():
                frames = capture.messages(recording.path)[:400:4]
                symbol = next(iter(recording.scales)).encode()
                ours = [frame.replace(symbol, venue.symbol.encode()) for frame in frames]
                out += [(venue.name, frame) for frame in ours if len(frame) < BYTES_MAX]
    return [(name, frame) for name, frame in out if b"\n" not in frame and len(frame) < BYTES_MAX]


@pytest.fixture(scope="module")
def fuzzer() -> Path:
    general, library = ROOT / "hotpath/decode/general.cpp", SIMDJSON / "simdjson.cpp"
    command = [*CXX, *SANITIZE, "-DHP_SIMDJSON_APART", "-c", str(general)]
    driver = ROOT / "tests/fuzz/fuzz_market.c"
    sources = [driver, ROOT / "tests/fuzz/mutate.h"]
    parts = [
        built(command, [general], BUILD / "general.o"),
        built([*CXX, "-c", str(library)], [library], BUILD / "simdjson.o"),
        built([*C, "-c", str(driver)], sources, BUILD / "fuzz_market.o"),
    ]
    return built(["g++", *SANITIZE, *map(str, parts)], parts, BUILD / "fuzz_market")


def test_readers_agree_over_mutated_frames_of_every_venue(fuzzer, tmp_path):
    seeds = tmp_path / "corpus"
    lines = [name.encode() + b" " + frame for name, frame in corpus()]
    seeds.write_bytes(b"\n".join(lines) + b"\n")
    print(f"fuzz: seed {SEED}, {COUNT} frames a venue, {len(lines)} seeds", file=sys.stderr)
    done = subprocess.run(
        [str(fuzzer), str(seeds), str(COUNT), str(SEED)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"},
    )
    assert done.returncode == 0, f"seed {SEED}\n{done.stdout}\n{done.stderr}"
    print(done.stdout)
    rows = re.findall(r"kind=market_(\w+) .*read=(\d+) scanned=(\d+)", done.stdout)
    assert [row[0] for row in rows] == [venue.name for venue in TABLES]
    for name, read, scanned in rows:
        assert int(read) > COUNT // 50, f"{name}: only {read} of {COUNT} mutated frames were read"
        assert int(scanned) > COUNT // 50, f"{name}: only {scanned} were scanned"
