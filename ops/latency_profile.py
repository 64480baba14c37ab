"""`corelane latency-profile`: what this host does to a lane, and what a lane does with its time.

Owns:    options, files written under --out, the text on the terminal, exit codes: 0 measured,
         1 measured and worse than --compare with evidence, 2 could not run.
Refuses: measuring (tuning.jitter), drawing (ops/latency).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ops.latency import compare, lanes, text
from ops.latency.document import Document, DocumentError, build, load

DESCRIPTION = """\
Spin on each core and report what takes it away, how long and by whom; measure sleeping, waking,
loopback and clock reads; add the hops of a lane where one runs.  Nothing on the host is changed.

Cores with a thread of somebody else pinned to them (a running lane) are left alone unless --force.
Exit code: 0 measured, 1 worse than --compare with evidence, 2 could not run.
"""
EXAMPLES = """examples:
  corelane latency-profile --out out/before
  corelane latency-profile --out out/after --compare out/before/latency-profile.json
  corelane latency-profile --cores 2-5 --seconds 30 --together
  corelane run --duration 30 --json > run.json && corelane latency-profile --lane run.json
"""


def add(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "latency-profile",
        help="jitter of each core and tick-to-trade per hop: text, JSON, page, plots",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = parser.add_argument
    option("--out", type=Path, metavar="DIR", help="write JSON, HTML and PNG files there")
    option("--seconds", type=float, default=10.0, metavar="S",
           help="spin per core, in three runs (default: 10)")  # fmt: skip
    option("--cores", metavar="LIST", help="0,2-5 (default: the isolated ones, else all)")
    option("--together", action="store_true", help="all cores at once, as an appliance does")
    option("--policy", default="other", metavar="P", help="other or fifo:1 to fifo:99")
    option("--threshold", type=int, default=200, metavar="NS",
           help="shorter gaps are no interruption (default: 200)")  # fmt: skip
    option("--force", action="store_true", help="measure cores with pinned threads, too")
    option("--lane", type=Path, metavar="FILE",
           help="JSON of corelane run, or a copied page (default: a running lane)")  # fmt: skip
    option("--compare", type=Path, metavar="OLD.json", help="show the change since then")
    option("--json", action="store_true", help="the whole document instead of text")
    parser.set_defaults(run=run)


def host_figures() -> dict[str, str]:
    """Return the baseline's fingerprint, which covers more settings than the short one."""
    try:
        from tuning import fingerprints, host  # type: ignore[attr-defined, unused-ignore]
    except ImportError:  # a tree without the catalogue of knobs
        return {}
    return {"baseline": fingerprints.of_host(host.LiveHost()).short}


def progress(is_shown: bool) -> tuple[Callable[[str, float], None] | None, Callable[[], None]]:
    """Return (report, finish) of a bar that is drawn between runs only: drawing disturbs."""
    if not is_shown:
        return None, lambda: None
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(TextColumn("{task.description:32}"), BarColumn(), TimeRemainingColumn(),
                   console=Console(stderr=True), auto_refresh=False, transient=True)  # fmt: skip
    task = bar.add_task("measuring", total=1.0)
    bar.start()

    def report(what: str, share: float) -> None:
        bar.update(task, description=what, completed=share)
        bar.refresh()

    return report, bar.stop


def write(document: Document, old: Document | None, folder: Path) -> list[Path]:
    """Write JSON, page and plots; return what was written."""
    from ops.latency import charts
    from ops.latency.canvas import Png
    from ops.latency.page import page

    folder.mkdir(parents=True, exist_ok=True)
    out = [folder / "latency-profile.json", folder / "latency-profile.html"]
    out[0].write_text(json.dumps(document, indent=1) + "\n")
    out[1].write_text(page(document, old))
    for name, (draw, height) in charts.wanted(document).items():
        canvas = Png(charts.WIDTH, height, name)
        draw(canvas, document, old)
        out.append(folder / f"{name}.png")
        out[-1].write_bytes(canvas.data())
    return out


def measure(arguments: argparse.Namespace) -> Document:
    """Measure the host, with a bar on a terminal, and add the lanes."""
    from tuning.jitter import benchmark_latency
    from tuning.jitter.machine import parse_cores

    found = lanes.read_file(arguments.lane) if arguments.lane else lanes.find_running()
    report, finish = progress(sys.stderr.isatty())
    try:
        profile = benchmark_latency(
            parse_cores(arguments.cores) if arguments.cores else None,
            arguments.seconds,
            threshold_ns=arguments.threshold,
            policy=arguments.policy,
            together=arguments.together,
            force=arguments.force,
            wait_seconds=min(0.5, arguments.seconds / 5),
            on_progress=report,
        )
    finally:
        finish()
    document = build(profile, found)
    document["host"].update(host_figures())
    return document


def run(arguments: argparse.Namespace) -> int:
    from tuning.jitter import JitterError

    try:
        old = load(arguments.compare) if arguments.compare else None
        document = measure(arguments)
        if old is not None:
            document["comparison"] = compare.compare(old, document)
        written = write(document, old, arguments.out) if arguments.out else []
    except (JitterError, DocumentError, lanes.LaneError, ValueError, OSError) as error:
        print(f"corelane latency-profile: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("corelane latency-profile: stopped", file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps(document))
    else:
        print("\n".join(text.lines(document)))
        if written:
            print("wrote " + ", ".join(str(path) for path in written))
    if not document["jitter"]["cores"] and not document["lanes"]:
        print("corelane latency-profile: nothing was measured; --force, or --lane FILE",
              file=sys.stderr)  # fmt: skip
        return 2
    return 1 if document["comparison"] and compare.is_worse(document["comparison"]) else 0
