"""The general reader as a module, and the number kernels as plain functions for tests and tools.

Owns:    the process's one copy of simdjson; readers (8 MiB of token index each, reserved once).
Refuses: venues' tables, events.
"""

from enum import IntEnum

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy, memset

from hotpath.abi.event cimport *
from hotpath.decode.general cimport hp_json_face, hp_json_face_t
from hotpath.decode.number cimport *


class Status(IntEnum):
    """enum hp_decode."""

    REFUSED = HP_DECODE_REFUSED
    EVENT = HP_DECODE_EVENT
    CONTROL = HP_DECODE_CONTROL
    UNKNOWN_KIND = HP_DECODE_UNKNOWN_KIND
    UNKNOWN_SYMBOL = HP_DECODE_UNKNOWN_SYMBOL
    FINER = HP_DECODE_FINER
    MALFORMED = HP_DECODE_MALFORMED
    TOO_LARGE = HP_DECODE_TOO_LARGE
    TYPE = HP_DECODE_TYPE
    DUPLICATE = HP_DECODE_DUPLICATE
    MISSING = HP_DECODE_MISSING
    NUMBER = HP_DECODE_NUMBER
    LEVELS = HP_DECODE_LEVELS


class Kind(IntEnum):
    """enum hp_event_kind."""

    NONE = HP_EVENT_NONE
    DEPTH = HP_EVENT_DEPTH
    SNAPSHOT = HP_EVENT_SNAPSHOT
    BOOK_TICKER = HP_EVENT_BOOK_TICKER
    AGG_TRADE = HP_EVENT_AGG_TRADE
    TRADE = HP_EVENT_TRADE
    MARK_PRICE = HP_EVENT_MARK_PRICE


cdef const hp_json_face_t *face() noexcept nogil:
    return hp_json_face()


cdef class Reader:
    """A general reader; codecs of one lane may share it."""

    def __cinit__(self):
        self.reader = face().open(HP_FRAME_BYTES_MAX)
        if self.reader == NULL:
            raise MemoryError("general reader")

    def __dealloc__(self):
        if self.reader != NULL:
            face().close(self.reader)


cdef dict event_as_dict(const hp_event_t *event, const hp_levels_t *levels):
    """Show an event to Python, levels as (ticks, lots)."""
    cdef uint32_t i
    cdef uint32_t bids = event.bid_count
    out = {
        "kind": Kind(event.kind), "instrument": event.instrument,
        "fallback": bool(event.flags & HP_EVENT_FALLBACK),
        "event_ns": event.event_ns, "match_ns": event.match_ns,
    }
    if event.kind == HP_EVENT_DEPTH or event.kind == HP_EVENT_SNAPSHOT:
        out["first_id"], out["last_id"] = event.first_id, event.last_id
        out["prev_id"] = event.prev_id
        both = [(levels.at[i].price_ticks, levels.at[i].lots) for i in range(bids + event.ask_count)]
        out["bids"], out["asks"] = both[:bids], both[bids:]
        if event.body.depth.has_checksum:
            out["checksum"] = event.body.depth.checksum
    elif event.kind == HP_EVENT_BOOK_TICKER:
        out["last_id"] = event.last_id
        out["bid_ticks"], out["bid_lots"] = event.body.top.bid_ticks, event.body.top.bid_lots
        out["ask_ticks"], out["ask_lots"] = event.body.top.ask_ticks, event.body.top.ask_lots
    elif event.kind == HP_EVENT_MARK_PRICE:
        values = {
            HP_MARK_PRICE: ("mark_e8", event.body.mark.mark_e8),
            HP_MARK_INDEX: ("index_e8", event.body.mark.index_e8),
            HP_MARK_SETTLE: ("settle_e8", event.body.mark.settle_e8),
            HP_MARK_FUNDING: ("funding_e8", event.body.mark.funding_e8),
            HP_MARK_NEXT_FUNDING: ("next_funding_ns", event.body.mark.next_funding_ns),
        }
        out.update(said for bit, said in values.items() if event.body.mark.has & bit)
    else:
        out["first_id"], out["last_id"] = event.first_id, event.last_id
        out["trade_id"] = event.body.trade.trade_id
        out["price_ticks"], out["lots"] = event.body.trade.price_ticks, event.body.trade.lots
        out["buyer_maker"] = bool(event.flags & HP_EVENT_BUYER_MAKER)
    return out


def kernel():
    """Name the instruction set that simdjson chose on this machine."""
    return face().kernel().decode()


def read_decimal(bytes text not None, int decimals):
    """Return (status, value, decimals needed) of the number specification."""
    cdef int64_t value = 0
    cdef int needed = 0
    cdef int status = hp_decimal_read(text, len(text), decimals, &value, &needed)
    return status, value, needed


def read_whole(bytes text not None):
    """Return (bytes read, value) of the whole number that text starts with; 0 bytes = none."""
    cdef int64_t value = 0
    cdef size_t size = hp_whole_read(text, len(text), &value)
    return size, value


cdef int padded(bytes text, char *to) except 0:
    if len(text) > 64:
        raise ValueError(f"text of {len(text)} bytes; want at most 64")
    memset(to, 0, 128)
    memcpy(to, <const char *>text, len(text))
    return 1


def scan_decimal(bytes text not None, int decimals):
    """Return the value of the 16-byte kernel, None when it is not plain; the text has its quote."""
    cdef char buffer[128]
    cdef hp_patterns_t patterns
    cdef hp_scale_t scale
    cdef int64_t value = 0
    padded(text, buffer)
    hp_patterns_set(&patterns, decimals)
    scale.patterns = &patterns
    scale.decimals = decimals
    return value if hp_decimal_one(buffer, &scale, &value) else None


def scan_whole(bytes text not None):
    """Return (digits, value) of the 16-byte kernel; 0 digits = not plain."""
    cdef char buffer[128]
    padded(text, buffer)
    cdef hp_whole_t whole = hp_whole_scan(buffer)
    if whole.size == 0:
        return 0, 0
    return whole.size, hp_whole_one(whole)
