"""The commands that only look: baseline-check, watch, capture, fingerprint.

Owns:    choosing the host and the knobs from the options, printing.
Refuses: changing anything.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from typing import Any

from ops import baseline_text
from tuning import check, fingerprints, knobs
from tuning.captured import CapturedHost, Recorder
from tuning.context import Context
from tuning.health import context_of
from tuning.host import Host, LiveHost


def context(arguments: argparse.Namespace, host: Host | None = None, **more: Any) -> Context:
    """Make the context that the options ask for."""
    if host is None and arguments.source:
        host = CapturedHost.load(arguments.source)
    return context_of(
        host,
        arguments.profile,
        state=arguments.state,
        pids=arguments.pid,
        cards=arguments.nic,
        **more,
    )


def run_check(arguments: argparse.Namespace) -> int:
    """Look, print, and say by the exit code whether a critical knob is wrong."""
    here = context(arguments)
    if arguments.explain:
        knob = knobs.find(arguments.explain)
        finding = check.check(here, [knob]).findings[0]
        if arguments.json:
            print(json.dumps({**finding.row(), "cost": knob.cost, "title": knob.title}, indent=1))
        else:
            print("\n".join(baseline_text.explain(here, knob, finding)))
        return 0
    found = check.check(here, knobs.select(arguments.only))
    if arguments.json:
        print(json.dumps(found.to_json(), indent=1))
    else:
        print("\n".join(baseline_text.report(here, found, every=arguments.all)))
    return 1 if found.critical else 0


def run_fingerprint(arguments: argparse.Namespace) -> int:
    """Print the canonical content and its hash."""
    print_of = fingerprints.take(context(arguments))
    if arguments.json:
        print(
            json.dumps({"fingerprint": print_of.short, "content": print_of.content}, sort_keys=True)
        )
        return 0
    print(f"fingerprint {print_of.short}")
    for key, value in sorted(print_of.content.items()):
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        print(f"  {key:12} {text}"[:100])
    return 0


def run_capture(arguments: argparse.Namespace) -> int:
    """Record all that a check reads, under every profile, so that another machine can repeat it."""
    recorder = Recorder(LiveHost())
    started = time.monotonic()
    blind: set[str] = set()
    for order, name in enumerate(("bare-metal", "cloud-vm", "small-vm", "dev")):
        here = context_of(recorder, name, pids=arguments.pid, cards=arguments.nic, brief=order > 0)
        found = check.check(here)
        blind.update(found.blind)
    count = recorder.save(arguments.path, root=here.facts.root, kernel=here.facts.kernel)
    seconds = time.monotonic() - started
    unreadable = len(recorder.errors)
    line = f"capture {arguments.path}: {count} files, {unreadable} unreadable, {seconds:.1f} s"
    if arguments.json:
        print(json.dumps({"path": arguments.path, "files": count, "unreadable": unreadable}))
    else:
        print(line + (f"; {len(blind)} knobs only root can see" if blind else ""))
    return 0


def run_watch(arguments: argparse.Namespace) -> int:
    """Poll on a housekeeping core, behind everything else, and print a line per event."""
    from tuning.watch import Watch

    here = context(arguments, brief=True)
    os.nice(19)
    if here.host.kind == "live" and here.roles.housekeeping:
        os.sched_setaffinity(
            0, here.roles.housekeeping & os.sched_getaffinity(0) or here.roles.housekeeping
        )
    watch = Watch(here, knobs.select(arguments.only), interval_s=arguments.interval)
    if not arguments.json:
        print(f"watch  host={here.facts.hostname}  {watch.describe()}", flush=True)
    try:
        for event in watch.run(polls=arguments.polls):
            print(json.dumps(event.to_json()) if arguments.json else event.line(), flush=True)
    finally:
        watch.close()
        if not arguments.json:
            print(f"watch ended  {watch.cost()}")
    return 1 if watch.drifted else 0
