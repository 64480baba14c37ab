"""The figures of a latency profile, drawn on any canvas.

Owns:    which data each figure shows and how: curves of percentiles, waits of a message, timeline,
         ranges of sleeps and hops.
Refuses: files, HTML.  With more cores than colours the worst are drawn and the figure says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ops.latency.canvas import COLOURS, FAINT, GREY, INK, Canvas, pale
from ops.latency.document import Document, name_of
from ops.latency.frame import NINES, Frame, duration, headings, nines, tick
from tuning.jitter import Histogram

CORES_MAX = len(COLOURS)
WIDTH, HEIGHT = 960, 460
PANEL = 120
ROW = 26
Core = dict[str, Any]


def footer(document: Document) -> str:
    """Return the host line that stands on every figure."""
    host = document["host"]
    kind = "virtual machine" if host.get("virtual") == "yes" else "bare metal"
    runs = [run for core in document["jitter"]["cores"] for run in core["runs"]]
    dirty = sum(bool(run["contaminated"]) for run in runs)
    return (
        f"host {name_of(host)} | {host.get('cpu')}, {kind} | kernel {host.get('kernel')} | clock "
        f"{host.get('clocksource')} | {document['taken']} | {dirty} of {len(runs)} runs disturbed"
    )


def shown(document: Document) -> list[Core]:
    """Return the cores that are drawn: all of them, or the worst by p99.9."""
    cores: list[Core] = document["jitter"]["cores"]
    if len(cores) <= CORES_MAX:
        return cores
    worst = sorted(cores, key=lambda core: -core["figures"]["p999_ns"])[:CORES_MAX]
    return sorted(worst, key=lambda core: int(core["core"]))


def limits(values: list[float]) -> tuple[float, float]:
    """Return powers of ten around positive values, at least two of them apart."""
    positive = [value for value in values if value > 0] or [100.0, 10_000.0]
    low = 10.0 ** math.floor(math.log10(min(positive)))
    high = 10.0 ** math.ceil(math.log10(max(positive) * 1.0001))
    return low, max(high, low * 100)


def histogram_points(core: Core) -> list[tuple[float, float]]:
    """Return (place on the percentile axis, nanoseconds) for each bucket of a core's hiccups."""
    histogram = Histogram.from_json(core["gaps"])
    end = math.log10(max(histogram.count, 2))
    out, seen = [], 0
    for _, upper, count in histogram.rows():
        out.append((min(nines(seen / histogram.count), end), float(upper)))
        seen += count
        out.append((min(nines(seen / histogram.count), end), float(upper)))
    return out


def arrival_points(core: Core) -> list[tuple[float, float]]:
    """Return (place, wait) from the first moment that waits at all, up to 99.9999 %."""
    histogram = Histogram.from_json(core["gaps"])
    out = []
    for step in range(0, 241):
        place = step / 40
        wait = histogram.arrival_quantile(1 - 10**-place, core["elapsed_ns"])
        if wait > 0:
            out.append((place, float(wait)))
    return [(out[0][0], 1.0), *out] if out else []  # the curve rises from the ground


def curves(
    canvas: Canvas,
    document: Document,
    old: Document | None,
    points: Callable[[Core], list[tuple[float, float]]],
    labels: tuple[str, str],
    x_from: float,
) -> None:
    """Draw one curve per core, the older profile's dashed below it."""
    lines: list[tuple[str, str, bool, list[tuple[float, float]]]] = []
    cores = shown(document)
    numbers = [core["core"] for core in cores]
    for core in shown(old) if old else []:
        if core["core"] in numbers:
            colour = COLOURS[numbers.index(core["core"])]
            lines.append(("", colour, True, points(core)))
    for colour, core in zip(COLOURS, cores, strict=False):
        lines.append((f"core {core['core']}", colour, False, points(core)))
    every = [point for *_, line in lines for point in line if point[0] >= x_from]
    low, high = limits([y for _, y in every])
    x_high = max([2.0, *(x for x, _ in every)])
    frame = Frame(canvas, x_low=x_from, x_high=x_high, y_low=max(low, 100.0), y_high=high)
    frame.y_axis(labels[0])
    for share, text in NINES:
        if x_from <= nines(share) <= x_high + 1e-9:
            frame.x_mark(nines(share), text)
    frame.x_label(labels[1])
    frame.border()
    for text, colour, dashed, line in lines:
        inside = [frame.at(x, y) for x, y in line if x >= x_from]
        if len(inside) > 1:
            canvas.path(inside, colour, 1.5 if dashed else 2.2, dashed)
        if text:
            frame.legend.append((text, colour, dashed))
    if old is not None:
        frame.legend.append(("dashed: before", GREY, True))
    frame.draw_legend()


