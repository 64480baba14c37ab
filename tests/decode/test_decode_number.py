"""Numbers: the specification against Decimal, the kernels against the specification."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotpath.decode.json import Status, read_decimal, read_whole, scan_decimal, scan_whole

INT64_MAX = 2**63 - 1
PLAIN = re.compile(rb"(0|[1-9][0-9]*)(\.[0-9]+)?")

digits = st.text("0123456789", max_size=22).map(str.encode)
nearly = st.builds(
    lambda a, b, c: a + b + c, digits, st.sampled_from([b"", b".", b"..", b"-"]), digits
)
anything = st.binary(max_size=24).map(lambda text: text.replace(b'"', b"x"))
texts = st.one_of(nearly, anything)
scales = st.integers(0, 18)


def value_of(text: bytes, decimals: int) -> tuple[Status, int, int]:
    """Say what a decimal text means, slowly: (status, value, decimals needed)."""
    if not PLAIN.fullmatch(text):
        return Status.NUMBER, 0, 0
    whole, _, fraction = text.partition(b".")
    needed = len(fraction.rstrip(b"0"))
    scaled = Decimal(text.decode()).scaleb(decimals)
    if int(whole) * 10**decimals > INT64_MAX or needed > 18 or int(scaled) > INT64_MAX:
        return Status.NUMBER, 0, 0
    if needed > decimals:
        return Status.FINER, 0, needed
    return Status.EVENT, int(scaled), 0


@settings(max_examples=3000)
@given(texts, scales)
def test_decimal_specification_equals_decimal_arithmetic(text, decimals):
    status, value, needed = read_decimal(text, decimals)
    want, want_value, want_needed = value_of(text, decimals)
    assert status == want
    if want == Status.EVENT:
        assert value == want_value
    if want == Status.FINER:
        assert needed == want_needed


@settings(max_examples=3000)
@given(texts, scales)
def test_decimal_kernel_never_differs_from_the_specification(text, decimals):
    value = scan_decimal(text + b'"', decimals)
    assert value is None or (Status.EVENT, value) == read_decimal(text, decimals)[:2]


@settings(max_examples=3000)
@given(texts, scales, st.binary(max_size=16))
def test_decimal_kernel_takes_everything_plain_whatever_follows(text, decimals, behind):
    status, value, _ = read_decimal(text, decimals)
    whole = len(text.partition(b".")[0])
    plain = status == Status.EVENT and len(text) <= 15 and whole + decimals <= 16
    assert scan_decimal(text + b'"' + behind, decimals) == (value if plain else None)


@settings(max_examples=2000)
@given(texts, st.sampled_from([b",", b"}", b"]", b" ", b"x", b'"', b"."]))
def test_whole_kernel_equals_the_specification_below_sixteen_digits(text, behind):
    size, value = read_whole(text + behind)
    run = re.match(rb"[0-9]*", text).group()
    assert size == (
        0 if (len(run) > 1 and run[:1] == b"0") or int(run or b"0") > INT64_MAX else len(run)
    )
    if size:
        assert value == int(run)
    assert scan_whole(text + behind) == ((size, value) if 0 < size < 16 else (0, 0))


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"9223372036854775807", Status.EVENT),
        (b"9223372036854775808", Status.NUMBER),
        (b"92233720368547758.07", Status.FINER),
        (b"1.000000000000000000000000000000", Status.EVENT),
        (b"0.0000000000000000001", Status.NUMBER),
        (b"", Status.NUMBER),
        (b".", Status.NUMBER),
        (b"1.", Status.NUMBER),
        (b".5", Status.NUMBER),
        (b"00.1", Status.NUMBER),
        (b"-1", Status.NUMBER),
        (b"+1", Status.NUMBER),
        (b"1e5", Status.NUMBER),
        (b"NaN", Status.NUMBER),
        (b" 1", Status.NUMBER),
    ],
)
def test_decimal_edges_without_decimals(text, status):
    assert read_decimal(text, 0)[0] == status
