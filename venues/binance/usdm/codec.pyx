"""Binance USD-M futures, the hot half: bytes to events and reports, requests to bytes.

Owns:    the state of one codec; requests and reports as Python sees them.
Refuses: sessions, REST, keys, clocks (session.py, reference.py); venue rules beyond the bytes;
         entry points of the market half (hotpath/decode/market.pyx).
"""

from libc.stdlib cimport calloc, free
from libc.string cimport memset

from hotpath.decode.json cimport face

from hotpath.decode.json import Status
from hotpath.decode.market import PAD


cdef class Codec(MarketCodec):
    """One codec: instruments, both readers, counters.  Not to be shared between threads."""

    def __cinit__(self, Reader reader=None, prefix=""):
        cdef bytes text = prefix.encode()
        self.state = <usdm_state_t *>calloc(1, sizeof(usdm_state_t))
        if self.state == NULL:
            raise MemoryError("codec")
        if not usdm_open(self.state, face(), self.reader.reader):
            raise MemoryError("codec: field tables")
        if not usdm_set_prefix(self.state, text, len(text)):
            raise ValueError(
                f"client order id prefix is {prefix!r}; want at most 12 of [.A-Z:/a-z0-9_-]"
            )
        usdm_table(self.state, &self.table)
        self.market = &self.state.family.market

    def __dealloc__(self):
        if self.state != NULL:
            usdm_close(self.state)
        free(self.state)

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
        "request_id": report.request_id, "quota": report.quota, "quota_s": report.quota_s,
        "quota_limit": report.quota_limit, "quota_used": report.quota_used, "stop_ms": report.stop_ms,
    }
    return {"kind": report.kind, **{name: value for name, value in fields.items() if value}}


def request_name(int kind, uint64_t client_id, uint64_t request_id):
    """Return the id text of a request; a logon that is named so is known by its answer."""
    cdef char text[USDM_REQUEST_TEXT_MAX]
    if not HP_REQUEST_PLACE <= kind <= HP_REQUEST_REPLACE:
        raise ValueError(f"request kind is {kind}; want {HP_REQUEST_PLACE}..{HP_REQUEST_REPLACE}")
    return text[:usdm_put_request(text, kind, client_id, request_id) - text].decode()
