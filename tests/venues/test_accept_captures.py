"""Acceptance: a capture of a venue is recognised as its own, from its messages alone."""

from __future__ import annotations

import importlib
import json

from runtime.replay.head import VENUES
from tests.venues.venue import Sample, Venue

DIALECTS = {name: importlib.import_module(module) for name, module in VENUES.items()}


def test_every_venue_has_a_dialect(venue: Venue):
    assert venue.name in VENUES


def test_sample_is_of_its_own_venue_and_of_no_other(venue: Venue, sample: Sample):
    spellings = () if sample.rest else (*sample.also, *sample.loose)
    for frame in (sample.frame, *spellings):
        message = json.loads(frame)
        votes = {name: dialect.kinship(message) for name, dialect in DIALECTS.items()}
        own = votes.pop(venue.name)
        assert own >= 0, frame
        assert max(votes.values()) <= 0, (votes, frame)


def test_samples_together_name_their_venue(venue: Venue):
    dialect = DIALECTS[venue.name]
    assert sum(dialect.kinship(json.loads(sample.frame)) for sample in venue.samples) > 0


def test_dialect_says_whose_a_sample_is_and_its_numbers(venue: Venue, sample: Sample):
    dialect, message = DIALECTS[venue.name], json.loads(sample.frame)
    assert dialect.symbol(message) in (venue.symbol, "")
    for price, size in dialect.numbers(message):
        assert price.replace(".", "").isdigit() and size.replace(".", "").isdigit()
