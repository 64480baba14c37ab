"""The feed arbiter in Python's hands: for tests and tools.  A lane works on the C struct.

Owns:    one allocation; take, next, open, close, error; what is known of each line.
Refuses: logic (arbiter.h, line.h), books.
"""

import enum

cimport cython
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from hotpath.abi.event cimport *
from hotpath.book.book cimport levels_of
from hotpath.book.rules cimport HP_SEQUENCE_BINANCE_FUTURES, HP_SEQUENCE_RULE_COUNT

LATE_NS_MAX = HP_LINE_LATE_NS_MAX
SILENT_NS = HP_LINE_SILENT_NS
ISOLATION_NS = HP_LINE_ISOLATION_NS
WINDOW = HP_LINE_WINDOW
ERRORS_MAX = HP_LINE_ERRORS_MAX
SILENT_EVENTS = HP_LINE_SILENT_EVENTS
PROBATION_EVENTS = HP_LINE_PROBATION_EVENTS


class Copy(enum.IntEnum):
    """What became of one copy of an event."""

    REFUSED = HP_COPY_REFUSED
    USE = HP_COPY_USE
    DUPLICATE = HP_COPY_DUPLICATE
    HELD = HP_COPY_HELD
    UNUSED = HP_COPY_UNUSED


class LineState(enum.IntEnum):
    """Whether a line's events are used."""

    CLOSED = HP_LINE_CLOSED
    GOOD = HP_LINE_GOOD
    ISOLATED = HP_LINE_ISOLATED
    PROBATION = HP_LINE_PROBATION


class Kind(enum.IntEnum):
    """Kinds of events that an arbiter takes."""

    DEPTH = HP_EVENT_DEPTH
    SNAPSHOT = HP_EVENT_SNAPSHOT
    BOOK_TICKER = HP_EVENT_BOOK_TICKER
    AGG_TRADE = HP_EVENT_AGG_TRADE
    TRADE = HP_EVENT_TRADE
    MARK_PRICE = HP_EVENT_MARK_PRICE


cdef tuple event_of(const hp_event_t *e, const hp_level_t *levels):
    cdef uint32_t i
    bids = [(levels[i].price_ticks, levels[i].lots) for i in range(e.bid_count)]
    asks = [(levels[e.bid_count + i].price_ticks, levels[e.bid_count + i].lots)
            for i in range(e.ask_count)]
    return (e.kind, e.line, e.first_id, e.last_id, e.prev_id, bids, asks)


@cython.final
cdef class Arbiter:
    """Several lines of one instrument, made into one stream."""

    cdef hp_arbiter_t *arbiter
    cdef void *memory

    def __cinit__(self, *, lines=2, rule=HP_SEQUENCE_BINANCE_FUTURES, deltas_log2=7,
                  level_max=16384):
        if not 1 <= lines <= HP_LINES_MAX:
            raise ValueError(f"lines is {lines}; want 1..{HP_LINES_MAX}")
        if not 0 < rule < HP_SEQUENCE_RULE_COUNT:
            raise ValueError(f"rule is {rule}; want 1..{HP_SEQUENCE_RULE_COUNT - 1}")
        self.arbiter = <hp_arbiter_t *>calloc(1, sizeof(hp_arbiter_t))
        self.memory = calloc(1, hp_arbiter_bytes(deltas_log2, level_max))
        if self.arbiter == NULL or self.memory == NULL:
            raise MemoryError("arbiter")
        hp_arbiter_init(self.arbiter, rule, lines, deltas_log2, level_max, self.memory)

    def __dealloc__(self):
        free(self.memory)
        free(self.arbiter)

    def take(self, line, recv_ns, first_id=0, last_id=0, prev_id=0, list bids=[], list asks=[],
             kind=HP_EVENT_DEPTH, trade_id=0, event_ns=0):
        """Take one copy; return (Copy, events to hand on in order).

        An event is (kind, line, first id, last id, previous id, bids, asks).
        """
        cdef hp_event_t event
        memset(&event, 0, sizeof(event))
        event.kind, event.line, event.recv_ns = kind, line, recv_ns
        event.first_id, event.last_id, event.prev_id = first_id, last_id, prev_id
        event.bid_count, event.ask_count, event.event_ns = len(bids), len(asks), event_ns
        if kind == HP_EVENT_TRADE or kind == HP_EVENT_AGG_TRADE:
            event.body.trade.trade_id = trade_id
        cdef hp_level_t *levels = levels_of(bids, asks)
        try:
            copy = hp_arbiter_take(self.arbiter, &event, levels)
            out = [event_of(&event, levels)] if copy == HP_COPY_USE else []
            return <int>copy, out + self.next(recv_ns)
        finally:
            free(levels)

    def next(self, uint64_t now_ns):
        """Return the held events that may be handed on by now."""
        cdef hp_event_t event
        cdef const hp_level_t *levels
        out = []
        while hp_arbiter_next(self.arbiter, now_ns, &event, &levels):
            out.append(event_of(&event, levels))
        return out

    def open(self, uint32_t line, uint64_t now_ns):
        """Say that the line's socket opened."""
        hp_arbiter_open(self.arbiter, line, now_ns)

    def close(self, uint32_t line):
        """Say that the line's socket closed; return how many are open."""
        return hp_arbiter_close(self.arbiter, line)

    def error(self, uint32_t line, uint64_t now_ns):
        """Say that a frame of the line could not be read."""
        hp_arbiter_error(self.arbiter, line, now_ns)

    @property
    def counts(self):
        """Return the counters, by name."""
        cdef hp_arbiter_t *a = self.arbiter
        return {"accepted": a.accepted, "holes": a.holes, "conflicts": a.conflicts,
                "waited_ns": a.waited_ns, "held": a.backlog.count, "lost": a.backlog.lost}

    def line(self, uint32_t n):
        """Return what is known of one line: state, score_bps, mean late_ns, counters."""
        if n >= self.arbiter.line_count:
            raise IndexError(f"line {n}; there are {self.arbiter.line_count}")
        cdef hp_line_t *l = &self.arbiter.lines[n]
        return {**l.counts, "state": LineState(l.state), "score_bps": hp_line_score_bps(l),
                "late_ns_mean": l.late_ns}
