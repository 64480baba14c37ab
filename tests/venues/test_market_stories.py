"""What went wrong for others with the market data of OKX, Bybit and Hyperliquid, each by its name.

Through capture, codec and book, as `corelane replay` runs them.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.decode import capture
from hotpath.decode.json import Status
from runtime.replay.replay import Run
from tests.venues.tables import bybit, hyperliquid, okx
from tests.venues.venue import Levels

BIDS, ASKS = [(639210, 200), (639200, 150)], [(639220, 300), (639230, 5)]
Replay = Callable[..., dict[str, Any]]


@pytest.fixture
def replay(tmp_path) -> Replay:
    """Return what comes of frames that arrive in this order."""

    def run(venue: str, *frames: bytes) -> dict[str, Any]:
        path = tmp_path / "capture.jsonl"
        path.write_bytes(b"".join(b"%d %s\n" % (n, frame) for n, frame in enumerate(frames, 1)))
        replayed = Run([path], venue)
        replayed.run()
        return replayed.result()

    return run


def texts(levels: Levels) -> list[list[str]]:
    """Return levels as the venue writes them: numbers in their shortest form."""
    return [[f"{p / 10:g}", f"{s / 100:g}", "0", "1"] for p, s in levels]


def summed(bids: list[list[str]], asks: list[list[str]]) -> int:
    parts = []
    for n in range(25):
        for side in (bids, asks):
            parts += side[n][:2] if n < len(side) else []
    crc = zlib.crc32(":".join(parts).encode())
    return crc - 2**32 if crc >= 2**31 else crc


def okx_book(action: str, bids: list[list[str]], asks: list[list[str]], **more: int) -> bytes:
    arg = {"channel": "books", "instId": okx.SYMBOL}
    row = {"asks": asks, "bids": bids, "ts": str(okx.TS), **more}
    return okx.text({"arg": arg, "action": action, "data": [row]})


def test_story_4_okx_checksum_became_zero_and_is_no_checksum(replay):
    """Clients that went on to verify it subscribed again and again."""
    frames = [okx.snapshot(10, BIDS, ASKS), okx.delta((0, 11, 10), [(639210, 1)], [])]
    assert all(b'"checksum":0' in frame for frame in frames)
    result = replay("okx", *frames)
    assert result["checksums"] == {"held": 0, "bad": 0, "unjudged": 0}
    assert (result["gaps"], result["states"], result["problems"]) == (
        0,
        {okx.SYMBOL: "SYNCED"},
        [],
    )


def test_story_7_gap_invalidates_the_book_at_once(replay):
    result = replay("okx", okx.snapshot(10, BIDS, ASKS), okx.delta((0, 13, 12), [], []))
    assert (result["gaps"], result["states"]) == (1, {okx.SYMBOL: "GAPPED"})
    assert result["problems"] == ["1 gaps", f"{okx.SYMBOL} ends GAPPED"]


def test_story_7_what_follows_a_gap_is_not_applied_until_a_snapshot_comes(replay):
    frames = [
        okx.snapshot(10, BIDS, ASKS),
        okx.delta((0, 13, 12), [(639215, 7)], []),
        okx.delta((0, 14, 13), [(639216, 7)], []),
        okx.snapshot(15, BIDS, ASKS),
        okx.delta((0, 16, 15), [(639214, 7)], []),
    ]
    result = replay("okx", *frames)
    assert (result["gaps"], result["dropped"], result["resyncs"]) == (1, 1, 1)
    assert result["states"] == {okx.SYMBOL: "SYNCED"}
    assert result["tops"][okx.SYMBOL]["bid"] == "63921.4"
    assert result["levels"] == {okx.SYMBOL: [3, 2]}


def test_story_7_reset_of_the_ids_is_no_gap(replay):
    frames = [okx.snapshot(10, BIDS, ASKS), okx.delta((0, 3, 10), [(639214, 7)], [])]
    result = replay("okx", *frames, okx.delta((0, 5, 3), [(639215, 7)], []))
    assert (result["gaps"], result["tops"][okx.SYMBOL]["bid"]) == (0, "63921.5")


def test_story_7_keep_alive_is_no_gap(replay):
    frames = [okx.snapshot(10, BIDS, ASKS), *[okx.delta((0, 10, 10), [], [])] * 3]
    result = replay("okx", *frames, okx.delta((0, 12, 10), [(639215, 7)], []))
    assert (result["gaps"], result["tops"][okx.SYMBOL]["bid"]) == (0, "63921.5")


@pytest.mark.parametrize("count", [1, 2, 24, 25, 26, 60])
def test_story_11_checksum_holds_for_short_and_long_books(replay, count):
    """False alarms came from books shorter than 25 levels and from limits applied before."""
    bids, asks = [(1000 - n, n + 1) for n in range(count)], [(2000 + n, n + 7) for n in range(30)]
    frame = okx_book(
        "snapshot", texts(bids), texts(asks), checksum=summed(texts(bids), texts(asks))
    )
    assert replay("okx", frame)["checksums"] == {"held": 1, "bad": 0, "unjudged": 0}


def test_story_11_checksum_holds_for_numbers_that_floats_write_otherwise(replay):
    """1e-05 and 0.1 + 0.2 are what scientific formatting made of such texts."""
    bids, asks = [["0.00001", "0.3", "0", "1"]], [["0.000011", "100000000", "0", "1"]]
    frame = okx_book("snapshot", bids, asks, checksum=summed(bids, asks))
    assert replay("okx", frame)["checksums"] == {"held": 1, "bad": 0, "unjudged": 0}


def test_story_11_text_that_is_not_the_shortest_is_said_and_not_judged(replay):
    bids, asks = [["30261.0", "2", "0", "1"]], [["30262", "3", "0", "1"]]
    frame = okx_book("snapshot", bids, asks, checksum=summed(bids, asks))
    result = replay("okx", frame)
    assert result["checksums"] == {"held": 0, "bad": 0, "unjudged": 1}
    assert result["gaps"] == 0


def test_story_11_checksum_that_does_not_hold_is_a_gap(replay):
    frames = [
        okx_book("snapshot", texts(BIDS), texts(ASKS), checksum=summed(texts(BIDS), texts(ASKS))),
        okx_book("update", [["63921", "9", "0", "1"]], [], checksum=77),
    ]
    result = replay("okx", *frames)
    assert result["checksums"] == {"held": 1, "bad": 1, "unjudged": 0}
    assert (result["gaps"], result["states"]) == (1, {okx.SYMBOL: "GAPPED"})


def test_story_12_removal_of_an_unknown_level_is_nothing_special(replay):
    gone = [(600000 - n, 0) for n in range(50)]
    result = replay("okx", okx.snapshot(10, BIDS, ASKS), okx.delta((0, 11, 10), gone, []))
    assert (result["gaps"], result["levels"], result["problems"]) == (0, {okx.SYMBOL: [2, 2]}, [])


@pytest.mark.parametrize(
    "said",
    [
        b'{"event":"error","code":"60011","msg":"Please log in","connId":"x"}',
        b'{"event":"error","code":"64003","msg":"Your VIP level is lower than VIP5","connId":"x"}',
    ],
)
def test_story_13_channel_that_wants_a_login_is_control_and_no_bad_message(replay, said):
    assert okx.VENUE.open().decode(said) == (Status.CONTROL, None)
    result = replay("okx", said, okx.snapshot(10, BIDS, ASKS))
    assert (result["control"], result["problems"]) == (1, [])


def test_story_13_book_falls_back_to_the_channel_that_everybody_gets(replay):
    """A capture without the tick-by-tick channel is read by what it has."""
    deep = [frame.replace(b"books", b"books-l2-tbt") for frame in (okx.snapshot(10, BIDS, ASKS),)]
    five = (
        okx.snapshot(10, BIDS, ASKS)
        .replace(b"books", b"books5")
        .replace(b'"action":"snapshot",', b"")
    )
    assert replay("okx", five, *deep)["levels"] == {okx.SYMBOL: [2, 2]}
    assert replay("okx", five)["states"] == {okx.SYMBOL: "SYNCED"}
    both = replay("okx", *deep, okx.snapshot(7, BIDS[:1], ASKS[:1]))
    assert (both["levels"], both["unknown"]) == ({okx.SYMBOL: [1, 1]}, 1)


def test_story_16_hyperliquid_after_a_reconnect_shows_the_newest_book(replay):
    """Subscribing again sends the book twice, perhaps an older one first, and old trades."""
    older = hyperliquid.BOOK.replace(b"8843542", b"8843041").replace(b"105055.0", b"105000.0")
    newer = hyperliquid.BOOK.replace(b"8843542", b"8844042").replace(b"105055.0", b"105055.5")
    frames = [hyperliquid.BOOK, hyperliquid.BOOK, older, hyperliquid.TRADE, newer]
    result = replay("hyperliquid", *frames)
    assert (result["dropped"], result["gaps"], result["resyncs"]) == (1, 0, 0)
    assert result["tops"]["BTC"]["bid"] == "105055.5"
    assert result["problems"] == []


@pytest.mark.parametrize("kind", ["snapshot", "delta"])
def test_story_27_bybit_u_1_replaces_the_book_whatever_came_before(replay, kind):
    frames = [
        bybit.snapshot(100, [(19531, 10), (19000, 5)], [(19540, 10)]),
        bybit.delta((0, 101, 0), [(19532, 3)], []),
        bybit.book(kind, 1, [(18000, 4)], [(18100, 6)]),
        bybit.delta((0, 2, 0), [(18001, 1)], []),
    ]
    result = replay("bybit", *frames)
    assert (result["gaps"], result["resyncs"]) == (0, 1)
    assert result["levels"] == {bybit.SYMBOL: [2, 1]}
    assert result["tops"][bybit.SYMBOL]["bid"] == "1.8001"


def test_story_28_hole_that_the_venue_made_for_a_slow_reader_is_a_gap(replay):
    frames = [bybit.snapshot(100, [(19531, 10)], [(19540, 10)]), bybit.delta((0, 107, 0), [], [])]
    result = replay("bybit", *frames)
    assert (result["gaps"], result["states"]) == (1, {bybit.SYMBOL: "GAPPED"})


def test_event_behind_the_first_of_a_frame_reaches_the_counters(replay):
    trade = hyperliquid.TRADE[hyperliquid.TRADE.index(b"[") + 1 : -2]
    frame = b'{"channel":"trades","data":[' + b",".join([trade] * 5) + b"]}"
    result = replay("hyperliquid", hyperliquid.BOOK, frame)
    assert (result["messages"], result["events"]["trade"]) == (2, 5)


RECORDED = "okx/cryptofeed_OKX.ws.1.0.xz"


@pytest.mark.requires_data
@pytest.mark.skipif(
    not capture.path(RECORDED).exists(),
    reason=f"requires recorded feeds: no {capture.path(RECORDED)} (CORELANE_DATA)",
)
def test_recorded_okx_holds_every_checksum_of_2022(replay):
    messages = [re.sub(rb"^[\d.]+: ", b"", m) for m in capture.messages(RECORDED)]
    result = replay("okx", *messages)
    assert result["checksums"] == {"held": 290, "bad": 0, "unjudged": 0}
    assert (result["gaps"], result["crossed"], result["fallbacks"]) == (0, 0, 0)
    assert set(result["states"].values()) == {"SYNCED"} and len(result["states"]) == 3
