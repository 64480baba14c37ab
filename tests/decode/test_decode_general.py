"""The general reader by tables of its own: what other venues will ask of it."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotpath.decode.json import Status, kernel
from hotpath.decode.trial import Flag, Trial, Type

MUST, NONE = Flag.REQUIRED, Flag.NONE


def trial(*fields, further=()) -> Trial:
    reader = Trial([(None, 0, [(*field, 0)[:5] for field in fields]), *further])
    assert reader.put_instrument("BTC-USDT", 7, 1, 3)
    return reader


def test_kernel_has_a_name():
    assert kernel().isidentifier()


def test_symbol_outside_a_nested_object_gives_it_its_scale_in_any_order():
    """As OKX does: the symbol stands in `arg`, the levels in rows of `data`."""
    book = [("b", Type.BIDS, NONE, 3, 0), ("a", Type.ASKS, NONE, 4, 0)]
    reader = trial(
        ("arg", Type.OBJECT, MUST, 0, 1),
        ("data", Type.OBJECT, MUST | Flag.LATER, 1, 2),
        further=[(None, 0, [("instId", Type.SYMBOL, MUST, 2, 0)]), (None, 0, book)],
    )
    arg, data = b'"arg":{"instId":"BTC-USDT"}', b'"data":{"b":[["1.5","2"]],"a":[["1.6","0.001"]]}'
    for parts in itertools.permutations([arg, data]):
        status, _, _, bids, asks = reader.read(b"{" + b",".join(parts) + b"}")
        assert (status, bids, asks) == (Status.EVENT, [(15, 2000)], [(16, 1)])


def test_rows_are_handed_out_one_by_one_and_share_nothing():
    row = [
        ("p", Type.PRICE, MUST, 1, 0),
        ("s", Type.SYMBOL, MUST, 2, 0),
        ("n", Type.WHOLE, NONE, 3, 0),
    ]
    reader = trial(("rows", Type.ROWS, MUST, 0, 1), further=[(None, 0, row)])
    assert reader.put_instrument("ETH-USDT", 8, 2, 2)
    text = (
        b'{"rows":[{"p":"1.5","s":"BTC-USDT","n":4},{"s":"ETH-USDT","p":"1.5"},'
        b'{"n":5,"s":"BTC-USDT","p":"2"}]}'
    )
    status, _, rows, _, _ = reader.read(text)
    assert status == Status.EVENT
    assert rows == [
        {"p": 15, "s": b"BTC-USDT", "n": 4},
        {"p": 150, "s": b"ETH-USDT"},
        {"p": 20, "s": b"BTC-USDT", "n": 5},
    ]
    assert reader.read(b'{"rows":[]}')[2] == []


@pytest.mark.parametrize("text", [b'{"rows":[{}]}', b'{"rows":[{"p":"1"}]}'])
def test_row_without_a_required_field_is_missing(text):
    reader = trial(
        ("rows", Type.ROWS, NONE, 0, 1), further=[(None, 0, [("q", Type.TEXT, MUST, 1, 0)])]
    )
    assert reader.read(text)[0] == Status.MISSING


@pytest.mark.parametrize(
    "text", [b'{"rows":[1]}', b'{"rows":{}}', b'{"rows":[[]]}', b'{"rows":null}']
)
def test_rows_of_another_type_are_refused(text):
    reader = trial(("rows", Type.ROWS, NONE, 0, 1), further=[(None, 0, [])])
    assert reader.read(text)[0] == Status.TYPE


def test_kind_selects_a_further_shape_and_fields_before_it_wait():
    further = [
        ("one", 1, [("v", Type.WHOLE, MUST, 1, 0)]),
        ("two", 2, [("v", Type.TEXT, MUST, 1, 0)]),
    ]
    reader = trial(("k", Type.KIND, MUST, 0), further=further)
    for kind, value, want in ((b"one", b"5", 5), (b"two", b'"x"', b"x")):
        for parts in itertools.permutations([b'"k":"' + kind + b'"', b'"v":' + value, b'"u":{}']):
            status, values, *_ = reader.read(b"{" + b",".join(parts) + b"}")
            assert status == Status.EVENT
            assert want in values.values()
    assert reader.read(b'{"v":"x","k":"one"}')[0] == Status.TYPE
    assert reader.read(b'{"v":5,"k":"three"}')[0] == Status.UNKNOWN_KIND


def test_signed_empty_and_cut_numbers_are_read_only_where_the_table_says_so():
    flags = {
        "plain": NONE,
        "signed": Flag.SIGNED,
        "empty": Flag.EMPTY,
        "cut": Flag.ROUND,
        "all": Flag.SIGNED | Flag.EMPTY | Flag.ROUND,
    }
    reader = trial(
        *((key, Type.MONEY, flag, slot) for slot, (key, flag) in enumerate(flags.items()))
    )

    def read(key: str, value: str) -> object:
        status, values, *_ = reader.read(f'{{"{key}":"{value}"}}'.encode())
        return values[key] if status == Status.EVENT else status

    assert [read(key, "-1.5") for key in flags] == [
        Status.NUMBER, -150000000, Status.NUMBER, Status.NUMBER, -150000000,
    ]  # fmt: skip
    assert [read(key, "") for key in flags] == [Status.NUMBER, Status.NUMBER, 0, Status.NUMBER, 0]
    fine = "0.123456789"
    assert [read(key, fine) for key in flags] == [
        Status.NUMBER, Status.NUMBER, Status.NUMBER, 12345678, 12345678,
    ]  # fmt: skip
    assert [read(key, "-") for key in flags] == [Status.NUMBER] * 5
    assert [read(key, "1.12345678x") for key in flags] == [Status.NUMBER] * 5
    assert [read(key, "1.123456789.") for key in flags] == [Status.NUMBER] * 5


@pytest.mark.parametrize(
    ("decimals", "text", "want"),
    [(0, "1.9", 1), (0, "1.", None), (0, ".9", None), (2, "1.239", 123), (2, "1.2", 120)],
)
def test_price_that_only_informs_is_cut_to_its_scale(decimals, text, want):
    reader = Trial(
        [(None, 0, [("s", Type.SYMBOL, NONE, 0, 0), ("p", Type.PRICE, Flag.ROUND, 1, 0)])]
    )
    assert reader.put_instrument("X", 1, decimals, 0)
    status, values, *_ = reader.read(f'{{"s":"X","p":"{text}"}}'.encode())
    assert (status, values.get("p")) == (
        (Status.EVENT, want) if want is not None else (Status.NUMBER, None)
    )


@pytest.mark.parametrize("value", [b"null", b"5", b"[1,{}]", b"{}", b"true", b'""'])
def test_loose_text_forgives_other_types_but_not_bad_json(value):
    reader = trial(("t", Type.TEXT, Flag.LOOSE, 0), ("u", Type.WHOLE, NONE, 1))
    status, values, *_ = reader.read(b'{"t":' + value + b',"u":1}')
    assert (status, values) == (Status.EVENT, {"t": b"" if value == b'""' else None, "u": 1})
    assert reader.read(b'{"t":nul,"u":1}')[0] == Status.MALFORMED


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [
        (b"a\\u00e9\\ud83d\\ude00", "aé😀".encode()),
        (b'\\"\\\\\\/\\b\\f\\n\\r\\t', b'"\\/\b\f\n\r\t'),
        (b"\\u0041\\u20ac", "A€".encode()),
    ],
)
def test_escapes_are_undone(escaped, plain):
    reader = trial(("t", Type.TEXT, NONE, 0))
    assert reader.read(b'{"t":"' + escaped + b'"}')[1] == {"t": plain}


@pytest.mark.parametrize(
    "escaped", [b"\\x", b"\\u12", b"\\ud800", b"\\ud800\\u0041", b"\\udc00", b"\\u00zz", b"\\"]
)
def test_what_is_no_escape_is_malformed_known_or_not(escaped):
    reader = trial(("t", Type.TEXT, NONE, 0))
    for key in (b"t", b"unknown"):
        assert reader.read(b'{"' + key + b'":"' + escaped + b'"}')[0] == Status.MALFORMED
    assert reader.read(b'{"' + escaped + b'":1}')[0] == Status.MALFORMED


@pytest.mark.parametrize(
    "key", ["a", "sevenxx", "eightxxx", "ninexxxxx", "selfTradePreventionMode"]
)
def test_key_of_any_size_is_found_and_its_neighbours_are_not(key):
    reader = trial((key, Type.WHOLE, NONE, 0), ("other", Type.WHOLE, NONE, 1))
    text = f'{{"{key}x":1,"{key[:-1]}":2,"x{key}":3,"{key}":4,"other":5}}'
    assert reader.read(text.encode())[:2] == (Status.EVENT, {key: 4, "other": 5})


def test_white_space_anywhere_does_not_matter():
    reader = trial(
        ("s", Type.SYMBOL, MUST, 0), ("b", Type.BIDS, MUST, 1), ("n", Type.WHOLE, MUST, 2)
    )
    text = b' { "s" : "BTC-USDT" ,\n"b"\t: [ [ "1.5" , "2" ] , ["1.4","3"\n] ] , "n" : 5 } \r\n'
    status, values, _, bids, _ = reader.read(text)
    assert (status, values["n"], bids) == (Status.EVENT, 5, [(15, 2000), (14, 3000)])


FIELD = ("a", Type.WHOLE, NONE, 0, 0)


@pytest.mark.parametrize(
    "fields",
    [
        [FIELD, ("a", Type.TEXT, NONE, 1, 0)],
        [FIELD, ("b", Type.TEXT, NONE, 0, 0)],
        [("a", Type.WHOLE, NONE, 64, 0)],
        [(f"k{n}", Type.WHOLE, NONE, n, 0) for n in range(49)],
    ],
)
def test_table_that_is_no_plan_is_refused(fields):
    with pytest.raises(ValueError, match="plan"):
        Trial([(None, 0, fields)])


def test_kind_without_a_number_is_no_plan():
    with pytest.raises(ValueError, match="plan"):
        Trial([("kind", 0, [])])


READER = trial()
keys = st.sampled_from(["a", "b", "cc", "long-enough-key", "é", "", "a\\n"])
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**25), 10**25), st.text(max_size=8),
    st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4)
)


@settings(max_examples=500)
@given(st.dictionaries(st.text(min_size=1, max_size=12), trees, max_size=8), st.booleans())
def test_any_json_object_is_accepted_whatever_its_values(tree, compact):
    separators = (",", ":") if compact else None
    text = json.dumps(tree, separators=separators, ensure_ascii=compact).encode()
    assert READER.read(text)[0] == Status.EVENT


@settings(max_examples=500)
@given(st.dictionaries(keys, trees, min_size=1, max_size=4), st.data())
def test_json_with_a_byte_taken_out_is_judged_as_python_judges_it(tree, data):
    whole = json.dumps(tree, separators=(",", ":")).encode()
    at = data.draw(st.integers(0, len(whole) - 1))
    text = whole[:at] + whole[at + 1 :]
    pairs: list[list[str]] = []

    def keep(items: list) -> dict:
        pairs.append([key for key, _ in items])
        return dict(items)

    def no_constant(name: str) -> None:
        raise ValueError(name)

    try:
        good = type(json.loads(text, object_pairs_hook=keep, parse_constant=no_constant)) is dict
        good = good and len(set(pairs[-1])) == len(pairs[-1])
    except ValueError:
        good = False
    status = READER.read(text)[0]
    if "\\ud" not in text.decode("utf-8", "replace"):
        assert (status == Status.EVENT) == good, status


def kindless_trial() -> Trial:
    """One kind with its name, one without; both use "b", for different things."""
    named = [("s", Type.SYMBOL, MUST, 1, 0), ("b", Type.BIDS, MUST, 2, 0)]
    nameless = [("s", Type.SYMBOL, MUST, 1, 0), ("b", Type.PRICE, MUST, 2, 0)]
    return trial(
        ("e", Type.KIND, NONE, 0),
        ("result", Type.ANY, NONE, 3),
        further=[("depth", 1, named), ("", 2, nameless)],
    )


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b'{"s":"BTC-USDT","b":"1.5"}', Status.EVENT),
        (b'{"b":"1.5","new":[1],"s":"BTC-USDT"}', Status.EVENT),
        (b'{"b":"1.5"}', Status.EVENT),  # not all that the shape requires: of no kind
        (b'{"result":null}', Status.EVENT),
        (b'{"s":"BTC-USDT","b":[]}', Status.TYPE),
        (b'{"s":"BTC-USDT","b":"1.55"}', Status.FINER),
        (b'{"s":"ETH","b":"1.5"}', Status.UNKNOWN_SYMBOL),
        (b'{"s":"BTC-USDT","b":"1.5","b":"1.5"}', Status.DUPLICATE),
        (b'{"e":"","s":"BTC-USDT","b":"1.5"}', Status.UNKNOWN_KIND),
        (b'{"s":"BTC-USDT","b":"1.5","e":"other"}', Status.UNKNOWN_KIND),
    ],
)
def test_object_without_its_kind_is_of_the_shape_that_has_none(text, status):
    got, values, *_ = kindless_trial().read(text)
    assert got == status
    if status == Status.EVENT:
        assert (values.get("b") == 15) == (b'"s"' in text)


def test_kind_behind_its_fields_is_still_a_kind():
    status, _, _, bids, _ = kindless_trial().read(b'{"b":[["1.5","2"]],"s":"BTC-USDT","e":"depth"}')
    assert (status, bids) == (Status.EVENT, [(15, 2000)])


def test_two_shapes_without_a_kind_are_no_plan():
    with pytest.raises(ValueError, match="not a plan"):
        trial(("e", Type.KIND, NONE, 0), further=[("", 1, []), ("", 2, [])])


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        (b"0", 0),
        (b"1723161255208", 1723161255208 * 10**6),
        (b"9223372036854", 9223372036854 * 10**6),
        (b"9223372036855", None),
        (b"99999999999999", None),
        (b"100000000000000", 10**17),
        (b"1723161255208123", 1723161255208123 * 1000),
        (b"9223372036854775", 9223372036854775 * 1000),
        (b"9223372036854776", None),
        (b"-1", None),
    ],
)
def test_time_is_of_milliseconds_or_microseconds_by_its_size(text, nanoseconds):
    status, values, *_ = trial(("t", Type.TIME, MUST, 0)).read(b'{"t":' + text + b"}")
    assert status == (Status.NUMBER if nanoseconds is None else Status.EVENT)
    assert nanoseconds is None or values["t"] == nanoseconds


@pytest.mark.parametrize(
    "text",
    [b'{"n":1"x"}', b'{"n":1"x","y":2}', b'{"x":null"y"}', b'{"x":[1,true"y"]}', b'{"x":1.5"y"}'],
)
def test_text_right_behind_a_scalar_is_malformed_though_no_token_starts_there(text):
    reader = trial(("n", Type.WHOLE, NONE, 0))
    status = reader.read(text)[0]
    assert status in (Status.MALFORMED, Status.NUMBER), status


CHANNELS = [
    ("trades", 1, [("p", Type.PRICE, MUST, 3, 0), ("n", Type.WHOLE, NONE, 4, 0)]),
    ("book", 2, [("b", Type.BIDS, MUST, 5, 0), ("a", Type.ASKS, MUST, 6, 0)]),
    ("word", 3, []),
]


def channels(later: Flag = NONE) -> Trial:
    """A channel beside the data, the symbol beside both."""
    return trial(
        ("ch", Type.KIND, NONE | Flag.APART, 0),
        ("s", Type.SYMBOL, NONE, 1),
        ("data", Type.CHOSEN, later, 2),
        further=CHANNELS,
    )


def test_kind_that_stands_apart_chooses_the_shape_of_the_data_in_any_order():
    reader = channels(Flag.LATER)
    parts = [b'"ch":"trades.x.y"', b'"s":"BTC-USDT"', b'"data":[{"p":"1.5","n":1},{"p":"2"}]']
    for some in itertools.permutations(parts):
        status, _, rows, _, _ = reader.read(b"{" + b",".join(some) + b"}")
        assert (status, rows) == (Status.EVENT, [{"p": 15, "n": 1}, {"p": 20}])
    book = b'{"data":{"a":[["1.6","1"]],"b":[["1.5","2"]]},"s":"BTC-USDT","ch":"book"}'
    assert reader.read(book)[3:] == ([(15, 2000)], [(16, 1000)])


@pytest.mark.parametrize(
    ("text", "want"),
    [
        (b'{"ch":"new","s":"BTC-USDT","data":[{"p":7}]}', Status.UNKNOWN_KIND),
        (b'{"ch":"tradesx","s":"BTC-USDT","data":[]}', Status.UNKNOWN_KIND),
        (b'{"ch":"word","s":"BTC-USDT","data":"any"}', Status.EVENT),
        (b'{"ch":"word","s":"BTC-USDT","data":[1,{}]}', Status.EVENT),
        (b'{"ch":"trades","s":"BTC-USDT","data":[{}]}', Status.MISSING),
        (b'{"ch":"trades","s":"BTC-USDT","data":7}', Status.TYPE),
        (b'{"ch":"trades","s":"BTC-USDT","data":[7]}', Status.TYPE),
        (b'{"ch":"new","s":"BTC-USDT","data":[{"p":tru}]}', Status.MALFORMED),
    ],
)
def test_data_of_a_kind_apart_is_judged_by_that_kind(text, want):
    assert channels(Flag.LATER).read(text)[0] == want
    assert channels().read(text)[0] == want


def test_rows_of_groups_come_in_order_and_know_nothing_of_each_other():
    level = [("p", Type.PRICE, MUST, 2, 0), ("z", Type.SIZE, MUST, 3, 0)]
    reader = trial(
        ("levels", Type.GROUPS, MUST | Flag.LATER, 0, 1),
        ("s", Type.SYMBOL, MUST, 1),
        further=[(None, 0, level)],
    )
    text = b'{"levels":[[{"p":"1","z":"2"},{"z":"3","p":"4"}],[{"p":"5","z":"6"}]],"s":"BTC-USDT"}'
    status, _, rows, _, _ = reader.read(text)
    assert status == Status.EVENT
    assert rows == [{"p": 10, "z": 2000}, {"p": 40, "z": 3000}, {"p": 50, "z": 6000}]
    for bad in (b"[7]", b"{}", b"[[7]]", b"[[{}],7]"):
        assert reader.read(b'{"levels":' + bad + b',"s":"BTC-USDT"}')[0] == Status.TYPE, bad
    for cut in (b"[[", b"[[{}", b"[[{},", b"[[]", b"[[],"):
        assert reader.read(b'{"s":"BTC-USDT","levels":' + cut)[0] == Status.MALFORMED, cut


def test_row_of_another_type_is_passed_over_only_where_the_table_says_so():
    row = [("p", Type.PRICE, MUST, 2, 0)]
    for flag, want in ((NONE, Status.TYPE), (Flag.LOOSE, Status.EVENT)):
        reader = trial(
            ("s", Type.SYMBOL, MUST, 0), ("rows", Type.ROWS, flag, 1, 1), further=[(None, 0, row)]
        )
        status, _, rows, _, _ = reader.read(b'{"s":"BTC-USDT","rows":[null,{"p":"1"},[2]]}')
        assert status == want
        assert rows == ([{"p": 10}] if want == Status.EVENT else [])


@pytest.mark.parametrize(
    ("text", "want"),
    [
        (b'"7"', 7),
        (b'"1652459225393"', 1652459225393),
        (b'"9223372036854775807"', 2**63 - 1),
        (b'""', 0),
        (b"7", Status.TYPE),
        (b"null", Status.TYPE),
        (b'"-1"', Status.NUMBER),
        (b'"01"', Status.NUMBER),
        (b'"1.0"', Status.NUMBER),
        (b'"1 "', Status.NUMBER),
        (b'" 1"', Status.NUMBER),
        (b'"9223372036854775808"', Status.NUMBER),
        (b'"1\\u0031"', Status.NUMBER),
        (b'"1\\q"', Status.MALFORMED),
    ],
)
def test_whole_number_in_quotes_is_one_and_nothing_else(text, want):
    reader = trial(("n", Type.WHOLE, MUST | Flag.QUOTED | Flag.EMPTY, 0))
    status, values, *_ = reader.read(b'{"n":' + text + b"}")
    assert (values["n"] if status == Status.EVENT else status) == want


@pytest.mark.parametrize("more", [b"", b',"0"', b',"0","13"', b",7,null", b',{"x":[1]}'])
def test_level_may_say_more_only_where_the_table_says_so(more):
    text = b'{"s":"BTC-USDT","b":[["1.5","2"' + more + b'],["1.4","3"' + more + b"]]}"
    for flag in (NONE, Flag.LOOSE):
        reader = trial(("s", Type.SYMBOL, MUST, 0), ("b", Type.BIDS, flag, 1))
        status, _, _, bids, _ = reader.read(text)
        good = flag == Flag.LOOSE or not more
        assert status == (Status.EVENT if good else Status.TYPE)
        assert bids == ([(15, 2000), (14, 3000)] if good else [])
        for size in range(len(text)):
            cut = reader.read(text[:size])[0]
            assert cut in (Status.MALFORMED, Status.TYPE), (size, cut)
