"""Acceptance: every message of a venue's recordings, both readers, no fallback."""

from __future__ import annotations

from collections import Counter

import pytest

from hotpath.decode.json import Kind, Status
from tests.venues.venue import Recording, Venue

pytestmark = pytest.mark.requires_data


def test_recording_gives_its_known_events_by_both_readers(
    venue: Venue, recording: Recording, messages: list[bytes]
):
    codec = venue.codec()
    for at, (symbol, decimals) in enumerate(recording.scales.items(), 1):
        assert codec.put_instrument(symbol, at, *decimals)
    kinds: Counter[Kind] = Counter()
    others: Counter[Status] = Counter()
    for frame in messages:
        status, event, levels = codec.decode_bytes(frame)
        assert (status, event, levels) == codec.decode_bytes(frame, general=True), frame[:200]
        if status == Status.EVENT:
            kinds[Kind(event[0])] += 1
        else:
            others[status] += 1
    assert (dict(kinds), dict(others)) == (recording.kinds, recording.others)
    assert codec.counters["fallbacks"] == recording.fallbacks


def test_recording_equals_the_oracle_on_every_hundredth_message(
    venue: Venue, oracle, recording: Recording, messages: list[bytes]
):
    codec = venue.open()
    for frame in messages[::100]:
        event = codec.decode(frame)[1]
        want = oracle(frame)
        assert event == (want and {**want, "fallback": False})
