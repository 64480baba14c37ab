"""Frames after a few changes to bytes, fields or values: close to what a parser wants."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hypothesis import strategies as st

FIELD = re.compile(rb'"[A-Za-z]{1,12}":(?:"[^"]*"|-?[0-9]+|true|false|\[(?:\[[^]]*\],?)*\])')
VALUE = re.compile(rb'"[^"]*"|-?[0-9]+|true|false')
STRUCTURE = b'",.:[]{}0123456789eE-+ \\'
VALUES = (
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
    b"1723161258284123",
    b"9223372036854776",
    b'"92233720368547758.1"',
    b'"61800.25"',
    b'"0.0010"',
    b'"123456789012345.6"',
    b"[]",
    b"{}",
    b'[["1","2"]]',
    b'[["1","2","3"]]',
    b'[["1",2]]',
    b'"\\ud800"',
    b'"a\\nb"',
    b"[" * 40 + b"]" * 40,
    b"0123",
    b"1723161256313 ",
    b'"\xff"',
)


def spliced(frame: bytes, matches: Sequence[re.Match[bytes]], at: int, new: bytes) -> bytes:
    match = matches[at % len(matches)]
    return frame[: match.start()] + new + frame[match.end() :]


@st.composite
def mutated(draw: st.DrawFn, seeds: list[bytes], values: Sequence[bytes] = ()) -> bytes:
    """Return a frame after up to three changes; `values` are further texts to put in."""
    frame = draw(st.sampled_from(seeds))
    texts = [*VALUES, *values]
    for _ in range(draw(st.integers(0, 3))):
        how = draw(st.integers(0, 8))
        at = draw(st.integers(0, max(len(frame) - 1, 0)))
        fields, found = list(FIELD.finditer(frame)), list(VALUE.finditer(frame))
        if how == 0:
            byte = draw(st.one_of(st.sampled_from(STRUCTURE), st.integers(0, 255)))
            frame = frame[:at] + bytes([byte]) + frame[at + 1 :]
        elif how == 1:
            frame = frame[:at]
        elif how == 2:
            frame = frame[:at] + draw(st.binary(max_size=3)) + frame[at:]
        elif how == 3:
            frame = frame[:at] + frame[at + draw(st.integers(1, 5)) :]
        elif how == 4 and fields:
            frame = spliced(frame, fields, at, b"").replace(b",,", b",").replace(b"{,", b"{")
        elif how == 5 and fields:
            field = fields[draw(st.integers(0, len(fields) - 1))].group()
            frame = spliced(frame, fields, at, fields[at % len(fields)].group() + b"," + field)
        elif how == 6 and len(fields) > 1:
            i = at % (len(fields) - 1)
            a, b = fields[i], fields[i + 1]
            middle = frame[a.end() : b.start()]
            frame = frame[: a.start()] + b.group() + middle + a.group() + frame[b.end() :]
        elif how == 7 and found:
            frame = spliced(frame, found, at, draw(st.sampled_from(texts)))
        elif how == 8:
            frame = frame.replace(b":", draw(st.sampled_from([b" : ", b":\t", b":"])), 3)
    return frame
