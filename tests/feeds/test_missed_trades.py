"""Trades that a stream did not bring: counted, asked for by id, shown by themselves."""

from __future__ import annotations

import random

import pytest

from runtime._shm import ffi, lib
from runtime.feeds.supply import missed_row
from tests.feeds.conftest import MS, TRADE, Quoter

SECOND = 1000 * MS


class Tape(Quoter):
    """Notes which trades it was shown, and how."""

    def __init__(self, **parameters):
        super().__init__(**parameters)
        self.shown, self.missed = [], []

    def on_trade(self, trade):
        self.shown.append(trade.trade_id)

    def on_missed(self, trade):
        self.missed.append((trade.trade_id, trade.price_ticks, trade.lots, trade.event_ns))


def listed(*ids):
    """What the venue answers: an aggregated trade each, made of its id."""
    return b"".join(
        missed_row(
            {"a": n, "f": n, "l": n, "p": f"{60000 + n}.5", "q": "0.010", "T": n, "m": True}, 1, 3
        )
        for n in ids
    )


def skip(rig, count):
    rig.trades += count


def span(rig, instrument=1):
    feed = rig.feed(instrument)
    return feed.missed_from, feed.missed_to


def test_row_of_a_mail_is_the_record_that_the_lane_reads():
    row = ffi.from_buffer("hp_missed_t[]", listed(7))[0]
    assert (row.trade_id, row.first_id, row.last_id, row.is_buyer_maker) == (7, 7, 7, 1)
    assert (row.price_ticks, row.lots, row.event_ns) == (600075, 10, 7 * MS)


def test_hole_in_the_numbers_is_counted_told_and_asked_for(feed_rig):
    rig = feed_rig(Tape())
    rig.trade()
    skip(rig, 3)
    rig.trade()
    feed = rig.feed()
    assert (feed.trade_gaps, feed.trades_missed, feed.trades_filled) == (1, 3, 0)
    assert span(rig) == (2, 5)
    assert rig.lane.wanted[-1] == (lib.HP_WANT_MISSED, 1)
    assert rig.lane.strategies[0].feeds[-1][1:5] == ("MISSED", "AGG_TRADE", 3, 2)
    assert rig.lane.strategies[0].shown == [1, 5]


def test_trades_that_were_fetched_are_shown_by_themselves_and_move_nothing(feed_rig):
    rig = feed_rig(Tape())
    rig.sync()
    rig.trade()
    skip(rig, 3)
    rig.trade()
    before = (rig.view.tops[1].update_id, rig.feed().last_ns[TRADE], sum(rig.feed().troubles))
    rig.lane.now_ns += 40 * MS
    rig.lane.missed(1, listed(1, 2, 3, 4, 5, 6))
    strategy = rig.lane.strategies[0]
    assert strategy.missed == [(n, 600005 + 10 * n, 10, n * MS) for n in (2, 3, 4)]
    assert strategy.shown == [1, 5]
    assert (rig.feed().trades_filled, span(rig)) == (3, (0, 0))
    assert before == (
        rig.view.tops[1].update_id,
        rig.feed().last_ns[TRADE],
        sum(rig.feed().troubles),
    )
    rig.lane.missed(1, listed(2, 3, 4))
    assert len(strategy.missed) == 3  # a second answer shows nothing twice


def test_answer_in_parts_goes_on_where_the_first_ended(feed_rig):
    rig = feed_rig(Tape())
    rig.trade()
    skip(rig, 5)
    rig.trade()
    rig.lane.missed(1, listed(2, 3))
    assert span(rig) == (4, 7)
    rig.lane.missed(1, listed(4, 5, 6))
    assert (span(rig), rig.feed().trades_filled) == ((0, 0), 5)


def test_wish_is_repeated_and_then_given_up(feed_rig):
    rig = feed_rig(Tape())
    rig.trade()
    skip(rig, 1)
    rig.trade()
    wished = rig.lane.wanted.count((lib.HP_WANT_MISSED, 1))
    for _ in range(40):
        rig.lane.turn(SECOND)
    assert rig.lane.wanted.count((lib.HP_WANT_MISSED, 1)) == wished + 2
    assert span(rig) == (0, 0)
    assert (rig.feed().trades_missed, rig.feed().trades_filled) == (1, 0)


def test_holes_that_follow_each_other_are_one_span_of_the_newest(feed_rig):
    rig = feed_rig(Tape())
    rig.trade()
    skip(rig, 2)
    rig.trade()
    skip(rig, 2)
    rig.trade()
    assert span(rig) == (2, 7)
    rig.lane.missed(1, listed(*range(1, 9)))
    assert [row[0] for row in rig.lane.strategies[0].missed] == [2, 3, 5, 6]
    assert rig.lane.strategies[0].shown == [1, 4, 7]
    skip(rig, 5000)
    rig.trade()
    low, high = span(rig)
    assert high - low == lib.HP_MISSED_MAX and high == rig.trades


def test_copy_late_and_restarted_numbers_are_no_hole(feed_rig):
    rig = feed_rig(Tape())
    rig.trades = 5000
    rig.trade()
    rig.trades -= 1  # the same once more
    rig.trade()
    rig.trades = 10  # the venue counts anew
    rig.trade()
    rig.trade()
    assert rig.feed().trade_gaps == 0


def test_one_instruments_hole_is_not_the_others(feed_rig):
    rig = feed_rig(Tape())
    rig.trade(instrument=1)
    rig.trade(instrument=2)  # numbered 2: the first of this symbol
    rig.trade(instrument=1)  # and 3: a hole of one
    assert (rig.feed(1).trades_missed, rig.feed(2).trades_missed) == (1, 0)


def test_trade_that_comes_late_is_not_shown_twice(feed_rig):
    rig = feed_rig(Tape())
    rig.trade()
    skip(rig, 3)
    rig.trade()
    rig.trades = 2
    rig.trade()  # number 3, behind 5
    rig.lane.missed(1, listed(2, 3, 4))
    strategy = rig.lane.strategies[0]
    assert (strategy.shown, [row[0] for row in strategy.missed]) == ([1, 5, 3], [2, 4])
    assert (rig.feed().trades_filled, span(rig)) == (3, (0, 0))


@pytest.mark.parametrize("seed", range(3))
def test_any_losses_and_answers_show_each_trade_once(feed_rig, seed):
    """Against a plain count: what the stream brought and what was fetched are all there is."""
    rng = random.Random(seed)
    rig = feed_rig(Tape())
    strategy, feed = rig.lane.strategies[0], rig.feed()
    rig.trade()
    for _ in range(150):
        skip(rig, rng.choice([0, 0, 1, 4, 90]))
        rig.trade()
        if feed.missed_to and rng.random() < 0.5:  # the venue answers a part, or all
            low, high = span(rig)
            rig.lane.missed(1, listed(*range(low, rng.randrange(low, high) + 1)))
    while feed.missed_to:
        rig.lane.missed(1, listed(*range(*span(rig))))
    fetched = [row[0] for row in strategy.missed]
    assert len(set(fetched)) == len(fetched) == feed.trades_filled
    assert not set(fetched) & set(strategy.shown)
    gone = set(range(1, rig.trades + 1)) - {*fetched, *strategy.shown}
    assert len(gone) == feed.trades_missed - feed.trades_filled
    assert len(gone) == 0 or max(gone) < rig.trades - lib.HP_MISSED_MAX
