"""Venues that the tests share, in processes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sim_stage import Stage

from venues.simulator.options import ServeOptions
from venues.simulator.spawn import spawn


def _stage(**options: Any) -> Iterator[Stage]:
    names = tuple(f"t{number}" for number in range(200))
    with spawn(ServeOptions(limits=False, accounts=names, **options)) as venue:
        yield Stage(venue)


@pytest.fixture(scope="session")
def still() -> Iterator[Stage]:
    """A venue whose participants never move."""
    yield from _stage(rate=0.0, symbols=("BTCUSDT", "ETHUSDT", "XRPUSDT"))


@pytest.fixture(scope="session")
def lively() -> Iterator[Stage]:
    """A venue with the default crowd, twice as busy."""
    yield from _stage(rate=2.0)
