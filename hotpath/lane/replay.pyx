"""Replay of a capture: the owner of the block, the books and the counters.

Owns:    the memory that replay.h works on; entry points for the cold runner (runtime/replay/replay.py).
Refuses: files and policy: it stops at a snapshot and at a finer value, and the runner decides.

    while not replay.ended:
        replay.fill(source)                    # read on, cut into lines
        while stop := replay.run():            # compiled, without the GIL
            ...                                # decide, then snapshot(), rescale() or skip()
"""

import enum

cimport cython
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memchr, memcpy, memmove

from hotpath.abi.clock cimport *
from hotpath.abi.codec cimport *
from hotpath.abi.event cimport *
from hotpath.abi.histogram cimport *
from hotpath.abi.instrument cimport *
from hotpath.book.book cimport Book
from hotpath.book.sync cimport hp_book_rescale_room

from hotpath.book.book import Applied, State

CHUNK_BYTES = 256 * 1024  # stays in the second-level cache between cutting and decoding

cdef enum:
    CHUNK = 256 * 1024
    BLOCK = HP_FRAME_BYTES_MAX + 4096 + CHUNK  # a line may be as long as the largest frame
    LINES = 8192

KINDS = ("none", "depth", "snapshot", "book_ticker", "agg_trade", "trade", "mark_price")
STATUS = (
    "refused", "event", "control", "unknown_kind", "unknown_symbol", "finer", "malformed",
    "too_large", "type", "duplicate", "missing", "number", "levels",
)
SAMPLE_EVERY = HP_REPLAY_SAMPLE_EVERY


class Stop(enum.IntEnum):
    """Why run() came back before the end of the block."""

    NONE = HP_REPLAY_STOP_NONE
    SNAPSHOT = HP_REPLAY_STOP_SNAPSHOT
    FINER = HP_REPLAY_STOP_FINER


