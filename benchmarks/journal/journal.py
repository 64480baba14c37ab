"""What does a record cost the lane, the archiver, a recovery, and a re-run?

Input:  records of 256 bytes; for the re-run recorded BTCUSDT frames, a lane, the demo strategy
Load:   append: back to back; archive: the ring is kept filled (closed loop: throughput alone)
Needs:  a core; 2 GB of disk in the folder for temporary files
"""

from __future__ import annotations

import json
import mmap
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hotpath.journal import trial
from hotpath.journal.tail import SEGMENT_BYTES, scan, segment
from runtime._shm import lib
from runtime.lanes.spec import ASSETS
from runtime.pages.page import LANE_BYTES, Page

if TYPE_CHECKING:
    from runtime.journal.archiver import Archiver

SEGMENT, SEGMENTS, PAYLOAD = 16 * 2**20, 4, 256
GB = 2**30
LIMITS = {
    "strategies": 1, "accounts": 1, "order_lots_max": 1000, "position_lots_max": 1000,
    "open_orders_max": 5, "band_bps": 100, "stale_ms": 60_000,
}  # fmt: skip

SPEC: dict[str, Any] = {
    "codec": "venues.binance.usdm.codec", "prefix": "bench", "assets": ASSETS,
    "rate": [2000, 200, 20], "clock_ns_max": 0, "clock_warns": True, "strategies": ["demo"],
    "parameters": [{}],
    "instruments": [{"id": 1, "symbol": "BTCUSDT", "limits": LIMITS,
                     "about": {"price_decimals": 2, "size_decimals": 3}}],
}  # fmt: skip


def append(rounds: int) -> dict[str, Any]:
    """2 GB through a ring of four segments, in each round."""
    ring = mmap.mmap(-1, 4096 + SEGMENTS * SEGMENT)
    found = [trial.appends(ring, SEGMENT, SEGMENTS, 2 * GB, PAYLOAD) for _ in range(rounds)]
    out = {name: statistics.median(one[name] for one in found) for name in found[0]}
    return {name: round(value, 1) for name, value in out.items()}


