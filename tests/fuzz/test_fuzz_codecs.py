"""Every codec under the address and undefined sanitizers, frames led by the code that they run.

CORELANE_FUZZ sets the frames a series (`make fuzz`: a million), CORELANE_FUZZ_SEED the seed.  From
a million on, simdjson itself is instrumented, too, and what was found is kept in build/fuzz/found:
the next search goes on from there.

There is no libFuzzer beside gcc, so the driver does its part: the codecs and the general reader
are compiled with SanitizerCoverage (trace-pc), and a frame that reaches something new is mutated
further.
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
from tests.usdm import messages
from tests.venues.test_frames_of_many import FRAMES as OF_MANY
from tests.venues.test_frames_of_many import many, row_of
from tests.venues.venue import Venue, venues

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build" / "fuzz"
FOUND = BUILD / "found"
SIMDJSON = Path(simdjson.__file__).parent
COUNT = int(os.environ.get("CORELANE_FUZZ", "10000"))
SEED = int(os.environ.get("CORELANE_FUZZ_SEED", "0")) or random.randrange(1, 2**32)
LONG = COUNT >= 1_000_000
BYTES_MAX = 3000  # of a seed; mutate.h says how much a frame may grow
RECORDED = 100  # frames of each recording

SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
TRACE = ["-fsanitize-coverage=trace-pc"]
COMMON = [
    "-O1",
    "-g1",
    "-fno-omit-frame-pointer",
    "-march=x86-64-v2",
    "-D_GNU_SOURCE",
    "-I.",
    "-Ihotpath/abi",
    "-Itests/fuzz",
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

REPORTS = [
    *(messages.answer(kind, messages.order()) for kind in (1, 2, 3)),
    *(messages.refusal(kind, code) for kind in (1, 2, 3, 4) for code in (-2011, -1007)),
    messages.text(messages.update()),
    messages.text(messages.update(**messages.TRADE)),
    messages.text(messages.update(x="CANCELED", X="CANCELED")),
    messages.text(messages.update(x="EXPIRED", X="EXPIRED", f="GTX", er="11")),
    messages.positions(("BTCUSDT", "1.5"), ("ETHUSDT", "-2")),
    messages.account(),
]


def recorded(venue: Venue) -> list[bytes]:
    """Return frames of a venue's recordings, where they are, in the name of its own symbol."""
    out = []
    for recording in venue.recordings:
        if capture.path(recording.path).exists():
            frames = capture.messages(recording.path)
            symbol = next(iter(recording.scales))
            for frame in frames[:: len(frames) // RECORDED + 1]:
                named = frame.replace(symbol.encode(), venue.symbol.encode())
                out.append(named.replace(symbol.lower().encode(), venue.symbol.lower().encode()))
    return out


def corpus() -> dict[tuple[str, str], list[bytes]]:
    """Return (target, group) -> seeds: constructed frames, and recorded ones where they are."""
    out: dict[tuple[str, str], list[bytes]] = {("binance_usdm", "report"): list(REPORTS)}
    for venue in venues():
        unknown = venue.controls + venue.unknown_kinds
        out[venue.name, "market"] = [*venue.frames(), *unknown, *recorded(venue)]
        bodies = [body for s in venue.samples if s.rest for body in (s.frame, *s.also)]
        if bodies:
            out[venue.name, "snapshot"] = bodies
    for venue, frame in OF_MANY.values():
        out[venue.name, "market"].append(many(frame, [row_of(frame)] * 3))
    return {
        series: [frame for frame in frames if b"\n" not in frame and len(frame) < BYTES_MAX]
        for series, frames in out.items()
    }


def built(command: list[str], sources: list[Path], target: Path) -> Path:
    """Run a compiler unless the target was made by the same command from the same bytes."""
    digest = hashlib.sha256(repr(command).encode())
    headers = [*ROOT.glob("hotpath/**/*.h*"), *ROOT.glob("venues/**/*.h")]
    for path in [*sources, *sorted(headers), *sorted((ROOT / "tests/fuzz").glob("*.h"))]:
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
    here = ROOT / "tests/fuzz"
    codecs, driver = here / "targets.c", here / "fuzz.c"
    reader = [*CXX, *SANITIZE, *TRACE, *([] if LONG else ["-DHP_SIMDJSON_APART"]), "-c"]
    parts = [
        built([*reader, str(general)], [general], BUILD / f"general{'_whole' * LONG}.o"),
        built([*C, *TRACE, "-c", str(codecs)], [codecs], BUILD / "targets.o"),
        built([*C, "-c", str(driver)], [driver], BUILD / "fuzz.o"),
    ]
    if not LONG:
        parts.append(built([*CXX, "-c", str(library)], [library], BUILD / "simdjson.o"))
    return built(["g++", *SANITIZE, *map(str, parts)], parts, BUILD / f"fuzz{'_long' * LONG}")


@pytest.fixture
def seeds(tmp_path) -> Path:
    """Return the corpus as the driver reads it, with what was found before, in a long search."""
    path = tmp_path / "corpus"
    lines = [
        b"%b %b %b" % (t.encode(), g.encode(), f) for (t, g), fs in corpus().items() for f in fs
    ]
    path.write_bytes(b"\n".join(lines) + b"\n")
    if LONG and FOUND.exists():
        path.write_bytes(path.read_bytes() + FOUND.read_bytes())
    return path


def search(fuzzer: Path, seeds: Path, *options: str) -> subprocess.CompletedProcess[str]:
    print(f"fuzz: seed {SEED}, {COUNT} frames a series", file=sys.stderr)
    return subprocess.run(
        [str(fuzzer), str(seeds), str(COUNT), str(SEED), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"},
    )


def test_codecs_keep_their_word_over_mutated_frames(fuzzer, seeds):
    done = search(fuzzer, seeds, *(("--keep", str(FOUND)) if LONG else ()))
    assert done.returncode == 0, f"seed {SEED}\n{done.stdout}\n{done.stderr}"
    print(done.stdout)
    rows = re.findall(
        r"target=(\w+) group=(\w+) .*read=(\d+) scanned=(\d+) edges=(\d+) .*found=(\d+)",
        done.stdout,
    )
    assert {(target, group) for target, group, *_ in rows} == corpus().keys()
    for target, group, read, scanned, edges, found in rows:
        name = f"{target} {group}"
        assert int(read) > COUNT // 50, f"{name}: only {read} of {COUNT} mutated frames were read"
        assert group != "market" or int(scanned) > COUNT // 50, f"{name}: {scanned} scanned"
        assert int(edges) > 100, f"{name}: {edges} edges; is the coverage compiled in?"
        assert int(found) > 0, f"{name}: no mutated frame reached anything new"


def test_planted_disagreement_is_found(fuzzer, seeds):
    """Guard the driver: it must see two readers that differ in one field of a rare frame."""
    done = search(fuzzer, seeds, "--planted")
    assert done.returncode == 1
    assert "fuzz: two events; target" in done.stdout
