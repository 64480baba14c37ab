"""One HTML page with everything in it: tables, figures, host, method; nothing else is loaded.

Owns:    the page's order and words, tables with units in their heads.
Refuses: scripts, fonts or images from elsewhere; drawing (charts.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from ops.latency import charts
from ops.latency.canvas import Svg
from ops.latency.document import Document, name_of
from ops.latency.frame import duration

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  color: #1b1f24; background: #f6f8fa; margin: 0; }
main { max-width: 1000px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 26px; margin: 0 0 4px; }
h2 { font-size: 19px; margin: 36px 0 8px; }
p { margin: 6px 0; max-width: 76ch; }
.muted { color: #59636e; }
.card { background: #fff; border: 1px solid #d8dee4; border-radius: 8px; padding: 14px 16px;
  margin: 12px 0; overflow-x: auto; }
.card.figure { padding: 8px; }
.note { border-left: 4px solid #b07700; }
.note p { max-width: none; }
svg { display: block; width: 100%; height: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 10px; text-align: right; border-bottom: 1px solid #e1e4e8;
  white-space: nowrap; }
th { font-weight: 600; font-size: 13px; color: #59636e; vertical-align: bottom; }
th small { display: block; font-weight: 400; }
td.words, th.words { text-align: left; white-space: normal; }
td.words:first-child { white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
.worse { color: #b42318; font-weight: 600; }
.better { color: #067647; font-weight: 600; }
code { font: 13px ui-monospace, "DejaVu Sans Mono", monospace; }
"""

EVIDENCE = (
    "Evidence: only from undisturbed runs, at least two on each side: Mann-Whitney over twelfths "
    "of the runs with p under 0.01, every run of one side beyond every run of the other, and a "
    "change of 10 % or more. A dash: nothing can be told."
)
METHOD = (
    "A thread of its own is pinned to the core and does nothing but read the time-stamp counter. "
    "Whenever two readings lie further apart than the threshold, something else had the core: that "
    "is an interruption. Around each run the kernel's own counters are read, so the causes are "
    "counts, not guesses.",
    "Percentiles of interruptions say how long one lasts. Percentiles of moments say what a "
    "message waits that arrives at any time: a core that is taken for 1 ms once a second shows "
    "1 ms in the first and nothing up to 99.9 % in the second.",
    "A run is disturbed when other threads waited for the core for more than a thousandth of the "
    "time, or a hypervisor took it. Compare quiet runs; maxima of single runs differ twentyfold on "
    "a machine that is shared.",
)


def table(heads: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]], words: int = 1) -> str:
    """Return a table; the first `words` columns hold words, the others numbers.

    Cells are HTML already; heads are (name, unit).
    """
    kind = [' class="words"' if at < words else "" for at in range(len(heads))]
    head = "".join(
        f"<th{kind[at]}>{escape(name)}<small>{escape(unit)}</small></th>"
        for at, (name, unit) in enumerate(heads)
    )
    body = "".join(
        "<tr>" + "".join(f"<td{kind[at]}>{cell}</td>" for at, cell in enumerate(row)) + "</tr>"
        for row in rows
    )
    inside = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="card"><table>{inside}</table></div>'


def us(ns: float | None) -> str:
    """Write nanoseconds as microseconds for a table column."""
    if ns is None:
        return "-"
    value = ns / 1000
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def core_table(document: Document) -> str:
    heads = [("core", ""), ("interruptions", "per s"), ("time taken", "%"), ("p50", "us"),
             ("p99", "us"), ("p99.9", "us"), ("longest", "us"), ("message waits", "p99.9, us"),
             ("message waits", "p99.99, us"), ("disturbed", "runs")]  # fmt: skip
    rows = []
    for core in document["jitter"]["cores"]:
        figures, arrival = core["figures"], core["arrival"]
        dirty = sum(bool(run["contaminated"]) for run in core["runs"])
        rows.append([
            f"core {core['core']}", f"{figures['hiccups_per_s']:,.0f}",
            f"{figures['stolen_pct']:.3f}", us(figures["p50_ns"]), us(figures["p99_ns"]),
            us(figures["p999_ns"]), us(figures["max_ns"]), us(arrival["p999_ns"]),
            us(arrival["p9999_ns"]), f"{dirty} of {len(core['runs'])}",
        ])  # fmt: skip
    return table(heads, rows)


def cause_table(document: Document) -> str:
    rows = []
    for core in document["jitter"]["cores"]:
        for cause in core["causes"][:8]:
            rows.append([f"core {core['core']}", escape(cause["name"]),
                         f"{cause['count']:,}", f"{cause['per_second']:,.1f}"])  # fmt: skip
    heads = [("core", ""), ("what the kernel counted meanwhile", ""), ("count", ""),
             ("rate", "per s")]  # fmt: skip
    return table(heads, rows, words=2)


def disturbances(document: Document) -> str:
    """Return why runs are disturbed and which cores were left out."""
    lines = [
        f"core {core['core']}, {reason}"
        for core in document["jitter"]["cores"]
        for reason in core["contaminated"]
    ]
    lines += [f"core {core} was not measured: {reason}"
              for core, reason in document["jitter"]["skipped"].items()]  # fmt: skip
    if not lines:
        return ""
    items = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return f'<div class="card note"><p><b>Read the figures with care</b></p>{items}</div>'


