"""A lane run again from its journal: equal to the last byte, or the first difference shown."""

import itertools
import json
import os
import random
import struct
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotpath.journal.tail import SEGMENT_BYTES, records
from hotpath.lane.rerun import Steps
from ops import rerun as command
from runtime._shm import ffi, lib
from runtime.journal import recording
from runtime.journal.rerun import rerun

from .story import OPEN, TRADER, Story, trade

THINGS = [
    "pass_time", "frame", "frame", "frame", "snapshot", "answer", "answer", "session", "words",
    "send", "socket", "clocks", "report_frame", "opening", "leader", "archive", "archive",
    "market", "market", "signal", "lend", "missed", "refer", "reload",
]  # fmt: skip


@pytest.fixture(scope="module")
def trader(tmp_path_factory):
    path = tmp_path_factory.mktemp("strategy") / "trader_of_story.py"
    path.write_text(TRADER)
    return path


def tell(directory, strategy, events, epoch=7, kill=False, **more):
    story = Story(directory, strategy, epoch, **more)
    for what, a, b in events:
        story.happen(what, a, b)
    story.kill() if kill else story.end()
    return directory


@pytest.fixture
def day(tmp_path, trader):
    """A RUN of two epochs with orders, cancels, fills, gaps, a halt and a kill."""
    tell(tmp_path / "run", trader, trade(700), kill=True)
    return tell(tmp_path / "run", trader, trade(60), epoch=8)


@pytest.mark.parametrize("strategy", [None, ""], ids=["intents fed", "strategies again"])
def test_run_with_everything_in_it_is_equal(day, strategy):
    first, second = rerun(day, strategy)
    for outcome in (first, second):
        assert outcome.is_equal, outcome
    assert (first.epoch, second.epoch) == (7, 8)
    assert set(first.outputs) >= {"intent", "verdict", "request", "order", "fill", "resync"}
    assert first.outputs["request"] > 200
    assert len(recording.lanes(day)[0].paths) > 2  # steps went over the ends of segments
    assert command.run(day, strategy, is_json=False) == 0


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(THINGS), st.integers(0, 40), st.integers(0, 40)), max_size=120
    ),
    st.sampled_from([None, ""]),
)
def test_whatever_happens_to_a_lane_happens_again(tmp_path_factory, trader, events, strategy):
    directory = tell(tmp_path_factory.mktemp("run"), trader, OPEN + events)
    (outcome,) = rerun(directory, strategy)
    assert outcome.is_equal, outcome


def long_story(seed):
    """Six hundred things, mostly trading; refused sends and ends of segments fall everywhere."""
    dice = random.Random(seed)
    things = THINGS + ["frame", "answer"] * 3
    found = [(dice.choice(things), dice.randrange(41), dice.randrange(41)) for _ in range(600)]
    calm = [e if e[0] != "session" or dice.random() < 0.3 else OPEN[0] for e in found]
    return OPEN + calm


def test_long_stories_happen_again(tmp_path, trader):
    """`make stories N=1000` tells more of them."""
    for seed in range(int(os.environ.get("CORELANE_STORIES", "25"))):
        directory = tell(
            tmp_path / str(seed),
            trader,
            long_story(seed),
            kill=seed % 2 == 0,
            durable=seed % 3 == 1,
        )
        for strategy in (None, ""):
            (outcome,) = rerun(directory, strategy)
            assert outcome.is_equal, (seed, strategy, outcome)


@pytest.mark.parametrize("strategy", [None, ""], ids=["intents fed", "strategies again"])
def test_lane_that_could_not_journal_all_it_did_is_run_up_to_there(tmp_path, trader, strategy):
    """Its archiver lagged by a whole ring: that is a hole, not a difference."""
    story = Story(tmp_path / "run", trader, segments=4)
    for what, a, b in trade(20):
        story.happen(what, a, b)
    archiver, story.archiver = story.archiver, None
    head = ffi.cast("hp_journal_head_t *", story.page.header + 1)
    last = None
    while head.sequence != last:
        last = head.sequence
        story.clocks(0, 0)
    story.answer(0, 4)
    story.archiver = archiver
    for one in archiver.rings.values():
        one.copy(0)
        one.sync()
    for what, a, b in trade(20):
        story.happen(what, a, b)
    story.end()
    (outcome,) = rerun(tmp_path / "run", strategy)
    assert outcome.difference is None, outcome.difference
    assert outcome.problem.startswith(f"records {last + 1} to ")


