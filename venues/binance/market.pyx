"""The market half of a Binance codec, from Python: bytes to events, counters, instruments.

Owns:    the entry points that all members of the family share.
Refuses: the state itself (a member's codec.pyx makes it), orders, sessions.

A lane takes the table through `capsule` (named "hp_codec_t") and keeps the codec alive beside it.
"""

from cpython.pycapsule cimport PyCapsule_New
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from hotpath.decode.json cimport event_as_dict

from hotpath.decode.json import Status

PAD = bytes(HP_FRAME_PAD_BYTES)


cdef class MarketCodec:
    """Instruments, both readers, counters.  Not to be shared between threads."""

    def __cinit__(self, Reader reader=None, *_, **__):
        self.reader = Reader() if reader is None else reader
        self.levels = <hp_levels_t *>calloc(1, sizeof(hp_levels_t))
        if self.levels == NULL:
            raise MemoryError("codec")

    def __dealloc__(self):
        free(self.levels)

    cdef hp_codec_t *codec(self) noexcept nogil:
        return &self.table

    @property
    def capsule(self):
        """The function table for a lane; valid while this object lives."""
        return PyCapsule_New(&self.table, "hp_codec_t", NULL)

    @property
    def sequence_rule(self):
        """The rule of its books: enum hp_sequence_rule."""
        return self.table.sequence_rule

    @property
    def counters(self):
        """Count frames by status of decode(), and events that only the general reader knew."""
        out = {status.name: self.market.status_count[status.value] for status in Status}
        out["fallbacks"] = self.market.fallback_count
        return out

    @property
    def finer(self):
        """After FINER: (instrument, price decimals, size decimals) that are needed."""
        return self.market.finer_instrument, self.market.finer_price, self.market.finer_size

    @property
    def symbol(self):
        """After UNKNOWN_SYMBOL: its text."""
        return self.market.symbol_text[:self.market.symbol_size]

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
        record.contract = self.contract
        record.multiplier_e8 = 100000000
        record.scale_known = 1
        return self.table.put_instrument(self.table.state, &record) == 1

    cdef tuple answer(self, int status, const hp_event_t *event):
        if status != HP_DECODE_EVENT:
            return Status(status), None
        return Status(status), event_as_dict(event, self.levels)

    def decode(self, bytes data not None):
        """Return (Status, event as a dict or None), shape scanner first."""
        cdef hp_event_t event
        memset(&event, 0, sizeof(event))
        cdef bytes padded = data + PAD
        status = self.table.decode(self.table.state, padded, len(data), &event, self.levels)
        return self.answer(status, &event)

    def decode_general(self, bytes data not None):
        """Return the same by the general reader alone."""
        cdef hp_event_t event
        memset(&event, 0, sizeof(event))
        cdef bytes padded = data + PAD
        status = self.table.decode_general(self.table.state, padded, len(data), &event, self.levels)
        return self.answer(status, &event)

    def decode_snapshot(self, int instrument, bytes data not None):
        """Return the same for a REST depth body of a known instrument."""
        cdef hp_event_t event
        memset(&event, 0, sizeof(event))
        cdef bytes padded = data + PAD
        status = self.table.decode_snapshot(
            self.table.state, instrument, padded, len(data), &event, self.levels
        )
        return self.answer(status, &event)

    cdef tuple bytes_of(self, bytes padded, size_t size, bint general):
        cdef hp_event_t event
        cdef int status
        memset(&event, 0, sizeof(event))
        if general:
            status = self.table.decode_general(self.table.state, padded, size, &event, self.levels)
        else:
            status = self.table.decode(self.table.state, padded, size, &event, self.levels)
        if status != HP_DECODE_EVENT:
            return Status(status), b"", b""
        event.flags &= <int>~HP_EVENT_FALLBACK & 0xff
        cdef size_t count = event.bid_count + event.ask_count
        return (
            Status(status), (<char *>&event)[:sizeof(event)],
            (<char *>self.levels)[:count * sizeof(hp_level_t)],
        )

    def decode_bytes(self, bytes data not None, bint general=False):
        """Return (Status, event record, level records) as bytes; the fallback flag is cleared."""
        return self.bytes_of(data + PAD, len(data), general)

    def decode_inside(self, bytes data not None, bytes behind not None):
        """Return the same for a frame that lies in a buffer before `behind`, 64 bytes or more."""
        if len(behind) < HP_FRAME_PAD_BYTES:
            raise ValueError(f"{len(behind)} bytes behind; want at least {HP_FRAME_PAD_BYTES}")
        return self.bytes_of(data + behind, len(data), False)