def hiccups(canvas: Canvas, document: Document, old: Document | None) -> None:
    threshold = duration(document["jitter"]["cores"][0]["threshold_ns"])
    headings(
        canvas,
        "How long the core is taken away",
        f"Interruptions over {threshold} of a loop that only reads the TSC. Lower is better.",
        footer(document),
    )
    labels = ("length (log scale)", "percentile of interruptions, %")
    curves(canvas, document, old, histogram_points, labels, 0.0)


def waits(canvas: Canvas, document: Document, old: Document | None) -> None:
    headings(
        canvas,
        "What a message waits that arrives at a random moment",
        "Percentiles of time, not of interruptions; left of a curve nothing waits. "
        "Right and low is better.",
        footer(document),
    )
    labels = ("wait (log scale)", "percentile of moments, %")
    curves(canvas, document, old, arrival_points, labels, 1.0)


def timeline_height(document: Document) -> int:
    return 122 + PANEL * max(1, len(shown(document)))


def timeline(canvas: Canvas, document: Document, old: Document | None) -> None:
    """Draw a stem per slot of each run: the longest hiccup in it; runs one after the other."""
    headings(
        canvas,
        "When it happens",
        "Longest interruption in each slot of time; strong: over p99, dot: over p99.9; "
        "runs one after the other, a disturbed run on grey ground.",
        footer(document),
    )
    cores = shown(document)
    lengths = [row[3] for core in cores for run in core["runs"] for row in run["slots"]]
    low, high = limits([float(value) for value in lengths])
    seconds = max((core["elapsed_ns"] for core in cores), default=10**9) / 1e9
    frame = Frame(canvas)
    for position, (colour, core) in enumerate(zip(COLOURS, cores, strict=False)):
        top = 66 + position * PANEL
        bottom = canvas.height - top - PANEL + 26
        frame = Frame(canvas, left=110, top=top, bottom=bottom, x_high=seconds, y_low=low,
                      y_high=high)  # fmt: skip
        panel(frame, core, colour)
    step = 10 ** math.floor(math.log10(seconds / 2)) if seconds > 0 else 1
    while seconds / step > 12:
        step *= 2 if seconds / step <= 24 else 5
    at = 0.0
    while at <= seconds * 1.001:
        canvas.words((frame.x(at), frame.y_end + 18), f"{at:g}", 12, GREY, "middle")
        at += step
    frame.x_label("seconds of measurement")


def panel(frame: Frame, core: Core, colour: str) -> None:
    """Draw one core of the timeline: common hiccups pale, the longest hundredth strong."""
    canvas, light = frame.canvas, pale(colour)
    start = 0.0
    for run in core["runs"]:
        end = start + run["elapsed_ns"] / 1e9
        if run["contaminated"]:
            left, right = frame.x(start), frame.x(end)
            canvas.box(left, frame.top, right - left, frame.y_end - frame.top, "#f2f3f5")
        start = end
    power = math.ceil(math.log10(frame.y_low))
    while 10.0**power <= frame.y_high * 1.001:
        y = frame.y(10.0**power)
        canvas.line((frame.left, y), (frame.x_end, y), FAINT)
        if power % 2 == 0 or frame.y_high / frame.y_low <= 1000:
            canvas.words((frame.left - 8, y + 4), tick(10.0**power), 11, GREY, "end")
        power += 1
    start = 0.0
    for number, run in enumerate(core["runs"]):
        if number:
            x = frame.x(start)
            canvas.path([(x, frame.top), (x, frame.y_end)], GREY, 1, dashed=True)
        width = run["elapsed_ns"] / 1e9 / core["slot_count"]
        for slot, count, _, longest in run["slots"]:
            at = start + (slot + 0.5) * width
            x, y = frame.at(at, longest)
            is_long = longest >= core["figures"]["p99_ns"]
            canvas.line((x, frame.y_end), (x, y), colour if is_long else light, 1)
            if longest >= core["figures"]["p999_ns"]:
                note = f"{duration(longest)} at {at:.3f} s, {count} in this slot"
                canvas.dot((x, y), 3, colour, note)
        start += run["elapsed_ns"] / 1e9
    frame.border()
    middle = (frame.top + frame.y_end) / 2
    canvas.words((16, middle + 4), f"core {core['core']}", 13, INK, bold=True)


