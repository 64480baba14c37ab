"""Bad input: each kind of it is refused by its own status, and nothing else is harmed."""

from __future__ import annotations

import pytest

from hotpath.decode.json import Kind, Status
from tests.usdm.frames import (
    AGG_TRADE,
    BOOK_TICKER,
    DEPTH,
    FRAMES,
    INSTRUMENT,
    MARK_PRICE,
    SNAPSHOT,
    TRADE,
    raw,
)

EVERY = [*FRAMES.values(), *map(raw, FRAMES.values())]
FRAME_BYTES_MAX, LEVELS_MAX = 2 * 1024 * 1024, 20480


def refused(codec, frame: bytes) -> Status:
    """Return why both readers refuse a frame, after seeing that the codec still works."""
    status, event = codec.decode(frame)
    assert event is None
    assert codec.decode_general(frame) == (status, None)
    assert codec.decode(BOOK_TICKER)[0] == Status.EVENT
    return status


@pytest.mark.parametrize("frame", EVERY)
def test_truncated_frame_is_malformed_at_every_length(codec, frame):
    for size in range(len(frame)):
        assert refused(codec, frame[:size]) == Status.MALFORMED


@pytest.mark.parametrize("frame", EVERY)
@pytest.mark.parametrize("rest", [b"x", b"}", b",", b"{}", b"\0"])
def test_bytes_behind_the_document_are_malformed(codec, frame, rest):
    assert refused(codec, frame + rest) == Status.MALFORMED


def test_white_space_behind_the_document_is_fine(codec):
    assert codec.decode(BOOK_TICKER + b" \r\n")[0] == Status.EVENT


def test_oversized_frame_is_too_large(codec):
    frame = DEPTH.replace(b'"s":', b'"x":"' + b"x" * FRAME_BYTES_MAX + b'","s":')
    assert refused(codec, frame) == Status.TOO_LARGE


def test_largest_frame_is_still_read(codec):
    filler = FRAME_BYTES_MAX - len(DEPTH) - len(b'"x":"",')
    frame = DEPTH.replace(b'"s":', b'"x":"' + b"x" * filler + b'","s":')
    assert len(frame) == FRAME_BYTES_MAX
    assert codec.decode(frame)[0] == Status.EVENT


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
    ],
)
def test_binary_and_non_json_is_malformed(codec, frame):
    assert refused(codec, frame) == Status.MALFORMED


@pytest.mark.parametrize("frame", [b"[]", b"[1,2]", b'[{"e":"trade"}]'])
def test_document_that_is_no_object_is_of_the_wrong_type(codec, frame):
    assert refused(codec, frame) == Status.TYPE


def test_invalid_utf8_is_malformed(codec):
    assert refused(codec, TRADE.replace(b"MARKET", b"MAR\xc3\x28")) == Status.MALFORMED


@pytest.mark.parametrize("depth", [33, 1000, 100_000])
def test_deep_nesting_of_an_unknown_value_is_malformed(codec, depth):
    deep = b"[" * depth + b"]" * depth
    assert (
        refused(codec, BOOK_TICKER.replace(b'"s":', b'"x":' + deep + b',"s":')) == Status.MALFORMED
    )
    assert refused(codec, deep) == Status.MALFORMED


def test_nesting_up_to_the_bound_is_read(codec):
    deep = b"[" * 32 + b"]" * 32
    assert codec.decode(BOOK_TICKER.replace(b'"s":', b'"x":' + deep + b',"s":'))[0] == Status.EVENT


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"u":5123107839020', b'"u":"5123107839020"'),
        (b'"b":"61800.20"', b'"b":61800.20'),
        (b'"B":"2.507"', b'"B":null'),
        (b'"s":"BTCUSDT"', b'"s":7'),
        (b'"b":"61800.20"', b'"b":[]'),
        (b'"T":1723161256313', b'"T":null'),
        (b'"T":1723161256313', b'"T":{}'),
        (b'"e":"bookTicker"', b'"e":1'),
        (b'"stream":"btcusdt@bookTicker"', b'"stream":1'),
    ],
)
def test_field_of_the_wrong_type_is_named_so(codec, old, new):
    assert refused(codec, BOOK_TICKER.replace(old, new)) == Status.TYPE


