"""How fast is a replay with strategy, gate and fills beside hftbacktest and nautilus_trader?

Input:  binance_usdm/btcusdt_20240808 (CORELANE_DATA), once without its tickers, once with them
Load:   as fast as it goes, from memory; contenders in turn, each warm and in a process of its own
Bar:    ours at least 3 x faster a message than hftbacktest
Needs:  quiet cores; on a busy machine run it as `chrt -f 1 make bench-peers`

    python -m benchmarks.peers [--rounds 7] [--json]

ours       reads and cuts text, decodes it, keeps the book, runs the Cython demo strategy, the
           gate and fills on paper; nothing is prepared
hft        its own arrays of the same messages, decoded before; ROI vector depth, the same
           strategy in numba, compiled before; no queue but the plainest
nautilus   its OrderBook alone, fed delta objects that were made before, asked for the top
           after each

Outside wall clock of each round, medians; the ratio is the median of the rounds' own ratios.  All
must end with the same best prices and sizes, and each with the same figures in every round.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.decode import capture

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
VENV = ROOT / ".venv-peers"
BAR = 3.0
TIMES = {"ns", "decode_book_ns"}


class PeerError(RuntimeError):
    """A contender did not do what a comparison needs."""


def prepare() -> Path:
    """Make the peers' own environment where there is none; return its Python."""
    python = VENV / "bin" / "python"
    wanted = (HERE / "requirements.txt").read_text()
    stamp = VENV / ".installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*install, "-r", str(HERE / "requirements.txt")], check=True)
        stamp.write_text(wanted)
    return python


class Contender:
    """One process that plays rounds (rounds.py)."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name = name
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.about = self.line()
        self.rounds: list[dict[str, Any]] = []

    def line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            if line.startswith("{"):
                return dict(json.loads(line))
        raise PeerError(f"{self.name} ended: {self.process.wait()}")

    def play(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.rounds.append(self.line())

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def same(self) -> dict[str, Any]:
        """Return the figures that must not change from round to round."""
        some = [{k: v for k, v in one.items() if k not in TIMES} for one in self.rounds]
        if any(one != some[0] for one in some):
            raise PeerError(f"{self.name}: rounds differ: {some}")
        return some[0]


def compare(peers: str, with_tickers: bool, rounds: int) -> dict[str, Any]:
    """Return medians of interleaved rounds over one choice of messages."""
    path = str(capture.path(capture.BTCUSDT))
    more = ["tickers"] if with_tickers else []
    commands = {
        "ours": [sys.executable, "-m", "benchmarks.peers.ours", path, *more],
        "hft": [peers, str(HERE / "hft.py"), path, *more],
        "nautilus": [peers, str(HERE / "nautilus.py"), path],
    }
    contenders = [Contender(name, command) for name, command in commands.items()]
    try:
        for _ in range(rounds):
            for contender in contenders:
                contender.play()
    finally:
        for contender in contenders:
            contender.close()
    same = {one.name: one.same() for one in contenders}
    if len({tuple(figures["top"]) for figures in same.values()}) != 1:
        raise PeerError(f"the last tops differ: {same}")
    if same["ours"]["applied"] != same["nautilus"]["batches"]:
        raise PeerError(f"books took other deltas: {same}")
    messages = same["ours"]["messages"]
    ns = {one.name: [r["ns"] for r in one.rounds] for one in contenders}
    book = [r["decode_book_ns"] for r in contenders[0].rounds]
    times = {name: [*values] for name, values in (*ns.items(), ("ours, no strategy", book))}
    ratio = [hft / ours for hft, ours in zip(ns["hft"], ns["ours"], strict=True)]
    return {
        "messages": messages,
        "ns_a_message": {k: statistics.median(v) / messages for k, v in times.items()},
        "spread": {name: max(values) / min(values) for name, values in times.items()},
        "hft_over_ours": statistics.median(ratio),
        "hft_over_ours_range": [min(ratio), max(ratio)],
        "figures": same,
        "about": {one.name: one.about for one in contenders},
    }


def say(label: str, row: dict[str, Any]) -> None:
    print(f"replay with strategy, gate and fills, {label}: {row['messages']} messages")
    for name, ns in row["ns_a_message"].items():
        about = row["about"].get(name, {"what": "text, decoder, book"})
        versions = ", ".join(f"{k} {v}" for k, v in about.items() if k != "what")
        what = f"{about['what']}{'; ' if versions else ''}{versions}"
        print(f"  {name:<18}{ns:>9.1f} ns a message  spread {row['spread'][name]:.2f}  {what}")
    for name, figures in row["figures"].items():
        print(f"  {name:<18}{json.dumps(figures)}")
    low, high = row["hft_over_ours_range"]
    print(f"  hft / ours {row['hft_over_ours']:.2f} ({low:.2f} .. {high:.2f}), wanted {BAR}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if not capture.path(capture.BTCUSDT).exists():
        print(f"bench-peers: no recording at {capture.path(capture.BTCUSDT)}", file=sys.stderr)
        return 2
    try:
        peers = str(prepare())
        results = {
            label: compare(peers, with_tickers, arguments.rounds)
            for label, with_tickers in (("depth and trades", False), ("with tickers", True))
        }
    except (PeerError, subprocess.CalledProcessError) as error:
        print(f"bench-peers: {error}", file=sys.stderr)
        return 2
    load = os.getloadavg()
    if arguments.json:
        print(json.dumps({**results, "load": load}))
    else:
        for label, row in results.items():
            say(label, row)
        print(f"load average {load[0]:.1f} {load[1]:.1f} {load[2]:.1f}")
    return 0 if all(row["hft_over_ours"] >= BAR for row in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
