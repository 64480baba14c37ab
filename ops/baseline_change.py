"""The commands that change the host: plan, apply, confirm, rollback, status.

Owns:    asking, printing each step, exit codes.
Refuses: doing it without the journal; `--yes` answers the question, nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from ops.baseline_look import context
from ops.baseline_text import wrap
from tuning import boot, check, confirm, effect, knobs, plan
from tuning.change import Changer
from tuning.context import Context
from tuning.journal import Journal, default_folder
from tuning.outcome import Outcome


def journal_of(arguments: argparse.Namespace) -> Journal:
    return Journal(Path(arguments.state) if arguments.state else default_folder())


def run_plan(arguments: argparse.Namespace) -> int:
    """Print what apply would do, the boot parameters, and what only a person can do."""
    here = context(arguments, brief=True)
    found = check.check(here, knobs.select(arguments.only))
    wanted = plan.make(here, found, force=arguments.force, named=arguments.only)
    words = boot.missing_words(here, found)
    files = boot.drop_ins(here, found)
    written = boot.write_drop_ins(files, arguments.drop_in) if arguments.drop_in else []
    if arguments.json:
        line = boot.whole_line(here, words) if words else ""
        more = {
            "boot_words": words,
            "boot_line": line,
            "drop_ins": files,
            "written": [str(p) for p in written],
        }
        print(json.dumps({**wanted.to_json(), **more}, indent=1))
        return 0
    _print_plan(here, wanted)
    if words:
        print("kernel command line, to be set by you; as it should read:")
        print("  " + boot.whole_line(here, words))
    for name, text in files.items():
        if not written:
            print(f"drop-in {name} (write it with --drop-in DIR):")
            print("".join(f"  {row}\n" for row in text.splitlines()), end="")
    for path in written:
        print(f"wrote {path}; put it in its place and follow its first line")
    return 0


def _print_plan(here: Context, wanted: plan.Plan) -> None:
    print(f"plan {wanted.digest}  profile={here.profile.name}  {len(wanted.actions)} writes")
    phase = ""
    for action in wanted.actions:
        if action.phase != phase:
            phase = action.phase
            print(phase)
        risk = "" if action.risk == "none" else f"  risk: {action.risk}"
        _print_row(action.knob, f"{action.address} = {action.value}{risk}")
    for title, rows in (("by hand", wanted.manual), ("left alone", wanted.skipped)):
        if rows:
            print(title)
        for knob, text in rows:
            _print_row(knob, text)


def _print_row(knob: str, text: str) -> None:
    """Print what belongs to a knob, whole: a person decides by it."""
    print("\n".join(wrap(text, f"  {knob:20} ", " " * 23)))


def run_apply(arguments: argparse.Namespace) -> int:
    """Plan, ask, apply, verify by effect; exit 1 if anything failed."""
    _refuse_capture(arguments)
    _refuse_user("apply", "`baseline plan` needs no rights")
    journal = journal_of(arguments)
    chosen = knobs.select(arguments.only)
    with journal.lock():
        here = context(arguments, brief=True)
        changer = Changer(here.host, journal, here.facts.boot_id, here.facts.kernel)
        _print_outcomes(changer.recover(), arguments, "left by a process that died:")
        _undo_overdue(changer, journal, here, arguments)
        wanted = plan.make(
            here, check.check(here, chosen), force=arguments.force, named=arguments.only
        )
        if not arguments.json:
            _print_plan(here, wanted)
        if wanted.actions and not _agreed(f"{len(wanted.actions)} writes", arguments):
            return 2

        def replan() -> plan.Plan:
            fresh = context(arguments, brief=True)
            return plan.make(
                fresh, check.check(fresh, chosen), force=arguments.force, named=arguments.only
            )

        outcomes = []
        if wanted.actions:
            outcomes = changer.apply(
                wanted,
                arm=lambda name: _arm(journal, name, here, arguments),
                replan=replan,
                told=lambda outcome: _tell(outcome, arguments),
            )
    done = {o.knob for o in outcomes if o.what == "applied"}
    after = context(arguments, brief=True)
    proofs = [
        proof
        for finding in check.check(after, [knob for knob in chosen if knob.id in done]).findings
        if (proof := effect.prove(after, finding)) is not None
    ]
    failed = [o for o in outcomes if o.what == "failed"]
    waiting = journal.unconfirmed(here.facts.boot_id)
    if arguments.json:
        print(
            json.dumps(
                {
                    "plan": wanted.digest,
                    "outcomes": [o.to_json() for o in outcomes],
                    "proofs": [
                        {"knob": p.knob, "state": str(p.state), "detail": p.detail} for p in proofs
                    ],
                    "confirm_within_s": waiting["seconds"] if waiting else None,
                },
                indent=1,
            )
        )
    else:
        for proof in proofs:
            print(f"  effect       {proof.knob}: {proof.state}, {proof.detail}")
        print(f"applied {sum(o.what == 'applied' for o in outcomes)}, failed {len(failed)}")
        if waiting:
            print(
                f"run `corelane baseline confirm` within {waiting['seconds']:.0f} s, "
                "or the card's settings go back"
            )
    return 1 if failed else 0


def _arm(journal: Journal, name: str, here: Context, arguments: argparse.Namespace) -> None:
    confirm.arm(journal, name, here.facts.boot_id, arguments.confirm_within)


def run_confirm(arguments: argparse.Namespace) -> int:
    """Keep what may have cut the link: the session that says so is alive."""
    _refuse_user("confirm", "`baseline status` needs no rights")
    journal = journal_of(arguments)
    with journal.lock():
        name = confirm.confirm(journal, context(arguments).facts.boot_id)
    if arguments.json:
        print(json.dumps({"confirmed": name}))
    else:
        print(f"confirmed {name}" if name else "nothing waits for a confirmation")
    return 0 if name else 1


def run_rollback(arguments: argparse.Namespace) -> int:
    """Put originals back, newest first; exit 1 if one could not be."""
    _refuse_capture(arguments)
    _refuse_user("rollback", "`baseline status` needs no rights")
    journal = journal_of(arguments)
    chosen = [knob.id for knob in knobs.select(arguments.only)] if arguments.only else []
    with journal.lock():
        here = context(arguments, brief=True)
        changer = Changer(here.host, journal, here.facts.boot_id, here.facts.kernel)
        recovered = changer.recover()
        _print_outcomes(recovered, arguments, "left by a process that died:")
        live = [c for c in journal.changes() if not chosen or c.knob in chosen]
        if not live:
            print("nothing to roll back" if not arguments.json else json.dumps({"outcomes": []}))
            return 0
        if not arguments.json:
            for change in reversed(live):
                _print_row(change.knob, f"{change.address} = {' '.join(change.before.split())}")
        if not _agreed(f"{len(live)} to put back", arguments):
            return 2
        outcomes = changer.rollback(
            knobs=chosen, force=arguments.force, told=lambda outcome: _tell(outcome, arguments)
        )
    bad = [outcome for outcome in outcomes if not outcome.good]
    if arguments.json:
        print(json.dumps({"outcomes": [o.to_json() for o in outcomes]}, indent=1))
    else:
        print(f"put back {len(outcomes) - len(bad)}, left {len(bad)}")
    return 1 if bad else 0


def run_status(arguments: argparse.Namespace) -> int:
    """Print what is applied, what a dead process left, what waits for a confirmation."""
    journal = journal_of(arguments)
    boot_id = context(arguments).facts.boot_id
    live = [c for c in journal.changes() if c.boot == boot_id]
    unfinished = journal.unfinished()
    waiting = journal.unconfirmed(boot_id)
    if arguments.json:
        rows = [
            {"knob": c.knob, "address": c.address, "before": c.before, "after": c.after}
            for c in live
        ]
        out = {
            "applied": rows,
            "unfinished": unfinished is not None,
            "unconfirmed": waiting is not None,
        }
        print(
            json.dumps({**out, "journal": str(journal.path), "torn_bytes": journal.torn}, indent=1)
        )
    else:
        print(
            f"journal {journal.path}: {len(journal.records)} records, "
            f"{len(live)} settings applied in this boot"
        )
        for change in live:
            now = " ".join((change.after or "?").split())
            was = " ".join(change.before.split())
            _print_row(change.knob, f"{change.address}: {was} -> {now}")
        if unfinished is not None:
            print("a change was interrupted: `corelane baseline rollback` undoes it")
        if waiting:
            print("a change waits for `corelane baseline confirm`")
        if journal.torn:
            print(f"the last {journal.torn} bytes were torn and will be cut")
    return 1 if unfinished is not None else 0


def _undo_overdue(
    changer: Changer, journal: Journal, here: Context, arguments: argparse.Namespace
) -> None:
    late = confirm.overdue(journal, here.facts.boot_id)
    if late:
        _print_outcomes(changer.rollback(plan=late, risky=True), arguments, "never confirmed:")


def _tell(outcome: Outcome, arguments: argparse.Namespace) -> None:
    if not arguments.json:
        name = f"{outcome.knob} {outcome.target}".strip()
        print("\n".join(wrap(f"{name:28} {outcome.detail}", f"  {outcome.what:12} ")), flush=True)


def _print_outcomes(outcomes: Iterable[Outcome], arguments: argparse.Namespace, title: str) -> None:
    outcomes = list(outcomes)
    if outcomes and not arguments.json:
        print(title)
        for outcome in outcomes:
            _tell(outcome, arguments)


def _agreed(what: str, arguments: argparse.Namespace) -> bool:
    """Ask, unless --yes has answered."""
    if arguments.yes:
        return True
    if arguments.json or not sys.stdin.isatty():
        raise ValueError("nobody can be asked here (--json, or no terminal); want --yes")
    return input(f"{what}; go on? [y/N] ").strip().lower() in ("y", "yes")


def _refuse_user(verb: str, instead: str) -> None:
    if os.geteuid() != 0:
        raise PermissionError(f"{verb} writes to the kernel: run it as root; {instead}")


def _refuse_capture(arguments: argparse.Namespace) -> None:
    if arguments.source:
        raise ValueError("a captured host cannot be changed; want no --from")
