"""Order book of one instrument: the owner of its memory and its Python face.

Owns:    one allocation per book, made at start; entry points for strategies (reading) and for tests
         and tools (feeding).
Refuses: logic (the headers beside it), clocks, text.  Prices are ticks, sizes are lots.

The lane feeds `Book.book` from nogil code; Python sees the same memory.
"""

import enum

cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t, uint8_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

from hotpath.abi.book cimport *
from hotpath.abi.event cimport *
from hotpath.book.l2 cimport *
from hotpath.book.rules cimport *
from hotpath.book.sync cimport *


class State(enum.IntEnum):
    """States of a book; only SYNCED quotes."""

    EMPTY = HP_BOOK_EMPTY
    BUFFERING = HP_BOOK_BUFFERING
    SYNCED = HP_BOOK_SYNCED
    GAPPED = HP_BOOK_GAPPED
    STALE = HP_BOOK_STALE
    CROSSED = HP_BOOK_CROSSED


class Applied(enum.IntEnum):
    """What one event did to a book."""

    REFUSED = HP_APPLIED_REFUSED
    OK = HP_APPLIED_OK
    BUFFERED = HP_APPLIED_BUFFERED
    DROPPED = HP_APPLIED_DROPPED
    GAP = HP_APPLIED_GAP
    CROSSED = HP_APPLIED_CROSSED
    TOO_OLD = HP_APPLIED_TOO_OLD
    NOT_MINE = HP_APPLIED_NOT_MINE


class Resync(enum.IntEnum):
    """Why a book wants a snapshot."""

    NONE = HP_RESYNC_NONE
    FIRST = HP_RESYNC_FIRST
    GAP = HP_RESYNC_GAP
    TOO_OLD = HP_RESYNC_TOO_OLD
    CROSSED = HP_RESYNC_CROSSED
    EXHAUSTED = HP_RESYNC_EXHAUSTED
    REFRESH = HP_RESYNC_REFRESH
    LINE = HP_RESYNC_LINE


class Rule(enum.IntEnum):
    """The venues' sequence rules."""

    NONE = HP_SEQUENCE_NONE
    BINANCE_FUTURES = HP_SEQUENCE_BINANCE_FUTURES
    BINANCE_SPOT = HP_SEQUENCE_BINANCE_SPOT
    OKX = HP_SEQUENCE_OKX
    BYBIT = HP_SEQUENCE_BYBIT
    HYPERLIQUID = HP_SEQUENCE_HYPERLIQUID


cdef hp_level_t *levels_of(list bids, list asks) except NULL:
    """Copy Python levels to C, bids first; the caller frees them."""
    cdef size_t count = len(bids) + len(asks), i = 0
    if count > HP_LEVELS_MAX:
        raise ValueError(f"{count} levels in one message; want {HP_LEVELS_MAX} at most")
    cdef hp_level_t *levels = <hp_level_t *>malloc((count + 1) * sizeof(hp_level_t))
    if levels == NULL:
        raise MemoryError
    try:
        for side in (bids, asks):
            for ticks, lots in side:
                if lots < 0:
                    raise ValueError(f"{lots} lots at {ticks} ticks; want 0 or more")
                levels[i].price_ticks = ticks
                levels[i].lots = lots
                i += 1
    except BaseException:
        free(levels)
        raise
    return levels


cdef list side_of(const hp_ladder_t *ladder, size_t room):
    """Return the best `room` levels of one side as [(ticks, lots)]."""
    cdef size_t total = hp_ladder_total(ladder), i
    if room > total:
        room = total
    cdef hp_level_t *to = <hp_level_t *>malloc((room + 1) * sizeof(hp_level_t))
    if to == NULL:
        raise MemoryError
    room = hp_ladder_copy(ladder, to, room)
    try:
        return [(to[i].price_ticks, to[i].lots) for i in range(room)]
    finally:
        free(to)


