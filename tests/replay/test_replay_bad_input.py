"""Bad input inside a replay: counted where it is, and nothing else is harmed."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotpath.lane.replay import CHUNK_BYTES, Replay, Stop
from runtime.replay.capture import message_of
from tests.replay import oracle, recorder
from tests.replay.recorder import SYMBOL
from venues.binance.usdm.codec import Codec

FRAME_BYTES_MAX = 2 << 20
TIME = b"1723161255030314667 "
LINES = recorder.good()
DEPTH = next(line for line in LINES[60:] if b"depthUpdate" in line and b'"b":[[' in line)
TICKER = next(line for line in LINES if b'"bookTicker"' in line)


def depth_with(bids: bytes) -> bytes:
    return DEPTH[: DEPTH.index(b'"b":[')] + b'"b":[' + bids + b'],"a":[]}}'


BAD = {
    "truncated": (DEPTH[: len(DEPTH) // 2], "malformed"),
    "truncated_in_a_number": (DEPTH[: DEPTH.index(b'"u":') + 6], "malformed"),
    "trailing_bytes": (DEPTH + b"}", "malformed"),
    "binary": (bytes(range(11, 256)), "malformed"),
    "binary_behind_a_time": (TIME + bytes([0, 255, 254, 7]), "malformed"),
    "not_json": (TIME + b"hello", "malformed"),
    "time_alone": (b"1723161255030314667", "malformed"),
    "time_and_blank": (TIME, "malformed"),
    "nested": (TIME + b'{"a":' * 5000 + b"1" + b"}" * 5000, "malformed"),
    "nested_arrays": (TIME + b"[" * 100_000, "malformed"),
    "oversized": (TIME + b'{"a":"' + b"x" * FRAME_BYTES_MAX, "too_large"),
    "oversized_for_the_block": (TIME + b'{"a":"' + b"x" * 3 * FRAME_BYTES_MAX, "too_large"),
    "wrong_type": (DEPTH.replace(b'"u":', b'"u":"x","z":'), "type"),
    "levels_of_numbers": (depth_with(b"[6001.0,0.001]"), "type"),
    "one_number_a_level": (depth_with(b'["6001.00"]'), "type"),
    "duplicate": (DEPTH.replace(b'"s":', b'"E":1,"s":'), "duplicate"),
    "missing": (DEPTH.replace(b'"pu":', b'"px":'), "missing"),
    "nan": (depth_with(b'["NaN","0.001"]'), "number"),
    "exponent": (depth_with(b'["6e3","0.001"]'), "number"),
    "negative": (depth_with(b'["-6001.00","0.001"]'), "number"),
    "twenty_digits": (depth_with(b'["10000000000000000000","0.001"]'), "number"),
    "negative_size": (depth_with(b'["6001.00","-0.001"]'), "number"),
    "ticker_infinity": (TICKER.replace(b'"B":"0.', b'"B":"inf'), "number"),
    "snapshot_truncated": (TIME + b'{"lastUpdateId":5,"E":1,"T":1,"bids":[["6', "malformed"),
    "snapshot_wrong_number": (
        TIME + b'{"lastUpdateId":5,"E":1,"T":1,"bids":[["6x","1"]],"asks":[]}', "number",
    ),
    "snapshot_without_asks": (TIME + b'{"lastUpdateId":5,"E":1,"T":1,"bids":[]}', "missing"),
}  # fmt: skip
UNKNOWN = {
    "symbol": recorder.trade(1, "NOPEUSDT"),
    "symbol_with_depth": DEPTH.replace(b"BTCUSDT", b"NOPEUSDT").replace(b"btcusdt", b"nopeusdt"),
    "kind": TIME + b'{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1,"s":"BTCUSDT","k":{}}}',
}


def placed(lines, line, at):
    """Return lines with one put in, and the oracle's view: None there."""
    return [*lines[:at], line, *lines[at:]], [*lines[:at], None, *lines[at:]]


@pytest.mark.parametrize("at", [0, 9, 150])
@pytest.mark.parametrize("name", BAD)
def test_bad_message_is_counted_and_changes_nothing_else(replay, capture, name, at):
    bad, status = BAD[name]
    lines, plain = placed(LINES, bad, at)
    answer = replay(capture(lines))
    want = oracle.replay(plain)
    counted = {key: count for key, count in answer["bad"].items() if count}
    assert counted == {status: 1}
    assert answer["first_lines"] == {status: at + 1}
    assert (answer["messages"], sum(answer["events"].values())) == (len(lines), len(LINES))
    assert answer.tops == want.rows
    assert answer.book[SYMBOL, "bid"] == want.book.sides.bids
    assert answer.book[SYMBOL, "ask"] == want.book.sides.asks
    assert (answer.code, answer["states"], answer["gaps"]) == (1, {SYMBOL: "SYNCED"}, 0)


