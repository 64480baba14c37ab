"""Checkpoints against the whole journal: the same bytes, whatever happens to their files."""

import json
import os
import random
import shutil
import signal
import time
from collections import Counter

import pytest

from hotpath.journal.tail import SEGMENT_BYTES
from hotpath.lane.rerun import Steps
from ops.cli import main
from runtime._shm import ffi, lib
from runtime.journal import (
    audit,
    books_state,
    checkpoint,
    fill_keys,
    ledger,
    recording,
    recovery,
    wallet,
)
from runtime.journal.checkpoint import Checkpoint, CheckpointBusy
from runtime.journal.checkpointer import TROUBLES, Checkpointer, trouble_of
from runtime.journal.key import ArchiveKey
from runtime.journal.records import KINDS as KIND_NAMES
from runtime.journal.records import OUTPUTS_FROM
from runtime.journal.recovery import RecoveryStopped, recover
from runtime.journal.rerun import Rerun, rerun
from runtime.journal.retention import FLOOR, Policy, removable, retire
from runtime.supervise.state import state_dir

from .story import TRADER, Story, trade
from .test_ledger import Day, funding, opened


@pytest.fixture(scope="module")
def trader(tmp_path_factory):
    path = tmp_path_factory.mktemp("strategy") / "trader_of_checkpoint.py"
    path.write_text(TRADER)
    return path


def sign(story):
    """Let the archiver sign how far it has come, as it does once a second."""
    for ring in story.archiver.rings.values():
        ring.sync()
        ring.keep_head(ring.writer.head())


def key_of(directory):
    return ArchiveKey.load(state_dir(recording.manifest(directory)["deployment"]))


def take(directory, cause="test", keep=50):
    return recovery.take(directory, key_of(directory), cause, keep)


def whole(directory, until_ns=None):
    """The oracle: everything, read from the beginning."""
    return books_state.pack(recover(directory, until_ns, use=False).reader)


def resumed(directory, only=None):
    return books_state.pack(recover(directory, only=only).reader)


@pytest.fixture(scope="module")
def original(tmp_path_factory, trader):
    """Two lives with checkpoints in both; nothing is removed."""
    directory = tmp_path_factory.mktemp("checkpoint") / "run"
    for epoch in (7, 8):
        real_ns = 1_700_000_000_000_000_000 + epoch * 10**12
        story = Story(directory, trader, epoch=epoch, real_ns=real_ns)
        opened(story)
        for n, event in enumerate(trade(330)):
            story.happen(*event)
            if n % 300 == 150:
                story.lane.report_frame(funding(), socket=lib.HP_SOCKET_USER)
                story.archiver.copy()
                sign(story)
                take(directory)
        story.end() if epoch == 7 else story.kill()
    return directory


@pytest.fixture
def run(original, tmp_path):
    return shutil.copytree(original, tmp_path / "run")


def test_checkpoint_and_tail_are_the_whole_journal_byte_for_byte(original):
    wanted = whole(original)
    numbers = [int(path.name[:8]) for path in checkpoint.files(original)]
    assert len(numbers) > 5
    assert json.loads(wanted)["ledger"]["entered"] > 40
    for number in numbers:
        found = recover(original, only=number)
        assert found.base is not None and found.base.number == number and not found.refused
        assert books_state.pack(found.reader) == wanted
    full, newest = recover(original, use=False), recover(original)
    assert newest.tail_records < full.tail_records / 4


def test_what_is_in_a_checkpoint_is_the_state_of_its_instant(original):
    for path in checkpoint.files(original):
        found = checkpoint.look(original, path)
        assert checkpoint.body(found) == whole(original, found.cut_ns)
        for one in found.head["lanes"]:
            folder = recording.epoch_folder(original, one["lane"], one["epoch"])
            block = recovery.checkpoint.chain.read(folder)[0][one["block"]]
            assert block.first_sequence <= one["sequence"] <= block.last_sequence
            assert block.hash.hex() == one["hash"]


