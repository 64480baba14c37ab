# view.pyx - what strategies and tools read of a book, owned or a lane's.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from hotpath.book.sync cimport hp_book_t

cdef class BookView:
    cdef hp_book_t *book              # whoever made the view keeps it alive
    cdef readonly uint32_t instrument

    cpdef int64_t imbalance_bps(self, uint64_t levels) noexcept
    cpdef bint knows(self, uint64_t levels) noexcept
    cpdef int64_t bid_lots_at(self, int64_t ticks) noexcept
    cpdef int64_t ask_lots_at(self, int64_t ticks) noexcept
    cpdef int64_t buy_vwap_e4(self, int64_t lots) noexcept
    cpdef int64_t sell_vwap_e4(self, int64_t lots) noexcept
    cpdef uint64_t bid_level_since_ns(self, int64_t ticks) noexcept
    cpdef uint64_t ask_level_since_ns(self, int64_t ticks) noexcept
