"""Pages of a deployment of this test's own."""

import itertools
import os

import pytest

from benchmarks.scrape.stage import Stage

numbers = itertools.count()


@pytest.fixture
def stage():
    with Stage(f"show{os.getpid()}x{next(numbers)}", lanes=2, instruments=3) as made:
        yield made
