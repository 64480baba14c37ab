"""`make bench-check`: a short share of the counts, and that it can say no."""

import json
from dataclasses import replace

import pytest

from benchmarks.counts import __main__ as counts
from benchmarks.counts.series import lines
from tests.venues.venue import venues

KEY = counts.key()
RECORDED = json.loads(counts.BASELINE.read_text())


@pytest.fixture(scope="module")
def valgrind():
    try:
        return counts.valgrind()
    except counts.CountError as error:
        pytest.skip(f"requires_valgrind: {error}")


NAMES = ["binance_usdm.book_ticker", "hyperliquid.bbo", "journal.append.256", "journal.scan.256"]


@pytest.fixture(scope="module")
def kinds(valgrind):
    return [kind for name in NAMES for kind in counts.count(name)]


def test_counts_are_within_what_is_recorded(kinds):
    if KEY not in RECORDED:
        pytest.skip(f"requires_baseline: no counts recorded for {KEY}")
    assert [kind.name for kind in kinds] == NAMES
    assert all(kind.messages == kind.events == 64 for kind in kinds)
    assert counts.judged(kinds, RECORDED[KEY]) == []


def test_counts_that_grow_by_more_than_five_percent_are_refused(kinds):
    known = {kind.name: kind.row for kind in kinds}
    little = [replace(kind, instructions=kind.instructions * 1.04) for kind in kinds]
    more = [replace(kind, instructions=kind.instructions * 1.06) for kind in kinds]
    assert counts.judged(little, known) == []
    assert [line.split(":")[0] for line in counts.judged(more, known)] == [*known]


def test_events_that_differ_from_the_recorded_ones_are_refused(kinds):
    other = [replace(kind, checksum="00000000") for kind in kinds]
    assert "events 00000000" in counts.judged(other, {kind.name: kind.row for kind in kinds})[0]


def test_kind_that_was_never_recorded_is_refused(kinds):
    assert "not recorded" in counts.judged(kinds, {})[0]


def test_program_that_dies_in_valgrind_gives_no_count(valgrind, monkeypatch):
    """AVX-512 ends a counted run by SIGILL and a count is printed all the same."""
    monkeypatch.setattr(counts, "lines", lambda: [b"binance_usdm book_ticker stream {}", b"x"])
    with pytest.raises(counts.CountError, match="exit codes"):
        counts.count()


def test_every_kind_of_every_venue_is_recorded():
    wanted = {".".join(line.decode().split(" ", 2)[:2]) for line in lines()}
    areas = {"journal", *(venue.name for venue in venues())}
    assert {name.partition(".")[0] for name in wanted} == areas
    for key, recorded in RECORDED.items():
        assert recorded.keys() == wanted, f"{key}; run: make bench-check ARGS=--record"