def test_data_that_is_no_object_is_of_the_wrong_type(codec):
    assert refused(codec, b'{"stream":"btcusdt@depth","data":[]}') == Status.TYPE


@pytest.mark.parametrize(
    "level",
    [
        b'["1"]',
        b'["1","2","3"]',
        b'[1,"2"]',
        b'["1",2]',
        b'"1"',
        b"[]",
        b"{}",
        b'[["1"],"2"]',
        b"null",
    ],
)
def test_level_of_another_shape_is_of_the_wrong_type(codec, level):
    assert refused(codec, DEPTH.replace(b'["18540.00","0.000"]', level)) == Status.TYPE


def test_maker_flag_that_is_no_boolean_is_of_the_wrong_type(codec):
    assert refused(codec, TRADE.replace(b'"m":false', b'"m":"false"')) == Status.TYPE


@pytest.mark.parametrize("frame", list(FRAMES.values()), ids=[kind.name for kind in FRAMES])
def test_any_field_twice_is_a_duplicate(codec, frame):
    data = frame.index(b'"data":{') + 8
    inner = frame[data:-2]
    for field in (
        b'"e":"trade"',
        b'"E":1',
        b'"s":"BTCUSDT"',
        b'"T":1',
        b'"ps":"x","ps":"x"',
        b'"new":1,"new":2',
    ):
        assert refused(codec, frame[:data] + inner + b"," + field + b"}}") == Status.DUPLICATE


@pytest.mark.parametrize(
    "extra", [b'"stream":"x"', b'"data":{}', b'"new":1,"new":1', b'"e":"trade"']
)
def test_field_twice_in_the_wrapper_is_a_duplicate(codec, extra):
    assert refused(codec, AGG_TRADE[:-1] + b"," + extra + b"}") == Status.DUPLICATE
    assert refused(codec, b"{" + extra + b"," + AGG_TRADE[1:]) == Status.DUPLICATE


def test_escaped_spelling_of_a_key_is_a_duplicate_of_the_plain_one(codec):
    frame = BOOK_TICKER.replace(b'"s":"BTCUSDT"', b'"s":"BTCUSDT","\\u0073":"BTCUSDT"')
    assert refused(codec, frame) == Status.DUPLICATE


@pytest.mark.parametrize("frame", list(FRAMES.values()), ids=[kind.name for kind in FRAMES])
def test_any_required_field_absent_is_missing(codec, frame):
    data = frame.index(b'"data":{') + 8
    fields = [b'"E":', b'"T":', b'"s":', b'"e":']
    for key in fields:
        start = frame.index(key, data)
        end = min(at for at in (frame.find(b",", start), frame.find(b"}", start)) if at > 0)
        cut = frame[: start - (frame[start - 1] == 44)] + frame[end:]
        assert refused(codec, cut.replace(b"{,", b"{")) == Status.MISSING


@pytest.mark.parametrize(
    "frame", [b"{}", b'{"data":{}}', b'{"stream":"btcusdt@trade"}', b'{"id":1}', b'{"x":1}']
)
def test_object_that_is_no_message_is_missing_its_fields(codec, frame):
    assert refused(codec, frame) == Status.MISSING


BAD_DECIMALS = [
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
]


@pytest.mark.parametrize("text", BAD_DECIMALS)
def test_bad_decimal_is_a_number_fault_in_every_place(codec, text):
    quoted = b'"' + text + b'"'
    assert refused(codec, BOOK_TICKER.replace(b'"61800.20"', quoted)) == Status.NUMBER
    assert refused(codec, DEPTH.replace(b'"61800.10"', quoted)) == Status.NUMBER
    assert refused(codec, DEPTH.replace(b'"4.063"', quoted)) == Status.NUMBER
    assert refused(codec, TRADE.replace(b'"0.006"', quoted)) == Status.NUMBER
    assert refused(codec, MARK_PRICE.replace(b'"61794.15000000"', quoted)) == Status.NUMBER


