"""Mutated frames of each kind through both readers, under the address and undefined sanitizers.

CORELANE_FUZZ sets the frames a kind (`make fuzz`: a million), CORELANE_FUZZ_SEED the seed.  From a
million on, simdjson itself is instrumented, too.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
import simdjson

from benchmarks.decode import capture
from hotpath.decode.json import Kind
from tests.usdm import messages
from tests.venues.tables.binance_usdm import FRAMES, SNAPSHOT, raw, with_2026_fields

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build" / "fuzz"
SIMDJSON = Path(simdjson.__file__).parent
COUNT = int(os.environ.get("CORELANE_FUZZ", "20000"))
SEED = int(os.environ.get("CORELANE_FUZZ_SEED", "0")) or random.randrange(1, 2**32)
INSTRUMENT_SIMDJSON = COUNT >= 1_000_000

SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
COMMON = [
    "-O1",
    "-g1",
    "-fno-omit-frame-pointer",
    "-march=x86-64-v2",
    "-D_GNU_SOURCE",
    "-I.",
    "-Ihotpath/abi",
]
C = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-DHP_DEBUG=1", *COMMON, *SANITIZE]
CXX = [
    "g++",
    "-std=c++17",
    "-fno-exceptions",
    "-fno-rtti",
    "-DSIMDJSON_EXCEPTIONS=0",
    f"-I{SIMDJSON}",
    *COMMON,
]

UPDATES = {
    "new": {},
    "trade": messages.TRADE,
    "canceled": {"x": "CANCELED", "X": "CANCELED"},
    "expired": {"x": "EXPIRED", "X": "EXPIRED", "f": "GTX", "er": "11"},
}
REPORTS = {
    "report_answer": [messages.answer(kind, messages.order()) for kind in (1, 2, 3)],
    "report_refusal": [
        messages.refusal(kind, code) for kind in (1, 2, 3, 4) for code in (-2011, -1007)
    ],
    "report_order": [messages.text(messages.update(**change)) for change in UPDATES.values()],
    "report_account": [
        messages.positions(("BTCUSDT", "1.5"), ("ETHUSDT", "-2")),
        messages.account(),
    ],
}


def corpus() -> dict[str, list[bytes]]:
    """Return the seed frames of each kind: golden ones, and recorded ones where they are."""
    out: dict[str, list[bytes]] = {"snapshot": [SNAPSHOT], **REPORTS}
    for kind, frame in FRAMES.items():
        variants = [with_2026_fields(frame, pair=p, market=m) for p in (0, 1) for m in (0, 1)]
        out[f"market_{kind.name.lower()}"] = [*variants, raw(frame)]
    if capture.path(capture.BTCUSDT).exists():
        for frame in capture.stream_frames(capture.BTCUSDT)[:40_000:100]:
            name = re.search(rb"@(\w+)", frame)[1].decode()
            kind = {"depth": Kind.DEPTH, "bookTicker": Kind.BOOK_TICKER, "trade": Kind.TRADE}[name]
            out[f"market_{kind.name.lower()}"].append(frame)
    return {kind: [frame for frame in frames if b"\n" not in frame] for kind, frames in out.items()}


def built(command: list[str], sources: list[Path], target: Path) -> Path:
    """Run a compiler unless the target was made by the same command from the same bytes."""
    digest = hashlib.sha256(repr(command).encode())
    for path in [
        *sources,
        *sorted(ROOT.glob("hotpath/**/*.h*")),
        *sorted(ROOT.glob("venues/**/*.h")),
    ]:
        digest.update(path.read_bytes())
    stamp = target.with_suffix(".sha256")
    if not (target.exists() and stamp.exists() and stamp.read_text() == digest.hexdigest()):
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([*command, "-o", str(target)], cwd=ROOT, check=True)
        stamp.write_text(digest.hexdigest())
    return target


@pytest.fixture(scope="module")
def fuzzer() -> Path:
    general, library = ROOT / "hotpath/decode/general.cpp", SIMDJSON / "simdjson.cpp"
    parts = []
    if INSTRUMENT_SIMDJSON:
        command = [*CXX, *SANITIZE, "-c", str(general)]
        parts.append(built(command, [general], BUILD / "general_whole.o"))
    else:
        command = [*CXX, *SANITIZE, "-DHP_SIMDJSON_APART", "-c", str(general)]
        parts.append(built(command, [general], BUILD / "general.o"))
        parts.append(built([*CXX, "-c", str(library)], [library], BUILD / "simdjson.o"))
    driver = ROOT / "tests/fuzz/fuzz_usdm.c"
    sources = [driver, ROOT / "tests/fuzz/mutate.h"]
    parts.append(built([*C, "-c", str(driver)], sources, BUILD / "fuzz_usdm.o"))
    command = ["g++", *SANITIZE, *map(str, parts)]
    return built(command, parts, BUILD / "fuzz_usdm")


def test_readers_agree_over_mutated_frames_of_every_kind(fuzzer, tmp_path):
    frames = corpus()
    seeds = tmp_path / "corpus"
    lines = [kind.encode() + b" " + frame for kind, some in frames.items() for frame in some]
    seeds.write_bytes(b"\n".join(lines) + b"\n")
    print(f"fuzz: seed {SEED}, {COUNT} frames a kind, {len(lines)} seed frames", file=sys.stderr)
    done = subprocess.run(
        [str(fuzzer), str(seeds), str(COUNT), str(SEED)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"},
    )
    assert done.returncode == 0, f"seed {SEED}\n{done.stdout}\n{done.stderr}"
    print(done.stdout)
    rows = {
        match["kind"]: (int(match["read"]), int(match["scanned"]))
        for match in re.finditer(
            r"kind=(?P<kind>\w+) .*read=(?P<read>\d+) scanned=(?P<scanned>\d+)", done.stdout
        )
    }
    assert rows.keys() == frames.keys()
    for kind, (read, scanned) in rows.items():
        assert read > COUNT // 50, f"{kind}: only {read} of {COUNT} mutated frames were still read"
        assert scanned > COUNT // 50 or not kind.startswith("market"), f"{kind}: {scanned} scanned"
