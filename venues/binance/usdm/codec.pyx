"""Binance USD-M futures, the hot half: bytes to events.

Owns:    the state of one codec and the function table that a lane gets.
Refuses: sessions, REST, keys, clocks (session.py, reference.py); venue rules beyond the bytes.

A lane takes the table through `capsule` (named "hp_codec_t") and keeps the Codec alive beside it.
"""

from cpython.pycapsule cimport PyCapsule_New
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from hotpath.book.rules cimport HP_SEQUENCE_BINANCE_FUTURES
from hotpath.decode.json cimport event_as_dict, face

from hotpath.decode.json import Status

cdef const char *NAME = "binance_usdm"
PAD = bytes(HP_FRAME_PAD_BYTES)


cdef int decode(void *state, const char *data, size_t size, hp_event_t *event, hp_levels_t *levels) noexcept nogil:
    return usdm_decode(state, data, size, event, levels)


cdef int decode_general(
    void *state, const char *data, size_t size, hp_event_t *event, hp_levels_t *levels
) noexcept nogil:
    return usdm_decode_general(state, data, size, event, levels)


cdef int decode_snapshot(
    void *state, uint32_t instrument, const char *data, size_t size, hp_event_t *event, hp_levels_t *levels
) noexcept nogil:
    return usdm_decode_snapshot(state, instrument, data, size, event, levels)


cdef int put_instrument(void *state, const hp_instrument_t *instrument) noexcept nogil:
    return usdm_put_instrument(<usdm_state_t *>state, instrument)


cdef void finer(void *state, uint32_t *instrument, int *price_decimals, int *size_decimals) noexcept nogil:
    cdef usdm_state_t *s = <usdm_state_t *>state
    instrument[0] = s.finer_instrument
    price_decimals[0] = s.finer_price
    size_decimals[0] = s.finer_size


cdef void symbol(void *state, const char **text, size_t *size) noexcept nogil:
    cdef usdm_state_t *s = <usdm_state_t *>state
    text[0] = s.symbol_text
    size[0] = s.symbol_size


cdef class Codec:
    """One codec: instruments, both readers, counters.  Not to be shared between threads."""

    def __cinit__(self, Reader reader=None):
        self.reader = Reader() if reader is None else reader
        self.state = <usdm_state_t *>calloc(1, sizeof(usdm_state_t))
        self.levels = <hp_levels_t *>calloc(1, sizeof(hp_levels_t))
        if self.state == NULL or self.levels == NULL:
            raise MemoryError("codec")
        if not usdm_open(self.state, face(), self.reader.reader):
            raise MemoryError("codec: field tables")
        self.table.layout = HP_CODEC_LAYOUT
        self.table.sequence_rule = HP_SEQUENCE_BINANCE_FUTURES
        self.table.name = NAME
        self.table.state = self.state
        self.table.decode = decode
        self.table.decode_general = decode_general
        self.table.decode_snapshot = decode_snapshot
        self.table.put_instrument = put_instrument
        self.table.finer = finer
        self.table.symbol = symbol

    def __dealloc__(self):
        if self.state != NULL:
            usdm_close(self.state)
        free(self.state)
        free(self.levels)

    cdef hp_codec_t *codec(self) noexcept nogil:
        return &self.table

    @property
    def capsule(self):
        """The function table for a lane; valid while this object lives."""
        return PyCapsule_New(&self.table, "hp_codec_t", NULL)

    @property
    def counters(self):
        """Count frames by status of decode(), and events that only the general reader knew."""
        out = {status.name: self.state.status_count[status.value] for status in Status}
        out["fallbacks"] = self.state.fallback_count
        return out

    @property
    def finer(self):
        """After FINER: (instrument, price decimals, size decimals) that are needed."""
        return self.state.finer_instrument, self.state.finer_price, self.state.finer_size

    @property
    def symbol(self):
        """After UNKNOWN_SYMBOL: its text."""
        return self.state.symbol_text[:self.state.symbol_size]

    def put_instrument(self, symbol, id, price_decimals, size_decimals):
        """Take or replace an instrument; False when the table is full or the record is not one."""
        cdef hp_instrument_t record
        cdef bytes text = symbol.encode()
        if len(text) > HP_SYMBOL_BYTES:
            return False
        memset(&record, 0, sizeof(record))
        memcpy(record.symbol, <const char *>text, len(text))
        record.symbol_length = len(text)
        record.id = id
        record.price_decimals = price_decimals
        record.size_decimals = size_decimals
        record.contract = HP_CONTRACT_LINEAR
        record.multiplier_e8 = 100000000
        record.scale_known = 1
        return usdm_put_instrument(self.state, &record) == 1

    cdef tuple answer(self, int status, const hp_event_t *event):
        if status != HP_DECODE_EVENT:
            return Status(status), None
        return Status(status), event_as_dict(event, self.levels)

    def decode(self, bytes data not None):
        """Return (Status, event as a dict or None), shape scanner first."""
        cdef hp_event_t event
        memset(&event, 0, sizeof(event))
        cdef bytes padded = data + PAD
        return self.answer(usdm_decode(self.state, padded, len(data), &event, self.levels), &event)

    def decode_general(self, bytes data not None):
        """Return the same by the general reader alone."""
        cdef hp_event_t event
        memset(&event, 0, sizeof(event))
        cdef bytes padded = data + PAD
        return self.answer(usdm_decode_general(self.state, padded, len(data), &event, self.levels), &event)

    def decode_snapshot(self, int instrument, bytes data not None):
        """Return the same for a REST depth body of a known instrument."""
        cdef hp_event_t event
        memset(&event, 0, sizeof(event))
        cdef bytes padded = data + PAD
        return self.answer(
            usdm_decode_snapshot(self.state, instrument, padded, len(data), &event, self.levels), &event
        )

    def decode_bytes(self, bytes data not None, bint general=False):
        """Return (Status, event record, level records) as bytes; the fallback flag is cleared."""
        cdef hp_event_t event
        memset(&event, 0, sizeof(event))
        cdef bytes padded = data + PAD
        cdef int status
        if general:
            status = usdm_decode_general(self.state, padded, len(data), &event, self.levels)
        else:
            status = usdm_decode(self.state, padded, len(data), &event, self.levels)
        if status != HP_DECODE_EVENT:
            return Status(status), b"", b""
        event.flags &= <int>~HP_EVENT_FALLBACK & 0xff
        cdef size_t count = event.bid_count + event.ask_count
        return (
            Status(status), (<char *>&event)[:sizeof(event)],
            (<char *>self.levels)[:count * sizeof(hp_level_t)],
        )
