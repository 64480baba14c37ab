# strategy.pxd - the base of all strategies and what its callbacks are handed.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from hotpath.abi.event cimport hp_event_t
from hotpath.abi.feed cimport hp_feed_event_t
from hotpath.abi.instrument cimport hp_instrument_t
from hotpath.abi.order cimport hp_order_t, hp_report_t
from hotpath.abi.verdict cimport hp_verdict_t
from hotpath.book.view cimport BookView as Book
from hotpath.lane.core cimport hp_lane_t


cdef class Event:
    cdef hp_event_t event


cdef class Order:
    cdef hp_order_t order
    cdef hp_verdict_t answer


cdef class Fill:
    cdef hp_report_t report
    cdef hp_order_t order


cdef class Feed:
    cdef hp_feed_event_t said


cdef class Strategy:
    cdef hp_lane_t *lane
    cdef readonly uint32_t id
    cdef readonly uint32_t account
    cdef public dict _values          # parameters by name
    cdef readonly object error        # traceback text of the exception that halted it, or None
    cdef list _books                  # by instrument id
    cdef Event _event
    cdef Order _order
    cdef Fill _fill
    cdef Feed _feed
    cdef object _py_on_book           # bound method of a Python subclass: no look-up per call

    # Callbacks; none is ever called from inside another.
    cpdef on_start(self)
    cpdef on_book(self, Book book)
    cpdef on_top(self, Event top)
    cpdef on_trade(self, Event trade)
    cpdef on_mark(self, Event mark)
    cpdef on_order(self, Order order)
    cpdef on_fill(self, Fill fill)
    cpdef on_timer(self, uint64_t now_ns)
    cpdef on_feed(self, Feed feed)
    cpdef on_missed(self, Event trade)
    cpdef on_stop(self)

    # The fast forms, for Cython strategies: an intent id, 0 = refused.
    cdef uint64_t place(self, uint32_t instrument, uint8_t side, int64_t price_ticks, int64_t lots,
                        bint post_only, uint64_t ttl_ns) noexcept
    cdef uint64_t replace_at(self, uint64_t client_id, int64_t price_ticks, int64_t lots, uint64_t ttl_ns) noexcept
    cpdef int64_t position(self, uint32_t instrument) noexcept
    cpdef uint32_t working(self, uint32_t instrument) noexcept
    cpdef bint flat(self, uint32_t instrument) noexcept

    cdef object _place(self, uint8_t side, uint32_t instrument, price, size, price_ticks, lots, bint post_only,
                       bint reduce_only, ttl_ms, str tif, str position_side, str layer, queue, tries)
    cdef uint64_t _about_order(self, uint8_t kind, uint64_t client_id, uint8_t reason, uint64_t ttl_ns, uint8_t layer,
                               uint32_t queue) except? 0
    cdef hp_instrument_t *_about(self, uint32_t instrument) except NULL
    cdef object _scaled(self, uint32_t instrument, value, int decimals, str what)
    cdef void bind(self, hp_lane_t *lane, uint32_t strategy_id, uint32_t account) except *
    cdef void fail(self) noexcept
