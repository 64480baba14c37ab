"""The Python face of market codecs: what tests, tools and the cold side ask of any of them.

Owns:    the function table's place, levels for the entry points, the reader's life.
Refuses: the venue's state: a subclass makes it, fills the table, and frees it.

A lane takes the table through `capsule` (named "hp_codec_t") and keeps the object alive beside it.
"""

from cpython.pycapsule cimport PyCapsule_New
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from hotpath.decode.json cimport event_as_dict

from hotpath.decode.json import Status

PAD = bytes(HP_FRAME_PAD_BYTES)


cdef class MarketCodec:
    """Instruments, both readers, counters.  Not to be shared between threads."""

    def __cinit__(self, Reader reader=None, **options):
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
    def name(self):
        """The venue."""
        return self.table.name.decode()

    @property
    def counters(self):
        """Count frames by status of decode(), and those that only the general reader knew."""
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

    def put_instrument(self, symbol, id, price_decimals, size_decimals, *,
                       contract=HP_CONTRACT_LINEAR, multiplier_e8=100000000):
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
        record.contract = contract
        record.multiplier_e8 = multiplier_e8
        record.scale_known = 1
        return self.table.put_instrument(self.table.state, &record) == 1

    cdef tuple answer(self, bytes data, bint general):
        """Return (Status, [event as a dict, ...])."""
        cdef hp_event_t event
        cdef bytes padded = data + PAD
        cdef int status
        memset(&event, 0, sizeof(event))
        if general:
            status = self.table.decode_general(
                self.table.state, padded, len(data), &event, self.levels)
        else:
            status = self.table.decode(self.table.state, padded, len(data), &event, self.levels)
        if status != HP_DECODE_EVENT:
            return Status(status), []
        out = [event_as_dict(&event, self.levels)]
        while event.flags & HP_EVENT_MORE and self.table.next(self.table.state, &event):
            out.append(event_as_dict(&event, self.levels))
        return Status(status), out

    def decode(self, bytes data not None):
        """Return (Status, the frame's first event as a dict or None), shape scanner first."""
        status, events = self.answer(data, False)
        return status, events[0] if events else None

    def decode_general(self, bytes data not None):
        """Return the same by the general reader alone."""
        status, events = self.answer(data, True)
        return status, events[0] if events else None

    def decode_all(self, bytes data not None, bint general=False):
        """Return (Status, [every event of the frame])."""
        return self.answer(data, general)

    def decode_snapshot(self, int instrument, bytes data not None):
        """Return (Status, event or None) for a REST depth body of a known instrument."""
        cdef hp_event_t event
        cdef bytes padded = data + PAD
        memset(&event, 0, sizeof(event))
        status = self.table.decode_snapshot(
            self.table.state, instrument, padded, len(data), &event, self.levels
        )
        if status != HP_DECODE_EVENT:
            return Status(status), None
        return Status(status), event_as_dict(&event, self.levels)

    cdef tuple bytes_of(self, bytes padded, size_t size, bint general):
        cdef hp_event_t event
        cdef int status
        cdef size_t count
        memset(&event, 0, sizeof(event))
        if general:
            status = self.table.decode_general(self.table.state, padded, size, &event, self.levels)
        else:
            status = self.table.decode(self.table.state, padded, size, &event, self.levels)
        if status != HP_DECODE_EVENT:
            return Status(status), b"", b""
        count = event.bid_count + event.ask_count
        levels = (<char *>self.levels)[:count * sizeof(hp_level_t)]
        events = []
        while True:
            more = event.flags & HP_EVENT_MORE
            event.flags &= <int>~HP_EVENT_FALLBACK & 0xff
            events.append((<char *>&event)[:sizeof(event)])
            if not more or not self.table.next(self.table.state, &event):
                return Status(status), b"".join(events), levels

    def decode_bytes(self, bytes data not None, bint general=False):
        """Return (Status, event records, level records) as bytes; the fallback flag is cleared."""
        return self.bytes_of(data + PAD, len(data), general)

    def decode_inside(self, bytes data not None, bytes behind not None):
        """Return the same for a frame that lies in a buffer before `behind`, 64 bytes or more."""
        if len(behind) < HP_FRAME_PAD_BYTES:
            raise ValueError(f"{len(behind)} bytes behind; want at least {HP_FRAME_PAD_BYTES}")
        return self.bytes_of(data + behind, len(data), False)