def naive_steps(run):
    """Steps as lists of records: an input, what followed, and the CLOCK that opened a segment."""
    out, waiting = [], []
    for record in run.read():
        if record.kind == lib.HP_RECORD_CLOCK and record.aux == lib.HP_CLOCK_RECORD_OPENING:
            waiting = [record]
            continue
        if record.kind < lib.HP_RECORD_INTENT:
            out.append([])
        out[-1] += [*waiting, record]
        waiting = []
    return out


def test_steps_are_those_of_a_naive_cut(day):
    for run in recording.lanes(day):
        found, steps = [], Steps()
        for part in run.segments():
            steps.give(part.data, SEGMENT_BYTES, part.first_sequence)
            while steps.next():
                found.append(steps.records())
                assert steps.records()[steps.at].kind < lib.HP_RECORD_INTENT
            part.end, part.next_sequence = steps.offset, steps.sequence
            del part
        if steps.finish():
            found.append(steps.records())
        assert found == naive_steps(run)
        assert len(found) > 100


def test_strategy_that_fails_is_halted_again(tmp_path, trader):
    directory = tell(tmp_path / "run", trader, trade(700))
    for strategy in (None, ""):
        (outcome,) = rerun(directory, strategy)
        assert outcome.is_equal
        assert outcome.outputs["halt"] == 1


def test_journal_that_was_killed_inside_a_step_is_equal_up_to_there(tmp_path, trader):
    """Records of one step reach the ring one by one: a kill may cut between intent and request."""
    directory = tell(tmp_path / "run", trader, trade(20))
    path = recording.lanes(directory)[0].paths[0]
    data = path.read_bytes()
    found = records(data, SEGMENT_BYTES)
    last = max(
        n
        for n, (one, after) in enumerate(itertools.pairwise(found))
        if (one.kind, after.kind) == (lib.HP_RECORD_VERDICT, lib.HP_RECORD_REQUEST)
    )
    at = SEGMENT_BYTES + sum((40 + len(r.payload) + 7) & ~7 for r in found[: last + 1])
    path.write_bytes(data[:at])
    (path.parent / "heads").unlink()  # nobody has signed further
    for strategy in (None, ""):
        (outcome,) = rerun(directory, strategy)
        assert (outcome.is_equal, outcome.is_cut) == (True, True)


def rewrite(path, sequence, change):
    """Change a record's payload and make its CRC good again, as one who tampers would."""
    data = bytearray(path.read_bytes())
    at = SEGMENT_BYTES
    while True:
        length, _, _, _, number = struct.unpack_from("<IHBBQ", data, at)
        if number == sequence:
            break
        at += (40 + length + 7) & ~7
    payload = change(bytes(data[at + 40 : at + 40 + length]))
    assert len(payload) == length
    data[at + 40 : at + 40 + length] = payload
    data[at + 32 : at + 36] = bytes(4)
    crc = lib.hp_crc32c(0, bytes(data[at : at + 40 + length]), 40 + length)
    data[at + 32 : at + 36] = crc.to_bytes(4, "little")
    path.write_bytes(data)


def find(directory, kind, nth=0):
    """The nth record of a kind in the first segment: (path, record)."""
    path = recording.lanes(directory)[0].paths[0]
    return path, [r for r in records(path.read_bytes(), SEGMENT_BYTES) if r.kind == kind][nth]