def range_rows(document: Document) -> list[tuple[str, str, dict[str, Any]]]:
    """Return (label, colour, figures) for everything that sleeps or travels on a core."""
    names = {
        ("wake", "timer"): "timer sleep, overshoot",
        ("wake", "eventfd"): "wake-up by eventfd",
        ("wake", "futex"): "wake-up by futex",
        ("loopback", "blocking"): "loopback TCP, blocking",
        ("loopback", "spinning"): "loopback TCP, spinning",
    }
    cores = shown(document)
    return [
        (f"{label}, core {core['core']}", colour, core[group][kind])
        for (group, kind), label in names.items()
        for colour, core in zip(COLOURS, cores, strict=False)
        if core[group].get(kind, {}).get("count")
    ]


def hop_rows(document: Document) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (f"{hop['hop'].replace('_', '-')}, {lane['name']}"[:40], colour, hop)
        for colour, lane in zip(COLOURS, document["lanes"], strict=False)
        for hop in lane["hops"]
        if hop["count"]
    ]


def ranges_height(rows: list[tuple[str, str, dict[str, Any]]]) -> int:
    return 150 + ROW * max(1, len(rows))


def ranges(canvas: Canvas, rows: list[tuple[str, str, dict[str, Any]]]) -> None:
    """Draw a row each: thick from p50 to p99, thin to p99.9, a tick at the greatest."""
    low, high = limits([float(row["p50_ns"]) for *_, row in rows] +
                       [float(row["max_ns"]) for *_, row in rows])  # fmt: skip
    frame = Frame(canvas, left=270, right=96, bottom=74, x_low=math.log10(low),
                  x_high=math.log10(high))  # fmt: skip
    power = math.log10(low)
    while power <= math.log10(high) + 1e-9:
        frame.x_mark(power, tick(10.0**power))
        power += 1
    frame.x_label("time; thick p50 to p99, thin to p99.9, tick at the longest")
    for position, (label, colour, row) in enumerate(rows):
        y = frame.top + ROW * (position + 0.5)
        place = {
            word: frame.x(math.log10(max(float(row.get(f"{word}_ns", row["max_ns"])), low)))
            for word in ("p50", "p99", "p999", "max")
        }
        canvas.words((frame.left - 12, y + 4), label, 12, INK, "end")
        canvas.line((place["p50"], y), (place["max"], y), colour, 1)
        canvas.line((place["p50"], y), (place["p999"], y), colour, 2.5)
        canvas.box(place["p50"], y - 6, max(place["p99"] - place["p50"], 2), 12, colour)
        canvas.line((place["max"], y - 6), (place["max"], y + 6), colour, 2)
        canvas.words((frame.x_end + 12, y + 4), f"p99 {duration(row['p99_ns'])}", 12, GREY)
    frame.border()


def wakeups(canvas: Canvas, document: Document, old: Document | None) -> None:
    headings(canvas, "What sleeping costs",
             "A thread that blocks instead of spinning, and a round trip over loopback.",
             footer(document))  # fmt: skip
    ranges(canvas, range_rows(document))


def hops(canvas: Canvas, document: Document, old: Document | None) -> None:
    headings(canvas, "Tick to trade, hop by hop",
             "From the read that brought the bytes to the write that sent the order; "
             "ack is the venue's share.",
             footer(document))  # fmt: skip
    ranges(canvas, hop_rows(document))


Draw = Callable[[Canvas, Document, Document | None], None]


def wanted(document: Document) -> dict[str, tuple[Draw, int]]:
    """Return the figures that this document has data for: name -> (drawing, height)."""
    out: dict[str, tuple[Draw, int]] = {}
    if document["jitter"]["cores"]:
        out["waits"] = (waits, HEIGHT)
        out["hiccups"] = (hiccups, HEIGHT)
        out["timeline"] = (timeline, timeline_height(document))
        if range_rows(document):
            out["wakeups"] = (wakeups, ranges_height(range_rows(document)))
    if hop_rows(document):
        out["hops"] = (hops, ranges_height(hop_rows(document)))
    return out
