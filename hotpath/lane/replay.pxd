# replay_lines.h and replay.h - the lines of a capture, and one message through codec and book.

from libc.stdint cimport int64_t, int8_t, uint32_t, uint64_t

from hotpath.abi.clock cimport hp_calibration_t
from hotpath.abi.codec cimport hp_codec_t
from hotpath.abi.event cimport hp_event_t, hp_level_t, hp_levels_t
from hotpath.abi.histogram cimport hp_histogram_t
from hotpath.abi.instrument cimport hp_instrument_t
from hotpath.book.sync cimport hp_book_t

cdef extern from "hotpath/lane/replay_lines.h" nogil:
    ctypedef struct hp_replay_line_t:
        uint64_t recv_ns
        uint64_t number
        uint32_t at
        uint32_t size
        uint32_t owner_size
        char owner[32]
    ctypedef struct hp_replay_cut_t:
        uint64_t number
        uint64_t blank
        uint32_t next
        uint32_t count
    void hp_replay_cut_lines(
        hp_replay_cut_t *cut, const char *text, uint32_t size, int final,
        hp_replay_line_t *lines, uint32_t room) noexcept nogil

cdef extern from "hotpath/lane/replay.h":
    # Only C code calls it; Replay.run holds the GIL while it is set.
    ctypedef void (*hp_replay_hook_t)(void *context, const hp_event_t *event, hp_book_t *book, int applied) noexcept

cdef extern from "hotpath/lane/replay.h" nogil:
    enum: HP_REPLAY_INSTRUMENTS_MAX
    enum: HP_REPLAY_SAMPLE_EVERY
    cdef enum hp_replay_stop:
        HP_REPLAY_STOP_NONE
        HP_REPLAY_STOP_SNAPSHOT
        HP_REPLAY_STOP_FINER
    ctypedef struct hp_replay_row_t:
        uint64_t line
        uint64_t update_id
        int64_t bid_ticks
        int64_t bid_lots
        int64_t ask_ticks
        int64_t ask_lots
        uint32_t instrument
        int8_t price_decimals
        int8_t size_decimals
    ctypedef struct hp_replay_market_t:
        hp_instrument_t instrument
        hp_book_t *book
        uint64_t depth
        uint64_t compared
        uint64_t equal
    ctypedef struct hp_replay_unknown_t:
        uint64_t count
        uint32_t size
        char text[32]
    ctypedef struct hp_replay_t:
        const hp_codec_t *codec
        hp_levels_t *levels
        const char *text
        hp_replay_line_t *lines
        uint32_t count
        uint32_t at
        uint32_t want_rows
        hp_replay_row_t *rows
        uint64_t row_count
        uint64_t row_max
        hp_replay_hook_t hook
        void *context
        uint64_t messages
        uint64_t bytes
        uint64_t fallbacks
        uint64_t busy_ns
        uint64_t kinds[7]
        uint64_t status[13]
        uint64_t first[13]
        uint32_t unknown_count
        hp_replay_unknown_t unknown[256]
        hp_calibration_t calibration
        hp_histogram_t histogram
        hp_replay_market_t *markets[257]
    hp_replay_stop hp_replay_run(hp_replay_t *r) noexcept nogil
    int hp_replay_snapshot(hp_replay_t *r, hp_replay_market_t *m, int *applied) noexcept nogil
    void hp_replay_count(hp_replay_t *r, int status, uint64_t line) noexcept nogil
    void hp_replay_skip(hp_replay_t *r, int status) noexcept nogil
    bint hp_replay_rescale(
        hp_replay_market_t *m, int price_decimals, int size_decimals,
        hp_level_t *room) noexcept nogil


cdef class Replay:
    cdef hp_replay_t *replay     # hook and context: the place of a strategy
    cdef hp_replay_cut_t cut
    cdef char *text              # the block that is read into
    cdef uint32_t filled         # bytes of it that are input
    cdef bint final              # the input ends there
    cdef bint skipping           # inside a line that is too long to be held
    cdef readonly object codec   # kept alive: its table is used
    cdef readonly list books     # by instrument id - 1

    cdef hp_replay_market_t *market(self, uint32_t id) except NULL
    cdef hp_replay_line_t *stopped(self) except NULL
    cdef int reserve(self, uint64_t more) except -1
    cdef int skip_long_line(self) except -1