@pytest.mark.parametrize("bit", [3, 200, 700])
def test_one_flipped_bit_in_a_frame_is_found(day, bit, capsys):
    path, frame = find(day, lib.HP_RECORD_FRAME, 5)
    data = bytearray(path.read_bytes())
    at = data.index(frame.payload)
    data[at + bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    first = rerun(day)[0]
    assert not first.is_equal
    assert "missing" in first.problem or "begins no record" in first.problem
    assert command.run(day, None, is_json=False) == 1
    assert "cannot go on" in capsys.readouterr().out


def test_frame_with_another_price_and_a_good_crc_gives_another_intent(day):
    """The CRC is no proof against a forger; the strategy's own decision is."""
    path, _ = find(day, lib.HP_RECORD_INTENT)
    read = records(path.read_bytes(), SEGMENT_BYTES)
    before, intent = next(
        (one, two)
        for one, two in itertools.pairwise(read)
        if (one.kind, two.kind) == (lib.HP_RECORD_FRAME, lib.HP_RECORD_INTENT)
    )
    rewrite(path, before.sequence, lambda text: text.replace(b'"60000.50"', b'"60000.30"'))
    assert rerun(day)[0].is_equal  # the gate judges the intent's own copy of the picture
    found = rerun(day, "")[0].difference
    assert found.sequence == intent.sequence
    assert found.cause.sequence == before.sequence
    assert "ask_ticks" in [name for name, _, _ in found.fields]


@pytest.mark.parametrize(
    ("kind", "offset", "field"),
    [
        ("REQUEST", 30, "text"),
        ("VERDICT", ffi.offsetof("hp_verdict_t", "found"), "found"),
        ("ORDER", ffi.offsetof("hp_order_t", "lots"), "lots"),
        ("FILL", ffi.offsetof("hp_report_t", "last_ticks"), "last_ticks"),
    ],
)
def test_changed_output_is_shown_field_by_field_with_its_cause(day, kind, offset, field, capsys):
    number = getattr(lib, f"HP_RECORD_{kind}")
    path, record = find(day, number, 2)

    def change(payload):
        return payload[:offset] + bytes([payload[offset] ^ 1]) + payload[offset + 1 :]

    rewrite(path, record.sequence, change)
    assert command.run(day, None, is_json=True) == 1
    found = json.loads(capsys.readouterr().out)["lanes"][0]["difference"]
    assert found["sequence"] == record.sequence
    assert [row["field"] for row in found["fields"]] == [field]
    assert found["cause"]["sequence"] < record.sequence
    assert command.run(day, None, is_json=False) == 1
    assert f"record {record.sequence} {kind.lower()}" in capsys.readouterr().out


def test_time_stamp_counters_are_no_outputs(day):
    path, record = find(day, lib.HP_RECORD_ORDER, 3)
    at = ffi.offsetof("hp_order_t", "stamps")
    rewrite(path, record.sequence, lambda p: p[:at] + b"\x55" * 56 + p[at + 56 :])
    assert rerun(day)[0].is_equal


CLOCK_READ = TRADER.replace("1 + self.seen % 4", "1 + time.monotonic_ns() // 7 % 97").replace(
    "from strategies", "import time\n\nfrom strategies"
)
# Sets stay alive: no object of the second run can lie where one of the first did, by chance or not.
SET_ORDER = TRADER.replace(
    "1 + self.seen % 4",
    "1 + next(iter(kept({object() for _ in range(40)}))).__hash__() % 97",
).replace(
    "from strategies",
    "import sys\n\nALIVE = sys.__dict__.setdefault('sets_of_test_rerun', [])\n\n\n"
    "def kept(one):\n    ALIVE.append(one)\n    return one\n\n\nfrom strategies",
)


@pytest.mark.parametrize("text", [CLOCK_READ, SET_ORDER], ids=["clock", "set"])
def test_strategy_that_cannot_be_run_again_is_found_by_its_first_intent(
    tmp_path, text, monkeypatch
):
    """Planted: a strategy that reads a clock, and one that takes the first of a set."""
    monkeypatch.setattr(sys, "sets_of_test_rerun", [], raising=False)
    path = tmp_path / f"planted_{len(text)}.py"
    path.write_text(text)
    directory = tell(tmp_path / "run", path, trade(60))
    assert rerun(directory)[0].is_equal  # its recorded intents are what they are
    found = rerun(directory, "")[0].difference
    assert found is not None
    assert found.recorded.kind == lib.HP_RECORD_INTENT
    assert [name for name, _, _ in found.fields] == ["lots"]


def test_run_with_a_hole_is_equal_up_to_it_and_says_so(tmp_path, trader):
    directory = tell(tmp_path / "run", trader, trade(700))
    recording.lanes(directory)[0].paths[1].unlink()
    (outcome,) = rerun(directory)
    assert not outcome.is_equal
    assert "are missing" in outcome.problem
    assert outcome.outputs["order"] > 0


def test_journal_without_its_beginning_is_refused_by_name(tmp_path, trader):
    directory = tell(tmp_path / "run", trader, trade(700))
    recording.lanes(directory)[0].paths[0].unlink()
    (outcome,) = rerun(directory)
    assert "are missing" in outcome.problem


def test_folder_that_is_no_run_could_not_be_run(tmp_path, capsys):
    assert command.run(tmp_path, None, is_json=False) == 2
    assert "is no RUN" in capsys.readouterr().err


@pytest.mark.parametrize("strategy", [None, ""], ids=["intents fed", "strategies again"])
def test_flatten_closes_the_same_positions_by_the_same_orders(tmp_path, trader, strategy):
    """A held position, the word, reducing orders of the lane itself, their fills, the kill."""
    bought = [("frame", 0, n) for n in range(3)] + [("answer", 0, 0), ("answer", 0, 1)] * 3
    closing = [("words", 5, 0)] + [("pass_time", 9, 0), ("answer", 0, 2), ("answer", 0, 1)] * 12
    directory = tell(tmp_path / "run", trader, OPEN + bought + closing)
    (outcome,) = rerun(directory, strategy)
    assert outcome.is_equal, outcome
    assert outcome.outputs["flatten"] >= 1
