"""Run decoders over a capture in memory: any hp_codec_t, one loop, one clock.

Owns:    frames in memory, the timed loop, the checksum of all events, the contender as a codec.
Refuses: choosing passes, judging figures (__main__.py), books.
"""

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from hotpath.abi.clock cimport hp_mono_ns
from hotpath.abi.codec cimport *
from hotpath.abi.crc32c cimport hp_crc32c
from hotpath.lane.core cimport hp_book_bytes, hp_book_init, hp_book_size_t, hp_book_t, hp_l2_ask_ticks, hp_l2_bid_ticks

cdef extern from "hotpath/book/sync.h" nogil:
    int hp_book_apply(hp_book_t *b, const hp_event_t *e, const hp_levels_t *levels, uint64_t tag) noexcept

cdef extern from "stdlib.h" nogil:
    int posix_memalign(void **out, size_t alignment, size_t size)

cdef extern from "benchmarks/decode/simdjson_job.h" nogil:
    ctypedef struct contender_t:
        pass
    contender_t *contender_open()
    void contender_close(contender_t *state)
    int contender_put_instrument(void *state, const hp_instrument_t *instrument) noexcept
    int contender_decode(
        void *state, const char *data, size_t size, hp_event_t *event, hp_levels_t *levels
    ) noexcept


cdef class Contender:
    """simdjson On-Demand by hand, as a function table."""

    cdef contender_t *state
    cdef hp_codec_t table

    def __cinit__(self):
        self.state = contender_open()
        if self.state == NULL:
            raise MemoryError("contender")
        self.table.layout = HP_CODEC_LAYOUT
        self.table.state = self.state
        self.table.decode = contender_decode
        self.table.put_instrument = contender_put_instrument

    def __dealloc__(self):
        if self.state != NULL:
            contender_close(self.state)

    @property
    def capsule(self):
        """The function table, as a codec gives its own."""
        return PyCapsule_New(&self.table, "hp_codec_t", NULL)


cdef hp_codec_t *codec_of(object capsule) except NULL:
    return <hp_codec_t *>PyCapsule_GetPointer(capsule, "hp_codec_t")


def put_instrument(capsule, bytes symbol, uint32_t id, int price_decimals, int size_decimals):
    """Give a codec one instrument."""
    cdef hp_codec_t *codec = codec_of(capsule)
    cdef hp_instrument_t record
    memset(&record, 0, sizeof(record))
    memcpy(record.symbol, <const char *>symbol, len(symbol))
    record.symbol_length = len(symbol)
    record.id = id
    record.price_decimals = price_decimals
    record.size_decimals = size_decimals
    return codec.put_instrument(codec.state, &record)


cdef class Frames:
    """Messages one behind the other in memory, as a receive buffer holds them."""

    cdef char *text
    cdef size_t *starts
    cdef readonly size_t count
    cdef readonly size_t size
    cdef hp_levels_t *levels

    def __cinit__(self, list frames):
        cdef bytes frame
        cdef size_t i
        cdef size_t at = 0
        self.count = len(frames)
        self.size = sum(len(frame) for frame in frames)
        self.text = <char *>calloc(self.size + HP_FRAME_PAD_BYTES, 1)
        self.starts = <size_t *>malloc((self.count + 1) * sizeof(size_t))
        self.levels = <hp_levels_t *>calloc(1, sizeof(hp_levels_t))
        if self.text == NULL or self.starts == NULL or self.levels == NULL:
            raise MemoryError("frames")
        for i in range(self.count):
            frame = frames[i]
            memcpy(self.text + at, <const char *>frame, len(frame))
            self.starts[i] = at
            at += len(frame)
        self.starts[self.count] = at

    def __dealloc__(self):
        free(self.text)
        free(self.starts)
        free(self.levels)

    def run(self, capsule, int passes, bint general=False):
        """Decode everything `passes` times; return nanoseconds of wall clock."""
        cdef hp_codec_t *codec = codec_of(capsule)
        cdef hp_event_t event
        cdef size_t i
        cdef int n
        cdef uint64_t began
        decode = codec.decode_general if general else codec.decode
        memset(&event, 0, sizeof(event))
        with nogil:
            began = hp_mono_ns()
            for n in range(passes):
                for i in range(self.count):
                    decode(codec.state, self.text + self.starts[i],
                           self.starts[i + 1] - self.starts[i], &event, self.levels)
            began = hp_mono_ns() - began
        return began

    def run_book(self, capsule, snapshot_capsule, uint32_t instrument, bytes snapshot, int passes, bint general=False):
        """Decode everything and keep the book, `passes` times; each pass starts from the snapshot.

        Returns (nanoseconds of wall clock, deltas applied, checksum of the last tops of all passes).
        """
        cdef hp_codec_t *codec = codec_of(capsule)
        cdef hp_codec_t *reader = codec_of(snapshot_capsule)
        cdef hp_event_t event, start
        cdef hp_levels_t *start_levels = <hp_levels_t *>calloc(1, sizeof(hp_levels_t))
        cdef hp_book_size_t size
        cdef hp_book_t book
        cdef void *memory = NULL
        cdef bytes padded = snapshot + bytes(HP_FRAME_PAD_BYTES)
        cdef size_t i
        cdef uint64_t began, spent = 0, applied = 0, top = 0
        cdef int n
        size.window_log2, size.overflow_log2, size.deltas_log2, size.level_max = 14, 13, 10, 65536
        if start_levels == NULL or posix_memalign(&memory, 128, hp_book_bytes(&size)):
            raise MemoryError("book")
        memset(&event, 0, sizeof(event))
        memset(&start, 0, sizeof(start))
        if reader.decode_snapshot(reader.state, instrument, padded, len(snapshot), &start, start_levels) != HP_DECODE_EVENT:
            raise ValueError("the snapshot does not decode")
        decode = codec.decode_general if general else codec.decode
        with nogil:
            for n in range(passes):
                memset(memory, 0, hp_book_bytes(&size))
                hp_book_init(&book, instrument, 1, &size, memory)
                book.is_offline = 1
                hp_book_apply(&book, &start, start_levels, 0)
                began = hp_mono_ns()
                for i in range(self.count):
                    decode(codec.state, self.text + self.starts[i], self.starts[i + 1] - self.starts[i],
                           &event, self.levels)
                    if event.kind == HP_EVENT_DEPTH and hp_book_apply(&book, &event, self.levels, 0) == 1:
                        applied += 1
                        top = top * 31 + <uint64_t>(hp_l2_bid_ticks(&book.l2) * 7 + hp_l2_ask_ticks(&book.l2))
                spent += hp_mono_ns() - began
        free(memory)
        free(start_levels)
        return spent, applied, top

    def checksum(self, capsule, bint general=False):
        """Return (events, CRC32C over every byte of every event and its levels)."""
        cdef hp_codec_t *codec = codec_of(capsule)
        cdef hp_event_t event
        cdef size_t i
        cdef size_t events = 0
        cdef size_t count
        cdef uint32_t crc = 0
        decode = codec.decode_general if general else codec.decode
        for i in range(self.count):
            memset(&event, 0, sizeof(event))
            if decode(codec.state, self.text + self.starts[i],
                      self.starts[i + 1] - self.starts[i], &event,
                      self.levels) != HP_DECODE_EVENT:
                continue
            events += 1
            crc = hp_crc32c(crc, &event, sizeof(event))
            count = event.bid_count + event.ask_count
            crc = hp_crc32c(crc, self.levels, count * sizeof(hp_level_t))
        return events, crc
