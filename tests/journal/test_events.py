"""The event stream: named, filtered, honest about what was lost; lines fit the screen."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hotpath.journal.tail import Record
from runtime._shm import ffi, lib
from runtime.journal.records import WORD_STRUCTS
from runtime.show import event_text, events

from .story import TRADER, Story, trade

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A finished RUN with everything in it."""
    folder = tmp_path_factory.mktemp("events")
    (folder / "trader_of_events.py").write_text(TRADER)
    story = Story(folder / "run", folder / "trader_of_events.py")
    for what, a, b in trade(700):
        story.happen(what, a, b)
    story.words(3, 0)
    story.end()
    return folder / "run"


@pytest.fixture
def live(tmp_path):
    """A lane by hand whose ring is there."""
    path = tmp_path / "trader_of_live.py"
    path.write_text(TRADER)
    story = Story(tmp_path / "run", path, segments=4, archived=False)
    yield story
    story.kill()


def play(story, count):
    for what, a, b in trade(count):
        getattr(story, what)(a, b)


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "ops", "events", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_events_of_a_run_have_names_and_times(told):
    found = list(events.read_run(told))
    kinds = {event.kind for event in found}
    assert kinds >= {"lane", "instrument", "intent", "verdict", "order", "fill", "resync", "halt"}
    assert not kinds & events.QUIET
    order = next(event for event in found if event.kind == "order")
    assert order.symbol in ("BTCUSDT", "ETHUSDT")
    assert order.fields["state"] == "sent"
    assert order.fields["side"] == "buy"
    offset = order.real_ns - order.mono_ns
    assert offset == 1_700_000_000_000_000_000 - 1_000_000_000
    frozen = next(event for event in found if event.kind == "words")
    assert frozen.fields == {"words": ["freeze"]}


def test_every_kind_of_event_has_a_line_that_fits(told):
    for event in events.read_run(told, None):
        line = event_text.line(event)
        assert len(line) <= 100
        assert "\n" not in line
        assert event.kind in line


@pytest.mark.parametrize(
    ("aux", "fields", "wanted"),
    [
        (lib.HP_WORDS_LIMIT_LEASE, {}, "limits: nobody lends them"),
        (
            lib.HP_WORDS_LIMIT_LEASE,
            {"is_required": 1},
            "limits: not lent, cancels and reduce-only orders alone pass",
        ),
        (
            lib.HP_WORDS_LIMIT_LEASE,
            {"is_required": 1, "until_ns": 2_500_000_000, "fence": 7},
            "limits: lent for 1.5 s more (fence 7)",
        ),
        (lib.HP_WORDS_LEADER_LEASE, {}, "leader: nobody else could write"),
        (
            lib.HP_WORDS_LEADER_LEASE,
            {"is_required": 1, "until_ns": 900_000_000, "epoch": 3},
            "leader: the lease is over (epoch 3), nothing is sent",
        ),
        (
            lib.HP_WORDS_LEADER_LEASE,
            {"is_required": 1, "until_ns": 1_250_000_000, "epoch": 3},
            "leader: for 250 ms more (epoch 3)",
        ),
        (lib.HP_WORDS_CLOCK, {}, "clock: nobody vouches for it"),
    ],
)
def test_shared_words_of_every_kind_are_told(aux, fields, wanted):
    made = ffi.new(f"{WORD_STRUCTS[aux][1]} *", fields)
    record = Record(1, lib.HP_RECORD_WORDS, 0, aux, 0, 1_000_000_000, bytes(ffi.buffer(made)))
    event = events.Source(0, 1, 0).event(record)
    assert event_text.text(event) == wanted


def test_lines_say_what_happened(told):
    lines = [event_text.line(event) for event in events.read_run(told)]
    for wanted in (
        "intent     BTCUSDT intent 1: buy 0.002 at 60000",
        "verdict    BTCUSDT intent 1 passed every check",
        " SENT buy 0.002 at 60000",
        "strategy 0 is trader_of_events:Trader",
        "control words: freeze",
        "resync     BTCUSDT the book is out of sequence",
        "a strategy failed",
    ):
        assert any(wanted in line for line in lines), wanted


def test_subscriber_gets_only_the_kinds_it_wants(live):
    stream = events.Stream(live.deployment, {"fill", "order"})
    play(live, 30)
    assert {event.kind for event in stream.read()} == {"fill", "order"}
    assert list(stream.read()) == []


def test_subscriber_from_the_end_knows_the_names_all_the_same(live):
    play(live, 30)
    stream = events.Stream(live.deployment, None, from_end=True)
    assert list(stream.read()) == []
    play(live, 3)
    found = list(stream.read())
    assert found
    assert all(event.sequence > 30 for event in found)


def test_subscriber_that_lags_is_told_what_it_lost(live):
    """Any kind is wanted: what a reader lost is told to all."""
    stream = events.Stream(live.deployment, {"fill"})
    list(stream.read())
    play(live, 1500)
    holes = [event for event in stream.read() if event.kind == "hole"]
    assert len(holes) == 1
    assert holes[0].fields["records"] > 100
    assert "were overwritten before they were read" in event_text.line(holes[0])


def test_lag_is_said_when_the_lane_is_far_ahead(live):
    stream = events.Stream(live.deployment, {"command"})
    found = []
    for event in stream.read():
        play(live, 100)  # it goes on while we read
        found.append(event)
    lag = found[-1]
    assert (lag.kind, [event.kind for event in found].count("lag")) == ("lag", 1)
    assert lag.fields["percent"] >= 12
    assert "behind the lane" in event_text.line(lag)


def test_unknown_kind_and_absent_deployment_are_refused(told):
    done = command("--run", str(told), "--kind", "order,nonsense")
    assert done.returncode == 2
    assert "no kind nonsense; there are" in done.stderr
    done = command("--deployment", "nobody-runs-this")
    assert done.returncode == 2
    assert "has no journal ring" in done.stderr
    done = command("--run", str(told.parent))
    assert done.returncode == 2
    assert "is no RUN" in done.stderr
    done = command("--since", "soon", "--run", str(told))
    assert done.returncode == 2
    assert "--since 'soon'" in done.stderr


def test_json_lines_are_the_records(told):
    done = command("--run", str(told), "--kind", "fill", "--json")
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == sum(1 for event in events.read_run(told, {"fill"}))
    assert all(event["fields"]["last_lots"] == 1 for event in found)


def test_numbers_without_a_name_stay_numbers():
    from hotpath.journal.tail import Record
    from runtime.journal.records import fields

    order = ffi.new("hp_order_t *", {"state": 99, "client_id": 5})
    record = Record(1, lib.HP_RECORD_ORDER, 0, 0, 0, 0, bytes(ffi.buffer(order)))
    assert fields(record)["state"] == 99
