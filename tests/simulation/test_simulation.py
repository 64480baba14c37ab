"""A share of the seeds; a seed is the same story each time, in any process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.chance import FAULTS, Chance
from tests.simulation.planted import catalogue
from tests.simulation.world import live

ROOT = Path(__file__).resolve().parents[2]
SEEDS = int(os.environ.get("CORELANE_SEEDS", "30"))


def test_every_invariant_holds_in_the_share_of_seeds():
    broken = [(one.seed, one.broken) for one in map(live, range(SEEDS)) if one.broken]
    assert not broken


def test_a_seed_is_the_same_story_twice_and_in_another_process():
    """The trace has every request of a lane, acceptance of the venue and fault, in time."""
    seed = 4  # cuts, half-open connections, a kill of the session, late and lost answers
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
