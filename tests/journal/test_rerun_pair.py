"""Both lanes of a pair run again from their journals, each by itself."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotpath.journal.tail import SEGMENT_BYTES, records
from ops import rerun as command
from runtime._shm import lib
from runtime.journal import recording
from runtime.journal.rerun import rerun

from .pair_story import PairStory
from .story import OPEN, TRADER, trade
from .test_rerun import CLOCK_READ, THINGS, rewrite

ORDER, MARKET = 0, 1  # numbers of the lanes


@pytest.fixture(scope="module")
def trader(tmp_path_factory):
    path = tmp_path_factory.mktemp("strategy") / "trader_of_pair.py"
    path.write_text(TRADER)
    return path


def tell(directory, strategy, events, epoch=7, kill=False):
    story = PairStory(directory, strategy, epoch)
    for what, a, b in events:
        story.happen(what, a, b)
    story.kill() if kill else story.end()
    return directory


@pytest.fixture
def day(tmp_path, trader):
    """A RUN of a pair: orders, cancels, fills, gaps, a deaf half, a halt and a kill."""
    events = [*trade(100), ("deaf", 1, 0), ("flood", 0, 0), *trade(12), ("deaf", 0, 1), *trade(30)]
    tell(tmp_path / "run", trader, [*events, ("deaf", 0, 0), *trade(600)], kill=True)
    return tell(tmp_path / "run", trader, trade(60), epoch=8)


@pytest.mark.parametrize("strategy", [None, ""], ids=["intents fed", "strategies again"])
def test_both_lanes_are_equal(day, strategy):
    outcomes = {(o.lane, o.epoch): o for o in rerun(day, strategy)}
    assert sorted(outcomes) == [(ORDER, 7), (ORDER, 8), (MARKET, 7), (MARKET, 8)]
    for outcome in outcomes.values():
        assert outcome.is_equal, outcome
    order, market = outcomes[ORDER, 7], outcomes[MARKET, 7]
    assert set(order.outputs) >= {"intent", "verdict", "request", "order", "fill"}
    assert set(market.outputs) >= {"intent", "resync", "unsent", "halt"}
    assert "request" not in market.outputs
    assert order.outputs["request"] > 100
    assert command.run(day, strategy, is_json=False) == 0


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*THINGS, "deaf", "flood", "silence", "frame", "answer"]),
            st.integers(0, 40),
            st.integers(0, 40),
        ),
        max_size=120,
    ),
    st.sampled_from([None, ""]),
)
def test_whatever_happens_to_a_pair_happens_again(tmp_path_factory, trader, events, strategy):
    directory = tell(tmp_path_factory.mktemp("run"), trader, OPEN + events)
    for outcome in rerun(directory, strategy):
        assert outcome.is_equal, outcome


@pytest.mark.parametrize("strategy", [None, ""], ids=["intents fed", "strategies again"])
def test_market_lane_that_could_not_journal_is_run_up_to_there(tmp_path, trader, strategy):
    """Its archiver lagged by a whole ring; the order lane's did not."""
    story = PairStory(tmp_path / "run", trader)
    for what, a, b in trade(20):
        story.happen(what, a, b)
    market, rings = story.lane.market, story.archiver.rings
    kept = next(number for number, ring in rings.items() if ring.tailer.tail.lane == MARKET)
    ring = rings.pop(kept)
    last = None
    while ring.head.sequence != last:
        last = ring.head.sequence
        market.clocks(1_700_000_000_000_000_000)
    for what, a, b in trade(20):
        story.happen(what, a, b)
    rings[kept] = ring
    ring.copy(0)
    ring.sync()
    for what, a, b in trade(20):
        story.happen(what, a, b)
    story.end()
    outcomes = {o.lane: o for o in rerun(tmp_path / "run", strategy)}
    assert outcomes[ORDER].is_equal, outcomes[ORDER]
    assert outcomes[MARKET].difference is None, outcomes[MARKET].difference
    assert outcomes[MARKET].problem.startswith(f"records {last + 1} to ")


def of(directory, lane):
    path = next(run for run in recording.lanes(directory) if run.lane == lane).paths[0]
    return path, records(path.read_bytes(), SEGMENT_BYTES)


def test_flipped_bit_in_a_record_of_the_other_lane_is_found(day):
    path, found = of(day, ORDER)
    intent = next(r for r in found if r.kind == lib.HP_RECORD_PEER and r.aux == lib.HP_PAIR_INTENT)
    data = bytearray(path.read_bytes())
    data[data.index(intent.payload) + 48] ^= 1
    path.write_bytes(data)
    outcomes = {o.lane: o for o in rerun(day) if o.epoch == 7}
    assert not outcomes[ORDER].is_equal
    assert outcomes[MARKET].is_equal


def test_another_frame_with_a_good_crc_gives_another_intent_in_the_market_lane(day):
    path, found = of(day, MARKET)
    frame, intent = next(
        (one, two)
        for one, two in itertools.pairwise(found)
        if (one.kind, two.kind) == (lib.HP_RECORD_FRAME, lib.HP_RECORD_INTENT)
    )
    rewrite(path, frame.sequence, lambda text: text.replace(b'"60000.50"', b'"60000.30"'))
    differing = {o.lane: o.difference for o in rerun(day, "") if o.epoch == 7}
    assert differing[MARKET].sequence == intent.sequence
    assert differing[ORDER] is None  # it took the intent as it was


def test_another_intent_with_a_good_crc_gives_another_request_in_the_order_lane(day):
    path, found = of(day, ORDER)
    peer, _ = next(
        (one, two)
        for one, two in itertools.pairwise(found)
        if (one.kind, two.kind) == (lib.HP_RECORD_PEER, lib.HP_RECORD_INTENT)
    )
    rewrite(path, peer.sequence, lambda p: p[:48] + bytes([p[48] ^ 1]) + p[49:])
    difference = next(o.difference for o in rerun(day) if (o.lane, o.epoch) == (ORDER, 7))
    assert difference.cause.sequence == peer.sequence
    assert difference.recorded.kind == lib.HP_RECORD_INTENT


def test_strategy_that_reads_a_clock_is_found_in_the_market_lane(tmp_path):
    path = tmp_path / "planted_in_pair.py"
    path.write_text(CLOCK_READ)
    directory = tell(tmp_path / "run", path, trade(60))
    assert all(o.is_equal for o in rerun(directory))
    found = {o.lane: o.difference for o in rerun(directory, "")}
    assert found[MARKET].recorded.kind == lib.HP_RECORD_INTENT
    assert found[ORDER] is None
