"""Every venue's recorder against a server of its dialect; what it writes can be replayed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from benchmarks.decode import capture
from runtime.feeds.recorder import VENUES, FeedRecorder, Wish
from runtime.replay.capture import in_order
from runtime.replay.replay import Run
from tests.feeds.public_venue import PublicVenue
from tests.venues.venue import Recording, Venue, venues

WAIT_S = 90.0
CHAINED = [venue for venue in venues() if venue.chain is not None]
IN_STREAM = [venue for venue in CHAINED if not venue.chain.rest]
RECORDED = [(venue, venue.recordings[0]) for venue in venues() if venue.chain is None]
RECORDED += [(venue, r) for venue in IN_STREAM for r in venue.recordings]


def replayed(*paths: Path) -> dict:
    run = Run([*paths])
    run.run()
    return run.result()


def recording(
    server: PublicVenue, folder: Path, symbols: list[str], done: Callable[[FeedRecorder], bool]
) -> dict:
    """Record until `done` says so, which may also steer; return the last status."""

    async def play() -> dict:
        async with server, aiohttp.ClientSession() as http:
            rest, streams = f"http://{server.address}", f"ws://{server.address}"
            about = Wish(folder, server.venue.name, rest, streams, symbols, ("depth",), level=1)
            about.flush_s = 0.05
            recorder = FeedRecorder(about, http)
            work = asyncio.ensure_future(recorder.run())
            end = time.monotonic() + WAIT_S
            while not done(recorder) and not work.done():
                assert time.monotonic() < end, (recorder.status(), recorder.said, server.heard)
                await asyncio.sleep(0.02)
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            return recorder.status()

    return asyncio.run(play())


def steps(*each: Callable[[FeedRecorder], bool]) -> Callable[[FeedRecorder], bool]:
    """Return what says "done" when each has said so, one after the other."""
    left = list(each)

    def done(recorder: FeedRecorder) -> bool:
        if left and left[0](recorder):
            left.pop(0)
        return not left

    return done


def test_every_venue_can_be_recorded():
    assert VENUES.keys() == {venue.name for venue in venues()}


@pytest.mark.parametrize("venue", CHAINED, ids=[venue.name for venue in CHAINED])
def test_gap_on_the_way_brings_a_snapshot_and_each_file_replays_by_itself(venue: Venue, tmp_path):
    server, symbol = PublicVenue(venue), venue.symbol

    def lose(recorder: FeedRecorder) -> bool:
        if recorder.books[symbol].is_whole:
            server.to_lose = 1
        return server.to_lose == 1

    def rotate(recorder: FeedRecorder) -> bool:
        book = recorder.books[symbol]
        is_due = book.gaps == 1 and book.is_whole
        recorder.writer.rotate_s = 0.0 if is_due else 3600.0
        return is_due

    def keep(recorder: FeedRecorder) -> bool:
        if len(recorder.writer.files) == 2:
            recorder.writer.rotate_s = 3600.0
        return recorder.writer.rotate_s > 0 and recorder.books[symbol].is_whole

    status = recording(server, tmp_path, [symbol], steps(lose, rotate, keep))
    assert (status["gaps"], status["reconnects"]) == ({symbol: 1}, 0)
    assert status["snapshots"] == {symbol: 3}
    whole = replayed(tmp_path)
    assert (whole["venue"], whole["states"]) == (venue.name, {symbol: "SYNCED"})
    assert (whole["gaps"], whole["crossed"]) == (1, 0)
    assert whole["events"]["snapshot"] == 3
    first, second = map(replayed, in_order([tmp_path]))
    assert (first["events"]["snapshot"], second["events"]["snapshot"]) == (2, 1)
    assert first["states"] == second["states"] == {symbol: "SYNCED"}
    assert (first["gaps"], second["gaps"]) == (1, 0)


@pytest.mark.parametrize("venue", IN_STREAM, ids=[venue.name for venue in IN_STREAM])
def test_gap_right_behind_a_snapshot_brings_another_one(venue: Venue, tmp_path):
    server, symbol = PublicVenue(venue), venue.symbol

    def lose(recorder: FeedRecorder) -> bool:
        if recorder.books[symbol].is_whole:
            server.to_lose = server.to_break = 1
        return server.to_lose == 1

    def whole(recorder: FeedRecorder) -> bool:
        book = recorder.books[symbol]
        return book.gaps == 2 and book.is_whole

    status = recording(server, tmp_path, [symbol], steps(lose, whole))
    assert status["snapshots"] == {symbol: 3}
    assert replayed(tmp_path)["states"] == {symbol: "SYNCED"}


@pytest.mark.parametrize("venue", CHAINED, ids=[venue.name for venue in CHAINED])
def test_file_that_is_due_waits_for_its_snapshot_and_not_for_ever(venue: Venue, tmp_path):
    server, symbol = PublicVenue(venue), venue.symbol
    server.answers.clear()

    def due(recorder: FeedRecorder) -> bool:
        if server.sent < 10:
            return False
        recorder.writer.opened_s -= 60
        recorder.writer.rotate_s = 40  # twice that is 20 s away
        return True

    def answer(recorder: FeedRecorder) -> bool:
        assert len(recorder.writer.files) == 1
        if server.sent < 30:
            return False
        server.answers.set()
        return True

    def ended(recorder: FeedRecorder) -> bool:
        if len(recorder.writer.files) == 1:
            return False
        server.answers.clear()
        recorder.writer.opened_s -= 100
        return True

    def again(recorder: FeedRecorder) -> bool:
        return len(recorder.writer.files) >= 3

    recording(server, tmp_path, [symbol], steps(due, answer, ended, again))
    first = in_order([tmp_path])[0]
    assert (replayed(first)["states"], replayed(first)["gaps"]) == ({symbol: "SYNCED"}, 0)


@pytest.mark.requires_data
@pytest.mark.parametrize(
    ("venue", "recorded"), RECORDED, ids=[f"{v.name}-{Path(r.path).name}" for v, r in RECORDED]
)
def test_recorded_frames_over_a_socket_replay_as_the_recording(
    venue: Venue, recorded: Recording, tmp_path
):
    path = capture.path(recorded.path)
    if not path.exists():
        pytest.skip(f"requires_data: no recording {path} (CORELANE_DATA)")
    frames = capture.messages(recorded.path)
    server = PublicVenue(venue, recorded=frames)
    acks = 1
    status = recording(
        server, tmp_path, [*recorded.scales], lambda r: r.counts["messages"] >= len(frames) + acks
    )
    assert sum(status["gaps"].values()) == 0
    want, got = replayed(path), replayed(tmp_path)
    for key in ("venue", "events", "states", "gaps", "crossed", "checksums", "tops"):
        assert got[key] == want[key], key
