"""Three readers of one frame, whatever is done to it: shape, general and a slow oracle."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from hotpath.decode.json import Status
from tests.usdm import oracle
from tests.usdm.frames import (
    FRAMES,
    INSTRUMENT,
    PRICE_DECIMALS,
    SIZE_DECIMALS,
    SYMBOL,
    raw,
    with_2026_fields,
)
from venues.binance.usdm.codec import Codec

CODEC = Codec()
CODEC.put_instrument(SYMBOL, INSTRUMENT, PRICE_DECIMALS, SIZE_DECIMALS)

WRAPPED = [
    with_2026_fields(frame, pair=pair, market=market)
    for frame in FRAMES.values()
    for pair in (False, True)
    for market in (False, True)
]
SEEDS = [*WRAPPED, *map(raw, FRAMES.values())]
FIELD = re.compile(rb'"[A-Za-z]{1,6}":(?:"[^"]*"|[0-9]+|true|false|\[(?:\[[^]]*\],?)*\])')
VALUE = re.compile(rb'"[^"]*"|[0-9]+|true|false')
VALUES = [
    b"",
    b"0",
    b"1",
    b"-1",
    b"1.5",
    b"1e3",
    b"null",
    b"true",
    b"NaN",
    b'""',
    b'"0"',
    b'"-0.5"',
    b'"00.1"',
    b'"1."',
    b'".5"',
    b'"1e3"',
    b'"12345678901234567890"',
    b"9223372036854775807",
    b"9223372036854775808",
    b"9223372036855",
    b'"92233720368547758.1"',
    b'"61800.25"',
    b'"0.0010"',
    b'"123456789012345.6"',
    b"[]",
    b"{}",
    b'[["1","2"]]',
    b'[["1","2","3"]]',
    b'[["1",2]]',
    b'"BTC\\u0055SDT"',
    b'"ETHUSDT"',
    b'"depthUpdate"',
    b'"trade"',
    b'"\\ud800"',
    b'"btcusdt@depth"',
    b'"btcusdt@trade"',
    b'"!bookTicker"',
    b'"MARKET"',
    b'"NA"',
    b'"a\\nb"',
    b"[" * 40 + b"]" * 40,
    b"0123",
    b"1723161256313 ",
    b'"\xff"',
]


def splice(frame: bytes, found: list[re.Match[bytes]], index: int, new: bytes) -> bytes:
    if not found:
        return frame
    match = found[index % len(found)]
    return frame[: match.start()] + new + frame[match.end() :]


@st.composite
def mutated(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """Return a frame after a few changes to bytes, fields or values."""
    frame = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 3))):
        how = draw(st.integers(0, 8))
        at = draw(st.integers(0, max(len(frame) - 1, 0)))
        fields, values = list(FIELD.finditer(frame)), list(VALUE.finditer(frame))
        if how == 0:
            byte = draw(
                st.one_of(st.sampled_from(b'",.:[]{}0123456789eE-+ \\'), st.integers(0, 255))
            )
            frame = frame[:at] + bytes([byte]) + frame[at + 1 :]
        elif how == 1:
            frame = frame[:at]
        elif how == 2:
            frame = frame[:at] + draw(st.binary(max_size=3)) + frame[at:]
        elif how == 3:
            frame = frame[:at] + frame[at + draw(st.integers(1, 5)) :]
        elif how == 4 and fields:
            frame = splice(frame, fields, at, b"").replace(b",,", b",").replace(b"{,", b"{")
        elif how == 5 and fields:
            field = fields[draw(st.integers(0, len(fields) - 1))].group()
            frame = splice(frame, fields, at, fields[at % len(fields)].group() + b"," + field)
        elif how == 6 and len(fields) > 1:
            i = at % (len(fields) - 1)
            a, b = fields[i], fields[i + 1]
            middle = frame[a.end() : b.start()]
            frame = frame[: a.start()] + b.group() + middle + a.group() + frame[b.end() :]
        elif how == 7:
            frame = splice(frame, values, at, draw(st.sampled_from(VALUES)))
        elif how == 8:
            frame = frame.replace(b":", draw(st.sampled_from([b" : ", b":\t", b":"])), 3)
    return frame


@settings(max_examples=4000, deadline=None)
@given(mutated(SEEDS))
def test_general_reader_equals_the_oracle_over_mutated_frames(frame):
    status, event = CODEC.decode_general(frame)
    want = oracle.decode(frame)
    assert (status == Status.EVENT) == (want is not None), status
    if want is not None:
        assert event == {**want, "fallback": False}


@settings(max_examples=6000, deadline=None)
@given(mutated(WRAPPED))
def test_decode_equals_the_general_reader_over_mutated_frames(frame):
    assert CODEC.decode_bytes(frame) == CODEC.decode_bytes(frame, general=True)


@settings(max_examples=1500, deadline=None)
@given(mutated(WRAPPED), st.binary(min_size=64, max_size=64))
def test_what_stands_behind_a_frame_does_not_change_it(frame, behind):
    """A receive buffer goes on after a frame; a truncated one must not borrow from there."""
    alone = CODEC.decode_bytes(frame)
    assert CODEC.decode_inside(frame, behind) == alone
    assert CODEC.decode_inside(frame, frame[-40:] + behind) == alone


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(WRAPPED), st.data())
def test_truncated_frame_whose_rest_lies_behind_it_is_refused(frame, data):
    cut = data.draw(st.integers(0, len(frame) - 1))
    status, event, levels = CODEC.decode_inside(frame[:cut], frame[cut:] + bytes(64))
    assert status != Status.EVENT
    assert (event, levels) == (b"", b"")
