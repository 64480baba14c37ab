"""The tailer over a lane's ring page, as another process sees it."""

import os

import pytest

from runtime._shm import lib
from runtime.journal import tailer as journal
from runtime.pages.page import Page, PageError

from .rings import RingLane


@pytest.fixture
def ring():
    made = RingLane("tail")
    yield made
    made.remove()


def test_tailer_follows_a_ring_by_name_and_reads_each_record_once(ring):
    names = [path.name for path in journal.rings(ring.deployment)]
    assert names == [f"corelane.{ring.deployment}.journal.0"]
    ring.frames(3)
    tailer = journal.Tailer.open(ring.deployment)
    assert [r.kind for r in tailer.read()] == [lib.HP_RECORD_CLOCK] + [lib.HP_RECORD_FRAME] * 3
    assert list(tailer.read()) == []
    ring.frames(2)
    assert [int(r.payload) for r in tailer.read(kinds={lib.HP_RECORD_FRAME})] == [3, 4]
    assert (tailer.epoch, tailer.behind_bytes, tailer.holes) == (7, 0, [])


def test_tailer_that_was_overtaken_tells_which_records_are_missing(ring):
    tailer = journal.Tailer.open(ring.deployment)
    list(tailer.read())
    ring.frames(600)
    found = list(tailer.read())
    assert [tuple(hole) for hole in tailer.holes] == [(2, found[0].sequence - 2)]
    assert [r.sequence for r in found] == list(range(found[0].sequence, found[-1].sequence + 1))


def test_tailer_reads_on_when_the_ring_has_lost_its_name(ring):
    tailer = journal.Tailer.open(ring.deployment)
    journal.rings(ring.deployment)[0].unlink()
    ring.frames(2)
    assert len(list(tailer.read(kinds={lib.HP_RECORD_FRAME}))) == 2
    with pytest.raises(PageError, match="is deployment"):
        journal.Tailer.open(ring.deployment)


def test_tailer_knows_whether_the_writer_lives(ring):
    tailer = journal.Tailer.open(ring.deployment)
    assert tailer.is_writer_alive
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    Page.open(ring.deployment, "journal.0", "hp_page_t", writable=True).header.writer_pid = child
    assert not tailer.is_writer_alive
