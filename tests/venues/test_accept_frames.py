"""Acceptance: each sample gives its event, and each kind of bad frame its own status."""

from __future__ import annotations

import pytest

from hotpath.decode.json import Kind, Status
from tests.venues.places import places, twice, value, with_more, with_value, without
from tests.venues.venue import Sample, Venue

FRAME_BYTES_MAX, LEVELS_MAX = 2 * 1024 * 1024, 20480
BAD_DECIMALS = (
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"-1",
    b"+1",
    b"1e5",
    b"1E5",
    b"00.1",
    b"01",
    b"1.",
    b".5",
    b".",
    b"",
    b" 1",
    b"1 ",
    b"1,5",
    b"1.2.3",
    b"0x10",
    b"12345678901234567890",
    b"9223372036854775808",
    b"1_000",
)
BAD_WHOLES = (b"NaN", b"Infinity", b"-1", b"1.5", b"1e3", b"01", b"9223372036854775808", b"-0")
BAD_SIGNED = (b"NaN", b"1.5", b"1e3", b"01", b"9223372036854775808", b"--1", b"+1")
BAD_TEXT_WHOLES = (b"NaN", b"x", b"-1", b"1.5", b"1e3", b"9223372036854775808", b" 1", b"1 ")
BARE = {"whole": BAD_WHOLES, "signed": BAD_SIGNED}
PLAIN = ("whole", "text_whole", "money")  # of which every message has one
QUOTED = {
    "text_whole": BAD_TEXT_WHOLES,
    "price": BAD_DECIMALS,
    "size": BAD_DECIMALS,
    "money": BAD_DECIMALS,
}
NOT_TEXT = (b"7", b"null", b"[]", b"{}", b"true")
NOT_NUMBER = (b'"x"', b"null", b"[]", b"{}", b"true")
WRONG = {
    "text": NOT_TEXT,
    "kind": NOT_TEXT,
    "symbol": NOT_TEXT,
    "text_whole": (b"null", b"[]", b"{}", b"true"),
    "price": (b"61800.20", b"null", b"[]", b"{}", b"true"),
    "size": (b"2.507", b"null", b"[]", b"{}", b"true"),
    "money": (b"2.507", b"null", b"[]", b"{}", b"true"),
    "whole": (b'"7"', *NOT_NUMBER),
    "signed": (b'"7"', *NOT_NUMBER),
    "bool": (b'"true"', b"0", b"null", b"[]"),
    "object": (b"[]", b"7", b'"x"', b"null"),
    "bids": (b"{}", b"7", b'"x"', b"null"),
    "asks": (b"{}", b"7", b'"x"', b"null"),
}
WRONG_ROWS = (b'["1"]', b'"1"', b"[]", b"null", b"7", b'[["1"],"2"]', b'[1,"2"]', b'["1",2]')


NO_JSON = (b"NaN", b"Infinity", b"01")  # a value that must wait for its kind is only skipped


def expect(venue: Venue, what: str, path: str, default: Status) -> Status:
    return venue.otherwise.get((what, path), default)


def decimals_in(venue: Venue, sample: Sample) -> list[tuple[str, str]]:
    """Return (path, price or size) of each decimal on a scale, the first row's of each side."""
    out = []
    for path, kind in sample.fields.items():
        if kind in ("price", "size"):
            out.append((path, kind))
        elif kind in ("bids", "asks") and f"{path}[0]" in places(sample.frame):
            out += [(f"{path}[0]{venue.row[0]}", "price"), (f"{path}[0]{venue.row[1]}", "size")]
    return out


def test_sample_gives_its_event_in_every_spelling(venue: Venue, sample: Sample):
    codec = venue.open()
    want = (Status.EVENT, venue.wanted(sample))
    for frame in (sample.frame, *sample.also):
        if sample.rest:
            assert codec.decode_snapshot(venue.instrument, frame) == want
            continue
        fallback = {"fallback": not sample.scanned}
        assert codec.decode(frame) == (Status.EVENT, {**want[1], **fallback})
        assert codec.decode_general(frame) == want
    assert sample.rest or (codec.counters["fallbacks"] == 0) == sample.scanned


def test_other_spelling_is_read_by_the_general_reader_alone(venue: Venue, sample: Sample):
    codec = venue.open()
    for count, frame in enumerate(sample.loose, 1):
        assert codec.decode(frame) == (Status.EVENT, venue.wanted(sample, fallback=True))
        assert codec.counters["fallbacks"] == count


def test_truncated_frame_is_malformed_at_every_length(codec, venue: Venue, sample: Sample):
    for frame in (sample.frame, *sample.loose[:1]):
        for size in range(len(frame)):
            assert venue.read(codec, sample, frame[:size]) == (Status.MALFORMED, None), size
    assert venue.read(codec, sample, sample.frame)[0] == Status.EVENT


@pytest.mark.parametrize("rest", [b"x", b"}", b",", b"{}", b"\0"])
def test_bytes_behind_the_document_are_malformed(codec, venue, sample, rest):
    assert venue.refusal(codec, sample, sample.frame + rest) == Status.MALFORMED


