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
from runtime.capture import in_order
from runtime.feed_recorder import VENUES, FeedRecorder, Wish
from runtime.replay import Run
from tests.feeds.public_venue import PublicVenue
from tests.venues.venue import Recording, Venue, venues

WAIT_S = 20.0
CHAINED = [venue for venue in venues() if venue.chain is not None]
RECORDED = [(venue, venue.recordings[0]) for venue in venues() if venue.chain is None]
RECORDED += [(venue, r) for venue in CHAINED if not venue.chain.rest for r in venue.recordings]


def replayed(*paths: Path) -> dict:
    run = Run([*paths])
    run.run()
    return run.result()


def recording(
    server: PublicVenue, folder: Path, symbols: list[str], done: Callable[[dict], bool], **wish
) -> dict:
    """Record until `done` says so of the status; return the last status."""

    async def play() -> dict:
        async with server, aiohttp.ClientSession() as http:
            rest, streams = f"http://{server.address}", f"ws://{server.address}"
            about = Wish(
                folder, server.venue.name, rest, streams, symbols, ("depth",), level=1, **wish
            )
            recorder = FeedRecorder(about, http)
            work = asyncio.ensure_future(recorder.run())
            end = time.monotonic() + WAIT_S
            while not done(recorder.status()) and not work.done():
                assert time.monotonic() < end, (recorder.status(), recorder.said, server.heard)
                await asyncio.sleep(0.02)
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            return recorder.status()

    return asyncio.run(play())


def test_every_venue_can_be_recorded():
    assert VENUES.keys() == {venue.name for venue in venues()}


@pytest.mark.parametrize("venue", CHAINED, ids=[venue.name for venue in CHAINED])
def test_gap_on_the_way_brings_a_snapshot_and_each_file_replays_by_itself(venue: Venue, tmp_path):
    status = recording(
        PublicVenue(venue, gap_at=20),
        tmp_path,
        [venue.symbol],
        lambda s: s["files"] >= 2 and s["snapshots"][venue.symbol] >= 3 and s["depth"] > 80,
        rotate_s=0.5,
    )
    assert (status["gaps"], status["reconnects"]) == ({venue.symbol: 1}, 0)
    whole = replayed(tmp_path)
    assert (whole["venue"], whole["states"]) == (venue.name, {venue.symbol: "SYNCED"})
    assert (whole["gaps"], whole["crossed"]) == (1, 0)
    assert whole["events"]["snapshot"] == status["snapshots"][venue.symbol]
    first, second = in_order([tmp_path])[:2]
    assert replayed(first)["events"]["snapshot"] >= 2
    assert (replayed(second)["gaps"], replayed(second)["states"]) == (0, {venue.symbol: "SYNCED"})


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
        server, tmp_path, [*recorded.scales], lambda s: s["messages"] >= len(frames) + acks
    )
    assert sum(status["gaps"].values()) == 0
    want, got = replayed(path), replayed(tmp_path)
    for key in ("venue", "events", "states", "gaps", "crossed", "checksums", "tops"):
        assert got[key] == want[key], key
