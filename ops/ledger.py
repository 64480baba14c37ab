"""`corelane ledger`: what a RUN says about money, and whether it is what was written.

show     positions, fills, fees, funding and PnL per venue, account, instrument and strategy
entries  every fill, opening, correction and funding, in order
check    is everything conserved: fills, cash, the lane's own carry, the venue's wallet
verify   is every byte what was hashed and signed; finds and locates what is not
repair   move what is damaged aside and go on with what is good
export   Parquet files, and SQL over them
head     the newest signed heads, to be kept elsewhere
key      the id of the signing key; --rotate makes a successor
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from runtime.journal import audit, chain, ledger, recording, recovery
from runtime.journal import key as archive_key
from runtime.journal.archiver import kept_heads
from runtime.journal.books import Problem
from runtime.journal.recording import RecordingError
from runtime.pages.figures import scaled
from runtime.supervise import state

BEFORE_END = re.compile(r"-?(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)")
UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def parts_of(parser: argparse.ArgumentParser) -> Callable[[str, str], argparse.ArgumentParser]:
    """Return what adds a part to a command about a RUN: name, what it does."""
    parts = parser.add_subparsers(dest="part", metavar="PART", required=True)

    def part(name: str, text: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = parts.add_parser(name, help=text, description=text)
        made.add_argument("run_directory", type=Path, metavar="RUN")
        made.add_argument("--json", action="store_true", help="one JSON object")
        return made

    return part


def add(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "ledger",
        help="positions, fees and PnL out of an archive; is it what was written",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: corelane ledger show RUN --at 2026-11-29T02:00:00Z",
    )
    part = parts_of(parser)

    for name, text in (
        ("show", "positions, fees, funding and PnL, now or at a past time"),
        (
            "entries",
            "every fill, opening, correction and funding, in order; record is lane/epoch/sequence,"
            " --json has trade and order ids too",
        ),
        ("check", "is everything conserved"),
    ):
        made = part(name, text)
        made.add_argument(
            "--at",
            metavar="TIME",
            help="as it was then: 2026-11-29T02:00:00Z, ns since 1970, or 5m (before the end)",
        )
        if name == "entries":
            made.add_argument("--from", dest="since", metavar="TIME", help="from then on")
    made = part("verify", "is every byte what was hashed, and every head signed")
    made.add_argument("--key", action="append", default=[], help="id of a key that is trusted")
    made.add_argument("--head", type=Path, help="signed heads that were kept elsewhere")
    part("repair", "move damaged lane epochs aside and chain anew what is good; removes nothing")
    made = part("export", "Parquet files of entries, orders and positions, and SQL over them")
    made.add_argument("--out", type=Path, metavar="DIR", help="where the files go")
    made.add_argument("--sql", metavar="QUERY", help="run it over entries, orders, positions")
    part("head", "the newest signed heads, one line each")
    made = part("key", "the id of the key that signs")
    made.add_argument("--rotate", action="store_true", help="make a successor, endorsed by it")
    parser.set_defaults(run=run)


SUMS = ("realised", "unrealised", "fees", "funding", "net")
COLUMNS = "  {:<16} {:<12} {:>11} {:>6} {:>14} {:>14} {:>18}"
ENTRY = "{:<12} {:<9} {:<8} {:<4} {:>7} {:>9} {:>10} {:<4} {:>10} {:<8} {}"


class TimeError(Exception):
    """A time cannot be read."""


def time_of(text: str, end_ns: int) -> int:
    """Return CLOCK_REALTIME ns that a text means; 5m (or -5m) is five minutes before the end."""
    before = BEFORE_END.fullmatch(text)
    if before is not None:
        return end_ns - int(Decimal(before[1]) * UNITS[before[2]])
    if text.isdigit() and len(text) >= 16:
        return int(text)
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise TimeError(
            f"{text!r} is no time; want 2026-11-29T02:00:00Z, ns since 1970, or 5m (before the end)"
        ) from error
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return int(found.timestamp()) * 10**9 + found.microsecond * 1000


def until(arguments: argparse.Namespace) -> int | None:
    if arguments.at is None:
        return None
    if BEFORE_END.fullmatch(arguments.at) is None:
        return time_of(arguments.at, 0)
    return time_of(arguments.at, recovery.ledger_of(arguments.run_directory).ledger.last_ns)


def clock(ns: int) -> str:
    text = datetime.fromtimestamp(ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{ns % 10**9 // 10**6:03}Z"


def exact(amount_e8: int) -> str:
    """Return 1e-8 units to the last one, two decimals at least: sums can be checked by hand."""
    whole, rest = scaled(amount_e8, 8).split(".")
    return f"{whole}.{rest.rstrip('0'):0<2}"


def short(strategy: str) -> str:
    """Return a strategy's class without its module."""
    return strategy.rsplit(":", 1)[-1]


