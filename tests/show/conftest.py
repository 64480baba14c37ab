"""Pages of a deployment of this test's own."""

import itertools
import os

import pytest

from benchmarks.scrape.stage import Stage
from runtime.pages import page as pages

numbers = itertools.count()


@pytest.fixture
def stage():
    with Stage(f"show{os.getpid()}x{next(numbers)}", lanes=2, instruments=3) as made:
        yield made


@pytest.fixture(autouse=True)
def no_page_stays_mapped():
    """Close what a test made or looked at: a map is a descriptor, and a long run has many tests."""
    before = set(pages.open_pages)
    yield
    for page in pages.open_pages - before:
        page.close()
