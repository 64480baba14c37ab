"""Order book of one instrument: the owner of its memory and its Python face.

Owns:    one allocation per book, made at start; entry points for tests and tools that feed it.
Refuses: reading (view.pyx), logic (the headers beside it), clocks, text.  Prices are ticks, sizes are lots.

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
from hotpath.book.view cimport BookView

WHOLE = <uint32_t>HP_DEPTH_WHOLE  # depth_limit of a snapshot that holds the venue's whole book


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
    NEAR = HP_RESYNC_NEAR


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


@cython.final
cdef class Book(BookView):
    """Bids and asks of one instrument, with the state that says whether they may be believed.

    The window holds 2^window_log2 ticks a side around the touch, the table beside it 3/4 of
    2^overflow_log2 levels at any distance; when it is full the farthest are forgotten (horizons).
    offline: no snapshot can be fetched, so where a snapshot ends is marked and nothing is wanted.
    """

    def __cinit__(self, *, instrument=0, rule=HP_SEQUENCE_BINANCE_FUTURES, window_log2=14,
                  overflow_log2=14, deltas_log2=10, level_max=32768, bint offline=False,
                  depth_kept=0):
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
        memset(begin, 0, head + 2 * hp_l2_bytes(window_log2, overflow_log2))
        self.book = <hp_book_t *>begin
        self.instrument = instrument
        hp_book_init(self.book, instrument, rule, &size, begin + head)
        self.book.is_offline = offline
        self.book.depth_kept = depth_kept

    def __dealloc__(self):
        free(self.memory)

    # -- what its owner feeds it ----------------------------------------------------------------

    def delta(self, first_id, last_id, prev_id, list bids, list asks, recv_ns=0, tag=0,
              checksum=None):
        """Apply one delta and return Applied.

        `checksum`: (CRC-32, price decimals, size decimals, whether a text is odd) of the venue.
        """
        return self._event(HP_EVENT_DEPTH, first_id, last_id, prev_id, bids, asks, recv_ns, tag, 0,
                           0, checksum)

    def snapshot(self, last_id, list bids, list asks, recv_ns=0, depth_limit=0, depth_kept=0,
                 checksum=None):
        """Take a snapshot, splice what was kept onto it, and return Applied.

        It is shown when an event has hooked to it.  depth_limit: levels a side that were asked for,
        0 = not said; depth_kept: levels a side that the deltas keep, 0 = they name every level.
        """
        return self._event(HP_EVENT_SNAPSHOT, 0, last_id, 0, bids, asks, recv_ns, 0, depth_limit,
                           depth_kept, checksum)

    def _event(self, kind, first_id, last_id, prev_id, bids, asks, recv_ns, tag, depth_limit,
               depth_kept, checksum):
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
        if kind == HP_EVENT_SNAPSHOT:
            event.body.depth.depth_limit = depth_limit
            event.body.depth.depth_kept = depth_kept
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
        cdef size_t total = hp_book_rescale_room(self.book)
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