def test_what_a_lane_knew_is_what_the_lane_has_that_is_run_again(original):
    known = recover(original).evidence(0)
    assert known is not None and known[0] == (8, 0)
    rerun = Rerun(recording.lanes(original)[-1], None)
    assert rerun.go().is_equal
    lane = rerun.lane
    theirs = {one["client_id"]: one for one in lane.orders()}
    mine = {int(one.client_id): one for one in known[1].working()}
    assert set(mine) == set(theirs) and mine
    for client_id, order in mine.items():
        for name in ("lots", "filled_lots", "price_ticks", "instrument"):
            assert getattr(order, name) == theirs[client_id][name]
    books = recover(original).ledger.positions
    for number in (1, 2):
        position = lane.position(number)
        book = books["binance_usdm", 0, number, 0]
        assert (book.lots, book.cost_e8) == (position["lots"][0], position["cost_e8"][0])


def outputs_behind(run, sequence):
    """What a lane wrote, by kind, in steps that begin behind a record: read off the journal."""
    steps, found, records_of_steps = Steps(), Counter(), []
    for part in run.segments():
        steps.give(part.data, SEGMENT_BYTES, part.first_sequence)
        while steps.next():
            records_of_steps.append(steps.records())
        part.end, part.next_sequence = steps.offset, steps.sequence
    if steps.finish():
        records_of_steps.append(steps.records())
    for held in records_of_steps:
        if held[0].sequence > sequence:
            found.update(KIND_NAMES[one.kind] for one in held if one.kind >= OUTPUTS_FROM)
    return found


def test_replay_from_a_checkpoint_is_the_whole_replay_from_there_on(original, capsys):
    everything = rerun(original)
    assert [one.epoch for one in everything] == [7, 8] and all(one.is_equal for one in everything)
    for path in checkpoint.files(original):
        found = checkpoint.look(original, path)
        (place,) = found.head["lanes"]
        outcomes = rerun(original, base=found)
        assert [one.epoch for one in outcomes] == [n for n in (7, 8) if n >= place["epoch"]]
        assert all(one.is_equal for one in outcomes)
        for one, run in zip(outcomes[::-1], recording.lanes(original)[::-1], strict=False):
            after = place["sequence"] if run.epoch == place["epoch"] else 0
            assert one.outputs == outputs_behind(run, after)
    assert outcomes[-1].outputs != outputs_behind(recording.lanes(original)[-1], after + 100)
    assert main(["replay", str(original), "--from-checkpoint"]) == 0
    shown = capsys.readouterr().out
    assert "1 lane epochs from checkpoint" in shown and "counted from there" in shown
    assert main(["replay", str(original), "--from-checkpoint", "99999"]) == 2


def test_ledger_is_the_same_with_and_without_checkpoints(original):
    until = checkpoint.look(original, checkpoint.files(original)[2]).cut_ns + 5_000_000
    for at in (None, until):
        mine, theirs = recovery.ledger_of(original, at).ledger, ledger.read(original, at)
        assert mine.lines() == theirs.lines()
        assert mine.entries == theirs.entries[len(theirs.entries) - len(mine.entries) :]
        assert mine.entered == theirs.entered == len(theirs.entries)
        assert mine.problems() == theirs.problems()


STEPS = ("open", "write", "fsync", "rename", "unlink", "ftruncate")


def killed_at(directory, nth):
    """Take a checkpoint in a process that dies before its nth call; say whether it came so far."""
    child = os.fork()
    if child == 0:
        count = 0

        def dying(call):
            def step(*arguments, **more):
                nonlocal count
                if count == nth:
                    os.kill(os.getpid(), signal.SIGKILL)
                count += 1
                return call(*arguments, **more)

            return step

        for name in STEPS:
            setattr(os, name, dying(getattr(os, name)))
        try:
            take(directory, keep=2)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_kill_between_any_two_steps_leaves_a_good_checkpoint(run):
    wanted, nth = whole(run), 0
    while killed_at(run, nth):
        found = recover(run)
        assert found.base is not None and not found.refused
        assert books_state.pack(found.reader) == wanted
        nth += 1
    assert nth > 10
    take(run, keep=2)
    assert len(checkpoint.files(run)) == 2
    assert not list((run / checkpoint.FOLDER).glob("*.new"))
    assert resumed(run) == wanted


