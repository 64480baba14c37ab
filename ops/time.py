"""`corelane time`: is the time on this host good, and how do we know?

Owns:    options, layout and exit codes: 0 the time holds, 1 it does not, 2 could not look.
Refuses: judging (tuning.time), setting any clock.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

from tuning.jitter.machine import fingerprint
from tuning.time import (
    DriftError,
    DriftMetrics,
    LimitsError,
    Role,
    StampCheck,
    SyncStatus,
    Where,
    check_packet_stamps,
    get_clock_drift,
    get_hardware_timestamp,
    validate_ptp_sync,
)
from tuning.time.drift import Slope
from tuning.time.limits import names
from tuning.time.status import check_json
from tuning.time.verdict import Check, Verdict, duration

WIDTH = 100
DESCRIPTION = """\
Look at PTP (ptp4l), NTP (chronyd), the kernel and hardware clocks, judge them together, and say
what the time authority is told.  Nothing is changed.

Exit code: 0 the time holds, 1 it does not, 2 could not look.
"""
EXAMPLES = """examples:
  corelane time
  corelane time --profile bare-metal --rule rts25-hft --grandmaster 72b0ee.fffe.39f826
  corelane time --utc-source 10.0.0.5 --drift 10 --stamps --json
"""


def add(subparsers: Any) -> None:
    profiles, rules = names()
    parser = subparsers.add_parser(
        "time",
        help="is the clock right: PTP, chrony, kernel, hardware clocks, drift, packet stamps",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = parser.add_argument
    option("--profile", choices=profiles, help="alarm levels (default: by the kind of machine)")
    option("--rule", choices=rules, help="a rule book on top, such as rts25-hft (MiFID II)")
    option("--grandmaster", action="append", default=[], metavar="ID",
           help="PTP clock that may be followed; repeatable (default: any that stays)")  # fmt: skip
    option("--role", choices=["slave", "boundary", "grandmaster"], help="PTP role of this host")
    option("--utc-source", action="append", default=[], metavar="NAME",
           help="NTP source whose chain to UTC is documented; repeatable")  # fmt: skip
    option("--ptp-socket", metavar="PATH", help="ptp4l's management socket (default: /run/ptp4l*)")
    option("--ptp-domain", type=int, metavar="N", help="PTP domain (default: found)")
    option("--chrony-socket", metavar="PATH", help="chronyd's command socket (default: its own)")
    option("--between", type=float, default=1.0, metavar="S",
           help="look twice, S seconds apart: shows steps (default: 1)")  # fmt: skip
    option("--drift", type=float, default=0.0, metavar="S", help="measure drift for S seconds")
    option("--stamps", action="store_true", help="check kernel packet stamps against the program")
    option("--json", action="store_true", help="one JSON object instead of text")
    parser.set_defaults(run=run)


def choose_profile() -> tuple[str, str]:
    """Return a profile for this machine, and why."""
    cores = os.cpu_count() or 1
    if fingerprint()["virtual"] == "no":
        return "bare-metal", "no hypervisor"
    kind = "small-vm" if cores <= 2 else "cloud-vm"
    return kind, f"virtual machine with {cores} cores"


def wrapped(text: str, indent: str) -> Iterator[str]:
    yield from textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


def row(check: Check) -> Iterator[str]:
    """Write one check: verdict, id, observed, wanted; reason and remedy below."""
    head = f"  {check.verdict.name:8} {check.id:20} {check.observed:32} "
    if len(head) + len(check.wanted) <= WIDTH:
        yield head + check.wanted
    else:
        yield head.rstrip()
        yield from wrapped(f"wanted: {check.wanted}", " " * 11)
    if check.verdict is not Verdict.OK:
        if check.reason:
            yield from wrapped(check.reason, " " * 11)
        if check.remedy:
            yield from wrapped(f"-> {check.remedy}", " " * 11)


def report(status: SyncStatus, why: str) -> Iterator[str]:
    """Yield the lines about the clock and its sources."""
    role = status.role.name.lower()
    yield f"time  host={platform.node()}  profile={status.profile} ({why})  role={role}"
    yield f"  {'verdict':8} {'check':20} {'observed':32} wanted; below: reason, remedy"
    yield "the clock"
    for check in status.checks:
        yield from row(check)
    for source in status.sources:
        facts = "  ".join(f"{name}={value}" for name, value in source.details.items())
        kind = source.kind.text if source.kind else "hardware clock, not ptp4l's"
        yield f"{source.name} ({kind}): {source.verdict.name}"
        yield from wrapped(facts, "  ")
        for check in source.checks:
            yield from row(check)
    for name, reason in status.missing.items():
        yield f"not seen: {name}: {reason}"


def summary(status: SyncStatus) -> Iterator[str]:
    """Yield the last lines: what the time authority is told."""
    record = status.record
    if status.source is None or record.valid_until_ns == 0:
        yield f"record: no time is known ({record.reason})"
    else:
        valid = duration(record.valid_until_ns - record.taken_ns)
        traceable = "traceable to UTC" if record.traceable else "not proven traceable to UTC"
        yield (
            f"record: {record.source.text}  offset {duration(record.offset_ns)}"
            f" +- {duration(record.uncertainty_ns)}  valid {valid}  {traceable}"
        )
    yield f"time: {status.verdict.name}"


def slope_line(name: str, slope: Slope) -> str:
    return (
        f"  {name:24} {slope.ppb:+.1f} +- {slope.error_ppb:.1f} ppb over {slope.span_s:.1f} s, "
        f"{slope.points} readings, spread {duration(slope.residual_ns)}"
    )


def drift_lines(found: DriftMetrics) -> Iterator[str]:
    yield "drift"
    yield slope_line("system clock vs raw", found.system_vs_raw)
    if found.phc_vs_system is not None:
        yield slope_line("hardware vs system clock", found.phc_vs_system)
    else:
        yield f"  hardware vs system clock: {found.reason}"
    steps = ", ".join(duration(step) for step in found.steps) or "none"
    yield f"  kernel frequency {found.kernel_frequency_ppm:+.3f} ppm, steps: {steps}"


def stamp_lines(found: StampCheck) -> Iterator[str]:
    yield f"packet stamps: {found.kind.name.lower()}, {found.stamped} of {found.packets} packets"
    for name, one in (("program -> stamp", found.send_to_stamp),
                      ("stamp -> program", found.stamp_to_program)):  # fmt: skip
        yield f"  {name}: p50 {duration(one.quantile(0.5))}, p99 {duration(one.quantile(0.99))}"
    for check in found.checks:
        yield from row(check)


def stamps_json(found: StampCheck) -> dict[str, Any]:
    return {
        "kind": found.kind.name.lower(),
        "packets": found.packets,
        "stamped": found.stamped,
        "disordered": found.disordered,
        "hardware_minus_software_ns": found.hardware_minus_software_ns,
        "send_to_stamp": found.send_to_stamp.to_json(),
        "stamp_to_program": found.stamp_to_program.to_json(),
        "checks": [check_json(check) for check in found.checks],
    }


def run(arguments: argparse.Namespace) -> int:
    profile, why = arguments.profile, "asked for"
    if profile is None:
        profile, why = choose_profile()
    where = Where(
        ptp_socket=arguments.ptp_socket,
        ptp_domain=arguments.ptp_domain,
        chrony_socket=arguments.chrony_socket,
        grandmasters=frozenset(arguments.grandmaster),
        role=Role[arguments.role.upper()] if arguments.role else None,
        utc_sources=frozenset(arguments.utc_source),
    )
    try:
        status = validate_ptp_sync(
            profile, arguments.rule, where=where, between_s=max(0.0, arguments.between)
        )
        drift = get_clock_drift(arguments.drift) if arguments.drift > 0 else None
        stamps = check_packet_stamps() if arguments.stamps else None
    except (LimitsError, DriftError, OSError) as error:
        print(f"corelane time: {error}", file=sys.stderr)
        return 2
    hardware = get_hardware_timestamp()
    if arguments.json:
        document = status.to_json()
        document["hardware"] = {**vars(hardware), "quality": hardware.quality.name.lower()}
        document["drift"] = dataclasses.asdict(drift) if drift else None
        document["stamps"] = stamps_json(stamps) if stamps else None
        print(json.dumps(document))
    else:
        lines = [*report(status, why)]
        lines += [*drift_lines(drift)] if drift else []
        lines += [*stamp_lines(stamps)] if stamps else []
        print("\n".join([*lines, *summary(status)]))
    return 0 if status.is_synced else 1
