"""A short share of `make soak`: random kills of everything but the supervisor."""

from ops.soak import soak


def test_soak_of_a_few_kills_ends_with_the_venues_own_figures():
    found = soak(6, 7, ["--blocking"], kills_min=4)
    assert found["problems"] == [], found
    assert sum(found["kills"].values()) >= 4, found
    assert sum(found["starts"].values()) > 4, found