def test_white_space_behind_the_document_is_fine(codec, venue: Venue, sample: Sample):
    assert venue.read(codec, sample, sample.frame + b" \r\n")[0] == Status.EVENT


def test_oversized_frame_is_too_large_and_the_largest_is_read(codec, venue, sample):
    filler = FRAME_BYTES_MAX - len(sample.frame) - len(b',"x":""')
    frame = with_more(sample.frame, b'"x":"' + b"x" * filler + b'"')
    assert len(frame) == FRAME_BYTES_MAX
    assert venue.read(codec, sample, frame)[0] == Status.EVENT
    frame = with_more(sample.frame, b'"x":"' + b"x" * (filler + 1) + b'"')
    assert venue.refusal(codec, sample, frame) == Status.TOO_LARGE


def test_deep_nesting_is_bounded(codec, venue: Venue, sample: Sample):
    for depth, want in ((32, Status.EVENT), (33, Status.MALFORMED), (100_000, Status.MALFORMED)):
        frame = with_more(sample.frame, b'"x":' + b"[" * depth + b"]" * depth)
        assert venue.read(codec, sample, frame)[0] == want, depth


def test_more_unknown_keys_than_are_kept_is_malformed(codec, venue: Venue, sample: Sample):
    extra = b",".join(b'"k%d":0' % n for n in range(65))
    assert venue.refusal(codec, sample, with_more(sample.frame, extra)) == Status.MALFORMED


def test_field_of_the_wrong_type_is_named_so(codec, venue: Venue, sample: Sample):
    for path, kind in sample.fields.items():
        for text in WRONG.get(kind, ()):
            status = venue.refusal(codec, sample, with_value(sample.frame, path, text))
            assert status == expect(venue, "wrong type", path, Status.TYPE), (path, text)


def test_row_of_another_shape_is_of_the_wrong_type(codec, venue: Venue, sample: Sample):
    for path, kind in sample.fields.items():
        if kind not in ("bids", "asks") or f"{path}[0]" not in places(sample.frame):
            continue
        for text in WRONG_ROWS:
            status = venue.refusal(codec, sample, with_value(sample.frame, f"{path}[0]", text))
            assert status == expect(venue, "wrong row", path, Status.TYPE), (path, text)


def test_required_field_absent_is_missing(codec, venue: Venue, sample: Sample):
    for path in sample.fields:
        status = venue.refusal(codec, sample, without(sample.frame, path))
        assert status == expect(venue, "absent", path, Status.MISSING), path


def test_field_twice_is_a_duplicate(codec, venue: Venue, sample: Sample):
    for path in sample.fields:
        status = venue.refusal(codec, sample, twice(sample.frame, path))
        assert status == expect(venue, "twice", path, Status.DUPLICATE), path
    unknown_twice = with_more(sample.frame, b'"new":1,"new":2')
    assert venue.refusal(codec, sample, unknown_twice) == Status.DUPLICATE


def test_escaped_spelling_of_a_key_is_a_duplicate_of_the_plain_one(codec, venue, sample):
    path = next(path for path, kind in sample.fields.items() if kind in PLAIN)
    place, frame = places(sample.frame)[path], sample.frame
    key = frame[place.start + 1 : frame.index(b'"', place.start + 1)]
    escaped = b'"\\u%04x' % key[0] + key[1:] + b'":' + value(frame, path)
    frame = frame[: place.end] + b"," + escaped + frame[place.end :]
    assert venue.refusal(codec, sample, frame) == Status.DUPLICATE


def test_bad_number_is_a_number_fault_in_every_place(codec, venue: Venue, sample: Sample):
    fields = {**sample.fields, **dict(decimals_in(venue, sample))}
    for path, kind in fields.items():
        texts = BARE.get(kind) or [b'"' + text + b'"' for text in QUOTED.get(kind, ())]
        for text in texts:
            status = venue.refusal(codec, sample, with_value(sample.frame, path, text))
            if status == Status.MALFORMED and text in NO_JSON:
                continue
            assert status == expect(venue, "bad number", path, Status.NUMBER), (path, text)
    for path, _ in decimals_in(venue, sample):  # a bare NaN is no JSON, but it is a number
        status = venue.refusal(codec, sample, with_value(sample.frame, path, b"NaN"))
        assert status in (Status.NUMBER, Status.TYPE, Status.MALFORMED), path


def test_finer_value_is_never_cut_and_says_what_it_needs(venue: Venue, sample: Sample):
    for path, kind in decimals_in(venue, sample):
        codec, decimals = venue.open(), list(venue.decimals)
        at = 0 if kind == "price" else 1
        whole = value(sample.frame, path).strip(b'"').partition(b".")[0]
        fraction = b"0" * decimals[at] + b"1"
        frame = with_value(sample.frame, path, b'"' + whole + b"." + fraction + b'"')
        decimals[at] += 1
        assert venue.refusal(codec, sample, frame) == Status.FINER, path
        venue.read(codec, sample, frame)
        assert codec.finer == (venue.instrument, *decimals)
        assert codec.put_instrument(venue.symbol, *codec.finer)
        assert venue.read(codec, sample, frame)[0] == Status.EVENT


