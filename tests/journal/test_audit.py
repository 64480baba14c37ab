"""An archive that was changed anywhere is found out, by the appliance and by the second opinion."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops import verify_archive
from runtime.journal import audit, chain, recording, retention
from runtime.journal import key as archive_key
from runtime.journal.archiver import Archiver, Rules, kept_heads
from runtime.supervise import state

from .rings import RingLane

ROOT = Path(__file__).resolve().parents[2]


def archive(directory, frames=200, epochs=1):
    """Make a RUN; return its deployment."""
    for epoch in range(epochs):
        ring = RingLane("audit", epoch=7 + epoch)
        archiver = Archiver(ring.deployment, directory, Rules(block_bytes=8192))
        archiver.look()
        for _ in range(frames // 50):
            ring.frames(50, size=500)
            archiver.copy()
        for held in archiver.rings.values():
            held.sync()
        archiver.close()
        ring.remove()
    archiver = Archiver(ring.deployment, directory)
    archiver.finish_former()
    archiver.close()
    return ring.deployment


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    directory = tmp_path_factory.mktemp("original") / "run"
    archive(directory, epochs=2)
    return directory


@pytest.fixture
def run(original, tmp_path):
    return shutil.copytree(original, tmp_path / "run")


def opinions(directory, *more):
    """(is good by us, is good by the second opinion)."""
    return audit.verify(directory).is_good, verify_archive.main([str(directory), *more]) == 0


def test_what_the_archiver_wrote_is_good(run):
    report = audit.verify(run)
    assert report.findings == []
    assert (report.epochs, report.signed_blocks) == (2, report.blocks)
    assert report.blocks > 20
    assert opinions(run) == (True, True)


def test_changed_byte_behind_the_newest_head_is_no_half_written_line(original, tmp_path):
    """A killed archiver leaves a beginning of a line; one whole but for its end of line is none."""
    run = shutil.copytree(original, tmp_path / "run")
    (path,) = sorted(run.rglob("heads"))[-1:]
    lines = path.read_bytes()
    for cut in (-1, -2, -100):
        path.write_bytes(lines[:cut])
        assert opinions(run) == (True, True)
    path.write_bytes(lines[:-1] + b"\x0b")
    assert opinions(run) == (False, False)


@settings(max_examples=60)
@given(data=st.data())
def test_every_changed_byte_is_found_and_located(original, tmp_path_factory, data):
    run = shutil.copytree(original, tmp_path_factory.mktemp("changed") / "run")
    files = (p for p in sorted(run.rglob("*")) if p.is_file())
    paths = [p for p in files if p.name not in ("lock", "run.json")]
    path = data.draw(st.sampled_from(paths))
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    report = audit.verify(run)
    if path.suffix == ".json" and report.is_good:  # white space, or a field that nobody reads
        return
    assert not report.is_good
    assert verify_archive.main([str(run)]) == 1
    if path.suffix == ".journal":
        (fault,) = report.faults
        assert fault.where.endswith(path.name)
        assert fault.first_byte <= at <= fault.last_byte
        is_length = at - fault.first_byte < 4  # then nobody knows where the record ended
        assert is_length or fault.last_byte - fault.first_byte < 1000
    elif path.name == "chain":
        blocks = {one.block for one in report.faults if one.block is not None}
        number = at // chain.HEADER_BYTES
        assert blocks & {number, number + 1} or any(one.what == "chain" for one in report.faults)


@pytest.mark.parametrize("cut", ["bytes", "chain", "segment", "heads"])
def test_what_was_cut_off_is_missed(run, cut, capsys):
    folder = recording.epoch_folder(run, 0, 8)
    last = sorted(folder.glob("*.journal"))[-1]
    match cut:
        case "bytes":
            last.write_bytes(last.read_bytes()[:-100])
        case "chain":
            path = folder / "chain"
            path.write_bytes(path.read_bytes()[: -chain.HEADER_BYTES])
        case "segment":
            last.unlink()
        case "heads":
            (folder / "heads").write_bytes(b"")
    report = audit.verify(run)
    if cut == "heads":
        assert report.is_good and "unsigned" in {one.what for one in report.findings}
        return
    assert not report.is_good
    assert verify_archive.main([str(run)]) == 1


def test_end_that_was_cut_off_together_with_its_heads_is_missed_by_a_kept_head(run, tmp_path):
    """Only what stands elsewhere can tell: state_dir keeps the newest head."""
    deployment = recording.manifest(run)["deployment"]
    kept = kept_heads(state.state_path(deployment))
    folder = recording.epoch_folder(run, 0, 8)
    blocks, _ = chain.read(folder)
    cut = blocks[-4]
    last = recording.segment_path(folder, cut.segment)
    for path in folder.glob("*.journal"):
        if path.name > last.name:
            path.unlink()
    last.write_bytes(last.read_bytes()[: cut.offset])
    (folder / "chain").write_bytes(b"".join(b.pack() for b in blocks[:-4]))
    heads, _ = chain.read_heads(folder)
    left = [one for one in heads if one["index"] < len(blocks) - 4]
    (folder / "heads").write_text("".join(json.dumps(one, sort_keys=True) + "\n" for one in left))
    assert audit.verify(run).is_good
    assert not audit.verify(run, heads=kept).is_good
    (tmp_path / "head.json").write_text(json.dumps(kept[0]))
    assert verify_archive.main([str(run), "--head", str(tmp_path / "head.json")]) == 1


def test_archive_that_another_key_signed_anew_is_not_trusted(original, tmp_path, monkeypatch):
    ours = archive_key.known_ids(state.state_path(recording.manifest(original)["deployment"]))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    archive(tmp_path / "forged")
    assert audit.verify(tmp_path / "forged").is_good
    report = audit.verify(tmp_path / "forged", ours)
    assert [one.what for one in report.faults] == ["key"]
    assert verify_archive.main([str(tmp_path / "forged"), "--key", ours.pop()]) == 1


def test_rotated_key_is_trusted_through_the_one_before(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    deployment = archive(tmp_path / "run")
    home = state.state_dir(deployment)
    first = archive_key.ArchiveKey.load(home)
    second = first.rotate(home)
    assert archive_key.ArchiveKey.load(home).id == second.id
    assert archive_key.known_ids(home) == {first.id, second.id}
    archiver = Archiver(deployment, tmp_path / "run")
    archiver.close()
    folder = recording.epoch_folder(tmp_path / "run", 0, 7)
    blocks, _ = chain.read(folder)
    head = second.sign(chain.head_of(blocks[-1], deployment))
    with (folder / "heads").open("a") as file:
        file.write(json.dumps(head) + "\n")
    assert audit.verify(tmp_path / "run", {first.id}).is_good
    assert verify_archive.main([str(tmp_path / "run"), "--key", first.id]) == 0


def test_key_is_private_and_one_that_others_may_read_is_refused(tmp_path):
    key = archive_key.ArchiveKey.load(tmp_path)
    path = tmp_path / "archive.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert archive_key.ArchiveKey.load(tmp_path).id == key.id
    path.chmod(0o640)
    with pytest.raises(archive_key.ArchiveKeyError, match="want 0600"):
        archive_key.ArchiveKey.load(tmp_path)


def test_repair_moves_aside_and_keeps_all_that_is_good(run):
    path = sorted(recording.epoch_folder(run, 0, 7).glob("*.journal"))[0]
    data = bytearray(path.read_bytes())
    data[30_000] ^= 4
    path.write_bytes(data)
    before = {p.name: p.read_bytes() for p in path.parent.iterdir()}
    assert not audit.verify(run).is_good
    deployment = recording.manifest(run)["deployment"]
    key = archive_key.ArchiveKey.load(state.state_dir(deployment))
    (said,) = audit.repair(run, key, deployment)
    assert "1 faults" in said
    (aside,) = (run / "lane-0").glob("damaged-*")
    assert {p.name: p.read_bytes() for p in aside.iterdir()} == before
    assert opinions(run) == (True, True)
    items = list(recording.lanes(run)[0].read())
    holes = [item for item in items if not hasattr(item, "payload")]
    assert len(holes) == 1  # from the changed record to the end of its segment
    assert audit.repair(run, key, deployment) == []


def test_packed_and_retired_segments_verify_and_read_as_before(run, capsys):
    deployment = recording.manifest(run)["deployment"]
    key = archive_key.ArchiveKey.load(state.state_dir(deployment))
    whole = [item.payload for one in recording.lanes(run) for item in one.read()]
    keeper = retention.Keeper(run, retention.Policy(), key, print)
    keeper.work()
    assert len(list(run.rglob("*.zst"))) >= 2
    assert [item.payload for one in recording.lanes(run) for item in one.read()] == whole
    assert opinions(run) == (True, True)
    retention.Keeper(run, retention.Policy(keep_bytes=1), key, print).work()
    left = [path.name for path in sorted(run.rglob("*.journal*"))]
    assert len(left) == retention.KEPT_SEGMENTS
    report = audit.verify(run)
    assert report.is_good and report.retired_segments > 0
    assert verify_archive.main([str(run)]) == 0
    folder = recording.epoch_folder(run, 0, 7)
    (folder / "retired").write_text("")
    assert opinions(run) == (False, False)


def test_floor_of_a_checkpoint_is_kept(run):
    (run / "lane-0" / retention.FLOOR).write_text(json.dumps({"epoch": 7, "segment": 1}))
    gone = retention.removable(run, retention.Policy(keep_bytes=1), 2**62)
    assert [(one.epoch, one.number) for one in gone] == [(7, 0)]


def test_second_opinion_runs_alone(run, tmp_path):
    """One file, moved away from everything of ours."""
    alone = shutil.copy(ROOT / "ops" / "verify_archive.py", tmp_path / "verify.py")
    text = Path(alone).read_text()
    assert "runtime" not in text and "hotpath" not in text
    done = subprocess.run(
        [sys.executable, "-I", str(alone), str(run)], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.split(":")[0]) == (0, "good")
