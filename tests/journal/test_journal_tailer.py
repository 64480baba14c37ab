"""The tailer over a lane's ring page, as another process sees it."""

import os

import pytest

from hotpath.lane.manual import ManualLane
from runtime import journal
from runtime._shm import lib
from runtime.pages import LANE_BYTES, Page, PageError
from venues.binance.usdm.codec import Codec

SEGMENT = 65536


@pytest.fixture
def ring():
    """A lane by hand whose ring is a page: (deployment, lane)."""
    deployment = f"tail{os.getpid()}"
    page = Page.make(
        deployment, "journal.0", "hp_page_t", lib.HP_PAGE_JOURNAL, 4096 + 4 * SEGMENT, 7
    )
    lane = ManualLane(
        Codec(), bytearray(LANE_BYTES), epoch=7, journal=page.map, segment_bytes=SEGMENT,
        segment_count=4,
    )  # fmt: skip
    yield deployment, lane
    page.remove()


def frames(lane, count, size=1000):
    for n in range(count):
        lane.frame(b"%d" % n + b" " * size)


def test_tailer_follows_a_ring_by_name_and_reads_each_record_once(ring):
    deployment, lane = ring
    assert [path.name for path in journal.rings(deployment)] == [f"corelane.{deployment}.journal.0"]
    frames(lane, 3)
    tailer = journal.Tailer.open(deployment)
    assert [r.kind for r in tailer.read()] == [lib.HP_RECORD_CLOCK] + [lib.HP_RECORD_FRAME] * 3
    assert list(tailer.read()) == []
    frames(lane, 2)
    assert [int(r.payload) for r in tailer.read(kinds={lib.HP_RECORD_FRAME})] == [0, 1]
    assert (tailer.epoch, tailer.behind_bytes, tailer.holes) == (7, 0, [])


def test_tailer_that_was_overtaken_tells_which_records_are_missing(ring):
    deployment, lane = ring
    tailer = journal.Tailer.open(deployment)
    list(tailer.read())
    frames(lane, 600)
    found = list(tailer.read())
    assert [tuple(hole) for hole in tailer.holes] == [(2, found[0].sequence - 2)]
    assert [r.sequence for r in found] == list(range(found[0].sequence, found[-1].sequence + 1))


def test_tailer_reads_on_when_the_ring_has_lost_its_name(ring):
    deployment, lane = ring
    tailer = journal.Tailer.open(deployment)
    journal.rings(deployment)[0].unlink()
    frames(lane, 2)
    assert len(list(tailer.read(kinds={lib.HP_RECORD_FRAME}))) == 2
    with pytest.raises(PageError, match="is deployment"):
        journal.Tailer.open(deployment)


def test_tailer_knows_whether_the_writer_lives(ring):
    deployment, _ = ring
    tailer = journal.Tailer.open(deployment)
    assert tailer.is_writer_alive
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    Page.open(deployment, "journal.0", "hp_page_t", writable=True).header.writer_pid = child
    assert not tailer.is_writer_alive
