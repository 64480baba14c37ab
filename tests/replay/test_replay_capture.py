"""`corelane replay` over captures made on the spot, against the plain replay."""

import gzip
import lzma
import random

import pytest
import zstandard

from tests.book.naive import Delta
from tests.book.streams import disturbed, stream
from tests.replay import oracle, recorder
from tests.replay.recorder import SYMBOL

KEYS = {
    "messages", "events", "fallbacks", "gaps", "crossed", "resyncs", "dropped", "unknown", "tops",
    "decode_book_ns", "elapsed_s",
}  # fmt: skip


def assert_same(answer, want, symbol=SYMBOL):
    """Rows, final book and counters equal the plain replay's."""
    assert answer.tops == want.rows
    sides = want.book.sides
    assert answer.book.get((symbol, "bid"), {}) == sides.bids
    assert answer.book.get((symbol, "ask"), {}) == sides.asks
    assert answer["states"][symbol] == want.book.state
    for name in ("gaps", "crossed", "resyncs", "dropped"):
        assert answer[name] == want.book.counts[name]


def test_good_capture_is_replayed_like_the_plain_way(replay, capture):
    lines = recorder.good()
    answer = replay(capture(lines))
    assert (answer.code, answer["problems"]) == (0, [])
    assert answer.result.keys() >= KEYS
    want = oracle.replay(lines)
    assert_same(answer, want)
    assert answer["messages"] == len(lines) == sum(answer["events"].values())
    assert answer["events"] == {
        "depth": want.events["depthUpdate"],
        "book_ticker": want.events["bookTicker"],
        "agg_trade": want.events["aggTrade"],
        "trade": want.events["trade"],
        "mark_price": want.events["markPriceUpdate"],
        "snapshot": 1,
    }
    assert min(answer["events"].values()) > 0
    assert (answer["venue"], answer["fallbacks"], answer["unknown"]) == ("binance_usdm", 0, 0)
    compared = {last for _, last, *_ in want.rows} & want.tickers.keys()
    agreement = answer["ticker_agreement"]
    assert agreement["equal"] == agreement["compared"] >= len(compared) > 20
    assert answer["scales"] == {SYMBOL: [1, 3]}
    top = answer["tops"][SYMBOL]
    assert top["update_id"] == want.rows[-1][1]
    assert set(answer["decode_book_ns"]) == {"mean", "p50", "p99", "p999"}


def test_ticker_that_differs_from_the_book_is_counted_and_not_good(replay, capture):
    lines = recorder.good()
    at = next(n for n, line in enumerate(lines) if b'"bookTicker"' in line and n > 100)
    lines[at] = lines[at].replace(b'"B":"0.00', b'"B":"0.12')
    answer = replay(capture(lines))
    agreement = answer["ticker_agreement"]
    assert (answer.code, agreement["compared"] - agreement["equal"]) == (1, 1)


@pytest.mark.parametrize("seed", range(12))
def test_disturbed_capture_is_replayed_like_the_plain_way(replay, capture, seed):
    """Drops, repeats, late snapshots: rows carry the event's own line, also of what was kept."""
    rng = random.Random(seed)
    lines = recorder.of_events(disturbed(rng, stream(rng, 150)))
    answer = replay(capture(lines))
    assert_same(answer, oracle.replay(lines))
    assert answer.code == 1


def compressed(lines, kind):
    text = b"\n".join(lines) + b"\n"
    half = len(text) // 2
    return {
        ".gz": lambda: gzip.compress(text),
        ".xz": lambda: lzma.compress(text),
        ".zst": lambda: zstandard.compress(text),
        ".two.zst": lambda: zstandard.compress(text[:half]) + zstandard.compress(text[half:]),
        ".two.gz": lambda: gzip.compress(text[:half]) + gzip.compress(text[half:]),
        "": lambda: text,
    }[kind]()


@pytest.mark.parametrize("kind", ["", ".gz", ".xz", ".zst", ".two.zst", ".two.gz"])
def test_capture_may_be_compressed_and_larger_than_a_block(replay, tmp_path, kind):
    lines = recorder.good(1500, seed=3)
    assert sum(map(len, lines)) > 512 * 1024
    path = tmp_path / f"capture.jsonl{kind}"
    path.write_bytes(compressed(lines, kind))
    answer = replay(path)
    assert answer.code == 0
    assert_same(answer, oracle.replay(lines))