def flip(path, at, bit=0):
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(data)


def test_changed_byte_in_a_checkpoint_sends_to_the_one_before(run):
    wanted, dice = whole(run), random.Random(11)
    files = checkpoint.files(run)
    for _ in range(25):
        good = files[0].read_bytes()
        flip(files[0], dice.randrange(len(good)), dice.randrange(8))
        found = recover(run)
        assert found.base.path == files[1]
        assert len(found.refused) == 1 and files[0].name in found.refused[0]
        assert books_state.pack(found.reader) == wanted
        files[0].write_bytes(good)
    for path in files:
        path.write_bytes(path.read_bytes()[:-3])
    found = recover(run)
    assert found.base is None and len(found.refused) == len(files)
    assert books_state.pack(found.reader) == wanted


def test_checkpoint_of_another_layout_or_archive_is_refused_by_name(run, monkeypatch):
    monkeypatch.setattr(checkpoint, "SHAPE", "0123456789abcdef")
    found = recover(run)
    assert found.base is None and "structs of layout" in found.refused[0]
    monkeypatch.undo()
    folder = recording.epoch_folder(run, 0, 8)
    data = (folder / "chain").read_bytes()
    newest = checkpoint.look(run, checkpoint.files(run)[0])
    block = newest.head["lanes"][0]["block"]
    (folder / "chain").write_bytes(data[: 160 * block])
    found = recover(run)
    assert "is not in the archive as it was" in found.refused[0]
    assert found.base is not None and found.base.number < newest.number


def test_checkpoint_of_the_format_before_is_converted(original):
    """Format 1 held every entry, and keys of fills only where no entry had them."""
    whole_ledger = ledger.read(original)
    state = json.loads(whole(original))
    found = state["ledger"]
    for name in ("entered", "told_lots", "seen", "newest"):
        del found[name]
    found["entries"] = [list(one) for one in whole_ledger.entries]
    found["in_base"] = [["binance_usdm", 0, 1, 10**9, 1]]
    old = {"open_e8": 1, "first": None, "last": None}
    found["wallets"] = [[*row[:-1], 7, old] for row in found["wallets"]]
    for row in (*found["positions"], *found["strategies"]):
        del row[-1]["venue_pnl_e8"], row[-1]["is_moved"]
    for source in found["lanes"]:
        del source["balances_ns"]
    reader = books_state.unpack(json.dumps(state).encode(), 1)
    assert reader.finish().lines() == whole_ledger.lines()
    assert reader.ledger.entered == len(whole_ledger.entries)
    assert reader.ledger.problems() == whole_ledger.problems()
    account = ("binance_usdm", 0)
    assert reader.ledger.seen.knows(account, (1, 10**9, 1))
    for one in whole_ledger.entries:
        if one.kind == "fill":
            assert reader.ledger.seen.knows(account, (one.instrument, one.trade_id, one.side))


def test_checkpoint_does_not_grow_with_fills(tmp_path, trader, monkeypatch):
    """Bounds are far below the number of fills here, and the state is still the whole journal's."""
    monkeypatch.setattr(fill_keys, "KEPT", 128)
    monkeypatch.setattr(wallet, "MOVES_KEPT", 128)
    story = Day(tmp_path / "run", trader)
    opened(story)
    dice, sizes, entered = random.Random(5), [], []
    for n in range(1, 2401):
        story.fill(dice)
        story.lane.turn(2_000_000)
        if n % 800 == 0:
            sign(story)
            made, found = take(story.directory)
            sizes.append(len(checkpoint.body(made)))
            entered.append(found.ledger.entered)
    story.end()
    assert entered == [800, 1600, 2400]
    assert sizes[2] < sizes[0] * 1.1
    assert resumed(story.directory) == whole(story.directory)
    assert ledger.read(story.directory).problems() == []


