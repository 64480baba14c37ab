"""Binance USD-M futures, the hot half: bytes to events and reports, requests to bytes.

Owns:    the state of one codec and the function table that a lane gets.
Refuses: sessions, REST, keys, clocks (session.py, reference.py); venue rules beyond the bytes.

A lane takes the table through `capsule` (named "hp_codec_t") and keeps the Codec alive beside it.
"""

from cpython.pycapsule cimport PyCapsule_New
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from hotpath.decode.json cimport event_as_dict, face

from hotpath.decode.json import Status

PAD = bytes(HP_FRAME_PAD_BYTES)


cdef class Codec:
    """One codec: instruments, both readers, counters.  Not to be shared between threads."""

    def __cinit__(self, Reader reader=None, prefix=""):
        cdef bytes text = prefix.encode()
        self.reader = Reader() if reader is None else reader
        self.state = <usdm_state_t *>calloc(1, sizeof(usdm_state_t))
        self.levels = <hp_levels_t *>calloc(1, sizeof(hp_levels_t))
        if self.state == NULL or self.levels == NULL:
            raise MemoryError("codec")
        if not usdm_open(self.state, face(), self.reader.reader):
            raise MemoryError("codec: field tables")
        if not usdm_set_prefix(self.state, text, len(text)):
            raise ValueError(
                f"client order id prefix is {prefix!r}; want at most 12 of [.A-Z:/a-z0-9_-]"
            )
        usdm_table(self.state, &self.table)

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
        return self.table.put_instrument(self.state, &record) == 1

    cdef tuple answer(self, int status, const hp_event_t *event):
        if status != HP_DECODE_EVENT:
            return Status(status), None
        return Status(status), event_as_dict(event, self.levels)

    def decode(self, bytes data not None):
        """Return (Status, event as a dict or None), shape scanner first."""
        cdef hp_event_t event
        memset(&event, 0, sizeof(event))
        cdef bytes padded = data + PAD
        status = self.table.decode(self.state, padded, len(data), &event, self.levels)
        return self.answer(status, &event)

    def decode_general(self, bytes data not None):
        """Return the same by the general reader alone."""
        cdef hp_event_t event
        memset(&event, 0, sizeof(event))
        cdef bytes padded = data + PAD
        status = self.table.decode_general(self.state, padded, len(data), &event, self.levels)
        return self.answer(status, &event)

    def decode_snapshot(self, int instrument, bytes data not None):
        """Return the same for a REST depth body of a known instrument."""
        cdef hp_event_t event
        memset(&event, 0, sizeof(event))
        cdef bytes padded = data + PAD
        status = self.table.decode_snapshot(
            self.state, instrument, padded, len(data), &event, self.levels
        )
        return self.answer(status, &event)

    cdef tuple bytes_of(self, bytes padded, size_t size, bint general):
        cdef hp_event_t event
        cdef int status
        memset(&event, 0, sizeof(event))
        if general:
            status = self.table.decode_general(self.state, padded, size, &event, self.levels)
        else:
            status = self.table.decode(self.state, padded, size, &event, self.levels)
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

    def put_asset(self, text, id):
        """Name an asset of fees and balances; False when the table is full or the name is none."""
        cdef bytes name = text.encode()
        return usdm_put_asset(self.state, name, len(name), id) == 1

    def encode(self, **fields):
        """Return the text of a request (fields of hp_request_t), b"" when it cannot be said."""
        cdef hp_request_t request
        cdef char text[HP_REQUEST_BYTES_MAX]
        memset(&request, 0, sizeof(request))
        request.request_id = fields.pop("request_id", 0)
        request.client_id = fields.pop("client_id", 0)
        request.venue_id = fields.pop("venue_id", 0)
        request.timestamp_ms = fields.pop("timestamp_ms", 0)
        request.deadline_ms = fields.pop("deadline_ms", 0)
        request.instrument = fields.pop("instrument", 0)
        request.kind = fields.pop("kind", 0)
        request.side = fields.pop("side", 0)
        request.position_side = fields.pop("position_side", 0)
        request.type = fields.pop("type", 0)
        request.time_in_force = fields.pop("time_in_force", 0)
        request.post_only = fields.pop("post_only", 0)
        request.reduce_only = fields.pop("reduce_only", 0)
        request.self_trade_mode = fields.pop("self_trade_mode", 0)
        request.price_ticks = fields.pop("price_ticks", 0)
        request.lots = fields.pop("lots", 0)
        if fields:
            raise TypeError(f"encode() has no field {', '.join(fields)}")
        cdef size_t size = self.table.encode(self.state, &request, text, sizeof(text))
        return text[:size]

    def decode_reports(self, bytes data not None, int most=64):
        """Return the reports of a frame as dicts, or the Status that refuses it."""
        cdef bytes padded = data + PAD
        cdef size_t room = most if most > 0 else 1
        cdef hp_report_t *reports = <hp_report_t *>calloc(room, sizeof(hp_report_t))
        if reports == NULL:
            raise MemoryError("reports")
        try:
            count = self.table.decode_reports(self.state, padded, len(data), reports, most)
            if count < 0:
                return Status(-count)
            return [report_as_dict(&reports[n]) for n in range(count)]
        finally:
            free(reports)


cdef dict report_as_dict(const hp_report_t *report):
    """Show a report to Python: the kind, and what is not zero."""
    fields = {
        "state": report.state, "side": report.side, "position_side": report.position_side,
        "error": report.error, "is_maker": report.is_maker, "foreign": report.foreign,
        "request": report.request, "venue_error": report.venue_error,
        "instrument": report.instrument, "asset": report.asset, "client_id": report.client_id,
        "venue_id": report.venue_id, "trade_id": report.trade_id, "price_ticks": report.price_ticks,
        "lots": report.lots, "last_ticks": report.last_ticks, "last_lots": report.last_lots,
        "cum_lots": report.cum_lots, "fee_e8": report.fee_e8, "pnl_e8": report.pnl_e8,
        "position_lots": report.position_lots, "entry_e8": report.entry_e8,
        "balance_e8": report.balance_e8, "event_ns": report.event_ns, "match_ns": report.match_ns,
        "request_id": report.request_id,
    }
    return {"kind": report.kind, **{name: value for name, value in fields.items() if value}}


def request_name(int kind, uint64_t client_id, uint64_t request_id):
    """Return the id text of a request; a logon that is named so is known by its answer."""
    cdef char text[USDM_REQUEST_TEXT_MAX]
    if not HP_REQUEST_PLACE <= kind <= HP_REQUEST_REPLACE:
        raise ValueError(f"request kind is {kind}; want {HP_REQUEST_PLACE}..{HP_REQUEST_REPLACE}")
    return text[:usdm_put_request(text, kind, client_id, request_id) - text].decode()
