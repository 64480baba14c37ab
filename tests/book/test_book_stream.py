"""Books whose snapshots stand in the stream, against a plain sequencer, and each rule by name."""

from __future__ import annotations

import random
import zlib
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotpath.book.book import Applied, Book, Resync, Rule, State
from tests.book.naive import Delta, NaiveBybit, NaiveHyperliquid, NaiveOkx

RULES = [Rule.OKX, Rule.BYBIT, Rule.HYPERLIQUID]
BIDS, ASKS = [(99, 1)], [(101, 1)]


def book_of(rule: Rule) -> Book:
    return Book(rule=rule, window_log2=8, overflow_log2=8)


def synced(rule: Rule, last: int = 100) -> Book:
    book = book_of(rule)
    assert book.snapshot(last, BIDS, ASKS) == Applied.OK
    return book


@pytest.mark.parametrize("rule", RULES)
def test_snapshot_in_the_stream_is_synced_at_once(rule):
    book = synced(rule)
    assert (book.state, book.update_id, book.wanted) == (State.SYNCED, 100, Resync.NONE)
    assert book.levels(9) == (BIDS, ASKS)


@pytest.mark.parametrize("rule", [Rule.OKX, Rule.BYBIT])
def test_delta_before_any_snapshot_is_dropped_and_asks_for_one(rule):
    book = book_of(rule)
    assert book.delta(0, 101, 100, [(99, 1)], []) == Applied.DROPPED
    assert (book.state, book.wanted, book.totals) == (State.EMPTY, Resync.FIRST, (0, 0))
    assert book.counts["kept"] == 0


@pytest.mark.parametrize(
    ("rule", "last", "prev", "answer"),
    [
        (Rule.OKX, 110, 100, Applied.OK),
        (Rule.OKX, 100, 100, Applied.OK),  # keep-alive
        (Rule.OKX, 3, 100, Applied.OK),  # ids start again after maintenance
        (Rule.OKX, 111, 110, Applied.GAP),
        (Rule.OKX, 110, 99, Applied.GAP),
        (Rule.OKX, 3, 99, Applied.GAP),
        (Rule.BYBIT, 101, 0, Applied.OK),
        (Rule.BYBIT, 102, 0, Applied.GAP),
        (Rule.BYBIT, 100, 0, Applied.GAP),
        (Rule.HYPERLIQUID, 101, 100, Applied.REFUSED),
    ],
)
def test_delta_after_a_snapshot_follows_the_rule(rule, last, prev, answer):
    book = synced(rule)
    assert book.delta(0, last, prev, [(98, 5)], []) == answer
    assert book.state == (State.GAPPED if answer == Applied.GAP else State.SYNCED)
    assert book.totals[0] == (2 if answer == Applied.OK else 1)


def test_message_without_ids_follows_another_without_ids():
    """OKX in 2022 sent none: order on the socket and the checksum were all there was."""
    book = synced(Rule.OKX, last=0)
    assert book.delta(0, 0, 0, [(98, 5)], []) == Applied.OK
    assert book.levels(9) == ([(99, 1), (98, 5)], ASKS)


@pytest.mark.parametrize("rule", [Rule.OKX, Rule.BYBIT])
def test_gap_drops_deltas_until_the_next_snapshot_whatever_its_id(rule):
    book = synced(rule)
    assert book.delta(0, 200, 199, [(99, 0)], []) == Applied.GAP
    assert (book.state, book.wanted, book.needs) == (State.GAPPED, Resync.GAP, 1)
    assert book.delta(0, 201, 200, [], []) == Applied.DROPPED
    assert (book.needs, book.counts["kept"]) == (1, 0)
    assert book.snapshot(7, [(50, 2)], [(60, 3)]) == Applied.OK
    assert (book.state, book.update_id, book.wanted) == (State.SYNCED, 7, Resync.NONE)
    assert book.levels(9) == ([(50, 2)], [(60, 3)])
    assert (book.counts["gaps"], book.counts["resyncs"]) == (1, 1)


def test_snapshot_that_follows_a_snapshot_is_the_stream_and_no_resync():
    book = synced(Rule.HYPERLIQUID)
    for time in (100, 101, 105):
        assert book.snapshot(time, BIDS, ASKS) == Applied.OK
    assert (book.counts["snapshots"], book.counts["resyncs"]) == (4, 0)


def test_older_snapshot_is_dropped_where_every_message_is_one():
    book = synced(Rule.HYPERLIQUID)
    assert book.snapshot(99, [(1, 1)], []) == Applied.DROPPED
    assert book.levels(9) == (BIDS, ASKS)
    book.break_line()  # another node may be behind the one that was lost
    assert book.snapshot(99, [(1, 1)], []) == Applied.OK
    assert (book.state, book.counts["resyncs"]) == (State.SYNCED, 1)


def test_crossed_snapshot_is_shown_and_does_not_quote():
    book = book_of(Rule.BYBIT)
    assert book.snapshot(1, [(102, 1)], ASKS) == Applied.CROSSED
    assert book.state == State.CROSSED
    assert book.delta(0, 2, 0, [(102, 0), (98, 1)], []) == Applied.OK
    assert book.state == State.SYNCED