def show(arguments: argparse.Namespace) -> int:
    how = recovery.ledger_of(arguments.run_directory, until(arguments))
    found = how.ledger
    lines, problems = found.lines(), found.problems()
    funding: list[dict[str, Any]] = [
        {"venue": v, "account": a, "symbol": s, "asset": asset, "funding_e8": amount}
        for (v, a, s, asset), amount in sorted(found.funding.items())
    ]
    positions = found.lines(by_strategy=False)
    totals = total(positions, funding)
    if arguments.json:
        print(
            json.dumps(
                {
                    "at_ns": found.last_ns,
                    "lines": lines,
                    "positions": positions,
                    "funding": funding,
                    "totals": totals,
                    "problems": [one._asdict() for one in problems],
                }
            )
        )
        return 1 if problems else 0
    since = f", from checkpoint {how.base.number} on" if how.base else ""
    print(f"ledger of {arguments.run_directory} at {clock(found.last_ns)}{since}")
    head = ("strategy", "symbol", "position", "fills", "realised", "unrealised", "fees")
    print(COLUMNS.format(*head).rstrip())
    for row in lines:
        print(line_text(row))
    marks = {row["symbol"]: mark_text(row) for row in lines if row["mark_half_ticks"]}
    for symbol, text in marks.items():
        print(f"  mark {symbol} {text}")
    for one in funding:
        where = one["symbol"] or "account"
        amount = exact(one["funding_e8"])
        print(f"  funding {one['venue']} account {one['account']} {where}: {amount} {one['asset']}")
    for asset, row in totals.items():
        sums = ", ".join(f"{name} {exact(row[name])}" for name in SUMS)
        print(f"  total {asset}: {sums}")
    return say_problems(problems)


def line_text(row: dict[str, Any]) -> str:
    held = scaled(row["lots"], row["size_decimals"])
    fees = ", ".join(f"{exact(amount)} {asset}" for asset, amount in row["fees_e8"].items())
    open_pnl = "no mark" if row["unrealised_e8"] is None else exact(row["unrealised_e8"])
    side = "" if row["position_side"] in ("both", 0) else f" {row['position_side']}"
    return COLUMNS.format(
        short(row["strategy"]),
        row["symbol"] + side,
        held,
        row["fills"],
        exact(row["realised_e8"]),
        open_pnl,
        fees or "0.00",
    )


def mark_text(row: dict[str, Any]) -> str:
    price = scaled(row["mark_half_ticks"] * 5, row["price_decimals"] + 1)
    return f"{price} ({row['mark_source']}, {row['mark_age_ns'] / 1e9:.1f} s old)"


