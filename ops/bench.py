"""`corelane bench`: speed, against named anchors, from outside wall clock.

decode   decode + book over the recorded capture, beside simdjson On-Demand and two Python stacks
wire     market frame written to order read over a real socket, beside a C echo
backlog  an acknowledgement behind 1 MiB of market frames
stale    a book passes its bound to the last cancel on the wire, over the embedded venue
memory   resident memory of a lane over five million frames
scrape   metrics of 200 instruments, from pages to text
gate     the whole chain of checks: 50 instruments, 10, 200 and 1000 orders that rest
         (wire --gate-cost: what it costs on the wire, beside a lane whose checks are open)
journal  an append, the archiver, a recovery's scan, a re-run
checkpoint  the lane's longest stop while a checkpoint of it is taken, and without one
reserve  an order's money held and set free again

Contenders run in turn within one run; figures are medians over the rounds.  An anchor that is more
than 10 % off its known level makes a round void; after five void rounds the figures stand with the
anchor beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tuning import fingerprints
from tuning.host import LiveHost

ROOT = Path(__file__).resolve().parent.parent
SPIN_US, EPOLL_US, SIMDJSON_NS = 7.7, 19.3, 265.0  # known levels of the anchors
VOID_ROUNDS = 5
WHAT = [
    *("decode", "wire", "backlog", "stale", "memory", "scrape", "journal", "gate", "reserve"),
    "checkpoint",
]
PASSES = 21
BARS = {
    "simdjson": 2.3,
    "general": 0.9,
    "sortedcontainers": 45.0,
    "order_book": 80.0,
    "order_book_untopped": 80.0,
    "python": 1.6,
    "cython": 1.45,
}


def add(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "bench",
        help="measure speed against anchors",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: corelane bench wire --rounds 5",
    )
    parser.add_argument(
        "what",
        choices=[*WHAT, "all"],
        help="which figures",
    )
    parser.add_argument(
        "--rounds", type=int, default=5, metavar="N", help="interleaved rounds (default: 5)"
    )
    parser.add_argument(
        "--count",
        type=int,
        default=20_000,
        metavar="N",
        help="orders per wire round (default: 20000)",
    )
    parser.add_argument(
        "--trials", type=int, default=100, metavar="N",
        help="silences of stale, checkpoints of checkpoint (default: 100)",
    )
    parser.add_argument(
        "--gate-cost", action="store_true", help="wire: the gate with every check on, and open"
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="DIR",
        help="with --gate-cost: another checkout that is built, in the same rounds",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def off(found: float, known: float) -> float:
    """Return by how much a figure differs from its known level, as a fraction."""
    return abs(found - known) / known


def host() -> str:
    """Return one line that names the machine of a figure."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "unknown CPU",
    )
    cores = len(os.sched_getaffinity(0))
    print_of = fingerprints.of_host(LiveHost()).short
    return (
        f"{model}, {cores} cores, kernel {platform.release()}, "
        f"Python {platform.python_version()}, host {print_of}"
    )


