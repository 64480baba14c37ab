"""`corelane latency-profile`, as a user calls it, and the figures that it draws."""

import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from latency_samples import document, lane_page

import tuning
from ops.cli import main
from ops.latency import charts
from ops.latency.canvas import DASH, Png, Svg, dashes
from ops.latency.compare import compare
from ops.latency.page import page
from ops.latency.text import lines

CORE = str(max(os.sched_getaffinity(0)))
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Measure once, shortly, with a lane page beside it."""
    out = tmp_path_factory.mktemp("profile")
    (out / "page").write_bytes(lane_page({"gate": [400], "tick_to_trade": [7_000]}))
    words = ["--seconds", "0.3", "--cores", CORE, "--force", "--lane", str(out / "page")]
    assert main(["latency-profile", *words, "--out", str(out)]) == 0
    return out


def test_all_files_are_written(folder):
    names = {path.name for path in folder.iterdir()} - {"page"}
    assert names == {"latency-profile.json", "latency-profile.html", "waits.png", "hiccups.png",
                     "timeline.png", "wakeups.png", "hops.png"}  # fmt: skip


def test_plots_are_png_of_a_readable_size(folder):
    for path in folder.glob("*.png"):
        data = path.read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
        assert width == 2 * charts.WIDTH and height > 300


def test_page_loads_nothing_from_anywhere(folder):
    html = (folder / "latency-profile.html").read_text()
    assert not re.search(r"<(script|link|img|iframe)\b|\bsrc=|\bhref=|url\(|@import", html)
    assert set(re.findall(r"https?://[^\"'<\s]+", html)) <= {"http://www.w3.org/2000/svg"}


def test_host_stands_on_every_figure(folder):
    html = (folder / "latency-profile.html").read_text()
    host = tuning.fingerprint().short  # the one that every other figure of this host has
    assert json.loads((folder / "latency-profile.json").read_text())["host"]["baseline"] == host
    pictures = re.findall(r"<svg.*?</svg>", html, re.S)
    assert len(pictures) == 5
    for picture in pictures:
        words = [one.text for one in ElementTree.fromstring(picture).iter(f"{SVG}text")]
        assert any(f"host {host}" in word for word in words)


def test_document_holds_the_lane_and_the_core(folder):
    found = json.loads((folder / "latency-profile.json").read_text())
    assert [core["core"] for core in found["jitter"]["cores"]] == [int(CORE)]
    assert found["lanes"][0]["hops"][3]["count"] == 1


def test_comparison_with_itself_is_shown_per_figure(folder, capsys):
    old = str(folder / "latency-profile.json")
    words = ["--seconds", "0.2", "--cores", CORE, "--force", "--compare", old, "--lane", old]
    code = main(["latency-profile", *words, "--json"])
    found = json.loads(capsys.readouterr().out)["comparison"]
    assert found["same_host"]
    hop = next(one for one in found["rows"] if one["figure"] == "gate p50")
    assert hop["change_pct"] == 0
    assert code == any(one["evidence"] == "worse" for one in found["rows"])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--cores", "x"], "core list 'x'"),
        (["--cores", "8000", "--force"], "core 8000"),
        (["--policy", "rr:1"], "want other or fifo"),
        (["--seconds", "0"], "want a core and a time"),
        (["--compare", "/nowhere.json"], "No such file"),
        (["--lane", "/nowhere.json"], "No such file"),
    ],
)
def test_what_cannot_run_says_why_and_gives_exit_code_2(words, reason, capsys):
    assert main(["latency-profile", "--seconds", "0.05", *words]) == 2
    assert reason in capsys.readouterr().err


# figures, from constructed documents


def drawn(found: dict, old: dict | None = None) -> dict[str, ElementTree.Element]:
    out = {}
    for name, (draw, height) in charts.wanted(found).items():
        canvas = Svg(charts.WIDTH, height, name)
        draw(canvas, found, old)
        out[name] = ElementTree.fromstring(canvas.text())
    return out


def inside(picture: ElementTree.Element) -> bool:
    """Say whether every stroke lies on the picture."""
    _, _, width, height = (float(part) for part in picture.attrib["viewBox"].split())
    places = []
    for line in picture.iter(f"{SVG}line"):
        for end in "12":
            places.append((float(line.attrib[f"x{end}"]), float(line.attrib[f"y{end}"])))
    for path in picture.iter(f"{SVG}polyline"):
        for point in path.attrib["points"].split():
            x, y = point.split(",")
            places.append((float(x), float(y)))
    return all(0 <= x <= width and 0 <= y <= height for x, y in places)


@pytest.mark.parametrize("cores", [1, 2, 8, 40])
def test_figures_fit_for_any_number_of_cores(cores):
    found = document(cores=cores)
    pictures = drawn(found, document(cores=cores))
    assert set(pictures) == {"waits", "hiccups", "timeline", "wakeups", "hops"}
    assert all(inside(picture) for picture in pictures.values())


def test_every_axis_has_units():
    pictures = drawn(document())
    for name, unit in (("waits", "us"), ("hiccups", "us"), ("timeline", "us"), ("wakeups", "us"),
                       ("hops", "ns")):  # fmt: skip
        words = {one.text for one in pictures[name].iter(f"{SVG}text")}
        assert any(re.fullmatch(rf"\d+ {unit}", word) for word in words), name
    words = {one.text for one in pictures["timeline"].iter(f"{SVG}text")}
    assert "seconds of measurement" in words


def test_core_without_a_hiccup_is_drawn():
    found = document(cores=2)
    quiet = found["jitter"]["cores"][0]
    quiet["gaps"] = {"unit": "ns", "count": 0, "sum": 0, "min": 0, "max": 0, "buckets": []}
    quiet["figures"] = dict.fromkeys(quiet["figures"], 0)
    for run in quiet["runs"]:
        run["slots"] = []
    assert all(inside(picture) for picture in drawn(found).values())
    assert "core 0" in page(found)


def test_profile_without_any_core_still_reads():
    found = document(cores=0)
    found["jitter"]["skipped"] = {"1": "pinned there: lane 7 (1 thread)"}
    found["lanes"] = []
    assert charts.wanted(found) == {}
    assert "core 1 was not measured: pinned there: lane" in page(found)
    assert any("core 1 not measured" in line for line in lines(found))


@pytest.mark.parametrize("cores", [1, 40])
def test_text_fits_on_the_terminal(cores):
    found = document(cores=cores)
    for one in found["jitter"]["cores"]:
        one["causes"] = [{"name": "an interrupt with a long name (LONG)", "count": 9,
                          "per_second": 12345.6}] * 4  # fmt: skip
        one["contaminated"] = ["run 1: other threads ran on the core: " + "waited " * 12]
    found["jitter"]["skipped"] = {"7": "pinned there: " + "python 8204 (3 threads), " * 9}
    found["host"]["cpu"] = "A Processor With A Name As Long As They Are (R) CPU @ 2.00GHz"
    found["comparison"] = compare(document(cores=cores), found)
    assert max(map(len, lines(found))) <= 100, max(lines(found), key=len)


def test_hop_that_no_order_took_has_no_figures():
    found = document()
    hop = found["lanes"][0]["hops"][-1]
    hop.update(count=0, p50_ns=0, p99_ns=0, p999_ns=0, max_ns=0)
    text = next(line for line in lines(found) if "stale-out" in line)
    assert text.split() == ["stale-out", "0", "-", "-", "-", "-"]
    assert "<td>0.00</td>" not in page(found)


def test_names_in_the_page_are_escaped():
    found = document()
    found["lanes"][0]["name"] = "<script>alert(1)</script>"
    assert "<script" not in page(found)


def test_pillow_is_not_loaded_until_a_plot_is_drawn():
    """The other commands, and the page, do without it."""
    code = "import sys, ops.cli, ops.latency.page; ops.cli.parser(); print('PIL' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_png_holds_what_was_drawn():
    canvas = Png(40, 30, "sample")
    canvas.box(10, 10, 20, 10, "#ff0000")
    assert canvas.image.getpixel((80, 60)) == (255, 0, 0)
    assert canvas.image.getpixel((4, 4)) == (255, 255, 255)


points = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=2, max_size=8)


@given(points)
def test_dashes_are_short_and_start_where_the_path_does(path):
    pieces = dashes([(float(x), float(y)) for x, y in path])
    assert pieces[0][0] == path[0]
    for piece in pieces:
        ends = pairwise(piece)
        length = sum(((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5 for (x1, y1), (x2, y2) in ends)
        assert length <= DASH + 1e-6
