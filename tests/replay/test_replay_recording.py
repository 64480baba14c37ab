"""The recorded BTCUSDT feed: its published facts, and the plain replay of it."""

import lzma

import pytest

from tests.replay import oracle

pytestmark = pytest.mark.requires_data
SYMBOL = "BTCUSDT"


@pytest.fixture(scope="module")
def plain():
    from tests.replay.conftest import RECORDING, data_folder

    words = b'"depthUpdate"', b'"lastUpdateId"'  # nothing else moves the book
    with lzma.open(data_folder() / RECORDING) as lines:
        return oracle.replay(
            line if any(word in line for word in words) else None for line in lines
        )


def test_recording_shows_its_published_facts(replay, recording):
    answer = replay(recording)
    assert (answer.code, answer["problems"]) == (0, [])
    assert answer["messages"] == 93954
    assert answer["events"] == {
        "depth": 6551, "book_ticker": 66089, "agg_trade": 0, "trade": 21313, "mark_price": 0,
        "snapshot": 1,
    }  # fmt: skip
    facts = ("gaps", "crossed", "resyncs", "dropped", "fallbacks", "unknown", "rescales")
    assert [answer[name] for name in facts] == [0, 0, 0, 4, 0, 0, 0]
    assert answer["ticker_agreement"] == {"compared": 629, "equal": 629}
    assert answer["scales"] == {SYMBOL: [1, 3]}


def test_recording_equals_the_plain_replay_line_by_line(replay, recording, plain):
    answer = replay(recording)
    assert len(answer.tops) == 6547
    assert answer.tops == plain.rows
    assert answer.book[SYMBOL, "bid"] == plain.book.sides.bids
    assert answer.book[SYMBOL, "ask"] == plain.book.sides.asks
    assert plain.book.counts["dropped"] == 4
