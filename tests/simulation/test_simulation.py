"""A share of the seeds; a seed is the same story each time, in any process."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.simulation import planted
from tests.simulation.__main__ import judged
from tests.simulation.chance import FAULTS, Chance
from tests.simulation.judges.broken import Broken
from tests.simulation.judges.s5_books import HANDED_NS, Books
from tests.simulation.judges.seen import Seen
from tests.simulation.loop import MS, S
from tests.simulation.planted import catalogue
from tests.simulation.shrink import shrink, told
from tests.simulation.world import LIMITS, World, live

ROOT = Path(__file__).resolve().parents[2]
SEEDS = int(os.environ.get("CORELANE_SEEDS", "60"))
SLOWEST = 6  # seeds of the catalogue: those that took longest to come to
BUGS = {bug.name: bug for bug in catalogue()}


def test_every_invariant_holds_in_the_share_of_seeds(capsys):
    """The first seeds, and those that alone showed the bugs that are hardest to see; one of them is
    lived twice."""
    caught = sorted({bug.seed for bug in BUGS.values() if bug.seed >= SEEDS})
    seeds = [*range(SEEDS), *caught[-SLOWEST:]]
    began = time.perf_counter()
    broken = [(one.seed, one.broken) for one in map(judged, seeds) if one.broken]
    rate = 60 * len(seeds) / (time.perf_counter() - began)
    with capsys.disabled():
        print(f"\nsimulation: {len(seeds)} seeds, {rate:.0f} a minute in one process")
    assert not broken


@pytest.mark.parametrize("name", ["no_evidence", "short_write_is_whole", "sentinel_blind"])
def test_planted_bug_breaks_the_seed_that_caught_it(name):
    """The judge can say no: each of these is one changed place of Python, in its own process."""
    command = [sys.executable, "-m", "tests.simulation.planted", name, "--seeds", "1"]
    ran = subprocess.run(
        [*command, "--first", str(BUGS[name].seed)], cwd=ROOT, capture_output=True, text=True
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert re.search(r"^[SL]\d+: ", ran.stdout, re.M)


def test_headers_with_every_planted_bug_are_c(tmp_path, monkeypatch):
    """A text that is still there may have become another part of speech."""
    monkeypatch.setattr(planted, "BUILD", tmp_path)
    planted.write_headers(list(BUGS.values()))
    planted.compile_module("hotpath.lane.lane", "-fsyntax-only")


def test_broken_seed_is_made_short(monkeypatch):
    """Judged by a limit that the lane was not told, a story breaks; and so does its short form."""
    monkeypatch.setattr(World, "limits", {**LIMITS, "open_orders_max": 3})
    short, outcome = shrink(1)
    assert outcome.invariant == "S3" and outcome.broken
    assert set(short.without) == set(outcome.drawn)  # no fault is needed for it
    assert short.orders < 50 and short.command in told(short, outcome)


def test_a_hole_that_a_snapshot_closed_does_not_make_the_next_one_older():
    """Apart, what was decided before a hole leaves a hand-over later: its age is what counts."""
    market = SimpleNamespace(epoch=2, lane=SimpleNamespace(now_ns=S))
    world = SimpleNamespace(
        pair=SimpleNamespace(watchers=lambda: [market]), symbols={1: "A"}, limits={"stale_ms": 900}
    )
    books = Books(Seen(world))

    def frame(first, last, previous):
        text = f'{{"e":"depthUpdate","s":"A","U":{first},"u":{last},"pu":{previous}}}'
        books.on_frame(market, text.encode())

    def places():
        books.on_place(market, {"symbol": "A", "side": "BUY", "newClientOrderId": "x"})

    frame(11, 12, 10)  # torn: it has no snapshot yet
    market.lane.now_ns += 10 * MS
    books.on_snapshot(market, 1, b'{"lastUpdateId":12}')
    places()
    market.lane.now_ns += 2 * HANDED_NS
    frame(15, 16, 14)  # no frame came between the snapshot and this hole
    places()
    market.lane.now_ns += HANDED_NS
    places()
    market.lane.now_ns += 1
    with pytest.raises(Broken, match="has had a hole for 120 ms"):
        places()


def test_a_seed_is_the_same_story_twice_and_in_another_process():
    """The trace has every request of a lane, acceptance of the venue and fault, in time."""
    seed = 47  # two archivers, a leader lease, deaths, checkpoints: whatever could name a process
    first, again = live(seed), live(seed)
    assert first.digest == again.digest and first.steps == again.steps
    program = f"from tests.simulation.world import live; print(live({seed}).digest)"
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    other = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert other.stdout.strip() == first.digest, other.stderr


def test_another_seed_is_another_story():
    assert live(0).digest != live(1).digest


@pytest.mark.parametrize("fault", list(FAULTS))
def test_a_fault_that_is_taken_away_moves_no_other_draw(fault):
    with_all, without = Chance(11), Chance(11, [fault])
    assert fault not in without.strength
    assert with_all.drawn == without.drawn
    assert with_all.of("cut").random() == without.of("cut").random()


@pytest.mark.parametrize("bug", catalogue(), ids=lambda bug: bug.name)
def test_every_planted_bug_still_has_its_place(bug):
    """The text that it replaces stands once in its file; else bugs.toml must follow the code."""
    text = (ROOT / bug.file).read_text()
    assert text.count(bug.was) == 1
    assert bug.becomes != bug.was and bug.says
    if bug.is_compiled:  # an expression or whole statements: it is put beside what it replaces
        assert all(one.count("(") == one.count(")") for one in (bug.was, bug.becomes))