@pytest.mark.parametrize("kind", [".gz", ".xz", ".zst"])
def test_compressed_file_that_breaks_off_is_replayed_so_far_and_not_good(replay, tmp_path, kind):
    lines = recorder.good(1500)
    path = tmp_path / f"capture{kind}"
    whole = compressed(lines, kind)
    path.write_bytes(whole[: len(whole) * 2 // 3])
    answer = replay(path)
    assert answer.code == 1
    assert list(answer["broken_files"]) == [str(path)]
    assert any("breaks off" in problem for problem in answer["problems"])
    assert 300 < answer["messages"] < len(lines)
    so_far = lines[: answer["messages"] - 1]  # the last one may be cut
    assert answer.tops[: len(oracle.replay(so_far).rows)] == oracle.replay(so_far).rows


def test_plain_file_cut_in_a_message_counts_that_message_as_bad(replay, capture):
    lines = recorder.good()
    lines[-1] = lines[-1][:-20]
    answer = replay(capture(lines, end=b""))
    assert (answer.code, answer["bad"]["malformed"]) == (1, 1)
    assert answer["first_lines"] == {"malformed": len(lines)}
    assert_same(answer, oracle.replay(lines[:-1]))


@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n\n"])
def test_last_line_end_may_be_missing_or_repeated(replay, capture, end):
    lines = recorder.good()
    answer = replay(capture(lines, end=end))
    assert (answer.code, answer["messages"]) == (0, len(lines))
    assert answer["blank"] == max(0, len(end) - 1)


def test_windows_line_ends_change_nothing(replay, capture):
    lines = recorder.good()
    answer = replay(capture([line + b"\r" for line in lines]))
    assert answer.code == 0
    assert_same(answer, oracle.replay(lines))


def test_lines_without_a_time_are_messages(replay, capture):
    lines = recorder.good()
    answer = replay(capture([line.split(b" ", 1)[1] for line in lines]))
    assert answer.code == 0
    assert_same(answer, oracle.replay(lines))


def test_several_files_are_one_stream_and_lines_count_on(replay, capture):
    lines = recorder.good()
    paths = [capture(lines[:15], "a", end=b""), capture([], "b", end=b""), capture(lines[15:], "c")]
    answer = replay(*paths)
    assert answer.code == 0
    assert_same(answer, oracle.replay(lines))


def test_missing_delta_is_a_gap_from_there_on(replay, capture):
    lines = recorder.good()
    at = next(n for n, line in enumerate(lines) if b"depthUpdate" in line and n > 200)
    lines[at] = None
    answer = replay(capture([line for line in lines if line]))
    want = oracle.replay([line for line in lines if line])
    assert_same(answer, want)
    assert (answer.code, answer["gaps"], answer["states"]) == (1, 1, {SYMBOL: "GAPPED"})
    assert answer["resyncs"] == 0


def test_second_snapshot_heals_a_gap_and_is_a_resync(replay, capture):
    lines = recorder.of_events(
        [
            ("delta", Delta(1, 5, 0, [(50, 1)], [])),
            ("snapshot", (5, [(50, 1), (40, 1)], [(60, 1)])),
            ("delta", Delta(6, 8, 5, [(51, 2)], [])),
            ("delta", Delta(20, 22, 19, [(52, 3)], [])),  # gap
            ("delta", Delta(23, 25, 22, [(53, 3)], [])),
            ("snapshot", (21, [(49, 1)], [(61, 1)])),
            ("delta", Delta(26, 28, 25, [], [(62, 9)])),
        ]
    )
    answer = replay(capture(lines))
    assert (answer["gaps"], answer["resyncs"], answer["states"]) == (1, 1, {SYMBOL: "SYNCED"})
    assert [row[0] for row in answer.tops] == [1, 3, 4, 5, 7]
    assert_same(answer, oracle.replay(lines))
    assert answer.code == 1  # a gap is not good, healed or not


@pytest.mark.parametrize(
    ("price", "size", "scale"),
    [
        ("6001.2345", "0.001", [4, 3]),
        ("6001.20", "0.0012345", [1, 7]),
        ("6001.25", "0.0015", [2, 4]),
    ],
)
def test_finer_value_rescales_the_book_and_is_counted(replay, capture, price, size, scale):
    lines = recorder.good()
    at = next(n for n, line in enumerate(lines) if b"depthUpdate" in line and n > 100)
    head, tail = lines[at].split(b'"b":[', 1)
    level = f'["{price}","{size}"]'.encode()
    lines[at] = head + b'"b":[' + level + (b"" if tail.startswith(b"]") else b",") + tail
    answer = replay(capture(lines))
    assert (answer["rescales"], answer["scales"]) == (1, {SYMBOL: scale})
    want = oracle.replay(lines)
    assert_same(answer, want)
    assert answer["ticker_agreement"]["compared"] > 20


def test_snapshot_finer_than_what_came_before_is_not_truncated(replay, capture):
    lines = recorder.good(20)  # the head's first snapshot sets the scale; a later one is finer
    book = oracle.replay(lines).book
    text = recorder.snapshot(book.last, [], [], 999)
    text = text.replace(b'"bids":[]', b'"bids":[["1000.255","0.0001"]]')
    answer = replay(capture([*lines, text]))
    assert answer["rescales"] == 1
    assert_same(answer, oracle.replay([*lines, text]))


def test_value_too_fine_for_64_bits_is_refused_and_harms_nothing(replay, capture):
    lines = recorder.good()
    bad = recorder.depth(Delta(1, 2, 0, [(100, 1)], []), 0)
    bad = bad.replace(b'"0.001"', b'"0.000000000000000001"').replace(
        b'"6010.00"', b'"6010.0000000000000001"'
    )
    answer = replay(capture([*lines[:5], bad, *lines[5:100], bad, *lines[100:]]))
    assert (answer["bad"]["finer"], answer["rescales"]) == (2, 0)
    assert_same(answer, oracle.replay([*lines[:5], trade(), *lines[5:100], trade(), *lines[100:]]))


def trade():
    """A line that no book cares for, to keep line numbers."""
    return recorder.trade(1)


def test_snapshot_among_two_streams_is_not_guessed(replay, capture):
    lines = []
    for n in range(1, 20):
        for symbol in ("BTCUSDT", "ETHUSDT"):
            lines.append(recorder.depth(Delta(n, n, n - 1, [(50, n)], [(60, n)]), n, symbol))
    lines.insert(20, recorder.snapshot(5, [(40, 1)], [(70, 1)], 1))
    answer = replay(capture(lines))
    assert (answer.code, answer["ambiguous_snapshots"]) == (1, 1)
    assert answer["states"] == {"BTCUSDT": "BUFFERING", "ETHUSDT": "BUFFERING"}
    assert answer.tops == []


def test_snapshot_belongs_to_the_only_stream_out_of_sequence(replay, capture):
    one = recorder.good()
    answer = replay(capture(one))
    late = [
        recorder.depth(Delta(n, n, n - 1, [(50, n)], [(60, n)]), n, "ETHUSDT") for n in range(1, 9)
    ]
    late.insert(5, recorder.snapshot(3, [(40, 1)], [(70, 1)], 1))
    both = replay(capture([*one, *late]))
    assert both["states"] == {"BTCUSDT": "SYNCED", "ETHUSDT": "SYNCED"}
    assert both.book["BTCUSDT", "bid"] == answer.book["BTCUSDT", "bid"]
    assert both["ambiguous_snapshots"] == 0


def test_capture_without_a_snapshot_ends_buffering_and_is_not_good(replay, capture):
    lines = [line for line in recorder.good() if b"lastUpdateId" not in line]
    answer = replay(capture(lines))
    assert (answer.code, answer["states"]) == (1, {SYMBOL: "BUFFERING"})
    assert answer["messages"] == len(lines)
    assert answer["problems"] == [f"{SYMBOL} ends BUFFERING"]


def test_capture_of_trades_alone_is_good(replay, capture):
    answer = replay(capture([recorder.trade(n) for n in range(30)]))
    assert (answer.code, answer["events"]["trade"], answer["states"]) == (0, 30, {SYMBOL: "EMPTY"})


def test_snapshot_behind_the_head_is_found_and_hooks(replay, capture):
    """The first megabyte holds no snapshot: scales come from the values, the book still hooks."""
    lines = recorder.of_events(
        (kind, e) for kind, e in stream(random.Random(5), 9000) if kind == "delta"
    )
    assert sum(map(len, lines[:7000])) > 1 << 20
    want = oracle.replay(lines)
    last = want.book.kept[7000].last
    lines.insert(7002, recorder.snapshot(last, [(1, 1)], [(500, 1)], 1))
    answer = replay(capture(lines))
    want = oracle.replay(lines)
    assert_same(answer, want)
    assert answer["lost"] == 0
    assert len(answer.tops) == 1999 + 1