@cython.final
cdef class Replay:
    """One pass over a capture.  `codec` offers `capsule`, the venue's function table."""

    def __cinit__(self, codec, bint rows=False):
        self.codec = codec
        self.books = []
        self.text = <char *>calloc(1, BLOCK + HP_FRAME_PAD_BYTES)
        self.replay = <hp_replay_t *>calloc(1, sizeof(hp_replay_t))
        if self.text == NULL or self.replay == NULL:
            raise MemoryError("replay")
        cdef hp_replay_t *r = self.replay
        r.codec = <const hp_codec_t *>PyCapsule_GetPointer(codec.capsule, "hp_codec_t")
        if r.codec.layout != HP_CODEC_LAYOUT:
            raise ValueError(f"codec has layout {r.codec.layout}; want {HP_CODEC_LAYOUT}: rebuild")
        r.levels = <hp_levels_t *>calloc(1, sizeof(hp_levels_t))
        r.lines = <hp_replay_line_t *>calloc(LINES, sizeof(hp_replay_line_t))
        if r.levels == NULL or r.lines == NULL:
            raise MemoryError("replay")
        r.text = self.text
        r.want_rows = rows
        hp_calibrate(&r.calibration, 2000000)

    def __dealloc__(self):
        cdef hp_replay_t *r = self.replay
        cdef uint32_t i
        if r != NULL:
            for i in range(HP_REPLAY_INSTRUMENTS_MAX + 1):
                free(r.markets[i])
            free(r.levels)
            free(r.lines)
            free(r.rows)
        free(r)
        free(self.text)

    cdef hp_replay_market_t *market(self, uint32_t id) except NULL:
        if not 0 < id <= len(self.books):
            raise KeyError(f"instrument {id}; there are {len(self.books)}")
        return self.replay.markets[id]

    def add(self, str symbol, int price_decimals, int size_decimals, **sizes):
        """Take an instrument, make its book and return its id, from 1."""
        cdef hp_replay_t *r = self.replay
        cdef bytes text = symbol.encode()
        cdef uint32_t id = len(self.books) + 1
        if id > HP_REPLAY_INSTRUMENTS_MAX:
            raise ValueError(f"{symbol}: more than {HP_REPLAY_INSTRUMENTS_MAX} instruments")
        if not 0 < len(text) <= HP_SYMBOL_BYTES:
            raise ValueError(f"symbol {symbol!r}; want 1..{HP_SYMBOL_BYTES} bytes")
        cdef hp_replay_market_t *m = <hp_replay_market_t *>calloc(1, sizeof(hp_replay_market_t))
        if m == NULL:
            raise MemoryError("market")
        memcpy(m.instrument.symbol, <const char *>text, len(text))
        m.instrument.symbol_length = len(text)
        m.instrument.id = id
        m.instrument.price_decimals = price_decimals
        m.instrument.size_decimals = size_decimals
        if not r.codec.put_instrument(r.codec.state, &m.instrument):
            free(m)
            raise ValueError(f"{symbol}: the codec of {self.venue} takes no more instruments")
        cdef Book book = Book(instrument=id, rule=r.codec.sequence_rule, offline=True,
                              depth_kept=r.codec.depth_kept, **sizes)
        self.books.append(book)
        m.book = book.book
        r.markets[id] = m
        return id

    # -- the block ------------------------------------------------------------------------------

    @property
    def ended(self):
        """Whether the whole input is done."""
        return self.final and self.cut.next >= self.filled

    def fill(self, source):
        """Read on if there is room, and cut lines; what run() did is forgotten.

        `source.readinto(memoryview)` answers 0 at the end.  Returns the bytes read.
        """
        cdef hp_replay_t *r = self.replay
        cdef uint32_t left = self.filled - self.cut.next
        cdef uint32_t got = 0
        cdef unsigned char *to
        if r.at < r.count:
            raise RuntimeError(f"{r.count - r.at} lines of the block are not done")
        if self.cut.count < LINES and not self.final:  # all whole lines were cut: read on
            memmove(self.text, self.text + self.cut.next, left)
            self.cut.next = 0
            self.filled = left
            to = <unsigned char *>self.text + left
            got = source.readinto(memoryview(<unsigned char[:CHUNK]>to))
            self.filled += got
            self.final = got == 0
            self.skip_long_line()
        hp_replay_cut_lines(&self.cut, self.text, self.filled, self.final, r.lines, LINES)
        r.count = self.cut.count
        r.at = 0
        self.reserve(r.count)
        return got

    def begin_source(self):
        """Say that another input follows: its lines count on, and it starts a line of its own."""
        self.final = False
        self.cut.next = self.filled = 0

    cdef int skip_long_line(self) except -1:
        """Drop what cannot be a frame: it is counted once, as too large, up to its line's end."""
        cdef const char *found
        if self.skipping:
            found = <const char *>memchr(self.text, 10, self.filled)
            if found == NULL:
                self.replay.bytes += self.filled
                self.filled = 0
                self.skipping = not self.final
                return 0
            self.cut.next = <uint32_t>(found - self.text) + 1
            self.replay.bytes += self.cut.next - 1
            self.skipping = False
        elif self.filled > BLOCK - CHUNK and memchr(self.text, 10, self.filled) == NULL:
            self.cut.number += 1
            self.replay.messages += 1
            self.replay.bytes += self.filled
            hp_replay_count(self.replay, HP_DECODE_TOO_LARGE, self.cut.number)
            self.filled = 0
            self.skipping = True
        return 0

    # -- the run --------------------------------------------------------------------------------

    def run(self):
        """Go on with the block; return Stop, NONE at its end."""
        cdef int stop
        if self.replay.hook != NULL:  # a strategy may be Python
            return hp_replay_run(self.replay)
        with nogil:
            stop = hp_replay_run(self.replay)
        return stop

    @property
    def line(self):
        """The number of the line at which run() stopped, from 1."""
        return self.stopped().number

    @property
    def owner(self):
        """The symbol that the recorder wrote before this line, "" if it wrote none."""
        cdef hp_replay_line_t *line = self.stopped()
        return line.owner[:line.owner_size].decode("utf-8", "replace")

    cdef hp_replay_line_t *stopped(self) except NULL:
        if self.replay.at >= self.replay.count:
            raise RuntimeError("the block is done; there is no message in question")
        return &self.replay.lines[self.replay.at]

    def snapshot(self, uint32_t id):
        """Take the message as this instrument's snapshot; return (status, Applied).

        Unless the status is "event" nothing was done: rescale() and try again, or skip().
        """
        cdef hp_replay_market_t *m = self.market(id)
        cdef int applied = 0, status
        self.stopped()
        self.reserve(self.replay.count + m.book.backlog.count)
        if self.replay.hook != NULL:
            status = hp_replay_snapshot(self.replay, m, &applied)
        else:
            with nogil:
                status = hp_replay_snapshot(self.replay, m, &applied)
        return STATUS[status], applied

    def skip(self, str status):
        """Count the message under this status and go past it."""
        self.stopped()
        hp_replay_skip(self.replay, STATUS.index(status))

    @property
    def finer(self):
        """After "finer": (instrument, price decimals, size decimals) that its values need."""
        cdef uint32_t id = 0
        cdef int price_decimals = 0, size_decimals = 0
        cdef const hp_codec_t *codec = self.replay.codec
        codec.finer(codec.state, &id, &price_decimals, &size_decimals)
        return id, price_decimals, size_decimals

    def rescale(self, uint32_t id, int price_decimals, int size_decimals):
        """Give an instrument a finer scale; False, with nothing changed, where it cannot be.

        That is: it would not be finer, or a value that is known would leave 64 bits.
        """
        cdef hp_replay_t *r = self.replay
        cdef hp_replay_market_t *m = self.market(id)
        cdef hp_instrument_t instrument = m.instrument
        cdef int price_more = price_decimals - instrument.price_decimals
        cdef int size_more = size_decimals - instrument.size_decimals
        if price_more < 0 or size_more < 0 or price_more + size_more == 0:
            return False
        if price_decimals > HP_DECIMALS_MAX or size_decimals > HP_DECIMALS_MAX:
            return False
        cdef uint64_t began = hp_mono_ns()
        cdef hp_level_t *room = <hp_level_t *>malloc(
            (hp_book_rescale_room(m.book) + 1) * sizeof(hp_level_t))
        if room == NULL:
            raise MemoryError("rescale")
        done = hp_replay_rescale(m, price_decimals, size_decimals, room)
        free(room)
        if done and not r.codec.put_instrument(r.codec.state, &m.instrument):
            raise RuntimeError(f"the codec of {self.venue} refused a known instrument")
        r.busy_ns += hp_mono_ns() - began
        return done

    # -- what came of it ------------------------------------------------------------------------

    cdef int reserve(self, uint64_t more) except -1:
        """Make room for the rows that the next step may add, so that it need not ask."""
        cdef hp_replay_t *r = self.replay
        cdef uint64_t want = r.row_count + more
        cdef void *rows
        if not r.want_rows or want <= r.row_max:
            return 0
        rows = realloc(r.rows, 2 * want * sizeof(hp_replay_row_t))
        if rows == NULL:
            raise MemoryError(f"{want} rows")
        r.rows = <hp_replay_row_t *>rows
        r.row_max = 2 * want
        return 0

    def take_rows(self):
        """Return and forget the tops after each applied delta since the last call.

        [(line, instrument, update id, bid ticks, bid lots, ask ticks, ask lots, price decimals,
        size decimals)], in the order of application.
        """
        cdef hp_replay_t *r = self.replay
        cdef uint64_t i
        cdef hp_replay_row_t *row
        out = []
        for i in range(r.row_count):
            row = &r.rows[i]
            out.append((row.line, row.instrument, row.update_id, row.bid_ticks, row.bid_lots,
                        row.ask_ticks, row.ask_lots, row.price_decimals, row.size_decimals))
        r.row_count = 0
        return out

    @property
    def venue(self):
        """The codec's name for its venue."""
        return self.replay.codec.name.decode()

    def market_facts(self, uint32_t id):
        """Return (deltas seen, tops compared with tickers, equal ones, price and size decimals)."""
        cdef hp_replay_market_t *m = self.market(id)
        return (m.depth, m.compared, m.equal, m.instrument.price_decimals,
                m.instrument.size_decimals)

    @property
    def unknown(self):
        """Return how often each symbol came that nobody knows; the first 256 of them."""
        cdef hp_replay_t *r = self.replay
        cdef uint32_t i
        return {
            r.unknown[i].text[:r.unknown[i].size].decode("utf-8", "replace"): r.unknown[i].count
            for i in range(r.unknown_count)
        }

    @property
    def facts(self):
        """Return counters: messages and their bytes, lines and empty ones, fallbacks."""
        return {
            "messages": self.replay.messages,
            "bytes": self.replay.bytes,
            "lines": self.cut.number,
            "blank": self.cut.blank,
            "fallbacks": self.replay.fallbacks,
        }

    @property
    def events(self):
        """Count events by kind."""
        cdef int i
        return {KINDS[i]: self.replay.kinds[i] for i in range(1, len(KINDS))}

    @property
    def status(self):
        """Count the messages that gave no event by the codec's answer."""
        cdef int i
        return {STATUS[i]: self.replay.status[i] for i in range(len(STATUS))}

    @property
    def first_lines(self):
        """Return the line of the first message of each such answer."""
        cdef int i
        return {
            STATUS[i]: self.replay.first[i] for i in range(len(STATUS)) if self.replay.status[i]
        }

    @property
    def nanoseconds(self):
        """Return decode and book per message: the mean by wall clock around whole blocks, the
        percentiles from stamps on every 17th message."""
        cdef hp_replay_t *r = self.replay
        return {
            "mean": round(<double>r.busy_ns / <double>r.messages, 1) if r.messages else 0.0,
            "p50": hp_histogram_quantile(&r.histogram, 500000),
            "p99": hp_histogram_quantile(&r.histogram, 990000),
            "p999": hp_histogram_quantile(&r.histogram, 999000),
        }
