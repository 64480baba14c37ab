"""`corelane checkpoint`: the state of an archive at one record of each lane, kept to go on from.

take     one more, now: beside a running appliance too, whose lanes do not notice
list     which there are, how old, and whether they are good
restore  the state from the newest good one and the journal behind it, after a crash or beside one
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from ops.ledger import clock, exact, parts_of
from runtime.journal import archiver, books_state, checkpoint, recording, recovery
from runtime.journal import key as archive_key
from runtime.journal.archive import ArchiveDamaged, ArchiveFailed, ArchiveFull
from runtime.journal.checkpoint import Checkpoint
from runtime.journal.recording import RecordingError
from runtime.journal.recovery import Recovered, RecoveryStopped
from runtime.pages.figures import scaled
from runtime.pages.names import ORDER_STATES
from runtime.supervise import state

LIST = "{:>8}  {:<26}{:<14}{:>10}  {}"


def add(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "checkpoint",
        help="take, list and go on from checkpoints of an archive",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: corelane checkpoint restore RUN --check",
    )
    part = parts_of(parser)

    made = part("take", "take one of what is archived and signed now")
    made.add_argument("--cause", default="command", metavar="WORD", help="noted in it")
    made.add_argument(
        "--keep", type=int, default=recovery.KEEP, metavar="N", help="good ones kept (default: 5)"
    )
    part("list", "which there are, newest first, and whether they are good")
    made = part(
        "restore",
        "make the state again: newest good checkpoint and the journal behind it. Cuts a torn end of"
        " an archive that nobody writes, stops at damage with the remedy, takes a new checkpoint",
    )
    made.add_argument("--number", type=int, metavar="N", help="from this one and no other")
    made.add_argument(
        "--check", action="store_true", help="read the whole journal too: it must be the same bytes"
    )
    made.add_argument("--dry", action="store_true", help="change nothing on disk")
    parser.set_defaults(run=run)


def key_of(run_directory: Path) -> archive_key.ArchiveKey:
    deployment = recording.manifest(run_directory)["deployment"]
    return archive_key.ArchiveKey.load(state.state_dir(deployment))


def take(arguments: argparse.Namespace) -> int:
    began = time.monotonic()
    directory = arguments.run_directory
    made, found = recovery.take(directory, key_of(directory), arguments.cause, arguments.keep)
    line = recovery.as_line(made, found, time.monotonic() - began)
    if arguments.json:
        print(json.dumps(line))
        return 0
    print(
        f"checkpoint {made.number}: state at {clock(made.cut_ns)}, {made.size} bytes,"
        f" {came_by(found)}"
    )
    say_refused(found)
    return 0


def came_by(found: Recovered) -> str:
    base = f"checkpoint {found.base.number}" if found.base else "the journal's beginning"
    return (
        f"from {base} and {found.tail_records} records behind it, in {found.seconds * 1000:.0f} ms"
    )


def say_refused(found: Recovered) -> None:
    for text in found.refused:
        print(f"  not good: {text}")
    for text in found.torn:
        print(f"  torn: {text}")


def rows(directory: Path) -> list[dict[str, Any]]:
    out = []
    for path in checkpoint.files(directory):
        row: dict[str, Any] = {"number": int(path.name[:8]), "bytes": path.stat().st_size}
        try:
            found = checkpoint.look(directory, path)
            row |= {name: found.head[name] for name in ("cause", "cut_ns", "taken_ns", "lanes")}
            checkpoint.body(found)
            row["good"] = True
        except checkpoint.CheckpointBad as error:
            row |= {"good": False, "why": str(error)}
        out.append(row)
    return out


def list_(arguments: argparse.Namespace) -> int:
    recording.manifest(arguments.run_directory)
    found = rows(arguments.run_directory)
    if arguments.json:
        print(json.dumps(found))
    elif not found:
        print(f"no checkpoints; run: corelane checkpoint take {arguments.run_directory}")
    elif found:
        print(LIST.format("number", "state at", "cause", "bytes", "").rstrip())
    for row in () if arguments.json else found:
        at = clock(row["cut_ns"]) if "cut_ns" in row else "-"
        places = ", ".join(
            f"lane {one['lane']} epoch {one['epoch']} record {one['sequence']}"
            for one in row.get("lanes", [])
        )
        verdict = "good" if row["good"] else f"NOT GOOD: {row['why']}"
        what = f"{verdict}  {places}"
        print(LIST.format(row["number"], at, row.get("cause", "-"), row["bytes"], what).rstrip())
    return 0 if found and found[0]["good"] else 1


def cut_torn(directory: Path, said: list[str]) -> None:
    """Do what an archiver does at its start, unless one is at work."""
    deployment = recording.manifest(directory)["deployment"]
    try:
        one = archiver.Archiver(deployment, directory, say=said.append)
    except RecordingError:
        return  # an appliance writes it, and has done so
    one.look()
    one.finish_former()
    one.close()


def restore(arguments: argparse.Namespace) -> int:
    directory = arguments.run_directory
    said: list[str] = []
    if not arguments.dry:
        cut_torn(directory, said)
    found = recovery.recover(directory, only=arguments.number)
    if arguments.number is not None and found.base is None:
        why = found.refused or [f"there is no checkpoint {arguments.number}"]
        raise RecordingError(f"{directory}: {why[0]}")
    bytes_ = books_state.pack(found.reader)
    equal: bool | None = None
    whole: Recovered | None = None
    if arguments.check:
        whole = recovery.recover(directory, use=False)
        equal = books_state.pack(whole.reader) == bytes_
    made: Checkpoint | None = None
    if not arguments.dry and equal is not False:
        made, _ = recovery.take(directory, key_of(directory), "restore")
    report(arguments, found, whole, equal, made, said)
    return 1 if equal is False else 0


def report(
    arguments: argparse.Namespace,
    found: Recovered,
    whole: Recovered | None,
    equal: bool | None,
    made: Checkpoint | None,
    said: list[str],
) -> None:
    books = found.reader.finish()
    lines = books.lines(by_strategy=False)
    lanes = [lane_row(found, lane) for lane in sorted({one.lane for one in books.lanes.values()})]
    if arguments.json:
        print(
            json.dumps(
                {
                    "base": found.base.number if found.base else None,
                    "tail_records": found.tail_records,
                    "seconds": found.seconds,
                    "refused": found.refused,
                    "torn": [*found.torn, *said],
                    "positions": lines,
                    "lanes": lanes,
                    "equal_to_whole": equal,
                    "whole_seconds": whole.seconds if whole else None,
                    "taken": made.number if made else None,
                }
            )
        )
        return
    print(f"state at {clock(books.last_ns)}, {came_by(found)}")
    say_refused(found)
    for text in said:
        print(f"  {text}")
    for row in lines:
        held = scaled(row["lots"], row["size_decimals"])
        fees = ", ".join(f"{exact(fee)} {asset}" for asset, fee in row["fees_e8"].items())
        side = "" if row["position_side"] in ("both", 0) else f" {row['position_side']}"
        print(
            f"  {row['symbol'] + side:<12}{held:>14}  realised {exact(row['realised_e8'])}"
            f"  fees {fees or '0.00'}  fills {row['fills']}"
        )
    for lane in lanes:
        print(
            f"  lane {lane['lane']} epoch {lane['epoch']} record {lane['sequence']}:"
            f" {lane['orders_sent']} orders sent in all lives, {len(lane['working'])} may work"
        )
        for order in lane["working"]:
            print(f"    {order['client_id']:016x} {order['state']} {order['lots']} lots")
    if whole is not None:
        verdict = "the same bytes" if equal else "NOT THE SAME"
        print(
            f"  the whole journal, {whole.tail_records} records in {whole.seconds * 1000:.0f} ms:"
            f" {verdict}"
        )
    if made is not None:
        print(f"  checkpoint {made.number} taken")


def lane_row(found: Recovered, lane: int) -> dict[str, Any]:
    """Return what a successor of this lane would take over."""
    newest = max(key for key in found.ledger.lanes if key[1] == lane)
    known = found.evidence(lane)
    working = []
    for order in known[1].working() if known else []:
        names = ("client_id", "instrument", "side", "price_ticks", "lots", "filled_lots")
        row = {name: int(getattr(order, name)) for name in names}
        working.append({**row, "state": ORDER_STATES.get(order.state, order.state)})
    return {
        "lane": lane,
        "epoch": newest[0],
        "sequence": found.ledger.lanes[newest].place.sequence,
        "orders_sent": known[1].orders_sent if known else 0,
        "working": working,
    }


PARTS = {"take": take, "list": list_, "restore": restore}


def run(arguments: argparse.Namespace) -> int:
    try:
        return PARTS[arguments.part](arguments)
    except BrokenPipeError:
        raise
    except (RecoveryStopped, ArchiveDamaged) as error:
        print(f"corelane checkpoint: {error}", file=sys.stderr)
        return 1
    except (*recovery.COULD_NOT, ArchiveFailed, ArchiveFull) as error:
        print(f"corelane checkpoint: {error}", file=sys.stderr)
        return 2
