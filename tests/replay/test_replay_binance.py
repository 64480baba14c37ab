"""`corelane replay` on every recording of Binance: the facts that verify.py finds, exactly."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.replay.conftest import data_folder

pytestmark = pytest.mark.requires_data


@dataclass(frozen=True)
class Facts:
    venue: str
    files: tuple[str, ...]
    messages: int
    dropped: int
    tops: int  # equal to a ticker of the same update id, all of those compared
    snapshots: int = 1
    unknown: int = 0
    rescales: int = 0


SPOT, USDM, COINM = "binance_spot", "binance_usdm", "binance_coinm"
RECORDINGS = {
    "spot": Facts(SPOT, ("btcusdt_20240808.jsonl.xz",), 41249, 2, 564, rescales=1),
    "spot continued": Facts(
        SPOT,
        ("btcusdt_20240808.jsonl.xz", "btcusdt_20240809.jsonl.xz"),
        41249 + 58325,
        2,
        1072,
        rescales=1,
    ),
    "usdm": Facts(USDM, ("btcusdt_20240808.jsonl.xz",), 93954, 4, 629),
    "coinm": Facts(COINM, ("btcusd_perp_20240808.jsonl.xz",), 48270, 23, 1124),
    "spot of 2021": Facts(
        SPOT, ("cryptofeed_BINANCE.ws.1.0.xz",), 265 + 4, 5, 26, snapshots=4, unknown=2
    ),
    "usdm of 2021": Facts(
        USDM, ("cryptofeed_BINANCE_FUTURES.ws.1.0.xz",), 1535 + 4, 12, 50, snapshots=4, unknown=67
    ),
    "coinm of 2021": Facts(
        COINM,
        ("cryptofeed_BINANCE_DELIVERY.ws.1.0.xz",),
        4371 + 10,
        259,
        212,
        snapshots=10,
        unknown=33,
    ),
}


@pytest.mark.parametrize("name", RECORDINGS)
def test_recording_hooks_and_agrees_with_its_tickers(replay, name):
    facts = RECORDINGS[name]
    paths = [data_folder() / facts.venue / file for file in facts.files]
    answer = replay(*paths)
    assert (answer.code, answer["problems"], answer["venue"]) == (0, [], facts.venue)
    assert answer["messages"] == facts.messages
    nothing = ("gaps", "crossed", "resyncs", "too_old", "fallbacks", "ambiguous_snapshots", "lost")
    assert {key: answer[key] for key in nothing} == dict.fromkeys(nothing, 0)
    assert (answer["dropped"], answer["unknown"]) == (facts.dropped, facts.unknown)
    assert answer["events"]["snapshot"] == facts.snapshots
    assert answer["ticker_agreement"] == {"compared": facts.tops, "equal": facts.tops}
    assert answer["rescales"] == facts.rescales
    assert set(answer["states"].values()) == {"SYNCED"}
    assert len(answer["states"]) == facts.snapshots


def test_continuation_alone_has_no_snapshot_and_says_so(replay):
    answer = replay(data_folder() / SPOT / "btcusdt_20240809.jsonl.xz")
    assert (answer.code, answer["states"]) == (1, {"BTCUSDT": "BUFFERING"})
    assert answer["problems"][-1] == "BTCUSDT ends BUFFERING"
