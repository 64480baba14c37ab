"""Where the fields of a JSON text stand, so that a test can change one and leave the rest alone."""

from __future__ import annotations

import json
from dataclasses import dataclass

DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class Place:
    start: int  # of the key with its quote; of the value where there is no key
    value: int
    end: int  # behind the value


def places(frame: bytes) -> dict[str, Place]:
    """Return path -> place of every value: a.b for objects, a[0] for arrays; good JSON only."""
    text = frame.decode("latin-1")
    out: dict[str, Place] = {}
    walk(text, 0, "", out)
    return out


def blank(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


def walk(text: str, at: int, path: str, out: dict[str, Place]) -> int:
    """Note what is inside the value at `at`, and return where it ends."""
    at = blank(text, at)
    if text[at] not in "{[":
        return DECODER.raw_decode(text, at)[1]
    closing, number = "]" if text[at] == "[" else "}", 0
    at = blank(text, at + 1)
    while text[at] != closing:
        start, inner = at, f"{path}[{number}]"
        if closing == "}":
            key, at = DECODER.raw_decode(text, at)
            inner = f"{path}.{key}" if path else key
            at = blank(text, blank(text, at) + 1)
        value = at
        at = walk(text, at, inner, out)
        out[inner] = Place(start, value, at)
        at = blank(text, at)
        if text[at] == ",":
            at = blank(text, at + 1)
        number += 1
    return at + 1


def value(frame: bytes, path: str) -> bytes:
    place = places(frame)[path]
    return frame[place.value : place.end]


def with_value(frame: bytes, path: str, text: bytes) -> bytes:
    """Return the frame with another value there."""
    place = places(frame)[path]
    return frame[: place.value] + text + frame[place.end :]


def without(frame: bytes, path: str) -> bytes:
    """Return the frame without a field."""
    place = places(frame)[path]
    head, tail = frame[: place.start], frame[place.end :]
    if tail.startswith(b","):
        return head + tail[1:]
    return head.removesuffix(b",") + tail


def twice(frame: bytes, path: str) -> bytes:
    """Return the frame with a field a second time, right behind the first."""
    place = places(frame)[path]
    return frame[: place.end] + b"," + frame[place.start : place.end] + frame[place.end :]


def with_more(frame: bytes, text: bytes) -> bytes:
    """Return the frame with more at the end of its outermost object."""
    assert frame.endswith(b"}")
    return frame[:-1] + b"," + text + b"}"
