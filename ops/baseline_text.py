"""How a baseline report looks on a terminal: at most 100 columns, same order every time.

Owns:    layout and wording around the findings.
Refuses: judging; every word about a knob comes from the catalogue or the finding.
"""

from __future__ import annotations

import importlib
import textwrap
from collections.abc import Iterator

from tuning.boot import missing_words
from tuning.check import Report
from tuning.context import Context
from tuning.health import in_plain_words
from tuning.knobs import catalogue
from tuning.model import WRONG, Finding, Knob, Settable, State

WIDTH = 100
SETTABLE = {
    Settable.RSW: "at run time; applied, verified and restored on a real machine",
    Settable.RW: "at run time",
    Settable.BOOT: "by a boot parameter or unit file, offered as a drop-in",
    Settable.FIRMWARE: "in the firmware, by a person",
    Settable.OWNER: "by its owner, never by us",
    Settable.NO: "not at all: it is a figure",
}


def report(context: Context, found: Report, *, every: bool = False) -> Iterator[str]:
    """Yield the lines of baseline-check."""
    yield _clip(
        f"baseline-check  host={found.host}  profile={found.profile}  kernel={found.kernel}"
        f"  scanner={scanner()}"
    )
    chosen = f"; profile chosen: {found.chosen}" if found.chosen else ""
    yield from wrap(f"fingerprint {found.fingerprint}{chosen}", "  ")
    worst = found.worst()
    for order, finding in enumerate(worst, 1):
        yield from wrap(f"{order}. {in_plain_words(finding)}", "  ", "     ")
        if finding.fix:
            yield from wrap(finding.fix, "     -> ", "        ")
    yield f"  {'verdict':12} {'knob and target':32} {'observed':26} wanted; below: remedy"
    groups: dict[str, list[Finding]] = {}
    for finding in found.findings:
        groups.setdefault(finding.knob.group, []).append(finding)
    for group, members in groups.items():
        yield group
        quiet = [f for f in members if f.state is State.NOT_APPLICABLE and not every]
        for finding in members:
            if finding not in quiet:
                yield from row(finding)
        if quiet:
            names = ", ".join(
                f.knob.id.partition(".")[2] if _same(f, group) else f.knob.id for f in quiet
            )
            yield from wrap(names, "  NOT_APPLICABLE  ", " " * 18)
    words = missing_words(context, found)
    if words:
        lacks = " ".join(words) + "  (whole line: corelane baseline plan)"
        yield from wrap(lacks, "kernel command line lacks: ", "  ")
    if found.blind:
        yield from wrap(
            "not seen, because only root may: " + ", ".join(found.blind),
            "",
            "  ",
        )
    yield from wrap(summary(found), "", "  ")


def scanner() -> str:
    """Return the name of the number scanner that the lanes would use on this machine."""
    try:
        return str(importlib.import_module("hotpath.decode.json").kernel())
    except (ImportError, AttributeError):
        return "none"


def summary(found: Report) -> str:
    """Return the last line: score never without coverage."""
    parts = [
        f"{count} {state.lower().replace('_', ' ')}"
        for state, count in found.states.items()
        if count and state != "OK"
    ]
    asked = len(found.findings)
    of = "the catalogue" if asked == len(catalogue()) else f"the {asked} knobs asked for"
    return (
        f"fitness {found.fitness:.0f} of 100 over {found.coverage:.0f} % of {of}; "
        f"{', '.join(parts) or 'nothing wrong'}; {found.seconds:.1f} s"
    )


def row(finding: Finding) -> Iterator[str]:
    """Yield a knob's row: verdict, id, observed, wanted; below it the remedy or the reason."""
    name = f"{finding.knob.id} {finding.target}".strip()
    critical = finding.severity == "critical" and finding.state in WRONG
    verdict = f"{finding.state}{'!' if critical else ''}"
    if len(verdict) > 12:
        verdict = "NOT_APPLIC."
    columns = f"{_fit(name, 32)} {_fit(finding.observed, 26)} want {_fit(finding.expected, 20)}"
    yield f"  {verdict:12} {columns}".rstrip()
    if finding.state in (State.OK, State.NOT_APPLICABLE):
        return
    if ".." in columns:  # what is wrong is never cut short
        texts = (finding.target, f"found {finding.observed}", f"want {finding.expected}")
        yield from wrap("; ".join(" ".join(text.split()) for text in texts if text), " " * 15)
    note = "; ".join(text for text in (finding.reason, finding.fix) if text)
    if note:
        yield from wrap(note, " " * 15)


def explain(context: Context, knob: Knob, finding: Finding) -> Iterator[str]:
    """Yield everything that is known of one knob, and how it stands here."""
    wanted = finding.expected
    yield f"{knob.id}  {knob.title}"
    for label, text in (
        ("here", f"{finding.state}: {finding.observed}; want {wanted}"),
        ("reason", finding.reason),
        ("why", knob.why),
        ("cost", knob.cost),
        ("where", ", ".join(knob.where)),
        ("changed", SETTABLE[knob.settable]),
        ("risk", str(knob.risk)),
        ("severity", f"{finding.severity} ({knob.severity} on bare metal)"),
        ("fix", finding.fix or knob.fix),
        ("undo", knob.undo + ("" if knob.exact else " (the value only, not the whole state)")),
        ("conflicts", ", ".join(knob.conflicts)),
        ("writers", ", ".join(knob.writers)),
        ("source", knob.source),
    ):
        if text:
            yield from wrap(text, f"  {label:10} ", " " * 13)
    for sight in finding.sights:
        if sight.address:
            yield _clip(f"  {'seen':10} {sight.target or '-'}: {sight.shown} at {sight.address}")


def _same(finding: Finding, group: str) -> bool:
    return finding.knob.id.partition(".")[0] == group


def _fit(text: str, width: int) -> str:
    text = " ".join(text.split())
    return text.ljust(width) if len(text) <= width else text[: width - 2] + ".."


def _clip(text: str) -> str:
    return text if len(text) <= WIDTH else text[: WIDTH - 2] + ".."


def wrap(text: str, first: str, later: str | None = None) -> list[str]:
    """Fold a text into lines; a word that is too long (an address) stays whole."""
    rest = " " * len(first) if later is None else later
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_on_hyphens=False,
        break_long_words=False,
    )
