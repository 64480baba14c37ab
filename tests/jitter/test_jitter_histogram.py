"""Percentiles of samples and of time, against lists."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.jitter import Histogram

lengths = st.lists(st.integers(min_value=0, max_value=1 << 41), max_size=50)


def of(values) -> Histogram:
    out = Histogram()
    for value in values:
        out.record(value)
    return out


@given(lengths, lengths)
def test_merge_equals_one_histogram_of_both(first, second):
    assert of(first).merge(of(second)).to_json() == of(first + second).to_json()


@given(lengths)
def test_json_round_trip_keeps_everything(values):
    document = of(values).to_json()
    assert Histogram.from_json(document).to_json() == document


def test_from_json_refuses_counts_that_do_not_add_up():
    document = of([5, 6]).to_json()
    document["count"] = 3
    with pytest.raises(ValueError, match="says 3 samples, its buckets hold 2"):
        Histogram.from_json(document)


def test_from_json_refuses_a_bucket_that_does_not_exist():
    document = of([5]).to_json()
    document["buckets"] = [[1152, 1]]
    with pytest.raises(ValueError, match="bucket 1152"):
        Histogram.from_json(document)


@given(st.lists(st.integers(min_value=0, max_value=31), min_size=1, max_size=50))
def test_quantile_equals_sorted_list_where_buckets_are_exact(values):
    ordered = sorted(values)
    for share in (0.01, 0.5, 0.9, 0.99, 1.0):
        position = -(-round(share * 1_000_000) * len(values) // 1_000_000)
        assert of(values).quantile(share) == ordered[max(position, 1) - 1]


@given(
    st.lists(st.integers(min_value=1, max_value=31), max_size=20),
    st.integers(1, 400),
    st.sampled_from([0.0, 0.5, 0.9, 0.99, 0.999, 1.0]),
)
def test_arrival_quantile_is_the_least_wait_that_few_enough_moments_exceed(gaps, quiet, share):
    """Walk x upwards and add up, for each gap, the moments at which more than x is left."""
    elapsed = sum(gaps) + quiet
    allowed = elapsed * (1 - Fraction(str(share)))
    least = next(x for x in range(40) if sum(max(0, gap - x) for gap in gaps) <= allowed)
    assert of(gaps).arrival_quantile(share, elapsed) == least


def test_arrival_quantile_of_an_undisturbed_core_is_zero():
    assert Histogram().arrival_quantile(0.99999, 10**9) == 0


def test_over_counts_only_longer_ones():
    assert of([500, 2_000, 40_000, 5_000_000]).over(10_000) == 2
