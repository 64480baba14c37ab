"""CPU lists and masks: what real hosts write, and the way back."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning import cpus

SETS = st.frozensets(st.integers(0, 4095), max_size=200)


@given(SETS)
def test_list_written_and_read_is_the_same_set(chosen):
    assert cpus.parse_list(cpus.format_list(chosen)) == chosen


@given(SETS)
def test_mask_written_and_read_is_the_same_set(chosen):
    text = cpus.format_mask(chosen)
    assert cpus.parse_mask(text) == chosen
    words = text.split(",")
    assert all(len(word) == 8 for word in words[1:]) and len(words[0]) <= 8


@given(SETS, st.integers(0, 3))
def test_mask_with_leading_zero_words_is_the_same_set(chosen, words):
    text = "00000000," * words + cpus.format_mask(chosen).rjust(8, "0")
    assert cpus.parse_mask(text) == chosen


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("(null)\n", []),
        ("none", []),
        ("4-N", [4, 5, 6, 7]),
        ("N", [7]),
        ("all", list(range(8))),
        ("0-31:2/4", [n for n in range(32) if n % 4 < 2]),
        ("1,3\t5", [1, 3, 5]),
        ("0-1,6-N\0", [0, 1, 6, 7]),
    ],
)
def test_list_of_a_real_host_is_understood(text, expected):
    assert cpus.parse_list(text, last=7, every=frozenset(range(8))) == frozenset(expected)


@pytest.mark.parametrize(
    "text", ["4-N", "5-3", "0-31:0/4", "0-31:5/4", "a", "1-", "-1", "0-99999", "1;2"]
)
def test_list_that_makes_no_sense_is_refused_by_name(text):
    with pytest.raises(ValueError, match=r"CPU|stands for|takes|backwards"):
        cpus.parse_list(text)


@pytest.mark.parametrize("text", ["", "xyz", "1,123456789", "1," * 300 + "0"])
def test_mask_that_makes_no_sense_is_refused(text):
    with pytest.raises(ValueError, match=r"mask|CPU|word"):
        cpus.parse_mask(text)


def test_flags_before_a_list_are_kept_apart():
    assert cpus.parse_flagged("managed_irq,domain,2-3,7") == (
        ("managed_irq", "domain"),
        frozenset({2, 3, 7}),
    )
    assert cpus.parse_flagged("all", every=frozenset({0, 1})) == ((), frozenset({0, 1}))


@given(st.text(max_size=40))
def test_any_text_is_a_set_or_a_value_error(text):
    for parse in (cpus.parse_list, cpus.parse_mask):
        with contextlib.suppress(ValueError):
            assert isinstance(parse(text), frozenset)
