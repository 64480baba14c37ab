"""A lane on several equal lines: its books are those of the whole stream, whichever line fails."""

import random

import pytest

from runtime._shm import ffi, lib
from tests.lane_rig import SYMBOLS, Rig

MS = 1_000_000
SYNCED = lib.HP_BOOK_SYNCED
HEAD = '{{"stream":"{lower}@depth@0ms","data":{{"e":"depthUpdate","E":1,"T":1,"s":"{symbol}",'


def frame(before, last, bids=(), asks=(), instrument=1):
    sides = [",".join(f'["{p:.2f}","{q:.3f}"]' for p, q in side) for side in (bids, asks)]
    symbol = SYMBOLS[instrument]
    head = HEAD.format(lower=symbol.lower(), symbol=symbol)
    return (
        f'{head}"U":{before + 1},"u":{last},"pu":{before},"b":[{sides[0]}],"a":[{sides[1]}]}}}}'
    ).encode()


class Lines(Rig):
    """A lane with one socket a line; every stream is on each of them."""

    def __init__(self, *strategies, lines=2, **settings):
        super().__init__(*strategies, lines=lines, **settings)
        for instrument in SYMBOLS:
            for kind in (lib.HP_EVENT_DEPTH, lib.HP_EVENT_BOOK_TICKER):
                self.lane.add_stream(instrument, kind, 0, first_ms=60_000, silence_ms=60_000)
        for socket in range(lines):
            self.lane.socket(socket, True)

    def start(self, instrument=1):
        """Bring a book to SYNCED at id 100."""
        self.lane.frame(frame(90, 100, instrument=instrument))
        text = self.book_text(update_id=100)
        self.lane.snapshot(instrument, text)
        assert self.top(instrument).state == SYNCED

    def top(self, instrument=1):
        return self.view.tops[instrument]

    def line(self, n):
        self.lane.turn(100 * MS)  # figures are published with the strategies' timer
        return self.view.lines[n]

    def wanted(self):
        causes = ffi.typeof("enum hp_resync_reason").elements
        counts = self.view.feeds[1].wanted
        return {causes[n].removeprefix("HP_RESYNC_"): counts[n] for n in causes if counts[n]}


def stream(rng, count):
    """Frames of a market that goes on from id 100."""
    last, out = 100, []
    for _ in range(count):
        before, last = last, last + rng.randint(1, 20)
        bids = [(60000.0 - rng.randint(0, 9) / 10, rng.choice([0, 1, 2.5])) for _ in range(2)]
        asks = [(60000.1 + rng.randint(0, 9) / 10, rng.choice([0, 1, 2.5])) for _ in range(2)]
        out.append(frame(before, last, bids, asks))
    return out


def shown(rig):
    top = rig.top()
    return top.update_id, top.bid_ticks, top.bid_lots, top.ask_ticks, top.ask_lots, top.state


def test_lane_whose_lines_each_lose_a_fifth_shows_the_whole_stream_after_every_frame():
    rng = random.Random(1)
    whole, lossy = Rig(), Lines()
    lossy.start()
    whole.lane.frame(frame(90, 100))
    whole.lane.snapshot(1, whole.book_text(update_id=100))
    for text in stream(rng, 400):
        whole.lane.frame(text)
        having = [n for n in (0, 1) if rng.random() > 0.2] or [rng.randrange(2)]
        for n in rng.sample(having, len(having)):
            lossy.lane.frame(text, socket=n)
        whole.lane.turn(2 * MS)
        lossy.lane.turn(2 * MS)
        top = whole.view.tops[1]
        want = top.update_id, top.bid_ticks, top.bid_lots, top.ask_ticks, top.ask_lots, top.state
        assert shown(lossy) == want
    assert (lossy.count.gaps, lossy.count.line_holes) == (0, 0)
    assert lossy.count.events[lib.HP_EVENT_DEPTH] == whole.count.events[lib.HP_EVENT_DEPTH]
    figures = [lossy.line(n) for n in (0, 1)]
    assert all(0.1 < line.lost / 400 < 0.3 and line.wins > 100 for line in figures)
    assert sum(line.wins for line in figures) == 401
    assert all(line.unheard == 1 for line in figures[2:])


