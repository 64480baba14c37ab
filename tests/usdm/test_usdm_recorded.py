"""The recorded feeds of 2021 and 2024: every message, both readers, no fallback."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal

import pytest

from benchmarks.decode import capture
from hotpath.decode.json import Kind, Status
from tests.usdm import oracle
from venues.binance.usdm.codec import Codec

pytestmark = [
    pytest.mark.requires_data,
    pytest.mark.skipif(
        not capture.path(capture.BTCUSDT).exists(),
        reason=f"requires recorded feeds: no {capture.path(capture.BTCUSDT)} (CORELANE_DATA)",
    ),
]


def test_recorded_btcusdt_gives_its_known_counts_without_fallback(codec):
    kinds: Counter[Kind] = Counter()
    for frame in capture.stream_frames(capture.BTCUSDT):
        status, event, levels = codec.decode_bytes(frame)
        assert (status, event, levels) == codec.decode_bytes(frame, general=True)
        kinds[Kind(event[0])] += 1
    assert kinds == {Kind.DEPTH: 6551, Kind.BOOK_TICKER: 66089, Kind.TRADE: 21313}
    assert codec.counters["fallbacks"] == 0


def test_recorded_btcusdt_equals_the_oracle_on_every_hundredth_message(codec):
    for frame in capture.stream_frames(capture.BTCUSDT)[::100]:
        assert codec.decode(frame) == (Status.EVENT, {**oracle.decode(frame), "fallback": False})


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


def test_recorded_altcoins_are_scanned_without_fallback_and_klines_are_unknown():
    codec = Codec()
    scales = {"SUSHIUSDT": (4, 0), "AKROUSDT": (5, 0), "KEEPUSDT": (4, 0), "CTKUSDT": (5, 0)}
    for at, (symbol, decimals) in enumerate(scales.items()):
        assert codec.put_instrument(symbol, at + 1, *decimals)
    statuses: Counter[Status] = Counter()
    for frame in capture.stream_frames(capture.MANY):
        status, event, levels = codec.decode_bytes(frame)
        assert (status, event, levels) == codec.decode_bytes(frame, general=True)
        statuses[status] += 1
        assert (status == Status.UNKNOWN_KIND) == (b"@kline_1m" in frame)
    assert set(statuses) == {Status.EVENT, Status.UNKNOWN_KIND}
    assert codec.counters["fallbacks"] == 0
