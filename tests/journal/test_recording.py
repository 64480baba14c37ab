"""A RUN: what stands in its files after any accident is good, and the next writer goes on."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime._shm import ffi, lib
from runtime.journal import archive, chain, recording
from runtime.journal.archiver import NO_ARCHIVER, Archiver, Rules
from runtime.journal.audit import verify
from runtime.journal.retention import pack
from runtime.journal.tailer import Hole

from .rings import SEGMENT, RingLane

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def ring():
    made = RingLane("run")
    yield made
    made.remove()


def frames_of(run):
    """The numbers that the frames of a lane epoch carry, and everything that is no record."""
    found, other = [], []
    for item in run.read():
        if hasattr(item, "payload"):
            if item.kind == lib.HP_RECORD_FRAME:
                found.append(int(item.payload))
        else:
            other.append(item)
    return found, other


def copy(ring, directory):
    archiver = Archiver(ring.deployment, directory)
    archiver.look()
    archiver.copy()
    archiver.close()


def test_files_are_the_segments_of_the_ring(ring, tmp_path):
    recording.open_run(tmp_path / "run", ring.deployment)
    ring.frames(150)
    copy(ring, tmp_path / "run")
    (run,) = recording.lanes(tmp_path / "run")
    assert (run.lane, run.epoch, len(run.paths)) == (0, 7, 3)
    assert frames_of(run) == (list(range(150)), [])


def test_segments_that_are_packed_or_removed_while_somebody_reads(ring, tmp_path, monkeypatch):
    """A keeper packs closed segments beside every reader of a living archive."""
    directory = tmp_path / "run"
    ring.frames(150)
    copy(ring, directory)
    folder = recording.epoch_folder(directory, 0, 7)
    (run,) = recording.lanes(directory)
    pack(run.paths[0], 1)
    assert frames_of(run) == (list(range(150)), [])

    plain, glob = run.paths[1], Path.glob

    def packed_between_two_looks(self, pattern):
        found = list(glob(self, pattern))
        if plain.exists():
            pack(plain, 1)
        return found

    monkeypatch.setattr(Path, "glob", packed_between_two_looks)
    listed = recording.LaneRun(folder)
    assert not plain.exists()
    monkeypatch.undo()
    assert frames_of(listed) == (list(range(150)), [])

    recording.segment_paths(folder)[0].unlink()  # retention, after both had listed it
    found, other = frames_of(listed)
    assert found == list(range(found[0], 150)) and found[0] > 0
    assert [type(item) for item in other] == [Hole]


def copy_and_die(ring, directory):
    """Copy without a last head, as an archiver that is killed."""
    archiver = Archiver(ring.deployment, directory, Rules(block_bytes=8192, head_ms=10**9))
    archiver.look()
    archiver.copy()
    (held,) = archiver.rings.values()
    held.sync()
    held.close()
    os.close(archiver.lock)


class Synced:
    """`os`, and which files were synced, in order."""

    def __init__(self):
        self.names = []

    def __getattr__(self, name):
        return getattr(os, name)

    def fdatasync(self, handle):
        self.names.append(os.path.basename(os.readlink(f"/proc/self/fd/{handle}")))
        os.fdatasync(handle)


def test_blocks_that_a_killed_archiver_left_are_synced_before_they_are_signed(
    ring, tmp_path, monkeypatch
):
    """They stand in the files; whether on the disk too, nobody knows, and the ring is gone."""
    directory = tmp_path / "run"
    ring.frames(90)
    copy_and_die(ring, directory)
    folder = recording.epoch_folder(directory, 0, 7)
    assert len(chain.read(folder)[0]) > 3 and not (folder / chain.HEADS).exists()
    ring.page.remove()
    disk = Synced()
    monkeypatch.setattr(archive, "os", disk)
    archiver = Archiver(ring.deployment, directory)
    archiver.look()
    archiver.finish_former()
    archiver.close()
    assert chain.newest_head(folder)["final"]
    segments = {path.name for path in folder.glob("*.journal")}
    before = disk.names[: disk.names.index("heads")]
    assert len(segments) == 2 and set(before) == {*segments, "chain"}


def test_segment_behind_a_torn_one_is_set_aside_also_where_nothing_was_chained(ring, tmp_path):
    """A cut of power may take the first block's header and the end of the first segment, and leave
    the second one: it would follow a hole."""
    directory = tmp_path / "run"
    ring.frames(90)
    copy_and_die(ring, directory)
    ring.page.remove()
    folder = recording.epoch_folder(directory, 0, 7)
    first, second = sorted(folder.glob("*.journal"))
    (folder / chain.CHAIN).unlink()
    os.truncate(first, first.stat().st_size - 5000)
    archiver = Archiver(ring.deployment, directory)
    archiver.look()
    archiver.finish_former()
    archiver.close()
    assert not second.exists() and second.with_suffix(".torn").exists()
    (run,) = recording.lanes(directory)
    found, other = frames_of(run)
    assert other == [] and found == list(range(len(found))) and found
    assert [one for one in verify(directory).findings if not one.is_note] == []


@pytest.mark.parametrize("harm", ["cut", "flipped", "gone"])
def test_unsigned_block_behind_a_bad_one_is_not_gone_on_from(ring, tmp_path, harm):
    """A cut of power may take bytes of the first segment and leave the second, and all headers."""
    directory = tmp_path / "run"
    ring.frames(90)
    copy_and_die(ring, directory)
    ring.page.remove()
    folder = recording.epoch_folder(directory, 0, 7)
    first, _ = sorted(folder.glob("*.journal"))
    data = bytearray(first.read_bytes())
    if harm == "gone":
        first.unlink()
    elif harm == "cut":
        os.truncate(first, len(data) - 5000)
    else:
        data[20_000] ^= 1
        first.write_bytes(data)
    archiver = Archiver(ring.deployment, directory)
    archiver.look()
    archiver.finish_former()
    archiver.close()
    assert [one for one in verify(directory).findings if not one.is_note] == []
    for run in recording.lanes(directory):
        found, other = frames_of(run)
        if harm == "gone":  # nothing is known of it: a beginning that is missing is told
            assert [type(one) for one in other] == [Hole] and other[0].first == 1
        else:
            assert other == [] and found == list(range(len(found)))


@pytest.mark.parametrize("size", [0, 40, 4096])
def test_epoch_whose_archiver_died_before_its_first_bytes_hides_no_other(ring, tmp_path, size):
    """A file that was made and not written, or of which a cut of power has left zeros: the lane's
    ring may be gone before anybody goes on."""
    directory = tmp_path / "run"
    ring.frames(3)
    copy(ring, directory)
    folder = recording.epoch_folder(directory, 0, 8)
    folder.mkdir()
    (folder / f"{0:08d}{recording.SUFFIX}").write_bytes(bytes(size))
    (run,) = recording.lanes(directory)
    assert frames_of(run) == (list(range(3)), [])
    (folder / chain.CHAIN).write_bytes(bytes(160))  # is not on disk before it is signed
    assert len(recording.lanes(directory)) == 1
    (folder / chain.HEADS).write_text("{}\n")  # but bytes that were signed must be there
    with pytest.raises(recording.RecordingError):
        recording.lanes(directory)


@settings(max_examples=30)
@given(data=st.data())
def test_file_cut_anywhere_is_continued_to_the_same_bytes(tmp_path_factory, data):
    """What a killed writer or a cut of power leaves behind the newest head, in the bytes and in the
    chain, is a prefix; junk behind it is cut as well."""
    directory = tmp_path_factory.mktemp("run")
    ring = RingLane("cut")
    try:
        head = ffi.cast("hp_journal_head_t *", ring.page.header + 1)
        ring.frames(90)
        copy_and_die(ring, directory)
        folder = recording.epoch_folder(directory, 0, 7)
        paths = sorted(folder.glob("*.journal"))
        whole = [path.read_bytes() for path in paths]
        headers = (folder / "chain").read_bytes()
        keep = data.draw(st.integers(0, len(paths) - 1))
        for path in paths[keep + 1 :]:
            path.unlink()
        cut = data.draw(st.integers(0, len(whole[keep])))
        junk = data.draw(st.binary(max_size=50))
        paths[keep].write_bytes(whole[keep][:cut] + junk)
        (folder / "chain").write_bytes(headers[: data.draw(st.integers(0, len(headers)))])
        head.archived = data.draw(
            st.sampled_from([NO_ARCHIVER, keep * SEGMENT + cut // 2 // 8 * 8, keep * SEGMENT])
        )
        copy(ring, directory)
        assert [path.read_bytes() for path in sorted(folder.glob("*.journal"))] == whole
        assert verify(directory).findings == []
    finally:
        ring.remove()


def test_records_lost_to_the_writer_are_a_hole_in_the_run(ring, tmp_path):
    ring.frames(600)  # nobody archives yet: the oldest are overwritten
    copy(ring, tmp_path / "run")
    (run,) = recording.lanes(tmp_path / "run")
    found, other = frames_of(run)
    assert found == list(range(found[0], 600))
    assert [type(item) for item in other] == [Hole]
    assert other[0].first == 1


def test_nothing_that_is_not_archived_is_overwritten(ring, tmp_path):
    ring.frames(10)
    copy(ring, tmp_path / "run")
    ring.frames(600)  # market data gives way instead, unseen by the lane
    copy(ring, tmp_path / "run")
    (run,) = recording.lanes(tmp_path / "run")
    found, other = frames_of(run)
    assert other == []
    assert found == list(range(len(found)))
    assert 200 > len(found) > 150


@pytest.mark.parametrize(("segment", "signed"), [(0, True), (1, True), (1, False)])
def test_flipped_bit_is_damage_but_an_end_where_nobody_has_signed(
    ring, tmp_path, segment, signed
):
    recording.open_run(tmp_path / "run", ring.deployment)
    ring.frames(90)
    copy(ring, tmp_path / "run")
    (run,) = recording.lanes(tmp_path / "run")
    data = bytearray(run.paths[segment].read_bytes())
    data[20_000] ^= 1
    run.paths[segment].write_bytes(data)
    if not signed:
        (run.folder / "heads").unlink()
    (run,) = recording.lanes(tmp_path / "run")
    found, other = frames_of(run)
    if segment == 1:
        assert [type(item) for item in other] == [recording.Damage] * signed
        assert found == list(range(len(found)))
        assert 62 < len(found) < 90
    else:
        assert {type(item) for item in other} == {Hole, recording.Damage}
        assert len(found) < 90


def test_run_of_another_deployment_and_foreign_folder_are_refused(ring, tmp_path):
    recording.open_run(tmp_path / "run", "one")
    with pytest.raises(recording.RecordingError, match="RUN of deployment 'one', not 'two'"):
        recording.open_run(tmp_path / "run", "two")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "notes.txt").write_text("mine")
    with pytest.raises(recording.RecordingError, match="neither empty nor a RUN"):
        recording.open_run(tmp_path / "foreign", "one")
    with pytest.raises(recording.RecordingError, match="is no RUN"):
        recording.lanes(tmp_path / "foreign")


class Process:
    """The archiver as its own process."""

    def __init__(self, ring, directory):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "runtime.journal.archiver", "--deployment", ring.deployment,
             "--directory", str(directory)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout.readline() == "archiving\n"

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def end(self):
        self.process.communicate(timeout=60)
        return self.process.returncode


def test_archiver_killed_at_random_times_leaves_a_run_without_a_hole(ring, tmp_path):
    dice = random.Random(5)
    for _ in range(4):
        archiver = Process(ring, tmp_path / "run")
        for _ in range(20):
            ring.frames(dice.randrange(4))
            time.sleep(0.002)
        time.sleep(dice.random() * 0.05)
        archiver.kill()
        for item in recording.lanes(tmp_path / "run")[0].read():
            assert hasattr(item, "payload")
    archiver = Process(ring, tmp_path / "run")
    ring.frames(5)
    assert archiver.end() == 0
    (run,) = recording.lanes(tmp_path / "run")
    assert frames_of(run) == (list(range(ring.count)), [])


def test_ring_of_a_dead_lane_is_copied_to_its_end_though_its_name_goes_to_another(tmp_path):
    """A successor takes over the name; the mapping of the old ring is still read to its end."""
    old = RingLane("next", epoch=7)
    archiver = Archiver(old.deployment, tmp_path / "run")
    recording.open_run(tmp_path / "run", old.deployment)
    old.frames(3)
    archiver.look()
    old.frames(2)
    new = RingLane("next", epoch=8)  # makes the page anew under the same name
    new.frames(4)
    archiver.look()
    archiver.copy()
    archiver.close()
    new.remove()
    runs = recording.lanes(tmp_path / "run")
    assert [(run.epoch, frames_of(run)[0]) for run in runs] == [
        (7, [0, 1, 2, 3, 4]),
        (8, [0, 1, 2, 3]),
    ]


def test_full_disk_is_said_and_the_copy_goes_on_later(ring, tmp_path, monkeypatch, capsys):
    recording.open_run(tmp_path / "run", ring.deployment)
    real = os.write
    full = True

    def write(handle, data):
        if full and len(data) > 100:
            real(handle, bytes(data)[:100])
            raise OSError(28, "No space left on device")
        return real(handle, data)

    archiver = Archiver(ring.deployment, tmp_path / "run")
    ring.frames(5)
    archiver.look()
    monkeypatch.setattr(os, "write", write)
    archiver.copy()
    monkeypatch.undo()
    assert "archive.full" in capsys.readouterr().err
    (held,) = archiver.rings.values()
    assert held.head.archive_state == lib.HP_ARCHIVE_FULL
    full = False
    held.again_ns = archiver.room_ns = 0  # as after half a second
    archiver.copy()
    assert held.head.archive_state == lib.HP_ARCHIVE_COPYING
    (run,) = recording.lanes(tmp_path / "run")
    assert frames_of(run) == (list(range(5)), [])
    archiver.close()