@pytest.mark.parametrize(
    "text",
    [
        b"NaN",
        b"Infinity",
        b"-1",
        b"1.5",
        b"1e3",
        b"01",
        b"9223372036854775808",
        b"12345678901234567890",
        b"-0",
    ],
)
def test_bad_whole_number_is_a_number_fault(codec, text):
    assert refused(codec, BOOK_TICKER.replace(b"5123107839020", text)) == Status.NUMBER
    assert refused(codec, DEPTH.replace(b"5123107981112", text)) == Status.NUMBER


def test_bare_nan_for_a_decimal_is_a_number_fault(codec):
    assert refused(codec, BOOK_TICKER.replace(b'"61800.20"', b"NaN")) == Status.NUMBER


def test_time_past_what_nanoseconds_hold_is_a_number_fault(codec):
    frame = TRADE.replace(b'"E":1723161256322', b'"E":9223372036855')
    assert refused(codec, frame) == Status.NUMBER


def test_mark_price_finer_than_money_is_a_number_fault(codec):
    assert (
        refused(codec, MARK_PRICE.replace(b"61784.62659091", b"61784.626590911")) == Status.NUMBER
    )


@pytest.mark.parametrize(
    ("frame", "needed"),
    [
        (BOOK_TICKER.replace(b'"61800.20"', b'"61800.25"'), (INSTRUMENT, 2, 3)),
        (BOOK_TICKER.replace(b'"2.507"', b'"2.5071"'), (INSTRUMENT, 1, 4)),
        (
            DEPTH.replace(b"61814.00", b"61814.123").replace(b"606.675", b"606.67501"),
            (INSTRUMENT, 3, 5),
        ),
        (TRADE.replace(b"61800.30", b"0.00000001"), (INSTRUMENT, 8, 3)),
    ],
)
def test_finer_value_is_never_cut_and_says_what_it_needs(codec, frame, needed):
    assert refused(codec, frame) == Status.FINER
    codec.decode(frame)
    assert codec.finer == needed
    assert codec.put_instrument("BTCUSDT", *needed)
    assert codec.decode(frame)[0] == Status.EVENT


def test_finer_zeros_are_fine(codec):
    frame = BOOK_TICKER.replace(b"61800.20", b"61800.2000000").replace(b"2.507", b"2.507000")
    assert codec.decode(frame) == codec.decode(BOOK_TICKER)


@pytest.mark.parametrize("frame", list(FRAMES.values()), ids=[kind.name for kind in FRAMES])
def test_unknown_symbol_is_named(codec, frame):
    other = frame.replace(b"btcusdt", b"ethusdt").replace(b"BTCUSDT", b"ETHUSDT")
    assert refused(codec, other) == Status.UNKNOWN_SYMBOL
    codec.decode(other)
    assert codec.symbol == b"ETHUSDT"


def test_symbol_longer_than_any_is_unknown_and_its_text_is_cut(codec):
    name = b"X" * 200
    assert refused(codec, raw(TRADE).replace(b"BTCUSDT", name)) == Status.UNKNOWN_SYMBOL
    codec.decode(raw(TRADE).replace(b"BTCUSDT", name))
    assert codec.symbol == name[:64]


def test_unknown_symbol_does_not_hide_a_fault_behind_it(codec):
    frame = raw(BOOK_TICKER).replace(b"BTCUSDT", b"ETHUSDT")
    assert refused(codec, frame.replace(b'"2.510"', b'"x"')) == Status.NUMBER
    assert refused(codec, frame[:-1]) == Status.MALFORMED


@pytest.mark.parametrize(
    "frame",
    [
        b'{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1,"s":"BTCUSDT","k":{"t":1,"o":"1","x":false}}}',
        b'{"stream":"btcusdt@forceOrder","data":{"e":"forceOrder","E":1,"o":{"s":"BTCUSDT","S":"SELL"}}}',
        b'{"e":"24hrTicker","E":1,"s":"BTCUSDT","p":"1"}',
        DEPTH.replace(b"@depth@0ms", b"@depth20@100ms"),
        DEPTH.replace(b"@depth@0ms", b"@rpiDepth@500ms"),
        DEPTH.replace(b"btcusdt@depth@0ms", b"pqia91ma19a5s61cv6a81va65sdf19v8a65a1"),
    ],
)
def test_well_formed_other_kind_is_unknown(codec, frame):
    assert refused(codec, frame) == Status.UNKNOWN_KIND


