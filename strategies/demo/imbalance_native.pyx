"""The demo strategy in Cython: the same rules and parameters as strategies/demo/imbalance.py.

A test feeds both the same capture and compares every intent.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from hotpath.abi.intent cimport HP_SIDE_BUY, HP_SIDE_SELL
from hotpath.lane.core cimport hp_l2_ask_ticks, hp_l2_bid_ticks, hp_l2_imbalance_bps
from hotpath.lane.strategy cimport Book, Strategy

from hotpath.lane.strategy import Param


cdef class ImbalanceNative(Strategy):
    """Join the heavier side of the touch; long or flat."""

    depth = Param(5, minimum=1, maximum=20, doc="levels per side that are weighed")
    threshold_bps = Param(6000, minimum=5000, maximum=10000, doc="share of the bid that counts as heavy")
    size_lots = Param(5, minimum=1, maximum=1_000_000, doc="lots of an entry")
    ttl_ms = Param(500, minimum=1, maximum=60_000, doc="life of a resting order")

    cdef uint32_t c_depth
    cdef int64_t c_threshold_bps
    cdef int64_t c_size_lots
    cdef uint64_t c_ttl_ns

    cpdef on_start(self):
        self.c_depth = self.depth
        self.c_threshold_bps = self.threshold_bps
        self.c_size_lots = self.size_lots
        self.c_ttl_ns = <uint64_t>self.ttl_ms * 1000000u

    cpdef on_book(self, Book book):
        cdef uint32_t instrument = book.instrument
        cdef int64_t held, lean
        if self.working(instrument):
            return
        held = self.position(instrument)
        lean = hp_l2_imbalance_bps(&book.book.l2, self.c_depth)
        if held == 0:
            if lean > self.c_threshold_bps:
                self.place(instrument, HP_SIDE_BUY, hp_l2_bid_ticks(&book.book.l2), self.c_size_lots, True, self.c_ttl_ns)
        elif held > 0 and lean < 10000 - self.c_threshold_bps:
            self.place(instrument, HP_SIDE_SELL, hp_l2_ask_ticks(&book.book.l2), held, True, self.c_ttl_ns)