def test_stale_book_is_synced_again_by_a_keep_alive():
    book = synced(Rule.OKX)
    assert book.check_stale(2_000, 1_000)
    assert book.delta(0, 100, 100, [], [], recv_ns=2_500) == Applied.OK
    assert (book.state, book.recv_ns) == (State.SYNCED, 2_500)


NAIVE = {Rule.OKX: NaiveOkx, Rule.BYBIT: NaiveBybit, Rule.HYPERLIQUID: NaiveHyperliquid}


@settings(max_examples=200)
@given(st.sampled_from(RULES), st.integers(0, 2**32))
def test_stream_book_equals_the_naive_one_after_every_event(rule, seed):
    """Ids are few, so that successors, repeats, resets and holes all come often."""
    random_ = random.Random(seed)
    book, naive = book_of(rule), NAIVE[rule]()
    for _ in range(60):
        bids = [(random_.randrange(90, 103), random_.randrange(3)) for _ in range(2)]
        asks = [(random_.randrange(98, 110), random_.randrange(3)) for _ in range(2)]
        last, prev = (random_.choice([naive.last, naive.last + 1, 0, 3]) for _ in range(2))
        if rule == Rule.HYPERLIQUID or random_.random() < 0.3:
            answer, want = book.snapshot(last, bids, asks), naive.snapshot(last, bids, asks)
        else:
            answer = book.delta(0, last, prev, bids, asks)
            want = naive.delta(Delta(0, last, prev, bids, asks))
        assert (Applied(answer).name, State(book.state).name) == (want, naive.state)
        assert book.levels(99) == naive.sides.levels(99)
        assert (book.update_id, book.needs) == (naive.last, naive.needs)
        assert {name: book.counts[name] for name in naive.counts} == naive.counts


def crc(bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> int:
    """Sum up texts as the venue does: best first, sides in turn, the longer one alone at last."""
    parts = []
    for n in range(25):
        for side in (bids, asks):
            if n < len(side):
                parts += side[n]
    return zlib.crc32(":".join(parts).encode())


def shortest(value: int, decimals: int) -> str:
    return f"{Decimal(value).scaleb(-decimals).normalize():f}"


def test_checksum_of_the_texts_holds_for_the_integers():
    book = book_of(Rule.OKX)
    check = crc([("30233.6", "3"), ("30230", "0.05")], [("30238.8", "2")])
    bids, asks = [(302336, 300), (302300, 5)], [(302388, 200)]
    assert book.snapshot(1, bids, asks, checksum=(check, 1, 2, False)) == Applied.OK
    assert (book.counts["checksums"], book.counts["checksums_bad"]) == (1, 0)


@settings(max_examples=100)
@given(st.data(), st.integers(0, 8), st.integers(0, 8))
def test_checksum_holds_for_any_book_and_no_other(data, price_decimals, size_decimals):
    level = st.tuples(st.integers(1, 10**12), st.integers(1, 10**12))
    bids, asks = (
        sorted(dict(data.draw(st.lists(level, max_size=40))).items(), reverse=reverse)
        for reverse in (True, False)
    )
    asks = [(price + 10**12, size) for price, size in asks]
    texts = [
        [(shortest(p, price_decimals), shortest(s, size_decimals)) for p, s in side]
        for side in (bids, asks)
    ]
    check, book = crc(*texts), Book(rule=Rule.OKX, window_log2=8, overflow_log2=8)
    scale = (price_decimals, size_decimals, False)
    assert book.snapshot(1, bids, asks, checksum=(check, *scale)) in (Applied.OK, Applied.CROSSED)
    assert book.snapshot(2, bids, asks, checksum=(check ^ 1, *scale)) == Applied.GAP


def test_checksum_that_does_not_hold_is_a_gap_until_the_next_snapshot():
    book = synced(Rule.OKX)
    assert book.delta(0, 1, 100, [(98, 5)], [], checksum=(123, 0, 0, False)) == Applied.GAP
    assert (book.state, book.wanted) == (State.GAPPED, Resync.GAP)
    assert (book.counts["checksums_bad"], book.counts["gaps"]) == (1, 1)
    assert book.snapshot(1, BIDS, ASKS) == Applied.OK
    assert book.state == State.SYNCED


def test_book_with_a_text_that_integers_do_not_give_back_is_not_judged_but_counted():
    """ "5.160" is 5160 at three decimals, and so is "5.16"."""
    book = synced(Rule.OKX)
    assert book.delta(0, 1, 100, [], [], checksum=(123, 0, 0, True)) == Applied.OK
    assert book.delta(0, 2, 1, [], [], checksum=(123, 0, 0, False)) == Applied.OK
    assert book.counts["checksums_unjudged"] == 2
    check = crc([("99", "1")], [("101", "1")])
    assert book.snapshot(3, BIDS, ASKS, checksum=(check, 0, 0, False)) == Applied.OK
    assert (book.counts["checksums"], book.counts["checksums_bad"]) == (1, 0)
