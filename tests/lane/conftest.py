"""A lane by hand, for the tests of this folder."""

import pytest

from tests.lane_rig import Rig


@pytest.fixture(scope="session")
def rig():
    return Rig