cdef horizon_of(const hp_ladder_t *ladder):
    """Return the price from which on a side is unknown, or None."""
    if ladder.horizon == HP_KEY_NONE:
        return None
    return hp_ladder_ticks(ladder, ladder.horizon)


@cython.final
cdef class Book:
    """Bids and asks of one instrument, with the state that says whether they may be believed.

    The window holds 2^window_log2 ticks a side around the touch, the table beside it 3/4 of
    2^overflow_log2 levels at any distance; when it is full the farthest are forgotten (horizons()).
    """

    def __cinit__(self, *, instrument=0, rule=HP_SEQUENCE_BINANCE_FUTURES, window_log2=14,
                  overflow_log2=14, deltas_log2=10, level_max=32768):
        cdef hp_book_size_t size
        bounds = {
            "rule": (rule, 0, HP_SEQUENCE_RULE_COUNT - 1),
            "window_log2": (window_log2, HP_WINDOW_LOG2_MIN, HP_WINDOW_LOG2_MAX),
            "overflow_log2": (overflow_log2, HP_OVERFLOW_LOG2_MIN, HP_OVERFLOW_LOG2_MAX),
            "deltas_log2": (deltas_log2, 0, 20),
            "level_max": (level_max, 1, 1 << 28),
        }
        for name, (value, least, most) in bounds.items():
            if not least <= value <= most:
                raise ValueError(f"{name} is {value}; want {least}..{most}")
        size.window_log2, size.overflow_log2 = window_log2, overflow_log2
        size.deltas_log2, size.level_max = deltas_log2, level_max
        cdef size_t head = (sizeof(hp_book_t) + 63) & ~<size_t>63
        cdef size_t total = head + hp_book_bytes(&size)
        self.memory = calloc(1, total + 63)
        if self.memory == NULL:
            raise MemoryError(f"a book of {total} bytes")
        cdef char *begin = <char *>((<size_t>self.memory + 63) & ~<size_t>63)
        # Populate the levels; the backlog is touched only when it is needed.
        memset(begin, 0, head + hp_l2_bytes(window_log2, overflow_log2))
        self.book = <hp_book_t *>begin
        hp_book_init(self.book, instrument, rule, &size, begin + head)

    def __dealloc__(self):
        free(self.memory)

    # -- what a strategy reads ------------------------------------------------------------------

    @property
    def instrument(self):
        return self.book.instrument

    @property
    def state(self):
        """State as a number; compare with State."""
        return self.book.state

    @property
    def synced(self):
        return self.book.state == HP_BOOK_SYNCED

    @property
    def bid_ticks(self):
        """Best bid; meaningless while bid_lots is 0."""
        return hp_l2_bid_ticks(&self.book.l2)

    @property
    def ask_ticks(self):
        """Best ask; meaningless while ask_lots is 0."""
        return hp_l2_ask_ticks(&self.book.l2)

    @property
    def bid_lots(self):
        """Size at the best bid; 0 when there is no bid."""
        return self.book.l2.bid.best_lots

    @property
    def ask_lots(self):
        """Size at the best ask; 0 when there is no ask."""
        return self.book.l2.ask.best_lots

    @property
    def update_id(self):
        """The venue's id of the last event in the book."""
        return self.book.update_id

    @property
    def recv_ns(self):
        """When the last good event was received (CLOCK_MONOTONIC)."""
        return self.book.good_ns

    def levels(self, size_t count):
        """Return the best `count` levels of each side, ([(ticks, lots)], [(ticks, lots)])."""
        return side_of(&self.book.l2.bid, count), side_of(&self.book.l2.ask, count)

    def imbalance_bps(self, size_t count):
        """Return 10000 x bid lots / (bid + ask lots) of the best `count` levels, rounded down.

        5000 when neither side has lots.
        """
        return hp_l2_imbalance_bps(&self.book.l2, count)

    # -- what its owner feeds it ----------------------------------------------------------------

    def delta(self, first_id, last_id, prev_id, list bids, list asks, recv_ns=0, tag=0,
              checksum=None):
        """Apply one delta and return Applied.

        `checksum`: (CRC-32, price decimals, size decimals, whether a text is odd) of the venue.
        """
        return self._event(HP_EVENT_DEPTH, first_id, last_id, prev_id, bids, asks, recv_ns, tag,
                           checksum)

    def snapshot(self, last_id, list bids, list asks, recv_ns=0, checksum=None):
        """Take a snapshot, splice what was kept onto it, and return Applied."""
        return self._event(HP_EVENT_SNAPSHOT, 0, last_id, 0, bids, asks, recv_ns, 0, checksum)

    def _event(self, kind, first_id, last_id, prev_id, bids, asks, recv_ns, tag, checksum):
        cdef hp_event_t event
        memset(&event, 0, sizeof(event))
        if checksum is not None:
            event.body.depth.has_checksum = HP_CHECKSUM_TOP25
            event.body.depth.checksum, event.body.depth.price_decimals = checksum[:2]
            event.body.depth.size_decimals, event.body.depth.odd_text = checksum[2:]
        event.kind = kind
        event.instrument = self.book.instrument
        event.first_id, event.last_id, event.prev_id = first_id, last_id, prev_id
        event.recv_ns = recv_ns
        event.bid_count, event.ask_count = len(bids), len(asks)
        cdef uint64_t mark = tag
        cdef hp_level_t *levels = levels_of(bids, asks)
        try:
            return <int>hp_book_apply(self.book, &event, <const hp_levels_t *>levels, mark)
        finally:
            free(levels)

    def check_stale(self, uint64_t now_ns, uint64_t bound_ns):
        """Say whether the book became STALE: no good event for longer than the bound."""
        return hp_book_check_stale(self.book, now_ns, bound_ns)

    def refresh(self):
        """Ask for a snapshot while the book goes on."""
        hp_book_refresh(self.book)

    def break_line(self):
        """Say that the connection broke: what follows does not continue this book."""
        hp_book_break(self.book)

    def rescale(self, int64_t price_factor, int64_t size_factor):
        """Multiply all prices and sizes; a finer scale was learnt."""
        if price_factor < 1 or size_factor < 1:
            raise ValueError(f"factors are {price_factor} and {size_factor}; want 1 or more")
        cdef size_t total = hp_l2_total(&self.book.l2)
        cdef hp_level_t *room = <hp_level_t *>malloc((total + 1) * sizeof(hp_level_t))
        if room == NULL:
            raise MemoryError
        done = hp_book_rescale(self.book, price_factor, size_factor, room)
        free(room)
        if not done:
            raise OverflowError(f"prices x {price_factor}, sizes x {size_factor} leave 64 bits")

    # -- what its owner watches -----------------------------------------------------------------

    @property
    def needs(self):
        """How often a snapshot was asked for; the owner requests one when it changed."""
        return self.book.needs

    @property
    def wanted(self):
        """Why a snapshot is wanted now (Resync), or 0."""
        return self.book.reason if self.book.wanted else 0

    @property
    def counts(self):
        """Return the counters, by name."""
        cdef hp_book_t *b = self.book
        return {
            **b.counts,
            "kept": b.backlog.count,
            "lost": b.backlog.lost,
            "forgotten": b.l2.bid.forgotten + b.l2.ask.forgotten,
            "moves": b.l2.bid.moves + b.l2.ask.moves,
        }

    @property
    def totals(self):
        """Return how many levels each side holds."""
        return hp_ladder_total(&self.book.l2.bid), hp_ladder_total(&self.book.l2.ask)

    @property
    def horizons(self):
        """Return per side the price from which on levels were forgotten; None: it is whole."""
        return horizon_of(&self.book.l2.bid), horizon_of(&self.book.l2.ask)