def test_finer_zeros_are_fine(codec, venue: Venue, sample: Sample):
    want = venue.wanted(sample)
    for path, _ in decimals_in(venue, sample):
        text = value(sample.frame, path).strip(b'"')
        text += b"000" if b"." in text else b".000"
        frame = with_value(sample.frame, path, b'"' + text + b'"')
        status, event = venue.read(codec, sample, frame)
        assert (status, {**event, "fallback": False}) == (Status.EVENT, want)


def test_unknown_symbol_is_named_and_other_instruments_are_unharmed(codec, venue, sample):
    if sample.rest:
        status = codec.decode_snapshot(venue.instrument + 1, sample.frame)
        assert status == (Status.UNKNOWN_SYMBOL, None)
        return
    frame = venue.named(sample.frame, venue.other_symbol)
    assert venue.refusal(codec, sample, frame) == Status.UNKNOWN_SYMBOL
    venue.read(codec, sample, frame)
    assert codec.symbol == venue.other_symbol.encode()
    before = venue.read(codec, sample, sample.frame)
    assert codec.put_instrument(venue.other_symbol, venue.instrument + 1, *venue.decimals)
    status, event = venue.read(codec, sample, frame)
    assert (status, event["instrument"]) == (Status.EVENT, venue.instrument + 1)
    assert venue.read(codec, sample, sample.frame) == before


def test_fault_behind_an_unknown_symbol_is_still_a_fault(codec, venue: Venue, sample: Sample):
    if not sample.rest:
        frame = venue.named(sample.frame, venue.other_symbol)
        assert venue.refusal(codec, sample, frame[:-1]) == Status.MALFORMED


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b" ",
        b"\0" * 200,
        bytes(range(256)),
        b"\xff" * 300,
        b"\x82\x05hello",
        b"GET / HTTP/1.1\r\n\r\n",
        b"<html></html>",
        b"nonsense",
        b"{",
        b"}",
        b'"',
        b"{}}",
        b'{"a"}',
        b'{"a":}',
        b"{,}",
        b'{"a":1,}',
        b"{'a':1}",
        b'{"a":tru}',
        b'{"a":nul}',
        b'{"a":01}',
        b'{"a":1.}',
        b'{"a":"\\x"}',
        b'{"a":"\n"}',
        b'{"a":"MAR\xc3\x28"}',
    ],
)
def test_binary_and_non_json_is_malformed(codec, venue: Venue, frame):
    sample = venue.samples[0]
    assert venue.refusal(codec, sample, frame) == Status.MALFORMED


@pytest.mark.parametrize("frame", [b"[]", b"[1,2]", b'[{"e":"trade"}]'])
def test_document_that_is_no_object_is_of_the_wrong_type(codec, venue: Venue, frame):
    assert venue.refusal(codec, venue.samples[0], frame) == Status.TYPE


@pytest.mark.parametrize("frame", [b"{}", b'{"x":1}', b'{"x":{"y":[]}}'])
def test_object_that_is_no_message_is_missing_its_fields(codec, venue: Venue, frame):
    assert venue.refusal(codec, venue.samples[0], frame) == Status.MISSING


def test_known_message_without_an_event_is_control(codec, venue: Venue):
    assert venue.controls
    for frame in venue.controls:
        assert venue.refusal(codec, venue.samples[0], frame) == Status.CONTROL, frame


def test_well_formed_message_of_another_kind_is_unknown(codec, venue: Venue):
    assert venue.unknown_kinds
    for frame in venue.unknown_kinds:
        assert venue.refusal(codec, venue.samples[0], frame) == Status.UNKNOWN_KIND, frame


def test_as_many_levels_as_fit_are_read_and_one_more_is_refused(codec, venue: Venue, chain):
    first = next(s for s in venue.samples if s.event["kind"] in (Kind.DEPTH, Kind.SNAPSHOT))
    for count, want in ((LEVELS_MAX, Status.EVENT), (LEVELS_MAX + 1, Status.LEVELS)):
        frame = chain.delta((2, 3, 1), [(n + 1, 1) for n in range(count)], [])
        status, event = venue.read(codec, first, frame)
        assert status == want
        assert event is None or len(event["bids"]) == count


def test_every_refusal_is_counted_by_its_status(venue: Venue):
    codec = venue.open()
    sample = next(s for s in venue.samples if not s.rest)
    for frame in (b"x", b"", sample.frame, *venue.controls[:1], sample.frame[:-1]):
        codec.decode(frame)
    counted = {name: count for name, count in codec.counters.items() if count}
    fallbacks = {} if sample.scanned else {"fallbacks": 1}
    assert counted == {"EVENT": 1, "CONTROL": 1, "MALFORMED": 3, **fallbacks}
