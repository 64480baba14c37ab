"""The recorded feeds of 2021 and 2024: every message, both readers, no fallback."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from benchmarks.decode import capture
from hotpath.decode.json import Status

pytestmark = [
    pytest.mark.requires_data,
    pytest.mark.skipif(
        not capture.path(capture.BTCUSDT).exists(),
        reason=f"requires recorded feeds: no {capture.path(capture.BTCUSDT)} (CORELANE_DATA)",
    ),
]


def test_recorded_btcusdt_with_the_fields_of_2026_gives_the_same_events(codec):
    for frame in capture.stream_frames(capture.BTCUSDT)[::10]:
        assert codec.decode_bytes(capture.with_2026_fields(frame)) == codec.decode_bytes(frame)
    assert codec.counters["fallbacks"] == 0


def test_recorded_snapshot_equals_json_and_decimal(codec):
    bodies = [m for m in capture.messages(capture.BTCUSDT) if not m.startswith(b'{"stream"')]
    assert len(bodies) == 1
    status, event = codec.decode_snapshot(7, bodies[0])
    tree = json.loads(bodies[0])
    assert (status, event["last_id"]) == (Status.EVENT, tree["lastUpdateId"])
    for side in ("bids", "asks"):
        want = [(int(Decimal(p) * 10), int(Decimal(q) * 1000)) for p, q in tree[side]]
        assert event[side] == want and len(want) == 1000