def test_keys_of_fills_are_bounded_and_forget_nothing_that_could_come_again():
    keys, dice = fill_keys.FillKeys(), random.Random(3)
    account, told = ("venue", 0), 0
    for trade_id in range(1, 3 * fill_keys.KEPT):
        assert keys.take(account, (1 + trade_id % 3, trade_id, 1))
        again = max(1, trade_id - dice.randrange(2 * fill_keys.KEPT))  # any age
        told += keys.take(account, (1 + again % 3, again, 1))
    assert told == 0 and len(keys.kept[account]) == fill_keys.KEPT
    assert fill_keys.KEPT >= 2 * 8192  # HP_STAGED_FILLS of hotpath/lane/adopt.h
    back = fill_keys.FillKeys.of_rows(json.loads(json.dumps(keys.as_rows())))
    assert (back.kept, back.cuts) == (keys.kept, keys.cuts)
    assert list(back.kept[account]) == list(keys.kept[account])


def test_torn_tail_is_left_out_and_said(run):
    wanted = whole(run)
    path = recording.lanes(run)[-1].paths[-1]
    with path.open("ab") as file:
        file.write(b"\x40\x00\x00\x00torn")
    found = recover(run)
    assert books_state.pack(found.reader) == wanted
    assert len(found.torn) == 1 and "8 torn bytes" in found.torn[0]


def test_end_that_an_archiver_completes_and_signs_meanwhile_is_torn_and_no_damage(
    run, monkeypatch
):
    path = recording.lanes(run)[-1].paths[-1]
    whole_bytes = path.read_bytes()
    heads = path.parent / "heads"
    signed = heads.read_bytes()
    path.write_bytes(whole_bytes[:-20])  # as it is while a block is being written
    heads.write_bytes(b"".join(signed.splitlines(keepends=True)[:-1]))
    read = ledger.Reader.read

    def read_and_sign(self, *arguments):
        read(self, *arguments)
        path.write_bytes(whole_bytes)
        heads.write_bytes(signed)

    monkeypatch.setattr(ledger.Reader, "read", read_and_sign)
    found = recover(run)
    assert len(found.torn) == 1 and "torn bytes" in found.torn[0]


def test_what_is_archived_of_a_former_life_after_a_checkpoint_is_not_left_out(run):
    """Its archiver was behind (a full disk, a failed sync) while the next life was archived."""
    for path in checkpoint.files(run):
        path.unlink()
    heads = recording.epoch_folder(run, 0, 7) / "heads"
    signed = heads.read_bytes()
    assert b'"final": true' in signed
    heads.write_bytes(b"".join(signed.splitlines(keepends=True)[:2]))
    made, _ = take(run)
    heads.write_bytes(signed)
    assert [one["epoch"] for one in made.head["lanes"]] == [7]
    assert resumed(run, only=made.number) == whole(run)
    made, _ = take(run)
    assert [one["epoch"] for one in made.head["lanes"]] == [8]
    assert resumed(run, only=made.number) == whole(run)


def test_checkpoint_waits_for_a_former_life_of_which_nothing_is_archived_yet(run, monkeypatch):
    """The disk was full as the archiver began with it, and not for the life behind it."""
    monkeypatch.setattr(recovery, "WAIT_S", 0)
    wanted = whole(run)
    for path in checkpoint.files(run):
        path.unlink()
    folder = recording.epoch_folder(run, 0, 7)
    folder.rename(run / "aside")
    folder.mkdir()
    recording.segment_path(folder, 0).touch()
    with pytest.raises(CheckpointBusy, match="lane 0 epoch 7"):
        take(run)
    shutil.rmtree(folder)
    (run / "aside").rename(folder)
    made, _ = take(run)
    assert [one["epoch"] for one in made.head["lanes"]] == [8]
    assert resumed(run, only=made.number) == whole(run) == wanted