def bench_decode(rounds: int) -> dict[str, Any]:
    """Decode + book, nanoseconds a message, medians over interleaved rounds."""
    from benchmarks.build import build
    from benchmarks.decode import capture, kinds, peers

    recording = capture.path(capture.BTCUSDT)
    if not recording.exists():
        raise FileNotFoundError(
            f"no recording at {recording}; set CORELANE_DATA to the folder of recorded feeds"
        )
    build("benchmarks.decode.contest", "benchmarks/decode/simdjson_job.cpp")
    from benchmarks.decode.contest import Contender, Frames, put_instrument
    from venues.binance.usdm.codec import Codec

    codec, contender = Codec(), Contender()
    for face in (codec.capsule, contender.capsule):
        put_instrument(face, b"BTCUSDT", 1, 1, 3)
    snapshot = next(m for m in capture.messages(capture.BTCUSDT) if b'"lastUpdateId"' in m[:40])
    recorded = capture.stream_frames(capture.BTCUSDT)
    out: dict[str, Any] = {}
    for label, frames in (
        ("recorded", recorded),
        ("with_2026_fields", [*map(capture.with_2026_fields, recorded)]),
    ):
        memory = Frames(frames)
        readers: dict[str, tuple[Any, bool]] = {
            "shape": (codec, False),
            "general": (codec, True),
            "simdjson": (contender, False),
        }
        checks = {
            name: memory.checksum(face.capsule, general)
            for name, (face, general) in readers.items()
        }
        if len(set(checks.values())) != 1:
            raise RuntimeError(f"readers differ on {label}: {checks}; no figures")
        ns: dict[str, list[float]] = {name: [] for name in readers}
        tops = set()
        for _ in range(rounds):
            for name, (face, general) in readers.items():
                one = memory.run_book(face.capsule, codec.capsule, 1, snapshot, 1, general)
                many = memory.run_book(face.capsule, codec.capsule, 1, snapshot, PASSES, general)
                ns[name].append((many[0] - one[0]) / (PASSES - 1) / memory.count)
                tops.add(one[1:])
        for name, play in (
            ("sortedcontainers", peers.with_sortedcontainers),
            ("order_book", peers.with_order_book),
            ("order_book_untopped", lambda f, s: peers.with_order_book(f, s, asks_tops=False)),
        ):
            repeats = 1 if name == "order_book" else max(1, rounds // 2)  # it takes 8 s
            runs = [play(frames, snapshot) for _ in range(repeats)]
            ns[name] = [seconds * 1e9 / memory.count for seconds, _, _ in runs]
            if {applied for _, applied, _ in runs} != {next(iter(tops))[0]}:
                raise RuntimeError(
                    f"{name} applied another number of deltas on {label}; no figures"
                )
        median = {name: statistics.median(values) for name, values in ns.items()}
        out[label] = {
            "messages": memory.count,
            "ns": median,
            "spread": {name: max(v) / min(v) for name, v in ns.items()},
            # of each round by itself: what disturbs one reader mostly disturbs the next one, too
            "ratio": {
                name: statistics.median(b / a for a, b in zip(ns[one], ns["simdjson"], strict=True))
                for name, one in (("simdjson", "shape"), ("general", "general"))
            }
            | {
                "sortedcontainers": median["sortedcontainers"] / median["shape"],
                "order_book": median["order_book"] / median["shape"],
                "order_book_untopped": median["order_book_untopped"] / median["shape"],
            },
        }
        out[label]["kinds"] = kinds.measure(frames, snapshot, codec, contender, rounds)
        if len(tops) != 1:
            raise RuntimeError(f"books differ on {label}: {tops}; no figures")
    out["anchor"] = {
        "simdjson_ns": out["recorded"]["ns"]["simdjson"],
        "known_ns": SIMDJSON_NS,
        "off": off(out["recorded"]["ns"]["simdjson"], SIMDJSON_NS),
    }
    return out


def bench_wire(rounds: int, count: int) -> dict[str, Any]:
    """p50/p99/p99.9 over a real socket per strategy, beside C echo.

    Medians over interleaved rounds.
    """
    from benchmarks.wire.wire import echo, wire

    runs: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("spin", "epoll", "python", "cython", "cython_tls")
    }
    void = 0
    while len(runs["python"]) < rounds:
        spin = echo("spin", count)
        if off(spin["p50_us"], SPIN_US) > 0.1 and void < VOID_ROUNDS:
            void += 1
            continue
        runs["spin"].append(spin)
        runs["python"].append(wire("demo", count))
        runs["cython"].append(wire("demo-native", count))
        runs["spin"].append(echo("spin", count))
        runs["epoll"].append(echo("epoll", count // 4))
        runs["cython_tls"].append(wire("demo-native", count // 2, tls=True))
    out: dict[str, Any] = {"void_rounds": void, "rounds": len(runs["python"])}
    for name, some in runs.items():
        out[name] = {
            key: statistics.median(run[key] for run in some)
            for key in ("p50_us", "p99_us", "p999_us")
        }
        out[name]["p50_range_us"] = [
            min(run["p50_us"] for run in some),
            max(run["p50_us"] for run in some),
        ]
    for name in ("python", "cython"):
        out[name]["hops_ns"] = {
            hop: statistics.median(run["hops_ns"][hop] for run in runs[name])
            for hop in runs[name][0]["hops_ns"]
        }
    out["ratio"] = {
        name: out[name]["p50_us"] / out["spin"]["p50_us"]
        for name in ("python", "cython", "cython_tls")
    }
    out["anchor"] = {
        "spin_us": out["spin"]["p50_us"],
        "known_us": SPIN_US,
        "off": off(out["spin"]["p50_us"], SPIN_US),
        "epoll_us": out["epoll"]["p50_us"],
        "known_epoll_us": EPOLL_US,
    }
    return out


def bench_backlog(trials: int = 1000) -> dict[str, Any]:
    """Ack written behind 1 MiB of market frames, to the cancel that it causes read."""
    from benchmarks.wire.wire import wire

    return wire("benchmarks.wire.ack:CancelOnAck", trials, mode="backlog", warmup=50)


def bench_stale(trials: int) -> dict[str, Any]:
    """A depth stream falls silent on a live socket; a spinning and a blocking lane."""
    from benchmarks.feeds.stale import stale

    return {row["mode"]: row for row in stale(trials)}


def bench_memory() -> dict[str, Any]:
    from benchmarks.wire.wire import memory

    return memory(5)


def bench_reserve() -> dict[str, Any]:
    """Nanoseconds to reserve and release, median of batches."""
    from benchmarks.orders.reserve import reserve

    return reserve()


def bench_scrape(count: int = 200) -> dict[str, Any]:
    """Pages to Prometheus text, by the exporter and by the client library's own writer."""
    from benchmarks.scrape.scrape import scrape

    return scrape(count)


def bench_gate(rounds: int) -> dict[str, Any]:
    """One decision of the gate, all checks on: nanoseconds, and instructions by callgrind."""
    from benchmarks.gate.gate import gate

    return gate(rounds)


def bench_gate_cost(rounds: int, count: int, against: Path | None) -> dict[str, Any]:
    """The wire with every check on and with open ones: medians over interleaved rounds."""
    from benchmarks.wire.gate_cost import gate_cost

    return gate_cost(rounds, count, against)


def say_gate_cost(r: dict[str, Any]) -> None:
    print(f"wire, n={r['count']} x {r['rounds']} rounds in turn, demo-native; microseconds")
    for name in ("open", "before", "whole"):
        if name not in r:
            continue
        one = r[name]
        low, high = one["p50_range_us"]
        line = f"  {name:<8}p50 {one['p50_us']:6.2f} ({low:.2f} to {high:.2f})"
        line += f"  p99 {one['p99_us']:6.2f}  gate {one['gate_ns'] / 1000:.2f}"
        if name != "whole":
            line += f"  whole is dearer by {one['whole_is_dearer_by_us']:.2f} (bar 0.30)"
        print(line)


def say_gate(r: dict[str, Any]) -> None:
    print("gate, all checks on, 50 instruments, every intent passes; one decision")
    for orders, ns in r["ns"].items():
        count = r["instructions"].get(orders)
        text = f"{count:.0f} instructions (bar 700)" if count else ""
        print(f"  {orders + ' orders':<18}p50 {ns:6.1f} ns (bar 120)  {text}".rstrip())


def bench_journal(rounds: int) -> dict[str, Any]:
    """Records into the ring, to the disk, back out of it, and through the lane again."""
    from benchmarks.journal.journal import journal

    return journal(min(rounds, 5))


def say_journal(r: dict[str, Any]) -> None:
    a, c, s, again = r["append"], r["archive"], r["recovery"], r["rerun"]
    print(
        f"append, 256 B, n={a['records']:.0f}, {a['segments']:.0f} segments, nanoseconds, quantiles"
        f" with two readings of the TSC in them\n"
        f"  p50 {a['p50_ns']}, without the {a['empty_ns']} of the readings {a['net_p50_ns']} (bar"
        f" 35)  p99 {a['p99_ns']}  p99.9 {a['p999_ns']} (bar 1000)  max {a['max_ns']}\n"
        f"  mean of CPU time of a pass without clocks, back to back: {a['mean_ns']}"
    )
    print(
        f"archive, {c['bytes']} bytes: {c['gb_per_minute']} GB/min (bar 1), {c['mb_per_second']}"
        f" MB/s, {100 * c['core_share_at_1_gb_per_minute']:.1f} % of a core at 1 GB/min"
    )
    print(
        f"recovery scan with CRC-32C: {s['records_per_second'] / 1e6:.1f} M records/s (bar 5);"
        f" verify with SHA-256 {r['verify']['mb_per_second']} MB/s"
    )
    state = r["state"]
    print(
        f"state after {state['records']:,} records: from a checkpoint and {state['tail_records']:,}"
        f" behind it {state['checkpoint_ms']:,} ms, from the whole journal"
        f" {state['whole_ms']:,} ms, the same bytes"
    )
    print(
        f"re-run, {again['messages']} messages, {again['records']} records: intents fed"
        f" {again['intents_fed'] / 1e6:.2f} M messages/s, strategy again"
        f" {again['strategy_again'] / 1e6:.2f} M (bar 2), slowest round"
        f" {again['slowest'] / 1e6:.2f} M"
    )


def bench_checkpoint(trials: int) -> dict[str, Any]:
    """Longest stops of a spinning lane, with and without a checkpoint being taken beside it."""
    from benchmarks.decode import capture
    from benchmarks.journal.pause import pause

    return pause(trials, capture.stream_frames(capture.BTCUSDT))


def say_checkpoint(r: dict[str, Any]) -> None:
    print(
        f"checkpoint, {r['rounds']} taken, {r['checkpoint_ms']} ms each; the longest stop of the"
        " lane, microseconds\n  (p99 of fewer than 100 windows is their longest stop)"
    )
    for what in ("with", "without"):
        row, bar = r[what], " (bar 200)" if what == "with" else ""
        stolen = r["rounds"] - row["quiet"]
        print(f"  {what} one; the hypervisor took time of the core in {stolen} windows, left out")
        for name, text, count in (
            ("quiet_own", "left alone", row["quiet"]),
            ("own", "all windows", r["rounds"]),
            ("with_others", "others too", r["rounds"]),
        ):
            of = row[name]
            print(
                f"    {text:<12}n={count:<5}p50 {of['p50_us']:,.1f}  p99 {of['p99_us']:,.1f}"
                f"{bar if name == 'quiet_own' else ''}  max {of['max_us']:,.1f}"
            )


def say(name: str, r: dict[str, Any]) -> None:
    """Print one result as lines of at most 100 columns."""
    if name == "decode":
        for label in ("recorded", "with_2026_fields"):
            row = r[label]
            print(
                f"decode + book, {label}, n={row['messages']}, "
                "(21 passes - 1 pass) / 20, median of rounds"
            )
            for reader, ns in row["ns"].items():
                print(
                    f"  {reader:<20}{ns:>10.1f} ns a message   spread {row['spread'][reader]:.2f}"
                )
            print(
                "  "
                + "   ".join(
                    f"{k} / ours {v:.2f}" + (f" (bar {BARS[k]:g})" if k in BARS else "")
                    for k, v in row["ratio"].items()
                    if k != "general"
                )
            )
            print(
                f"  simdjson / general reader {row['ratio']['general']:.2f} (bar {BARS['general']})"
            )
            for kind, one in row["kinds"].items():
                print(
                    f"  {kind:<20}n={one['messages']:<7}{one['bytes']:>6.0f} bytes"
                    f"{one['shape']:>9.1f} ns  simdjson{one['simdjson']:>9.1f} ns"
                    f"  simdjson / ours {one['ratio']:.2f}"
                )
        a = r["anchor"]
        print(
            f"  anchor simdjson {a['simdjson_ns']:.0f} ns, "
            f"known {a['known_ns']:.0f}, off {a['off']:.0%}"
        )
    elif name == "wire" and "whole" in r:
        say_gate_cost(r)
    elif name == "wire":
        print(f"wire, {r['rounds']} rounds ({r['void_rounds']} void), microseconds, medians")
        print(f"  {'':<12}{'p50':>9}{'p99':>9}{'p99.9':>9}   p50 range        ratio to C spin")
        for who in ("spin", "epoll", "python", "cython", "cython_tls"):
            row = r[who]
            low, high = row["p50_range_us"]
            ratio = (
                f"{r['ratio'][who]:.2f}" + (f" (bar {BARS[who]})" if who in BARS else "")
                if who in r["ratio"]
                else ""
            )
            print(
                f"  {who:<12}{row['p50_us']:>9.2f}{row['p99_us']:>9.2f}{row['p999_us']:>9.2f}"
                f"   {low:6.2f} .. {high:6.2f}   {ratio}"
            )
        a = r["anchor"]
        print(
            f"  anchor C spin {a['spin_us']:.2f} us, known {a['known_us']}, off {a['off']:.0%}; "
            f"C epoll {a['epoll_us']:.2f} us, known {a['known_epoll_us']}"
        )
    elif name == "stale":
        print("stale, microseconds from a book's bound to the last cancel on the wire (bar 5,000)")
        for row in r.values():
            print(f"  {row['mode']:<9} bound {row['bound_ms']} ms, {row['orders']} orders each")
            for who in ("all", "undisturbed"):
                of = row if who == "all" else row["undisturbed"]
                if of["count"]:
                    print(
                        f"    {who:<12}n={of['count']:<5}p50 {of['p50_us']:,.0f}  "
                        f"p99 {of['p99_us']:,.0f}  max {of['max_us']:,.0f}"
                    )
            taken = row["taken_us"]
            print(
                f"    others took   p50 {taken['p50_us']:,.0f}  p99 {taken['p99_us']:,.0f}"
                f"  max {taken['max_us']:,.0f}   of the lane, about a trial's end"
            )
    elif name == "backlog":
        print(
            f"backlog, {r['count']} trials: "
            "ack behind 1 MiB of market frames to the cancel it causes"
        )
        print(
            f"  p50 {r['p50_us']:.1f} us  p99 {r['p99_us']:.1f} us (bar 200)  "
            f"max {r['max_us']:.0f} us; "
            f"market frames processed before it: at most {r['frames_before_ack_max']} (bar 16)"
        )
    elif name == "reserve":
        print(f"reserve, n={r['rounds']} a contract, nanoseconds to reserve and release")
        for what in ("linear", "inverse", "spot"):
            row = r[what]
            print(f"  {what:<10}p50 {row['p50_ns']:5.1f} (bar 40)  p99 {row['p99_ns']:,.1f}")
    elif name == "journal":
        say_journal(r)
    elif name == "checkpoint":
        say_checkpoint(r)
    elif name == "gate":
        say_gate(r)
    elif name == "scrape":
        print(
            f"scrape, {r['instruments']} instruments, {r['series']} series, {r['bytes']} bytes, "
            f"n={r['count']}, milliseconds"
        )
        for what in ("snapshot", "text", "client_library", "http"):
            row = r[what]
            bar = " (bar 20)" if what in ("text", "http") else ""
            print(
                f"  {what:<16}cpu {row['cpu_ms']:6.2f}  p50 {row['p50_ms']:6.2f}{bar}  "
                f"p99 {row['p99_ms']:6.2f}  max {row['max_ms']:6.2f}"
            )
    else:
        print(
            "memory, RssAnon + RssFile of the lane after each million frames, KiB: "
            f"{r['kib_after_each_million']}"
        )
        print(
            f"  growth after the first million: {r['growth_kib']} KiB (bar 64); "
            f"level {r['kib_after_each_million'][-1] / 1024:.1f} MiB (bar 80 MB)"
        )


def run(arguments: argparse.Namespace) -> int:
    if not (ROOT / "benchmarks").is_dir():
        print(
            "corelane bench: the benchmarks are not installed; run it from a checkout",
            file=sys.stderr,
        )
        return 2
    sys.path.insert(0, str(ROOT))
    wanted = (
        WHAT
        if arguments.what == "all"
        else [arguments.what]
    )
    if {"wire", "backlog", "stale", "memory"} & set(wanted) and not {0, 1} <= os.sched_getaffinity(
        0
    ):
        print("corelane bench: the wire needs cores 0 and 1 for itself", file=sys.stderr)
        return 2
    results: dict[str, Any] = {"host": host()}
    if not arguments.json:
        print(results["host"])
    known: dict[str, Callable[[], dict[str, Any]]] = {
        "decode": lambda: bench_decode(arguments.rounds),
        "wire": lambda: (
            bench_gate_cost(arguments.rounds, arguments.count, arguments.against)
            if arguments.gate_cost
            else bench_wire(arguments.rounds, arguments.count)
        ),
        "backlog": bench_backlog,
        "stale": lambda: bench_stale(arguments.trials),
        "memory": bench_memory,
        "scrape": bench_scrape,
        "journal": lambda: bench_journal(arguments.rounds),
        "gate": lambda: bench_gate(arguments.rounds),
        "reserve": bench_reserve,
        "checkpoint": lambda: bench_checkpoint(arguments.trials),
    }
    for name in wanted:
        try:
            results[name] = known[name]()
        except (FileNotFoundError, RuntimeError, ImportError) as error:
            print(f"corelane bench {name}: {error}", file=sys.stderr)
            return 2
        if not arguments.json:
            say(name, results[name])
    if arguments.json:
        print(json.dumps(results))
    return 0