def archive(directory: Path, total: int = GB) -> dict[str, Any]:
    """A ring that is kept filled, copied, hashed, synced and signed to the disk."""
    from runtime.journal.archiver import Archiver, Rules

    deployment = f"bench{os.getpid()}"
    page = Page.make(
        deployment, "journal.0", "hp_page_t", lib.HP_PAGE_JOURNAL, 4096 + SEGMENTS * SEGMENT
    )
    try:
        writer = trial.Writer(page.map, SEGMENT, SEGMENTS)
        archiver = Archiver(deployment, directory, Rules())
        archiver.look()
        payload, published, records = os.urandom(PAYLOAD), 0, 0
        wall = cpu = 0.0
        while published < total:
            taken = writer.append(SEGMENT // 2 // (PAYLOAD + 40), payload)
            records += taken
            published += taken * (PAYLOAD + 40)
            began, spent = time.perf_counter(), time.thread_time()
            archiver.copy()
            wall += time.perf_counter() - began
            cpu += time.thread_time() - spent
        began, spent = time.perf_counter(), time.thread_time()
        archiver.close()
        wall += time.perf_counter() - began
        cpu += time.thread_time() - spent
    finally:
        page.remove()
    return {
        "bytes": published,
        "records": records,
        "seconds": round(wall, 2),
        "cpu_seconds": round(cpu, 2),
        "mb_per_second": round(published / wall / 1e6, 1),
        "gb_per_minute": round(published / wall * 60 / GB, 1),
        "core_share_at_1_gb_per_minute": round(cpu / published * GB / 60, 3),
    }


def recovery(directory: Path, rounds: int) -> dict[str, Any]:
    """Every record's length, sequence and CRC-32C checked, from the files that were archived."""
    from runtime.journal.recording import epoch_folders, load, segment_paths

    rates = []
    for _ in range(rounds):
        count, spent = 0, time.thread_time()
        for folder in epoch_folders(directory):
            for path in segment_paths(folder).values():
                data = load(path)
                head = segment(data[:SEGMENT_BYTES])
                assert head is not None
                count += scan(data, SEGMENT_BYTES, head.first_sequence)[0]
        rates.append(count / (time.thread_time() - spent))
    return {"records": count, "records_per_second": round(statistics.median(rates))}


def verify(directory: Path) -> dict[str, Any]:
    from runtime.journal import audit

    spent = time.thread_time()
    report = audit.verify(directory)
    seconds = time.thread_time() - spent
    assert report.is_good, report.faults
    return {"mb_per_second": round(report.bytes / seconds / 1e6)}


def journaled(
    directory: Path, messages: int, late: Callable[[Archiver], None] | None = None
) -> None:
    """Archive what a lane with the demo strategy makes of recorded frames.

    late: called when 19 of 20 messages are archived.
    """
    from benchmarks.decode import capture
    from hotpath.lane.manual import ManualLane
    from runtime.journal.archiver import Archiver
    from runtime.lanes.spec import fit
    from venues.binance.usdm.codec import Codec

    frames = capture.stream_frames(capture.BTCUSDT)
    deployment = f"rerun{os.getpid()}"
    page = Page.make(deployment, "journal.0", "hp_page_t", lib.HP_PAGE_JOURNAL, 4096 + 4 * SEGMENT)
    try:
        lane = ManualLane(
            Codec(prefix="bench"), bytearray(LANE_BYTES), epoch=1, journal=page.map,
            segment_bytes=SEGMENT, segment_count=4, clock=(10**9, 17 * 10**17),
        )  # fmt: skip
        archiver = Archiver(deployment, directory)
        archiver.look()
        fit(lane, json.loads(json.dumps(SPEC)))
        lane.start_strategies()
        lane.session()
        lane.arm()
        for sent in range(messages):
            lane.now_ns += 1_000_000
            lane.frame(frames[sent % len(frames)])
            if sent % 200 == 0:
                archiver.copy()
            if late is not None and sent == messages * 19 // 20:
                archiver.copy()
                late(archiver)
        lane.end()
        archiver.close()
    finally:
        page.remove()


def state(directory: Path, messages: int, rounds: int) -> dict[str, Any]:
    """What a successor takes over: from a checkpoint and its tail, and from the whole journal.

    The checkpoint is taken when 19 of 20 messages have come.
    """
    from runtime.journal import books_state, recovery

    def take(archiver: Archiver) -> None:
        for ring in archiver.rings.values():
            ring.sync()
            ring.writer.head()
        recovery.take(directory, archiver.key, "bench")

    journaled(directory, messages, take)
    seconds: dict[str, list[float]] = {"checkpoint": [], "whole": []}
    made = {}
    for _ in range(rounds):
        for name in seconds:
            found = recovery.recover(directory, use=name == "checkpoint")
            seconds[name].append(found.seconds)
            made[name] = found
    checkpoint, whole = made["checkpoint"], made["whole"]
    assert checkpoint.base is not None and whole.base is None
    assert books_state.pack(checkpoint.reader) == books_state.pack(whole.reader)
    return {
        "records": whole.tail_records,
        "tail_records": checkpoint.tail_records,
        "checkpoint_ms": round(statistics.median(seconds["checkpoint"]) * 1000, 1),
        "whole_ms": round(statistics.median(seconds["whole"]) * 1000, 1),
    }


def rerun(directory: Path, messages: int, rounds: int) -> dict[str, Any]:
    """A journaled lane with the demo strategy, run again: intents fed, and the strategy itself.

    Medians of interleaved rounds, the first one included: a process's first touch of its memory
    counts there.
    """
    from runtime.journal.rerun import rerun as run_again

    journaled(directory, messages)
    out: dict[str, Any] = {"messages": messages}
    rates: dict[str, list[float]] = {"intents_fed": [], "strategy_again": []}
    for _ in range(rounds):
        for name, strategy in (("intents_fed", None), ("strategy_again", "")):
            spent = time.thread_time()
            (outcome,) = run_again(directory, strategy)
            assert outcome.is_equal, outcome
            rates[name].append(messages / (time.thread_time() - spent))
            out["records"] = outcome.inputs + sum(outcome.outputs.values())
    out |= {name: round(statistics.median(some)) for name, some in rates.items()}
    out["slowest"] = round(min(min(some) for some in rates.values()))
    return out


def journal(rounds: int = 3, total: int = GB, messages: int = 2_000_000) -> dict[str, Any]:
    """Every figure of the journal."""
    out: dict[str, Any] = {"append": append(rounds)}
    with tempfile.TemporaryDirectory(prefix="corelane-bench-") as folder:
        os.environ["XDG_STATE_HOME"] = f"{folder}/state"
        out["archive"] = archive(Path(folder) / "run", total)
        out["recovery"] = recovery(Path(folder) / "run", rounds)
        out["verify"] = verify(Path(folder) / "run")
        out["state"] = state(Path(folder) / "state-of", messages // 2, rounds)
        out["rerun"] = rerun(Path(folder) / "again", messages, rounds)
    return out