@pytest.mark.parametrize("nth", [0, -1])
def test_damage_behind_a_checkpoint_stops_with_the_remedy(run, nth):
    """The first and the newest segment of a life: under a signed head neither can be torn."""
    path = recording.lanes(run)[-1].paths[nth]
    flip(path, 5000)
    only = int(checkpoint.files(run)[-1].name[:8])
    with pytest.raises(RecoveryStopped, match="begins no record") as stopped:
        recover(run, only=only)
    assert f"corelane ledger repair {run}" in str(stopped.value)
    with pytest.raises(RecoveryStopped):
        take(run) if nth else recover(run, use=False)
    assert recovery.ledger_of(run).ledger.problems()
    audit.repair(run, key_of(run), recording.manifest(run)["deployment"])
    after = recover(run)
    assert after.base is not None  # it holds what it was made of, which is kept aside
    take(run)


def boundary(path, share):
    """The offset of a record's beginning, at about that share of a segment's records."""
    data, offsets = path.read_bytes(), [SEGMENT_BYTES]
    head = recording.segment(data)
    while offsets[-1] + 40 < len(data):
        at = offsets[-1]
        offsets.append(at + ((40 + int.from_bytes(data[at : at + 4], "little") + 7) & ~7))
    assert recording.scan(data, SEGMENT_BYTES, head.first_sequence)[1] == offsets[-1]
    return offsets[int(len(offsets) * share)]


@pytest.mark.parametrize("harm", ["flipped", "cut within", "cut between", "gone"])
def test_newest_records_that_were_signed_and_are_bad_or_missing_are_said_by_all(run, capsys, harm):
    """Bytes under a signed head cannot be torn: who would show less of them says so and fails."""
    path = recording.lanes(run)[-1].paths[-1]
    at = boundary(path, 0.8)
    if harm == "flipped":
        flip(path, at + 41)
    elif harm == "gone":
        path.unlink()
    else:
        os.truncate(path, at + (20 if harm == "cut within" else 0))
    for file in checkpoint.files(run):
        file.unlink()
    with pytest.raises(RecoveryStopped, match="corelane ledger repair"):
        recover(run)
    assert "damage" in {one.what for one in ledger.read(run).problems()}
    assert "damage" in {one.what for one in recovery.ledger_of(run).ledger.problems()}
    for part in ("show", "check", "entries"):
        assert main(["ledger", part, str(run)]) == 1
        out = capsys.readouterr()
        assert "damage" in out.out + out.err, part
    assert main(["replay", str(run)]) == 1


def test_life_whose_segments_are_all_gone_is_not_passed_over(run, capsys):
    for path in recording.lanes(run)[-1].paths:
        path.unlink()
    assert main(["ledger", "show", str(run)]) != 0
    assert "holds no segment, and a signed head tells of some" in capsys.readouterr().err


def test_retention_keeps_what_the_oldest_checkpoint_needs(run):
    key = key_of(run)
    before = recover(run).ledger
    take(run, keep=3)
    said = json.loads((run / "lane-0" / FLOOR).read_text())
    oldest = checkpoint.look(run, checkpoint.files(run)[-1])
    assert (said["epoch"], said["segment"]) == (8, oldest.head["lanes"][0]["segment"])
    gone = removable(run, Policy(keep_bytes=1), 0)
    assert gone and all((one.epoch, one.number) < (8, said["segment"]) for one in gone)
    for one in gone:
        retire(one, key, 1)
    for path in checkpoint.files(run):
        found = recover(run, only=int(path.name[:8]))
        assert found.base is not None and found.ledger.lines() == before.lines()
        assert found.ledger.problems() == before.problems()
    assert "hole" in {one.what for one in ledger.read(run).problems()}  # the beginning is gone


def test_entries_of_what_is_removed_stay_in_the_sums(run):
    whole_ledger = ledger.read(run)
    take(run, keep=3)
    for one in removable(run, Policy(keep_bytes=1), 0):
        retire(one, key_of(run), 1)
    found = recovery.entries_of(run)
    assert 0 < len(found.entries) < len(whole_ledger.entries) == found.entered
    assert found.entries == whole_ledger.entries[-len(found.entries) :]
    assert found.lines() == whole_ledger.lines()
    assert found.problems() == whole_ledger.problems()
    assert isinstance(next(iter(checkpoint.good(run))), Checkpoint)