def total(lines: list[dict[str, Any]], funding: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up by asset; PnL is in the asset that fees are mostly paid in."""
    out: dict[str, dict[str, int]] = {}

    def row(asset: str) -> dict[str, int]:
        return out.setdefault(asset, dict.fromkeys(SUMS, 0))

    for line in lines:
        fees = line["fees_e8"]
        settled = max(fees, key=lambda name: abs(fees[name])) if fees else "USDT"
        row(settled)["realised"] += line["realised_e8"]
        row(settled)["unrealised"] += line["unrealised_e8"] or 0
        for asset, amount in fees.items():
            row(asset)["fees"] += amount
    for one in funding:
        row(one["asset"])["funding"] += one["funding_e8"]
    for found in out.values():
        found["net"] = (
            found["realised"] + found["unrealised"] - found["fees"] + found["funding"]
        )
    return out


def say_problems(problems: list[Problem]) -> int:
    for one in problems:
        where = f" (lane {one.lane} epoch {one.epoch} record {one.sequence})" if one.epoch else ""
        word = "damage:" if one.what == "damage" else f"NOT CONSERVED {one.what}:"
        print(f"  {word} {one.text}{where}")
    return 1 if problems else 0


def say_gone(found: ledger.Ledger) -> None:
    """Say how many entries there were before those that can be told."""
    gone = found.entered - len(found.entries)
    if gone:
        text = f"{gone} older entries are in the sums only: retention has removed their records"
        print(f"corelane ledger: {text}", file=sys.stderr)


def entries(arguments: argparse.Namespace) -> int:
    found = recovery.entries_of(arguments.run_directory, until(arguments))
    since = time_of(arguments.since, found.last_ns) if arguments.since else 0
    rows = [one for one in found.entries if one.real_ns >= since]
    say_gone(found)
    damage = [bad for bad in found.breaks if bad.what == "damage"]
    if arguments.json:
        for bad in damage:
            print(f"corelane ledger: damage: {bad.text}", file=sys.stderr)
        print(json.dumps([one._asdict() for one in rows]))
        return 1 if damage else 0
    if rows:
        head = ("time", "kind", "symbol", "side", "lots", "price", "fee", "asset", "amount")
        print(ENTRY.format(*head, "record", "strategy"))
    day = ""
    for one in rows:
        about = found.abouts.get((one.venue, one.instrument))
        price = scaled(one.price_ticks, about.price_decimals) if about else "-"
        lots = scaled(one.lots, about.size_decimals) if about else "-"
        date, at = clock(one.real_ns).removesuffix("Z").split("T")
        if date != day:
            print(f"{date} UTC")
            day = date
        print(
            ENTRY.format(
                at,
                one.kind,
                one.symbol,
                {1: "buy", 2: "sell"}.get(one.side, ""),
                lots,
                price,
                exact(one.fee_e8),
                one.asset,
                exact(one.amount_e8),
                f"{one.lane}/{one.epoch}/{one.sequence}",
                short(one.strategy),
            )
        )
    return say_problems(damage)


def check(arguments: argparse.Namespace) -> int:
    found = ledger.read(arguments.run_directory, until(arguments))
    problems = found.problems()
    if arguments.json:
        print(
            json.dumps(
                {
                    "records": found.records,
                    "entries": len(found.entries),
                    "carries": found.carries,
                    "wallets": len(found.wallets),
                    "wallet_words": sum(one.count for one in found.wallets.values()),
                    "wallet_balances": [
                        {"venue": venue, "account": account, "asset": asset, "e8": one.balance_e8()}
                        for (venue, account, asset), one in found.wallets.items()
                    ],
                    "problems": [one._asdict() for one in problems],
                }
            )
        )
        return 1 if problems else 0
    code = say_problems(problems)
    for (venue, account, asset), one in found.wallets.items():
        balance = one.balance_e8()
        if one.count:
            text = "not certain yet" if balance is None else f"{scaled(balance, 8)} {asset}"
            print(f"  wallet of {venue} account {account}: {text}, by {one.count} words about it")
    print(
        f"{'conserved' if not code else f'{len(problems)} problems'}: {len(found.entries)} entries,"
        f" {found.carries} carries of the lane,"
        f" {sum(one.count for one in found.wallets.values())} words about wallets"
    )
    return code


def verify(arguments: argparse.Namespace) -> int:
    run_directory = arguments.run_directory
    deployment = recording.manifest(run_directory)["deployment"]
    home = state.state_path(deployment)
    trusted = set(arguments.key) or archive_key.known_ids(home)
    heads = kept_heads(home, run_directory)
    if arguments.head:
        heads += [json.loads(line) for line in arguments.head.read_text().splitlines() if line]
    began = time.monotonic()
    report = audit.verify(run_directory, trusted, heads)
    seconds = time.monotonic() - began
    if arguments.json:
        print(
            json.dumps(
                {
                    "good": report.is_good,
                    "epochs": report.epochs,
                    "blocks": report.blocks,
                    "signed_blocks": report.signed_blocks,
                    "records": report.records,
                    "bytes": report.bytes,
                    "retired_segments": report.retired_segments,
                    "keys": sorted(report.keys),
                    "trusted": sorted(trusted),
                    "findings": [one.as_dict() for one in report.findings],
                }
            )
        )
        return 0 if report.is_good else 1
    for one in report.findings:
        at = "" if one.first_byte is None else f" bytes {one.first_byte}-{one.last_byte}"
        print(f"  {'note' if one.is_note else 'FAULT':<6}{one.what:<10}{one.where}{at}: {one.text}")
    rate = report.bytes / seconds / 1e6 if seconds else 0.0
    print(
        f"{'good' if report.is_good else f'{len(report.faults)} faults'}: {report.epochs} lane"
        f" epochs, {report.blocks} blocks ({report.signed_blocks} under a signed head),"
        f" {report.records} records, {report.bytes} bytes at {rate:.0f} MB/s"
    )
    if report.keys:
        known = "trusted" if trusted else "found in the archive only: give --key to be sure"
        print(f"signed by {', '.join(sorted(report.keys))} ({known})")
    if not report.is_good:
        print(f"remedy: corelane ledger repair {run_directory} (moves aside, removes nothing)")
    return 0 if report.is_good else 1


def repair(arguments: argparse.Namespace) -> int:
    deployment = recording.manifest(arguments.run_directory)["deployment"]
    key = archive_key.ArchiveKey.load(state.state_dir(deployment))
    key.publish(arguments.run_directory)
    done = audit.repair(arguments.run_directory, key, deployment)
    if arguments.json:
        print(json.dumps(done))
    else:
        print("\n".join(done) if done else "nothing to repair: every byte is what was hashed")
    return 0


def export(arguments: argparse.Namespace) -> int:
    from runtime.journal.ledger_export import ExportError, query, write

    if arguments.out is None and arguments.sql is None:
        print("corelane ledger export: say --out DIR, --sql QUERY, or both", file=sys.stderr)
        return 2
    try:
        found = recovery.entries_of(arguments.run_directory)
        say_gone(found)
        if arguments.out is not None:
            for path, count in write(found, arguments.out):
                print(f"{path}: {count} rows", file=sys.stderr)
        if arguments.sql is not None:
            names, rows = query(found, arguments.sql)
            if arguments.json:
                print(json.dumps([dict(zip(names, row, strict=True)) for row in rows], default=str))
            else:
                print("\t".join(names))
                for row in rows:
                    print("\t".join(str(value) for value in row))
    except ExportError as error:
        print(f"corelane ledger export: {error}", file=sys.stderr)
        return 2
    return 0


def head(arguments: argparse.Namespace) -> int:
    for folder in recording.epoch_folders(arguments.run_directory):
        heads, _ = chain.read_heads(folder)
        if heads:
            print(json.dumps(heads[-1], sort_keys=True))
    return 0


def key(arguments: argparse.Namespace) -> int:
    deployment = recording.manifest(arguments.run_directory)["deployment"]
    home = state.state_dir(deployment)
    found = archive_key.ArchiveKey.load(home)
    if arguments.rotate:
        former, found = found, found.rotate(home)
        found.publish(arguments.run_directory)
        print(f"rotated: {former.id} endorses {found.id}; the archiver signs with it from its next")
        print("start on")
    text = {"id": found.id, "public": found.public.hex(), **found.endorsed}
    print(json.dumps(text) if arguments.json else f"key {found.id}  public {found.public.hex()}")
    return 0


PARTS = {
    "show": show,
    "entries": entries,
    "check": check,
    "verify": verify,
    "repair": repair,
    "export": export,
    "head": head,
    "key": key,
}


def run(arguments: argparse.Namespace) -> int:
    try:
        return PARTS[arguments.part](arguments)
    except (
        RecordingError,
        TimeError,
        archive_key.ArchiveKeyError,
        state.StateError,
        OSError,
    ) as error:
        print(f"corelane ledger: {error}", file=sys.stderr)
        return 2
