"""How many instructions does a message of each kind take, through decoder and book, and a record?

Input:  every kind of every venue's table, 64 messages each, made with a fixed seed (series.py);
        records of four sizes, appended to the journal and read back
Load:   none: instructions are counted by valgrind's callgrind, so other work does not disturb
Build:  x86-64-v2 with the product's flags, simdjson's kernel for that level (valgrind 3.19 knows no
        AVX-512 and dies of it, with a count); exit 0 and checksums as without valgrind, or nothing
Bar:    5 % over what baseline.json says for this compiler and C library

    python -m benchmarks.counts [--record] [--only TEXT] [--json]

Exit 0: within; 1: over; 2: could not count, or nothing recorded for this compiler (--record).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import setup
from benchmarks.counts.series import lines
from ops.prepare import TOOLS

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "counts"
BASELINE = Path(__file__).with_name("baseline.json")
MORE_BPS_MAX = 500
MARCH = "x86-64-v2"
WHERE = ("benchmarks/counts", "hotpath", "tests/fuzz", "venues")
SUFFIXES = {".c", ".cpp", ".h", ".hpp"}
KERNEL = ["-DSIMDJSON_IMPLEMENTATION_ICELAKE=0", "-DSIMDJSON_IMPLEMENTATION_HASWELL=0"]


class CountError(RuntimeError):
    """Nothing could be counted."""


@dataclass(frozen=True)
class Kind:
    """One kind of message: what it gave, and what it took."""

    name: str  # venue and kind
    messages: int
    events: int
    checksum: str
    instructions: float  # a message

    @property
    def row(self) -> dict[str, object]:
        return {"instructions": round(self.instructions, 1), "checksum": self.checksum}


def key() -> str:
    """Return the compiler and the C library that a count belongs to."""
    said = subprocess.run(["gcc", "-dumpfullversion"], capture_output=True, text=True, check=True)
    return f"gcc {said.stdout.strip()}, {' '.join(platform.libc_ver())}"


def valgrind() -> tuple[str, dict[str, str]]:
    """Return the command and its environment: of the machine, else as unpacked by ops.prepare."""
    unpacked = TOOLS / "usr" / "bin" / "valgrind.bin"
    environment = {**os.environ, "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX2_Usable"}
    found = shutil.which("valgrind")
    if found is None and unpacked.exists():
        library = next((TOOLS / "usr").glob("lib*/valgrind"), TOOLS)
        return str(unpacked), {**environment, "VALGRIND_LIB": str(library)}
    if found is None:
        raise CountError("no valgrind; run `make bench-check`, or: apt-get install valgrind")
    return found, environment


def built() -> Path:
    """Compile the driver with the product's flags at x86-64-v2."""
    flags = [one for one in setup.BASE if not one.startswith(("-march=", "-ffile-prefix"))]
    flags += [f"-march={MARCH}", "-Wno-unused-function", *setup.FLAGS["release"][0]]
    flags += ["-I.", "-Ihotpath/abi", "-Itests/fuzz"]
    BUILD.mkdir(parents=True, exist_ok=True)
    program = BUILD / "counts"
    units = {
        "counts.o": ["gcc", *setup.C, *flags, "-c", "benchmarks/counts/counts.c"],
        "targets.o": ["gcc", *setup.C, *flags, "-c", "tests/fuzz/targets.c"],
        "general.o": ["g++", *setup.CXX, *KERNEL, *flags, "-c", "hotpath/decode/general.cpp"],
    }
    sources = [ROOT / "setup.py", Path(__file__)]
    found = [path for at in WHERE for path in (ROOT / at).rglob("*")]
    sources += [path for path in found if path.suffix in SUFFIXES]
    newest = max(path.stat().st_mtime for path in sources)
    if program.exists() and program.stat().st_mtime > newest:
        return program
    for target, command in units.items():
        subprocess.run([*command, "-o", str(BUILD / target)], cwd=ROOT, check=True)
    objects = [str(BUILD / target) for target in units]
    subprocess.run(["g++", *objects, "-o", str(program)], check=True)
    return program


