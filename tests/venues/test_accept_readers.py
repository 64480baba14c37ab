"""Acceptance: shape scanner, general reader and, where there is one, a slow oracle agree."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotpath.decode.json import Status
from tests.venues.mutations import mutated
from tests.venues.venue import Venue, venues

QUICK = {"suppress_health_check": list(HealthCheck)}


@cache
def codec_of(venue_name: str) -> Any:
    return next(venue for venue in venues() if venue.name == venue_name).open()


def scanned_frames(venue: Venue) -> list[bytes]:
    """Return the frames that the shape scanner reads: mutations of others it refuses at once."""
    some = [s for s in venue.samples if s.scanned and not s.rest]
    return [frame for sample in some for frame in (sample.frame, *sample.also)] or venue.frames()


@settings(max_examples=800, **QUICK)
@given(data=st.data())
def test_decode_equals_the_general_reader_over_mutated_frames(venue: Venue, data):
    codec = codec_of(venue.name)
    frame = data.draw(mutated(scanned_frames(venue), venue.values))
    assert codec.decode_bytes(frame) == codec.decode_bytes(frame, general=True)


@settings(max_examples=800, **QUICK)
@given(data=st.data())
def test_general_reader_equals_the_oracle_over_mutated_frames(venue: Venue, oracle, data):
    frame = data.draw(mutated(venue.frames(), venue.values))
    status, event = codec_of(venue.name).decode_general(frame)
    want = oracle(frame)
    assert (status == Status.EVENT) == (want is not None), status
    assert want is None or event == {**want, "fallback": False}


@settings(max_examples=200, **QUICK)
@given(data=st.data(), behind=st.binary(min_size=64, max_size=64))
def test_what_stands_behind_a_frame_does_not_change_it(venue: Venue, data, behind):
    """A receive buffer goes on after a frame; a truncated one must not borrow from there."""
    codec = codec_of(venue.name)
    frame = data.draw(mutated(scanned_frames(venue), venue.values))
    alone = codec.decode_bytes(frame)
    assert codec.decode_inside(frame, behind) == alone
    assert codec.decode_inside(frame, frame[-40:] + behind) == alone


@settings(max_examples=100, **QUICK)
@given(data=st.data())
def test_truncated_frame_whose_rest_lies_behind_it_is_refused(venue: Venue, data):
    frame = data.draw(st.sampled_from(scanned_frames(venue)))
    cut = data.draw(st.integers(0, len(frame) - 1))
    codec = codec_of(venue.name)
    status, event, levels = codec.decode_inside(frame[:cut], frame[cut:] + bytes(64))
    assert status != Status.EVENT
    assert (event, levels) == (b"", b"")