@pytest.mark.parametrize("at", [0, 9, 150])
@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_message_is_counted_and_changes_nothing_at_all(replay, capture, name, at):
    lines, plain = placed(LINES, UNKNOWN[name], at)
    answer = replay(capture(lines))
    assert (answer["unknown"], answer.code) == (1, 0)
    assert answer["unknown_symbols"] == ({} if name == "kind" else {"NOPEUSDT": 1})
    assert answer.tops == oracle.replay(plain).rows
    assert answer["states"] == {SYMBOL: "SYNCED"}


def test_all_bad_messages_at_once_over_all_places(replay, capture):
    rng = random.Random(7)
    lines = list(LINES)
    for bad, _ in BAD.values():
        lines.insert(rng.randrange(len(lines)), bad)
    plain = [line if line in set(LINES) else None for line in lines]
    answer = replay(capture(lines))
    assert sum(answer["bad"].values()) == len(BAD)
    assert answer.tops == oracle.replay(plain).rows
    assert answer["messages"] == len(lines)


def test_control_messages_are_known_and_good(replay, capture):
    lines = [TIME + b'{"result":null,"id":1}', *LINES]
    answer = replay(capture(lines))
    assert (answer.code, answer["control"]) == (0, 1)


class Pieces:
    """A source that gives what it has in pieces of one size."""

    def __init__(self, text: bytes, size: int) -> None:
        self.text, self.size = text, size

    def readinto(self, to: memoryview) -> int:
        size = min(len(to), self.size)
        piece, self.text = self.text[:size], self.text[size:]
        to[: len(piece)] = piece
        return len(piece)


def drained(text: bytes, size: int) -> Replay:
    replay = Replay(Codec())
    source = Pieces(text, size)
    replay.add(SYMBOL, 1, 3)
    while not replay.ended:
        replay.fill(source)
        while stop := replay.run():
            replay.skip("finer" if stop == Stop.FINER else "unknown_symbol")
    return replay


line_texts = st.one_of(
    st.binary(max_size=40).map(lambda text: text.replace(b"\n", b"")),
    st.sampled_from(
        [b"", b" ", b"12 ", b"12 x", b"1" * 19 + b" y", b"1" * 20 + b" z", b"\r", b"a\r"]
    ),
    st.sampled_from(LINES[:9]),
).filter(lambda line: b'{"snapshot":"' not in line)  # our recorder's word about the next line


@settings(max_examples=150)
@given(st.lists(line_texts, max_size=30), st.booleans(), st.integers(1, 200))
def test_lines_are_cut_alike_whatever_the_pieces(lines, ended, size):
    text = b"\n".join(lines) + (b"\n" if ended else b"")
    facts = drained(text, size).facts
    cut = text.split(b"\n")
    if cut[-1] == b"":
        cut.pop()
    cut = [line.removesuffix(b"\r") for line in cut]
    full = [message_of(line) for line in cut if line]
    assert facts["lines"] == len(cut)
    assert facts["blank"] == len(cut) - len(full)
    assert facts["messages"] == len(full)
    assert facts["bytes"] == sum(map(len, full))


@pytest.mark.parametrize("more", range(-3, 4))
def test_line_as_long_as_block_and_frame_is_one_message(more):
    for size in (CHUNK_BYTES, FRAME_BYTES_MAX, FRAME_BYTES_MAX + 4096, 3 * FRAME_BYTES_MAX):
        replay = drained(b"x\n" + b"y" * (size + more) + b"\nz\n", 1 << 20)
        assert (replay.facts["messages"], replay.facts["lines"]) == (3, 3)
        assert replay.facts["bytes"] == size + more + 2


def test_line_that_never_ends_is_one_message_too_large():
    replay = drained(b"y" * (5 * FRAME_BYTES_MAX), 1 << 20)
    assert replay.facts["messages"] == 1
    assert replay.status["too_large"] == 1
    assert replay.facts["bytes"] == 5 * FRAME_BYTES_MAX