def test_early_copy_waits_for_the_other_line():
    rig = Lines()
    rig.start()
    rig.lane.frame(frame(110, 120, [(59999.0, 2)]))
    assert rig.top().update_id == 100
    rig.lane.frame(frame(100, 110, [(59998.0, 2)]), socket=1)
    assert (rig.top().update_id, rig.top().state) == (120, SYNCED)


def test_hole_that_stays_gaps_the_book_within_the_bound():
    rig = Lines()
    rig.start()
    rig.lane.frame(frame(110, 120))
    rig.lane.turn(49 * MS)
    assert rig.top().state == SYNCED
    rig.lane.turn(10 * MS)
    assert (rig.count.gaps, rig.count.line_holes) == (1, 1)
    assert rig.top().state == lib.HP_BOOK_GAPPED
    assert rig.wanted() == {"FIRST": 1, "GAP": 1}


def test_book_goes_on_while_one_line_is_closed_and_breaks_with_the_last():
    rig = Lines()
    rig.start()
    rig.lane.socket(0, False)
    assert rig.top().state == SYNCED
    rig.lane.frame(frame(100, 110), socket=1)
    rig.lane.frame(frame(115, 120), socket=1)  # nobody else may fill it
    assert (rig.count.gaps, rig.top().state) == (1, lib.HP_BOOK_GAPPED)
    rig.lane.snapshot(1, rig.book_text(update_id=118))
    assert rig.top().state == SYNCED
    rig.lane.socket(0, True)
    rig.lane.frame(frame(120, 130), socket=0)
    assert (rig.top().update_id, rig.top().state) == (130, SYNCED)
    rig.lane.socket(0, False)
    rig.lane.socket(1, False)
    assert rig.top().state == lib.HP_BOOK_GAPPED


def test_line_whose_frames_are_garbled_is_not_heard_and_the_book_stays():
    rig = Lines()
    rig.start()
    last = 100
    for _ in range(12):
        rig.lane.frame(b'{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpd', socket=1)
        rig.lane.frame(frame(last, last + 10))
        last += 10
        rig.lane.turn(1 * MS)
    assert (rig.top().update_id, rig.top().state) == (last, SYNCED)
    line = rig.line(1)
    assert (line.errors, line.isolations, line.unheard) == (24, 2, 2)  # of both instruments
    assert rig.line(0).unheard == 0


def test_copies_that_differ_ask_for_a_snapshot_and_the_book_goes_on():
    rig = Lines()
    rig.start()
    rig.lane.frame(frame(100, 110, [(59999.0, 2)]))
    rig.lane.frame(frame(100, 110, [(59999.0, 3)]), socket=1)
    rig.line(0)
    assert (rig.count.line_conflicts, rig.top().state) == (1, SYNCED)
    assert rig.wanted() == {"FIRST": 1, "REFRESH": 1}


def test_line_that_stays_silent_has_its_socket_opened_anew():
    rig = Lines()
    rig.start()
    last = 100
    for _ in range(20):
        rig.lane.frame(frame(last, last + 10))
        last += 10
        rig.lane.turn(50 * MS)
    assert rig.line(1).unheard == 1
    for _ in range(220):
        rig.lane.frame(frame(last, last + 10))
        last += 10
        rig.lane.turn(50 * MS)
    asked = [aux for what, aux in rig.lane.wanted if what == lib.HP_WANT_RECONNECT]
    assert asked == [1 | 0x80000000]


def test_tickers_and_trades_are_shown_once():
    rig = Lines()
    for socket in (0, 1):
        rig.lane.frame(
            b'{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1,"a":7,"s":"BTCUSDT",'
            b'"p":"60000.00","q":"0.100","f":7,"l":7,"T":1,"m":true}}',
            socket=socket,
        )
    assert rig.count.events[lib.HP_EVENT_AGG_TRADE] == 1


def test_one_line_has_no_arbiter_and_no_figures():
    rig = Lines(lines=1)
    rig.start()
    rig.lane.frame(frame(110, 120))
    assert (rig.count.gaps, rig.line(0).wins) == (1, 0)


@pytest.mark.parametrize(("count", "sockets"), [(0, 1), (5, 1), (2, 0)])
def test_lane_refuses_lines_that_it_cannot_have(count, sockets):
    lane = Rig().lane
    with pytest.raises(ValueError, match=f"{count} lines of {sockets}"):
        lane.set_lines(count, sockets)
    with pytest.raises(RuntimeError, match="before the instruments"):
        lane.set_lines(2, 1)