def wait_table(document: Document) -> str:
    rows = [
        [escape(label), f"{row['count']:,}", *(us(row.get(f"{word}_ns")) for word in
         ("p50", "p90", "p99", "p999", "max"))]
        for label, _, row in charts.range_rows(document)
    ]  # fmt: skip
    heads = [("what", ""), ("samples", ""), ("p50", "us"), ("p90", "us"), ("p99", "us"),
             ("p99.9", "us"), ("longest", "us")]  # fmt: skip
    return table(heads, rows)


def clock_table(document: Document) -> str:
    cores = document["jitter"]["cores"]
    names = list(cores[0]["clock_read_ns"])
    rows = [[f"core {core['core']}", *(f"{core['clock_read_ns'][name]:.1f}" for name in names)]
            for core in cores]  # fmt: skip
    return table([("one clock read", ""), *((name, "ns") for name in names)], rows)


def hop_table(document: Document) -> str:
    rows = [
        [escape(lane["name"]), escape(hop["hop"].replace("_", "-")), f"{hop['count']:,}",
         *(us(hop.get(f"{word}_ns") if hop["count"] else None)
           for word in ("p50", "p99", "p999", "max"))]
        for lane in document["lanes"]
        for hop in lane["hops"]
    ]  # fmt: skip
    heads = [("lane", ""), ("hop", ""), ("orders", ""), ("p50", "us"), ("p99", "us"),
             ("p99.9", "us"), ("longest", "us")]  # fmt: skip
    return table(heads, rows, words=2)


def number(value: float, unit: str) -> str:
    if unit == "ns":
        return duration(value)
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def comparison_section(comparison: dict[str, Any]) -> str:
    rows = []
    for row in comparison["rows"]:
        change = "new" if row["change_pct"] is None else f"{row['change_pct']:+.1f}"
        if row["old"] == row["new"]:
            change = "0"
        evidence = row["evidence"]
        shown = evidence if row["p"] is None else f"{evidence}, p={row['p']:.2g}"
        rows.append([
            escape(row["where"]), escape(row["figure"]),
            number(row["old"], row["unit"]), number(row["new"], row["unit"]), change,
            f'<span class="{evidence}">{escape(shown)}</span>',
        ])  # fmt: skip
    notes = [f"Before: {comparison['old_taken']}, host {comparison['old_id']}."]
    if comparison["differs"]:
        notes.append("The hosts differ in: " + ", ".join(comparison["differs"])
                     + ". A change may come from that.")  # fmt: skip
    if any(comparison["contaminated"]):
        notes.append("At least one of the two profiles holds disturbed runs.")
    notes.append(EVIDENCE)
    heads = [("where", ""), ("figure", ""), ("before", ""), ("now", ""), ("change", "%"),
             ("evidence", "")]  # fmt: skip
    text = "".join(f'<p class="muted">{escape(note)}</p>' for note in notes)
    return f"<h2>What changed</h2>{text}{table(heads, rows, words=2)}"


def figure(name: str, document: Document, old: Document | None) -> str:
    draw, height = charts.wanted(document)[name]
    canvas = Svg(charts.WIDTH, height, name)
    draw(canvas, document, old)
    return f'<div class="card figure">{canvas.text()}</div>'


def page(document: Document, old: Document | None = None) -> str:
    """Return the whole page."""
    jitter, figures = document["jitter"], charts.wanted(document)
    together = "at once" if jitter["together"] else "one after the other"
    head = (
        f"{document['taken']}, host {name_of(document['host'])}: {len(jitter['cores'])} cores, "
        f"{jitter['seconds']:g} s each, {together}"
    )
    parts = [f'<h1>Latency profile</h1><p class="muted">{escape(head)}</p>']
    parts.append(disturbances(document))
    if jitter["cores"]:
        parts += ["<h2>Cores</h2>", core_table(document)]
        parts += [figure(name, document, old) for name in ("waits", "hiccups", "timeline")]
        parts += ["<h2>Causes</h2>", cause_table(document)]
    if "wakeups" in figures:
        parts += ["<h2>Sleeping and waking</h2>", figure("wakeups", document, old),
                  wait_table(document), clock_table(document)]  # fmt: skip
    parts.append("<h2>Tick to trade</h2>")
    if "hops" in figures:
        parts += [figure("hops", document, old), hop_table(document)]
    else:
        parts.append('<p class="muted">No appliance was running and no lane file was given '
                     "(<code>--lane FILE</code>).</p>")  # fmt: skip
    if document["comparison"]:
        parts.append(comparison_section(document["comparison"]))
    host = [[escape(name.replace("_", " ")), escape(str(value))]
            for name, value in document["host"].items()]  # fmt: skip
    parts += ["<h2>Host</h2>", table([("", ""), ("", "")], host, words=2)]
    parts += ["<h2>How to read this</h2>", *(f"<p>{escape(text)}</p>" for text in METHOD)]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Latency profile {escape(name_of(document['host']))}</title>"
        f"<style>{STYLE}</style></head><body><main>{''.join(parts)}</main></body></html>\n"
    )
