"""What does it cost to hold an order's money, and to set it free again?

Input:  prices and sizes that change from round to round; linear and inverse at 20 x, spot
Load:   as fast as it goes, from memory: the gate's look, the hold, the release
Method: outside wall clock over batches of 1000 rounds, the median batch
Needs:  one quiet core
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from setup import BASE, FLAGS

ROOT = Path(__file__).resolve().parents[2]


def reserve(rounds: int = 5_000_000) -> dict[str, Any]:
    """Return nanoseconds a round per kind of contract."""
    flags = [flag for flag in BASE if not flag.startswith("-ffile-prefix")]
    flags += [*FLAGS["release"][0], "-Wno-unused-function", f"-I{ROOT}/hotpath/abi", f"-I{ROOT}"]
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "reserve"
        source = Path(__file__).with_name("reserve.c")
        subprocess.run(["gcc", "-std=c11", *flags, "-o", str(program), str(source)], check=True)
        done = subprocess.run([str(program), str(rounds)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"reserve ended with {done.returncode}: {done.stderr or 'sums differ'}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