def test_successor_takes_over_what_a_lost_host_knew(run):
    """The ring is gone with the host; times of orders are those of this boot."""
    found = recovery.evidence_of(run, 0)
    assert found is not None
    knew, how = found
    assert how.base is not None and knew.epoch == 8
    own = recover(run).evidence(0)[1]
    assert {int(one.client_id) for one in knew.working()} == {
        int(one.client_id) for one in own.working()
    }
    for client_id, order in knew.orders.items():
        if own.orders[client_id].deadline_ns:
            assert order.deadline_ns != own.orders[client_id].deadline_ns
    assert {n: bytes(ffi.buffer(b)) for n, b in knew.bases.items()} == {
        n: bytes(ffi.buffer(b)) for n, b in own.bases.items()
    }


def test_command_takes_lists_and_restores(run, capsys):
    assert main(["checkpoint", "restore", str(run), "--check", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["equal_to_whole"] is True and found["base"] == 6 and found["taken"] == 7
    assert found["lanes"][0]["epoch"] == 8 and found["positions"]
    flip(checkpoint.files(run)[0], 2000)
    assert main(["checkpoint", "list", str(run), "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [row["good"] for row in rows] == [False] + [True] * (len(rows) - 1)
    assert main(["checkpoint", "take", str(run), "--keep", "2"]) == 0
    assert "not good: 00000007.checkpoint" in capsys.readouterr().out
    assert main(["checkpoint", "list", str(run)]) == 0
    assert len(checkpoint.files(run)) == 2


def test_command_says_where_damage_is(run, capsys):
    for path in checkpoint.files(run):
        path.unlink()
    flip(recording.lanes(run)[-1].paths[0], 5000)
    assert main(["checkpoint", "restore", str(run), "--dry"]) == 1
    assert f"corelane ledger repair {run}" in capsys.readouterr().err
    assert main(["checkpoint", "list", str(run.parent)]) == 2


def test_trouble_asks_for_a_checkpoint_now_and_then(tmp_path):
    one = Checkpointer(tmp_path, 60, 5, lambda text: None)
    for kind, cause in TROUBLES.items():
        assert trouble_of(1 << kind | 1 << lib.HP_RECORD_FRAME) == cause
    assert trouble_of(1 << lib.HP_RECORD_FRAME) == ""
    one.trouble("gap")
    one.trouble("halt")  # too soon behind the one before
    one.want("drain")
    one.want("drain")
    assert one.asked == ["gap", "drain"]
    off = Checkpointer(tmp_path, 0, 5, lambda text: None)
    off.want("drain")
    assert off.asked == [] and not off.may_trouble()


def test_order_without_an_answer_or_a_stop_asks_for_a_checkpoint(tmp_path, trader):
    story = Story(tmp_path / "run", trader)
    story.archiver.checkpointer.period_s = 60
    opened(story)
    for event in trade(40):
        story.happen(*event)
    wanted = story.archiver.checkpointer
    wanted.asked, wanted.trouble_at = [], -10**9
    assert story.lane.orders()
    story.happen("answer", 0, 6)  # neither taken nor refused
    assert wanted.asked == ["unknown_order"]
    wanted.asked, wanted.trouble_at = [], -10**9
    story.lane.words(lib.HP_WORD_FREEZE)  # somebody stops the lane: a person, or the sentinel
    story.archiver.copy()
    story.kill()
    assert wanted.asked == ["stopped"]


def test_background_takes_one_aside_and_says_so(run):
    said = []
    one = Checkpointer(run, 3600, 50, said.append)
    one.start()
    one.want("test")
    until = time.monotonic() + 120
    while not said and time.monotonic() < until:
        time.sleep(0.01)
    one.stop()
    assert said and said[0].startswith("checkpoint.taken number=7 cause=test"), said
    assert (one.figures.taken, one.figures.failed) == (1, 0)
    assert checkpoint.look(run, checkpoint.files(run)[0]).cut_ns == one.figures.cut_ns
    one.figures.put(head := ffi.new("hp_journal_head_t *"))
    assert (head.checkpoints, head.checkpoint_bytes) == (1, checkpoint.files(run)[0].stat().st_size)