def totals(folder: Path) -> list[int]:
    """Return what callgrind collected before each of its dumps, in order."""
    out = []
    for path in folder.glob("out.*"):
        text = path.read_text()
        if "Trigger: --dump-after=hp_count_kind" in text:
            part = re.search(r"^part: (\d+)", text, re.M)
            total = re.search(r"^(?:totals|summary): (\d+)", text, re.M)
            assert part and total, path
            out.append((int(part[1]), int(total[1])))
    return [total for _, total in sorted(out)]


def count(only: str = "") -> list[Kind]:
    """Count every kind whose name holds `only`; raise CountError when a run is not whole."""
    program = built()
    command, environment = valgrind()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        series = folder / "series"
        wanted = [line for line in lines() if only in ".".join(line.decode().split(" ", 2)[:2])]
        series.write_bytes(b"\n".join(wanted) + b"\n")
        plain = subprocess.run([str(program), str(series)], capture_output=True, text=True)
        counted = subprocess.run(
            [
                command,
                "--tool=callgrind",
                f"--callgrind-out-file={folder}/out",
                "--toggle-collect=hp_count_kind",
                "--dump-after=hp_count_kind",
                str(program),
                str(series),
            ],
            capture_output=True,
            text=True,
            env=environment,
        )
        if plain.returncode or counted.returncode:
            raise CountError(
                f"exit codes {plain.returncode} without valgrind, {counted.returncode} in it; "
                f"want 0: a count of half a run is none: {(plain.stderr + counted.stderr)[-400:]}"
            )
        if plain.stdout != counted.stdout or not plain.stdout:
            raise CountError("the events differ in valgrind; no counts")
        rows, found = [line.split() for line in plain.stdout.splitlines()], totals(folder)
    if len(rows) != len(found):
        raise CountError(f"{len(found)} dumps of callgrind for {len(rows)} kinds")
    return [
        Kind(f"{venue}.{kind}", int(messages), int(events), checksum, total / int(messages))
        for (venue, kind, messages, events, checksum), total in zip(rows, found, strict=True)
    ]


def judged(kinds: list[Kind], known: dict[str, dict[str, object]]) -> list[str]:
    """Return what is wrong: kinds over the bar, with other events, new ones, missing ones."""
    out = []
    for kind in kinds:
        was = known.get(kind.name)
        if was is None:
            out.append(f"{kind.name}: not recorded; run: make bench-check ARGS=--record")
            continue
        if was["checksum"] != kind.checksum:
            out.append(f"{kind.name}: events {kind.checksum}, recorded {was['checksum']}")
        before = float(str(was["instructions"]))
        if kind.instructions > before * (1 + MORE_BPS_MAX / 10_000):
            out.append(
                f"{kind.name}: {kind.instructions:.1f} instructions a message, recorded "
                f"{before:.1f}, {kind.instructions / before - 1:+.1%}; want at most +5 %"
            )
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--record", action="store_true", help="write what is counted as baseline")
    parser.add_argument("--only", default="", metavar="TEXT", help="kinds whose name holds it")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    recorded = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    try:
        kinds = count(arguments.only)
    except CountError as error:
        print(f"bench-check: {error}", file=sys.stderr)
        return 2
    known = recorded.get(key(), {})
    if arguments.json:
        print(json.dumps({"key": key(), "kinds": {kind.name: kind.row for kind in kinds}}))
    else:
        print(f"instructions a message, decode + book, or a record, {MARCH}, {key()}")
        for kind in kinds:
            before = float(known.get(kind.name, {}).get("instructions", 0))
            change = f"{kind.instructions / before - 1:+.1%}" if before else "new"
            print(f"  {kind.name:<36}{kind.instructions:>10.1f}  {change:>7}  {kind.checksum}")
    if arguments.record:
        recorded[key()] = {**known, **{kind.name: kind.row for kind in kinds}}
        BASELINE.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n")
        return 0
    if not known:
        print(f"bench-check: nothing recorded for {key()}; run: make bench-check ARGS=--record")
        return 2
    wrong = judged(kinds, known)
    for line in wrong:
        print(f"bench-check: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