def test_fault_inside_an_unknown_kind_is_still_a_fault(codec):
    frame = b'{"stream":"btcusdt@kline_1m","data":{"e":"kline","k":{"t":tru}}}'
    assert refused(codec, frame) == Status.MALFORMED


@pytest.mark.parametrize(
    "name",
    [
        b"btcusdt@bookTicker",
        b"ethusdt@depth@0ms",
        b"btcusdtx@depth",
        b"btcusd@depth",
        b"BTCUSDT@depth",
        b"@depth",
    ],
)
def test_stream_name_that_disagrees_with_its_data_is_of_the_wrong_type(codec, name):
    assert refused(codec, DEPTH.replace(b"btcusdt@depth@0ms", name)) == Status.TYPE


@pytest.mark.parametrize(
    "frame",
    [
        b'{"result":null,"id":1}',
        b'{"id":1,"result":["btcusdt@depth"]}',
        b'{"error":{"code":2,"msg":"x"},"id":1}',
        b'{"code":2,"msg":"Invalid request: unknown method"}',
    ],
)
def test_answer_to_a_subscription_is_control(codec, frame):
    assert refused(codec, frame) == Status.CONTROL


def many_levels(count: int) -> bytes:
    levels = b",".join(b'["%d.0","1"]' % (n + 1) for n in range(count))
    return DEPTH[: DEPTH.index(b'"b":')] + b'"b":[' + levels + b'],"a":[]}}'


def test_as_many_levels_as_fit_are_read_and_one_more_is_refused(codec):
    status, event = codec.decode(many_levels(LEVELS_MAX))
    assert (status, len(event["bids"]), event["fallback"]) == (Status.EVENT, LEVELS_MAX, False)
    assert refused(codec, many_levels(LEVELS_MAX + 1)) == Status.LEVELS


def test_more_unknown_keys_than_are_kept_is_malformed(codec):
    extra = b",".join(b'"k%d":0' % n for n in range(65))
    assert refused(codec, BOOK_TICKER[:-2] + b"," + extra + b"}}") == Status.MALFORMED


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (SNAPSHOT[:-1], Status.MALFORMED),
        (SNAPSHOT + b"x", Status.MALFORMED),
        (b"{}", Status.MISSING),
        (b'{"code":-1003,"msg":"Too many requests"}', Status.MISSING),
        (b"[]", Status.TYPE),
        (SNAPSHOT.replace(b'"bids"', b'"asks"'), Status.DUPLICATE),
        (SNAPSHOT.replace(b"2.909", b"2.9099"), Status.FINER),
        (SNAPSHOT.replace(b"2.909", b"-2"), Status.NUMBER),
    ],
)
def test_bad_snapshot_is_refused_like_a_bad_frame(codec, body, status):
    assert codec.decode_snapshot(INSTRUMENT, body) == (status, None)


def test_snapshot_for_an_unknown_instrument_is_an_unknown_symbol(codec):
    assert codec.decode_snapshot(INSTRUMENT + 1, SNAPSHOT) == (Status.UNKNOWN_SYMBOL, None)
    assert codec.symbol == b""


def test_every_refusal_is_counted_by_its_status(codec):
    for frame in (b"x", b"", BOOK_TICKER, DEPTH, b'{"result":null,"id":1}', TRADE[:-1], raw(TRADE)):
        codec.decode(frame)
    counters = {name: count for name, count in codec.counters.items() if count}
    assert counters == {"EVENT": 3, "CONTROL": 1, "MALFORMED": 3, "fallbacks": 1}


def test_other_instruments_are_unharmed_by_a_bad_frame(codec):
    assert codec.put_instrument("ETHUSDT", 8, 2, 3)
    ether = BOOK_TICKER.replace(b"btcusdt", b"ethusdt").replace(b"BTCUSDT", b"ETHUSDT")
    before = codec.decode(ether)
    assert (before[0], before[1]["bid_ticks"], before[1]["instrument"]) == (
        Status.EVENT,
        6180020,
        8,
    )
    for size in range(0, len(DEPTH), 7):
        codec.decode(DEPTH[:size])
    assert codec.decode(ether) == before
    assert codec.decode(DEPTH)[1]["kind"] == Kind.DEPTH
