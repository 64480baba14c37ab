"""The matrix: `venue` and `sample` run through every table of tests/venues/tables."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.venues.venue import Chain, Oracle, Recording, Venue, venues

ROOT = Path(__file__).resolve().parents[2]


def data_folder() -> Path:
    return Path(os.environ.get("CORELANE_DATA", ROOT.parent / "shared" / "data"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test the rows that it can judge: those with an oracle, a chain, a recording."""
    names = set(metafunc.fixturenames)
    some = [v for v in venues() if not (v.oracle is None and "oracle" in names)]
    if "chain" in names or "case" in names:
        some = [venue for venue in some if venue.chain]
    if "recording" in names:
        rows = [(v, r) for v in some for r in v.recordings]
        if "oracle" in names:
            rows = [(v, r) for v, r in rows if r.scales == {v.symbol: v.decimals}]
        ids = [f"{venue.name}-{Path(recording.path).name}" for venue, recording in rows]
        metafunc.parametrize(("venue", "recording"), rows, ids=ids)
    elif "sample" in names:
        pairs = [(venue, sample) for venue in some for sample in venue.samples]
        ids = [f"{venue.name}-{sample.name}" for venue, sample in pairs]
        metafunc.parametrize(("venue", "sample"), pairs, ids=ids)
    elif "case" in names:
        cases = [(venue, case) for venue in some for case in venue.chain.cases]
        metafunc.parametrize(("venue", "case"), cases, ids=[f"{v.name}-{c}" for v, c in cases])
    elif "venue" in names:
        metafunc.parametrize("venue", some, ids=[venue.name for venue in some])


@pytest.fixture
def chain(venue: Venue) -> Chain:
    assert venue.chain is not None
    return venue.chain


@pytest.fixture
def oracle(venue: Venue) -> Oracle:
    assert venue.oracle is not None
    return venue.oracle


@pytest.fixture
def codec(venue: Venue):
    return venue.open()


@pytest.fixture
def messages(recording: Recording) -> list[bytes]:
    """Return a recording's messages without their times; skip by name where it is absent."""
    path = data_folder() / recording.path
    if not path.exists():
        pytest.skip(f"requires_data: no recording {path} (CORELANE_DATA)")
    from benchmarks.decode import capture

    return capture.messages(recording.path)
