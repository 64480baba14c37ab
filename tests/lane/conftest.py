"""A lane by hand, for the tests of this folder."""

import pytest

from tests.lane_rig import Rig
from tests.pair_rig import PairRig


@pytest.fixture(scope="session")
def rig():
    return Rig


@pytest.fixture(scope="session", params=[Rig, PairRig], ids=["fused", "pair"])
def each_rig(request):
    """One lane, and two in lock-step: what an author or the venue sees is the same."""
    return request.param
