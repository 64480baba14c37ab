"""What became of an order, also of a life that is over: rings kept by epoch, and a RUN."""

import contextlib

import pytest

from hotpath.journal.tail import Record
from runtime._shm import lib
from runtime.journal.recording import LaneRun, RecordingError, lanes
from runtime.show import why
from runtime.show.snapshot import Snapshot

from .story import TRADER, Story, trade


def tell(tmp_path, epoch):
    path = tmp_path / "trader_of_why.py"
    path.write_text(TRADER)
    story = Story(tmp_path / "run", path, epoch=epoch)
    for what, a, b in trade(400):
        story.happen(what, a, b)
    return story


def first_order(run: LaneRun) -> int:
    found = (one for one in run.read({lib.HP_RECORD_ORDER}) if isinstance(one, Record))
    return int.from_bytes(next(found).payload[:8], "little")


@pytest.fixture
def two_lives(tmp_path):
    """A dead lane's ring, named by its epoch as the supervisor does, beside a living one's."""
    with contextlib.ExitStack() as after:
        dead = tell(tmp_path, 7)
        dead.archiver.close()
        after.callback(dead.page.remove)
        dead.page.rename("journal.0.e00007")
        living = tell(tmp_path, 8)
        after.callback(living.kill)
        yield living.deployment, dead, tmp_path / "run"


def ask(deployment, wanted, directory=None):
    return why.why(deployment, wanted, Snapshot(deployment, 0), directory)


def test_order_of_a_dead_lane_is_found_while_its_ring_is_kept(two_lives):
    deployment, dead, run = two_lives
    old, new = (first_order(one) for one in lanes(run))
    assert old >> 48 == 7 and new >> 48 == 8
    found, said = ask(deployment, old)
    assert found and f"order {old}: " in said[-1]
    assert said[0].startswith("lane-0 intent ")
    dead.page.remove()
    found, said = ask(deployment, old)
    assert not found
    assert "an order of epoch 7, a life whose ring is gone: name the RUN" in said[0]
    assert "reach back: lane-0 epoch 8 " in said[0]


def test_order_whose_ring_is_gone_is_found_in_the_run(two_lives):
    deployment, dead, run = two_lives
    old, new = (first_order(one) for one in lanes(run))
    before = ask(deployment, old)
    dead.page.remove()
    assert ask(deployment, old, run) == before
    # a life that stands in both is told once
    assert ask(deployment, new, run) == ask(deployment, new)


def test_folder_that_is_no_run_is_said(two_lives, tmp_path):
    with pytest.raises(RecordingError, match="is no RUN"):
        ask(two_lives[0], 1, tmp_path / "nothing")
