"""Frames that hold several events: all of them, in order, by both readers, or none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotpath.decode.json import Kind, Status
from tests.venues.mutations import mutated
from tests.venues.tables import bybit, hyperliquid, okx
from tests.venues.venue import Venue

FRAMES = {
    "okx": (okx.VENUE, okx.TRADES),
    "bybit": (bybit.VENUE, bybit.TRADE),
    "hyperliquid": (hyperliquid.VENUE, hyperliquid.TRADE),
    "hyperliquid sorted": (hyperliquid.VENUE, hyperliquid.SORTED_TRADE),
}
EVENTS_MAX = 2048
ROWS = {"okx": "px", "bybit": "p", "hyperliquid": "px"}
every = pytest.mark.parametrize(("speaker", "frame"), FRAMES.values(), ids=list(FRAMES))


def row_of(frame: bytes) -> bytes:
    return frame[frame.index(b'"data":[') + 8 : frame.rindex(b"]")]


def many(frame: bytes, rows: list[bytes]) -> bytes:
    return frame.replace(row_of(frame), b",".join(rows))


def priced(venue: Venue, frame: bytes, price: int) -> bytes:
    """Return the frame's row with this price in ticks."""
    row = json.loads(row_of(frame))
    key = ROWS[venue.name]
    ticks = f"{price / 10 ** venue.decimals[0]:.{venue.decimals[0]}f}"
    return json.dumps({**row, key: ticks}, separators=(",", ":")).encode()


def both(codec: Any, frame: bytes) -> tuple[Status, list[dict[str, Any]]]:
    """Return what decode says, after seeing that the general reader says the same."""
    status, events = codec.decode_all(frame)
    plain = [{**event, "fallback": False} for event in events]
    assert codec.decode_all(frame, general=True) == (status, plain)
    return status, events


@every
@pytest.mark.parametrize("count", [1, 2, 3, 100, 1024, EVENTS_MAX])
def test_every_event_of_a_frame_comes_in_order(speaker, frame, count):
    codec = speaker.open()
    prices = [10_000 + n for n in range(count)]
    status, events = both(codec, many(frame, [priced(speaker, frame, price) for price in prices]))
    assert status == Status.EVENT
    assert [event["price_ticks"] for event in events] == prices
    assert {(e["kind"], e["instrument"], e["fallback"]) for e in events} == {
        (events[0]["kind"], speaker.instrument, False)
    }
    assert events[0]["kind"] in (Kind.TRADE, Kind.AGG_TRADE)


@every
def test_one_event_more_than_a_frame_may_hold_is_refused_as_a_whole(speaker, frame):
    codec = speaker.open()
    assert both(codec, many(frame, [row_of(frame)] * (EVENTS_MAX + 1))) == (Status.LEVELS, [])
    assert both(codec, frame)[0] == Status.EVENT


@every
@pytest.mark.parametrize("at", [0, 1, 2])
def test_bad_event_refuses_the_whole_frame_wherever_it_stands(speaker, frame, at):
    codec = speaker.open()
    rows = [row_of(frame)] * 3
    for bad in (b"{}", b"7", rows[at][:-1], rows[at].replace(b'"0.', b'"x.')):
        broken = many(frame, [*rows[:at], bad, *rows[at + 1 :]])
        status, events = both(codec, broken)
        assert (status != Status.EVENT, events) == (True, []), (status, bad)


@every
def test_next_frame_forgets_what_was_not_asked_for(speaker, frame):
    codec = speaker.open()
    assert codec.decode(many(frame, [row_of(frame)] * 3))[0] == Status.EVENT
    status, events = both(codec, frame)
    assert (status, len(events)) == (Status.EVENT, 1)


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(data=st.data())
@every
def test_readers_agree_over_mutated_frames_of_many(speaker, frame, data):
    codec = CODECS[speaker.name]
    rows = data.draw(st.integers(2, 4))
    mutant = data.draw(mutated([many(frame, [row_of(frame)] * rows)], speaker.values))
    assert codec.decode_bytes(mutant) == codec.decode_bytes(mutant, general=True)


CODECS = {venue.name: venue.open() for venue, _ in FRAMES.values()}
